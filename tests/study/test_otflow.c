/* The study of OT-Flow: it concludes what its values say, and what it measures with is right where the answer is known. */
#include "study_test.h"

#include "base/memory.h"
#include "study/line_step.h"
#include "study/otflow.h"

static void experiments_are_tidy(void **state) {
  (void)state;
  for (int i = 0; i < pf_study_otflow.count; i++) expect_tidy(pf_study_otflow.experiments[i]);
}

/* ---- alpha ---- */

/* Trained cells are the closed form with a tiny spread, or transport that costs twice as much. */
static void fill_alpha(const pf_experiment_plan *plan, int cell, const char *key, double *values,
                       const void *context) {
  char exact[PF_STUDY_WORDS];
  snprintf(exact, sizeof exact, "exact alpha=%g", number_in(key, "alpha="));
  measured(plan, cell_of(plan, exact), values);
  if (strncmp(key, "exact", 5) == 0) return;
  values[0] = (is_wrong(context) ? .5 : 1) * (values[0] + about(1e-3, cell, 0) - 1e-3);
  values[1] = about(is_wrong(context) ? 1 : values[1], cell, 1);
  values[2] = values[3] = is_wrong(context) ? .1 : about(.005, cell, 2);
}

static void alpha_concludes(void **state) {
  (void)state;
  pf_study study = concluded(&pf_otflow_alpha, fill_alpha, &RIGHT);
  expect_all_hold(&study);
  study = concluded(&pf_otflow_alpha, fill_alpha, &WRONG);
  expect_failure(&study, "wrong turns of L, KL, P along alpha, trained");
  expect_failure(&study, "largest KL");
  expect_failure(&study, "slope of KL in alpha, trained");
  expect_failure(&study, "slope of W2^2/2 - L in alpha, trained");
  expect_failure(&study, "bend of the paths");
  expect_failure(&study, "R / L");
  pf_study_clear(&study);
}

/* The table of the closed form: L and KL at alpha = 10 and 100. */
static void exact_weights_match_the_table(void **state) {
  (void)state;
  double v[PF_STUDY_VALUES];
  measured(&pf_otflow_alpha, cell_of(&pf_otflow_alpha, "exact alpha=10"), v);
  assert_float_equal(v[0], 4.17150, 6e-6);
  assert_float_equal(v[1], .039524, 6e-7);
  measured(&pf_otflow_alpha, cell_of(&pf_otflow_alpha, "exact alpha=100"), v);
  assert_float_equal(v[0], 4.90636, 6e-6);
  assert_float_equal(v[1], 4.6597e-4, 6e-9);
}

/* ---- samples, size, identity ---- */

static void fill_samples(const pf_experiment_plan *plan, int cell, const char *key, double *values,
                         const void *context) {
  static const double n[] = {64, 256, 1024, 4096};
  double m = number_in(key, "m=");
  (void)plan;
  for (int k = 0; k < 4; k++) {
    values[k] = about(2 * pow(n[k], is_wrong(context) ? -.25 : -.5), cell, k);
    values[4 + k] = about(2 * pow(n[k], is_wrong(context) ? -.25 : -.5), cell, k + 1);
    values[8 + k] = about(pow(n[k] * m, is_wrong(context) ? .1 : -.4), cell, k + 2);
  }
  values[12] = .01;
}

static void samples_conclude(void **state) {
  (void)state;
  pf_study study = concluded(&pf_otflow_samples, fill_samples, &RIGHT);
  expect_all_hold(&study);
  study = concluded(&pf_otflow_samples, fill_samples, &WRONG);
  expect_failure(&study, "slope of the");
  pf_study_clear(&study);
}

static void fill_size(const pf_experiment_plan *plan, int cell, const char *key, double *values,
                      const void *context) {
  double m = number_in(key, "m="), layers = number_in(key, "M=");
  (void)plan;
  values[0] = 3 * m + layers * (m * m + m);
  values[2] = about((is_wrong(context) ? .05 : .1) * pow(values[0], is_wrong(context) ? .5 : -.5), cell, 0);
  values[1] = (is_wrong(context) ? layers : 1) * (.3 + values[2]);
  values[3] = .2;
}

