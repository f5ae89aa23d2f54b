/* Assignment: brute force, certificates, closed forms, parity with scipy and POT, faults. */
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdarg.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ot/clouds.h"
#include "ot/assignment.h"

/* Least cost over all permutations of the rows from `row` on. */
static double brute_force(const double *cost, size_t n, size_t row, unsigned used) {
  double best = INFINITY;
  if (row == n) return 0;
  for (size_t j = 0; j < n; j++)
    if (!(used >> j & 1))
      best = fmin(best, cost[row * n + j] + brute_force(cost, n, row + 1, used | 1u << j));
  return best;
}

static void check_permutation(const pf_assignment *a) {
  char *seen = calloc(a->n, 1);
  for (size_t i = 0; i < a->n; i++) {
    assert_true(a->column_of_row[i] < a->n);
    assert_int_equal(seen[a->column_of_row[i]]++, 0);
  }
  free(seen);
}

static void matches_brute_force(void **state) {
  (void)state;
  double cost[64];
  for (size_t n = 1; n <= 8; n++)
    for (uint64_t trial = 0; trial < 20; trial++) {
      pf_rng rng = pf_rng_at(n, PF_STREAM_TEST, 1, trial);
      /* every second trial has ties, every third negative costs, every fifth a large common offset */
      for (size_t k = 0; k < n * n; k++)
        cost[k] = (trial % 2 ? pf_rng_uniform(&rng) : (double)pf_rng_below(&rng, 4)) - (trial % 3 ? 0 : 2) +
                  (trial % 5 ? 0 : 1e6);
      pf_assignment a;
      assert_int_equal(pf_assignment_solve(cost, n, &a, NULL), PF_OK);
      check_permutation(&a);
      double best = brute_force(cost, n, 0, 0);
      assert_true(fabs(a.total - best) <= 1e-12 * (1 + fabs(best)));
      pf_assignment_clear(&a);
    }
}

/* Feasible duals whose sum is the cost: recomputed here, apart from the solver's own certificate. */
static void check_duals(const pf_assignment *a, const double *cost, double tolerance) {
  double duals = 0, total = 0;
  for (size_t i = 0; i < a->n; i++) {
    duals += a->row_dual[i] + a->column_dual[i];
    total += cost[i * a->n + a->column_of_row[i]];
    for (size_t j = 0; j < a->n; j++)
      assert_true(a->row_dual[i] + a->column_dual[j] <= cost[i * a->n + j] + tolerance);
  }
  assert_true(fabs(total - a->total) <= tolerance * (double)a->n);
  assert_true(fabs(total - duals) <= tolerance * (double)a->n);
}

static void duals_certify_random_costs(void **state) {
  (void)state;
  enum { N = 501 };
  double *cost = malloc(sizeof(double) * N * N);
  pf_rng rng = pf_rng_at(3, PF_STREAM_TEST, 2, 0);
  for (size_t k = 0; k < N * N; k++) cost[k] = pf_rng_uniform(&rng);
  pf_assignment a;
  assert_int_equal(pf_assignment_solve(cost, N, &a, NULL), PF_OK);
  check_permutation(&a);
  check_duals(&a, cost, 1e-13);
  /* Random assignment theorem: the expected total is about pi^2 / 6 for uniform costs. */
  assert_true(fabs(a.total - 1.6449) < .3);
  pf_assignment_clear(&a);
  free(cost);
}

/* Hundreds of equal costs in a row, above the size that starts from a coarse problem: lists fill with ties. */
static void ties_are_solved(void **state) {
  (void)state;
  enum { N = 300 };
  double *cost = malloc(sizeof(double) * N * N);
  for (uint64_t levels = 1; levels <= 9; levels += 4) {
    pf_rng rng = pf_rng_at(4, PF_STREAM_TEST, 3, levels);
    for (size_t k = 0; k < N * N; k++) cost[k] = (double)pf_rng_below(&rng, levels) - 1;
    pf_assignment a;
    assert_int_equal(pf_assignment_solve(cost, N, &a, NULL), PF_OK);
    check_permutation(&a);
    check_duals(&a, cost, 1e-12);
    assert_true(fabs(a.total + N) <= 1e-10); /* so many least costs: a perfect matching among them */
    pf_assignment_clear(&a);
  }
  double *x = calloc(2 * N, sizeof *x), out = NAN; /* all points in one place, two of them moved */
  x[0] = 3;
  x[2 * N - 1] = 4;
  double *y = calloc(2 * N, sizeof *y);
  assert_int_equal(pf_wasserstein((pf_points){x, N, 2}, (pf_points){y, N, 2}, 1, &out, NULL), PF_OK);
  assert_true(fabs(out - 7.0 / N) <= 1e-14);
  free(x);
  free(y);
  free(cost);
}

