/* Builders of element-wise ops, reductions and contractions: check operands, infer the shape, add the node.
 */
#include "build_util.h"

/* ---- element-wise ---- */

static bool partial_or_zero(pf_node node) {
  return pf_node_get(node)->shape.span == PF_PARTIAL || pf_node_is_uniform(node, 0);
}

static bool is_shared(pf_node node) { return pf_node_get(node)->shape.span == PF_SHARED; }

/* With a PARTIAL among the operands and no PER_ROW: is the op linear in the partials taken together? A SHARED
 * addend is refused because it would be counted once per lane. */
static bool linear_in_partials(pf_op op, const pf_node *x) {
  switch (op) {
  case PF_OP_NEG: return true;
  case PF_OP_ADD:
  case PF_OP_SUB: return partial_or_zero(x[0]) && partial_or_zero(x[1]);
  case PF_OP_MUL: return is_shared(x[0]) || is_shared(x[1]);
  case PF_OP_DIV: return is_shared(x[1]);
  case PF_OP_SELECT: return is_shared(x[0]) && partial_or_zero(x[1]) && partial_or_zero(x[2]);
  default: return false;
  }
}

static bool elementwise_span(pf_op op, const pf_node *x, int n, pf_span *span) {
  bool per_row = false;
  int partial = -1;
  for (int k = 0; k < n; k++) {
    pf_span s = pf_node_get(x[k])->shape.span;
    if (s == PF_PARTIAL && partial < 0) partial = k;
    per_row = per_row || s == PF_PER_ROW;
  }
  *span = partial >= 0 ? PF_PARTIAL : per_row ? PF_PER_ROW : PF_SHARED;
  if (partial < 0 || (!per_row && linear_in_partials(op, x))) return true;
  char text[PF_SHAPE_TEXT];
  pf_graph_fail(x[0].graph, PF_USAGE,
                "%s: operand %d is %s, a sum over one lane's rows; %s. Sum over lanes first and use it in a "
                "later phase",
                pf_op_name(op), partial, pf_shape_format(&pf_node_get(x[partial])->shape, text),
                per_row ? "it cannot meet a per_row operand" : "this use is not linear in it");
  return false;
}

static pf_node elementwise(pf_op op, const pf_node *x) {
  int n = pf_op_arity(op);
  pf_graph *graph = x[0].graph;
  if (!pf_nodes_usable(pf_op_name(op), x, n)) return pf_graph_invalid(graph);
  pf_node_data data = {.op = op, .operands = n, .shape = pf_node_get(x[0])->shape};
  for (int k = 0; k < n; k++) {
    const pf_shape *shape = &pf_node_get(x[k])->shape;
    data.operand[k] = x[k].id;
    if (pf_shape_join_items(&data.shape, shape, &data.shape)) continue;
    char before[PF_SHAPE_TEXT], now[PF_SHAPE_TEXT];
    return pf_graph_fail(graph, PF_USAGE, "%s: operand %d is %s and does not broadcast with %s",
                         pf_op_name(op), k, pf_shape_format(shape, now),
                         pf_shape_format(&data.shape, before));
  }
  if (!pf_shape_valid(&data.shape))
    return pf_graph_fail(graph, PF_USAGE, "%s: the result has more than 2^31 - 1 items", pf_op_name(op));
  if (!elementwise_span(op, x, n, &data.shape.span)) return pf_graph_invalid(graph);
  return pf_graph_add(graph, &data);
}

#define UNARY(NAME, name)                                                                                    \
  pf_node pf_##name(pf_node a) { return elementwise(PF_OP_##NAME, &a); }
#define BINARY(NAME, name)                                                                                   \
  pf_node pf_##name(pf_node a, pf_node b) { return elementwise(PF_OP_##NAME, (pf_node[]){a, b}); }
#define TERNARY(NAME, name)                                                                                  \
  pf_node pf_##name(pf_node a, pf_node b, pf_node c) {                                                       \
    return elementwise(PF_OP_##NAME, (pf_node[]){a, b, c});                                                  \
  }
#define ELEMENTWISE_1 UNARY
#define ELEMENTWISE_2 BINARY
#define ELEMENTWISE_3 TERNARY
#define NOTHING(NAME, name)
#define LEAF_0                                           NOTHING
#define REDUCTION_1                                      NOTHING
#define CONTRACTION_2                                    NOTHING
#define SHAPE_1                                          NOTHING
#define SHAPE_2                                          NOTHING
#define PF_OP(NAME, name, arity, kind, expression, onnx) kind##_##arity(NAME, name)
#include "ops.def"
#undef PF_OP

pf_node pf_gelu(pf_node a) {
  const double inverse_sqrt2 = 0.70710678118654752440;
  return pf_mul(pf_scale(a, 0.5), pf_offset(pf_erf(pf_scale(a, inverse_sqrt2)), 1));
}

pf_node pf_square(pf_node a) { return pf_mul(a, a); }

pf_node pf_scale(pf_node a, double factor) {
  return pf_node_valid(a) ? pf_mul(a, pf_scalar(a.graph, factor)) : pf_graph_invalid(a.graph);
}

pf_node pf_offset(pf_node a, double shift) {
  return pf_node_valid(a) ? pf_add(a, pf_scalar(a.graph, shift)) : pf_graph_invalid(a.graph);
}

/* ---- reductions ---- */

