/* Evaluating a continuous normalising flow: see cnf.h.
 *
 * Chunks of rows are integrated by one thread each, in one workspace
 *   [program's own][its shared part][x: floats][v: floats][l: floats][doubles: state, stages, grid]
 * State of a chunk: n x d, or n x (d + 1) with the log-determinant in the last column.
 */
#include "cnf.h"

#include <float.h>
#include <math.h>
#include <string.h>
#include "../base/memory.h"

enum { CHUNK = PF_TILE_ROWS, ALIGNMENT = 64, TILE = 64 };
enum { STATES = 6 }; /* of a Runge-Kutta 4 step: state, stage argument and four slopes */
enum { INPUT_X, INPUT_R, INPUTS };

struct pf_cnf {
  pf_cnf_config config;
  int d;
  int64_t parameters; /* of one block */
  float *params;
  pf_program *velocity, *full; /* v; v and its divergence */
};

/* ---- making ---- */

pf_status pf_cnf_config_check(const pf_cnf_config *c, pf_error *error) {
  if (c->blocks < 1 || c->blocks > PF_CNF_BLOCKS)
    return pf_fail(error, PF_USAGE, "a flow of %d blocks, must be 1 to %d", c->blocks, PF_CNF_BLOCKS);
  if (c->steps < 1 || c->steps > PF_CNF_STEPS)
    return pf_fail(error, PF_USAGE, "a flow of %d steps per block, must be 1 to %d", c->steps, PF_CNF_STEPS);
  return pf_field_check(&c->field, error);
}

static pf_status compile(const pf_field *field, bool with_divergence, pf_program **out, pf_error *error) {
  pf_graph *graph = NULL;
  PF_TRY(pf_graph_create(&graph, error));
  pf_node x = pf_input(graph, INPUT_X, PF_SHAPE(PF_PER_ROW, pf_field_columns(field)));
  pf_node r = pf_input(graph, INPUT_R, PF_SCALAR(PF_SHARED));
  pf_divergence_rule exact = {.kind = PF_DIVERGENCE_EXACT};
  pf_node outputs[2];
  if (with_divergence) {
    pf_field_nodes at = pf_field_at(field, 0, x, r, &exact);
    outputs[0] = at.velocity;
    outputs[1] = at.divergence;
  } else {
    outputs[0] = pf_field_velocity(field, 0, x, r);
  }
  pf_program_options options = pf_program_options_default();
  options.max_rows = TILE;
  pf_status status = pf_program_create(graph, outputs, with_divergence ? 2 : 1, &options, out, error);
  pf_graph_free(graph);
  return status;
}

pf_status pf_cnf_set_params(pf_cnf *cnf, const float *params, pf_error *error) {
  int64_t count = cnf->parameters * cnf->config.blocks;
  for (int64_t i = 0; i < count; i++)
    if (!isfinite(params[i]))
      return pf_fail(error, PF_NON_FINITE, "parameter %lld of block %lld is %g",
                     (long long)(i % cnf->parameters), (long long)(i / cnf->parameters + 1),
                     (double)params[i]);
  memcpy(cnf->params, params, (size_t)count * sizeof(float));
  return PF_OK;
}

static pf_status take_params(pf_cnf *cnf, const float *params, pf_error *error) {
  pf_layout layout = {0};
  PF_TRY(pf_field_layout(&cnf->config.field, &layout, error));
  cnf->parameters = layout.total;
  pf_layout_free(&layout);
  PF_TRY(pf_alloc((size_t)(cnf->parameters * cnf->config.blocks), sizeof(float), &cnf->params, error));
  return pf_cnf_set_params(cnf, params, error);
}

pf_status pf_cnf_create(const pf_cnf_config *config, const float *params, pf_cnf **out, pf_error *error) {
  pf_cnf *cnf = NULL;
  PF_TRY(pf_cnf_config_check(config, error));
  PF_TRY(pf_alloc(1, sizeof *cnf, &cnf, error));
  cnf->config = *config;
  cnf->d = pf_field_columns(&config->field);
  pf_status status = take_params(cnf, params, error);
  if (status == PF_OK) status = compile(&config->field, false, &cnf->velocity, error);
  if (status == PF_OK) status = compile(&config->field, true, &cnf->full, error);
  if (status != PF_OK) {
    pf_cnf_free(cnf);
    return status;
  }
  *out = cnf;
  return PF_OK;
}

