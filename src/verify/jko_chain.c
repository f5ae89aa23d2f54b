/* Blocks trained one after the other: see jko_chain.h. */
#include "jko_chain.h"

#include <math.h>
#include <string.h>
#include "../base/memory.h"

pf_flow_settings pf_jko_line_settings(void) {
  return (pf_flow_settings){.field = {.network = {.inputs = 1,
                                                  .outputs = 1,
                                                  .width = 16,
                                                  .depth = 2,
                                                  .frequencies = 1,
                                                  .max_frequency = 1}},
                            .divergence = PF_DIVERGENCE_EXACT,
                            .steps = PF_JKO_CHAIN_STEPS,
                            .batch = PF_JKO_CHAIN_ROWS,
                            .likelihood = 1,
                            .learning_rate = 1e-2,
                            .schedule = PF_SCHEDULE_COSINE};
}

void pf_jko_chain_close(pf_jko_chain *c) {
  pf_free(c->params);
  pf_free(c->rows);
  pf_cnf_free(c->cnf);
}

pf_status pf_jko_chain_open(pf_jko_chain *c, pf_error *error) {
  pf_layout layout = {0};
  c->d = pf_field_columns(&c->settings.field);
  PF_TRY(pf_field_layout(&c->settings.field, &layout, error));
  c->parameters = layout.total;
  pf_status status = pf_alloc((size_t)(c->blocks * c->parameters), sizeof(float), &c->params, error);
  if (status == PF_OK) status = pf_alloc((size_t)(PF_JKO_CHAIN_ROWS * c->d), sizeof(float), &c->rows, error);
  pf_cnf_config config = {.field = c->settings.field, .blocks = c->blocks, .steps = 2 * c->settings.steps};
  if (status == PF_OK) status = pf_cnf_create(&config, c->params, &c->cnf, error);
  if (status == PF_OK) pf_layout_initialise(&layout, c->run->seed, c->params);
  pf_layout_free(&layout);
  return status;
}

pf_status pf_jko_chain_normal_rows(pf_jko_chain *c, double mean, double sd, pf_error *error) {
  double normals[PF_JKO_CHAIN_ROWS];
  PF_TRY(pf_even_normals(PF_JKO_CHAIN_ROWS, 1, normals, error));
  for (int i = 0; i < PF_JKO_CHAIN_ROWS; i++) c->rows[i] = (float)(mean + sd * normals[i]);
  return PF_OK;
}

/* ---- one block ---- */

/* The best weights of block k so far. */
typedef struct selection {
  pf_jko_chain *chain;
  int block;
  float *trial; /* blocks x parameters */
  float *best;  /* of the block */
  double loss;
} selection;

/* The loss of the rows as the block would push them. */
static pf_status loss_of(const pf_jko_chain *c, int k, double *out, pf_error *error) {
  const int64_t n = PF_JKO_CHAIN_ROWS, items = n * c->d;
  pf_cnf_move move = {.direction = PF_CNF_TO_NOISE, .first_block = k, .blocks = 1};
  double *x = NULL, sum = 0;
  PF_TRY(pf_alloc((size_t)(items + n), sizeof *x, &x, error));
  for (int64_t i = 0; i < items; i++) x[i] = c->rows[i];
  pf_status status = pf_cnf_rows(c->cnf, &move, (pf_rows){0, n}, x, x + items, NULL, c->run->pool, error);
  for (int64_t i = 0; i < items; i++) {
    double moved = x[i] - c->rows[i];
    sum += (c->settings.likelihood * x[i] * x[i] + c->settings.movement * moved * moved) / (double)(2 * n);
  }
  for (int64_t i = 0; i < n; i++) sum -= c->settings.likelihood * x[items + i] / (double)n;
  pf_free(x);
  *out = sum;
  return status;
}

