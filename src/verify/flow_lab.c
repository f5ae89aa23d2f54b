/* See flow_lab.h. */
#include "flow_lab.h"

#include <math.h>
#include <string.h>
#include "../base/memory.h"
#include "../base/rng.h"
#include "../ot/assignment.h"

static size_t items(const pf_flow_lab *lab) { return (size_t)lab->n * (size_t)lab->d; }

static pf_status allocate(pf_flow_lab *lab, pf_error *error) {
  pf_status status = pf_alloc(items(lab), sizeof *lab->x, &lab->x, error);
  if (status == PF_OK) status = pf_alloc(items(lab), sizeof *lab->y, &lab->y, error);
  if (status != PF_OK) pf_flow_lab_close(lab);
  return status;
}

pf_status pf_flow_lab_open(uint64_t seed, uint64_t draw, pf_flow_lab_size size, pf_flow_lab *out,
                           pf_error *error) {
  pf_flow_lab lab = {.n = size.n, .d = size.d};
  PF_TRY(allocate(&lab, error));
  for (int i = 0; i < size.n; i++) {
    pf_rng rng = pf_rng_at(seed, PF_STREAM_VERIFY, draw, (uint64_t)i);
    for (int k = 0; k < size.d; k++) {
      lab.y[i * size.d + k] = pf_rng_normal(&rng);
      lab.x[i * size.d + k] = (k == 0 ? size.shift : 0) + pf_rng_normal(&rng) / 2;
    }
  }
  *out = lab;
  return PF_OK;
}

pf_status pf_flow_lab_three(pf_flow_lab *out, pf_error *error) {
  static const double y[] = {0, 0, 2, 0, 0, 3}, x[] = {3, 4, 2, 2, -1, 3};
  pf_flow_lab lab = {.n = 3, .d = 2};
  PF_TRY(allocate(&lab, error));
  memcpy(lab.y, y, sizeof y);
  memcpy(lab.x, x, sizeof x);
  *out = lab;
  return PF_OK;
}

void pf_flow_lab_close(pf_flow_lab *lab) {
  pf_free(lab->x);
  pf_free(lab->y);
  pf_free(lab->path);
  pf_free(lab->distance);
  *lab = (pf_flow_lab){0};
}

/* ---- runs ---- */

typedef struct lab_run {
  pf_flow_lab *lab;
  const pf_flow_subject *subject;
  pf_plan_field plan;
} lab_run;

static pf_status scaled_field(void *context, pf_particle_stage at, const double *y, int64_t n,
                              double *gradient, pf_error *error) {
  lab_run *run = context;
  (void)at;
  pf_points from = {y, (size_t)n, (size_t)run->lab->d};
  PF_TRY(pf_plan_gradient(&run->plan, from, pf_flow_lab_target(run->lab), gradient, NULL, error));
  for (size_t i = 0; i < items(run->lab); i++) gradient[i] *= run->subject->factor;
  return PF_OK;
}

static pf_status record(void *context, int k, double t, const double *y, pf_error *error) {
  lab_run *run = context;
  pf_flow_lab *lab = run->lab;
  (void)t;
  memcpy(lab->path + (size_t)k * items(lab), y, items(lab) * sizeof *y);
  return pf_plan_gradient(&run->plan, pf_flow_lab_node(lab, k), pf_flow_lab_target(lab), NULL,
                          lab->distance + k, error);
}

pf_status pf_flow_lab_run(pf_flow_lab *lab, const pf_flow_subject *subject, pf_plan_field field,
                          const pf_particle_schedule *schedule, pf_error *error) {
  size_t nodes = (size_t)schedule->steps + 1;
  lab_run run = {lab, subject, field};
  pf_particle_system system = {scaled_field, &run, lab->n, lab->d};
  pf_ode_options options = {.observe = record, .observe_context = &run};
  double *y = NULL;
  pf_free(lab->path);
  pf_free(lab->distance);
  lab->path = lab->distance = NULL;
  lab->steps = schedule->steps;
  PF_TRY(pf_alloc(nodes * items(lab), sizeof *lab->path, &lab->path, error));
  PF_TRY(pf_alloc(nodes, sizeof *lab->distance, &lab->distance, error));
  PF_TRY(pf_alloc(items(lab), sizeof *y, &y, error));
  memcpy(y, lab->y, items(lab) * sizeof *y);
  pf_status status = pf_particles_move(schedule, &system, y, &options, error);
  pf_free(y);
  return status;
}

pf_points pf_flow_lab_target(const pf_flow_lab *lab) {
  return (pf_points){lab->x, (size_t)lab->n, (size_t)lab->d};
}

pf_points pf_flow_lab_node(const pf_flow_lab *lab, int k) {
  const double *rows = lab->path ? lab->path + (size_t)k * items(lab) : lab->y;
  return (pf_points){rows, (size_t)lab->n, (size_t)lab->d};
}

/* ---- measures ---- */

pf_status pf_flow_lab_rays(const pf_flow_lab *lab, int power, pf_flow_rays *out, pf_error *error) {
  pf_assignment found = {0};
  pf_flow_rays rays = {INFINITY, 0};
  pf_points y = {lab->y, (size_t)lab->n, (size_t)lab->d};
  PF_TRY(pf_assignment_points(y, pf_flow_lab_target(lab), power, &found, error));
  for (int i = 0; i < lab->n; i++) {
    double square = 0;
    for (int k = 0; k < lab->d; k++) {
      double gap = lab->y[i * lab->d + k] - lab->x[(int)found.column_of_row[i] * lab->d + k];
      square += gap * gap;
    }
    rays.shortest = fmin(rays.shortest, sqrt(square));
    rays.longest = fmax(rays.longest, sqrt(square));
  }
  pf_assignment_clear(&found);
  *out = rays;
  return PF_OK;
}

double pf_flow_lab_apart(const pf_flow_lab *a, const pf_flow_lab *b, int parts) {
  double largest = 0;
  for (int k = 0; k <= parts; k++) {
    const double *p = pf_flow_lab_node(a, k * (a->steps / parts)).rows;
    const double *q = pf_flow_lab_node(b, k * (b->steps / parts)).rows;
    double sum = 0;
    for (int i = 0; i < a->n * a->d; i++) sum += (p[i] - q[i]) * (p[i] - q[i]) / a->n;
    if (!(sqrt(sum) <= largest)) largest = sqrt(sum);
  }
  return largest;
}

pf_claim pf_claim_within(double value, double most) { return (pf_claim){value, most / 2, most / 2}; }
