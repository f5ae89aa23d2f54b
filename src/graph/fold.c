/* Simplification while a graph is built: what pf_graph_add does before a node is stored.
 *
 *   identities     x+0, 0+x, x-0, 0-x, x*1, x*-1, x/1, -(-x); shape ops that change nothing; reshape of
 * reshape, slice of slice, ... constants      an element-wise op, reshape, slice or sum_axis of constants is
 * a constant broadcasts     an element-wise operand that is a broadcast is replaced by its source where the
 * result keeps its shape order          a+b and b+a are one node
 *
 * Never x*0 -> 0 or x-x -> 0: they would hide a NaN. Everything here keeps values bit for bit, but for the
 * sign of a zero.
 */
#include "build_util.h"
#include "../base/memory.h"

static pf_node operand(pf_graph *graph, const pf_node_data *data, int k) {
  return pf_node_at(graph, data->operand[k]);
}

bool pf_node_is_uniform(pf_node node, double value) {
  if (!pf_node_valid(node)) return false;
  const pf_node_data *data = pf_node_get(node);
  while (data->op == PF_OP_BROADCAST) data = pf_graph_node(node.graph, data->operand[0]);
  return data->op == PF_OP_CONSTANT && data->i[0] == 1 &&
         pf_graph_constants(node.graph)[data->offset] == value;
}

/* Takes the source of operand k's broadcast when the other operands still give the node its shape. */
static void drop_broadcast(pf_graph *graph, pf_node_data *data, int k) {
  const pf_node_data *node = pf_graph_node(graph, data->operand[k]);
  if (node->op != PF_OP_BROADCAST) return;
  pf_shape joined = pf_graph_node(graph, node->operand[0])->shape;
  bool per_row = joined.span == PF_PER_ROW;
  for (int j = 0; j < data->operands; j++) {
    if (j == k) continue;
    const pf_shape *other = &pf_graph_node(graph, data->operand[j])->shape;
    per_row = per_row || other->span == PF_PER_ROW;
    if (!pf_shape_join_items(&joined, other, &joined)) return;
  }
  bool same_span = data->shape.span != PF_PER_ROW || per_row;
  if (same_span && pf_shape_same_items(&joined, &data->shape)) data->operand[k] = node->operand[0];
}

static void canonicalise(pf_graph *graph, pf_node_data *data) {
  if (pf_op_kind_of(data->op) != PF_KIND_ELEMENTWISE) return;
  for (int k = 0; k < data->operands; k++) drop_broadcast(graph, data, k);
  bool commutes = data->op == PF_OP_ADD || data->op == PF_OP_MUL;
  if (commutes && data->operand[0] > data->operand[1]) {
    int32_t first = data->operand[0];
    data->operand[0] = data->operand[1];
    data->operand[1] = first;
  }
}

static pf_node fold_identity(pf_graph *graph, const pf_node_data *data) {
  pf_node a = operand(graph, data, 0);
  if (data->op == PF_OP_NEG) {
    const pf_node_data *inner = pf_node_get(a);
    return inner->op == PF_OP_NEG ? operand(graph, inner, 0) : pf_graph_invalid(graph);
  }
  if (data->operands != 2) return pf_graph_invalid(graph);
  pf_node b = operand(graph, data, 1);
  switch (data->op) {
  case PF_OP_ADD:
    if (pf_node_is_uniform(b, 0)) return pf_broadcast(a, data->shape);
    if (pf_node_is_uniform(a, 0)) return pf_broadcast(b, data->shape);
    break;
  case PF_OP_SUB:
    if (pf_node_is_uniform(b, 0)) return pf_broadcast(a, data->shape);
    if (pf_node_is_uniform(a, 0)) return pf_broadcast(pf_neg(b), data->shape);
    break;
  case PF_OP_MUL:
    if (pf_node_is_uniform(b, 1)) return pf_broadcast(a, data->shape);
    if (pf_node_is_uniform(a, 1)) return pf_broadcast(b, data->shape);
    if (pf_node_is_uniform(b, -1)) return pf_broadcast(pf_neg(a), data->shape);
    if (pf_node_is_uniform(a, -1)) return pf_broadcast(pf_neg(b), data->shape);
    break;
  case PF_OP_DIV:
    if (pf_node_is_uniform(b, 1)) return pf_broadcast(a, data->shape);
    break;
  default: break;
  }
  return pf_graph_invalid(graph);
}

/* ---- constants ---- */

static void constant_value(pf_graph *graph, const pf_node_data *data, double *out) {
  const pf_node_data *in[PF_MAX_OPERANDS] = {0};
  const double *value[PF_MAX_OPERANDS] = {0};
  for (int k = 0; k < data->operands; k++) {
    in[k] = pf_graph_node(graph, data->operand[k]);
    value[k] = pf_graph_constants(graph) + in[k]->offset;
  }
  int64_t items = pf_shape_items(&data->shape);
  int last = pf_shape_last(&data->shape), last_in = pf_shape_last(&in[0]->shape);
  if (data->op == PF_OP_SUM_AXIS) {
    int64_t count = pf_shape_items(&in[0]->shape);
    for (int64_t i = 0; i < count; i++)
      out[pf_shape_operand_index(&in[0]->shape, &data->shape, i)] += value[0][i];
    return;
  }
  for (int64_t i = 0; i < items; i++) {
    if (data->op == PF_OP_RESHAPE) {
      out[i] = value[0][i];
    } else if (data->op == PF_OP_SLICE) {
      out[i] = value[0][i / last * last_in + data->i[0] + i % last];
    } else {
      double x[PF_MAX_OPERANDS] = {0};
      for (int k = 0; k < data->operands; k++)
        x[k] = value[k][pf_shape_operand_index(&data->shape, &in[k]->shape, i)];
      out[i] = pf_op_apply(data->op, x[0], x[1], x[2]);
    }
  }
}