pf_node pf_sum_rows(pf_node a) {
  if (!pf_nodes_usable("sum_rows", &a, 1)) return pf_graph_invalid(a.graph);
  pf_node_data data = {.op = PF_OP_SUM_ROWS, .shape = pf_node_shape(a), .operands = 1, .operand = {a.id}};
  if (data.shape.span != PF_PER_ROW) {
    char text[PF_SHAPE_TEXT];
    return pf_graph_fail(a.graph, PF_USAGE, "sum_rows: operand is %s, must be per_row",
                         pf_shape_format(&data.shape, text));
  }
  data.shape.span = PF_PARTIAL;
  return pf_graph_add(a.graph, &data);
}

pf_node pf_sum_axis(pf_node a, int axis) {
  if (!pf_nodes_usable("sum_axis", &a, 1)) return pf_graph_invalid(a.graph);
  pf_node_data data = {.op = PF_OP_SUM_AXIS, .shape = pf_node_shape(a), .operands = 1, .operand = {a.id}};
  int i = axis < 0 ? axis + data.shape.axes : axis;
  if (i < 0 || i >= data.shape.axes) {
    char text[PF_SHAPE_TEXT];
    return pf_graph_fail(a.graph, PF_USAGE, "sum_axis: axis %d of %s does not exist", axis,
                         pf_shape_format(&data.shape, text));
  }
  data.i[0] = i;
  data.shape.dim[i] = 1;
  return pf_graph_add(a.graph, &data);
}

pf_node pf_sum_items(pf_node a) {
  if (!pf_nodes_usable("sum_items", &a, 1)) return pf_graph_invalid(a.graph);
  pf_shape shape = pf_node_shape(a);
  int items = (int)pf_shape_items(&shape);
  if (shape.axes == 0) return a;
  return pf_reshape(pf_sum_axis(pf_reshape(a, 1, &items), 0), 0, NULL);
}

pf_node pf_mean_rows(pf_node a, pf_node inverse_rows) {
  if (!pf_nodes_usable("mean_rows", (pf_node[]){a, inverse_rows}, 2)) return pf_graph_invalid(a.graph);
  return pf_mul(pf_sum_rows(pf_mul(a, pf_row_weight(a.graph))), inverse_rows);
}

/* ---- contractions ---- */

static pf_node contraction_fail(const char *name, pf_node a, pf_node b, const char *why) {
  char ta[PF_SHAPE_TEXT], tb[PF_SHAPE_TEXT];
  pf_shape sa = pf_node_shape(a), sb = pf_node_shape(b);
  return pf_graph_fail(a.graph, PF_USAGE, "%s: %s and %s: %s", name, pf_shape_format(&sa, ta),
                       pf_shape_format(&sb, tb), why);
}

pf_node pf_matmul(pf_node a, pf_node b, bool transpose_a, bool transpose_b) {
  const char *name = "matmul";
  if (!pf_nodes_usable(name, (pf_node[]){a, b}, 2)) return pf_graph_invalid(a.graph);
  pf_shape sa = pf_node_shape(a), sb = pf_node_shape(b);
  if (sb.span == PF_PER_ROW) return contraction_fail(name, a, b, "the second operand must not be per_row");
  if (sb.span == PF_PARTIAL && sa.span != PF_SHARED)
    return contraction_fail(name, a, b, "a partial must meet a shared operand (this is not linear in it)");
  if (sb.axes != 2 || sa.axes < 1) return contraction_fail(name, a, b, "needs [.., k] and two axes [k, n]");
  if (transpose_a && (sa.axes != 2 || sa.span == PF_PER_ROW))
    return contraction_fail(name, a, b, "transpose_a needs a first operand of two axes that is not per_row");
  int k = transpose_a ? sa.dim[0] : pf_shape_last(&sa);
  if (k != sb.dim[transpose_b ? 1 : 0])
    return contraction_fail(
        name, a, b, transpose_b ? "contracted lengths differ (b transposed)" : "contracted lengths differ");
  pf_node_data data = {.op = PF_OP_MATMUL,
                       .shape = sa,
                       .operands = 2,
                       .operand = {a.id, b.id},
                       .i = {transpose_a, transpose_b}};
  if (transpose_a) data.shape.dim[0] = sa.dim[1];
  data.shape.dim[sa.axes - 1] = sb.dim[transpose_b ? 0 : 1];
  if (sb.span == PF_PARTIAL) data.shape.span = PF_PARTIAL;
  if (!pf_shape_valid(&data.shape))
    return contraction_fail(name, a, b, "the result has more than 2^31 - 1 items");
  return pf_graph_add(a.graph, &data);
}

pf_node pf_outer(pf_node a, pf_node b) {
  const char *name = "outer";
  if (!pf_nodes_usable(name, (pf_node[]){a, b}, 2)) return pf_graph_invalid(a.graph);
  pf_shape sa = pf_node_shape(a), sb = pf_node_shape(b);
  if (sa.span == PF_PARTIAL || sb.span == PF_PARTIAL)
    return contraction_fail(name, a, b, "a partial cannot be used here (this is not linear in it)");
  if (sa.span != PF_PER_ROW && sb.span != PF_PER_ROW)
    return contraction_fail(name, a, b, "one operand must be per_row");
  if (sa.axes < 1 || sa.axes != sb.axes)
    return contraction_fail(name, a, b, "needs the same number of axes, from 1");
  for (int i = 0; i < sa.axes - 1; i++)
    if (sa.dim[i] != sb.dim[i]) return contraction_fail(name, a, b, "leading axes differ");
  pf_node_data data = {.op = PF_OP_OUTER,
                       .shape = PF_SHAPE(PF_PARTIAL, pf_shape_last(&sa), pf_shape_last(&sb)),
                       .operands = 2,
                       .operand = {a.id, b.id}};
  if (!pf_shape_valid(&data.shape))
    return contraction_fail(name, a, b, "the result has more than 2^31 - 1 items");
  return pf_graph_add(a.graph, &data);
}
