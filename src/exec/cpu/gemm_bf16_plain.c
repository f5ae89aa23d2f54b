/* Bfloat16 products for any processor, a row of C at a time: a block is 32 rows. Rows that fill no block run here on processors
 * with AMX too, where a block would be mostly padding.
 *
 * Every element is computed in the order that Intel's manual gives for TDPBF16PS: over a step of k the even and the odd
 * products are summed apart, in order; the two sums are added, and then added to the element. A product of two bfloat16
 * is a float exactly, so that multiplying and adding in one rounding or two is the same. AMX takes subnormal numbers for zeros,
 * this code does not.
 */
#include <string.h>

#include "gemm_bf16.h"
#include "gemm_classes.h"

enum {
  LANES = 8,
  NV = PF_BF16_BLOCK / LANES, /* vectors of a panel's row */
  STEP_PAIRS = PF_BF16_STEP / 2,
  STEP_ITEMS = PF_BF16_STEP * PF_BF16_BLOCK /* of a panel */
};

typedef float vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef uint32_t words __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

/* Both halves of pairs, as floats. */
#define EVEN(pairs) ((vec)((pairs) << 16))
#define ODD(pairs)  ((vec)((pairs)&0xffff0000u))

/* A step of a row as floats: its even elements, then its odd ones. */
PF_INLINE void widen_step(const uint16_t *a, float *wide) {
  for (int q = 0; q < STEP_PAIRS; q += LANES) {
    const words pairs = *(const words *)(const void *)(a + 2 * q);
    *(vec *)(wide + q) = EVEN(pairs);
    *(vec *)(wide + STEP_PAIRS + q) = ODD(pairs);
  }
}

PF_INLINE void load_sums(const float *from, vec sum[NV]) {
  PF_UNROLL for (int v = 0; v < NV; v++) sum[v] = from ? *(const vec *)(from + v * LANES) : (vec){0};
}

PF_INLINE void store_sums(const vec sum[NV], float *to) {
  PF_UNROLL for (int v = 0; v < NV; v++) * (vec *)(to + v * LANES) = sum[v];
}

/* sum += a step of a row, widened, times a step of a panel. */
PF_INLINE void add_step(const float *wide, const uint16_t *b, vec sum[NV]) {
  vec even[NV] = {{0}}, odd[NV] = {{0}};
  PF_UNROLL for (int q = 0; q < STEP_PAIRS; q++) PF_UNROLL for (int v = 0; v < NV; v++) {
    const words pairs = *(const words *)(const void *)(b + 2 * (q * PF_BF16_BLOCK + v * LANES));
    even[v] += wide[q] * EVEN(pairs);
    odd[v] += wide[STEP_PAIRS + q] * ODD(pairs);
  }
  PF_UNROLL for (int v = 0; v < NV; v++) sum[v] += even[v] + odd[v];
}

PF_MULTIVERSION static void block(const pf_bf16_block *t) {
  for (int i = 0; i < PF_BF16_BLOCK; i++) {
    const uint16_t *a = t->a + i / PF_BF16_TILE * t->a_half + i % PF_BF16_TILE * t->a_row, *b = t->b;
    vec sum[NV];
    load_sums(t->start ? t->start + i * t->start_row : NULL, sum);
    for (int64_t s = 0; s < t->steps; s++, a += t->a_step, b += STEP_ITEMS) {
      float wide[PF_BF16_STEP];
      widen_step(a, wide);
      add_step(wide, b, sum);
    }
    store_sums(sum, t->c + i * t->c_row);
  }
}

PF_INLINE void multiply_panel(int64_t pitch, const float *wide, const uint16_t *b, const float *start,
                              float *c) {
  vec sum[NV];
  load_sums(start, sum);
  for (int64_t p = 0; p < pitch; p += PF_BF16_STEP, b += STEP_ITEMS) add_step(wide + p, b, sum);
  store_sums(sum, c);
}

PF_MULTIVERSION void pf_gemm_bf16_row(const pf_gemm_shape *s, const uint16_t *a, const uint16_t *b,
                                      const float *start, float *c, float *scratch) {
  const int64_t pitch = pf_bf16_pitch(s->k);
  for (int64_t p = 0; p < pitch; p += PF_BF16_STEP) widen_step(a + p, scratch + p);
  int64_t j = 0;
  for (; j + PF_BF16_BLOCK <= s->n; j += PF_BF16_BLOCK)
    multiply_panel(pitch, scratch, b + j * pitch, start ? start + j : NULL, c + j);
  if (j == s->n) return;
  float edge[PF_BF16_BLOCK] = {0};
  const size_t bytes = (size_t)(s->n - j) * sizeof *edge;
  if (start) memcpy(edge, start + j, bytes);
  multiply_panel(pitch, scratch, b + j * pitch, edge, edge);
  memcpy(c + j, edge, bytes);
}

static void nothing(void) {}

static void turn(const uint16_t *x, ptrdiff_t pitch, uint16_t *out) {
  for (int i = 0; i < PF_BF16_TILE; i++)
    for (int r = 0; r < PF_BF16_STEP; r++) out[i * PF_BF16_STEP + r] = x[r * pitch + i];
}

const pf_bf16_kernels pf_bf16_kernels_plain = {
    .name = "plain", .begin = nothing, .end = nothing, .block = block, .turn = turn};
