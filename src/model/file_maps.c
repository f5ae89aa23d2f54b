/* Networks in model files: see file_maps.h. */
#include "file_maps.h"

#include <stdio.h>
#include <string.h>
#include "../base/memory.h"
#include "../data/json_util.h"

static const char *const field_names[] = {[PF_FIELD_NETWORK] = "network", [PF_FIELD_POTENTIAL] = "potential"};

/* ---- saving ---- */

/* "spectral" stands there only when it is so. NULL without memory. */
static json_t *network_json(const pf_network_config *c) {
  json_t *object = json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:b, s:s}", "inputs", c->inputs, "outputs",
                             c->outputs, "width", c->width, "depth", c->depth, "times", c->times,
                             "frequencies", c->frequencies, "max_frequency", c->max_frequency, "residual",
                             c->residual, "activation", pf_activation_name(c->activation));
  if (c->spectral) json_object_set_new(object, "spectral", json_true());
  return object;
}

static json_t *flow_json(const pf_cnf_config *c) {
  const pf_potential_config *p = &c->field.potential;
  json_t *object = c->field.kind == PF_FIELD_NETWORK
                       ? network_json(&c->field.network)
                       : json_pack("{s:i, s:i, s:i, s:i}", "inputs", p->inputs, "width", p->width, "layers",
                                   p->layers, "rank", p->rank);
  json_object_set_new(object, "field", json_string(field_names[c->field.kind]));
  json_object_set_new(object, "blocks", json_integer(c->blocks));
  json_object_set_new(object, "steps", json_integer(c->steps));
  return object;
}

static pf_status set_object(json_t *root, const char *key, json_t *object, pf_error *error) {
  return json_object_set_new(root, key, object) == 0 ? PF_OK : pf_fail(error, PF_NO_MEMORY, "out of memory");
}

pf_status pf_file_describe_learned(const pf_learned *learned, const char *prefix, json_t *root,
                                   pf_error *error) {
  if (!learned) return PF_OK;
  const pf_time_map *map = pf_learned_map_of(learned);
  json_t *object = network_json(&map->network);
  if (pf_time_map_is_plain(map))
    json_object_set_new(object, "skip", json_boolean(map->skip));
  else
    json_object_set_new(object, "interpolant", json_string(pf_interpolant_name(map->interpolant)));
  return set_object(root, prefix, object, error);
}

pf_status pf_file_describe_flow(const pf_cnf *flow, json_t *root, pf_error *error) {
  return flow ? set_object(root, "flow", flow_json(pf_cnf_config_of(flow)), error) : PF_OK;
}

pf_status pf_file_describe_critic(const pf_critic *critic, json_t *root, pf_error *error) {
  return critic ? set_object(root, "critic", network_json(pf_critic_config_of(critic)), error) : PF_OK;
}

/* The name and shape under which a piece stands in a file. */
static pf_array array_of(const pf_parameter *p, const char *prefix, char name[80]) {
  snprintf(name, 80, "%s.%s", prefix, p->name);
  pf_array shape = {.name = name, .dtype = PF_F32, .rank = p->shape.axes};
  for (int k = 0; k < p->shape.axes; k++) shape.dims[k] = p->shape.dim[k];
  return shape;
}

static pf_status add_params(const pf_layout *layout, const char *prefix, const float *params,
                            pf_container *container, pf_error *error) {
  char name[80];
  for (int i = 0; i < layout->count; i++) {
    pf_array shape = array_of(&layout->items[i], prefix, name);
    PF_TRY(pf_container_add(container, &shape, params + layout->items[i].offset, error));
  }
  return PF_OK;
}

static pf_status add_network(const pf_network_config *config, const float *params, const char *prefix,
                             pf_container *container, pf_error *error) {
  pf_layout layout = {0};
  PF_TRY(pf_network_layout(config, &layout, error));
  pf_status status = add_params(&layout, prefix, params, container, error);
  pf_layout_free(&layout);
  return status;
}

pf_status pf_file_add_learned(const pf_learned *learned, const char *prefix, pf_container *container,
                              json_t *root, pf_error *error) {
  if (!learned) return PF_OK;
  PF_TRY(pf_file_describe_learned(learned, prefix, root, error));
  return add_network(&pf_learned_map_of(learned)->network, pf_learned_params(learned), prefix, container,
                     error);
}

pf_status pf_file_add_critic(const pf_critic *critic, pf_container *container, json_t *root,
                             pf_error *error) {
  if (!critic) return PF_OK;
  PF_TRY(pf_file_describe_critic(critic, root, error));
  return add_network(pf_critic_config_of(critic), pf_critic_params(critic), "critic", container, error);
}

static void block_prefix(int block, char prefix[24]) { snprintf(prefix, 24, "flow.%d", block + 1); }

