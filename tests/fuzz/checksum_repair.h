/* Makes both checksums of a container right, where they stand: mutated bytes would otherwise never pass the first gate. */
#ifndef PF_TESTS_FUZZ_CHECKSUM_REPAIR_H
#define PF_TESTS_FUZZ_CHECKSUM_REPAIR_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "data/safetensors_internal.h"

static inline void write_digits(char *place, uint32_t sum) {
  char digits[16];
  snprintf(digits, sizeof digits, "%08x", sum);
  memcpy(place, digits, PF_CHECKSUM_DIGITS);
}

static inline void repair(uint8_t *bytes, size_t size) {
  static const char KEY[] = "\"crc32\":\"";
  uint64_t length = 0;
  if (size < 8) return;
  for (int i = 7; i >= 0; i--) length = length << 8 | bytes[i];
  if (length > size - 8) return;
  char *header = (char *)bytes + 8, *place = pf_container_checksum_place(header, length);
  char *data_place = length ? memmem(header, length, KEY, sizeof KEY - 1) : NULL;
  if (!place || !data_place || data_place + sizeof KEY - 1 + PF_CHECKSUM_DIGITS > header + length) return;
  write_digits(data_place + sizeof KEY - 1, pf_container_data_checksum(header + length, size - 8 - length));
  write_digits(place, pf_container_header_checksum(header, length, place));
}

#endif
