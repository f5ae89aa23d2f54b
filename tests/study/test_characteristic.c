/* The characteristic generator's study: what its conclusions make of values that follow the claims and of values that do not, and
 * the cells that are known in closed form. */
#include "study_test.h"

#include "base/rng.h"
#include "study/characteristic.h"

/* Fills the values of a cell by its number: the cells of these experiments are grids. */
typedef void fill_number(int cell, double *values);

static void fill_by_number(const pf_experiment_plan *plan, int cell, const char *key, double *values,
                           const void *context) {
  fill_number *const *fill = (fill_number *const *)context;
  (void)plan;
  (void)key;
  (*fill)(cell, values);
}

static pf_study judged(const pf_experiment_plan *plan, fill_number *fill) {
  return concluded(plan, fill_by_number, &fill);
}

/* ---- early stopping: closed forms ---- */

/* Two atoms: a point of weight 1/2 spread to N(0, alpha^2) goes back to its atom, so W2^2 = alpha^2 + (1 - beta)^2 up to
 * e^(-1 / 2 alpha^2). */
static void stopping_costs_what_atoms_say(void **state) {
  (void)state;
  static const double gaps[] = {0.1, 0.03, 0.01};
  double values[2];
  for (int i = 0; i < 3; i++) {
    double end = 1 - gaps[i], follmer = sqrt(1 - end * end);
    measured(&pf_study_early_stopping, i, values);
    assert_true(fabs(values[0] - hypot(gaps[i], gaps[i])) < 1e-3 * values[0]);
    assert_true(fabs(values[1] - hypot(gaps[i], gaps[i])) < 1e-6);
    measured(&pf_study_early_stopping, 7 + i, values);
    if (i > 0) assert_true(fabs(values[0] - hypot(follmer, gaps[i])) < 1e-3 * values[0]);
  }
}

/* Cells are (law, interpolant, time): 2 x 3 x 7. */
static double gap_of(int cell) {
  static const double gaps[] = {0.1, 0.03, 0.01, 0.003, 0.001, 3e-4, 1e-4};
  return gaps[cell % 7];
}
static void stopping_as_claimed(int cell, double *values) {
  bool is_follmer = cell / 7 % 3 == 1;
  values[0] = is_follmer ? sqrt(gap_of(cell)) : gap_of(cell);
  values[1] = 1.1 * values[0];
}
static void stopping_everywhere_by_root(int cell, double *values) {
  values[0] = sqrt(gap_of(cell));
  values[1] = 1.1 * values[0];
}
static void stopping_above_bound(int cell, double *values) {
  stopping_as_claimed(cell, values);
  if (cell == 20) values[1] = 0.9 * values[0];
}

static void stopping_is_judged(void **state) {
  (void)state;
  pf_study e = judged(&pf_study_early_stopping, stopping_as_claimed);
  assert_int_equal(count_failed(&e, ""), 0);
  pf_study_clear(&e);
  e = judged(&pf_study_early_stopping, stopping_everywhere_by_root);
  assert_int_equal(count_failed(&e, "linear"), 2);
  assert_int_equal(count_failed(&e, "follmer"), 0);
  pf_study_clear(&e);
  e = judged(&pf_study_early_stopping, stopping_above_bound);
  assert_int_equal(count_failed(&e, "bound"), 1);
  pf_study_clear(&e);
}

/* ---- error in n: cells are (dimension, size, seed), 8 seeds ---- */

static const double sizes[] = {1000, 3000, 10000, 30000};

static double noise(int cell, int which) {
  pf_rng rng = pf_rng_at(3, PF_STREAM_TEST, (uint64_t)which, (uint64_t)cell);
  return exp(0.05 * pf_rng_normal(&rng));
}

static void errors_with_slope(int cell, double slope, double *values) {
  double n = sizes[cell / 8 % 4];
  values[0] = pow(n, slope) * noise(cell, 0);
  for (int part = 1; part < 5; part++) values[part] = 0.5 * pow(n, slope);
  values[5] = pow(n, slope) * noise(cell, 1);
  values[6] = 0.3 + 0.2 * pow(n, slope);
  values[7] = 0.3;
}
static void errors_steep(int cell, double *values) { errors_with_slope(cell, -0.5, values); }
static void errors_shallow(int cell, double *values) { errors_with_slope(cell, -0.05, values); }
static void errors_noisy(int cell, double *values) {
  errors_steep(cell, values);
  values[0] *= pow(noise(cell, 2), 40); /* decides nothing */
}
static void errors_beyond_bound(int cell, double *values) {
  errors_steep(cell, values);
  if (cell < 32) values[6] = 100;
}

