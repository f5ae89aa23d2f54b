/* Every solver of the table: its order, its evaluations, what it is exact for; random times; straightness. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/memory.h"
#include "base/rng.h"
#include "ode/solver.h"

enum { N = 3, D = 2, MAX_STEPS = 1024 };
static const double START[N * D] = {1, .3, -2, -.4, .5, .2};
static const double HALF_PI = 1.57079632679489661923;

/* x1' = cos(t) x1, x2' = cos(t) x2^2, as in test_fixed */
static pf_status bernoulli(void *context, double t, const double *x, int64_t n, double *v, pf_error *error) {
  (void)error;
  if (context) *(int64_t *)context += n;
  for (int64_t i = 0; i < n; i++) {
    v[2 * i] = cos(t) * x[2 * i];
    v[2 * i + 1] = cos(t) * x[2 * i + 1] * x[2 * i + 1];
  }
  return PF_OK;
}

static void bernoulli_exact(double t, double *x) {
  for (int i = 0; i < N; i++) {
    x[2 * i] = START[2 * i] * exp(sin(t));
    x[2 * i + 1] = 1 / (1 / START[2 * i + 1] - sin(t));
  }
}

/* N(1, .3^2) in every column under alpha = cos, beta = sin: its denoiser, and the flow from 0 to t. */
static const double MEAN = 1, VARIANCE = .09;

static pf_status denoiser(void *context, double t, const double *x, int64_t n, double *v, pf_error *error) {
  double alpha = cos(HALF_PI * t), beta = sin(HALF_PI * t);
  (void)error;
  if (context) *(int64_t *)context += n;
  for (int64_t e = 0; e < n * D; e++)
    v[e] = MEAN + beta * VARIANCE / (alpha * alpha + beta * beta * VARIANCE) * (x[e] - beta * MEAN);
  return PF_OK;
}

static void denoiser_exact(double t, double *x) {
  double alpha = cos(HALF_PI * t), beta = sin(HALF_PI * t);
  for (int e = 0; e < N * D; e++)
    x[e] = beta * MEAN + sqrt(alpha * alpha + beta * beta * VARIANCE) * START[e];
}

static void trigonometric(const void *context, double t, double s, double *a, double *b) {
  (void)context;
  *a = cos(HALF_PI * s) / cos(HALF_PI * t);
  *b = sin(HALF_PI * s) - *a * sin(HALF_PI * t);
}

static pf_solver_options options_of(pf_solver solver) {
  return (pf_solver_options){
      .solver = solver, .seed = 1, .denoiser = denoiser, .rule = {trigonometric, NULL}};
}

/* Moves x from 0 to end. */
static void move(const pf_solver_options *how, int steps, double end, double *x) {
  static double t[MAX_STEPS + 1];
  pf_error error = {0};
  pf_ode_system system = {bernoulli, NULL, N, D};
  pf_ode_uniform_grid(0, end, steps, t);
  if (pf_solve(how, &system, (pf_ode_grid){t, steps}, x, NULL, &error) != PF_OK)
    fail_msg("%s", error.message);
}

/* Sum of squared errors at `end`. */
static double squared_error(const pf_solver_options *how, int steps, double end) {
  double x[N * D], reference[N * D], sum = 0;
  memcpy(x, START, sizeof x);
  move(how, steps, end, x);
  if (pf_solver_needs_denoiser(how->solver))
    denoiser_exact(end, reference);
  else
    bernoulli_exact(end, reference);
  for (int i = 0; i < N * D; i++) sum += (x[i] - reference[i]) * (x[i] - reference[i]);
  return sum;
}

/* Root mean square error, over seeds where there are random times. */
static double error_of(pf_solver solver, int steps, double end) {
  pf_solver_options how = options_of(solver);
  int seeds = solver == PF_SOLVER_RANDOM_MIDPOINT ? 4000 : 1;
  double sum = 0;
  for (int i = 0; i < seeds; i++, how.seed++) sum += squared_error(&how, steps, end);
  return sqrt(sum / seeds);
}

