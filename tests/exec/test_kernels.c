/* Block kernels against libm in double: dense sweeps of the argument, special values, and the three operand forms. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "exec/cpu/kernels.h"

enum { BLOCK = 1000 /* not a multiple of any vector: the tail runs too */ };

typedef double scalar_function(double);

static double sigmoid(double x) { return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)); }
static double softplus(double x) { return (x > 0 ? x : 0) + log1p(exp(-fabs(x))); }

static double log_2cosh(double x) { return fabs(x) + log1p(exp(-2 * fabs(x))); }

static double silu(double x) { return x * sigmoid(x); }
static double silu_slope(double x) { return sigmoid(x) * (1 + x * (1 - sigmoid(x))); }

/* Units in the last place of a float next to `want`; the spacing of subnormals is constant. */
static double ulps(float got, double want) {
  int exponent;
  frexp(want, &exponent);
  if (exponent < -125) exponent = -125;
  return fabs((double)got - want) / ldexp(1, exponent - 24);
}

typedef struct sweep {
  pf_kernel kernel;
  scalar_function *truth;
  double low, high, most_ulps;
} sweep;

static void run_unary(pf_kernel kernel, size_t n, const float *x, float *y) {
  pf_kernel_run(kernel, n, x, NULL, NULL, y);
}

static double worst_of(const sweep *s, int blocks) {
  float x[BLOCK], y[BLOCK];
  double worst = 0;
  for (int b = 0; b < blocks; b++) {
    for (int i = 0; i < BLOCK; i++)
      x[i] = (float)(s->low + (s->high - s->low) * (b * BLOCK + i) / (blocks * BLOCK - 1.0));
    run_unary(s->kernel, BLOCK, x, y);
    for (int i = 0; i < BLOCK; i++) {
      double error = ulps(y[i], s->truth(x[i]));
      if (!(error <= worst)) worst = error;
    }
  }
  return worst;
}

static void test_unary_kernels_are_accurate(void **state) {
  (void)state;
  static const sweep sweeps[] = {
      {PF_KERNEL_EXP, exp, -87.33, 88.7228, 1.5},
      {PF_KERNEL_EXP, exp, -1e-3, 1e-3, 1.5},
      {PF_KERNEL_LOG, log, 1e-6, 10, 1.5},
      {PF_KERNEL_LOG, log, 0.99, 1.01, 1.5},
      {PF_KERNEL_LOG, log, 1e-45, 1e-37, 1.5},
      {PF_KERNEL_LOG, log, 1, 3e38, 1.5},
      {PF_KERNEL_SQRT, sqrt, 0, 3e38, 0.51},
      {PF_KERNEL_TANH, tanh, -12, 12, 3},
      {PF_KERNEL_TANH, tanh, -1e-2, 1e-2, 1.5},
      {PF_KERNEL_SIGMOID, sigmoid, -87, 30, 3},
      {PF_KERNEL_SILU, silu, -88.3, 100, 4},
      {PF_KERNEL_SILU, silu, -1, 1, 4},
      {PF_KERNEL_SILU_SLOPE, silu_slope, -1, 30, 4},
      {PF_KERNEL_SIGMOID, sigmoid, -1, 1, 3},
      {PF_KERNEL_SOFTPLUS, softplus, -87, 100, 3},
      {PF_KERNEL_SOFTPLUS, softplus, -3, 3, 3},
      {PF_KERNEL_LOG_2COSH, log_2cosh, -100, 100, 3},
      {PF_KERNEL_LOG_2COSH, log_2cosh, -1, 1, 3},
      {PF_KERNEL_SIN, sin, -7, 7, 2.5},
      {PF_KERNEL_SIN, sin, -1e4, 1e4, 2.5},
      {PF_KERNEL_COS, cos, -7, 7, 2.5},
      {PF_KERNEL_COS, cos, -1e4, 1e4, 2.5},
      {PF_KERNEL_ERF, erf, -5, 5, 2.5},
      {PF_KERNEL_ERF, erf, -1e-2, 1e-2, 2.5},
      {PF_KERNEL_ABS, fabs, -2, 2, 0},
  };
  for (size_t i = 0; i < sizeof sweeps / sizeof *sweeps; i++) {
    double worst = worst_of(&sweeps[i], 200);
    print_message("kernel %2d on [%g, %g]: %.2f ulp\n", sweeps[i].kernel, sweeps[i].low, sweeps[i].high,
                  worst);
    if (!(worst <= sweeps[i].most_ulps)) fail_msg("kernel %d: %g ulp", sweeps[i].kernel, worst);
  }
}

