/* What the fixed-step methods share: a run over a grid in one workspace. Private to this folder. */
#ifndef PF_ODE_ODE_INTERNAL_H
#define PF_ODE_ODE_INTERNAL_H

#include "ode.h"

/* What one run works with: `state` moves, `block` holds the stages. */
typedef struct pf_ode_run {
  const pf_ode_system *system;
  const pf_ode_options *options;
  pf_ode_grid grid;
  const void *rule; /* tableau, exponential rule or solver options */
  size_t size;      /* n * d */
  double *state, *block;
  int k; /* the step it is in */
} pf_ode_run;

/* Moves run->state from t to s. */
typedef pf_status pf_ode_step(const pf_ode_run *run, double t, double s, pf_error *error);

/* v = f(t, x) of the run's field */
pf_status pf_ode_evaluate(const pf_ode_run *run, double t, const double *x, double *v, pf_error *error);

/* Runs on a copy of x in a workspace of 1 + blocks arrays, so that a failure leaves x alone. */
pf_status pf_ode_integrate(pf_ode_run *run, pf_ode_step *step, int blocks, double *x, pf_error *error);

/* local_linear.c; the rule is a pf_solver_options. */
pf_ode_step pf_local_linear_step;
/* Its arrays beside the state. */
int pf_local_linear_blocks(int d);

#endif
