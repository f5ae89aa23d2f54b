/* Energy, MMD, KS, AUC, nearest neighbours: by hand, parity with scipy, invariances, faults. */
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdarg.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "metrics/classifier.h"
#include "ot/clouds.h"
#include "metrics/metric.h"
#include "metrics/two_sample.h"

static double energy(pf_points x, pf_points y) {
  double out = NAN;
  assert_int_equal(pf_energy_distance(x, y, NULL, &out, NULL), PF_OK);
  return out;
}

static void energy_by_hand(void **state) {
  (void)state;
  double x[2] = {0, 2}, y[3] = {1, 1, 4};
  /* E|X-Y| = (1+1+4 + 1+1+2)/6, E|X-X'| = 1, E|Y-Y'| = 4*3/9 */
  assert_true(fabs(energy((pf_points){x, 2, 1}, (pf_points){y, 3, 1}) - (20. / 6 - 1 - 12. / 9)) < 1e-15);
  double a[4] = {0, 0, 3, 4}, b[2] = {0, 0}; /* the plane: E|X-Y| = 2.5, E|X-X'| = 2.5, E|Y-Y'| = 0 */
  assert_true(fabs(energy((pf_points){a, 2, 2}, (pf_points){b, 1, 2}) - 2.5) < 1e-15);
  assert_true(fabs(energy((pf_points){x, 2, 1}, (pf_points){x, 2, 1})) < 1e-15);
}

/* numpy 2.4.6, scipy 1.17.1 (cdist, pdist, ks_2samp) on the clouds of ot/clouds.h. */
static void agrees_with_scipy(void **state) {
  (void)state;
  double x[64 * 3], y[64 * 3], median, mmd, ks[3];
  formula_cloud(64, 3, 5, 1, 0, x);
  formula_cloud(64, 3, 77, 1.5, .1, y);
  pf_points a = {x, 64, 3}, b = {y, 64, 3}, part = {x, 40, 3};
  assert_true(fabs(energy(a, b) - 0.31717128914670845) < 1e-13);
  assert_true(fabs(energy(part, b) - 0.3928493669424249) < 1e-13);
  assert_int_equal(pf_median_distance(b, &median, NULL), PF_OK);
  assert_true(fabs(median - 0.9534050902247547) < 1e-14);
  double bandwidths[] = {median / 2, median, 2 * median};
  assert_int_equal(pf_mmd2(a, b, (pf_kernel){bandwidths, 3}, NULL, &mmd, NULL), PF_OK);
  assert_true(fabs(mmd - 0.13561289071029448) < 1e-13);
  assert_int_equal(pf_metric_compute(PF_METRIC_MMD2, a, b, &(pf_metric_options){0}, &mmd, NULL), PF_OK);
  assert_true(fabs(mmd - 0.13561289071029448) < 1e-13);
  assert_int_equal(pf_ks_columns(part, b, ks, NULL), PF_OK);
  assert_true(fabs(ks[0] - 0.396875) < 1e-15 && fabs(ks[1] - 0.36875) < 1e-15 &&
              fabs(ks[2] - 0.428125) < 1e-15);
}

/* Same law: the V-statistic's expectation is (1/n + 1/m) E|X-X'|, which is 2/sqrt(pi) for N(0,1). */
static void energy_floor(void **state) {
  (void)state;
  enum { N = 100, REPEATS = 200 };
  double x[N], y[N], mean = 0;
  for (uint64_t r = 0; r < REPEATS; r++) {
    normal_cloud(2 * r, N, 1, 0, x);
    normal_cloud(2 * r + 1, N, 1, 0, y);
    mean += energy((pf_points){x, N, 1}, (pf_points){y, N, 1}) / REPEATS;
  }
  assert_true(fabs(mean / (2. / N * 2 / sqrt(M_PI)) - 1) < .25);
}

static void mmd_is_unbiased(void **state) {
  (void)state;
  enum { N = 60, REPEATS = 300 };
  double x[N], y[N], h = 1, mean = 0, square = 0;
  for (uint64_t r = 0; r < REPEATS; r++) {
    double value;
    normal_cloud(2 * r, N, 1, 0, x);
    normal_cloud(2 * r + 1, N, 1, 0, y);
    assert_int_equal(
        pf_mmd2((pf_points){x, N, 1}, (pf_points){y, N, 1}, (pf_kernel){&h, 1}, NULL, &value, NULL), PF_OK);
    mean += value / REPEATS;
    square += value * value / REPEATS;
  }
  assert_true(fabs(mean) < 4 * sqrt(square / REPEATS));
}