static void expect(pf_kernel kernel, float x, float want) {
  float in[20], out[20]; /* vector part and tail */
  for (int i = 0; i < 20; i++) in[i] = x;
  run_unary(kernel, 20, in, out);
  for (int i = 0; i < 20; i += 19) {
    bool same = isnan(want) ? isnan(out[i]) : out[i] == want && signbit(out[i]) == signbit(want);
    if (!same) fail_msg("kernel %d of %g at %d: %g, not %g", kernel, x, i, out[i], want);
  }
}

static void test_special_values(void **state) {
  (void)state;
  const float inf = INFINITY;
#define PF_X(NAME, expression) expect(PF_KERNEL_##NAME, NAN, NAN);
  PF_UNARY_KERNELS(PF_X)
#undef PF_X
  expect(PF_KERNEL_EXP, 89, inf), expect(PF_KERNEL_EXP, inf, inf), expect(PF_KERNEL_EXP, 0, 1);
  expect(PF_KERNEL_EXP, -88, 0), expect(PF_KERNEL_EXP, -inf, 0), expect(PF_KERNEL_EXP, -1e30f, 0);
  expect(PF_KERNEL_LOG, 0, -inf), expect(PF_KERNEL_LOG, inf, inf), expect(PF_KERNEL_LOG, 1, 0);
  expect(PF_KERNEL_LOG, -1, NAN), expect(PF_KERNEL_LOG, -inf, NAN), expect(PF_KERNEL_SQRT, -1, NAN);
  expect(PF_KERNEL_TANH, inf, 1), expect(PF_KERNEL_TANH, -inf, -1), expect(PF_KERNEL_TANH, -0.0f, -0.0f);
  expect(PF_KERNEL_SIGMOID, inf, 1), expect(PF_KERNEL_SIGMOID, -inf, 0), expect(PF_KERNEL_SIGMOID, 0, 0.5f);
  expect(PF_KERNEL_SIGMOID, -NAN, NAN), expect(PF_KERNEL_SILU, -NAN, NAN),
      expect(PF_KERNEL_SILU_SLOPE, -NAN, NAN);
  expect(PF_KERNEL_SILU, inf, inf), expect(PF_KERNEL_SILU, -90, -0.0f), expect(PF_KERNEL_SILU, -3e38f, -0.0f);
  expect(PF_KERNEL_SILU, -0.0f, -0.0f), expect(PF_KERNEL_SILU, 3e38f, 3e38f), expect(PF_KERNEL_SILU, 89, 89);
  expect(PF_KERNEL_SILU_SLOPE, -3e38f, 0), expect(PF_KERNEL_SILU_SLOPE, 3e38f, 1),
      expect(PF_KERNEL_SILU_SLOPE, 0, 0.5f);
  expect(PF_KERNEL_SOFTPLUS, inf, inf), expect(PF_KERNEL_SOFTPLUS, -inf, 0),
      expect(PF_KERNEL_SOFTPLUS, 1e30f, 1e30f);
  expect(PF_KERNEL_LOG_2COSH, inf, inf), expect(PF_KERNEL_LOG_2COSH, -inf, inf),
      expect(PF_KERNEL_LOG_2COSH, -1e30f, 1e30f);
  expect(PF_KERNEL_ERF, inf, 1), expect(PF_KERNEL_ERF, -inf, -1), expect(PF_KERNEL_ERF, -0.0f, -0.0f);
  expect(PF_KERNEL_SIN, inf, NAN), expect(PF_KERNEL_COS, -inf, NAN), expect(PF_KERNEL_SIN, 0, 0);
  expect(PF_KERNEL_COS, 0, 1), expect(PF_KERNEL_SIGN, -3, -1), expect(PF_KERNEL_SIGN, 2, 1);
  expect(PF_KERNEL_SIGN, 0, 0), expect(PF_KERNEL_NEG, 0, -0.0f), expect(PF_KERNEL_COPY, NAN, NAN);
}

