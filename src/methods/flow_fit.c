/* Fitting the blocks of a flow: see flow.h.
 *
 * A block is fitted to rows that the blocks before it have moved; the rows themselves are state (training->encoded is moved
 * in place) and stand in the checkpoint. Its weights are chosen on held-out rows along the way.
 *
 * A field that learns finer things than its steps resolve can gain likelihood that is not there. So weights are only kept when
 * the held-out likelihood at twice the steps agrees; when it does not, the block goes back to the last ones that were kept and
 * goes on with twice the steps, in training, on held-out rows and in the model. An iteration then costs twice as much and counts
 * as two, so that a budget stays what it is: half as many are left of this block and of those after it.
 */
#include <math.h>
#include <string.h>
#include <unistd.h>
#include "../base/canary.h"
#include "../base/cpu.h"
#include "../base/memory.h"
#include "flow_held.h"

enum { HELD_ROWS = 8192, PROBE_STEPS = 6, MOST_PROBES = 200, PROBE_ROWS = 4096 };
static const double PROBE_SHARE = 0.01; /* of a budget that may go into timing the steps */

/* A flow that gains less than this, in nats, over normal columns has learned nothing, and so many rows tell. */
static const double LEAST_GAIN = 0.01;
enum { TELLING_ROWS = 100 };

static const double PATIENCE_FACTOR = 0.1; /* on the rate, when the held-out loss stands still */

/* ---- set-up ---- */

static pf_status allocate_held(pf_flow_run *r, pf_error *error) {
  const pf_training *t = r->training;
  if (!t->held) return PF_OK;
  r->held_n = t->held->rows < HELD_ROWS ? t->held->rows : HELD_ROWS;
  size_t items = (size_t)r->held_n * (size_t)t->d;
  PF_TRY(pf_alloc(items, sizeof(float), &r->held, error));
  PF_TRY(pf_alloc((size_t)r->held_n, sizeof(double), &r->held_log_det, error));
  return PF_OK;
}

void pf_flow_reset_data(pf_flow_run *r) {
  const pf_training *t = r->training;
  pf_encoder_encode(t->encoder, t->data->values, t->n, t->seed, 0, r->data);
  if (r->held_n > 0) {
    pf_encoder_encode(t->encoder, t->held->values, r->held_n, t->seed, (uint64_t)t->n, r->held);
    memset(r->held_log_det, 0, (size_t)r->held_n * sizeof *r->held_log_det);
  }
}

static pf_status register_state(pf_flow_run *r, pf_error *error) {
  pf_training *t = r->training;
  pf_registry *g = t->registry;
  int64_t weights = r->layout.total;
  PF_TRY(pf_fit_state_register(&r->fit, "block", g, error));
  PF_TRY(pf_registry_add_f32(g, "best", r->best, weights, error));
  PF_TRY(pf_registry_add_f64(g, "best_loss", &r->best_loss, 1, error));
  PF_TRY(pf_registry_add_i64(g, "since", &r->since, 1, error));
  PF_TRY(pf_registry_add_i64(g, "drops", &r->drops, 1, error));
  PF_TRY(pf_registry_add_i64(g, "opened", &r->opened, 1, error));
  PF_TRY(pf_registry_add_i64(g, "done", &r->done, 1, error));
  PF_TRY(pf_registry_add_i64(g, "plan", &r->plan, 1, error));
  PF_TRY(pf_registry_add_i64(g, "end", &r->end, 1, error));
  PF_TRY(pf_registry_add_i64(g, "resolution", &r->resolution, 1, error));
  PF_TRY(pf_registry_add_i64(g, "unresolved", &r->unresolved, 1, error));
  PF_TRY(pf_registry_add_i64(g, "step_offset", &r->step_offset, 1, error));
  PF_TRY(pf_registry_add_f32(g, "blocks", r->blocks, r->most_blocks * weights, error));
  if (r->most_blocks > 1) PF_TRY(pf_registry_add_f32(g, "pushed", r->data, t->n * t->d, error));
  if (r->held_n > 0) {
    PF_TRY(pf_registry_add_f32(g, "held", r->held, r->held_n * t->d, error));
    PF_TRY(pf_registry_add_f64(g, "held_log_det", r->held_log_det, r->held_n, error));
  }
  PF_TRY(pf_training_add_curve(t, "loss", &r->loss_curve, error));
  return pf_training_add_curve(t, "held-out negative log-likelihood", &r->nll_curve, error);
}

