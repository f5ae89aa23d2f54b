/* pf_report from a tiny trained model: what the page says, that it repeats, and that it is written whole or not at all. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/memory.h"
#include "model/model.h"

static pf_model *of_law, *of_table, *blocks, *potential;
static pf_table *held;
static char folder[64];

static void check(pf_status status, const pf_error *error) {
  if (status != PF_OK) fail_msg("%s", error->message);
}

static pf_model *train(const pf_table *table, const char *source, const char *command) {
  pf_train_options options = pf_train_options_default();
  pf_error error = {0};
  pf_model *model = NULL;
  options.steps = 40, options.width = 16, options.depth = 2, options.batch = 64;
  options.curve_points = 4;
  options.source = source;
  options.trajectory_steps = 4;
  options.encoder = table->columns == 3 ? "quantile" : "standard";
  check(pf_train(table, NULL, &options, &model, &error), &error);
  if (command) json_object_set_new(model->facts, "command", json_string(command));
  return model;
}

/* A flow with likelihood, hardly trained. */
static pf_model *train_flow(const pf_table *table, const char *method, const char *source) {
  pf_train_options options = pf_train_options_default();
  pf_error error = {0};
  pf_model *model = NULL;
  options.method = method;
  options.steps = 12, options.width = 8, options.depth = 1, options.batch = 64;
  if (strcmp(method, "jko") == 0) options.blocks = 2, options.stop_movement = 0, options.step_size = 0.25;
  options.curve_points = 4;
  options.source = source;
  check(pf_train(table, NULL, &options, &model, &error), &error);
  return model;
}

/* Three columns: a whole number, a real one and their noisy sum. */
static pf_table *make_table(int64_t rows) {
  static const char *const names[] = {"count & co", "<real>", "sum"};
  pf_table *table = NULL;
  double *values = NULL;
  check(pf_alloc((size_t)rows * 3, sizeof(double), &values, NULL), &(pf_error){0});
  for (int64_t i = 0; i < rows; i++) {
    double a = (double)(i * 7 % 11), b = (double)(i * 31 % 97) / 97;
    values[3 * i] = a, values[3 * i + 1] = b, values[3 * i + 2] = a + 4 * b + (double)(i * 13 % 29) / 29;
  }
  assert_int_equal(pf_table_from_values(rows, 3, values, names, &table, NULL), PF_OK);
  pf_free(values);
  return table;
}

static int set_up(void **state) {
  (void)state;
  pf_error error = {0};
  pf_table *law = NULL, *rows = make_table(400);
  held = make_table(150);
  snprintf(folder, sizeof folder, "/tmp/pf_test_report_XXXXXX");
  assert_non_null(mkdtemp(folder));
  check(pf_table_load("law:moons", &(pf_load_options){.rows = 600, .seed = 5}, &law, &error), &error);
  of_law = train(law, "law:moons", "pushforward train law:moons -o m.pf --budget 9s --steps-of 3");
  of_table = train(rows, "data/people.csv", "pushforward train people.csv --steps 40");
  blocks = train_flow(law, "jko", "law:moons");
  potential = train_flow(rows, "otflow", "data/people.csv");
  pf_table_free(law);
  pf_table_free(rows);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  pf_model_free(of_law);
  pf_model_free(of_table);
  pf_model_free(blocks);
  pf_model_free(potential);
  pf_table_free(held);
  return rmdir(folder); /* fails when a test left something behind */
}

