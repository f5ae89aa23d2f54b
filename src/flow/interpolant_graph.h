/* The interpolants of interpolants.def as graph nodes, for losses.
 *
 * t is a PER_ROW or SHARED node of any item shape; everything broadcasts as the graph does.
 */
#ifndef PF_FLOW_INTERPOLANT_GRAPH_H
#define PF_FLOW_INTERPOLANT_GRAPH_H

#include "../graph/graph.h"
#include "interpolant.h"

typedef struct pf_interpolant_nodes {
  pf_node alpha, beta, alpha_dot, beta_dot;
} pf_interpolant_nodes;
pf_node pf_interpolant_alpha_node(pf_interpolant kind, pf_node t);
pf_node pf_interpolant_beta_node(pf_interpolant kind, pf_node t);
/* alpha_dot of Follmer needs t < 1. */
pf_interpolant_nodes pf_interpolant_nodes_at(pf_interpolant kind, pf_node t);
/* x_t = alpha x_0 + beta x_1 and xdot = alpha' x_0 + beta' x_1; t broadcasts against x0, x1. */
pf_node pf_interpolant_point_node(pf_interpolant kind, pf_node t, pf_node x0, pf_node x1);
pf_node pf_interpolant_velocity_node(pf_interpolant kind, pf_node t, pf_node x0, pf_node x1);
/* Exponential step coefficients as nodes; t < 1. */
void pf_interpolant_step_nodes(pf_interpolant kind, pf_node t, pf_node s, pf_node *a, pf_node *b);

#endif
