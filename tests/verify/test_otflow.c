/* The verification of OT-Flow: its checks hold, and a wrong loss makes them fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "verify/otflow.h"
#include "verify_test.h"

static const pf_otflow_subject RIGHT = {.kinetic = 1, .steps = 600, .weights = 1, .gap_draws = 2};

static void exact_values_hold(void **state) {
  (void)state;
  pf_verify_run run = open_run(1);
  assert_int_equal(pf_verify_otflow_exact(&run, NULL), PF_OK);
  expect_all_hold(&run, 17);
  pf_verify_close(&run);
}

static void trained_flow_holds(void **state) {
  (void)state;
  pf_verify_run run = open_run(0);
  assert_int_equal(pf_verify_otflow_table(&run, &RIGHT, NULL), PF_OK);
  expect_all_hold(&run, 14);
  pf_verify_close(&run);
}

static void generalisation_gap_holds(void **state) {
  (void)state;
  pf_otflow_subject brief = RIGHT;
  brief.steps = 200;
  pf_verify_run run = open_run(0);
  assert_int_equal(pf_verify_otflow_gap(&run, &brief, NULL), PF_OK);
  expect_all_hold(&run, 8);
  pf_verify_close(&run);
}

/* Transport at 1.1 of its cost moves the law less far, and is no JKO step of this size any more. */
static void wrong_cost_fails(void **state) {
  (void)state;
  pf_otflow_subject wrong = RIGHT;
  wrong.kinetic = 1.1;
  wrong.steps = 300;
  pf_verify_run run = open_run(0);
  assert_int_equal(pf_verify_otflow_table(&run, &wrong, NULL), PF_OK);
  assert_false(find_check(&run, "mean, alpha=1")->holds);
  assert_false(find_check(&run, "transport cost, alpha=1")->holds);
  assert_false(find_check(&run, "KL, alpha=1")->holds);
  assert_false(find_check(&run, "mean, OT-Flow against a JKO step, alpha=1")->holds);
  pf_verify_close(&run);
}

static void values_do_not_depend_on_threads(void **state) {
  (void)state;
  pf_otflow_subject brief = RIGHT;
  brief.steps = 10;
  pf_verify_run one = open_run(1), two = open_run(2);
  assert_int_equal(pf_verify_otflow_table(&one, &brief, NULL), PF_OK);
  assert_int_equal(pf_verify_otflow_table(&two, &brief, NULL), PF_OK);
  expect_same_values(&one, &two);
  assert_true(count_failures(&one) > 0); /* 10 steps are not a training */
  pf_verify_close(&one);
  pf_verify_close(&two);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(exact_values_hold),
      cmocka_unit_test(trained_flow_holds),
      cmocka_unit_test(generalisation_gap_holds),
      cmocka_unit_test(wrong_cost_fails),
      cmocka_unit_test(values_do_not_depend_on_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
