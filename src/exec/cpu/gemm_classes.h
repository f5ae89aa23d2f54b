/* The tables of micro-kernels, one for each instruction-set class that the build knows. */
#ifndef PF_EXEC_CPU_GEMM_CLASSES_H
#define PF_EXEC_CPU_GEMM_CLASSES_H

#include "gemm_bf16.h"

extern const pf_gemm_kernels pf_gemm_kernels_plain, pf_gemm_kernels_v3, pf_gemm_kernels_v4;
extern const pf_bf16_kernels pf_bf16_kernels_plain, pf_bf16_kernels_amx;

#endif
