/* Forward rules: the tangent of a node from the tangents of its operands, in terms of ops.
 * Tangents are standing values (build_util.h); an invalid handle is "does not move".
 * Legend: lead, the length of the axis of directions that a stacked tangent has in front; 0 without a stack. */
#include "build_util.h"

/* Sum of the terms there are. */
static pf_node add_terms(pf_node a, pf_node b) {
  if (!pf_node_valid(a)) return b;
  return pf_node_valid(b) ? pf_add(a, b) : a;
}

static int lead_of(pf_node t, bool stacked) {
  pf_shape own = pf_node_shape(t);
  return stacked && own.axes > 0 ? own.dim[0] : 0;
}

/* t in full item dimensions of its node's shape, with `lead` directions. */
static pf_node full(pf_node t, const pf_shape *shape, bool rows, int lead) {
  pf_shape to = pf_shape_stacked(lead, shape);
  return pf_standing_full(t, &to, rows);
}

/* Standing for a node of `axes` axes: in a stack, axes of length 1 go between the directions and the items there are. */
static pf_node lift(pf_node t, int axes, bool stacked) {
  pf_shape own = pf_node_shape(t), items = {.axes = axes, .dim = {1, 1, 1}};
  if (!stacked || own.axes > axes) return t;
  for (int e = 0; e < own.axes - 1; e++) items.dim[axes - 1 - e] = own.dim[own.axes - 1 - e];
  pf_shape to = pf_shape_stacked(own.dim[0], &items);
  return pf_reshape(t, to.axes, to.dim);
}

static pf_node jvp_elementwise(pf_node node, const pf_node_data *y, const pf_node *t, bool stacked) {
  pf_node sum = pf_graph_invalid(node.graph);
  for (int k = 0; k < y->operands; k++)
    if (pf_node_valid(t[k]))
      sum = add_terms(sum, pf_rule_elementwise(node, k, lift(t[k], y->shape.axes, stacked)));
  return sum;
}

/* The product with t in place of operand k. Directions are more rows of a product's first operand; anywhere else they
 * would need a product each, so there may be one only. */
static pf_node contraction_term(const pf_node_data *y, const pf_node *x, int k, pf_node t, bool stacked) {
  bool outer = y->op == PF_OP_OUTER, more_rows = !outer && k == 0 && !y->i[0];
  pf_shape own = pf_node_shape(t), shape = pf_node_shape(x[k]);
  pf_node in[2] = {x[0], x[1]};
  if (stacked && !more_rows && own.dim[0] > 1)
    return pf_graph_fail(t.graph, PF_USAGE,
                         "jvp_stack: operand %d of %s moves in %d directions, which is not one product; only "
                         "the first operand of a matmul can, not transposed",
                         k, pf_op_name(y->op), own.dim[0]);
  if (stacked && !more_rows) t = pf_reshape(t, own.axes - 1, own.dim + 1);
  in[k] = full(t, &shape, outer, more_rows ? lead_of(t, stacked) : 0);
  pf_node product = outer ? pf_outer(in[0], in[1]) : pf_matmul(in[0], in[1], y->i[0], y->i[1]);
  pf_shape one = pf_shape_stacked(1, &y->shape);
  return stacked && !more_rows ? pf_reshape(product, one.axes, one.dim) : product;
}

/* y = A B: A' B + A B' */
static pf_node jvp_contraction(const pf_node_data *y, const pf_node *x, const pf_node *t, bool stacked) {
  pf_node sum = pf_graph_invalid(x[0].graph);
  for (int k = 0; k < 2; k++)
    if (pf_node_valid(t[k])) sum = add_terms(sum, contraction_term(y, x, k, t[k], stacked));
  return sum;
}

static pf_node jvp_concat(const pf_node *x, const pf_node *t, bool stacked) {
  pf_shape sa = pf_node_shape(x[0]), sb = pf_node_shape(x[1]);
  int la = lead_of(t[0], stacked), lb = lead_of(t[1], stacked), lead = la > lb ? la : lb;
  if (!pf_node_valid(t[1])) return pf_pad(full(t[0], &sa, false, la), 0, pf_shape_last(&sb));
  if (!pf_node_valid(t[0])) return pf_pad(full(t[1], &sb, false, lb), pf_shape_last(&sa), 0);
  return pf_concat(full(t[0], &sa, false, lead), full(t[1], &sb, false, lead));
}

static pf_node jvp_reshape(const pf_node_data *y, const pf_shape *in, pf_node t, bool stacked) {
  int lead = lead_of(t, stacked);
  pf_shape to = pf_shape_stacked(lead, &y->shape);
  return pf_reshape(full(t, in, false, lead), to.axes, to.dim);
}

static pf_node jvp_slice(const pf_node_data *y, pf_node t) {
  pf_shape own = pf_node_shape(t);
  return pf_shape_last(&own) == 1 ? t : pf_slice(t, y->i[0], pf_shape_last(&y->shape));
}

pf_node pf_rule_jvp(pf_node node, const pf_node *t, bool stacked) {
  pf_graph *graph = node.graph;
  pf_node_data y = *pf_node_get(node);
  pf_node x[PF_MAX_OPERANDS];
  for (int j = 0; j < y.operands; j++) x[j] = pf_node_at(graph, y.operand[j]);
  if (pf_op_kind_of(y.op) == PF_KIND_ELEMENTWISE) return jvp_elementwise(node, &y, t, stacked);
  pf_shape in = pf_node_shape(x[0]);
  switch (y.op) {
  case PF_OP_SUM_ROWS: return pf_standing_sum_rows(t[0]);
  case PF_OP_SUM_AXIS: return pf_standing_sum_axis(t[0], &in, y.i[0]);
  case PF_OP_MATMUL:
  case PF_OP_OUTER: return jvp_contraction(&y, x, t, stacked);
  case PF_OP_RESHAPE: return jvp_reshape(&y, &in, t[0], stacked);
  case PF_OP_BROADCAST: return lift(t[0], y.shape.axes, stacked);
  case PF_OP_CONCAT: return jvp_concat(x, t, stacked);
  case PF_OP_SLICE: return jvp_slice(&y, t[0]);
  case PF_OP_PAD: {
    int last = pf_shape_last(&in);
    pf_node moving = full(t[0], &in, false, lead_of(t[0], stacked));
    return pf_pad(moving, y.i[0], pf_shape_last(&y.shape) - last - y.i[0]);
  }
  default: return pf_graph_fail(graph, PF_FAILED, "%s: no tangent rule", pf_op_name(y.op));
  }
}