/* N(0,1) and N(4,1), h = 1: E k(X,X') = 1/sqrt 3, E k(X,Y) = exp(-16/6)/sqrt 3. */
static void mmd_of_shifted_gaussians(void **state) {
  (void)state;
  enum { N = 2000 };
  static double x[N], y[N];
  double h = 1, value;
  normal_cloud(6, N, 1, 0, x);
  normal_cloud(7, N, 1, 4, y);
  assert_int_equal(
      pf_mmd2((pf_points){x, N, 1}, (pf_points){y, N, 1}, (pf_kernel){&h, 1}, NULL, &value, NULL), PF_OK);
  assert_true(fabs(value - 2 / sqrt(3) * (1 - exp(-16. / 6))) < .04);
}

static void ks_small(void **state) {
  (void)state;
  double x[3] = {1, 2, 3}, y[3] = {2, 2, 2}, z[2] = {4, 5};
  assert_true(fabs(pf_ks_sorted(x, 3, y, 3) - 1. / 3) <
              1e-15); /* ties move both sides before the gap is read */
  assert_true(pf_ks_sorted(x, 3, z, 2) == 1 && pf_ks_sorted(z, 2, x, 3) == 1);
  assert_true(pf_ks_sorted(x, 3, x, 3) == 0);
  z[1] = NAN;
  assert_true(isnan(pf_ks_sorted(x, 3, z, 2)));
}

static void auc_with_ties(void **state) {
  (void)state;
  double scores[6] = {.1, .4, .4, .8, .4, .9}, out;
  uint8_t labels[6] = {0, 0, 1, 1, 0, 0};
  /* positives .4: beats .1, ties .4 .4, loses .9 -> 2 of 4;  .8: beats three -> 3 of 4 */
  assert_int_equal(pf_auc(scores, labels, 6, &out, NULL), PF_OK);
  assert_true(fabs(out - 5. / 8) < 1e-15);
  uint8_t ones[2] = {1, 1}, split[2] = {1, 0}, two[2] = {2, 0};
  double nan_scores[2] = {NAN, 1};
  out = 7;
  assert_int_equal(pf_auc(scores, ones, 2, &out, NULL), PF_BAD_INPUT);
  assert_int_equal(pf_auc(scores, two, 2, &out, NULL), PF_BAD_INPUT);
  assert_int_equal(pf_auc(nan_scores, split, 2, &out, NULL), PF_NON_FINITE);
  assert_true(out == 7);
  /* scikit-learn 1.9.1 roc_auc_score: floor(8 v) of column 0 of the clouds, many ties */
  double x[64 * 3], y[64 * 3], many[128];
  uint8_t many_labels[128];
  formula_cloud(64, 3, 5, 1, 0, x);
  formula_cloud(64, 3, 77, 1.5, .1, y);
  for (int i = 0; i < 128; i++) {
    many[i] = floor(8 * (i < 64 ? x[i * 3] : y[(i - 64) * 3]));
    many_labels[i] = i >= 64;
  }
  assert_int_equal(pf_auc(many, many_labels, 128, &out, NULL), PF_OK);
  assert_true(fabs(out - 0.71240234375) < 1e-15);
}

static void folds_are_even(void **state) {
  (void)state;
  int fold[23], count[5] = {0}, other[23];
  pf_stratified_folds(1, 0, 23, 5, fold);
  for (int i = 0; i < 23; i++) count[fold[i]]++;
  for (int f = 0; f < 5; f++) assert_true(count[f] == 4 || count[f] == 5);
  pf_stratified_folds(1, 1, 23, 5, other);
  assert_true(memcmp(fold, other, sizeof fold) != 0);
}

static double knn(pf_points x, pf_points y) {
  double out = NAN;
  assert_int_equal(pf_knn_auc(x, y, pf_knn_options_default(), NULL, &out, NULL), PF_OK);
  return out;
}

static void neighbours_tell_shifts_apart(void **state) {
  (void)state;
  enum { N = 400 };
  double *x = malloc(sizeof(double) * N * 2), *y = malloc(sizeof(double) * N * 2);
  pf_points a = {x, N, 2}, b = {y, N, 2};
  normal_cloud(1, N, 2, 0, x);
  normal_cloud(2, N, 2, 0, y);
  double same = knn(a, b);
  assert_true(fabs(same - .5) < 5 * pf_auc_null_error(N, N)); /* about .02: neighbours are shared, so wider */
  normal_cloud(2, N, 2, 1, y);
  double shifted = knn(a, b); /* optimal AUC of a shift by sqrt 2: Phi(1) = .841 */
  assert_true(shifted > .78 && shifted < .87);
  assert_true(fabs(shifted - knn(b, a)) < .02); /* which side is called 1 hardly matters */
  normal_cloud(2, N, 2, 20, y);
  assert_true(knn(a, b) == 1);
  free(x);
  free(y);
}

