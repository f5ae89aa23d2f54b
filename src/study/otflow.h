/* The experiments of `verify otflow --rates` (arXiv 2006.00104 and 2403.16208), and what they fit with.
 *
 *   J = alpha C + L + beta R      C negative log-likelihood, L transport cost, R Hamilton-Jacobi-Bellman residual
 *   P_alpha = min over laws mu of W2^2(rho_0, mu)/2 + alpha KL(mu || N(0,I)) = min J - alpha H(rho_0)
 */
#ifndef PF_STUDY_OTFLOW_H
#define PF_STUDY_OTFLOW_H

#include "../verify/otflow_line.h"
#include "flows.h"

extern const pf_experiment_plan pf_otflow_alpha, pf_otflow_samples, pf_otflow_size, pf_otflow_jko_identity;

/* J and its parts over weighted rows (weight NULL: equal), x: n x d, in double with `steps` Runge-Kutta steps. row_loss (may
 * be NULL) receives the loss of every row. */
typedef struct pf_otflow_value {
  double nll, cost, hjb, total;
} pf_otflow_value;
typedef struct pf_otflow_rows {
  int64_t n;
  const double *x, *weight;
} pf_otflow_rows;
pf_status pf_otflow_value_of(const pf_flow_settings *settings, const float *params, int steps,
                             pf_otflow_rows rows, pf_otflow_value *out, double *row_loss, pf_error *error);

/* A fit to rows from fresh weights: several short fits, of which the one with the smallest J on `judge` goes on. The claims are
 * about minimisers, and some initial weights take many times as many steps to come near one. */
typedef struct pf_otflow_fit {
  pf_flow_settings settings;
  int64_t steps;
  int starts;
  int64_t n; /* settings.batch == n: every step takes all rows */
  const float *rows;
  pf_otflow_rows judge;
} pf_otflow_fit;
/* *params: pf_free. */
pf_status pf_otflow_fit_fresh(pf_verify_run *lab, const pf_otflow_fit *fit, float **params, pf_error *error);

/* The two-mode law of the experiments, half N(-1.5, 1/4) and half N(1.5, 1/4), with P_alpha by convex minimisation. */
typedef struct pf_otflow_two_modes {
  pf_mixture *mixture;
  double entropy;
  double least_cost, least_kl; /* at the minimiser of P_alpha */
  pf_flows_points points;
} pf_otflow_two_modes;
pf_status pf_otflow_two_modes_open(double alpha, pf_otflow_two_modes *out, pf_error *error);
void pf_otflow_two_modes_close(pf_otflow_two_modes *law);
/* n rows that stand for it, quantile by quantile. */
void pf_otflow_two_modes_rows(const pf_otflow_two_modes *law, int n, float *rows);

#endif
