/* Evaluating a trained potential: see critic.h. */
#include "critic.h"

#include <math.h>
#include "../base/memory.h"
#include "../exec/exec.h"

enum { TILE_ROWS = 256, ROWS_PER_TASK = 4 * TILE_ROWS };
enum { VALUE, GRADIENT, RESULTS }; /* outputs, and programs by their last one */

struct pf_critic {
  pf_network_config config;
  float *params;
  pf_program *program[RESULTS];
  void *packed[RESULTS]; /* what a program derives from the parameters alone */
};

/* ---- making ---- */

static pf_status compile(const pf_network_config *config, int last, pf_program **out, pf_error *error) {
  pf_graph *graph = NULL;
  PF_TRY(pf_graph_create(&graph, error));
  pf_node x = pf_input(graph, 0, PF_SHAPE(PF_PER_ROW, config->inputs)), ones = {graph, -1}, result[RESULTS];
  result[VALUE] = pf_sum_items(pf_network_apply(config, 0, x, x, x));
  if (last == GRADIENT) pf_grad(result[VALUE], ones, &x, 1, &result[GRADIENT]);
  pf_program_options options = pf_program_options_default();
  options.tile_rows = options.max_rows = TILE_ROWS;
  pf_status status = pf_program_create(graph, result, last + 1, &options, out, error);
  pf_graph_free(graph);
  return status;
}

static pf_status prepare_program(pf_critic *critic, int last, pf_error *error) {
  PF_TRY(compile(&critic->config, last, &critic->program[last], error));
  PF_TRY(pf_alloc(1, pf_program_shared_bytes(critic->program[last]), &critic->packed[last], error));
  const float *params[] = {critic->params}, *inputs[] = {NULL}; /* known when it runs */
  pf_run run = {.params = params, .inputs = inputs, .rows = TILE_ROWS};
  pf_program_run_shared(critic->program[last], &run, critic->packed[last], NULL);
  return PF_OK;
}

static pf_status prepare(pf_critic *critic, const float *params, pf_error *error) {
  const pf_network_config *c = &critic->config;
  if (c->outputs != 1 || c->times != 0)
    return pf_fail(error, PF_USAGE, "a critic has 1 output and 0 times, this network %d and %d", c->outputs,
                   c->times);
  PF_TRY(pf_network_copy_params(c, params, &critic->params, error));
  PF_TRY(prepare_program(critic, VALUE, error));
  return prepare_program(critic, GRADIENT, error);
}

pf_status pf_critic_create(const pf_network_config *config, const float *params, pf_critic **out,
                           pf_error *error) {
  pf_critic *critic = NULL;
  PF_TRY(pf_alloc(1, sizeof *critic, &critic, error));
  critic->config = *config;
  pf_status status = prepare(critic, params, error);
  if (status != PF_OK) {
    pf_critic_free(critic);
    return status;
  }
  *out = critic;
  return PF_OK;
}

void pf_critic_free(pf_critic *critic) {
  if (!critic) return;
  for (int i = 0; i < RESULTS; i++) {
    pf_program_free(critic->program[i]);
    pf_free(critic->packed[i]);
  }
  pf_free(critic->params);
  pf_free(critic);
}

const pf_network_config *pf_critic_config_of(const pf_critic *critic) { return &critic->config; }
const float *pf_critic_params(const pf_critic *critic) { return critic->params; }

/* ---- evaluating ---- */

typedef struct evaluation {
  const pf_critic *critic;
  const pf_program *program;
  const void *packed;
  int64_t n;
  const float *x;
  float *out[RESULTS];
  char *workspace; /* one per thread */
  size_t thread_bytes;
} evaluation;

/* The first value that is not finite, or `items`. */
static int64_t find_bad(const float *values, int64_t items) {
  int64_t i = 0;
  while (i < items && isfinite(values[i])) i++;
  return i;
}

static pf_status check_rows(const evaluation *e, int64_t begin, int64_t end, pf_error *error) {
  const int64_t columns[RESULTS] = {1, e->critic->config.inputs};
  for (int k = 0; k < RESULTS && e->out[k]; k++) {
    const float *values = e->out[k] + begin * columns[k];
    int64_t bad = find_bad(values, (end - begin) * columns[k]);
    if (bad < (end - begin) * columns[k])
      return pf_fail(error, PF_NON_FINITE, "the critic's %s at row %lld is %g", k ? "gradient" : "value",
                     (long long)(begin + bad / columns[k]), (double)values[bad]);
  }
  return PF_OK;
}

static pf_status evaluate_task(void *context, int task, int thread, pf_error *error) {
  const evaluation *e = context;
  const int64_t begin = (int64_t)task * ROWS_PER_TASK;
  const int64_t end = e->n - begin < ROWS_PER_TASK ? e->n : begin + ROWS_PER_TASK;
  const float *params[] = {e->critic->params}, *inputs[] = {e->x};
  pf_run run = {.params = params, .inputs = inputs, .rows = e->n};
  pf_program_run_lane(e->program, &run, e->packed, e->workspace + (size_t)thread * e->thread_bytes, begin,
                      end, e->out);
  return check_rows(e, begin, end, error);
}

pf_status pf_critic_evaluate(const pf_critic *critic, int64_t n, const float *x, float *value,
                             float *gradient, pf_pool *pool, pf_error *error) {
  const int last = gradient ? GRADIENT : VALUE;
  if (n < 0) return pf_fail(error, PF_USAGE, "a critic at %lld rows", (long long)n);
  if (n == 0 || (!value && !gradient)) return PF_OK;
  evaluation e = {.critic = critic,
                  .program = critic->program[last],
                  .packed = critic->packed[last],
                  .n = n,
                  .x = x,
                  .out = {value, gradient},
                  .thread_bytes = (pf_program_workspace_bytes(critic->program[last]) + 63) / 64 * 64};
  float *unasked = NULL; /* the value when only the gradient is wanted: it is on the way */
  pf_status status = PF_OK;
  PF_TRY_GOTO(pf_alloc((size_t)pf_pool_threads(pool), e.thread_bytes, &e.workspace, error));
  if (!value) PF_TRY_GOTO(pf_alloc((size_t)n, sizeof *unasked, &unasked, error));
  if (!value) e.out[VALUE] = unasked;
  PF_TRY_GOTO(pf_pool_try(pool, (int)((n + ROWS_PER_TASK - 1) / ROWS_PER_TASK), evaluate_task, &e, error));
cleanup:
  pf_free(e.workspace);
  pf_free(unasked);
  return status;
}