void pf_cnf_free(pf_cnf *cnf) {
  if (!cnf) return;
  pf_program_free(cnf->velocity);
  pf_program_free(cnf->full);
  pf_free(cnf->params);
  pf_free(cnf);
}

const pf_cnf_config *pf_cnf_config_of(const pf_cnf *cnf) { return &cnf->config; }
const float *pf_cnf_params(const pf_cnf *cnf) { return cnf->params; }
int pf_cnf_columns(const pf_cnf *cnf) { return cnf->d; }

/* ---- one thread's memory ---- */

/* What is integrated how; observe is called with the state after every step of every block, or not at all (NULL). */
typedef struct traversal {
  pf_cnf_move move;
  int steps, first, last; /* blocks first..last-1 */
  pf_ode_observe *observe;
  void *context;
} traversal;

/* A workspace as it is cut for n rows. */
typedef struct work {
  const pf_cnf *cnf;
  const pf_program *program;
  void *own, *shared;
  float *x, *v, *l;
  double *doubles; /* state, then the integrator's own, then the grid */
  int columns;     /* of the state: d, or d + 1 */
  int states;      /* arrays that the integrator has */
  int block;       /* whose parameters are read */
  int64_t evaluations;
} work;

static size_t align(size_t bytes) { return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

static int states_of(const pf_solver_options *solver, int columns) {
  int states = solver ? (int)pf_solver_arrays(solver->solver, columns) : STATES;
  return states > STATES ? states : STATES;
}

static size_t doubles_of(int64_t n, int columns, const traversal *t) {
  return (size_t)n * (size_t)columns * (size_t)(states_of(t->move.solver, columns) + 1) + (size_t)t->steps +
         1;
}

static size_t bytes_of(const pf_cnf *cnf, const pf_program *program, int64_t n, int columns,
                       const traversal *t) {
  return align(pf_program_workspace_bytes(program)) + align(pf_program_shared_bytes(program)) +
         2 * align((size_t)n * (size_t)cnf->d * sizeof(float)) + align((size_t)n * sizeof(float)) +
         align(doubles_of(n, columns, t) * sizeof(double));
}

static work cut(const pf_cnf *cnf, bool with_divergence, const traversal *t, int64_t n, void *memory) {
  work w = {.cnf = cnf,
            .program = with_divergence ? cnf->full : cnf->velocity,
            .columns = cnf->d + (with_divergence ? 1 : 0)};
  w.states = states_of(t->move.solver, w.columns);
  char *at = memory;
  size_t items = align((size_t)n * (size_t)cnf->d * sizeof(float));
  w.own = at;
  w.shared = at += align(pf_program_workspace_bytes(w.program));
  w.x = (float *)(void *)(at += align(pf_program_shared_bytes(w.program)));
  w.v = (float *)(void *)(at += items);
  w.l = (float *)(void *)(at += items);
  w.doubles = (double *)(void *)(at + align((size_t)n * sizeof(float)));
  return w;
}

/* ---- the field ---- */

/* pf_ode_field of one block: context is a work. */
static pf_status block_field(void *context, double r, const double *x, int64_t n, double *v,
                             pf_error *error) {
  work *w = context;
  const pf_cnf *cnf = w->cnf;
  int d = cnf->d;
  float time = (float)r;
  const float *params[] = {cnf->params + w->block * cnf->parameters};
  const float *inputs[INPUTS] = {[INPUT_X] = w->x, [INPUT_R] = &time};
  float *outputs[] = {w->v, w->l};
  pf_run run = {.params = params, .inputs = inputs, .rows = n};
  (void)error;
  for (int64_t i = 0; i < n; i++)
    for (int j = 0; j < d; j++) w->x[i * d + j] = (float)x[i * w->columns + j];
  pf_program_run_shared(w->program, &run, w->shared, outputs);
  pf_program_run_lane(w->program, &run, w->shared, w->own, 0, n, outputs);
  for (int64_t i = 0; i < n; i++) {
    for (int j = 0; j < d; j++) v[i * w->columns + j] = w->v[i * d + j];
    if (w->columns > d) v[i * w->columns + d] = w->l[i];
  }
  w->evaluations++;
  return PF_OK;
}

/* ---- blocks in order ---- */

static pf_status open_traversal(const pf_cnf *cnf, const pf_cnf_move *move, traversal *out, pf_error *error) {
  int last = move->blocks > 0 ? move->first_block + move->blocks : cnf->config.blocks;
  if (move->steps < 0 || move->steps > PF_CNF_STEPS)
    return pf_fail(error, PF_USAGE, "steps is %d, must be 1 to %d", move->steps, PF_CNF_STEPS);
  if (move->first_block < 0 || move->first_block >= last || last > cnf->config.blocks)
    return pf_fail(error, PF_USAGE, "blocks %d to %d of a flow of %d", move->first_block, last - 1,
                   cnf->config.blocks);
  if (!(move->tolerance >= 0 && move->tolerance < 1))
    return pf_fail(error, PF_USAGE, "tolerance is %g, must be positive and below 1", move->tolerance);
  *out = (traversal){.move = *move,
                     .steps = move->steps ? move->steps : cnf->config.steps,
                     .first = move->first_block,
                     .last = last};
  return PF_OK;
}

static pf_status run_block(work *w, const traversal *t, int64_t n, double *state, pf_error *error) {
  bool to_noise = t->move.direction == PF_CNF_TO_NOISE;
  double from = to_noise ? 0 : 1, to = 1 - from;
  size_t items = (size_t)n * (size_t)w->columns;
  pf_ode_system system = {.field = block_field, .context = w, .n = n, .d = w->columns};
  if (t->move.tolerance > 0) {
    pf_ode_adaptive_options options = pf_ode_adaptive_default();
    options.rtol = t->move.tolerance;
    options.atol = t->move.tolerance / 100;
    options.tile_rows = CHUNK;
    return pf_ode_adaptive(&options, &system, (pf_ode_span){from, to}, state, NULL, error);
  }
  double *inside = w->doubles + items, *grid = inside + (size_t)w->states * items;
  pf_ode_workspace scratch = {inside, (size_t)w->states * items};
  pf_ode_options options = {.workspace = &scratch, .observe = t->observe, .observe_context = t->context};
  pf_ode_uniform_grid(from, to, t->steps, grid);
  pf_solver_options how = {.solver = PF_SOLVER_RK4};
  if (t->move.solver) how = *t->move.solver;
  how.noise = FLT_EPSILON;
  how.first_step = (uint64_t)w->block * PF_CNF_STEPS;
  return pf_solve(&how, &system, (pf_ode_grid){grid, t->steps}, state, &options, error);
}

static pf_status run_blocks(work *w, const traversal *t, int64_t n, double *state, pf_error *error) {
  for (int k = t->first; k < t->last; k++) {
    w->block = t->move.direction == PF_CNF_TO_NOISE ? k : t->first + t->last - 1 - k;
    pf_status status = run_block(w, t, n, state, error);
    if (status != PF_OK) return pf_fail_within(error, status, "block %d", w->block + 1);
  }
  return PF_OK;
}

/* ---- many rows on a pool ---- */

typedef struct batch {
  const pf_cnf *cnf;
  traversal t;
  pf_rows rows;
  double *x, *log_det;
  char *memory; /* one workspace per thread */
  size_t bytes;
  double *evaluations; /* per task, rows x evaluations */
} batch;

static pf_status move_chunk(const batch *b, int task, pf_rows rows, int thread, pf_error *error) {
  int d = b->cnf->d;
  work w = cut(b->cnf, b->log_det != NULL, &b->t, rows.n, b->memory + (size_t)thread * b->bytes);
  int64_t at = rows.first - b->rows.first;
  double *x = b->x + at * d, *state = w.doubles;
  for (int64_t i = 0; i < rows.n; i++) {
    memcpy(state + i * w.columns, x + i * d, (size_t)d * sizeof *x);
    if (b->log_det) state[i * w.columns + d] = 0;
  }
  PF_TRY(run_blocks(&w, &b->t, rows.n, state, error));
  for (int64_t i = 0; i < rows.n; i++) {
    memcpy(x + i * d, state + i * w.columns, (size_t)d * sizeof *x);
    double l = b->log_det ? state[i * w.columns + d] : 0;
    if (b->log_det) b->log_det[at + i] = b->t.move.direction == PF_CNF_TO_NOISE ? l : -l;
  }
  b->evaluations[task] = (double)w.evaluations * (double)rows.n;
  return PF_OK;
}

static pf_status move_task(void *context, int task, int thread, pf_error *error) {
  const batch *b = context;
  int64_t from = (b->rows.first / CHUNK + task) * CHUNK, to = from + CHUNK, end = b->rows.first + b->rows.n;
  if (from < b->rows.first) from = b->rows.first;
  if (to > end) to = end;
  return move_chunk(b, task, (pf_rows){from, to - from}, thread, error);
}

pf_status pf_cnf_rows(const pf_cnf *cnf, const pf_cnf_move *move, pf_rows rows, double *x, double *log_det,
                      double *evaluations, pf_pool *pool, pf_error *error) {
  batch b = {.cnf = cnf, .rows = rows, .x = x, .log_det = log_det};
  PF_TRY(open_traversal(cnf, move, &b.t, error));
  if (rows.n <= 0) return PF_OK;
  int tasks = (int)((rows.first + rows.n + CHUNK - 1) / CHUNK - rows.first / CHUNK);
  b.bytes = align(bytes_of(cnf, log_det ? cnf->full : cnf->velocity, CHUNK, cnf->d + 1, &b.t));
  pf_status status = pf_alloc((size_t)pf_pool_threads(pool), b.bytes, &b.memory, error);
  if (status == PF_OK) status = pf_alloc((size_t)tasks, sizeof(double), &b.evaluations, error);
  if (status == PF_OK) status = pf_pool_try(pool, tasks, move_task, &b, error);
  double sum = 0;
  for (int i = 0; i < tasks && status == PF_OK; i++) sum += b.evaluations[i];
  if (status == PF_OK && evaluations) *evaluations = sum / (double)rows.n;
  pf_free(b.memory);
  pf_free(b.evaluations);
  return status;
}

/* ---- paths ---- */

typedef struct recorder {
  float *out;
  int64_t n;
  int d, nodes, next; /* nodes of a path; the one that is written next */
} recorder;

/* The first node of a block is the last of the one before. */
static pf_status record(void *context, int k, double t, const double *x, pf_error *error) {
  recorder *r = context;
  (void)t;
  (void)error;
  if (k == 0 && r->next > 0) return PF_OK;
  for (int64_t i = 0; i < r->n; i++)
    for (int j = 0; j < r->d; j++) r->out[(i * r->nodes + r->next) * r->d + j] = (float)x[i * r->d + j];
  r->next++;
  return PF_OK;
}

typedef struct path_batch {
  const pf_cnf *cnf;
  traversal t;
  pf_rows rows;
  const float *from;
  float *out;
  char *memory;
  size_t bytes;
} path_batch;

static pf_status path_task(void *context, int task, int thread, pf_error *error) {
  const path_batch *b = context;
  int64_t from = (int64_t)task * CHUNK, n = b->rows.n - from < CHUNK ? b->rows.n - from : CHUNK;
  int d = b->cnf->d, nodes = (b->t.last - b->t.first) * b->t.steps + 1;
  recorder keep = {.out = b->out + from * nodes * d, .n = n, .d = d, .nodes = nodes};
  traversal t = b->t;
  t.observe = record;
  t.context = &keep;
  work w = cut(b->cnf, false, &t, n, b->memory + (size_t)thread * b->bytes);
  for (int64_t i = 0; i < n * d; i++) w.doubles[i] = b->from[from * d + i];
  return run_blocks(&w, &t, n, w.doubles, error);
}

pf_status pf_cnf_trace(const pf_cnf *cnf, const pf_cnf_move *move, pf_rows rows, const float *from,
                       float *out, pf_pool *pool, pf_error *error) {
  path_batch b = {.cnf = cnf, .rows = rows, .from = from, .out = out};
  int tasks = (int)((rows.n + CHUNK - 1) / CHUNK);
  PF_TRY(open_traversal(cnf, move, &b.t, error));
  if (move->tolerance > 0) return pf_fail(error, PF_USAGE, "paths need fixed steps, not a tolerance");
  b.bytes = align(bytes_of(cnf, cnf->velocity, CHUNK, cnf->d, &b.t));
  pf_status status = pf_alloc((size_t)pf_pool_threads(pool), b.bytes, &b.memory, error);
  if (status == PF_OK) status = pf_pool_try(pool, tasks, path_task, &b, error);
  pf_free(b.memory);
  return status;
}

pf_status pf_cnf_paths(const pf_cnf *cnf, int steps, pf_rows rows, const float *z, float *out, pf_pool *pool,
                       pf_error *error) {
  pf_cnf_move back = {.direction = PF_CNF_TO_DATA, .steps = steps};
  return pf_cnf_trace(cnf, &back, rows, z, out, pool, error);
}

/* ---- in the caller's memory ---- */

static traversal inverse_of(const pf_cnf *cnf, const pf_cnf_move *move) {
  return (traversal){.move = {.direction = PF_CNF_TO_DATA, .solver = move->solver},
                     .steps = move->steps ? move->steps : cnf->config.steps,
                     .last = cnf->config.blocks,
                     .observe = move->observe,
                     .context = move->observe_context};
}

size_t pf_cnf_workspace_bytes(const pf_cnf *cnf, const pf_cnf_move *move, int64_t rows) {
  traversal t = inverse_of(cnf, move);
  return bytes_of(cnf, cnf->velocity, rows, cnf->d, &t);
}

pf_status pf_cnf_invert(const pf_cnf *cnf, const pf_cnf_move *move, int64_t n, float *x, void *workspace,
                        pf_error *error) {
  traversal t = inverse_of(cnf, move);
  work w = cut(cnf, false, &t, n, workspace);
  for (int64_t i = 0; i < n * cnf->d; i++) w.doubles[i] = x[i];
  PF_TRY(run_blocks(&w, &t, n, w.doubles, error));
  for (int64_t i = 0; i < n * cnf->d; i++) x[i] = (float)w.doubles[i];
  return PF_OK;
}

pf_status pf_cnf_field_at(const pf_cnf *cnf, int block, double r, int64_t n, const double *x,
                          double *velocity, double *divergence, pf_error *error) {
  void *memory = NULL;
  double *slope = NULL;
  int d = cnf->d, columns = d + 1;
  if (block < 0 || block >= cnf->config.blocks)
    return pf_fail(error, PF_USAGE, "block %d of a flow of %d", block, cnf->config.blocks);
  const traversal none = {.steps = 1};
  PF_TRY(pf_alloc(1, bytes_of(cnf, cnf->full, n, columns, &none), &memory, error));
  pf_status status = pf_alloc((size_t)n * (size_t)columns, sizeof(double), &slope, error);
  if (status == PF_OK) {
    work w = cut(cnf, true, &none, n, memory);
    w.block = block;
    for (int64_t i = 0; i < n; i++) memcpy(w.doubles + i * columns, x + i * d, (size_t)d * sizeof *x);
    status = block_field(&w, r, w.doubles, n, slope, error);
    for (int64_t i = 0; i < n; i++) {
      memcpy(velocity + i * d, slope + i * columns, (size_t)d * sizeof *x);
      if (divergence) divergence[i] = slope[i * columns + d];
    }
  }
  pf_free(slope);
  pf_free(memory);
  return status;
}
