/* Bytes -> container. Nothing is believed: the checksums say that the file is the one that was written, and every
 * length, type, shape and offset is checked as well, because anyone can compute a checksum. */
#include "data/safetensors_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "data/json_util.h"
#include "data/table_source.h"

/* Begin and end of an array in the data section. */
typedef struct span {
  int64_t begin, end;
  const char *name; /* belongs to the JSON object */
} span;

/* ---- arrays ---- */

static pf_status fail_array(const char *name, const char *what, pf_error *error) {
  return pf_fail(error, PF_BAD_INPUT, "array '%.80s': %s", name, what);
}

static pf_status read_shape(const json_t *entry, pf_array *array, pf_error *error) {
  const json_t *shape = NULL;
  PF_TRY(pf_json_get_array(entry, "shape", &shape, error));
  if (json_array_size(shape) > PF_ARRAY_MAX_RANK) return fail_array(array->name, "more than 8 axes", error);
  array->rank = (int)json_array_size(shape);
  for (int i = 0; i < array->rank; i++) {
    const json_t *dim = json_array_get(shape, (size_t)i);
    if (!json_is_integer(dim)) return fail_array(array->name, "a size that is not an integer", error);
    array->dims[i] = json_integer_value(dim);
  }
  return pf_array_measure(array) ? PF_OK : fail_array(array->name, "an impossible shape", error);
}

static pf_status read_offsets(const json_t *entry, const pf_array *array, size_t size, span *out,
                              pf_error *error) {
  const json_t *offsets = NULL;
  PF_TRY(pf_json_get_array(entry, "data_offsets", &offsets, error));
  const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
  if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end)) {
    return fail_array(array->name, "data_offsets are not two integers", error);
  }
  *out = (span){json_integer_value(begin), json_integer_value(end), array->name};
  if (out->begin < 0 || out->end < out->begin || (uint64_t)out->end > size) {
    return fail_array(array->name, "data_offsets lie outside the file", error);
  }
  if ((size_t)(out->end - out->begin) != array->bytes) {
    return fail_array(array->name, "data_offsets do not match its shape", error);
  }
  return PF_OK;
}

static pf_status read_entry(const json_t *entry, pf_array *array, size_t size, span *where, pf_error *error) {
  const char *dtype = NULL;
  if (!json_is_object(entry)) return fail_array(array->name, "its entry is not an object", error);
  PF_TRY(pf_json_get_string(entry, "dtype", &dtype, error));
  if (!pf_dtype_parse(dtype, &array->dtype)) return fail_array(array->name, "an unknown dtype", error);
  if (json_object_size(entry) != 3) return fail_array(array->name, "unknown keys in its entry", error);
  PF_TRY(read_shape(entry, array, error));
  return read_offsets(entry, array, size, where, error);
}

static int compare_spans(const void *a, const void *b) {
  const span *x = a, *y = b;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  return (x->end > y->end) - (x->end < y->end);
}

/* Together the arrays must cover the data section exactly once. */
static pf_status check_spans(span *spans, size_t count, size_t size, pf_error *error) {
  int64_t reached = 0;
  qsort(spans, count, sizeof *spans, compare_spans);
  for (size_t i = 0; i < count; i++) {
    if (spans[i].begin != reached)
      return fail_array(spans[i].name, "its data leaves a gap or overlaps", error);
    reached = spans[i].end;
  }
  if ((uint64_t)reached == size) return PF_OK;
  return pf_fail(error, PF_BAD_INPUT, "%zu bytes of data, but the arrays cover %lld", size,
                 (long long)reached);
}

static pf_status read_arrays(json_t *header, const uint8_t *data, size_t size, pf_container *container,
                             pf_error *error) {
  span *spans = NULL;
  size_t count = 0;
  const char *name = NULL;
  json_t *entry = NULL;
  PF_TRY(pf_alloc(json_object_size(header), sizeof *spans, &spans, error));
  pf_status status = PF_OK;
  json_object_foreach(header, name, entry) {
    if (strcmp(name, "__metadata__") == 0) continue;
    pf_array array = {.name = (char *)(uintptr_t)name};
    PF_TRY_GOTO(read_entry(entry, &array, size, &spans[count], error));
    PF_TRY_GOTO(pf_container_add(container, &array, data + spans[count].begin, error));
    count++;
  }
  status = check_spans(spans, count, size, error);
cleanup:
  pf_free(spans);
  return status;
}

/* ---- metadata ---- */

static pf_status read_metadata(json_t *metadata, pf_container *container, pf_error *error) {
  const char *key = NULL;
  json_t *value = NULL;
  json_object_foreach(metadata, key, value) {
    if (!json_is_string(value)) {
      return pf_fail(error, PF_BAD_INPUT, "metadata key '%.80s' is not a string", key);
    }
    if (!pf_metadata_reserved(key)) PF_TRY(pf_container_set(container, key, json_string_value(value), error));
  }
  return PF_OK;
}

