/* Transport cost and path energy: see transport.h.
 *
 *   legend   z rows of the source, x rows of the data, both encoded; g the one-step map; v the velocity
 *   cost     mean |g(z) - z|^2
 *   w2       min over permutations s of the mean of |z_i - x_s(i)|^2
 *   energy   mean over paths of the sum over steps of |z_{k+1} - z_k|^2 / (t_{k+1} - t_k): E of the integral of |v|^2
 */
#include "transport.h"

#include <math.h>
#include <string.h>
#include "../base/memory.h"
#include "../base/rng.h"
#include "../flow/trajectory.h"
#include "../ot/assignment.h"

enum { ROWS = 2000, STEPS = 100, CHUNK_ITEMS = 1 << 22, DRAW = 90 };

typedef struct work {
  const struct pf_model *model;
  pf_pool *pool;
  uint64_t seed;
  size_t n, d;
  float *z, *y, *x;        /* source, its image, two samples of the data: n x d, n x d, 2 n x d */
  double *source, *target; /* z and x again */
} work;

static void free_work(work *w) {
  pf_free(w->z);
  pf_free(w->y);
  pf_free(w->x);
  pf_free(w->source);
  pf_free(w->target);
}

static int64_t table_rows(const pf_table *table) { return table ? table->rows : 0; }

/* Rows of the data: all that are known, held out and trained on, since no model is measured against them. */
static size_t rows_a_side(const pf_reference *r) {
  int64_t half = (table_rows(r->held) + table_rows(r->train)) / 2;
  return (size_t)(r->law || half > ROWS ? ROWS : half);
}

/* `count` distinct rows, picked by the seed. */
static pf_status pick_rows(const work *w, const pf_reference *r, size_t count, double *out, pf_error *error) {
  int64_t held = table_rows(r->held), all = held + table_rows(r->train);
  uint32_t *order = NULL;
  PF_TRY(pf_alloc((size_t)all, sizeof *order, &order, error));
  pf_fill_permutation(w->seed, PF_STREAM_VERIFY, (uint32_t)all, order);
  for (size_t i = 0; i < count; i++) {
    const double *row = order[i] < held ? r->held->values + order[i] * w->d
                                        : r->train->values + (order[i] - (size_t)held) * w->d;
    memcpy(out + i * w->d, row, w->d * sizeof(double));
  }
  pf_free(order);
  return PF_OK;
}

static pf_status open_work(work *w, const pf_reference *r, pf_error *error) {
  size_t items = w->n * w->d;
  PF_TRY(pf_alloc(items, sizeof(float), &w->z, error));
  PF_TRY(pf_alloc(items, sizeof(float), &w->y, error));
  PF_TRY(pf_alloc(2 * items, sizeof(float), &w->x, error));
  PF_TRY(pf_alloc(items, sizeof(double), &w->source, error));
  PF_TRY(pf_alloc(2 * items, sizeof(double), &w->target, error));
  if (r->law)
    pf_law_sample(r->law, w->seed + DRAW, 0, (int64_t)(2 * w->n), w->target);
  else
    PF_TRY(pick_rows(w, r, 2 * w->n, w->target, error));
  pf_encoder_encode(w->model->encoder, w->target, (int64_t)(2 * w->n), w->seed, 0, w->x);
  pf_model_prior(w->model, w->seed + DRAW, (pf_rows){0, (int64_t)w->n}, w->z);
  memcpy(w->y, w->z, items * sizeof(float));
  for (size_t i = 0; i < items; i++) w->source[i] = w->z[i];
  for (size_t i = 0; i < 2 * items; i++) w->target[i] = w->x[i];
  return PF_OK;
}

static double square_distance(const float *a, const float *b, size_t items) {
  double sum = 0;
  for (size_t i = 0; i < items; i++) sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
  return sum;
}

