/* Evaluating a trained map: see learned.h.
 *
 *   terms    [of_x, of_network, c, of_given, padding to 16][path, width floats], see time_map.h
 *   packed   what a tile program derives from the parameters alone, once when the map is made
 */
#include "learned.h"

#include <math.h>
#include <string.h>
#include "../base/canary.h"
#include "../base/memory.h"
#include "../exec/exec.h"

enum { TILES_PER_TASK = 4 };
enum { INPUT_T, INPUT_S, TIMES }; /* of the programs of terms */
enum {
  INPUT_X,
  INPUT_OF_X,
  INPUT_OF_NETWORK,
  INPUT_PATH,
  INPUT_C,
  INPUT_OF_GIVEN,
  INPUTS
}; /* of a tile program */
/* places in the terms */
enum { TERM_OF_X, TERM_OF_NETWORK, TERM_C, TERM_OF_GIVEN, TERM_PATH = 16, ALIGN_FLOATS = 16 };

/* Tile heights, tallest first. A height takes rows while there are enough of them; the last ones, when there are at least
 * `from`, are padded to one more tile: measured, cheaper than the lower tiles they would need. */
typedef struct height {
  int rows, from;
} height;
enum { HEIGHTS = 3 };
static const height f32_heights[HEIGHTS] = {{PF_TILE_ROWS, 240}, {16, 4}, {1, 1}};
/* Blocks have 32 rows. On AMX one takes as long as six to eight rows alone (estimated, not measured), elsewhere as 32. */
static const height bf16_heights[HEIGHTS] = {{PF_TILE_ROWS, 240}, {32, 32}, {1, 1}};
static const height amx_heights[HEIGHTS] = {{PF_TILE_ROWS, 224}, {32, 8}, {1, 1}};

static const height *heights_of(pf_precision precision) {
  if (precision == PF_PRECISION_F32) return f32_heights;
  return pf_precision_is_fast(precision) ? amx_heights : bf16_heights;
}

struct pf_learned {
  pf_time_map map;
  pf_precision precision;
  const height *heights; /* HEIGHTS */
  float *params;
  pf_program *move_terms;     /* of a network of two times, else NULL */
  pf_program *velocity_terms; /* NULL for a plain map */
  pf_program *tile[HEIGHTS];
  void *packed[HEIGHTS];
  size_t workspace_bytes; /* of the hungriest tile program */
};

/* ---- compiling ---- */

typedef pf_time_terms terms_builder(const pf_time_map *map, pf_node t, pf_node s);

static pf_time_terms build_move_terms(const pf_time_map *map, pf_node t, pf_node s) {
  return pf_time_map_terms(map, 0, t, s);
}

static pf_time_terms build_velocity_terms(const pf_time_map *map, pf_node t, pf_node s) {
  (void)s;
  return pf_time_map_velocity_terms(map, 0, t);
}

static pf_status compile_terms(const pf_time_map *map, terms_builder *build, pf_program **out,
                               pf_error *error) {
  pf_graph *graph = NULL;
  PF_TRY(pf_graph_create(&graph, error));
  pf_node t = pf_input(graph, INPUT_T, PF_SCALAR(PF_SHARED));
  pf_node s = pf_input(graph, INPUT_S, PF_SCALAR(PF_SHARED));
  pf_time_terms terms = build(map, t, s);
  pf_node outputs[] = {terms.of_x, terms.of_network, terms.path, terms.c};
  pf_program_options options = pf_program_options_default();
  options.tile_rows = options.max_rows = 1;
  pf_status status = pf_program_create(graph, outputs, pf_time_map_scales(map) ? 4 : 3, &options, out, error);
  pf_graph_free(graph);
  return status;
}

