/* Matrix products in single precision: C = op(A) op(B), row-major, on our own micro-kernels (gemm_tile.h).
 *
 * One call runs on one thread. Weights are packed once per step and read by every lane: a packed B is a row of panels, panel
 * q holding columns q * width .. of op(B) as k x width floats, the last one filled up with zeros.
 */
#ifndef PF_EXEC_CPU_GEMM_H
#define PF_EXEC_CPU_GEMM_H

#include <stddef.h>
#include <stdint.h>

#include "../../base/status.h"

/* op(A) is m x k, op(B) k x n, C m x n. A transposed operand is stored the other way round. */
typedef struct pf_gemm_shape {
  int64_t m, n, k;
  bool transpose_a, transpose_b;
} pf_gemm_shape;

typedef struct pf_gemm_operands {
  const float *a;
  const float *b; /* k x n (n x k when transposed), or packed */
  bool packed;
  const float *
      start; /* what the sums start from: row i at start + i * start_stride (stride 0: a bias); NULL: zeros */
  int64_t start_stride;
  float *c; /* may be start */
} pf_gemm_operands;

typedef struct pf_gemm_kernels pf_gemm_kernels;

/* The fastest kernels of this processor. */
const pf_gemm_kernels *pf_gemm_best(void);

/* Does this product take a packed B? Those with a side of a few elements (gemm_few.c) do not. */
bool pf_gemm_packs(const pf_gemm_shape *shape);
/* Floats of a packed B, and the packing itself. */
int64_t pf_gemm_packed_floats(const pf_gemm_kernels *kernels, const pf_gemm_shape *shape);
void pf_gemm_pack(const pf_gemm_kernels *kernels, const pf_gemm_shape *shape, const float *b, float *packed);

/* 64-byte aligned scratch that a call needs. */
size_t pf_gemm_scratch_bytes(const pf_gemm_kernels *kernels, const pf_gemm_shape *shape);
void pf_gemm_run(const pf_gemm_kernels *kernels, const pf_gemm_shape *shape, const pf_gemm_operands *operands,
                 void *scratch);

/* ---- micro-kernels ---- */

/* What tiles ask the caches for before it is used. The processor's own guesses do not reach from row to row, nor from a panel's
 * end to the next one's beginning. */
typedef struct pf_tile_ahead {
  bool asks, a; /* for the rows of C of the tile below; for those of A too (by rows only) */
  ptrdiff_t each, lines,
      step;          /* lines that a tile asks for, that are left to ask for, and from one to the next */
  const float *line; /* of the next panel */
} pf_tile_ahead;

/* Tiles of C, below each other and beside each other (one a panel of B): full vectors always; the caller keeps edges away. */
typedef struct pf_tile {
  ptrdiff_t k, a_stride, b_stride, c_stride, start_stride;
  ptrdiff_t tiles, a_tile;    /* how many below each other; in A, from one to the next */
  ptrdiff_t panels, b_panel;  /* how many beside each other; in B, from one to the next */
  const float *a, *b, *start; /* NULL start: zeros */
  float *c;
  pf_tile_ahead ahead; /* where panels is 1 */
} pf_tile;

enum {
  PF_GEMM_MAX_ROWS = 12,
  PF_GEMM_CLASSES = 3,
  PF_GEMM_WIDE = 4 /* panels that one row runs over at once */
};

typedef void pf_tile_kernel(const pf_tile *tile);

struct pf_gemm_kernels {
  const char *name;     /* instruction-set class */
  int rows, columns;    /* of a full tile */
  pf_tile_kernel *wide; /* one row, PF_GEMM_WIDE packed panels from b on */
  /* `rows` rows of k floats, `stride` apart, as columns of k lines, `width` apart */
  void (*turn)(const float *x, int64_t stride, int64_t rows, int64_t k, int64_t width, float *out);
  pf_tile_kernel *by_rows[PF_GEMM_MAX_ROWS + 1], *by_columns[PF_GEMM_MAX_ROWS + 1]; /* by height */
};

/* The tables this processor can run, the fastest first; returns how many. */
int pf_gemm_available(const pf_gemm_kernels *out[PF_GEMM_CLASSES]);

#endif
