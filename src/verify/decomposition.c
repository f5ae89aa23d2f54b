/* Error decomposition: see decomposition.h. */
#include "decomposition.h"

#include <math.h>
#include <string.h>
#include "../base/memory.h"
#include "../base/rng.h"
#include "../flow/mixture_field.h"
#include "../ode/ode.h"

enum { FINE_STEPS = 256, DEFAULT_STEPS = 32, MOST_STEPS = 1000 };

typedef struct work {
  const struct pf_model *model;
  pf_pool *pool;
  int64_t n;
  int d;
  double end;
  double *center, *spread; /* [d]: decode is center + spread z; spread 1 when not affine */
  bool affine;
  float *z;         /* n x d prior draws */
  double *paths[4]; /* n x d each: generator, K steps, fine, exact */
} work;

enum { GENERATOR, COARSE, FINE, EXACT };

static void free_work(work *w) {
  pf_free(w->center);
  pf_free(w->spread);
  pf_free(w->z);
  for (int i = 0; i < 4; i++) pf_free(w->paths[i]);
}

/* An affine decoder is known from two points. */
static pf_status read_decoder(work *w, pf_error *error) {
  size_t d = (size_t)w->d;
  float *unit = NULL;
  PF_TRY(pf_alloc(d, sizeof(double), &w->center, error));
  PF_TRY(pf_alloc(d, sizeof(double), &w->spread, error));
  PF_TRY(pf_alloc(d, sizeof(float), &unit, error));
  w->affine = true;
  for (int j = 0; j < w->d; j++) {
    w->affine = w->affine && pf_encoder_column_kind(w->model->encoder, j) == PF_ENCODER_STANDARD &&
                w->model->columns_like->types[j] == PF_COLUMN_REAL;
    unit[j] = 0;
  }
  pf_encoder_decode(w->model->encoder, unit, 1, w->center);
  for (int j = 0; j < w->d; j++) unit[j] = 1;
  pf_encoder_decode(w->model->encoder, unit, 1, w->spread);
  for (int j = 0; j < w->d; j++) w->spread[j] = w->affine ? w->spread[j] - w->center[j] : 1;
  pf_free(unit);
  return PF_OK;
}

static pf_status open_work(work *w, uint64_t seed, pf_error *error) {
  size_t items = (size_t)w->n * (size_t)w->d;
  PF_TRY(read_decoder(w, error));
  PF_TRY(pf_alloc(items, sizeof(float), &w->z, error));
  for (int i = 0; i < 4; i++) PF_TRY(pf_alloc(items, sizeof(double), &w->paths[i], error));
  pf_model_prior(w->model, seed, (pf_rows){0, w->n}, w->z);
  for (int p = 0; p < 4; p++)
    for (size_t i = 0; i < items; i++) w->paths[p][i] = w->z[i];
  return PF_OK;
}

static pf_status run_generator(work *w, pf_error *error) {
  size_t items = (size_t)w->n * (size_t)w->d;
  float *x = NULL;
  PF_TRY(pf_alloc(items, sizeof(float), &x, error));
  memcpy(x, w->z, items * sizeof(float));
  pf_status status = pf_learned_move(w->model->generator, 0, w->end, (pf_rows){0, w->n}, x, w->pool, error);
  for (size_t i = 0; i < items; i++) w->paths[GENERATOR][i] = x[i];
  pf_free(x);
  return status;
}

/* FINE_STEPS intervals. Follmer's velocity is singular at t = 1: even steps of the trigonometric clock take that away. */
static void fine_grid(pf_interpolant kind, double end, double *grid) {
  bool follmer = kind == PF_INTERPOLANT_FOLLMER;
  pf_ode_uniform_grid(0, follmer ? 2 / M_PI * asin(end) : end, FINE_STEPS, grid);
  for (int k = 0; follmer && k < FINE_STEPS; k++) grid[k] = sin(M_PI / 2 * grid[k]);
  grid[FINE_STEPS] = end;
}

static pf_status run_velocity(work *w, pf_ode_method method, pf_ode_grid grid, double *x, pf_error *error) {
  float *scratch = NULL;
  pf_status status = pf_alloc(2 * (size_t)w->n * (size_t)w->d, sizeof(float), &scratch, error);
  if (status == PF_OK) {
    pf_learned_field field = {.learned = w->model->velocity, .pool = w->pool, .scratch = scratch};
    pf_ode_system system = {.field = pf_learned_velocity_field, .context = &field, .n = w->n, .d = w->d};
    status = pf_ode_fixed(method, &system, grid, x, NULL, error);
  }
  pf_free(scratch);
  return status;
}

