/* The weights as a PyTorch user expects them: layers.K.weight [out, in] and layers.K.bias, K = 0 .. depth; the time branches
 * of a network that is told times; one_step.bias, the first layer's bias with what the two times of one step add to it; and the
 * encoder as in a model file. docs/embedding.md describes every array and key. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../base/memory.h"
#include "emit.h"
#include "one_step.h"

enum { FORMAT = 1 };

/* ---- arrays ---- */

static pf_status add_array(pf_container *container, const char *name, int rank, const int *dims,
                           const float *values, pf_error *error) {
  pf_array shape = {.dtype = PF_F32, .rank = rank, .dims = {dims[0], rank > 1 ? dims[1] : 0}};
  memcpy(&shape.name, &name, sizeof name); /* the container copies it */
  return pf_container_add(container, &shape, values, error);
}

/* A weight [in, out] as [out, in]. */
static pf_status add_turned(pf_container *container, const char *name, const pf_shape *shape,
                            const float *values, pf_error *error) {
  const int in = shape->dim[0], out = shape->dim[1];
  float *turned = NULL;
  PF_TRY(pf_alloc((size_t)in * (size_t)out, sizeof *turned, &turned, error));
  for (int64_t i = 0; i < in; i++)
    for (int64_t j = 0; j < out; j++) turned[j * in + i] = values[i * out + j];
  pf_status status = add_array(container, name, 2, (int[]){out, in}, turned, error);
  pf_free(turned);
  return status;
}

/* "layer2.weight" is called "layers.2.weight", "out.bias" of a network of depth 3 "layers.3.bias"; other names stay. */
static void rename_piece(const char *name, int depth, char out[48]) {
  if (strncmp(name, "out.", 4) == 0)
    snprintf(out, 48, "layers.%d.%s", depth, name + 4);
  else if (strncmp(name, "layer", 5) == 0)
    snprintf(out, 48, "layers.%s", name + 5);
  else
    snprintf(out, 48, "%s", name);
}

static pf_status add_pieces(const pf_one_step *step, pf_container *container, pf_error *error) {
  for (int i = 0; i < step->layout.count; i++) {
    const pf_parameter *piece = &step->layout.items[i];
    const float *values = step->params + piece->offset;
    char name[48];
    rename_piece(piece->name, step->network.depth, name);
    if (piece->shape.axes == 2)
      PF_TRY(add_turned(container, name, &piece->shape, values, error));
    else
      PF_TRY(add_array(container, name, 1, piece->shape.dim, values, error));
  }
  return PF_OK;
}

static pf_status add_one_step_bias(const pf_one_step *step, pf_container *container, pf_error *error) {
  const float *bias = step->params + pf_layout_find(&step->layout, "layer0.bias")->offset;
  const int width = step->network.width;
  return add_array(container, "one_step.bias", 1, &width, step->at.path ? step->at.path : bias, error);
}

/* ---- the map in words ---- */

static json_t *column_names(const pf_table *like) {
  json_t *names = json_array();
  for (int c = 0; c < like->columns; c++) json_array_append_new(names, json_string(like->names[c]));
  return names;
}

static json_t *given_columns(const pf_given *given) {
  json_t *numbers = json_array();
  for (int k = 0; k < given->count; k++) json_array_append_new(numbers, json_integer(given->columns[k]));
  return numbers;
}

static json_t *describe(const struct pf_model *model, const pf_one_step *step) {
  const pf_network_config *c = &step->network;
  const pf_time_map *map = pf_learned_map_of(model->generator);
  json_t *root =
      json_pack("{s:i, s:s, s:o, s:i, s:i, s:i, s:i, s:b, s:s, s:f, s:f}", "format", FORMAT, "version",
                pf_version(), "columns", column_names(model->columns_like), "inputs", c->inputs, "width",
                c->width, "depth", c->depth, "times", c->times, "residual", c->residual, "activation",
                pf_activation_name(c->activation), "start", model->start, "end", model->end);
  json_t *one_step = json_pack("{s:f, s:f, s:f}", "of_x", (double)step->at.of_x, "of_network",
                               (double)step->at.of_network, "c", (double)step->at.c);
  json_object_set_new(root, "one_step", one_step);
  if (model->given.count > 0) json_object_set_new(root, "given", given_columns(&model->given));
  json_object_set_new(root, "prior", json_string(model->from_source ? "source" : "normal"));
  if (c->times > 0) {
    json_object_set_new(root, "interpolant", json_string(pf_interpolant_name(map->interpolant)));
    json_object_set_new(root, "frequencies", json_integer(c->frequencies));
    json_object_set_new(root, "max_frequency", json_real(c->max_frequency));
  }
  return root;
}

static pf_status add_words(const struct pf_model *model, const pf_one_step *step, pf_container *container,
                           pf_error *error) {
  json_t *root = describe(model, step);
  char *text = root ? json_dumps(root, JSON_SORT_KEYS | JSON_COMPACT) : NULL;
  json_decref(root);
  if (!text)
    return pf_fail(error, PF_FAILED, "the map cannot be written as JSON (is a column name not UTF-8?)");
  pf_status status = pf_container_set(container, "pushforward_weights", text, error);
  free(text);
  return status;
}

pf_status pf_emit_weights(const struct pf_model *model, pf_container **out, pf_error *error) {
  pf_one_step step = {0};
  pf_container *container = NULL;
  PF_TRY(pf_one_step_create(model, &step, error));
  pf_status status = pf_container_create(&container, error);
  if (status == PF_OK) status = add_pieces(&step, container, error);
  if (status == PF_OK) status = add_one_step_bias(&step, container, error);
  if (status == PF_OK) status = pf_encoder_save(model->encoder, container, error);
  if (status == PF_OK) status = add_words(model, &step, container, error);
  pf_one_step_free(&step);
  if (status == PF_OK)
    *out = container;
  else
    pf_container_free(container);
  return status;
}
