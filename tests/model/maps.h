/* Small models for the tests of model files, and their files opened as containers. A header of static functions. */
#ifndef PF_TESTS_MODEL_MAPS_H
#define PF_TESTS_MODEL_MAPS_H

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

enum { D = 2 };

static inline void must(pf_status status, const pf_error *error) {
  if (status != PF_OK) fail_msg("%s", error->message);
}

/* Initial values of a network, all moved so that none is zero; to be freed. */
static inline float *some_params(const pf_network_config *network) {
  pf_layout layout = {0};
  pf_error error = {0};
  float *params = NULL;
  must(pf_network_layout(network, &layout, &error), &error);
  must(pf_alloc((size_t)layout.total, sizeof *params, &params, &error), &error);
  pf_layout_initialise(&layout, 3, params);
  for (int64_t i = 0; i < layout.total; i++) params[i] += 0.1f;
  for (int k = 0; k < 5; k++) pf_network_spectral_step(network, params);
  pf_layout_free(&layout);
  return params;
}

static inline pf_network_config some_network(int times, pf_activation activation) {
  return (pf_network_config){.inputs = D,
                             .outputs = D,
                             .width = 8,
                             .depth = 2,
                             .times = times,
                             .frequencies = 2,
                             .max_frequency = 4,
                             .activation = activation};
}

static inline pf_learned *some_map(const pf_time_map *map) {
  pf_error error = {0};
  pf_learned *learned = NULL;
  float *params = some_params(&map->network);
  must(pf_learned_create(map, params, &learned, &error), &error);
  pf_free(params);
  return learned;
}

/* A model of two columns without any network. */
static inline struct pf_model *empty_model(void) {
  static const double rows[] = {.5, -4, 1.5, 0, .25, -1, 1.75, -3};
  pf_error error = {0};
  pf_table *table = NULL;
  struct pf_model *model = NULL;
  must(pf_table_from_values(4, D, rows, NULL, &table, &error), &error);
  must(pf_model_create(table, &model, &error), &error);
  must(pf_encoder_fit(table, NULL, &model->encoder, &error), &error);
  pf_table_free(table);
  return model;
}

/* The model's file, opened as a container. */
static inline pf_container *written(const struct pf_model *model) {
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

/* What the file says of one network, an object of the returned root; to be freed. */
static inline json_t *facts_of(const pf_container *container, const char *network, json_t **object) {
  json_t *root = json_loads(pf_container_get(container, "pushforward"), 0, NULL);
  *object = json_object_get(root, network);
  assert_non_null(*object);
  return root;
}

/* The container with another root is refused, with a message that has the word. Takes the root. */
static inline void expect_root_refused(pf_container *container, json_t *root, const char *word) {
  pf_error error = {0};
  struct pf_model *loaded = NULL;
  char *text = json_dumps(root, JSON_COMPACT);
  must(pf_container_set(container, "pushforward", text, &error), &error);
  assert_int_equal(pf_model_from_container(container, &loaded, &error), PF_BAD_INPUT);
  assert_null(loaded);
  if (!strstr(error.message, word)) fail_msg("'%s' lacks '%s'", error.message, word);
  free(text);
  json_decref(root);
}

/* The container with a key of a network's object replaced (NULL: removed). */
static inline pf_container *with_key(const struct pf_model *model, const char *network, const char *key,
                                     json_t *value) {
  pf_error error = {0};
  pf_container *container = written(model);
  json_t *object = NULL, *root = facts_of(container, network, &object);
  if (value)
    json_object_set_new(object, key, value);
  else
    json_object_del(object, key);
  char *text = json_dumps(root, JSON_COMPACT);
  must(pf_container_set(container, "pushforward", text, &error), &error);
  free(text);
  json_decref(root);
  return container;
}

/* The file with that key is refused, with a message that has the word. */
static inline void expect_refused(const struct pf_model *model, const char *network, const char *key,
                                  json_t *value, const char *word) {
  pf_error error = {0};
  struct pf_model *loaded = NULL;
  pf_container *container = with_key(model, network, key, value);
  assert_int_equal(pf_model_from_container(container, &loaded, &error), PF_BAD_INPUT);
  assert_null(loaded);
  if (!strstr(error.message, word)) fail_msg("%s.%s: '%s' lacks '%s'", network, key, error.message, word);
  pf_container_free(container);
}

#endif
