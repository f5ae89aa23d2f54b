/* See gradient_flow.h. */
#include "gradient_flow.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include "../base/memory.h"
#include "../base/rng.h"
#include "../metrics/modes.h"
#include "../ot/assignment.h"

/* ---- cells in a row ---- */

void pf_block_values(const pf_experiment *e, pf_cell_block b, int level, double *out) {
  for (int i = 0; i < b.count; i++) out[i] = e->cells[b.first + i].values[b.value + level];
}

pf_estimate pf_block_mean(const pf_experiment *e, pf_cell_block b, int level) {
  double values[PF_BLOCK_CELLS];
  pf_block_values(e, b, level, values);
  return pf_estimate_mean(values, b.count);
}

pf_estimate pf_block_slope(const pf_experiment *e, pf_cell_block b, const double *x, double *factor) {
  double slopes[PF_BLOCK_CELLS], log_factor = 0;
  for (int i = 0; i < b.count; i++) {
    double one = NAN;
    slopes[i] = pf_estimate_slope(x, e->cells[b.first + i].values + b.value, b.levels, &one).value;
    log_factor += log(one) / b.count;
  }
  if (factor) *factor = exp(log_factor);
  return pf_estimate_mean(slopes, b.count);
}

pf_estimate pf_block_difference(const pf_experiment *e, pf_cell_block a, pf_cell_block b, int level) {
  double these[PF_BLOCK_CELLS], those[PF_BLOCK_CELLS];
  pf_block_values(e, a, level, these);
  pf_block_values(e, b, level, those);
  for (int i = 0; i < a.count; i++) these[i] -= those[i];
  return pf_estimate_mean(these, a.count);
}

pf_band pf_block_range(const pf_experiment *e, pf_cell_block b) {
  pf_band range = {INFINITY, -INFINITY};
  for (int i = 0; i < b.count; i++)
    for (int l = 0; l < b.levels; l++) {
      double v = e->cells[b.first + i].values[b.value + l];
      if (!(v >= range.least)) range.least = v;
      if (!(v <= range.most)) range.most = v;
      if (isnan(v)) return (pf_band){NAN, NAN};
    }
  return range;
}

pf_status pf_block_series(pf_experiment *e, pf_cell_block b, const double *x, pf_error *error,
                          const char *format, ...) {
  pf_study_point points[PF_STUDY_VALUES];
  char name[PF_STUDY_WORDS];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(name, sizeof name, format, arguments);
  va_end(arguments);
  for (int l = 0; l < b.levels; l++) {
    double values[PF_BLOCK_CELLS];
    pf_block_values(e, b, l, values);
    points[l] = pf_point_of(x[l], values, b.count);
  }
  return pf_conclude_series(e, (pf_series_head){PF_STUDY_LINE, points, b.levels}, error, "%s", name);
}

/* ---- clouds that keep their plan ---- */

pf_status pf_kept_cloud(uint64_t seed, uint64_t draw, int n, int d, pf_flow_lab *out, pf_error *error) {
  const double apart = 4, least = 0.5;
  PF_TRY(pf_flow_lab_open(seed, draw, (pf_flow_lab_size){n, d, 0}, out, error));
  for (int i = 0; i < n; i++) {
    pf_rng rng = pf_rng_at(seed, PF_STREAM_VERIFY, draw, (uint64_t)(n + i));
    double length = least + pf_rng_uniform(&rng), square = 0, *y = out->y + i * d, *x = out->x + i * d;
    for (int k = 0; k < d; k++) {
      y[k] = pf_rng_normal(&rng);
      square += y[k] * y[k];
    }
    for (int k = 0; k < d; k++) {
      x[k] = k == 0 ? apart * i : 0;
      y[k] = x[k] + length * y[k] / sqrt(square);
    }
  }
  return PF_OK;
}

/* ---- trained generators ---- */

enum { RING_TABLE = 8000, RING_ROWS = 1024, RING_PAIRS = 2, RING_D = 2 };

