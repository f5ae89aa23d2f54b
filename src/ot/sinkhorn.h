/* Entropic optimal transport between two weighted clouds. */
#ifndef PF_OT_SINKHORN_H
#define PF_OT_SINKHORN_H

#include "ot/points.h"

enum { PF_SINKHORN_MAX = 1 << 20 }; /* most rows or columns */

/* The costs: either a dense matrix or |x_i - y_j|^power between points. Borrowed. */
typedef struct pf_sinkhorn_problem {
  const double *matrix; /* rows x columns, finite; NULL: from points */
  size_t rows, columns; /* of the matrix; ignored with points */
  pf_points x, y;
  int power;                                  /* 1 or 2, of the points */
  const double *row_weights, *column_weights; /* each positive with sum 1 (to 1e-9); NULL: uniform */
} pf_sinkhorn_problem;

typedef struct pf_sinkhorn_options {
  double epsilon;       /* in units of the cost; finite, > 0 */
  double first_epsilon; /* above epsilon: start there and halve it, 10 iterations each; 0: no scaling */
  double tolerance;     /* stop at this marginal error; 0: run all iterations */
  int iterations;       /* at the last epsilon, 1 to 10000000 */
  size_t
      kernel_limit; /* the kernel is kept up to so many entries of 8 bytes; above, every iteration computes it
                         * anew: several times slower, in memory linear in the clouds */
} pf_sinkhorn_options;

/* epsilon 0 (to be set), no scaling, tolerance 1e-9, 1000 iterations, kernels up to 512 MiB. */
pf_sinkhorn_options pf_sinkhorn_options_default(void);

/* The plan P_ij = exp((f_i + g_j - c_ij) / epsilon). Its rows sum to their weights up to rounding. Everything but
 * `iterations` and `converged` is computed afresh from f and g. */
typedef struct pf_sinkhorn {
  size_t rows, columns;
  double *row_potential, *column_potential; /* f, g; the free constant is such that sum_j b_j g_j = 0 */
  double cost;                              /* <P, C> */
  double objective;                         /* <P, C> + epsilon sum P log P */
  double dual;           /* <f, a> + <g, b> - epsilon (sum P - 1) <= the least objective of any plan */
  double marginal_error; /* sum_j |sum_i P_ij - b_j| */
  int iterations;        /* done at the last epsilon */
  bool converged;        /* stopped by the tolerance */
} pf_sinkhorn;

/* Sinkhorn's iteration, columns first. *out is filled on success, converged or not; empty it with pf_sinkhorn_clear.
 * PF_USAGE: an option out of range; PF_BAD_INPUT: shapes, weights; PF_NON_FINITE: a point or cost, or a cost so large
 * beside epsilon (1e12 times) that doubles cannot tell plans apart. */
pf_status pf_sinkhorn_solve(const pf_sinkhorn_problem *problem, pf_sinkhorn_options options, pf_sinkhorn *out,
                            pf_error *error);
void pf_sinkhorn_clear(pf_sinkhorn *result);

/* Barycentric projection: out (rows x targets.d) gets row i's conditional mean sum_j P_ij t_j / sum_j P_ij of the
 * targets, one for each column (with points: usually y). `epsilon` is that of the solution. */
pf_status pf_sinkhorn_project(const pf_sinkhorn_problem *problem, double epsilon, const pf_sinkhorn *solution,
                              pf_points targets, double *out, pf_error *error);

#endif
