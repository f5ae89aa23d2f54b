/* Philox known answers, the bulk fills against the words they are made of, chunk invariance and the
 * laws of the numbers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "base/philox.h"
#include "base/rng.h"
#include "base/rng_key.h"

static const uint64_t SEED = 42;

/* ---- Philox ---- */

static uint64_t unshift(uint64_t y, int shift) { /* x from y = x ^ (x >> shift) */
  uint64_t x = y;
  for (int i = 0; i < 64 / shift + 1; i++) x = y ^ (x >> shift);
  return x;
}

static uint64_t inverse_odd(uint64_t a) { /* Newton's iteration modulo 2^64 */
  uint64_t x = a;
  for (int i = 0; i < 6; i++) x *= 2 - a * x;
  return x;
}

static uint64_t unmix64(uint64_t x) {
  x = unshift(x, 31) * inverse_odd(UINT64_C(0x94D049BB133111EB));
  x = unshift(x, 27) * inverse_odd(UINT64_C(0xBF58476D1CE4E5B9));
  return unshift(x, 30);
}

/* The seed whose key at step 0 is the given one. */
static uint64_t seed_of_key(uint32_t k0, uint32_t k1) { return unmix64(unmix64((uint64_t)k1 << 32 | k0)); }

/* Random123's kat_vectors, philox4x32 10: counter, key, answer. */
static void philox_known_answers(void **state) {
  (void)state;
  static const uint32_t kat[][10] = {
      {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
      {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e,
       0xa20bc7c6, 0x6d5451fd},
      {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb,
       0x5001e420, 0x24126ea1},
  };
  for (size_t i = 0; i < sizeof kat / sizeof *kat; i++) {
    const uint32_t *v = kat[i];
    uint32_t words[4];
    pf_philox(seed_of_key(v[4], v[5]), v[3], 0, (uint64_t)v[1] << 32 | v[0], v[2], words);
    assert_memory_equal(words, v + 6, sizeof words);
  }
}

/* Words of many counters at once, by each class of instructions that this processor runs. */
static void every_class_gives_the_words(void **state) {
  (void)state;
  struct {
    const char *name;
    pf_philox_run *run;
  } const classes[] = {{"plain", pf_philox_run_plain},
                       PF_X86({"x86-64-v3", pf_philox_run_v3}, {"x86-64-v4", pf_philox_run_v4})};
  const uint64_t key = pf_philox_key(SEED, 5);
  pf_philox_keys keys;
  for (int r = 0; r < PF_PHILOX_ROUNDS; r++) {
    keys.k0[r] = (uint32_t)key + (uint32_t)r * 0x9E3779B9u;
    keys.k1[r] = (uint32_t)(key >> 32) + (uint32_t)r * 0xBB67AE85u;
  }
  for (size_t c = 0; c < sizeof classes / sizeof *classes; c++)
    for (int items = PF_PHILOX_STEP; items <= PF_PHILOX_TILE && pf_cpu_runs(classes[c].name);
         items += 5 * PF_PHILOX_STEP) {
      uint32_t w[4][PF_PHILOX_TILE], want[4];
      memset(w, 0xAB, sizeof w);
      for (uint32_t i = 0; i < (uint32_t)items; i++)
        w[0][i] = 0xFFFFFFF0u + i, w[1][i] = 0x9000000Fu * i, w[2][i] = ~i;
      classes[c].run(&keys, PF_STREAM_TEST, items, w);
      for (uint32_t i = 0; i < (uint32_t)items; i++) {
        pf_philox(SEED, PF_STREAM_TEST, 5, (uint64_t)(0x9000000Fu * i) << 32 | (0xFFFFFFF0u + i), ~i, want);
        for (int k = 0; k < 4; k++)
          if (w[k][i] != want[k]) fail_msg("%s: word %d of item %u of %d", classes[c].name, k, i, items);
      }
      for (int i = items; i < PF_PHILOX_TILE; i++) assert_int_equal(w[0][i], 0xABABABABu);
    }
}

static void every_coordinate_matters(void **state) {
  (void)state;
  uint32_t base[4], other[4];
  pf_philox(1, 2, 3, 4, 5, base);
  pf_philox(2, 2, 3, 4, 5, other);
  assert_memory_not_equal(base, other, sizeof base);
  pf_philox(1, 3, 3, 4, 5, other);
  assert_memory_not_equal(base, other, sizeof base);
  pf_philox(1, 2, 4, 4, 5, other);
  assert_memory_not_equal(base, other, sizeof base);
  pf_philox(1, 2, 3, 4 + (UINT64_C(1) << 32), 5, other);
  assert_memory_not_equal(base, other, sizeof base);
  pf_philox(1, 2, 3, 4, 6, other);
  assert_memory_not_equal(base, other, sizeof base);
}

/* ---- bulk fills ---- */

static void normals_from_words(const uint32_t w[4], double z[4]) {
  for (int p = 0; p < 2; p++) {
    double radius = sqrt(-2.0 * log(((double)w[2 * p] + 0.5) * 0x1p-32));
    double angle = 2.0 * M_PI * (double)w[2 * p + 1] * 0x1p-32;
    z[2 * p] = radius * cos(angle);
    z[2 * p + 1] = radius * sin(angle);
  }
}

/* Accuracy against libm in double. The words' rounding to float moves u by up to 2^-24 of itself, which
 * near u = 1 is all there is of log u: there the bound is absolute in the radius. */
static void normals_match_box_muller(void **state) {
  (void)state;
  enum { ROWS = 20000, COLUMNS = 7 };
  float *z = NULL;
  assert_int_equal(pf_alloc((size_t)ROWS * COLUMNS, sizeof *z, &z, NULL), PF_OK);
  pf_fill_normal_f32(SEED, PF_STREAM_TEST, 9, 77, ROWS, COLUMNS, z);
  double worst = 0.0;
  for (int r = 0; r < ROWS; r++) {
    for (uint32_t b = 0; b < 2; b++) {
      uint32_t w[4];
      double exact[4];
      pf_philox(SEED, PF_STREAM_TEST, 9, 77 + (uint64_t)r, b, w);
      normals_from_words(w, exact);
      for (uint32_t k = 0; k < 4 && 4 * b + k < COLUMNS; k++) {
        double u = ((double)w[k & 2] + 0.5) * 0x1p-32;
        double conditioning = 1.0 + 1.0 / (-2.0 * log(u)); /* relative error of r per relative error of u */
        double error = fabs(z[r * COLUMNS + (int)(4 * b + k)] - exact[k]);
        double scaled = error / (conditioning * fabs(exact[k]) + 1e-9);
        assert_true(scaled <= 1e-6);
        if (scaled > worst) worst = scaled;
      }
    }
  }
  assert_true(worst > 1e-9); /* float cannot be that good: the comparison would be broken */
  pf_free(z);
}

static void uniforms_and_indices_match_words(void **state) {
  (void)state;
  enum { ROWS = 3000, COLUMNS = 3, BOUND = 1000003 };
  static float u[ROWS * COLUMNS], index[ROWS];
  pf_fill_uniform_f32(SEED, PF_STREAM_TEST, 1, 5, ROWS, COLUMNS, u);
  pf_fill_index_f32(SEED, PF_STREAM_TEST, 1, 5, ROWS, BOUND, index);
  for (int r = 0; r < ROWS; r++) {
    uint32_t w[4];
    pf_philox(SEED, PF_STREAM_TEST, 1, 5 + (uint64_t)r, 0, w);
    for (int k = 0; k < COLUMNS; k++) {
      double expected = ((double)(w[k] >> 9) + 0.5) * 0x1p-23;
      assert_true(u[r * COLUMNS + k] == expected && expected > 0.0 && expected < 1.0);
    }
    double expected = floor((double)BOUND * ((double)w[0] * 0x1p-32 + (double)w[1] * 0x1p-64));
    assert_true(index[r] == expected && expected < BOUND);
  }
}

typedef void fill(uint64_t seed, uint32_t stream, uint64_t step, uint64_t row0, size_t rows, size_t columns,
                  float *out);

static void fill_index_shaped(uint64_t seed, uint32_t stream, uint64_t step, uint64_t row0, size_t rows,
                              size_t columns, float *out) {
  (void)columns;
  pf_fill_index_f32(seed, stream, step, row0, rows, 1000, out);
}

/* All rows at once, and in uneven pieces into an array with guards: the same bits, nothing outside. */
static void check_chunks(fill *f, size_t columns, uint64_t row0) {
  enum { ROWS = 611 };
  float *whole = NULL, *pieces = NULL;
  assert_int_equal(pf_alloc(ROWS * columns, sizeof *whole, &whole, NULL), PF_OK);
  assert_int_equal(pf_alloc(ROWS * columns, sizeof *pieces, &pieces, NULL), PF_OK);
  f(SEED, PF_STREAM_TEST, 3, row0, ROWS, columns, whole);
  size_t done = 0;
  for (size_t take = 1; done < ROWS; take = take * 3 % 101) {
    size_t rows = take < ROWS - done ? take : ROWS - done;
    f(SEED, PF_STREAM_TEST, 3, row0 + done, rows, columns, pieces + done * columns);
    done += rows;
  }
  assert_memory_equal(whole, pieces, ROWS * columns * sizeof *whole);
  pf_free(whole);
  pf_free(pieces);
}

static void chunks_do_not_matter(void **state) {
  (void)state;
  static const size_t columns[] = {1, 2, 3, 4, 5, 8, 17, 64, 1027};
  for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
    check_chunks(pf_fill_normal_f32, columns[i], 0);
    check_chunks(pf_fill_uniform_f32, columns[i],
                 UINT64_C(0xFFFFFFF0)); /* the row's high word changes inside */
  }
  check_chunks(fill_index_shaped, 1, 12345);
}