static pf_train_options ring_options(const pf_cell_run *run, const pf_ring_training *t, int64_t seed) {
  pf_train_options o = pf_lab_options(run);
  o.method = t->method;
  o.field = t->field;
  o.fit = t->fit;
  o.width = 64;
  o.depth = 3;
  o.batch = 256;
  o.ema = 1e-6; /* as good as none: the theory is about the weights themselves */
  o.persistence = t->persistence;
  if (t->critic_steps) o.critic_steps = t->critic_steps;
  if (t->move > 0) o.move_size = t->move;
  o.learning_rate = t->rate;
  o.critic_rate = t->critic_rate;
  o.steps = t->iterations;
  o.seed = seed;
  return o;
}

pf_status pf_ring_train(const pf_cell_run *run, const pf_ring_training *t, int64_t seed,
                        struct pf_model **out, pf_error *error) {
  pf_train_options options = ring_options(run, t, seed);
  pf_law *law = NULL;
  pf_table *table = NULL;
  pf_status status = pf_law_create("ring8", &law, error);
  if (status == PF_OK) status = pf_table_create(RING_TABLE, RING_D, &table, error);
  if (status == PF_OK) {
    pf_law_sample(law, (uint64_t)seed, 0, RING_TABLE, table->values);
    status = pf_method_run(table, NULL, &options, out, error);
  }
  pf_table_free(table);
  pf_law_free(law);
  return status;
}

static pf_status count_modes(const pf_law *law, pf_points made, double *out, pf_error *error) {
  pf_modes modes = {.sds = pf_law_mode_spreads(law)};
  pf_mode_result found;
  modes.count = (size_t)pf_law_modes(law, &modes.means, &modes.weights);
  PF_TRY(pf_mode_coverage(made, modes, NULL, &found, error));
  *out = (double)found.covered;
  return PF_OK;
}

/* What is measured, with room for three clouds. */
typedef struct ring_bench {
  const struct pf_model *model;
  pf_law *law;
  uint64_t seed;
  int power;
  double *x;
} ring_bench;

static pf_status measure_pair(const ring_bench *b, int pair, pf_ring_quality *sum, pf_error *error) {
  enum { ITEMS = RING_ROWS * RING_D };
  pf_points real = {b->x, RING_ROWS, RING_D}, other = {b->x + ITEMS, RING_ROWS, RING_D},
            made = {b->x + 2 * ITEMS, RING_ROWS, RING_D};
  pf_draw draw = {.steps = 1, .seed = b->seed};
  uint64_t first = RING_TABLE + 2 * (uint64_t)pair * RING_ROWS; /* behind the training's rows */
  double distance, floor, modes;
  pf_law_sample(b->law, b->seed, first, 2 * RING_ROWS, b->x);
  PF_TRY(pf_model_draw(b->model, &draw, (pf_rows){pair * RING_ROWS, RING_ROWS}, b->x + 2 * ITEMS, error));
  PF_TRY(pf_wasserstein(made, real, b->power, &distance, error));
  PF_TRY(pf_wasserstein(other, real, b->power, &floor, error));
  PF_TRY(count_modes(b->law, made, &modes, error));
  sum->distance += distance / RING_PAIRS;
  sum->floor += floor / RING_PAIRS;
  sum->modes += modes / RING_PAIRS;
  return PF_OK;
}

pf_status pf_ring_measure(const struct pf_model *model, int64_t seed, int power, pf_ring_quality *out,
                          pf_error *error) {
  ring_bench b = {.model = model, .seed = (uint64_t)seed, .power = power};
  pf_ring_quality sum = {0};
  PF_TRY(pf_law_create("ring8", &b.law, error));
  pf_status status = pf_alloc(3 * RING_ROWS * RING_D, sizeof *b.x, &b.x, error);
  for (int p = 0; p < RING_PAIRS && status == PF_OK; p++) status = measure_pair(&b, p, &sum, error);
  pf_free(b.x);
  pf_law_free(b.law);
  if (status == PF_OK) *out = sum;
  return status;
}

pf_estimate pf_ring_log_ratio(const pf_experiment *e, pf_cell_block a, pf_cell_block b, int level) {
  double ratios[PF_BLOCK_CELLS];
  for (int i = 0; i < a.count; i++) {
    const double *these = e->cells[a.first + i].values + a.value,
                 *those = e->cells[b.first + i].values + b.value;
    ratios[i] = log((these[level] + these[a.levels]) / (those[level] + those[b.levels]));
  }
  return pf_estimate_mean(ratios, a.count);
}
