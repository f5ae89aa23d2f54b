/* Training along a Wasserstein gradient flow: see wgf.h for the three parts.
 *
 * An iteration is field, move, fit. Noise and targets of an iteration live in plain arrays; what outlives it is two fit
 * states and a count, so a checkpoint is taken between iterations and holds nothing else.
 */
#include <math.h>
#include <string.h>
#include "../base/canary.h"
#include "../base/cpu.h"
#include "../base/memory.h"
#include "../base/rng.h"
#include "../flow/plan_field.h"
#include "../metrics/two_sample.h"
#include "../ot/assignment.h"
#include "wgf.h"

enum { STAGE_CRITIC = 1, STAGE_GENERATOR, STAGE_MOVE };
enum { W1_ROWS = 512, SPREAD_ROWS = 1024, PROBES = 6, SPECTRAL_START = 5 };

/* What a user is warned of, once each. */
#define WARNINGS(X)                                                                                          \
  X(COLLAPSED, "collapse", "the samples have collapsed: the spread of a column is below 2 % of the data's")  \
  X(DIVERGED, "divergence", "the samples diverge: the spread of a column is over 20 times the data's")       \
  X(FLAT, "flat critic", "the critic is flat at the samples: nothing moves any more")                        \
  X(SATURATED, "saturated critic", "over 95 % of the critic's weights lie at the bound of clip")

typedef enum warning {
#define PF_X(id, name, text) id,
  WARNINGS(PF_X)
#undef PF_X
      WARNING_COUNT
} warning;

static const struct {
  const char *name, *text;
} warnings[] = {
#define PF_X(id, name, text) {name, text},
    WARNINGS(PF_X)
#undef PF_X
};

static const double COLLAPSED_SPREAD = 0.02, DIVERGED_SPREAD = 20, FLAT_SLOPE = 1e-4, SATURATED_SHARE = 0.95;

typedef struct wgf_run {
  pf_training *training;
  pf_wgf w;
  pf_wgf_rows rows;
  pf_layout generator_layout, critic_layout;
  pf_fit_state generator, critic;
  pf_objective generator_objective, critic_objective;
  pf_fit *generator_fit, *critic_fit;
  pf_graph *move_graph, *risk_graph;
  pf_batch *move, *risk;   /* risk: the critic on its next batch, for the cumulant loss */
  float *z, *y, *target;   /* batch x d: noise, samples, what they should become */
  float *temper;           /* batch */
  float *risk_rows;        /* 2 x batch */
  double *points;          /* 3 x batch x d: samples, data and gradient of a plan */
  float eps, log_means[2]; /* inputs of graphs */
  int64_t iteration, plan; /* registered: done, and in all */
  int64_t warned;          /* registered: bits of enum warning */
  double slope;            /* registered: mean |y - zeta| / eps of the last iteration */
  int critic_curve, generator_curve, slope_curve, w1_curve, energy_curve;
} wgf_run;

/* ---- set-up ---- */

static pf_status create_state(const pf_layout *layout, uint64_t seed, pf_fit_state *out, pf_error *error) {
  PF_TRY(pf_fit_state_create(layout->total, out, error));
  pf_layout_initialise(layout, seed, out->arrays.params);
  memcpy(out->arrays.average, out->arrays.params, (size_t)layout->total * sizeof(float));
  return PF_OK;
}

/* Parameters of the field's networks, one after the other. */
static void normalise_critic(wgf_run *r, int iterations) {
  for (int k = 0; r->w.critic.spectral && k < iterations; k++)
    pf_network_spectral_step(&r->w.critic, r->critic.arrays.params);
}

static pf_status create_states(wgf_run *r, pf_error *error) {
  uint64_t seed = r->training->seed;
  PF_TRY(pf_network_layout(&r->w.generator, &r->generator_layout, error));
  PF_TRY(create_state(&r->generator_layout, seed, &r->generator, error));
  if (!pf_wgf_has_critic(&r->w)) return PF_OK;
  PF_TRY(pf_wgf_critic_layout(&r->w, &r->critic_layout, error));
  PF_TRY(create_state(&r->critic_layout, seed + 1, &r->critic, error));
  normalise_critic(r, SPECTRAL_START);
  return PF_OK;
}

