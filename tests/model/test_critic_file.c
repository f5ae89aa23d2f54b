/* Models that keep the potential they were trained with: files, descriptions, refusals, lack of memory. */
#include "maps.h"

enum { N = 40 };

static struct pf_model *critic_model(bool spectral) {
  struct pf_model *model = empty_model();
  pf_error error = {0};
  pf_time_map map = {.network = some_network(0, PF_ACTIVATION_SILU), .skip = true};
  pf_network_config critic = some_network(0, PF_ACTIVATION_LEAKY_RELU);
  critic.outputs = 1;
  critic.spectral = spectral;
  float *params = some_params(&critic);
  model->generator = some_map(&map);
  must(pf_critic_create(&critic, params, &model->critic, &error), &error);
  pf_free(params);
  return model;
}

static void a_file_keeps_the_critic(void **state) {
  (void)state;
  for (int spectral = 0; spectral < 2; spectral++) {
    pf_error error = {0};
    struct pf_model *model = critic_model(spectral), *loaded = NULL;
    float x[N * D], value[2][N], gradient[2][N * D];
    pf_container *container = written(model);
    must(pf_model_from_container(container, &loaded, &error), &error);
    const pf_network_config *c = pf_critic_config_of(loaded->critic);
    assert_true(c->outputs == 1 && c->times == 0 && c->spectral == spectral);
    assert_int_equal(c->activation, PF_ACTIVATION_LEAKY_RELU);
    pf_model_prior(model, 1, (pf_rows){0, N}, x);
    must(pf_critic_evaluate(model->critic, N, x, value[0], gradient[0], NULL, &error), &error);
    must(pf_critic_evaluate(loaded->critic, N, x, value[1], gradient[1], NULL, &error), &error);
    assert_memory_equal(value[0], value[1], sizeof value[0]);
    assert_memory_equal(gradient[0], gradient[1], sizeof gradient[0]);
    pf_container_free(container);
    pf_model_free(model);
    pf_model_free(loaded);
  }
}

static void a_model_without_one_says_nothing(void **state) {
  (void)state;
  pf_error error = {0};
  struct pf_model *model = critic_model(false), *loaded = NULL;
  pf_critic_free(model->critic);
  model->critic = NULL;
  pf_container *container = written(model);
  must(pf_model_from_container(container, &loaded, &error), &error);
  assert_null(loaded->critic);
  assert_null(strstr(pf_container_get(container, "pushforward"), "critic"));
  pf_container_free(container);
  pf_model_free(model);
  pf_model_free(loaded);
}

static void a_critic_alone_is_no_model(void **state) {
  (void)state;
  pf_error error = {0};
  struct pf_model *model = critic_model(false), *loaded = NULL;
  pf_learned_free(model->generator);
  model->generator = NULL;
  pf_container *container = written(model);
  assert_int_equal(pf_model_from_container(container, &loaded, &error), PF_BAD_INPUT);
  assert_null(loaded);
  pf_container_free(container);
  pf_model_free(model);
}

static void a_description_has_it(void **state) {
  (void)state;
  pf_error error = {0};
  struct pf_model *model = critic_model(true);
  char *text = NULL;
  must(pf_model_describe(model, &text, &error), &error);
  json_t *root = json_loads(text, 0, NULL), *critic = json_object_get(root, "critic");
  assert_string_equal(json_string_value(json_object_get(critic, "activation")), "leaky_relu");
  assert_true(json_is_true(json_object_get(critic, "spectral")));
  json_decref(root);
  pf_free(text);
  pf_model_free(model);
}

static void hostile_files_are_refused(void **state) {
  (void)state;
  struct pf_model *model = critic_model(true);
  expect_refused(model, "critic", "outputs", json_integer(2), "outputs");
  expect_refused(model, "critic", "inputs", json_integer(1), "inputs");
  expect_refused(model, "critic", "times", json_integer(1), "times");
  expect_refused(model, "critic", "width", json_integer(8192), "critic.layer0.weight");
  expect_refused(model, "critic", "depth", json_integer(3), "critic.layer2.weight");
  expect_refused(model, "critic", "activation", json_string("gelu"), "gelu");
  expect_refused(model, "critic", "spectral", json_integer(1), "spectral");
  expect_refused(model, "critic", "residual", NULL, "residual");
  pf_model_free(model);
}

/* A weight that is not a number, and an object that is none. */
static void a_bad_weight_is_the_files_fault(void **state) {
  (void)state;
  pf_error error = {0};
  struct pf_model *model = critic_model(false), *loaded = NULL;
  pf_container *container = written(model);
  for (int64_t i = 0; i < pf_container_count(container); i++) {
    const pf_array *array = pf_container_array(container, i);
    if (strcmp(array->name, "critic.out.weight") == 0) ((float *)array->data)[2] = NAN;
  }
  assert_int_equal(pf_model_from_container(container, &loaded, &error), PF_BAD_INPUT);
  json_t *object = NULL, *root = facts_of(container, "critic", &object);
  json_object_set_new(root, "critic", json_integer(3));
  char *text = json_dumps(root, JSON_COMPACT);
  must(pf_container_set(container, "pushforward", text, &error), &error);
  assert_int_equal(pf_model_from_container(container, &loaded, &error), PF_BAD_INPUT);
  assert_non_null(strstr(error.message, "'critic' is not an object"));
  assert_null(loaded);
  free(text);
  json_decref(root);
  pf_container_free(container);
  pf_model_free(model);
}

static void lack_of_memory_is_an_error(void **state) {
  (void)state;
  struct pf_model *model = critic_model(true);
  pf_container *container = written(model);
  pf_status status = PF_NO_MEMORY;
  int failures = 0;
  for (int k = 1; status != PF_OK; k++) {
    struct pf_model *loaded = NULL;
    pf_memory_fail_at(k);
    status = pf_model_from_container(container, &loaded, NULL);
    pf_memory_fail_at(0);
    assert_true(status == PF_OK || (status == PF_NO_MEMORY && loaded == NULL));
    failures += status == PF_NO_MEMORY;
    pf_model_free(loaded);
  }
  assert_true(failures > 20);
  pf_container_free(container);
  pf_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_file_keeps_the_critic),    cmocka_unit_test(a_model_without_one_says_nothing),
      cmocka_unit_test(a_critic_alone_is_no_model), cmocka_unit_test(a_description_has_it),
      cmocka_unit_test(hostile_files_are_refused),  cmocka_unit_test(a_bad_weight_is_the_files_fault),
      cmocka_unit_test(lack_of_memory_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
