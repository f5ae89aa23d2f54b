/* Contractions: C = op(A) op(B) in f32, row-major, fixed shapes. The only file behind it that knows oneDNN.
 *
 * A set holds every contraction of one program. Executing one needs state that two threads must not share (oneDNN
 * memory objects, a stream), so the set keeps a few contexts; a lane enters one and leaves it when done. All
 * scratch memory is the caller's.
 */
#ifndef PF_EXEC_CPU_CONTRACTION_H
#define PF_EXEC_CPU_CONTRACTION_H

#include "../../base/status.h"

/* op(A) is m x k, op(B) k x n, C m x n. A transposed operand is stored the other way round. */
typedef struct pf_gemm_shape {
  int64_t m, n, k;
  bool transpose_a, transpose_b;
} pf_gemm_shape;

typedef struct pf_contractions pf_contractions;

/* An empty set with room for `capacity` different shapes. */
pf_status pf_contractions_create(int capacity, pf_contractions **out, pf_error *error);
void pf_contractions_free(pf_contractions *set);
/* *index names the contraction; equal shapes share one. *scratch_bytes: 64-byte aligned memory a run needs. */
pf_status pf_contractions_add(pf_contractions *set, const pf_gemm_shape *shape, int *index,
                              size_t *scratch_bytes, pf_error *error);

/* What a thread holds while it runs contractions. */
typedef struct pf_contraction_lease {
  int context;
  int threads; /* the caller's OpenMP thread count, restored on leaving */
} pf_contraction_lease;

/* Claims a context (waits while all are taken) and sets this thread's OpenMP team to one. */
pf_contraction_lease pf_contractions_enter(pf_contractions *set);
void pf_contractions_leave(pf_contractions *set, pf_contraction_lease lease);

/* Overwrites c. Should oneDNN refuse, c is filled with NaN: the result must not look valid. */
void pf_contractions_run(pf_contractions *set, int context, int index, const float *a, const float *b,
                         float *c, void *scratch);

/* ---- own loops for shapes with a side of a few elements (data dimensions, heads) ---- */

bool pf_small_gemm_fits(const pf_gemm_shape *shape);
size_t pf_small_gemm_scratch(const pf_gemm_shape *shape);
void pf_small_gemm_run(const pf_gemm_shape *shape, const float *a, const float *b, float *c, float *scratch);

#endif