static pf_status open_probe(pf_flow_run *r, pf_error *error) {
  pf_cnf_config one = {.field = r->s.field, .blocks = 1, .steps = r->s.valid_steps};
  return pf_cnf_create(&one, r->best, &r->probe, error);
}

/* Steps of the paths that a student is fitted to. */
static int student_nodes(const pf_flow_run *r) { return r->most_blocks * r->s.valid_steps; }

pf_status pf_flow_open(pf_training *training, const pf_flow_settings *settings, int most_blocks,
                       pf_flow_run *out, pf_error *error) {
  pf_flow_run *r = out;
  *r = (pf_flow_run){.training = training,
                     .s = *settings,
                     .most_blocks = most_blocks,
                     .data = training->encoded,
                     .resolution = 1,
                     .trainings = 1,
                     .best_loss = INFINITY,
                     .loss_curve = -1,
                     .nll_curve = -1};
  PF_TRY(pf_field_layout(&r->s.field, &r->layout, error));
  PF_TRY(pf_fit_state_create(r->layout.total, &r->fit, error));
  PF_TRY(pf_alloc((size_t)r->layout.total, sizeof(float), &r->best, error));
  PF_TRY(pf_alloc((size_t)(most_blocks * r->layout.total), sizeof(float), &r->blocks, error));
  PF_TRY(allocate_held(r, error));
  pf_flow_reset_data(r);
  PF_TRY(register_state(r, error));
  PF_TRY(pf_student_open(training, student_nodes(r), &r->student, error));
  return open_probe(r, error);
}

void pf_flow_close(pf_flow_run *r) {
  pf_fit_state_free(&r->fit);
  pf_layout_free(&r->layout);
  pf_cnf_free(r->probe);
  pf_student_free(r->student);
  pf_free(r->best);
  pf_free(r->blocks);
  pf_free(r->held);
  pf_free(r->held_log_det);
  *r = (pf_flow_run){0};
}

static void describe_field(const pf_field *f, pf_text *text) {
  const pf_network_config *n = &f->network;
  const pf_potential_config *p = &f->potential;
  if (f->kind == PF_FIELD_POTENTIAL)
    pf_text_add(text, " potential %d/%d/%d", p->width, p->layers, p->rank);
  else
    pf_text_add(text, " network %d/%d/%d/%d/%g/%d/%s", n->width, n->depth, n->times, n->frequencies,
                n->max_frequency, (int)n->residual, pf_activation_name(n->activation));
}

pf_status pf_flow_resume(pf_flow_run *r, const char *more, bool *resumed, pf_error *error) {
  pf_text *text = &r->training->settings;
  const pf_flow_settings *s = &r->s;
  pf_text_add(text, "%s", r->training->options->method);
  describe_field(&s->field, text);
  const pf_train_options *o = r->training->options;
  pf_text_add(text,
              " %s/%.17g %d/%d %d %.17g/%.17g/%.17g/%.17g %.17g/%.17g/%d %.17g/%.17g/%.17g/%.17g/%.17g %d/%d "
              "%lld/%d %s",
              pf_divergence_name(s->divergence), s->width, s->steps, s->valid_steps, s->batch, s->likelihood,
              s->kinetic, s->hjb, s->movement, s->steer, s->jitter, (int)s->adjoint, s->learning_rate,
              s->weight_decay, s->clip, s->clamp, s->ema, (int)s->schedule, s->halvings,
              (long long)s->validate_every, s->patience, more);
  if (!(o->budget > 0 && o->steps == 0))
    pf_text_add(text, " %lld", (long long)o->steps); /* a budget is fixed once */
  return pf_training_resume(r->training, resumed, error);
}

