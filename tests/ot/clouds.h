/* Clouds the tests share: a formula that any language can repeat, and random ones. */
#ifndef PF_TESTS_CLOUDS_H
#define PF_TESTS_CLOUDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"

/* ((37 i^2 + 7919 i + 104729 j + 613 i j + s) mod 10007) / 10007 * scale + shift: the parity clouds. */
static inline void formula_cloud(size_t n, size_t d, uint64_t s, double scale, double shift, double *out) {
  for (uint64_t i = 0; i < n; i++)
    for (uint64_t j = 0; j < d; j++)
      out[i * d + j] =
          (double)((i * i * 37 + i * 7919 + j * 104729 + i * j * 613 + s) % 10007) / 10007.0 * scale + shift;
}

/* N(shift, I). */
static inline void normal_cloud(uint64_t seed, size_t n, size_t d, double shift, double *out) {
  for (size_t i = 0; i < n; i++) {
    pf_rng rng = pf_rng_at(seed, PF_STREAM_TEST, 0, i);
    for (size_t j = 0; j < d; j++) out[i * d + j] = shift + pf_rng_normal(&rng);
  }
}

#endif
