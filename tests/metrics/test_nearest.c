/* Nearest rows and one-nearest-neighbour accuracy against plain loops. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "metrics/nearest.h"
#include "ot/clouds.h"

enum { D = 5, TESTS = 70, ROWS = 1100 }; /* several tasks, several tiles */

static double rows[TESTS * D], among[ROWS * D];

static void must(pf_status status, const pf_error *error) {
  if (status != PF_OK) fail_msg("%s: %s", pf_status_name(status), error->message);
}

static uint32_t plain_nearest(const double *x) {
  uint32_t best = 0;
  double least = INFINITY;
  for (uint32_t k = 0; k < ROWS; k++) {
    double square = 0;
    for (int j = 0; j < D; j++) square += (x[j] - among[k * D + j]) * (x[j] - among[k * D + j]);
    if (square < least) {
      least = square;
      best = k;
    }
  }
  return best;
}

static void nearest_rows_are_those_of_plain_loops(void **state) {
  (void)state;
  uint32_t got[TESTS];
  pf_error error = {0};
  formula_cloud(TESTS, D, 5, 1, 0, rows);
  formula_cloud(ROWS, D, 77, 1.5, .1, among);
  memcpy(among + 900 * D, rows + 3 * D, D * sizeof(double)); /* in the second tile, at no distance */
  memcpy(among + 901 * D, rows + 3 * D, D * sizeof(double)); /* of equals the first */
  for (int threads = 1; threads <= 5; threads += 4) {
    pf_pool *pool = NULL;
    must(pf_pool_create(threads, &pool, &error), &error);
    memset(got, 255, sizeof got);
    must(pf_nearest_rows((pf_points){rows, TESTS, D}, (pf_points){among, ROWS, D}, pool, got, &error),
         &error);
    for (int i = 0; i < TESTS; i++) assert_int_equal(got[i], plain_nearest(rows + i * D));
    assert_int_equal(got[3], 900);
    pf_pool_free(pool);
  }
}

static void accuracy_by_hand(void **state) {
  (void)state;
  const double train[] = {0, 1, 10}, test[] = {-1, 0.9, 6, 4, 5.4}, train_labels[] = {7, 8, 9},
               test_labels[] = {7, 8, 9, 9, 8};
  double out = 0;
  pf_error error = {0};
  pf_labelled known = {{train, 3, 1}, train_labels}, asked = {{test, 5, 1}, test_labels};
  must(pf_nearest_accuracy(asked, known, NULL, &out, &error), &error);
  assert_true(fabs(out - 0.8) < 1e-15); /* 4 is nearer to 1 than to 10 */
}

static void bad_clouds_are_refused(void **state) {
  (void)state;
  const double good[] = {1, 2}, bad[] = {1, NAN}, label[] = {0, 1};
  double out = 5;
  pf_error error = {0};
  pf_labelled two = {{good, 2, 1}, label}, nan = {{bad, 2, 1}, label}, wide = {{good, 1, 2}, label},
              none = {{good, 0, 1}, label};
  assert_int_equal(pf_nearest_accuracy(two, nan, NULL, &out, &error), PF_NON_FINITE);
  assert_int_equal(pf_nearest_accuracy(two, wide, NULL, &out, &error), PF_BAD_INPUT);
  assert_int_equal(pf_nearest_accuracy(two, none, NULL, &out, &error), PF_BAD_INPUT);
  for (int k = 1; k <= 2; k++) {
    pf_memory_fail_at(k);
    assert_int_equal(pf_nearest_accuracy(two, two, NULL, &out, &error), PF_NO_MEMORY);
    pf_memory_fail_at(0);
  }
  assert_true(out == 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nearest_rows_are_those_of_plain_loops),
      cmocka_unit_test(accuracy_by_hand),
      cmocka_unit_test(bad_clouds_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
