/* Forward rules: the tangent of a node from the tangents of its operands, in terms of ops.
 * Tangents are standing values (build_util.h); an invalid handle is "does not move". */
#include "build_util.h"

/* Sum of the terms there are. */
static pf_node add_terms(pf_node a, pf_node b) {
  if (!pf_node_valid(a)) return b;
  return pf_node_valid(b) ? pf_add(a, b) : a;
}

static pf_node jvp_elementwise(pf_node node, int operands, const pf_node *t) {
  pf_node sum = pf_graph_invalid(node.graph);
  for (int k = 0; k < operands; k++)
    if (pf_node_valid(t[k])) sum = add_terms(sum, pf_rule_elementwise(node, k, t[k]));
  return sum;
}

/* y = A B: A' B + A B' */
static pf_node jvp_matmul(const pf_node_data *y, const pf_node *x, const pf_node *t) {
  pf_shape sa = pf_node_shape(x[0]), sb = pf_node_shape(x[1]);
  pf_node terms[2] = {pf_graph_invalid(x[0].graph), pf_graph_invalid(x[0].graph)};
  if (pf_node_valid(t[0])) terms[0] = pf_matmul(pf_standing_full(t[0], &sa, false), x[1], y->i[0], y->i[1]);
  if (pf_node_valid(t[1])) terms[1] = pf_matmul(x[0], pf_standing_full(t[1], &sb, false), y->i[0], y->i[1]);
  return add_terms(terms[0], terms[1]);
}

static pf_node jvp_outer(const pf_node *x, const pf_node *t) {
  pf_shape sa = pf_node_shape(x[0]), sb = pf_node_shape(x[1]);
  pf_node terms[2] = {pf_graph_invalid(x[0].graph), pf_graph_invalid(x[0].graph)};
  if (pf_node_valid(t[0])) terms[0] = pf_outer(pf_standing_full(t[0], &sa, true), x[1]);
  if (pf_node_valid(t[1])) terms[1] = pf_outer(x[0], pf_standing_full(t[1], &sb, true));
  return add_terms(terms[0], terms[1]);
}

static pf_node jvp_concat(const pf_node *x, const pf_node *t) {
  pf_shape sa = pf_node_shape(x[0]), sb = pf_node_shape(x[1]);
  if (!pf_node_valid(t[1])) return pf_pad(pf_standing_full(t[0], &sa, false), 0, pf_shape_last(&sb));
  if (!pf_node_valid(t[0])) return pf_pad(pf_standing_full(t[1], &sb, false), pf_shape_last(&sa), 0);
  return pf_concat(pf_standing_full(t[0], &sa, false), pf_standing_full(t[1], &sb, false));
}

static pf_node jvp_slice(const pf_node_data *y, pf_node t) {
  pf_shape own = pf_node_shape(t);
  return pf_shape_last(&own) == 1 ? t : pf_slice(t, y->i[0], pf_shape_last(&y->shape));
}

pf_node pf_rule_jvp(pf_node node, const pf_node *t) {
  pf_graph *graph = node.graph;
  pf_node_data y = *pf_node_get(node);
  pf_node x[PF_MAX_OPERANDS];
  for (int j = 0; j < y.operands; j++) x[j] = pf_node_at(graph, y.operand[j]);
  if (pf_op_kind_of(y.op) == PF_KIND_ELEMENTWISE) return jvp_elementwise(node, y.operands, t);
  pf_shape in = pf_node_shape(x[0]);
  switch (y.op) {
  case PF_OP_SUM_ROWS: return pf_standing_sum_rows(t[0]);
  case PF_OP_SUM_AXIS: return pf_standing_sum_axis(t[0], &in, y.i[0]);
  case PF_OP_MATMUL: return jvp_matmul(&y, x, t);
  case PF_OP_OUTER: return jvp_outer(x, t);
  case PF_OP_RESHAPE: return pf_reshape(pf_standing_full(t[0], &in, false), y.shape.axes, y.shape.dim);
  case PF_OP_BROADCAST: return t[0];
  case PF_OP_CONCAT: return jvp_concat(x, t);
  case PF_OP_SLICE: return jvp_slice(&y, t[0]);
  case PF_OP_PAD: {
    int last = pf_shape_last(&in);
    return pf_pad(pf_standing_full(t[0], &in, false), y.i[0], pf_shape_last(&y.shape) - last - y.i[0]);
  }
  default: return pf_graph_fail(graph, PF_FAILED, "%s: no tangent rule", pf_op_name(y.op));
  }
}
