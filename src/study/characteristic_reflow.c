/* Straightness and rectification (arXiv 2209.03003).
 *
 *   legend    Z_t a flow's path, v its velocity; S = int_0^1 E |Z_1 - Z_0 - v(t, Z_t)|^2 dt, 0 for straight lines run through
 *             evenly; C = E |Z_1 - Z_0|^2
 *   a round   pairs (Z_0, Z_1) of the learned flow, then flow matching between the two ends of each pair, linear interpolant
 *   claims    C does not grow (theorem 3.5); the sum of S over rounds 0..k is at most C of the coupling that the first flow is
 *             fitted to (theorem 3.7), here independent: E |X_0|^2 + E |X_1|^2 + the distance of the means
 */
#include <math.h>
#include <stdio.h>
#include "../base/memory.h"
#include "../base/rng.h"
#include "../ode/solver.h"
#include "../ot/assignment.h"
#include "characteristic.h"
#include "lab.h"

enum {
  ROUNDS = 3,
  SEEDS = 4,
  LAWS = 2,
  PAIRS = 20000,
  PROBES = 4096,
  FINE = 64,
  W2_ROWS = 1024,
  W2_PAIRS = 4
};
static const char *const laws[LAWS] = {"ring8", "moons"};

/* of every round: straightness, cost, W2 of one Euler step, W2 of one step of the generator; then the floor and the first cost */
enum { STRAIGHTNESS, COST, EULER, GENERATOR, PER_ROUND, FLOOR = ROUNDS * PER_ROUND, INDEPENDENT, VALUES };
static const char *const value_names[VALUES] = {
    "straightness_0", "cost_0",         "w2_euler_0",     "w2_generator_0",  "straightness_1",
    "cost_1",         "w2_euler_1",     "w2_generator_1", "straightness_2",  "cost_2",
    "w2_euler_2",     "w2_generator_2", "w2_floor",       "independent_cost"};

/* ---- following a learned flow, in standardised units ---- */

/* n rows from time 0 to `end`. */
typedef struct route {
  const struct pf_model *model;
  int64_t n;
  double end;
} route;

static pf_status move(const route *r, int steps, double *x, pf_error *error) {
  float *scratch = NULL;
  double grid[FINE + 1];
  PF_TRY(pf_alloc(2 * (size_t)r->n * (size_t)r->model->columns, sizeof *scratch, &scratch, error));
  pf_learned_field field = {.learned = r->model->velocity, .scratch = scratch};
  pf_ode_system system = {pf_learned_velocity_field, &field, r->n, r->model->columns};
  pf_ode_uniform_grid(0, r->end, steps, grid);
  pf_status status = pf_ode_fixed(steps == 1 ? PF_ODE_EULER : PF_ODE_RK4, &system, (pf_ode_grid){grid, steps},
                                  x, NULL, error);
  pf_free(scratch);
  return status;
}

/* S over the paths from z, by the library's share of the squared chords `cost` = E |Z_1 - Z_0|^2. */
static pf_status straightness(const route *r, const double *z, double cost, double *out, pf_error *error) {
  float *scratch = NULL;
  double grid[FINE + 1], share = NAN;
  PF_TRY(pf_alloc(2 * (size_t)r->n * (size_t)r->model->columns, sizeof *scratch, &scratch, error));
  pf_learned_field field = {.learned = r->model->velocity, .scratch = scratch};
  pf_ode_system system = {pf_learned_velocity_field, &field, r->n, r->model->columns};
  pf_ode_uniform_grid(0, r->end, FINE, grid);
  pf_status status = pf_solve_straightness(&system, (pf_ode_grid){grid, FINE}, z, &share, error);
  pf_free(scratch);
  if (status == PF_OK) *out = share * cost / (r->end * r->end);
  return status;
}

static double mean_square(const double *a, const double *b, int64_t n, int d) {
  double sum = 0;
  for (int64_t i = 0; i < n * d; i++) sum += (a[i] - b[i]) * (a[i] - b[i]) / (double)n;
  return sum;
}

/* ---- one chain of rounds ---- */

