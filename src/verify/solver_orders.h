/* What a solver costs and what it misses, on laws whose velocity is exact. */
#ifndef PF_VERIFY_SOLVER_ORDERS_H
#define PF_VERIFY_SOLVER_ORDERS_H

#include "../data/mixture.h"
#include "../flow/interpolant.h"
#include "../ode/solver.h"

/* One measurement: `steps` even steps of a solver from noise (t = 0) to `end`, on the exact velocity of a mixture. */
typedef struct pf_solver_cell {
  const pf_mixture *mixture; /* borrowed; of one component: a Gaussian */
  pf_interpolant interpolant;
  double end; /* in (0, 1]; below 1 where the velocity is singular there (pf_interpolant_default_end) */
  pf_solver solver;
  int steps; /* of dopri5: the digits of its tolerance */
  uint64_t seed;
  int64_t draws; /* of a mixture: common draws of the noise; 0: 2000 */
  int repeats;   /* of random-midpoint: runs with other times; 0: 16 */
} pf_solver_cell;

/* The W2 error at `end`: between the law the solver's samples have there and the law of X_end, so that stopping early is no part
 * of it. evaluations (may be NULL): of the field per sample.
 *
 *   one Gaussian   exact: a step is then affine in x, so d + 1 moved points give mean and covariance of the result, and W2 of two
 *                  Gaussians is closed (ot/bures); where it would drown in rounding, below 1e-5 of the spread, its leading term
 *                  in the difference of the covariances. dopri5 is affine to its tolerance.
 *   a mixture      the root mean square of |solver's end - exact end| over common draws: the coupling bound, W2 <= it, of the
 *                  solver's order. The exact ends are 1600 Runge-Kutta 4 steps per unit of the trigonometric clock; dopri5 with
 *                  10 digits and they agree to 1e-10 for a ring of eight.
 * random-midpoint: the root mean square over `repeats` runs.
 *
 * Single-threaded and a function of the cell alone, so that cells may be measured side by side. PF_USAGE: an end, steps, draws or
 * repeats out of range; PF_NON_FINITE: the solver ran away. */
pf_status pf_solver_error(const pf_solver_cell *cell, double *w2, double *evaluations, pf_error *error);

/* Straightness S (ode/solver.h) of the exact flow from noise to cell->end over cell->draws draws; solver, steps and repeats are
 * not looked at. Time is the interpolant's own. */
pf_status pf_solver_flow_straightness(const pf_solver_cell *cell, double *out, pf_error *error);

/* x (n x d, in and out): the exact flow of a mixture between two times of the trigonometric clock, where no schedule is
 * singular, by Runge-Kutta 4 with steps_per_unit steps. */
pf_status pf_trigonometric_flow(const pf_mixture *mixture, pf_ode_span span, int steps_per_unit, int64_t n,
                                double *x, pf_error *error);

#endif
