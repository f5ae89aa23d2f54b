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
#include "wgf_run.h"

enum { STAGE_CRITIC = 1, STAGE_GENERATOR, STAGE_MOVE };
enum { PROBES = 6, SPECTRAL_START = 5 };

/* ---- set-up ---- */

static pf_status create_state(const pf_layout *layout, uint64_t seed, pf_fit_state *out, pf_error *error) {
  PF_TRY(pf_fit_state_create(layout->total, out, error));
  pf_layout_initialise(layout, seed, out->arrays.params);
  memcpy(out->arrays.average, out->arrays.params, (size_t)layout->total * sizeof(float));
  return PF_OK;
}

/* Parameters of the field's networks, one after the other. */
static void normalise_critic(pf_wgf_run *r, int iterations) {
  for (int k = 0; r->w.critic.spectral && k < iterations; k++)
    pf_network_spectral_step(&r->w.critic, r->critic.arrays.params);
}

static pf_status create_states(pf_wgf_run *r, pf_error *error) {
  uint64_t seed = r->training->seed;
  PF_TRY(pf_network_layout(&r->w.generator, &r->generator_layout, error));
  PF_TRY(create_state(&r->generator_layout, seed, &r->generator, error));
  if (!pf_wgf_has_critic(&r->w)) return PF_OK;
  PF_TRY(pf_wgf_critic_layout(&r->w, &r->critic_layout, error));
  PF_TRY(create_state(&r->critic_layout, seed + 1, &r->critic, error));
  normalise_critic(r, SPECTRAL_START);
  return PF_OK;
}

static pf_status allocate(pf_wgf_run *r, pf_error *error) {
  size_t batch = (size_t)r->w.batch, items = batch * (size_t)r->training->d;
  PF_TRY(pf_alloc(items, sizeof(float), &r->z, error));
  PF_TRY(pf_alloc(items, sizeof(float), &r->y, error));
  PF_TRY(pf_alloc(items, sizeof(float), &r->target, error));
  if (r->w.tempered) PF_TRY(pf_alloc(batch, sizeof(float), &r->temper, error));
  if (r->w.cumulant > 0) PF_TRY(pf_alloc(2 * batch, sizeof(float), &r->risk_rows, error));
  return pf_wgf_has_critic(&r->w) ? PF_OK : pf_alloc(3 * items, sizeof(double), &r->points, error);
}

