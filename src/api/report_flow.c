/* The report's pictures of a flow with likelihood: density maps, rows on their way to noise and back, its blocks. */
#include <math.h>
#include <stdio.h>
#include "../base/memory.h"
#include "report_work.h"

enum { FRAME_ROWS = 600, QUARTERS = 4 };

/* ---- density ---- */

static pf_status fill_maps(pf_report_work *w, const double *centres, int64_t n, pf_error *error) {
  pf_report_density *d = &w->density;
  pf_follow follow = {.seed = w->options.evaluate.seed, .pool = w->pool};
  PF_TRY(pf_alloc((size_t)n, sizeof(double), &w->model_density, error));
  PF_TRY(pf_model_follow(w->model, &follow, n, centres, NULL, w->model_density, NULL, error));
  if (w->law) PF_TRY(pf_alloc((size_t)n, sizeof(double), &w->law_density, error));
  bool is_known = w->law && pf_law_log_density(w->law, centres, n, w->law_density);
  for (int64_t i = 0; i < n; i++) {
    w->model_density[i] = exp(w->model_density[i]);
    if (is_known) w->law_density[i] = exp(w->law_density[i]);
  }
  d->model = w->model_density;
  d->law = is_known ? w->law_density : NULL;
  w->input.density = d;
  return PF_OK;
}

static pf_status fill_density(pf_report_work *w, pf_error *error) {
  pf_report_grid *grid = &w->density.grid;
  double *centres = NULL;
  if (!pf_report_is_plane(w->model)) return PF_OK;
  PF_TRY(pf_report_plane_grid(&w->input, grid, error));
  if (grid->columns == 0) return PF_OK;
  PF_TRY(pf_report_cell_centres(grid, &centres, error));
  pf_status status = fill_maps(w, centres, (int64_t)(grid->columns * grid->rows), error);
  pf_free(centres);
  return status;
}

/* ---- frames ---- */

/* Which nodes of the paths are shown: block ends, or quarters of the only block. */
typedef struct moments {
  int blocks, steps, count;
} moments;

static moments choose_moments(const pf_cnf *flow) {
  const pf_cnf_config *c = pf_cnf_config_of(flow);
  if (c->blocks == 1) return (moments){1, (c->steps + QUARTERS - 1) / QUARTERS * QUARTERS, QUARTERS + 1};
  return (moments){c->blocks, c->steps, c->blocks + 1 < PF_REPORT_FRAMES ? c->blocks + 1 : PF_REPORT_FRAMES};
}

/* Blocks passed at frame k, or quarters of the only block; the first and the last are always among them. */
static int stage_of(const moments *m, int k) {
  int stages = m->blocks == 1 ? QUARTERS : m->blocks;
  return (int)lround((double)k * stages / (m->count - 1));
}

static int node_of(const moments *m, int k) {
  return stage_of(m, k) * (m->blocks == 1 ? m->steps / QUARTERS : m->steps);
}

static void name_frame(const moments *m, int k, bool to_noise, char out[40]) {
  static const char *const quarters[] = {"r = 0: data", "r = 1/4", "r = 1/2", "r = 3/4", "r = 1: noise"};
  int stage = stage_of(m, k), stages = m->blocks == 1 ? QUARTERS : m->blocks;
  if (!to_noise && stage == stages)
    snprintf(out, 40, "%s", m->blocks == 1 ? "r = 0: samples" : "samples");
  else if (m->blocks == 1)
    snprintf(out, 40, "%s", quarters[to_noise ? stage : QUARTERS - stage]);
  else if (stage == 0)
    snprintf(out, 40, "%s", to_noise ? "data" : "noise");
  else
    snprintf(out, 40, to_noise ? "after block %d" : "back through block %d",
             to_noise ? stage : stages - stage + 1);
}

static pf_status fill_strip(pf_report_work *w, pf_cnf_direction direction, int64_t n, const float *from,
                            pf_error *error) {
  bool to_noise = direction == PF_CNF_TO_NOISE;
  pf_report_strip *strip = to_noise ? &w->to_noise : &w->to_data;
  moments m = choose_moments(w->model->flow);
  pf_cnf_move move = {.direction = direction, .steps = m.steps};
  int64_t d = w->model->columns, nodes = (int64_t)m.blocks * m.steps + 1;
  float *x = NULL;
  PF_TRY(pf_alloc((size_t)(n * m.count * 2), sizeof(double), &strip->values, error));
  PF_TRY(pf_alloc((size_t)(n * nodes * d), sizeof *x, &x, error));
  pf_status status = pf_cnf_trace(w->model->flow, &move, (pf_rows){0, n}, from, x, w->pool, error);
  for (int k = 0; k < m.count && status == PF_OK; k++) {
    for (int64_t i = 0; i < n; i++)
      for (int j = 0; j < 2; j++)
        strip->values[(k * n + i) * 2 + j] = x[(i * nodes + node_of(&m, k)) * d + j];
    name_frame(&m, k, to_noise, strip->names[k]);
    strip->name_list[k] = strip->names[k];
  }
  pf_free(x);
  if (status != PF_OK) return status;
  *(to_noise ? &w->input.to_noise : &w->input.to_data) =
      (pf_report_frames){strip->name_list, strip->values, (size_t)m.count, (size_t)n};
  return PF_OK;
}

static pf_status fill_frames(pf_report_work *w, pf_error *error) {
  moments m = choose_moments(w->model->flow);
  int64_t d = w->model->columns, most = PF_REPORT_ITEMS / (((int64_t)m.blocks * m.steps + 1) * d);
  int64_t n = most < FRAME_ROWS ? most : FRAME_ROWS,
          data = (int64_t)w->input.data_rows < n ? (int64_t)w->input.data_rows : n;
  uint64_t seed = w->options.evaluate.seed;
  float *from = NULL;
  if (d < 2 || n < 1) return PF_OK;
  PF_TRY(pf_alloc((size_t)(n * d), sizeof *from, &from, error));
  pf_model_prior(w->model, seed, (pf_rows){0, n}, from);
  pf_status status = fill_strip(w, PF_CNF_TO_DATA, n, from, error);
  if (status == PF_OK && data > 0) {
    pf_encoder_encode(w->model->encoder, w->data, data, seed, 0, from);
    status = fill_strip(w, PF_CNF_TO_NOISE, data, from, error);
  }
  pf_free(from);
  return status;
}

/* ---- blocks ---- */

static double number_at(const json_t *list, int k) {
  const json_t *value = json_array_get(list, (size_t)k);
  return json_is_number(value) ? json_number_value(value) : NAN;
}

/* Facts come from a file: the lists may have any length. */
static void fill_blocks(pf_report_work *w) {
  int blocks = pf_cnf_config_of(w->model->flow)->blocks;
  const json_t *h = json_object_get(w->model->facts, "step_sizes"),
               *moved = json_object_get(w->model->facts, "movement");
  if (!json_is_array(h) || !json_is_array(moved)) return;
  for (int k = 0; k < blocks; k++) w->blocks[k] = (pf_report_block){number_at(h, k), number_at(moved, k)};
  w->input.blocks = w->blocks;
  w->input.block_count = (size_t)blocks;
}

pf_status pf_report_fill_flow(pf_report_work *w, pf_error *error) {
  if (!w->model->flow) return PF_OK;
  if (w->set && w->set->likelihood.has_density) w->input.likelihood = &w->set->likelihood;
  fill_blocks(w);
  PF_TRY(fill_density(w, error));
  return fill_frames(w, error);
}
