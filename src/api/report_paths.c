/* The report's paths: characteristics of the learned velocity, or of a flow from noise to data, and how straight they are. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "../base/memory.h"
#include "../flow/trajectory.h"
#include "report_work.h"

enum { PATH_STEPS = 48 };

/* Even steps; for Follmer, whose velocity is singular at t = 1, even steps of the trigonometric clock. */
static void make_grid(const pf_model *model, double *t) {
  bool is_follmer = pf_learned_map_of(model->velocity)->interpolant == PF_INTERPOLANT_FOLLMER;
  double from = model->start, to = model->end;
  pf_ode_uniform_grid(is_follmer ? 2 / M_PI * asin(from) : from, is_follmer ? 2 / M_PI * asin(to) : to,
                      PATH_STEPS, t);
  for (int k = 0; is_follmer && k <= PATH_STEPS; k++) t[k] = sin(M_PI / 2 * t[k]);
  t[0] = from, t[PATH_STEPS] = to;
}

static pf_status follow_velocity(pf_report_work *w, const pf_report_nodes *p, pf_error *error) {
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
static pf_status follow_flow(pf_report_work *w, const pf_report_nodes *p, pf_error *error) {
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
static void measure_straightness(pf_report_work *w, const pf_report_nodes *p) {
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

/* A quantile decoder bends paths and breaks them at repeated values: they are then shown as the network sees them. */
void pf_report_decode(const pf_report_work *w, const float *x, int64_t n, double *out) {
  if (pf_report_is_affine(w->model, 2))
    pf_encoder_decode(w->model->encoder, x, n, out);
  else
    for (int64_t i = 0; i < n * w->model->columns; i++) out[i] = x[i];
}

static void add_note(pf_report_work *w) {
  size_t length = strlen(w->path_note);
  if (!pf_report_is_affine(w->model, 2))
    snprintf(w->path_note + length, sizeof w->path_note - length, "%s%s", length ? " " : "",
             "In encoded units, where every column of the data has spread 1.");
  if (w->path_note[0]) w->input.path_note = w->path_note;
}

/* A flow's own steps at least. */
static int64_t nodes_of(const pf_model *model) {
  if (model->velocity || !model->flow) return PATH_STEPS + 1;
  const pf_cnf_config *c = pf_cnf_config_of(model->flow);
  int steps = (PATH_STEPS + c->blocks - 1) / c->blocks;
  return (int64_t)c->blocks * (steps > c->steps ? steps : c->steps) + 1;
}

static pf_status follow(pf_report_work *w, const pf_report_nodes *p, pf_error *error) {
  if (w->model->velocity) return follow_velocity(w, p, error);
  return w->model->flow ? follow_flow(w, p, error) : pf_report_follow_plan(w, p, error);
}

static pf_status fill_nodes(pf_report_work *w, pf_report_nodes *p, pf_error *error) {
  size_t nodes = (size_t)p->nodes, items = (size_t)p->paths * nodes * (size_t)w->model->columns;
  bool is_learned = w->model->velocity || w->model->flow;
  PF_TRY(pf_alloc(nodes, sizeof(double), &w->path_times, error));
  PF_TRY(pf_alloc(nodes, sizeof(double), &w->straightness, error));
  PF_TRY(pf_alloc(items, sizeof(double), &w->paths, error));
  PF_TRY(pf_alloc(items, sizeof *p->x, &p->x, error));
  PF_TRY(follow(w, p, error));
  if (is_learned) measure_straightness(w, p);
  pf_report_decode(w, p->x, p->paths * p->nodes, w->paths);
  w->input.paths = w->paths;
  w->input.path_count = (size_t)p->paths;
  w->input.path_nodes = nodes;
  w->input.path_times = w->path_times;
  if (is_learned) w->input.straightness = w->straightness;
  return PF_OK;
}

pf_status pf_report_fill_paths(pf_report_work *w, pf_error *error) {
  const pf_model *model = w->model;
  w->bend = NAN;
  PF_TRY(pf_report_fill_jumps(w, error));
  if (model->velocity || model->flow || pf_report_plan_power(w) > 0) {
    int64_t nodes = nodes_of(model), most = PF_REPORT_ITEMS / (nodes * model->columns);
    pf_report_nodes p = {.paths = most < PF_REPORT_PATHS ? most : PF_REPORT_PATHS, .nodes = nodes};
    if (!model->velocity && !model->flow && p.paths > (int64_t)w->input.data_rows)
      p.paths = (int64_t)w->input.data_rows; /* a particle each */
    pf_status status = p.paths < 1 ? PF_OK : fill_nodes(w, &p, error);
    pf_free(p.x);
    if (status != PF_OK) return status;
  }
  add_note(w);
  return PF_OK;
}
