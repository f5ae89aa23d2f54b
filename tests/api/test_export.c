/* Exports through the public function: options, files that appear whole or not at all, lack of memory. */
#include "fail_every.h"

static pf_model *model;
static char path[256];
static pf_export_options options;

static int set_up(void **state) {
  (void)state;
  pf_error error = {0};
  pf_train_options o = tiny_options();
  o.steps = 4;
  o.width = 5;
  o.depth = 2;
  o.batch = 8;
  o.trajectory_steps = 1;
  o.threads = 1;
  o.curve_points = 0;
  o.encoder = "quantile";
  pf_table *table = draw_table("law:moons", 40);
  must(pf_train(table, NULL, &o, &model, &error), &error);
  pf_table_free(table);
  temporary_name(path, "export");
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  pf_model_free(model);
  remove(path);
  return 0;
}

static char *content(void) {
  FILE *file = fopen(path, "rb");
  static char text[64];
  size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
  text[length] = 0;
  if (file) fclose(file);
  return text;
}

static void put_old_file(void) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  fputs("old", file);
  fclose(file);
}

static pf_status do_export(pf_error *error) {
  put_old_file();
  pf_status status = pf_model_export(model, &options, path, error);
  if (status != PF_OK) assert_string_equal(content(), "old");
  return status;
}

static void lack_of_memory_leaves_the_old_file(void **state) {
  (void)state;
  static const pf_export_options all[] = {{"c", NULL, NULL},
                                          {"c", "net", "f16"},
                                          {"c", "net", "i8"},
                                          {"onnx", NULL, NULL},
                                          {"weights", NULL, NULL}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    options = all[i];
    fail_every(do_export, all[i].to, 1);
    assert_string_not_equal(content(), "old");
  }
}

static void expect_usage(pf_export_options o, const char *word) {
  pf_error error = {0};
  put_old_file();
  assert_int_equal(pf_model_export(model, &o, path, &error), PF_USAGE);
  assert_string_equal(content(), "old");
  if (!strstr(error.message, word)) fail_msg("'%s' lacks '%s'", error.message, word);
}

static void wrong_options_are_named(void **state) {
  (void)state;
  expect_usage((pf_export_options){"onyx", NULL, NULL}, "did you mean 'onnx'");
  expect_usage((pf_export_options){NULL, NULL, NULL}, "format");
  expect_usage((pf_export_options){"onnx", "net", NULL}, "net");
  expect_usage((pf_export_options){"weights", NULL, "f16"}, "f16");
  expect_usage((pf_export_options){"c", "9", NULL}, "'9'");
  expect_usage((pf_export_options){"c", NULL, "f8"}, "f8");
  pf_error error = {0};
  assert_int_equal(pf_model_export(NULL, NULL, path, &error), PF_USAGE);
  assert_int_equal(pf_model_export(model, NULL, NULL, &error), PF_USAGE);
  assert_int_equal(pf_model_export(model, NULL, "/nowhere/at/all.c", &error), PF_IO);
}

static void the_defaults_are_c(void **state) {
  (void)state;
  pf_error error = {0};
  must(pf_model_export(model, NULL, path, &error), &error);
  assert_memory_equal(content(), "/* A trained generator", 22);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lack_of_memory_leaves_the_old_file),
      cmocka_unit_test(wrong_options_are_named),
      cmocka_unit_test(the_defaults_are_c),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