static pf_status compile_tile(const pf_learned *learned, int rows, pf_program **out, pf_error *error) {
  const pf_time_map *map = &learned->map;
  pf_graph *graph = NULL;
  PF_TRY(pf_graph_create(&graph, error));
  pf_node x = pf_input(graph, INPUT_X, PF_SHAPE(PF_PER_ROW, map->network.inputs));
  pf_time_terms terms = {.of_x = pf_input(graph, INPUT_OF_X, PF_SCALAR(PF_SHARED)),
                         .of_network = pf_input(graph, INPUT_OF_NETWORK, PF_SCALAR(PF_SHARED))};
  if (!pf_time_map_is_plain(map))
    terms.path = pf_input(graph, INPUT_PATH, PF_SHAPE(PF_SHARED, map->network.width));
  if (pf_time_map_scales(map)) terms.c = pf_input(graph, INPUT_C, PF_SCALAR(PF_SHARED));
  if (map->given.count > 0) terms.of_given = pf_input(graph, INPUT_OF_GIVEN, PF_SCALAR(PF_SHARED));
  pf_node y = pf_time_map_at_terms(map, 0, terms, x);
  pf_program_options options = pf_program_options_default();
  options.tile_rows = options.max_rows = rows;
  options.precision = learned->precision;
  pf_status status = pf_program_create(graph, &y, 1, &options, out, error);
  pf_graph_free(graph);
  return status;
}

static pf_run run_of(const float *const *params, const float *const *inputs, int64_t rows) {
  return (pf_run){.params = params, .inputs = inputs, .rows = rows};
}

/* Compiles height `i` and packs the parameters for it. */
static pf_status prepare_tile(pf_learned *learned, int i, pf_error *error) {
  PF_TRY(compile_tile(learned, learned->heights[i].rows, &learned->tile[i], error));
  PF_TRY(pf_alloc(1, pf_program_shared_bytes(learned->tile[i]), &learned->packed[i], error));
  const float *params[] = {learned->params}, *inputs[INPUTS] = {NULL}; /* known when it runs */
  pf_run run = run_of(params, inputs, learned->heights[i].rows);
  pf_program_run_shared(learned->tile[i], &run, learned->packed[i], NULL);
  size_t bytes = pf_program_workspace_bytes(learned->tile[i]);
  if (bytes > learned->workspace_bytes) learned->workspace_bytes = bytes;
  return PF_OK;
}

static pf_status check_columns(const pf_time_map *map, pf_error *error) {
  const int columns = map->network.inputs, generated = columns - map->given.count;
  if (map->given.count < 0 || map->given.count > PF_GIVEN_MOST || generated < 1)
    return pf_fail(error, PF_USAGE, "%d columns are given of %d: at most %d can be, and one must be left",
                   map->given.count, columns, PF_GIVEN_MOST);
  for (int i = 0; i < map->given.count; i++) {
    const int column = map->given.columns[i], least = i > 0 ? map->given.columns[i - 1] + 1 : 0;
    if (column < least || column >= columns)
      return pf_fail(error, PF_USAGE, "given column %d must be from %d to %d", column, least, columns - 1);
  }
  if (map->network.outputs == generated) return PF_OK;
  return pf_fail(error, PF_USAGE, "the network has %d outputs for %d columns that are generated",
                 map->network.outputs, generated);
}

static pf_status prepare(pf_learned *learned, const float *params, pf_error *error) {
  const pf_time_map *map = &learned->map;
  const int times = map->network.times;
  if (map->skip && !pf_time_map_is_plain(map))
    return pf_fail(error, PF_USAGE, "a map of %d times cannot skip: only a plain one does", times);
  PF_TRY(check_columns(map, error));
  PF_TRY(pf_network_copy_params(&map->network, params, &learned->params, error));
  if (times == 2) PF_TRY(compile_terms(map, build_move_terms, &learned->move_terms, error));
  if (times > 0) PF_TRY(compile_terms(map, build_velocity_terms, &learned->velocity_terms, error));
  learned->heights = heights_of(learned->precision);
  for (int i = 0; i < HEIGHTS; i++) PF_TRY(prepare_tile(learned, i, error));
  return PF_OK;
}

static pf_status create(const pf_time_map *map, const float *params, pf_precision precision, pf_learned **out,
                        pf_error *error) {
  pf_learned *learned = NULL;
  PF_TRY(pf_alloc(1, sizeof *learned, &learned, error));
  learned->map = *map;
  learned->precision = precision;
  pf_status status = prepare(learned, params, error);
  if (status != PF_OK) {
    pf_learned_free(learned);
    return status;
  }
  *out = learned;
  return PF_OK;
}

