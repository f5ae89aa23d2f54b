/* The study of JKO flows: it concludes what its values say, and its cheap cells are what closed forms say. */
#include "study_test.h"

#include "study/jko.h"
#include "study/line_step.h"
#include "verify/gaussian_line.h"

static void experiments_are_tidy(void **state) {
  (void)state;
  for (int i = 0; i < pf_study_jko.count; i++) expect_tidy(pf_study_jko.experiments[i]);
}

/* ---- blocks ---- */

/* Exact cells are measured; trained ones are the exact recursion with a small spread, or one that stands still. */
static void fill_blocks(const pf_experiment_plan *plan, int cell, const char *key, double *values,
                        const void *context) {
  int n = plan->n_values / 3;
  if (strncmp(key, "exact", 5) == 0) {
    measured(plan, cell, values);
    return;
  }
  char exact[PF_STUDY_WORDS];
  snprintf(exact, sizeof exact, "exact N(3,4) h=%g", number_in(key, "h="));
  measured(plan, cell_of(plan, exact), values);
  for (int k = 0; k < 2 * n; k++) values[k] = about(is_wrong(context) ? 9 : values[k], cell, k);
  for (int k = 0; k < n; k++) values[2 * n + k] = .02;
}

static void blocks_conclude(void **state) {
  (void)state;
  pf_study study = concluded(&pf_jko_blocks, fill_blocks, &RIGHT);
  expect_all_hold(&study);
  study = concluded(&pf_jko_blocks, fill_blocks, &WRONG);
  expect_failure(&study, "rate of W2^2 per block, trained");
  expect_failure(&study, "largest abs ln(KL / exact KL)");
  expect_failure(&study, "trained blocks above T");
  pf_study_clear(&study);
}

/* Values of the table that brute-force minimisation gave, h = 1 from N(3,4). */
static void exact_blocks_match_the_table(void **state) {
  (void)state;
  double v[PF_STUDY_VALUES];
  measured(&pf_jko_blocks, cell_of(&pf_jko_blocks, "exact N(3,4) h=1"), v);
  assert_float_equal(v[0], 1.5 * 1.5 + .366025 * .366025, 2e-6);
  assert_float_equal(v[8], 1.246107, 6e-7);
  assert_float_equal(v[9], .2966983, 6e-8);
  assert_float_equal(v[8 + 5], .001101184, 6e-10);
  assert_float_equal(v[16], 0, 1e-12);
}

/* ---- inexact steps ---- */

static void fill_inexact(const pf_experiment_plan *plan, int cell, const char *key, double *values,
                         const void *context) {
  measured(plan, cell, values);
  if (is_wrong(context)) values[0] = number_in(key, "eps=");
}

static void inexact_steps_conclude(void **state) {
  (void)state;
  pf_study study = concluded(&pf_jko_inexact_steps, fill_inexact, &RIGHT);
  expect_all_hold(&study);
  study = concluded(&pf_jko_inexact_steps, fill_inexact, &WRONG);
  expect_failure(&study, "slope of KL");
  expect_failure(&study, "KL / eps^2");
  expect_failure(&study, "largest KL / ((1");
  pf_study_clear(&study);
}

/* A constant push of the mean by eps has the fixed point m = eps. */
static void a_constant_push_ends_at_eps(void **state) {
  (void)state;
  double v[PF_STUDY_VALUES];
  measured(&pf_jko_inexact_steps, cell_of(&pf_jko_inexact_steps, "mean h=1 eps=0.001 #1"), v);
  assert_float_equal(v[0], .5e-6, 1e-9);
  assert_float_equal(v[1], 1e-3, 1e-6);
}

/* ---- data without a density ---- */

static void fill_density(const pf_experiment_plan *plan, int cell, const char *key, double *values,
                         const void *context) {
  double delta = number_in(key, "delta=");
  if (strncmp(key, "trained", 7) != 0) {
    measured(plan, cell, values);
    if (is_wrong(context)) values[0] = 3 * values[1] * pow(delta, .3);
    return;
  }
  values[3] = .06;
  values[4] = .5 * log(1 / delta);
  values[2] = about(is_wrong(context) ? 1 : .05, cell, 0);
}

static void no_density_concludes(void **state) {
  (void)state;
  pf_study study = concluded(&pf_jko_no_density, fill_density, &RIGHT);
  expect_all_hold(&study);
  study = concluded(&pf_jko_no_density, fill_density, &WRONG);
  expect_failure(&study, "slope of W2");
  expect_failure(&study, "largest W2");
  expect_failure(&study, "KL after");
  pf_study_clear(&study);
}

/* Far from each other the atoms are smoothed apart: W2^2 = delta + delta^2/4; a circle moves along its normal alone. */
static void smoothed_atoms_are_known(void **state) {
  (void)state;
  double v[PF_STUDY_VALUES];
  measured(&pf_jko_no_density, cell_of(&pf_jko_no_density, "atoms delta=0.01"), v);
  assert_float_equal(v[0] * v[0], .01 + .01 * .01 / 4, 1e-12);
  measured(&pf_jko_no_density, cell_of(&pf_jko_no_density, "circle delta=0.0003"), v);
  assert_float_equal(v[0] * v[0] / .0003, 1, 1e-3);
}

