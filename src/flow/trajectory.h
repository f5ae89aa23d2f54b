/* Characteristics of a learned velocity: from prior draws, noise or given rows, along the ODE, keeping every node. */
#ifndef PF_FLOW_TRAJECTORY_H
#define PF_FLOW_TRAJECTORY_H

#include "learned.h"

typedef struct pf_trajectory_spec {
  pf_ode_method method;
  const double *t; /* nodes t[0..steps], increasing */
  int steps;
  uint64_t seed; /* with `stream`: of the prior draws */
  uint32_t stream;
  pf_rows rows;       /* absolute indices of the draws */
  const float *start; /* rows.n x d: where they start in place of N(0, I); or NULL */
} pf_trajectory_spec;

/* out: rows.n x (steps + 1) x d floats, row i holds the nodes of draw i in order; node 0 is the draw itself. The same bits for
 * any number of threads and any cut of the rows. PF_NON_FINITE when the velocity is. */
pf_status pf_trajectories(const pf_learned *velocity, const pf_trajectory_spec *spec, float *out,
                          pf_pool *pool, pf_error *error);

#endif
