/* Euler steps halved again and again: the scheme converges (arXiv 2405.16351), here along exact plans.
 *
 *   A cloud that keeps its plan has a known limit: each point runs along its ray at unit speed and stops where the ray
 *   ends. The scheme's points are there too until they arrive, and then off by eps times a number that depends on (length
 *   of the ray) / eps modulo 1: halving eps halves the root mean square up to the scatter of these numbers, some per
 *   cent for a hundred points. Clouds of eight columns keep their plan. In the plane points that have arrived lie close to
 *   the rays of others, with whom they exchange targets for a gain below eps: there errors fall more slowly (ratios of 0.9 to
 *   1.5 from level to level for 128 points). */
#include <math.h>
#include "w1fe.h"

static const pf_plan_field W1 = {.power = 1};

enum { LEVELS = 5, COARSE = 16 }; /* eps, eps/2 .. eps/16; steps of the coarsest */
static const double EPS = .2;     /* so until T = 3.2, when most points have arrived */

static pf_particle_schedule schedule_of(int level) {
  return (pf_particle_schedule){
      .method = PF_ODE_EULER, .steps = COARSE << level, .eps = EPS / (double)(1 << level)};
}

/* ---- three points ---- */

/* The largest distance from the limit over points and nodes, in units of eps. */
static double limit_error(const pf_flow_lab *lab, double eps) {
  static const double target[] = {2, 2, 3, 4, -1, 3}; /* of the rows of y */
  double worst = 0;
  for (int k = 0; k <= lab->steps; k++) {
    const double *now = pf_flow_lab_node(lab, k).rows;
    for (int i = 0; i < 3; i++) {
      const double *from = lab->y + 2 * i, *to = target + 2 * i;
      double length = hypot(to[0] - from[0], to[1] - from[1]), share = fmin(1, k * eps / length);
      double off = hypot(now[2 * i] - from[0] - share * (to[0] - from[0]),
                         now[2 * i + 1] - from[1] - share * (to[1] - from[1]));
      if (!(off <= worst)) worst = off;
    }
  }
  return worst / eps;
}

static pf_status check_three_points(pf_verify_run *run, const pf_flow_subject *subject, pf_error *error) {
  pf_flow_lab lab;
  pf_status status = pf_flow_lab_three(&lab, error);
  for (int level = 0; level < LEVELS && status == PF_OK; level += LEVELS - 1) {
    pf_particle_schedule schedule = schedule_of(level);
    schedule.steps *= 3; /* the longest ray has 4.12 */
    status = pf_flow_lab_run(&lab, subject, W1, &schedule, error);
    if (status == PF_OK)
      status = pf_verify_add(run, pf_claim_within(limit_error(&lab, schedule.eps), 1 + 1e-9), error,
                             "three points, eps=%g: largest error / eps", schedule.eps);
  }
  pf_flow_lab_close(&lab);
  return status;
}

/* ---- a cloud ---- */

static pf_status check_halving(pf_verify_run *run, const pf_flow_subject *subject, pf_flow_lab lab[2],
                               pf_error *error) {
  double before = 0, now;
  for (int level = 0; level < LEVELS; level++) {
    pf_flow_lab *this = &lab[level % 2];
    pf_particle_schedule schedule = schedule_of(level);
    PF_TRY(pf_flow_lab_run(this, subject, W1, &schedule, error));
    PF_TRY(pf_verify_progress(run, "halved steps", level + 1, LEVELS, error));
    if (level == 0) continue;
    now = pf_flow_lab_apart(&lab[0], &lab[1], COARSE);
    /* neither run is farther from the limit than its own eps */
    PF_TRY(pf_verify_add(run, pf_claim_within(now / schedule.eps, 3), error,
                         "RMS between runs with eps=%g and half / half", 2 * schedule.eps));
    if (level > 1)
      PF_TRY(pf_verify_add(run, (pf_claim){before / now, 2, .5}, error,
                           "the RMS before / this RMS, eps=%g and half", 2 * schedule.eps));
    before = now;
  }
  return PF_OK;
}

pf_status pf_verify_w1fe_limit(pf_verify_run *run, const pf_flow_subject *subject, pf_error *error) {
  const pf_flow_lab_size size = {128, 8, 1};
  pf_flow_lab lab[2] = {{0}, {0}};
  pf_status status = check_three_points(run, subject, error);
  for (int i = 0; i < 2 && status == PF_OK; i++) /* the same clouds twice */
    status = pf_flow_lab_open(run->seed, 33, size, &lab[i], error);
  if (status == PF_OK) status = check_halving(run, subject, lab, error);
  for (int i = 0; i < 2; i++) pf_flow_lab_close(&lab[i]);
  return status;
}
