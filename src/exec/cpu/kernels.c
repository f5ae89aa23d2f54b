/* Block kernels: the loops the compiler vectorises, once per instruction-set class. */
#include "kernels.h"

#include "bf16.h"
#include "math.h"

/* No loop here carries a dependence: a destination is an operand itself or disjoint from it. */
#define PF_LOOP PF_INDEPENDENT for (size_t i = 0; i < n; i++)

/* One binary loop: `left` and `right` name the operands' values at i, `setup` reads a single value once. */
#define PF_FORM(NAME, expression, setup, left, right)                                                        \
  case PF_KERNEL_##NAME: {                                                                                   \
    setup;                                                                                                   \
    PF_INDEPENDENT PF_UNROLL_BY_FOUR for (size_t i = 0; i < n; i++) {                                        \
      const float x = left, y = right;                                                                       \
      out[i] = expression;                                                                                   \
    }                                                                                                        \
    break;                                                                                                   \
  }

/* A block's first multiple of PF_ABREAST * STRETCH values as PF_ABREAST stretches side by side; returns how many that is. */
enum { STRETCH = 16 };

PF_INLINE size_t run_silus(size_t n, const float *a, float *out) {
  const size_t step = n / (PF_ABREAST * STRETCH) * STRETCH;
  PF_INDEPENDENT for (size_t i = 0; i < step; i++) {
    float x[PF_ABREAST], y[PF_ABREAST];
    PF_UNROLL for (size_t q = 0; q < PF_ABREAST; q++) x[q] = a[i + q * step];
    pf_math_silus(PF_ABREAST, x, y);
    PF_UNROLL for (size_t q = 0; q < PF_ABREAST; q++) out[i + q * step] = y[q];
  }
  return PF_ABREAST * step;
}

PF_INLINE size_t run_silu_pairs(size_t n, const float *a, float *silu, float *slope) {
  const size_t step = n / (PF_ABREAST * STRETCH) * STRETCH;
  PF_INDEPENDENT for (size_t i = 0; i < step; i++) {
    float x[PF_ABREAST], y[PF_ABREAST], z[PF_ABREAST];
    PF_UNROLL for (size_t q = 0; q < PF_ABREAST; q++) x[q] = a[i + q * step];
    pf_math_silu_pairs(PF_ABREAST, x, y, z);
    PF_UNROLL for (size_t q = 0; q < PF_ABREAST; q++) silu[i + q * step] = y[q];
    PF_UNROLL for (size_t q = 0; q < PF_ABREAST; q++) slope[i + q * step] = z[q];
  }
  return PF_ABREAST * step;
}

