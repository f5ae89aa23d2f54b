/* The characteristic generator (arXiv 2405.05512): the algorithm.
 *
 *   1  velocity      regress F on random points of the interpolant                        (pf_velocity_objective)
 *   2  trajectories  follow the learned velocity from fresh prior draws, Heun steps, keep every node
 *   3  generator     start g from the velocity's weights, fit it to the trajectories      (theory or practical objective)
 *
 * Settings and their defaults: characteristic_settings.c. Losses: characteristic_loss.c.
 */
#include "characteristic.h"

#include <math.h>
#include <string.h>
#include "../base/cpu.h"
#include "../base/memory.h"
#include "../base/rng.h"
#include "../flow/trajectory.h"

enum { STAGE_VELOCITY = 1, STAGE_GENERATOR = 2 };
enum { PATH_STREAM = PF_STREAM_GRAPH - 1 }; /* where trajectories start */
enum { STEPS_PER_POINT = 250, FEWEST_POINTS = 4 };
enum { PROBE_STEPS = 24, PROBE_PATHS = 1024 }; /* measured and discarded to plan a budget */

typedef struct run {
  pf_training *training;
  pf_characteristic c;
  bool with_generator; /* false: the velocity alone (flow matching) */
  pf_layout velocity_layout, generator_layout;
  pf_fit_state velocity, generator;
  float *nodes;    /* M x (K + 1) x d */
  float *times;    /* K + 1 */
  float *pairs;    /* PF_PAIR_TABLE x 2 */
  int64_t plan[2]; /* steps of each stage; registered: a budget is fixed once */
  int velocity_loss, generator_loss, quality;
  double generator_seconds; /* expected, for the ETA */
  pf_coupled_batch coupled; /* of the stage under way, with the optimal coupling */
} run;

/* ---- stages ---- */

static pf_fit_config fit_config(const run *r, int stage) {
  const pf_characteristic *c = &r->c;
  pf_fit_config f = {.steps = r->plan[stage - 1],
                     .batch = c->batch,
                     .adam = pf_adam_default(),
                     .final_rate = 0.0,
                     .clip = c->clip,
                     .ema = c->ema,
                     .precision = c->precision,
                     .seed = r->training->seed,
                     .stage = (uint32_t)stage,
                     .profile = r->training->options->hooks.profile != NULL};
  f.adam.learning_rate = pf_characteristic_learning_rate(c, r->plan[0] + r->plan[1]);
  f.adam.beta2 = 0.999;
  f.adam.weight_decay = c->weight_decay;
  f.warmup = f.steps / 50 < 500 ? f.steps / 50 : 500;
  return f;
}

/* What the two ends of interpolants are drawn from. */
static pf_status bind_ends(run *r, int stage, pf_objective *o, pf_fit_config *config, pf_error *error) {
  o->inputs[PF_CHARACTERISTIC_DATA] = r->training->encoded;
  o->inputs[PF_CHARACTERISTIC_SOURCE] = r->training->source_encoded;
  *config = fit_config(r, stage);
  if (r->c.coupling != PF_COUPLING_OPTIMAL) return PF_OK;
  pf_coupled_batch_free(&r->coupled);
  PF_TRY(pf_coupled_batch_open(r->training, r->c.batch, (uint32_t)stage, &r->coupled, error));
  o->inputs[PF_CHARACTERISTIC_X0] = r->coupled.x0;
  o->inputs[PF_CHARACTERISTIC_X1] = r->coupled.x1;
  config->before_step = pf_coupled_batch_draw;
  config->before_context = &r->coupled;
  return PF_OK;
}

static pf_status open_velocity_fit(run *r, pf_objective *o, pf_fit **fit, pf_error *error) {
  pf_fit_config config;
  PF_TRY(pf_velocity_objective(&r->c, r->training->n, o, error));
  PF_TRY(bind_ends(r, STAGE_VELOCITY, o, &config, error));
  return pf_fit_create(o, &config, &r->velocity, r->training->pool, fit, error);
}

