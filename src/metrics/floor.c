/* A metric beside its sampling floor.
 *
 *   block p = 1..P: model sample M_p, real samples A_p, B_p, all independent
 *   rounds 0:  value = mean m(M_p, A_p), floor = mean m(B_p, A_p)
 *   rounds r:  value = mean of m(M_p, A_p+o), m(M_p, B_p+o), o = 0..r-1 (cyclic)
 *              floor = mean of m(A_p, B_p+o), o = 0..r-1, and m(A_p, A_p+o), m(B_p, B_p+o), o = 1..r-1
 *   excess = value - floor;  bounds = excess -+ t_{.95, P-1} s
 *   s^2    = (P - 1)/P sum_p (e_(p) - mean e_(.))^2, the jackknife (Efron and Stein, Annals of Statistics 9
 *            (1981)): e_(p) is the excess of the combinations without block p; for rounds 0 the paired t
 *
 * Standard deviation of the W2 excess of a perfect model, P = 30, n = 500, 400 relabellings of one set of 90
 * samples; in brackets s (root mean square) and how often the upper bound covers 0 (+- .011):
 *
 *   rounds  distances  8gaussians            moons                 swissroll             checkerboard
 *   0       2 P        .0216 (.0217, .948)   .0152 (.0153, .943)   .0095 (.0096, .963)   .0205 (.0205, .948)
 *   1       3 P        .0182 (.0186, .965)   .0132 (.0131, .932)   .0082 (.0084, .950)   .0176 (.0177, .948)
 *   2       8 P        .0142 (.0171, .968)   .0097 (.0118, .950)   .0060 (.0076, .978)   .0128 (.0155, .970)
 *   4       18 P       .0126 (.0147, .945)   .0084 (.0098, .958)   .0055 (.0064, .963)   .0110 (.0128, .960)
 *   8       38 P       .0116 (.0130, .943)   .0077 (.0087, .945)   .0051 (.0056, .965)   .0099 (.0112, .950)
 *
 * and at n = 2000 for 8gaussians: .0114 (.0117, .970), .0101 (.0101, .938),
 * .0078 (.0094, .963), .0067 (.0079, .958), .0064 (.0070, .955), for rounds 0, 1, 2, 4, 8.
 *
 * Half of the variance of one distance comes from each sample alone, which no recombination removes. With
 * 8 P distances, 4 times the blocks at rounds 0 halve the error, two rounds divide it by 1.5. Hence rounds
 * are for samples that cost more than distances. */
#include "metrics/floor.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "metrics/student.h"
#include "metrics/subset.h"
#include "ot/sort.h"

enum { MODEL, REAL_A, REAL_B, ROLES };

/* `resident` blocks are in memory: all with rounds, else one a thread; `slots` are measured at once. */
typedef struct floor_run {
  const pf_floor_spec *spec;
  pf_metric_options options; /* of one task: no pool inside a pool */
  int rounds, combinations;  /* distances a block starts */
  int resident, slots, first;
  double *rows;        /* resident x 3 x n x d */
  double *values;      /* pairs x metrics x combinations */
  pf_status *statuses; /* one a task of the batch */
  pf_error *errors;
} floor_run;

/* One distance m(x, reference). */
typedef struct combination {
  int x_block, x_role, reference_block, reference_role;
  bool is_floor;
} combination;

/* The k-th distance that block p starts. */
static combination combination_of(const floor_run *run, int p, int k) {
  int r = run->rounds, blocks = run->spec->pairs;
  if (r == 0) return (combination){p, k ? REAL_B : MODEL, p, REAL_A, k == 1};
  if (k < 2 * r) return (combination){p, MODEL, (p + k / 2) % blocks, k % 2 ? REAL_B : REAL_A, false};
  if (k < 3 * r) return (combination){p, REAL_A, (p + k - 2 * r) % blocks, REAL_B, true};
  k -= 3 * r;
  int role = k % 2 ? REAL_B : REAL_A;
  return (combination){p, role, (p + 1 + k / 2) % blocks, role, true};
}

static double *sample_of(const floor_run *run, int block, int role) {
  size_t slot = (size_t)(block % run->resident);
  return run->rows + (slot * ROLES + (size_t)role) * run->spec->n * run->spec->d;
}

