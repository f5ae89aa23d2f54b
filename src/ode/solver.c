/* Moving rows by any solver of the table (contract: solver.h). */
#include "solver.h"

#include <math.h>
#include <string.h>
#include "../base/canary.h"
#include "../base/rng.h"
#include "../base/text.h"
#include "ode_internal.h"

static const pf_solver_facts FACTS[] = {
#define PF_SOLVER(NAME, name, order, evaluations, description) {#name, description, order, evaluations},
#include "solvers.def"
#undef PF_SOLVER
};

static const char *const NAMES[] = {
#define PF_SOLVER(NAME, name, order, evaluations, description) #name,
#include "solvers.def"
#undef PF_SOLVER
};

const pf_solver_facts *pf_solver_facts_of(pf_solver solver) { return &FACTS[solver]; }

pf_status pf_solver_find(const char *name, pf_solver *out, pf_error *error) {
  for (int i = 0; i < PF_SOLVER_COUNT; i++)
    if (!strcmp(name, NAMES[i])) {
      *out = (pf_solver)i;
      return PF_OK;
    }
  return pf_fail_unknown(error, "solver", name, NAMES, PF_SOLVER_COUNT);
}

int64_t pf_solver_evaluations(pf_solver solver, int d, int64_t steps) {
  int more = solver != PF_SOLVER_LOCAL_LINEAR ? 0 : d < PF_SOLVER_KRYLOV ? d : PF_SOLVER_KRYLOV;
  return steps * (FACTS[solver].evaluations + more);
}

bool pf_solver_needs_denoiser(pf_solver solver) {
  return solver == PF_SOLVER_EXPONENTIAL || solver == PF_SOLVER_EXPONENTIAL_2M;
}

/* ---- steps that no tableau has ---- */

static double random_time(const pf_ode_run *r) {
  const pf_solver_options *how = r->rule;
  pf_rng rng = pf_rng_at(how->seed, PF_STREAM_SOLVER, how->first_step + (uint64_t)r->k, 0);
  return pf_rng_uniform(&rng);
}

static pf_status random_midpoint_step(const pf_ode_run *r, double t, double s, pf_error *error) {
  const double h = s - t, tau = random_time(r);
  double *k = r->block, *y = r->block + r->size;
  PF_TRY(pf_ode_evaluate(r, t, r->state, k, error));
  for (size_t e = 0; e < r->size; e++) y[e] = r->state[e] + tau * h * k[e];
  PF_TRY(pf_ode_evaluate(r, t + tau * h, y, k, error));
  const double weight = PF_CANARY(RANDOM_MIDPOINT, h, 1.001 * h);
  for (size_t e = 0; e < r->size; e++) r->state[e] += weight * k[e];
  return PF_OK;
}

/* log(beta / alpha) at t: what a step from noise has as b / a */
static double log_ratio(const pf_ode_exponential_rule *rule, double t) {
  double a, b;
  rule->coefficients(rule->context, 0, t, &a, &b);
  return log(b / a);
}

/* The share of D - D_before that is added to D. */
static double extrapolation(const pf_ode_run *r, const pf_ode_exponential_rule *rule) {
  if (r->k == 0 || r->k + 1 == r->grid.steps) return 0;
  const double *t = r->grid.t + r->k, at = log_ratio(rule, t[0]);
  double share = (log_ratio(rule, t[1]) - at) / (2 * (at - log_ratio(rule, t[-1])));
  return isfinite(share) ? PF_CANARY(MULTISTEP, share, 2 * share) : 0;
}

static pf_status exponential_2m_step(const pf_ode_run *r, double t, double s, pf_error *error) {
  const pf_solver_options *how = r->rule;
  const double share = extrapolation(r, &how->rule);
  double a, b, *denoised = r->block, *before = r->block + r->size;
  how->rule.coefficients(how->rule.context, t, s, &a, &b);
  PF_TRY(pf_ode_evaluate(r, t, r->state, denoised, error));
  for (size_t e = 0; e < r->size; e++) {
    double D = denoised[e] + (share != 0 ? share * (denoised[e] - before[e]) : 0);
    before[e] = denoised[e];
    r->state[e] = a * r->state[e] + b * D;
  }
  return PF_OK;
}

/* ---- one function for all ---- */

typedef struct counted {
  pf_ode_field *field;
  void *context;
  int64_t rows;
} counted;

static pf_status count_rows(void *context, double t, const double *x, int64_t n, double *v, pf_error *error) {
  counted *c = context;
  c->rows += n;
  return c->field(c->context, t, x, n, v, error);
}

