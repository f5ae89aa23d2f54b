/* Blocks of bfloat16 products on AMX tiles: four accumulators of 16 x 16 floats, two tiles of A, two of B.
 *
 * The tile configuration belongs to the thread and is set for the length of one product.
 */
#include <immintrin.h>

#include "gemm_bf16.h"
#include "gemm_classes.h"

enum { TILE_BYTES = 64, LINE_BYTES = PF_BF16_BLOCK * 2 * sizeof(uint16_t) };

typedef struct tile_config {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} tile_config;

/* Static, because the intrinsic tells the compiler of the first eight bytes it reads alone. */
static const tile_config config = {.palette = 1,
                                   .row_bytes = {TILE_BYTES, TILE_BYTES, TILE_BYTES, TILE_BYTES, TILE_BYTES,
                                                 TILE_BYTES, TILE_BYTES, TILE_BYTES},
                                   .rows = {PF_BF16_TILE, PF_BF16_TILE, PF_BF16_TILE, PF_BF16_TILE,
                                            PF_BF16_TILE, PF_BF16_TILE, PF_BF16_TILE, PF_BF16_TILE}};

static void begin(void) { _tile_loadconfig(&config); }

static void end(void) { _tile_release(); }

static void block(const pf_bf16_block *t) {
  if (t->start) {
    const size_t row = (size_t)t->start_row * sizeof(float);
    const float *below = t->start + PF_BF16_TILE * t->start_row;
    _tile_loadd(0, t->start, row);
    _tile_loadd(1, t->start + PF_BF16_TILE, row);
    _tile_loadd(2, below, row);
    _tile_loadd(3, below + PF_BF16_TILE, row);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  const uint16_t *a = t->a, *b = t->b;
  const size_t a_row = (size_t)t->a_row * sizeof *a;
  for (int64_t s = 0; s < t->steps; s++, a += t->a_step, b += PF_BF16_STEP * PF_BF16_BLOCK) {
    _tile_loadd(6, b, LINE_BYTES);
    _tile_loadd(7, b + PF_BF16_STEP, LINE_BYTES);
    _tile_loadd(4, a, a_row);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_loadd(5, a + t->a_half, a_row);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  const size_t c_row = (size_t)t->c_row * sizeof(float);
  float *below = t->c + PF_BF16_TILE * t->c_row;
  _tile_stored(0, t->c, c_row);
  _tile_stored(1, t->c + PF_BF16_TILE, c_row);
  _tile_stored(2, below, c_row);
  _tile_stored(3, below + PF_BF16_TILE, c_row);
}

typedef uint16_t halves __attribute__((vector_size(32), aligned(2), may_alias));
typedef uint32_t words __attribute__((vector_size(64), aligned(4), may_alias));

/* One stage of a transposition: rows i and i + d swap the blocks off their diagonal. */
#define LOW(l, d)  ((l) & (d) ? 16 + (l) - (d) : (l))
#define HIGH(l, d) ((l) & (d) ? 16 + (l) : (l) + (d))
#define SHUFFLE(a, b, OF, d)                                                                                 \
  __builtin_shufflevector(a, b, OF(0, d), OF(1, d), OF(2, d), OF(3, d), OF(4, d), OF(5, d), OF(6, d),        \
                          OF(7, d), OF(8, d), OF(9, d), OF(10, d), OF(11, d), OF(12, d), OF(13, d),          \
                          OF(14, d), OF(15, d))
#define STAGE(d)                                                                                             \
  do {                                                                                                       \
    PF_UNROLL for (int i = 0; i < PF_BF16_TILE; i++) if (!(i & (d))) {                                       \
      const words a = v[i], b = v[i + (d)];                                                                  \
      v[i] = SHUFFLE(a, b, LOW, d);                                                                          \
      v[i + (d)] = SHUFFLE(a, b, HIGH, d);                                                                   \
    }                                                                                                        \
  } while (0)

/* Pairs of rows are words, and words are transposed. */
static void turn(const uint16_t *x, ptrdiff_t pitch, uint16_t *out) {
  words v[PF_BF16_TILE];
  PF_UNROLL for (int q = 0; q < PF_BF16_TILE; q++) {
    const halves even = *(const halves *)(x + 2 * q * pitch),
                 odd = *(const halves *)(x + (2 * q + 1) * pitch);
    v[q] = __builtin_convertvector(even, words) | __builtin_convertvector(odd, words) << 16;
  }
  STAGE(8);
  STAGE(4);
  STAGE(2);
  STAGE(1);
  PF_UNROLL for (int i = 0; i < PF_BF16_TILE; i++) * (words *)(void *)(out + i * PF_BF16_STEP) = v[i];
}

const pf_bf16_kernels pf_bf16_kernels_amx = {
    .name = "amx", .begin = begin, .end = end, .block = block, .turn = turn};
