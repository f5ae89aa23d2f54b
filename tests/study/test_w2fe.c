/* The study of W2-FE: verdicts on made-up numbers, and the cheapest cells against closed forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "study/w2fe.h"
#include "study_test.h"

/* ---- verdicts ---- */

static double rate_law(int value, double order, double rate) {
  if (value < 5) return .5 * pow(.25 / (1 << value), order);
  if (value < 10) return pow(.25 / (1 << (value - 5)), 2 * order) / 6;
  if (value < 14) return pow(1. / (1 << (value - 10)), 4 * order) / 120;
  if (value == 14) return 1e-15;
  return value == 15 ? -2 * rate : exp(-rate * (value - 15) / 4.);
}
static double rate_right(const char *key, int value) {
  return rate_law(value, 1 + 1e-3 * scatter(key, value), 1);
}
static double rate_wrong(const char *key, int value) {
  return rate_law(value, .5 + 1e-3 * scatter(key, value), 2);
}

static void rate_judges(void **state) {
  (void)state;
  expect_verdicts(&pf_study_w2fe_rate, rate_right, rate_wrong, 4 * 2 + 3 * 2); /* all but the factors */
}

static double bias_law(const char *key, int value, double steeper, double line) {
  double d = number_in(key, "d="), n = number_in(key, "n="), dt = number_in(key, "dt=");
  double slope = d == 1 ? -1 : d == 2 ? -.75 : -.5, ratio = 1 + .02 * scatter(key, 9);
  double cost = 4 * line / (n + 1) * pow(n, 1 + slope * steeper) * (1 + .02 * scatter(key, 3));
  if (value == 1) return cost;
  if (dt == 1) return value == 0 ? 0 : NAN;
  return value == 0 ? ratio * (1 - dt) * cost : ratio;
}
static double bias_right(const char *key, int value) { return bias_law(key, value, 1, 1); }
static double bias_steep(const char *key, int value) { return bias_law(key, value, 1.5, 1); }
static double bias_line(const char *key, int value) { return bias_law(key, value, 1, 2); }

static void plan_bias_judges(void **state) {
  (void)state;
  expect_verdicts(&pf_study_w2fe_plan_bias, bias_right, bias_steep,
                  3 + 1); /* and the line's cost, which is far off then */
  expect_verdicts(&pf_study_w2fe_plan_bias, bias_right, bias_line, 1);
}

static double persistence_law(const char *key, int value, double gain) {
  double w2 = 1 + gain * log(number_in(key, "K="));
  return value < 3 ? w2 + .05 * scatter(key, value) : value == 3 ? .2 : 8;
}
static double persistence_right(const char *key, int value) { return persistence_law(key, value, -.2); }
static double persistence_wrong(const char *key, int value) { return persistence_law(key, value, .2); }

static void persistence_judges(void **state) {
  (void)state;
  expect_verdicts(&pf_study_w2fe_persistence, persistence_right, persistence_wrong, 2);
}

static double sinkhorn_law(const char *key, int value, double order) {
  double eps = .4 / (1 << value % 5);
  if (value < 5) return .25 * pow(eps, order) * (1 + .01 * scatter(key, value));
  return value < 10 ? pow(eps, order - 1) : 14 / pow(eps, order);
}
static double sinkhorn_right(const char *key, int value) { return sinkhorn_law(key, value, 1); }
static double sinkhorn_wrong(const char *key, int value) { return sinkhorn_law(key, value, .5); }
static double sinkhorn_rising(const char *key, int value) { return sinkhorn_law(key, value, -1); }

static void sinkhorn_judges(void **state) {
  (void)state;
  expect_verdicts(&pf_study_w2fe_sinkhorn, sinkhorn_right, sinkhorn_wrong,
                  2 * 3); /* slopes, and the greatest ratios */
  expect_verdicts(&pf_study_w2fe_sinkhorn, sinkhorn_right, sinkhorn_rising, 2 * 3 + 1);
}

/* ---- cells ---- */

/* The effective rate of q is -ln q / dt. */
static void rates_are_the_tableaux_own(void **state) {
  (void)state;
  double v[PF_STUDY_VALUES];
  measure_key(&pf_study_w2fe_rate, "clouds, d=1 #0", v);
  for (int l = 0; l < 5; l++) {
    double h = .25 / (1 << l);
    expect_near(v[l], -log(1 - h) / h - 1, 1e-9);
    expect_near(v[5 + l], 1 + log(1 - h + h * h / 2) / h, 1e-9);
  }
  assert_true(v[14] < 1e-10);
  expect_near(v[15], 2 * log(1 - 1. / 64) * 64, 1e-9);
  measure_key(&pf_study_w2fe_rate, "Gaussian laws #0", v);
  for (int l = 0; l < 5; l++) {
    double h = .25 / (1 << l);
    expect_near(v[l], -log(1 - h) / h - 1, 1e-7);
  }
}

/* Parallelogram identity of a stationary pool, and the cost of matching on the line. */
static void a_pool_is_contracted_by_its_matching(void **state) {
  (void)state;
  double v[PF_STUDY_VALUES];
  measure_key(&pf_study_w2fe_plan_bias, "d=1 n=64 dt=0.25 #0", v);
  expect_near(v[2], 1, .05);
  expect_near(v[1] * 65 / 4, 1, .2);
  measure_key(&pf_study_w2fe_plan_bias, "d=2 n=32 dt=1 #0", v);
  expect_near(v[0], 0, 1e-9);
}

static void entropic_fields_are_off_as_predicted(void **state) {
  (void)state;
  double v[PF_STUDY_VALUES];
  measure_key(&pf_study_w2fe_sinkhorn, "line #0", v);
  for (int l = 0; l < 5; l++) expect_near(v[5 + l], 1, .05);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(rate_judges),
                                     cmocka_unit_test(plan_bias_judges),
                                     cmocka_unit_test(persistence_judges),
                                     cmocka_unit_test(sinkhorn_judges),
                                     cmocka_unit_test(rates_are_the_tableaux_own),
                                     cmocka_unit_test(a_pool_is_contracted_by_its_matching),
                                     cmocka_unit_test(entropic_fields_are_off_as_predicted)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
