/* Matrix products against plain sums in double, on every table of micro-kernels that this processor can run. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "exec/cpu/gemm.h"

enum { GUARD = 64 };

static float *numbers(int64_t n, unsigned seed) {
  float *x = malloc((size_t)(n + GUARD) * sizeof *x);
  assert_non_null(x);
  for (int64_t i = 0; i < n + GUARD; i++) {
    seed = seed * 1664525u + 1013904223u;
    x[i] = i < n ? (float)(int32_t)seed / 2147483648.0f : 1e30f; /* what lies beyond must not count */
  }
  return x;
}

static double element(const pf_gemm_shape *s, const float *a, const float *b, int64_t i, int64_t j,
                      double *size) {
  double sum = 0;
  for (int64_t p = 0; p < s->k; p++) {
    double term = (double)a[s->transpose_a ? p * s->m + i : i * s->k + p] *
                  (double)b[s->transpose_b ? j * s->k + p : p * s->n + j];
    sum += term;
    *size += fabs(term);
  }
  return sum;
}

typedef enum start_kind { ZEROS, BIAS, MATRIX, ITSELF } start_kind;

static void run(const pf_gemm_kernels *kernels, const pf_gemm_shape *s, pf_gemm_operands o) {
  float *packed = NULL;
  void *scratch = aligned_alloc(64, (pf_gemm_scratch_bytes(kernels, s) + 127) / 64 * 64);
  assert_non_null(scratch);
  memset(scratch, 0xff, pf_gemm_scratch_bytes(kernels, s));
  if (o.packed) {
    packed = malloc((size_t)pf_gemm_packed_floats(kernels, s) * sizeof *packed);
    assert_non_null(packed);
    pf_gemm_pack(kernels, s, o.b, packed);
    o.b = packed;
  }
  pf_gemm_run(kernels, s, &o, scratch);
  free(packed);
  free(scratch);
}

static void check(const pf_gemm_kernels *kernels, const pf_gemm_shape *s, bool packed, start_kind kind) {
  float *a = numbers(s->m * s->k, 1), *b = numbers(s->k * s->n, 2), *c = numbers(s->m * s->n, 3),
        *x = numbers(s->m * s->n, 4), *before = numbers(s->m * s->n, 3);
  pf_gemm_operands o = {.a = a, .b = b, .packed = packed, .c = c, .start_stride = kind == BIAS ? 0 : s->n};
  if (kind == BIAS || kind == MATRIX) o.start = x;
  if (kind == ITSELF) o.start = c;
  run(kernels, s, o);
  for (int64_t i = 0; i < s->m; i++)
    for (int64_t j = 0; j < s->n; j++) {
      const float *from = kind == ITSELF ? before : x;
      double start = kind == ZEROS ? 0 : (double)from[i * o.start_stride + j], size = fabs(start);
      double want = start + element(s, a, b, i, j, &size), got = (double)c[i * s->n + j];
      if (!(fabs(got - want) <= 1e-6 * size))
        fail_msg("%s %dx%dx%d a%d b%d packed %d start %d: c[%d,%d] is %g, should be %g", kernels->name,
                 (int)s->m, (int)s->n, (int)s->k, s->transpose_a, s->transpose_b, packed, kind, (int)i,
                 (int)j, got, want);
    }
  for (int64_t i = 0; i < GUARD; i++) assert_true(c[s->m * s->n + i] == 1e30f);
  free(a);
  free(b);
  free(c);
  free(x);
  free(before);
}

static void test_products_are_sums(void **state) {
  (void)state;
  static const int sizes[][3] = {{1, 1, 1},      {7, 17, 3},     {128, 64, 64}, {13, 33, 300}, {100, 5, 31},
                                 {64, 2, 128},   {2, 64, 128},   {130, 48, 2},  {97, 130, 70}, {25, 200, 257},
                                 {1, 256, 300},  {1, 140, 20},   {13, 1, 30},   {9, 3, 37},    {10, 4, 8},
                                 {13, 33, 1100}, {230, 220, 30}, {98, 40, 33}};
  const pf_gemm_kernels *kernels[PF_GEMM_CLASSES];
  const int classes = pf_gemm_available(kernels);
  assert_true(classes >= 1);
  for (int c = 0; c < classes; c++)
    for (size_t q = 0; q < sizeof sizes / sizeof *sizes; q++)
      for (int form = 0; form < 4; form++)
        for (start_kind kind = ZEROS; kind <= ITSELF; kind++) {
          const pf_gemm_shape s = {sizes[q][0], sizes[q][1], sizes[q][2], (form & 1) != 0, (form & 2) != 0};
          check(kernels[c], &s, false, kind);
          if (pf_gemm_packs(&s)) check(kernels[c], &s, true, kind);
        }
}