static const char *path_of(const char *name) {
  static char path[128];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

/* The whole file, which is removed; free with pf_free. */
static char *take_file(const char *path, size_t *length) {
  char *text = NULL;
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  fseek(file, 0, SEEK_END);
  *length = (size_t)ftell(file);
  rewind(file);
  assert_int_equal(pf_alloc(*length + 1, 1, &text, NULL), PF_OK);
  assert_int_equal(fread(text, 1, *length, file), *length);
  fclose(file);
  unlink(path);
  return text;
}

static pf_report_options small_options(void) {
  pf_report_options options = {.evaluate = pf_evaluate_options_default()};
  options.evaluate.pairs = 1, options.evaluate.rows = 60; /* a pair trains two classifiers */
  options.evaluate.baselines = false;
  options.command = "pushforward report m.pf 'a < b'";
  return options;
}

static char *make_page(const pf_model *model, const pf_table *real, const char *law,
                       const pf_report_options *options, size_t *length) {
  pf_error error = {0};
  char path[128];
  snprintf(path, sizeof path, "%s", path_of("page.html"));
  check(pf_report(model, real, law, options, path, &error), &error);
  return take_file(path, length);
}

static void assert_says(const char *page, const char *words) {
  if (!strstr(page, words)) fail_msg("the page does not say \"%s\"", words);
}

static void assert_silent(const char *page, const char *words) {
  if (strstr(page, words)) fail_msg("the page says \"%s\"", words);
}

static size_t count_of(const char *text, const char *word) {
  size_t count = 0;
  for (const char *at = strstr(text, word); at; at = strstr(at + 1, word)) count++;
  return count;
}

static void a_law_gives_every_section(void **state) {
  (void)state;
  static const char *const words[] = {
      "<h1>moons: pushforward report</h1>",
      "60 rows a side",
      "characteristic",
      "MLP 2 x 16 SiLU, two times",
      "MLP 2 x 16 SiLU, one time",
      "<dd>40: velocity 20, generator 20</dd>",
      "<dd>540 rows, 2 columns</dd>", /* a tenth of 600 is held out */
      "<h2>Quality of the samples</h2>",
      "<h2>Samples against data</h2>",
      "1500 of 4000 rows",
      "<h2>How samples move</h2>",
      "60 paths, 49 nodes each",
      "<h2>Quality and number of steps</h2>",
      ">velocity, 100</text>",
      "<h2>What the error is made of</h2>",
      "<h2>Compared with other samplers</h2>",
      "true data (the floor)",
      "factorised",
      "<h2>Training</h2>",
      "held-out energy distance",
      "m.pf --budget 9s --steps-of 3 --steps 40</code>", /* another option that only begins alike */
      "pushforward report m.pf &#39;a &lt; b&#39;</code>"};
  pf_report_options options = small_options();
  options.evaluate.baselines = true;
  size_t length = 0;
  char *page = make_page(of_law, NULL, NULL, &options, &length); /* the law is the recorded one */
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) assert_says(page, words[i]);
  assert_silent(page, "<script");
  assert_silent(page, ">nan<");
  assert_int_equal(count_of(page, "class=\"subject\""), 2); /* of the comparison and of the decomposition */
  assert_int_equal(strlen(page), length);
  assert_true(length < 1000000);
  pf_free(page);
}

/* Twice, with another number of threads: the same bytes. */
static void a_table_is_compared_row_by_row(void **state) {
  (void)state;
  static const char *const words[] = {
      "<h1>my &lt;page&gt;</h1>",
      "Measured against 150 rows of data: 60 a side",
      "<h2>Marginals</h2>",
      "count &amp; co",
      "In encoded units",
      "class=\"hist0\"",
      "people.csv --steps 40</code>" /* not twice */
  };
  pf_report_options options = small_options();
  size_t lengths[2];
  char *pages[2];
  options.title = "my <page>";
  for (int i = 0; i < 2; i++) {
    options.evaluate.threads = 1 + 2 * i;
    pages[i] = make_page(of_table, held, NULL, &options, &lengths[i]);
  }
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) assert_says(pages[0], words[i]);
  assert_silent(pages[0], "<h2>Compared with other samplers</h2>");
  assert_int_equal(lengths[0], lengths[1]);
  assert_memory_equal(pages[0], pages[1], lengths[0]);
  pf_free(pages[0]);
  pf_free(pages[1]);
}

static void a_flow_of_blocks_shows_its_density(void **state) {
  (void)state;
  static const char *const words[] = {
      "<dt>flow</dt><dd>MLP 1 x 8 SiLU, without time",
      "<dd>3 blocks of 4 Runge-Kutta 4 steps</dd>",
      "paths leave their chords by at most",
      "likelihood 1, transport cost 0",
      "Samples made with 48 network evaluations each", /* 3 blocks x 6 steps x 4 stages */
      "<h2>Likelihood</h2>",
      "Over 20000 real rows",
      "<h2>Density</h2>",
      "<b>Law</b>",
      "<b>Model</b>",
      "<h2>To noise and back</h2>",
      "<b>after block 3</b>",
      "<b>back through block 3</b>",
      "<b>back through block 2</b>",
      "<b>samples</b>",
      "<h2>The blocks of the flow</h2>",
      ">0.25</text>", /* h of the first block */
      "60 paths, 49 nodes each",
      "<title>Straightness</title>"};
  pf_report_options options = small_options();
  size_t lengths[2];
  char *pages[2];
  for (int i = 0; i < 2; i++) {
    options.evaluate.threads = 1 + 2 * i;
    pages[i] = make_page(blocks, NULL, NULL, &options, &lengths[i]);
  }
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) assert_says(pages[0], words[i]);
  assert_silent(pages[0], "<h2>Not in this report</h2>\n<ul>\n<li>Likelihood");
  assert_silent(pages[0], "interpolant");
  assert_int_equal(lengths[0], lengths[1]);
  assert_memory_equal(pages[0], pages[1], lengths[0]);
  assert_true(lengths[0] < 1500000);
  pf_free(pages[0]);
  pf_free(pages[1]);
}

