/* The study of W1-FE: verdicts on made-up numbers, and the cheapest cells against closed forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "study/w1fe.h"
#include "study_test.h"

/* ---- verdicts ---- */

static double limit_law(const char *key, int value, double factor, double order) {
  double eps = .25 / (1 << value % 6), d = number_in(key, "d=");
  double slope = strstr(key, "kept") ? order : fmin(order, (d - 1) / 4);
  return factor * pow(eps, slope) * (1 + .05 * scatter(key, value));
}
static double limit_right(const char *key, int value) { return limit_law(key, value, 1 / sqrt(3), 1); }
static double limit_wrong(const char *key, int value) { return limit_law(key, value, 1 / sqrt(3), .5); }
static double limit_factor(const char *key, int value) { return limit_law(key, value, .7, 1); }

static void step_limit_judges(void **state) {
  (void)state;
  /* half an order: every check of kept plans, and d = 4, at the edge, and 8 of the random clouds */
  expect_verdicts(&pf_study_w1fe_step_limit, limit_right, limit_wrong, 3 * 3 + 2);
  expect_verdicts(&pf_study_w1fe_step_limit, limit_right, limit_factor, 3);
}

static double decay_law(const char *key, int value, double slope, double extinction) {
  const double fixed[] = {1e-14, 1.5, 3, extinction, .7, .1};
  if (value < 6) return fixed[value];
  if (value < 11) return .5 * pow(.08 / (1 << (value - 6)), slope) * (1 + .02 * scatter(key, value));
  return 1 - (value - 10) / 10.;
}
static double decay_right(const char *key, int value) { return decay_law(key, value, 1, 2.5); }
static double decay_wrong(const char *key, int value) { return decay_law(key, value, .5, 2.5); }
static double decay_early(const char *key, int value) { return decay_law(key, value, 1, 1.2); }
static double decay_never(const char *key, int value) { return decay_law(key, value, 1, NAN); }

static void decay_judges(void **state) {
  (void)state;
  expect_verdicts(&pf_study_w1fe_decay, decay_right, decay_wrong,
                  2 * 6); /* floors that fall like sqrt(eps) */
  expect_verdicts(&pf_study_w1fe_decay, decay_right, decay_early, 1);
  expect_verdicts(&pf_study_w1fe_decay, decay_right, decay_never, 2);
}

static double persistence_law(const char *key, int value, double gain, double harm) {
  bool hard = strncmp(key, "hard", 4) == 0;
  double k = number_in(key, "K="), w1 = .5 + gain * log(k) + (hard && strstr(key, "naive") ? harm : 0);
  return value < 3 ? w1 + .05 * scatter(key, value) : value == 3 ? .2 : 8;
}
static double persistence_right(const char *key, int value) { return persistence_law(key, value, -.1, .5); }
static double persistence_wrong(const char *key, int value) { return persistence_law(key, value, .1, -.5); }
static double persistence_none(const char *key, int value) { return persistence_law(key, value, 0, 0); }

static void persistence_judges(void **state) {
  (void)state;
  expect_verdicts(&pf_study_w1fe_persistence, persistence_right, persistence_wrong, 2);
  expect_verdicts(&pf_study_w1fe_persistence, persistence_right, persistence_none, 2);
}

static double critic_law(const char *key, int value, double sign) {
  double steps = number_in(key, "steps ");
  if (value > 1) return 1;
  return .9 + sign * .1 * (log(steps) / log(20) - 1) + .01 * scatter(key, value);
}
static double critic_right(const char *key, int value) { return critic_law(key, value, 1); }
static double critic_wrong(const char *key, int value) { return critic_law(key, value, -1); }

static void critic_judges(void **state) {
  (void)state;
  expect_verdicts(&pf_study_w1fe_critic, critic_right, critic_wrong, 2);
}

/* ---- cells ---- */

static void kept_plan_reaches_its_limit(void **state) {
  (void)state;
  double v[PF_STUDY_VALUES];
  measure_key(&pf_study_w1fe_step_limit, "kept d=1 #0", v);
  for (int l = 0; l < 6; l++) {
    double eps = .25 / (1 << l), ratio = v[6 + l] / eps * sqrt(3);
    if (!(fabs(ratio - 1) < .2)) fail_msg("eps %g: %g of eps / sqrt 3", eps, ratio);
  }
}

/* Two steps in a row leave rho and eps - rho. */
static void floor_is_half_a_step(void **state) {
  (void)state;
  double v[PF_STUDY_VALUES];
  measure_key(&pf_study_w1fe_decay, "kept, d=2 #0", v);
  assert_true(v[0] < 1e-10);
  for (int l = 0; l < 5; l++) {
    double eps = .08 / (1 << l);
    if (!(fabs(v[6 + l] / eps - .5) < 1e-6)) fail_msg("eps %g: %g", eps, v[6 + l] / eps);
  }
}

static void a_critic_points_along_the_plan(void **state) {
  (void)state;
  double v[PF_STUDY_VALUES];
  measure_key(&pf_study_w1fe_critic, "critic steps 20 #0", v);
  assert_true(v[0] > .8 && v[0] < 1.1);
  assert_true(v[1] > .5 && v[1] <= 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(step_limit_judges),
                                     cmocka_unit_test(decay_judges),
                                     cmocka_unit_test(persistence_judges),
                                     cmocka_unit_test(critic_judges),
                                     cmocka_unit_test(kept_plan_reaches_its_limit),
                                     cmocka_unit_test(floor_is_half_a_step),
                                     cmocka_unit_test(a_critic_points_along_the_plan)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
