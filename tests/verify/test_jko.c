/* The verification of the JKO flow: its checks hold, and a wrong loss makes them fail. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "verify/jko.h"
#include "verify_test.h"

static const pf_jko_subject RIGHT = {.movement = 1, .likelihood = 1, .steps = 600, .sizes = 1};

static void recursion_holds(void **state) {
  (void)state;
  pf_verify_run run = open_run(1);
  assert_int_equal(pf_verify_jko_recursion(&run, NULL), PF_OK);
  expect_all_hold(&run, 10);
  assert_true(find_check(&run, "W2 bound T1, violations in 2000 chains of 20")->tolerance == 0);
  pf_verify_close(&run);
}

static void signs_and_estimators_hold(void **state) {
  (void)state;
  pf_verify_run run = open_run(1);
  assert_int_equal(pf_verify_jko_likelihood(&run, NULL), PF_OK);
  expect_all_hold(&run, 5);
  pf_verify_close(&run);
}

static void trained_chain_holds_and_does_not_depend_on_threads(void **state) {
  (void)state;
  pf_verify_run one = open_run(1), two = open_run(2);
  assert_int_equal(pf_verify_jko_chains(&two, &RIGHT, NULL), PF_OK);
  expect_all_hold(&two, 24);
  pf_jko_subject brief = RIGHT;
  brief.steps = 20;
  pf_verify_run again = open_run(2);
  assert_int_equal(pf_verify_jko_chains(&one, &brief, NULL), PF_OK);
  assert_int_equal(pf_verify_jko_chains(&again, &brief, NULL), PF_OK);
  expect_same_values(&one, &again);
  assert_true(count_failures(&one) > 0); /* 20 steps are not a training */
  pf_verify_close(&one);
  pf_verify_close(&two);
  pf_verify_close(&again);
}

static void residual_falls_while_training(void **state) {
  (void)state;
  pf_verify_run run = open_run(0);
  assert_int_equal(pf_verify_jko_residual(&run, &RIGHT, NULL), PF_OK);
  expect_all_hold(&run, 12);
  pf_verify_close(&run);
}

/* The proximal term at 0.9 of its weight: a minimiser of something else, close by. */
static void wrong_movement_fails(void **state) {
  (void)state;
  pf_jko_subject wrong = RIGHT;
  wrong.movement = 0.9;
  wrong.steps = 300;
  pf_verify_run run = open_run(0);
  assert_int_equal(pf_verify_jko_chains(&run, &wrong, NULL), PF_OK);
  assert_false(find_check(&run, "mean, h=1, 1 block")->holds);
  assert_false(find_check(&run, "KL, h=1, 2 blocks")->holds);
  assert_true(
      find_check(&run, "NLL minus entropy, of the pushed data's KL, h=1")->holds); /* whatever was trained */
  pf_verify_close(&run);
}

/* Without the likelihood the block stays where it is, and the residual with it. */
static void wrong_likelihood_fails(void **state) {
  (void)state;
  pf_jko_subject wrong = RIGHT;
  wrong.likelihood = 0;
  pf_verify_run run = open_run(0);
  assert_int_equal(pf_verify_jko_residual(&run, &wrong, NULL), PF_OK);
  assert_true(find_check(&run, "residual at the identity, estimated")->holds);
  assert_false(find_check(&run, "residual of the trained block")->holds);
  assert_false(find_check(&run, "rises of the residual above 1.5")->holds);
  pf_verify_close(&run);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(recursion_holds),
      cmocka_unit_test(signs_and_estimators_hold),
      cmocka_unit_test(trained_chain_holds_and_does_not_depend_on_threads),
      cmocka_unit_test(residual_falls_while_training),
      cmocka_unit_test(wrong_movement_fails),
      cmocka_unit_test(wrong_likelihood_fails),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
