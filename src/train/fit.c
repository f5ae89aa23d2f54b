/* The training loop: see fit.h for the phases. */
#include "fit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "../base/canary.h"
#include "../base/cpu.h"
#include "../base/memory.h"
#include "step_clock.h"

enum { CHUNK = 4096, MAX_CHUNKS = 256 };

struct pf_fit {
  pf_objective objective;
  pf_fit_config config;
  pf_fit_state *state;
  pf_pool *pool;
  pf_program *program;
  int lanes, n_outputs, chunks;
  int64_t chunk;            /* parameters per chunk */
  int64_t balance_items;    /* elements of the balance weight, 0 without one */
  char *workspace, *shared; /* threads x workspace_bytes; one shared arena */
  size_t workspace_bytes;
  float *lane_gradient; /* lanes x n */
  float *lane_scalars;  /* lanes x (1 + terms) */
  float *lane_balance;  /* lanes x 2 x balance_items */
  float *gradient;      /* n */
  double *chunk_norm;   /* squared norm per chunk */
  float **outputs;      /* lanes x n_outputs */
  const float **gradient_of_lane;
  int64_t *gradient_offset; /* per gradient output */
  int n_gradients;
  const float *sets[PF_FIT_SETS + 2];
  const float *inputs[PF_FIT_INPUTS];
  float balance_value;
  pf_run run;
  pf_step_clock *clock; /* NULL: no profile is taken */
  pf_adam adam;         /* with this step's learning rate */
  double scale, ema;    /* this step's clipping factor and decay */
};

/* ---- state ---- */

pf_status pf_fit_state_create(int64_t parameters, pf_fit_state *out, pf_error *error) {
  pf_fit_state s = {.loss = NAN, .balance = 1, .rate_factor = 1, .arrays = {.n = parameters}};
  pf_status status = PF_OK;
  float **arrays[] = {&s.arrays.params, &s.arrays.first_moment, &s.arrays.second_moment, &s.arrays.average};
  for (int i = 0; i < 4 && status == PF_OK; i++)
    status = pf_alloc((size_t)parameters, sizeof(float), arrays[i], error);
  if (status != PF_OK) {
    pf_fit_state_free(&s);
    return status;
  }
  *out = s;
  return PF_OK;
}

void pf_fit_state_free(pf_fit_state *state) {
  pf_free(state->arrays.params);
  pf_free(state->arrays.first_moment);
  pf_free(state->arrays.second_moment);
  pf_free(state->arrays.average);
  *state = (pf_fit_state){0};
}

pf_status pf_fit_state_register(pf_fit_state *s, const char *prefix, pf_registry *registry, pf_error *error) {
  char name[64];
  const char *names[] = {"params", "first_moment", "second_moment", "average"};
  float *arrays[] = {s->arrays.params, s->arrays.first_moment, s->arrays.second_moment, s->arrays.average};
  for (int i = 0; i < PF_CANARY(RESUME_FORGETS, 4, 3); i++) {
    snprintf(name, sizeof name, "%s.%s", prefix, names[i]);
    PF_TRY(pf_registry_add_f32(registry, name, arrays[i], s->arrays.n, error));
  }
  snprintf(name, sizeof name, "%s.step", prefix);
  PF_TRY(pf_registry_add_i64(registry, name, &s->step, 1, error));
  snprintf(name, sizeof name, "%s.loss", prefix);
  PF_TRY(pf_registry_add_f64(registry, name, &s->loss, 1, error));
  snprintf(name, sizeof name, "%s.balance", prefix);
  PF_TRY(pf_registry_add_f64(registry, name, &s->balance, 1, error));
  snprintf(name, sizeof name, "%s.rate_factor", prefix);
  PF_TRY(pf_registry_add_f64(registry, name, &s->rate_factor, 1, error));
  snprintf(name, sizeof name, "%s.finished", prefix);
  return pf_registry_add_i64(registry, name, &s->finished, 1, error);
}

/* ---- building the step ---- */

/* The trained parameters' leaves (set 0) in creation order. */
static int collect_parameters(pf_graph *graph, pf_node *out, int capacity) {
  int count = 0;
  for (int32_t id = 0; id < pf_graph_size(graph); id++) {
    const pf_node_data *node = pf_graph_node(graph, id);
    if (node->op != PF_OP_PARAM || node->i[0] != 0) continue;
    if (count < capacity) out[count] = (pf_node){graph, id};
    count++;
  }
  return count;
}

