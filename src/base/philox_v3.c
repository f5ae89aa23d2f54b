/* Philox for x86-64-v3. */
#include <immintrin.h>

#define PF_PHILOX_RUN         pf_philox_run_v3
#define PF_PHILOX_BYTES       32
#define PF_PHILOX_TIMES(a, b) ((pairs)_mm256_mul_epu32((__m256i)(a), (__m256i)(b)))
#include "philox_tile.h"
