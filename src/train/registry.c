/* The state registry: see registry.h. */
#include "registry.h"

#include <math.h>
#include <string.h>
#include "../base/memory.h"
#include "../data/safetensors.h"

typedef struct pf_entry_data {
  char *name;
  void *data;
  int64_t count;
  pf_dtype dtype;
} pf_entry_data;

struct pf_registry {
  pf_entry_data *entries;
  size_t count, capacity;
};

pf_status pf_registry_create(pf_registry **out, pf_error *error) {
  return pf_alloc(1, sizeof **out, out, error);
}

void pf_registry_free(pf_registry *registry) {
  if (!registry) return;
  for (size_t i = 0; i < registry->count; i++) pf_free(registry->entries[i].name);
  pf_free(registry->entries);
  pf_free(registry);
}

static pf_status add(pf_registry *registry, const char *name, pf_dtype dtype, void *data, int64_t count,
                     pf_error *error) {
  for (size_t i = 0; i < registry->count; i++)
    if (strcmp(registry->entries[i].name, name) == 0)
      return pf_fail(error, PF_FAILED, "state '%s' is registered twice", name);
  if (registry->count == registry->capacity) {
    size_t wanted = registry->capacity ? 2 * registry->capacity : 16;
    PF_TRY(pf_grow(&registry->entries, registry->capacity, wanted, sizeof *registry->entries, error));
    registry->capacity = wanted;
  }
  char *copy = NULL;
  PF_TRY(pf_strdup(name, &copy, error));
  registry->entries[registry->count++] = (pf_entry_data){copy, data, count, dtype};
  return PF_OK;
}

pf_status pf_registry_add_f32(pf_registry *registry, const char *name, float *data, int64_t count,
                              pf_error *error) {
  return add(registry, name, PF_F32, data, count, error);
}
pf_status pf_registry_add_f64(pf_registry *registry, const char *name, double *data, int64_t count,
                              pf_error *error) {
  return add(registry, name, PF_F64, data, count, error);
}
pf_status pf_registry_add_i64(pf_registry *registry, const char *name, int64_t *data, int64_t count,
                              pf_error *error) {
  return add(registry, name, PF_I64, data, count, error);
}

void pf_registry_poison(pf_registry *registry) {
  for (size_t e = 0; e < registry->count; e++) {
    pf_entry_data *entry = &registry->entries[e];
    for (int64_t i = 0; i < entry->count; i++) {
      if (entry->dtype == PF_F32) ((float *)entry->data)[i] = NAN;
      if (entry->dtype == PF_F64) ((double *)entry->data)[i] = NAN;
      if (entry->dtype == PF_I64) ((int64_t *)entry->data)[i] = INT64_MIN;
    }
  }
}

pf_status pf_registry_save(const pf_registry *registry, const char *path, const char *fingerprint,
                           pf_error *error) {
  pf_container *container = NULL;
  PF_TRY(pf_container_create(&container, error));
  pf_status status = pf_container_set(container, "pushforward_checkpoint", fingerprint, error);
  for (size_t i = 0; i < registry->count && status == PF_OK; i++) {
    const pf_entry_data *e = &registry->entries[i];
    status = pf_container_add_vector(container, e->name, e->dtype, e->count, e->data, error);
  }
  if (status == PF_OK) status = pf_container_write(container, path, error);
  pf_container_free(container);
  return status;
}

static pf_status fill(pf_registry *registry, const pf_container *container, pf_error *error) {
  for (size_t i = 0; i < registry->count; i++) {
    pf_entry_data *e = &registry->entries[i];
    pf_array shape = {.name = e->name, .dtype = e->dtype, .rank = 1, .dims = {e->count}};
    const pf_array *array = NULL;
    PF_TRY(pf_container_require(container, &shape, &array, error));
    memcpy(e->data, array->data, array->bytes);
  }
  return PF_OK;
}

pf_status pf_registry_load(pf_registry *registry, const char *path, const char *fingerprint,
                           pf_error *error) {
  pf_container *container = NULL;
  PF_TRY(pf_container_read(path, &container, error));
  const char *found = NULL;
  pf_status status = pf_container_require_string(container, "pushforward_checkpoint", &found, error);
  if (status == PF_OK && strcmp(found, fingerprint) != 0)
    status = pf_fail(error, PF_BAD_INPUT, "%s: this checkpoint belongs to a run with other settings or data",
                     path);
  if (status == PF_OK) {
    pf_registry_poison(registry);
    status = fill(registry, container, error);
    if (status != PF_OK) status = pf_fail_within(error, status, "%s", path);
  }
  pf_container_free(container);
  return status;
}
