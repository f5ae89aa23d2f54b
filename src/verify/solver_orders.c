/* Errors of solvers on exact velocities (contract: solver_orders.h). */
#include "solver_orders.h"

#include <math.h>
#include <string.h>
#include "../base/memory.h"
#include "../base/rng.h"
#include "../flow/mixture_field.h"
#include "../ot/bures.h"

static const double NEAR = 1e-5; /* W2 relative to the spread, below which the closed form is left */
enum { DRAWS = 2000, REPEATS = 16, REFERENCE_STEPS = 1600, MOST_STEPS = 100000, STRAIGHTNESS_STEPS = 400 };

static pf_status check(const pf_solver_cell *c, pf_error *error) {
  if (!(c->end > 0 && c->end <= 1))
    return pf_fail(error, PF_USAGE, "solver error: end is %g, must be in (0, 1]", c->end);
  if (c->steps < 1 || c->steps > MOST_STEPS)
    return pf_fail(error, PF_USAGE, "solver error: steps is %d, must be 1 to %d", c->steps, MOST_STEPS);
  if (c->draws < 0 || c->repeats < 0)
    return pf_fail(error, PF_USAGE, "solver error: draws %lld, repeats %d, neither may be negative",
                   (long long)c->draws, c->repeats);
  return PF_OK;
}

/* ---- moving rows ---- */

/* x (n x d) to the end by the cell's solver; `run` numbers the random times. */
static pf_status move(const pf_solver_cell *c, int run, int64_t n, double *x, int64_t *evaluations,
                      pf_error *error) {
  double *t = NULL;
  pf_mixture_field field = {c->mixture, c->interpolant};
  pf_ode_system velocity = {pf_mixture_velocity_field, &field, n, c->mixture->d};
  pf_solver_options how = {.solver = c->solver,
                           .seed = c->seed,
                           .first_step = (uint64_t)run * MOST_STEPS,
                           .denoiser = pf_mixture_denoiser_field,
                           .denoiser_context = &field,
                           .rule = {pf_interpolant_coefficients, &c->interpolant},
                           .evaluations = evaluations};
  PF_TRY(pf_alloc((size_t)c->steps + 1, sizeof *t, &t, error));
  pf_ode_uniform_grid(0, c->end, c->steps, t);
  pf_status status = pf_solve(&how, &velocity, (pf_ode_grid){t, c->steps}, x, NULL, error);
  pf_free(t);
  return status;
}

pf_status pf_trigonometric_flow(const pf_mixture *mixture, pf_ode_span span, int steps_per_unit, int64_t n,
                                double *x, pf_error *error) {
  int steps = (int)ceil(fabs(span.t1 - span.t0) * steps_per_unit);
  double *t = NULL;
  pf_mixture_field field = {mixture, PF_INTERPOLANT_TRIG};
  pf_ode_system system = {pf_mixture_velocity_field, &field, n, mixture->d};
  PF_TRY(pf_alloc((size_t)steps + 1, sizeof *t, &t, error));
  pf_ode_uniform_grid(span.t0, span.t1, steps, t);
  pf_status status = pf_ode_fixed(PF_ODE_RK4, &system, (pf_ode_grid){t, steps}, x, NULL, error);
  pf_free(t);
  return status;
}

/* x (n x d) to where the exact flow of the cell's interpolant ends. */
static pf_status move_exactly(const pf_solver_cell *c, int64_t n, double *x, pf_error *error) {
  pf_interpolant_values v = pf_interpolant_at(c->interpolant, c->end);
  double to = pf_interpolant_time(PF_INTERPOLANT_TRIG, v.alpha, v.beta);
  PF_TRY(pf_trigonometric_flow(c->mixture, (pf_ode_span){0, to}, REFERENCE_STEPS, n, x, error));
  double scale = v.beta / pf_interpolant_at(PF_INTERPOLANT_TRIG, to).beta;
  for (int64_t e = 0; e < n * c->mixture->d; e++) x[e] *= scale;
  return PF_OK;
}

static int64_t draws_of(const pf_solver_cell *c) { return c->draws > 0 ? c->draws : DRAWS; }

static void draw_noise(const pf_solver_cell *c, int64_t n, double *z) {
  for (int64_t i = 0; i < n; i++) {
    pf_rng rng = pf_rng_at(c->seed, PF_STREAM_VERIFY, 0, (uint64_t)i);
    for (int j = 0; j < c->mixture->d; j++) z[i * c->mixture->d + j] = pf_rng_normal(&rng);
  }
}

/* ---- a Gaussian: the law of the result ---- */

/* points: where 0 and the unit vectors went, (d + 1) x d. x = b + A z with columns A e_j, so the covariance is A A^T. */
static void image_law(const double *points, int d, double *mean, double *covariance) {
  memcpy(mean, points, (size_t)d * sizeof *mean);
  for (int i = 0; i < d; i++)
    for (int j = 0; j < d; j++) {
      double sum = 0;
      for (int k = 1; k <= d; k++) sum += (points[k * d + i] - points[i]) * (points[k * d + j] - points[j]);
      covariance[i * d + j] = sum;
    }
}

/* mean and covariance of X_end */
static void exact_law(const pf_solver_cell *c, double *mean, double *covariance) {
  const int d = c->mixture->d;
  pf_interpolant_values v = pf_interpolant_at(c->interpolant, c->end);
  pf_mixture_moments(c->mixture, mean, covariance);
  for (int i = 0; i < d; i++) {
    mean[i] *= v.beta;
    for (int j = 0; j < d; j++) covariance[i * d + j] *= v.beta * v.beta;
    covariance[i * d + i] += v.alpha * v.alpha;
  }
}

