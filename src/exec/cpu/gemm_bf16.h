/* Matrix products of bfloat16 operands with sums in single precision: C = op(A) op(B).
 *
 * Activations are stored in bfloat16, rows pf_bf16_pitch(items) apart; weights are rounded as they are packed. Two forms
 * exist: A by rows with a packed B (activations times weights, either way round) and A transposed with a plain B (sums over
 * rows). The AMX kernels and the portable ones see the same operands and sum in the same order: by Intel's manual they make
 * the same bits, but for subnormal numbers.
 */
#ifndef PF_EXEC_CPU_GEMM_BF16_H
#define PF_EXEC_CPU_GEMM_BF16_H

#include "bf16.h"
#include "gemm.h"

enum { PF_BF16_TILE = 16, PF_BF16_BLOCK = 32 /* rows and columns of a block of C: two tiles by two */ };

/* One block of C. Strides in elements. */
typedef struct pf_bf16_block {
  int64_t steps;                   /* of PF_BF16_STEP elements of k */
  const uint16_t *a;               /* element (i, p) of step s: a + s * a_step + i * a_row + p, i < 16 */
  ptrdiff_t a_row, a_step, a_half; /* rows 16.. are a_half further */
  const uint16_t *b;               /* step s: 16 lines of 32 columns' pairs (B(2q, j), B(2q + 1, j)) */
  const float *start;              /* NULL: zeros */
  ptrdiff_t start_row;             /* 0: the same row for all */
  float *c;
  ptrdiff_t c_row;
} pf_bf16_block;

typedef struct pf_bf16_kernels {
  const char *name;
  void (*begin)(void); /* before and after a thread's blocks */
  void (*end)(void);
  void (*block)(const pf_bf16_block *block);
  /* out[i][r] = x[r * pitch + i], i < 16, r < 32 */
  void (*turn)(const uint16_t *x, ptrdiff_t pitch, uint16_t *out);
} pf_bf16_kernels;

/* AMX where the processor and the system have it, else the portable ones. */
const pf_bf16_kernels *pf_gemm_bf16_best(void);
/* Does this machine multiply in bfloat16 faster than in single precision? */
bool pf_gemm_bf16_is_fast(void);
/* All that this machine can run, the fastest first; returns how many. */
int pf_gemm_bf16_available(const pf_bf16_kernels *out[2]);

/* Can this product run in bfloat16, and is it large enough to gain? Not a question of A's rows: a row's result does not
 * depend on the rows beside it. */
bool pf_gemm_bf16_fits(const pf_gemm_shape *shape);

/* Elements of a packed B. */
int64_t pf_gemm_bf16_packed_items(const pf_gemm_shape *shape);
void pf_gemm_bf16_pack(const pf_gemm_shape *shape, const float *b, uint16_t *packed);

typedef struct pf_gemm_bf16_operands {
  const uint16_t *a, *b; /* b is packed, or of k rows when A is transposed */
  const float *start;    /* as for pf_gemm_run */
  int64_t start_stride;
  float *c;
} pf_gemm_bf16_operands;

size_t pf_gemm_bf16_scratch_bytes(const pf_gemm_shape *shape);
void pf_gemm_bf16_run(const pf_bf16_kernels *kernels, const pf_gemm_shape *shape,
                      const pf_gemm_bf16_operands *operands, void *scratch);

/* One row of a packed product: a is a row of A, start one row or NULL, c a row of C, scratch a row of A as floats. */
void pf_gemm_bf16_row(const pf_gemm_shape *shape, const uint16_t *a, const uint16_t *b, const float *start,
                      float *c, float *scratch);

#endif