/* Every way in which rows are cut into tiles. */
static void test_any_number_of_rows(void **state) {
  (void)state;
  const pf_gemm_kernels *kernels[PF_GEMM_CLASSES];
  for (int c = pf_gemm_available(kernels); c-- > 0;)
    for (int m = 1; m <= 2 * PF_GEMM_MAX_ROWS + 3; m++)
      for (int form = 0; form < 2; form++)
        check(kernels[c], &(pf_gemm_shape){m, 35, 9, form != 0, false}, false, MATRIX);
}

/* A row of A B is the same bits whatever rows stand beside it, and sums over rows go on where they stopped. */
static void test_cuts_change_no_bit(void **state) {
  (void)state;
  enum { M = 61, N = 150, K = 300 };
  const pf_gemm_kernels *kernels[PF_GEMM_CLASSES];
  float *a = numbers(M * K, 5), *b = numbers(K * N, 6), *whole = numbers(M * N, 7), *cut = numbers(M * N, 8);
  for (int c = pf_gemm_available(kernels); c-- > 0;) {
    run(kernels[c], &(pf_gemm_shape){M, N, K, false, false}, (pf_gemm_operands){.a = a, .b = b, .c = whole});
    for (int i = 0; i < M; i += 7) {
      const int rows = M - i < 7 ? M - i : 7;
      run(kernels[c], &(pf_gemm_shape){rows, N, K, false, false},
          (pf_gemm_operands){.a = a + i * K, .b = b, .packed = true, .c = cut + i * N});
    }
    assert_memory_equal(whole, cut, M * N * sizeof *whole);
    for (int i = 0; i < M; i++) /* rows alone take the way of many panels */
      run(kernels[c], &(pf_gemm_shape){1, N, K, false, false},
          (pf_gemm_operands){.a = a + i * K, .b = b, .packed = true, .c = cut + i * N});
    assert_memory_equal(whole, cut, M * N * sizeof *whole);
    run(kernels[c], &(pf_gemm_shape){M, N, K, true, false}, (pf_gemm_operands){.a = a, .b = b, .c = whole});
    for (int p = 0; p < K; p += 13) { /* no whole rounds of a tile's loop */
      const int rows = K - p < 13 ? K - p : 13;
      run(kernels[c], &(pf_gemm_shape){M, N, rows, true, false},
          (pf_gemm_operands){
              .a = a + p * M, .b = b + p * N, .c = cut, .start = p > 0 ? cut : NULL, .start_stride = N});
    }
    assert_memory_equal(whole, cut, M * N * sizeof *whole);
  }
  free(a);
  free(b);
  free(whole);
  free(cut);
}

/* The same of products with few columns, several rows of which are made at once. */
static void test_few_columns_row_by_row(void **state) {
  (void)state;
  enum { M = 13, N = 4, K = 61 };
  float *a = numbers(M * K, 5), *b = numbers(K * N, 6), *whole = numbers(M * N, 7), *cut = numbers(M * N, 8);
  for (int n = 1; n <= N; n++)
    for (int k = 3; k <= K; k += 29) {
      run(pf_gemm_best(), &(pf_gemm_shape){M, n, k, false, false},
          (pf_gemm_operands){.a = a, .b = b, .c = whole});
      for (int i = 0; i < M; i++)
        run(pf_gemm_best(), &(pf_gemm_shape){1, n, k, false, false},
            (pf_gemm_operands){.a = a + i * k, .b = b, .c = cut + i * n});
      assert_memory_equal(whole, cut, (size_t)(M * n) * sizeof *whole);
    }
  free(a);
  free(b);
  free(whole);
  free(cut);
}

static void test_nan_stays_in_its_row(void **state) {
  (void)state;
  const pf_gemm_kernels *kernels = pf_gemm_best();
  float a[3 * 2] = {1, 2, NAN, 0, 3, 4}, b[2 * 20], c[3 * 20];
  for (int i = 0; i < 40; i++) b[i] = (float)i;
  run(kernels, &(pf_gemm_shape){3, 20, 2, false, false}, (pf_gemm_operands){.a = a, .b = b, .c = c});
  for (int j = 0; j < 20; j++) {
    assert_true(c[j] == b[j] + 2 * b[20 + j]);
    assert_true(isnan(c[20 + j]));
    assert_true(c[40 + j] == 3 * b[j] + 4 * b[20 + j]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_products_are_sums), cmocka_unit_test(test_any_number_of_rows),
      cmocka_unit_test(test_cuts_change_no_bit), cmocka_unit_test(test_few_columns_row_by_row),
      cmocka_unit_test(test_nan_stays_in_its_row)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
