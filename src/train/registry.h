/* The state registry: every array that outlives a training step, by name.
 *
 * A checkpoint is a dump of the registry; resuming reads it back. Whoever owns state registers it here once, before the
 * first step. Before a load every registered float is set to NaN and every integer to the most negative number, so an array
 * that the file does not fill shows at once. State that nobody registered keeps its fresh values: the tests that hold a resumed
 * run against an uninterrupted one, bit for bit, are what catches that.
 */
#ifndef PF_TRAIN_REGISTRY_H
#define PF_TRAIN_REGISTRY_H

#include "../base/status.h"

typedef struct pf_registry pf_registry;

pf_status pf_registry_create(pf_registry **out, pf_error *error);
void pf_registry_free(pf_registry *registry);

/* Registers caller-owned arrays (they must outlive the registry). Names are unique; a second one is
 * PF_FAILED. */
pf_status pf_registry_add_f32(pf_registry *registry, const char *name, float *data, int64_t count,
                              pf_error *error);
pf_status pf_registry_add_f64(pf_registry *registry, const char *name, double *data, int64_t count,
                              pf_error *error);
pf_status pf_registry_add_i64(pf_registry *registry, const char *name, int64_t *data, int64_t count,
                              pf_error *error);

/* Poisons every registered array (see above). */
void pf_registry_poison(pf_registry *registry);

/* Writes all arrays to `path` atomically. `fingerprint` names the run (settings, data); a load with another
 * one fails. */
pf_status pf_registry_save(const pf_registry *registry, const char *path, const char *fingerprint,
                           pf_error *error);

/* Poisons, then fills every registered array from `path`. PF_BAD_INPUT when the file is damaged, misses an
 * array, has one of another size or belongs to another fingerprint. */
pf_status pf_registry_load(pf_registry *registry, const char *path, const char *fingerprint, pf_error *error);

#endif