typedef struct chain {
  const pf_cell_run *run;
  int d;
  pf_table *law, *noise, *data; /* the data of round 0; the two ends of the pairs of later rounds */
} chain;

static void close_chain(chain *c) {
  pf_table_free(c->law);
  pf_table_free(c->noise);
  pf_table_free(c->data);
}

/* Everything is in standardised units, so that the encoder of every round has nothing to do. */
static pf_status open_chain(chain *c, const pf_law *law, pf_error *error) {
  double mean[8], covariance[64];
  c->d = pf_law_dimension(law);
  pf_law_moments(law, mean, covariance);
  PF_TRY(pf_lab_table(c->run, law, 0, PAIRS, &c->law, error));
  PF_TRY(pf_table_create(PAIRS, c->d, &c->noise, error));
  PF_TRY(pf_table_create(PAIRS, c->d, &c->data, error));
  for (int64_t i = 0; i < PAIRS * c->d; i++) {
    int j = (int)(i % c->d);
    c->law->values[i] = (c->law->values[i] - mean[j]) / sqrt(covariance[j * c->d + j]);
  }
  return PF_OK;
}

/* Rows that no training sees: noise, or the law's, of `which` pair. */
static void fresh_noise(const chain *c, int which, int64_t n, double *z) {
  for (int64_t i = 0; i < n; i++) {
    pf_rng rng = pf_rng_at(c->run->draw, PF_STREAM_VERIFY, (uint64_t)which + 2, (uint64_t)i);
    for (int j = 0; j < c->d; j++) z[i * c->d + j] = pf_rng_normal(&rng);
  }
}

static pf_status train_round(const chain *c, int round, struct pf_model **out, pf_error *error) {
  pf_train_options options = pf_lab_options(c->run);
  options.method = "characteristic";
  options.encoder = "none";
  options.interpolant = "linear";
  options.batch = 256;
  options.width = 64;
  options.depth = 3;
  options.steps = 16000;
  options.seed += round;
  if (round > 0) {
    options.from = c->noise;
    options.coupling = "paired";
  }
  return pf_method_run(round > 0 ? c->data : c->law, NULL, &options, out, error);
}

/* The pairs of the next round. */
static pf_status follow_pairs(chain *c, const struct pf_model *model, pf_error *error) {
  route r = {model, PAIRS, model->end};
  fresh_noise(c, 100, PAIRS, c->noise->values);
  for (int64_t i = 0; i < PAIRS * c->d; i++) c->data->values[i] = c->noise->values[i];
  return move(&r, FINE, c->data->values, error);
}

/* W2 to fresh rows of the law, mean over pairs: of one Euler step, of one step of the generator, and of other rows. */
static pf_status measure_w2(const chain *c, const struct pf_model *model, const pf_law *law, double out[3],
                            pf_error *error) {
  size_t n = W2_ROWS, d = (size_t)c->d, items = n * d;
  double *x = NULL, mean[8], covariance[64];
  float *g = NULL;
  pf_law_moments(law, mean, covariance);
  PF_TRY(pf_alloc(4 * items, sizeof *x, &x, error));
  pf_status status = pf_alloc(items, sizeof *g, &g, error);
  double *const sets[] = {x + items, x + 2 * items, x + 3 * items};
  route r = {model, W2_ROWS, model->end};
  out[0] = out[1] = out[2] = 0;
  for (int p = 0; p < W2_PAIRS && status == PF_OK; p++) {
    uint64_t first = (UINT64_C(1) << 32) + 2 * (uint64_t)p * n;
    pf_law_sample(law, c->run->draw, first, W2_ROWS, x);
    pf_law_sample(law, c->run->draw, first + n, W2_ROWS, sets[2]);
    for (size_t i = 0; i < items; i++) {
      size_t j = i % d;
      x[i] = (x[i] - mean[j]) / sqrt(covariance[j * d + j]);
      sets[2][i] = (sets[2][i] - mean[j]) / sqrt(covariance[j * d + j]);
    }
    fresh_noise(c, p, W2_ROWS, sets[0]);
    for (size_t i = 0; i < items; i++) g[i] = (float)sets[0][i];
    status = move(&r, 1, sets[0], error);
    if (status == PF_OK)
      status = pf_learned_move(model->generator, 0, model->end, (pf_rows){0, W2_ROWS}, g, NULL, error);
    for (size_t i = 0; i < items; i++) sets[1][i] = g[i];
    for (int k = 0; k < 3 && status == PF_OK; k++) {
      double w2 = NAN;
      status = pf_wasserstein((pf_points){sets[k], n, d}, (pf_points){x, n, d}, 2, &w2, error);
      out[k] += w2 / W2_PAIRS;
    }
  }
  pf_free(g);
  pf_free(x);
  return status;
}