/* Three columns, one of whole numbers: no map, but all the rest; against rows there is no entropy. */
static void a_flow_of_a_table_shows_what_it_can(void **state) {
  (void)state;
  static const char *const words[] = {"minus the slope of a potential of width 8, 1 residual layer",
                                      "<h2>Likelihood</h2>",
                                      "Over 150 real rows",
                                      "Density map: it is drawn for exactly two columns of real numbers.",
                                      "<h2>To noise and back</h2>",
                                      "first two columns, in encoded units",
                                      "<b>r = 0: data</b>",
                                      "<b>r = 0: samples</b>",
                                      "Blocks: step sizes and movement are those of a JKO flow.",
                                      "<title>Straightness</title>"};
  pf_report_options options = small_options();
  size_t length = 0;
  char *page = make_page(potential, held, NULL, &options, &length);
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) assert_says(page, words[i]);
  assert_silent(page, "<h2>Density</h2>");
  pf_free(page);
  page = make_page(potential, NULL, NULL, NULL, &length);
  assert_says(page, "Likelihood: there were no rows to measure it on.");
  assert_says(page, "<h2>To noise and back</h2>");
  assert_silent(page, "<h3>Data to noise</h3>");
  assert_says(page, "<h3>Noise to data</h3>");
  pf_free(page);
}

static void one_column_has_neither_map_nor_frames(void **state) {
  (void)state;
  double values[200];
  pf_table *one = NULL;
  for (int i = 0; i < 200; i++) values[i] = (i * 37 % 200) / 50.0;
  assert_int_equal(pf_table_from_values(200, 1, values, NULL, &one, NULL), PF_OK);
  pf_model *model = train_flow(one, "jko", NULL);
  pf_report_options options = small_options();
  size_t length = 0;
  char *page = make_page(model, one, NULL, &options, &length);
  assert_says(page, "Density map: it is drawn for exactly two columns");
  assert_says(page, "they are drawn in the plane of the first two columns");
  assert_says(page, "<h2>The blocks of the flow</h2>");
  assert_says(page, "<h2>How samples move</h2>");
  pf_free(page);
  pf_model_free(model);
  pf_table_free(one);
}

/* Facts of a file may be anything. */
static void spoiled_facts_of_blocks_are_left_out(void **state) {
  (void)state;
  json_t *kept = json_incref(json_object_get(blocks->facts, "step_sizes"));
  size_t length = 0;
  json_object_set_new(blocks->facts, "step_sizes", json_pack("[s, n]", "wide"));
  char *page = make_page(blocks, NULL, "law:moons",
                         &(pf_report_options){.evaluate = small_options().evaluate}, &length);
  assert_says(page, "<h2>The blocks of the flow</h2>");
  assert_silent(page, ">0.25</text>");
  assert_silent(page, "nan");
  pf_free(page);
  json_object_set_new(blocks->facts, "step_sizes", json_string("none"));
  page = make_page(blocks, NULL, "law:moons", &(pf_report_options){.evaluate = small_options().evaluate},
                   &length);
  assert_silent(page, "<h2>The blocks of the flow</h2>");
  pf_free(page);
  json_object_set_new(blocks->facts, "step_sizes", kept);
}

static void without_data_the_samples_are_shown(void **state) {
  (void)state;
  pf_report_options options = {0};
  size_t length = 0;
  char *page = make_page(of_table, NULL, NULL, &options, &length);
  assert_says(page, "Without data to measure against");
  assert_says(page, "Quality metrics: none were given");
  assert_says(page, "<h2>Marginals</h2>");
  assert_says(page, "class=\"hist1\"");
  assert_says(page, "<h2>How samples move</h2>");
  assert_silent(page, "class=\"hist0\"");
  assert_silent(page, "<h2>Quality of the samples</h2>");
  assert_silent(page, "Make this page");
  pf_free(page);
}

/* The recorded law has two columns: a model of one of them is not measured against it, and nothing fails. */
static void a_law_that_does_not_fit_is_left_out(void **state) {
  (void)state;
  pf_table *both = NULL, *one = NULL;
  assert_int_equal(pf_table_load("law:moons", &(pf_load_options){.rows = 300}, &both, NULL), PF_OK);
  double values[300];
  for (int i = 0; i < 300; i++) values[i] = pf_table_values(both)[2 * i];
  assert_int_equal(pf_table_from_values(300, 1, values, NULL, &one, NULL), PF_OK);
  pf_model *model = train(one, "law:moons", NULL);
  size_t length = 0;
  char *page = make_page(model, NULL, NULL, NULL, &length);
  assert_says(page, "Without data to measure against");
  assert_says(page, "Commands that reproduce the model: none");
  pf_free(page);
  pf_error error = {0};
  assert_int_equal(pf_report(model, NULL, "law:moons", NULL, path_of("page.html"), &error), PF_BAD_INPUT);
  assert_non_null(strstr(error.message, "2 columns, the model 1")); /* asked for by name, it must fit */
  pf_model_free(model);
  pf_table_free(both);
  pf_table_free(one);
}

