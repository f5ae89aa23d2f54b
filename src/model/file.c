/* Model files: docs/format.md describes every key. Nothing read from a file is trusted. The networks: file_maps.c. */
#include "file_maps.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../base/memory.h"
#include "../data/json_util.h"

/* ---- saving ---- */

/* NULL when a name is not UTF-8 (or without memory). */
static json_t *columns_json(const pf_table *like, const pf_given *given) {
  json_t *array = json_array();
  for (int j = 0; array && j < like->columns; j++) {
    json_t *column =
        json_pack("{s:s, s:s, s:i}", "name", like->names[j], "type",
                  like->types[j] == PF_COLUMN_INTEGER ? "integer" : "real", "decimals", like->decimals[j]);
    const bool marked =
        !pf_given_has(given, j) || (column && json_object_set_new(column, "given", json_true()) == 0);
    if (!column || json_array_append_new(array, column) != 0 || !marked) {
      json_decref(array);
      return NULL;
    }
  }
  return array;
}

static pf_status add_curves(const struct pf_model *model, pf_container *container, pf_error *error) {
  for (int i = 0; i < model->n_curves; i++) {
    const pf_curve *c = &model->curves[i];
    char name[64];
    snprintf(name, sizeof name, "curve.%s.step", c->name);
    PF_TRY(pf_container_add_vector(container, name, PF_F64, c->count, c->steps, error));
    snprintf(name, sizeof name, "curve.%s.value", c->name);
    PF_TRY(pf_container_add_vector(container, name, PF_F64, c->count, c->values, error));
  }
  return PF_OK;
}

static pf_status set_root(pf_container *container, const json_t *root, pf_error *error) {
  char *text = json_dumps(root, JSON_SORT_KEYS | JSON_COMPACT);
  if (!text)
    return pf_fail(error, PF_FAILED, "the model's facts cannot be written as JSON (is a name not UTF-8?)");
  pf_status status = pf_container_set(container, "pushforward", text, error);
  free(text);
  return status;
}

/* What a file and a description both say. */
static pf_status set_common(const struct pf_model *model, json_t *root, pf_error *error) {
  bool failed = json_object_set_new(root, "format", json_integer(PF_FORMAT_VERSION)) != 0 ||
                json_object_set_new(root, "columns", columns_json(model->columns_like, &model->given)) != 0 ||
                json_object_set_new(root, "start", json_real(model->start)) != 0 ||
                json_object_set_new(root, "end", json_real(model->end)) != 0 ||
                (model->from_source && json_object_set_new(root, "prior", json_string("source")) != 0) ||
                json_object_set(root, "facts", model->facts) != 0;
  if (!failed) return PF_OK;
  return pf_fail(error, PF_FAILED,
                 "the model's facts cannot be written as JSON (is a column name not UTF-8?)");
}

static pf_status fill_container(const struct pf_model *model, pf_container *container, json_t *root,
                                pf_error *error) {
  PF_TRY(set_common(model, root, error));
  PF_TRY(pf_encoder_save(model->encoder, container, error));
  PF_TRY(pf_file_add_learned(model->generator, "generator", container, root, error));
  PF_TRY(pf_file_add_learned(model->velocity, "velocity", container, root, error));
  PF_TRY(pf_file_add_flow(model->flow, container, root, error));
  PF_TRY(pf_file_add_critic(model->critic, container, root, error));
  PF_TRY(add_curves(model, container, error));
  return set_root(container, root, error);
}

pf_status pf_model_save(const struct pf_model *model, const char *path, pf_error *error) {
  pf_container *container = NULL;
  json_t *root = json_object();
  if (!root) return pf_fail(error, PF_NO_MEMORY, "out of memory");
  pf_status status = pf_container_create(&container, error);
  if (status == PF_OK) status = fill_container(model, container, root, error);
  if (status == PF_OK) status = pf_container_write(container, path, error);
  pf_container_free(container);
  json_decref(root);
  return status;
}

/* ---- loading ---- */

/* `seen` collects the names of the columns before. */
static pf_status check_name(json_t *seen, const char *name, pf_error *error) {
  if (!name[0] || json_object_get(seen, name))
    return pf_fail(error, PF_BAD_INPUT, "the column name '%s' is empty or comes twice", name);
  if (json_object_set_new(seen, name, json_true()) != 0) return pf_fail(error, PF_NO_MEMORY, "out of memory");
  return PF_OK;
}

static pf_status read_column(const json_t *entry, int j, json_t *seen, pf_table *like, pf_error *error) {
  const char *name = NULL, *type = NULL;
  if (!json_is_object(entry)) return pf_fail(error, PF_BAD_INPUT, "column %d is not an object", j + 1);
  PF_TRY(pf_json_get_string(entry, "name", &name, error));
  PF_TRY(pf_json_get_string(entry, "type", &type, error));
  PF_TRY(check_name(seen, name, error));
  PF_TRY(pf_file_read_int(entry, "decimals", -1, 400, &like->decimals[j], error));
  if (strcmp(type, "integer") != 0 && strcmp(type, "real") != 0)
    return pf_fail(error, PF_BAD_INPUT, "column '%s' has the unknown type '%s'", name, type);
  like->types[j] = strcmp(type, "integer") == 0 ? PF_COLUMN_INTEGER : PF_COLUMN_REAL;
  return pf_table_set_name(like, j, name, error);
}

