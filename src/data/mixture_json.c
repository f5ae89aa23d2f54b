/* A Gaussian mixture from a JSON file (contract: pf_mixture_read_json).
 *
 * Every value is checked where it is read, so that a message can name key and index; what the numbers mean
 * together (weights, positive definiteness) is checked by pf_mixture_create.
 */
#include <errno.h>
#include <jansson.h>
#include <string.h>
#include "../base/memory.h"
#include "../base/text.h"
#include "mixture.h"

typedef struct reader {
  pf_mixture_spec spec;
  double *weights, *means, *covariance;
} reader;

/* list (length `count`) of numbers into out; `where` names it in messages. */
static pf_status read_numbers(const json_t *list, int count, const char *where, double *out,
                              pf_error *error) {
  if (!json_is_array(list)) return pf_fail(error, PF_BAD_INPUT, "%s must be a list of numbers", where);
  if (json_array_size(list) != (size_t)count)
    return pf_fail(error, PF_BAD_INPUT, "%s has %zu entries, needs %d", where, json_array_size(list), count);
  for (int i = 0; i < count; i++) {
    const json_t *value = json_array_get(list, (size_t)i);
    if (!json_is_number(value)) return pf_fail(error, PF_BAD_INPUT, "%s[%d] is not a number", where, i);
    out[i] = json_number_value(value);
  }
  return PF_OK;
}

static pf_status read_means(reader *r, const json_t *means, pf_error *error) {
  if (!json_is_array(means) || json_array_size(means) == 0)
    return pf_fail(error, PF_BAD_INPUT, "\"means\" must be a list of points");
  const json_t *first = json_array_get(means, 0);
  if (!json_is_array(first) || json_array_size(first) == 0)
    return pf_fail(error, PF_BAD_INPUT, "means[0] must be a list of numbers");
  if (json_array_size(means) > INT32_MAX / 64 || json_array_size(first) > 4096)
    return pf_fail(error, PF_BAD_INPUT, "\"means\" is too large: %zu points of %zu numbers",
                   json_array_size(means), json_array_size(first));
  int components = (int)json_array_size(means), d = (int)json_array_size(first);
  PF_TRY(pf_alloc((size_t)components * (size_t)d, sizeof(double), &r->means, error));
  for (int k = 0; k < components; k++) {
    char where[32];
    snprintf(where, sizeof where, "means[%d]", k);
    PF_TRY(read_numbers(json_array_get(means, (size_t)k), d, where, r->means + (int64_t)k * d, error));
  }
  r->spec.components = components;
  r->spec.d = d;
  r->spec.means = r->means;
  return PF_OK;
}

static pf_status read_weights(reader *r, const json_t *weights, pf_error *error) {
  if (!weights) return PF_OK; /* equal */
  PF_TRY(pf_alloc((size_t)r->spec.components, sizeof(double), &r->weights, error));
  PF_TRY(read_numbers(weights, r->spec.components, "weights", r->weights, error));
  r->spec.weights = r->weights;
  return PF_OK;
}

/* The kind a single covariance value is written in. */
static pf_covariance_kind kind_of(const json_t *value) {
  if (!json_is_array(value)) return PF_COVARIANCE_ISOTROPIC;
  return json_is_array(json_array_get(value, 0)) ? PF_COVARIANCE_FULL : PF_COVARIANCE_DIAGONAL;
}

static pf_status read_one(const reader *r, const json_t *value, const char *where, double *out,
                          pf_error *error) {
  int d = r->spec.d;
  if (kind_of(value) != r->spec.kind)
    return pf_fail(error, PF_BAD_INPUT, "%s is written in another form than the first covariance", where);
  switch (r->spec.kind) {
  case PF_COVARIANCE_ISOTROPIC:
    if (!json_is_number(value)) return pf_fail(error, PF_BAD_INPUT, "%s is not a number", where);
    out[0] = json_number_value(value);
    return PF_OK;
  case PF_COVARIANCE_DIAGONAL: return read_numbers(value, d, where, out, error);
  case PF_COVARIANCE_FULL: break;
  }
  if (json_array_size(value) != (size_t)d)
    return pf_fail(error, PF_BAD_INPUT, "%s has %zu rows, needs %d", where, json_array_size(value), d);
  for (int i = 0; i < d; i++) {
    char row[64];
    snprintf(row, sizeof row, "%s[%d]", where, i);
    PF_TRY(read_numbers(json_array_get(value, (size_t)i), d, row, out + (int64_t)i * d, error));
  }
  return PF_OK;
}

