/* The verification of the W1 flow: its checks hold, and a wrong field makes them fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "verify/w1fe.h"
#include "verify_test.h"

static const pf_flow_subject RIGHT = {.factor = 1};

static void exact_steps_hold(void **state) {
  (void)state;
  pf_verify_run run = open_run(1);
  assert_int_equal(pf_verify_w1fe_exact(&run, &RIGHT, NULL), PF_OK);
  expect_all_hold(&run, 10);
  pf_verify_close(&run);
}

static void duality_holds(void **state) {
  (void)state;
  pf_verify_run run = open_run(1);
  assert_int_equal(pf_verify_w1fe_duality(&run, &RIGHT, NULL), PF_OK);
  expect_all_hold(&run, 21);
  pf_verify_close(&run);
}

static void halved_steps_converge(void **state) {
  (void)state;
  pf_verify_run run = open_run(1);
  assert_int_equal(pf_verify_w1fe_limit(&run, &RIGHT, NULL), PF_OK);
  expect_all_hold(&run, 9);
  pf_verify_close(&run);
}

static void training_holds(void **state) {
  (void)state;
  pf_verify_run run = open_run(1);
  assert_int_equal(pf_verify_w1fe_trained(&run, NULL), PF_OK);
  expect_all_hold(&run, 6);
  pf_verify_close(&run);
}

/* Up the potential: away from the data. */
static void wrong_sign_fails(void **state) {
  (void)state;
  const pf_flow_subject wrong = {.factor = -1};
  pf_verify_run run = open_run(1);
  assert_int_equal(pf_verify_w1fe_exact(&run, &wrong, NULL), PF_OK);
  assert_int_equal(pf_verify_w1fe_duality(&run, &wrong, NULL), PF_OK);
  assert_false(find_check(&run, "three points, eps=.25: W1 after 0 to 4 steps")->holds);
  assert_false(find_check(&run, "n=64, d=5: W1 minus (start - k eps), largest")->holds);
  assert_false(find_check(&run, "W1 after extinction / eps")->holds);
  assert_false(find_check(&run, "n=64, d=5: potential along a step / eps")->holds);
  assert_false(find_check(&run, "line: points that move the wrong way, of 200")->holds);
  assert_true(find_check(&run, "largest step of a point / eps, 120 steps")->holds); /* whatever the sign */
  pf_verify_close(&run);
}

/* A field a hundredth too long: a step is longer than eps. */
static void wrong_length_fails(void **state) {
  (void)state;
  const pf_flow_subject wrong = {.factor = 1.01};
  pf_verify_run run = open_run(1);
  assert_int_equal(pf_verify_w1fe_exact(&run, &wrong, NULL), PF_OK);
  assert_false(find_check(&run, "three points, eps=.25: W1 after 0 to 4 steps")->holds);
  assert_false(find_check(&run, "largest step of a point / eps, 120 steps")->holds);
  pf_verify_close(&run);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(exact_steps_hold),      cmocka_unit_test(duality_holds),
      cmocka_unit_test(halved_steps_converge), cmocka_unit_test(training_holds),
      cmocka_unit_test(wrong_sign_fails),      cmocka_unit_test(wrong_length_fails),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
