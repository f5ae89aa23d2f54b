/* Rows, fits and fields for the flows' verifications: see blocks.h. */
#include "blocks.h"

#include <math.h>
#include <string.h>
#include "../base/memory.h"
#include "../ot/bures.h"

/* ---- rows ---- */

/* Inverse of the standard normal distribution function: Newton on a start that is right to a per cent. */
static double normal_quantile(double p) {
  double t = sqrt(-2 * log(p < 0.5 ? p : 1 - p));
  double x = t - (2.30753 + 0.27061 * t) / (1 + 0.99229 * t + 0.04481 * t * t);
  if (p < 0.5) x = -x;
  for (int i = 0; i < 20; i++) x -= (0.5 * erfc(-x / sqrt(2)) - p) * sqrt(2 * M_PI) * exp(0.5 * x * x);
  return x;
}

/* Box-Muller on the lattice (i + 1/2)/n, i / golden ratio. */
static void normal_lattice(int64_t n, double *out) {
  double golden = (sqrt(5) - 1) / 2;
  for (int64_t i = 0; i < n; i++) {
    double radius = sqrt(-2 * log(((double)i + 0.5) / (double)n)), angle = 2 * M_PI * golden * (double)i;
    out[2 * i] = radius * cos(angle);
    out[2 * i + 1] = radius * sin(angle);
  }
}

/* x <- (x - mean) L^-T with covariance L L^T, of one or two columns. */
static pf_status whiten(int64_t n, int d, double *x, pf_error *error) {
  double mean[2], c[4];
  PF_TRY(pf_moments((pf_points){x, (size_t)n, (size_t)d}, mean, c, error));
  double share = (double)(n - 1) / (double)n; /* divided by n, as a mean over the rows is */
  double a = sqrt(c[0] * share), b = d == 2 ? c[1] * share / a : 0,
         e = d == 2 ? sqrt(c[3] * share - b * b) : 1;
  for (int64_t i = 0; i < n; i++) {
    double first = (x[i * d] - mean[0]) / a;
    x[i * d] = first;
    if (d == 2) x[i * 2 + 1] = (x[i * 2 + 1] - mean[1] - b * first) / e;
  }
  return PF_OK;
}

pf_status pf_even_normals(int64_t n, int d, double *out, pf_error *error) {
  if (d < 1 || d > 2) return pf_fail(error, PF_USAGE, "even normals of %d columns, must be 1 or 2", d);
  if (d == 2)
    normal_lattice(n, out);
  else
    for (int64_t i = 0; i < n; i++) out[i] = normal_quantile(((double)i + 0.5) / (double)n);
  return whiten(n, d, out, error);
}

/* ---- fitting ---- */

typedef struct watch {
  const pf_verify_run *run;
  const pf_block_plan *plan;
} watch;

enum { PROGRESS_EVERY = 50 };

static pf_status after_step(void *context, pf_fit_state *state, pf_error *error) {
  const watch *w = context;
  const pf_block_plan *p = w->plan;
  if (p->look && state->step % p->every == 0)
    PF_TRY(p->look(p->look_context, state->step, state->arrays.params, error));
  if (!p->name || state->step % PROGRESS_EVERY != 0) return PF_OK;
  return pf_verify_progress(w->run, p->name, state->step, p->steps, error);
}

static pf_status run_fit(const pf_verify_run *run, const pf_block_plan *plan, const pf_objective *objective,
                         pf_fit_state *state, pf_error *error) {
  const pf_flow_settings *s = &plan->settings;
  pf_fit_config config = {.steps = plan->steps,
                          .batch = s->batch,
                          .adam = pf_adam_default(),
                          .schedule = s->schedule,
                          .clip = s->clip,
                          .ema = s->ema,
                          .seed = run->seed,
                          .stage = plan->stage};
  config.adam.learning_rate = s->learning_rate;
  pf_fit *fit = NULL;
  watch w = {run, plan};
  PF_TRY(pf_fit_create(objective, &config, state, run->pool, &fit, error));
  pf_status status = plan->look ? plan->look(plan->look_context, 0, state->arrays.params, error) : PF_OK;
  if (status == PF_OK) status = pf_fit_run(fit, after_step, &w, error);
  pf_fit_free(fit);
  return status;
}

pf_status pf_block_fit(const pf_verify_run *run, const pf_block_plan *plan, const float *rows, int64_t n,
                       float *params, pf_error *error) {
  pf_objective objective = {0};
  pf_layout layout = {0};
  pf_fit_state state = {0};
  PF_TRY(pf_field_layout(&plan->settings.field, &layout, error));
  size_t bytes = (size_t)layout.total * sizeof *params;
  pf_status status = pf_fit_state_create(layout.total, &state, error);
  pf_layout_free(&layout);
  if (status == PF_OK)
    status = pf_flow_objective(&plan->settings, plan->settings.batch == n ? 0 : n, &objective, error);
  if (status == PF_OK) {
    objective.inputs[PF_FLOW_DATA] = rows;
    memcpy(state.arrays.params, params, bytes);
    memcpy(state.arrays.average, params, bytes);
    status = run_fit(run, plan, &objective, &state, error);
  }
  if (status == PF_OK) memcpy(params, state.arrays.average, bytes);
  pf_graph_free(objective.graph);
  pf_fit_state_free(&state);
  return status;
}

/* ---- a field in double ---- */

pf_status pf_double_field_open(const pf_field *field, const double *params, pf_double_field *out,
                               pf_error *error) {
  pf_double_field f = {.params = params, .d = pf_field_columns(field)};
  PF_TRY(pf_graph_create(&f.graph, error));
  pf_node x = pf_input(f.graph, 0, PF_SHAPE(PF_PER_ROW, f.d)), r = pf_input(f.graph, 1, PF_SCALAR(PF_SHARED));
  f.output = pf_field_velocity(field, 0, x, r);
  *out = f;
  return PF_OK;
}

void pf_double_field_close(pf_double_field *field) {
  pf_graph_free(field->graph);
  field->graph = NULL;
}

pf_status pf_double_velocity(void *context, double t, const double *x, int64_t n, double *v,
                             pf_error *error) {
  const pf_double_field *f = context;
  const double *inputs[] = {x, &t};
  pf_ref_run run = {.params = &f->params, .inputs = inputs, .rows = n};
  return pf_ref_evaluate(f->graph, &f->output, 1, &run, &v, error);
}

pf_status pf_double_move(pf_double_field *field, pf_double_route route, int64_t n, double *x,
                         pf_error *error) {
  double *grid = NULL;
  pf_ode_system system = {pf_double_velocity, field, n, field->d};
  PF_TRY(pf_alloc((size_t)route.steps + 1, sizeof *grid, &grid, error));
  pf_ode_uniform_grid(route.from, route.to, route.steps, grid);
  pf_status status = pf_ode_fixed(PF_ODE_RK4, &system, (pf_ode_grid){grid, route.steps}, x, NULL, error);
  pf_free(grid);
  return status;
}

double pf_log_slope(const double *x, const double *y, int n) {
  double mx = 0, my = 0, xy = 0, xx = 0;
  for (int i = 0; i < n; i++) {
    mx += log(x[i]) / n;
    my += log(y[i]) / n;
  }
  for (int i = 0; i < n; i++) {
    xy += (log(x[i]) - mx) * (log(y[i]) - my);
    xx += (log(x[i]) - mx) * (log(x[i]) - mx);
  }
  return xy / xx;
}
