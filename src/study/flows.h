/* What the studies of flows with likelihood (jko, otflow) share. */
#ifndef PF_STUDY_FLOWS_H
#define PF_STUDY_FLOWS_H

#include "../data/mixture.h"
#include "../verify/jko_chain.h"
#include "study.h"

/* A laboratory of verify inside a cell: one thread, the cell's own seed and hooks. Nothing is added to its result. */
pf_verify_run pf_flows_lab(const pf_cell_run *run);

/* A chain of `blocks` blocks on the line in that laboratory: that of `verify jko`, but with tanh and the best weights of a block.
 * A bounded velocity cannot run away where there are no rows: a mass of 1e-3 lies beyond the outermost, and a chain of linear
 * extrapolations may send it far enough to be all of KL. */
pf_jko_chain pf_flows_chain(pf_verify_run *lab, int blocks, int64_t steps);

/* Slope of ln y over x itself, not over ln x: the rate of y = factor exp(rate x). */
pf_estimate pf_flows_rate(const double *x, const double *y, int n);

/* x with P(X <= x) = p under a mixture of one column. */
double pf_flows_mixture_quantile(const pf_mixture *mixture, double p);
/* P(Z <= u) under N(0,1). */
double pf_flows_normal_cdf(double u);

/* A one-dimensional mixture as PF_FLOWS_NODES points and weights, exact to rounding for what is smooth: per component, a
 * uniform grid of +-6 standard deviations. */
enum { PF_FLOWS_GRID = 301, PF_FLOWS_NODES = 2 * PF_FLOWS_GRID };
typedef struct pf_flows_points {
  double x[PF_FLOWS_NODES], weight[PF_FLOWS_NODES];
} pf_flows_points;
/* The mixture must have two components of one column. */
void pf_flows_mixture_points(const pf_mixture *mixture, pf_flows_points *out);
/* Half N(-mean, sd^2), half N(mean, sd^2). pf_mixture_free. */
pf_status pf_flows_two_modes(double mean, double sd, pf_mixture **out, pf_error *error);

#endif
