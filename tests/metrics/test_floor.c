/* Floors, real-against-real splits, scales: what a metric is compared with. */
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdarg.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ot/clouds.h"
#include "metrics/floor.h"
#include "metrics/student.h"
#include "metrics/scale.h"
#include "metrics/splits.h"
#include "metrics/two_sample.h"

/* Real rows N(0, I), model rows N(shift, I). */
typedef struct gaussian_source {
  size_t n, d;
  double shift;
  int break_pair; /* this pair's model has a NaN; -1: none */
  uint64_t seed;
} gaussian_source;

static pf_status draw_real(void *context, int pair, int which, double *out, pf_error *error) {
  const gaussian_source *s = context;
  (void)error;
  normal_cloud(s->seed + 1000 + 3 * (uint64_t)pair + (uint64_t)which, s->n, s->d, 0, out);
  return PF_OK;
}

static pf_status draw_model(void *context, int pair, double *out, pf_error *error) {
  const gaussian_source *s = context;
  if (s->break_pair == 100 + pair) return pf_fail(error, PF_FAILED, "no model");
  normal_cloud(s->seed + 1002 + 3 * (uint64_t)pair, s->n, s->d, s->shift, out);
  if (pair == s->break_pair) out[3] = NAN;
  return PF_OK;
}

static const pf_metric_id most[] = {PF_METRIC_W2,     PF_METRIC_W1,      PF_METRIC_SLICED_W2,
                                    PF_METRIC_ENERGY, PF_METRIC_KS_MEAN, PF_METRIC_KNN_AUC,
                                    PF_METRIC_MMD2};
enum { MOST = sizeof most / sizeof *most };

static pf_floor_spec spec_of(size_t count, size_t n, int pairs, pf_pool *pool) {
  pf_floor_spec spec = {most, count, n, 2, pairs, pf_metric_options_default(), 0};
  spec.options.pool = pool;
  return spec;
}

static void same_law_has_no_excess(void **state) {
  (void)state;
  gaussian_source source = {.n = 200, .d = 2, .shift = 0, .break_pair = -1};
  pf_floor_spec spec = spec_of(MOST, 200, 12, NULL);
  pf_metric_result results[MOST];
  assert_int_equal(
      pf_measure_against_floor(&spec, (pf_sample_source){&source, draw_real, draw_model}, results, NULL),
      PF_OK);
  for (int m = 0; m < MOST; m++) {
    assert_string_equal(results[m].name, pf_metric_name(most[m]));
    assert_int_equal(results[m].pairs, 12);
    assert_true(fabs(results[m].excess - (results[m].value - results[m].floor)) < 1e-12);
    assert_true(results[m].excess_lo95 < results[m].excess && results[m].excess < results[m].excess_hi95);
    /* a 90 % interval stretched by 2: 7 metrics on one seed should hold */
    double reach = results[m].excess_hi95 - results[m].excess;
    assert_true(fabs(results[m].excess) < 2 * reach);
    assert_true(results[m].floor_q95 > results[m].floor);
  }
}

static void shifted_law_has_excess(void **state) {
  (void)state;
  gaussian_source source = {.n = 200, .d = 2, .shift = .5, .break_pair = -1};
  for (int rounds = 0; rounds < 3; rounds += 2) {
    pf_floor_spec spec = spec_of(MOST, 200, 8, NULL);
    spec.rounds = rounds;
    pf_metric_result results[MOST];
    assert_int_equal(
        pf_measure_against_floor(&spec, (pf_sample_source){&source, draw_real, draw_model}, results, NULL),
        PF_OK);
    for (int m = 0; m < MOST; m++) assert_true(results[m].excess_lo95 > 0);
    assert_true(fabs(results[0].value - sqrt(.5 + .4 * .4)) < .15); /* W2^2 ~ |shift|^2 + floor^2 */
  }
}

/* Samples of one number: W1 is |x - y|, and every mean can be written out. Block p: model, A, B. */
static const double numbers[3][3] = {{.3, 1.1, -2.}, {2.5, -.4, .9}, {7., 3.2, 5.6}};