pf_status pf_learned_create(const pf_time_map *map, const float *params, pf_learned **out, pf_error *error) {
  return create(map, params, PF_PRECISION_F32, out, error);
}

pf_status pf_learned_create_in(const pf_learned *learned, pf_precision precision, pf_learned **out,
                               pf_error *error) {
  return create(&learned->map, learned->params, precision, out, error);
}

void pf_learned_free(pf_learned *learned) {
  if (!learned) return;
  pf_program_free(learned->move_terms);
  pf_program_free(learned->velocity_terms);
  for (int i = 0; i < HEIGHTS; i++) {
    pf_program_free(learned->tile[i]);
    pf_free(learned->packed[i]);
  }
  pf_free(learned->params);
  pf_free(learned);
}

const pf_time_map *pf_learned_map_of(const pf_learned *learned) { return &learned->map; }
const float *pf_learned_params(const pf_learned *learned) { return learned->params; }

/* ---- terms ---- */

static size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

size_t pf_learned_term_count(const pf_learned *learned) {
  return TERM_PATH + round_up((size_t)learned->map.network.width, ALIGN_FLOATS);
}

static pf_status evaluate_terms(const pf_learned *learned, const pf_program *program,
                                const float times[TIMES], float *terms, pf_error *error) {
  void *scratch = NULL;
  PF_TRY(pf_alloc(1, pf_program_shared_bytes(program), &scratch, error));
  const float *params[] = {learned->params}, *inputs[TIMES] = {&times[INPUT_T], &times[INPUT_S]};
  float *outputs[] = {terms + TERM_OF_X, terms + TERM_OF_NETWORK, terms + TERM_PATH, terms + TERM_C};
  pf_run run = run_of(params, inputs, 1);
  pf_program_run_shared(program, &run, scratch, outputs);
  pf_free(scratch);
  return PF_OK;
}

pf_status pf_learned_move_terms(const pf_learned *learned, double t, double s, float *terms,
                                pf_error *error) {
  const float times[TIMES] = {(float)t, (float)s};
  if (pf_time_map_is_plain(&learned->map)) {
    terms[TERM_OF_X] = learned->map.skip ? 1 : 0;
    terms[TERM_OF_NETWORK] = terms[TERM_OF_GIVEN] = 1;
    return PF_OK;
  }
  terms[TERM_OF_GIVEN] = 1;
  if (!learned->move_terms)
    return pf_fail(error, PF_USAGE, "this model has no two-time map, only a velocity");
  return evaluate_terms(learned, learned->move_terms, times, terms, error);
}

pf_status pf_learned_velocity_terms(const pf_learned *learned, double t, float *terms, pf_error *error) {
  const float times[TIMES] = {(float)t, 0};
  if (!learned->velocity_terms)
    return pf_fail(error, PF_USAGE, "this map has no velocity: its network is not told the time");
  terms[TERM_OF_GIVEN] = PF_CANARY(GIVEN_MOVES, 0, 1);
  return evaluate_terms(learned, learned->velocity_terms, times, terms, error);
}

pf_term_values pf_learned_term_values(const pf_learned *learned, const float *terms) {
  return (pf_term_values){.of_x = terms[TERM_OF_X],
                          .of_network = terms[TERM_OF_NETWORK],
                          .c = pf_time_map_scales(&learned->map) ? terms[TERM_C] : 1,
                          .path = pf_time_map_is_plain(&learned->map) ? NULL : terms + TERM_PATH};
}

/* ---- rows ---- */

/* Rows begin..end-1 of x and y through the tiles of height `i`. */
static void run_tiles(const pf_learned *learned, int i, const float *terms, const float *x, float *y,
                      int64_t rows, void *workspace) {
  const float *params[] = {learned->params};
  const float *inputs[INPUTS] = {[INPUT_X] = x,
                                 [INPUT_OF_X] = terms + TERM_OF_X,
                                 [INPUT_OF_NETWORK] = terms + TERM_OF_NETWORK,
                                 [INPUT_PATH] = terms + TERM_PATH,
                                 [INPUT_C] = terms + TERM_C,
                                 [INPUT_OF_GIVEN] = terms + TERM_OF_GIVEN};
  pf_run run = run_of(params, inputs, rows);
  pf_program_run_lane(learned->tile[i], &run, learned->packed[i], workspace, 0, rows, &y);
}