/* Every metric: equal for any number of threads, blind to the order of rows, larger for shifted rows,
 * and never a number when a value is NaN. */
static void every_metric(void **state) {
  (void)state;
  enum { N = 150, D = 3 };
  double x[N * D], y[N * D], turned[N * D], shifted[N * D], broken[N * D];
  normal_cloud(1, N, D, 0, x);
  normal_cloud(2, N, D, 0, y);
  normal_cloud(3, N, D, 1.5, shifted);
  for (size_t i = 0; i < N; i++) memcpy(turned + (N - 1 - i) * D, x + i * D, D * sizeof *x);
  memcpy(broken, x, sizeof x);
  broken[7 * D + 1] = NAN;
  pf_pool *pools[3] = {NULL};
  for (int p = 1; p < 3; p++) assert_int_equal(pf_pool_create(p == 1 ? 2 : 5, &pools[p], NULL), PF_OK);
  pf_points real = {y, N, D};
  for (int id = 0; id < PF_METRIC_COUNT; id++) {
    pf_metric_options options = pf_metric_options_default();
    double value = NAN, again, far, untouched = 7;
    pf_metric_id found;
    assert_int_equal(pf_metric_from_name(pf_metric_name(id), &found, NULL), PF_OK);
    assert_int_equal(found, id);
    assert_int_equal(pf_metric_compute(id, (pf_points){x, N, D}, real, &options, &value, NULL), PF_OK);
    for (int p = 1; p < 3; p++) {
      options.pool = pools[p];
      assert_int_equal(pf_metric_compute(id, (pf_points){x, N, D}, real, &options, &again, NULL), PF_OK);
      assert_true(memcmp(&again, &value, sizeof value) == 0);
    }
    assert_int_equal(pf_metric_compute(id, (pf_points){turned, N, D}, real, &options, &again, NULL), PF_OK);
    /* the folds of knn_auc follow the rows' places */
    assert_true(fabs(again - value) < (id == PF_METRIC_KNN_AUC ? .05 : 1e-12));
    assert_int_equal(pf_metric_compute(id, (pf_points){shifted, N, D}, real, &options, &far, NULL), PF_OK);
    assert_true(far > value + .1);
    pf_error error;
    assert_int_equal(pf_metric_compute(id, (pf_points){broken, N, D}, real, &options, &untouched, &error),
                     PF_NON_FINITE);
    assert_non_null(strstr(error.message, pf_metric_name(id)));
    assert_int_equal(pf_metric_compute(id, real, (pf_points){broken, N, D}, &options, &untouched, &error),
                     PF_NON_FINITE);
    assert_true(untouched == 7);
  }
  for (int p = 1; p < 3; p++) pf_pool_free(pools[p]);
  pf_metric_id none;
  assert_int_equal(pf_metric_from_name("w3", &none, NULL), PF_USAGE);
}

static void failed_allocations(void **state) {
  (void)state;
  double x[24], y[24];
  normal_cloud(1, 12, 2, 0, x);
  normal_cloud(2, 12, 2, 0, y);
  pf_metric_options options = pf_metric_options_default();
  options.neighbours = 3;
  options.folds = 2;
  for (int id = 0; id < PF_METRIC_COUNT; id++) {
    int k = 1;
    for (;; k++) {
      double out = 7;
      pf_memory_fail_at(k);
      pf_status status =
          pf_metric_compute(id, (pf_points){x, 12, 2}, (pf_points){y, 12, 2}, &options, &out, NULL);
      pf_memory_fail_at(0);
      if (status == PF_OK) break;
      assert_int_equal(status, PF_NO_MEMORY);
      assert_true(out == 7);
    }
    assert_true(k > 1);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(energy_by_hand),
      cmocka_unit_test(agrees_with_scipy),
      cmocka_unit_test(energy_floor),
      cmocka_unit_test(mmd_is_unbiased),
      cmocka_unit_test(mmd_of_shifted_gaussians),
      cmocka_unit_test(ks_small),
      cmocka_unit_test(auc_with_ties),
      cmocka_unit_test(folds_are_even),
      cmocka_unit_test(neighbours_tell_shifts_apart),
      cmocka_unit_test(every_metric),
      cmocka_unit_test(failed_allocations),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
