/* The emitted C file: the library's values, clean under strict flags, honest about what fewer bits cost. */
#include "compiled.h"

#include "base/cpu.h"
#include "emit/c_runtime.h"
#include "emit/stored.h"

/* Where the library's activations fuse multiply-adds, the file makes its bits; elsewhere its own rounding. */
static bool same_bits_expected(void) { return PF_MULTIVERSIONED && pf_cpu_runs("x86-64-v3"); }

static void draw(const compiled *c, const struct pf_model *model, int64_t i, float *out) {
  float given[16];
  const double *condition = model->given.count > 0 ? pf_model_condition(model, SEED, i) : NULL;
  for (int k = 0; k < model->given.count; k++) given[k] = (float)condition[k];
  if (condition)
    c->sample_given(SEED, (uint64_t)i, given, out);
  else
    c->sample(SEED, (uint64_t)i, out);
}

static void compare(const struct pf_model *model, int64_t n, const char *what) {
  const int d = model->columns;
  compiled c = compile_model(model, "f32");
  double *want = samples_of(model, n);
  float got[16], again[16], z[16];
  int64_t differ = 0, jumps = 0;
  for (int64_t i = 0; i < n; i++) {
    draw(&c, model, FIRST + i, got);
    noise_of(model, FIRST + i, 1, z);
    c.from_noise(z, again);
    assert_memory_equal(got, again, (size_t)d * sizeof *got);
    for (int k = 0; k < d; k++) {
      differ += got[k] != (float)want[i * d + k];
      jumps +=
          !(fabs(got[k] - want[i * d + k]) <= 2e-5 * fmax(fabs(want[i * d + k]), spread_of(want, 50, d, k)));
    }
  }
  if (same_bits_expected() ? differ > 0 : jumps * 1000 > n)
    fail_msg("%s: %lld of %lld values differ, %lld by much", what, (long long)differ, (long long)(n * d),
             (long long)jumps);
  pf_free(want);
  dlclose(c.library);
}

static void compare_recipe(recipe r, int64_t n, const char *what) {
  struct pf_model *model = recipe_model(&r);
  compare(model, n, what);
  pf_model_free(model);
}

static void need(const char *program) {
  if (!have(program)) skip();
}

static void every_activation_gives_the_samples(void **state) {
  (void)state;
  need("cc");
  for (int a = 0; a < PF_ACTIVATION_COUNT; a++)
    compare_recipe((recipe){.activation = (pf_activation)a, .width = 33, .depth = 3, .residual = a % 2}, 3000,
                   pf_activation_name((pf_activation)a));
}

static void every_map_gives_the_samples(void **state) {
  (void)state;
  need("cc");
  for (int i = 0; i < PF_INTERPOLANT_COUNT; i++)
    compare_recipe((recipe){.interpolant = (pf_interpolant)i, .columns = 3}, 3000,
                   pf_interpolant_name((pf_interpolant)i));
  compare_recipe((recipe){.plain = true, .width = 16}, 3000, "plain");
  compare_recipe((recipe){.plain = true, .skip = true, .spectral = true, .columns = 7}, 3000, "spectral");
  compare_recipe((recipe){.columns = 1, .width = 3, .depth = 1}, 3000, "narrow");
}

static void every_encoder_gives_the_samples(void **state) {
  (void)state;
  need("cc");
  pf_encoder_options quantile = pf_encoder_options_default(), common = quantile;
  common.kind = PF_ENCODER_STANDARD;
  common.scale = PF_SCALE_COMMON;
  compare_recipe((recipe){.mixed = true}, 3000, "mixed");
  compare_recipe((recipe){.encoder = &quantile, .columns = MIXED}, 3000, "quantile");
  compare_recipe((recipe){.encoder = &common, .columns = MIXED}, 3000, "common");
  compare_recipe((recipe){.columns = 1}, 3000, "standard");
}

static void given_columns_stand_in_the_samples(void **state) {
  (void)state;
  need("cc");
  const pf_given first = {1, {0}}, some = {2, {1, 3}}, most = {4, {1, 2, 3, 4}};
  compare_recipe((recipe){.columns = 2, .given = first}, 3000, "the first of two");
  compare_recipe((recipe){.mixed = true, .given = some}, 3000, "two of five, mixed");
  compare_recipe((recipe){.mixed = true, .given = most, .interpolant = PF_INTERPOLANT_LINEAR}, 3000,
                 "four of five");
  compare_recipe((recipe){.mixed = true, .given = some, .plain = true, .skip = true}, 3000, "plain");
}

static void networks_of_the_usual_sizes(void **state) {
  (void)state;
  need("cc");
  compare_recipe((recipe){.width = 64, .depth = 3}, 4000, "3x64");
  compare_recipe((recipe){.width = 256, .depth = 4, .columns = 16}, 1500, "4x256");
}

/* ---- compilers ---- */

