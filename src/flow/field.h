/* The right-hand side of a neural ODE, x' = v(x, r), as graph builders with its divergence.
 *
 *   NETWORK    v = F(x) or F(r, x), a perceptron: free-form flows, JKO blocks
 *   POTENTIAL  v = -grad Phi(x, r), OT-Flow's potential; gradient and Laplacian in closed form (arXiv 2006.00104)
 *
 * r is the flow's own clock: 0 at the data, 1 at the noise.
 */
#ifndef PF_FLOW_FIELD_H
#define PF_FLOW_FIELD_H

#include "../nn/network.h"
#include "../nn/potential.h"

typedef enum pf_field_kind { PF_FIELD_NETWORK, PF_FIELD_POTENTIAL } pf_field_kind;

typedef struct pf_field {
  pf_field_kind kind;
  pf_network_config network;     /* NETWORK: inputs == outputs == d, times 0 or 1 */
  pf_potential_config potential; /* POTENTIAL */
} pf_field;

int pf_field_columns(const pf_field *field);
/* PF_USAGE naming what is out of range. */
pf_status pf_field_check(const pf_field *field, pf_error *error);
/* The pieces of the flat parameter array, owned by the caller: pf_layout_free. */
pf_status pf_field_layout(const pf_field *field, pf_layout *out, pf_error *error);

typedef enum pf_divergence {
#define PF_DIVERGENCE(NAME, name, description) PF_DIVERGENCE_##NAME,
#include "divergences.def"
#undef PF_DIVERGENCE
  PF_DIVERGENCE_COUNT
} pf_divergence;

/* PF_USAGE listing the valid names. */
pf_status pf_divergence_find(const char *name, pf_divergence *out, pf_error *error);
const char *pf_divergence_name(pf_divergence divergence);

/* How a divergence is built; the potential's exact one is the paper's closed form. */
typedef struct pf_divergence_rule {
  pf_divergence kind;
  pf_node probe; /* e, PER_ROW [d], of HUTCHINSON and DIFFERENCE: E[e e^T] = I */
  double width;  /* sigma of DIFFERENCE, > 0 */
} pf_divergence_rule;

typedef struct pf_field_nodes {
  pf_node velocity;        /* PER_ROW [d] */
  pf_node divergence;      /* PER_ROW scalar */
  pf_node potential_slope; /* d Phi / dr, PER_ROW scalar; POTENTIAL only, else an invalid handle */
} pf_field_nodes;

/* x: PER_ROW [d]; r: scalar, SHARED or PER_ROW. Parameters come from set `set` at offset 0. */
pf_node pf_field_velocity(const pf_field *field, int set, pf_node x, pf_node r);
pf_field_nodes pf_field_at(const pf_field *field, int set, pf_node x, pf_node r,
                           const pf_divergence_rule *rule);

/* The exact divergence of v (PER_ROW [d]) in x (PER_ROW [d]): the trace of d v / d x from d tangents at once. */
pf_node pf_divergence_exact(pf_node v, pf_node x);

#endif