static void error_in_n_is_judged(void **state) {
  (void)state;
  pf_study e = judged(&pf_study_error_in_n, errors_steep);
  assert_int_equal(count_failed(&e, ""), 0);
  pf_study_clear(&e);
  e = judged(&pf_study_error_in_n, errors_shallow);
  assert_int_equal(count_failed(&e, "slope"), 8);
  pf_study_clear(&e);
  e = judged(&pf_study_error_in_n, errors_noisy);
  assert_true(count_failed(&e, "velocity error") >= 3);
  assert_int_equal(count_failed(&e, "RMS"), 0);
  pf_study_clear(&e);
  e = judged(&pf_study_error_in_n, errors_beyond_bound);
  assert_int_equal(count_failed(&e, "four terms"), 1);
  pf_study_clear(&e);
}

/* 3 ambient dimensions; in 16 the rate of the space instead of that of the plane. */
static void rate_of_the_space(int cell, double *values) {
  errors_with_slope(cell, cell < 64 ? -0.5 : -1.0 / 19, values);
}

static void intrinsic_dimension_is_judged(void **state) {
  (void)state;
  pf_study e = judged(&pf_study_intrinsic_dimension, errors_steep);
  assert_int_equal(count_failed(&e, ""), 0);
  pf_study_clear(&e);
  e = judged(&pf_study_intrinsic_dimension, rate_of_the_space);
  assert_int_equal(count_failed(&e, "D=16"), 2);
  assert_int_equal(count_failed(&e, "D=4"), 0);
  pf_study_clear(&e);
}

/* ---- losses: cells are (weight, seed), 6 seeds; (law, face, seed) ---- */

static void penalty_helps(int cell, double *values) {
  for (int v = 0; v < 4; v++) values[v] = noise(cell, v) * (v == 1 && cell >= 6 ? 0.5 : 1);
}
static void penalty_hurts(int cell, double *values) {
  for (int v = 0; v < 4; v++) values[v] = noise(cell, v) * (v == 1 && cell >= 6 ? 2 : 1);
}
static void theory_wins(int cell, double *values) {
  for (int v = 0; v < 4; v++) values[v] = noise(cell, v) * (cell / 6 % 2 == 0 ? 0.7 : 1);
}
static void practical_wins(int cell, double *values) {
  for (int v = 0; v < 4; v++) values[v] = noise(cell, v) * (cell / 6 % 2 == 0 ? 1.4 : 1);
}

static void losses_are_judged(void **state) {
  (void)state;
  pf_study e = judged(&pf_study_semigroup, penalty_helps);
  assert_int_equal(count_failed(&e, "defect"), 0);
  pf_study_clear(&e);
  e = judged(&pf_study_semigroup, penalty_hurts);
  assert_int_equal(count_failed(&e, "defect"), 3);
  assert_int_equal(count_failed(&e, "RMS"), 0);
  pf_study_clear(&e);
  e = judged(&pf_study_faces, theory_wins);
  assert_int_equal(count_failed(&e, ""), 0);
  pf_study_clear(&e);
  e = judged(&pf_study_faces, practical_wins);
  assert_int_equal(count_failed(&e, "RMS"), 2);
  pf_study_clear(&e);
}

/* ---- reflow: 3 rounds of (straightness, cost, W2 of one Euler step, of the generator), the floor, the independent cost ---- */

static void rounds_straighten(int cell, double *values) {
  for (int r = 0; r < 3; r++) {
    values[4 * r] = pow(0.2, r) * noise(cell, r);
    values[4 * r + 1] = 2 - 0.01 * r;
    values[4 * r + 2] = pow(0.5, r) * noise(cell, 3 + r);
    values[4 * r + 3] = 0.2;
  }
  values[12] = 0.1;
  values[13] = 4;
}
static void rounds_bend(int cell, double *values) {
  rounds_straighten(cell, values);
  for (int r = 1; r < 3; r++) {
    values[4 * r] = 3 * values[0];
    values[4 * r + 1] = 2 + r;
    values[4 * r + 2] = 1.5 * values[2];
  }
}

static void reflow_is_judged(void **state) {
  (void)state;
  pf_study e = judged(&pf_study_reflow, rounds_straighten);
  assert_int_equal(count_failed(&e, ""), 0);
  pf_study_clear(&e);
  e = judged(&pf_study_reflow, rounds_bend);
  assert_int_equal(count_failed(&e, ""), e.experiments->n_checks);
  pf_study_clear(&e);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(stopping_costs_what_atoms_say),
      cmocka_unit_test(stopping_is_judged),
      cmocka_unit_test(error_in_n_is_judged),
      cmocka_unit_test(intrinsic_dimension_is_judged),
      cmocka_unit_test(losses_are_judged),
      cmocka_unit_test(reflow_is_judged),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