static pf_status open_generator_fit(run *r, pf_objective *o, pf_fit **fit, pf_error *error) {
  bool practical = r->c.face == PF_FACE_PRACTICAL;
  pf_fit_config config;
  PF_TRY((practical ? pf_practical_objective : pf_theory_objective)(&r->c, r->training->n, o, error));
  PF_TRY(bind_ends(r, STAGE_GENERATOR, o, &config, error));
  if (!practical && r->c.diagonal_share == 0) config.before_step = NULL; /* trajectories alone */
  o->inputs[PF_CHARACTERISTIC_NODES] = r->nodes;
  o->inputs[PF_CHARACTERISTIC_TIMES] = r->times;
  o->inputs[PF_CHARACTERISTIC_PAIRS] = r->pairs;
  o->frozen[0] = r->velocity.arrays.average;
  if (practical) {
    const pf_parameter *last = pf_layout_find(&r->generator_layout, "out.weight");
    o->balance_weight = pf_param(o->graph, PF_SET_TRAINED, last->offset, last->shape);
  }
  return pf_fit_create(o, &config, &r->generator, r->training->pool, fit, error);
}

typedef pf_status open_fit(run *r, pf_objective *o, pf_fit **fit, pf_error *error);

/* The learned map with the averaged weights of a state. */
static pf_status learned(const pf_time_map *map, const pf_fit_state *state, pf_learned **out,
                         pf_error *error) {
  return pf_learned_create(map, state->arrays.average, out, error);
}

/* pf_training_sampler: one-step samples of the averaged generator. */
static pf_status sample_generator(void *context, pf_rows rows, float *x, pf_error *error) {
  run *r = context;
  pf_learned *g = NULL;
  PF_TRY(learned(&r->c.generator, &r->generator, &g, error));
  pf_training_prior(r->training, PF_STREAM_METRIC, rows, x);
  pf_status status = pf_learned_move(g, 0, r->c.end, rows, x, r->training->pool, error);
  pf_learned_free(g);
  return status;
}

/* A point of the quality curve costs as much as some twenty steps: short runs get fewer. */
static int64_t quality_points(int64_t wanted, int64_t steps) {
  int64_t most = steps / STEPS_PER_POINT > FEWEST_POINTS ? steps / STEPS_PER_POINT : FEWEST_POINTS;
  return wanted < most ? wanted : most;
}

static pf_status run_stage(run *r, int stage, open_fit *open, pf_error *error) {
  pf_training *t = r->training;
  bool generator = stage == STAGE_GENERATOR;
  pf_training_stage watch = {.training = t,
                             .name = generator ? "generator" : "velocity",
                             .steps = r->plan[stage - 1],
                             .loss_curve = generator ? r->generator_loss : r->velocity_loss,
                             .quality_curve = generator ? r->quality : -1,
                             .loss_points = 10 * t->options->curve_points,
                             .quality_points = quality_points(t->options->curve_points, r->plan[stage - 1]),
                             .sampler = sample_generator,
                             .sampler_context = r,
                             .seconds_after = generator ? 0 : r->generator_seconds};
  pf_objective o = {0};
  pf_fit *fit = NULL;
  t->stage = stage;
  pf_status status = open(r, &o, &fit, error);
  if (status == PF_OK) {
    status = pf_fit_run(fit, pf_training_after_step, &watch, error);
    const pf_layout *layout = generator ? &r->generator_layout : &r->velocity_layout;
    pf_status told = pf_training_profile(&watch, fit, layout, status == PF_OK ? error : NULL);
    if (status == PF_OK) status = told;
  }
  if (status == PF_NON_FINITE) status = pf_fail_within(error, status, "stage '%s'", watch.name);
  pf_fit_free(fit);
  pf_graph_free(o.graph);
  return status;
}

/* ---- trajectories ---- */

/* Random rows of the source, or noise with random rows' conditions, to start from; nothing, *out NULL, for noise alone. */
static pf_status starts(const run *r, int64_t count, float **out, pf_error *error) {
  if (r->c.source == 0 && r->training->given.count == 0) return PF_OK;
  PF_TRY(pf_alloc((size_t)count * (size_t)r->training->d, sizeof(float), out, error));
  pf_training_prior(r->training, PATH_STREAM, (pf_rows){0, count}, *out);
  return PF_OK;
}

