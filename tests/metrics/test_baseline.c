/* Baselines of tables and mode coverage. */
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdarg.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/baseline.h"
#include "ot/clouds.h"
#include "metrics/modes.h"
#include "metrics/two_sample.h"
#include "ot/bures.h"

enum { N = 2000, D = 3 };

/* Column 0 normal, column 1 = exp(.8 column 0 + .6 noise): Gaussian copula, rho .8; column 2 constant. */
static void make_table(double *rows) {
  normal_cloud(9, N, D, 0, rows);
  for (size_t i = 0; i < N; i++) {
    double *row = rows + i * D;
    row[1] = exp(.8 * row[0] + .6 * row[1]);
    row[2] = 5;
  }
}

/* Correlation of columns 0 and 1 after log of column 1. */
static double log_correlation(const double *rows) {
  double pairs[N * 2], mean[2], c[4];
  for (size_t i = 0; i < N; i++) {
    pairs[2 * i] = rows[i * D];
    pairs[2 * i + 1] = log(rows[i * D + 1]);
  }
  assert_int_equal(pf_moments((pf_points){pairs, N, 2}, mean, c, NULL), PF_OK);
  return c[1] / sqrt(c[0] * c[3]);
}

static void each_baseline_keeps_what_it_says(void **state) {
  (void)state;
  double *rows = malloc(sizeof(double) * N * D), *out = malloc(sizeof(double) * N * D), ks[D];
  make_table(rows);
  pf_points table = {rows, N, D}, sample = {out, N, D};
  for (int kind = 0; kind < PF_BASELINE_COUNT; kind++) {
    pf_baseline *b;
    assert_int_equal(pf_baseline_fit(kind, table, &b, NULL), PF_OK);
    assert_int_equal(pf_baseline_columns(b), D);
    assert_int_equal(pf_baseline_sample(b, 4, 0, N, out, NULL), PF_OK);
    if (kind == PF_BASELINE_GAUSSIAN) {
      double mean[D], c[D * D], mean_fit[D], c_fit[D * D];
      assert_int_equal(pf_moments(table, mean, c, NULL), PF_OK);
      assert_int_equal(pf_moments(sample, mean_fit, c_fit, NULL), PF_OK);
      for (int k = 0; k < D; k++)
        assert_true(fabs(mean_fit[k] - mean[k]) <= 5 * sqrt(c[k * D + k] / N) + 1e-9);
      for (int k = 0; k < D * D; k++)
        assert_true(fabs(c_fit[k] - c[k]) <= .15 * sqrt(c[0] * c[4]) + .15 * c[k]);
    } else { /* own marginals; the constant stays what it is */
      assert_int_equal(pf_ks_columns(sample, table, ks, NULL), PF_OK);
      for (int k = 0; k < D; k++) assert_true(ks[k] < 1.95 * sqrt(2. / N)); /* the .1 % point */
      double rho = log_correlation(out), real = log_correlation(rows);
      assert_true(fabs(real - .8) < .03);
      assert_true(fabs(rho - (kind == PF_BASELINE_COPULA ? real : 0)) < .09);
    }
    /* row i is a function of (seed, i) alone */
    double part[7 * D], other[7 * D];
    assert_int_equal(pf_baseline_sample(b, 4, 100, 7, part, NULL), PF_OK);
    assert_memory_equal(part, out + 100 * D, sizeof part);
    assert_int_equal(pf_baseline_sample(b, 5, 100, 7, other, NULL), PF_OK);
    assert_memory_not_equal(part, other, sizeof part);
    pf_baseline_free(b);
  }
  free(rows);
  free(out);
}

static void baselines_refuse_bad_tables(void **state) {
  (void)state;
  double rows[4] = {1, NAN, 2, 3};
  pf_baseline *b = NULL;
  for (int kind = 0; kind < PF_BASELINE_COUNT; kind++) {
    assert_int_equal(pf_baseline_fit(kind, (pf_points){rows, 2, 2}, &b, NULL), PF_NON_FINITE);
    assert_int_equal(pf_baseline_fit(kind, (pf_points){rows + 2, 1, 2}, &b, NULL), PF_BAD_INPUT);
  }
  assert_null(b);
}

static void modes_by_hand(void **state) {
  (void)state;
  double means[6] = {0, 0, 10, 0, 0, 10}, sds[3] = {1, 1, 2}, weights[3] = {.5, .25, .25};
  double x[16] = {0, 0, 1, 1, 2.9, 0, 3.1, 0, 10, 0, 0, 15.9, 0, 16.1, 9, 9};
  pf_modes modes = {means, weights, sds, 3};
  pf_mode_result out;
  size_t counts[3];
  assert_int_equal(pf_mode_coverage((pf_points){x, 8, 2}, modes, counts, &out, NULL), PF_OK);
  assert_int_equal(counts[0], 4);
  assert_int_equal(counts[1] + counts[2], 4); /* (9,9) is equally far from both: the first wins */
  assert_int_equal(counts[1], 2);
  assert_int_equal(out.covered, 3);
  assert_true(fabs(out.high_quality - 5. / 8) < 1e-15);
  assert_true(fabs(out.chi_square) < 1e-12);
  modes.weights = NULL;
  assert_int_equal(pf_mode_coverage((pf_points){x, 4, 2}, modes, counts, &out, NULL), PF_OK);
  assert_int_equal(out.covered, 1);              /* the first four rows know one mode */
  assert_true(fabs(out.chi_square - 8) < 1e-12); /* expected 4/3 each: (8/3)^2/(4/3) + 2 (4/3) */
  sds[1] = 0;
  assert_int_equal(pf_mode_coverage((pf_points){x, 4, 2}, modes, counts, &out, NULL), PF_BAD_INPUT);
  x[3] = NAN;
  assert_int_equal(pf_mode_coverage((pf_points){x, 4, 2}, modes, counts, &out, NULL), PF_NON_FINITE);
}

/* Eight Gaussian modes on a circle of radius 4, variance .03: the law itself has a .9889 high share. */
static void a_ring_covers_itself(void **state) {
  (void)state;
  enum { ROWS = 20000 };
  double means[16], sds[8], *x = malloc(sizeof(double) * 2 * ROWS);
  for (int k = 0; k < 8; k++) {
    means[2 * k] = 4 * cos(k * M_PI / 4);
    means[2 * k + 1] = 4 * sin(k * M_PI / 4);
    sds[k] = sqrt(.03);
  }
  for (uint64_t i = 0; i < ROWS; i++) {
    pf_rng rng = pf_rng_at(1, PF_STREAM_TEST, 7, i);
    uint32_t k = pf_rng_below(&rng, 8);
    for (int c = 0; c < 2; c++)
      x[2 * i + (uint64_t)c] = means[2 * k + (uint32_t)c] + sqrt(.03) * pf_rng_normal(&rng);
  }
  pf_mode_result out;
  assert_int_equal(
      pf_mode_coverage((pf_points){x, ROWS, 2}, (pf_modes){means, NULL, sds, 8}, NULL, &out, NULL), PF_OK);
  assert_int_equal(out.covered, 8);
  assert_true(fabs(out.high_quality - (1 - exp(-4.5))) < 4 * sqrt(.9889 * .0111 / ROWS));
  assert_true(out.chi_square > 0 && out.chi_square < 24.3); /* chi^2_7, the .1 % point */
  free(x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_baseline_keeps_what_it_says),
      cmocka_unit_test(baselines_refuse_bad_tables),
      cmocka_unit_test(modes_by_hand),
      cmocka_unit_test(a_ring_covers_itself),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