pf_status pf_file_add_flow(const pf_cnf *flow, pf_container *container, json_t *root, pf_error *error) {
  pf_layout layout = {0};
  char prefix[24];
  if (!flow) return PF_OK;
  const pf_cnf_config *config = pf_cnf_config_of(flow);
  PF_TRY(pf_file_describe_flow(flow, root, error));
  PF_TRY(pf_field_layout(&config->field, &layout, error));
  pf_status status = PF_OK;
  for (int k = 0; k < config->blocks && status == PF_OK; k++) {
    block_prefix(k, prefix);
    status = add_params(&layout, prefix, pf_cnf_params(flow) + k * layout.total, container, error);
  }
  pf_layout_free(&layout);
  return status;
}

/* ---- loading ---- */

pf_status pf_file_read_int(const json_t *object, const char *key, int low, int high, int *out,
                           pf_error *error) {
  int64_t value = 0;
  PF_TRY(pf_json_get_integer(object, key, low, high, &value, error));
  *out = (int)value;
  return PF_OK;
}

/* Files from before there was a choice do not say: SiLU. */
static pf_status read_activation(const json_t *object, pf_activation *out, pf_error *error) {
  const char *name = NULL;
  *out = PF_ACTIVATION_SILU;
  if (!json_object_get(object, "activation")) return PF_OK;
  PF_TRY(pf_json_get_string(object, "activation", &name, error));
  if (pf_activation_find(name, out, NULL) == PF_OK) return PF_OK;
  return pf_fail(error, PF_BAD_INPUT, "unknown activation '%s'", name);
}

/* Only spectral networks say. */
static pf_status read_spectral(const json_t *object, pf_network_config *c, pf_error *error) {
  if (!json_object_get(object, "spectral")) return PF_OK;
  PF_TRY(pf_json_get_bool(object, "spectral", &c->spectral, error));
  if (c->spectral && c->times > 1)
    return pf_fail(error, PF_BAD_INPUT, "a spectral network of %d times: there is none", c->times);
  return PF_OK;
}

/* What a network of its kind must have. */
typedef struct kind {
  int inputs, outputs, least_times, most_times;
} kind;

static pf_status read_network(const json_t *object, const kind *k, pf_network_config *c, pf_error *error) {
  PF_TRY(pf_file_read_int(object, "inputs", k->inputs, k->inputs, &c->inputs, error));
  PF_TRY(pf_file_read_int(object, "outputs", k->outputs, k->outputs, &c->outputs, error));
  PF_TRY(pf_file_read_int(object, "width", 1, 8192, &c->width, error));
  PF_TRY(pf_file_read_int(object, "depth", 1, 64, &c->depth, error));
  PF_TRY(pf_file_read_int(object, "times", k->least_times, k->most_times, &c->times, error));
  PF_TRY(pf_file_read_int(object, "frequencies", 1, PF_MAX_FREQUENCIES, &c->frequencies, error));
  PF_TRY(pf_json_get_number(object, "max_frequency", 1, 1e6, &c->max_frequency, error));
  PF_TRY(pf_json_get_bool(object, "residual", &c->residual, error));
  PF_TRY(read_spectral(object, c, error));
  return read_activation(object, &c->activation, error);
}

static pf_status read_map(const json_t *object, pf_file_shape shape, pf_time_map *map, pf_error *error) {
  const char *interpolant = NULL;
  const int generated = shape.columns - shape.given->count;
  map->given = *shape.given;
  PF_TRY(read_network(object, &(kind){shape.columns, generated, 0, 2}, &map->network, error));
  if (pf_time_map_is_plain(map)) return pf_json_get_bool(object, "skip", &map->skip, error);
  PF_TRY(pf_json_get_string(object, "interpolant", &interpolant, error));
  if (pf_interpolant_find(interpolant, &map->interpolant, NULL) != PF_OK)
    return pf_fail(error, PF_BAD_INPUT, "unknown interpolant '%s'", interpolant);
  return PF_OK;
}

static pf_status read_flow(const json_t *object, int columns, pf_cnf_config *c, pf_error *error) {
  const char *field = NULL;
  pf_potential_config *p = &c->field.potential;
  PF_TRY(pf_file_read_int(object, "blocks", 1, PF_CNF_BLOCKS, &c->blocks, error));
  PF_TRY(pf_file_read_int(object, "steps", 1, PF_CNF_STEPS, &c->steps, error));
  PF_TRY(pf_json_get_string(object, "field", &field, error));
  if (strcmp(field, field_names[PF_FIELD_NETWORK]) == 0)
    return read_network(object, &(kind){columns, columns, 0, 1}, &c->field.network, error);
  if (strcmp(field, field_names[PF_FIELD_POTENTIAL]) != 0)
    return pf_fail(error, PF_BAD_INPUT, "unknown field '%s'", field);
  c->field.kind = PF_FIELD_POTENTIAL;
  PF_TRY(pf_file_read_int(object, "inputs", columns, columns, &p->inputs, error));
  PF_TRY(pf_file_read_int(object, "width", 1, 8192, &p->width, error));
  PF_TRY(pf_file_read_int(object, "layers", 1, 64, &p->layers, error));
  return pf_file_read_int(object, "rank", 0, columns + 1, &p->rank, error);
}

