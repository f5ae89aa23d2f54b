/* A metric beside its sampling floor.
 *
 *   value_p = m(model_p, A_p), floor_p = m(B_p, A_p), p = 1..P;  excess = mean of e_p = value_p - floor_p
 *   bounds  = excess -+ t_{.95, P-1} sd(e) / sqrt(P)
 *
 * Fresh rows a pair make the e_p independent; the shared A_p makes value_p and floor_p move together, so that
 * e_p varies less than their difference would. */
#include "metrics/floor.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "metrics/subset.h"
#include "ot/sort.h"

double pf_student_t95(int freedom) {
  static const double table[] = {6.3137515, 2.9199856, 2.3533634, 2.1318468, 2.0150484,
                                 1.9431803, 1.8945786, 1.8595480, 1.8331129, 1.8124611};
  if (freedom < 1) return INFINITY;
  if (freedom <= 10) return table[freedom - 1];
  double z = 1.6448536269514722, z2 = z * z, v = freedom; /* Cornish-Fisher, within 2e-6 from here on */
  return z + z * (z2 + 1) / (4 * v) + z * ((5 * z2 + 16) * z2 + 3) / (96 * v * v) +
         z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / (384 * v * v * v) +
         z * ((((79 * z2 + 776) * z2 + 1482) * z2 - 1920) * z2 - 945) / (92160 * v * v * v * v);
}

/* A batch of pairs in memory: slot s holds the model's, A's and B's rows of pair first + s. */
typedef struct floor_run {
  const pf_floor_spec *spec;
  pf_metric_options options; /* of one task: no pool inside a pool */
  int slots, first;
  double *rows;        /* slots x 3 x n x d */
  double *values;      /* pairs x metrics x 2: value, floor */
  pf_status *statuses; /* one a task of the batch */
  pf_error *errors;
} floor_run;

static double *sample_of(const floor_run *run, int slot, int which) {
  return run->rows + ((size_t)slot * 3 + (size_t)which) * run->spec->n * run->spec->d;
}

/* Task order: slot, metric, (value | floor). */
static void one_metric(void *context, int task, int thread) {
  floor_run *run = context;
  const pf_floor_spec *spec = run->spec;
  (void)thread;
  int is_floor = task % 2, metric = task / 2 % (int)spec->metric_count,
      slot = task / 2 / (int)spec->metric_count;
  pf_points a = {sample_of(run, slot, 1), spec->n, spec->d};
  pf_points other = {sample_of(run, slot, is_floor ? 2 : 0), spec->n, spec->d};
  size_t at = (((size_t)(run->first + slot)) * spec->metric_count + (size_t)metric) * 2 + (size_t)is_floor;
  run->statuses[task] =
      pf_metric_compute(spec->metrics[metric], other, a, &run->options, &run->values[at], &run->errors[task]);
}

static pf_status run_batch(floor_run *run, pf_sample_source source, int count, pf_error *error) {
  int tasks = count * (int)run->spec->metric_count * 2;
  for (int s = 0; s < count; s++) {
    int pair = run->first + s;
    PF_TRY(source.draw_real(source.context, pair, 0, sample_of(run, s, 1), error));
    PF_TRY(source.draw_real(source.context, pair, 1, sample_of(run, s, 2), error));
    PF_TRY(source.draw_model(source.context, pair, sample_of(run, s, 0), error));
  }
  pf_pool_run(run->spec->options.pool, tasks, one_metric, run);
  for (int t = 0; t < tasks; t++)
    if (run->statuses[t] != PF_OK)
      return pf_fail(error, run->statuses[t], "pair %d, %s: %s",
                     run->first + t / 2 / (int)run->spec->metric_count,
                     t % 2 ? "real against real" : "model against real", run->errors[t].message);
  return PF_OK;
}

static double quantile_95(const double *values, size_t stride, size_t count, double *sorted) {
  for (size_t p = 0; p < count; p++) sorted[p] = values[p * stride];
  pf_sort_doubles(sorted, count, sorted + count);
  double at = .95 * (double)(count - 1);
  size_t below = (size_t)at;
  if (below + 1 >= count) return sorted[count - 1];
  return sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]);
}

/* `pairs` are (value, floor) of one metric, `stride` apart. */
static pf_metric_result summarise(pf_metric_id id, const double *pairs, size_t stride, int count,
                                  double *scratch) {
  pf_metric_result out = {.pairs = count};
  double n = count, square = 0;
  strncpy(out.name, pf_metric_name(id), sizeof out.name - 1);
  for (int p = 0; p < count; p++) {
    out.value += pairs[(size_t)p * stride] / n;
    out.floor += pairs[(size_t)p * stride + 1] / n;
    out.excess += (pairs[(size_t)p * stride] - pairs[(size_t)p * stride + 1]) / n;
  }
  for (int p = 0; p < count; p++) {
    double gap = pairs[(size_t)p * stride] - pairs[(size_t)p * stride + 1] - out.excess;
    square += gap * gap;
  }
  double reach = count > 1 ? pf_student_t95(count - 1) * sqrt(square / (n - 1) / n) : INFINITY;
  out.excess_hi95 = out.excess + reach;
  out.excess_lo95 = out.excess - reach;
  out.floor_q95 = quantile_95(pairs + 1, stride, (size_t)count, scratch);
  return out;
}

