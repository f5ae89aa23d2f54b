/* Samplers at work: prior -> map or integrator -> decoder.
 *
 * Rows pass in blocks through one workspace,
 *   [map's own][x: BLOCK x d floats][encoded conditions: BLOCK x given floats][doubles: the block's conditions, BLOCK x given;
 *   then the decoded block, or the integrator's state and stages]
 * and everything is a function of the absolute sample index, so ranges may be cut anywhere.
 */
#include <float.h>
#include <math.h>
#include <string.h>
#include "../base/memory.h"
#include "sampler_internal.h"

enum { BLOCK = PF_TILE_ROWS, ALIGNMENT = 64 };

/* A workspace as the sampler cuts it. */
typedef struct work {
  void *map;
  float *x;
  float *encoded;     /* conditions, as the network reads them */
  double *conditions; /* in the data's units */
  double *doubles;
} work;

/* Where a block goes: one of the three. */
typedef struct target {
  double *f64;
  float *f32;
  double *path; /* every node: n x nodes x d */
} target;

/* ---- the workspace ---- */

static size_t align(size_t bytes) { return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

void pf_sampler_lay_out(pf_sampler *sampler) {
  size_t block = (size_t)BLOCK * (size_t)sampler->model->columns;
  sampler->x_at = align(sampler->flow ? pf_cnf_workspace_bytes(sampler->flow, &sampler->move, BLOCK)
                                      : pf_learned_workspace_bytes(sampler->map));
  size_t given = (size_t)BLOCK * (size_t)sampler->model->given.count;
  sampler->encoded_at = sampler->x_at + align(block * sizeof(float));
  sampler->doubles_at = sampler->encoded_at + align(given * sizeof(float));
  size_t inside = sampler->integrates ? pf_solver_arrays(sampler->how.solver, sampler->model->columns) : 0;
  sampler->bytes = sampler->doubles_at + (given + block * (1 + inside)) * sizeof(double);
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

/* ---- conditions ---- */

/* Of the caller's noise, in the data's units: set aside, and encoded in x. */
static void take_conditions(const pf_sampler *sampler, const work *w, pf_rows rows) {
  const pf_given *given = &sampler->model->given;
  const int d = sampler->model->columns;
  for (int64_t i = 0; i < rows.n; i++)
    for (int k = 0; k < given->count; k++) {
      float *x = &w->x[i * d + given->columns[k]];
      w->conditions[i * given->count + k] = (double)*x;
      *x = pf_encoder_standardise(sampler->model->encoder, given->columns[k], (double)*x);
    }
}

/* Of the model, for prior draws: x has them encoded already. */
static void look_up_conditions(const pf_sampler *sampler, const work *w, uint64_t seed, pf_rows rows) {
  const size_t count = (size_t)sampler->model->given.count;
  for (int64_t i = 0; count > 0 && i < rows.n; i++)
    memcpy(w->conditions + (size_t)i * count, pf_model_condition(sampler->model, seed, rows.first + i),
           count * sizeof *w->conditions);
}

/* Keeps the given columns of x for as long as its block is moved. */
static void keep_encoded(const pf_sampler *sampler, const work *w, pf_rows rows) {
  const pf_given *given = &sampler->model->given;
  const int d = sampler->model->columns;
  for (int64_t i = 0; i < rows.n; i++)
    for (int k = 0; k < given->count; k++) w->encoded[i * given->count + k] = w->x[i * d + given->columns[k]];
}

/* Solvers that treat the linear part of a field exactly carry given columns off: the field is asked with their own. */
static void restore_encoded(const pf_sampler *sampler, const work *w, pf_rows rows) {
  const pf_given *given = &sampler->model->given;
  const int d = sampler->model->columns;
  for (int64_t i = 0; i < rows.n; i++)
    for (int k = 0; k < given->count; k++) w->x[i * d + given->columns[k]] = w->encoded[i * given->count + k];
}

/* The values that were given stand in the samples, not what encoding makes of them. */
static void put_conditions(const struct pf_model *model, const double *conditions, int64_t n,
                           double *samples) {
  const pf_given *given = &model->given;
  for (int64_t i = 0; i < n; i++)
    for (int k = 0; k < given->count; k++)
      samples[i * model->columns + given->columns[k]] = conditions[i * given->count + k];
}

/* ---- nodes of paths ---- */

typedef struct recorder {
  const pf_sampler *sampler;
  float *x; /* the block's own: free between evaluations */
  pf_rows rows;
  const double *conditions; /* of the rows */
  double *path;             /* NULL: nobody asked */
  int64_t next;             /* node */
} recorder;

/* What is in r->x. */
static pf_status keep_node(recorder *r, pf_error *error) {
  const struct pf_model *model = r->sampler->model;
  const int64_t d = model->columns, nodes = pf_sampler_nodes(r->sampler), k = r->next++;
  if (!r->path) return PF_OK;
  PF_TRY(check_samples(model, r->rows, r->x, error));
  for (int64_t i = 0; i < r->rows.n; i++) {
    double *node = r->path + (i * nodes + k) * d;
    pf_encoder_decode(model->encoder, r->x + i * d, 1, node);
    put_conditions(model, r->conditions + i * model->given.count, 1, node);
  }
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
  bool restores;  /* given columns of the states are not their own */
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
  if (at->restores) restore_encoded(sampler, at->w, (pf_rows){at->rows.first, n});
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
  at.restores = pf_solver_needs_denoiser(sampler->how.solver); /* these pass whole blocks */
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
  keep_encoded(sampler, w, rows);
  recorder seen = {
      .sampler = sampler, .x = w->x, .rows = rows, .conditions = w->conditions, .path = out.path};
  if (sampler->flow)
    PF_TRY(push_flow(sampler, w, &seen, error));
  else if (sampler->integrates)
    PF_TRY(push_velocity(sampler, w, &seen, error));
  else
    PF_TRY(push_generator(sampler, w, &seen, error));
  PF_TRY(check_samples(model, rows, w->x, error));
  double *decoded = out.f64 ? out.f64 : w->doubles;
  pf_encoder_decode(model->encoder, w->x, rows.n, decoded);
  put_conditions(model, w->conditions, rows.n, decoded);
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
                .encoded = (float *)(void *)(start + sampler->encoded_at),
                .conditions = (double *)(void *)(start + sampler->doubles_at)};
  out->doubles = out->conditions + (size_t)BLOCK * (size_t)sampler->model->given.count;
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
    if (r->z) {
      memcpy(w.x, r->z + done * d, (size_t)(n * d) * sizeof(float));
      take_conditions(sampler, &w, rows);
    } else {
      pf_model_prior(sampler->model, r->seed, rows, w.x);
      look_up_conditions(sampler, &w, r->seed, rows);
    }
    PF_TRY(push_block(sampler, &w, rows, out, error));
  }
  return PF_OK;
}

static pf_status run_range(const pf_sampler *sampler, pf_sample_range range, target out,
                           pf_workspace workspace, pf_error *error) {
  request r = {.seed = range.seed, .rows = {range.first, range.n}, .out = out, .workspace = workspace};
  PF_TRY(check_request(sampler, &r, error));
  PF_TRY(pf_model_check_prior(sampler->model, error));
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

/* Given columns of noise hold conditions in the data's units; 0 when there are none. */
static void name_conditions(const struct pf_model *model, uint64_t seed, pf_rows rows, float *z) {
  const pf_given *given = &model->given;
  for (int64_t i = 0; given->count > 0 && i < rows.n; i++) {
    const double *value = model->conditions.rows > 0 ? pf_model_condition(model, seed, rows.first + i) : NULL;
    for (int k = 0; k < given->count; k++)
      z[i * model->columns + given->columns[k]] = value ? (float)value[k] : 0;
  }
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
  name_conditions(sampler->model, range.seed, rows, z);
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