/* Bands: .06 for the slope of one doubling (measured: within .03), .1 for the mean over 4000 runs of random times. */
static void every_solver_has_its_order(void **state) {
  (void)state;
  for (int s = 0; s < PF_SOLVER_DOPRI5; s++) {
    const pf_solver_facts *facts = pf_solver_facts_of((pf_solver)s);
    int steps = facts->order == 4 ? 32 : 128;
    double band = s == PF_SOLVER_RANDOM_MIDPOINT ? .1 : .06;
    for (double end = -1; end <= 1; end += 2) { /* also backwards, where there is no noise at one end */
      if (pf_solver_needs_denoiser((pf_solver)s) && end < 0) continue;
      double to = pf_solver_needs_denoiser((pf_solver)s) ? .9 : end;
      double slope = log2(error_of((pf_solver)s, steps, to) / error_of((pf_solver)s, 2 * steps, to));
      if (!(fabs(slope - facts->order) < band)) fail_msg("%s: slope %g to t=%g", facts->name, slope, to);
    }
  }
}

static void adaptive_steps_keep_their_tolerance(void **state) {
  (void)state;
  for (int digits = 2; digits <= 10; digits += 2) {
    double error = error_of(PF_SOLVER_DOPRI5, digits, 1);
    if (!(error < 20 * pow(10, -digits))) fail_msg("%d digits: error %g", digits, error);
  }
  for (int digits = 0; digits <= 13; digits += 13) {
    double t[] = {0, 1}, x[N * D];
    pf_solver_options how = options_of(PF_SOLVER_DOPRI5);
    pf_ode_system system = {bernoulli, NULL, N, D};
    memcpy(x, START, sizeof x);
    assert_int_equal(pf_solve(&how, &system, (pf_ode_grid){t, digits}, x, NULL, NULL), PF_USAGE);
    assert_memory_equal(x, START, sizeof x);
  }
}

static void evaluations_are_what_the_table_says(void **state) {
  (void)state;
  for (int s = 0; s < PF_SOLVER_COUNT; s++) {
    int64_t seen = 0, counted = 5;
    double t[8], x[N * D];
    pf_solver_options how = options_of((pf_solver)s);
    pf_ode_system system = {bernoulli, &seen, N, D};
    how.denoiser_context = &seen;
    how.evaluations = &counted;
    memcpy(x, START, sizeof x);
    pf_ode_uniform_grid(0, .9, 7, t);
    assert_int_equal(pf_solve(&how, &system, (pf_ode_grid){t, 7}, x, NULL, NULL), PF_OK);
    assert_true(counted - 5 == seen);
    if (s == PF_SOLVER_DOPRI5)
      assert_true(seen > 7 * N && pf_solver_evaluations((pf_solver)s, D, 7) == 0);
    else
      assert_true(seen == N * pf_solver_evaluations((pf_solver)s, D, 7));
  }
}

static void names_are_found(void **state) {
  (void)state;
  pf_solver solver = PF_SOLVER_COUNT;
  pf_error error = {0};
  for (int s = 0; s < PF_SOLVER_COUNT; s++) {
    assert_int_equal(pf_solver_find(pf_solver_facts_of((pf_solver)s)->name, &solver, NULL), PF_OK);
    assert_int_equal(solver, s);
  }
  assert_int_equal(pf_solver_find("hein", &solver, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "did you mean 'heun'"));
  for (int s = 0; s < PF_SOLVER_COUNT; s++)
    assert_non_null(strstr(error.message, pf_solver_facts_of((pf_solver)s)->name));
}

