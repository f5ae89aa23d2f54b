/* What is watched while a generator follows a Wasserstein gradient flow: quality on held-out rows, and what goes wrong. */
#include <math.h>
#include "../base/memory.h"
#include "../base/rng.h"
#include "../metrics/two_sample.h"
#include "../ot/assignment.h"
#include "wgf_run.h"

enum { W1_ROWS = 512, SPREAD_ROWS = 1024 };

static const double COLLAPSED_SPREAD = 0.02, DIVERGED_SPREAD = 20, FLAT_SLOPE = 1e-4, SATURATED_SHARE = 0.95;

static const struct {
  const char *name, *text;
} warnings[] = {
#define PF_X(id, name, text) {name, text},
    PF_WGF_WARNINGS(PF_X)
#undef PF_X
};

const char *pf_wgf_warning_name(pf_wgf_warning warning) { return warnings[warning].name; }

/* pf_training_sampler: samples of the averaged generator. */
pf_status pf_wgf_sample(void *context, pf_rows rows, float *x, pf_error *error) {
  pf_wgf_run *r = context;
  pf_learned *g = NULL;
  PF_TRY(pf_wgf_plain_map(r, &g, error));
  pf_training_prior(r->training, PF_STREAM_METRIC, rows, x);
  pf_status status = pf_learned_move(g, 0, 1, rows, x, r->training->pool, error);
  pf_learned_free(g);
  return status;
}

static void warn(pf_wgf_run *r, pf_wgf_warning which) {
  if (r->warned >> which & 1) return;
  r->warned |= (int64_t)1 << which;
  pf_training_warn(r->training, "iteration %lld: %s", (long long)r->iteration, warnings[which].text);
}

static double column_spread(const float *rows, int64_t n, int d, int j) {
  double mean = 0, square = 0;
  for (int64_t i = 0; i < n; i++) mean += rows[i * d + j] / (double)n;
  for (int64_t i = 0; i < n; i++) square += (rows[i * d + j] - mean) * (rows[i * d + j] - mean) / (double)n;
  return sqrt(square);
}

/* In encoded units, beside the first rows of the data. Columns that hardly vary beside the others, such as the pixels of a
 * border, say nothing. */
static pf_status watch_samples(pf_wgf_run *r, pf_error *error) {
  const pf_training *t = r->training;
  int64_t n = t->n < SPREAD_ROWS ? t->n : SPREAD_ROWS;
  int d = t->d;
  double overall = 0;
  float *x = NULL;
  PF_TRY(pf_alloc((size_t)n * (size_t)d, sizeof *x, &x, error));
  pf_status status = pf_wgf_sample(r, (pf_rows){0, n}, x, error);
  for (int j = 0; j < d && status == PF_OK; j++) overall += pow(column_spread(t->encoded, n, d, j), 2) / d;
  overall = sqrt(overall);
  for (int j = 0; j < d && status == PF_OK; j++) {
    double spread = column_spread(x, n, d, j), real = column_spread(t->encoded, n, d, j);
    if (spread < COLLAPSED_SPREAD * real && real > 0.1 * overall) warn(r, PF_WGF_COLLAPSED);
    if (spread > DIVERGED_SPREAD * fmax(real, overall)) warn(r, PF_WGF_DIVERGED);
  }
  pf_free(x);
  return status;
}

static void watch_critic(pf_wgf_run *r) {
  const pf_adam_state *a = &r->critic.arrays;
  double bound = 0.999 * r->w.critic_rule.clamp;
  int64_t at_bound = 0;
  if (!r->critic_fit) return;
  if (r->slope < FLAT_SLOPE && r->w.field != PF_WGF_RATIO) warn(r, PF_WGF_FLAT);
  if (bound == 0) return;
  for (int64_t i = 0; i < a->n; i++) at_bound += fabsf(a->params[i]) >= bound;
  if ((double)at_bound > SATURATED_SHARE * (double)a->n) warn(r, PF_WGF_SATURATED);
}

/* Exact W1 of as many rows as an assignment takes in milliseconds, and the energy distance of all. */
pf_status pf_wgf_record_quality(pf_wgf_run *r, pf_error *error) {
  pf_training *t = r->training;
  size_t n = (size_t)t->held_rows, d = (size_t)t->d, few = n < W1_ROWS ? n : W1_ROWS;
  double *rows = NULL, w1 = NAN, energy = NAN;
  if (!t->held || n < 2) return PF_OK;
  PF_TRY(pf_alloc(n * d, sizeof(double), &rows, error));
  pf_status status = pf_training_samples(t, pf_wgf_sample, r, rows, error);
  if (status == PF_OK)
    status = pf_wasserstein((pf_points){rows, few, d}, (pf_points){t->held_scaled, few, d}, 1, &w1, error);
  if (status == PF_OK)
    status = pf_energy_distance((pf_points){rows, n, d}, (pf_points){t->held_scaled, n, d}, t->pool, &energy,
                                error);
  pf_free(rows);
  pf_training_record(t, r->w1_curve, (double)r->iteration, w1);
  pf_training_record(t, r->energy_curve, (double)r->iteration, energy);
  return status;
}

pf_status pf_wgf_watch(pf_wgf_run *r, pf_error *error) {
  pf_training *t = r->training;
  if (!pf_training_is_point(r->iteration, r->plan, t->options->curve_points)) return PF_OK;
  if (r->critic_fit) pf_training_record(t, r->critic_curve, (double)r->iteration, r->critic.loss);
  pf_training_record(t, r->generator_curve, (double)r->iteration, r->generator.loss);
  pf_training_record(t, r->slope_curve, (double)r->iteration, r->slope);
  watch_critic(r);
  PF_TRY(watch_samples(r, error));
  return pf_wgf_record_quality(r, error);
}
