/* Products in bfloat16 against plain sums in double over the rounded operands, and bit for bit against the manual's order; the
 * rounding itself. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "exec/cpu/gemm_bf16.h"
#include "exec/cpu/kernels.h"
#if defined(__x86_64__)
#include "amx_by_the_manual.h"
#endif

/* What this machine can run, and the AMX kernels on tiles in software. */
enum { KERNELS = 3 };
static int all_kernels(const pf_bf16_kernels *out[KERNELS]) {
  int n = pf_gemm_bf16_available(out);
#if defined(__x86_64__)
  out[n++] = &amx_by_the_manual;
#endif
  return n;
}

/* The rounding by its definition: of the two neighbours the nearer, of two equally near the even one. */
static uint16_t rounded_by_hand(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  const uint16_t down = (uint16_t)(bits >> 16), up = (uint16_t)(down + 1);
  const double below = fabs((double)x - (double)pf_bf16_to(down)),
               above = fabs((double)pf_bf16_to(up) - (double)x);
  if (below != above) return below < above ? down : up;
  return down & 1 ? up : down;
}

static void test_rounding(void **state) {
  (void)state;
  unsigned seed = 1;
  for (int i = 0; i < 200000; i++) {
    seed = seed * 1664525u + 1013904223u;
    uint32_t bits = i % 3 == 0 ? seed & 0xffff8000u : seed; /* ties too */
    float x;
    memcpy(&x, &bits, sizeof x);
    if (!isfinite(x) || fabsf(x) > 3.3e38f) continue;
    if (pf_bf16_from(x) != rounded_by_hand(x)) fail_msg("%a gives %#x", (double)x, pf_bf16_from(x));
  }
  assert_true(isnan(pf_bf16_to(pf_bf16_from(NAN))) && isnan(pf_bf16_to(pf_bf16_from(-NAN))));
  assert_true(pf_bf16_to(pf_bf16_from(INFINITY)) == INFINITY && pf_bf16_from(-0.0f) == 0x8000);
}

static uint16_t *narrowed(const float *x, int64_t rows, int64_t items) {
  const int64_t pitch = pf_bf16_pitch(items);
  uint16_t *out = calloc((size_t)(rows * pitch), sizeof *out);
  assert_non_null(out);
  pf_kernel_narrow((size_t)rows, (size_t)items, x, out, (size_t)pitch);
  return out;
}

static float *numbers(int64_t n, unsigned seed) {
  float *x = malloc((size_t)n * sizeof *x);
  assert_non_null(x);
  for (int64_t i = 0; i < n; i++) {
    seed = seed * 1664525u + 1013904223u;
    x[i] = (float)(int32_t)seed / 2147483648.0f;
  }
  return x;
}

static double rounded(float x) { return (double)pf_bf16_to(pf_bf16_from(x)); }

static void compare(const pf_bf16_kernels *kernels, const pf_gemm_shape *s, const float *c, const float *x,
                    int64_t stride, const float *a, const float *b) {
  for (int64_t i = 0; i < s->m; i++)
    for (int64_t j = 0; j < s->n; j++) {
      double want = x ? (double)x[i * stride + j] : 0, size = fabs(want);
      for (int64_t p = 0; p < s->k; p++) {
        double term = rounded(a[s->transpose_a ? p * s->m + i : i * s->k + p]) *
                      rounded(b[s->transpose_b ? j * s->k + p : p * s->n + j]);
        want += term;
        size += fabs(term);
      }
      if (!(fabs((double)c[i * s->n + j] - want) <= 2e-6 * size))
        fail_msg("%s %dx%dx%d a%d b%d: c[%d,%d] is %g, should be %g", kernels->name, (int)s->m, (int)s->n,
                 (int)s->k, s->transpose_a, s->transpose_b, (int)i, (int)j, (double)c[i * s->n + j], want);
    }
}

/* start: 0 zeros, 1 a bias, 2 a matrix, 3 the result itself */
static void check(const pf_bf16_kernels *kernels, const pf_gemm_shape *s, int start) {
  float *a = numbers(s->m * s->k, 1), *b = numbers(s->k * s->n, 2), *x = numbers(s->m * s->n, 3);
  float *c = malloc((size_t)(s->m * s->n) * sizeof *c);
  assert_non_null(c);
  memset(c, 0xff, (size_t)(s->m * s->n) * sizeof *c);
  if (start == 3) memcpy(c, x, (size_t)(s->m * s->n) * sizeof *c);
  uint16_t *na = s->transpose_a ? narrowed(a, s->k, s->m) : narrowed(a, s->m, s->k), *nb;
  if (s->transpose_a) {
    nb = narrowed(b, s->k, s->n);
  } else {
    nb = malloc((size_t)pf_gemm_bf16_packed_items(s) * sizeof *nb);
    assert_non_null(nb);
    pf_gemm_bf16_pack(s, b, nb);
  }
  const size_t bytes = pf_gemm_bf16_scratch_bytes(s);
  void *scratch = aligned_alloc(64, (bytes + 127) / 64 * 64);
  assert_non_null(scratch);
  memset(scratch, 0xff, bytes);
  const int64_t stride = start == 1 ? 0 : s->n;
  pf_gemm_bf16_run(kernels, s,
                   &(pf_gemm_bf16_operands){.a = na,
                                            .b = nb,
                                            .start = start == 0   ? NULL
                                                     : start == 3 ? c
                                                                  : x,
                                            .start_stride = stride,
                                            .c = c},
                   scratch);
  compare(kernels, s, c, start ? x : NULL, stride, a, b);
  free(a), free(b), free(c), free(x), free(na), free(nb), free(scratch);
}

