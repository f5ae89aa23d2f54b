/* Bulk random numbers: Philox4x32-10 and Box-Muller over many rows at once.
 *
 * An item is one (row, block) pair: four words, so at most four neighbouring values of a row. Items are
 * taken in row-major order, TILE at a time, as structure-of-arrays, and every loop over items runs in
 * groups of VECTOR: the compiler turns a group into one, two or four vectors. Each value goes through
 * the same float operations whatever its place in a tile, so neither the chunk nor the clone of the
 * function changes a bit (the build forbids contraction into fused multiply-adds).
 *
 * Box-Muller from two words a, b (Box and Muller 1958):
 *   u = (a + 1/2) / 2^32 in (0, 1],  radius r = sqrt(-2 log u) <= 6.77,
 *   angle = 2 pi b / 2^32,           out = r cos(angle), r sin(angle).
 * log, sin and cos are polynomials with the coefficients of the Cephes library's logf, sinf and cosf
 * (S. Moshier), good to about 1 unit in the last place on the reduced ranges used here.
 */
#include "rng.h"

#include <math.h>
#include <string.h>

#include "canary.h"
#include "cpu.h"
#include "philox.h"
#include "rng_key.h"

enum { VECTOR = PF_PHILOX_STEP, TILE = PF_PHILOX_TILE };

/* What all items of a fill share. */
typedef struct source {
  pf_philox_run *run;
  pf_philox_keys keys;
  uint32_t stream;
} source;

/* Words on the way in: counters (row low, row high, block); on the way out: the four random words. */
typedef struct tile {
  _Alignas(64) uint32_t w[4][TILE];
  _Alignas(64) float z[4][TILE];
  int items;
} tile;

/* Where the items of a fill stand: rows x blocks, row-major. */
typedef struct cursor {
  uint64_t row, end_row;
  uint32_t block, blocks;
} cursor;

static pf_philox_run *fastest_philox(void) {
  PF_X86(if (pf_cpu_runs("x86-64-v4")) return pf_philox_run_v4;
         if (pf_cpu_runs("x86-64-v3")) return pf_philox_run_v3;)
  return pf_philox_run_plain;
}

static source open_source(uint64_t seed, uint32_t stream, uint64_t step) {
  uint64_t key = pf_philox_key(seed, step);
  source from = {.run = fastest_philox(), .stream = stream};
  for (int r = 0; r < PF_PHILOX_ROUNDS;
       r++) { /* the Weyl constants of Philox: golden ratio and sqrt(3) - 1 */
    from.keys.k0[r] = (uint32_t)key + (uint32_t)r * 0x9E3779B9u;
    from.keys.k1[r] = (uint32_t)(key >> 32) + (uint32_t)r * 0xBB67AE85u;
  }
  return from;
}

/* Rows of one block: items one after the other. */
static int take_rows(cursor *at, tile *t) {
  const uint64_t row = at->row, left = at->end_row - row;
  const int n = left < TILE ? (int)left : TILE;
  for (int i = 0; i < n; i++) {
    t->w[0][i] = (uint32_t)(row + (uint64_t)i);
    t->w[1][i] = (uint32_t)((row + (uint64_t)i) >> 32);
    t->w[2][i] = 0;
  }
  at->row += (uint64_t)n;
  return n;
}

/* Takes up to TILE items from the cursor; the last group is filled up with items nobody reads. */
PF_INLINE void take_items(cursor *at, tile *t) {
  int n = at->blocks == 1 ? take_rows(at, t) : 0;
  while (n < TILE && at->row != at->end_row) {
    t->w[0][n] = (uint32_t)at->row;
    t->w[1][n] = (uint32_t)(at->row >> 32);
    t->w[2][n] = at->block;
    n++;
    if (++at->block == at->blocks) {
      at->block = 0;
      at->row++;
    }
  }
  t->items = n;
  for (; n % VECTOR != 0; n++) t->w[0][n] = t->w[1][n] = t->w[2][n] = 0;
}

static void draw_words(const source *from, tile *t) {
  from->run(&from->keys, from->stream, (t->items + VECTOR - 1) / VECTOR * VECTOR, t->w);
}