/* ---- held-out rows ---- */

/* Keeps the averaged weights when they are the best so far; divides the rate, or ends the block, when they have not been for
 * long. */
static pf_status validate(pf_flow_run *r, pf_fit_state *state, pf_error *error) {
  double nll, loss;
  bool resolved = true;
  PF_TRY(pf_cnf_set_params(r->probe, state->arrays.average, error));
  PF_TRY(pf_flow_held_loss(r, pf_flow_valid_steps(r), r->held_n, &nll, &loss, error));
  bool fooled = false;
  if (loss < r->best_loss)
    PF_TRY(pf_flow_is_resolved(r, &resolved, error));
  else if (pf_flow_can_refine(r))
    PF_TRY(pf_flow_is_fooled(r, &fooled, error));
  if (!resolved || fooled) {
    r->unresolved = 1;
    state->finished = 1;
    return PF_OK;
  }
  pf_training_record(r->training, r->nll_curve, (double)(r->step_offset + state->step), nll);
  if (loss < r->best_loss) {
    r->best_loss = loss;
    r->since = 0;
    memcpy(r->best, state->arrays.average, (size_t)state->arrays.n * sizeof(float));
    return PF_OK;
  }
  if (r->s.patience == 0 || ++r->since <= r->s.patience) return PF_OK;
  r->since = 0;
  state->rate_factor *= PATIENCE_FACTOR;
  if (++r->drops > PF_FLOW_DROPS) state->finished = 1;
  return PF_OK;
}

/* ---- one block ---- */

void pf_flow_scale_velocity(const pf_layout *layout, float factor, float *params) {
  static const char *const pieces[] = {"out.weight", "out.bias"};
  for (int i = 0; i < 2; i++) {
    const pf_parameter *p = pf_layout_find(layout, pieces[i]);
    const int64_t n = pf_shape_items(&p->shape);
    for (int64_t e = 0; e < n; e++) params[p->offset + e] *= factor;
  }
}

typedef struct watch {
  pf_flow_run *run;
  pf_training_stage stage;
} watch;

static pf_status after_step(void *context, pf_fit_state *state, pf_error *error) {
  watch *w = context;
  pf_flow_run *r = w->run;
  bool due = state->step % r->s.validate_every == 0 || state->step == r->end;
  if (due && r->held_n > 0) PF_TRY(validate(r, state, error));
  return pf_training_after_step(&w->stage, state, error);
}

static pf_status open_fit(pf_flow_run *r, int index, pf_objective *o, pf_fit **fit, pf_error *error) {
  pf_flow_settings own = r->s;
  const pf_flow_settings *s = &own;
  own.steps = (int)(r->resolution * own.steps);
  PF_TRY(pf_flow_objective(s, r->training->n, o, error));
  o->inputs[PF_FLOW_DATA] = r->data;
  pf_fit_config c = {.steps = r->end,
                     .batch = s->batch,
                     .adam = pf_adam_default(),
                     .schedule = s->schedule,
                     .final_rate = 0.0,
                     .clip = s->clip,
                     .ema = s->ema,
                     .seed = r->training->seed,
                     .stage = (uint32_t)(r->opened * PF_CNF_BLOCKS + index + 1),
                     .profile = r->training->options->hooks.profile != NULL};
  c.adam.learning_rate = s->learning_rate;
  c.adam.beta2 = 0.999;
  c.adam.weight_decay = s->weight_decay;
  c.adam.clamp = s->clamp;
  c.halve_every = s->halvings > 0 ? (r->end + s->halvings - 1) / s->halvings : r->end;
  if (c.halve_every < 1) c.halve_every = 1;
  c.warmup = s->schedule == PF_SCHEDULE_COSINE ? (c.steps / 50 < 500 ? c.steps / 50 : 500) : 0;
  double memory = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
  c.most_bytes = (size_t)(memory / 2);
  return pf_fit_create(o, &c, &r->fit, r->training->pool, fit, error);
}