/* A cloud far from a narrow one, and costs of rank one: the auction's wars, and long searches. */
static void hard_duals_are_found(void **state) {
  (void)state;
  enum { N = 400 };
  double *cost = malloc(sizeof(double) * N * N), *x = malloc(sizeof(double) * N * 2),
         *y = malloc(sizeof(double) * N * 2);
  for (int power = 1; power <= 2; power++) {
    normal_cloud(1, N, 2, 0, x);
    normal_cloud(2, N, 2, 30, y);
    for (size_t i = 0; i < 2 * N; i++) y[i] = 100 + .01 * y[i];
    for (size_t i = 0; i < N; i++)
      for (size_t j = 0; j < N; j++) {
        double square = pow(x[2 * i] - y[2 * j], 2) + pow(x[2 * i + 1] - y[2 * j + 1], 2);
        cost[i * N + j] = power == 2 ? square : sqrt(square);
      }
    pf_assignment a, b;
    assert_int_equal(pf_assignment_points((pf_points){x, N, 2}, (pf_points){y, N, 2}, power, &a, NULL),
                     PF_OK);
    assert_int_equal(pf_assignment_solve(cost, N, &b, NULL), PF_OK);
    check_duals(&a, cost, 1e-9);
    check_duals(&b, cost, 1e-9);
    assert_true(fabs(a.total - b.total) <= 1e-10 * b.total);
    pf_assignment_clear(&a);
    pf_assignment_clear(&b);
  }
  double total = 0;
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < N; j++) cost[i * N + j] = (double)((i + 1) * (j + 1)); /* least: opposite orders */
  for (size_t i = 0; i < N; i++) total += (double)((i + 1) * (N - i));
  pf_assignment a;
  assert_int_equal(pf_assignment_solve(cost, N, &a, NULL), PF_OK);
  assert_true(a.total == total);
  pf_assignment_clear(&a);
  free(cost);
  free(x);
  free(y);
}

/* Points: duals of the costs as given, though squared costs are solved with both means at 0. */
static void duals_certify_points(void **state) {
  (void)state;
  enum { N = 300 };
  double *x = malloc(sizeof(double) * N * 12), *y = malloc(sizeof(double) * N * 12);
  double *cost = malloc(sizeof(double) * N * N);
  for (size_t d = 1; d <= 12; d += d < 3 ? 1 : 9)
    for (int power = 1; power <= 2; power++) {
      normal_cloud(1, N, d, 0, x);
      normal_cloud(2, N, d, 3, y);
      for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++) {
          double square = 0;
          for (size_t k = 0; k < d; k++) square += pow(x[i * d + k] - y[j * d + k], 2);
          cost[i * N + j] = power == 2 ? square : sqrt(square);
        }
      pf_assignment a;
      assert_int_equal(pf_assignment_points((pf_points){x, N, d}, (pf_points){y, N, d}, power, &a, NULL),
                       PF_OK);
      check_permutation(&a);
      check_duals(&a, cost, 1e-11);
      pf_assignment_clear(&a);
    }
  free(x);
  free(y);
  free(cost);
}

static double distance(const double *x, const double *y, size_t n, size_t d, int power) {
  double out = NAN;
  assert_int_equal(pf_wasserstein((pf_points){x, n, d}, (pf_points){y, n, d}, power, &out, NULL), PF_OK);
  return out;
}

static void a_shift_is_its_length(void **state) {
  (void)state;
  enum { N = 200 };
  double x[N * 3], y[N * 3];
  normal_cloud(5, N, 3, 0, x);
  for (size_t i = 0; i < N; i++) /* rows reversed: distances know no order */
    for (size_t k = 0; k < 3; k++) y[(N - 1 - i) * 3 + k] = x[i * 3 + k] + (k == 0 ? 3 : k == 1 ? -4 : 12);
  assert_true(fabs(distance(x, y, N, 3, 2) - 13) < 1e-12);
  assert_true(fabs(distance(x, y, N, 3, 1) - 13) < 1e-12);
  for (size_t i = 0; i < N * 3; i++) y[i] = 1e8 + x[i]; /* far away, most digits gone: still the shift */
  assert_true(fabs(distance(x, y, N, 3, 2) / (1e8 * sqrt(3)) - 1) < 1e-12);
  assert_true(distance(x, x, N, 3, 2) == 0 && distance(x, x, N, 3, 1) == 0);
}