static pf_status fail_checksum(const char *what, pf_error *error) {
  return pf_fail(error, PF_BAD_INPUT, "the %s is damaged: its checksum does not match", what);
}

static pf_status check_data_sum(const json_t *metadata, const uint8_t *data, size_t size, pf_error *error) {
  const char *stored = NULL;
  char expected[16];
  PF_TRY(pf_json_get_string(metadata, "crc32", &stored, error));
  snprintf(expected, sizeof expected, "%08x", pf_container_data_checksum(data, size));
  return strcmp(stored, expected) == 0 ? PF_OK : fail_checksum("data section", error);
}

/* ---- the file ---- */

/* Before anything is parsed: the header must be the one that was written. `header` is a private copy. */
static pf_status check_header_sum(char *header, size_t length, pf_error *error) {
  const char *digits = pf_container_checksum_place(header, length);
  char expected[16];
  if (!digits)
    return pf_fail(error, PF_BAD_INPUT, "no checksum in the header: damaged, or not written by pushforward");
  snprintf(expected, sizeof expected, "%08x", pf_container_header_checksum(header, length, digits));
  return memcmp(digits, expected, PF_CHECKSUM_DIGITS) == 0 ? PF_OK : fail_checksum("header", error);
}

static pf_status read_header(const uint8_t *bytes, size_t length, size_t *header_length, pf_error *error) {
  if (length < 8) return pf_fail(error, PF_BAD_INPUT, "%zu bytes are too few for a model file", length);
  uint64_t size = 0;
  for (int i = 7; i >= 0; i--) size = size << 8 | bytes[i];
  if (size > PF_CONTAINER_MAX_HEADER || size > length - 8) {
    return pf_fail(error, PF_BAD_INPUT,
                   "a header of %llu bytes in a file of %zu: cut off, or not a model file",
                   (unsigned long long)size, length);
  }
  if (size == 0 || bytes[8] != '{') return pf_fail(error, PF_BAD_INPUT, "not a model file (no JSON header)");
  *header_length = (size_t)size;
  return PF_OK;
}

static pf_status read_parsed(json_t *header, const uint8_t *data, size_t size, pf_container *container,
                             pf_error *error) {
  const json_t *metadata = NULL;
  PF_TRY(pf_json_get_object(header, "__metadata__", &metadata, error));
  PF_TRY(check_data_sum(metadata, data, size, error));
  PF_TRY(read_metadata((json_t *)(uintptr_t)metadata, container, error));
  return read_arrays(header, data, size, container, error);
}

static pf_status read_all(const uint8_t *bytes, size_t length, pf_container *container, pf_error *error) {
  size_t header_length = 0;
  char *copy = NULL;
  json_t *header = NULL;
  PF_TRY(read_header(bytes, length, &header_length, error));
  PF_TRY(pf_alloc(header_length, 1, &copy, error));
  memcpy(copy, bytes + 8, header_length);
  pf_status status = check_header_sum(copy, header_length, error);
  if (status == PF_OK) status = pf_json_parse_object(copy, header_length, "header", &header, error);
  if (status == PF_OK) {
    const uint8_t *data = bytes + 8 + header_length;
    status = read_parsed(header, data, length - 8 - header_length, container, error);
  }
  json_decref(header);
  pf_free(copy);
  return status;
}

pf_status pf_container_read_bytes(const void *bytes, size_t length, const char *name, pf_container **out,
                                  pf_error *error) {
  pf_container *container = NULL;
  PF_TRY(pf_container_create(&container, error));
  pf_status status = read_all(bytes, length, container, error);
  if (status != PF_OK) {
    pf_container_free(container);
    if (status == PF_FAILED) { /* what is a caller's mistake in pf_container_add is a bad file here */
      status = PF_BAD_INPUT;
      if (error) error->status = status;
    }
    return pf_fail_within(error, status, "%.200s", name);
  }
  *out = container;
  return PF_OK;
}

static pf_status read_stream(FILE *stream, const char *path, uint8_t **bytes, size_t *length,
                             pf_error *error) {
  pf_source source = pf_source_stream(stream, path);
  if (source.size < 0) return pf_fail(error, PF_IO, "%.200s: not a regular file", path);
  size_t size = (size_t)source.size;
  PF_TRY(pf_alloc(size, 1, bytes, error));
  return source.read(&source, *bytes, size, length, error);
}

pf_status pf_container_read(const char *path, pf_container **out, pf_error *error) {
  FILE *stream = NULL;
  uint8_t *bytes = NULL;
  size_t length = 0;
  PF_TRY(pf_open_input(path, &stream, error));
  pf_status status = read_stream(stream, path, &bytes, &length, error);
  if (status == PF_OK) status = pf_container_read_bytes(bytes, length, path, out, error);
  pf_free(bytes);
  fclose(stream);
  return status;
}
