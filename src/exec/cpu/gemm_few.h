/* Inside the matrix product: forms with a few columns, for the last layer of a network on low-dimensional data. */
#ifndef PF_EXEC_CPU_GEMM_FEW_H
#define PF_EXEC_CPU_GEMM_FEW_H

#include "gemm.h"

bool pf_gemm_few_fits(const pf_gemm_shape *shape);
size_t pf_gemm_few_scratch_bytes(const pf_gemm_shape *shape);
void pf_gemm_few_run(const pf_gemm_shape *shape, const pf_gemm_operands *operands, void *scratch);

#endif
