/* How (seed, step) become Philox's 64-bit key; shared by the scalar and the vectorised draws. */
#ifndef PF_BASE_RNG_KEY_H
#define PF_BASE_RNG_KEY_H

#include <stdint.h>

/* The finaliser of SplitMix64: a bijection of 64 bits with good avalanche, and 0 stays 0. */
static inline uint64_t pf_mix64(uint64_t x) {
  x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
  return x ^ (x >> 31);
}

/* Philox has a 64-bit key and a 128-bit counter; a draw is named by 256 bits. Everything that runs
 * through many values inside one fill sits in the counter unmixed, (row low, row high, block, stream),
 * so draws of one (seed, step) never share an input block. Seed and step share the key through two
 * rounds of a bijection: for one step different seeds have different keys, for one seed different
 * steps have different keys, and two (seed, step) pairs that differ in both collide with chance 2^-64. */
static inline uint64_t pf_philox_key(uint64_t seed, uint64_t step) {
  return pf_mix64(pf_mix64(seed) + step * UINT64_C(0x9E3779B97F4A7C15));
}

#endif
