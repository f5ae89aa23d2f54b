/* The weights file: names and shapes of PyTorch's, and a network written out by hand that makes the samples of them. */
#include "emit_models.h"

enum { N = 300, WIDE = 16 };

static const float *array_of(const pf_container *container, const char *name, int64_t rows, int64_t columns) {
  pf_error error = {0};
  const pf_array *found = NULL;
  pf_array shape = {.dtype = PF_F32, .rank = columns > 0 ? 2 : 1, .dims = {rows, columns}};
  memcpy(&shape.name, &name, sizeof name);
  must(pf_container_require(container, &shape, &found, &error), &error);
  return found->data;
}

static double silu(double a) { return a / (1 + exp(-a)); }

/* F(x) of a network of depth 2 and width 8, with its own first bias. */
static void network(const pf_container *c, int d, const double *x, double *y) {
  double h[8], g[8];
  const float *w0 = array_of(c, "layers.0.weight", 8, d), *b0 = array_of(c, "one_step.bias", 8, 0);
  const float *w1 = array_of(c, "layers.1.weight", 8, 8), *b1 = array_of(c, "layers.1.bias", 8, 0);
  const float *w2 = array_of(c, "layers.2.weight", d, 8), *b2 = array_of(c, "layers.2.bias", d, 0);
  for (int j = 0; j < 8; j++) {
    double sum = b0[j];
    for (int i = 0; i < d; i++) sum += w0[j * d + i] * x[i];
    h[j] = silu(sum);
  }
  for (int j = 0; j < 8; j++) {
    double sum = b1[j];
    for (int i = 0; i < 8; i++) sum += w1[j * 8 + i] * h[i];
    g[j] = silu(sum);
  }
  for (int j = 0; j < d; j++) {
    y[j] = b2[j];
    for (int i = 0; i < 8; i++) y[j] += w2[j * 8 + i] * g[i];
  }
}

static void compare(recipe r) {
  struct pf_model *model = recipe_model(&r);
  const int d = model->columns;
  pf_error error = {0};
  pf_container *container = NULL;
  must(pf_emit_weights(model, &container, &error), &error);
  json_t *about = json_loads(pf_container_get(container, "pushforward_weights"), 0, NULL);
  json_t *one = json_object_get(about, "one_step");
  const double of_x = json_number_value(json_object_get(one, "of_x")),
               of_network = json_number_value(json_object_get(one, "of_network")),
               c = json_number_value(json_object_get(one, "c"));
  pf_encoder *encoder = NULL;
  must(pf_encoder_load(container, d, &encoder, &error), &error);
  double *want = samples_of(model, N);
  for (int64_t i = 0; i < N; i++) {
    float z[WIDE], y[WIDE];
    double x[WIDE], f[WIDE], row[WIDE];
    pf_model_prior(model, SEED, (pf_rows){FIRST + i, 1}, z);
    for (int k = 0; k < d; k++) x[k] = z[k] / c;
    network(container, d, x, f);
    for (int k = 0; k < d; k++) y[k] = (float)(of_x * z[k] + of_network * f[k]);
    pf_encoder_decode(encoder, y, 1, row);
    for (int k = 0; k < d; k++)
      assert_true(fabs(row[k] - want[i * d + k]) <= 2e-5 * (1 + fabs(want[i * d + k])));
  }
  pf_free(want);
  json_decref(about);
  pf_encoder_free(encoder);
  pf_container_free(container);
  pf_model_free(model);
}

static void the_arrays_make_the_samples(void **state) {
  (void)state;
  for (int i = 0; i < PF_INTERPOLANT_COUNT; i++)
    compare((recipe){.interpolant = (pf_interpolant)i, .columns = 1});
  compare((recipe){.plain = true, .columns = 1});
  compare((recipe){.plain = true, .skip = true, .spectral = true, .columns = 1});
}

static void a_network_of_times_keeps_their_branches(void **state) {
  (void)state;
  recipe r = {.columns = 3};
  struct pf_model *model = recipe_model(&r);
  pf_error error = {0};
  pf_container *container = NULL;
  pf_layout layout = {0};
  must(pf_emit_weights(model, &container, &error), &error);
  must(pf_network_layout(&pf_learned_map_of(model->generator)->network, &layout, &error), &error);
  const float *params = pf_learned_params(model->generator);
  const float *time = array_of(container, "time.weight", 8, 6);
  array_of(container, "second_time.weight", 8, 6);
  const float *raw = array_of(container, "layers.0.bias", 8, 0);
  assert_memory_equal(raw, params + pf_layout_find(&layout, "layer0.bias")->offset, 8 * sizeof *raw);
  for (int i = 0; i < 6; i++)
    for (int j = 0; j < 8; j++)
      assert_true(time[j * 6 + i] == params[pf_layout_find(&layout, "time.weight")->offset + i * 8 + j]);
  pf_layout_free(&layout);
  pf_container_free(container);
  pf_model_free(model);
}

/* A model that starts from a source has weights like any other. */
static void a_source_is_said(void **state) {
  (void)state;
  recipe r = {.columns = 3};
  struct pf_model *model = recipe_model(&r);
  pf_error error = {0};
  pf_container *container = NULL;
  model->from_source = true;
  must(pf_emit_weights(model, &container, &error), &error);
  assert_non_null(strstr(pf_container_get(container, "pushforward_weights"), "\"prior\":\"source\""));
  pf_container_free(container);
  pf_learned_free(model->generator);
  model->generator = NULL;
  assert_int_equal(pf_emit_weights(model, &container, &error), PF_USAGE);
  pf_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_arrays_make_the_samples),
      cmocka_unit_test(a_network_of_times_keeps_their_branches),
      cmocka_unit_test(a_source_is_said),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