/* The weights to beat: a block at rest, or those it starts from. A proximal step may not end above where it began, not on
 * held-out rows either, where a block that learns its rows by heart would. */
static pf_status set_weights_to_beat(pf_flow_run *r, const float *from, pf_error *error) {
  double nll, loss;
  bool resolved;
  pf_flow_scale_velocity(&r->layout, 0, r->best);
  r->best_loss = PF_CANARY(FLOW_AT_REST, pf_flow_loss_at_rest(r), INFINITY);
  PF_TRY(pf_cnf_set_params(r->probe, from, error));
  PF_TRY(pf_flow_held_loss(r, pf_flow_valid_steps(r), r->held_n, &nll, &loss, error));
  if (!(loss < r->best_loss)) return PF_OK;
  PF_TRY(pf_flow_is_resolved(r, &resolved, error));
  if (!resolved) return PF_OK;
  r->best_loss = loss;
  memcpy(r->best, from, (size_t)r->layout.total * sizeof(float));
  return PF_OK;
}

static pf_status start_block(pf_flow_run *r, const float *from, pf_error *error) {
  pf_adam_state *a = &r->fit.arrays;
  size_t bytes = (size_t)a->n * sizeof(float);
  if (from)
    memcpy(a->params, from, bytes);
  else
    pf_layout_initialise(&r->layout, r->training->seed, a->params);
  memcpy(a->average, a->params, bytes);
  memcpy(r->best, a->params, bytes);
  memset(a->first_moment, 0, bytes);
  memset(a->second_moment, 0, bytes);
  r->end = (r->plan + r->resolution - 1) / r->resolution;
  r->fit.step = 0;
  r->fit.loss = NAN;
  r->fit.balance = r->fit.rate_factor = 1;
  r->fit.finished = 0;
  r->best_loss = INFINITY;
  r->since = r->drops = 0;
  r->unresolved = 0;
  return from && r->held_n > 0 ? set_weights_to_beat(r, from, error) : PF_OK;
}

/* The fit from where it stands to its end, or to where its steps do not resolve the field any more. */
static pf_status run_fit(pf_flow_run *r, int index, const char *name, pf_error *error) {
  watch w = {.run = r,
             .stage = {.training = r->training,
                       .name = name,
                       .steps = r->end,
                       .loss_curve = r->loss_curve,
                       .quality_curve = -1,
                       .loss_points = r->training->options->curve_points}};
  pf_objective o = {0};
  pf_fit *fit = NULL;
  pf_status status = open_fit(r, index, &o, &fit, error);
  if (status == PF_OK) {
    status = pf_fit_run(fit, after_step, &w, error);
    pf_status told = pf_training_profile(&w.stage, fit, &r->layout, status == PF_OK ? error : NULL);
    if (status == PF_OK) status = told;
  }
  if (status == PF_NON_FINITE) status = pf_fail_within(error, status, "stage '%s'", name);
  pf_fit_free(fit);
  pf_graph_free(o.graph);
  return status;
}

/* Back to the best weights, with twice the steps and half the iterations left; false when there may not be more. */
static bool refine_steps(pf_flow_run *r) {
  pf_adam_state *a = &r->fit.arrays;
  size_t bytes = (size_t)a->n * sizeof(float);
  if (!pf_flow_can_refine(r)) return false;
  r->resolution *= 2;
  if (PF_CANARY(FLOW_DOUBLED_COST, true, false)) r->end = r->fit.step + (r->end - r->fit.step + 1) / 2;
  memcpy(a->params, r->best, bytes);
  memcpy(a->average, r->best, bytes);
  memset(a->first_moment, 0, bytes);
  memset(a->second_moment, 0, bytes);
  r->fit.finished = 0;
  r->unresolved = 0;
  pf_training_log(r->training,
                  "step %lld: the likelihood hangs on the steps; going on with %d of them, to iteration %lld",
                  (long long)r->fit.step, (int)(r->resolution * r->s.steps), (long long)r->end);
  return true;
}