static void another_seed_shows_other_samples(void **state) {
  (void)state;
  pf_report_options options = {0};
  size_t lengths[2];
  char *pages[2];
  for (int i = 0; i < 2; i++) {
    options.evaluate.seed = 1 + (uint64_t)i;
    pages[i] = make_page(of_table, NULL, NULL, &options, &lengths[i]);
  }
  assert_true(lengths[0] != lengths[1] || memcmp(pages[0], pages[1], lengths[0]) != 0);
  pf_free(pages[0]);
  pf_free(pages[1]);
}

/* A file keeps its curves in the order of their names: the page must not depend on that. */
static void a_loaded_model_gives_the_same_page(void **state) {
  (void)state;
  pf_error error = {0};
  pf_model *loaded = NULL;
  char path[128];
  size_t lengths[2];
  snprintf(path, sizeof path, "%s", path_of("model.pf"));
  check(pf_model_save(of_table, path, &error), &error);
  check(pf_model_load(path, &loaded, &error), &error);
  unlink(path);
  char *page = make_page(of_table, NULL, NULL, NULL, &lengths[0]);
  char *again = make_page(loaded, NULL, NULL, NULL, &lengths[1]);
  assert_int_equal(lengths[0], lengths[1]);
  assert_memory_equal(page, again, lengths[0]);
  pf_free(page);
  pf_free(again);
  pf_model_free(loaded);
}

static int files_in(const char *path) {
  int count = 0;
  DIR *directory = opendir(path);
  assert_non_null(directory);
  while (readdir(directory)) count++;
  closedir(directory);
  return count - 2; /* "." and ".." */
}

static void failure_leaves_nothing_behind(void **state) {
  (void)state;
  pf_report_options options = small_options();
  pf_error error = {0};
  assert_int_equal(pf_report(of_law, NULL, NULL, &options, path_of("none/page.html"), &error), PF_IO);
  assert_non_null(strstr(error.message, "none/page.html"));
  assert_int_equal(pf_report(of_law, held, NULL, &options, path_of("page.html"), &error), PF_BAD_INPUT);
  assert_int_equal(pf_report(of_law, NULL, "law:moon", &options, path_of("page.html"), &error), PF_USAGE);
  assert_non_null(strstr(error.message, "moon"));
  options.evaluate.pairs = -1;
  assert_int_equal(pf_report(of_law, NULL, NULL, &options, path_of("page.html"), &error), PF_USAGE);
  assert_int_equal(files_in(folder), 0);
}

static void fail_allocations_of(const pf_model *model) {
  int failures = 0;
  for (int64_t k = 1;; k += 1 + k / 8) { /* without data: the page's own allocations, not the metrics' */
    pf_error error = {0};
    pf_memory_fail_at(k);
    pf_status status = pf_report(model, NULL, NULL, NULL, path_of("page.html"), &error);
    pf_memory_fail_at(0);
    if (status == PF_OK) break;
    assert_int_equal(status, PF_NO_MEMORY);
    assert_int_equal(files_in(folder), 0);
    failures++;
  }
  assert_in_range(failures, 5, 200);
  unlink(path_of("page.html"));
}

static void every_failing_allocation_is_reported(void **state) {
  (void)state;
  fail_allocations_of(of_table);
  fail_allocations_of(potential);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_law_gives_every_section),
      cmocka_unit_test(a_table_is_compared_row_by_row),
      cmocka_unit_test(a_flow_of_blocks_shows_its_density),
      cmocka_unit_test(a_flow_of_a_table_shows_what_it_can),
      cmocka_unit_test(one_column_has_neither_map_nor_frames),
      cmocka_unit_test(spoiled_facts_of_blocks_are_left_out),
      cmocka_unit_test(without_data_the_samples_are_shown),
      cmocka_unit_test(a_law_that_does_not_fit_is_left_out),
      cmocka_unit_test(another_seed_shows_other_samples),
      cmocka_unit_test(a_loaded_model_gives_the_same_page),
      cmocka_unit_test(failure_leaves_nothing_behind),
      cmocka_unit_test(every_failing_allocation_is_reported),
  };
  return cmocka_run_group_tests_name("report", tests, set_up, tear_down);
}