static pf_status measure_round(const chain *c, const struct pf_model *model, const pf_law *law, double *round,
                               double *values, pf_error *error) {
  size_t items = (size_t)PROBES * (size_t)c->d;
  double *z = NULL, w2[3];
  route r = {model, PROBES, model->end};
  PF_TRY(pf_alloc(2 * items, sizeof *z, &z, error));
  fresh_noise(c, 50, PROBES, z);
  for (size_t i = 0; i < items; i++) z[items + i] = z[i];
  pf_status status = move(&r, FINE, z + items, error);
  round[COST] = mean_square(z, z + items, PROBES, c->d);
  if (status == PF_OK) status = straightness(&r, z, round[COST], &round[STRAIGHTNESS], error);
  if (status == PF_OK) status = measure_w2(c, model, law, w2, error);
  pf_free(z);
  if (status != PF_OK) return status;
  round[EULER] = w2[0];
  round[GENERATOR] = w2[1];
  values[FLOOR] = w2[2];
  return PF_OK;
}

static pf_status run_chain(chain *c, const pf_law *law, double *values, pf_error *error) {
  PF_TRY(open_chain(c, law, error));
  values[INDEPENDENT] = 2 * c->d; /* E|X_0|^2 + E|X_1|^2, standardised and independent */
  for (int round = 0; round < ROUNDS; round++) {
    struct pf_model *model = NULL;
    PF_TRY(train_round(c, round, &model, error));
    pf_status status = measure_round(c, model, law, values + round * PER_ROUND, values, error);
    if (status == PF_OK && round + 1 < ROUNDS) status = follow_pairs(c, model, error);
    pf_model_free(model);
    if (status != PF_OK) return status;
  }
  return PF_OK;
}

static pf_status measure(const pf_cell_run *run, double *values, pf_error *error) {
  pf_law *law = NULL;
  chain c = {.run = run};
  pf_status status = pf_law_create(laws[run->cell / SEEDS], &law, error);
  if (status == PF_OK) status = run_chain(&c, law, values, error);
  close_chain(&c);
  pf_law_free(law);
  return status;
}

static void describe(int cell, pf_cell_text *out) {
  snprintf(out->key, sizeof out->key, "%s #%d", laws[cell / SEEDS], cell % SEEDS + 1);
  out->cost = 40;
}

/* ---- conclusion ---- */

/* Mean over the seeds of a law of f(values). */
typedef double cell_number(const double *values, int round);

static double cost_ratio(const double *v, int round) {
  return v[round * PER_ROUND + COST] / v[(round - 1) * PER_ROUND + COST];
}
static double straightness_sum(const double *v, int round) {
  double sum = 0;
  for (int k = 0; k <= round; k++) sum += v[k * PER_ROUND + STRAIGHTNESS];
  return sum / v[INDEPENDENT];
}
static double straightness_fall(const double *v, int round) {
  return log(v[round * PER_ROUND + STRAIGHTNESS] / v[STRAIGHTNESS]);
}
static double euler_fall(const double *v, int round) { return log(v[round * PER_ROUND + EULER] / v[EULER]); }

static pf_estimate over_seeds(const pf_experiment *e, int law, cell_number *number, int round) {
  double values[SEEDS];
  for (int k = 0; k < SEEDS; k++) values[k] = number(e->cells[law * SEEDS + k].values, round);
  return pf_estimate_mean(values, SEEDS);
}

