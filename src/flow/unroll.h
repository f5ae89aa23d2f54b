/* A neural ODE integrated inside a graph, for training through its steps: discretise, then optimise.
 *
 * From the data side (r = 0) to the noise side (r = 1), with what a flow's loss needs accumulated along the way:
 *   x' = v(x, r)    l' = div v    k' = |v|^2 / 2    q' = | -dPhi/dr + |v|^2 / 2 |   (the Hamilton-Jacobi-Bellman residual)
 * by the same tableaux that the numeric integrator uses (ode/tableaux.def).
 *
 * A field that is fitted through few fixed steps learns to bend where no stage looks: its likelihood is then an artefact of the
 * steps, and falls apart under finer ones. Random steps leave no such places.
 */
#ifndef PF_FLOW_UNROLL_H
#define PF_FLOW_UNROLL_H

#include "../ode/ode.h"
#include "field.h"

typedef struct pf_unroll_spec {
  pf_ode_method method;
  int steps;
  pf_node end; /* r at the end, SHARED or PER_ROW scalar; a zero or invalid handle: 1 */
  double
      jitter; /* 0: equal steps; else random ones for every row, (1 + jitter (u_k - mean u)) / steps of the way */
  int jitter_stream;  /* feeds u, uniform on (0, 1) */
  const double *grid; /* the ends of the steps, steps + 1 values from 0 to 1; NULL: equal or random steps */
  pf_node *path;      /* receives x at the ends of the steps, steps + 1 nodes; or NULL */
  pf_divergence divergence;
  double width;     /* sigma of the difference probe */
  int probe_stream; /* streams probe_stream + 0..steps-1 feed one probe per step, kept inside its stages */
} pf_unroll_spec;

typedef struct pf_unrolled {
  pf_node x;               /* PER_ROW [d], at the end */
  pf_node log_det;         /* integral of the divergence: PER_ROW scalar */
  pf_node kinetic;         /* integral of |v|^2 / 2 */
  pf_node hamilton_jacobi; /* integral of the residual; an invalid handle without a potential */
} pf_unrolled;

pf_unrolled pf_unroll(const pf_field *field, int set, pf_node x, const pf_unroll_spec *spec);

/* The same along any velocity that the caller builds: a potential known in closed form in place of a network. */
typedef pf_field_nodes pf_field_builder(const void *context, pf_node x, pf_node r,
                                        const pf_divergence_rule *rule);
pf_unrolled pf_unroll_along(pf_field_builder *field, const void *context, pf_node x,
                            const pf_unroll_spec *spec);

#endif
