/* CRC-32, eight bytes at a time (contract: checksum.h).
 *
 * Our own, where zlib has one: a program that only loads and samples a model then needs no zlib. The sum of eight bytes is the
 * xor of what each of them alone would have become, read from a table (Kounavis and Berry 2008, slicing by 8); the table
 * is made anew in a call, in less time than opening a file takes.
 */
#include "data/checksum.h"

enum { SLICES = 8 };
static const uint32_t POLYNOMIAL = 0xEDB88320;

/* table[k][b]: what byte b becomes once k zero bytes have followed it. */
static void fill(uint32_t table[SLICES][256]) {
  for (uint32_t b = 0; b < 256; b++) {
    uint32_t sum = b;
    for (int bit = 0; bit < 8; bit++) sum = sum >> 1 ^ (sum & 1 ? POLYNOMIAL : 0);
    table[0][b] = sum;
  }
  for (int k = 1; k < SLICES; k++)
    for (int b = 0; b < 256; b++) table[k][b] = table[k - 1][b] >> 8 ^ table[0][table[k - 1][b] & 255];
}

uint32_t pf_crc32(uint32_t crc, const void *bytes, size_t size) {
  uint32_t table[SLICES][256];
  const uint8_t *at = bytes;
  uint32_t sum = ~crc;
  fill(table);
  for (; size >= SLICES; size -= SLICES, at += SLICES) {
    uint32_t next = 0;
    for (int i = 0; i < SLICES; i++) {
      uint32_t byte = at[i] ^ (i < 4 ? sum >> 8 * i & 255 : 0);
      next ^= table[SLICES - 1 - i][byte];
    }
    sum = next;
  }
  for (; size > 0; size--, at++) sum = sum >> 8 ^ table[0][(sum ^ *at) & 255];
  return ~sum;
}