static pf_status compile_step(pf_fit *fit, pf_error *error) {
  enum { MOST = 512 };
  const pf_objective *o = &fit->objective;
  pf_node outputs[MOST], *gradients;
  int n = 0, most_gradients = MOST - 3 - PF_FIT_TERMS;
  outputs[n++] = o->loss;
  for (int i = 0; i < o->n_terms; i++) outputs[n++] = o->terms[i];
  pf_node parameters[MOST];
  int count = collect_parameters(o->graph, parameters, most_gradients);
  if (count > most_gradients)
    return pf_fail(error, PF_FAILED, "the network has %d parameter arrays, at most %d are supported", count,
                   most_gradients);
  pf_node ones = {o->graph, -1};
  gradients = outputs + n;
  pf_grad(o->surrogate.graph ? o->surrogate : o->loss, ones, parameters, count, gradients);
  n += count;
  fit->n_gradients = count;
  PF_TRY(pf_alloc((size_t)count, sizeof(int64_t), &fit->gradient_offset, error));
  for (int i = 0; i < count; i++) fit->gradient_offset[i] = pf_graph_node(o->graph, parameters[i].id)->offset;
  if (o->balance_weight.id >= 0) {
    pf_shape shape = pf_node_shape(o->balance_weight);
    fit->balance_items = pf_shape_items(&shape);
    for (int i = 0; i < 2; i++) pf_grad(o->terms[i], ones, &o->balance_weight, 1, &outputs[n++]);
  }
  fit->n_outputs = n;
  pf_program_options options = pf_program_options_default();
  options.precision = fit->config.precision;
  options.max_rows = (int)((fit->config.batch + fit->lanes - 1) / fit->lanes);
  return pf_program_create(o->graph, outputs, n, &options, &fit->program, error);
}

static pf_status check_memory(const pf_fit *fit, pf_error *error) {
  const double gibibyte = 1 << 30;
  double need = (double)pf_pool_threads(fit->pool) * (double)fit->workspace_bytes,
         most = (double)fit->config.most_bytes;
  if (most == 0 || need <= most) return PF_OK;
  return pf_fail(
      error, PF_USAGE,
      "a step of batch %d needs %.1f GiB of working memory in %d threads, more than the %.1f GiB set aside: "
      "fewer integrator steps, a smaller network, fewer threads or a hutchinson divergence need less",
      fit->config.batch, need / gibibyte, pf_pool_threads(fit->pool), most / gibibyte);
}

static pf_status allocate_buffers(pf_fit *fit, pf_error *error) {
  size_t lanes = (size_t)fit->lanes, n = (size_t)fit->state->arrays.n;
  size_t scalars = 1 + (size_t)fit->objective.n_terms;
  fit->workspace_bytes = (pf_program_workspace_bytes(fit->program) + 63) / 64 * 64;
  PF_TRY(check_memory(fit, error));
  PF_TRY(pf_alloc((size_t)pf_pool_threads(fit->pool), fit->workspace_bytes, &fit->workspace, error));
  PF_TRY(pf_alloc(1, pf_program_shared_bytes(fit->program), &fit->shared, error));
  PF_TRY(pf_alloc(lanes * n, sizeof(float), &fit->lane_gradient, error));
  PF_TRY(pf_alloc(lanes * scalars, sizeof(float), &fit->lane_scalars, error));
  PF_TRY(pf_alloc(lanes * 2 * (size_t)fit->balance_items, sizeof(float), &fit->lane_balance, error));
  PF_TRY(pf_alloc(n, sizeof(float), &fit->gradient, error));
  PF_TRY(pf_alloc((size_t)fit->chunks, sizeof(double), &fit->chunk_norm, error));
  PF_TRY(pf_alloc(lanes * (size_t)fit->n_outputs, sizeof(float *), &fit->outputs, error));
  return pf_alloc(lanes, sizeof(float *), &fit->gradient_of_lane, error);
}

