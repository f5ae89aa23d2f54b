/* Evaluating a trained map tile by tile: see learned.h. */
#include "learned.h"

#include <math.h>
#include <string.h>
#include "../base/memory.h"
#include "../exec/exec.h"

enum { TILE = 256, TILES_PER_TASK = 4 };
enum { INPUT_X, INPUT_T, INPUT_S, INPUTS };

struct pf_learned {
  pf_time_map map;
  float *params;
  int64_t parameters;
  pf_program *move;     /* g, NULL for a network of one time */
  pf_program *velocity; /* v */
};

typedef pf_node builder(const pf_time_map *map, pf_node x, pf_node t, pf_node s);

static pf_node build_move(const pf_time_map *map, pf_node x, pf_node t, pf_node s) {
  return pf_time_map_node(map, 0, x, t, s);
}

static pf_node build_velocity(const pf_time_map *map, pf_node x, pf_node t, pf_node s) {
  (void)s;
  return pf_time_map_velocity_node(map, 0, x, t);
}

static pf_status compile(const pf_time_map *map, builder *build, pf_program **out, pf_error *error) {
  pf_graph *graph = NULL;
  PF_TRY(pf_graph_create(&graph, error));
  pf_node x = pf_input(graph, INPUT_X, PF_SHAPE(PF_PER_ROW, map->network.inputs));
  pf_node t = pf_input(graph, INPUT_T, PF_SCALAR(PF_SHARED));
  pf_node s = pf_input(graph, INPUT_S, PF_SCALAR(PF_SHARED));
  pf_node y = build(map, x, t, s);
  pf_program_options options = pf_program_options_default();
  options.tile_rows = TILE;
  options.max_rows = TILE;
  pf_status status = pf_program_create(graph, &y, 1, &options, out, error);
  pf_graph_free(graph);
  return status;
}

static pf_status copy_params(pf_learned *learned, const float *params, pf_error *error) {
  pf_layout layout = {0};
  PF_TRY(pf_network_layout(&learned->map.network, &layout, error));
  learned->parameters = layout.total;
  pf_layout_free(&layout);
  PF_TRY(pf_alloc((size_t)learned->parameters, sizeof(float), &learned->params, error));
  for (int64_t i = 0; i < learned->parameters; i++) {
    if (!isfinite(params[i]))
      return pf_fail(error, PF_NON_FINITE, "network parameter %lld is %g", (long long)i, (double)params[i]);
    learned->params[i] = params[i];
  }
  return PF_OK;
}

pf_status pf_learned_create(const pf_time_map *map, const float *params, pf_learned **out, pf_error *error) {
  pf_learned *learned = NULL;
  PF_TRY(pf_alloc(1, sizeof *learned, &learned, error));
  learned->map = *map;
  pf_status status = copy_params(learned, params, error);
  if (status == PF_OK && map->network.times == 2) status = compile(map, build_move, &learned->move, error);
  if (status == PF_OK) status = compile(map, build_velocity, &learned->velocity, error);
  if (status != PF_OK) {
    pf_learned_free(learned);
    return status;
  }
  *out = learned;
  return PF_OK;
}

void pf_learned_free(pf_learned *learned) {
  if (!learned) return;
  pf_program_free(learned->move);
  pf_program_free(learned->velocity);
  pf_free(learned->params);
  pf_free(learned);
}

const pf_time_map *pf_learned_map_of(const pf_learned *learned) { return &learned->map; }
const float *pf_learned_params(const pf_learned *learned) { return learned->params; }

/* ---- one evaluation over many tiles ---- */

typedef struct evaluation {
  const pf_learned *learned;
  const pf_program *program;
  float times[2];
  pf_rows rows;
  const float *x;
  float *y;
  char *shared, *workspace; /* workspace: one per thread, followed by its tile buffers */
  size_t workspace_bytes, thread_bytes;
  int64_t first_tile, last_tile;
} evaluation;

