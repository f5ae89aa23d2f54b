/* Exact optimal transport between two clouds of equally many points: a linear assignment problem. */
#ifndef PF_OT_ASSIGNMENT_H
#define PF_OT_ASSIGNMENT_H

#include <stdint.h>
#include "ot/points.h"

/* Largest problem accepted: a dense cost matrix of 512 MiB. */
enum { PF_ASSIGNMENT_MAX = 8192 };

/* A solved problem. The duals certify it: row_dual[i] + column_dual[j] <= cost(i,j) with equality on the
 * assigned pairs, so the sum of all duals is a lower bound of every assignment's cost. */
typedef struct pf_assignment {
  size_t n;
  uint32_t *column_of_row; /* n: row i goes to this column */
  double *row_dual;        /* n */
  double *column_dual;     /* n */
  double total;            /* sum of the assigned costs */
  double gap;              /* certified: total - (minimum cost) <= gap; rounding only */
} pf_assignment;

/* Minimises the sum of cost[i*n + column_of_row[i]] over permutations; cost is n x n, finite, any sign.
 * Fails with PF_FAILED when the duals do not certify the optimum to 1e-9 of the costs' size.
 * *out is filled on success; empty it with pf_assignment_clear. */
pf_status pf_assignment_solve(const double *cost, size_t n, pf_assignment *out, pf_error *error);

/* The same for cost(i,j) = |x_i - y_j|^power, power 1 (Euclidean) or 2 (squared), x.n == y.n. In few
 * dimensions costs are recomputed where they are needed, since the points stay in cache and a matrix would
 * not. */
pf_status pf_assignment_points(pf_points x, pf_points y, int power, pf_assignment *out, pf_error *error);

/* Frees the arrays and zeroes the struct. */
void pf_assignment_clear(pf_assignment *assignment);

/* Wasserstein distance W_p, p = power in {1, 2}, between the uniform laws on two clouds of equally many
 * points: ( min over permutations of the mean of |x_i - y_s(i)|^p )^(1/p). Exact (relative 1e-9 of the mean
 * cost). About 0.1 to 0.5 s at n = 2000. Errors: PF_BAD_INPUT (shapes differ, n over PF_ASSIGNMENT_MAX),
 * PF_NON_FINITE. */
pf_status pf_wasserstein(pf_points x, pf_points y, int power, double *out, pf_error *error);

#endif
