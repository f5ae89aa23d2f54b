/* Matrix products for x86-64-v4: 32 registers of 16 floats, 12 x 32 of them C. */
#define PF_TILE_LANES   16
#define PF_TILE_VECTORS 2
#define PF_TILE_ROWS    12
#define PF_TILE_LINES   1
#define PF_TILE_TABLE   pf_gemm_kernels_v4
#define PF_TILE_CLASS   "x86-64-v4"
#include "gemm_tile.h"
