/* The report's paths of a generator that follows a Wasserstein gradient flow: the flow itself between two clouds, by exact plans
 * and without a network, and where the generator takes the same noise at once. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "../base/memory.h"
#include "../flow/particles.h"
#include "report_work.h"

enum { PARTICLES = 256 };

int pf_report_plan_power(const pf_report_work *w) {
  const char *distance = pf_report_fact_text(w->model, "distance");
  if (!distance || w->input.data_rows == 0) return 0;
  return strcmp(distance, "W1") == 0 ? 1 : strcmp(distance, "W2") == 0 ? 2 : 0;
}

/* Two clouds of as many points, and what a run leaves. */
typedef struct clouds {
  int64_t n;
  float *x;                             /* n x d, for both in turn */
  double *y, *target, *path, *distance; /* n x d, n x d, nodes x n x d, nodes */
} clouds;

static void close_clouds(clouds *c) {
  pf_free(c->x);
  pf_free(c->y);
  pf_free(c->target);
  pf_free(c->path);
  pf_free(c->distance);
}

static pf_status open_clouds(const pf_report_work *w, int64_t nodes, clouds *c, pf_error *error) {
  size_t items = (size_t)(c->n * w->model->columns);
  uint64_t seed = w->options.evaluate.seed;
  PF_TRY(pf_alloc(items, sizeof *c->x, &c->x, error));
  PF_TRY(pf_alloc(items, sizeof(double), &c->y, error));
  PF_TRY(pf_alloc(items, sizeof(double), &c->target, error));
  PF_TRY(pf_alloc((size_t)nodes * items, sizeof(double), &c->path, error));
  PF_TRY(pf_alloc((size_t)nodes, sizeof(double), &c->distance, error));
  pf_model_prior(w->model, seed, (pf_rows){0, c->n}, c->x);
  for (size_t i = 0; i < items; i++) c->y[i] = c->x[i];
  pf_encoder_encode(w->model->encoder, w->data, c->n, seed, 0, c->x);
  for (size_t i = 0; i < items; i++) c->target[i] = c->x[i];
  return PF_OK;
}

/* Along W1 a particle has unit speed, so time is what the farther ones have to go; along W2 the way left falls as exp(-t). */
static pf_status run_flow(const pf_report_work *w, int steps, clouds *c, pf_error *error) {
  size_t d = (size_t)w->model->columns, n = (size_t)c->n;
  pf_plan_flow flow = {.field = {.power = pf_report_plan_power(w)},
                       .target = {c->target, n, d},
                       .schedule = {.method = PF_ODE_EULER, .steps = steps}};
  double first = 0;
  PF_TRY(pf_plan_gradient(&flow.field, (pf_points){c->y, n, d}, flow.target, NULL, &first, error));
  flow.schedule.eps = (flow.field.power == 1 && first > 0 ? 2.5 * first : 5.0) / steps;
  pf_plan_flow_record record = {.distance = c->distance, .path = c->path};
  return pf_plan_flow_run(&flow, c->y, c->n, &record, error);
}

static void say(pf_report_work *w, int64_t n, double first, double last) {
  int power = pf_report_plan_power(w);
  snprintf(w->path_lead, sizeof w->path_lead,
           "The flow of W%d itself, between a cloud of the prior and one of the data: no network, but exact "
           "transport plans. Beside it the generator, which takes the same noise to its samples at once.",
           power);
  snprintf(
      w->path_note, sizeof w->path_note,
      "Of %lld particles, whose W%d to as many rows of the data falls from %.3g to %.2g in encoded units.",
      (long long)n, power, first, last);
  w->input.path_lead = w->path_lead;
}

pf_status pf_report_follow_plan(pf_report_work *w, const pf_report_nodes *p, pf_error *error) {
  int64_t d = w->model->columns, most = PF_REPORT_ITEMS / (p->nodes * d), rows = (int64_t)w->input.data_rows;
  clouds c = {.n = PARTICLES < most ? PARTICLES : most};
  if (c.n > rows) c.n = rows;
  pf_status status = open_clouds(w, p->nodes, &c, error);
  if (status == PF_OK) status = run_flow(w, (int)p->nodes - 1, &c, error);
  if (status == PF_OK) say(w, c.n, c.distance[0], c.distance[p->nodes - 1]);
  for (int64_t k = 0; k < p->nodes && status == PF_OK; k++) {
    w->path_times[k] = (double)k / (double)(p->nodes - 1);
    for (int64_t i = 0; i < p->paths; i++)
      for (int64_t j = 0; j < d; j++) p->x[(i * p->nodes + k) * d + j] = (float)c.path[(k * c.n + i) * d + j];
  }
  close_clouds(&c);
  return status;
}

static pf_status jump(pf_report_work *w, int64_t n, float *z, float *x, pf_error *error) {
  int64_t d = w->model->columns;
  pf_model_prior(w->model, w->options.evaluate.seed, (pf_rows){0, n}, z);
  memcpy(x, z, (size_t)(n * d) * sizeof *x);
  PF_TRY(pf_learned_move(w->model->generator, w->model->start, w->model->end, (pf_rows){0, n}, x, w->pool,
                         error));
  for (int64_t i = 0; i < n; i++) {
    pf_report_decode(w, z + i * d, 1, w->jumps + 2 * i * d);
    pf_report_decode(w, x + i * d, 1, w->jumps + (2 * i + 1) * d);
  }
  return PF_OK;
}

pf_status pf_report_fill_jumps(pf_report_work *w, pf_error *error) {
  const pf_learned *generator = w->model->generator;
  size_t d = (size_t)w->model->columns, items = PF_REPORT_PATHS * d;
  float *z = NULL;
  if (!generator || !pf_time_map_is_plain(pf_learned_map_of(generator))) return PF_OK;
  PF_TRY(pf_alloc(2 * items, sizeof *z, &z, error));
  pf_status status = pf_alloc(2 * items, sizeof(double), &w->jumps, error);
  if (status == PF_OK) status = jump(w, PF_REPORT_PATHS, z, z + items, error);
  pf_free(z);
  if (status != PF_OK) return status;
  if (!w->model->velocity && !w->model->flow)
    w->input.path_lead = "Where the generator takes noise in its one step.";
  w->input.jumps = w->jumps;
  w->input.jump_count = PF_REPORT_PATHS;
  return PF_OK;
}
