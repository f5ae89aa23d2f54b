/* Philox for any processor: on x86-64 with SSE2, elsewhere as a loop that compilers turn into vectors well. */
#if defined(__x86_64__)

#include <emmintrin.h>

#define PF_PHILOX_RUN         pf_philox_run_plain
#define PF_PHILOX_BYTES       16
#define PF_PHILOX_TIMES(a, b) ((pairs)_mm_mul_epu32((__m128i)(a), (__m128i)(b)))
#include "philox_tile.h"

#else

#include "philox.h"

void pf_philox_run_plain(const pf_philox_keys *keys, uint32_t stream, int items,
                         uint32_t w[4][PF_PHILOX_TILE]) {
  for (int i = 0; i < items; i += PF_PHILOX_STEP) {
    for (int j = i; j < i + PF_PHILOX_STEP; j++) {
      uint32_t c0 = w[0][j], c1 = w[1][j], c2 = w[2][j], c3 = stream;
      for (int r = 0; r < PF_PHILOX_ROUNDS; r++) {
        uint64_t p0 = (uint64_t)c0 * 0xD2511F53u, p1 = (uint64_t)c2 * 0xCD9E8D57u;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ keys->k0[r];
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ keys->k1[r];
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
      }
      w[0][j] = c0;
      w[1][j] = c1;
      w[2][j] = c2;
      w[3][j] = c3;
    }
  }
}

#endif