static pf_status number_real(void *context, int pair, int which, double *out, pf_error *error) {
  (void)context;
  (void)error;
  *out = numbers[pair][1 + which];
  return PF_OK;
}

static pf_status number_model(void *context, int pair, double *out, pf_error *error) {
  (void)context;
  (void)error;
  *out = numbers[pair][0];
  return PF_OK;
}

static pf_metric_result measure_numbers(int pairs, int rounds) {
  static const pf_metric_id w1 = PF_METRIC_W1;
  pf_metric_result result = {0};
  pf_floor_spec spec = {&w1, 1, 1, 1, pairs, pf_metric_options_default(), rounds};
  pf_sample_source source = {NULL, number_real, number_model};
  assert_int_equal(pf_measure_against_floor(&spec, source, &result, NULL), PF_OK);
  return result;
}

/* Mean of the values (floors) of two rounds over three blocks, without block `gone`. Offsets 0 and 1 only. */
static double two_rounds(bool floors, int gone) {
  double sum = 0;
  int count = 0;
  for (int p = 0; p < 3; p++)
    for (int q = 0; q < 3; q++) {
      if ((q != p && q != (p + 1) % 3) || p == gone || q == gone) continue;
      const double *x = numbers[p], *y = numbers[q];
      sum += floors ? fabs(x[1] - y[2]) : fabs(x[0] - y[1]) + fabs(x[0] - y[2]);
      count += floors ? 1 : 2;
      if (!floors || p == q) continue;
      sum += fabs(x[1] - y[1]) + fabs(x[2] - y[2]);
      count += 2;
    }
  return sum / count;
}

static void combinations_match_their_definition(void **state) {
  (void)state;
  /* rounds 0: |M - A| = .8, 2.9, 3.8, |B - A| = 3.1, 1.3, 2.4, differences -2.3, 1.6, 1.4 */
  pf_metric_result paired = measure_numbers(3, 0);
  assert_true(fabs(paired.value - 2.5) < 1e-12 && fabs(paired.floor - 6.8 / 3) < 1e-12);
  double mean = .7 / 3, sd = sqrt((pow(-2.3 - mean, 2) + pow(1.6 - mean, 2) + pow(1.4 - mean, 2)) / 2);
  assert_true(fabs(paired.excess_hi95 - mean - pf_student_t95(2) * sd / sqrt(3)) < 1e-12);
  assert_true(fabs(paired.floor_q95 - (2.4 + .9 * .7)) < 1e-12);
  /* one round: |M - B| = 2.3, 1.6, 1.4 too */
  pf_metric_result one = measure_numbers(3, 1);
  assert_true(fabs(one.value - (7.5 + 5.3) / 6) < 1e-12 && fabs(one.floor - 6.8 / 3) < 1e-12);
  pf_metric_result two = measure_numbers(3, 2);
  assert_true(fabs(two.value - two_rounds(false, -1)) < 1e-12);
  assert_true(fabs(two.floor - two_rounds(true, -1)) < 1e-12);
  double e[3], middle = 0, square = 0;
  for (int p = 0; p < 3; p++) middle += (e[p] = two_rounds(false, p) - two_rounds(true, p)) / 3;
  for (int p = 0; p < 3; p++) square += (e[p] - middle) * (e[p] - middle);
  double reach = pf_student_t95(2) * sqrt(square * 2 / 3);
  assert_true(fabs(two.excess_hi95 - two.excess - reach) < 1e-12);
  assert_true(fabs(two.excess - two.excess_lo95 - reach) < 1e-12);
  /* a pair of blocks meets once at most: more rounds change nothing */
  assert_true(measure_numbers(3, 9).excess_hi95 == two.excess_hi95);
  assert_true(isinf(measure_numbers(1, 4).excess_hi95));
}

