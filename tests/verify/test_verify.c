/* The verification of the characteristic generator: its checks hold, and wrong fields make them fail. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "verify/characteristic.h"

/* Fewer draws than the command uses: the lattice's error is still a small part of the bands. */
static const pf_exact_subject RIGHT = {pf_mixture_velocity_field, pf_mixture_denoiser_field, 4181, 377};

static pf_verify_run open_run(int threads, const pf_hooks *hooks) {
  pf_verify_run run;
  assert_int_equal(pf_verify_open(1, threads, hooks, &run, NULL), PF_OK);
  return run;
}

static int failures(const pf_verify_run *run) {
  int count = 0;
  for (int i = 0; i < run->result.count; i++) count += !run->result.checks[i].holds;
  return count;
}

static const pf_check *find(const pf_verify_run *run, const char *name) {
  for (int i = 0; i < run->result.count; i++)
    if (strcmp(run->result.checks[i].name, name) == 0) return &run->result.checks[i];
  fail_msg("no check '%s'", name);
  return NULL;
}

static void expect_all_hold(const pf_verify_run *run, int at_least) {
  assert_true(run->result.count >= at_least);
  for (int i = 0; i < run->result.count; i++) {
    const pf_check *c = &run->result.checks[i];
    if (!c->holds) fail_msg("%s: %.9g, expected %.9g +- %.3g", c->name, c->value, c->expected, c->tolerance);
  }
}

static void closed_forms_hold(void **state) {
  (void)state;
  pf_verify_run run = open_run(1, NULL);
  assert_int_equal(pf_verify_closed_forms(&run, &RIGHT, NULL), PF_OK);
  expect_all_hold(&run, 30);
  pf_verify_close(&run);
}

static void map_identities_hold(void **state) {
  (void)state;
  pf_verify_run run = open_run(1, NULL);
  assert_int_equal(pf_verify_map_identities(&run, NULL), PF_OK);
  expect_all_hold(&run, 16);
  assert_true(find(&run, "g(t,t,x) = x exactly, follmer")->tolerance == 0);
  pf_verify_close(&run);
}

static void integrator_errors_hold_and_do_not_depend_on_threads(void **state) {
  (void)state;
  pf_verify_run one = open_run(1, NULL), two = open_run(2, NULL);
  pf_exact_subject few = RIGHT;
  few.draws = 610; /* two chunks and a part */
  assert_int_equal(pf_verify_integrator_errors(&one, &few, NULL), PF_OK);
  assert_int_equal(pf_verify_integrator_errors(&two, &few, NULL), PF_OK);
  assert_int_equal(one.result.count, two.result.count);
  for (int i = 0; i < one.result.count; i++)
    assert_true(one.result.checks[i].value == two.result.checks[i].value);
  pf_verify_close(&one);
  pf_verify_close(&two);
  pf_verify_run run = open_run(0, NULL);
  assert_int_equal(pf_verify_integrator_errors(&run, &RIGHT, NULL), PF_OK);
  expect_all_hold(&run, 82);
  assert_int_equal(pf_verify_integrator_orders(&run, &RIGHT, NULL), PF_OK);
  expect_all_hold(&run, 90);
  pf_verify_close(&run);
}

/* ---- wrong fields ---- */

/* One per cent too fast. */
static pf_status fast_velocity(void *context, double t, const double *x, int64_t n, double *v,
                               pf_error *error) {
  const pf_mixture_field *field = context;
  pf_status status = pf_mixture_velocity_field(context, t, x, n, v, error);
  for (int64_t i = 0; i < n * field->mixture->d; i++) v[i] *= 1.01;
  return status;
}

/* Evaluated a little late: consistent at no time, but smooth. */
static pf_status late_denoiser(void *context, double t, const double *x, int64_t n, double *v,
                               pf_error *error) {
  return pf_mixture_denoiser_field(context, 0.99 * t, x, n, v, error);
}

static pf_status broken_velocity(void *context, double t, const double *x, int64_t n, double *v,
                                 pf_error *error) {
  pf_status status = pf_mixture_velocity_field(context, t, x, n, v, error);
  v[0] = NAN;
  return status;
}

static void wrong_velocity_fails(void **state) {
  (void)state;
  pf_exact_subject wrong = {fast_velocity, pf_mixture_denoiser_field, 233, 89};
  pf_verify_run run = open_run(1, NULL);
  assert_int_equal(pf_verify_closed_forms(&run, &wrong, NULL), PF_OK);
  assert_false(find(&run, "exact map, trig")->holds);
  assert_false(find(&run, "linear velocity at t=0.3")->holds);
  assert_false(find(&run, "exponential equals Euler, linear")->holds);
  assert_false(find(&run, "flow is the exact Gaussian map")->holds);
  assert_true(find(&run, "one exponential step collapses, trig")->holds); /* the denoiser is right */
  assert_int_equal(pf_verify_integrator_errors(&run, &wrong, NULL), PF_OK);
  assert_false(find(&run, "rms linear Euler K=1000")->holds);
  assert_false(find(&run, "rms trig Heun K=100")->holds);
  assert_int_equal(pf_verify_integrator_orders(&run, &wrong, NULL), PF_OK);
  assert_false(find(&run, "order of linear Heun")->holds); /* it converges to something else */
  pf_verify_close(&run);
}