static pf_status allocate(wgf_run *r, pf_error *error) {
  size_t batch = (size_t)r->w.batch, items = batch * (size_t)r->training->d;
  PF_TRY(pf_alloc(items, sizeof(float), &r->z, error));
  PF_TRY(pf_alloc(items, sizeof(float), &r->y, error));
  PF_TRY(pf_alloc(items, sizeof(float), &r->target, error));
  if (r->w.tempered) PF_TRY(pf_alloc(batch, sizeof(float), &r->temper, error));
  if (r->w.cumulant > 0) PF_TRY(pf_alloc(2 * batch, sizeof(float), &r->risk_rows, error));
  return pf_wgf_has_critic(&r->w) ? PF_OK : pf_alloc(3 * items, sizeof(double), &r->points, error);
}

static pf_status register_state(wgf_run *r, pf_error *error) {
  pf_training *t = r->training;
  PF_TRY(pf_registry_add_i64(t->registry, "iteration", &r->iteration, 1, error));
  PF_TRY(pf_registry_add_i64(t->registry, "plan", &r->plan, 1, error));
  PF_TRY(pf_registry_add_i64(t->registry, "warned", &r->warned, 1, error));
  PF_TRY(pf_registry_add_f64(t->registry, "slope", &r->slope, 1, error));
  PF_TRY(pf_fit_state_register(&r->generator, "generator", t->registry, error));
  if (pf_wgf_has_critic(&r->w)) {
    PF_TRY(pf_fit_state_register(&r->critic, "critic", t->registry, error));
    PF_TRY(pf_training_add_curve(t, "critic loss", &r->critic_curve, error));
  }
  PF_TRY(pf_training_add_curve(t, "generator loss", &r->generator_curve, error));
  PF_TRY(pf_training_add_curve(t, "mean slope", &r->slope_curve, error));
  PF_TRY(pf_training_add_curve(t, "held-out W1", &r->w1_curve, error));
  return pf_training_add_curve(t, "held-out energy distance", &r->energy_curve, error);
}

static void describe(wgf_run *r, int64_t iterations) {
  const pf_wgf *w = &r->w;
  const pf_train_options *o = r->training->options;
  const pf_adam *g = &w->generator_rule, *c = &w->critic_rule;
  pf_text *text = &r->training->settings;
  pf_text_add(text, "%s wgf %d/%d/%d/%d %d/%d/%d/%d/%d %d ", r->training->options->method, w->generator.width,
              w->generator.depth, (int)w->generator.residual, (int)w->generator.activation, w->critic.width,
              w->critic.depth, (int)w->critic.residual, (int)w->critic.activation, (int)w->critic.spectral,
              w->batch);
  pf_text_add(text, "%d %d %.17g %d %d %.17g %.17g %.17g %.17g %d %d ", (int)w->field, w->power, w->epsilon,
              w->critic_steps, (int)w->constraint, w->constraint_weight, w->equality, w->field_penalty,
              w->cumulant, (int)w->rescale, (int)w->tempered);
  pf_text_add(text, "%d %.17g %.17g %d %d %.17g %s %d/%.17g/%.17g %d/%.17g/%.17g/%.17g %lld ", (int)w->move,
              w->step, w->step_decay, (int)w->fit, w->persistence, w->ema, pf_precision_name(w->precision),
              (int)g->kind, g->learning_rate, g->weight_decay, (int)c->kind, c->learning_rate, c->clamp,
              c->beta1, (long long)r->rows.source);
  if (!(o->budget > 0 && o->steps == 0))
    pf_text_add(text, "%lld ", (long long)(o->steps > 0 ? o->steps : iterations));
}

/* ---- compiled parts ---- */

static pf_fit_config fit_config(const wgf_run *r, uint32_t stage, const pf_adam *rule) {
  return (pf_fit_config){.steps = INT64_MAX,
                         .batch = r->w.batch,
                         .adam = *rule,
                         .schedule = PF_SCHEDULE_CONSTANT,
                         .seed = r->training->seed,
                         .stage = stage,
                         .precision = r->w.precision,
                         .profile = r->training->options->hooks.profile != NULL};
}

