/* Lack of memory anywhere in what conditional models do: an error, no leak (address sanitizer), and the same call works
 * afterwards. */
#include "fail_every.h"

enum { ROWS = 80, COLUMNS = 3 };

static pf_table *table;
static pf_model *model;

static pf_train_options given_two(void) {
  pf_train_options o = fewest_allocations();
  o.condition = "x3,x1";
  return o;
}

static int set_up(void **state) {
  (void)state;
  pf_error error = {0};
  pf_train_options o = given_two();
  table = draw_table("law:two-mode:d=3", ROWS);
  must(pf_train(table, NULL, &o, &model, &error), &error);
  must(pf_model_set_given(model, table, false, &error), &error);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  pf_table_free(table);
  pf_model_free(model);
  return 0;
}

static pf_status do_train(pf_error *error) {
  pf_train_options o = given_two();
  pf_model *trained = NULL;
  o.face = "theory"; /* on trajectories, which begin under conditions */
  pf_status status = pf_train(table, NULL, &o, &trained, error);
  assert_int_equal(status == PF_OK, trained != NULL);
  pf_model_free(trained);
  return status;
}

static pf_status do_refuse_to_draw(pf_error *error) {
  static char path[256];
  pf_model *loaded = NULL;
  pf_table *drawn = NULL;
  temporary_name(path, "conditional_faults");
  pf_status status = pf_model_save(model, path, error);
  if (status == PF_OK) status = pf_model_load(path, &loaded, error);
  if (status == PF_OK) {
    status = pf_model_sample_table(loaded, NULL, 3, &drawn, error);
    if (status == PF_USAGE) status = PF_OK; /* nothing was given to this one */
    assert_null(drawn);
  }
  pf_model_free(loaded);
  remove(path);
  return status;
}

static pf_status do_give(pf_error *error) { return pf_model_set_given(model, table, false, error); }

static pf_status do_sample(pf_error *error) {
  pf_sample_options o = {.steps = 3, .threads = 1, .solver = "exponential"};
  double path[4 * COLUMNS];
  pf_table *drawn = NULL;
  pf_status status = pf_model_sample_table(model, &o, 600, &drawn, error);
  assert_int_equal(status == PF_OK, drawn != NULL);
  if (status == PF_OK) status = pf_model_sample_paths(model, &o, 1, path, error);
  pf_table_free(drawn);
  return status;
}

static pf_status do_export(pf_error *error) {
  static const char *const kinds[] = {"c", "onnx", "weights"};
  char path[256];
  pf_status status = PF_OK;
  temporary_name(path, "conditional_export");
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds && status == PF_OK; i++) {
    const pf_export_options o = {.to = kinds[i], .weights = i == 0 ? "i8" : NULL};
    status = pf_model_export(model, &o, path, error);
    remove(path);
  }
  return status;
}

static pf_status do_evaluate(pf_error *error) {
  static pf_evaluation_set set;
  pf_evaluate_options o = pf_evaluate_options_default();
  o.baselines = false;
  o.metrics = "conditional";
  o.pairs = 2;
  o.threads = 1;
  o.train = table;
  return pf_evaluate(model, table, NULL, &o, &set, error);
}

static void everything_survives_lack_of_memory(void **state) {
  (void)state;
  fail_every(do_train, "train", 3);
  fail_every(do_refuse_to_draw, "refuse to draw", 1);
  fail_every(do_give, "give", 1);
  fail_every(do_sample, "sample", 1);
  fail_every(do_export, "export", 1);
  fail_every(do_evaluate, "evaluate", 37); /* each is a whole evaluation */
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(everything_survives_lack_of_memory)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
