/* Sorting, one-dimensional and sliced distances, Gaussians. */
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdarg.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ot/clouds.h"
#include "ot/bures.h"
#include "ot/sliced.h"
#include "ot/sort.h"

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void sorts_like_qsort(void **state) {
  (void)state;
  double values[1000], expected[1000], scratch[1000];
  for (size_t n = 0; n <= 1000; n = n * 2 + 1) {
    pf_rng rng = pf_rng_at(n, PF_STREAM_TEST, 3, 0);
    for (size_t i = 0; i < n; i++)
      values[i] = expected[i] = pf_rng_normal(&rng) * pow(10, i % 40) * (i % 7 ? 1 : 0);
    if (n > 40) values[3] = expected[3] = -INFINITY;
    qsort(expected, n, sizeof *expected, ascending);
    pf_sort_doubles(values, n, scratch);
    for (size_t i = 0; i < n; i++) assert_true(values[i] == expected[i]);
  }
}

static void one_dimension_by_hand(void **state) {
  (void)state;
  double x[2] = {0, 4}, y[3] = {1, 1, 7};
  /* quantiles: [0,1/3] 0|1, [1/3,1/2] 0|1, [1/2,2/3] 4|1, [2/3,1] 4|7 */
  assert_true(fabs(pf_wasserstein_1d(x, 2, y, 3, 1) - (.5 * 1 + 3. / 6 + 3. / 3)) < 1e-15);
  assert_true(fabs(pf_wasserstein_1d(x, 2, y, 3, 2) - sqrt(.5 * 1 + 9. / 6 + 9. / 3)) < 1e-15);
  assert_true(fabs(pf_wasserstein_1d(y, 3, x, 2, 1) - pf_wasserstein_1d(x, 2, y, 3, 1)) < 1e-15);
}

/* scipy 1.17.1 wasserstein_distance and POT 0.9.7 wasserstein_1d, column 0 of the clouds (40 and 64 rows). */
static void agrees_with_scipy_and_pot(void **state) {
  (void)state;
  double x[64 * 3], y[64 * 3], a[40], b[64], scratch[64];
  formula_cloud(64, 3, 5, 1, 0, x);
  formula_cloud(64, 3, 77, 1.5, .1, y);
  for (size_t i = 0; i < 40; i++) a[i] = x[i * 3];
  for (size_t i = 0; i < 64; i++) b[i] = y[i * 3];
  pf_sort_doubles(a, 40, scratch);
  pf_sort_doubles(b, 64, scratch);
  assert_true(fabs(pf_wasserstein_1d(a, 40, b, 64, 1) - 0.38833488433096836) < 1e-14);
  assert_true(fabs(pf_wasserstein_1d(a, 40, b, 64, 2) - 0.4259535881133714) < 1e-14);
}

static double sliced(pf_points x, pf_points y, int power, size_t projections, int threads) {
  pf_pool *pool = NULL;
  double out = NAN;
  if (threads > 1) assert_int_equal(pf_pool_create(threads, &pool, NULL), PF_OK);
  pf_sliced_options options = {.power = power, .projections = projections, .seed = 11};
  assert_int_equal(pf_sliced_wasserstein(x, y, options, pool, &out, NULL), PF_OK);
  pf_pool_free(pool);
  return out;
}

/* Every slice of a shift s is |u.s|: mean square |s|^2 / d, mean |s| * 2/pi in the plane. */
static void a_shift_in_slices(void **state) {
  (void)state;
  enum { N = 50, K = 20000 };
  double x[N * 2], y[N * 2];
  normal_cloud(1, N, 2, 0, x);
  for (size_t i = 0; i < N; i++) {
    y[2 * i] = x[2 * i] + 3;
    y[2 * i + 1] = x[2 * i + 1] + 4;
  }
  pf_points a = {x, N, 2}, b = {y, N, 2};
  assert_true(fabs(sliced(a, b, 2, K, 1) - 5 / sqrt(2)) < .04);
  assert_true(fabs(sliced(a, b, 1, K, 1) - 10 / M_PI) < .04);
  assert_true(sliced(a, a, 2, 16, 1) == 0);
}

