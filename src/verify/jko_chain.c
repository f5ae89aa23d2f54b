/* Blocks trained one after the other: see jko_chain.h. */
#include "jko_chain.h"

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
  pf_cnf_config config = {.field = c->settings.field, .blocks = c->blocks, .steps = 2 * PF_JKO_CHAIN_STEPS};
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

pf_status pf_jko_chain_add(pf_jko_chain *c, int k, const char *name, pf_error *error) {
  float *params = c->params + k * c->parameters;
  if (k > 0) memcpy(params, params - c->parameters, (size_t)c->parameters * sizeof *params);
  pf_block_plan plan = {
      .settings = c->settings, .steps = c->steps, .stage = c->stage + (uint32_t)k, .name = name};
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
