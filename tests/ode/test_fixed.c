/* Fixed-step integration: order of every tableau, the exponential step, failures. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "base/memory.h"
#include "ode/ode.h"

enum { N = 3, D = 2, MAX_STEPS = 512 };

/* x1' = cos(t) x1, x2' = cos(t) x2^2: x1 = c exp(sin t), x2 = 1 / (1/x2(0) - sin t). Nonlinear and time dependent. */
static pf_status bernoulli(void *context, double t, const double *x, int64_t n, double *v, pf_error *error) {
  (void)error;
  if (context) ++*(int *)context;
  for (int64_t i = 0; i < n; i++) {
    v[2 * i] = cos(t) * x[2 * i];
    v[2 * i + 1] = cos(t) * x[2 * i + 1] * x[2 * i + 1];
  }
  return PF_OK;
}

static const double START[N * D] = {1, .3, -2, -.4, .5, .2};

static void exact(double t, double *x) {
  for (int i = 0; i < N; i++) {
    x[2 * i] = START[2 * i] * exp(sin(t));
    x[2 * i + 1] = 1 / (1 / START[2 * i + 1] - sin(t));
  }
}

static double error_of(pf_ode_method method, int steps, double end) {
  double t[MAX_STEPS + 1], x[N * D], reference[N * D], worst = 0;
  pf_ode_system system = {bernoulli, NULL, N, D};
  pf_ode_uniform_grid(0, end, steps, t);
  memcpy(x, START, sizeof x);
  assert_int_equal(pf_ode_fixed(method, &system, (pf_ode_grid){t, steps}, x, NULL, NULL), PF_OK);
  exact(end, reference);
  for (int i = 0; i < N * D; i++) worst = fmax(worst, fabs(x[i] - reference[i]));
  return worst;
}

static void every_tableau_has_its_order(void **state) {
  (void)state;
  for (int method = 0; method < PF_ODE_METHOD_COUNT; method++) {
    const pf_tableau *tableau = pf_tableau_of((pf_ode_method)method);
    int steps = tableau->order == 4 ? 32 : 128;
    for (double end = -1; end <= 1; end += 2) { /* also backwards */
      double slope =
          log2(error_of((pf_ode_method)method, steps, end) / error_of((pf_ode_method)method, 2 * steps, end));
      if (!(fabs(slope - tableau->order) < .12)) fail_msg("%s: slope %g to t=%g", tableau->name, slope, end);
    }
  }
}

static void every_tableau_is_consistent(void **state) {
  (void)state;
  for (int method = 0; method < PF_ODE_METHOD_COUNT; method++) {
    const pf_tableau *tableau = pf_tableau_of((pf_ode_method)method);
    double total = 0, half = 0;
    for (int i = 0; i < tableau->stages; i++) {
      double row = 0;
      for (int j = 0; j < tableau->stages; j++) {
        if (j >= i) assert_true(tableau->a[i][j] == 0);
        row += tableau->a[i][j];
      }
      assert_true(fabs(row - tableau->c[i]) < 1e-15);
      total += tableau->b[i];
      half += tableau->b[i] * tableau->c[i];
    }
    assert_true(fabs(total - 1) < 1e-15);
    if (tableau->order >= 2) assert_true(fabs(half - .5) < 1e-15);
    pf_ode_method found;
    assert_int_equal(pf_ode_method_find(tableau->name, &found, NULL), PF_OK);
    assert_int_equal(found, method);
  }
}

static void unknown_method_lists_the_names(void **state) {
  (void)state;
  pf_ode_method method = PF_ODE_RK4;
  pf_error error = {0};
  assert_int_equal(pf_ode_method_find("rk5", &method, &error), PF_USAGE);
  assert_int_equal(method, PF_ODE_RK4);
  assert_non_null(strstr(error.message, "heun"));
}

/* ---- observer, evaluations, workspace ---- */

typedef struct trace {
  int calls;
  double last_t, last_x;
} trace;

