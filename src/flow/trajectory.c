/* Characteristics of a learned velocity: see trajectory.h. Chunks of rows are integrated side by side. */
#include "trajectory.h"

#include <string.h>
#include "../base/memory.h"
#include "../base/rng.h"

enum { CHUNK_ROWS = 1024 };

typedef struct work {
  const pf_learned *velocity;
  const pf_trajectory_spec *spec;
  float *out;
} work;

/* Where one chunk's nodes go. */
typedef struct recorder {
  float *out;
  int64_t rows;
  int d, nodes;
} recorder;

static pf_status record_node(void *context, int k, double t, const double *x, pf_error *error) {
  const recorder *r = context;
  (void)t;
  (void)error;
  for (int64_t i = 0; i < r->rows; i++)
    for (int j = 0; j < r->d; j++) r->out[(i * r->nodes + k) * r->d + j] = (float)x[i * r->d + j];
  return PF_OK;
}

/* Node 0. */
static void start_rows(const pf_trajectory_spec *spec, pf_rows rows, size_t d, float *x) {
  if (spec->start)
    memcpy(x, spec->start + (size_t)(rows.first - spec->rows.first) * d, (size_t)rows.n * d * sizeof(float));
  else
    pf_fill_normal_f32(spec->seed, spec->stream, 0, (uint64_t)rows.first, (size_t)rows.n, d, x);
}

static pf_status integrate_chunk(const work *w, pf_rows rows, float *out, pf_error *error) {
  const pf_trajectory_spec *spec = w->spec;
  int d = pf_learned_map_of(w->velocity)->network.inputs;
  size_t items = (size_t)rows.n * (size_t)d;
  double *x = NULL;
  float *scratch = NULL;
  pf_status status = pf_alloc(items, sizeof(double), &x, error);
  if (status == PF_OK) status = pf_alloc(2 * items, sizeof(float), &scratch, error);
  if (status == PF_OK) {
    start_rows(spec, rows, (size_t)d, scratch);
    for (size_t i = 0; i < items; i++) x[i] = scratch[i];
    recorder keep = {.out = out, .rows = rows.n, .d = d, .nodes = spec->steps + 1};
    pf_learned_field field = {.learned = w->velocity, .first = rows.first, .scratch = scratch};
    pf_ode_system system = {.field = pf_learned_velocity_field, .context = &field, .n = rows.n, .d = d};
    pf_ode_options options = {.observe = record_node, .observe_context = &keep};
    status = pf_ode_fixed(spec->method, &system, (pf_ode_grid){spec->t, spec->steps}, x, &options, error);
  }
  pf_free(x);
  pf_free(scratch);
  return status;
}

static pf_status chunk_task(void *context, int task, int thread, pf_error *error) {
  const work *w = context;
  (void)thread;
  pf_rows all = w->spec->rows, rows = {all.first + (int64_t)task * CHUNK_ROWS, CHUNK_ROWS};
  if (rows.first + rows.n > all.first + all.n) rows.n = all.first + all.n - rows.first;
  int d = pf_learned_map_of(w->velocity)->network.inputs;
  return integrate_chunk(w, rows, w->out + (rows.first - all.first) * (w->spec->steps + 1) * d, error);
}

pf_status pf_trajectories(const pf_learned *velocity, const pf_trajectory_spec *spec, float *out,
                          pf_pool *pool, pf_error *error) {
  int tasks = (int)((spec->rows.n + CHUNK_ROWS - 1) / CHUNK_ROWS);
  work w = {.velocity = velocity, .spec = spec, .out = out};
  return pf_pool_try(pool, tasks, chunk_task, &w, error);
}