static void bind_outputs(pf_fit *fit) {
  int scalars = 1 + fit->objective.n_terms;
  for (int lane = 0; lane < fit->lanes; lane++) {
    float **out = fit->outputs + (size_t)lane * (size_t)fit->n_outputs;
    float *gradient = fit->lane_gradient + lane * fit->state->arrays.n;
    fit->gradient_of_lane[lane] = gradient;
    int k = 0;
    for (int i = 0; i < scalars; i++) out[k++] = fit->lane_scalars + lane * scalars + i;
    for (int i = 0; i < fit->n_gradients; i++) out[k++] = gradient + fit->gradient_offset[i];
    for (int i = 0; fit->balance_items > 0 && i < 2; i++)
      out[k++] = fit->lane_balance + (2 * lane + i) * fit->balance_items;
  }
}

static void bind_leaves(pf_fit *fit) {
  const pf_objective *o = &fit->objective;
  fit->sets[0] = fit->state->arrays.params;
  fit->sets[1] = fit->state->arrays.average;
  for (int i = 0; i < PF_FIT_SETS; i++) fit->sets[2 + i] = o->frozen[i];
  for (int i = 0; i < PF_FIT_INPUTS; i++) fit->inputs[i] = o->inputs[i];
  if (fit->balance_items > 0) fit->inputs[o->balance_input] = &fit->balance_value;
  fit->run = (pf_run){.params = fit->sets,
                      .inputs = fit->inputs,
                      .seed = fit->config.seed ^ ((uint64_t)fit->config.stage << 48),
                      .rows = fit->config.batch};
}

pf_status pf_fit_create(const pf_objective *objective, const pf_fit_config *config, pf_fit_state *state,
                        pf_pool *pool, pf_fit **out, pf_error *error) {
  if (config->batch < 1) return pf_fail(error, PF_USAGE, "batch is %d, must be at least 1", config->batch);
  if (config->schedule == PF_SCHEDULE_HALVING && config->halve_every < 1)
    return pf_fail(error, PF_USAGE, "the learning rate is halved every %lld steps, must be at least 1",
                   (long long)config->halve_every);
  pf_fit *fit = NULL;
  pf_status status = pf_alloc(1, sizeof *fit, &fit, error);
  if (status != PF_OK) return status;
  fit->objective = *objective;
  fit->config = *config;
  fit->state = state;
  fit->pool = pool;
  fit->lanes = pf_lane_count(config->batch);
  int64_t n = state->arrays.n;
  fit->chunks = (int)((n + CHUNK - 1) / CHUNK);
  if (fit->chunks > MAX_CHUNKS) fit->chunks = MAX_CHUNKS;
  if (fit->chunks < 1) fit->chunks = 1;
  fit->chunk = (n + fit->chunks - 1) / fit->chunks;
  fit->chunk = (fit->chunk + 15) / 16 * 16; /* whole cache lines */
  status = compile_step(fit, error);
  if (status == PF_OK) status = allocate_buffers(fit, error);
  if (status == PF_OK && config->profile)
    status = pf_step_clock_create(fit->program, pf_pool_threads(pool), &fit->clock, error);
  if (status != PF_OK) {
    pf_fit_free(fit);
    return status;
  }
  bind_outputs(fit);
  bind_leaves(fit);
  *out = fit;
  return PF_OK;
}

void pf_fit_free(pf_fit *fit) {
  if (!fit) return;
  pf_step_clock_free(fit->clock);
  pf_program_free(fit->program);
  pf_free(fit->workspace);
  pf_free(fit->shared);
  pf_free(fit->lane_gradient);
  pf_free(fit->lane_scalars);
  pf_free(fit->lane_balance);
  pf_free(fit->gradient);
  pf_free(fit->chunk_norm);
  pf_free(fit->outputs);
  pf_free((void *)fit->gradient_of_lane);
  pf_free(fit->gradient_offset);
  pf_free(fit);
}

/* ---- one step ---- */

/* The bindings of this step, with this thread's clock. */
static pf_run run_on(const pf_fit *fit, int thread) {
  pf_run run = fit->run;
  run.ticks = pf_step_clock_ticks(fit->clock, thread);
  return run;
}

static void shared_task(void *context, int task, int thread) {
  (void)task;
  pf_fit *fit = context;
  pf_run run = run_on(fit, thread);
  pf_program_run_shared(fit->program, &run, fit->shared, fit->outputs);
}