/* Sorted pairs are optimal on the line for both powers; with two far pairs the powers weigh a move apart. */
static void powers_differ(void **state) {
  (void)state;
  double x[8] = {0, 1, 2, 3, 4, 5, 6, 7}, y[8] = {8, 1, 2, 3, 4, 5, 6, 7};
  assert_true(fabs(distance(x, y, 8, 1, 1) - 1) < 1e-14);
  assert_true(fabs(distance(x, y, 8, 1, 2) - 1) < 1e-14);
  double a[4] = {0, 0, 5, 5}, b[4] = {0, 3, 5, 5}; /* two points of the plane */
  assert_true(fabs(distance(a, b, 2, 2, 1) - 1.5) < 1e-14);
  assert_true(fabs(distance(a, b, 2, 2, 2) - 3 / sqrt(2)) < 1e-14);
}

/* scipy 1.17.1 linear_sum_assignment and POT 0.9.7 emd2 on the clouds of ot/clouds.h. */
static void agrees_with_scipy_and_pot(void **state) {
  (void)state;
  double x[64 * 3], y[64 * 3];
  formula_cloud(64, 3, 5, 1, 0, x);
  formula_cloud(64, 3, 77, 1.5, .1, y);
  assert_true(fabs(distance(x, y, 64, 3, 2) - 0.6025443861216436) < 1e-14);
  assert_true(fabs(distance(x, y, 64, 3, 1) - 0.5753104126730026) < 1e-14);
}

static void refuses_bad_input(void **state) {
  (void)state;
  double x[4] = {0, 1, 2, 3}, y[4] = {0, 1, NAN, 3}, huge[4] = {1e200, 0, 0, -1e200}, out = 7;
  pf_error error;
  assert_int_equal(pf_wasserstein((pf_points){x, 4, 1}, (pf_points){y, 4, 1}, 2, &out, &error),
                   PF_NON_FINITE);
  assert_non_null(strstr(error.message, "row 2"));
  assert_int_equal(pf_wasserstein((pf_points){x, 4, 1}, (pf_points){x, 3, 1}, 2, &out, &error), PF_BAD_INPUT);
  assert_int_equal(pf_wasserstein((pf_points){x, 4, 1}, (pf_points){x, 2, 2}, 2, &out, &error), PF_BAD_INPUT);
  assert_int_equal(pf_wasserstein((pf_points){x, 0, 1}, (pf_points){x, 0, 1}, 2, &out, &error), PF_BAD_INPUT);
  assert_int_equal(pf_wasserstein((pf_points){x, 4, 1}, (pf_points){x, 4, 1}, 3, &out, &error), PF_USAGE);
  assert_int_equal(pf_wasserstein((pf_points){x, 4, 1}, (pf_points){huge, 4, 1}, 2, &out, &error),
                   PF_NON_FINITE);
  pf_assignment a = {.n = 99};
  assert_int_equal(pf_assignment_solve(y, 2, &a, &error), PF_NON_FINITE);
  assert_true(out == 7 && a.n == 99);
}

static void every_failed_allocation_is_reported(void **state) {
  (void)state;
  enum { N = 260 }; /* above the size that starts from a coarse problem */
  double x[N * 10], y[N * 10], out = 7;
  normal_cloud(1, N, 10, 0, x);
  normal_cloud(2, N, 10, 0, y);
  int k = 1;
  for (;; k++) {
    pf_memory_fail_at(k);
    pf_status status = pf_wasserstein((pf_points){x, N, 10}, (pf_points){y, N, 10}, 2, &out, NULL);
    pf_memory_fail_at(0);
    if (status == PF_OK) break;
    assert_int_equal(status, PF_NO_MEMORY);
    assert_true(out == 7);
  }
  assert_true(k > 40);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(matches_brute_force),  cmocka_unit_test(duals_certify_random_costs),
      cmocka_unit_test(duals_certify_points), cmocka_unit_test(a_shift_is_its_length),
      cmocka_unit_test(powers_differ),        cmocka_unit_test(agrees_with_scipy_and_pot),
      cmocka_unit_test(refuses_bad_input),    cmocka_unit_test(every_failed_allocation_is_reported),
      cmocka_unit_test(ties_are_solved),      cmocka_unit_test(hard_duals_are_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
