/* Named arrays and metadata strings in one file: the container of models and checkpoints.
 *
 * The file is a valid safetensors file, with two checksums of our own in __metadata__ (docs/format.md has
 * every byte). A container without them, or with a byte changed, is refused. Bytes are deterministic: the
 * same content gives the same file whatever the order of the calls.
 */
#ifndef PF_DATA_SAFETENSORS_H
#define PF_DATA_SAFETENSORS_H

#include <stdint.h>
#include "base/status.h"

/* name in the file, bytes per element */
#define PF_DTYPE_TABLE(X)                                                                                    \
  X(F32, 4)                                                                                                  \
  X(F64, 8)                                                                                                  \
  X(F16, 2)                                                                                                  \
  X(BF16, 2) X(I64, 8) X(I32, 4) X(I16, 2) X(I8, 1) X(U64, 8) X(U32, 4) X(U16, 2) X(U8, 1) X(BOOL, 1)

typedef enum pf_dtype {
#define PF_X(name, bytes) PF_##name,
  PF_DTYPE_TABLE(PF_X)
#undef PF_X
} pf_dtype;

enum { PF_ARRAY_MAX_RANK = 8 };

typedef struct pf_array {
  char *name;
  pf_dtype dtype;
  int rank; /* 0..8; rank 0 is one element */
  int64_t dims[PF_ARRAY_MAX_RANK];
  int64_t elements; /* product of dims */
  size_t bytes;
  void *data; /* little endian as in the file; 64-byte aligned */
} pf_array;

typedef struct pf_container pf_container;

pf_status pf_container_create(pf_container **out, pf_error *error);
void pf_container_free(pf_container *container);

/* Adds an array; `shape` gives name, dtype, rank and dims (elements and bytes are computed), `data` is
 * copied. PF_FAILED: the name is empty, not UTF-8, "__metadata__" or taken; a negative dim; an overflowing
 * size. */
pf_status pf_container_add(pf_container *container, const pf_array *shape, const void *data, pf_error *error);
/* Shorthand for a vector of `count` elements. */
pf_status pf_container_add_vector(pf_container *container, const char *name, pf_dtype dtype, int64_t count,
                                  const void *data, pf_error *error);
/* Sets a metadata string (copied; replaces). PF_FAILED when not UTF-8 or a reserved key (crc32,
 * crc32_header). */
pf_status pf_container_set(pf_container *container, const char *key, const char *value, pf_error *error);

int64_t pf_container_count(const pf_container *container);
/* The i-th array, sorted by name (strcmp). */
const pf_array *pf_container_array(const pf_container *container, int64_t index);
/* NULL when there is none. */
const pf_array *pf_container_find(const pf_container *container, const char *name);
/* The array, checked: PF_BAD_INPUT when it is missing, or dtype, rank or a dim differ. dims[i] -1 takes any.
 */
pf_status pf_container_require(const pf_container *container, const pf_array *shape, const pf_array **out,
                               pf_error *error);
/* A metadata string, NULL when there is none. */
const char *pf_container_get(const pf_container *container, const char *key);
pf_status pf_container_require_string(const pf_container *container, const char *key, const char **out,
                                      pf_error *error);

/* The file's bytes, freed with pf_free. */
pf_status pf_container_serialize(const pf_container *container, uint8_t **out, size_t *length,
                                 pf_error *error);
/* Whole or not at all (atomic_file.h). PF_IO. */
pf_status pf_container_write(const pf_container *container, const char *path, pf_error *error);

/* Loads everything into memory and validates all of the container: lengths, strict JSON, names, dtypes,
 * shapes, offsets (contiguous, in order, to the last byte), both checksums. Values are not judged.
 * PF_BAD_INPUT; PF_IO when the file cannot be opened or read. `name` is for messages. */
pf_status pf_container_read(const char *path, pf_container **out, pf_error *error);
pf_status pf_container_read_bytes(const void *bytes, size_t length, const char *name, pf_container **out,
                                  pf_error *error);

/* "F32" ... and bytes per element. */
const char *pf_dtype_name(pf_dtype dtype);
size_t pf_dtype_size(pf_dtype dtype);

#endif