static void bind_tables(const wgf_run *r, const float **inputs) {
  inputs[PF_WGF_DATA] = r->training->encoded;
  inputs[PF_WGF_SOURCE] = r->training->source_encoded;
}

static pf_status open_critic(wgf_run *r, pf_error *error) {
  pf_objective *o = &r->critic_objective;
  PF_TRY(pf_wgf_critic_objective(&r->w, r->rows, o, error));
  bind_tables(r, o->inputs);
  o->inputs[PF_WGF_LOG_MEANS] = r->log_means;
  o->frozen[0] = r->generator.arrays.params;
  pf_fit_config c = fit_config(r, STAGE_CRITIC, &r->w.critic_rule);
  return pf_fit_create(o, &c, &r->critic, r->training->pool, &r->critic_fit, error);
}

static pf_status open_generator(wgf_run *r, pf_error *error) {
  pf_objective *o = &r->generator_objective;
  PF_TRY(pf_wgf_generator_objective(&r->w, r->rows, o, error));
  bind_tables(r, o->inputs);
  o->inputs[PF_WGF_Z] = r->z;
  o->inputs[PF_WGF_TARGET] = r->target;
  o->inputs[PF_WGF_TEMPER] = r->temper;
  o->frozen[0] = r->critic.arrays.params;
  pf_fit_config c = fit_config(r, STAGE_GENERATOR, &r->w.generator_rule);
  c.ema = pow(r->w.ema, 1.0 / r->w.persistence); /* the average reaches back as many iterations for any K */
  return pf_fit_create(o, &c, &r->generator, r->training->pool, &r->generator_fit, error);
}

static pf_status open_move(wgf_run *r, pf_error *error) {
  PF_TRY(pf_graph_create(&r->move_graph, error));
  pf_wgf_move_nodes n = pf_wgf_move_graph(&r->w, r->rows, r->move_graph);
  pf_node outputs[] = {n.z, n.y, n.target, n.temper};
  return pf_batch_create(r->move_graph, outputs, r->w.tempered ? 4 : 3, r->w.batch, r->w.precision,
                         r->training->pool, &r->move, error);
}

static pf_status open_risk(wgf_run *r, pf_error *error) {
  if (r->w.cumulant == 0) return PF_OK;
  PF_TRY(pf_graph_create(&r->risk_graph, error));
  pf_node outputs[2];
  pf_wgf_critic_outputs(&r->w, r->rows, r->risk_graph, outputs);
  return pf_batch_create(r->risk_graph, outputs, 2, r->w.batch, r->w.precision, r->training->pool, &r->risk,
                         error);
}

static pf_status open_parts(wgf_run *r, pf_error *error) {
  if (pf_wgf_has_critic(&r->w)) PF_TRY(open_critic(r, error));
  PF_TRY(open_generator(r, error));
  PF_TRY(open_risk(r, error));
  return open_move(r, error);
}

static void close_run(wgf_run *r) {
  pf_fit_free(r->generator_fit);
  pf_fit_free(r->critic_fit);
  pf_batch_free(r->move);
  pf_batch_free(r->risk);
  pf_graph_free(r->generator_objective.graph);
  pf_graph_free(r->critic_objective.graph);
  pf_graph_free(r->move_graph);
  pf_graph_free(r->risk_graph);
  pf_fit_state_free(&r->generator);
  pf_fit_state_free(&r->critic);
  pf_layout_free(&r->generator_layout);
  pf_layout_free(&r->critic_layout);
  pf_free(r->z);
  pf_free(r->y);
  pf_free(r->target);
  pf_free(r->temper);
  pf_free(r->risk_rows);
  pf_free(r->points);
}

/* ---- 1: field ---- */

static uint64_t stage_seed(const wgf_run *r, uint32_t stage) {
  return r->training->seed ^ ((uint64_t)stage << 48);
}

/* log mean e^{b v}, b the sign's weight: of n values. */
static float log_mean_exp(const float *v, int n, double b) {
  double top = -INFINITY, sum = 0;
  for (int i = 0; i < n; i++) top = fmax(top, b * v[i]);
  for (int i = 0; i < n; i++) sum += exp(b * v[i] - top);
  return (float)(top + log(sum / n));
}