pf_status pf_flow_fit_block(pf_flow_run *r, int index, const float *from, const char *name, pf_error *error) {
  if (r->opened == r->done) { /* not under way */
    PF_TRY(start_block(r, from, error));
    r->opened++;
  }
  do
    if (!r->unresolved)
      PF_TRY(run_fit(r, index, name, error)); /* a checkpoint may have been taken in between */
  while (r->unresolved && refine_steps(r));
  bool chosen = isfinite(r->best_loss) || r->unresolved; /* else no held-out row could choose */
  const float *weights = chosen ? r->best : r->fit.arrays.average;
  memcpy(r->blocks + index * r->layout.total, weights, (size_t)r->layout.total * sizeof(float));
  r->step_offset += r->fit.step;
  r->done++; /* a checkpoint is not taken before the caller has pushed the rows */
  return PF_OK;
}

/* ---- pushing rows through a finished block ---- */

static pf_status push_rows(pf_flow_run *r, int64_t n, float *x, double *log_det, pf_flow_moved *moved,
                           pf_error *error) {
  int d = r->training->d;
  size_t items = (size_t)n * (size_t)d;
  double *z = NULL, *l = NULL;
  pf_cnf_move forward = {.direction = PF_CNF_TO_NOISE, .steps = pf_flow_valid_steps(r)};
  PF_TRY(pf_alloc(items, sizeof *z, &z, error));
  pf_status status = log_det ? pf_alloc((size_t)n, sizeof *l, &l, error) : PF_OK;
  for (size_t i = 0; i < items && status == PF_OK; i++) z[i] = x[i];
  if (status == PF_OK)
    status = pf_cnf_rows(r->probe, &forward, (pf_rows){0, n}, z, l, NULL, r->training->pool, error);
  if (status == PF_OK) {
    *moved = (pf_flow_moved){0};
    for (size_t i = 0; i < items; i++) {
      moved->distance += (z[i] - x[i]) * (z[i] - x[i]) / (double)n;
      moved->size += z[i] * z[i] / (double)n;
      x[i] = (float)z[i];
    }
    for (int64_t i = 0; log_det && i < n; i++) log_det[i] += l[i];
  }
  pf_free(z);
  pf_free(l);
  return status;
}

pf_status pf_flow_push(pf_flow_run *r, int index, pf_flow_moved *moved, pf_error *error) {
  pf_flow_moved data = {0}, held = {0};
  PF_TRY(pf_cnf_set_params(r->probe, r->blocks + index * r->layout.total, error));
  PF_TRY(push_rows(r, r->training->n, r->data, NULL, &data, error));
  if (r->held_n > 0) PF_TRY(push_rows(r, r->held_n, r->held, r->held_log_det, &held, error));
  if (moved) *moved = data;
  return PF_OK;
}

/* ---- how many iterations ---- */

/* Wall time of pushing all rows through a block, from a few. */
static pf_status measure_push(pf_flow_run *r, double *seconds, pf_error *error) {
  int64_t n = r->training->n < PROBE_ROWS ? r->training->n : PROBE_ROWS;
  size_t items = (size_t)n * (size_t)r->training->d;
  double *z = NULL;
  pf_cnf_move forward = {.direction = PF_CNF_TO_NOISE};
  PF_TRY(pf_alloc(items, sizeof *z, &z, error));
  for (size_t i = 0; i < items; i++) z[i] = r->data[i];
  double begin = pf_clock_seconds();
  pf_status status =
      pf_cnf_rows(r->probe, &forward, (pf_rows){0, n}, z, NULL, NULL, r->training->pool, error);
  *seconds = (pf_clock_seconds() - begin) * (double)r->training->n / (double)n;
  pf_free(z);
  return status;
}

