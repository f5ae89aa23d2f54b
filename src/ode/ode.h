/* Ordinary differential equations x' = f(t, x) for a batch of rows.
 *
 * Fixed-step Runge-Kutta from one table (upper layers unroll the same tableaux into graphs), the exponential
 * (denoiser) step, and adaptive Dormand-Prince through SUNDIALS ARKODE. The right-hand side is a callback:
 * this layer knows neither networks nor interpolants. Single-threaded: callers cut a batch into lanes. A NaN
 * or infinity anywhere is PF_NON_FINITE naming t and the row, never a result.
 */
#ifndef PF_ODE_ODE_H
#define PF_ODE_ODE_H

#include "../base/status.h"

/* v = f(t, x) for n rows; x and v are n x d (d as in the system the field belongs to), no overlap. The rows
 * may be a contiguous part of the batch. */
typedef pf_status pf_ode_field(void *context, double t, const double *x, int64_t n, double *v,
                               pf_error *error);

typedef struct pf_ode_system {
  pf_ode_field *field;
  void *context;
  int64_t n; /* rows */
  int d;     /* columns */
} pf_ode_system;

/* ---- tableaux ---- */
typedef enum pf_ode_method {
#define PF_TABLEAU(NAME, name, order, stages, a, b, c) PF_ODE_##NAME,
#include "tableaux.def"
#undef PF_TABLEAU
  PF_ODE_METHOD_COUNT
} pf_ode_method;

enum { PF_TABLEAU_MAX_STAGES = 4 };

typedef struct pf_tableau {
  const char *name;
  int order, stages;
  double a[PF_TABLEAU_MAX_STAGES][PF_TABLEAU_MAX_STAGES]; /* strictly lower triangular */
  double b[PF_TABLEAU_MAX_STAGES];
  double c[PF_TABLEAU_MAX_STAGES];
} pf_tableau;

const pf_tableau *pf_tableau_of(pf_ode_method method);
/* PF_USAGE listing the valid names. */
pf_status pf_ode_method_find(const char *name, pf_ode_method *out, pf_error *error);

/* ---- fixed steps ---- */
/* t[0..steps] are the nodes, strictly monotone (either direction); steps >= 1. */
typedef struct pf_ode_grid {
  const double *t;
  int steps;
} pf_ode_grid;

/* Fills t[0..steps] with t0 + (t1 - t0) k / steps; both ends exact. */
void pf_ode_uniform_grid(double t0, double t1, int steps, double *t);

/* Scratch kept between calls. Start with {0}; grows as needed; pf_ode_workspace_free at the end. */
typedef struct pf_ode_workspace {
  double *data;
  size_t capacity;
} pf_ode_workspace;
void pf_ode_workspace_free(pf_ode_workspace *workspace);

/* Called at every node k = 0..steps with the state (n x d, valid during the call); a failure ends the run. */
typedef pf_status pf_ode_observe(void *context, int k, double t, const double *x, pf_error *error);

/* Optional extras; NULL or {0} means none. */
typedef struct pf_ode_options {
  pf_ode_observe *observe;
  void *observe_context;
  pf_ode_workspace *workspace;
} pf_ode_options;

/* Moves x (n x d, in and out) along the grid. On failure x is untouched. */
pf_status pf_ode_fixed(pf_ode_method method, const pf_ode_system *system, pf_ode_grid grid, double *x,
                       const pf_ode_options *options, pf_error *error);

/* The coefficients of one exponential step from t to s: x_s = a x_t + b D(t, x_t). For an interpolant alpha,
 * beta: a = alpha_s / alpha_t, b = beta_s - a beta_t (first-order DEIS = DDIM). */
typedef void pf_ode_coefficients(const void *context, double t, double s, double *a, double *b);

typedef struct pf_ode_exponential_rule {
  pf_ode_coefficients *coefficients;
  const void *context;
} pf_ode_exponential_rule;

/* As pf_ode_fixed, but system->field is the denoiser D(t, x) = E[X_1 | X_t = x]. */
pf_status pf_ode_exponential(pf_ode_exponential_rule rule, const pf_ode_system *denoiser, pf_ode_grid grid,
                             double *x, const pf_ode_options *options, pf_error *error);

/* ---- adaptive: Dormand-Prince 5(4), ARKODE ---- */
typedef struct pf_ode_adaptive_options {
  double rtol, atol; /* > 0; weighted RMS error over the elements of one tile */
  int64_t tile_rows; /* rows that share one step-size control; results do not depend on chunks cut at its
                        multiples */
  int64_t max_steps; /* per tile */
} pf_ode_adaptive_options;

/* rtol 1e-6, atol 1e-8, 256 rows, 100000 steps */
pf_ode_adaptive_options pf_ode_adaptive_default(void);

typedef struct pf_ode_adaptive_result {
  int64_t evaluations; /* field calls, all tiles */
  int64_t steps;       /* accepted steps, all tiles */
} pf_ode_adaptive_result;

typedef struct pf_ode_span {
  double t0, t1;
} pf_ode_span;

/* Moves x from t0 to t1 (either direction). result may be NULL. PF_FAILED naming t when the step limit or the
 * smallest step is reached, PF_NON_FINITE when the field returns a NaN or infinity; x is then untouched. */
pf_status pf_ode_adaptive(const pf_ode_adaptive_options *options, const pf_ode_system *system,
                          pf_ode_span span, double *x, pf_ode_adaptive_result *result, pf_error *error);

#endif
