/* Block kernels: one element-wise operation over a contiguous block of floats, and the sums over blocks.
 *
 * Kernels know no shapes. A binary operation exists in three forms: both operands full (VV), the right one a
 * single value (VS), the left one (SV). The destination may be an operand itself, never overlap one partly.
 */
#ifndef PF_EXEC_CPU_KERNELS_H
#define PF_EXEC_CPU_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* NAME of the graph's op, scalar expression of x */
#define PF_UNARY_KERNELS(X)                                                                                  \
  X(NEG, -x)                                                                                                 \
  X(EXP, pf_math_exp(x))                                                                                     \
  X(LOG, pf_math_log(x))                                                                                     \
  X(SQRT, sqrtf(x))                                                                                          \
  X(TANH, pf_math_tanh(x))                                                                                   \
  X(SIGMOID, pf_math_sigmoid(x))                                                                             \
  X(SILU, pf_math_silu(x))                                                                                   \
  X(SILU_SLOPE, pf_math_silu_slope(x))                                                                       \
  X(SOFTPLUS, pf_math_softplus(x))                                                                           \
  X(LOG_2COSH, pf_math_log_2cosh(x))                                                                         \
  X(SIN, pf_math_sine_pair(x).sine)                                                                          \
  X(COS, pf_math_sine_pair(x).cosine)                                                                        \
  X(ERF, pf_math_erf(x))                                                                                     \
  X(ABS, fabsf(x))                                                                                           \
  X(SIGN, pf_math_sign(x))

/* NAME of the graph's op, scalar expression of x and y */
#define PF_BINARY_KERNELS(X)                                                                                 \
  X(ADD, x + y)                                                                                              \
  X(SUB, x - y)                                                                                              \
  X(MUL, x *y)                                                                                               \
  X(DIV, x / y)                                                                                              \
  X(MAX, pf_math_max(x, y))                                                                                  \
  X(MIN, pf_math_min(x, y))                                                                                  \
  X(LESS, x < y ? 1.0f : 0.0f)

typedef enum pf_kernel {
  PF_KERNEL_COPY,
#define PF_X(NAME, expression) PF_KERNEL_##NAME,
  PF_UNARY_KERNELS(PF_X)
#undef PF_X
#define PF_X(NAME, expression) PF_KERNEL_##NAME, PF_KERNEL_##NAME##_VS, PF_KERNEL_##NAME##_SV,
      PF_BINARY_KERNELS(PF_X)
#undef PF_X
          PF_KERNEL_SELECT, /* a != 0 ? b : c */
  PF_KERNEL_COUNT
} pf_kernel;

/* out[i] = op(a[i], b[i], c[i]) for i < n; unused operands may be NULL, S operands are read at [0]. */
void pf_kernel_run(pf_kernel kernel, size_t n, const float *a, const float *b, const float *c, float *out);

/* Two operations on the same operand that share most of their work: NAME of the first and of the second. */
#define PF_KERNEL_PAIRS(X) X(SILU, SILU_SLOPE) X(SIN, COS)
typedef enum pf_pair {
#define PF_X(FIRST, SECOND) PF_PAIR_##FIRST,
  PF_KERNEL_PAIRS(PF_X)
#undef PF_X
      PF_PAIR_COUNT
} pf_pair;

/* Both, the same bits as each alone. */
void pf_kernel_run_pair(pf_pair pair, size_t n, const float *x, float *first, float *second);

/* Rows of x rounded to bfloat16, `pitch` elements apart; what lies between them is left alone. */
void pf_kernel_narrow(size_t rows, size_t columns, const float *x, uint16_t *out, size_t pitch);

void pf_kernel_fill(size_t n, float value, float *out);

/* sums[c] += x[r][c] over rows r in order, for x of rows x columns. */
void pf_kernel_add_rows(size_t rows, size_t columns, const float *x, float *sums);
/* The same into doubles, for the few columns of a loss. */
void pf_kernel_add_rows_wide(size_t rows, size_t columns, const float *x, double *sums);
/* out[r] = sum of x[r][0..columns): 16 running sums added by a fixed tree. */
void pf_kernel_sum_columns(size_t rows, size_t columns, const float *x, float *out);

#endif