/* The normalisers of the critic's next step, from the batch it will draw. */
static void measure_risk(wgf_run *r) {
  int n = r->w.batch;
  const float *sets[] = {r->critic.arrays.params, NULL, r->generator.arrays.params},
              *inputs[PF_FIT_INPUTS] = {NULL};
  bind_tables(r, inputs);
  pf_run run = {.params = sets,
                .inputs = inputs,
                .seed = stage_seed(r, STAGE_CRITIC),
                .step = (uint64_t)r->critic.step + 1,
                .rows = n};
  float *outputs[] = {r->risk_rows, r->risk_rows + n};
  pf_batch_run(r->risk, &run, outputs);
  r->log_means[0] = log_mean_exp(r->risk_rows, n, r->w.cumulant);
  r->log_means[1] = log_mean_exp(r->risk_rows + n, n, r->w.cumulant - 1);
}

static pf_status estimate_field(wgf_run *r, pf_error *error) {
  if (!r->critic_fit) return PF_OK;
  if (!r->risk && !r->w.critic.spectral) return pf_fit_advance(r->critic_fit, r->w.critic_steps, error);
  for (int k = 0; k < r->w.critic_steps; k++) {
    if (r->risk) measure_risk(r);
    PF_TRY(pf_fit_advance(r->critic_fit, 1, error));
    normalise_critic(r, 1);
  }
  return PF_OK;
}

/* ---- 2: move ---- */

/* target holds rows of the data; they become what the plan makes of the samples. */
static pf_status follow_plan(wgf_run *r, pf_error *error) {
  size_t n = (size_t)r->w.batch, d = (size_t)r->training->d, items = n * d;
  double *y = r->points, *x = y + items, *g = x + items;
  for (size_t i = 0; i < items; i++) {
    y[i] = r->y[i];
    x[i] = r->target[i];
  }
  pf_plan_field plan = {.power = r->w.power, .epsilon = r->w.field == PF_WGF_SINKHORN ? r->w.epsilon : 0};
  PF_TRY(pf_plan_gradient(&plan, (pf_points){y, n, d}, (pf_points){x, n, d}, g, NULL, error));
  for (size_t i = 0; i < items; i++) r->target[i] = (float)(y[i] - r->eps * g[i]);
  return PF_OK;
}

static double mean_slope(const wgf_run *r) {
  size_t d = (size_t)r->training->d;
  double sum = 0;
  for (int i = 0; i < r->w.batch; i++) {
    double square = 0;
    for (size_t j = 0; j < d; j++) {
      double e = (double)r->y[(size_t)i * d + j] - r->target[(size_t)i * d + j];
      square += e * e;
    }
    sum += sqrt(square);
  }
  return sum / r->w.batch / r->eps;
}

static pf_status move_samples(wgf_run *r, pf_error *error) {
  const float *sets[] = {r->generator.arrays.params, NULL, r->critic.arrays.params},
              *inputs[PF_FIT_INPUTS] = {NULL};
  bind_tables(r, inputs);
  inputs[PF_WGF_STEP] = &r->eps;
  r->eps = (float)(r->w.step / (1 + r->w.step_decay * (double)r->iteration));
  pf_run run = {.params = sets,
                .inputs = inputs,
                .seed = stage_seed(r, STAGE_MOVE),
                .step = (uint64_t)r->iteration + 1,
                .rows = r->w.batch};
  float *outputs[] = {r->z, r->y, r->target, r->temper};
  pf_batch_run(r->move, &run, outputs);
  if (!r->critic_fit) PF_TRY(follow_plan(r, error));
  r->slope = mean_slope(r);
  if (isfinite(r->slope)) return PF_OK;
  return pf_fail(error, PF_NON_FINITE, "iteration %lld: the samples or the field are not finite",
                 (long long)r->iteration + 1);
}

/* ---- one iteration ---- */

/* New noise every step needs no samples moved: then they are only looked at where curves are recorded. */
static bool needs_move(const wgf_run *r) {
  return r->w.fit != PF_WGF_FIT_NAIVE_FRESH ||
         pf_training_is_point(r->iteration + 1, r->plan, r->training->options->curve_points);
}

