/* Reverse rules: the cotangent of one operand from the cotangent g of the node, in terms of ops.
 *
 * g and what is returned are standing values (build_util.h): they broadcast to the node's and the operand's
 * shape.
 * Legend for contractions: y [.., n] = A [.., k] B [k, n], where A and B are a and b after their transposes.
 */
#include "build_util.h"

/* g stands for equal items along the last axis. */
static bool last_is_uniform(pf_node g) {
  pf_shape own = pf_node_shape(g);
  return pf_shape_last(&own) == 1;
}

static pf_node vjp_matmul_a(const pf_node_data *y, pf_node b, pf_node g) {
  pf_node full = pf_standing_full(g, &y->shape, false);
  if (y->i[0]) return pf_matmul(b, full, y->i[1], true); /* stored a = A^T: B g^T */
  return pf_matmul(full, b, false, !y->i[1]);            /* g B^T */
}

static pf_node vjp_matmul_b(const pf_node_data *y, pf_node a, pf_node g) {
  pf_node full = pf_standing_full(g, &y->shape, false);
  bool transpose_a = y->i[0], transpose_b = y->i[1];
  pf_shape sa = pf_node_shape(a);
  if (sa.span == PF_PER_ROW) return transpose_b ? pf_outer(full, a) : pf_outer(a, full); /* sum of A^T g */
  int k = pf_shape_last(&sa), n = pf_shape_last(&y->shape);
  int m = (int)(pf_shape_items(&y->shape) / n);
  pf_node g2 = pf_reshape(full, 2, (int[]){m, n});
  if (transpose_a) return transpose_b ? pf_matmul(g2, a, true, true) : pf_matmul(a, g2, false, false);
  pf_node a2 = pf_reshape(a, 2, (int[]){m, k});
  return transpose_b ? pf_matmul(g2, a2, true, false) : pf_matmul(a2, g2, true, false);
}

/* y = sum of a^T b over rows and leading axes: a_bar = b g^T, b_bar = a g, for every row. */
static pf_node vjp_outer(const pf_node_data *y, int k, const pf_node *x, pf_node g) {
  pf_node full = pf_standing_full(g, &y->shape, false);
  pf_node bar = pf_matmul(x[1 - k], full, false, k == 0);
  return pf_node_shape(x[k]).span == PF_SHARED ? pf_standing_sum_rows(bar) : bar;
}

static pf_node vjp_concat(const pf_node_data *y, int k, const pf_node *x, pf_node g) {
  pf_shape first = pf_node_shape(x[0]), own = pf_node_shape(x[k]), part = y->shape;
  part.dim[part.axes - 1] = pf_shape_last(&own);
  if (!last_is_uniform(g)) g = pf_slice(g, k == 0 ? 0 : pf_shape_last(&first), pf_shape_last(&own));
  return pf_standing_reduce(g, &part, &own);
}

static pf_node vjp_reshape(const pf_node_data *y, const pf_shape *own, pf_node g) {
  pf_shape gs = pf_node_shape(g);
  if (pf_shape_items(&gs) == 1) return pf_reshape(g, 0, NULL); /* stands for equal items: any shape */
  return pf_reshape(pf_standing_full(g, &y->shape, false), own->axes, own->dim);
}

static pf_node vjp_slice(const pf_node_data *y, const pf_shape *own, pf_node g) {
  int length = pf_shape_last(&y->shape), last = pf_shape_last(own);
  return pf_pad(pf_standing_full(g, &y->shape, false), y->i[0], last - length - y->i[0]);
}

pf_node pf_rule_vjp(pf_node node, int k, pf_node g) {
  pf_graph *graph = node.graph;
  if (!pf_node_valid(g)) return pf_graph_invalid(graph);
  pf_node_data y = *pf_node_get(node);
  pf_node x[PF_MAX_OPERANDS];
  for (int j = 0; j < y.operands; j++) x[j] = pf_node_at(graph, y.operand[j]);
  pf_shape own = pf_node_shape(x[k]);
  if (pf_op_kind_of(y.op) == PF_KIND_ELEMENTWISE)
    return pf_standing_reduce(pf_rule_elementwise(node, k, g), &y.shape, &own);
  switch (y.op) {
  case PF_OP_SUM_ROWS:
  case PF_OP_SUM_AXIS: return g; /* every term gets the sum's cotangent: g stands for it */
  case PF_OP_MATMUL: return k == 0 ? vjp_matmul_a(&y, x[1], g) : vjp_matmul_b(&y, x[0], g);
  case PF_OP_OUTER: return vjp_outer(&y, k, x, g);
  case PF_OP_RESHAPE: return vjp_reshape(&y, &own, g);
  case PF_OP_BROADCAST: return pf_standing_reduce(g, &y.shape, &own);
  case PF_OP_CONCAT: return vjp_concat(&y, k, x, g);
  case PF_OP_SLICE: return vjp_slice(&y, &own, g);
  case PF_OP_PAD: return last_is_uniform(g) ? g : pf_slice(g, y.i[0], pf_shape_last(&own));
  default: return pf_graph_fail(graph, PF_FAILED, "%s: no gradient rule", pf_op_name(y.op));
  }
}