static void rows_do_not_know_each_other(void **state) {
  (void)state;
  for (int s = 0; s < PF_SOLVER_COUNT; s++) {
    double together[N * D], alone[N * D], t[6];
    pf_solver_options how = options_of((pf_solver)s);
    memcpy(together, START, sizeof together);
    memcpy(alone, START, sizeof alone);
    move(&how, 5, .9, together);
    pf_ode_uniform_grid(0, .9, 5, t);
    pf_ode_system one = {bernoulli, NULL, 1, D};
    for (int i = 0; i < N; i++)
      assert_int_equal(pf_solve(&how, &one, (pf_ode_grid){t, 5}, alone + i * D, NULL, NULL), PF_OK);
    assert_memory_equal(together, alone, sizeof alone);
  }
}

static void a_workspace_of_the_named_size_is_enough(void **state) {
  (void)state;
  double *memory = malloc(64 * N * D * sizeof *memory), x[N * D], t[4];
  assert_non_null(memory);
  pf_ode_uniform_grid(0, .9, 3, t);
  for (int s = 0; s < PF_SOLVER_DOPRI5; s++) {
    pf_solver_options how = options_of((pf_solver)s);
    pf_ode_system system = {bernoulli, NULL, N, D};
    pf_ode_workspace workspace = {memory, pf_solver_arrays((pf_solver)s, D) * N * D};
    pf_ode_options options = {.workspace = &workspace};
    int64_t before = pf_memory_allocations();
    memcpy(x, START, sizeof x);
    assert_int_equal(pf_solve(&how, &system, (pf_ode_grid){t, 3}, x, &options, NULL), PF_OK);
    assert_true(pf_memory_allocations() == before);
  }
  free(memory);
}

/* ---- random times ---- */

/* f(t) = t and f = x: one step is then t h + tau h^2 and h x + tau h^2 x with the same tau */
static pf_status time_itself(void *context, double t, const double *x, int64_t n, double *v,
                             pf_error *error) {
  (void)context;
  (void)error;
  for (int64_t i = 0; i < n; i++) {
    v[2 * i] = t;
    v[2 * i + 1] = x[2 * i + 1];
  }
  return PF_OK;
}

static void random_times_repeat_and_are_uniform(void **state) {
  (void)state;
  enum { RUNS = 4000 };
  double mean = 0, square = 0, first[2] = {0};
  for (int run = 0; run < RUNS; run++) {
    pf_solver_options how = {.solver = PF_SOLVER_RANDOM_MIDPOINT, .seed = 7, .first_step = (uint64_t)run};
    double t[] = {1, 1.5}, x[] = {0, 2}, again[] = {0, 2};
    pf_ode_system system = {time_itself, NULL, 1, D};
    assert_int_equal(pf_solve(&how, &system, (pf_ode_grid){t, 1}, x, NULL, NULL), PF_OK);
    assert_int_equal(pf_solve(&how, &system, (pf_ode_grid){t, 1}, again, NULL, NULL), PF_OK);
    assert_memory_equal(x, again, sizeof x);
    double tau = (x[0] - .5) / .25;
    assert_true(tau > 0 && tau < 1);
    assert_true(fabs(x[1] - (2 + .5 * 2 + tau * .25 * 2)) < 1e-13);
    mean += tau / RUNS;
    square += tau * tau / RUNS;
    if (run < 2) first[run] = tau;
  }
  /* 5 standard deviations of the means of 4000 */
  assert_true(fabs(mean - .5) < .023 && fabs(square - 1. / 3) < .024);
  assert_true(first[0] != first[1]);
}

static void runs_in_a_row_are_one_run(void **state) {
  (void)state;
  double t[9], whole[N * D], parts[N * D];
  pf_ode_system system = {bernoulli, NULL, N, D};
  pf_solver_options how = options_of(PF_SOLVER_RANDOM_MIDPOINT);
  memcpy(whole, START, sizeof whole);
  memcpy(parts, START, sizeof parts);
  pf_ode_uniform_grid(0, 1, 8, t);
  assert_int_equal(pf_solve(&how, &system, (pf_ode_grid){t, 8}, whole, NULL, NULL), PF_OK);
  assert_int_equal(pf_solve(&how, &system, (pf_ode_grid){t, 3}, parts, NULL, NULL), PF_OK);
  how.first_step = 3;
  assert_int_equal(pf_solve(&how, &system, (pf_ode_grid){t + 3, 5}, parts, NULL, NULL), PF_OK);
  assert_memory_equal(whole, parts, sizeof whole);
  how.seed++;
  assert_int_equal(pf_solve(&how, &system, (pf_ode_grid){t + 3, 5}, parts, NULL, NULL), PF_OK);
}