/* Columns say when they are given; the others say nothing. */
static pf_status read_given(const json_t *root, pf_given *out, pf_error *error) {
  const json_t *columns = json_object_get(root, "columns"); /* has been read once */
  for (size_t j = 0; j < json_array_size(columns); j++) {
    const json_t *entry = json_array_get(columns, j);
    bool given = false;
    if (!json_object_get(entry, "given")) continue;
    PF_TRY(pf_json_get_bool(entry, "given", &given, error));
    if (given && out->count == PF_GIVEN_MOST)
      return pf_fail(error, PF_BAD_INPUT, "more than %d of its columns are given", PF_GIVEN_MOST);
    if (given) out->columns[out->count++] = (int)j;
  }
  if (out->count < (int)json_array_size(columns)) return PF_OK;
  return pf_fail(error, PF_BAD_INPUT, "all of its columns are given: it generates nothing");
}

static pf_status read_columns(const json_t *root, pf_table **out, pf_error *error) {
  const json_t *columns = NULL;
  PF_TRY(pf_json_get_array(root, "columns", &columns, error));
  size_t count = json_array_size(columns);
  if (count < 1 || count > 65536) return pf_fail(error, PF_BAD_INPUT, "the model has %zu columns", count);
  pf_table *like = NULL;
  PF_TRY(pf_table_create(0, (int)count, &like, error));
  json_t *seen = json_object();
  pf_status status = seen ? PF_OK : pf_fail(error, PF_NO_MEMORY, "out of memory");
  for (size_t j = 0; j < count && status == PF_OK; j++)
    status = read_column(json_array_get(columns, j), (int)j, seen, like, error);
  json_decref(seen);
  if (status == PF_OK)
    *out = like;
  else
    pf_table_free(like);
  return status;
}

static pf_status read_curves(const pf_container *container, struct pf_model *model, pf_error *error) {
  for (int64_t i = 0; i < pf_container_count(container); i++) {
    const pf_array *steps = pf_container_array(container, i);
    size_t length = strlen(steps->name);
    if (strncmp(steps->name, "curve.", 6) != 0 || length < 12 ||
        strcmp(steps->name + length - 5, ".step") != 0)
      continue;
    char name[40], value_name[80];
    snprintf(name, sizeof name, "%.*s", (int)(length - 11), steps->name + 6);
    snprintf(value_name, sizeof value_name, "curve.%s.value", name);
    pf_array shape = {.name = value_name, .dtype = PF_F64, .rank = 1, .dims = {steps->elements}};
    const pf_array *values = NULL;
    PF_TRY(pf_container_require(container, &shape, &values, error));
    if (steps->dtype != PF_F64 || steps->rank != 1)
      return pf_fail(error, PF_BAD_INPUT, "array '%s' is not a vector of F64", steps->name);
    PF_TRY(pf_model_add_curve(model, name, steps->elements, steps->data, values->data, error));
  }
  return PF_OK;
}

/* Without a word of it the prior is N(0, I). */
static pf_status read_prior(const json_t *root, struct pf_model *model, pf_error *error) {
  const char *prior = NULL;
  if (!json_object_get(root, "prior")) return PF_OK;
  PF_TRY(pf_json_get_string(root, "prior", &prior, error));
  if (strcmp(prior, "source") != 0)
    return pf_fail(error, PF_BAD_INPUT, "its prior is '%.40s', which is not 'source'", prior);
  if (model->given.count > 0)
    return pf_fail(error, PF_BAD_INPUT, "it has given columns and a prior that is a source, not noise");
  if (model->flow) return pf_fail(error, PF_BAD_INPUT, "it is a flow whose prior is a source, not noise");
  model->from_source = true;
  return PF_OK;
}

/* What given columns do not go together with. */
static pf_status check_given(const struct pf_model *model, pf_error *error) {
  if (model->given.count == 0) return PF_OK;
  if (model->flow || model->critic)
    return pf_fail(error, PF_BAD_INPUT, "it has given columns and a %s, which takes none",
                   model->flow ? "flow" : "critic");
  for (int i = 0; i < model->given.count; i++)
    if (pf_encoder_column_kind(model->encoder, model->given.columns[i]) != PF_ENCODER_STANDARD)
      return pf_fail(error, PF_BAD_INPUT, "its given column '%.100s' is not standardised",
                     pf_model_condition_name(model, i));
  return PF_OK;
}