static pf_status follow(run *r, int64_t count, pf_error *error) {
  const pf_characteristic *c = &r->c;
  int K = c->trajectory_steps;
  double *grid = NULL;
  float *start = NULL;
  pf_learned *velocity = NULL;
  pf_status status = pf_alloc((size_t)K + 1, sizeof(double), &grid, error);
  if (status == PF_OK) status = starts(r, count, &start, error);
  if (status == PF_OK) status = learned(&c->velocity, &r->velocity, &velocity, error);
  if (status == PF_OK) {
    pf_ode_uniform_grid(0, c->end, K, grid);
    pf_trajectory_spec spec = {.method = PF_ODE_HEUN,
                               .t = grid,
                               .steps = K,
                               .seed = r->training->seed,
                               .stream = PATH_STREAM,
                               .rows = {0, count},
                               .start = start};
    status = pf_trajectories(velocity, &spec, r->nodes, r->training->pool, error);
  }
  pf_learned_free(velocity);
  pf_free(start);
  pf_free(grid);
  return status;
}

static bool needs_trajectories(const pf_characteristic *c) {
  return c->face == PF_FACE_THEORY || c->start == PF_START_TRAJECTORY;
}

/* ---- the plan: how many steps ---- */

static pf_status seconds_per_step(run *r, open_fit *open, double *out, pf_error *error) {
  pf_objective o = {0};
  pf_fit *fit = NULL;
  pf_status status = open(r, &o, &fit, error);
  if (status == PF_OK) status = pf_fit_calibrate(fit, PROBE_STEPS, out, error);
  pf_fit_free(fit);
  pf_graph_free(o.graph);
  return status;
}

static pf_status seconds_per_path(run *r, double *out, pf_error *error) {
  int64_t probe = r->c.trajectories < PROBE_PATHS ? r->c.trajectories : PROBE_PATHS;
  double begin = pf_clock_seconds();
  PF_TRY(follow(r, probe, error));
  *out = (pf_clock_seconds() - begin) / (double)probe;
  return PF_OK;
}

/* The most steps whose own cost and that of their trajectories fit `left` seconds; generator: their share of the steps. The cost
 * grows with the steps, so halving the interval finds them. */
