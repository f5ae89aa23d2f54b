/* Philox for x86-64-v4. */
#include <immintrin.h>

#define PF_PHILOX_RUN         pf_philox_run_v4
#define PF_PHILOX_BYTES       64
#define PF_PHILOX_TIMES(a, b) ((pairs)_mm512_mul_epu32((__m512i)(a), (__m512i)(b)))
#include "philox_tile.h"
