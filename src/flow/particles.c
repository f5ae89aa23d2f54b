/* Particle flows: see particles.h. A schedule becomes a grid of ode, whose nodes are the sums of the eps. */
#include "particles.h"

#include <math.h>
#include <string.h>
#include "../base/canary.h"
#include "../base/memory.h"

enum { MOST_STEPS = 1000000 };
static const double MOST_DECAY = 1e6; /* with so many steps eps_k stays above a rounding of the time */

double pf_particle_eps(const pf_particle_schedule *schedule, int k) {
  return schedule->eps / (1 + schedule->decay * k);
}

static pf_status check_schedule(const pf_particle_schedule *s, pf_error *error) {
  if (s->steps < 1 || s->steps > MOST_STEPS)
    return pf_fail(error, PF_USAGE, "particles: %d steps, 1 to %d", s->steps, MOST_STEPS);
  if (!(s->eps > 0) || !isfinite(s->eps * s->steps))
    return pf_fail(error, PF_USAGE, "particles: %d steps of %g, a positive number, and finite in all",
                   s->steps, s->eps);
  if (!(s->decay >= 0 && s->decay <= MOST_DECAY))
    return pf_fail(error, PF_USAGE, "particles: decay %g, 0 to %g", s->decay, MOST_DECAY);
  return PF_OK;
}

/* ---- a gradient as a right-hand side ---- */

/* Nodes are observed before they are left, which tells the stages of one step from the next one's. */
typedef struct descent {
  const pf_particle_schedule *schedule;
  const pf_particle_system *system;
  const pf_ode_options *options;
  pf_particle_stage at;
} descent;

static pf_status descend(void *context, double t, const double *y, int64_t n, double *v, pf_error *error) {
  descent *run = context;
  (void)t;
  PF_TRY(run->system->field(run->system->context, run->at, y, n, v, error));
  run->at.stage++;
  for (int64_t i = 0; i < n * run->system->d; i++) v[i] = -v[i];
  return PF_OK;
}

static pf_status enter_node(void *context, int k, double t, const double *y, pf_error *error) {
  descent *run = context;
  run->at = (pf_particle_stage){.step = k, .eps = pf_particle_eps(run->schedule, k)};
  if (!run->options || !run->options->observe) return PF_OK;
  return run->options->observe(run->options->observe_context, k, t, y, error);
}

pf_status pf_particles_move(const pf_particle_schedule *schedule, const pf_particle_system *system, double *y,
                            const pf_ode_options *options, pf_error *error) {
  double *t = NULL;
  PF_TRY(check_schedule(schedule, error));
  PF_TRY(pf_alloc((size_t)schedule->steps + 1, sizeof *t, &t, error));
  for (int k = 0; k < schedule->steps; k++) {
    double eps = pf_particle_eps(schedule, k);
    t[k + 1] = t[k] + PF_CANARY(PARTICLE_STEP, eps, eps * eps);
  }
  descent run = {.schedule = schedule, .system = system, .options = options};
  pf_ode_system ode = {.field = descend, .context = &run, .n = system->n, .d = system->d};
  pf_ode_options watch = {
      .observe = enter_node, .observe_context = &run, .workspace = options ? options->workspace : NULL};
  pf_status status =
      pf_ode_fixed(schedule->method, &ode, (pf_ode_grid){t, schedule->steps}, y, &watch, error);
  pf_free(t);
  return status;
}

/* ---- along a transport plan ---- */

typedef struct plan_run {
  const pf_plan_flow *flow;
  pf_plan_flow_record record;
  int64_t n;
} plan_run;

static pf_points cloud_of(const plan_run *run, const double *y) {
  return (pf_points){y, (size_t)run->n, run->flow->target.d};
}

static pf_status plan_field(void *context, pf_particle_stage at, const double *y, int64_t n, double *gradient,
                            pf_error *error) {
  plan_run *run = context;
  (void)n;
  double *distance = at.stage == 0 && run->record.distance ? run->record.distance + at.step : NULL;
  return pf_plan_gradient(&run->flow->field, cloud_of(run, y), run->flow->target, gradient, distance, error);
}

static pf_status record_node(void *context, int k, double t, const double *y, pf_error *error) {
  plan_run *run = context;
  const pf_plan_flow_record *r = &run->record;
  size_t items = (size_t)run->n * run->flow->target.d;
  if (r->path) memcpy(r->path + (size_t)k * items, y, items * sizeof *y);
  if (r->observe) PF_TRY(r->observe(r->observe_context, k, t, y, error));
  if (!r->distance || k < run->flow->schedule.steps) return PF_OK; /* the field measures the others */
  return pf_plan_gradient(&run->flow->field, cloud_of(run, y), run->flow->target, NULL, r->distance + k,
                          error);
}

pf_status pf_plan_flow_run(const pf_plan_flow *flow, double *y, int64_t n, const pf_plan_flow_record *record,
                           pf_error *error) {
  plan_run run = {.flow = flow, .n = n};
  if (record) run.record = *record;
  pf_particle_system system = {.field = plan_field, .context = &run, .n = n, .d = (int)flow->target.d};
  pf_ode_options options = {.observe = record_node, .observe_context = &run};
  return pf_particles_move(&flow->schedule, &system, y, &options, error);
}