/* Over many equal laws each one-sided bound misses 0 about 5 % of the time, and two rounds vary less. */
static void bounds_hold_their_level(void **state) {
  (void)state;
  enum { REPEATS = 300, PAIRS = 10 };
  static const pf_metric_id energy = PF_METRIC_ENERGY;
  double square[2] = {0};
  for (int k = 0; k < 2; k++) {
    int above = 0, below = 0;
    for (uint64_t r = 0; r < REPEATS; r++) {
      pf_metric_result result;
      gaussian_source source = {.n = 20, .d = 2, .break_pair = -1, .seed = 10000 + 100 * r};
      pf_floor_spec spec = {&energy, 1, 20, 2, PAIRS, pf_metric_options_default(), 2 * k};
      assert_int_equal(
          pf_measure_against_floor(&spec, (pf_sample_source){&source, draw_real, draw_model}, &result, NULL),
          PF_OK);
      above += result.excess_lo95 > 0;
      below += result.excess_hi95 < 0;
      square[k] += result.excess * result.excess;
    }
    assert_true(above <= 30 && below <= 30); /* binomial(300, .05): 15 +- 3.8 */
    assert_true(above + below >= 2);
  }
  assert_true(square[1] < .75 * square[0]);
}

static void threads_do_not_change(int rounds) {
  gaussian_source source = {.n = 60, .d = 2, .shift = .1, .break_pair = -1};
  pf_metric_result results[3][MOST];
  for (int run = 0; run < 3; run++) {
    pf_pool *pool = NULL;
    assert_int_equal(pf_pool_create(run == 0 ? 1 : run == 1 ? 2 : 5, &pool, NULL), PF_OK);
    pf_floor_spec spec = spec_of(MOST, 60, 7, pool);
    spec.rounds = rounds;
    memset(results[run], 0, sizeof results[run]);
    assert_int_equal(pf_measure_against_floor(&spec, (pf_sample_source){&source, draw_real, draw_model},
                                              results[run], NULL),
                     PF_OK);
    pf_pool_free(pool);
  }
  for (int run = 1; run < 3; run++)
    for (int m = 0; m < MOST; m++)
      assert_memory_equal(&results[run][m], &results[0][m], offsetof(pf_metric_result, pairs));
}

static void threads_do_not_matter(void **state) {
  (void)state;
  threads_do_not_change(0);
  threads_do_not_change(3);
}

/* N(0, I_2): W2 floors .268 (sd .023 a pair) at n = 500, .194 (.014) at 1000; W1 .207 and .148. */
static void gaussian_floors_match_the_table(void **state) {
  (void)state;
  const double w2[] = {.268, .194}, sd[] = {.023, .014}, w1[] = {.207, .148};
  for (int k = 0; k < 2; k++) {
    size_t n = k ? 1000 : 500;
    int pairs = k ? 2 : 6;
    gaussian_source source = {.n = n, .d = 2, .break_pair = -1};
    pf_floor_spec spec = spec_of(2, n, pairs, NULL);
    pf_metric_result results[2];
    assert_int_equal(
        pf_measure_against_floor(&spec, (pf_sample_source){&source, draw_real, draw_model}, results, NULL),
        PF_OK);
    /* the table's own mean is of 6 to 12 pairs */
    double band = 4 * sd[k] * sqrt(1. / pairs + 1. / 6);
    assert_true(fabs(results[0].floor - w2[k]) < band);
    assert_true(fabs(results[1].floor - w1[k]) < band);
    assert_true(results[1].floor < results[0].floor);
  }
}

static void failures_name_the_pair(void **state) {
  (void)state;
  gaussian_source source = {.n = 30, .d = 2, .break_pair = 2};
  pf_floor_spec spec = spec_of(3, 30, 4, NULL);
  pf_metric_result results[3] = {{.pairs = 99}};
  pf_sample_source from = {&source, draw_real, draw_model};
  pf_error error;
  assert_int_equal(pf_measure_against_floor(&spec, from, results, &error), PF_NON_FINITE);
  assert_non_null(strstr(error.message, "pair 2"));
  source.break_pair = 101;
  assert_int_equal(pf_measure_against_floor(&spec, from, results, &error), PF_FAILED);
  spec.pairs = 0;
  assert_int_equal(pf_measure_against_floor(&spec, from, results, &error), PF_USAGE);
  assert_int_equal(results[0].pairs, 99);
  spec.pairs = 4;
  spec.rounds = 65;
  assert_int_equal(pf_measure_against_floor(&spec, from, results, &error), PF_USAGE);
  spec.rounds = 2;
  source.break_pair = 2;
  assert_int_equal(pf_measure_against_floor(&spec, from, results, &error), PF_NON_FINITE);
  assert_non_null(strstr(error.message, "model of pair 2 against real of pair 2"));
  assert_int_equal(results[0].pairs, 99);
  spec.rounds = 0;
  spec.pairs = 1;
  source.break_pair = -1;
  assert_int_equal(pf_measure_against_floor(&spec, from, results, &error), PF_OK);
  assert_true(isinf(results[0].excess_hi95)); /* one pair bounds nothing */
}