/* The law seen through the encoder: means shifted, covariances scaled column by column. */
static pf_status encode_mixture(const work *w, const pf_mixture *m, pf_mixture **out, pf_error *error) {
  size_t d = (size_t)w->d, K = (size_t)m->components;
  double *means = NULL, *covariance = NULL;
  pf_status status = pf_alloc(K * d, sizeof(double), &means, error);
  if (status == PF_OK) status = pf_alloc(K * d * d, sizeof(double), &covariance, error);
  for (size_t k = 0; k < K && status == PF_OK; k++) {
    size_t c = m->covariances == 1 ? 0 : k;
    for (size_t i = 0; i < d; i++) means[k * d + i] = (m->means[k * d + i] - w->center[i]) / w->spread[i];
    for (size_t i = 0; i < d; i++)
      for (size_t j = 0; j < d; j++) {
        double s = 0;
        if (m->kind == PF_COVARIANCE_FULL)
          for (size_t e = 0; e < d; e++)
            s += m->eigenvalues[c * d + e] * m->axes[(c * d + e) * d + i] * m->axes[(c * d + e) * d + j];
        else if (i == j)
          s = m->eigenvalues[m->eigenvalue_count == 1 ? c : c * d + i];
        covariance[(k * d + i) * d + j] = s / (w->spread[i] * w->spread[j]);
      }
  }
  pf_mixture_spec spec = {.components = m->components,
                          .d = w->d,
                          .weights = m->weights,
                          .means = means,
                          .kind = PF_COVARIANCE_FULL,
                          .covariances = m->components,
                          .covariance = covariance};
  if (status == PF_OK) status = pf_mixture_create(&spec, out, error);
  pf_free(means);
  pf_free(covariance);
  return status;
}

/* One chunk of rows along the exact velocity. */
typedef struct exact_run {
  const pf_mixture_field *field;
  const double *grid;
  double *x;
  int64_t n;
  int d;
  pf_status *status;
} exact_run;

enum { EXACT_CHUNK = 256 };

static void exact_task(void *context, int task, int thread) {
  exact_run *r = context;
  (void)thread;
  int64_t begin = (int64_t)task * EXACT_CHUNK, n = r->n - begin < EXACT_CHUNK ? r->n - begin : EXACT_CHUNK;
  pf_mixture_field field = *r->field;
  pf_ode_system system = {.field = pf_mixture_velocity_field, .context = &field, .n = n, .d = r->d};
  r->status[task] =
      pf_ode_fixed(PF_ODE_RK4, &system, (pf_ode_grid){r->grid, FINE_STEPS}, r->x + begin * r->d, NULL, NULL);
}

static pf_status run_exact(work *w, const pf_mixture *mixture, pf_interpolant kind, pf_error *error) {
  int tasks = (int)((w->n + EXACT_CHUNK - 1) / EXACT_CHUNK);
  double grid[FINE_STEPS + 1];
  pf_mixture *encoded = NULL;
  pf_status *results = NULL;
  pf_status status = encode_mixture(w, mixture, &encoded, error);
  if (status == PF_OK) status = pf_alloc((size_t)tasks, sizeof *results, &results, error);
  if (status == PF_OK) {
    fine_grid(kind, w->end, grid);
    pf_mixture_field field = {.mixture = encoded, .kind = kind};
    exact_run r = {
        .field = &field, .grid = grid, .x = w->paths[EXACT], .n = w->n, .d = w->d, .status = results};
    pf_pool_run(w->pool, tasks, exact_task, &r);
    for (int i = 0; i < tasks && status == PF_OK; i++)
      if (results[i] != PF_OK) status = pf_fail(error, results[i], "following the exact velocity failed");
  }
  pf_free(results);
  pf_mixture_free(encoded);
  return status;
}

/* RMS over rows of |a - b| in the data's units. */
static double distance(const work *w, int a, int b) {
  double sum = 0;
  for (int64_t i = 0; i < w->n * w->d; i++) {
    double e = (w->paths[a][i] - w->paths[b][i]) * w->spread[i % w->d];
    sum += e * e;
  }
  return sqrt(sum / (double)w->n);
}

/* In encoded space the data has unit variance per column; back in data units each column keeps its own spread. */
static double stopping(const work *w, pf_interpolant kind) {
  pf_interpolant_values v = pf_interpolant_at(kind, w->end);
  double sum = 0;
  for (int j = 0; j < w->d; j++)
    sum += w->spread[j] * w->spread[j] * (v.alpha * v.alpha + (1 - v.beta) * (1 - v.beta));
  return sqrt(sum);
}

static int coarse_steps(const struct pf_model *model) {
  const json_t *steps = json_object_get(model->facts, "trajectory_steps");
  json_int_t value = json_is_integer(steps) ? json_integer_value(steps) : DEFAULT_STEPS;
  return value >= 1 && value <= MOST_STEPS ? (int)value : DEFAULT_STEPS;
}