static void is_clean_with(const char *compiler, const char *program) {
  need(program);
  static const char *const stored[] = {"f32", "f16", "i8"};
  for (int i = 0; i < 6; i++) {
    recipe r = {.mixed = i % 2, .activation = (pf_activation)(i % PF_ACTIVATION_COUNT), .plain = i == 4};
    if (i == 1 || i == 2) r.given = (pf_given){1, {1}};
    struct pf_model *model = recipe_model(&r);
    pf_text text = emitted(model, stored[i % 3]);
    char path[128];
    write_source(&text, path);
    if (!compiles(compiler, path)) fail_msg("%s complains about file %d", compiler, i);
    pf_text_free(&text);
    pf_model_free(model);
  }
}

static void is_clean_with_gcc(void **state) {
  (void)state;
  is_clean_with("gcc -std=c99", "gcc");
}
static void is_clean_with_clang(void **state) {
  (void)state;
  is_clean_with("clang -std=c99", "clang");
}
static void is_clean_with_gxx(void **state) {
  (void)state;
  is_clean_with("g++ -x c++ -std=c++17", "g++");
}

/* ---- operations ---- */

/* Every element-wise operation that is a function in the file. */
static void operations_have_their_values(void **state) {
  (void)state;
  need("cc");
  static const float values[] = {-90, -20, -3, -1, -.5f, -.1f, 0, .1f, .6f, 1, 2, 4, 15, 80};
  enum { VALUES = sizeof values / sizeof *values };
  pf_pieces pieces = {{false}};
  pf_text text = {0};
  pf_pieces_want(&pieces, PF_PIECE_FMA);
  for (int op = 0; op < PF_OP_COUNT; op++)
    if (pf_op_kind_of((pf_op)op) == PF_KIND_ELEMENTWISE) pf_pieces_want(&pieces, pf_piece_of((pf_op)op));
  pf_text_add(&text, "#include <math.h>\n#include <stdint.h>\n");
  pf_pieces_write(&pieces, "t", &text);
  for (int op = 0; op < PF_OP_COUNT; op++) {
    if (pf_op_kind_of((pf_op)op) != PF_KIND_ELEMENTWISE || pf_piece_of((pf_op)op) == PF_PIECE_COUNT) continue;
    static const char *const arguments[] = {"", "a", "a, b", "a, b, c"};
    pf_text_add(&text, "float call_%s(float a, float b, float c) { (void)b, (void)c; return t_%s(%s); }\n",
                pf_op_name((pf_op)op), pf_op_name((pf_op)op), arguments[pf_op_arity((pf_op)op)]);
  }
  void *library = load_source(&text);
  pf_text_free(&text);
  for (int op = 0; op < PF_OP_COUNT; op++) {
    if (pf_op_kind_of((pf_op)op) != PF_KIND_ELEMENTWISE || pf_piece_of((pf_op)op) == PF_PIECE_COUNT) continue;
    char name[64];
    float (*call)(float, float, float);
    snprintf(name, sizeof name, "call_%s", pf_op_name((pf_op)op));
    void *found = symbol(library, name);
    memcpy(&call, &found, sizeof found);
    for (int i = 0; i < VALUES; i++) {
      const float a = values[i], b = values[(i + 5) % VALUES], c = values[(i + 9) % VALUES],
                  got = call(a, b, c);
      const double want = (float)pf_op_apply((pf_op)op, a, b, c);
      if (!(isnan(want) && isnan(got)) && !(isinf(want) && got == want) &&
          !(fabs(got - want) <= 1e-6 * fabs(want) + 1e-37))
        fail_msg("%s(%g, %g, %g) is %g, not %g", pf_op_name((pf_op)op), a, b, c, got, want);
    }
  }
  dlclose(library);
}

/* ---- fewer bits ---- */

static void halves_round_to_nearest(void **state) {
  (void)state;
  for (uint32_t h = 0; h < 0x7c00; h++) { /* 0 to 65504 */
    const float value = pf_half_value((uint16_t)h);
    assert_int_equal(pf_half_from(value), h);
    assert_int_equal(pf_half_from(-value), h | 0x8000);
    if (h + 1 == 0x7c00) break;
    const float next = pf_half_value((uint16_t)(h + 1)), middle = .5f * (value + next);
    assert_true(next > value);
    assert_int_equal(pf_half_from(middle), h % 2 ? h + 1 : h); /* a tie to even */
    assert_int_equal(pf_half_from(nextafterf(middle, 1e9f)), h + 1);
    assert_int_equal(pf_half_from(nextafterf(middle, -1)), h);
  }
  assert_true(pf_half_value(0x3c00) == 1 && pf_half_value(1) == 0x1p-24f && pf_half_value(0x7bff) == 65504);
  assert_int_equal(pf_half_from(65520), 0x7c00);
}

/* What the head says a value moves by. */
static double said_loss(const struct pf_model *model, const char *weights) {
  pf_text text = emitted(model, weights);
  const char *at = strstr(text.data, "a value moves by ");
  double said = at ? strtod(at + strlen("a value moves by "), NULL) : NAN;
  pf_text_free(&text);
  return said;
}

