/* Instruments for flows with likelihood: rows without sampling error, one block fitted to given rows, and a field evaluated in
 * double. */
#ifndef PF_VERIFY_BLOCKS_H
#define PF_VERIFY_BLOCKS_H

#include "../methods/flow.h"
#include "verify.h"

/* ---- rows ---- */

/* n x d rows that stand for N(0, I): quantiles (d = 1) or a lattice (d = 2), then moved to mean 0 and covariance I exactly. A
 * Gaussian's loss over affine maps depends on these moments alone, so its minimiser over the rows is that of the law. */
pf_status pf_even_normals(int64_t n, int d, double *out, pf_error *error);

/* ---- fitting ---- */

/* Called before the first step (step 0) and after every `every` steps. */
typedef pf_status pf_block_look(void *context, int64_t step, const float *params, pf_error *error);

typedef struct pf_block_plan {
  pf_flow_settings settings; /* batch == rows: every step takes all of them; fewer: random ones */
  int64_t steps;
  uint32_t stage;      /* of its random numbers, beside the run's seed */
  const char *name;    /* shown by progress; NULL: nothing shown */
  pf_block_look *look; /* may be NULL */
  void *look_context;
  int64_t every;
} pf_block_plan;

/* Fits params (in: the start, out: the end) to rows (n x columns). */
pf_status pf_block_fit(const pf_verify_run *run, const pf_block_plan *plan, const float *rows, int64_t n,
                       float *params, pf_error *error);

/* ---- a field in double ---- */

typedef struct pf_double_field {
  pf_graph *graph;
  pf_node output;
  const double *params; /* borrowed */
  int d;
} pf_double_field;

pf_status pf_double_field_open(const pf_field *field, const double *params, pf_double_field *out,
                               pf_error *error);
void pf_double_field_close(pf_double_field *field);
/* A pf_ode_field whose context is a pf_double_field: its velocity. One thread at a time. */
pf_status pf_double_velocity(void *context, double t, const double *x, int64_t n, double *v, pf_error *error);

/* Moves x (n x d) from r = from to r = to by Runge-Kutta 4. */
typedef struct pf_double_route {
  double from, to;
  int steps;
} pf_double_route;
pf_status pf_double_move(pf_double_field *field, pf_double_route route, int64_t n, double *x,
                         pf_error *error);

/* Slope of ln y over ln x by least squares. */
double pf_log_slope(const double *x, const double *y, int n);

#endif