/* Task order: block, metric, combination. */
static void one_metric(void *context, int task, int thread) {
  floor_run *run = context;
  const pf_floor_spec *spec = run->spec;
  (void)thread;
  int per_block = run->combinations * (int)spec->metric_count;
  combination c = combination_of(run, run->first + task / per_block, task % run->combinations);
  pf_points x = {sample_of(run, c.x_block, c.x_role), spec->n, spec->d};
  pf_points reference = {sample_of(run, c.reference_block, c.reference_role), spec->n, spec->d};
  pf_metric_id id = spec->metrics[task / run->combinations % (int)spec->metric_count];
  double *out = run->values + (size_t)run->first * (size_t)per_block + task;
  run->statuses[task] = pf_metric_compute(id, x, reference, &run->options, out, &run->errors[task]);
}

static pf_status draw_blocks(floor_run *run, pf_sample_source source, int first, int count, pf_error *error) {
  for (int p = first; p < first + count; p++) {
    PF_TRY(source.draw_real(source.context, p, 0, sample_of(run, p, REAL_A), error));
    PF_TRY(source.draw_real(source.context, p, 1, sample_of(run, p, REAL_B), error));
    PF_TRY(source.draw_model(source.context, p, sample_of(run, p, MODEL), error));
  }
  return PF_OK;
}

static pf_status measure_blocks(floor_run *run, int count, pf_error *error) {
  int per_block = run->combinations * (int)run->spec->metric_count, tasks = count * per_block;
  pf_pool_run(run->spec->options.pool, tasks, one_metric, run);
  for (int t = 0; t < tasks; t++) {
    if (run->statuses[t] == PF_OK) continue;
    combination c = combination_of(run, run->first + t / per_block, t % run->combinations);
    return pf_fail(error, run->statuses[t], "%s of pair %d against real of pair %d: %s",
                   c.is_floor ? "real" : "model", c.x_block, c.reference_block, run->errors[t].message);
  }
  return PF_OK;
}

static pf_status measure_all(floor_run *run, pf_sample_source source, pf_error *error) {
  int pairs = run->spec->pairs;
  if (run->rounds) PF_TRY(draw_blocks(run, source, 0, pairs, error));
  for (; run->first < pairs; run->first += run->slots) {
    int left = pairs - run->first, count = left < run->slots ? left : run->slots;
    if (!run->rounds) PF_TRY(draw_blocks(run, source, run->first, count, error));
    PF_TRY(measure_blocks(run, count, error));
  }
  return PF_OK;
}

/* 95 % quantile of scratch[0..count-1]; uses count more. */
static double quantile_95(double *sorted, size_t count) {
  pf_sort_doubles(sorted, count, sorted + count);
  double at = .95 * (double)(count - 1);
  size_t below = (size_t)at;
  if (below + 1 >= count) return sorted[count - 1];
  return sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]);
}

/* Sums and counts of the distances: [0] values, [1] floors. */
typedef struct distance_sums {
  double sum[2];
  double count[2];
} distance_sums;

static void add_distance(distance_sums *to, bool is_floor, double x) {
  to->sum[is_floor] += x;
  to->count[is_floor] += 1;
}

/* Totals of one metric, those that touch each block, and the floors one by one. Returns their number. */
static size_t collect(const floor_run *run, size_t metric, distance_sums *all, distance_sums *of_block,
                      double *floors) {
  size_t found = 0;
  *all = (distance_sums){0};
  memset(of_block, 0, (size_t)run->spec->pairs * sizeof *of_block);
  for (int p = 0; p < run->spec->pairs; p++)
    for (int k = 0; k < run->combinations; k++) {
      combination c = combination_of(run, p, k);
      size_t row = (size_t)p * run->spec->metric_count + metric;
      double x = run->values[row * (size_t)run->combinations + (size_t)k];
      add_distance(all, c.is_floor, x);
      add_distance(&of_block[p], c.is_floor, x);
      if (c.reference_block != p) add_distance(&of_block[c.reference_block], c.is_floor, x);
      if (c.is_floor) floors[found++] = x;
    }
  return found;
}

static double excess_without(const distance_sums *all, const distance_sums *gone) {
  return (all->sum[0] - gone->sum[0]) / (all->count[0] - gone->count[0]) -
         (all->sum[1] - gone->sum[1]) / (all->count[1] - gone->count[1]);
}