/* Beyond 1e4 the error grows like the rounding of the argument. */
static void test_sine_of_large_arguments(void **state) {
  (void)state;
  for (float x = 1e4f; x < 6e6f; x *= 1.0037f) {
    float in[1] = {x}, s, c;
    run_unary(PF_KERNEL_SIN, 1, in, &s);
    run_unary(PF_KERNEL_COS, 1, in, &c);
    const double most = 2e-7 + (double)x * 0x1p-24;
    if (!(fabs((double)s - sin((double)x)) <= most && fabs((double)c - cos((double)x)) <= most))
      fail_msg("sine and cosine of %g: %g, %g", (double)x, (double)s, (double)c);
  }
}

/* The phase is lost there, the range is not. */
static void test_sine_of_huge_arguments_stays_in_range(void **state) {
  (void)state;
  for (float x = 1e7f; x < 1e38f; x *= 3.7f) {
    float in[1] = {x}, s, c;
    run_unary(PF_KERNEL_SIN, 1, in, &s);
    run_unary(PF_KERNEL_COS, 1, in, &c);
    assert_true(fabsf(s) <= 1 && fabsf(c) <= 1);
  }
}

typedef struct binary_case {
  pf_kernel kernel;
  float x, y, want;
} binary_case;

static void test_binary_kernels_in_three_forms(void **state) {
  (void)state;
  static const binary_case cases[] = {
      {PF_KERNEL_ADD, 3, 4, 7},        {PF_KERNEL_SUB, 3, 4, -1},    {PF_KERNEL_MUL, 3, 4, 12},
      {PF_KERNEL_DIV, 3, 4, 0.75f},    {PF_KERNEL_MAX, 3, 4, 4},     {PF_KERNEL_MAX, 4, 3, 4},
      {PF_KERNEL_MIN, 3, 4, 3},        {PF_KERNEL_MIN, 4, 3, 3},     {PF_KERNEL_LESS, 3, 4, 1},
      {PF_KERNEL_LESS, 4, 3, 0},       {PF_KERNEL_LESS, 3, 3, 0},    {PF_KERNEL_MAX, NAN, 1, NAN},
      {PF_KERNEL_MAX, 1, NAN, NAN},    {PF_KERNEL_MIN, NAN, 1, NAN}, {PF_KERNEL_MIN, 1, NAN, NAN},
      {PF_KERNEL_DIV, 1, 0, INFINITY}, {PF_KERNEL_LESS, NAN, 1, 0},  {PF_KERNEL_ADD, NAN, 1, NAN},
  };
  enum { N = 37 };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
    for (int form = 0; form < 3; form++) { /* VV, VS, SV */
      float a[N], b[N], out[N];
      for (int i = 0; i < N; i++) {
        a[i] = form == 2 && i > 0 ? -99 : cases[k].x;
        b[i] = form == 1 && i > 0 ? -99 : cases[k].y;
      }
      pf_kernel_run((pf_kernel)(cases[k].kernel + form), N, a, b, NULL, out);
      for (int i = 0; i < N; i++)
        if (isnan(cases[k].want) ? !isnan(out[i]) : !(out[i] == cases[k].want))
          fail_msg("case %zu form %d at %d: %g", k, form, i, out[i]);
    }
}