/* The first columns of a wide fill are the narrow fill. */
static void columns_do_not_matter(void **state) {
  (void)state;
  static float wide[100 * 9], narrow[100 * 9];
  pf_fill_normal_f32(SEED, PF_STREAM_TEST, 0, 0, 100, 9, wide);
  for (size_t columns = 1; columns < 9; columns++) {
    pf_fill_normal_f32(SEED, PF_STREAM_TEST, 0, 0, 100, columns, narrow);
    for (size_t r = 0; r < 100; r++) {
      assert_memory_equal(narrow + r * columns, wide + r * 9, columns * sizeof *narrow);
    }
  }
  pf_fill_normal_f32(SEED, PF_STREAM_TEST, 0, 0, 0, 5, NULL);
  pf_fill_normal_f32(SEED, PF_STREAM_TEST, 0, 0, 5, 0, NULL);
}

/* The same bits from every instruction set: the sanitizer builds run the plain clone against the same
 * number (FNV-1a of the bytes). A change here changes every seed's results and needs a changelog entry. */
static void bits_are_the_same_everywhere(void **state) {
  (void)state;
  enum { ROWS = 5000, COLUMNS = 6 };
  static float z[ROWS * COLUMNS];
  pf_fill_normal_f32(SEED, PF_STREAM_TEST, 11, 0, ROWS, COLUMNS, z);
  uint64_t hash = UINT64_C(0xCBF29CE484222325);
  for (size_t i = 0; i < ROWS * COLUMNS; i++) {
    uint32_t bits;
    memcpy(&bits, z + i, sizeof bits);
    for (int byte = 0; byte < 4; byte++) hash = (hash ^ (bits >> 8 * byte & 0xFF)) * UINT64_C(0x100000001B3);
  }
  assert_int_equal(hash, UINT64_C(0x1471E56CC3012351));
}