static pf_status adapt(const pf_ode_system *velocity, pf_ode_grid grid, double *x,
                       const pf_ode_options *options, pf_error *error) {
  if (options && options->observe) return pf_fail(error, PF_USAGE, "solver 'dopri5' has no nodes to observe");
  if (grid.steps < 1 || grid.steps > PF_SOLVER_DIGITS)
    return pf_fail(error, PF_USAGE, "steps is %d, must be 1 to %d: the digits of dopri5's tolerance",
                   grid.steps, PF_SOLVER_DIGITS);
  pf_ode_adaptive_options adaptive = pf_ode_adaptive_default();
  adaptive.rtol = pow(10, -grid.steps);
  adaptive.atol = adaptive.rtol / 100;
  adaptive.tile_rows = 1;
  pf_ode_span span = {grid.t[0], grid.t[grid.steps]};
  return pf_ode_adaptive(&adaptive, velocity, span, x, NULL, error);
}

/* How many arrays beside the state, -1 for a solver that makes its own memory. */
static int blocks_of(pf_solver solver, int d) {
  switch (solver) {
  case PF_SOLVER_EULER: return pf_tableau_of(PF_ODE_EULER)->stages + 1;
  case PF_SOLVER_MIDPOINT: return pf_tableau_of(PF_ODE_MIDPOINT)->stages + 1;
  case PF_SOLVER_HEUN: return pf_tableau_of(PF_ODE_HEUN)->stages + 1;
  case PF_SOLVER_RK4: return pf_tableau_of(PF_ODE_RK4)->stages + 1;
  case PF_SOLVER_EXPONENTIAL: return 1;
  case PF_SOLVER_EXPONENTIAL_2M: return 2;
  case PF_SOLVER_RANDOM_MIDPOINT: return 2;
  case PF_SOLVER_LOCAL_LINEAR: return pf_local_linear_blocks(d);
  case PF_SOLVER_DOPRI5:
  case PF_SOLVER_COUNT: break;
  }
  return -1;
}

size_t pf_solver_arrays(pf_solver solver, int d) { return (size_t)(blocks_of(solver, d) + 1); }

static pf_status dispatch(const pf_solver_options *how, const pf_ode_system *system, pf_ode_grid grid,
                          double *x, const pf_ode_options *options, pf_error *error) {
  pf_ode_run run = {.system = system, .options = options, .grid = grid, .rule = how};
  int blocks = blocks_of(how->solver, system->d);
  switch (how->solver) {
  case PF_SOLVER_EULER: return pf_ode_fixed(PF_ODE_EULER, system, grid, x, options, error);
  case PF_SOLVER_MIDPOINT: return pf_ode_fixed(PF_ODE_MIDPOINT, system, grid, x, options, error);
  case PF_SOLVER_HEUN: return pf_ode_fixed(PF_ODE_HEUN, system, grid, x, options, error);
  case PF_SOLVER_RK4: return pf_ode_fixed(PF_ODE_RK4, system, grid, x, options, error);
  case PF_SOLVER_EXPONENTIAL: return pf_ode_exponential(how->rule, system, grid, x, options, error);
  case PF_SOLVER_EXPONENTIAL_2M: return pf_ode_integrate(&run, exponential_2m_step, blocks, x, error);
  case PF_SOLVER_RANDOM_MIDPOINT: return pf_ode_integrate(&run, random_midpoint_step, blocks, x, error);
  case PF_SOLVER_LOCAL_LINEAR: return pf_ode_integrate(&run, pf_local_linear_step, blocks, x, error);
  case PF_SOLVER_DOPRI5:
  case PF_SOLVER_COUNT: break;
  }
  return adapt(system, grid, x, options, error);
}

pf_status pf_solve(const pf_solver_options *how, const pf_ode_system *velocity, pf_ode_grid grid, double *x,
                   const pf_ode_options *options, pf_error *error) {
  const bool denoises = pf_solver_needs_denoiser(how->solver);
  if (denoises && (!how->denoiser || !how->rule.coefficients))
    return pf_fail(error, PF_USAGE, "solver '%s' needs a denoiser E[x_1 | x_t], and this field has none",
                   NAMES[how->solver]);
  counted field = {velocity->field, velocity->context, 0};
  if (denoises) field = (counted){how->denoiser, how->denoiser_context, 0};
  pf_ode_system system = {count_rows, &field, velocity->n, velocity->d};
  pf_status status = dispatch(how, &system, grid, x, options, error);
  if (how->evaluations) *how->evaluations += field.rows;
  return status;
}