/* Wall time of an iteration, its share of a validation, and of pushing all rows once. Nothing measured here reaches a weight. */
static pf_status measure(pf_flow_run *r, double *step, double *push, pf_error *error) {
  pf_objective o = {0};
  pf_fit *fit = NULL;
  double nll, loss;
  bool resolved;
  PF_TRY(start_block(r, NULL, error));
  pf_status status = open_fit(r, 0, &o, &fit, error);
  if (status == PF_OK) status = pf_fit_calibrate(fit, PROBE_STEPS, step, error);
  const double more = fmin(PROBE_SHARE * r->training->options->budget / *step, MOST_PROBES);
  if (status == PF_OK && more > PROBE_STEPS) status = pf_fit_calibrate(fit, (int)more, step, error);
  pf_fit_free(fit);
  pf_graph_free(o.graph);
  if (status != PF_OK || r->held_n == 0) return status;
  double begin = pf_clock_seconds();
  PF_TRY(pf_flow_held_loss(r, pf_flow_valid_steps(r), r->held_n, &nll, &loss, error));
  PF_TRY(pf_flow_is_resolved(r, &resolved, error));
  *step += (pf_clock_seconds() - begin) / (double)r->s.validate_every;
  return r->most_blocks > 1 ? measure_push(r, push, error) : PF_OK;
}

static pf_status plan_budget(pf_flow_run *r, pf_error *error) {
  int blocks = r->trainings;
  const pf_train_options *o = r->training->options;
  double step = 0, push = 0;
  r->plan = 1000;
  PF_TRY(measure(r, &step, &push, error));
  double left = o->budget - (pf_clock_seconds() - r->training->begun) - blocks * push;
  double iterations = floor(left / step / blocks);
  if (!(iterations >= 1))
    return pf_fail(
        error, PF_USAGE,
        "budget %gs is too short for %d blocks: a step takes %.1f ms, moving the rows %.1f s a block",
        o->budget, blocks, 1e3 * step, push);
  r->plan = (int64_t)iterations;
  pf_training_log(r->training, "budget %gs: %d block%s of %lld steps (%.3f ms a step)", o->budget, blocks,
                  blocks > 1 ? "s" : "", (long long)r->plan, 1e3 * step);
  return PF_OK;
}

pf_status pf_flow_plan(pf_flow_run *r, int64_t usual, pf_error *error) {
  int blocks = r->trainings;
  const pf_train_options *o = r->training->options;
  if (o->budget > 0 && o->steps == 0) return plan_budget(r, error);
  PF_TRY(pf_option_check("steps", (double)o->steps, 0, 1e12, error));
  r->plan = o->steps > 0 ? o->steps / blocks : usual;
  if (r->plan < 1)
    return pf_fail(error, PF_USAGE, "steps is %lld, must be at least 1 for each of %d blocks",
                   (long long)o->steps, blocks);
  return PF_OK;
}

/* ---- one block from start to model ---- */

/* Held-out rows under normal columns of their own spread: what a flow can be before it has learned anything. */
static double normal_columns_nll(const pf_flow_run *r) {
  const int d = r->training->d;
  double nll = 0;
  for (int c = 0; c < d; c++) {
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < r->held_n; i++) sum += r->held[i * d + c];
    const double mean = sum / (double)r->held_n;
    for (int64_t i = 0; i < r->held_n; i++) {
      const double x = r->held[i * d + c] - mean;
      squares += x * x;
    }
    nll += 0.5 * log(2 * M_PI * M_E * squares / (double)r->held_n);
  }
  return nll;
}