size_t pf_learned_workspace_bytes(const pf_learned *learned) {
  return round_up(learned->workspace_bytes, 64);
}

void pf_learned_apply(const pf_learned *learned, const float *terms, pf_rows rows, const float *x, float *y,
                      void *workspace) {
  const int64_t d = learned->map.network.inputs;
  for (int64_t done = 0, i = 0; done < rows.n; i++) {
    const height *h = &learned->heights[i];
    const int64_t left = rows.n - done;
    int64_t take = left / h->rows * h->rows;
    if (left - take >= h->from) take = left;
    if (take > 0) run_tiles(learned, (int)i, terms, x + done * d, y + done * d, take, workspace);
    done += take;
  }
}

/* ---- many rows at once, on a pool ---- */

typedef struct evaluation {
  const pf_learned *learned;
  const float *terms;
  pf_rows rows;
  const float *x;
  float *y;
  char *workspace; /* one per thread */
  size_t thread_bytes;
  int64_t first_tile;
} evaluation;

static void evaluate_task(void *context, int task, int thread) {
  const evaluation *e = context;
  int64_t tile = e->first_tile + (int64_t)task * TILES_PER_TASK, end = e->rows.first + e->rows.n;
  int64_t from = tile * PF_TILE_ROWS, to = from + TILES_PER_TASK * PF_TILE_ROWS;
  if (from < e->rows.first) from = e->rows.first;
  if (to > end) to = end;
  int64_t at = (from - e->rows.first) * e->learned->map.network.inputs;
  pf_learned_apply(e->learned, e->terms, (pf_rows){from, to - from}, e->x + at, e->y + at,
                   e->workspace + (size_t)thread * e->thread_bytes);
}

/* e->terms are filled already. */
static pf_status evaluate(evaluation *e, pf_pool *pool, pf_error *error) {
  if (e->rows.n <= 0) return PF_OK;
  e->first_tile = e->rows.first / PF_TILE_ROWS;
  int64_t tiles = (e->rows.first + e->rows.n + PF_TILE_ROWS - 1) / PF_TILE_ROWS - e->first_tile;
  int tasks = (int)((tiles + TILES_PER_TASK - 1) / TILES_PER_TASK);
  e->thread_bytes = pf_learned_workspace_bytes(e->learned);
  PF_TRY(pf_alloc((size_t)pf_pool_threads(pool), e->thread_bytes, &e->workspace, error));
  pf_pool_run(pool, tasks, evaluate_task, e);
  pf_free(e->workspace);
  return PF_OK;
}

pf_status pf_learned_move(const pf_learned *learned, double t, double s, pf_rows rows, float *x,
                          pf_pool *pool, pf_error *error) {
  float *terms = NULL;
  PF_TRY(pf_alloc(pf_learned_term_count(learned), sizeof *terms, &terms, error));
  evaluation e = {.learned = learned, .terms = terms, .rows = rows, .x = x, .y = x};
  pf_status status = pf_learned_move_terms(learned, t, s, terms, error);
  if (status == PF_OK) status = evaluate(&e, pool, error);
  pf_free(terms);
  return status;
}

pf_status pf_learned_velocity(const pf_learned *learned, double t, pf_rows rows, const float *x, float *v,
                              pf_pool *pool, pf_error *error) {
  float *terms = NULL;
  PF_TRY(pf_alloc(pf_learned_term_count(learned), sizeof *terms, &terms, error));
  evaluation e = {.learned = learned, .terms = terms, .rows = rows, .x = x, .y = v};
  pf_status status = pf_learned_velocity_terms(learned, t, terms, error);
  if (status == PF_OK) status = evaluate(&e, pool, error);
  pf_free(terms);
  return status;
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
