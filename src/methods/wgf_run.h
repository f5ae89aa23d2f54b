/* A training along a Wasserstein gradient flow under way: what wgf_run.c, wgf_watch.c and wgf_model.c share. */
#ifndef PF_METHODS_WGF_RUN_H
#define PF_METHODS_WGF_RUN_H

#include "wgf.h"

/* What a user is warned of, once each. */
#define PF_WGF_WARNINGS(X)                                                                                   \
  X(COLLAPSED, "collapse", "the samples have collapsed: the spread of a column is below 2 % of the data's")  \
  X(DIVERGED, "divergence", "the samples diverge: the spread of a column is over 20 times the data's")       \
  X(FLAT, "flat critic", "the critic is flat at the samples: nothing moves any more")                        \
  X(SATURATED, "saturated critic", "over 95 % of the critic's weights lie at the bound of clip")

typedef enum pf_wgf_warning {
#define PF_X(id, name, text) PF_WGF_##id,
  PF_WGF_WARNINGS(PF_X)
#undef PF_X
      PF_WGF_WARNING_COUNT
} pf_wgf_warning;

typedef struct pf_wgf_run {
  pf_training *training;
  pf_wgf w;
  pf_wgf_rows rows;
  pf_layout generator_layout, critic_layout;
  pf_fit_state generator, critic;
  pf_objective generator_objective, critic_objective;
  pf_fit *generator_fit, *critic_fit;
  pf_graph *move_graph, *risk_graph;
  pf_batch *move, *risk;   /* risk: the critic on its next batch, for the cumulant loss */
  float *z, *y, *target;   /* batch x d: noise, samples, what they should become */
  float *temper;           /* batch */
  float *risk_rows;        /* 2 x batch */
  double *points;          /* 3 x batch x d: samples, data and gradient of a plan */
  float eps, log_means[2]; /* inputs of graphs */
  int64_t iteration, plan; /* registered: done, and in all */
  int64_t warned;          /* registered: bits of pf_wgf_warning */
  double slope;            /* registered: mean |y - zeta| / eps of the last iteration */
  int critic_curve, generator_curve, slope_curve, w1_curve, energy_curve;
} pf_wgf_run;

/* pf_training_sampler: samples of the averaged generator; context is a pf_wgf_run. */
pf_status pf_wgf_sample(void *context, pf_rows rows, float *x, pf_error *error);
/* After an iteration: records curves where they are due, and warns. */
pf_status pf_wgf_watch(pf_wgf_run *run, pf_error *error);
/* Held-out W1 and energy distance as points of their curves; a part of the above, which a budget plans for. */
pf_status pf_wgf_record_quality(pf_wgf_run *run, pf_error *error);

/* The averaged generator as a map that needs no time. */
pf_status pf_wgf_plain_map(const pf_wgf_run *run, pf_learned **out, pf_error *error);
pf_status pf_wgf_model(pf_wgf_run *run, struct pf_model **out, pf_error *error);
/* "collapse": as in the model's facts. */
const char *pf_wgf_warning_name(pf_wgf_warning warning);

#endif