static pf_status add_series(pf_experiment *e, int law, int column, const char *name, pf_error *error) {
  pf_study_point points[ROUNDS];
  for (int r = 0; r < ROUNDS; r++) {
    double y[SEEDS];
    for (int k = 0; k < SEEDS; k++) y[k] = e->cells[law * SEEDS + k].values[r * PER_ROUND + column];
    points[r] = pf_point_of(r, y, SEEDS);
  }
  return pf_conclude_series(e, (pf_series_head){PF_STUDY_LINE, points, ROUNDS}, error, "%s, %s", laws[law],
                            name);
}

static pf_status add_floor(pf_experiment *e, int law, pf_error *error) {
  double y[SEEDS];
  for (int k = 0; k < SEEDS; k++) y[k] = e->cells[law * SEEDS + k].values[FLOOR];
  double floor = pf_estimate_mean(y, SEEDS).value;
  pf_study_point ends[] = {pf_bare_point(0, floor), pf_bare_point(ROUNDS - 1, floor)};
  return pf_conclude_series(e, (pf_series_head){PF_STUDY_REFERENCE, ends, 2}, error, "%s, floor", laws[law]);
}

static pf_status conclude(pf_experiment *e, pf_error *error) {
  const pf_band below_0 = {-INFINITY, 0};
  for (int law = 0; law < LAWS; law++) {
    for (int r = 1; r < ROUNDS; r++) {
      PF_TRY(pf_conclude_check(e, over_seeds(e, law, cost_ratio, r), (pf_band){0, 1.02}, error,
                               "cost after round %d / before, %s", r, laws[law]));
      PF_TRY(pf_conclude_check(e, over_seeds(e, law, straightness_fall, r), below_0, error,
                               "ln(straightness after round %d / at first), %s", r, laws[law]));
      PF_TRY(pf_conclude_check(e, over_seeds(e, law, euler_fall, r), below_0, error,
                               "ln(W2 of one Euler step, round %d / at first), %s", r, laws[law]));
    }
    PF_TRY(pf_conclude_check(e, over_seeds(e, law, straightness_sum, ROUNDS - 1), (pf_band){0, 1}, error,
                             "sum of straightness / cost of independent ends, %s", laws[law]));
  }
  PF_TRY(pf_conclude_chart(
      e, (pf_chart_head){"Straightness", "rounds of rectification", "S (0: straight)", false, true}, error));
  for (int law = 0; law < LAWS; law++) PF_TRY(add_series(e, law, STRAIGHTNESS, "S", error));
  PF_TRY(pf_conclude_chart(
      e, (pf_chart_head){"One step", "rounds of rectification", "W2 to the law", false, true}, error));
  for (int law = 0; law < LAWS; law++) {
    PF_TRY(add_series(e, law, EULER, "one Euler step", error));
    PF_TRY(add_series(e, law, GENERATOR, "fitted generator", error));
    PF_TRY(add_floor(e, law, error));
  }
  return PF_OK;
}

const pf_experiment_plan pf_study_reflow = {
    .name = "reflow",
    .title = "Straightness and rectification",
    .claim = "Fitting a flow to the ends of an earlier flow's own paths makes the paths straighter and no "
             "longer: the transport cost "
             "never grows and the straightness defects of all rounds together are at most the first cost. "
             "One Euler step of the "
             "velocity then comes close to the whole flow.",
    .source = "arXiv 2209.03003, theorems 3.5 and 3.7, for exact minimisers; that two rounds are enough is "
              "an empirical question "
              "(arXiv 2410.14949).",
    .protocol = "Ring of eight Gaussians and two moons, standardised; linear interpolant, 3x64 network, 8000 "
                "steps for the velocity "
                "and 8000 for the generator in every round; 20,000 pairs (Z_0, Z_1) by 64 RK4 steps between "
                "rounds; four seeds. S and "
                "cost on 4096 fresh draws; W2 by exact assignment of 1024 points, four pairs.",
    .band = "Cost ratio at most 1.02 (2 % for training that is not exact); log ratios of straightness and of "
            "one-step W2 below 0; sum "
            "of S at most the cost of independent ends.",
    .value_names = value_names,
    .n_values = VALUES,
    .n_cells = LAWS * SEEDS,
    .describe = describe,
    .measure = measure,
    .conclude = conclude};
