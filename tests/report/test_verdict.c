/* What may be concluded from a metric and its floor: when in doubt, nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <cmocka.h>

#include "report/verdict.h"

static pf_verdict verdict(double value, double floor, double hi95, int64_t pairs) {
  pf_report_metric metric = {"m", value, floor, value - floor, hi95, pairs, NULL, 0};
  return pf_verdict_of(&metric);
}

static void verdict_follows_the_interval(void **state) {
  (void)state;
  assert_int_equal(verdict(2, 1, 1.5, 30), PF_VERDICT_ABOVE);      /* excess in [0.5, 1.5] */
  assert_int_equal(verdict(2, 1, 2.5, 30), PF_VERDICT_AT_FLOOR);   /* [-0.5, 2.5] */
  assert_int_equal(verdict(0.9, 1, 0.1, 30), PF_VERDICT_AT_FLOOR); /* below it */
}

static void verdict_needs_everything_it_uses(void **state) {
  (void)state;
  assert_int_equal(verdict(NAN, 1, 1, 30), PF_VERDICT_NOT_MEASURED);
  assert_int_equal(verdict(INFINITY, 1, 1, 30), PF_VERDICT_NOT_MEASURED);
  assert_int_equal(verdict(2, NAN, 1, 30), PF_VERDICT_NO_FLOOR);
  assert_int_equal(verdict(2, 1, NAN, 30), PF_VERDICT_OPEN);
  assert_int_equal(verdict(2, 1, 1.5, 1), PF_VERDICT_OPEN);
  assert_int_equal(verdict(2, 1, 1.5, 0), PF_VERDICT_OPEN);
  assert_int_equal(verdict(2, 1, 0.5, 30), PF_VERDICT_OPEN); /* an upper bound below the estimate */
  pf_report_metric metric = {"m", 2, 1, NAN, 1.5, 30, NULL, 0};
  assert_int_equal(pf_verdict_of(&metric), PF_VERDICT_OPEN);
}

/* Without an interval the floor's own 95 % quantile decides; with one it is not asked. */
static void verdict_falls_back_on_the_quantile(void **state) {
  (void)state;
  pf_report_metric metric = {"m", 2, 1, 1, NAN, 200, NULL, 1.9};
  assert_int_equal(pf_verdict_of(&metric), PF_VERDICT_ABOVE);
  metric.floor_q95 = 2.1;
  assert_int_equal(pf_verdict_of(&metric), PF_VERDICT_AT_FLOOR);
  metric.excess_hi95 = 1.5;
  assert_int_equal(pf_verdict_of(&metric), PF_VERDICT_ABOVE);
  metric.excess_hi95 = NAN, metric.floor_q95 = NAN;
  assert_int_equal(pf_verdict_of(&metric), PF_VERDICT_OPEN);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(verdict_follows_the_interval),
      cmocka_unit_test(verdict_needs_everything_it_uses),
      cmocka_unit_test(verdict_falls_back_on_the_quantile),
  };
  return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
