/* The gradient of a flow's loss by its adjoint equation on an interpolated path (arXiv 2003.05271), as a graph.
 *
 * Discretise-then-optimise, the default, differentiates the Runge-Kutta steps themselves and keeps every stage. Here the path
 * x(r) is known at Chebyshev-Lobatto points from the forward steps; between them it is their barycentric interpolant. With
 *   H(x, a, r) = a . v - likelihood div v + kinetic |v|^2/2 + hjb |-d_r Phi + |v|^2/2|
 * the adjoint follows a' = -dH/dx backwards from a(1) = likelihood x(1) + movement (x(1) - x(0)), by the steps of the forward
 * pass, and the gradient is the integral of dH/dtheta. It is that of the continuous problem: it agrees with the discrete one up
 * to the error of the steps and of the interpolation. Only the points have to be kept, so a step needs less memory and, since
 * every stage is evaluated twice, more time.
 */
#ifndef PF_FLOW_ADJOINT_H
#define PF_FLOW_ADJOINT_H

#include "unroll.h"

typedef struct pf_adjoint_weights {
  double likelihood, kinetic, hjb, movement;
} pf_adjoint_weights;

enum { PF_ADJOINT_STEPS = 32 };

/* steps + 1 Chebyshev-Lobatto points of [0, 1], both ends exact. */
void pf_adjoint_points(int steps, double *r);

/* A PER_ROW scalar whose derivative in the parameters is that of the loss of this row; its value means nothing. path: steps + 1
 * nodes of the forward pass at pf_adjoint_points, path[0] the row. At most PF_ADJOINT_STEPS steps. */
pf_node pf_adjoint_surrogate(const pf_field *field, int set, const pf_node *path, const pf_unroll_spec *spec,
                             const pf_adjoint_weights *weights);

#endif
