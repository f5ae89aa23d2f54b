/* Conditional models from training to measurement, on x = 2 c + noise, whose conditional laws are known. */
#include "tiny_train.h"

enum { ROWS = 4000, N = 2000 };

static pf_model *models[2]; /* the same with one thread and with two */

/* Columns x and c: c even over -1.5 to 1.5, x = 2 c + .5 n with twelve sums of evens for n. */
static pf_table *line_rows(uint32_t seed, int64_t n) {
  const char *names[] = {"x", "c"};
  pf_error error = {0};
  pf_table *table = NULL;
  double *rows = malloc((size_t)n * 2 * sizeof *rows);
  uint32_t state = seed;
  for (int64_t i = 0; i < n; i++) {
    double sum = -6, u = 0;
    for (int k = 0; k < 13; k++) {
      state = state * 1664525u + 1013904223u;
      u = (state >> 8) / 16777216.;
      sum += k < 12 ? u : 0;
    }
    rows[2 * i + 1] = 3 * u - 1.5;
    rows[2 * i] = 2 * rows[2 * i + 1] + .5 * sum;
  }
  must(pf_table_from_values(n, 2, rows, names, &table, &error), &error);
  free(rows);
  return table;
}

static pf_train_options line_options(int threads) {
  pf_train_options o = pf_train_options_default();
  o.condition = "c";
  o.steps = 1200;
  o.width = 32, o.depth = 2, o.batch = 256;
  o.trajectory_steps = 8;
  o.curve_points = 2;
  o.threads = threads;
  return o;
}

static int set_up(void **state) {
  (void)state;
  pf_table *rows = line_rows(1, ROWS);
  for (int i = 0; i < 2; i++) {
    pf_error error = {0};
    pf_train_options o = line_options(i + 1);
    must(pf_train(rows, NULL, &o, &models[i], &error), &error);
  }
  pf_table_free(rows);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  for (int i = 0; i < 2; i++) pf_model_free(models[i]);
  return 0;
}

static void give(pf_model *model, double c) {
  pf_error error = {0};
  pf_table *table = NULL;
  must(pf_table_from_values(1, 1, &c, (const char *[]){"c"}, &table, &error), &error);
  must(pf_model_set_given(model, table, true, &error), &error);
  pf_table_free(table);
}

static void threads_do_not_matter(void **state) {
  (void)state;
  bytes one = model_bytes(models[0]), two = model_bytes(models[1]);
  expect_same_bytes("threads", one, two);
  free(one.data);
  free(two.data);
}

/* x given c is N(2 c, .25): one step, more of them, and the velocity. */
static void every_condition_has_its_own_law(void **state) {
  (void)state;
  const pf_sample_options hows[] = {
      {.seed = 2}, {.seed = 2, .steps = 4}, {.seed = 2, .teacher = true, .steps = 20}};
  for (int h = 0; h < 3; h++)
    for (double c = -1.25; c <= 1.25; c += .625) {
      pf_error error = {0};
      double x[N * 2], mean = 0, square = 0;
      give(models[0], c);
      must(pf_model_sample(models[0], &hows[h], N, x, &error), &error);
      for (int i = 0; i < N; i++) {
        assert_true(x[2 * i + 1] == c);
        mean += x[2 * i] / N;
      }
      for (int i = 0; i < N; i++) square += (x[2 * i] - mean) * (x[2 * i] - mean) / N;
      if (!(fabs(mean - 2 * c) < .2)) fail_msg("case %d, c = %g: mean %g", h, c, mean);
      if (!(fabs(sqrt(square) - .5) < .12)) fail_msg("case %d, c = %g: spread %g", h, c, sqrt(square));
    }
}

static void measure(pf_model *model, const pf_table *given, pf_conditional *out) {
  static pf_evaluation_set set;
  pf_error error = {0};
  pf_table *held = line_rows(7, 6000);
  pf_evaluate_options o = pf_evaluate_options_default();
  o.baselines = false;
  o.metrics = "conditional";
  must(pf_model_set_given(model, given, false, &error), &error);
  must(pf_evaluate(model, held, NULL, &o, &set, &error), &error);
  *out = set.conditional;
  pf_table_free(held);
}

/* W2 within a bin is small beside a column's spread: a model that does not heed the condition would be about one off. */
static void bins_measure_the_conditional_law(void **state) {
  (void)state;
  pf_conditional c;
  pf_table *given = line_rows(3, 3000);
  measure(models[0], given, &c);
  assert_int_equal(c.columns, 1);
  assert_string_equal(c.column[0].name, "c");
  assert_int_equal(c.column[0].count, PF_CONDITION_BINS);
  for (int b = 0; b < PF_CONDITION_BINS; b++) {
    const pf_condition_bin *bin = &c.column[0].bins[b];
    assert_true(bin->low < bin->high && (b == 0 || bin->low == c.column[0].bins[b - 1].high));
    assert_true(bin->rows >= 150 && bin->rows <= 400 && bin->floor > 0);
    if (!(bin->w2 < .2))
      fail_msg("bin %d: w2 %g, floor %g", b, bin->w2, bin->floor); /* spreads of a column */
  }
  pf_table_free(given);
}