PF_MULTIVERSION void pf_kernel_run(pf_kernel kernel, size_t n, const float *a, const float *b, const float *c,
                                   float *out) {
  if (kernel == PF_KERNEL_SILU) { /* what this leaves goes one by one */
    const size_t done = run_silus(n, a, out);
    n -= done;
    a += done;
    out += done;
  }
  switch (kernel) {
  case PF_KERNEL_COPY: PF_LOOP { out[i] = a[i];
    }
    break;
#define PF_X(NAME, expression)                                                                               \
  case PF_KERNEL_##NAME:                                                                                     \
    PF_LOOP {                                                                                                \
      const float x = a[i];                                                                                  \
      out[i] = expression;                                                                                   \
    }                                                                                                        \
    break;
    PF_UNARY_KERNELS(PF_X)
#undef PF_X
#define PF_X(NAME, expression)                                                                               \
  PF_FORM(NAME, expression, (void)0, a[i], b[i])                                                             \
  PF_FORM(NAME##_VS, expression, const float s = b[0], a[i], s)                                              \
  PF_FORM(NAME##_SV, expression, const float s = a[0], s, b[i])
    PF_BINARY_KERNELS(PF_X)
#undef PF_X
  case PF_KERNEL_SELECT:
    PF_LOOP {
      const float x = b[i], y = c[i];
      out[i] = a[i] != 0.0f ? x : y;
    }
    break;
  case PF_KERNEL_COUNT: break;
  }
}

PF_MULTIVERSION void pf_kernel_run_pair(pf_pair pair, size_t n, const float *x, float *first, float *second) {
  switch (pair) {
  case PF_PAIR_SILU:
    PF_INDEPENDENT for (size_t i = run_silu_pairs(n, x, first, second); i < n; i++) {
      const float at = x[i];
      float silu, slope;
      pf_math_silu_pairs(1, &at, &silu, &slope);
      first[i] = silu;
      second[i] = slope;
    }
    break;
  case PF_PAIR_SIN:
    PF_INDEPENDENT for (size_t i = 0; i < n; i++) {
      const pf_sine_pair both = pf_math_sine_pair(x[i]);
      first[i] = both.sine;
      second[i] = both.cosine;
    }
    break;
  case PF_PAIR_COUNT: break;
  }
}

PF_MULTIVERSION void pf_kernel_narrow(size_t rows, size_t columns, const float *x, uint16_t *out,
                                      size_t pitch) {
  if (pitch == columns) {
    columns *= rows;
    rows = 1;
  }
  for (size_t r = 0; r < rows; r++, x += columns, out += pitch)
    PF_INDEPENDENT for (size_t c = 0; c < columns; c++) out[c] = pf_bf16_from(x[c]);
}

PF_MULTIVERSION void pf_kernel_fill(size_t n, float value, float *out) {
  for (size_t i = 0; i < n; i++) out[i] = value;
}

typedef float octet __attribute__((vector_size(32), aligned(4), may_alias));
enum { OCTET = 8, STRIP = 8 /* octets of a strip */ };

/* A strip of columns, its sums in registers all the way down. */
PF_INLINE void add_strip(size_t rows, size_t columns, const float *x, float *sums) {
  octet s[STRIP];
  PF_UNROLL for (int q = 0; q < STRIP; q++) s[q] = *(const octet *)(sums + q * OCTET);
  for (size_t r = 0; r < rows; r++, x += columns)
    PF_UNROLL for (int q = 0; q < STRIP; q++) s[q] += *(const octet *)(x + q * OCTET);
  PF_UNROLL for (int q = 0; q < STRIP; q++) * (octet *)(sums + q * OCTET) = s[q];
}

/* Columns that fill no strip: four rows or two at a time, so that a sum is loaded and stored less often. */
PF_INLINE void add_narrow(size_t rows, size_t columns, size_t n, const float *x, float *sums) {
  size_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    const float *a = x + r * columns, *b = a + columns, *d = b + columns, *e = d + columns;
    PF_INDEPENDENT for (size_t c = 0; c < n; c++) sums[c] = (((sums[c] + a[c]) + b[c]) + d[c]) + e[c];
  }
  for (; r + 2 <= rows; r += 2) {
    const float *a = x + r * columns, *b = a + columns;
    PF_INDEPENDENT for (size_t c = 0; c < n; c++) sums[c] = (sums[c] + a[c]) + b[c];
  }
  for (; r < rows; r++) {
    const float *a = x + r * columns;
    PF_INDEPENDENT for (size_t c = 0; c < n; c++) sums[c] += a[c];
  }
}

/* The order of additions is that of the rows. */
PF_MULTIVERSION void pf_kernel_add_rows(size_t rows, size_t columns, const float *x, float *sums) {
  size_t c = 0;
  for (; c + STRIP * OCTET <= columns; c += STRIP * OCTET) add_strip(rows, columns, x + c, sums + c);
  if (c < columns) add_narrow(rows, columns, columns - c, x + c, sums + c);
}

PF_INLINE void add_wide(size_t rows, const size_t columns, const float *x, double *sums) {
  double s[4];
  for (size_t c = 0; c < columns; c++) s[c] = sums[c];
  for (size_t r = 0; r < rows; r++, x += columns)
    for (size_t c = 0; c < columns; c++) s[c] += (double)x[c];
  for (size_t c = 0; c < columns; c++) sums[c] = s[c];
}

PF_MULTIVERSION void pf_kernel_add_rows_wide(size_t rows, size_t columns, const float *x, double *sums) {
  switch (columns) { /* as many as the compiler keeps in registers */
  case 1: add_wide(rows, 1, x, sums); return;
  case 2: add_wide(rows, 2, x, sums); return;
  case 3: add_wide(rows, 3, x, sums); return;
  case 4: add_wide(rows, 4, x, sums); return;
  default: break;
  }
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < columns; c++) sums[c] += (double)x[r * columns + c];
}

enum { SUM_LANES = 16 };

PF_INLINE float sum_row(size_t n, const float *x) {
  float s[SUM_LANES] = {0};
  size_t i = 0;
  for (; i + SUM_LANES <= n; i += SUM_LANES)
    for (size_t l = 0; l < SUM_LANES; l++) s[l] += x[i + l];
  for (size_t l = 0; i + l < n; l++) s[l] += x[i + l];
  for (size_t half = SUM_LANES / 2; half > 0; half /= 2)
    for (size_t l = 0; l < half; l++) s[l] += s[l + half];
  return s[0];
}

PF_MULTIVERSION void pf_kernel_sum_columns(size_t rows, size_t columns, const float *x, float *out) {
  if (columns > 4) {
    for (size_t r = 0; r < rows; r++) out[r] = sum_row(columns, x + r * columns);
    return;
  }
  for (size_t r = 0; r < rows; r++) { /* data dimensions: too short for vectors */
    float sum = x[r * columns];
    for (size_t c = 1; c < columns; c++) sum += x[r * columns + c];
    out[r] = sum;
  }
}
