/* Fixed-step integration: any explicit tableau, and the exponential (denoiser) step (contract: ode.h).
 *
 *   x [n x d] state, k_i [n x d] stage slopes, y [n x d] stage argument; all in one workspace
 */
#include <math.h>
#include <string.h>
#include "../base/canary.h"
#include "../base/memory.h"
#include "ode.h"
#include "ode_internal.h"

void pf_ode_uniform_grid(double t0, double t1, int steps, double *t) {
  for (int k = 0; k <= steps; k++) t[k] = t0 + (t1 - t0) * k / steps;
  t[steps] = t1;
}

void pf_ode_workspace_free(pf_ode_workspace *workspace) {
  if (!workspace) return;
  pf_free(workspace->data);
  *workspace = (pf_ode_workspace){0};
}

static pf_status check(const pf_ode_system *system, pf_ode_grid grid, pf_error *error) {
  if (system->n < 0 || system->d < 1)
    return pf_fail(error, PF_USAGE, "ode: %lld rows of %d columns", (long long)system->n, system->d);
  if (grid.steps < 1) return pf_fail(error, PF_USAGE, "ode: %d steps, needs at least 1", grid.steps);
  for (int k = 0; k < grid.steps; k++) {
    double h = grid.t[k + 1] - grid.t[k], first = grid.t[1] - grid.t[0];
    if (!(fabs(h) > 0 && fabs(h) < INFINITY && (h > 0) == (first > 0)))
      return pf_fail(error, PF_USAGE, "ode: the grid is not strictly monotone at node %d: %g then %g", k,
                     grid.t[k], grid.t[k + 1]);
  }
  return PF_OK;
}

static pf_status check_finite(const pf_ode_run *r, double t, pf_error *error) {
  for (size_t i = 0; i < r->size; i++)
    if (PF_CANARY(ODE_NAN, !isfinite(r->state[i]), false))
      return pf_fail(error, PF_NON_FINITE, "ode: row %zu, column %zu became %g at t=%g",
                     i / (size_t)r->system->d, i % (size_t)r->system->d, r->state[i], t);
  return PF_OK;
}

pf_status pf_ode_evaluate(const pf_ode_run *r, double t, const double *x, double *v, pf_error *error) {
  return r->system->field(r->system->context, t, x, r->system->n, v, error);
}

static pf_status observe(const pf_ode_run *r, int k, pf_error *error) {
  if (!r->options || !r->options->observe) return PF_OK;
  return r->options->observe(r->options->observe_context, k, r->grid.t[k], r->state, error);
}

static pf_status tableau_step(const pf_ode_run *r, double t, double s, pf_error *error) {
  const pf_tableau *tableau = r->rule;
  const double h = s - t;
  double *k[PF_TABLEAU_MAX_STAGES], *y = r->block;
  for (int i = 0; i < tableau->stages; i++) {
    k[i] = r->block + (size_t)(i + 1) * r->size;
    if (i > 0) memcpy(y, r->state, r->size * sizeof *y);
    for (int j = 0; j < i; j++) {
      const double ha = h * tableau->a[i][j];
      if (ha == 0) continue;
      for (size_t e = 0; e < r->size; e++) y[e] += ha * k[j][e];
    }
    double time = tableau->c[i] == 1 ? s
                                     : t + PF_CANARY(STAGE_TIME, tableau->c[i], 0) *
                                               h; /* the node itself, not a rounding beyond it */
    PF_TRY(pf_ode_evaluate(r, time, i == 0 ? r->state : y, k[i], error));
  }
  for (int i = 0; i < tableau->stages; i++) {
    const double hb = h * PF_CANARY(TABLEAU_WEIGHT, tableau->b[i], 1.001 * tableau->b[i]);
    if (hb == 0) continue;
    for (size_t e = 0; e < r->size; e++) r->state[e] += hb * k[i][e];
  }
  return PF_OK;
}

static pf_status exponential_step(const pf_ode_run *r, double t, double s, pf_error *error) {
  const pf_ode_exponential_rule *rule = r->rule;
  double a, b;
  rule->coefficients(rule->context, t, s, &a, &b);
  PF_TRY(pf_ode_evaluate(r, t, r->state, r->block, error));
  for (size_t e = 0; e < r->size; e++) r->state[e] = a * r->state[e] + b * r->block[e];
  return PF_OK;
}

static pf_status march(pf_ode_run *r, pf_ode_step *step, pf_error *error) {
  PF_TRY(check_finite(r, r->grid.t[0], error));
  PF_TRY(observe(r, 0, error));
  for (int k = 0; k < r->grid.steps; k++) {
    r->k = k;
    PF_TRY(step(r, r->grid.t[k], r->grid.t[k + 1], error));
    PF_TRY(check_finite(r, r->grid.t[k + 1], error));
    PF_TRY(observe(r, k + 1, error));
  }
  return PF_OK;
}

pf_status pf_ode_integrate(pf_ode_run *r, pf_ode_step *step, int blocks, double *x, pf_error *error) {
  PF_TRY(check(r->system, r->grid, error));
  r->size = (size_t)r->system->n * (size_t)r->system->d;
  pf_ode_workspace own = {0};
  pf_ode_workspace *workspace = r->options && r->options->workspace ? r->options->workspace : &own;
  size_t need = r->size * (size_t)(1 + blocks);
  if (need > workspace->capacity || !workspace->data) {
    double *data = NULL;
    PF_TRY(pf_alloc(need, sizeof *data, &data, error));
    pf_free(workspace->data);
    *workspace = (pf_ode_workspace){data, need};
  }
  r->state = workspace->data;
  r->block = workspace->data + r->size;
  memcpy(r->state, x, r->size * sizeof *x);
  pf_status status = march(r, step, error);
  if (status == PF_OK) memcpy(x, r->state, r->size * sizeof *x);
  pf_ode_workspace_free(&own);
  return status;
}

pf_status pf_ode_fixed(pf_ode_method method, const pf_ode_system *system, pf_ode_grid grid, double *x,
                       const pf_ode_options *options, pf_error *error) {
  const pf_tableau *tableau = pf_tableau_of(method);
  pf_ode_run r = {.system = system, .options = options, .grid = grid, .rule = tableau};
  return pf_ode_integrate(&r, tableau_step, tableau->stages + 1, x, error);
}

pf_status pf_ode_exponential(pf_ode_exponential_rule rule, const pf_ode_system *denoiser, pf_ode_grid grid,
                             double *x, const pf_ode_options *options, pf_error *error) {
  pf_ode_run r = {.system = denoiser, .options = options, .grid = grid, .rule = &rule};
  return pf_ode_integrate(&r, exponential_step, 1, x, error);
}
