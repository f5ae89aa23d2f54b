/* Matrix products with a side of at most four: the first and last layer of a network on low-dimensional data, where a
 * general kernel spends its time on set-up and masks.
 *
 *   few_k     C[r,:] = sum_k A[r,k] B[k,:]            rows as scaled sums of k vectors
 *   few_n     C[r,j] = A[r,:] . B[:,j]                dot products, 16 running sums and a fixed tree
 *   outer     C = A^T B over r, with few rows m       m running rows
 *   outer_t   the same with few columns n: C^T, then transposed
 */
#include "contraction.h"

#include "../../base/cpu.h"

enum { FEW = 4, DOT_LANES = 16 };

typedef enum form { FORM_NONE, FORM_FEW_K, FORM_FEW_N, FORM_OUTER, FORM_OUTER_T } form;

static form form_of(const pf_gemm_shape *s) {
  if (s->transpose_a && !s->transpose_b && s->m <= FEW) return FORM_OUTER;
  if (s->transpose_a && !s->transpose_b && s->n <= FEW) return FORM_OUTER_T;
  if (!s->transpose_a && s->k <= FEW) return FORM_FEW_K;
  if (!s->transpose_a && s->n <= FEW) return FORM_FEW_N;
  return FORM_NONE;
}

bool pf_small_gemm_fits(const pf_gemm_shape *shape) { return form_of(shape) != FORM_NONE; }

size_t pf_small_gemm_scratch(const pf_gemm_shape *s) {
  int64_t floats = form_of(s) == FORM_OUTER_T ? s->m * s->n : s->k * s->n;
  return (size_t)floats * sizeof(float);
}

/* y[j,i] = x[i,j] */
static const float *transpose(int64_t rows, int64_t columns, const float *x, float *y) {
  for (int64_t j = 0; j < columns; j++)
    for (int64_t i = 0; i < rows; i++) y[j * rows + i] = x[i * columns + j];
  return y;
}

#define PF_ROW PF_INDEPENDENT for (int64_t j = 0; j < n; j++)

PF_MULTIVERSION static void few_k(int64_t m, int64_t n, int64_t k, const float *a, const float *b, float *c) {
  for (int64_t r = 0; r < m; r++, a += k, c += n) {
    switch (k) {
    case 1: PF_ROW c[j] = a[0] * b[j]; break;
    case 2: PF_ROW c[j] = a[0] * b[j] + a[1] * b[n + j]; break;
    case 3: PF_ROW c[j] = a[0] * b[j] + a[1] * b[n + j] + a[2] * b[2 * n + j]; break;
    default: PF_ROW c[j] = (a[0] * b[j] + a[1] * b[n + j]) + (a[2] * b[2 * n + j] + a[3] * b[3 * n + j]);
    }
  }
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

PF_MULTIVERSION static void few_n(int64_t m, int64_t n, int64_t k, const float *a, const float *bt,
                                  float *c) {
  for (int64_t r = 0; r < m; r++)
    for (int64_t j = 0; j < n; j++) c[r * n + j] = dot(k, a + r * k, bt + j * k);
}

/* c[i,:] = sum_r a[r,i] b[r,:], a with `m` columns, four rows at a time so that c is loaded and stored less often. */
PF_MULTIVERSION static void outer(int64_t m, int64_t n, int64_t rows, const float *a, const float *b,
                                  float *c) {
  for (int64_t j = 0; j < m * n; j++) c[j] = 0.0f;
  int64_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    const float *b0 = b + r * n, *b1 = b0 + n, *b2 = b1 + n, *b3 = b2 + n;
    for (int64_t i = 0; i < m; i++) {
      float *ci = c + i * n;
      const float a0 = a[r * m + i], a1 = a[(r + 1) * m + i], a2 = a[(r + 2) * m + i],
                  a3 = a[(r + 3) * m + i];
      PF_ROW ci[j] += (a0 * b0[j] + a1 * b1[j]) + (a2 * b2[j] + a3 * b3[j]);
    }
  }
  for (; r < rows; r++)
    for (int64_t i = 0; i < m; i++) {
      float *ci = c + i * n;
      const float ai = a[r * m + i], *br = b + r * n;
      PF_ROW ci[j] += ai * br[j];
    }
}

void pf_small_gemm_run(const pf_gemm_shape *s, const float *a, const float *b, float *c, float *scratch) {
  switch (form_of(s)) {
  case FORM_FEW_K:
    few_k(s->m, s->n, s->k, a, s->transpose_b ? transpose(s->n, s->k, b, scratch) : b, c);
    break;
  case FORM_FEW_N:
    few_n(s->m, s->n, s->k, a, s->transpose_b ? b : transpose(s->k, s->n, b, scratch), c);
    break;
  case FORM_OUTER: outer(s->m, s->n, s->k, a, b, c); break;
  case FORM_OUTER_T:
    outer(s->n, s->m, s->k, b, a, scratch);
    transpose(s->n, s->m, scratch, c);
    break;
  case FORM_NONE: break;
  }
}