static double steps_within(const run *r, double left, double step, double generator, double path) {
  double low = 0, high = left > 0 ? floor(left / step) : 0;
  while (low < high) {
    double middle = ceil((low + high) / 2);
    int64_t paths = pf_characteristic_trajectories(&r->c, (int64_t)(generator * middle));
    if (middle * step + path * (double)paths <= left)
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

/* Fixes the step count that fits options->budget. Discarded work only: nothing measured here reaches a weight. */
static pf_status plan_budget(run *r, pf_error *error) {
  pf_training *t = r->training;
  double share = r->with_generator ? r->c.teacher_share : 1, velocity = 0, generator = 0, path = 0;
  r->plan[0] = r->plan[1] = 1000;
  PF_TRY(seconds_per_step(r, open_velocity_fit, &velocity, error));
  if (r->with_generator) {
    if (needs_trajectories(&r->c)) PF_TRY(seconds_per_path(r, &path, error));
    PF_TRY(seconds_per_step(r, open_generator_fit, &generator, error));
  }
  double left = t->options->budget - (pf_clock_seconds() - t->begun);
  double steps = steps_within(r, left, share * velocity + (1 - share) * generator, 1 - share, path);
  if (!(steps >= 10))
    return pf_fail(error, PF_USAGE, "budget %gs is too short: set-up takes %.1f s and a step %.2f ms",
                   t->options->budget, t->options->budget - left,
                   1e3 * (share * velocity + (1 - share) * generator));
  r->plan[0] = (int64_t)llround(share * steps);
  r->plan[1] = r->with_generator ? (int64_t)steps - r->plan[0] : 0;
  r->generator_seconds =
      (double)r->plan[1] * generator + path * (double)pf_characteristic_trajectories(&r->c, r->plan[1]);
  pf_training_log(t, "budget %gs: %lld steps (velocity %.3f ms, generator %.3f ms a step)",
                  t->options->budget, (long long)(r->plan[0] + r->plan[1]), 1e3 * velocity, 1e3 * generator);
  return PF_OK;
}

static pf_status make_plan(run *r, pf_error *error) {
  if (r->training->options->budget > 0 && r->training->options->steps == 0) return plan_budget(r, error);
  r->plan[0] = r->c.velocity_steps;
  r->plan[1] = r->with_generator ? r->c.generator_steps : 0;
  return PF_OK;
}

/* ---- set-up ---- */

static void describe_settings(run *r) {
  const pf_characteristic *c = &r->c;
  const pf_network_config *n = &c->velocity.network;
  bool budget = r->training->options->budget > 0 && r->training->options->steps == 0;
  pf_text_add(&r->training->settings,
              "%s %d %d %d %d/%d/%d/%g/%d %d %lld %.17g %.17g %.17g %.17g %.17g %d %lld %g %g %g %g %g %g %g "
              "%g %d %g %s",
              r->training->options->method, (int)c->face, (int)c->start, (int)c->velocity.interpolant,
              n->width, n->depth, n->frequencies, n->max_frequency, (int)n->residual, c->batch,
              (long long)c->rate_steps, c->learning_rate, c->weight_decay, c->clip, c->ema, c->teacher_share,
              c->trajectory_steps, (long long)c->trajectories, c->pairs.sorted, c->pairs.terminal,
              c->pairs.from_start, c->pairs.to_end, c->pairs.dyadic, c->diagonal_share, c->semigroup,
              c->huber, c->teacher_substeps, c->end, pf_precision_name(c->precision));
  if (n->activation != PF_ACTIVATION_SILU)
    pf_text_add(&r->training->settings, " %s", pf_activation_name(n->activation));
  if (c->coupling != PF_COUPLING_INDEPENDENT)
    pf_text_add(&r->training->settings, " coupling %d", (int)c->coupling);
  if (!budget)
    pf_text_add(&r->training->settings, " %lld %lld", (long long)c->velocity_steps,
                (long long)c->generator_steps);
}

static pf_status allocate(run *r, pf_error *error) {
  const pf_characteristic *c = &r->c;
  PF_TRY(pf_network_layout(&c->velocity.network, &r->velocity_layout, error));
  PF_TRY(pf_fit_state_create(r->velocity_layout.total, &r->velocity, error));
  if (!r->with_generator) return PF_OK;
  PF_TRY(pf_network_layout(&c->generator.network, &r->generator_layout, error));
  PF_TRY(pf_fit_state_create(r->generator_layout.total, &r->generator, error));
  size_t nodes = (size_t)c->trajectory_steps + 1;
  PF_TRY(pf_alloc(nodes, sizeof(float), &r->times, error));
  PF_TRY(pf_alloc(2 * PF_PAIR_TABLE, sizeof(float), &r->pairs, error));
  pf_pair_table(&c->pairs, c->trajectory_steps, r->pairs);
  for (size_t k = 0; k < nodes; k++) r->times[k] = (float)(c->end * (double)k / (double)(nodes - 1));
  if (!needs_trajectories(c)) return PF_OK;
  return pf_alloc((size_t)c->trajectories * nodes * (size_t)r->training->d, sizeof(float), &r->nodes, error);
}

static pf_status register_state(run *r, pf_error *error) {
  pf_training *t = r->training;
  PF_TRY(pf_registry_add_i64(t->registry, "plan", r->plan, 2, error));
  PF_TRY(pf_fit_state_register(&r->velocity, "velocity", t->registry, error));
  PF_TRY(pf_training_add_curve(t, "velocity loss", &r->velocity_loss, error));
  if (!r->with_generator) return PF_OK;
  PF_TRY(pf_fit_state_register(&r->generator, "generator", t->registry, error));
  PF_TRY(pf_training_add_curve(t, "generator loss", &r->generator_loss, error));
  return pf_training_add_curve(t, "held-out energy distance", &r->quality, error);
}

static void initialise(const pf_layout *layout, uint64_t seed, pf_fit_state *state) {
  pf_layout_initialise(layout, seed, state->arrays.params);
  memcpy(state->arrays.average, state->arrays.params, (size_t)state->arrays.n * sizeof(float));
}

/* The generator has every piece of the velocity's network and a second-time branch, whose output starts at zero: g then equals
 * one exponential step of the velocity. */
static void start_from_velocity(run *r) {
  initialise(&r->generator_layout, r->training->seed + 1, &r->generator);
  for (int i = 0; i < r->velocity_layout.count; i++) {
    const pf_parameter *from = &r->velocity_layout.items[i];
    const pf_parameter *to = pf_layout_find(&r->generator_layout, from->name);
    size_t bytes = (size_t)pf_shape_items(&from->shape) * sizeof(float);
    memcpy(r->generator.arrays.params + to->offset, r->velocity.arrays.average + from->offset, bytes);
    memcpy(r->generator.arrays.average + to->offset, r->velocity.arrays.average + from->offset, bytes);
  }
}

/* ---- the model ---- */

static pf_status method_facts(const run *r, struct pf_model *model, pf_error *error) {
  const pf_characteristic *c = &r->c;
  json_t *f = model->facts;
  json_object_set_new(f, "batch", json_integer(c->batch));
  json_object_set_new(f, "learning_rate",
                      json_real(pf_characteristic_learning_rate(c, r->plan[0] + r->plan[1])));
  json_object_set_new(f, "weight_decay", json_real(c->weight_decay));
  json_object_set_new(f, "steps", json_integer(r->plan[0] + r->plan[1]));
  json_object_set_new(f, "velocity_steps", json_integer(r->plan[0]));
  if (c->coupling != PF_COUPLING_INDEPENDENT)
    json_object_set_new(f, "coupling",
                        json_string(c->coupling == PF_COUPLING_OPTIMAL ? "optimal" : "paired"));
  if (r->with_generator) {
    json_object_set_new(f, "face", json_string(c->face == PF_FACE_THEORY ? "theory" : "practical"));
    json_object_set_new(f, "start_states", json_string(c->start == PF_START_DATA ? "data" : "trajectory"));
    json_object_set_new(f, "generator_steps", json_integer(r->plan[1]));
    json_object_set_new(f, "trajectory_steps", json_integer(c->trajectory_steps));
    json_object_set_new(f, "trajectories", json_integer(c->trajectories));
    json_object_set_new(f, "semigroup", json_real(c->semigroup));
  }
  json_object_set_new(f, "parameters",
                      json_integer(r->with_generator ? r->generator_layout.total : r->velocity_layout.total));
  return json_object_get(f, "parameters") ? PF_OK : pf_fail(error, PF_NO_MEMORY, "out of memory");
}

static pf_status make_model(run *r, struct pf_model **out, pf_error *error) {
  struct pf_model *model = NULL;
  PF_TRY(pf_training_model(r->training, &model, error));
  model->end = r->c.end;
  pf_status status = method_facts(r, model, error);
  if (status == PF_OK) status = learned(&r->c.velocity, &r->velocity, &model->velocity, error);
  if (status == PF_OK && r->with_generator)
    status = learned(&r->c.generator, &r->generator, &model->generator, error);
  if (status == PF_OK)
    *out = model;
  else
    pf_model_free(model);
  return status;
}

/* ---- the algorithm ---- */

static pf_status train(run *r, struct pf_model **out, pf_error *error) {
  pf_training *t = r->training;
  bool resumed = false;
  PF_TRY(allocate(r, error));
  PF_TRY(register_state(r, error));
  describe_settings(r);
  PF_TRY(pf_training_resume(t, &resumed, error));
  if (!resumed) {
    initialise(&r->velocity_layout, t->seed, &r->velocity);
    if (r->with_generator) initialise(&r->generator_layout, t->seed + 1, &r->generator);
    PF_TRY(make_plan(r, error));
    t->stage = STAGE_VELOCITY;
  }
  r->c.trajectories = pf_characteristic_trajectories(&r->c, r->plan[1]);
  if (t->stage == STAGE_VELOCITY) PF_TRY(run_stage(r, STAGE_VELOCITY, open_velocity_fit, error));
  if (r->with_generator) {
    if (needs_trajectories(&r->c)) PF_TRY(follow(r, r->c.trajectories, error));
    if (t->stage == STAGE_VELOCITY) start_from_velocity(r);
    PF_TRY(run_stage(r, STAGE_GENERATOR, open_generator_fit, error));
  }
  return make_model(r, out, error);
}

static pf_status train_with(pf_training *training, bool with_generator, struct pf_model **out,
                            pf_error *error) {
  run r = {.training = training, .with_generator = with_generator, .generator_loss = -1, .quality = -1};
  pf_status status =
      pf_characteristic_settings(training->options, training->d, &training->given, &r.c, error);
  r.c.source = training->source_n; /* of paired rows, a part is held out */
  if (status == PF_OK) status = train(&r, out, error);
  pf_fit_state_free(&r.velocity);
  pf_fit_state_free(&r.generator);
  pf_layout_free(&r.velocity_layout);
  pf_layout_free(&r.generator_layout);
  pf_coupled_batch_free(&r.coupled);
  pf_free(r.nodes);
  pf_free(r.times);
  pf_free(r.pairs);
  return status;
}

pf_status pf_characteristic_train(pf_training *training, struct pf_model **out, pf_error *error) {
  return train_with(training, true, out, error);
}

pf_status pf_flow_matching_train(pf_training *training, struct pf_model **out, pf_error *error) {
  return train_with(training, false, out, error);
}
