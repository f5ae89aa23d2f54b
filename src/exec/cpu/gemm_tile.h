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
#include "lines.h"

typedef float vec __attribute__((vector_size(4 * PF_TILE_LANES), aligned(4), may_alias));

enum { NV = PF_TILE_VECTORS, COLUMNS = NV * PF_TILE_LANES, LINES = PF_TILE_LINES };

#include "gemm_turn.h"

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

/* Where rows of A end. A low tile has a pointer for every row and one index for all of them; pointers of a high one serve three
 * rows each, with once and twice the stride as addressing modes, since twelve of them are too many. */
enum { HIGH = 6, SHARED = PF_TILE_ROWS > HIGH ? 3 : 1 };

PF_INLINE void find_row_ends(const float *a, ptrdiff_t k, ptrdiff_t stride, int rows,
                             const float *end[PF_TILE_ROWS]) {
  PF_UNROLL for (int i = 0; i * SHARED < rows; i++) {
    end[i] = a + k + i * SHARED * stride;
    if (SHARED == 1)
      __asm__("" : "+r"(end[i])); /* or the compiler moves all six pointers on, instead of the index */
  }
}

PF_INLINE void add_row_line(const float *const end[], ptrdiff_t stride, ptrdiff_t p, const float *b, int rows,
                            vec acc[][NV]) {
  vec line[NV];
  load_line(b, line);
  PF_UNROLL for (int i = 0; i < rows; i++)
      add_products(end[i / SHARED][i % SHARED * stride + p], line, acc[i]);
}

/* Lines that fill no round come first: then the index of a row's elements ends at zero, which needs no register. */
PF_INLINE void add_rows(const pf_tile *t, const float *const end[], const float *b, int rows, vec acc[][NV]) {
  const ptrdiff_t stride = t->a_stride, next = t->b_stride;
  ptrdiff_t p = -t->k;
  for (; p % LINES != 0; p++, b += next) add_row_line(end, stride, p, b, rows, acc);
  for (; p != 0; p += LINES)
    PF_UNROLL for (int q = 0; q < LINES; q++, b += next) add_row_line(end, stride, p + q, b, rows, acc);
}

PF_INLINE void add_column_line(const float *a, const float *b, int rows, vec acc[][NV]) {
  vec line[NV];
  load_line(b, line);
  PF_UNROLL for (int i = 0; i < rows; i++) add_products(a[i], line, acc[i]);
}

PF_INLINE void add_columns(const pf_tile *t, const float *a, const float *b, int rows, vec acc[][NV]) {
  const ptrdiff_t step = t->a_stride, next = t->b_stride;
  ptrdiff_t left = t->k;
  for (; left % LINES != 0; left--, a += step, b += next) add_column_line(a, b, rows, acc);
  for (; left != 0; left -= LINES)
    PF_UNROLL for (int q = 0; q < LINES; q++, a += step, b += next) add_column_line(a, b, rows, acc);
}

/* What the tile at a and c, `rows` high, is to ask for; `below`: another one follows. */
PF_INLINE void ask_ahead(const pf_tile *t, pf_tile_ahead *ahead, const float *a, const float *c, int rows,
                         bool below) {
  for (ptrdiff_t left = ahead->each; left > 0 && ahead->lines > 0;
       left--, ahead->lines--, ahead->line += ahead->step)
    pf_lines_ask(ahead->line, COLUMNS);
  if (!below) return;
  PF_UNROLL for (int i = 0; i < rows; i++) pf_lines_ask(c + (rows + i) * t->c_stride, COLUMNS);
  if (ahead->a) pf_lines_ask(a + rows * t->a_stride, rows * t->a_stride);
}

/* Row of tiles after row of tiles, panel after panel: a call for each tile would cost as much as a dozen lines of B. */
PF_INLINE void run_tiles(const pf_tile *tiles, int rows, bool columns) {
  const pf_tile t = *tiles; /* nothing that is written to C changes it */
  const float *a = t.a, *start = t.start;
  float *c = t.c;
  pf_tile_ahead ahead = t.ahead;
  for (ptrdiff_t i = t.tiles; i > 0; i--, a += t.a_tile, c += rows * t.c_stride) {
    const float *end[PF_TILE_ROWS], *b = t.b, *from = start;
    float *to = c;
    if (ahead.asks) ask_ahead(&t, &ahead, a, c, rows, i > 1);
    if (!columns) find_row_ends(a, t.k, t.a_stride, rows, end);
    for (ptrdiff_t left = t.panels; left > 0; left--, b += t.b_panel, to += COLUMNS) {
      vec acc[PF_TILE_ROWS][NV];
      start_tile(from, t.start_stride, rows, acc);
      if (columns)
        add_columns(&t, a, b, rows, acc);
      else
        add_rows(&t, end, b, rows, acc);
      store_tile(to, t.c_stride, rows, acc);
      if (from) from += COLUMNS;
    }
    if (start) start += rows * t.start_stride;
  }
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

#define PF_TILE_KERNEL(rows)                                                                                 \
  static void rows_##rows(const pf_tile *t) { run_tiles(t, rows, false); }                                   \
  static void columns_##rows(const pf_tile *t) { run_tiles(t, rows, true); }

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
    .turn = turn,
    .by_rows = {0, rows_1, rows_2, rows_3, rows_4, rows_5, rows_6, PF_TILE_TALL(rows)},
    .by_columns = {0, columns_1, columns_2, columns_3, columns_4, columns_5, columns_6,
                   PF_TILE_TALL(columns)},
};