/* W2^2 of two Gaussians whose covariances are near, to first order in E = C2 - C1 relative to C1: with E in the eigenbasis of
 * C1, |m1 - m2|^2 + sum_ij E_ij^2 / (2 (l_i + l_j)). The closed form loses what is below rounding of tr C; this does not.
 * axes (C1 on entry) and E: d x d; values: d. */
static pf_status near_gaussians2(double *axes, double *values, const double *E, int d, double *square,
                                 pf_error *error) {
  PF_TRY(pf_symmetric_eigen(axes, (size_t)d, values, error));
  *square = 0;
  for (int i = 0; i < d; i++)
    for (int j = 0; j < d; j++) {
      double e = 0;
      for (int a = 0; a < d; a++)
        for (int b = 0; b < d; b++) e += axes[a * d + i] * E[a * d + b] * axes[b * d + j];
      *square += e * e / (2 * (values[i] + values[j]));
    }
  return PF_OK;
}

/* work: what the functions below take in doubles. */
static pf_status gaussian_error2(const pf_solver_cell *c, int run, double *work, int64_t *evaluations,
                                 double *square, pf_error *error) {
  const int d = c->mixture->d;
  double *points = work, *mean = points + (d + 1) * d, *covariance = mean + d, w2 = 0;
  double *exact_mean = covariance + d * d, *exact_covariance = exact_mean + d;
  memset(points, 0, (size_t)((d + 1) * d) * sizeof *points);
  for (int k = 0; k < d; k++) points[(k + 1) * d + k] = 1;
  PF_TRY(move(c, run, d + 1, points, evaluations, error));
  image_law(points, d, mean, covariance);
  exact_law(c, exact_mean, exact_covariance);
  PF_TRY(pf_bures_w2((pf_gaussian){mean, covariance, (size_t)d},
                     (pf_gaussian){exact_mean, exact_covariance, (size_t)d}, &w2, error));
  double trace = 0, shift2 = 0;
  for (int i = 0; i < d; i++) {
    trace += exact_covariance[i * d + i];
    shift2 += (mean[i] - exact_mean[i]) * (mean[i] - exact_mean[i]);
  }
  *square = w2 * w2;
  if (!(w2 < NEAR * sqrt(trace))) return PF_OK;
  for (int i = 0; i < d * d; i++) covariance[i] -= exact_covariance[i];
  PF_TRY(near_gaussians2(exact_covariance, exact_mean, covariance, d, square, error));
  *square += shift2;
  return PF_OK;
}

/* ---- a mixture: common draws ---- */

/* work: the draws and their exact ends, then the rows that move. */
static pf_status mixture_error2(const pf_solver_cell *c, int run, double *work, int64_t *evaluations,
                                double *square, pf_error *error) {
  int64_t n = draws_of(c), items = n * c->mixture->d;
  double *exact = work, *x = work + items;
  draw_noise(c, n, x);
  if (run == 0) {
    memcpy(exact, x, (size_t)items * sizeof *x);
    PF_TRY(move_exactly(c, n, exact, error));
  }
  PF_TRY(move(c, run, n, x, evaluations, error));
  *square = 0;
  for (int64_t e = 0; e < items; e++) *square += (x[e] - exact[e]) * (x[e] - exact[e]) / (double)n;
  return PF_OK;
}

pf_status pf_solver_error(const pf_solver_cell *cell, double *w2, double *evaluations, pf_error *error) {
  PF_TRY(check(cell, error));
  const bool gaussian = cell->mixture->components == 1;
  const int64_t d = cell->mixture->d, rows = gaussian ? d + 1 : draws_of(cell);
  int runs = cell->solver != PF_SOLVER_RANDOM_MIDPOINT ? 1 : cell->repeats > 0 ? cell->repeats : REPEATS;
  int64_t rows_evaluated = 0;
  double *work = NULL, sum = 0, square = 0;
  PF_TRY(pf_alloc((size_t)(gaussian ? 3 * d * (d + 1) : 2 * rows * d), sizeof *work, &work, error));
  pf_status status = PF_OK;
  for (int run = 0; run < runs && status == PF_OK; run++) {
    status = gaussian ? gaussian_error2(cell, run, work, &rows_evaluated, &square, error)
                      : mixture_error2(cell, run, work, &rows_evaluated, &square, error);
    sum += square / runs;
  }
  pf_free(work);
  if (status != PF_OK) return status;
  *w2 = sqrt(sum);
  if (evaluations) *evaluations = (double)rows_evaluated / (double)rows / runs;
  return PF_OK;
}

pf_status pf_solver_flow_straightness(const pf_solver_cell *cell, double *out, pf_error *error) {
  pf_solver_cell c = *cell;
  c.steps = STRAIGHTNESS_STEPS;
  PF_TRY(check(&c, error));
  int64_t n = draws_of(&c);
  double *z = NULL, t[STRAIGHTNESS_STEPS + 1];
  pf_mixture_field field = {c.mixture, c.interpolant};
  pf_ode_system velocity = {pf_mixture_velocity_field, &field, n, c.mixture->d};
  PF_TRY(pf_alloc((size_t)(n * c.mixture->d), sizeof *z, &z, error));
  draw_noise(&c, n, z);
  pf_ode_uniform_grid(0, c.end, c.steps, t);
  pf_status status = pf_solve_straightness(&velocity, (pf_ode_grid){t, c.steps}, z, out, error);
  pf_free(z);
  return status;
}