static void test_products_are_sums_of_rounded_terms(void **state) {
  (void)state;
  static const pf_gemm_shape shapes[] = {
      {32, 32, 32, false, false},  {64, 64, 64, false, false}, {128, 64, 64, false, true},
      {32, 100, 50, false, false}, {64, 40, 257, false, true}, {32, 32, 32, true, false},
      {64, 64, 128, true, false},  {100, 50, 64, true, false}, {40, 257, 96, true, false},
      {1, 64, 64, false, false},   {1, 45, 70, false, true},   {37, 40, 64, false, false},
  };
  const pf_bf16_kernels *kernels[KERNELS];
  for (int c = all_kernels(kernels); c-- > 0;)
    for (size_t q = 0; q < sizeof shapes / sizeof *shapes; q++) {
      assert_true(pf_gemm_bf16_fits(&shapes[q]));
      for (int start = 0; start < 4; start++) check(kernels[c], &shapes[q], start);
    }
}

/* An element by the manual of TDPBF16PS: over 32 of k the even and the odd products apart, then both together. */
static float by_the_manual(const uint16_t *a, const float *b, ptrdiff_t b_row, int64_t k, float start) {
  for (int64_t p = 0; p < k; p += PF_BF16_STEP) {
    float part[2] = {0};
    for (int64_t q = p; q < k && q < p + PF_BF16_STEP; q++)
      part[(q - p) % 2] = fmaf(pf_bf16_to(a[q]), pf_bf16_to(pf_bf16_from(b[q * b_row])), part[(q - p) % 2]);
    const float both = part[0] + part[1];
    start += both;
  }
  return start;
}

/* All rows at once and each by itself, by every kernel: the bits of the manual. */
static void check_order(const pf_bf16_kernels *kernels, int64_t rows, int64_t n, int64_t k) {
  const pf_gemm_shape all = {rows, n, k, false, false}, one = {1, n, k, false, false};
  float *a = numbers(rows * k, 1), *b = numbers(k * n, 2), *bias = numbers(n, 3);
  float *c = malloc((size_t)(rows * n) * sizeof *c), *row = malloc((size_t)n * sizeof *row);
  uint16_t *na = narrowed(a, rows, k),
           *packed = malloc((size_t)pf_gemm_bf16_packed_items(&all) * sizeof *packed);
  assert_true(c && row && packed);
  void *scratch = aligned_alloc(64, (pf_gemm_bf16_scratch_bytes(&all) + 63) / 64 * 64);
  assert_non_null(scratch);
  pf_gemm_bf16_pack(&all, b, packed);
  pf_gemm_bf16_operands o = {.a = na, .b = packed, .start = bias, .c = c};
  pf_gemm_bf16_run(kernels, &all, &o, scratch);
  o.c = row;
  for (int64_t i = 0; i < rows; i++, o.a += pf_bf16_pitch(k)) {
    pf_gemm_bf16_run(kernels, &one, &o, scratch);
    assert_memory_equal(row, c + i * n, (size_t)n * sizeof *row);
    for (int64_t j = 0; j < n; j++) {
      const float want = by_the_manual(o.a, b + j, n, k, bias[j]);
      assert_memory_equal(&want, row + j, sizeof want);
    }
  }
  free(a), free(b), free(bias), free(c), free(row), free(na), free(packed), free(scratch);
}

static void test_rows_alone_are_rows_of_a_block(void **state) {
  (void)state;
  const pf_bf16_kernels *kernels[KERNELS];
  for (int c = all_kernels(kernels); c-- > 0;) {
    check_order(kernels[c], 64, 64, 64);
    check_order(kernels[c], 71, 45, 100);
    check_order(kernels[c], 3, 256, 256);
  }
}

static void test_what_does_not_fit(void **state) {
  (void)state;
  assert_false(pf_gemm_bf16_fits(&(pf_gemm_shape){128, 64, 16, false, false})); /* too narrow to gain */
  assert_false(pf_gemm_bf16_fits(&(pf_gemm_shape){128, 2, 64, false, false}));
  assert_false(pf_gemm_bf16_fits(&(pf_gemm_shape){64, 64, 100, true, false}));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rounding), cmocka_unit_test(test_products_are_sums_of_rounded_terms),
      cmocka_unit_test(test_rows_alone_are_rows_of_a_block), cmocka_unit_test(test_what_does_not_fit)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
