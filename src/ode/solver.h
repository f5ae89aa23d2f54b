/* One table of solvers (solvers.def) and one function that moves rows by any of them.
 *
 *   random-midpoint   tau_k uniform in (0,1), one for all rows of step k, a function of (seed, k):
 *                     y = x + tau h f(t, x),  x <- x + h f(t + tau h, y)
 *   local-linear      the exact solution of the field's linearisation at (t, x), with J = df/dx and w = f_t + J f,
 *                     x <- x + h f + h^2 phi_2(h J) w,  phi_2(z) = (e^z - 1 - z) / z^2
 *                     (the same as x + h phi_1(hJ) f + h^2 phi_2(hJ) f_t). Exact where f is affine in (t, x) and d <= 4.
 *   exponential-2m    x <- a x + b (D + (D - D_before) (l_s - l_t) / (2 (l_t - l_before))), l = log(beta / alpha); the first
 *                     step, the one after l = -inf and the last one are exponential steps
 *
 * Simplified in local-linear: w and the products J v are forward differences, with an increment of sqrt(noise) and so a
 * relative error of about sqrt(noise) (1.5e-8 of a field in double, 2.4e-4 of a single-precision network), so that any callback
 * will do; and phi_2(h J) w is taken from the Krylov space of (J, w) of min(d, 4) dimensions, an error of O(h^(m+2)) for m of
 * them. A Taylor step with differences in place of phi_2 would be a two-stage Runge-Kutta method, which the table has already.
 */
#ifndef PF_ODE_SOLVER_H
#define PF_ODE_SOLVER_H

#include <stdbool.h>
#include "ode.h"

typedef enum pf_solver {
#define PF_SOLVER(NAME, name, order, evaluations, description) PF_SOLVER_##NAME,
#include "solvers.def"
#undef PF_SOLVER
  PF_SOLVER_COUNT
} pf_solver;

enum { PF_SOLVER_KRYLOV = 4, PF_SOLVER_DIGITS = 12 };

typedef struct pf_solver_facts {
  const char *name, *description;
  double order;
  int evaluations; /* see solvers.def */
} pf_solver_facts;

const pf_solver_facts *pf_solver_facts_of(pf_solver solver);
/* PF_USAGE listing the valid names. */
pf_status pf_solver_find(const char *name, pf_solver *out, pf_error *error);
/* Evaluations of a row of d columns in `steps` steps; 0: not known before (dopri5). */
int64_t pf_solver_evaluations(pf_solver solver, int d, int64_t steps);
/* Whether it moves by the denoiser instead of the velocity. */
bool pf_solver_needs_denoiser(pf_solver solver);
/* Arrays of n x d doubles that a workspace needs for no allocation to happen; dopri5 allocates whatever it has. */
size_t pf_solver_arrays(pf_solver solver, int d);

/* How rows are moved. {.solver = ...} is enough where no denoiser is needed. */
typedef struct pf_solver_options {
  pf_solver solver;
  uint64_t seed;       /* of the times of random-midpoint */
  uint64_t first_step; /* counts the steps before this run, so that runs in a row do not share their times */
  double noise; /* relative rounding of the field's values: 0 for double, FLT_EPSILON for single precision */
  pf_ode_field *denoiser; /* D(t, x) with its context, of the exponential steps; NULL: none */
  void *denoiser_context;
  pf_ode_exponential_rule rule; /* its steps; time 0 is noise: alpha 1, beta 0 */
  int64_t *evaluations;         /* may be NULL: the rows evaluated are added */
} pf_solver_options;

/* Moves x (n x d, in and out) along the grid; on failure x is untouched. dopri5 takes its ends alone and every row its own step
 * sizes, with relative tolerance 10^-grid.steps (1 to PF_SOLVER_DIGITS) and a hundredth of it absolute; it has no observer. A
 * row's result depends on no other row. PF_USAGE: a denoiser that is missing; else the errors of pf_ode_fixed and _adaptive. */
pf_status pf_solve(const pf_solver_options *how, const pf_ode_system *velocity, pf_ode_grid grid, double *x,
                   const pf_ode_options *options, pf_error *error);

/* Straightness of a flow over rows x (n x d, where its paths begin, untouched), with unit time r = (t - t0) / (t1 - t0):
 *     S = E int_0^1 |(x_1 - x_0) - dx/dr|^2 dr / E |x_1 - x_0|^2,
 * 0 exactly when every path is a straight line of constant speed (arXiv 2209.03003, normalised). Paths by
 * Runge-Kutta 4 on the grid, which needs an even number of even steps; the integral by Simpson's rule. NaN when nothing moves. */
pf_status pf_solve_straightness(const pf_ode_system *velocity, pf_ode_grid grid, const double *x, double *out,
                                pf_error *error);

#endif