static pf_status select_best(void *context, int64_t step, const float *params, pf_error *error) {
  selection *s = context;
  pf_jko_chain *c = s->chain;
  size_t bytes = (size_t)c->parameters * sizeof *params;
  double loss = NAN;
  memcpy(s->trial + s->block * c->parameters, params, bytes);
  PF_TRY(pf_cnf_set_params(c->cnf, s->trial, error));
  PF_TRY(loss_of(c, s->block, &loss, error));
  if (step > 0 && !(loss < s->loss)) return PF_OK;
  s->loss = loss;
  memcpy(s->best, params, bytes);
  return PF_OK;
}

static pf_status fit_best(pf_jko_chain *c, int k, pf_block_plan *plan, float *params, pf_error *error) {
  enum { EVERY = 25 };
  size_t own = (size_t)c->parameters, all = own * (size_t)c->blocks;
  selection s = {.chain = c, .block = k};
  PF_TRY(pf_alloc(all + own, sizeof *s.trial, &s.trial, error));
  s.best = s.trial + all;
  memcpy(s.trial, c->params, all * sizeof *s.trial);
  plan->look = select_best;
  plan->look_context = &s;
  plan->every = EVERY;
  pf_status status = pf_block_fit(c->run, plan, c->rows, PF_JKO_CHAIN_ROWS, params, error);
  if (status == PF_OK) memcpy(params, s.best, own * sizeof *params);
  pf_free(s.trial);
  return status;
}

pf_status pf_jko_chain_add(pf_jko_chain *c, int k, const char *name, pf_error *error) {
  float *params = c->params + k * c->parameters;
  if (k > 0) memcpy(params, params - c->parameters, (size_t)c->parameters * sizeof *params);
  pf_block_plan plan = {
      .settings = c->settings, .steps = c->steps, .stage = c->stage + (uint32_t)k, .name = name};
  if (c->keep_best)
    PF_TRY(fit_best(c, k, &plan, params, error));
  else
    PF_TRY(pf_block_fit(c->run, &plan, c->rows, PF_JKO_CHAIN_ROWS, params, error));
  PF_TRY(pf_cnf_set_params(c->cnf, c->params, error));
  double *x = NULL;
  int64_t items = (int64_t)PF_JKO_CHAIN_ROWS * c->d;
  pf_cnf_move move = {.direction = PF_CNF_TO_NOISE, .first_block = k, .blocks = 1};
  PF_TRY(pf_alloc((size_t)items, sizeof *x, &x, error));
  for (int64_t i = 0; i < items; i++) x[i] = c->rows[i];
  pf_status status =
      pf_cnf_rows(c->cnf, &move, (pf_rows){0, PF_JKO_CHAIN_ROWS}, x, NULL, NULL, c->run->pool, error);
  for (int64_t i = 0; i < items && status == PF_OK; i++) c->rows[i] = (float)x[i];
  pf_free(x);
  return status;
}

static pf_status move_blocks(const pf_jko_chain *c, pf_double_field *field, const double *params,
                             pf_jko_trip trip, int64_t n, double *x, pf_error *error) {
  for (int i = 0; i < trip.blocks; i++) {
    int k = trip.first + (trip.back ? trip.blocks - 1 - i : i);
    double from = trip.back ? 1 : 0;
    field->params = params + k * c->parameters;
    PF_TRY(pf_double_move(field, (pf_double_route){from, 1 - from, trip.steps}, n, x, error));
  }
  return PF_OK;
}

pf_status pf_jko_chain_move(const pf_jko_chain *c, pf_jko_trip trip, int64_t n, double *x, pf_error *error) {
  double *params = NULL;
  int64_t count = c->blocks * c->parameters;
  pf_double_field field = {0};
  PF_TRY(pf_alloc((size_t)count, sizeof *params, &params, error));
  for (int64_t i = 0; i < count; i++) params[i] = c->params[i];
  pf_status status = pf_double_field_open(&c->settings.field, params, &field, error);
  if (status == PF_OK) status = move_blocks(c, &field, params, trip, n, x, error);
  pf_double_field_close(&field);
  pf_free(params);
  return status;
}
