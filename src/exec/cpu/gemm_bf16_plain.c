/* Blocks of bfloat16 products for any processor: operands widened to floats. For models to repeat where there is no AMX; single
 * precision is faster here.
 */
#include <string.h>

#include "gemm_bf16.h"
#include "gemm_classes.h"

enum { STEP_PAIRS = PF_BF16_STEP / 2 };

static void nothing(void) {}

PF_INLINE void add_step(const pf_bf16_block *t, int64_t step, int i, float *restrict sums) {
  const uint16_t *a = t->a + step * t->a_step + i / PF_BF16_TILE * t->a_half + i % PF_BF16_TILE * t->a_row;
  const uint16_t *b = t->b + step * PF_BF16_STEP * PF_BF16_BLOCK;
  for (int q = 0; q < STEP_PAIRS; q++, b += 2 * PF_BF16_BLOCK) {
    const float even = pf_bf16_to(a[2 * q]), odd = pf_bf16_to(a[2 * q + 1]);
    for (int j = 0; j < PF_BF16_BLOCK; j++) {
      uint32_t pair;
      memcpy(&pair, b + 2 * j, sizeof pair);
      sums[j] += even * pf_bf16_to((uint16_t)pair);
      sums[j] += odd * pf_bf16_to((uint16_t)(pair >> 16));
    }
  }
}

PF_MULTIVERSION static void block(const pf_bf16_block *t) {
  for (int i = 0; i < PF_BF16_BLOCK; i++) {
    float sums[PF_BF16_BLOCK] = {0};
    if (t->start) memcpy(sums, t->start + i * t->start_row, sizeof sums);
    for (int64_t step = 0; step < t->steps; step++) add_step(t, step, i, sums);
    memcpy(t->c + i * t->c_row, sums, sizeof sums);
  }
}

static void turn(const uint16_t *x, ptrdiff_t pitch, uint16_t *out) {
  for (int i = 0; i < PF_BF16_TILE; i++)
    for (int r = 0; r < PF_BF16_STEP; r++) out[i * PF_BF16_STEP + r] = x[r * pitch + i];
}

const pf_bf16_kernels pf_bf16_kernels_plain = {
    .name = "plain", .begin = nothing, .end = nothing, .block = block, .turn = turn};
