/* Fitted slopes: known ones recovered from data with noise, intervals that cover as often as they say, and what has no slope. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/rng.h"
#include "metrics/student.h"
#include "study/slope.h"

enum { SIZES = 5, SEEDS = 4, N = SIZES * SEEDS, TRIALS = 2000 };

/* y = 3 x^slope exp(noise), sizes a factor 2 apart. */
static void draw(int trial, double slope, double noise, double *x, double *y) {
  pf_rng rng = pf_rng_at(7, PF_STREAM_TEST, 0, (uint64_t)trial);
  for (int i = 0; i < N; i++) {
    x[i] = 100 * pow(2, i / SEEDS);
    y[i] = 3 * pow(x[i], slope) * exp(noise * pf_rng_normal(&rng));
  }
}

static void exact_powers_are_found(void **state) {
  (void)state;
  static const double slopes[] = {-2, -1, -0.2, 0, 0.5, 1, 2};
  for (size_t i = 0; i < sizeof slopes / sizeof *slopes; i++) {
    double x[N], y[N], factor = NAN;
    draw(0, slopes[i], 0, x, y);
    pf_estimate e = pf_estimate_slope(x, y, N, &factor);
    assert_true(fabs(e.value - slopes[i]) < 1e-12);
    assert_true(fabs(e.low - slopes[i]) < 1e-9 && fabs(e.high - slopes[i]) < 1e-9);
    assert_true(fabs(factor - 3) < 1e-9);
  }
}

/* Over many noisy data sets: unbiased, and 95 % of the intervals hold the truth. 4 standard errors of the share are 1.9 %. */
static void intervals_cover(void **state) {
  (void)state;
  int covered = 0;
  double mean = 0;
  for (int trial = 0; trial < TRIALS; trial++) {
    double x[N], y[N];
    draw(trial, -0.5, 0.3, x, y);
    pf_estimate e = pf_estimate_slope(x, y, N, NULL);
    covered += e.low <= -0.5 && -0.5 <= e.high;
    mean += e.value / TRIALS;
  }
  assert_true(fabs((double)covered / TRIALS - 0.95) < 0.02);
  assert_true(fabs(mean + 0.5) < 0.01);
}

/* Few points need the t quantile: with the normal one three points would cover in some 70 % of the cases. */
static void few_points_cover(void **state) {
  (void)state;
  int covered = 0;
  for (int trial = 0; trial < TRIALS; trial++) {
    double x[3], y[3];
    pf_rng rng = pf_rng_at(8, PF_STREAM_TEST, 0, (uint64_t)trial);
    for (int i = 0; i < 3; i++) {
      x[i] = pow(3, i);
      y[i] = pow(x[i], 1.5) * exp(0.1 * pf_rng_normal(&rng));
    }
    pf_estimate e = pf_estimate_slope(x, y, 3, NULL);
    covered += e.low <= 1.5 && 1.5 <= e.high;
  }
  assert_true(fabs((double)covered / TRIALS - 0.95) < 0.02);
}

static bool is_undecided(pf_estimate e) { return isnan(e.value) && isnan(e.low) && isnan(e.high); }

static void without_a_slope(void **state) {
  (void)state;
  const double x[] = {1, 2, 4}, same[] = {2, 2, 2}, zero[] = {1, 0, 1}, negative[] = {1, -1, 1},
               infinite[] = {1, INFINITY, 1}, unknown[] = {1, NAN, 1}, fine[] = {1, 2, 3};
  assert_true(is_undecided(pf_estimate_slope(same, fine, 3, NULL)));
  assert_true(is_undecided(pf_estimate_slope(x, zero, 3, NULL)));
  assert_true(is_undecided(pf_estimate_slope(x, negative, 3, NULL)));
  assert_true(is_undecided(pf_estimate_slope(x, infinite, 3, NULL)));
  assert_true(is_undecided(pf_estimate_slope(x, unknown, 3, NULL)));
  assert_true(is_undecided(pf_estimate_slope(x, fine, 1, NULL)));
  pf_estimate two = pf_estimate_slope(x, fine, 2, NULL);
  assert_true(fabs(two.value - 1) < 1e-12 && isnan(two.low) && isnan(two.high));
}

static void means(void **state) {
  (void)state;
  const double values[] = {1, 2, 3, 4};
  pf_estimate e = pf_estimate_mean(values, 4), one = pf_estimate_mean(values, 1),
              none = pf_estimate_mean(values, 0);
  /* t(.975, 3) sqrt(5/3 / 4) */
  assert_true(fabs(e.value - 2.5) < 1e-12 && fabs(e.high - 2.5 - 3.1824463 * 0.6454972) < 1e-6);
  assert_true(fabs(e.low + e.high - 5) < 1e-12);
  assert_true(one.value == 1 && isnan(one.low) && isnan(one.high));
  assert_true(isnan(none.value));
}

/* Tables of Student's t. */
static void quantiles(void **state) {
  (void)state;
  static const struct {
    int freedom;
    double value;
  } known[] = {{1, 12.7062},  {2, 4.30265},  {5, 2.57058},  {10, 2.22814},
               {11, 2.20099}, {18, 2.10092}, {30, 2.04227}, {120, 1.97993}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    assert_true(fabs(pf_student_t975(known[i].freedom) - known[i].value) < 3e-5);
  assert_true(isinf(pf_student_t975(0)));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(exact_powers_are_found),
      cmocka_unit_test(intervals_cover),
      cmocka_unit_test(few_points_cover),
      cmocka_unit_test(without_a_slope),
      cmocka_unit_test(means),
      cmocka_unit_test(quantiles),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