/* ---- laws of the numbers: fixed seeds, bounds at five standard errors ---- */

enum { SAMPLES = 1 << 18 };

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Kolmogorov-Smirnov distance to `cdf`; sorts x. */
static double ks_distance(double *x, int n, double (*cdf)(double)) {
  qsort(x, (size_t)n, sizeof *x, ascending);
  double worst = 0.0;
  for (int i = 0; i < n; i++) {
    double f = cdf(x[i]);
    worst = fmax(worst, fmax(fabs(f - (double)i / n), fabs(f - (double)(i + 1) / n)));
  }
  return worst;
}

static double normal_cdf(double x) { return 0.5 * erfc(-x * M_SQRT1_2); }
static double uniform_cdf(double x) { return x; }

static void check_normal(double *x) {
  double m[5] = {0};
  for (int i = 0; i < SAMPLES; i++) {
    double power = 1.0;
    for (int k = 1; k <= 4; k++) m[k] += (power *= x[i]) / SAMPLES;
  }
  /* variances of x, x^2, x^3, x^4 under N(0,1): 1, 2, 15, 96 */
  double root = sqrt((double)SAMPLES);
  assert_true(fabs(m[1]) <= 5.0 / root);
  assert_true(fabs(m[2] - 1.0) <= 5.0 * sqrt(2.0) / root);
  assert_true(fabs(m[3]) <= 5.0 * sqrt(15.0) / root);
  assert_true(fabs(m[4] - 3.0) <= 5.0 * sqrt(96.0) / root);
  assert_true(ks_distance(x, SAMPLES, normal_cdf) * root <= 1.95); /* chance 1e-3 */
}

static void bulk_normals_are_normal(void **state) {
  (void)state;
  float *z = NULL;
  double *x = NULL;
  assert_int_equal(pf_alloc(4 * (size_t)SAMPLES, sizeof *z, &z, NULL), PF_OK);
  assert_int_equal(pf_alloc(SAMPLES, sizeof *x, &x, NULL), PF_OK);
  pf_fill_normal_f32(SEED, PF_STREAM_TEST, 0, 0, SAMPLES, 4, z);
  for (int c = 0; c < 4; c++) {
    for (int i = 0; i < SAMPLES; i++) x[i] = (double)z[4 * i + c];
    check_normal(x);
  }
  double cross = 0.0, along = 0.0, squares = 0.0; /* columns, neighbouring rows, and radii: uncorrelated */
  for (int i = 0; i + 1 < SAMPLES; i++) {
    cross += (double)z[4 * i] * z[4 * i + 1] / SAMPLES;
    along += (double)z[4 * i] * z[4 * i + 4] / SAMPLES;
    squares += ((double)z[4 * i] * z[4 * i] - 1.0) * ((double)z[4 * i + 1] * z[4 * i + 1] - 1.0) / SAMPLES;
  }
  double root = sqrt((double)SAMPLES);
  assert_true(fabs(cross) * root <= 5.0 && fabs(along) * root <= 5.0 && fabs(squares) * root <= 10.0);
  pf_free(z);
  pf_free(x);
}

