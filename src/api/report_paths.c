/* The report's paths: characteristics of the learned velocity, or of a flow from noise to data, and how straight they are. */
#include <math.h>
#include "../base/memory.h"
#include "../flow/trajectory.h"
#include "report_work.h"

enum { PATHS = 60, PATH_STEPS = 48 };

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

/* Every node of `paths` paths, as the network sees them. */
typedef struct path_nodes {
  int64_t paths, nodes;
  float *x; /* paths x nodes x d */
} path_nodes;

static pf_status follow_velocity(pf_report_work *w, const path_nodes *p, pf_error *error) {
  float *z = NULL;
  make_grid(w->model, w->path_times);
  PF_TRY(pf_alloc((size_t)(p->paths * w->model->columns), sizeof *z, &z, error));
  pf_model_prior(w->model, w->options.evaluate.seed, (pf_rows){0, p->paths}, z);
  pf_trajectory_spec spec = {
      .method = PF_ODE_HEUN, .t = w->path_times, .steps = PATH_STEPS, .rows = {0, p->paths}, .start = z};
  pf_status status = pf_trajectories(w->model->velocity, &spec, p->x, w->pool, error);
  pf_free(z);
  return status;
}

/* The clock of a flow of several blocks gives every block the same time. */
static pf_status follow_flow(pf_report_work *w, const path_nodes *p, pf_error *error) {
  float *z = NULL;
  int steps = (int)(p->nodes - 1) / pf_cnf_config_of(w->model->flow)->blocks;
  pf_ode_uniform_grid(0, 1, (int)p->nodes - 1, w->path_times);
  PF_TRY(pf_alloc((size_t)(p->paths * w->model->columns), sizeof *z, &z, error));
  pf_model_prior(w->model, w->options.evaluate.seed, (pf_rows){0, p->paths}, z);
  pf_status status = pf_cnf_paths(w->model->flow, steps, (pf_rows){0, p->paths}, z, p->x, w->pool, error);
  pf_free(z);
  return status;
}

/* The squared distance of x from the segment a-b; *length2: of the segment. */
static double chord_distance2(const float *a, const float *b, const float *x, int d, double *length2) {
  double along = 0, distance2 = 0;
  *length2 = 0;
  for (int j = 0; j < d; j++) {
    double step = (double)b[j] - a[j];
    *length2 += step * step;
    along += step * ((double)x[j] - a[j]);
  }
  double share = *length2 > 0 ? fmin(fmax(along / *length2, 0), 1) : 0;
  for (int j = 0; j < d; j++) {
    double e = (double)x[j] - a[j] - share * ((double)b[j] - a[j]);
    distance2 += e * e;
  }
  return distance2;
}

/* In the network's units: a decoder that stretches columns differently would bend nothing, but weigh them differently. */
static void measure_straightness(pf_report_work *w, const path_nodes *p) {
  int d = w->model->columns;
  w->bend = 0;
  for (int64_t k = 0; k < p->nodes; k++) {
    double distance2 = 0, length2 = 0, own;
    for (int64_t i = 0; i < p->paths; i++) {
      const float *first = p->x + i * p->nodes * d, *last = first + (p->nodes - 1) * d;
      distance2 += chord_distance2(first, last, first + k * d, d, &own);
      length2 += own;
    }
    w->straightness[k] = length2 > 0 ? sqrt(distance2 / length2) : NAN;
    if (!(w->straightness[k] <= w->bend)) w->bend = w->straightness[k];
  }
}

static void decode(pf_report_work *w, const path_nodes *p) {
  int64_t rows = p->paths * p->nodes;
  if (is_decoded(w->model)) {
    pf_encoder_decode(w->model->encoder, p->x, rows, w->paths);
    return;
  }
  for (int64_t i = 0; i < rows * w->model->columns; i++) w->paths[i] = p->x[i];
  w->input.path_note = "In encoded units, where every column of the data has spread 1.";
}

/* A flow's own steps at least. */
static int64_t nodes_of(const pf_model *model) {
  if (model->velocity) return PATH_STEPS + 1;
  const pf_cnf_config *c = pf_cnf_config_of(model->flow);
  int steps = (PATH_STEPS + c->blocks - 1) / c->blocks;
  return (int64_t)c->blocks * (steps > c->steps ? steps : c->steps) + 1;
}

pf_status pf_report_fill_paths(pf_report_work *w, pf_error *error) {
  const pf_model *model = w->model;
  w->bend = NAN;
  if (!model->velocity && !model->flow) return PF_OK;
  int64_t nodes = nodes_of(model), most = PF_REPORT_ITEMS / (nodes * model->columns);
  path_nodes p = {.paths = most < PATHS ? most : PATHS, .nodes = nodes};
  if (p.paths < 1) return PF_OK;
  size_t items = (size_t)(p.paths * nodes * model->columns);
  PF_TRY(pf_alloc((size_t)nodes, sizeof(double), &w->path_times, error));
  PF_TRY(pf_alloc((size_t)nodes, sizeof(double), &w->straightness, error));
  PF_TRY(pf_alloc(items, sizeof(double), &w->paths, error));
  PF_TRY(pf_alloc(items, sizeof *p.x, &p.x, error));
  pf_status status = model->velocity ? follow_velocity(w, &p, error) : follow_flow(w, &p, error);
  if (status == PF_OK) measure_straightness(w, &p);
  if (status == PF_OK) decode(w, &p);
  pf_free(p.x);
  if (status != PF_OK) return status;
  w->input.paths = w->paths;
  w->input.path_count = (size_t)p.paths;
  w->input.path_nodes = (size_t)nodes;
  w->input.path_times = w->path_times;
  w->input.straightness = w->straightness;
  return PF_OK;
}