static double jackknife_error(const distance_sums *all, const distance_sums *of_block, int blocks) {
  double mean = 0, square = 0;
  if (blocks < 2) return INFINITY;
  for (int p = 0; p < blocks; p++) mean += excess_without(all, &of_block[p]) / blocks;
  for (int p = 0; p < blocks; p++) {
    double gap = excess_without(all, &of_block[p]) - mean;
    square += gap * gap;
  }
  return sqrt(square * (blocks - 1) / blocks);
}

static pf_metric_result summarise(const floor_run *run, size_t metric, distance_sums *of_block,
                                  double *scratch) {
  distance_sums all;
  pf_metric_result out = {.pairs = run->spec->pairs};
  strncpy(out.name, pf_metric_name(run->spec->metrics[metric]), sizeof out.name - 1);
  size_t floors = collect(run, metric, &all, of_block, scratch);
  double reach = jackknife_error(&all, of_block, out.pairs);
  if (out.pairs > 1) reach *= pf_student_t95(out.pairs - 1);
  out.value = all.sum[0] / all.count[0];
  out.floor = all.sum[1] / all.count[1];
  out.excess = out.value - out.floor;
  out.excess_hi95 = out.excess + reach;
  out.excess_lo95 = out.excess - reach;
  out.floor_q95 = quantile_95(scratch, floors);
  return out;
}

static pf_status check_spec(const pf_floor_spec *spec, pf_error *error) {
  if (spec->metric_count == 0 || spec->metric_count > 64)
    return pf_fail(error, PF_USAGE, "floors: %zu metrics, 1 to 64", spec->metric_count);
  if (spec->pairs < 1 || spec->pairs > 10000)
    return pf_fail(error, PF_USAGE, "floors: %d pairs, 1 to 10000", spec->pairs);
  if (spec->rounds < 0 || spec->rounds > 64)
    return pf_fail(error, PF_USAGE, "floors: %d rounds, 0 to 64", spec->rounds);
  if (spec->n == 0 || spec->d == 0)
    return pf_fail(error, PF_USAGE, "floors: samples of %zu rows x %zu columns", spec->n, spec->d);
  return PF_OK;
}

/* Two blocks meet once at most, so offsets stay below half of the circle. */
static floor_run run_of(const pf_floor_spec *spec) {
  int most = (spec->pairs + 1) / 2, r = spec->rounds < most ? spec->rounds : most;
  floor_run run = {.spec = spec, .options = spec->options, .rounds = r};
  run.options.pool = NULL;
  run.combinations = r ? 5 * r - 2 : 2;
  run.slots = pf_pool_threads(spec->options.pool);
  run.resident = r ? spec->pairs : run.slots;
  return run;
}

pf_status pf_measure_against_floor(const pf_floor_spec *spec, pf_sample_source source,
                                   pf_metric_result *results, pf_error *error) {
  PF_TRY(check_spec(spec, error));
  floor_run run = run_of(spec);
  size_t stride = (size_t)run.combinations * spec->metric_count, tasks = (size_t)run.slots * stride;
  size_t pairs = (size_t)spec->pairs, sample = spec->n * spec->d;
  double *scratch = NULL;
  distance_sums *of_block = NULL;
  pf_status status = PF_OK;
  PF_TRY_GOTO(pf_alloc((size_t)run.resident * ROLES * sample, sizeof *run.rows, &run.rows, error));
  PF_TRY_GOTO(pf_alloc(pairs * stride, sizeof *run.values, &run.values, error));
  PF_TRY_GOTO(pf_alloc(tasks, sizeof *run.statuses, &run.statuses, error));
  PF_TRY_GOTO(pf_alloc(tasks, sizeof *run.errors, &run.errors, error));
  PF_TRY_GOTO(pf_alloc(2 * pairs * (size_t)run.combinations, sizeof *scratch, &scratch, error));
  PF_TRY_GOTO(pf_alloc(pairs, sizeof *of_block, &of_block, error));
  PF_TRY_GOTO(measure_all(&run, source, error));
  for (size_t m = 0; m < spec->metric_count; m++) results[m] = summarise(&run, m, of_block, scratch);
cleanup:
  pf_free(run.rows);
  pf_free(run.values);
  pf_free(run.statuses);
  pf_free(run.errors);
  pf_free(scratch);
  pf_free(of_block);
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