/* Adds the energy of these rows' paths, and leaves their ends in y unless the generator has filled it. */
static pf_status follow_rows(work *w, const double *grid, pf_rows rows, float *nodes, double *energy,
                             pf_error *error) {
  size_t d = w->d, first = (size_t)rows.first * d;
  pf_trajectory_spec spec = {
      .method = PF_ODE_HEUN, .t = grid, .steps = STEPS, .rows = rows, .start = w->z + first};
  PF_TRY(pf_trajectories(w->model->velocity, &spec, nodes, w->pool, error));
  for (int64_t i = 0; i < rows.n; i++) {
    const float *path = nodes + (size_t)i * (STEPS + 1) * d;
    for (size_t k = 0; k < STEPS; k++)
      *energy += square_distance(path + (k + 1) * d, path + k * d, d) / (grid[k + 1] - grid[k]);
    if (!w->model->generator) memcpy(w->y + first + (size_t)i * d, path + STEPS * d, d * sizeof(float));
  }
  return PF_OK;
}

static pf_status follow_velocity(work *w, double *energy, pf_error *error) {
  double grid[STEPS + 1];
  float *nodes = NULL;
  size_t chunk = CHUNK_ITEMS / ((STEPS + 1) * w->d);
  if (chunk < 1) chunk = 1;
  if (chunk > w->n) chunk = w->n;
  PF_TRY(pf_alloc(chunk * (STEPS + 1) * w->d, sizeof(float), &nodes, error));
  pf_ode_uniform_grid(w->model->start, w->model->end, STEPS, grid);
  pf_status status = PF_OK;
  *energy = 0;
  for (size_t i = 0; i < w->n && status == PF_OK; i += chunk) {
    pf_rows rows = {(int64_t)i, (int64_t)(w->n - i < chunk ? w->n - i : chunk)};
    status = follow_rows(w, grid, rows, nodes, energy, error);
  }
  *energy /= (double)w->n;
  pf_free(nodes);
  return status;
}

static pf_status square_w2(const work *w, const double *a, const double *b, double *out, pf_error *error) {
  PF_TRY(pf_wasserstein((pf_points){a, w->n, w->d}, (pf_points){b, w->n, w->d}, 2, out, error));
  *out *= *out;
  return PF_OK;
}

static pf_status measure(work *w, pf_transport *out, pf_error *error) {
  const struct pf_model *m = w->model;
  size_t items = w->n * w->d;
  pf_rows rows = {0, (int64_t)w->n};
  if (m->generator) PF_TRY(pf_learned_move(m->generator, m->start, m->end, rows, w->y, w->pool, error));
  if (m->velocity) PF_TRY(follow_velocity(w, &out->energy, error));
  out->cost = square_distance(w->y, w->z, items) / (double)w->n;
  if (!m->velocity) out->energy = out->cost;
  PF_TRY(square_w2(w, w->source, w->target, &out->w2, error));
  PF_TRY(square_w2(w, w->target, w->target + items, &out->floor, error));
  out->path_energy = fabs(out->energy - out->w2) / out->w2;
  if (isfinite(out->energy) && isfinite(out->cost)) return PF_OK;
  return pf_fail(error, PF_NON_FINITE, "the transport cost is %g and the path energy %g", out->cost,
                 out->energy);
}

pf_status pf_transport_run(const struct pf_model *model, const pf_reference *reference, uint64_t seed,
                           pf_pool *pool, pf_transport *out, pf_error *error) {
  pf_transport result = {.has_source = model->from_source};
  pf_status status = PF_OK;
  if (model->from_source) {
    work w = {
        .model = model, .pool = pool, .seed = seed, .n = rows_a_side(reference), .d = (size_t)model->columns};
    result.rows = (int64_t)w.n;
    PF_TRY(pf_model_check_prior(model, error));
    status = open_work(&w, reference, error);
    if (status == PF_OK) status = measure(&w, &result, error);
    free_work(&w);
  }
  if (status == PF_OK) *out = result;
  return status;
}