static void lane_task(void *context, int lane, int thread) {
  pf_fit *fit = context;
  int64_t rows = fit->config.batch;
  pf_run run = run_on(fit, thread);
  pf_program_run_lane(fit->program, &run, fit->shared, fit->workspace + (size_t)thread * fit->workspace_bytes,
                      pf_lane_begin(rows, fit->lanes, lane), pf_lane_begin(rows, fit->lanes, lane + 1),
                      fit->outputs + (size_t)lane * (size_t)fit->n_outputs);
}

static void chunk_range(const pf_fit *fit, int chunk, int64_t *begin, int64_t *end) {
  int64_t n = fit->state->arrays.n;
  *begin = chunk * fit->chunk < n ? chunk * fit->chunk : n;
  *end = *begin + fit->chunk < n ? *begin + fit->chunk : n;
}

PF_MULTIVERSION
static double squared_norm(const float *x, int64_t n) {
  double sum[8] = {0};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int k = 0; k < 8; k++) sum[k] += (double)x[i + k] * x[i + k];
  for (; i < n; i++) sum[0] += (double)x[i] * x[i];
  return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
}

static void sum_task(void *context, int chunk, int thread) {
  (void)thread;
  pf_fit *fit = context;
  int64_t begin, end;
  chunk_range(fit, chunk, &begin, &end);
  pf_lane_sum(fit->gradient_of_lane, fit->lanes, begin, end, fit->gradient);
  fit->chunk_norm[chunk] = squared_norm(fit->gradient + begin, end - begin);
}

static void update_task(void *context, int chunk, int thread) {
  (void)thread;
  pf_fit *fit = context;
  int64_t begin, end;
  chunk_range(fit, chunk, &begin, &end);
  pf_adam_update(&fit->adam, &fit->state->arrays, fit->state->step + 1, fit->gradient, fit->scale, fit->ema,
                 begin, end);
}

static double scalar_sum(const pf_fit *fit, int which) {
  int scalars = 1 + fit->objective.n_terms;
  double sum = 0;
  for (int lane = 0; lane < fit->lanes; lane++) sum += fit->lane_scalars[lane * scalars + which];
  return sum;
}

/* |sum over lanes of one balance gradient| */
static double balance_norm(const pf_fit *fit, int which) {
  double sum = 0;
  for (int64_t i = 0; i < fit->balance_items; i++) {
    double g = 0;
    for (int lane = 0; lane < fit->lanes; lane++)
      g += fit->lane_balance[(2 * lane + which) * fit->balance_items + i];
    sum += g * g;
  }
  return sqrt(sum);
}

static void update_balance(pf_fit *fit) {
  double lambda = balance_norm(fit, 0) / (balance_norm(fit, 1) + 1e-4);
  if (lambda > 1e4) lambda = 1e4;
  if (isfinite(lambda)) fit->state->balance = 0.98 * fit->state->balance + 0.02 * lambda;
}

static void run_phase(pf_fit *fit, pf_profile_part part, int tasks, pf_pool_task *task) {
  pf_step_clock_run(fit->clock, part, fit->pool, tasks, task, fit);
}

/* The learning rate of step k. */
static double scheduled_rate(const pf_fit *fit, int64_t k) {
  const pf_fit_config *c = &fit->config;
  double rate = c->adam.learning_rate * fit->state->rate_factor;
  double ramp = c->warmup > 0 && k < c->warmup ? (double)k / (double)c->warmup : 1.0;
  switch (c->schedule) {
  case PF_SCHEDULE_COSINE: return rate * pf_schedule_cosine(k, c->steps, c->warmup, c->final_rate);
  case PF_SCHEDULE_HALVING: return rate * ramp * ldexp(1, -(int)((k - 1) / c->halve_every));
  default: return rate * ramp;
  }
}