/* Some runs never leave the Gaussian they begin with, and their loss stands still like that of a run that has arrived. */
static void warn_of_no_gain(const pf_flow_run *r) {
  if (r->held_n < TELLING_ROWS) return;
  const double normal = normal_columns_nll(r);
  if (r->best_loss < normal - LEAST_GAIN) return;
  pf_training_warn(
      r->training,
      "the flow is no likelier than independent normal columns (held-out NLL %.3f and %.3f, encoded): unless "
      "the data are such, it has not learned; more steps, a smaller rate or another seed may",
      r->best_loss, normal);
}

pf_status pf_flow_train_one(pf_training *training, const pf_flow_settings *settings, int64_t iterations,
                            struct pf_model **out, pf_error *error) {
  pf_flow_run r = {0};
  bool resumed = false;
  pf_status status = pf_flow_open(training, settings, 1, &r, error);
  if (status == PF_OK) status = pf_flow_resume(&r, "", &resumed, error);
  if (status == PF_OK && !resumed) status = pf_flow_plan(&r, iterations, error);
  if (status == PF_OK && r.done == 0) status = pf_flow_fit_block(&r, 0, NULL, "flow", error);
  if (status == PF_OK) warn_of_no_gain(&r);
  if (status == PF_OK) status = pf_flow_model(&r, 1, out, error);
  pf_flow_close(&r);
  return status;
}

/* ---- the model ---- */

static pf_status add_facts(const pf_flow_run *r, int blocks, json_t *f, pf_error *error) {
  const pf_flow_settings *s = &r->s;
  json_object_set_new(f, "batch", json_integer(s->batch));
  json_object_set_new(f, "learning_rate", json_real(s->learning_rate));
  /* what --steps has to say for the same run: blocks may have ended early, or be fewer */
  json_object_set_new(f, "steps", json_integer(r->plan * r->trainings));
  json_object_set_new(f, "steps_done", json_integer(r->step_offset));
  json_object_set_new(f, "training_ode_steps", json_integer(r->resolution * s->steps));
  json_object_set_new(f, "divergence", json_string(pf_divergence_name(s->divergence)));
  json_object_set_new(f, "likelihood_weight", json_real(s->likelihood));
  json_object_set_new(f, "kinetic_weight", json_real(s->kinetic));
  json_object_set_new(f, "hjb_weight", json_real(s->hjb));
  json_object_set_new(f, "steer", json_real(s->steer));
  json_object_set_new(f, "gradient", json_string(s->adjoint ? "adjoint" : "steps"));
  json_object_set_new(f, "jitter", json_real(s->jitter));
  json_object_set_new(f, "parameters", json_integer(blocks * r->layout.total));
  return json_object_get(f, "parameters") ? PF_OK : pf_fail(error, PF_NO_MEMORY, "out of memory");
}

static pf_status fill_model(pf_flow_run *r, pf_cnf **flow, pf_learned **generator, struct pf_model **out,
                            pf_error *error) {
  struct pf_model *model = NULL;
  int blocks = pf_cnf_config_of(*flow)->blocks;
  PF_TRY(pf_training_model(r->training, &model, error));
  pf_status status = add_facts(r, blocks, model->facts, error);
  if (status != PF_OK) {
    pf_model_free(model);
    return status;
  }
  model->flow = *flow;
  model->generator = *generator;
  *flow = NULL;
  *generator = NULL;
  *out = model;
  return PF_OK;
}

pf_status pf_flow_model(pf_flow_run *r, int blocks, struct pf_model **out, pf_error *error) {
  pf_cnf *flow = NULL;
  pf_learned *generator = NULL;
  pf_cnf_config config = {.field = r->s.field, .blocks = blocks, .steps = pf_flow_valid_steps(r)};
  pf_status status = pf_cnf_create(&config, r->blocks, &flow, error);
  if (status == PF_OK && r->student) /* before the model takes the curves */
    status = pf_student_train(r->student, flow, pf_flow_valid_steps(r), &generator, error);
  if (status == PF_OK) status = fill_model(r, &flow, &generator, out, error);
  pf_cnf_free(flow);
  pf_learned_free(generator);
  return status;
}