/* ---- local linearisation ---- */

enum { MOST = 4 };

typedef struct affine {
  int d;
  double A[MOST * MOST], b[MOST], slope[MOST]; /* f = A x + b + slope t */
} affine;

static pf_status affine_field(void *context, double t, const double *x, int64_t n, double *v,
                              pf_error *error) {
  const affine *f = context;
  (void)error;
  for (int64_t r = 0; r < n; r++)
    for (int i = 0; i < f->d; i++) {
      double sum = f->b[i] + f->slope[i] * t;
      for (int j = 0; j < f->d; j++) sum += f->A[i * f->d + j] * x[r * f->d + j];
      v[r * f->d + i] = sum;
    }
  return PF_OK;
}

/* Two steps, as long as the stiffest rate is short (h |A| up to 40), against 10^-10 of the adaptive method. The differences'
 * rounding is sqrt(DBL_EPSILON) of J, so 1e-6 is left of the values. */
static void local_linearisation_is_exact_for_affine_fields(void **state) {
  (void)state;
  for (int d = 1; d <= MOST; d++)
    for (int stiff = 0; stiff < 2; stiff++) {
      affine f = {.d = d};
      double x[2 * MOST], exact[2 * MOST], t[] = {.25, .75, 1.25};
      pf_rng rng = pf_rng_at(3, PF_STREAM_TEST, (uint64_t)stiff, (uint64_t)d);
      for (int i = 0; i < d * d; i++) f.A[i] = pf_rng_normal(&rng);
      for (int i = 0; i < d; i++) {
        f.b[i] = pf_rng_normal(&rng);
        f.slope[i] = pf_rng_normal(&rng);
        if (stiff) f.A[i * d + i] -= i == 0 ? 80 : 3;
      }
      for (int i = 0; i < 2 * d; i++) x[i] = exact[i] = pf_rng_normal(&rng);
      pf_ode_system system = {affine_field, &f, 2, d};
      pf_solver_options local = {.solver = PF_SOLVER_LOCAL_LINEAR}, fine = {.solver = PF_SOLVER_DOPRI5};
      double ends[11] = {.25, [10] = 1.25};
      assert_int_equal(pf_solve(&local, &system, (pf_ode_grid){t, 2}, x, NULL, NULL), PF_OK);
      assert_int_equal(pf_solve(&fine, &system, (pf_ode_grid){ends, 10}, exact, NULL, NULL), PF_OK);
      for (int i = 0; i < 2 * d; i++)
        if (!(fabs(x[i] - exact[i]) < 1e-6 * (1 + fabs(exact[i]))))
          fail_msg("d %d, stiff %d: %.12g for %.12g", d, stiff, x[i], exact[i]);
    }
}

static pf_status nothing(void *context, double t, const double *x, int64_t n, double *v, pf_error *error) {
  (void)context, (void)t, (void)x, (void)error;
  for (int64_t e = 0; e < n * D; e++) v[e] = 3;
  return PF_OK;
}

/* w = 0, and fields beyond 10^300 in a step: a number or an error, never a NaN. */
static void local_linearisation_at_its_limits(void **state) {
  (void)state;
  double t[] = {0, 1}, x[N * D];
  pf_solver_options how = {.solver = PF_SOLVER_LOCAL_LINEAR};
  pf_ode_system constant = {nothing, NULL, N, D};
  memcpy(x, START, sizeof x);
  assert_int_equal(pf_solve(&how, &constant, (pf_ode_grid){t, 1}, x, NULL, NULL), PF_OK);
  for (int i = 0; i < N * D; i++) assert_true(x[i] == START[i] + 3);
  affine f = {.d = 1, .A = {800}};
  pf_ode_system explosive = {affine_field, &f, 1, 1};
  double y = 1;
  assert_int_equal(pf_solve(&how, &explosive, (pf_ode_grid){t, 1}, &y, NULL, NULL), PF_NON_FINITE);
  assert_true(y == 1);
}