static pf_status step_once(pf_fit *fit, pf_error *error) {
  pf_fit_state *state = fit->state;
  int64_t k = state->step + 1;
  if (fit->config.before_step) PF_TRY(fit->config.before_step(fit->config.before_context, k, error));
  fit->run.step = (uint64_t)k;
  fit->balance_value = (float)state->balance;
  run_phase(fit, PF_PROFILE_SHARED, 1, shared_task);
  run_phase(fit, PF_PROFILE_LANES, fit->lanes, lane_task);
  run_phase(fit, PF_PROFILE_SUMS, fit->chunks, sum_task);
  double loss = scalar_sum(fit, 0), norm = 0;
  for (int i = 0; i < fit->chunks; i++) norm += fit->chunk_norm[i];
  norm = sqrt(norm);
  if (PF_CANARY(FIT_NAN, !isfinite(loss) || !isfinite(norm), isinf(loss)))
    return pf_fail(error, PF_NON_FINITE, "step %lld: the loss is %g and the gradient norm %g", (long long)k,
                   loss, norm);
  fit->scale = fit->config.clip > 0 && norm > fit->config.clip ? fit->config.clip / norm : 1.0;
  fit->ema = pf_ema_decay(fit->config.ema, k);
  fit->adam = fit->config.adam;
  fit->adam.learning_rate = scheduled_rate(fit, k);
  run_phase(fit, PF_PROFILE_OPTIMISER, fit->chunks, update_task);
  if (fit->balance_items > 0) update_balance(fit);
  state->loss = isnan(state->loss) ? loss : 0.99 * state->loss + 0.01 * loss;
  state->step = k;
  return PF_OK;
}

static pf_status timed_step(pf_fit *fit, pf_error *error) {
  pf_step_clock_begin(fit->clock);
  pf_status status = step_once(fit, error);
  pf_step_clock_end(fit->clock);
  return status;
}

pf_status pf_fit_run(pf_fit *fit, pf_fit_after_step *after_step, void *context, pf_error *error) {
  pf_status status = PF_OK;
  while (status == PF_OK && fit->state->step < fit->config.steps && !fit->state->finished) {
    status = timed_step(fit, error);
    if (status == PF_OK && after_step) status = after_step(context, fit->state, error);
  }
  pf_step_clock_pause(fit->clock);
  return status;
}

pf_status pf_fit_advance(pf_fit *fit, int64_t steps, pf_error *error) {
  pf_status status = PF_OK;
  for (int64_t k = 0; k < steps && status == PF_OK; k++) status = timed_step(fit, error);
  pf_step_clock_pause(fit->clock);
  return status;
}

pf_status pf_fit_profile(const pf_fit *fit, const pf_layout *layout, const pf_rates *rates, pf_profile *out,
                         pf_error *error) {
  pf_step_facts facts = {.lanes = fit->lanes,
                         .parameters = fit->state->arrays.n,
                         .first_gradient = 1 + fit->objective.n_terms,
                         .n_gradients = fit->n_gradients,
                         .gradient_offset = fit->gradient_offset,
                         .layout = layout};
  return pf_step_clock_read(fit->clock, &facts, rates, out, error);
}

/* ---- calibration ---- */

pf_status pf_fit_calibrate(pf_fit *fit, int probes, double *seconds_per_step, pf_error *error) {
  pf_fit_state *state = fit->state;
  pf_fit_state saved = *state;
  pf_step_clock *clock = fit->clock;
  size_t n = (size_t)state->arrays.n;
  float *arrays[] = {state->arrays.params, state->arrays.first_moment, state->arrays.second_moment,
                     state->arrays.average};
  float *copy = NULL;
  PF_TRY(pf_alloc(4 * n, sizeof(float), &copy, error));
  for (int i = 0; i < 4; i++) memcpy(copy + (size_t)i * n, arrays[i], n * sizeof(float));
  pf_status status = PF_OK;
  int warm = probes / 4 + 1;
  double begin = 0;
  fit->clock = NULL; /* discarded steps are not part of a profile */
  for (int i = 0; i < warm + probes && status == PF_OK; i++) {
    if (i == warm) begin = pf_clock_seconds();
    status = step_once(fit, error);
  }
  double seconds = (pf_clock_seconds() - begin) / probes;
  for (int i = 0; i < 4; i++) memcpy(arrays[i], copy + (size_t)i * n, n * sizeof(float));
  fit->clock = clock;
  state->step = saved.step;
  state->loss = saved.loss;
  state->balance = saved.balance;
  pf_free(copy);
  if (status == PF_OK) *seconds_per_step = seconds;
  return status;
}
