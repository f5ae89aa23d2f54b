/* What a model file says about its network: activations, and files from before they had a name. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/memory.h"
#include "model/model.h"

enum { D = 2, N = 50 };

static void must(pf_status status, const pf_error *error) {
  if (status != PF_OK) fail_msg("%s", error->message);
}

static struct pf_model *velocity_model(pf_activation activation) {
  static const double rows[] = {.5, -4, 1.5, 0, .25, -1, 1.75, -3};
  pf_error error = {0};
  pf_time_map map = {.network = {.inputs = D,
                                 .outputs = D,
                                 .width = 8,
                                 .depth = 2,
                                 .times = 1,
                                 .frequencies = 2,
                                 .max_frequency = 4,
                                 .activation = activation}};
  pf_layout layout = {0};
  float *params = NULL;
  pf_table *table = NULL;
  struct pf_model *model = NULL;
  must(pf_table_from_values(4, D, rows, NULL, &table, &error), &error);
  must(pf_model_create(table, &model, &error), &error);
  must(pf_encoder_fit(table, NULL, &model->encoder, &error), &error);
  must(pf_network_layout(&map.network, &layout, &error), &error);
  must(pf_alloc((size_t)layout.total, sizeof *params, &params, &error), &error);
  pf_layout_initialise(&layout, 3, params);
  for (int64_t i = 0; i < layout.total; i++) params[i] += 0.1f;
  must(pf_learned_create(&map, params, &model->velocity, &error), &error);
  pf_layout_free(&layout);
  pf_free(params);
  pf_table_free(table);
  return model;
}

/* The model's file, opened as a container. */
static pf_container *written(const struct pf_model *model) {
  char path[] = "/tmp/pf_test_model_XXXXXX";
  pf_error error = {0};
  pf_container *container = NULL;
  int file = mkstemp(path);
  assert_true(file >= 0);
  close(file);
  must(pf_model_save(model, path, &error), &error);
  must(pf_container_read(path, &container, &error), &error);
  remove(path);
  return container;
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

/* The container with the velocity's key "activation" replaced (NULL: removed). */
static pf_container *with_activation(const struct pf_model *model, json_t *value) {
  pf_error error = {0};
  pf_container *container = written(model);
  json_t *root = json_loads(pf_container_get(container, "pushforward"), 0, NULL);
  json_t *velocity = json_object_get(root, "velocity");
  assert_non_null(json_object_get(velocity, "activation"));
  if (value)
    json_object_set_new(velocity, "activation", value);
  else
    json_object_del(velocity, "activation");
  char *text = json_dumps(root, JSON_COMPACT);
  must(pf_container_set(container, "pushforward", text, &error), &error);
  free(text);
  json_decref(root);
  return container;
}

static void a_file_without_the_key_is_silu(void **state) {
  (void)state;
  pf_error error = {0};
  struct pf_model *model = velocity_model(PF_ACTIVATION_TANH), *loaded = NULL;
  pf_container *container = with_activation(model, NULL);
  must(pf_model_from_container(container, &loaded, &error), &error);
  assert_int_equal(activation_of(loaded), PF_ACTIVATION_SILU);
  pf_container_free(container);
  pf_model_free(model);
  pf_model_free(loaded);
}

static void an_unknown_activation_is_refused(void **state) {
  (void)state;
  struct pf_model *model = velocity_model(PF_ACTIVATION_TANH), *loaded = NULL;
  json_t *wrong[] = {json_string("relu"), json_integer(1)};
  for (int i = 0; i < 2; i++) {
    pf_error error = {0};
    pf_container *container = with_activation(model, wrong[i]);
    assert_int_equal(pf_model_from_container(container, &loaded, &error), PF_BAD_INPUT);
    assert_null(loaded);
    assert_non_null(strstr(error.message, "activation"));
    pf_container_free(container);
  }
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