/* Copies the pieces into params; params NULL only looks whether the file has them all. */
static pf_status read_params(const pf_container *container, const char *prefix, const pf_layout *layout,
                             float *params, pf_error *error) {
  char name[80];
  for (int i = 0; i < layout->count; i++) {
    const pf_parameter *p = &layout->items[i];
    pf_array shape = array_of(p, prefix, name);
    const pf_array *array = NULL;
    PF_TRY(pf_container_require(container, &shape, &array, error));
    if (params) memcpy(params + p->offset, array->data, array->bytes);
  }
  return PF_OK;
}

/* NULL without the object. */
static pf_status find_object(const json_t *root, const char *key, const json_t **out, pf_error *error) {
  *out = json_object_get(root, key);
  if (*out && !json_is_object(*out)) return pf_fail(error, PF_BAD_INPUT, "'%s' is not an object", key);
  return PF_OK;
}

/* A weight that is not finite is the file's fault. */
static pf_status as_bad_input(pf_status status, pf_error *error) {
  if (status != PF_NON_FINITE) return status;
  if (error) error->status = PF_BAD_INPUT;
  return PF_BAD_INPUT;
}

/* The weights of a network, to be freed. */
static pf_status read_weights(const pf_container *container, const char *prefix,
                              const pf_network_config *network, float **out, pf_error *error) {
  pf_layout layout = {0};
  float *params = NULL;
  pf_status status = pf_network_layout(network, &layout, error);
  /* before any memory is taken: a few bytes may claim a network of gigabytes */
  if (status == PF_OK) status = read_params(container, prefix, &layout, NULL, error);
  if (status == PF_OK) status = pf_alloc((size_t)layout.total, sizeof(float), &params, error);
  if (status == PF_OK) status = read_params(container, prefix, &layout, params, error);
  pf_layout_free(&layout);
  if (status == PF_OK)
    *out = params;
  else
    pf_free(params);
  return status;
}

pf_status pf_file_read_learned(const pf_container *container, const json_t *root, const char *prefix,
                               pf_file_shape shape, pf_learned **out, pf_error *error) {
  const json_t *object = NULL;
  PF_TRY(find_object(root, prefix, &object, error));
  if (!object) return PF_OK;
  pf_time_map map;
  memset(&map, 0, sizeof map);
  PF_TRY(read_map(object, shape, &map, error));
  float *params = NULL;
  PF_TRY(read_weights(container, prefix, &map.network, &params, error));
  pf_status status = pf_learned_create(&map, params, out, error);
  pf_free(params);
  return as_bad_input(status, error);
}

pf_status pf_file_read_critic(const pf_container *container, const json_t *root, int columns, pf_critic **out,
                              pf_error *error) {
  const json_t *object = NULL;
  PF_TRY(find_object(root, "critic", &object, error));
  if (!object) return PF_OK;
  pf_network_config config;
  float *params = NULL;
  memset(&config, 0, sizeof config);
  PF_TRY(read_network(object, &(kind){columns, 1, 0, 0}, &config, error));
  PF_TRY(read_weights(container, "critic", &config, &params, error));
  pf_status status = pf_critic_create(&config, params, out, error);
  pf_free(params);
  return as_bad_input(status, error);
}

/* All blocks; params NULL only looks. */
static pf_status read_blocks(const pf_container *container, const pf_layout *layout, int blocks,
                             float *params, pf_error *error) {
  char prefix[24];
  for (int k = 0; k < blocks; k++) {
    block_prefix(k, prefix);
    PF_TRY(read_params(container, prefix, layout, params ? params + k * layout->total : NULL, error));
  }
  return PF_OK;
}

pf_status pf_file_read_flow(const pf_container *container, const json_t *root, int columns, pf_cnf **out,
                            pf_error *error) {
  const json_t *object = NULL;
  PF_TRY(find_object(root, "flow", &object, error));
  if (!object) return PF_OK;
  pf_cnf_config config;
  memset(&config, 0, sizeof config);
  PF_TRY(read_flow(object, columns, &config, error));
  pf_layout layout = {0};
  float *params = NULL;
  pf_status status = pf_field_layout(&config.field, &layout, error);
  if (status == PF_OK) status = read_blocks(container, &layout, config.blocks, NULL, error);
  if (status == PF_OK)
    status = pf_alloc((size_t)layout.total * (size_t)config.blocks, sizeof(float), &params, error);
  if (status == PF_OK) status = read_blocks(container, &layout, config.blocks, params, error);
  if (status == PF_OK) status = pf_cnf_create(&config, params, out, error);
  pf_free(params);
  pf_layout_free(&layout);
  return as_bad_input(status, error);
}
