/* Container -> bytes; docs/format.md describes every one of them. */
#include "data/safetensors_internal.h"

#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "data/atomic_file.h"
#include "data/checksum.h"
#include "data/json_util.h"

/* ---- checksums ---- */

char *pf_container_checksum_place(char *header, size_t length) {
  static const char KEY[] = "\"crc32_header\":\"";
  const size_t key = sizeof KEY - 1;
  for (size_t at = 1; at + key + PF_CHECKSUM_DIGITS < length; at++) {
    bool begins = header[at - 1] == '{' || header[at - 1] == ',';
    if (begins && memcmp(header + at, KEY, key) == 0) return header + at + key;
  }
  return NULL;
}

uint32_t pf_container_data_checksum(const void *data, size_t length) { return pf_crc32(0, data, length); }

static void store_length(uint64_t length, uint8_t out[8]) {
  for (int i = 0; i < 8; i++) out[i] = (uint8_t)(length >> (8 * i));
}

uint32_t pf_container_header_checksum(const char *header, size_t length, const char *digits) {
  uint8_t prefix[8];
  store_length(length, prefix);
  const char *after = digits + PF_CHECKSUM_DIGITS;
  uint32_t sum = pf_crc32(0, prefix, sizeof prefix);
  sum = pf_crc32(sum, header, (size_t)(digits - header));
  sum = pf_crc32(sum, "00000000", PF_CHECKSUM_DIGITS);
  return pf_crc32(sum, after, length - (size_t)(after - header));
}

/* ---- the header ---- */

/* The checksums are two more metadata keys; they are put where they sort. */
static void add_metadata(pf_text *text, const pf_container *container, uint32_t data_sum) {
  char digits[16];
  snprintf(digits, sizeof digits, "%08x", data_sum);
  const pf_metadata own[] = {{(char *)(uintptr_t) "crc32", digits},
                             {(char *)(uintptr_t) "crc32_header", (char *)(uintptr_t) "00000000"}};
  int64_t total = container->string_count + 2, next = 0;
  int own_next = 0;
  for (int64_t i = 0; i < total; i++) {
    bool take_own = own_next < 2 && (next == container->string_count ||
                                     strcmp(own[own_next].key, container->strings[next].key) < 0);
    const pf_metadata *entry = take_own ? &own[own_next++] : &container->strings[next++];
    pf_text_add(text, i ? "," : "");
    pf_json_quote(text, entry->key);
    pf_text_add(text, ":");
    pf_json_quote(text, entry->value);
  }
}

static void add_array(pf_text *text, const pf_array *array, size_t offset) {
  pf_text_add(text, ",");
  pf_json_quote(text, array->name);
  pf_text_add(text, ":{\"dtype\":\"%s\",\"shape\":[", pf_dtype_name(array->dtype));
  for (int i = 0; i < array->rank; i++) pf_text_add(text, "%s%lld", i ? "," : "", (long long)array->dims[i]);
  pf_text_add(text, "],\"data_offsets\":[%zu,%zu]}", offset, offset + array->bytes);
}

/* The whole header with its checksum in place, padded with spaces to a multiple of 8 bytes. */
static pf_status make_header(const pf_container *container, uint32_t data_sum, pf_text *text,
                             pf_error *error) {
  size_t offset = 0;
  pf_text_add(text, "{\"__metadata__\":{");
  add_metadata(text, container, data_sum);
  pf_text_add(text, "}");
  for (int64_t i = 0; i < container->count; i++) {
    add_array(text, &container->arrays[i], offset);
    offset += container->arrays[i].bytes;
  }
  pf_text_add(text, "}");
  while (text->status == PF_OK && text->length % 8 != 0) pf_text_add(text, " ");
  if (text->status != PF_OK) return pf_fail(error, text->status, "out of memory for a header");
  if (text->length > PF_CONTAINER_MAX_HEADER) {
    return pf_fail(error, PF_FAILED, "a header of %zu bytes; at most %d are possible", text->length,
                   PF_CONTAINER_MAX_HEADER);
  }
  char *digits = pf_container_checksum_place(text->data, text->length);
  char sum[16];
  snprintf(sum, sizeof sum, "%08x", pf_container_header_checksum(text->data, text->length, digits));
  memcpy(digits, sum, PF_CHECKSUM_DIGITS);
  return PF_OK;
}

/* ---- the bytes ---- */

static pf_status data_size(const pf_container *container, size_t *out, pf_error *error) {
  size_t total = 0;
  for (int64_t i = 0; i < container->count; i++) {
    if (__builtin_add_overflow(total, container->arrays[i].bytes, &total)) {
      return pf_fail(error, PF_NO_MEMORY, "the arrays do not fit in memory");
    }
  }
  *out = total;
  return PF_OK;
}

static pf_status join(const pf_container *container, uint8_t **out, size_t *length, pf_text *header,
                      pf_error *error) {
  uint8_t *data = NULL, *bytes = NULL;
  size_t size = 0, at = 0;
  PF_TRY(data_size(container, &size, error));
  PF_TRY(pf_alloc(size, 1, &data, error));
  for (int64_t i = 0; i < container->count; i++) {
    const pf_array *array = &container->arrays[i];
    if (array->bytes) memcpy(data + at, array->data, array->bytes);
    at += array->bytes;
  }
  pf_status status = make_header(container, pf_container_data_checksum(data, size), header, error);
  if (status == PF_OK) status = pf_alloc(8 + header->length + size, 1, &bytes, error);
  if (status == PF_OK) {
    store_length(header->length, bytes);
    memcpy(bytes + 8, header->data, header->length);
    memcpy(bytes + 8 + header->length, data, size);
    *out = bytes;
    *length = 8 + header->length + size;
  }
  pf_free(data);
  return status;
}

pf_status pf_container_serialize(const pf_container *container, uint8_t **out, size_t *length,
                                 pf_error *error) {
  pf_text header = {0};
  pf_status status = join(container, out, length, &header, error);
  pf_text_free(&header);
  return status;
}

pf_status pf_container_write(const pf_container *container, const char *path, pf_error *error) {
  uint8_t *bytes = NULL;
  size_t length = 0;
  PF_TRY(pf_container_serialize(container, &bytes, &length, error));
  pf_status status = pf_atomic_file_save(path, bytes, length, error);
  pf_free(bytes);
  return status;
}
