/* Matrix products with at most four columns, where a general tile would compute mostly padding.
 *
 *   rows     C[r,j] = start + A[r,:] . B[:,j]      dot products: 16 running sums and a fixed tree, or one short sum
 *   columns  C = start + A^T B over r              C^T = B^T A with few rows, then transposed
 *
 * A row's result does not depend on the rows beside it.
 */
#include "gemm_few.h"

#include "../../base/cpu.h"

enum { FEW = 4, DOT_LANES = 16 };

bool pf_gemm_few_fits(const pf_gemm_shape *s) { return s->n <= FEW && !(s->transpose_a && s->transpose_b); }

size_t pf_gemm_few_scratch_bytes(const pf_gemm_shape *s) {
  return (size_t)((s->transpose_a ? s->m : s->k) * s->n) * sizeof(float);
}

PF_INLINE float dot(int64_t n, const float *x, const float *y) {
  float s[DOT_LANES] = {0};
  int64_t i = 0;
  for (; i + DOT_LANES <= n; i += DOT_LANES)
    for (int l = 0; l < DOT_LANES; l++) s[l] += x[i + l] * y[i + l];
  for (int l = 0; i + l < n; l++) s[l] += x[i + l] * y[i + l];
  for (int half = DOT_LANES / 2; half > 0; half /= 2)
    for (int l = 0; l < half; l++) s[l] += s[l + half];
  return s[0];
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
  const int64_t n = s->n, k = s->k;
  switch (k) {
  case 1: by_short_rows(1, s, o, bt); return;
  case 2: by_short_rows(2, s, o, bt); return;
  case 3: by_short_rows(3, s, o, bt); return;
  case 4: by_short_rows(4, s, o, bt); return;
  default: break;
  }
  if (k < DOT_LANES) {
    by_short_rows(k, s, o, bt);
    return;
  }
  for (int64_t r = 0; r < s->m; r++)
    for (int64_t j = 0; j < n; j++) {
      const float start = o->start ? o->start[r * o->start_stride + j] : 0.0f;
      o->c[r * n + j] = start + dot(k, o->a + r * k, bt + j * k);
    }
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
