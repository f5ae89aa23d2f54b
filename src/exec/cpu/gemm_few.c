/* Matrix products with at most four columns, where a general tile would compute mostly padding.
 *
 *   rows     C[r,j] = start + A[r,:] . B[:,j]      dot products: 8 running sums and a fixed tree, 8 of them at once;
 *                                                of at most 4 numbers: in order
 *   columns  C = start + A^T B over r              C^T = B^T A with few rows, then transposed
 *
 * A row's result does not depend on the rows beside it.
 */
#include "gemm_few.h"

#include <string.h>

#include "../../base/cpu.h"

enum { FEW = 4, LANES = 8 };

typedef float vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

bool pf_gemm_few_fits(const pf_gemm_shape *s) { return s->n <= FEW && !(s->transpose_a && s->transpose_b); }

size_t pf_gemm_few_scratch_bytes(const pf_gemm_shape *s) {
  return (size_t)((s->transpose_a ? s->m : s->k) * s->n) * sizeof(float);
}

/* Pairs of neighbours are added: lanes 0, 1 | 2, 3 of a, then of b, in either half. */
#define ADD_NEIGHBOURS(a, b)                                                                                 \
  (__builtin_shufflevector(a, b, 0, 2, 8, 10, 4, 6, 12, 14) +                                                \
   __builtin_shufflevector(a, b, 1, 3, 9, 11, 5, 7, 13, 15))

/* Sums of the lanes of 8 vectors, one a lane: ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7)). */
PF_INLINE void add_lanes(const vec s[LANES], float out[LANES]) {
  const vec a = ADD_NEIGHBOURS(s[0], s[1]), b = ADD_NEIGHBOURS(s[2], s[3]), c = ADD_NEIGHBOURS(s[4], s[5]),
            d = ADD_NEIGHBOURS(s[6], s[7]), low = ADD_NEIGHBOURS(a, b), high = ADD_NEIGHBOURS(c, d);
  *(vec *)out = __builtin_shufflevector(low, high, 0, 1, 2, 3, 8, 9, 10, 11) +
                __builtin_shufflevector(low, high, 4, 5, 6, 7, 12, 13, 14, 15);
}

/* s += x y over n < LANES lanes. */
PF_INLINE void add_tail(int64_t n, const float *x, const float *y, vec *s) {
  vec a = {0}, b = {0};
  memcpy(&a, x, (size_t)n * sizeof *x);
  memcpy(&b, y, (size_t)n * sizeof *y);
  *s += a * b;
}

/* 8 dot products: rows LANES / columns of A by so many columns, whose values lie one after the other in bt. out: by row. */
PF_INLINE void dots(int64_t k, const float *const a[LANES], const float *const bt[FEW], const int columns,
                    float out[LANES]) {
  vec s[LANES] = {{0}};
  int64_t p = 0;
  for (; p + LANES <= k; p += LANES)
    PF_UNROLL for (int i = 0; i < LANES; i++) s[i] +=
        *(const vec *)(a[i / columns] + p) * *(const vec *)(bt[i % columns] + p);
  if (p < k)
    PF_UNROLL for (int i = 0; i < LANES; i++) add_tail(k - p, a[i / columns] + p, bt[i % columns] + p, &s[i]);
  add_lanes(s, out);
}

/* Rows of C, LANES / columns of them at a time; columns that C does not have repeat its last one. The last rows are taken
 * together with some that repeat the last. */
PF_INLINE void rows_of_dots(const pf_gemm_shape *s, const pf_gemm_operands *o, const float *b,
                            const int columns) {
  const int high = LANES / columns;
  const float *bt[FEW], *a[LANES];
  for (int j = 0; j < columns; j++) bt[j] = b + (j < s->n ? j : s->n - 1) * s->k;
  for (int64_t r = 0; r < s->m; r += high) {
    const int64_t rows = s->m - r < high ? s->m - r : high;
    for (int64_t i = 0; i < high; i++) a[i] = o->a + (r + (i < rows ? i : rows - 1)) * s->k;
    float sums[LANES];
    dots(s->k, a, bt, columns, sums);
    for (int64_t i = 0; i < rows; i++)
      for (int64_t j = 0; j < s->n; j++) {
        const float start = o->start ? o->start[(r + i) * o->start_stride + j] : 0.0f;
        o->c[(r + i) * s->n + j] = start + sums[i * columns + j];
      }
  }
}