PF_INLINE float as_float(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

PF_INLINE uint32_t as_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

/* log u for u in [2^-33, 1]: u = 2^e (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)). */
PF_INLINE float log_unit(float u) {
  uint32_t bits = as_bits(u);
  int32_t e = (int32_t)(bits - 0x3F3504F3u) >> 23;
  float f = as_float(bits - ((uint32_t)e << 23)) - 1.0f;
  float z = f * f, exponent = (float)e;
  float p = 7.0376836292e-2f;
  p = p * f - 1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f - 1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f - 1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f - 2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  float y = p * f * z - 2.12194440e-4f * exponent; /* log 2 = 0.693359375 - 2.1219444e-4 */
  y = y - 0.5f * z;
  return (f + y) + 0.693359375f * exponent;
}

/* cos and sin of 2 pi w / 2^32: the nearest quarter turn q, and |x| <= pi/4 from the lower 30 bits. */
PF_INLINE void turn(uint32_t w, float *cosine, float *sine) {
  uint32_t q = (w + 0x20000000u) >> 30;
  float x = (float)(int32_t)(w << 2) * (0.785398163397448310f * 0x1p-31f);
  float z = x * x;
  float s = ((-1.9515295891e-4f * z + 8.3321608736e-3f) * z - 1.6666654611e-1f) * z * x + x;
  float c = ((2.443315711809948e-5f * z - 1.388731625493765e-3f) * z + 4.166664568298827e-2f) * z * z;
  c = c - 0.5f * z + 1.0f;
  uint32_t odd = 0u - (q & 1u), bits_s = as_bits(s), bits_c = as_bits(c);
  uint32_t swap = (bits_s ^ bits_c) & odd;
  *cosine = as_float((bits_c ^ swap) ^ (((q + 1u) & 2u) << 30));
  *sine = as_float((bits_s ^ swap) ^ ((q & 2u) << 30));
}

PF_INLINE void box_muller_tile(tile *t, int pair) {
  const uint32_t *a = t->w[2 * pair], *b = t->w[2 * pair + 1];
  float *z0 = t->z[2 * pair], *z1 = t->z[2 * pair + 1];
  for (int i = 0; i < t->items; i += VECTOR) {
    for (int j = i; j < i + VECTOR; j++) {
      float radius = sqrtf(-2.0f * log_unit((float)a[j] * 0x1p-32f + 0x1p-33f));
      float cosine, sine;
      turn(b[j], &cosine, &sine);
      z0[j] = radius * PF_CANARY(BOX_MULLER_ANGLE, cosine, sine);
      z1[j] = radius * sine;
    }
  }
}

PF_INLINE void uniform_tile(tile *t, int columns) {
  for (int k = 0; k < columns; k++) {
    for (int j = 0; j < t->items; j++) t->z[k][j] = ((float)(int32_t)(t->w[k][j] >> 9) + 0.5f) * 0x1p-23f;
  }
}

/* Values of the items as rows: the last block of a row may be cut. Returns where to go on. */
PF_INLINE float *store_tile(const tile *t, uint32_t block, uint32_t blocks, size_t columns, float *out) {
  int n = t->items;
  if (columns == 1) {
    memcpy(out, t->z[0], (size_t)n * sizeof *out);
    return out + n;
  }
  if (columns == 2) {
    for (int i = 0; i < n; i++) {
      out[2 * i] = t->z[0][i];
      out[2 * i + 1] = t->z[1][i];
    }
    return out + 2 * n;
  }
  if (columns % 4 == 0) {
    for (int i = 0; i < n; i++) {
      for (int k = 0; k < 4; k++) out[4 * i + k] = t->z[k][i];
    }
    return out + 4 * n;
  }
  int last = (int)(columns - 4 * (size_t)(blocks - 1)); /* values of a row's last block, 1..3 */
  for (int i = 0; i < n; i++) {
    int values = block + 1 == blocks ? last : 4;
    for (int k = 0; k < values; k++) *out++ = t->z[k][i];
    block = block + 1 == blocks ? 0 : block + 1;
  }
  return out;
}

PF_MULTIVERSION
static void fill_normal(const source *from, cursor at, size_t columns, float *out) {
  tile t;
  while (at.row != at.end_row) {
    uint32_t block = at.block;
    take_items(&at, &t);
    draw_words(from, &t);
    box_muller_tile(&t, 0);
    if (columns > 2) box_muller_tile(&t, 1);
    out = store_tile(&t, block, at.blocks, columns, out);
  }
}

PF_MULTIVERSION
static void fill_uniform(const source *from, cursor at, size_t columns, float *out) {
  tile t;
  while (at.row != at.end_row) {
    uint32_t block = at.block;
    take_items(&at, &t);
    draw_words(from, &t);
    uniform_tile(&t, columns < 4 ? (int)columns : 4);
    out = store_tile(&t, block, at.blocks, columns, out);
  }
}

PF_MULTIVERSION
static void fill_index(const source *from, cursor at, uint32_t bound, float *out) {
  tile t;
  while (at.row != at.end_row) {
    take_items(&at, &t);
    draw_words(from, &t);
    /* floor(bound * (a + b / 2^32) / 2^32): 64 random bits, so the outcomes' chances differ by 2^-64. */
    for (int j = 0; j < t.items; j++) {
      uint64_t high = (uint64_t)t.w[0][j] * bound, low = (uint64_t)t.w[1][j] * bound;
      out[j] = (float)(int32_t)((high + (low >> 32)) >> 32);
    }
    out += t.items;
  }
}

static cursor rows_from(uint64_t row0, size_t rows, size_t columns) {
  return (cursor){.row = row0, .end_row = row0 + rows, .blocks = (uint32_t)((columns + 3) / 4)};
}

void pf_fill_normal_f32(uint64_t seed, uint32_t stream, uint64_t step, uint64_t row0, size_t rows,
                        size_t columns, float *out) {
  if (columns == 0) return;
  const source from = open_source(seed, stream, step);
  fill_normal(&from, rows_from(row0, rows, columns), columns, out);
}

void pf_fill_uniform_f32(uint64_t seed, uint32_t stream, uint64_t step, uint64_t row0, size_t rows,
                         size_t columns, float *out) {
  if (columns == 0) return;
  const source from = open_source(seed, stream, step);
  fill_uniform(&from, rows_from(row0, rows, columns), columns, out);
}

void pf_fill_index_f32(uint64_t seed, uint32_t stream, uint64_t step, uint64_t row0, size_t rows,
                       uint32_t bound, float *out) {
  const source from = open_source(seed, stream, step);
  fill_index(&from, rows_from(row0, rows, 1), bound, out);
}
