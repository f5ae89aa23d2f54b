/* The AMX kernels of exec/cpu/gemm_bf16_amx.c with their tile instructions carried out in C, as Intel's manual defines them
 * (Software Developer's Manual, volume 2: TDPBF16PS), so that a machine without AMX tests them too. Static functions. */
#ifndef PF_TESTS_EXEC_AMX_BY_THE_MANUAL_H
#define PF_TESTS_EXEC_AMX_BY_THE_MANUAL_H

#include <float.h>
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "exec/cpu/bf16.h"

enum { TILES = 8, TILE_ROWS = 16, TILE_LINE = 64 /* bytes of a row */ };

static uint8_t tiles[TILES][TILE_ROWS][TILE_LINE];

/* Nobody may read what a tile held before. */
static inline void forget_tiles(const void *config) {
  (void)config;
  memset(tiles, 0xff, sizeof tiles);
}

static inline void load_tile(int tile, const void *from, size_t stride) {
  for (size_t r = 0; r < TILE_ROWS; r++) memcpy(tiles[tile][r], (const char *)from + r * stride, TILE_LINE);
}

static inline void store_tile(int tile, void *to, size_t stride) {
  for (size_t r = 0; r < TILE_ROWS; r++) memcpy((char *)to + r * stride, tiles[tile][r], TILE_LINE);
}

static inline float without_subnormals(float x) { return fabsf(x) < FLT_MIN ? copysignf(0, x) : x; }

static inline float tile_bf16(const uint8_t *at) {
  uint16_t half;
  memcpy(&half, at, sizeof half);
  return without_subnormals(pf_bf16_to(half));
}

/* sum += A(m, k) B(k, n) of one half of the pairs, in one rounding. */
static inline void add_half(float *sum, const uint8_t *a, const uint8_t *b) {
  *sum = without_subnormals(fmaf(tile_bf16(a), tile_bf16(b), *sum));
}

static inline void multiply_tiles(int to, int a, int b) {
  enum { PAIR = 2 * sizeof(uint16_t), PAIRS = TILE_LINE / PAIR };
  for (int m = 0; m < TILE_ROWS; m++)
    for (int n = 0; n < PAIRS; n++) {
      float even = 0, odd = 0, sum;
      for (int k = 0; k < PAIRS; k++) {
        add_half(&even, &tiles[a][m][k * PAIR], &tiles[b][k][n * PAIR]);
        add_half(&odd, &tiles[a][m][k * PAIR + 2], &tiles[b][k][n * PAIR + 2]);
      }
      memcpy(&sum, &tiles[to][m][n * PAIR], sizeof sum);
      sum = without_subnormals(without_subnormals(sum) + without_subnormals(even + odd));
      memcpy(&tiles[to][m][n * PAIR], &sum, sizeof sum);
    }
}

#undef _tile_loadconfig
#undef _tile_release
#undef _tile_zero
#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbf16ps
#define _tile_loadconfig(config)        forget_tiles(config)
#define _tile_release()                 forget_tiles(NULL)
#define _tile_zero(tile)                memset(tiles[tile], 0, sizeof tiles[tile])
#define _tile_loadd(tile, from, stride) load_tile(tile, from, stride)
#define _tile_stored(tile, to, stride)  store_tile(tile, to, stride)
#define _tile_dpbf16ps(to, a, b)        multiply_tiles(to, a, b)
#define pf_bf16_kernels_amx             amx_by_the_manual
#include "exec/cpu/gemm_bf16_amx.c"
#undef pf_bf16_kernels_amx

#endif
