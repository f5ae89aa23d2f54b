/* Matrix products in bfloat16: packing, and the walk over blocks of C. */
#include "gemm_bf16.h"

#include <string.h>

#include "../../base/canary.h"
#include "gemm_classes.h"

enum {
  LEAST_SIDE = 32 /* below it the set-up costs what the arithmetic saves */,
  STEP_PAIRS = PF_BF16_STEP / 2
};

static int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }
static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

int pf_gemm_bf16_available(const pf_bf16_kernels *out[2]) {
  int n = 0;
  PF_X86(if (pf_cpu_has_amx()) out[n++] = &pf_bf16_kernels_amx;)
  out[n++] = &pf_bf16_kernels_plain;
  return n;
}

const pf_bf16_kernels *pf_gemm_bf16_best(void) {
  const pf_bf16_kernels *available[2];
  pf_gemm_bf16_available(available);
  return available[0];
}

bool pf_gemm_bf16_is_fast(void) { return pf_gemm_bf16_best() != &pf_bf16_kernels_plain; }

bool pf_gemm_bf16_fits(const pf_gemm_shape *s) {
  if (s->n < LEAST_SIDE || s->k < LEAST_SIDE) return false;
  return !s->transpose_a || (!s->transpose_b && s->m >= LEAST_SIDE && s->k % PF_BF16_STEP == 0);
}

/* ---- packing ---- */

int64_t pf_gemm_bf16_packed_items(const pf_gemm_shape *s) {
  return round_up(s->n, PF_BF16_BLOCK) * round_up(s->k, PF_BF16_STEP);
}

/* One step of a panel: 16 lines of 32 columns' pairs, from rows p .. and columns j .. of B; zeros beyond its edges. */
PF_INLINE void pack_step(const pf_gemm_shape *s, const float *b, int64_t p, int64_t j, uint32_t *pairs) {
  uint16_t rows[PF_BF16_STEP][PF_BF16_BLOCK] = {{0}};
  const int64_t deep = least(PF_BF16_STEP, s->k - p), wide = least(PF_BF16_BLOCK, s->n - j);
  b += p * s->n + j;
  for (int64_t q = 0; q < deep; q++, b += s->n)
    for (int64_t i = 0; i < wide; i++) rows[q][i] = pf_bf16_from(b[i]);
  for (int q = 0; q < STEP_PAIRS; q++, pairs += PF_BF16_BLOCK)
    for (int i = 0; i < PF_BF16_BLOCK; i++)
      pairs[i] = (uint32_t)rows[2 * q][i] | (uint32_t)rows[2 * q + 1][i] << 16;
}

/* The same of a transposed B, where a pair is two neighbours in memory. */
PF_INLINE void pack_turned_step(const pf_gemm_shape *s, const float *b, int64_t p, int64_t j,
                                uint32_t *pairs) {
  uint32_t columns[PF_BF16_BLOCK][STEP_PAIRS] = {{0}};
  const int64_t deep = least(PF_BF16_STEP, s->k - p), wide = least(PF_BF16_BLOCK, s->n - j);
  b += j * s->k + p;
  for (int64_t i = 0; i < wide; i++, b += s->k) {
    uint16_t column[PF_BF16_STEP] = {0};
    for (int64_t q = 0; q < deep; q++) column[q] = pf_bf16_from(b[q]);
    memcpy(columns[i], column, sizeof column);
  }
  for (int q = 0; q < STEP_PAIRS; q++, pairs += PF_BF16_BLOCK)
    for (int i = 0; i < PF_BF16_BLOCK; i++)
      pairs[i] = columns[i][PF_CANARY(BF16_PAIR, q, STEP_PAIRS - 1 - q)];
}

/* Weights: panels of 32 columns, each the steps of k one after the other. */
PF_MULTIVERSION void pf_gemm_bf16_pack(const pf_gemm_shape *s, const float *b, uint16_t *packed) {
  uint32_t *pairs = (uint32_t *)(void *)packed;
  for (int64_t j = 0; j < s->n; j += PF_BF16_BLOCK)
    for (int64_t p = 0; p < s->k; p += PF_BF16_STEP, pairs += STEP_PAIRS * PF_BF16_BLOCK) {
      if (s->transpose_b)
        pack_turned_step(s, b, p, j, pairs);
      else
        pack_step(s, b, p, j, pairs);
    }
}

/* The same for rows that are in bfloat16 already: one panel. */
PF_MULTIVERSION static void pack_rows(const uint16_t *b, int64_t k, int64_t pitch, uint16_t *panel) {
  uint32_t *pairs = (uint32_t *)(void *)panel;
  for (int64_t p = 0; p < k; p += 2, b += 2 * pitch, pairs += PF_BF16_BLOCK)
    for (int j = 0; j < PF_BF16_BLOCK; j++) pairs[j] = (uint32_t)b[j] | (uint32_t)b[pitch + j] << 16;
}

