/* pf_report of Wasserstein gradient flows: modes, potential, the flow beside the generator, and curves of several models. */
#include "tiny_wgf.h"

#include "model/model.h"

static pf_model *w1fe, *w2fe, *monoflow;

static pf_model *train(const char *method, int64_t persistence) {
  pf_train_options o = tiny_wgf(method);
  o.source = "law:ring8";
  o.persistence = persistence;
  o.curve_points = 4;
  return train_on("law:ring8", &o);
}

static int set_up(void **state) {
  (void)state;
  w1fe = train("w1fe", 2);
  w2fe = train("w2fe", 3);
  monoflow = train("monoflow", 2);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  pf_model_free(w1fe);
  pf_model_free(w2fe);
  pf_model_free(monoflow);
  return 0;
}

static pf_report_options small_options(void) {
  pf_report_options options = {.evaluate = pf_evaluate_options_default()};
  options.evaluate.pairs = 1, options.evaluate.rows = 60;
  options.evaluate.metrics = "w2,modes";
  options.evaluate.baselines = false;
  return options;
}

/* free() it. */
static char *make_page(const pf_model *model, const pf_table *real, const pf_report_options *options) {
  char path[256];
  pf_error error = {0};
  temporary_name(path, "page");
  must(pf_report(model, real, NULL, options, path, &error), &error);
  bytes b = read_bytes(path);
  remove(path);
  b.data = realloc(b.data, b.size + 1);
  b.data[b.size] = 0;
  return (char *)b.data;
}

static size_t count_of(const char *text, const char *word) {
  size_t count = 0;
  for (const char *at = strstr(text, word); at; at = strstr(at + 1, word)) count++;
  return count;
}

static void expect_counts(const char *page, const char *words, size_t count) {
  if (count_of(page, words) != count)
    fail_msg("'%s' %zu times, not %zu", words, count_of(page, words), count);
}

static void a_critic_is_drawn(void **state) {
  (void)state;
  pf_report_options options = small_options();
  char *page[2];
  for (int i = 0; i < 2; i++) {
    options.evaluate.threads = 1 + 2 * i;
    page[i] = make_page(w1fe, NULL, &options);
  }
  assert_string_equal(page[0], page[1]);
  expect_counts(page[0], "<h2>Modes</h2>", 1);
  expect_counts(page[0], "<title>Samples per mode</title>", 1);
  expect_counts(page[0], "60 samples, each at its nearest centre.", 1);
  expect_counts(page[0], "<h2>What the samples descend</h2>", 1);
  expect_counts(page[0], "minus its slope, ", 1);
  expect_counts(page[0], "The flow of W1 itself", 1);
  expect_counts(page[0], "60 paths, 49 nodes each. Of 256 particles, whose W1 to as many rows", 1);
  expect_counts(page[0], "60 points of the prior, each joined with its sample.", 1);
  expect_counts(page[0], "<title>Straightness</title>", 0);
  expect_counts(page[0], "this model", 0);
  expect_counts(page[0], "nan", 0);
  free(page[0]);
  free(page[1]);
}

/* W2FE has no critic; monoflow's flow is not that of a distance. */
static void other_flows_show_what_they_have(void **state) {
  (void)state;
  pf_report_options options = small_options();
  char *page = make_page(w2fe, NULL, &options);
  expect_counts(page, "The flow of W2 itself", 1);
  expect_counts(page, "<h2>What the samples descend</h2>", w2fe->critic != NULL);
  free(page);
  page = make_page(monoflow, NULL, &options);
  expect_counts(page, "The flow of W", 0);
  expect_counts(page, "<title>Characteristics</title>", 0);
  expect_counts(page, "<title>Noise and samples</title>", 1);
  expect_counts(page, "Where the generator takes noise in its one step.", 1);
  free(page);
}

/* Fewer rows than paths: each particle needs one. Rows have no modes. */
static void few_rows_give_few_paths(void **state) {
  (void)state;
  pf_report_options options = small_options();
  pf_table *rows = draw_table("law:ring8", 20);
  char *page = make_page(w1fe, rows, &options);
  expect_counts(page, "20 paths, 49 nodes each. Of 20 particles", 1);
  expect_counts(page, "<h2>Modes</h2>", 0);
  free(page);
  pf_table_free(rows);
}

