/* The micro-kernel of the matrix product, a template: every instruction-set class includes it once, in a file that is
 * compiled for that class (gemm_plain.c, gemm_v3.c, gemm_v4.c).
 *
 *   C[i, j] = start + sum over p = 0..k-1 of A(i, p) B(p, j),   i < MR rows, j < NV * PF_TILE_LANES columns
 *
 * All of C stays in registers. Every element is one chain of fused multiply-adds in the order of p, whatever the tile's
 * height, so a row's result does not depend on the rows beside it. Two forms of A: `rows` reads A(i, p) = a[i * stride + p]
 * (activations times weights), `columns` reads A(i, p) = a[p * stride + i] (sums over rows of a^T b).
 *
 *   PF_TILE_LANES  floats of a vector    PF_TILE_ROWS  most rows of a tile (a multiple of 3, at most 12)
 *   PF_TILE_TABLE  name of the table that is defined here    PF_TILE_VECTORS  vectors of a tile's row
 *   PF_TILE_CLASS  name of the class                 PF_TILE_LINES  lines of B that a round of the loop takes
 */
#include "gemm_classes.h"

#include "../../base/cpu.h"

typedef float vec __attribute__((vector_size(4 * PF_TILE_LANES), aligned(4), may_alias));

enum { NV = PF_TILE_VECTORS, COLUMNS = NV * PF_TILE_LANES, LINES = PF_TILE_LINES };

PF_INLINE void start_tile(const float *from, ptrdiff_t stride, int rows, vec acc[][NV]) {
  PF_UNROLL for (int i = 0; i < rows; i++) PF_UNROLL for (int v = 0; v < NV; v++) acc[i][v] = (vec){0};
  if (!from) return;
  PF_UNROLL for (int i = 0; i < rows; i++) PF_UNROLL for (int v = 0; v < NV; v++) acc[i][v] =
      *(const vec *)(from + i * stride + v * PF_TILE_LANES);
}

PF_INLINE void store_tile(float *to, ptrdiff_t stride, int rows, vec acc[][NV]) {
  PF_UNROLL for (int i = 0; i < rows; i++, to += stride) PF_UNROLL for (int v = 0; v < NV; v++) *
      (vec *)(to + v * PF_TILE_LANES) = acc[i][v];
}

/* sum += value * line. With several lines a round (x86-64-v3 alone) the compiler, left to itself, moves sums between registers,
 * and some through memory; this instruction leaves them where they are. */
#if PF_TILE_LINES > 1
#define PF_ADD_PRODUCT(sum, value, line) __asm__("vfmadd231ps %2, %1, %0" : "+x"(sum) : "x"(value), "x"(line))
#else
#define PF_ADD_PRODUCT(sum, value, line) ((sum) += (value) * (line))
#endif

PF_INLINE void load_line(const float *b, vec line[NV]) {
  PF_UNROLL for (int v = 0; v < NV; v++) line[v] = *(const vec *)(b + v * PF_TILE_LANES);
}

PF_INLINE void add_products(float a, const vec line[NV], vec acc[NV]) {
  const vec value = a - (vec){0};
  PF_UNROLL for (int v = 0; v < NV; v++) PF_ADD_PRODUCT(acc[v], value, line[v]);
}

/* A round: `lines` lines of B. Elements of row i are at a[i / 3], i % 3 strides further. */
PF_INLINE const float *add_row_lines(const float *a[4], ptrdiff_t stride, const float *b, ptrdiff_t next,
                                     int rows, int lines, vec acc[][NV]) {
  PF_UNROLL for (int p = 0; p < lines; p++, b += next) {
    vec line[NV];
    load_line(b, line);
    PF_UNROLL for (int i = 0; i < rows; i++) add_products(a[i / 3][i % 3 * stride + p], line, acc[i]);
  }
  PF_UNROLL for (int q = 0; q < 4; q++) a[q] += lines;
  return b;
}

/* One pointer serves three rows: stride and twice the stride are addressing modes, twelve pointers are not. */
PF_INLINE void add_rows(const pf_tile *t, const float *b, int rows, int lines, vec acc[][NV]) {
  const ptrdiff_t s = t->a_stride, next = t->b_stride;
  const float *a[4] = {t->a, t->a + 3 * s, t->a + 6 * s, t->a + 9 * s};
  const float *const end = t->a + t->k, *const last = end - t->k % lines;
  while (a[0] != last) b = add_row_lines(a, s, b, next, rows, lines, acc);
  while (a[0] != end) b = add_row_lines(a, s, b, next, rows, 1, acc);
}

