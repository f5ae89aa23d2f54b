/* Real-against-real splits of the energy distance.
 *
 *   D    distances within the pool of N = m + n real rows (float, N x N, computed once), r its row sums
 *   a    indicator of the m rows on one side:  S_aa = a'Da, S_ab = a'r - S_aa, S_bb = 1'r - 2 S_ab - S_aa
 *   energy = 2 S_ab / (m n) - S_aa / m^2 - S_bb / n^2
 *
 * so a split costs one pass over m rows of D. */
#include "metrics/splits.h"

#include <math.h>
#include <string.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "metrics/subset.h"
#include "metrics/two_sample.h"
#include "ot/sort.h"

enum { LANES = 8 };

typedef struct splits_run {
  size_t m, n, total, stride; /* stride: total rounded up to LANES */
  const double *rows;         /* total x d */
  const double *columns;      /* d x total */
  size_t d;
  float *distance; /* total x stride, padding 0 */
  double *row_sum; /* total */
  double *scratch; /* threads x total */
  float *mask;     /* threads x stride */
  uint32_t *index; /* threads x total */
  uint64_t seed;
  double *energy; /* splits */
} splits_run;

static void distance_row(void *context, int task, int thread) {
  splits_run *run = context;
  double *square = run->scratch + (size_t)thread * run->total, sum = 0;
  float *out = run->distance + (size_t)task * run->stride;
  pf_squared_row(run->rows + (size_t)task * run->d, run->d, run->columns, run->total, run->total, square);
  for (size_t j = 0; j < run->total; j++) {
    out[j] = (float)sqrt(square[j]);
    sum += (double)out[j];
  }
  run->row_sum[task] = sum;
}

/* Sum of the row's entries where the mask is 1; products with 0 and 1 are exact. */
PF_MULTIVERSION
static double masked_sum(const float *row, const float *mask, size_t stride) {
  double lane[LANES] = {0}, sum = 0;
  for (size_t k = 0; k < stride; k += LANES)
    for (int l = 0; l < LANES; l++) lane[l] += (double)(row[k + (size_t)l] * mask[k + (size_t)l]);
  for (int l = 0; l < LANES; l++) sum += lane[l];
  return sum;
}

/* Shuffles 0 and 1 of the seed choose the rows of large tables; split t is shuffle 16 + t. */
static void one_split(void *context, int task, int thread) {
  splits_run *run = context;
  uint32_t *index = run->index + (size_t)thread * run->total;
  float *mask = run->mask + (size_t)thread * run->stride;
  double inside = 0, touching = 0, all = 0, m = (double)run->m, n = (double)run->n;
  pf_random_subset(run->seed, 16 + (uint64_t)task, run->total, run->m, index);
  memset(mask, 0, run->stride * sizeof *mask);
  for (size_t i = 0; i < run->m; i++) mask[index[i]] = 1;
  for (size_t i = 0; i < run->total; i++) {
    all += run->row_sum[i];
    if (mask[i] == 0) continue;
    touching += run->row_sum[i];
    inside += masked_sum(run->distance + i * run->stride, mask, run->stride);
  }
  double between = touching - inside, outside = all - 2 * between - inside;
  run->energy[task] = 2 * between / (m * n) - inside / (m * m) - outside / (n * n);
}

static pf_status open_run(splits_run *run, int splits, size_t threads, pf_error *error) {
  PF_TRY(pf_alloc(run->total * run->stride, sizeof *run->distance, &run->distance, error));
  PF_TRY(pf_alloc(run->total, sizeof *run->row_sum, &run->row_sum, error));
  PF_TRY(pf_alloc(threads * run->total, sizeof *run->scratch, &run->scratch, error));
  PF_TRY(pf_alloc(threads * run->stride, sizeof *run->mask, &run->mask, error));
  PF_TRY(pf_alloc(threads * run->total, sizeof *run->index, &run->index, error));
  return pf_alloc(2 * (size_t)splits, sizeof *run->energy, &run->energy, error);
}

static void close_run(splits_run *run) {
  pf_free(run->distance);
  pf_free(run->row_sum);
  pf_free(run->scratch);
  pf_free(run->mask);
  pf_free(run->index);
  pf_free(run->energy);
}