static double measured_loss(const struct pf_model *model, const char *weights) {
  enum { N = 4000 };
  const int d = model->columns;
  compiled c = compile_model(model, weights);
  double *exact = samples_of(model, N), squares = 0;
  float got[16];
  for (int64_t i = 0; i < N; i++) {
    draw(&c, model, FIRST + i, got);
    for (int k = 0; k < d; k++)
      if (!pf_given_has(&model->given, k))
        squares += pow((got[k] - exact[i * d + k]) / spread_of(exact, 400, d, k), 2);
  }
  pf_free(exact);
  dlclose(c.library);
  return sqrt(squares / (N * (d - model->given.count)));
}

static void check_losses(const recipe *r) {
  struct pf_model *model = recipe_model(r);
  double f16 = said_loss(model, "f16"), i8 = said_loss(model, "i8");
  print_message("a value moves by %.3g (f16), %.3g (i8) standard deviations\n", f16, i8);
  assert_true(f16 > 1e-6 && f16 < 1e-3 && i8 > 4 * f16 && i8 < 0.05);
  double measured = measured_loss(model, "f16");
  if (!(fabs(measured - f16) <= 0.25 * f16)) fail_msg("f16: said %g, measured %g", f16, measured);
  measured = measured_loss(model, "i8");
  if (!(fabs(measured - i8) <= 0.25 * i8)) fail_msg("i8: said %g, measured %g", i8, measured);
  pf_model_free(model);
}

/* Of generated columns: a given one would only hide what the others lose. */
static void fewer_bits_cost_what_the_file_says(void **state) {
  (void)state;
  need("cc");
  check_losses(&(recipe){.width = 64, .depth = 3, .columns = 1}); /* the other columns are lattices */
  check_losses(&(recipe){.width = 64, .depth = 3, .columns = 4, .given = {3, {1, 2, 3}}});
}

/* ---- refusals ---- */

static void expect_refusal(const struct pf_model *model, pf_export_options options, pf_status status,
                           const char *word) {
  pf_error error = {0};
  pf_text text = {0};
  assert_int_equal(pf_emit_c(model, &options, &text, &error), status);
  assert_null(text.data);
  if (!strstr(error.message, word)) fail_msg("'%s' lacks '%s'", error.message, word);
}

static void what_cannot_be_exported_is_refused(void **state) {
  (void)state;
  const pf_export_options fine = {"c", "net", "f32"};
  recipe r = {.width = 4};
  struct pf_model *model = recipe_model(&r);
  static const char *const names[] = {
      "", "1net", "_net", "a-b", "a b", "net\n", "a234567890123456789012345678901234567890123456789"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    expect_refusal(model, (pf_export_options){"c", names[i], "f32"}, PF_USAGE, "name");
  expect_refusal(model, (pf_export_options){"c", "net", "f61"}, PF_USAGE, "did you mean 'f16'");
  model->from_source = true;
  expect_refusal(model, fine, PF_USAGE, "source");
  model->from_source = false;
  model->velocity = model->generator;
  model->generator = NULL;
  expect_refusal(model, fine, PF_USAGE, "velocity");
  pf_model_free(model);
}

static void a_weight_beyond_half_precision_is_refused(void **state) {
  (void)state;
  recipe r = {.width = 4, .plain = true};
  struct pf_model *model = recipe_model(&r);
  pf_time_map map = *pf_learned_map_of(model->generator);
  pf_error error = {0};
  float *params = NULL;
  must(pf_network_copy_params(&map.network, pf_learned_params(model->generator), &params, &error), &error);
  params[0] = 70000;
  pf_learned_free(model->generator);
  must(pf_learned_create(&map, params, &model->generator, &error), &error);
  expect_refusal(model, (pf_export_options){"c", "net", "f16"}, PF_FAILED, "70000");
  pf_free(params);
  pf_model_free(model);
}

/* Words of the user's stay inside the comment. */
static void names_cannot_leave_the_comment(void **state) {
  (void)state;
  need("cc");
  recipe r = {.width = 4};
  struct pf_model *model = recipe_model(&r);
  pf_error error = {0};
  must(pf_table_set_name(model->columns_like, 0, "a*/int x;/*\nb\\", &error), &error);
  json_object_set_new(model->facts, "source", json_string("*/ #error /*/"));
  compare(model, 60, "odd names");
  pf_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_activation_gives_the_samples),
      cmocka_unit_test(every_map_gives_the_samples),
      cmocka_unit_test(every_encoder_gives_the_samples),
      cmocka_unit_test(given_columns_stand_in_the_samples),
      cmocka_unit_test(networks_of_the_usual_sizes),
      cmocka_unit_test(is_clean_with_gcc),
      cmocka_unit_test(is_clean_with_clang),
      cmocka_unit_test(is_clean_with_gxx),
      cmocka_unit_test(operations_have_their_values),
      cmocka_unit_test(halves_round_to_nearest),
      cmocka_unit_test(fewer_bits_cost_what_the_file_says),
      cmocka_unit_test(what_cannot_be_exported_is_refused),
      cmocka_unit_test(a_weight_beyond_half_precision_is_refused),
      cmocka_unit_test(names_cannot_leave_the_comment),
  };
  return cmocka_run_group_tests(tests, NULL, remove_work_folder);
}
