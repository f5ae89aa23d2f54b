/* Images by path or from memory: the format, the size limits, and arrays as images (contract: image.h). */
#include "data/image_internal.h"

#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "data/npy.h"
#include "data/npy_header.h"

/* The longest file that can hold PF_IMAGE_MAX_PIXELS: doubles, or 65535 and a space in text, and a header. */
enum { MAX_BYTES = 8 * PF_IMAGE_MAX_PIXELS + (1 << 20), CHUNK = 1 << 16 };

void pf_image_free(pf_image *image) {
  pf_free(image->grey);
  *image = (pf_image){0};
}

pf_status pf_image_check_size(const char *name, int64_t width, int64_t height, pf_error *error) {
  if (width < 1 || height < 1 || width > PF_IMAGE_MAX_SIDE || height > PF_IMAGE_MAX_SIDE ||
      width * height > PF_IMAGE_MAX_PIXELS)
    return pf_fail(error, PF_BAD_INPUT,
                   "%.200s: %lld x %lld pixels, must be 1 to %d a side and at most %d in all", name,
                   (long long)width, (long long)height, PF_IMAGE_MAX_SIDE, PF_IMAGE_MAX_PIXELS);
  return PF_OK;
}

pf_status pf_image_create(const char *name, int64_t width, int64_t height, pf_image *out, pf_error *error) {
  PF_TRY(pf_image_check_size(name, width, height, error));
  pf_image image = {(int)width, (int)height, NULL};
  PF_TRY(pf_alloc((size_t)(width * height), sizeof *image.grey, &image.grey, error));
  *out = image;
  return PF_OK;
}

/* A table forgets the rank of its array, so the header is looked at first. */
static pf_status read_npy(const pf_image_bytes *in, pf_image *out, pf_error *error) {
  pf_source source = pf_source_memory(in->data, in->length, in->name);
  pf_npy_header header;
  pf_table *table = NULL;
  PF_TRY(pf_npy_header_read(&source, &header, error));
  if (header.rank != 2)
    return pf_fail(error, PF_BAD_INPUT, "%.200s: an array of %d dimensions; a grey image has 2", in->name,
                   header.rank);
  PF_TRY(pf_image_check_size(in->name, header.columns, header.rows, error));
  pf_read_options options = {.min_rows = 1, .name = in->name};
  PF_TRY(pf_npy_read_bytes(in->data, in->length, &options, &table, error));
  *out = (pf_image){(int)header.columns, (int)header.rows, table->values};
  table->values = NULL;
  pf_table_free(table);
  return PF_OK;
}

pf_status pf_image_read_bytes(const void *bytes, size_t length, const char *name, pf_image *out,
                              pf_error *error) {
  pf_image_bytes in = {bytes, length, name};
  if (length >= 4 && !memcmp(bytes, "\x89PNG", 4)) return pf_image_read_png(&in, out, error);
  if (length >= 2 && (!memcmp(bytes, "P2", 2) || !memcmp(bytes, "P5", 2)))
    return pf_image_read_pgm(&in, out, error);
  if (length >= 6 && !memcmp(bytes, "\x93NUMPY", 6)) return read_npy(&in, out, error);
  return pf_fail(error, PF_BAD_INPUT, "%.200s: not a PNG, PGM (P2, P5) or NPY image", name);
}

static pf_status read_whole(pf_source *source, uint8_t **bytes, size_t *length, pf_error *error) {
  size_t capacity = 0, got = CHUNK;
  for (*length = 0; got == CHUNK; *length += got) {
    if (*length > MAX_BYTES)
      return pf_fail(error, PF_BAD_INPUT, "%.200s: longer than %d bytes, the most an image may have",
                     source->name, MAX_BYTES);
    if (capacity - *length < CHUNK) {
      PF_TRY(pf_grow(bytes, capacity, 2 * capacity + CHUNK, 1, error));
      capacity = 2 * capacity + CHUNK;
    }
    PF_TRY(source->read(source, *bytes + *length, CHUNK, &got, error));
  }
  return PF_OK;
}

pf_status pf_image_read(const char *path, pf_image *out, pf_error *error) {
  FILE *stream = NULL;
  uint8_t *bytes = NULL;
  size_t length = 0;
  PF_TRY(pf_open_input(path, &stream, error));
  pf_source source = pf_source_stream(stream, path);
  pf_status status = read_whole(&source, &bytes, &length, error);
  fclose(stream);
  if (status == PF_OK) status = pf_image_read_bytes(bytes, length, path, out, error);
  pf_free(bytes);
  return status;
}