static void wrong_denoiser_fails(void **state) {
  (void)state;
  pf_exact_subject wrong = {pf_mixture_velocity_field, late_denoiser, 233, 89};
  pf_verify_run run = open_run(1, NULL);
  assert_int_equal(pf_verify_closed_forms(&run, &wrong, NULL), PF_OK);
  assert_true(find(&run, "exact map, trig")->holds);
  assert_false(find(&run, "exponential, follmer, K=10")->holds);
  assert_false(find(&run, "trig denoiser at t=0.8")->holds);
  assert_int_equal(pf_verify_integrator_orders(&run, &wrong, NULL), PF_OK);
  assert_true(find(&run, "order of trig Euler")->holds);
  assert_false(find(&run, "order of trig exponential")->holds);
  pf_verify_close(&run);
}

/* A NaN is a check that does not hold, not a failure of the run and not a pass. */
static void nan_fails_every_check_it_touches(void **state) {
  (void)state;
  pf_exact_subject wrong = {broken_velocity, pf_mixture_denoiser_field, 89, 89};
  pf_verify_run run = open_run(1, NULL);
  assert_int_equal(pf_verify_closed_forms(&run, &wrong, NULL), PF_OK);
  assert_false(find(&run, "exact map, linear")->holds);
  assert_false(find(&run, "velocity at t=0, trig")->holds);
  assert_true(isnan(find(&run, "velocity at t=0, trig")->value));
  int before = failures(&run);
  assert_int_equal(pf_verify_integrator_errors(&run, &wrong, NULL), PF_OK);
  assert_true(failures(&run) - before >= 50);
  pf_verify_close(&run);
}

/* ---- the run itself ---- */

static void checks_hold_inside_the_band_only(void **state) {
  (void)state;
  pf_verify_run run = open_run(1, NULL);
  const pf_claim claims[] = {{1, 1, 0},   {1.1, 1, .2}, {.9, 1, .2},      {1.3, 1, .2},
                             {.7, 1, .2}, {NAN, 1, .2}, {INFINITY, 1, 1}, {1, 1, NAN}};
  const bool expected[] = {true, true, true, false, false, false, false, false};
  for (int i = 0; i < 8; i++) assert_int_equal(pf_verify_add(&run, claims[i], NULL, "check %d", i), PF_OK);
  for (int i = 0; i < 8; i++) assert_int_equal(run.result.checks[i].holds, expected[i]);
  const double x[] = {1, 2, NAN, 3}, y[] = {1, 2.5, 2, 3};
  assert_int_equal(pf_verify_add_largest(&run, "two", x, y, 2, .5, NULL), PF_OK);
  assert_true(run.result.checks[8].value == .5 && run.result.checks[8].holds);
  assert_int_equal(pf_verify_add_largest(&run, "four", x, y, 4, .5, NULL), PF_OK);
  assert_false(run.result.checks[9].holds);
  pf_verify_close(&run);
}

static void list_is_complete(void **state) {
  (void)state;
  const pf_verification_entry *entry = NULL;
  pf_error error = {0};
  assert_string_equal(pf_verification_at(0)->name, "characteristic");
  assert_null(pf_verification_at(-1));
  int count = 0;
  while (pf_verification_at(count)) {
    assert_int_equal(pf_verification_find(pf_verification_at(count)->name, &entry, NULL), PF_OK);
    assert_ptr_equal(entry, pf_verification_at(count++));
  }
  assert_int_equal(pf_verification_find("charcteristic", &entry, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "characteristic"));
}

typedef struct watch {
  int calls, stop_after;
} watch;

static void count_progress(void *context, const pf_progress *progress) {
  watch *w = context;
  assert_non_null(progress->stage);
  assert_true(progress->done <= progress->total);
  w->calls++;
}

static bool stop_at(void *context) {
  const watch *w = context;
  return w->calls >= w->stop_after;
}

static void stops_when_asked(void **state) {
  (void)state;
  watch w = {.stop_after = 2};
  pf_hooks hooks = {.context = &w, .progress = count_progress, .stop = stop_at};
  pf_verify_run run = open_run(1, &hooks);
  pf_error error = {0};
  assert_int_equal(pf_verify_characteristic(&run, &error), PF_STOPPED);
  assert_int_equal(w.calls, 2);
  assert_non_null(strstr(error.message, "closed forms"));
  pf_verify_close(&run);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(closed_forms_hold),
      cmocka_unit_test(map_identities_hold),
      cmocka_unit_test(integrator_errors_hold_and_do_not_depend_on_threads),
      cmocka_unit_test(wrong_velocity_fails),
      cmocka_unit_test(wrong_denoiser_fails),
      cmocka_unit_test(nan_fails_every_check_it_touches),
      cmocka_unit_test(checks_hold_inside_the_band_only),
      cmocka_unit_test(list_is_complete),
      cmocka_unit_test(stops_when_asked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