/* Of fewer floats than a tree has leaves: in order. */
PF_INLINE float short_dot(int64_t n, const float *x, const float *y) {
  float sum = x[0] * y[0];
  for (int64_t i = 1; i < n; i++) sum += x[i] * y[i];
  return sum;
}

/* The same loops for a length the compiler knows, so that they unroll. */
PF_INLINE void by_short_rows(int64_t k, const pf_gemm_shape *s, const pf_gemm_operands *o, const float *bt) {
  const int64_t n = s->n;
  for (int64_t r = 0; r < s->m; r++)
    for (int64_t j = 0; j < n; j++) {
      const float start = o->start ? o->start[r * o->start_stride + j] : 0.0f;
      o->c[r * n + j] = start + short_dot(k, o->a + r * k, bt + j * k);
    }
}

/* bt: n rows of k. */
PF_MULTIVERSION static void by_rows(const pf_gemm_shape *s, const pf_gemm_operands *o, const float *bt) {
  switch (s->k) {
  case 1: by_short_rows(1, s, o, bt); return;
  case 2: by_short_rows(2, s, o, bt); return;
  case 3: by_short_rows(3, s, o, bt); return;
  case 4: by_short_rows(4, s, o, bt); return;
  default: break;
  }
  if (s->n == 1)
    rows_of_dots(s, o, bt, 1);
  else if (s->n == 2)
    rows_of_dots(s, o, bt, 2);
  else
    rows_of_dots(s, o, bt, 4);
}

/* ct[j,:] = sum_r b[r,j] a[r,:], four rows at a time so that ct is loaded and stored less often. */
PF_MULTIVERSION static void by_columns(const pf_gemm_shape *s, const float *a, const float *b, float *ct) {
  const int64_t m = s->m, n = s->n, rows = s->k;
  int64_t r = 0;
  for (int64_t i = 0; i < m * n; i++) ct[i] = 0.0f;
  for (; r + 4 <= rows; r += 4) {
    const float *a0 = a + r * m, *a1 = a0 + m, *a2 = a1 + m, *a3 = a2 + m;
    for (int64_t j = 0; j < n; j++) {
      float *out = ct + j * m;
      const float b0 = b[r * n + j], b1 = b[(r + 1) * n + j], b2 = b[(r + 2) * n + j],
                  b3 = b[(r + 3) * n + j];
      PF_INDEPENDENT for (int64_t i = 0; i < m; i++) out[i] +=
          (b0 * a0[i] + b1 * a1[i]) + (b2 * a2[i] + b3 * a3[i]);
    }
  }
  for (; r < rows; r++)
    for (int64_t j = 0; j < n; j++) {
      float *out = ct + j * m;
      const float *ar = a + r * m;
      const float br = b[r * n + j];
      PF_INDEPENDENT for (int64_t i = 0; i < m; i++) out[i] += br * ar[i];
    }
}

void pf_gemm_few_run(const pf_gemm_shape *s, const pf_gemm_operands *o, void *scratch) {
  float *turned = scratch;
  if (!s->transpose_a) {
    for (int64_t j = 0; !s->transpose_b && j < s->n; j++)
      for (int64_t p = 0; p < s->k; p++) turned[j * s->k + p] = o->b[p * s->n + j];
    by_rows(s, o, s->transpose_b ? o->b : turned);
    return;
  }
  by_columns(s, o->a, o->b, turned);
  for (int64_t i = 0; i < s->m; i++)
    for (int64_t j = 0; j < s->n; j++) {
      const float start = o->start ? o->start[i * o->start_stride + j] : 0.0f;
      o->c[i * s->n + j] = start + turned[j * s->m + i];
    }
}