static pf_status record(void *context, int k, double t, const double *x, pf_error *error) {
  trace *seen = context;
  assert_int_equal(k, seen->calls++);
  seen->last_t = t;
  seen->last_x = x[N * D - 1];
  return k == 7 ? pf_fail(error, PF_STOPPED, "enough") : PF_OK;
}

static void observer_sees_every_node_and_may_stop(void **state) {
  (void)state;
  double t[11], x[N * D];
  trace seen = {0};
  pf_ode_system system = {bernoulli, NULL, N, D};
  pf_ode_options options = {record, &seen, NULL};
  memcpy(x, START, sizeof x);
  pf_ode_uniform_grid(0, .5, 5, t);
  assert_int_equal(pf_ode_fixed(PF_ODE_HEUN, &system, (pf_ode_grid){t, 5}, x, &options, NULL), PF_OK);
  assert_int_equal(seen.calls, 6);
  assert_true(seen.last_t == .5 && seen.last_x == x[N * D - 1]);
  seen = (trace){0};
  memcpy(x, START, sizeof x);
  pf_ode_uniform_grid(0, 1, 10, t);
  assert_int_equal(pf_ode_fixed(PF_ODE_HEUN, &system, (pf_ode_grid){t, 10}, x, &options, NULL), PF_STOPPED);
  assert_int_equal(seen.calls, 8);
  assert_memory_equal(x, START, sizeof x);
}

static void stages_count_and_workspace_is_reused(void **state) {
  (void)state;
  double t[11], x[N * D];
  int calls = 0;
  pf_ode_workspace workspace = {0};
  pf_ode_system system = {bernoulli, &calls, N, D};
  pf_ode_options options = {NULL, NULL, &workspace};
  pf_ode_uniform_grid(0, 1, 10, t);
  memcpy(x, START, sizeof x);
  assert_int_equal(pf_ode_fixed(PF_ODE_RK4, &system, (pf_ode_grid){t, 10}, x, &options, NULL), PF_OK);
  assert_int_equal(calls, 40);
  int64_t before = pf_memory_allocations();
  assert_int_equal(pf_ode_fixed(PF_ODE_RK4, &system, (pf_ode_grid){t, 10}, x, &options, NULL), PF_OK);
  assert_true(pf_memory_allocations() == before);
  pf_ode_workspace_free(&workspace);
}

/* ---- exponential step ---- */

static pf_status denoiser(void *context, double t, const double *x, int64_t n, double *v, pf_error *error) {
  (void)context;
  (void)error;
  for (int64_t i = 0; i < n * D; i++) v[i] = tanh(x[i] + t);
  return PF_OK;
}

/* Velocity of the linear interpolant with that denoiser: (D - x) / (1 - t). */
static pf_status linear_velocity(void *context, double t, const double *x, int64_t n, double *v,
                                 pf_error *error) {
  denoiser(context, t, x, n, v, error);
  for (int64_t i = 0; i < n * D; i++) v[i] = (v[i] - x[i]) / (1 - t);
  return PF_OK;
}

static void linear_coefficients(const void *context, double t, double s, double *a, double *b) {
  (void)context;
  *a = (1 - s) / (1 - t);
  *b = (s - t) / (1 - t);
}