static void sequential_draws_follow_their_laws(void **state) {
  (void)state;
  double *x = NULL;
  assert_int_equal(pf_alloc(SAMPLES, sizeof *x, &x, NULL), PF_OK);
  pf_rng rng = pf_rng_at(SEED, PF_STREAM_TEST, 0, 1);
  for (int i = 0; i < SAMPLES; i++) x[i] = pf_rng_normal(&rng);
  check_normal(x);
  for (int i = 0; i < SAMPLES; i++) {
    x[i] = pf_rng_uniform(&rng);
    assert_true(x[i] > 0.0 && x[i] < 1.0);
  }
  assert_true(ks_distance(x, SAMPLES, uniform_cdf) * sqrt((double)SAMPLES) <= 1.95);
  pf_free(x);
}

static void sequential_draws_repeat(void **state) {
  (void)state;
  pf_rng a = pf_rng_at(SEED, PF_STREAM_TEST, 2, 3), b = pf_rng_at(SEED, PF_STREAM_TEST, 2, 3);
  uint32_t words[4];
  pf_philox(SEED, PF_STREAM_TEST, 2, 3, 0, words);
  double first = ((double)(((uint64_t)words[0] << 32 | words[1]) >> 12) + 0.5) * 0x1p-52;
  assert_true(pf_rng_uniform(&a) == first && pf_rng_uniform(&b) == first);
  for (int i = 0; i < 50; i++) assert_true(pf_rng_normal(&a) == pf_rng_normal(&b));
}

static void below_is_uniform(void **state) {
  (void)state;
  enum { BOUND = 7, DRAWS = 70000 };
  pf_rng rng = pf_rng_at(SEED, PF_STREAM_TEST, 0, 4);
  int counts[BOUND] = {0};
  for (int i = 0; i < DRAWS; i++) {
    uint32_t k = pf_rng_below(&rng, BOUND);
    assert_true(k < BOUND);
    counts[k]++;
  }
  double chi2 = 0.0;
  for (int k = 0; k < BOUND; k++) chi2 += pow(counts[k] - DRAWS / (double)BOUND, 2) * BOUND / DRAWS;
  assert_true(chi2 <= 22.5); /* 6 degrees of freedom, chance 1e-3 */
  assert_int_equal(pf_rng_below(&rng, 1), 0);
}

static void permutation_is_one(void **state) {
  (void)state;
  enum { N = 1000, TRIALS = 2000 };
  static uint32_t order[N], again[N];
  static int hit[N];
  pf_fill_permutation(SEED, PF_STREAM_TEST, N, order);
  pf_fill_permutation(SEED, PF_STREAM_TEST, N, again);
  assert_memory_equal(order, again, sizeof order);
  int fixed = 0;
  for (int i = 0; i < N; i++) {
    assert_true(order[i] < N && !hit[order[i]]);
    hit[order[i]] = 1;
    fixed += order[i] == (uint32_t)i;
  }
  assert_true(fixed < 10);
  int seen[6] = {0}; /* all orders of three elements are equally likely */
  for (uint64_t seed = 0; seed < TRIALS; seed++) {
    pf_fill_permutation(seed, PF_STREAM_TEST, 3, order);
    seen[2 * order[0] + (order[1] > order[2])]++;
  }
  double chi2 = 0.0;
  for (int k = 0; k < 6; k++) chi2 += pow(seen[k] - TRIALS / 6.0, 2) * 6.0 / TRIALS;
  assert_true(chi2 <= 20.5);
  pf_fill_permutation(SEED, PF_STREAM_TEST, 0, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(philox_known_answers),
      cmocka_unit_test(every_class_gives_the_words),
      cmocka_unit_test(every_coordinate_matters),
      cmocka_unit_test(normals_match_box_muller),
      cmocka_unit_test(uniforms_and_indices_match_words),
      cmocka_unit_test(chunks_do_not_matter),
      cmocka_unit_test(columns_do_not_matter),
      cmocka_unit_test(bits_are_the_same_everywhere),
      cmocka_unit_test(bulk_normals_are_normal),
      cmocka_unit_test(sequential_draws_follow_their_laws),
      cmocka_unit_test(sequential_draws_repeat),
      cmocka_unit_test(below_is_uniform),
      cmocka_unit_test(permutation_is_one),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
