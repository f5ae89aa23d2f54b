/* A sampler: what sampler_create.c makes and sampler.c runs. */
#ifndef PF_MODEL_SAMPLER_INTERNAL_H
#define PF_MODEL_SAMPLER_INTERNAL_H

#include "model.h"

struct pf_sampler {
  const struct pf_model *model;
  const pf_learned *map;
  pf_learned *narrow;    /* the map in another precision than the model's, owned */
  const pf_cnf *flow;    /* integrated instead of a map: `steps` Runge-Kutta steps a block */
  bool integrates;       /* the velocity, by `how` */
  pf_solver_options how; /* Euler steps unless another is asked for; of a flow: with `move.solver` */
  pf_cnf_move move;      /* of a flow */
  int64_t steps;
  int64_t evaluations; /* of a sample: steps of a map; 0 when they are not known before */
  float *terms;        /* evaluations x term_count */
  size_t term_count;
  double *grid;                               /* steps + 1 times */
  size_t x_at, encoded_at, doubles_at, bytes; /* of the workspace, from its aligned start */
};

/* Where things lie in a workspace, once everything else is chosen. */
void pf_sampler_lay_out(pf_sampler *sampler);

#endif