/* Bins of model 0 against HELD rows whose condition is value(i), i = 0, 1, ... */
enum { HELD = 300 };
static pf_condition_bins bins_of(double (*value)(int i)) {
  static pf_evaluation_set set;
  double rows[2 * HELD];
  pf_error error = {0};
  pf_table *held = NULL;
  for (int i = 0; i < HELD; i++) {
    rows[2 * i + 1] = value(i);
    rows[2 * i] = 2 * value(i) + .01 * (i % 29);
  }
  must(pf_table_from_values(HELD, 2, rows, (const char *[]){"x", "c"}, &held, &error), &error);
  pf_evaluate_options o = pf_evaluate_options_default();
  o.baselines = false;
  o.metrics = "conditional";
  must(pf_model_set_given(models[0], held, false, &error), &error);
  must(pf_evaluate(models[0], held, NULL, &o, &set, &error), &error);
  pf_table_free(held);
  return set.conditional.column[0];
}

static double one_of_three(int i) { return i % 3; }
static double mostly_zero(int i) { return i % 20 ? 0 : 1 + i; } /* 5 % of them above */
static double one_alone(int i) { return 2 + 0 * i; }
static double zero_to_two(int i) { return i < 40 ? 0 : i < 80 ? 1 : i; }

/* A class is in a bin of its own, the last one too; a rare one shares its. */
static void a_value_of_many_rows_is_no_part_of_a_bin(void **state) {
  (void)state;
  pf_condition_bins c = bins_of(one_of_three);
  assert_int_equal(c.count, 3);
  for (int b = 0; b < 3; b++) {
    assert_true(c.bins[b].low == b && c.bins[b].high == (b < 2 ? b + 1 : 2));
    assert_true(c.bins[b].rows == HELD / 3 / 2 && isfinite(c.bins[b].w2));
  }
  c = bins_of(mostly_zero);
  assert_int_equal(c.count, 2);
  assert_true(c.bins[0].low == 0 && c.bins[0].high == 1 && c.bins[1].high == 281);
  assert_true(c.bins[1].rows == 7 && isnan(c.bins[1].w2)); /* 15 rows are too few */
  c = bins_of(one_alone);
  assert_int_equal(c.count, 1);
  assert_true(c.bins[0].low == 2 && c.bins[0].high == 2 && isfinite(c.bins[0].w2));
  c = bins_of(zero_to_two);
  assert_int_equal(c.count, 9); /* 40 rows, 40 rows, and the rest cut at tenths of all */
  assert_true(c.bins[0].high == 1 && c.bins[1].high == 80 && c.bins[2].high == 120 && c.bins[8].high == 299);
}

static void what_is_not_conditional_refuses(void **state) {
  (void)state;
  pf_table *rows = line_rows(1, 200);
  const struct {
    const char *method, *condition, *coupling, *word;
  } cases[] = {{"w1fe", "c", NULL, "characteristic"},
               {"jko", "c", NULL, "method 'jko' has no use for it"},
               {"characteristic", "x,c", NULL, "leaves none"},
               {"characteristic", "d", NULL, "condition"},
               {"flow-matching", "c", "optimal", "not together"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    pf_error error = {0};
    pf_model *model = NULL;
    pf_train_options o = line_options(1);
    o.trajectory_steps = 0; /* of one method alone */
    o.method = cases[i].method, o.condition = cases[i].condition, o.coupling = cases[i].coupling;
    assert_int_equal(pf_train(rows, NULL, &o, &model, &error), PF_USAGE);
    if (!strstr(error.message, cases[i].word)) fail_msg("'%s' lacks '%s'", error.message, cases[i].word);
  }
  pf_error error = {0};
  pf_model *model = NULL;
  pf_train_options o = line_options(1);
  o.from = rows;
  assert_int_equal(pf_train(rows, NULL, &o, &model, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "--from"));
  pf_table_free(rows);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(threads_do_not_matter),
      cmocka_unit_test(every_condition_has_its_own_law),
      cmocka_unit_test(bins_measure_the_conditional_law),
      cmocka_unit_test(a_value_of_many_rows_is_no_part_of_a_bin),
      cmocka_unit_test(what_is_not_conditional_refuses),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