static void test_select_and_in_place(void **state) {
  (void)state;
  float condition[40], a[40], b[40];
  for (int i = 0; i < 40; i++) {
    condition[i] = i % 3 == 0 ? 0.0f : i % 3 == 1 ? -2.0f : NAN; /* NaN counts as not zero */
    a[i] = (float)i, b[i] = (float)-i;
  }
  pf_kernel_run(PF_KERNEL_SELECT, 40, condition, a, b, a);
  for (int i = 0; i < 40; i++) assert_true(a[i] == (i % 3 == 0 ? -i : i));
  pf_kernel_run(PF_KERNEL_MUL, 40, a, a, NULL, a);
  for (int i = 0; i < 40; i++) assert_true(a[i] == (float)(i * i));
}

/* Rows are added in their order, however many are given at once. */
static void test_sums_over_rows_keep_their_order(void **state) {
  (void)state;
  enum { ROWS = 15, COLUMNS = 101 };
  float x[ROWS * COLUMNS], whole[COLUMNS] = {0}, single[COLUMNS] = {0};
  for (int i = 0; i < ROWS * COLUMNS; i++) x[i] = 1.0f / (float)(1 + i * 7 % 101);
  pf_kernel_add_rows(ROWS, COLUMNS, x, whole);
  for (size_t r = 0; r < ROWS; r++)
    for (size_t c = 0; c < COLUMNS; c++) single[c] += x[r * COLUMNS + c];
  assert_memory_equal(whole, single, sizeof whole);
}

static void test_sums(void **state) {
  (void)state;
  enum { ROWS = 11, MOST = 70 };
  for (size_t columns = 1; columns <= MOST; columns++) {
    float x[ROWS * MOST], sums[MOST] = {0}, across[ROWS];
    double wide[MOST] = {0};
    for (size_t i = 0; i < ROWS * columns; i++) x[i] = (float)(i % 7) - 2.5f; /* halves: sums are exact */
    pf_kernel_add_rows(ROWS, columns, x, sums);
    pf_kernel_add_rows_wide(ROWS, columns, x, wide);
    pf_kernel_sum_columns(ROWS, columns, x, across);
    for (size_t c = 0; c < columns; c++) {
      double want = 0;
      for (size_t r = 0; r < ROWS; r++) want += x[r * columns + c];
      assert_true(sums[c] == want && wide[c] == want);
    }
    for (size_t r = 0; r < ROWS; r++) {
      double want = 0;
      for (size_t c = 0; c < columns; c++) want += x[r * columns + c];
      assert_true(across[r] == want);
    }
  }
}

enum { PAIR_VALUES = 2003 };

/* Both of a pair are each alone to the bit, and so is either of them in place. Leaves x and the second's values. */
static void expect_pair(pf_pair pair, pf_kernel first, pf_kernel second, float low, float step, float *x,
                        float *seconds) {
  enum { N = PAIR_VALUES };
  float firsts[N], one[N], other[N], at[N], beside[N];
  for (int i = 0; i < N; i++) x[i] = low + step * (float)i;
  x[7] = NAN;
  pf_kernel_run_pair(pair, N, x, firsts, seconds);
  run_unary(first, N, x, one);
  run_unary(second, N, x, other);
  assert_memory_equal(firsts, one, sizeof one);
  assert_memory_equal(seconds, other, sizeof other);
  assert_true(isnan(firsts[7]) && isnan(seconds[7]));
  memcpy(at, x, sizeof at);
  pf_kernel_run_pair(pair, N, at, at, beside);
  assert_memory_equal(at, one, sizeof one);
  memcpy(at, x, sizeof at);
  pf_kernel_run_pair(pair, N, at, beside, at);
  assert_memory_equal(at, other, sizeof other);
}

