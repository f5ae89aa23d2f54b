/* Samplers: a model made ready to draw from, prior -> map or integrator -> decoder.
 *
 * Rows pass in blocks through one workspace,
 *   [map's own][x: BLOCK x d floats][doubles: the decoded block, or the integrator's state and stages]
 * and everything is a function of the absolute sample index, so ranges may be cut anywhere.
 */
#include <float.h>
#include <math.h>
#include <string.h>
#include "../base/memory.h"
#include "../base/text.h"
#include "model.h"

enum { BLOCK = PF_TILE_ROWS, ALIGNMENT = 64, MOST_STEPS = 1000000, VELOCITY_STEPS = 100 };
enum { DIGITS = 5, MOST_DIGITS = 6 }; /* of dopri5's tolerance: the network's values have 7 */

struct pf_sampler {
  const struct pf_model *model;
  const pf_learned *map;
  pf_learned *narrow;    /* the map in another precision than the model's, owned */
  const pf_cnf *flow;    /* integrated instead of a map: `steps` Runge-Kutta steps a block */
  bool integrates;       /* the velocity, by `how` */
  pf_solver_options how; /* Euler steps unless another is asked for; of a flow: with `move.solver` */
  pf_cnf_move move;      /* of a flow */
  int64_t steps;
  int64_t evaluations; /* of a sample: steps of a map; 0 when they are not known before */
  float *terms;        /* evaluations x term_count */
  size_t term_count;
  double *grid;                   /* steps + 1 times */
  size_t x_at, doubles_at, bytes; /* of the workspace, from its aligned start */
};

/* A workspace as the sampler cuts it. */
typedef struct work {
  void *map;
  float *x;
  double *doubles;
} work;

/* Where a block goes: one of the three. */
typedef struct target {
  double *f64;
  float *f32;
  double *path; /* every node: n x nodes x d */
} target;

/* ---- making ---- */

pf_sampler_options pf_sampler_options_default(void) { return (pf_sampler_options){.steps = 0}; }

