/* Turning rows to columns, a part of the template gemm_tile.h: the packing of a transposed B. */

#if PF_TILE_LANES >= 8
enum { SIDE = 8 };
typedef float square_row __attribute__((vector_size(32), aligned(4), may_alias));

#define LOW_PAIRS(a, b)   __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define HIGH_PAIRS(a, b)  __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#define LOW_FOURS(a, b)   __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define HIGH_FOURS(a, b)  __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15)
#define LOW_HALVES(a, b)  __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11)
#define HIGH_HALVES(a, b) __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15)

/* A square of rows, `stride` apart, to columns, as lines `width` apart. */
PF_INLINE void turn_square(const float *x, int64_t stride, int64_t width, float *out) {
  square_row r[SIDE], pairs[SIDE], fours[SIDE];
  PF_UNROLL for (int i = 0; i < SIDE; i++) r[i] = *(const square_row *)(x + i * stride);
  PF_UNROLL for (int i = 0; i < SIDE; i += 2) {
    pairs[i] = LOW_PAIRS(r[i], r[i + 1]);
    pairs[i + 1] = HIGH_PAIRS(r[i], r[i + 1]);
  }
  PF_UNROLL for (int i = 0; i < SIDE; i += 4) PF_UNROLL for (int h = 0; h < 2; h++) {
    fours[i + 2 * h] = LOW_FOURS(pairs[i + h], pairs[i + h + 2]);
    fours[i + 2 * h + 1] = HIGH_FOURS(pairs[i + h], pairs[i + h + 2]);
  }
  PF_UNROLL for (int i = 0; i < 4; i++) {
    *(square_row *)(out + i * width) = LOW_HALVES(fours[i], fours[i + 4]);
    *(square_row *)(out + (i + 4) * width) = HIGH_HALVES(fours[i], fours[i + 4]);
  }
}
#else
enum { SIDE = 4 };
typedef float square_row __attribute__((vector_size(16), aligned(4), may_alias));

/* A square of rows, `stride` apart, to columns, as lines `width` apart. */
PF_INLINE void turn_square(const float *x, int64_t stride, int64_t width, float *out) {
  square_row r[SIDE];
  PF_UNROLL for (int i = 0; i < SIDE; i++) r[i] = *(const square_row *)(x + i * stride);
  const square_row a = __builtin_shufflevector(r[0], r[1], 0, 4, 1, 5),
                   b = __builtin_shufflevector(r[0], r[1], 2, 6, 3, 7),
                   c = __builtin_shufflevector(r[2], r[3], 0, 4, 1, 5),
                   d = __builtin_shufflevector(r[2], r[3], 2, 6, 3, 7);
  *(square_row *)out = __builtin_shufflevector(a, c, 0, 1, 4, 5);
  *(square_row *)(out + width) = __builtin_shufflevector(a, c, 2, 3, 6, 7);
  *(square_row *)(out + 2 * width) = __builtin_shufflevector(b, d, 0, 1, 4, 5);
  *(square_row *)(out + 3 * width) = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}
#endif

/* A cache line of every row at a time. */
static void turn(const float *x, int64_t stride, int64_t rows, int64_t k, int64_t width, float *out) {
  for (int64_t begin = 0; begin < k; begin += PF_CACHE_LINE) {
    const int64_t end = begin + PF_CACHE_LINE < k ? begin + PF_CACHE_LINE : k;
    for (int64_t j = 0; j < rows; j += SIDE) {
      const int64_t wide = rows - j < SIDE ? rows - j : SIDE;
      int64_t p = begin;
      for (; wide == SIDE && p + SIDE <= end; p += SIDE)
        turn_square(x + j * stride + p, stride, width, out + p * width + j);
      for (int64_t i = 0; i < wide; i++)
        for (int64_t q = p; q < end; q++) out[q * width + j + i] = x[(j + i) * stride + q];
    }
  }
}
