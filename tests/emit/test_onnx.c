/* The ONNX file, read back by a reader of the test's own and run operator by operator. */
#include "onnx_reader.h"

enum { N = 1500 };

static pf_text onnx_of(const struct pf_model *model) {
  pf_error error = {0};
  pf_text text = {0};
  must(pf_emit_onnx(model, &text, &error), &error);
  return text;
}

/* Values differ by single precision alone; a lattice may round the other way where it is nearly a tie. */
static void compare(recipe r, const char *what) {
  struct pf_model *model = recipe_model(&r);
  const int d = model->columns;
  pf_text text = onnx_of(model);
  onnx_file *file = read_onnx(&text);
  assert_true(file->ir == 8 && file->opset == 17);
  assert_string_equal(file->input, "noise");
  assert_string_equal(file->output, "samples");
  assert_true(file->input_columns == d && file->output_columns == d);
  static float z[N * 16];
  noise_of(model, FIRST, N, z);
  const value *got = run_onnx(file, N, z);
  assert_true(got->rows == N && got->columns == d);
  double *want = samples_of(model, N);
  int64_t beyond = 0;
  for (int64_t i = 0; i < N * d; i++)
    beyond +=
        !(fabs(got->x[i] - want[i]) <= 1e-5 * fmax(fabs(want[i]), spread_of(want, 300, d, (int)(i % d))));
  if (beyond > N * d / 1000) fail_msg("%s: %lld of %d values", what, (long long)beyond, N * d);
  pf_free(want);
  free_onnx(file);
  pf_text_free(&text);
  pf_model_free(model);
}

static void every_activation_gives_the_samples(void **state) {
  (void)state;
  for (int a = 0; a < PF_ACTIVATION_COUNT; a++)
    compare((recipe){.activation = (pf_activation)a, .width = 16, .residual = a % 2},
            pf_activation_name((pf_activation)a));
}

static void every_map_gives_the_samples(void **state) {
  (void)state;
  for (int i = 0; i < PF_INTERPOLANT_COUNT; i++)
    compare((recipe){.interpolant = (pf_interpolant)i, .columns = 3}, pf_interpolant_name((pf_interpolant)i));
  compare((recipe){.plain = true, .skip = true, .spectral = true, .columns = 7}, "spectral");
  compare((recipe){.columns = 1, .width = 3, .depth = 1}, "narrow");
}

static void every_encoder_gives_the_samples(void **state) {
  (void)state;
  pf_encoder_options quantile = pf_encoder_options_default();
  compare((recipe){.mixed = true}, "mixed");
  compare((recipe){.encoder = &quantile, .columns = MIXED}, "quantile");
  compare((recipe){.encoder = &quantile, .columns = 1}, "one quantile column");
  compare((recipe){.columns = MIXED}, "standard");
}

static void given_columns_stand_in_the_samples(void **state) {
  (void)state;
  const pf_given first = {1, {0}}, some = {2, {1, 3}};
  compare((recipe){.columns = 2, .given = first}, "the first of two");
  compare((recipe){.mixed = true, .given = some}, "two of five, mixed");
  compare((recipe){.mixed = true, .given = some, .interpolant = PF_INTERPOLANT_LINEAR},
          "two of five, linear");
}

static void the_noise_decides_the_tail(void **state) {
  (void)state;
  pf_encoder_options quantile = pf_encoder_options_default();
  recipe r = {.encoder = &quantile, .columns = 1, .plain = true, .skip = true};
  struct pf_model *model = recipe_model(&r);
  pf_text text = onnx_of(model);
  onnx_file *file = read_onnx(&text);
  const float z[] = {-30, 30, -1e-30f, 0, 7, -7};
  enum { ROWS = 6 };
  const value *got = run_onnx(file, ROWS, z);
  pf_error error = {0};
  pf_sampler *sampler = NULL;
  double want[ROWS];
  must(pf_sampler_create(model, NULL, &sampler, &error), &error);
  pf_workspace workspace = {malloc(pf_sampler_workspace_bytes(sampler)), pf_sampler_workspace_bytes(sampler)};
  must(pf_sampler_run_from_noise(sampler, z, ROWS, want, workspace, &error), &error);
  for (int i = 0; i < ROWS; i++)
    if (!(fabs(got->x[i] - want[i]) <= 1e-5 * (1 + fabs(want[i]))))
      fail_msg("at %g: %g, not %g", (double)z[i], got->x[i], want[i]);
  free(workspace.memory);
  pf_sampler_free(sampler);
  free_onnx(file);
  pf_text_free(&text);
  pf_model_free(model);
}

static void what_cannot_be_exported_is_refused(void **state) {
  (void)state;
  recipe r = {.width = 4};
  struct pf_model *model = recipe_model(&r);
  pf_error error = {0};
  pf_text text = {0};
  model->from_source = true;
  assert_int_equal(pf_emit_onnx(model, &text, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "source"));
  model->from_source = false;
  model->velocity = model->generator;
  model->generator = NULL;
  assert_int_equal(pf_emit_onnx(model, &text, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "velocity"));
  assert_null(text.data);
  pf_model_free(model);
}

/* Conditions are standardised by single-precision numbers there. */
static void scales_beyond_single_precision_are_refused(void **state) {
  (void)state;
  static const double tiny[] = {1e-60, 0, 2e-60, 1}, huge[] = {1e60, 0, 2e60, 1};
  for (int i = 0; i < 2; i++) {
    recipe r = {.columns = 2, .given = {1, {0}}};
    struct pf_model *model = recipe_model(&r);
    pf_error error = {0};
    pf_text text = {0};
    pf_table *table = NULL;
    pf_encoder_options options = pf_encoder_options_default();
    options.kind = PF_ENCODER_STANDARD;
    must(pf_table_from_values(2, 2, i ? huge : tiny, NULL, &table, &error), &error);
    pf_encoder_free(model->encoder);
    model->encoder = NULL;
    must(pf_encoder_fit(table, &options, &model->encoder, &error), &error);
    assert_int_equal(pf_emit_onnx(model, &text, &error), PF_FAILED);
    if (!strstr(error.message, i ? "mean 1.5e+60" : "deviation 5e-61")) fail_msg("'%s'", error.message);
    assert_null(text.data);
    pf_table_free(table);
    pf_model_free(model);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_activation_gives_the_samples),
      cmocka_unit_test(every_map_gives_the_samples),
      cmocka_unit_test(every_encoder_gives_the_samples),
      cmocka_unit_test(given_columns_stand_in_the_samples),
      cmocka_unit_test(the_noise_decides_the_tail),
      cmocka_unit_test(what_cannot_be_exported_is_refused),
      cmocka_unit_test(scales_beyond_single_precision_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
