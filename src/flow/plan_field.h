/* The field of a Wasserstein gradient flow towards a cloud, from a transport plan: no network.
 *
 * J(mu) = W1(mu, mu_d) or W2^2(mu, mu_d) / 2 falls fastest along minus the gradient of a Kantorovich potential phi, large
 * on mu and small on mu_d: Y' = -grad phi(Y). Between clouds y (of mu) and x (of mu_d) an optimal plan that sends y_i to
 * T(y_i) gives it without phi:
 *
 *   W1   grad phi(y_i) = (y_i - T(y_i)) / |y_i - T(y_i)|, 0 where y_i has arrived
 *   W2   grad phi(y_i) = y_i - T(y_i)
 *
 * T is the exact assignment (equally many points) or the barycentric projection of a Sinkhorn plan (any numbers).
 * Sources: arXiv 2405.16351 (W1), 2406.13619 (W2). The plan of a minibatch is the law's own up to O(n^(-1/d)). */
#ifndef PF_FLOW_PLAN_FIELD_H
#define PF_FLOW_PLAN_FIELD_H

#include "../ot/points.h"

typedef struct pf_plan_field {
  int power; /* 1: W1, 2: W2 */
  double
      epsilon; /* 0: exact assignment; > 0: Sinkhorn with this regularisation, in units of the mean cost over all
                     pairs (|x - y| or |x - y|^2; a constant before the cost cancels). .05 is blurred, .005 nearly sharp */
  int iterations; /* of Sinkhorn at most; 0: 2000 */
} pf_plan_field;

/* gradient (y.n x d, or NULL) gets grad phi at the rows of y, *distance (or NULL) the plan's own distance
 * (<P, |x - y|^power>)^(1/power): the Wasserstein distance for the exact plan, above it for Sinkhorn's. Allocates
 * O(n (n + d)) at most and frees it.
 * PF_USAGE: power or epsilon out of range. PF_BAD_INPUT: columns differ, or with the exact plan the numbers of rows; more
 * rows than PF_ASSIGNMENT_MAX (PF_SINKHORN_MAX). PF_NON_FINITE: a coordinate, or a distance that overflows. PF_FAILED:
 * Sinkhorn left more than 1 % of the mass in the wrong place. Outputs are then untouched. */
pf_status pf_plan_gradient(const pf_plan_field *f, pf_points y, pf_points x, double *gradient,
                           double *distance, pf_error *error);

#endif