/* scipy 1.17.1 t.ppf(.95, v). */
static void student_quantiles(void **state) {
  (void)state;
  const int freedom[] = {1, 5, 10, 11, 19, 30};
  const double expected[] = {6.313751514675037,  2.0150483733330233, 1.8124611228116756,
                             1.7958848187040433, 1.7291328115213682, 1.697260886593957};
  for (int k = 0; k < 6; k++) assert_true(fabs(pf_student_t95(freedom[k]) - expected[k]) < 2e-6);
  assert_true(isinf(pf_student_t95(0)));
}

static void tables_give_disjoint_rows(void **state) {
  (void)state;
  enum { ROWS = 40, N = 20 };
  double rows[ROWS], a[N], b[N], model[N], again[N];
  for (int i = 0; i < ROWS; i++) rows[i] = i;
  pf_points table = {rows, ROWS, 1};
  pf_table_source source = {.reference = table, .other = table, .model = table, .n = N, .seed = 3};
  pf_sample_source from;
  assert_int_equal(pf_table_source_open(&source, &from, NULL), PF_OK);
  for (int pair = 0; pair < 5; pair++) {
    int seen[ROWS] = {0};
    assert_int_equal(from.draw_real(from.context, pair, 0, a, NULL), PF_OK);
    assert_int_equal(from.draw_real(from.context, pair, 1, b, NULL), PF_OK);
    assert_int_equal(from.draw_model(from.context, pair, model, NULL), PF_OK);
    for (int i = 0; i < N; i++) {
      seen[(int)a[i]]++;
      seen[(int)b[i]]++;
    }
    for (int i = 0; i < ROWS; i++) assert_int_equal(seen[i], 1);
    assert_true(memcmp(model, a, sizeof a) != 0);
  }
  assert_int_equal(from.draw_real(from.context, 3, 0, again, NULL), PF_OK);
  assert_true(memcmp(again, a, sizeof a) != 0); /* another pair, other rows */
  assert_int_equal(from.draw_real(from.context, 4, 0, again, NULL), PF_OK);
  assert_true(memcmp(again, a, sizeof a) == 0);
  source.n = N + 1;
  assert_int_equal(pf_table_source_open(&source, &from, NULL), PF_BAD_INPUT);
}

static pf_split_result split(double *rows[3], const size_t n[3], pf_pool *pool) {
  pf_split_result out = {0};
  pf_split_spec spec = {{rows[0], n[0], 2}, {rows[1], n[1], 2}, {rows[2], n[2], 2}, 200, 5};
  assert_int_equal(pf_energy_splits(&spec, pool, &out, NULL), PF_OK);
  return out;
}

static void splits_accept_real_and_refuse_shifted(void **state) {
  (void)state;
  size_t n[3] = {301, 150, 200};
  double *rows[3];
  for (int k = 0; k < 3; k++) {
    rows[k] = malloc(sizeof(double) * 2 * n[k]);
    normal_cloud(50 + (uint64_t)k, n[k], 2, 0, rows[k]);
  }
  pf_split_result same = split(rows, n, NULL);
  assert_int_equal(same.model_rows, 200);
  assert_int_equal(same.test_rows, 150);
  assert_true(same.p_value > .01 && same.p_value <= 1);
  assert_true(fabs(same.ratio - same.value / same.null_q95) < 1e-15);
  /* E of the null is (1/m + 1/n) E|X-X'|, sqrt(pi) in the plane; pooling without replacement adds O(1/N) */
  assert_true(fabs(same.null_mean / ((1. / 200 + 1. / 150) * sqrt(M_PI)) - 1) < .1);
  assert_true(same.null_q95 > same.null_mean);
  double direct;
  assert_int_equal(
      pf_energy_distance((pf_points){rows[2], 200, 2}, (pf_points){rows[1], 150, 2}, NULL, &direct, NULL),
      PF_OK);
  assert_true(fabs(direct - same.value) < 1e-12);
  pf_pool *pool;
  assert_int_equal(pf_pool_create(3, &pool, NULL), PF_OK);
  pf_split_result threaded = split(rows, n, pool);
  assert_true(memcmp(&threaded, &same, sizeof same) == 0);
  pf_pool_free(pool);
  normal_cloud(52, n[2], 2, .4, rows[2]);
  pf_split_result shifted = split(rows, n, NULL);
  assert_true(shifted.ratio > 1.5 && fabs(shifted.p_value - 1. / 201) < 1e-12);
  for (int k = 0; k < 3; k++) free(rows[k]);
}