static void threads_do_not_matter(void **state) {
  (void)state;
  double x[300], y[420];
  normal_cloud(1, 100, 3, 0, x);
  normal_cloud(2, 140, 3, .3, y);
  pf_points a = {x, 100, 3}, b = {y, 140, 3};
  double one = sliced(a, b, 2, 64, 1);
  assert_true(one > .1 && one == sliced(a, b, 2, 64, 2) && one == sliced(a, b, 2, 64, 5));
  pf_sliced_options other = {.power = 2, .projections = 64, .seed = 12};
  double another;
  assert_int_equal(pf_sliced_wasserstein(a, b, other, NULL, &another, NULL), PF_OK);
  assert_true(another != one);
}

static void bures_closed_forms(void **state) {
  (void)state;
  double zero[2] = {0, 0}, mean[2] = {3, 4}, out;
  double one[4] = {1, 0, 0, 1}, diagonal[4] = {4, 0, 0, 9}, turned[4] = {7, 5, 5, 7}, flat[4] = {1, 1, 1, 1};
  pf_gaussian standard = {zero, one, 2};
  /* commuting covariances: W2^2 = |m|^2 + sum (sd - sd')^2 */
  assert_int_equal(pf_bures_w2(standard, (pf_gaussian){mean, diagonal, 2}, &out, NULL), PF_OK);
  assert_true(fabs(out - sqrt(25 + 1 + 4)) < 1e-13);
  assert_int_equal(pf_bures_w2((pf_gaussian){zero, turned, 2}, standard, &out, NULL), PF_OK);
  assert_true(fabs(out - sqrt(pow(sqrt(12) - 1, 2) + pow(sqrt(2) - 1, 2))) < 1e-13);
  /* not commuting, 2 x 2: tr (A^1/2 B A^1/2)^1/2 = sqrt(tr AB + 2 sqrt(det AB)), det = 24 * 36 */
  assert_int_equal(pf_bures_w2((pf_gaussian){zero, turned, 2}, (pf_gaussian){zero, diagonal, 2}, &out, NULL),
                   PF_OK);
  assert_true(fabs(out - sqrt(27 - 2 * sqrt(91 + 2 * sqrt(24. * 36)))) < 1e-13);
  /* singular */
  assert_int_equal(pf_bures_w2(standard, (pf_gaussian){zero, flat, 2}, &out, NULL), PF_OK);
  assert_true(fabs(out - sqrt(1 + pow(sqrt(2) - 1, 2))) < 1e-7);
  double indefinite[4] = {1, 2, 2, 1}, bad[4] = {1, NAN, NAN, 1};
  pf_error error;
  out = 7;
  assert_int_equal(pf_bures_w2(standard, (pf_gaussian){zero, indefinite, 2}, &out, &error), PF_BAD_INPUT);
  assert_int_equal(pf_bures_w2(standard, (pf_gaussian){zero, bad, 2}, &out, &error), PF_NON_FINITE);
  assert_true(out == 7);
}

/* scipy 1.17.1 sqrtm on the clouds' moments. */
static void frechet_agrees_with_scipy(void **state) {
  (void)state;
  double x[64 * 3], y[64 * 3], out;
  formula_cloud(64, 3, 5, 1, 0, x);
  formula_cloud(64, 3, 77, 1.5, .1, y);
  assert_int_equal(pf_frechet_distance((pf_points){x, 64, 3}, (pf_points){y, 64, 3}, &out, NULL), PF_OK);
  assert_true(fabs(out - 0.5915541066717058) < 1e-12);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sorts_like_qsort),          cmocka_unit_test(one_dimension_by_hand),
      cmocka_unit_test(agrees_with_scipy_and_pot), cmocka_unit_test(a_shift_in_slices),
      cmocka_unit_test(threads_do_not_matter),     cmocka_unit_test(bures_closed_forms),
      cmocka_unit_test(frechet_agrees_with_scipy),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
