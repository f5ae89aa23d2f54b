/* Fuzz target of the container reader and, behind it, the encoder loader: any bytes give a container or an error,
 * never a crash. Random bytes would never pass the checksums, so the input is read twice: as it is, and with
 * both checksums made right. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "data/encoder.h"
#include "data/safetensors_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_once(const uint8_t *data, size_t size) {
  pf_container *container = NULL;
  pf_encoder *encoder = NULL;
  if (pf_container_read_bytes(data, size, "fuzz", &container, NULL) != PF_OK) return;
  if (pf_encoder_load(container, 1, &encoder, NULL) == PF_OK) pf_encoder_free(encoder);
  pf_container_free(container);
}

static void write_digits(char *place, uint32_t sum) {
  char digits[16];
  snprintf(digits, sizeof digits, "%08x", sum);
  memcpy(place, digits, PF_CHECKSUM_DIGITS);
}

static void repair(uint8_t *bytes, size_t size) {
  static const char KEY[] = "\"crc32\":\"";
  uint64_t length = 0;
  for (int i = 7; i >= 0; i--) length = length << 8 | bytes[i];
  if (length > size - 8) return;
  char *header = (char *)bytes + 8, *place = pf_container_checksum_place(header, length);
  char *data_place = length ? memmem(header, length, KEY, sizeof KEY - 1) : NULL;
  if (!place || !data_place || data_place + sizeof KEY - 1 + PF_CHECKSUM_DIGITS > header + length) return;
  write_digits(data_place + sizeof KEY - 1, pf_container_data_checksum(header + length, size - 8 - length));
  write_digits(place, pf_container_header_checksum(header, length, place));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint8_t *copy = NULL;
  read_once(data, size);
  if (size < 8 || pf_alloc(size, 1, &copy, NULL) != PF_OK) return 0;
  memcpy(copy, data, size);
  repair(copy, size);
  read_once(copy, size);
  pf_free(copy);
  return 0;
}