/* A transposed: tiles of 16 columns by 32 rows, those of the same columns one after the other. */
static void turn_rows(const pf_bf16_kernels *kernels, const pf_gemm_shape *s, const uint16_t *a,
                      uint16_t *out) {
  const int64_t pitch = pf_bf16_pitch(s->m);
  for (int64_t i = 0; i < pitch; i += PF_BF16_TILE)
    for (int64_t p = 0; p < s->k; p += PF_BF16_STEP, out += PF_BF16_TILE * PF_BF16_STEP)
      kernels->turn(a + p * pitch + i, pitch, out);
}

/* ---- running ---- */

size_t pf_gemm_bf16_scratch_bytes(const pf_gemm_shape *s) {
  if (!s->transpose_a) return (size_t)pf_bf16_pitch(s->k) * sizeof(float);
  return (size_t)(s->k * (pf_bf16_pitch(s->m) + PF_BF16_BLOCK)) * sizeof(uint16_t);
}

/* A block that hangs over C's edge, through a buffer. */
static void run_edge(const pf_bf16_kernels *kernels, pf_bf16_block *block, int64_t rows, int64_t columns) {
  float c[PF_BF16_BLOCK * PF_BF16_BLOCK] = {0};
  float *out = block->c;
  const ptrdiff_t row = block->c_row;
  for (int64_t i = 0; block->start && i < rows; i++)
    memcpy(c + i * PF_BF16_BLOCK, block->start + i * block->start_row, (size_t)columns * sizeof *c);
  if (block->start) block->start = c;
  block->start_row = block->c_row = PF_BF16_BLOCK;
  block->c = c;
  kernels->block(block);
  for (int64_t i = 0; i < rows; i++)
    memcpy(out + i * row, c + i * PF_BF16_BLOCK, (size_t)columns * sizeof *c);
}

static void run_block(const pf_bf16_kernels *kernels, const pf_gemm_shape *s, const pf_gemm_bf16_operands *o,
                      pf_bf16_block block, int64_t i, int64_t j) {
  const int64_t rows = least(PF_BF16_BLOCK, s->m - i), columns = least(PF_BF16_BLOCK, s->n - j);
  block.c = o->c + i * s->n + j;
  block.c_row = s->n;
  if (o->start) block.start = o->start + i * o->start_stride + j;
  block.start_row = o->start_stride;
  if (rows < PF_BF16_BLOCK || columns < PF_BF16_BLOCK)
    run_edge(kernels, &block, rows, columns);
  else
    kernels->block(&block);
}

static void run_blocks(const pf_bf16_kernels *kernels, const pf_gemm_shape *s, const pf_gemm_bf16_operands *o,
                       int64_t rows) {
  const int64_t pitch = pf_bf16_pitch(s->k);
  pf_bf16_block block = {
      .steps = pitch / PF_BF16_STEP, .a_row = pitch, .a_step = PF_BF16_STEP, .a_half = PF_BF16_TILE * pitch};
  kernels->begin();
  for (int64_t j = 0; j < s->n; j += PF_BF16_BLOCK) {
    block.b = o->b + j * pitch;
    for (int64_t i = 0; i < rows; i += PF_BF16_BLOCK) {
      block.a = o->a + i * pitch;
      run_block(kernels, s, o, block, i, j);
    }
  }
  kernels->end();
}

/* Whole blocks, and the rows that are left one by one. */
static void run_by_rows(const pf_bf16_kernels *kernels, const pf_gemm_shape *s,
                        const pf_gemm_bf16_operands *o, float *scratch) {
  const int64_t whole = s->m / PF_BF16_BLOCK * PF_BF16_BLOCK;
  if (whole > 0) run_blocks(kernels, s, o, whole);
  for (int64_t i = whole; i < s->m; i++)
    pf_gemm_bf16_row(s, o->a + i * pf_bf16_pitch(s->k), o->b,
                     o->start ? o->start + i * o->start_stride : NULL, o->c + i * s->n, scratch);
}

static void run_by_columns(const pf_bf16_kernels *kernels, const pf_gemm_shape *s,
                           const pf_gemm_bf16_operands *o, uint16_t *scratch) {
  uint16_t *panel = scratch, *turned = scratch + s->k * PF_BF16_BLOCK;
  pf_bf16_block block = {.steps = s->k / PF_BF16_STEP,
                         .a_row = PF_BF16_STEP,
                         .a_step = PF_BF16_TILE * PF_BF16_STEP,
                         .a_half = PF_BF16_TILE * s->k,
                         .b = panel};
  kernels->begin();
  turn_rows(kernels, s, o->a, turned);
  for (int64_t j = 0; j < s->n; j += PF_BF16_BLOCK) {
    pack_rows(o->b + j, s->k, pf_bf16_pitch(s->n), panel);
    for (int64_t i = 0; i < s->m; i += PF_BF16_BLOCK) {
      block.a = turned + i * s->k;
      run_block(kernels, s, o, block, i, j);
    }
  }
  kernels->end();
}

void pf_gemm_bf16_run(const pf_bf16_kernels *kernels, const pf_gemm_shape *s, const pf_gemm_bf16_operands *o,
                      void *scratch) {
  if (s->transpose_a)
    run_by_columns(kernels, s, o, scratch);
  else
    run_by_rows(kernels, s, o, scratch);
}