PF_INLINE void add_column_line(const float *a, const float *b, int rows, vec acc[][NV]) {
  vec line[NV];
  load_line(b, line);
  PF_UNROLL for (int i = 0; i < rows; i++) add_products(a[i], line, acc[i]);
}

PF_INLINE void add_columns(const pf_tile *t, const float *b, int rows, int lines, vec acc[][NV]) {
  const float *a = t->a;
  const ptrdiff_t step = t->a_stride, next = t->b_stride;
  for (ptrdiff_t rounds = t->k / lines; rounds > 0; rounds--)
    PF_UNROLL for (int p = 0; p < lines; p++, a += step, b += next) add_column_line(a, b, rows, acc);
  for (ptrdiff_t rest = t->k % lines; rest > 0; rest--, a += step, b += next)
    add_column_line(a, b, rows, acc);
}

/* Panel after panel: a call for each would cost as much as a dozen lines of B. */
#define PF_RUN_PANELS(add, rows, lines)                                                                      \
  const float *b = t->b, *start = t->start;                                                                  \
  float *c = t->c;                                                                                           \
  for (ptrdiff_t left = t->panels; left > 0; left--, b += t->b_panel, c += COLUMNS) {                        \
    vec acc[PF_TILE_ROWS][NV];                                                                               \
    start_tile(start, t->start_stride, rows, acc);                                                           \
    add(t, b, rows, lines, acc);                                                                             \
    store_tile(c, t->c_stride, rows, acc);                                                                   \
    if (start) start += COLUMNS;                                                                             \
  }

/* One row of A over several panels: enough sums side by side that none waits for another. */
static void run_wide(const pf_tile *t) {
  vec acc[PF_GEMM_WIDE][NV];
  PF_UNROLL for (int q = 0; q < PF_GEMM_WIDE; q++) PF_UNROLL for (int v = 0; v < NV; v++) acc[q][v] =
      t->start ? *(const vec *)(t->start + q * COLUMNS + v * PF_TILE_LANES) : (vec){0};
  const float *a = t->a, *b = t->b;
  const ptrdiff_t panel = t->k * COLUMNS;
  for (ptrdiff_t p = 0, k = t->k; p < k; p++, b += COLUMNS)
    PF_UNROLL for (int q = 0; q < PF_GEMM_WIDE; q++) PF_UNROLL for (int v = 0; v < NV; v++) acc[q][v] +=
        a[p] * *(const vec *)(b + q * panel + v * PF_TILE_LANES);
  PF_UNROLL for (int q = 0; q < PF_GEMM_WIDE; q++) PF_UNROLL for (int v = 0; v < NV; v++) *
      (vec *)(t->c + q * COLUMNS + v * PF_TILE_LANES) = acc[q][v];
}

/* A k below a round has a loop of its own, without a round's pointers and registers. */
#define PF_RUN(add, rows)                                                                                    \
  if (LINES > 1 && t->k < LINES) {                                                                           \
    PF_RUN_PANELS(add, rows, 1)                                                                              \
  } else {                                                                                                   \
    PF_RUN_PANELS(add, rows, LINES)                                                                          \
  }

#define PF_TILE_KERNEL(rows)                                                                                 \
  static void rows_##rows(const pf_tile *t) { PF_RUN(add_rows, rows) }                                       \
  static void columns_##rows(const pf_tile *t) { PF_RUN(add_columns, rows) }

PF_TILE_KERNEL(1)
PF_TILE_KERNEL(2)
PF_TILE_KERNEL(3)
PF_TILE_KERNEL(4)
PF_TILE_KERNEL(5)
PF_TILE_KERNEL(6)
#if PF_TILE_ROWS > 6
PF_TILE_KERNEL(7)
PF_TILE_KERNEL(8)
PF_TILE_KERNEL(9)
PF_TILE_KERNEL(10)
PF_TILE_KERNEL(11)
PF_TILE_KERNEL(12)
#define PF_TILE_TALL(form) form##_7, form##_8, form##_9, form##_10, form##_11, form##_12
#else
#define PF_TILE_TALL(form) 0
#endif

const pf_gemm_kernels PF_TILE_TABLE = {
    .name = PF_TILE_CLASS,
    .rows = PF_TILE_ROWS,
    .columns = COLUMNS,
    .wide = run_wide,
    .by_rows = {0, rows_1, rows_2, rows_3, rows_4, rows_5, rows_6, PF_TILE_TALL(rows)},
    .by_columns = {0, columns_1, columns_2, columns_3, columns_4, columns_5, columns_6,
                   PF_TILE_TALL(columns)},
};
