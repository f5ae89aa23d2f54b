/* The Euler scheme of the W1 flow along exact plans (arXiv 2405.16351), where it is known what happens.
 *
 *   While eps is below the shortest ray |y_i - T(y_i)|, a step shortens every ray by eps and the plan stays optimal, since
 *   its potential grows at unit slope along its rays: W1 falls by exactly eps. A point that is nearer than eps
 *   overshoots, which leaves it nearer than eps: the end is below eps, not 0, unless eps decays. */
#include <math.h>
#include "../ot/assignment.h"
#include "w1fe.h"

static const pf_plan_field W1 = {.power = 1};

static pf_status check_three_points(pf_verify_run *run, const pf_flow_subject *subject, pf_error *error) {
  enum { STEPS = 4 };
  static const double expected[STEPS + 1] = {2.6505109168, 2.4005109168, 2.1505109168, 1.9005109168,
                                             1.6505109168};
  const pf_particle_schedule schedule = {.method = PF_ODE_EULER, .steps = STEPS, .eps = .25};
  pf_flow_lab lab;
  PF_TRY(pf_flow_lab_three(&lab, error));
  pf_status status = pf_flow_lab_run(&lab, subject, W1, &schedule, error);
  if (status == PF_OK)
    status = pf_verify_add_largest(run, "three points, eps=.25: W1 after 0 to 4 steps", lab.distance,
                                   expected, STEPS + 1, 6e-11, error);
  pf_flow_lab_close(&lab);
  return status;
}

/* ---- random clouds, before the shortest ray ends ---- */

static pf_status run_to_shortest_ray(pf_verify_run *run, const pf_flow_subject *subject, pf_flow_lab *lab,
                                     pf_error *error) {
  enum { STEPS = 5 };
  pf_flow_rays rays;
  double worst = 0;
  PF_TRY(pf_flow_lab_rays(lab, 1, &rays, error));
  const pf_particle_schedule schedule = {
      .method = PF_ODE_EULER, .steps = STEPS, .eps = rays.shortest / (STEPS + 1)};
  PF_TRY(pf_flow_lab_run(lab, subject, W1, &schedule, error));
  for (int k = 1; k <= STEPS; k++) {
    double deviation = fabs(lab->distance[0] - k * schedule.eps - lab->distance[k]);
    if (!(deviation <= worst)) worst = deviation;
  }
  PF_TRY(pf_verify_add(run, (pf_claim){worst, 0, 1e-10}, error,
                       "n=%d, d=%d: W1 minus (start - k eps), largest", lab->n, lab->d));
  /* a step of next to nothing would make the claim above empty */
  return pf_verify_add(run, (pf_claim){schedule.eps / lab->distance[0], .25, .249}, error,
                       "n=%d, d=%d: the eps of it / W1", lab->n, lab->d);
}

static pf_status check_random_clouds(pf_verify_run *run, const pf_flow_subject *subject, pf_error *error) {
  static const pf_flow_lab_size sizes[] = {{128, 2, 4}, {64, 5, 2}};
  for (int i = 0; i < 2; i++) {
    pf_flow_lab lab;
    PF_TRY(pf_flow_lab_open(run->seed, 30 + (uint64_t)i, sizes[i], &lab, error));
    pf_status status = run_to_shortest_ray(run, subject, &lab, error);
    pf_flow_lab_close(&lab);
    PF_TRY(status);
  }
  return PF_OK;
}

/* ---- how far a step goes, and the end ---- */

static const double EPS = .05;
enum { STEPS = 120, LAST = 20, DECAYING_STEPS = 400 };

static double largest_displacement(const pf_flow_lab *lab, int k) {
  const double *a = pf_flow_lab_node(lab, k).rows, *b = pf_flow_lab_node(lab, k + 1).rows;
  double largest = 0;
  for (int i = 0; i < lab->n; i++) {
    double square = 0;
    for (int j = 0; j < lab->d; j++)
      square += (b[i * lab->d + j] - a[i * lab->d + j]) * (b[i * lab->d + j] - a[i * lab->d + j]);
    if (!(sqrt(square) <= largest)) largest = sqrt(square);
  }
  return largest;
}

static pf_status check_displacement(pf_verify_run *run, const pf_flow_lab *lab, pf_error *error) {
  double point = 0, law = 0, w1;
  for (int k = 0; k < lab->steps; k++) {
    double moved = largest_displacement(lab, k);
    PF_TRY(pf_wasserstein(pf_flow_lab_node(lab, k + 1), pf_flow_lab_node(lab, k), 1, &w1, error));
    if (!(moved <= point)) point = moved;
    if (!(w1 <= law)) law = w1;
  }
  PF_TRY(pf_verify_add(run, pf_claim_within(point / EPS, 1 + 1e-12), error,
                       "largest step of a point / eps, %d steps", lab->steps));
  return pf_verify_add(run, pf_claim_within(law / EPS, 1 + 1e-12), error,
                       "largest W1 between successive laws / eps");
}

static pf_status check_end(pf_verify_run *run, const pf_flow_subject *subject, pf_flow_lab *lab,
                           pf_error *error) {
  const pf_particle_schedule constant = {.method = PF_ODE_EULER, .steps = STEPS, .eps = EPS};
  const pf_particle_schedule decaying = {
      .method = PF_ODE_EULER, .steps = DECAYING_STEPS, .eps = EPS, .decay = .02};
  double end = 0, last = pf_particle_eps(&decaying, DECAYING_STEPS - 1);
  PF_TRY(pf_flow_lab_run(lab, subject, W1, &constant, error));
  PF_TRY(check_displacement(run, lab, error));
  for (int k = STEPS - LAST; k <= STEPS; k++)
    if (!(lab->distance[k] <= end)) end = lab->distance[k];
  PF_TRY(pf_verify_add(run, pf_claim_within(end / EPS, 1), error, "W1 after extinction / eps"));
  PF_TRY(pf_flow_lab_run(lab, subject, W1, &decaying, error));
  PF_TRY(pf_verify_add(run, pf_claim_within(lab->distance[DECAYING_STEPS] / last, 1), error,
                       "eps decaying: W1 at the end / last eps"));
  return pf_verify_add(run, pf_claim_within(lab->distance[DECAYING_STEPS] / end, .5), error,
                       "eps decaying / eps constant: W1 at the end");
}

pf_status pf_verify_w1fe_exact(pf_verify_run *run, const pf_flow_subject *subject, pf_error *error) {
  pf_flow_lab lab;
  PF_TRY(check_three_points(run, subject, error));
  PF_TRY(check_random_clouds(run, subject, error));
  PF_TRY(pf_flow_lab_open(run->seed, 32, (pf_flow_lab_size){128, 2, 1}, &lab, error));
  pf_status status = check_end(run, subject, &lab, error);
  pf_flow_lab_close(&lab);
  PF_TRY(status);
  return pf_verify_progress(run, "exact Euler steps", 1, 1, error);
}