/* ---- straightness ---- */

static pf_status pull(void *context, double t, const double *x, int64_t n, double *v, pf_error *error) {
  (void)context, (void)t, (void)error;
  for (int64_t e = 0; e < n * D; e++) v[e] = x[e];
  return PF_OK;
}

/* x' = 3 is straight; x' = x over [0, L]: chord q = e^L - 1, int |dx/dr|^2 dr = L (e^2L - 1) / 2, S = that / q^2 - 1. */
static void straightness_has_its_closed_form(void **state) {
  (void)state;
  double t[65], S = -1, L = 1.5, q = expm1(L);
  pf_ode_system straight = {nothing, NULL, N, D}, curved = {pull, NULL, N, D};
  pf_ode_uniform_grid(0, L, 64, t);
  assert_int_equal(pf_solve_straightness(&straight, (pf_ode_grid){t, 64}, START, &S, NULL), PF_OK);
  assert_true(S >= 0 && S < 1e-28);
  assert_int_equal(pf_solve_straightness(&curved, (pf_ode_grid){t, 64}, START, &S, NULL), PF_OK);
  assert_true(fabs(S - (L * expm1(2 * L) / 2 / (q * q) - 1)) < 1e-6);
  assert_int_equal(pf_solve_straightness(&curved, (pf_ode_grid){t, 63}, START, &S, NULL), PF_USAGE);
}

/* ---- refusals ---- */

static pf_status turns_nan(void *context, double t, const double *x, int64_t n, double *v, pf_error *error) {
  (void)context, (void)error;
  for (int64_t i = 0; i < n * D; i++) v[i] = t >= .4 ? NAN : x[i];
  return PF_OK;
}

static void failures_leave_the_rows_alone(void **state) {
  (void)state;
  double t[11], x[N * D];
  pf_ode_uniform_grid(0, .9, 10, t);
  for (int s = 0; s < PF_SOLVER_COUNT; s++) {
    pf_solver_options how = options_of((pf_solver)s);
    pf_ode_system system = {turns_nan, NULL, N, D};
    how.denoiser = turns_nan;
    memcpy(x, START, sizeof x);
    assert_int_equal(pf_solve(&how, &system, (pf_ode_grid){t, 10}, x, NULL, NULL), PF_NON_FINITE);
    assert_memory_equal(x, START, sizeof x);
    pf_memory_fail_at(1);
    assert_int_equal(pf_solve(&how, &system, (pf_ode_grid){t, 10}, x, NULL, NULL), PF_NO_MEMORY);
    pf_memory_fail_at(0);
    how.denoiser = NULL;
    if (pf_solver_needs_denoiser((pf_solver)s))
      assert_int_equal(pf_solve(&how, &system, (pf_ode_grid){t, 10}, x, NULL, NULL), PF_USAGE);
    assert_memory_equal(x, START, sizeof x);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_solver_has_its_order),
      cmocka_unit_test(adaptive_steps_keep_their_tolerance),
      cmocka_unit_test(evaluations_are_what_the_table_says),
      cmocka_unit_test(names_are_found),
      cmocka_unit_test(rows_do_not_know_each_other),
      cmocka_unit_test(a_workspace_of_the_named_size_is_enough),
      cmocka_unit_test(random_times_repeat_and_are_uniform),
      cmocka_unit_test(runs_in_a_row_are_one_run),
      cmocka_unit_test(local_linearisation_is_exact_for_affine_fields),
      cmocka_unit_test(local_linearisation_at_its_limits),
      cmocka_unit_test(straightness_has_its_closed_form),
      cmocka_unit_test(failures_leave_the_rows_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
