/* Memory: every allocation of the library goes through here, so that a test can make the k-th one
 * fail and count those made during a training step. */
#ifndef PF_BASE_MEMORY_H
#define PF_BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include "status.h"

/* Zero-initialised array of `count` elements, 64-byte aligned; count 0 gives a valid pointer. Half a megabyte and more are
 * whole huge pages of 2 MB where the system gives them (Linux, transparent_hugepage "madvise" or "always").
 * PF_NO_MEMORY when there is none or count * size overflows; *out is then untouched. */
pf_status pf_alloc(size_t count, size_t size, void *out_pointer, pf_error *error);

/* Grows an array made by pf_alloc to hold `count` elements (old contents kept, the rest zeroed).
 * *inout is replaced on success and untouched on failure; `old_count` is what it holds now. */
pf_status pf_grow(void *inout_pointer, size_t old_count, size_t count, size_t size, pf_error *error);

/* Frees what pf_alloc or pf_grow gave; NULL is fine. */
void pf_free(void *pointer);

/* A copy of a string, freed with pf_free. */
pf_status pf_strdup(const char *text, char **out, pf_error *error);

/* Test switches, process-wide. fail_at = k makes the k-th allocation from now fail (0: off). */
void pf_memory_fail_at(int64_t k);
/* Allocations made since the process began. */
int64_t pf_memory_allocations(void);

#endif
