/* Lack of memory anywhere in training, loading and sampling: an error, no leak (address sanitizer), and the same
 * call works afterwards. */
#include "fail_every.h"

static pf_table *table;
static pf_model *shared_model;
static char model_path[256];

static int set_up(void **state) {
  (void)state;
  pf_error error = {0};
  pf_train_options o = fewest_allocations();
  table = draw_table("law:moons", 40);
  must(pf_train(table, NULL, &o, &shared_model, &error), &error);
  temporary_name(model_path, "faults");
  must(pf_model_save(shared_model, model_path, &error), &error);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  pf_table_free(table);
  pf_model_free(shared_model);
  remove(model_path);
  return 0;
}

static pf_status do_train(pf_error *error) {
  pf_train_options o = fewest_allocations();
  pf_model *model = NULL;
  pf_status status = pf_train(table, NULL, &o, &model, error);
  assert_int_equal(status == PF_OK, model != NULL);
  pf_model_free(model);
  return status;
}

static pf_status do_train_quantile(pf_error *error) {
  pf_train_options o = fewest_allocations();
  pf_model *model = NULL;
  o.encoder = "quantile";
  o.face = "theory";
  o.semigroup = 1;
  pf_status status = pf_train(table, table, &o, &model, error);
  assert_int_equal(status == PF_OK, model != NULL);
  pf_model_free(model);
  return status;
}

static pf_status do_load(pf_error *error) {
  pf_model *model = NULL;
  pf_status status = pf_model_load(model_path, &model, error);
  assert_int_equal(status == PF_OK, model != NULL);
  pf_model_free(model);
  return status;
}

static pf_status do_save(pf_error *error) {
  char path[300];
  snprintf(path, sizeof path, "%s_again", model_path);
  pf_status status = pf_model_save(shared_model, path, error);
  if (status != PF_OK) assert_int_not_equal(access(path, F_OK), 0); /* whole or not at all */
  remove(path);
  return status;
}

static pf_status do_describe(pf_error *error) {
  char *json = NULL;
  pf_status status = pf_model_describe(shared_model, &json, error);
  assert_int_equal(status == PF_OK, json != NULL);
  pf_string_free(json);
  return status;
}

static pf_status do_sample(pf_error *error) {
  pf_sample_options o = {.steps = 2, .threads = 2};
  pf_table *drawn = NULL;
  pf_status status = pf_model_sample_table(shared_model, &o, 600, &drawn, error);
  assert_int_equal(status == PF_OK, drawn != NULL);
  pf_table_free(drawn);
  return status;
}

static pf_status do_sample_teacher(pf_error *error) {
  pf_sample_options o = {.steps = 2, .threads = 1, .teacher = true};
  pf_table *drawn = NULL;
  pf_status status = pf_model_sample_table(shared_model, &o, 600, &drawn, error);
  assert_int_equal(status == PF_OK, drawn != NULL);
  pf_table_free(drawn);
  return status;
}

static pf_status do_make_sampler(pf_error *error) {
  pf_sampler_options o = {.steps = 3};
  pf_sampler *sampler = NULL;
  pf_status status = pf_sampler_create(shared_model, &o, &sampler, error);
  assert_int_equal(status == PF_OK, sampler != NULL);
  pf_sampler_free(sampler);
  return status;
}

static void loading_survives_lack_of_memory(void **state) {
  (void)state;
  fail_every(do_load, "load", 1);
}

static void saving_survives_lack_of_memory(void **state) {
  (void)state;
  fail_every(do_save, "save", 1);
  fail_every(do_describe, "describe", 1);
}

static void sampling_survives_lack_of_memory(void **state) {
  (void)state;
  fail_every(do_sample, "sample", 1);
  fail_every(do_sample_teacher, "sample by the teacher", 1);
  fail_every(do_make_sampler, "make a sampler", 1);
}

static void training_survives_lack_of_memory(void **state) {
  (void)state;
  fail_every(do_train, "train", 17);
  fail_every(do_train_quantile, "train with quantiles", 23);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(loading_survives_lack_of_memory),
      cmocka_unit_test(saving_survives_lack_of_memory),
      cmocka_unit_test(sampling_survives_lack_of_memory),
      cmocka_unit_test(training_survives_lack_of_memory),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