static pf_status read_model(const pf_container *container, const json_t *root, struct pf_model *model,
                            pf_error *error) {
  const json_t *facts = NULL;
  int columns = model->columns;
  PF_TRY(pf_json_get_number(root, "start", 0, 1, &model->start, error));
  PF_TRY(pf_json_get_number(root, "end", 0, 1, &model->end, error));
  if (!(model->start < model->end))
    return pf_fail(error, PF_BAD_INPUT, "start %g is not before end %g", model->start, model->end);
  PF_TRY(pf_json_get_object(root, "facts", &facts, error));
  json_decref(model->facts);
  model->facts = json_deep_copy(facts);
  if (!model->facts) return pf_fail(error, PF_NO_MEMORY, "out of memory");
  PF_TRY(pf_encoder_load(container, columns, &model->encoder, error));
  PF_TRY(read_given(root, &model->given, error));
  const pf_file_shape shape = {columns, &model->given};
  PF_TRY(pf_file_read_learned(container, root, "generator", shape, &model->generator, error));
  PF_TRY(pf_file_read_learned(container, root, "velocity", shape, &model->velocity, error));
  PF_TRY(pf_file_read_flow(container, root, columns, &model->flow, error));
  PF_TRY(pf_file_read_critic(container, root, columns, &model->critic, error));
  if (!model->generator && !model->velocity && !model->flow)
    return pf_fail(error, PF_BAD_INPUT, "it holds no network");
  if (model->velocity && pf_time_map_is_plain(pf_learned_map_of(model->velocity)))
    return pf_fail(error, PF_BAD_INPUT, "its velocity takes no time");
  if (model->generator && pf_learned_map_of(model->generator)->network.times == 1)
    return pf_fail(error, PF_BAD_INPUT, "its generator takes one time, not two");
  PF_TRY(check_given(model, error));
  PF_TRY(read_prior(root, model, error));
  return read_curves(container, model, error);
}

static pf_status read_root(const pf_container *container, json_t **out, pf_error *error) {
  const char *text = pf_container_get(container, "pushforward");
  if (!text) return pf_fail(error, PF_BAD_INPUT, "not a pushforward model");
  json_t *root = NULL;
  PF_TRY(pf_json_parse_object(text, strlen(text), "metadata", &root, error));
  int64_t version = 0;
  pf_status status = pf_json_get_integer(root, "format", 1, INT32_MAX, &version, error);
  if (status == PF_OK && version > PF_FORMAT_VERSION)
    status = pf_fail(error, PF_BAD_INPUT, "model format %lld is newer than this program's %d",
                     (long long)version, PF_FORMAT_VERSION);
  if (status == PF_OK)
    *out = root;
  else
    json_decref(root);
  return status;
}

pf_status pf_model_from_container(const pf_container *container, struct pf_model **out, pf_error *error) {
  json_t *root = NULL;
  pf_table *like = NULL;
  struct pf_model *model = NULL;
  pf_status status = read_root(container, &root, error);
  if (status == PF_OK) status = read_columns(root, &like, error);
  if (status == PF_OK) status = pf_model_create(like, &model, error);
  if (status == PF_OK) status = read_model(container, root, model, error);
  if (status == PF_OK)
    *out = model;
  else
    pf_model_free(model);
  pf_table_free(like);
  json_decref(root);
  return status;
}

pf_status pf_model_load(const char *path, struct pf_model **out, pf_error *error) {
  pf_container *container = NULL;
  PF_TRY(pf_container_read(path, &container, error));
  pf_status status = pf_model_from_container(container, out, error);
  pf_container_free(container);
  return status == PF_OK ? PF_OK : pf_fail_within(error, status, "%s", path);
}

/* {"held-out W1": {"steps": [..], "values": [..]}}; a value that is not finite is null. */
static pf_status describe_curves(const struct pf_model *model, json_t *root, pf_error *error) {
  json_t *curves = json_object();
  for (int i = 0; i < model->n_curves; i++) {
    const pf_curve *c = &model->curves[i];
    json_t *steps = json_array(), *values = json_array();
    for (int64_t k = 0; k < c->count; k++) {
      json_array_append_new(steps, json_real(c->steps[k]));
      json_array_append_new(values, isfinite(c->values[k]) ? json_real(c->values[k]) : json_null());
    }
    json_object_set_new(curves, c->name, json_pack("{s:o, s:o}", "steps", steps, "values", values));
  }
  if (json_object_size(curves) == (size_t)model->n_curves && json_object_set_new(root, "curves", curves) == 0)
    return PF_OK;
  return pf_fail(error, PF_NO_MEMORY, "out of memory");
}

pf_status pf_model_describe(const struct pf_model *model, char **json, pf_error *error) {
  json_t *root = json_object();
  if (!root) return pf_fail(error, PF_NO_MEMORY, "out of memory");
  pf_status status = set_common(model, root, error);
  if (status == PF_OK) status = pf_file_describe_learned(model->generator, "generator", root, error);
  if (status == PF_OK) status = pf_file_describe_learned(model->velocity, "velocity", root, error);
  if (status == PF_OK) status = pf_file_describe_flow(model->flow, root, error);
  if (status == PF_OK) status = pf_file_describe_critic(model->critic, root, error);
  if (status == PF_OK) status = describe_curves(model, root, error);
  char *text = status == PF_OK ? json_dumps(root, JSON_INDENT(2)) : NULL;
  json_decref(root);
  if (status != PF_OK) return status;
  if (!text) return pf_fail(error, PF_NO_MEMORY, "out of memory");
  status = pf_strdup(text, json, error);
  free(text);
  return status;
}
