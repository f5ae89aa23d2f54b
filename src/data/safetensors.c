/* The container in memory: arrays and metadata strings, both kept sorted. Reading and writing are in
 * safetensors_read.c and safetensors_write.c. */
#include "data/safetensors.h"
#include "data/safetensors_internal.h"

#include <string.h>
#include "base/memory.h"
#include "data/json_util.h"

static const char *const DTYPE_NAMES[] = {
#define PF_X(name, bytes) #name,
    PF_DTYPE_TABLE(PF_X)
#undef PF_X
};
static const size_t DTYPE_SIZES[] = {
#define PF_X(name, bytes) bytes,
    PF_DTYPE_TABLE(PF_X)
#undef PF_X
};

const char *pf_dtype_name(pf_dtype dtype) { return DTYPE_NAMES[dtype]; }
size_t pf_dtype_size(pf_dtype dtype) { return DTYPE_SIZES[dtype]; }

bool pf_dtype_parse(const char *name, pf_dtype *out) {
  for (size_t i = 0; i < sizeof DTYPE_NAMES / sizeof *DTYPE_NAMES; i++) {
    if (strcmp(name, DTYPE_NAMES[i]) != 0) continue;
    *out = (pf_dtype)i;
    return true;
  }
  return false;
}

bool pf_array_measure(pf_array *array) {
  int64_t elements = 1;
  for (int i = 0; i < array->rank; i++) {
    if (array->dims[i] < 0 || __builtin_mul_overflow(elements, array->dims[i], &elements)) return false;
  }
  array->elements = elements;
  return !__builtin_mul_overflow((size_t)elements, pf_dtype_size(array->dtype), &array->bytes) &&
         array->bytes <= PTRDIFF_MAX;
}

bool pf_metadata_reserved(const char *key) {
  return strcmp(key, "crc32") == 0 || strcmp(key, "crc32_header") == 0;
}

/* ---- life ---- */

pf_status pf_container_create(pf_container **out, pf_error *error) {
  return pf_alloc(1, sizeof **out, out, error);
}

void pf_container_free(pf_container *container) {
  if (!container) return;
  for (int64_t i = 0; i < container->count; i++) {
    pf_free(container->arrays[i].name);
    pf_free(container->arrays[i].data);
  }
  for (int64_t i = 0; i < container->string_count; i++) {
    pf_free(container->strings[i].key);
    pf_free(container->strings[i].value);
  }
  pf_free(container->arrays);
  pf_free(container->strings);
  pf_free(container);
}

/* ---- arrays ---- */