/* ---- inversion ---- */

static void fill_inversion(const pf_experiment_plan *plan, int cell, const char *key, double *values,
                           const void *context) {
  bool wrong = is_wrong(context);
  (void)plan, (void)key;
  for (int i = 0; i < 4; i++) values[i] = about(1e-2 * pow(2 << i, wrong ? -2 : -4.6), cell, i);
  for (int k = 0; k < 8; k++) {
    values[4 + k] = about(1e-4 * pow(1.2, k), cell, k);
    values[12 + k] = wrong ? 1.5 : .8;
  }
  values[20] = log(1.4);
  values[21] = about(log(wrong ? 1.6 : 1.2), cell, 5);
}

static void inversion_concludes(void **state) {
  (void)state;
  pf_study study = concluded(&pf_jko_inversion, fill_inversion, &RIGHT);
  expect_all_hold(&study);
  study = concluded(&pf_jko_inversion, fill_inversion, &WRONG);
  expect_failure(&study, "slope of the inversion error");
  expect_failure(&study, "largest error");
  expect_failure(&study, "growth of the error");
  pf_study_clear(&study);
}

/* ---- other functionals ---- */

static void fill_functional(const pf_experiment_plan *plan, int cell, const char *key, double *values,
                            const void *context) {
  bool wrong = is_wrong(context);
  (void)plan;
  if (strncmp(key, "minimiser", 9) == 0) {
    values[19] = about(2e-2 * pow(number_in(strrchr(key, ',') - 1, ", ") - 1, wrong ? -1 : -2), cell, 0);
    return;
  }
  double h = number_in(key, "h=");
  for (int k = 0; k <= 15; k++) values[k] = about(3 * pow(wrong ? 1 : 1 + h, -k), cell, k);
  values[16] = values[17] = wrong;
  values[18] = wrong ? 1.1 : .97;
}

static void other_functionals_conclude(void **state) {
  (void)state;
  pf_study study = concluded(&pf_jko_other_functional, fill_functional, &RIGHT);
  expect_all_hold(&study);
  study = concluded(&pf_jko_other_functional, fill_functional, &WRONG);
  expect_failure(&study, "rate of W2^2 a step");
  expect_failure(&study, "violations");
  expect_failure(&study, "tightest");
  expect_failure(&study, "slope of the minimiser's error");
  pf_study_clear(&study);
}

static void no_step_violates_the_inequality(void **state) {
  (void)state;
  double v[PF_STUDY_VALUES];
  measured(&pf_jko_other_functional,
           cell_of(&pf_jko_other_functional, "porous medium + x^2/2, h=0.5 eps=0.05 #1"), v);
  assert_int_equal((int)v[16], 0);
  assert_true(v[15] < v[0] / 100);
  measured(&pf_jko_other_functional,
           cell_of(&pf_jko_other_functional, "minimiser of entropy + x^2/2 + x^4/4, 121 nodes"), v);
  assert_true(v[19] < 2e-4);
}

/* KL to N(0,1) from N(3, 2^2): the convex problem has the closed form's solution. */
static void line_step_is_the_gaussian_one(void **state) {
  (void)state;
  enum { NODES = 481 };
  const pf_line_energy e = {.lambda = 1, .nodes = NODES};
  const double h = .5;
  double z[NODES], expected[NODES];
  pf_normal_law from = {3, 2}, to = pf_jko_gaussian_step(from, h);
  for (int i = 0; i < NODES; i++) {
    double u = pf_line_step_node(&e, i);
    z[i] = from.mean + from.sd * u;
    expected[i] = to.mean + to.sd * u;
  }
  assert_int_equal(pf_line_step(&e, h, NULL, z, NULL), PF_OK);
  assert_true(sqrt(pf_line_step_distance(&e, z, expected)) < 1e-4);
  assert_float_equal(pf_line_energy_of(&e, z) + .5 * log(2 * M_PI), pf_normal_kl(to), 1e-4);
}

static void line_step_names_what_is_wrong(void **state) {
  (void)state;
  pf_error error = {0};
  double z[8] = {0};
  assert_int_equal(pf_line_step(&(pf_line_energy){.lambda = 1, .nodes = 7}, 1, NULL, z, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "7 nodes"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(experiments_are_tidy),          cmocka_unit_test(blocks_conclude),
      cmocka_unit_test(exact_blocks_match_the_table),  cmocka_unit_test(inexact_steps_conclude),
      cmocka_unit_test(a_constant_push_ends_at_eps),   cmocka_unit_test(no_density_concludes),
      cmocka_unit_test(smoothed_atoms_are_known),      cmocka_unit_test(inversion_concludes),
      cmocka_unit_test(other_functionals_conclude),    cmocka_unit_test(no_step_violates_the_inequality),
      cmocka_unit_test(line_step_is_the_gaussian_one), cmocka_unit_test(line_step_names_what_is_wrong),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
