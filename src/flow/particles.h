/* Particle flows: a cloud of points follows minus a gradient that depends on the whole cloud.
 *
 *   Y' = -g(Y),   Y <- Y - eps_k g(Y),   eps_k = eps / (1 + decay k)
 *
 * by Euler's or any other tableau of ode. What g is (a transport plan, a potential network, a minibatch of either) is the
 * caller's; pf_plan_flow_run is the case without a network. */
#ifndef PF_FLOW_PARTICLES_H
#define PF_FLOW_PARTICLES_H

#include "../ode/ode.h"
#include "plan_field.h"

/* At which point of a run the field is asked for. */
typedef struct pf_particle_stage {
  int step;   /* k, 0..steps - 1 */
  int stage;  /* of the tableau; 0 is the node itself */
  double eps; /* eps_k */
} pf_particle_stage;

/* gradient = g(y); y and gradient are n x d (d as in the system the field belongs to), no overlap. */
typedef pf_status pf_particle_field(void *context, pf_particle_stage at, const double *y, int64_t n,
                                    double *gradient, pf_error *error);

typedef struct pf_particle_system {
  pf_particle_field *field;
  void *context;
  int64_t n; /* particles */
  int d;
} pf_particle_system;

typedef struct pf_particle_schedule {
  pf_ode_method method;
  int steps;         /* 1 to 1000000 */
  double eps, decay; /* eps > 0; decay from 0 (a constant step) to 1e6 */
} pf_particle_schedule;

/* eps_k. */
double pf_particle_eps(const pf_particle_schedule *schedule, int k);

/* Moves y (n x d) through all steps. The observer of `options` (may be NULL) sees every node k = 0..steps with the sum of
 * the eps before it as its time. On failure y is untouched. PF_USAGE: a schedule out of range; PF_NON_FINITE: a
 * coordinate, its row in the message; and whatever the field or the observer fails with. */
pf_status pf_particles_move(const pf_particle_schedule *schedule, const pf_particle_system *system, double *y,
                            const pf_ode_options *options, pf_error *error);

/* ---- along a transport plan ---- */

typedef struct pf_plan_flow {
  pf_plan_field field;
  pf_points target; /* borrowed; with the exact plan as many rows as move */
  pf_particle_schedule schedule;
} pf_plan_flow;

/* What a run leaves behind; NULL where it is not wanted. After a failure the arrays hold nothing of use. */
typedef struct pf_plan_flow_record {
  double *distance;        /* steps + 1: the plan's distance to the target at every node */
  double *path;            /* (steps + 1) x n x d: the nodes */
  pf_ode_observe *observe; /* as in pf_ode_options */
  void *observe_context;
} pf_plan_flow_record;

/* Moves y (n x target.d) along the plan's field, a new plan at every stage. record may be NULL. Errors of
 * pf_plan_gradient and pf_particles_move; y is then untouched. */
pf_status pf_plan_flow_run(const pf_plan_flow *flow, double *y, int64_t n, const pf_plan_flow_record *record,
                           pf_error *error);

#endif
