/* Models whose generator is a plain map of the noise: files, samplers, refusals. */
#include "maps.h"
#include "exec/exec.h"

enum { N = 600 };

static struct pf_model *plain_model(bool skip, bool spectral) {
  struct pf_model *model = empty_model();
  pf_time_map map = {.network = some_network(0, PF_ACTIVATION_RELU), .skip = skip};
  map.network.spectral = spectral;
  model->generator = some_map(&map);
  return model;
}

static void draw(const struct pf_model *model, const char *precision, double *out) {
  pf_error error = {0};
  pf_draw how = {.precision = precision, .seed = 1};
  must(pf_model_draw(model, &how, (pf_rows){0, N}, out, &error), &error);
}

static void a_file_keeps_the_map(void **state) {
  (void)state;
  static double before[4][N * D], after[N * D];
  for (int i = 0; i < 4; i++) {
    pf_error error = {0};
    struct pf_model *model = plain_model(i & 1, i & 2), *loaded = NULL;
    pf_container *container = written(model);
    must(pf_model_from_container(container, &loaded, &error), &error);
    const pf_time_map *map = pf_learned_map_of(loaded->generator);
    assert_true(pf_time_map_is_plain(map) && map->skip == (i & 1) && map->network.spectral == ((i & 2) > 0));
    draw(model, NULL, before[i]);
    draw(loaded, NULL, after);
    assert_memory_equal(before[i], after, sizeof after);
    for (int k = 0; k < i; k++) assert_memory_not_equal(before[k], after, sizeof after);
    json_t *object = NULL, *root = facts_of(container, "generator", &object);
    assert_null(json_object_get(object, "interpolant"));
    assert_int_equal(json_object_get(object, "spectral") != NULL, (i & 2) > 0);
    json_decref(root);
    pf_container_free(container);
    pf_model_free(model);
    pf_model_free(loaded);
  }
}

/* The decoder of the map's graph on the reference executor. */
static void samples_are_the_decoded_map_of_the_noise(void **state) {
  (void)state;
  static float z[N * D], mapped[N * D];
  static double noise[N * D], value[N * D], want[N * D], got[N * D], narrow[N * D];
  struct pf_model *model = plain_model(true, true);
  pf_error error = {0};
  pf_graph *graph = NULL;
  pf_model_prior(model, 1, (pf_rows){0, N}, z);
  for (int i = 0; i < N * D; i++) noise[i] = z[i];
  must(pf_graph_create(&graph, &error), &error);
  pf_node x = pf_input(graph, 0, PF_SHAPE(PF_PER_ROW, D)), t = pf_scalar(graph, 0);
  pf_node y = pf_time_map_node(pf_learned_map_of(model->generator), 0, x, t, t);
  pf_layout layout = {0};
  must(pf_network_layout(&pf_learned_map_of(model->generator)->network, &layout, &error), &error);
  double *params = NULL;
  must(pf_alloc((size_t)layout.total, sizeof *params, &params, &error), &error);
  for (int64_t i = 0; i < layout.total; i++) params[i] = pf_learned_params(model->generator)[i];
  pf_ref_run run = {.params = (const double *[]){params}, .inputs = (const double *[]){noise}, .rows = N};
  must(pf_ref_evaluate(graph, &y, 1, &run, (double *[]){value}, &error), &error);
  for (int i = 0; i < N * D; i++) mapped[i] = (float)value[i];
  pf_encoder_decode(model->encoder, mapped, N, want);
  draw(model, NULL, got);
  draw(model, "bf16", narrow);
  for (int i = 0; i < N * D; i++) {
    assert_true(fabs(got[i] - want[i]) <= 1e-4 * (1 + fabs(want[i])));
    assert_true(fabs(narrow[i] - want[i]) <= 5e-2 * (1 + fabs(want[i])));
  }
  pf_free(params);
  pf_layout_free(&layout);
  pf_graph_free(graph);
  pf_model_free(model);
}

static void more_steps_than_one_are_refused(void **state) {
  (void)state;
  struct pf_model *model = plain_model(false, false);
  pf_error error = {0};
  pf_sampler *sampler = NULL;
  assert_false(pf_model_takes_steps(model));
  assert_true(pf_model_default_steps(model, false) == 1);
  pf_sampler_options options = {.steps = 2};
  assert_int_equal(pf_sampler_create(model, &options, &sampler, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "steps is 2"));
  options = (pf_sampler_options){.teacher = true};
  assert_int_equal(pf_sampler_create(model, &options, &sampler, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "velocity"));
  assert_null(sampler);
  options = (pf_sampler_options){.steps = 1};
  must(pf_sampler_create(model, &options, &sampler, &error), &error);
  pf_sampler_free(sampler);
  pf_model_free(model);
}

static void hostile_files_are_refused(void **state) {
  (void)state;
  struct pf_model *model = plain_model(true, true);
  expect_refused(model, "generator", "skip", NULL, "skip");
  expect_refused(model, "generator", "skip", json_integer(1), "skip");
  expect_refused(model, "generator", "times", json_integer(-1), "times");
  expect_refused(model, "generator", "times", json_integer(1), "interpolant");
  expect_refused(model, "generator", "times", json_integer(3), "times");
  expect_refused(model, "generator", "times", json_integer(2), "spectral");
  expect_refused(model, "generator", "spectral", json_string("yes"), "spectral");
  expect_refused(model, "generator", "width", json_integer(9), "generator.layer0.weight");
  expect_refused(model, "generator", "outputs", json_integer(3), "outputs");
  pf_model_free(model);
  model = plain_model(true, false);
  expect_refused(model, "generator", "spectral", json_true(), "left"); /* its file has no such arrays */
  pf_model_free(model);
}

static void a_velocity_takes_a_time_and_a_generator_not_one(void **state) {
  (void)state;
  pf_error error = {0};
  struct pf_model *model = empty_model(), *loaded = NULL;
  pf_time_map map = {.network = some_network(0, PF_ACTIVATION_SILU)};
  model->velocity = some_map(&map);
  pf_container *container = written(model);
  assert_int_equal(pf_model_from_container(container, &loaded, &error), PF_BAD_INPUT);
  assert_non_null(strstr(error.message, "velocity"));
  pf_container_free(container);
  pf_learned_free(model->velocity);
  model->velocity = NULL;
  map.network.times = 1;
  model->generator = some_map(&map);
  container = written(model);
  assert_int_equal(pf_model_from_container(container, &loaded, &error), PF_BAD_INPUT);
  assert_non_null(strstr(error.message, "one time"));
  assert_null(loaded);
  pf_container_free(container);
  pf_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_file_keeps_the_map),
      cmocka_unit_test(samples_are_the_decoded_map_of_the_noise),
      cmocka_unit_test(more_steps_than_one_are_refused),
      cmocka_unit_test(hostile_files_are_refused),
      cmocka_unit_test(a_velocity_takes_a_time_and_a_generator_not_one),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