/* Tile `tile` of the absolute index, whole or in part inside the asked rows. */
static void evaluate_tile(const evaluation *e, int64_t tile, char *scratch) {
  int d = e->learned->map.network.inputs;
  size_t row = (size_t)d * sizeof(float);
  float *in = (float *)(void *)(scratch + e->workspace_bytes), *out = in + (size_t)TILE * (size_t)d;
  int64_t begin = tile * TILE - e->rows.first, from = begin < 0 ? 0 : begin;
  int64_t to = begin + TILE < e->rows.n ? begin + TILE : e->rows.n;
  bool whole = from == begin && to == begin + TILE;
  const float *source = e->x + from * d;
  if (!whole) { /* pad with a real row: padding must not make NaN work */
    for (int r = 0; r < TILE; r++) {
      int64_t k = begin + r < from ? from : begin + r >= to ? to - 1 : begin + r;
      memcpy(in + (size_t)r * (size_t)d, e->x + k * d, row);
    }
    source = in;
  }
  const float *params[] = {e->learned->params};
  const float *inputs[INPUTS] = {source, &e->times[0], &e->times[1]};
  pf_run run = {.params = params, .inputs = inputs, .rows = TILE};
  pf_program_run_lane(e->program, &run, e->shared, scratch, 0, TILE, &out);
  memcpy(e->y + from * d, out + (size_t)(from - begin) * (size_t)d, (size_t)(to - from) * row);
}

static void evaluate_task(void *context, int task, int thread) {
  const evaluation *e = context;
  int64_t begin = e->first_tile + (int64_t)task * TILES_PER_TASK, end = begin + TILES_PER_TASK;
  if (end > e->last_tile) end = e->last_tile;
  for (int64_t tile = begin; tile < end; tile++)
    evaluate_tile(e, tile, e->workspace + (size_t)thread * e->thread_bytes);
}

static pf_status evaluate(evaluation *e, pf_pool *pool, pf_error *error) {
  size_t d = (size_t)e->learned->map.network.inputs;
  if (e->rows.n <= 0) return PF_OK;
  e->first_tile = e->rows.first / TILE;
  e->last_tile = (e->rows.first + e->rows.n + TILE - 1) / TILE;
  int tasks = (int)((e->last_tile - e->first_tile + TILES_PER_TASK - 1) / TILES_PER_TASK);
  if (tasks == 1) pool = NULL; /* one tile: not worth a phase */
  size_t threads = (size_t)pf_pool_threads(pool);
  e->workspace_bytes = (pf_program_workspace_bytes(e->program) + 63) / 64 * 64;
  e->thread_bytes = (e->workspace_bytes + 2 * TILE * d * sizeof(float) + 63) / 64 * 64;
  PF_TRY(pf_alloc(threads, e->thread_bytes, &e->workspace, error));
  pf_status status = pf_alloc(1, pf_program_shared_bytes(e->program), &e->shared, error);
  if (status == PF_OK) {
    const float *params[] = {e->learned->params};
    const float *inputs[INPUTS] = {NULL, &e->times[0], &e->times[1]};
    pf_run run = {.params = params, .inputs = inputs, .rows = TILE};
    float *none[] = {NULL};
    pf_program_run_shared(e->program, &run, e->shared, none);
    pf_pool_run(pool, tasks, evaluate_task, e);
  }
  pf_free(e->shared);
  pf_free(e->workspace);
  return status;
}

pf_status pf_learned_move(const pf_learned *learned, double t, double s, pf_rows rows, float *x,
                          pf_pool *pool, pf_error *error) {
  if (!learned->move) return pf_fail(error, PF_USAGE, "this model has no two-time map, only a velocity");
  evaluation e = {.learned = learned,
                  .program = learned->move,
                  .times = {(float)t, (float)s},
                  .rows = rows,
                  .x = x,
                  .y = x};
  return evaluate(&e, pool, error);
}

pf_status pf_learned_velocity(const pf_learned *learned, double t, pf_rows rows, const float *x, float *v,
                              pf_pool *pool, pf_error *error) {
  evaluation e = {
      .learned = learned, .program = learned->velocity, .times = {(float)t}, .rows = rows, .x = x, .y = v};
  return evaluate(&e, pool, error);
}

pf_status pf_learned_velocity_field(void *context, double t, const double *x, int64_t n, double *v,
                                    pf_error *error) {
  pf_learned_field *field = context;
  size_t items = (size_t)n * (size_t)field->learned->map.network.inputs;
  float *in = field->scratch, *out = in + items;
  for (size_t i = 0; i < items; i++) in[i] = (float)x[i];
  PF_TRY(pf_learned_velocity(field->learned, t, (pf_rows){field->first, n}, in, out, field->pool, error));
  for (size_t i = 0; i < items; i++) v[i] = out[i];
  return PF_OK;
}
