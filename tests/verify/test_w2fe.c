/* The verification of the W2 flow: its checks hold, and a wrong field makes them fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "verify/w2fe.h"
#include "verify_test.h"

static const pf_flow_subject RIGHT = {.factor = 1};

static void exact_steps_hold(void **state) {
  (void)state;
  pf_verify_run run = open_run(1);
  assert_int_equal(pf_verify_w2fe_exact(&run, &RIGHT, NULL), PF_OK);
  expect_all_hold(&run, 14);
  pf_verify_close(&run);
}

static void gaussian_flow_holds(void **state) {
  (void)state;
  pf_verify_run run = open_run(1);
  assert_int_equal(pf_verify_w2fe_gaussian(&run, &RIGHT, NULL), PF_OK);
  expect_all_hold(&run, 6);
  pf_verify_close(&run);
}

static void sinkhorn_tends_to_the_exact_plan(void **state) {
  (void)state;
  pf_verify_run run = open_run(1);
  assert_int_equal(pf_verify_w2fe_sinkhorn(&run, NULL), PF_OK);
  expect_all_hold(&run, 4);
  pf_verify_close(&run);
}

/* The gradient of W2^2 in place of W2^2 / 2. */
static void wrong_factor_fails(void **state) {
  (void)state;
  const pf_flow_subject wrong = {.factor = 2};
  pf_verify_run run = open_run(1);
  assert_int_equal(pf_verify_w2fe_exact(&run, &wrong, NULL), PF_OK);
  assert_int_equal(pf_verify_w2fe_gaussian(&run, &wrong, NULL), PF_OK);
  assert_false(find_check(&run, "three points, dt=.2: W2 after 0 to 3 steps")->holds);
  assert_false(find_check(&run, "n=64, d=5, euler, dt=.3: factor of W2 minus 0.7")->holds);
  assert_false(find_check(&run, "n=128, d=2: W2 after one step of dt=1")->holds);
  assert_false(find_check(&run, "Gaussian flow: factor of W2 (Bures) minus (1 - dt)")->holds);
  assert_true(find_check(&run, "optimal map between Gaussians")->holds); /* no flow in it */
  pf_verify_close(&run);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(exact_steps_hold),
      cmocka_unit_test(gaussian_flow_holds),
      cmocka_unit_test(sinkhorn_tends_to_the_exact_plan),
      cmocka_unit_test(wrong_factor_fails),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