static void exponential_step_is_euler_for_the_linear_schedule(void **state) {
  (void)state;
  double t[9], euler[N * D], x[N * D], last[N * D];
  pf_ode_system velocity = {linear_velocity, NULL, N, D}, mean = {denoiser, NULL, N, D};
  pf_ode_exponential_rule rule = {linear_coefficients, NULL};
  pf_ode_uniform_grid(0, .9, 8, t);
  memcpy(euler, START, sizeof x);
  memcpy(x, START, sizeof x);
  assert_int_equal(pf_ode_fixed(PF_ODE_EULER, &velocity, (pf_ode_grid){t, 8}, euler, NULL, NULL), PF_OK);
  assert_int_equal(pf_ode_exponential(rule, &mean, (pf_ode_grid){t, 8}, x, NULL, NULL), PF_OK);
  for (int i = 0; i < N * D; i++) assert_true(fabs(x[i] - euler[i]) < 1e-14);
  /* the last step to s = 1 returns the denoiser */
  denoiser(NULL, .9, x, N, last, NULL);
  double end[2] = {.9, 1};
  assert_int_equal(pf_ode_exponential(rule, &mean, (pf_ode_grid){end, 1}, x, NULL, NULL), PF_OK);
  for (int i = 0; i < N * D; i++) assert_true(fabs(x[i] - last[i]) < 1e-14);
}

/* ---- failures ---- */

static pf_status turns_nan(void *context, double t, const double *x, int64_t n, double *v, pf_error *error) {
  (void)error;
  for (int64_t i = 0; i < n * D; i++) v[i] = x[i];
  if (t >= .5) v[3] = *(double *)context;
  return PF_OK;
}

static void non_finite_fields_are_errors(void **state) {
  (void)state;
  double t[11], x[N * D], bad[] = {NAN, INFINITY};
  pf_ode_uniform_grid(0, 1, 10, t);
  for (int k = 0; k < 2; k++)
    for (int method = 0; method < PF_ODE_METHOD_COUNT; method++) {
      pf_error error = {0};
      pf_ode_system system = {turns_nan, &bad[k], N, D};
      memcpy(x, START, sizeof x);
      assert_int_equal(pf_ode_fixed((pf_ode_method)method, &system, (pf_ode_grid){t, 10}, x, NULL, &error),
                       PF_NON_FINITE);
      assert_memory_equal(x, START, sizeof x);
      assert_non_null(strstr(error.message, "row 1, column 1"));
    }
  x[0] = NAN; /* a NaN at the start is an error too */
  pf_ode_system system = {bernoulli, NULL, N, D};
  assert_int_equal(pf_ode_fixed(PF_ODE_EULER, &system, (pf_ode_grid){t, 10}, x, NULL, NULL), PF_NON_FINITE);
}

static void bad_grids_are_refused(void **state) {
  (void)state;
  double x[N * D], repeated[] = {0, .5, .5}, turning[] = {0, .5, .2}, broken[] = {0, NAN, 1};
  pf_ode_system system = {bernoulli, NULL, N, D};
  memcpy(x, START, sizeof x);
  assert_int_equal(pf_ode_fixed(PF_ODE_EULER, &system, (pf_ode_grid){repeated, 2}, x, NULL, NULL), PF_USAGE);
  assert_int_equal(pf_ode_fixed(PF_ODE_EULER, &system, (pf_ode_grid){turning, 2}, x, NULL, NULL), PF_USAGE);
  assert_int_equal(pf_ode_fixed(PF_ODE_EULER, &system, (pf_ode_grid){broken, 2}, x, NULL, NULL), PF_USAGE);
  assert_int_equal(pf_ode_fixed(PF_ODE_EULER, &system, (pf_ode_grid){repeated, 0}, x, NULL, NULL), PF_USAGE);
  pf_memory_fail_at(1);
  assert_int_equal(pf_ode_fixed(PF_ODE_EULER, &system, (pf_ode_grid){turning, 1}, x, NULL, NULL),
                   PF_NO_MEMORY);
  pf_memory_fail_at(0);
  assert_memory_equal(x, START, sizeof x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_tableau_has_its_order),
      cmocka_unit_test(every_tableau_is_consistent),
      cmocka_unit_test(unknown_method_lists_the_names),
      cmocka_unit_test(observer_sees_every_node_and_may_stop),
      cmocka_unit_test(stages_count_and_workspace_is_reused),
      cmocka_unit_test(exponential_step_is_euler_for_the_linear_schedule),
      cmocka_unit_test(non_finite_fields_are_errors),
      cmocka_unit_test(bad_grids_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
