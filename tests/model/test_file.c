/* What a model file says about its network: activations, and files from before they had a name. */
#include "maps.h"

enum { N = 50 };

static struct pf_model *velocity_model(pf_activation activation) {
  struct pf_model *model = empty_model();
  pf_time_map map = {.network = some_network(1, activation)};
  model->velocity = some_map(&map);
  return model;
}

static void draw(const struct pf_model *model, double *out) {
  pf_error error = {0};
  pf_draw how = {.steps = 4, .seed = 1};
  must(pf_model_draw(model, &how, (pf_rows){0, N}, out, &error), &error);
}

static pf_activation activation_of(const struct pf_model *model) {
  return pf_learned_map_of(model->velocity)->network.activation;
}

static void a_file_keeps_the_activation(void **state) {
  (void)state;
  double before[PF_ACTIVATION_COUNT][N * D], after[N * D];
  for (int i = 0; i < PF_ACTIVATION_COUNT; i++) {
    pf_error error = {0};
    struct pf_model *model = velocity_model((pf_activation)i), *loaded = NULL;
    pf_container *container = written(model);
    must(pf_model_from_container(container, &loaded, &error), &error);
    assert_int_equal(activation_of(loaded), i);
    draw(model, before[i]);
    draw(loaded, after);
    assert_memory_equal(before[i], after, sizeof after);
    if (i > 0) assert_memory_not_equal(before[i - 1], after, sizeof after);
    pf_container_free(container);
    pf_model_free(model);
    pf_model_free(loaded);
  }
}

static void a_file_without_the_key_is_silu(void **state) {
  (void)state;
  pf_error error = {0};
  struct pf_model *model = velocity_model(PF_ACTIVATION_TANH), *loaded = NULL;
  pf_container *container = with_key(model, "velocity", "activation", NULL);
  must(pf_model_from_container(container, &loaded, &error), &error);
  assert_int_equal(activation_of(loaded), PF_ACTIVATION_SILU);
  pf_container_free(container);
  pf_model_free(model);
  pf_model_free(loaded);
}

static void an_unknown_activation_is_refused(void **state) {
  (void)state;
  struct pf_model *model = velocity_model(PF_ACTIVATION_TANH);
  expect_refused(model, "velocity", "activation", json_string("gelu"), "activation");
  expect_refused(model, "velocity", "activation", json_integer(1), "activation");
  pf_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_file_keeps_the_activation),
      cmocka_unit_test(a_file_without_the_key_is_silu),
      cmocka_unit_test(an_unknown_activation_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
