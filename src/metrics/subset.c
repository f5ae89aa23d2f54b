/* Random subsets of rows: Fisher-Yates, stopped after m places. */
#include "metrics/subset.h"

#include <string.h>

#include "base/rng.h"

void pf_random_subset(uint64_t seed, uint64_t which, size_t n, size_t m, uint32_t *index) {
  pf_rng rng = pf_rng_at(seed, PF_STREAM_METRIC, PF_DRAW_SUBSET, which);
  for (size_t i = 0; i < n; i++) index[i] = (uint32_t)i;
  for (size_t i = 0; i < m; i++) {
    size_t j = i + pf_rng_below(&rng, (uint32_t)(n - i));
    uint32_t swap = index[i];
    index[i] = index[j];
    index[j] = swap;
  }
}

void pf_take_rows(pf_points from, const uint32_t *index, size_t count, double *out) {
  for (size_t i = 0; i < count; i++)
    memcpy(out + i * from.d, from.rows + index[i] * from.d, from.d * sizeof *out);
}