static pf_status register_state(pf_wgf_run *r, pf_error *error) {
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

static void describe(pf_wgf_run *r, int64_t iterations) {
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
  pf_text_add(text, "%d %.17g %.17g %d %d %.17g %s %d/%.17g/%.17g %d/%.17g/%.17g/%.17g %.17g %lld ",
              (int)w->move, w->step, w->step_decay, (int)w->fit, w->persistence, w->ema,
              pf_precision_name(w->precision), (int)g->kind, g->learning_rate, g->weight_decay, (int)c->kind,
              c->learning_rate, c->clamp, c->beta1, w->clip, (long long)r->rows.source);
  if (!(o->budget > 0 && o->steps == 0))
    pf_text_add(text, "%lld ", (long long)(o->steps > 0 ? o->steps : iterations));
}

/* ---- compiled parts ---- */

static pf_fit_config fit_config(const pf_wgf_run *r, uint32_t stage, const pf_adam *rule) {
  return (pf_fit_config){.steps = INT64_MAX,
                         .batch = r->w.batch,
                         .adam = *rule,
                         .schedule = PF_SCHEDULE_CONSTANT,
                         .clip = r->w.clip,
                         .seed = r->training->seed,
                         .stage = stage,
                         .precision = r->w.precision,
                         .profile = r->training->options->hooks.profile != NULL};
}

static void bind_tables(const pf_wgf_run *r, const float **inputs) {
  inputs[PF_WGF_DATA] = r->training->encoded;
  inputs[PF_WGF_SOURCE] = r->training->source_encoded;
}

static pf_status open_critic(pf_wgf_run *r, pf_error *error) {
  pf_objective *o = &r->critic_objective;
  PF_TRY(pf_wgf_critic_objective(&r->w, r->rows, o, error));
  bind_tables(r, o->inputs);
  o->inputs[PF_WGF_LOG_MEANS] = r->log_means;
  o->frozen[0] = r->generator.arrays.params;
  pf_fit_config c = fit_config(r, STAGE_CRITIC, &r->w.critic_rule);
  return pf_fit_create(o, &c, &r->critic, r->training->pool, &r->critic_fit, error);
}

static pf_status open_generator(pf_wgf_run *r, pf_error *error) {
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

static pf_status open_move(pf_wgf_run *r, pf_error *error) {
  PF_TRY(pf_graph_create(&r->move_graph, error));
  pf_wgf_move_nodes n = pf_wgf_move_graph(&r->w, r->rows, r->move_graph);
  pf_node outputs[] = {n.z, n.y, n.target, n.temper};
  return pf_batch_create(r->move_graph, outputs, r->w.tempered ? 4 : 3, r->w.batch, r->w.precision,
                         r->training->pool, &r->move, error);
}

static pf_status open_risk(pf_wgf_run *r, pf_error *error) {
  if (r->w.cumulant == 0) return PF_OK;
  PF_TRY(pf_graph_create(&r->risk_graph, error));
  pf_node outputs[2];
  pf_wgf_critic_outputs(&r->w, r->rows, r->risk_graph, outputs);
  return pf_batch_create(r->risk_graph, outputs, 2, r->w.batch, r->w.precision, r->training->pool, &r->risk,
                         error);
}

static pf_status open_parts(pf_wgf_run *r, pf_error *error) {
  if (pf_wgf_has_critic(&r->w)) PF_TRY(open_critic(r, error));
  PF_TRY(open_generator(r, error));
  PF_TRY(open_risk(r, error));
  return open_move(r, error);
}

static void close_run(pf_wgf_run *r) {
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

static uint64_t stage_seed(const pf_wgf_run *r, uint32_t stage) {
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
static void measure_risk(pf_wgf_run *r) {
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

static pf_status estimate_field(pf_wgf_run *r, pf_error *error) {
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
static pf_status follow_plan(pf_wgf_run *r, pf_error *error) {
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

static double mean_slope(const pf_wgf_run *r) {
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

static pf_status move_samples(pf_wgf_run *r, pf_error *error) {
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
static bool needs_move(const pf_wgf_run *r) {
  return r->w.fit != PF_WGF_FIT_NAIVE_FRESH ||
         pf_training_is_point(r->iteration + 1, r->plan, r->training->options->curve_points);
}

static pf_status iterate(pf_wgf_run *r, pf_error *error) {
  PF_TRY(estimate_field(r, error));
  if (needs_move(r)) PF_TRY(move_samples(r, error));
  PF_TRY(pf_fit_advance(r->generator_fit, r->w.persistence, error));
  r->iteration++;
  return PF_OK;
}

/* ---- the whole run ---- */

static pf_status profile(const pf_wgf_run *r, const pf_training_stage *stage, pf_error *error) {
  pf_training_stage named = *stage;
  if (r->critic_fit) {
    named.name = "critic";
    PF_TRY(pf_training_profile(&named, r->critic_fit, &r->critic_layout, error));
  }
  named.name = "generator";
  return pf_training_profile(&named, r->generator_fit, &r->generator_layout, error);
}

static pf_status run_iterations(pf_wgf_run *r, pf_error *error) {
  pf_training_stage stage = {
      .training = r->training, .name = "generator", .steps = r->plan, .loss_curve = -1, .quality_curve = -1};
  pf_status status = PF_OK;
  while (status == PF_OK && r->iteration < r->plan) {
    status = iterate(r, error);
    if (status == PF_OK) status = pf_wgf_watch(r, error);
    if (status == PF_OK) status = pf_training_step_done(&stage, r->iteration, r->generator.loss, error);
  }
  if (status == PF_NON_FINITE)
    status = pf_fail_within(error, status, "iteration %lld", (long long)r->iteration + 1);
  pf_status told = profile(r, &stage, status == PF_OK ? error : NULL);
  return status == PF_OK ? told : status;
}

/* ---- the plan: how many iterations ---- */

/* Wall time of an iteration, from steps whose effect is undone. */
static pf_status seconds_per_iteration(pf_wgf_run *r, double *out, pf_error *error) {
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

static pf_status plan_budget(pf_wgf_run *r, pf_error *error) {
  const pf_train_options *o = r->training->options;
  double iteration = 0, point = 0;
  PF_TRY(seconds_per_iteration(r, &iteration, error));
  double begin = pf_clock_seconds();
  PF_TRY(pf_wgf_record_quality(r, error));
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

static pf_status make_plan(pf_wgf_run *r, int64_t usual, pf_error *error) {
  const pf_train_options *o = r->training->options;
  r->plan = o->steps > 0 ? o->steps : usual;
  return o->budget > 0 && o->steps == 0 ? plan_budget(r, error) : PF_OK;
}

/* ---- from start to model ---- */

static pf_status train(pf_wgf_run *r, int64_t iterations, struct pf_model **out, pf_error *error) {
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
  return pf_wgf_model(r, out, error);
}

pf_status pf_wgf_train(pf_training *training, const pf_wgf *settings, int64_t iterations,
                       struct pf_model **out, pf_error *error) {
  pf_wgf_run r = {.training = training, .w = *settings, .critic_curve = -1};
  pf_status status = train(&r, iterations, out, error);
  close_run(&r);
  return status;
}
