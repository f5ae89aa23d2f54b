/* Adaptive integration (ARKODE): closed forms, tiles, failures. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "base/memory.h"
#include "ode/ode.h"

enum { N = 10, D = 2 };

/* A rotation of angular speed 1 + t, plus decay of rate k. */
static pf_status spiral(void *context, double t, const double *x, int64_t n, double *v, pf_error *error) {
  (void)error;
  double k = *(double *)context;
  for (int64_t i = 0; i < n; i++) {
    v[2 * i] = -k * x[2 * i] - (1 + t) * x[2 * i + 1];
    v[2 * i + 1] = -k * x[2 * i + 1] + (1 + t) * x[2 * i];
  }
  return PF_OK;
}

static void start(double *x) {
  for (int i = 0; i < N * D; i++) x[i] = sin(3 * i + 1) * (1 + i);
}

static void matches_the_closed_form(void **state) {
  (void)state;
  double k = .7, x[N * D], x0[N * D];
  pf_ode_system system = {spiral, &k, N, D};
  pf_ode_adaptive_options options = pf_ode_adaptive_default();
  for (int loose = 0; loose < 2; loose++)
    for (double end = 2; end >= -1; end -= 3) { /* 2 and, backwards, -1 */
      options.rtol = loose ? 1e-4 : 1e-9;
      options.atol = options.rtol;
      start(x0);
      start(x);
      pf_ode_adaptive_result result;
      assert_int_equal(pf_ode_adaptive(&options, &system, (pf_ode_span){0, end}, x, &result, NULL), PF_OK);
      assert_true(result.steps > 3 && result.evaluations >= 6 * result.steps);
      double angle = end + end * end / 2, scale = exp(-k * end);
      for (int i = 0; i < N; i++) {
        double a = scale * (cos(angle) * x0[2 * i] - sin(angle) * x0[2 * i + 1]);
        double b = scale * (sin(angle) * x0[2 * i] + cos(angle) * x0[2 * i + 1]);
        assert_true(fabs(x[2 * i] - a) < 500 * options.rtol);
        assert_true(fabs(x[2 * i + 1] - b) < 500 * options.rtol);
      }
    }
}

/* Rows cut at tile boundaries give the bits of the whole. */
static void chunks_at_tile_boundaries_do_not_matter(void **state) {
  (void)state;
  double k = .7, whole[N * D], parts[N * D];
  pf_ode_adaptive_options options = pf_ode_adaptive_default();
  options.tile_rows = 4;
  start(whole);
  start(parts);
  pf_ode_system system = {spiral, &k, N, D}, head = {spiral, &k, 4, D}, tail = {spiral, &k, N - 4, D};
  assert_int_equal(pf_ode_adaptive(&options, &system, (pf_ode_span){0, 1}, whole, NULL, NULL), PF_OK);
  assert_int_equal(pf_ode_adaptive(&options, &head, (pf_ode_span){0, 1}, parts, NULL, NULL), PF_OK);
  assert_int_equal(pf_ode_adaptive(&options, &tail, (pf_ode_span){0, 1}, parts + 4 * D, NULL, NULL), PF_OK);
  assert_memory_equal(whole, parts, sizeof whole);
}

static void an_empty_span_changes_nothing(void **state) {
  (void)state;
  double k = .7, x[N * D], x0[N * D];
  pf_ode_system system = {spiral, &k, N, D};
  pf_ode_adaptive_options options = pf_ode_adaptive_default();
  start(x);
  start(x0);
  assert_int_equal(pf_ode_adaptive(&options, &system, (pf_ode_span){.3, .3}, x, NULL, NULL), PF_OK);
  assert_memory_equal(x, x0, sizeof x);
}

/* ---- failures: the state is left alone and the message says where ---- */

static void expect_failure(pf_ode_adaptive_options options, const pf_ode_system *system, pf_status status,
                           const char *part) {
  double x[N * D], x0[N * D];
  pf_error error = {0};
  start(x);
  start(x0);
  assert_int_equal(pf_ode_adaptive(&options, system, (pf_ode_span){0, 2}, x, NULL, &error), status);
  assert_memory_equal(x, x0, sizeof x);
  if (!strstr(error.message, part)) fail_msg("'%s' does not mention '%s'", error.message, part);
}

static pf_status nan_after_half(void *context, double t, const double *x, int64_t n, double *v,
                                pf_error *error) {
  double k = 1;
  spiral(&k, t, x, n, v, error);
  if (t > .5 && n == 2) v[3] = *(double *)context; /* the last tile of four rows has two */
  return PF_OK;
}

static pf_status blows_up(void *context, double t, const double *x, int64_t n, double *v, pf_error *error) {
  (void)context;
  (void)t;
  (void)error;
  for (int64_t i = 0; i < n * D; i++) v[i] = 1 + x[i] * x[i];
  return PF_OK;
}

static pf_status refuses(void *context, double t, const double *x, int64_t n, double *v, pf_error *error) {
  (void)context;
  (void)x;
  (void)n;
  (void)v;
  return pf_fail(error, PF_BAD_INPUT, "no field at t=%g", t);
}

static void failures_are_explained(void **state) {
  (void)state;
  double bad[] = {NAN, INFINITY}, k = 1;
  pf_ode_adaptive_options options = pf_ode_adaptive_default();
  options.tile_rows = 4;
  for (int i = 0; i < 2; i++)
    expect_failure(options, &(pf_ode_system){nan_after_half, &bad[i], N, D}, PF_NON_FINITE,
                   "row 9, column 1");
  expect_failure(options, &(pf_ode_system){refuses, NULL, N, D}, PF_BAD_INPUT, "no field at t=0");
  options.max_steps = 3;
  expect_failure(options, &(pf_ode_system){spiral, &k, N, D}, PF_FAILED, "step limit");
  options.max_steps = 2000;
  pf_error error = {0};
  double x[N * D];
  start(x);
  pf_ode_system explosive = {blows_up, NULL, N, D};
  pf_status status = pf_ode_adaptive(&options, &explosive, (pf_ode_span){0, 4}, x, NULL, &error);
  assert_true(status == PF_FAILED || status == PF_NON_FINITE);
  assert_non_null(strstr(error.message, "t="));
  options = pf_ode_adaptive_default();
  options.rtol = NAN;
  expect_failure(options, &(pf_ode_system){spiral, &k, N, D}, PF_USAGE, "rtol nan");
  options = pf_ode_adaptive_default();
  options.tile_rows = 0;
  expect_failure(options, &(pf_ode_system){spiral, &k, N, D}, PF_USAGE, "tile_rows 0");
  options = pf_ode_adaptive_default();
  pf_memory_fail_at(1);
  expect_failure(options, &(pf_ode_system){spiral, &k, N, D}, PF_NO_MEMORY, "memory");
  pf_memory_fail_at(0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(matches_the_closed_form),
      cmocka_unit_test(chunks_at_tile_boundaries_do_not_matter),
      cmocka_unit_test(an_empty_span_changes_nothing),
      cmocka_unit_test(failures_are_explained),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
