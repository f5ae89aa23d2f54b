/* Interpolants as graph nodes (contract: interpolant_graph.h). */
#include "interpolant_graph.h"

static const double HALF_PI = 1.57079632679489661923;

static pf_node one_minus(pf_node t) { return pf_offset(pf_neg(t), 1); }

/* The form (1-t)(1+t) does not cancel near 1. */
static pf_node follmer_alpha_squared(pf_node t) { return pf_mul(one_minus(t), pf_offset(t, 1)); }

pf_node pf_interpolant_alpha_node(pf_interpolant kind, pf_node t) {
  switch (kind) {
  case PF_INTERPOLANT_LINEAR: return one_minus(t);
  case PF_INTERPOLANT_FOLLMER: return pf_sqrt(follmer_alpha_squared(t));
  case PF_INTERPOLANT_TRIG:
  case PF_INTERPOLANT_COUNT: break;
  }
  return pf_sin(pf_scale(one_minus(t), HALF_PI));
}

pf_node pf_interpolant_beta_node(pf_interpolant kind, pf_node t) {
  return kind == PF_INTERPOLANT_TRIG ? pf_sin(pf_scale(t, HALF_PI)) : t;
}

pf_interpolant_nodes pf_interpolant_nodes_at(pf_interpolant kind, pf_node t) {
  pf_interpolant_nodes v = {pf_interpolant_alpha_node(kind, t), pf_interpolant_beta_node(kind, t), t, t};
  switch (kind) {
  case PF_INTERPOLANT_LINEAR:
    v.alpha_dot = pf_scalar(t.graph, -1);
    v.beta_dot = pf_scalar(t.graph, 1);
    break;
  case PF_INTERPOLANT_FOLLMER:
    v.alpha_dot = pf_neg(pf_div(t, v.alpha));
    v.beta_dot = pf_scalar(t.graph, 1);
    break;
  case PF_INTERPOLANT_TRIG:
  case PF_INTERPOLANT_COUNT:
    v.alpha_dot = pf_scale(v.beta, -HALF_PI);
    v.beta_dot = pf_scale(v.alpha, HALF_PI);
    break;
  }
  return v;
}

pf_node pf_interpolant_point_node(pf_interpolant kind, pf_node t, pf_node x0, pf_node x1) {
  return pf_add(pf_mul(pf_interpolant_alpha_node(kind, t), x0),
                pf_mul(pf_interpolant_beta_node(kind, t), x1));
}

pf_node pf_interpolant_velocity_node(pf_interpolant kind, pf_node t, pf_node x0, pf_node x1) {
  pf_interpolant_nodes v = pf_interpolant_nodes_at(kind, t);
  return pf_add(pf_mul(v.alpha_dot, x0), pf_mul(v.beta_dot, x1));
}

void pf_interpolant_step_nodes(pf_interpolant kind, pf_node t, pf_node s, pf_node *a, pf_node *b) {
  *a = pf_div(pf_interpolant_alpha_node(kind, s), pf_interpolant_alpha_node(kind, t));
  *b = pf_sub(pf_interpolant_beta_node(kind, s), pf_mul(*a, pf_interpolant_beta_node(kind, t)));
}
