/* The potential of OT-Flow (Onken, Wu Fung, Li, Ruthotto, arXiv 2006.00104): a scalar network Phi(x, t) of d space columns
 * and one time whose space gradient and Laplacian have closed forms, so that a flow along -grad Phi has an exact density.
 *
 *   s = (x, t)        sigma(a) = log(e^a + e^-a), the antiderivative of tanh        h = 1/M
 *   u_0 = sigma(s K_0 + b_0),   u_i = u_{i-1} + h sigma(u_{i-1} K_i + b_i),   i = 1..M
 *   Phi = u_M w + |s A|^2 / 2 + s b + c
 *
 * Rows stand on the left: K_i and A here are the transposes of the paper's. The pieces are "K0.weight" [d+1, m], "K0.bias"
 * [m], "K1.weight" [m, m], "K1.bias" [m], .., "w" [m], "A" [d+1, p], "b" [d+1], "c" []; the last row of K0.weight, A and b
 * belongs to the time. A graph reads these rows as nodes of their own, so that what a SHARED time contributes is SHARED too:
 * gradients are those of the graph's parameter leaves, not of nodes made from the layout.
 */
#ifndef PF_NN_POTENTIAL_H
#define PF_NN_POTENTIAL_H

#include "layout.h"

typedef struct pf_potential_config {
  int inputs; /* d: space columns, 1..65535 */
  int width;  /* m, 1..8192 */
  int layers; /* M: residual layers, 1..64 */
  int rank;   /* p: columns of A, 1..d+1; 0: min(10, d+1) */
} pf_potential_config;

/* PF_USAGE names the field that is out of range. */
pf_status pf_potential_config_check(const pf_potential_config *config, pf_error *error);

/* Fills *out (owned by the caller: pf_layout_free). Initial values as in the paper: K_i and b_i uniform in +-1/sqrt(fan-in),
 * A uniform in +-sqrt(6 / (p + d + 1)), w = 1, b = 0, c = 0. */
pf_status pf_potential_layout(const pf_potential_config *config, pf_layout *out, pf_error *error);

/* Phi as a PER_ROW scalar. x: PER_ROW [d]; t: scalar, SHARED or PER_ROW. Parameters come from set `set` at offset 0. */
pf_node pf_potential_apply(const pf_potential_config *config, int set, pf_node x, pf_node t);

typedef struct pf_potential_slopes {
  pf_node gradient;  /* PER_ROW [d]: of Phi in space */
  pf_node time;      /* PER_ROW scalar: dPhi/dt */
  pf_node laplacian; /* PER_ROW scalar: trace of the Hessian in space */
} pf_potential_slopes;

/* Derivatives of Phi by the paper's closed form, as forward operations: for a loss they are differentiated once, where the
 * generic transformations would be differentiated twice more. The trace costs one product of [d, m] with K_i per row and
 * layer. Neither derivative depends on c. Arguments as of pf_potential_apply. */
pf_potential_slopes pf_potential_slopes_apply(const pf_potential_config *config, int set, pf_node x,
                                              pf_node t);

#endif
