/* Mode coverage as pf_evaluate measures it: a hardly trained generator misses modes, the law itself does not. */
#include "tiny_wgf.h"

static pf_model *model;

static int set_up(void **state) {
  (void)state;
  pf_train_options o = tiny_wgf("w1fe");
  model = train_on("law:ring8", &o);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  pf_model_free(model);
  return 0;
}

static pf_coverage measure(const char *law, const char *metrics, int64_t rows, int pairs) {
  static pf_evaluation_set set;
  pf_evaluate_options o = pf_evaluate_options_default();
  pf_error error = {0};
  o.baselines = false;
  o.rows = rows, o.pairs = pairs;
  o.metrics = metrics;
  must(pf_evaluate(model, NULL, law, &o, &set, &error), &error);
  return set.coverage;
}

static double sum(const double *values, int n) {
  double total = 0;
  for (int i = 0; i < n; i++) total += values[i];
  return total;
}

/* The numbers follow from the counts: five iterations leave all samples around the centre of the ring. */
static void counts_give_the_numbers(void **state) {
  (void)state;
  pf_coverage c = measure("law:ring8", "modes", 1000, 4);
  int covered = 0;
  double chi_square = 0;
  assert_int_equal(c.modes, 8);
  assert_int_equal(c.listed, 8);
  assert_int_equal(c.rows, 4000);
  assert_true(sum(c.counts, 8) == 4000 && sum(c.law_counts, 8) == 4000);
  for (int m = 0; m < 8; m++) {
    assert_true(c.expected[m] == 500);
    covered += c.counts[m] >= 125;
    chi_square += (c.counts[m] - 500) * (c.counts[m] - 500) / 500;
  }
  assert_int_equal(c.covered, covered);
  assert_true(fabs(c.chi_square - chi_square) < 1e-9 * chi_square);
  assert_true(c.high_quality < 0.2);                       /* it has learnt nothing yet */
  assert_true(fabs(c.law_high_quality - 0.98889) < 0.007); /* 4 sd of 4000 draws */
  assert_true(c.law_chi_square < 30);                      /* 7 degrees of freedom: p < 1e-4 */
}

static void only_laws_with_modes_have_any(void **state) {
  (void)state;
  assert_int_equal(measure("law:moons", "modes", 50, 1).modes, 0);
  assert_int_equal(measure("law:gauss", "modes", 50, 1).modes, 0); /* one mode is none */
  assert_int_equal(measure("law:ring8", "w2", 50, 1).modes, 0);
  assert_int_equal(measure("law:checkerboard", "modes", 50, 1).modes, 8);
  assert_int_equal(measure("law:grid49", "modes", 4096, 30).rows, 10000); /* at most */
}

/* A component of weight 0 is no mode; more modes than are listed are still counted. */
static void mixtures_of_files_have_modes(void **state) {
  (void)state;
  enum { MODES = 90, ZEROS = 10 };
  char path[256], name[300], law[320];
  temporary_name(path, "mixture");
  snprintf(name, sizeof name, "%s.json", path);
  FILE *file = fopen(name, "w");
  assert_non_null(file);
  fprintf(file, "{\"covariance\": 0.01, \"weights\": [");
  for (int m = 0; m < MODES; m++) fprintf(file, "%s%d", m ? ", " : "", m < ZEROS ? 0 : 1);
  fprintf(file, "], \"means\": [");
  for (int m = 0; m < MODES; m++) fprintf(file, "%s[%d, 0]", m ? ", " : "", m);
  fprintf(file, "]}");
  assert_int_equal(fclose(file), 0);
  snprintf(law, sizeof law, "law:%s", name);
  pf_coverage c = measure(law, "modes", 800, 1);
  remove(name);
  assert_int_equal(c.modes, MODES - ZEROS);
  assert_int_equal(c.listed, PF_COVERAGE_MODES);
  assert_true(fabs(c.expected[0] - 10) < 1e-9);
  assert_true(sum(c.counts, c.listed) > 790); /* the samples are near the origin, left of the first mode */
  assert_true(sum(c.law_counts, c.listed) < 720);
  assert_true(c.covered < 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(counts_give_the_numbers),
      cmocka_unit_test(only_laws_with_modes_have_any),
      cmocka_unit_test(mixtures_of_files_have_modes),
  };
  return cmocka_run_group_tests_name("coverage", tests, set_up, tear_down);
}