/* The list of one covariance per component, or NULL when `value` is one shared covariance. A list that could
 * be both (K == d) is the shared one; {"per_component": ...} says the other. */
static const json_t *per_component_list(const reader *r, const json_t *value) {
  if (json_is_object(value)) return json_object_get(value, "per_component");
  if (!json_is_array(value)) return NULL;
  const json_t *first = json_array_get(value, 0);
  bool matrices = json_is_array(first) && json_is_array(json_array_get(first, 0));
  bool shared_length = json_array_size(value) == (size_t)r->spec.d;
  bool component_length = json_array_size(value) == (size_t)r->spec.components;
  return matrices || (component_length && !shared_length) ? value : NULL;
}

static pf_status read_covariance(reader *r, const json_t *value, pf_error *error) {
  if (!value) return pf_fail(error, PF_BAD_INPUT, "\"covariance\" is missing");
  const json_t *list = per_component_list(r, value);
  if (json_is_object(value) && (!json_is_array(list) || json_object_size(value) != 1))
    return pf_fail(error, PF_BAD_INPUT, "covariance: an object must be {\"per_component\": [...]}");
  if (list && json_array_size(list) != (size_t)r->spec.components)
    return pf_fail(error, PF_BAD_INPUT, "covariance has %zu entries for %d components", json_array_size(list),
                   r->spec.components);
  int d = r->spec.d;
  r->spec.kind = kind_of(list ? json_array_get(list, 0) : value);
  r->spec.covariances = list ? r->spec.components : 1;
  int64_t stride = r->spec.kind == PF_COVARIANCE_ISOTROPIC ? 1
                   : r->spec.kind == PF_COVARIANCE_FULL    ? d * d
                                                           : d;
  PF_TRY(pf_alloc((size_t)(stride * r->spec.covariances), sizeof(double), &r->covariance, error));
  r->spec.covariance = r->covariance;
  if (!list) return read_one(r, value, "covariance", r->covariance, error);
  for (int k = 0; k < r->spec.components; k++) {
    char where[40];
    snprintf(where, sizeof where, "covariance[%d]", k);
    PF_TRY(read_one(r, json_array_get(list, (size_t)k), where, r->covariance + k * stride, error));
  }
  return PF_OK;
}

static pf_status read_root(reader *r, json_t *root, pf_error *error) {
  static const char *const KEYS[] = {"weights", "means", "covariance"};
  if (!json_is_object(root)) return pf_fail(error, PF_BAD_INPUT, "the file must hold one JSON object");
  const char *key;
  json_t *value;
  json_object_foreach(root, key, value) {
    if (strcmp(key, "weights") && strcmp(key, "means") && strcmp(key, "covariance")) {
      pf_fail_unknown(error, "key", key, KEYS, 3);
      if (error) error->status = PF_BAD_INPUT;
      return PF_BAD_INPUT;
    }
  }
  PF_TRY(read_means(r, json_object_get(root, "means"), error));
  PF_TRY(read_weights(r, json_object_get(root, "weights"), error));
  return read_covariance(r, json_object_get(root, "covariance"), error);
}

pf_status pf_mixture_read_json(const char *path, pf_mixture **out, pf_error *error) {
  FILE *file = fopen(path, "rb");
  if (!file) return pf_fail(error, PF_IO, "%s: cannot open: %s", path, strerror(errno));
  json_error_t where;
  json_t *root = json_loadf(file, JSON_REJECT_DUPLICATES, &where);
  fclose(file);
  if (!root) return pf_fail(error, PF_BAD_INPUT, "%s:%d: not JSON: %s", path, where.line, where.text);
  reader r = {0};
  pf_status status = read_root(&r, root, error);
  if (status == PF_OK) status = pf_mixture_create(&r.spec, out, error);
  if (status != PF_OK) pf_fail_within(error, status, "%s", path);
  pf_free(r.weights);
  pf_free(r.means);
  pf_free(r.covariance);
  json_decref(root);
  return status;
}