/* Index of the first array whose name is not below `name`. */
static int64_t array_position(const pf_container *container, const char *name) {
  int64_t low = 0, high = container->count;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (strcmp(container->arrays[middle].name, name) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

const pf_array *pf_container_find(const pf_container *container, const char *name) {
  int64_t at = array_position(container, name);
  bool found = at < container->count && strcmp(container->arrays[at].name, name) == 0;
  return found ? &container->arrays[at] : NULL;
}

int64_t pf_container_count(const pf_container *container) { return container->count; }
const pf_array *pf_container_array(const pf_container *container, int64_t index) {
  return &container->arrays[index];
}

static pf_status check_new_array(const pf_container *container, pf_array *array, pf_error *error) {
  const char *name = array->name;
  if (!name || !name[0] || !pf_utf8_valid(name, strlen(name)) || strcmp(name, "__metadata__") == 0) {
    return pf_fail(error, PF_FAILED, "'%.80s' cannot name an array", name ? name : "");
  }
  if (pf_container_find(container, name))
    return pf_fail(error, PF_FAILED, "two arrays are named '%.80s'", name);
  if (array->rank < 0 || array->rank > PF_ARRAY_MAX_RANK || !pf_array_measure(array)) {
    return pf_fail(error, PF_FAILED, "array '%.80s' has an impossible shape", name);
  }
  return PF_OK;
}

pf_status pf_container_add(pf_container *container, const pf_array *shape, const void *data,
                           pf_error *error) {
  pf_array added = *shape;
  PF_TRY(check_new_array(container, &added, error));
  if (container->count == container->capacity) {
    int64_t larger = 2 * container->capacity + 16;
    PF_TRY(pf_grow(&container->arrays, (size_t)container->capacity, (size_t)larger, sizeof *container->arrays,
                   error));
    container->capacity = larger;
  }
  PF_TRY(pf_strdup(shape->name, &added.name, error));
  pf_status status = pf_alloc(added.bytes, 1, &added.data, error);
  if (status != PF_OK) {
    pf_free(added.name);
    return status;
  }
  if (added.bytes) memcpy(added.data, data, added.bytes);
  int64_t at = array_position(container, added.name);
  memmove(container->arrays + at + 1, container->arrays + at,
          (size_t)(container->count - at) * sizeof *container->arrays);
  container->arrays[at] = added;
  container->count++;
  return PF_OK;
}

pf_status pf_container_add_vector(pf_container *container, const char *name, pf_dtype dtype, int64_t count,
                                  const void *data, pf_error *error) {
  char *copy = NULL;
  PF_TRY(pf_strdup(name, &copy, error));
  pf_array shape = {.name = copy, .dtype = dtype, .rank = 1, .dims = {count}};
  pf_status status = pf_container_add(container, &shape, data, error);
  pf_free(copy);
  return status;
}

pf_status pf_container_require(const pf_container *container, const pf_array *shape, const pf_array **out,
                               pf_error *error) {
  const pf_array *found = pf_container_find(container, shape->name);
  if (!found) return pf_fail(error, PF_BAD_INPUT, "array '%.80s' is missing", shape->name);
  if (found->dtype != shape->dtype) {
    return pf_fail(error, PF_BAD_INPUT, "array '%.80s' holds %s, expected %s", shape->name,
                   pf_dtype_name(found->dtype), pf_dtype_name(shape->dtype));
  }
  if (found->rank != shape->rank) {
    return pf_fail(error, PF_BAD_INPUT, "array '%.80s' has %d axes, expected %d", shape->name, found->rank,
                   shape->rank);
  }
  for (int i = 0; i < found->rank; i++) {
    if (shape->dims[i] >= 0 && found->dims[i] != shape->dims[i]) {
      return pf_fail(error, PF_BAD_INPUT, "array '%.80s': axis %d has size %lld, expected %lld", shape->name,
                     i, (long long)found->dims[i], (long long)shape->dims[i]);
    }
  }
  *out = found;
  return PF_OK;
}

/* ---- metadata ---- */

static int64_t string_position(const pf_container *container, const char *key, bool *found) {
  int64_t at = 0;
  while (at < container->string_count && strcmp(container->strings[at].key, key) < 0) at++;
  *found = at < container->string_count && strcmp(container->strings[at].key, key) == 0;
  return at;
}

static pf_status insert_string(pf_container *container, int64_t at, const char *key, char *value,
                               pf_error *error) {
  if (container->string_count == container->string_capacity) {
    int64_t larger = 2 * container->string_capacity + 16;
    PF_TRY(pf_grow(&container->strings, (size_t)container->string_capacity, (size_t)larger,
                   sizeof *container->strings, error));
    container->string_capacity = larger;
  }
  char *key_copy = NULL;
  PF_TRY(pf_strdup(key, &key_copy, error));
  memmove(container->strings + at + 1, container->strings + at,
          (size_t)(container->string_count - at) * sizeof *container->strings);
  container->strings[at] = (pf_metadata){key_copy, value};
  container->string_count++;
  return PF_OK;
}

pf_status pf_container_set(pf_container *container, const char *key, const char *value, pf_error *error) {
  if (!pf_utf8_valid(key, strlen(key)) || pf_metadata_reserved(key)) {
    return pf_fail(error, PF_FAILED, "'%.80s' cannot be a metadata key", key);
  }
  if (!pf_utf8_valid(value, strlen(value))) {
    return pf_fail(error, PF_FAILED, "the metadata value of '%.80s' is not UTF-8", key);
  }
  bool found = false;
  char *copy = NULL;
  int64_t at = string_position(container, key, &found);
  PF_TRY(pf_strdup(value, &copy, error));
  if (found) {
    pf_free(container->strings[at].value);
    container->strings[at].value = copy;
    return PF_OK;
  }
  pf_status status = insert_string(container, at, key, copy, error);
  if (status != PF_OK) pf_free(copy);
  return status;
}

const char *pf_container_get(const pf_container *container, const char *key) {
  bool found = false;
  int64_t at = string_position(container, key, &found);
  return found ? container->strings[at].value : NULL;
}

pf_status pf_container_require_string(const pf_container *container, const char *key, const char **out,
                                      pf_error *error) {
  const char *value = pf_container_get(container, key);
  if (!value) return pf_fail(error, PF_BAD_INPUT, "metadata key '%.80s' is missing", key);
  *out = value;
  return PF_OK;
}
