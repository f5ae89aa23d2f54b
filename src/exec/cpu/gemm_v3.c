/* Matrix products for x86-64-v3: 16 registers of 8 floats, 6 x 16 of them C. */
#define PF_TILE_LANES   8
#define PF_TILE_VECTORS 2
#define PF_TILE_ROWS    6
#define PF_TILE_LINES   4
#define PF_TILE_TABLE   pf_gemm_kernels_v3
#define PF_TILE_CLASS   "x86-64-v3"
#include "gemm_tile.h"
