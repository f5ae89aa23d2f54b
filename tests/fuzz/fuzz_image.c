/* Fuzz target of the image readers (PNG, PGM, NPY): any bytes give an image or an error, never a crash. A PNG is read as
 * it is and with its checksums made right, which few mutations leave right. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>
#include "base/memory.h"
#include "data/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_once(const uint8_t *data, size_t size) {
  pf_image image = {0};
  if (pf_image_read_bytes(data, size, "fuzz", &image, NULL) == PF_OK) pf_image_free(&image);
}

static uint32_t load(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* A chunk is: length, type, that many bytes, the CRC-32 of type and bytes. */
static void repair(uint8_t *bytes, size_t size) {
  for (size_t at = 8; size - at >= 12;) {
    uint32_t length = load(bytes + at);
    if (length > size - at - 12) return;
    uint32_t sum = (uint32_t)crc32(0, bytes + at + 4, length + 4);
    at += 8 + (size_t)length;
    for (int i = 0; i < 4; i++) bytes[at++] = (uint8_t)(sum >> (24 - 8 * i));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint8_t *copy = NULL;
  read_once(data, size);
  if (size < 20 || memcmp(data, "\x89PNG", 4) != 0 || pf_alloc(size, 1, &copy, NULL) != PF_OK) return 0;
  memcpy(copy, data, size);
  repair(copy, size);
  read_once(copy, size);
  pf_free(copy);
  return 0;
}
