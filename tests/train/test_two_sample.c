/* The networks' two-sample test: AUC near its best where that is known, 0.5 for equal laws, fine structure is seen. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/rng.h"
#include "train/two_sample_network.h"

enum { ROWS = 600, WIDE = 20 };

static double x[ROWS * WIDE], y[ROWS * WIDE];

static void must(pf_status status, const pf_error *error) {
  if (status != PF_OK) fail_msg("%s: %s", pf_status_name(status), error->message);
}

static double auc(const double *a, const double *b, size_t d, pf_pool *pool) {
  pf_error error = {0};
  double out = NAN;
  must(pf_network_auc((pf_points){a, ROWS, d}, (pf_points){b, ROWS, d}, NULL, pool, &out, &error), &error);
  return out;
}

/* Two independent standard normal samples of d columns. */
static void fill_normal(int d) {
  static float z[2 * ROWS * WIDE];
  pf_fill_normal_f32(1, PF_STREAM_TEST, 0, 0, 2 * ROWS, (size_t)d, z);
  for (int i = 0; i < ROWS * d; i++) x[i] = z[i], y[i] = z[ROWS * d + i];
}

/* Normal rows become points of the unit circle with radial noise of that standard deviation. */
static void make_ring(double *rows, double noise) {
  for (int i = 0; i < ROWS; i++) {
    double *p = rows + 2 * i, length = hypot(p[0], p[1]);
    double radius = 1 + noise * sqrt(12) * (exp(-length * length / 2) - 0.5); /* exp(..) is uniform */
    p[0] *= radius / length;
    p[1] *= radius / length;
  }
}

static void equal_laws_stay_at_a_half(void **unused) {
  (void)unused;
  pf_pool *pool = NULL;
  pf_error error = {0};
  must(pf_pool_create(2, &pool, &error), &error);
  fill_normal(2);
  double same = auc(x, y, 2, NULL);
  assert_true(fabs(same - 0.5) < 0.07); /* 4 sigma of an AUC of 600 against 600 */
  assert_true(same == auc(x, y, 2, pool));
  pf_pool_free(pool);
}

static void a_shift_is_seen_almost_as_well_as_can_be(void **unused) {
  (void)unused;
  fill_normal(2);
  for (int i = 0; i < ROWS; i++) y[2 * i] += 2;
  double shifted = auc(x, y, 2, NULL);
  assert_true(shifted > 0.89 && shifted < 0.95); /* Phi(2 / sqrt 2) = 0.921 at best */
}

static void a_shape_is_seen(void **unused) {
  (void)unused;
  fill_normal(2);
  for (int i = 0; i < ROWS; i++) { /* the same mean and covariance */
    double r = sqrt(2) / hypot(y[2 * i], y[2 * i + 1]);
    y[2 * i] *= r;
    y[2 * i + 1] *= r;
  }
  assert_true(auc(x, y, 2, NULL) > 0.8);
}

/* A ring and a somewhat thicker ring: what a smeared sample looks like. */
static void a_smear_is_seen(void **unused) {
  (void)unused;
  fill_normal(2);
  make_ring(x, 0.12);
  make_ring(y, 0.05);
  double smeared = auc(x, y, 2, NULL);
  assert_true(smeared > 0.68);
}

/* More columns than get sinusoids. */
static void a_correlation_of_many_columns_is_seen(void **unused) {
  (void)unused;
  fill_normal(WIDE);
  for (int i = 0; i < ROWS; i++) x[WIDE * i + 7] = 0.8 * x[WIDE * i + 3] + 0.6 * x[WIDE * i + 7];
  double correlated = auc(x, y, WIDE, NULL);
  assert_true(correlated > 0.6);
}

static void bad_input_is_refused(void **unused) {
  (void)unused;
  pf_error error = {0};
  double out = 7;
  fill_normal(2);
  pf_points a = {x, ROWS, 2}, b = {y, 4, 2};
  assert_int_equal(pf_network_auc(a, b, NULL, NULL, &out, &error), PF_BAD_INPUT);
  b.n = ROWS;
  y[3] = NAN;
  assert_int_equal(pf_network_auc(a, b, NULL, NULL, &out, &error), PF_NON_FINITE);
  assert_true(out == 7);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(equal_laws_stay_at_a_half),
      cmocka_unit_test(a_shift_is_seen_almost_as_well_as_can_be),
      cmocka_unit_test(a_shape_is_seen),
      cmocka_unit_test(a_smear_is_seen),
      cmocka_unit_test(a_correlation_of_many_columns_is_seen),
      cmocka_unit_test(bad_input_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