/* The flow ends nearer to the data than it began, by far: the page says both distances. */
static void the_flow_arrives(void **state) {
  (void)state;
  pf_report_options options = small_options();
  const pf_model *models[] = {w1fe, w2fe};
  for (int i = 0; i < 2; i++) {
    char *page = make_page(models[i], NULL, &options);
    double from = 0, to = 0;
    const char *at = strstr(page, "rows of the data falls from ");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "rows of the data falls from %lf to %lf in encoded units", &from, &to), 2);
    assert_true(from > 0.3 && to < 0.1 * from);
    free(page);
  }
}

/* ---- several models ---- */

static void curves_stand_beside_each_other(void **state) {
  (void)state;
  pf_model *same = train("w2fe", 3);
  const pf_model *beside[] = {w2fe, same, monoflow};
  const char *names[] = {"first.st", "<second>.st", "third.st"};
  pf_report_options options = small_options();
  options.beside = beside, options.beside_names = names, options.n_beside = 3;
  char *page = make_page(w1fe, NULL, &options);
  expect_counts(page, "<figure class=\"curve\"><", 0);
  expect_counts(page, ">w1fe, K = 2, this model</span>", (size_t)w1fe->n_curves - 1); /* one is a loss */
  expect_counts(page, ">w1fe, K = 2, this model: generator</span>", 1);
  expect_counts(page, ">w2fe, K = 3 (first.st): generator</span>", 1);
  expect_counts(page, ">w2fe, K = 3 (&lt;second&gt;.st): generator</span>", 1);
  expect_counts(page, ">monoflow, K = 2: generator</span>", 1); /* not ambiguous */
  free(page);
  options.beside_names = NULL;
  json_object_del(same->facts, "method");
  page = make_page(w1fe, NULL, &options);
  expect_counts(page, ">w2fe, K = 3: generator</span>", 1);
  expect_counts(page, ">model 3: generator</span>", 1);
  free(page);
  pf_model_free(same);
}

static void wrong_companies_are_refused(void **state) {
  (void)state;
  const pf_model *beside[] = {w2fe, NULL};
  pf_report_options options = small_options();
  pf_error error = {0};
  char path[256];
  temporary_name(path, "page");
  options.beside = beside, options.n_beside = 2;
  assert_int_equal(pf_report(w1fe, NULL, NULL, &options, path, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "model 2 beside the first is NULL"));
  options.n_beside = PF_REPORT_BESIDE + 1;
  assert_int_equal(pf_report(w1fe, NULL, NULL, &options, path, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "6 models beside the first, at most 5"));
  assert_int_not_equal(access(path, F_OK), 0);
}

/* ---- lack of memory ---- */

static void every_failing_allocation_is_reported(void **state) {
  (void)state;
  pf_report_options options = {.evaluate = pf_evaluate_options_default()};
  const pf_model *beside[] = {w2fe};
  pf_table *rows = draw_table("law:ring8", 40);
  char path[256];
  int failures = 0;
  temporary_name(path, "page");
  options.evaluate.metrics = "w2";
  options.evaluate.pairs = 1;
  options.evaluate.baselines = false;
  options.beside = beside, options.n_beside = 1;
  for (int64_t k = 1;; k += 1 + k / 16) {
    pf_error error = {0};
    pf_memory_fail_at(k);
    pf_status status = pf_report(w1fe, rows, NULL, &options, path, &error);
    pf_memory_fail_at(0);
    if (status == PF_OK) break;
    assert_int_equal(status, PF_NO_MEMORY);
    assert_int_not_equal(access(path, F_OK), 0);
    failures++;
  }
  assert_in_range(failures, 20, 400);
  remove(path);
  pf_table_free(rows);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_critic_is_drawn),
      cmocka_unit_test(other_flows_show_what_they_have),
      cmocka_unit_test(few_rows_give_few_paths),
      cmocka_unit_test(the_flow_arrives),
      cmocka_unit_test(curves_stand_beside_each_other),
      cmocka_unit_test(wrong_companies_are_refused),
      cmocka_unit_test(every_failing_allocation_is_reported),
  };
  return cmocka_run_group_tests_name("report_wgf", tests, set_up, tear_down);
}
