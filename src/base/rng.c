/* Philox draws, one at a time: the mapping of a draw to Philox's key and counter, and the sequential
 * reader. The vectorised fills are in rng_fill.c and agree word for word.
 *
 *   Salmon, Moraes, Dror, Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3"
 */
#include "rng.h"

#include <math.h>
#include <Random123/philox.h>

#include "canary.h"
#include "rng_key.h"

void pf_philox(uint64_t seed, uint32_t stream, uint64_t step, uint64_t row, uint32_t block, uint32_t out[4]) {
  uint64_t mixed = pf_philox_key(seed, step);
  philox4x32_key_t key = {{(uint32_t)mixed, (uint32_t)(mixed >> 32)}};
  philox4x32_ctr_t counter = {
      {(uint32_t)row, (uint32_t)(row >> 32), block, PF_CANARY(RNG_STREAM_IGNORED, stream, 0)}};
  philox4x32_ctr_t words = philox4x32(counter, key);
  for (int i = 0; i < 4; i++) out[i] = words.v[i];
}

pf_rng pf_rng_at(uint64_t seed, uint32_t stream, uint64_t step, uint64_t row) {
  return (pf_rng){.seed = seed, .step = step, .row = row, .stream = stream, .used = 4};
}

static uint32_t next_word(pf_rng *rng) {
  if (rng->used == 4) {
    pf_philox(rng->seed, rng->stream, rng->step, rng->row, rng->block++, rng->words);
    rng->used = 0;
  }
  return rng->words[rng->used++];
}

double pf_rng_uniform(pf_rng *rng) {
  uint64_t high = next_word(rng), low = next_word(rng);
  uint64_t k = (high << 32 | low) >> 12;
  return ((double)k + 0.5) * 0x1p-52;
}

double pf_rng_normal(pf_rng *rng) {
  if (rng->has_spare) {
    rng->has_spare = 0;
    return rng->spare;
  }
  double radius = sqrt(-2.0 * log(pf_rng_uniform(rng)));
  double angle = 6.283185307179586477 * pf_rng_uniform(rng);
  rng->spare = radius * sin(angle);
  rng->has_spare = 1;
  return radius * cos(angle);
}

/* Lemire (2019), "Fast random integer generation in an interval": the high half of word * bound, and
 * the few words that would make the low outcomes likelier are drawn again. */
uint32_t pf_rng_below(pf_rng *rng, uint32_t bound) {
  uint64_t product = (uint64_t)next_word(rng) * bound;
  if ((uint32_t)product < bound) {
    uint32_t threshold = (0u - bound) % bound;
    while ((uint32_t)product < threshold) product = (uint64_t)next_word(rng) * bound;
  }
  return (uint32_t)(product >> 32);
}

void pf_fill_permutation(uint64_t seed, uint32_t stream, uint32_t n, uint32_t *out) {
  pf_rng rng = pf_rng_at(seed, stream, 0, 0);
  for (uint32_t i = 0; i < n; i++) out[i] = i;
  for (uint32_t i = n; i > 1; i--) {
    uint32_t j = pf_rng_below(&rng, i), swapped = out[j];
    out[j] = out[i - 1];
    out[i - 1] = swapped;
  }
}