static void summarise(double *energy, int splits, pf_split_result *out) {
  int above = 0;
  for (int t = 0; t < splits; t++) {
    out->null_mean += energy[t] / splits;
    above += !(energy[t] < out->value);
  }
  pf_sort_doubles(energy, (size_t)splits, energy + splits);
  /* The smallest order statistic with at least 95 % of the splits at or below it. */
  out->null_q95 = energy[(size_t)ceil(.95 * splits) - 1];
  out->ratio = out->value / out->null_q95;
  out->p_value = (1.0 + above) / (1.0 + splits);
  out->splits = splits;
}

/* The subset of a table that is used, as rows of `out` (count x d). */
static pf_status take_subset(pf_points from, uint64_t seed, uint64_t which, size_t count, double *out,
                             pf_error *error) {
  uint32_t *index;
  PF_TRY(pf_alloc(from.n, sizeof *index, &index, error));
  pf_random_subset(seed, which, from.n, count, index);
  pf_take_rows(from, index, count, out);
  pf_free(index);
  return PF_OK;
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

static pf_status check_spec(const pf_split_spec *spec, pf_error *error) {
  PF_TRY(pf_points_check_pair(spec->train, spec->test, error));
  PF_TRY(pf_points_check_pair(spec->model, spec->test, error));
  if (spec->splits < 20 || spec->splits > 100000)
    return pf_fail(error, PF_USAGE, "energy splits: %d splits, 20 to 100000", spec->splits);
  if (spec->train.n > UINT32_MAX || spec->test.n > UINT32_MAX || spec->model.n > UINT32_MAX)
    return pf_fail(error, PF_BAD_INPUT, "energy splits: a table has more than 2^32 rows");
  return PF_OK;
}

pf_status pf_energy_splits(const pf_split_spec *spec, pf_pool *pool, pf_split_result *out, pf_error *error) {
  PF_TRY(check_spec(spec, error));
  size_t d = spec->test.d, m = least(least(spec->model.n, spec->train.n), PF_SPLIT_ROWS_MAX);
  size_t n = least(spec->test.n, PF_SPLIT_ROWS_MAX), total = m + n;
  splits_run run = {.m = m, .n = n, .total = total, .stride = (total + LANES - 1) / LANES * LANES, .d = d};
  pf_split_result result = {.model_rows = m, .test_rows = n};
  double *real = NULL, *model = NULL, *columns = NULL;
  pf_status status = PF_OK;
  run.seed = spec->seed;
  PF_TRY_GOTO(pf_alloc(total * d, sizeof *real, &real, error)); /* m training rows, then the n test rows */
  PF_TRY_GOTO(pf_alloc(m * d, sizeof *model, &model, error));
  PF_TRY_GOTO(pf_alloc(total * d, sizeof *columns, &columns, error));
  PF_TRY_GOTO(open_run(&run, spec->splits, (size_t)pf_pool_threads(pool), error));
  PF_TRY_GOTO(take_subset(spec->train, spec->seed, 0, m, real, error));
  PF_TRY_GOTO(take_subset(spec->test, spec->seed, 1, n, real + m * d, error));
  PF_TRY_GOTO(take_subset(spec->model, spec->seed, 2, m, model, error));
  pf_points test = {real + m * d, n, d};
  PF_TRY_GOTO(pf_energy_distance((pf_points){model, m, d}, test, pool, &result.value, error));
  pf_points_transpose((pf_points){real, total, d}, total, columns);
  run.rows = real;
  run.columns = columns;
  pf_pool_run(pool, (int)total, distance_row, &run);
  pf_pool_run(pool, spec->splits, one_split, &run);
  summarise(run.energy, spec->splits, &result);
  if (isfinite(result.null_q95) && result.null_q95 > 0)
    *out = result;
  else
    status = pf_fail(error, PF_BAD_INPUT, "energy splits: the real rows' quantile is %g (all rows equal?)",
                     result.null_q95);
cleanup:
  pf_free(real);
  pf_free(model);
  pf_free(columns);
  close_run(&run);
  return status;
}