static void size_concludes(void **state) {
  (void)state;
  pf_study study = concluded(&pf_otflow_size, fill_size, &RIGHT);
  expect_all_hold(&study);
  study = concluded(&pf_otflow_size, fill_size, &WRONG);
  expect_failure(&study, "slope of the");
  expect_failure(&study, "excess over the least");
  expect_failure(&study, "ln(objective");
  pf_study_clear(&study);
}

static void fill_identity(const pf_experiment_plan *plan, int cell, const char *key, double *values,
                          const void *context) {
  bool wrong = is_wrong(context), chain = strncmp(key, "repeated", 8) == 0;
  for (int k = 0; k < plan->n_values; k++)
    if ((k >= 5) == chain) values[k] = about(wrong ? 1.2 : 1, cell, k);
  if (!chain) values[0] = about(wrong ? .05 : .01, cell, 0);
}

static void identity_concludes(void **state) {
  (void)state;
  pf_study study = concluded(&pf_otflow_jko_identity, fill_identity, &RIGHT);
  expect_all_hold(&study);
  study = concluded(&pf_otflow_jko_identity, fill_identity, &WRONG);
  expect_failure(&study, "W2 apart");
  expect_failure(&study, "L / exact");
  expect_failure(&study, "KL / exact");
  pf_study_clear(&study);
}

/* ---- instruments ---- */

/* A potential without its network is |A s|^2/2: x' = -S x, so N(0, e^{2S}) becomes N(0, 1), the loss is the entropy and the cost
 * S (e^{2S} - 1)/4. */
static void value_of_a_linear_flow_is_known(void **state) {
  (void)state;
  enum { NODES = 601 };
  const double rate = .7;
  double x[NODES], weight[NODES], step = 12.0 / (NODES - 1);
  pf_flow_settings s = {
      .field = {.kind = PF_FIELD_POTENTIAL, .potential = {.inputs = 1, .width = 2, .layers = 1, .rank = 1}},
      .likelihood = 3,
      .kinetic = 1};
  pf_layout layout = {0};
  float *params = NULL;
  assert_int_equal(pf_field_layout(&s.field, &layout, NULL), PF_OK);
  assert_int_equal(pf_alloc((size_t)layout.total, sizeof *params, &params, NULL), PF_OK);
  params[pf_layout_find(&layout, "A")->offset] = (float)sqrt(rate);
  pf_layout_free(&layout);
  for (int i = 0; i < NODES; i++) {
    double u = -6 + step * i;
    x[i] = exp(rate) * u;
    weight[i] = step * exp(-.5 * u * u) / sqrt(2 * M_PI);
  }
  pf_otflow_value value = {0};
  assert_int_equal(pf_otflow_value_of(&s, params, 16, (pf_otflow_rows){NODES, x, weight}, &value, NULL, NULL),
                   PF_OK);
  pf_free(params);
  assert_float_equal(value.nll, .5 * (1 + log(2 * M_PI)) + rate, 1e-5);
  assert_float_equal(value.cost, rate * (exp(2 * rate) - 1) / 4, 1e-5);
  assert_float_equal(value.total, 3 * value.nll + value.cost, 1e-12);
}

/* P_alpha grows with alpha between 0 and W2^2/2, its KL falls, and no flow is better than it: staying costs more. */
static void least_value_is_a_minimum(void **state) {
  (void)state;
  double before = 0, kl = INFINITY;
  for (double alpha = 1; alpha <= 16; alpha *= 4) {
    pf_otflow_two_modes law;
    assert_int_equal(pf_otflow_two_modes_open(alpha, &law, NULL), PF_OK);
    double least = law.least_cost + alpha * law.least_kl;
    double identity = .5 * (1.5 * 1.5 + .25) + .5 * log(2 * M_PI) - law.entropy;
    assert_true(least > before && least < alpha * identity);
    assert_true(law.least_kl < kl);
    before = least;
    kl = law.least_kl;
    pf_otflow_two_modes_close(&law);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(experiments_are_tidy),
      cmocka_unit_test(alpha_concludes),
      cmocka_unit_test(exact_weights_match_the_table),
      cmocka_unit_test(samples_conclude),
      cmocka_unit_test(size_concludes),
      cmocka_unit_test(identity_concludes),
      cmocka_unit_test(value_of_a_linear_flow_is_known),
      cmocka_unit_test(least_value_is_a_minimum),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