/* Level of the test: over many tables of one law the ratio exceeds 1 about 5 % of the time. */
static void splits_hold_their_level(void **state) {
  (void)state;
  enum { N = 40, REPEATS = 120 };
  double rows[3][N * 2];
  double *at[3] = {rows[0], rows[1], rows[2]};
  size_t n[3] = {N, N, N};
  int above = 0;
  for (uint64_t r = 0; r < REPEATS; r++) {
    for (uint64_t k = 0; k < 3; k++) normal_cloud(5000 + 3 * r + k, N, 2, 0, rows[k]);
    above += split(at, n, NULL).ratio > 1;
  }
  assert_true(above >= 2 &&
              above <= 24); /* binomial(200, .05): 10 +- 3.1, a little wider for the pooled null */
}

static void scale_of_a_table(void **state) {
  (void)state;
  enum { N = 400 };
  static double rows[N * 4], out[N * 4];
  for (size_t i = 0; i < N; i++) {
    rows[i * 4] = i % 2 ? 3 : 7;                      /* mean 5, sd 2 */
    rows[i * 4 + 1] = 42;                             /* constant */
    rows[i * 4 + 2] = i == 0 ? 1e9 : (double)(i % 4); /* one wild value */
    rows[i * 4 + 3] = i % 100 == 0 ? 1 : 0;           /* rare event: IQR 0 */
  }
  pf_column_scale scale;
  assert_int_equal(pf_scale_fit((pf_points){rows, N, 4}, &scale, NULL), PF_OK);
  assert_true(fabs(scale.center[0] - 5) < 1e-12 && fabs(scale.scale[0] - 2 * sqrt(N / (N - 1.))) < 1e-12);
  assert_true(scale.center[1] == 42 && scale.scale[1] == 1);
  assert_true(scale.center[2] >= 1 && scale.center[2] <= 2 && scale.scale[2] < 2 && scale.scale[2] > .5);
  assert_true(fabs(scale.scale[3] - sqrt(.01 * .99)) < 1e-3);
  assert_int_equal(pf_scale_apply(&scale, (pf_points){rows, N, 4}, out, NULL), PF_OK);
  assert_true(out[1] == 0 && fabs(out[0] - 2 / scale.scale[0]) < 1e-12);
  assert_int_equal(pf_scale_apply(&scale, (pf_points){rows, N, 2}, out, NULL), PF_BAD_INPUT);
  pf_scale_clear(&scale);
  rows[5] = NAN;
  assert_int_equal(pf_scale_fit((pf_points){rows, N, 4}, &scale, NULL), PF_NON_FINITE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(same_law_has_no_excess),
      cmocka_unit_test(shifted_law_has_excess),
      cmocka_unit_test(combinations_match_their_definition),
      cmocka_unit_test(bounds_hold_their_level),
      cmocka_unit_test(threads_do_not_matter),
      cmocka_unit_test(gaussian_floors_match_the_table),
      cmocka_unit_test(failures_name_the_pair),
      cmocka_unit_test(student_quantiles),
      cmocka_unit_test(tables_give_disjoint_rows),
      cmocka_unit_test(splits_accept_real_and_refuse_shifted),
      cmocka_unit_test(splits_hold_their_level),
      cmocka_unit_test(scale_of_a_table),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
