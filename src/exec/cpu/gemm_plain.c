/* Matrix products for any processor with vectors of 4 floats (SSE2, NEON). */
#define PF_TILE_LANES   4
#define PF_TILE_VECTORS 2
#define PF_TILE_ROWS    6
#define PF_TILE_LINES   1
#define PF_TILE_TABLE   pf_gemm_kernels_plain
#define PF_TILE_CLASS   "plain"
#include "gemm_tile.h"