static pf_status measure(work *w, const pf_law *law, pf_decomposition *out, pf_error *error) {
  /* the exact velocity is known from noise alone */
  const pf_mixture *mixture = law && !w->model->from_source ? pf_law_mixture(law) : NULL;
  pf_interpolant kind = pf_learned_map_of(w->model->velocity)->interpolant;
  PF_TRY(run_generator(w, error));
  double coarse[MOST_STEPS + 1], fine[FINE_STEPS + 1];
  int steps = coarse_steps(w->model);
  pf_ode_uniform_grid(0, w->end, steps, coarse);
  fine_grid(kind, w->end, fine);
  PF_TRY(run_velocity(w, PF_ODE_HEUN, (pf_ode_grid){coarse, steps}, w->paths[COARSE], error));
  PF_TRY(run_velocity(w, PF_ODE_RK4, (pf_ode_grid){fine, FINE_STEPS}, w->paths[FINE], error));
  out->fitting = distance(w, GENERATOR, COARSE);
  out->discretisation = distance(w, COARSE, FINE);
  if (w->affine) out->stopping = stopping(w, kind);
  if (!w->affine || !mixture) return PF_OK;
  PF_TRY(run_exact(w, mixture, kind, error));
  out->velocity = distance(w, FINE, EXACT);
  out->distance = distance(w, GENERATOR, EXACT);
  out->bound = out->fitting + out->discretisation + out->velocity + out->stopping;
  return PF_OK;
}

pf_status pf_decompose(const struct pf_model *model, const pf_law *law, int64_t rows, uint64_t seed,
                       pf_pool *pool, pf_decomposition *out, pf_error *error) {
  pf_decomposition result = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
  pf_status status = PF_OK;
  if (model->generator && model->velocity) {
    work w = {.model = model, .pool = pool, .n = rows, .d = model->columns, .end = model->end};
    /* the exact field of a law carries all its columns: conditional ones are not known */
    const pf_law *exact = model->given.count > 0 ? NULL : law;
    status = open_work(&w, seed, error);
    if (status == PF_OK) status = measure(&w, exact, &result, error);
    free_work(&w);
  }
  if (status == PF_OK) *out = result;
  return status;
}

/* ---- the velocity alone ---- */

enum { TIMES = 64 }; /* a stratum of (0, T) each */

/* Rows of the interpolant at time t, encoded: x from noise z (n x d) and rows of the law. */
static void interpolate(const work *w, const pf_law *law, pf_interpolant kind, double t, uint64_t seed,
                        pf_rows rows, double *x) {
  pf_interpolant_values v = pf_interpolant_at(kind, t);
  pf_law_sample(law, seed, (uint64_t)rows.first, rows.n, x);
  for (int64_t i = 0; i < rows.n * w->d; i++) {
    double encoded = (x[i] - w->center[i % w->d]) / w->spread[i % w->d];
    x[i] = v.alpha * (double)w->z[i] + v.beta * encoded;
  }
}

/* Sum over rows of |vhat - v*|^2 in the data's units. */
static pf_status add_error(const work *w, pf_mixture_field *exact, double t, int64_t n, double *x,
                           double *sum, pf_error *error) {
  double *learned = w->paths[COARSE], *truth = w->paths[FINE];
  pf_learned_field field = {
      .learned = w->model->velocity, .pool = w->pool, .scratch = (float *)w->paths[EXACT]};
  PF_TRY(pf_learned_velocity_field(&field, t, x, n, learned, error));
  pf_mixture_velocity(exact, t, x, n, truth);
  for (int64_t i = 0; i < n * w->d; i++) {
    double e = (learned[i] - truth[i]) * w->spread[i % w->d];
    *sum += e * e;
  }
  return PF_OK;
}

static pf_status measure_velocity(work *w, const pf_law *law, uint64_t seed, int64_t per_time, double *out,
                                  pf_error *error) {
  pf_interpolant kind = pf_learned_map_of(w->model->velocity)->interpolant;
  pf_mixture *encoded = NULL;
  double sum = 0;
  if (!w->affine || !pf_law_mixture(law))
    return pf_fail(error, PF_USAGE,
                   "the exact velocity is known for Gaussian mixtures and affine encoders alone");
  PF_TRY(encode_mixture(w, pf_law_mixture(law), &encoded, error));
  pf_mixture_field exact = {.mixture = encoded, .kind = kind};
  pf_status status = PF_OK;
  for (int k = 0; k < TIMES && status == PF_OK; k++) {
    pf_rng rng = pf_rng_at(seed, PF_STREAM_VERIFY, 1, (uint64_t)k);
    double t = w->end * (k + pf_rng_uniform(&rng)) / TIMES;
    pf_rows rows = {k * per_time, per_time};
    pf_model_prior(w->model, seed, rows, w->z);
    interpolate(w, law, kind, t, seed, rows, w->paths[GENERATOR]);
    status = add_error(w, &exact, t, per_time, w->paths[GENERATOR], &sum, error);
  }
  pf_mixture_free(encoded);
  if (status == PF_OK) *out = sqrt(sum / (double)(TIMES * per_time));
  return status;
}

pf_status pf_velocity_error(const struct pf_model *model, const pf_law *law, int64_t rows, uint64_t seed,
                            pf_pool *pool, double *out, pf_error *error) {
  if (!model->velocity || model->from_source || model->given.count > 0)
    return pf_fail(error, PF_USAGE, "the model keeps no velocity that carries all columns from noise");
  int64_t per_time = (rows + TIMES - 1) / TIMES;
  work w = {.model = model, .pool = pool, .n = per_time, .d = model->columns, .end = model->end};
  pf_status status = open_work(&w, seed, error);
  if (status == PF_OK) status = measure_velocity(&w, law, seed, per_time, out, error);
  free_work(&w);
  return status;
}