static pf_status iterate(wgf_run *r, pf_error *error) {
  PF_TRY(estimate_field(r, error));
  if (needs_move(r)) PF_TRY(move_samples(r, error));
  PF_TRY(pf_fit_advance(r->generator_fit, r->w.persistence, error));
  r->iteration++;
  return PF_OK;
}

/* ---- what is watched ---- */

static pf_status plain_map(const wgf_run *r, pf_learned **out, pf_error *error);

/* pf_training_sampler: samples of the averaged generator. */
static pf_status sample(void *context, pf_rows rows, float *x, pf_error *error) {
  wgf_run *r = context;
  pf_learned *g = NULL;
  PF_TRY(plain_map(r, &g, error));
  pf_training_prior(r->training, PF_STREAM_METRIC, rows, x);
  pf_status status = pf_learned_move(g, 0, 1, rows, x, r->training->pool, error);
  pf_learned_free(g);
  return status;
}

static void warn(wgf_run *r, warning which) {
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
static pf_status watch_samples(wgf_run *r, pf_error *error) {
  const pf_training *t = r->training;
  int64_t n = t->n < SPREAD_ROWS ? t->n : SPREAD_ROWS;
  int d = t->d;
  double overall = 0;
  float *x = NULL;
  PF_TRY(pf_alloc((size_t)n * (size_t)d, sizeof *x, &x, error));
  pf_status status = sample(r, (pf_rows){0, n}, x, error);
  for (int j = 0; j < d && status == PF_OK; j++) overall += pow(column_spread(t->encoded, n, d, j), 2) / d;
  overall = sqrt(overall);
  for (int j = 0; j < d && status == PF_OK; j++) {
    double spread = column_spread(x, n, d, j), real = column_spread(t->encoded, n, d, j);
    if (spread < COLLAPSED_SPREAD * real && real > 0.1 * overall) warn(r, COLLAPSED);
    if (spread > DIVERGED_SPREAD * fmax(real, overall)) warn(r, DIVERGED);
  }
  pf_free(x);
  return status;
}

static void watch_critic(wgf_run *r) {
  const pf_adam_state *a = &r->critic.arrays;
  double bound = 0.999 * r->w.critic_rule.clamp;
  int64_t at_bound = 0;
  if (!r->critic_fit) return;
  if (r->slope < FLAT_SLOPE && r->w.field != PF_WGF_RATIO) warn(r, FLAT);
  if (bound == 0) return;
  for (int64_t i = 0; i < a->n; i++) at_bound += fabsf(a->params[i]) >= bound;
  if ((double)at_bound > SATURATED_SHARE * (double)a->n) warn(r, SATURATED);
}

/* Exact W1 of as many rows as an assignment takes in milliseconds, and the energy distance of all. */
static pf_status record_quality(wgf_run *r, pf_error *error) {
  pf_training *t = r->training;
  size_t n = (size_t)t->held_rows, d = (size_t)t->d, few = n < W1_ROWS ? n : W1_ROWS;
  double *rows = NULL, w1 = NAN, energy = NAN;
  if (!t->held || n < 2) return PF_OK;
  PF_TRY(pf_alloc(n * d, sizeof(double), &rows, error));
  pf_status status = pf_training_samples(t, sample, r, rows, error);
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

static pf_status watch(wgf_run *r, pf_error *error) {
  pf_training *t = r->training;
  if (!pf_training_is_point(r->iteration, r->plan, t->options->curve_points)) return PF_OK;
  if (r->critic_fit) pf_training_record(t, r->critic_curve, (double)r->iteration, r->critic.loss);
  pf_training_record(t, r->generator_curve, (double)r->iteration, r->generator.loss);
  pf_training_record(t, r->slope_curve, (double)r->iteration, r->slope);
  watch_critic(r);
  PF_TRY(watch_samples(r, error));
  return record_quality(r, error);
}

/* ---- the whole run ---- */

static pf_status profile(const wgf_run *r, const pf_training_stage *stage, pf_error *error) {
  pf_training_stage named = *stage;
  if (r->critic_fit) {
    named.name = "critic";
    PF_TRY(pf_training_profile(&named, r->critic_fit, &r->critic_layout, error));
  }
  named.name = "generator";
  return pf_training_profile(&named, r->generator_fit, &r->generator_layout, error);
}

static pf_status run_iterations(wgf_run *r, pf_error *error) {
  pf_training_stage stage = {
      .training = r->training, .name = "generator", .steps = r->plan, .loss_curve = -1, .quality_curve = -1};
  pf_status status = PF_OK;
  while (status == PF_OK && r->iteration < r->plan) {
    status = iterate(r, error);
    if (status == PF_OK) status = watch(r, error);
    if (status == PF_OK) status = pf_training_step_done(&stage, r->iteration, r->generator.loss, error);
  }
  if (status == PF_NON_FINITE)
    status = pf_fail_within(error, status, "iteration %lld", (long long)r->iteration + 1);
  pf_status told = profile(r, &stage, status == PF_OK ? error : NULL);
  return status == PF_OK ? told : status;
}

/* ---- the plan: how many iterations ---- */

/* Wall time of an iteration, from steps whose effect is undone. */
static pf_status seconds_per_iteration(wgf_run *r, double *out, pf_error *error) {
  double critic = 0, generator = 0, begin, move;
  if (r->critic_fit) PF_TRY(pf_fit_calibrate(r->critic_fit, PROBES, &critic, error));
  PF_TRY(move_samples(r, error));
  begin = pf_clock_seconds();
  for (int k = 0; k < PROBES; k++) PF_TRY(move_samples(r, error));
  move = (pf_clock_seconds() - begin) / PROBES;
  PF_TRY(pf_fit_calibrate(r->generator_fit, PROBES, &generator, error));
  *out = r->w.critic_steps * critic + move + r->w.persistence * generator;
  return PF_OK;
}

static pf_status plan_budget(wgf_run *r, pf_error *error) {
  const pf_train_options *o = r->training->options;
  double iteration = 0, point = 0;
  PF_TRY(seconds_per_iteration(r, &iteration, error));
  double begin = pf_clock_seconds();
  PF_TRY(record_quality(r, error));
  point = pf_clock_seconds() - begin;
  for (int i = 0; i < r->training->n_curves; i++) r->training->curves[i].count = 0;
  r->warned = 0;
  double left = o->budget - (pf_clock_seconds() - r->training->begun) - point * (double)o->curve_points;
  double iterations = floor(left / iteration);
  if (!(iterations >= 1))
    return pf_fail(error, PF_USAGE,
                   "budget %gs is too short: an iteration takes %.2f ms and %lld held-out evaluations %.2f s",
                   o->budget, 1e3 * iteration, (long long)o->curve_points, point * (double)o->curve_points);
  r->plan = (int64_t)iterations;
  pf_training_log(r->training, "budget %gs: %lld iterations (%.3f ms each)", o->budget, (long long)r->plan,
                  1e3 * iteration);
  return PF_OK;
}

static pf_status make_plan(wgf_run *r, int64_t usual, pf_error *error) {
  const pf_train_options *o = r->training->options;
  r->plan = o->steps > 0 ? o->steps : usual;
  return o->budget > 0 && o->steps == 0 ? plan_budget(r, error) : PF_OK;
}

/* ---- the model ---- */

/* A network that is told a = 1 is one of no times: what the time adds goes into the first bias. */
static pf_status without_times(const pf_network_config *from, const float *params, pf_network_config *to,
                               float **out, pf_error *error) {
  *to = *from;
  to->times = 0;
  return pf_network_fix_time(from, params, 1, out, error);
}

static pf_status plain_map(const wgf_run *r, pf_learned **out, pf_error *error) {
  pf_time_map map = {.network = r->w.generator, .skip = r->w.skip};
  float *folded = NULL;
  const float *params = r->generator.arrays.average;
  if (r->w.tempered) PF_TRY(without_times(&r->w.generator, params, &map.network, &folded, error));
  pf_status status = pf_learned_create(&map, folded ? folded : params, out, error);
  pf_free(folded);
  return status;
}

/* The dual's potential is a difference of two networks: it is not kept. */
static pf_status keep_critic(const wgf_run *r, pf_critic **out, pf_error *error) {
  pf_network_config network = r->w.critic;
  float *folded = NULL;
  const float *params = r->critic.arrays.params;
  if (!r->critic_fit || r->w.field == PF_WGF_DUAL) return PF_OK;
  if (r->w.tempered) PF_TRY(without_times(&r->w.critic, params, &network, &folded, error));
  pf_status status = pf_critic_create(&network, folded ? folded : params, out, error);
  pf_free(folded);
  return status;
}

static json_t *warnings_json(const wgf_run *r) {
  json_t *list = json_array();
  for (int i = 0; i < WARNING_COUNT; i++)
    if (r->warned >> i & 1) json_array_append_new(list, json_string(warnings[i].name));
  return list;
}

static pf_status add_facts(const wgf_run *r, json_t *f, pf_error *error) {
  const pf_wgf *w = &r->w;
  bool critic = pf_wgf_has_critic(w);
  json_object_set_new(f, "batch", json_integer(w->batch));
  json_object_set_new(f, "steps", json_integer(r->plan));
  json_object_set_new(f, "field", json_string(pf_wgf_field_name(w->field)));
  if (critic) {
    json_object_set_new(f, "constraint", json_string(pf_wgf_constraint_name(w->constraint)));
    json_object_set_new(f, "constraint_weight", json_real(w->constraint_weight));
    json_object_set_new(f, "critic_steps", json_integer(w->critic_steps));
    json_object_set_new(f, "critic_rate", json_real(w->critic_rule.learning_rate));
  }
  if (w->field == PF_WGF_RATIO)
    json_object_set_new(f, "rescale", json_string(pf_wgf_rescale_name(w->rescale)));
  json_object_set_new(f, "learning_rate", json_real(w->generator_rule.learning_rate));
  json_object_set_new(f, "optimiser", json_string(pf_optimiser_name(w->generator_rule.kind)));
  json_object_set_new(f, "fit", json_string(pf_wgf_fit_name(w->fit)));
  json_object_set_new(f, "persistence", json_integer(w->persistence));
  json_object_set_new(f, "move", json_string(pf_tableau_of(w->move)->name));
  json_object_set_new(f, "move_size", json_real(w->step));
  json_object_set_new(f, "move_decay", json_real(w->step_decay));
  json_object_set_new(f, "tempered", json_boolean(w->tempered));
  json_object_set_new(f, "warnings", warnings_json(r));
  json_object_set_new(f, "parameters", json_integer(r->generator_layout.total));
  return json_object_get(f, "parameters") ? PF_OK : pf_fail(error, PF_NO_MEMORY, "out of memory");
}

static pf_status make_model(wgf_run *r, struct pf_model **out, pf_error *error) {
  struct pf_model *model = NULL;
  PF_TRY(pf_training_model(r->training, &model, error));
  pf_status status = plain_map(r, &model->generator, error);
  if (status == PF_OK) status = keep_critic(r, &model->critic, error);
  if (status == PF_OK) status = add_facts(r, model->facts, error);
  if (status == PF_OK)
    *out = model;
  else
    pf_model_free(model);
  return status;
}

static pf_status train(wgf_run *r, int64_t iterations, struct pf_model **out, pf_error *error) {
  bool resumed = false;
  r->rows = (pf_wgf_rows){.data = r->training->n, .source = r->training->source_n};
  PF_TRY(create_states(r, error));
  PF_TRY(allocate(r, error));
  PF_TRY(register_state(r, error));
  describe(r, iterations);
  PF_TRY(pf_training_resume(r->training, &resumed, error));
  PF_TRY(open_parts(r, error));
  if (!resumed) PF_TRY(make_plan(r, iterations, error));
  PF_TRY(run_iterations(r, error));
  return make_model(r, out, error);
}

pf_status pf_wgf_train(pf_training *training, const pf_wgf *settings, int64_t iterations,
                       struct pf_model **out, pf_error *error) {
  wgf_run r = {.training = training, .w = *settings, .critic_curve = -1};
  pf_status status = train(&r, iterations, out, error);
  close_run(&r);
  return status;
}