static pf_status check_spec(const pf_floor_spec *spec, pf_error *error) {
  if (spec->metric_count == 0 || spec->metric_count > 64)
    return pf_fail(error, PF_USAGE, "floors: %zu metrics, 1 to 64", spec->metric_count);
  if (spec->pairs < 1 || spec->pairs > 10000)
    return pf_fail(error, PF_USAGE, "floors: %d pairs, 1 to 10000", spec->pairs);
  if (spec->n == 0 || spec->d == 0)
    return pf_fail(error, PF_USAGE, "floors: samples of %zu rows x %zu columns", spec->n, spec->d);
  return PF_OK;
}

pf_status pf_measure_against_floor(const pf_floor_spec *spec, pf_sample_source source,
                                   pf_metric_result *results, pf_error *error) {
  PF_TRY(check_spec(spec, error));
  floor_run run = {.spec = spec, .options = spec->options, .slots = pf_pool_threads(spec->options.pool)};
  size_t stride = 2 * spec->metric_count, tasks = (size_t)run.slots * stride;
  double *scratch = NULL;
  pf_status status = PF_OK;
  run.options.pool = NULL;
  PF_TRY_GOTO(pf_alloc((size_t)run.slots * 3 * spec->n * spec->d, sizeof *run.rows, &run.rows, error));
  PF_TRY_GOTO(pf_alloc((size_t)spec->pairs * stride, sizeof *run.values, &run.values, error));
  PF_TRY_GOTO(pf_alloc(tasks, sizeof *run.statuses, &run.statuses, error));
  PF_TRY_GOTO(pf_alloc(tasks, sizeof *run.errors, &run.errors, error));
  PF_TRY_GOTO(pf_alloc(2 * (size_t)spec->pairs, sizeof *scratch, &scratch, error));
  for (; run.first < spec->pairs; run.first += run.slots) {
    int left = spec->pairs - run.first;
    PF_TRY_GOTO(run_batch(&run, source, left < run.slots ? left : run.slots, error));
  }
  for (size_t m = 0; m < spec->metric_count; m++)
    results[m] = summarise(spec->metrics[m], run.values + 2 * m, stride, spec->pairs, scratch);
cleanup:
  pf_free(run.rows);
  pf_free(run.values);
  pf_free(run.statuses);
  pf_free(run.errors);
  pf_free(scratch);
  return status;
}

/* ---- finite tables ---- */

/* Rows first..first+n-1 of the `which`-th shuffle of a table. */
static pf_status draw_rows(const pf_table_source *table, pf_points from, uint64_t which, size_t first,
                           double *out, pf_error *error) {
  uint32_t *index;
  PF_TRY(pf_alloc(from.n, sizeof *index, &index, error));
  pf_random_subset(table->seed, which, from.n, first + table->n, index);
  pf_take_rows(from, index + first, table->n, out);
  pf_free(index);
  return PF_OK;
}

/* Shuffle 3 pair + 0 for A (B behind A when they share a table), + 1 for B otherwise, + 2 for the model. */
static pf_status table_real(void *context, int pair, int which, double *out, pf_error *error) {
  const pf_table_source *table = context;
  uint64_t shuffle = 3 * (uint64_t)pair;
  if (which == 0) return draw_rows(table, table->reference, shuffle, 0, out, error);
  if (table->reference.rows == table->other.rows)
    return draw_rows(table, table->reference, shuffle, table->n, out, error);
  return draw_rows(table, table->other, shuffle + 1, 0, out, error);
}

static pf_status table_model(void *context, int pair, double *out, pf_error *error) {
  const pf_table_source *table = context;
  return draw_rows(table, table->model, 3 * (uint64_t)pair + 2, 0, out, error);
}

static pf_status has_rows(const char *name, size_t rows, size_t needed, pf_error *error) {
  if (rows < needed || rows > UINT32_MAX)
    return pf_fail(error, PF_BAD_INPUT, "%s: %zu rows, %zu are drawn a pair", name, rows, needed);
  return PF_OK;
}

pf_status pf_table_source_open(const pf_table_source *table, pf_sample_source *out, pf_error *error) {
  bool same = table->reference.rows == table->other.rows;
  PF_TRY(pf_points_check_pair(table->model, table->reference, error));
  PF_TRY(pf_points_check_pair(table->other, table->reference, error));
  PF_TRY(has_rows("reference rows", table->reference.n, same ? 2 * table->n : table->n, error));
  PF_TRY(has_rows("other real rows", table->other.n, table->n, error));
  PF_TRY(has_rows("model rows", table->model.n, table->n, error));
  *out = (pf_sample_source){(void *)table, table_real, table_model};
  return PF_OK;
}