static size_t align(size_t bytes) { return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

static void lay_out_workspace(pf_sampler *sampler) {
  size_t block = (size_t)BLOCK * (size_t)sampler->model->columns;
  sampler->x_at = align(sampler->flow ? pf_cnf_workspace_bytes(sampler->flow, &sampler->move, BLOCK)
                                      : pf_learned_workspace_bytes(sampler->map));
  sampler->doubles_at = sampler->x_at + align(block * sizeof(float));
  size_t inside = sampler->integrates ? pf_solver_arrays(sampler->how.solver, sampler->model->columns) : 0;
  sampler->bytes = sampler->doubles_at + block * sizeof(double) * (1 + inside);
}

bool pf_model_takes_steps(const struct pf_model *model) {
  return model->generator && !pf_time_map_is_plain(pf_learned_map_of(model->generator));
}

int64_t pf_model_default_steps(const struct pf_model *model, bool teacher) {
  if (model->generator && !teacher) return 1;
  return model->flow && !model->velocity ? pf_cnf_config_of(model->flow)->steps : VELOCITY_STEPS;
}

static pf_status choose_flow(const pf_cnf *flow, pf_sampler *sampler, bool solver, pf_precision precision,
                             pf_error *error) {
  if (precision != PF_PRECISION_F32)
    return pf_fail(error, PF_USAGE, "precision is '%s', but a flow's steps are f32",
                   pf_precision_name(precision));
  if (sampler->steps > PF_CNF_STEPS)
    return pf_fail(error, PF_USAGE, "steps is %lld, must be 1 to %d for each block of a flow",
                   (long long)sampler->steps, PF_CNF_STEPS);
  sampler->flow = flow;
  sampler->move = (pf_cnf_move){.steps = (int)sampler->steps, .solver = solver ? &sampler->how : NULL};
  return PF_OK;
}

/* ---- which solver ---- */

/* "solver 'x' needs a <what>, ..., valid: those that do not". */
static pf_status refuse_solver(const struct pf_model *model, pf_solver solver, pf_error *error) {
  const json_t *method = json_object_get(model->facts, "method");
  const char *name = pf_solver_facts_of(solver)->name;
  const char *method_name = json_is_string(method) ? json_string_value(method) : "unknown";
  if (!model->velocity && !model->flow)
    return pf_fail(
        error, PF_USAGE,
        "solver '%s' needs a velocity, but this model, of method '%s', is a map alone; no solver is "
        "valid for it",
        name, method_name);
  pf_text valid = {0};
  for (int i = 0; i < PF_SOLVER_COUNT; i++)
    if (!pf_solver_needs_denoiser((pf_solver)i))
      pf_text_add(&valid, "%s%s", valid.length ? ", " : "", pf_solver_facts_of((pf_solver)i)->name);
  pf_status status = valid.status != PF_OK ? pf_fail(error, PF_NO_MEMORY, "out of memory")
                                           : pf_fail(error, PF_USAGE,
                                                     "solver '%s' needs a denoiser, but this model, of "
                                                     "method '%s', has a velocity alone; valid: %s",
                                                     name, method_name, valid.data);
  pf_text_free(&valid);
  return status;
}

static pf_status choose_solver(const struct pf_model *model, const pf_sampler_options *options,
                               pf_sampler *sampler, pf_error *error) {
  pf_solver solver = PF_SOLVER_EULER;
  if (options->solver) PF_TRY(pf_solver_find(options->solver, &solver, error));
  sampler->how = (pf_solver_options){.solver = solver, .seed = options->solver_seed, .noise = FLT_EPSILON};
  if (!options->solver) return PF_OK;
  if (!model->velocity && (!model->flow || pf_solver_needs_denoiser(solver)))
    return refuse_solver(model, solver, error);
  if (solver != PF_SOLVER_DOPRI5) return PF_OK;
  if (options->steps > MOST_DIGITS)
    return pf_fail(error, PF_USAGE, "steps is %lld, must be 1 to %d: the digits of dopri5's tolerance",
                   (long long)options->steps, MOST_DIGITS);
  sampler->steps = options->steps > 0 ? options->steps : DIGITS;
  return PF_OK;
}

static pf_status choose_map(const struct pf_model *model, const pf_sampler_options *options,
                            pf_sampler *sampler, pf_error *error) {
  if (options->steps < 0 || options->steps > MOST_STEPS)
    return pf_fail(error, PF_USAGE, "steps is %lld, must be 1 to %d", (long long)options->steps, MOST_STEPS);
  bool integrates = options->teacher || options->solver || !model->generator;
  sampler->steps = options->steps > 0 ? options->steps : pf_model_default_steps(model, integrates);
  PF_TRY(choose_solver(model, options, sampler, error));
  pf_precision precision = PF_PRECISION_F32;
  if (options->precision) PF_TRY(pf_precision_find(options->precision, &precision, error));
  if (integrates && !model->velocity && model->flow)
    return choose_flow(model->flow, sampler, options->solver, precision, error);
  if (!integrates && sampler->steps > 1 && !pf_model_takes_steps(model))
    return pf_fail(error, PF_USAGE,
                   "steps is %lld, must be 1: this model's generator is a map of the noise alone",
                   (long long)sampler->steps);
  sampler->integrates = integrates;
  sampler->map = integrates ? model->velocity : model->generator;
  if (!sampler->map) return pf_fail(error, PF_USAGE, "this model keeps no velocity to integrate");
  if (precision == PF_PRECISION_F32) return PF_OK;
  sampler->how.noise = 1. / 256; /* of bfloat16 */
  PF_TRY(pf_learned_create_in(sampler->map, precision, &sampler->narrow, error));
  sampler->map = sampler->narrow;
  return PF_OK;
}

static void fill_grid(pf_sampler *sampler) {
  double start = sampler->model->start, end = sampler->model->end;
  if (sampler->integrates) {
    pf_ode_uniform_grid(start, end, (int)sampler->steps, sampler->grid);
    return;
  }
  for (int64_t k = 0; k < sampler->steps; k++)
    sampler->grid[k] = start + (end - start) * (double)k / (double)sampler->steps;
  sampler->grid[sampler->steps] = end;
}

/* The times that the solver asks for, in its order: those of a run over a field of zeros. */
typedef struct times {
  double *t;
  int64_t count;
  int d;
} times;

static pf_status note_time(void *context, double t, const double *x, int64_t n, double *v, pf_error *error) {
  times *seen = context;
  int64_t d = seen->d;
  (void)x;
  (void)error;
  seen->t[seen->count++] = t;
  for (int64_t i = 0; i < n * d; i++) v[i] = 0;
  return PF_OK;
}

static pf_status list_times(const pf_sampler *sampler, double *t, pf_error *error) {
  int d = sampler->model->columns;
  double *x = NULL;
  times seen = {.t = t, .d = d};
  pf_ode_system system = {.field = note_time, .context = &seen, .n = 1, .d = d};
  pf_solver_options how = sampler->how;
  how.denoiser = note_time;
  how.denoiser_context = &seen;
  PF_TRY(pf_alloc((size_t)d, sizeof *x, &x, error));
  pf_status status =
      pf_solve(&how, &system, (pf_ode_grid){sampler->grid, (int)sampler->steps}, x, NULL, error);
  pf_free(x);
  return status;
}

static pf_status prepare_velocity(pf_sampler *sampler, pf_error *error) {
  double *t = NULL;
  if (sampler->evaluations == 0) return PF_OK; /* term by term, as it goes */
  PF_TRY(pf_alloc((size_t)sampler->evaluations, sizeof *t, &t, error));
  pf_status status = list_times(sampler, t, error);
  for (int64_t k = 0; k < sampler->evaluations && status == PF_OK; k++)
    status = pf_learned_velocity_terms(sampler->map, t[k], sampler->terms + (size_t)k * sampler->term_count,
                                       error);
  pf_free(t);
  return status;
}

static pf_status prepare_steps(pf_sampler *sampler, pf_error *error) {
  if (sampler->flow) return PF_OK; /* its times are few and known */
  sampler->term_count = pf_learned_term_count(sampler->map);
  PF_TRY(pf_alloc((size_t)sampler->steps + 1, sizeof(double), &sampler->grid, error));
  sampler->evaluations = sampler->steps;
  if (sampler->integrates) {
    sampler->how.rule =
        (pf_ode_exponential_rule){pf_interpolant_coefficients, &pf_learned_map_of(sampler->map)->interpolant};
    sampler->evaluations =
        pf_solver_evaluations(sampler->how.solver, sampler->model->columns, sampler->steps);
  }
  PF_TRY(pf_alloc((size_t)sampler->evaluations + 1, sampler->term_count * sizeof(float), &sampler->terms,
                  error));
  fill_grid(sampler);
  if (sampler->integrates) return prepare_velocity(sampler, error);
  for (int64_t k = 0; k < sampler->steps; k++) {
    float *terms = sampler->terms + (size_t)k * sampler->term_count;
    double t = sampler->grid[k], s = sampler->grid[k + 1];
    PF_TRY(pf_learned_move_terms(sampler->map, t, s, terms, error));
  }
  return PF_OK;
}

pf_status pf_sampler_create(const struct pf_model *model, const pf_sampler_options *options, pf_sampler **out,
                            pf_error *error) {
  const pf_sampler_options defaults = pf_sampler_options_default();
  pf_sampler *sampler = NULL;
  if (!model || !out) return pf_fail(error, PF_USAGE, "a sampler needs a model and a place to put it");
  PF_TRY(pf_model_check_prior(model, error));
  PF_TRY(pf_alloc(1, sizeof *sampler, &sampler, error));
  sampler->model = model;
  pf_status status = choose_map(model, options ? options : &defaults, sampler, error);
  if (status == PF_OK) status = prepare_steps(sampler, error);
  if (status != PF_OK) {
    pf_sampler_free(sampler);
    return status;
  }
  lay_out_workspace(sampler);
  *out = sampler;
  return PF_OK;
}

void pf_sampler_free(pf_sampler *sampler) {
  if (!sampler) return;
  pf_learned_free(sampler->narrow);
  pf_free(sampler->terms);
  pf_free(sampler->grid);
  pf_free(sampler);
}

int pf_sampler_columns(const pf_sampler *sampler) { return sampler->model->columns; }
size_t pf_sampler_workspace_bytes(const pf_sampler *sampler) { return sampler->bytes + ALIGNMENT; }

int64_t pf_sampler_nodes(const pf_sampler *sampler) {
  if (sampler->how.solver == PF_SOLVER_DOPRI5) return 0; /* every sample has its own */
  return (sampler->flow ? pf_cnf_config_of(sampler->flow)->blocks : 1) * sampler->steps + 1;
}

/* The first value that is not finite, `items` when all are. */
static int64_t find_bad(const float *x, int64_t items) {
  int bad = 0;
  for (int64_t i = 0; i < items; i++) bad |= !(fabsf(x[i]) <= FLT_MAX);
  if (!bad) return items;
  int64_t i = 0;
  while (isfinite(x[i])) i++;
  return i;
}

static pf_status check_samples(const struct pf_model *model, pf_rows rows, const float *x, pf_error *error) {
  int64_t d = model->columns, bad = find_bad(x, rows.n * d);
  if (bad == rows.n * d) return PF_OK;
  return pf_fail(error, PF_NON_FINITE, "sample %lld, column '%s' is %g", (long long)(rows.first + bad / d),
                 model->columns_like->names[bad % d], (double)x[bad]);
}

/* ---- nodes of paths ---- */

typedef struct recorder {
  const pf_sampler *sampler;
  float *x; /* the block's own: free between evaluations */
  pf_rows rows;
  double *path; /* NULL: nobody asked */
  int64_t next; /* node */
} recorder;

/* What is in r->x. */
static pf_status keep_node(recorder *r, pf_error *error) {
  const struct pf_model *model = r->sampler->model;
  const int64_t d = model->columns, nodes = pf_sampler_nodes(r->sampler), k = r->next++;
  if (!r->path) return PF_OK;
  PF_TRY(check_samples(model, r->rows, r->x, error));
  for (int64_t i = 0; i < r->rows.n; i++)
    pf_encoder_decode(model->encoder, r->x + i * d, 1, r->path + (i * nodes + k) * d);
  return PF_OK;
}

static pf_status observe_node(void *context, int k, double t, const double *x, pf_error *error) {
  recorder *r = context;
  (void)t;
  if (k == 0 && r->next > 0) return PF_OK; /* a block of a flow begins where the last one ended */
  for (int64_t i = 0; i < r->rows.n * r->sampler->model->columns; i++) r->x[i] = (float)x[i];
  return keep_node(r, error);
}

/* ---- one block ---- */

static pf_status push_generator(const pf_sampler *sampler, const work *w, recorder *seen, pf_error *error) {
  PF_TRY(keep_node(seen, error));
  for (int64_t k = 0; k < sampler->steps; k++) {
    pf_learned_apply(sampler->map, sampler->terms + (size_t)k * sampler->term_count, seen->rows, w->x, w->x,
                     w->map);
    PF_TRY(keep_node(seen, error));
  }
  return PF_OK;
}

typedef struct velocity_in_turn {
  const pf_sampler *sampler;
  const work *w;
  pf_rows rows;
  int64_t next;   /* the evaluation it is asked for next */
  float *unknown; /* terms of a time that was not known before, else NULL */
} velocity_in_turn;

static pf_status velocity(void *context, double t, const double *x, int64_t n, double *v, pf_error *error) {
  velocity_in_turn *at = context;
  const pf_sampler *sampler = at->sampler;
  const float *terms = at->unknown;
  if (at->unknown)
    PF_TRY(pf_learned_velocity_terms(sampler->map, t, at->unknown, error));
  else
    terms = sampler->terms + (size_t)at->next++ * sampler->term_count;
  int64_t items = n * sampler->model->columns;
  float *block = at->w->x;
  for (int64_t i = 0; i < items; i++) block[i] = (float)x[i];
  pf_learned_apply(sampler->map, terms, (pf_rows){at->rows.first, n}, block, block, at->w->map);
  for (int64_t i = 0; i < items; i++) v[i] = block[i];
  return PF_OK;
}

/* D = (v - drift x) / gain */
static pf_status denoise(void *context, double t, const double *x, int64_t n, double *D, pf_error *error) {
  const velocity_in_turn *at = context;
  const pf_sampler *sampler = at->sampler;
  pf_interpolant_values c = pf_interpolant_at(pf_learned_map_of(sampler->map)->interpolant, t);
  PF_TRY(velocity(context, t, x, n, D, error));
  for (int64_t i = 0; i < n * sampler->model->columns; i++) D[i] = (D[i] - c.drift * x[i]) / c.gain;
  return PF_OK;
}

static pf_status push_velocity(const pf_sampler *sampler, const work *w, recorder *seen, pf_error *error) {
  int d = sampler->model->columns;
  const pf_rows rows = seen->rows;
  size_t items = (size_t)rows.n * (size_t)d, block = (size_t)BLOCK * (size_t)d;
  double *state = w->doubles;
  velocity_in_turn at = {.sampler = sampler, .w = w, .rows = rows};
  pf_ode_system system = {.field = velocity, .context = &at, .n = rows.n, .d = d};
  pf_ode_workspace inside = {w->doubles + block, pf_solver_arrays(sampler->how.solver, d) * block};
  pf_ode_options options = {.workspace = &inside};
  if (seen->path) options = (pf_ode_options){observe_node, seen, &inside};
  pf_solver_options how = sampler->how;
  how.denoiser = denoise;
  how.denoiser_context = &at;
  if (sampler->evaluations == 0) PF_TRY(pf_alloc(1, sampler->term_count * sizeof(float), &at.unknown, error));
  for (size_t i = 0; i < items; i++) state[i] = w->x[i];
  pf_status status =
      pf_solve(&how, &system, (pf_ode_grid){sampler->grid, (int)sampler->steps}, state, &options, error);
  pf_free(at.unknown);
  if (status != PF_OK) return pf_fail_within(error, status, "samples from %lld", (long long)rows.first);
  for (size_t i = 0; i < items; i++) w->x[i] = (float)state[i];
  return PF_OK;
}

static pf_status push_flow(const pf_sampler *sampler, const work *w, recorder *seen, pf_error *error) {
  const pf_rows rows = seen->rows;
  pf_cnf_move move = sampler->move;
  if (seen->path) move.observe = observe_node;
  move.observe_context = seen;
  pf_status status = pf_cnf_invert(sampler->flow, &move, rows.n, w->x, w->map, error);
  return status == PF_OK ? PF_OK : pf_fail_within(error, status, "samples from %lld", (long long)rows.first);
}

/* Moves the block's noise, which is in w->x, to `out`. */
static pf_status push_block(const pf_sampler *sampler, const work *w, pf_rows rows, target out,
                            pf_error *error) {
  const struct pf_model *model = sampler->model;
  recorder seen = {.sampler = sampler, .x = w->x, .rows = rows, .path = out.path};
  if (sampler->flow)
    PF_TRY(push_flow(sampler, w, &seen, error));
  else if (sampler->integrates)
    PF_TRY(push_velocity(sampler, w, &seen, error));
  else
    PF_TRY(push_generator(sampler, w, &seen, error));
  PF_TRY(check_samples(model, rows, w->x, error));
  double *decoded = out.f64 ? out.f64 : w->doubles;
  pf_encoder_decode(model->encoder, w->x, rows.n, decoded);
  for (int64_t i = 0; out.f32 && i < rows.n * model->columns; i++) out.f32[i] = (float)decoded[i];
  return PF_OK;
}

/* ---- runs ---- */

pf_status pf_model_check_rows(pf_rows rows, pf_error *error) {
  if (rows.n < 0 || rows.first < 0)
    return pf_fail(error, PF_USAGE, "samples %lld from %lld: neither may be negative", (long long)rows.n,
                   (long long)rows.first);
  if (rows.first > INT64_MAX / 2 || rows.n > INT64_MAX / 2)
    return pf_fail(error, PF_USAGE, "samples %lld from %lld: there are %lld at most", (long long)rows.n,
                   (long long)rows.first, (long long)(INT64_MAX / 2));
  return PF_OK;
}

static pf_status open_workspace(const pf_sampler *sampler, pf_workspace given, work *out, pf_error *error) {
  if (!given.memory) return pf_fail(error, PF_USAGE, "the sampler's workspace is NULL");
  if (given.bytes < pf_sampler_workspace_bytes(sampler))
    return pf_fail(error, PF_USAGE, "the sampler's workspace has %zu bytes, needs %zu", given.bytes,
                   pf_sampler_workspace_bytes(sampler));
  char *start = given.memory;
  start += (ALIGNMENT - (uintptr_t)start % ALIGNMENT) % ALIGNMENT;
  *out = (work){.map = start,
                .x = (float *)(void *)(start + sampler->x_at),
                .doubles = (double *)(void *)(start + sampler->doubles_at)};
  return PF_OK;
}

/* What a run is given, whichever function was called: its noise, or a seed to draw it from. */
typedef struct request {
  const float *z;
  uint64_t seed;
  pf_rows rows;
  target out;
  pf_workspace workspace;
} request;

static pf_status check_request(const pf_sampler *sampler, const request *r, pf_error *error) {
  if (!sampler) return pf_fail(error, PF_USAGE, "the sampler is NULL");
  PF_TRY(pf_model_check_rows(r->rows, error));
  if (r->rows.n > 0 && !r->out.f64 && !r->out.f32 && !r->out.path)
    return pf_fail(error, PF_USAGE, "the output is NULL");
  return PF_OK;
}

static pf_status run(const pf_sampler *sampler, const request *r, pf_error *error) {
  work w = {0};
  PF_TRY(open_workspace(sampler, r->workspace, &w, error));
  const int64_t d = sampler->model->columns;
  for (int64_t done = 0; done < r->rows.n; done += BLOCK) {
    int64_t n = r->rows.n - done < BLOCK ? r->rows.n - done : BLOCK;
    pf_rows rows = {r->rows.first + done, n};
    target out = {r->out.f64 ? r->out.f64 + done * d : NULL, r->out.f32 ? r->out.f32 + done * d : NULL,
                  r->out.path ? r->out.path + done * d * pf_sampler_nodes(sampler) : NULL};
    if (r->z)
      memcpy(w.x, r->z + done * d, (size_t)(n * d) * sizeof(float));
    else
      pf_model_prior(sampler->model, r->seed, rows, w.x);
    PF_TRY(push_block(sampler, &w, rows, out, error));
  }
  return PF_OK;
}

static pf_status run_range(const pf_sampler *sampler, pf_sample_range range, target out,
                           pf_workspace workspace, pf_error *error) {
  request r = {.seed = range.seed, .rows = {range.first, range.n}, .out = out, .workspace = workspace};
  PF_TRY(check_request(sampler, &r, error));
  return run(sampler, &r, error);
}

static pf_status run_noise(const pf_sampler *sampler, const float *z, int64_t n, target out,
                           pf_workspace workspace, pf_error *error) {
  request r = {.z = z, .rows = {0, n}, .out = out, .workspace = workspace};
  PF_TRY(check_request(sampler, &r, error));
  if (n > 0 && !z) return pf_fail(error, PF_USAGE, "the noise is NULL");
  const int64_t d = sampler->model->columns, bad = find_bad(z, n * d);
  if (bad < n * d)
    return pf_fail(error, PF_BAD_INPUT, "noise row %lld, column %lld is %g", (long long)(bad / d),
                   (long long)(bad % d), (double)z[bad]);
  return run(sampler, &r, error);
}

pf_status pf_sampler_run(const pf_sampler *sampler, pf_sample_range range, double *out,
                         pf_workspace workspace, pf_error *error) {
  return run_range(sampler, range, (target){.f64 = out}, workspace, error);
}

pf_status pf_sampler_run_f32(const pf_sampler *sampler, pf_sample_range range, float *out,
                             pf_workspace workspace, pf_error *error) {
  return run_range(sampler, range, (target){.f32 = out}, workspace, error);
}

pf_status pf_sampler_run_paths(const pf_sampler *sampler, pf_sample_range range, double *out,
                               pf_workspace workspace, pf_error *error) {
  if (sampler && pf_sampler_nodes(sampler) == 0)
    return pf_fail(error, PF_USAGE,
                   "solver 'dopri5' takes the steps each sample needs, so paths have no nodes in common; "
                   "every other solver's have");
  return run_range(sampler, range, (target){.path = out}, workspace, error);
}

pf_status pf_sampler_noise(const pf_sampler *sampler, pf_sample_range range, float *z, pf_error *error) {
  pf_rows rows = {range.first, range.n};
  if (!sampler) return pf_fail(error, PF_USAGE, "the sampler is NULL");
  PF_TRY(pf_model_check_rows(rows, error));
  if (rows.n > 0 && !z) return pf_fail(error, PF_USAGE, "the noise is NULL");
  pf_model_prior(sampler->model, range.seed, rows, z);
  return PF_OK;
}

pf_status pf_sampler_run_from_noise(const pf_sampler *sampler, const float *z, int64_t n, double *out,
                                    pf_workspace workspace, pf_error *error) {
  return run_noise(sampler, z, n, (target){.f64 = out}, workspace, error);
}

pf_status pf_sampler_run_from_noise_f32(const pf_sampler *sampler, const float *z, int64_t n, float *out,
                                        pf_workspace workspace, pf_error *error) {
  return run_noise(sampler, z, n, (target){.f32 = out}, workspace, error);
}
