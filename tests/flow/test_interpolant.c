/* Interpolants: derivatives by differences, exact ends, steps, clocks, preconditioning. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "flow/interpolant.h"

static void expect_close(double value, double expected, double tolerance) {
  if (!(fabs(value - expected) <= tolerance)) fail_msg("%.15g, expected %.15g", value, expected);
}

#define EACH_KIND(kind) for (pf_interpolant kind = 0; kind < PF_INTERPOLANT_COUNT; kind++)

static void coefficients_have_their_formulas(void **state) {
  (void)state;
  const double pi = acos(-1), t = .3;
  pf_interpolant_values v = pf_interpolant_at(PF_INTERPOLANT_LINEAR, t);
  expect_close(v.alpha, .7, 1e-15);
  expect_close(v.beta, .3, 1e-15);
  v = pf_interpolant_at(PF_INTERPOLANT_FOLLMER, t);
  expect_close(v.alpha, sqrt(1 - .09), 1e-15);
  expect_close(v.beta, .3, 1e-15);
  v = pf_interpolant_at(PF_INTERPOLANT_TRIG, t);
  expect_close(v.alpha, cos(pi * .15), 1e-15);
  expect_close(v.beta, sin(pi * .15), 1e-15);
}

static void derivatives_match_differences(void **state) {
  (void)state;
  const double h = 1e-5;
  EACH_KIND(kind)
  for (double t = .05; t < .96; t += .1) {
    pf_interpolant_values v = pf_interpolant_at(kind, t);
    pf_interpolant_values up = pf_interpolant_at(kind, t + h), down = pf_interpolant_at(kind, t - h);
    expect_close(v.alpha_dot, (up.alpha - down.alpha) / (2 * h), 2e-7);
    expect_close(v.beta_dot, (up.beta - down.beta) / (2 * h), 2e-7);
    expect_close(v.alpha_alpha_dot, v.alpha * v.alpha_dot, 1e-14);
    expect_close(v.drift, v.alpha_dot / v.alpha, 1e-12);
    expect_close(v.gain, v.beta_dot - v.beta * v.alpha_dot / v.alpha, 1e-12);
  }
}

static void ends_are_exact(void **state) {
  (void)state;
  EACH_KIND(kind) {
    pf_interpolant_values v = pf_interpolant_at(kind, 0);
    assert_true(v.alpha == 1 && v.beta == 0);
    v = pf_interpolant_at(kind, 1);
    assert_true(v.alpha == 0 && v.beta == 1);
    assert_true(isfinite(v.alpha_alpha_dot));
  }
  assert_true(pf_interpolant_at(PF_INTERPOLANT_FOLLMER, 1).alpha_alpha_dot == -1);
  assert_true(pf_interpolant_default_end(PF_INTERPOLANT_FOLLMER) == .999);
}

static void exponential_steps_compose_along_a_fixed_denoiser(void **state) {
  (void)state;
  EACH_KIND(kind)
  for (double t = 0; t < .95; t += .15)
    for (double s = t; s <= 1; s += .05) {
      double a, b;
      pf_interpolant_step(kind, t, s, &a, &b);
      pf_interpolant_values from = pf_interpolant_at(kind, t), to = pf_interpolant_at(kind, s);
      expect_close(a * from.alpha, to.alpha, 1e-14);
      expect_close(a * from.beta + b, to.beta,
                   1e-14); /* a point alpha_t z + beta_t x moves to alpha_s z + beta_s x */
      pf_interpolant_coefficients(&kind, t, s, &a, &b);
      expect_close(a * from.beta + b, to.beta, 1e-14);
      pf_interpolant_step(kind, t, t, &a, &b);
      assert_true(a == 1 && b == 0);
      pf_interpolant_step(kind, t, 1, &a, &b);
      assert_true(a == 0 && b == 1);
    }
}

static void clocks_invert_the_ratio(void **state) {
  (void)state;
  EACH_KIND(kind)
  for (double t = 0; t <= 1; t += .125) {
    pf_interpolant_values v = pf_interpolant_at(kind, t);
    expect_close(pf_interpolant_time(kind, v.alpha, v.beta), t, 1e-14);
    expect_close(pf_interpolant_time(kind, 3 * v.alpha, 3 * v.beta), t, 1e-14);
  }
}

/* E|X_1|^2 = 16.06 in two dimensions. */
static void early_stop_has_its_reference_values(void **state) {
  (void)state;
  static const struct {
    pf_interpolant kind;
    double end, value;
  } CASES[] = {{PF_INTERPOLANT_LINEAR, .999, .0042}, {PF_INTERPOLANT_FOLLMER, .999, .0634},
               {PF_INTERPOLANT_TRIG, .999, .0022},   {PF_INTERPOLANT_LINEAR, .99, .0425},
               {PF_INTERPOLANT_FOLLMER, .99, .2035}, {PF_INTERPOLANT_TRIG, .99, .0222}};
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
    expect_close(pf_interpolant_early_stop(CASES[i].kind, CASES[i].end, 2, 16.06), CASES[i].value, 5.1e-5);
}

/* skip x + out target = x_1 for every x_0, x_1, and the target has unit variance when the data has variance sd^2. */
static void preconditioning_recovers_the_data(void **state) {
  (void)state;
  EACH_KIND(kind)
  for (double sd = .5; sd < 3; sd *= 2)
    for (double t = 0; t < 1; t += .2) {
      pf_interpolant_values v = pf_interpolant_at(kind, t);
      pf_preconditioner p = pf_interpolant_precondition(kind, t, sd);
      expect_close(p.skip * v.alpha + p.out * p.target_noise, 0, 1e-14);
      expect_close(p.skip * v.beta + p.out * p.target_data, 1, 1e-14);
      expect_close(p.target_data * p.target_data * sd * sd + p.target_noise * p.target_noise, 1, 1e-14);
      expect_close(p.in * p.in * (v.alpha * v.alpha + v.beta * v.beta * sd * sd), 1, 1e-14);
    }
  pf_preconditioner p = pf_interpolant_precondition(PF_INTERPOLANT_FOLLMER, .6, 1);
  expect_close(p.target_data, .8, 1e-15); /* alpha X_1 - beta X_0 */
  expect_close(p.target_noise, -.6, 1e-15);
}

static void names_round_trip(void **state) {
  (void)state;
  EACH_KIND(kind) {
    pf_interpolant found = PF_INTERPOLANT_COUNT;
    assert_int_equal(pf_interpolant_find(pf_interpolant_name(kind), &found, NULL), PF_OK);
    assert_int_equal(found, kind);
    assert_true(strlen(pf_interpolant_description(kind)) > 5);
  }
  pf_interpolant kind = PF_INTERPOLANT_TRIG;
  pf_error error = {0};
  assert_int_equal(pf_interpolant_find("cosine", &kind, &error), PF_USAGE);
  assert_int_equal(kind, PF_INTERPOLANT_TRIG);
  assert_non_null(strstr(error.message, "follmer"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(coefficients_have_their_formulas),
      cmocka_unit_test(derivatives_match_differences),
      cmocka_unit_test(ends_are_exact),
      cmocka_unit_test(exponential_steps_compose_along_a_fixed_denoiser),
      cmocka_unit_test(clocks_invert_the_ratio),
      cmocka_unit_test(early_stop_has_its_reference_values),
      cmocka_unit_test(preconditioning_recovers_the_data),
      cmocka_unit_test(names_round_trip),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