static pf_node fold_constant(pf_graph *graph, const pf_node_data *data) {
  enum { MAX_ITEMS = 4096 }; /* larger results are stored only when an operand is as large */
  bool elementwise = pf_op_kind_of(data->op) == PF_KIND_ELEMENTWISE;
  if (!elementwise && data->op != PF_OP_RESHAPE && data->op != PF_OP_SLICE && data->op != PF_OP_SUM_AXIS)
    return pf_graph_invalid(graph);
  int64_t items = pf_shape_items(&data->shape), largest = MAX_ITEMS;
  for (int k = 0; k < data->operands; k++) {
    const pf_node_data *in = pf_graph_node(graph, data->operand[k]);
    if (in->op != PF_OP_CONSTANT) return pf_graph_invalid(graph);
    if (pf_shape_items(&in->shape) > largest) largest = pf_shape_items(&in->shape);
  }
  if (items > largest) return pf_graph_invalid(graph);
  pf_error error;
  double *values = NULL;
  if (pf_alloc((size_t)items, sizeof *values, &values, &error) != PF_OK)
    return pf_graph_fail(graph, error.status, "%s", error.message);
  constant_value(graph, data, values);
  pf_node node = pf_graph_intern_constant(graph, data->shape, values);
  pf_free(values);
  return node;
}

/* ---- shape ops ---- */

static pf_node fold_slice(pf_graph *graph, const pf_node_data *data) {
  pf_node_data in = *pf_graph_node(graph, data->operand[0]);
  if (!in.operands) return pf_graph_invalid(graph);
  int start = data->i[0], length = pf_shape_last(&data->shape);
  pf_node first = operand(graph, &in, 0);
  pf_shape first_shape = pf_node_shape(first);
  int first_last = pf_shape_last(&first_shape);
  if (in.op == PF_OP_SLICE) return pf_slice(first, in.i[0] + start, length);
  if (in.op == PF_OP_PAD && start >= in.i[0] && start + length <= in.i[0] + first_last)
    return pf_slice(first, start - in.i[0], length);
  if (in.op == PF_OP_BROADCAST && first_last == 1) return pf_broadcast(first, data->shape);
  if (in.op == PF_OP_CONCAT) {
    pf_node second = operand(graph, &in, 1);
    bool from_first = start + length <= first_last, from_second = start >= first_last;
    pf_node source = from_first ? first : second;
    bool zeros_beside_partial = data->shape.span == PF_PARTIAL && pf_node_shape(source).span == PF_SHARED;
    if (zeros_beside_partial || (!from_first && !from_second)) return pf_graph_invalid(graph);
    return pf_broadcast(pf_slice(source, from_first ? start : start - first_last, length), data->shape);
  }
  return pf_graph_invalid(graph);
}

static pf_node fold_shape(pf_graph *graph, const pf_node_data *data) {
  pf_node a = operand(graph, data, 0);
  pf_node_data in = *pf_node_get(a);
  switch (data->op) {
  case PF_OP_RESHAPE:
    if (in.op == PF_OP_RESHAPE) return pf_reshape(operand(graph, &in, 0), data->shape.axes, data->shape.dim);
    if (in.op == PF_OP_BROADCAST && pf_node_shape(operand(graph, &in, 0)).axes == 0)
      return pf_broadcast(operand(graph, &in, 0), data->shape);
    break;
  case PF_OP_BROADCAST:
    if (in.op == PF_OP_BROADCAST) return pf_broadcast(operand(graph, &in, 0), data->shape);
    break;
  case PF_OP_SLICE: return fold_slice(graph, data);
  case PF_OP_STOP_GRADIENT:
    if (in.op == PF_OP_STOP_GRADIENT || in.op == PF_OP_CONSTANT) return a;
    break;
  default: break;
  }
  return pf_graph_invalid(graph);
}

/* Ops that only move or sum items do nothing when the shape stays the same. */
static bool is_noop(pf_graph *graph, const pf_node_data *data) {
  switch (data->op) {
  case PF_OP_RESHAPE:
  case PF_OP_BROADCAST:
  case PF_OP_SLICE:
  case PF_OP_PAD:
  case PF_OP_SUM_AXIS: return pf_shape_equal(&data->shape, &pf_graph_node(graph, data->operand[0])->shape);
  default: return false;
  }
}

pf_node pf_graph_add(pf_graph *graph, const pf_node_data *data) {
  pf_node_data node = *data;
  if (node.operands == 0) return pf_graph_intern(graph, &node);
  if (is_noop(graph, &node)) return operand(graph, &node, 0);
  canonicalise(graph, &node);
  pf_node simpler = fold_constant(graph, &node);
  if (!pf_node_valid(simpler) && pf_op_kind_of(node.op) == PF_KIND_ELEMENTWISE)
    simpler = fold_identity(graph, &node);
  else if (!pf_node_valid(simpler))
    simpler = fold_shape(graph, &node);
  return pf_node_valid(simpler) ? simpler : pf_graph_intern(graph, &node);
}
