/* The Euler scheme of the flow of J = W2^2 / 2 along exact plans (arXiv 2406.13619).
 *
 *   The flow is the geodesic to the target with another clock: points stay on their segments y_i T(y_i), where the plan
 *   stays optimal, and |y_i - T(y_i)| obeys r' = -r. A step of length dt multiplies W2 by the tableau's polynomial:
 *   Euler 1 - dt, Heun 1 - dt + dt^2/2, RK4 the first five terms of e^-dt. */
#include <math.h>
#include "w2fe.h"

static const pf_plan_field W2 = {.power = 2};

static pf_status check_three_points(pf_verify_run *run, const pf_flow_subject *subject, pf_error *error) {
  enum { STEPS = 3 };
  static const double expected[STEPS + 1] = {2.8284271247, 2.2627416998, 1.8101933598, 1.4481546879};
  const pf_particle_schedule schedule = {.method = PF_ODE_EULER, .steps = STEPS, .eps = .2};
  pf_flow_lab lab;
  PF_TRY(pf_flow_lab_three(&lab, error));
  pf_status status = pf_flow_lab_run(&lab, subject, W2, &schedule, error);
  if (status == PF_OK)
    status = pf_verify_add_largest(run, "three points, dt=.2: W2 after 0 to 3 steps", lab.distance, expected,
                                   STEPS + 1, 6e-11, error);
  pf_flow_lab_close(&lab);
  return status;
}

/* ---- factors ---- */

static pf_status check_factor(pf_verify_run *run, const pf_flow_subject *subject, pf_flow_lab *lab,
                              pf_ode_method method, double factor, pf_error *error) {
  const pf_particle_schedule schedule = {.method = method, .steps = 8, .eps = .3};
  double worst = 0;
  PF_TRY(pf_flow_lab_run(lab, subject, W2, &schedule, error));
  for (int k = 0; k < schedule.steps; k++) {
    double deviation = fabs(lab->distance[k + 1] / lab->distance[k] - factor);
    if (!(deviation <= worst)) worst = deviation;
  }
  return pf_verify_add(run, (pf_claim){worst, 0, 1e-10}, error,
                       "n=%d, d=%d, %s, dt=.3: factor of W2 minus %.6g", lab->n, lab->d,
                       pf_tableau_of(method)->name, factor);
}

static pf_status check_one_step(pf_verify_run *run, const pf_flow_subject *subject, pf_flow_lab *lab,
                                pf_error *error) {
  const pf_particle_schedule whole = {.method = PF_ODE_EULER, .steps = 1, .eps = 1};
  PF_TRY(pf_flow_lab_run(lab, subject, W2, &whole, error));
  return pf_verify_add(run, (pf_claim){lab->distance[1], 0, 1e-12}, error,
                       "n=%d, d=%d: W2 after one step of dt=1", lab->n, lab->d);
}

/* ---- the rate ---- */

/* W2 at t = 1 over W2 at 0 is (1 - dt)^(1/dt) = e^-1 (1 - dt/2 - ..): the error halves with dt. */
static pf_status check_rate(pf_verify_run *run, const pf_flow_subject *subject, pf_flow_lab *lab,
                            pf_error *error) {
  enum { LEVELS = 5 };
  double before = 0, dt = .25;
  for (int level = 0; level < LEVELS; level++, dt /= 2) {
    const pf_particle_schedule schedule = {.method = PF_ODE_EULER, .steps = 4 << level, .eps = dt};
    PF_TRY(pf_flow_lab_run(lab, subject, W2, &schedule, error));
    double share = lab->distance[schedule.steps] / lab->distance[0], off = exp(-1) - share;
    if (level > 0)
      PF_TRY(pf_verify_add(run, (pf_claim){before / off, 2.1, .15}, error,
                           "dt=%g / dt=%g: error of W2 at t=1", 2 * dt, dt));
    if (level == LEVELS - 1)
      PF_TRY(pf_verify_add(run, (pf_claim){log(share), -1, .01}, error, "slope of log W2 in t, dt=%g", dt));
    before = off;
  }
  return PF_OK;
}

static pf_status check_cloud(pf_verify_run *run, const pf_flow_subject *subject, pf_flow_lab *lab,
                             pf_error *error) {
  const double h = .3, heun = 1 - h + h * h / 2;
  PF_TRY(check_factor(run, subject, lab, PF_ODE_EULER, 1 - h, error));
  PF_TRY(check_factor(run, subject, lab, PF_ODE_HEUN, heun, error));
  PF_TRY(check_factor(run, subject, lab, PF_ODE_RK4, heun - h * h * h / 6 + h * h * h * h / 24, error));
  return check_one_step(run, subject, lab, error);
}

pf_status pf_verify_w2fe_exact(pf_verify_run *run, const pf_flow_subject *subject, pf_error *error) {
  static const pf_flow_lab_size sizes[] = {{64, 5, 1}, {128, 2, 1}};
  PF_TRY(check_three_points(run, subject, error));
  for (int i = 0; i < 2; i++) {
    pf_flow_lab lab;
    PF_TRY(pf_flow_lab_open(run->seed, 40 + (uint64_t)i, sizes[i], &lab, error));
    pf_status status = check_cloud(run, subject, &lab, error);
    if (status == PF_OK && i == 1) status = check_rate(run, subject, &lab, error);
    pf_flow_lab_close(&lab);
    PF_TRY(status);
  }
  return pf_verify_progress(run, "exact steps", 1, 1, error);
}
