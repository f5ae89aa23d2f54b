/* Radix sort of doubles: eight passes of one byte over order-preserving integer keys; passes whose byte is
 * the same everywhere are skipped. Short lists use insertion. */
#include "ot/sort.h"

#include <stdint.h>
#include <string.h>

enum { BYTES = 8, BUCKETS = 256, SHORT_LIST = 24 };

static void insertion_sort(double *values, size_t n) {
  for (size_t i = 1; i < n; i++) {
    double value = values[i];
    size_t j = i;
    for (; j > 0 && value < values[j - 1]; j--) values[j] = values[j - 1];
    values[j] = value;
  }
}

/* Flips negative numbers wholly and positive ones in the sign: unsigned order is then numeric order. */
static uint64_t key_of(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits ^ ((bits >> 63) ? UINT64_MAX : (uint64_t)1 << 63);
}

static void one_pass(const double *from, double *to, size_t n, const uint32_t *count, int byte) {
  size_t start[BUCKETS], sum = 0;
  for (int b = 0; b < BUCKETS; b++) {
    start[b] = sum;
    sum += count[b];
  }
  for (size_t i = 0; i < n; i++) to[start[(key_of(from[i]) >> (8 * byte)) & 255]++] = from[i];
}

void pf_sort_doubles(double *values, size_t n, double *scratch) {
  uint32_t count[BYTES][BUCKETS] = {{0}};
  double *from = values, *to = scratch;
  if (n <= SHORT_LIST) {
    insertion_sort(values, n);
    return;
  }
  for (size_t i = 0; i < n; i++) {
    uint64_t key = key_of(values[i]);
    for (int b = 0; b < BYTES; b++) count[b][(key >> (8 * b)) & 255]++;
  }
  for (int b = 0; b < BYTES; b++) {
    if (count[b][(key_of(values[0]) >> (8 * b)) & 255] == n) continue;
    one_pass(from, to, n, count[b], b);
    double *swap = from;
    from = to;
    to = swap;
  }
  if (from != values) memcpy(values, from, n * sizeof *values);
}
