/* The report's pictures: rows of the reference, samples, and characteristics of the learned velocity. */
#include <math.h>
#include <string.h>
#include "../base/memory.h"
#include "../flow/trajectory.h"
#include "report_work.h"

enum { ROWS = 4000, PATHS = 60, PATH_STEPS = 48, CELLS = 1 << 23, PATH_STREAM = 0x7061 };

/* Draws shown here are not the rows a training with the same seed has seen. */
static const uint64_t SEED_OFFSET = 0x9a9e00000000u;

/* At most ROWS rows, and bounded memory however many columns there are. */
static int64_t rows_allowed(const pf_report_work *w) {
  int64_t most = CELLS / w->model->columns;
  return most < 1 ? 1 : most < ROWS ? most : ROWS;
}

/* Rows spread evenly over the table: it may be sorted. */
static void copy_rows(const pf_table *table, int64_t n, double *out) {
  size_t d = (size_t)table->columns;
  for (int64_t i = 0; i < n; i++)
    memcpy(out + (size_t)i * d, table->values + (size_t)(i * table->rows / n) * d, d * sizeof(double));
}

/* As many samples as rows of the reference, so that their pictures are equally noisy. */
pf_status pf_report_fill_rows(pf_report_work *w, pf_error *error) {
  int64_t n = rows_allowed(w);
  size_t d = (size_t)w->model->columns;
  const pf_evaluate_options *e = &w->options.evaluate;
  if (w->real && w->real->rows < n) n = w->real->rows;
  PF_TRY(pf_alloc((size_t)n * d, sizeof(double), &w->samples, error));
  pf_draw draw = {.steps = e->steps, .teacher = e->teacher, .seed = e->seed, .pool = w->pool};
  PF_TRY(pf_model_draw(w->model, &draw, (pf_rows){0, n}, w->samples, error));
  if (w->law || w->real) {
    PF_TRY(pf_alloc((size_t)n * d, sizeof(double), &w->data, error));
    if (w->law)
      pf_law_sample(w->law, e->seed + SEED_OFFSET, 0, n, w->data);
    else
      copy_rows(w->real, n, w->data);
    w->input.data = w->data;
    w->input.data_rows = (size_t)n;
  }
  w->input.samples = w->samples;
  w->input.sample_rows = (size_t)n;
  w->input.dimension = d;
  w->input.column_names = (const char *const *)w->model->columns_like->names;
  return PF_OK;
}

/* Even steps; for Follmer, whose velocity is singular at t = 1, even steps of the trigonometric clock. */
static void make_grid(const pf_model *model, double *t) {
  bool is_follmer = pf_learned_map_of(model->velocity)->interpolant == PF_INTERPOLANT_FOLLMER;
  double from = model->start, to = model->end;
  pf_ode_uniform_grid(is_follmer ? 2 / M_PI * asin(from) : from, is_follmer ? 2 / M_PI * asin(to) : to,
                      PATH_STEPS, t);
  for (int k = 0; is_follmer && k <= PATH_STEPS; k++) t[k] = sin(M_PI / 2 * t[k]);
  t[0] = from, t[PATH_STEPS] = to;
}

/* A quantile decoder bends paths and breaks them at repeated values: they are then shown as the network sees them. */
static bool is_decoded(const pf_model *model) {
  for (int j = 0; j < model->columns && j < 2; j++)
    if (pf_encoder_column_kind(model->encoder, j) != PF_ENCODER_STANDARD ||
        model->columns_like->types[j] != PF_COLUMN_REAL)
      return false;
  return true;
}

static pf_status follow(pf_report_work *w, int64_t paths, float *nodes, pf_error *error) {
  int64_t rows = paths * (PATH_STEPS + 1);
  size_t items = (size_t)rows * (size_t)w->model->columns;
  pf_trajectory_spec spec = {.method = PF_ODE_HEUN,
                             .t = w->path_times,
                             .steps = PATH_STEPS,
                             .seed = w->options.evaluate.seed,
                             .stream = PATH_STREAM,
                             .rows = {0, paths}};
  PF_TRY(pf_trajectories(w->model->velocity, &spec, nodes, w->pool, error));
  if (is_decoded(w->model)) {
    pf_encoder_decode(w->model->encoder, nodes, rows, w->paths);
    return PF_OK;
  }
  for (size_t i = 0; i < items; i++) w->paths[i] = nodes[i];
  w->input.path_note = "In encoded units, where every column of the data has spread 1.";
  return PF_OK;
}

pf_status pf_report_fill_paths(pf_report_work *w, pf_error *error) {
  int64_t d = w->model->columns, most = CELLS / ((PATH_STEPS + 1) * d), paths = most < PATHS ? most : PATHS;
  float *nodes = NULL;
  if (!w->model->velocity || paths < 1) return PF_OK;
  size_t items = (size_t)(paths * (PATH_STEPS + 1) * d);
  PF_TRY(pf_alloc(PATH_STEPS + 1, sizeof(double), &w->path_times, error));
  PF_TRY(pf_alloc(items, sizeof(double), &w->paths, error));
  PF_TRY(pf_alloc(items, sizeof(float), &nodes, error));
  make_grid(w->model, w->path_times);
  pf_status status = follow(w, paths, nodes, error);
  pf_free(nodes);
  if (status != PF_OK) return status;
  w->input.paths = w->paths;
  w->input.path_count = (size_t)paths;
  w->input.path_nodes = PATH_STEPS + 1;
  w->input.path_times = w->path_times;
  return PF_OK;
}