/* The slope crosses zero at -1.278, where only its absolute error means anything. */
static void test_silu_pair_is_both(void **state) {
  (void)state;
  float x[PAIR_VALUES], slopes[PAIR_VALUES];
  expect_pair(PF_PAIR_SILU, PF_KERNEL_SILU, PF_KERNEL_SILU_SLOPE, -20, 0.02f, x, slopes);
  for (int i = 0; i < PAIR_VALUES; i++)
    if (i != 7) assert_true(fabs((double)slopes[i] - silu_slope((double)x[i])) <= 3e-7);
}

static void test_sine_pair_is_both(void **state) {
  (void)state;
  float x[PAIR_VALUES], cosines[PAIR_VALUES];
  expect_pair(PF_PAIR_SIN, PF_KERNEL_SIN, PF_KERNEL_COS, -200, 0.2f, x, cosines);
}

/* Vectors and the tails that are left of them fuse the same multiply-adds: no value's bits tell its place in a block. */
static void test_places_in_a_block_do_not_matter(void **state) {
  (void)state;
  enum { N = 67 };
  static const pf_kernel kernels[] = {
#define PF_X(NAME, expression) PF_KERNEL_##NAME,
      PF_UNARY_KERNELS(PF_X)
#undef PF_X
  };
  float x[N], whole[N], part[N];
  for (int i = 0; i < N; i++) x[i] = 0.013f + 0.137f * (float)i * (i % 3 == 0 ? -1.0f : 1.0f);
  for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++) {
    run_unary(kernels[k], N, x, whole);
    for (size_t n = 1; n <= 33; n++)
      for (size_t from = 0; from + n <= N; from += 7) {
        run_unary(kernels[k], n, x + from, part);
        if (memcmp(part, whole + from, n * sizeof *part) != 0)
          fail_msg("kernel %d: %zu values from %zu differ", kernels[k], n, from);
      }
  }
}

/* GELU is composed of erf and products: its left tail cancels, so its error is absolute, in units of the argument. */
static void test_composed_gelu(void **state) {
  (void)state;
  enum { N = 4001 };
  float x[N], y[N];
  const float root = 0.70710678f, half = 0.5f, one = 1;
  for (int i = 0; i < N; i++) x[i] = -20 + 0.01f * (float)i;
  pf_kernel_run(PF_KERNEL_MUL_VS, N, x, &root, NULL, y);
  run_unary(PF_KERNEL_ERF, N, y, y);
  pf_kernel_run(PF_KERNEL_ADD_VS, N, y, &one, NULL, y);
  pf_kernel_run(PF_KERNEL_MUL, N, x, y, NULL, y);
  pf_kernel_run(PF_KERNEL_MUL_VS, N, y, &half, NULL, y);
  double worst = 0;
  for (int i = 0; i < N; i++) {
    double want = 0.5 * (double)x[i] * erfc(-(double)x[i] * M_SQRT1_2);
    worst = fmax(worst, fabs((double)y[i] - want) / fmax(1, fabs((double)x[i])));
    if (!(worst <= 1.5e-7)) fail_msg("gelu(%g) is %g, not %g", (double)x[i], (double)y[i], want);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_unary_kernels_are_accurate),
      cmocka_unit_test(test_special_values),
      cmocka_unit_test(test_silu_pair_is_both),
      cmocka_unit_test(test_sine_pair_is_both),
      cmocka_unit_test(test_sine_of_large_arguments),
      cmocka_unit_test(test_places_in_a_block_do_not_matter),
      cmocka_unit_test(test_composed_gelu),
      cmocka_unit_test(test_sine_of_huge_arguments_stays_in_range),
      cmocka_unit_test(test_binary_kernels_in_three_forms),
      cmocka_unit_test(test_select_and_in_place),
      cmocka_unit_test(test_sums),
      cmocka_unit_test(test_sums_over_rows_keep_their_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
