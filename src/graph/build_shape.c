/* Builders of ops that move items without computing. */
#include "build_util.h"

static pf_node shape_fail(const char *name, pf_node a, const char *why) {
  char text[PF_SHAPE_TEXT];
  pf_shape shape = pf_node_shape(a);
  return pf_graph_fail(a.graph, PF_USAGE, "%s: operand is %s: %s", name, pf_shape_format(&shape, text), why);
}

static pf_node to_shape_fail(const char *name, pf_node a, const pf_shape *to) {
  char from_text[PF_SHAPE_TEXT], to_text[PF_SHAPE_TEXT];
  pf_shape from = pf_node_shape(a);
  return pf_graph_fail(a.graph, PF_USAGE, "%s: %s does not go to %s", name, pf_shape_format(&from, from_text),
                       pf_shape_format(to, to_text));
}

static pf_node add_unary(pf_op op, pf_node a, pf_shape shape, int attribute) {
  pf_node_data data = {.op = op, .shape = shape, .operands = 1, .operand = {a.id}, .i = {attribute, 0}};
  return pf_graph_add(a.graph, &data);
}

pf_node pf_reshape(pf_node a, int axes, const int *dim) {
  if (!pf_nodes_usable("reshape", &a, 1)) return pf_graph_invalid(a.graph);
  pf_shape from = pf_node_shape(a), to = pf_shape_of(from.span, axes, dim);
  if (!pf_shape_valid(&to) || pf_shape_items(&from) != pf_shape_items(&to))
    return to_shape_fail("reshape", a, &to);
  return add_unary(PF_OP_RESHAPE, a, to, 0);
}

pf_node pf_broadcast(pf_node a, pf_shape shape) {
  if (!pf_nodes_usable("broadcast", &a, 1)) return pf_graph_invalid(a.graph);
  pf_shape from = pf_node_shape(a);
  bool span_ok = from.span == shape.span || (from.span == PF_SHARED && shape.span == PF_PER_ROW);
  if (!pf_shape_valid(&shape) || !span_ok || !pf_shape_broadcasts_to(&from, &shape))
    return to_shape_fail("broadcast", a, &shape);
  return add_unary(PF_OP_BROADCAST, a, shape, 0);
}

/* PARTIAL goes with PARTIAL or zeros only: other SHARED items would be counted once per lane. */
static bool concat_span(pf_node a, pf_node b, pf_span *span) {
  pf_span sa = pf_node_shape(a).span, sb = pf_node_shape(b).span;
  *span = sa == PF_SHARED ? sb : sa;
  if (sa != PF_PARTIAL && sb != PF_PARTIAL) return true;
  return (sa == PF_PARTIAL || pf_node_is_uniform(a, 0)) && (sb == PF_PARTIAL || pf_node_is_uniform(b, 0)) &&
         sa != PF_PER_ROW && sb != PF_PER_ROW;
}

pf_node pf_concat(pf_node a, pf_node b) {
  if (!pf_nodes_usable("concat", (pf_node[]){a, b}, 2)) return pf_graph_invalid(a.graph);
  if (pf_node_shape(a).axes == 0) a = pf_reshape(a, 1, (int[]){1}); /* a scalar is one column */
  if (pf_node_shape(b).axes == 0) b = pf_reshape(b, 1, (int[]){1});
  if (!pf_nodes_usable("concat", (pf_node[]){a, b}, 2)) return pf_graph_invalid(a.graph);
  pf_shape sa = pf_node_shape(a), sb = pf_node_shape(b), shape = sa;
  bool same = sa.axes == sb.axes;
  for (int i = 0; same && i < sa.axes - 1; i++) same = sa.dim[i] == sb.dim[i];
  if (!same) {
    char text[PF_SHAPE_TEXT];
    return pf_graph_fail(a.graph, PF_USAGE,
                         "concat: second operand is %s, leading axes differ from the first's %d axes",
                         pf_shape_format(&sb, text), sa.axes);
  }
  if (!concat_span(a, b, &shape.span))
    return shape_fail("concat", pf_node_shape(a).span == PF_PARTIAL ? a : b,
                      "a partial goes with a partial or zeros only");
  if ((int64_t)pf_shape_last(&sa) + pf_shape_last(&sb) > INT32_MAX)
    return shape_fail("concat", a, "too long");
  shape.dim[shape.axes - 1] += pf_shape_last(&sb);
  if (!pf_shape_valid(&shape)) return shape_fail("concat", a, "the result has more than 2^31 - 1 items");
  pf_node_data data = {.op = PF_OP_CONCAT, .shape = shape, .operands = 2, .operand = {a.id, b.id}};
  return pf_graph_add(a.graph, &data);
}

pf_node pf_slice(pf_node a, int start, int length) {
  if (!pf_nodes_usable("slice", &a, 1)) return pf_graph_invalid(a.graph);
  pf_shape shape = pf_node_shape(a);
  int last = pf_shape_last(&shape);
  if (shape.axes < 1 || start < 0 || length < 1 || start > last || length > last - start) {
    char text[PF_SHAPE_TEXT];
    return pf_graph_fail(a.graph, PF_USAGE, "slice: start %d, length %d is outside the last axis of %s",
                         start, length, pf_shape_format(&shape, text));
  }
  shape.dim[shape.axes - 1] = length;
  return add_unary(PF_OP_SLICE, a, shape, start);
}

pf_node pf_pad(pf_node a, int before, int after) {
  if (!pf_nodes_usable("pad", &a, 1)) return pf_graph_invalid(a.graph);
  pf_shape shape = pf_node_shape(a);
  int64_t last = (int64_t)pf_shape_last(&shape) + before + after;
  if (shape.axes < 1 || before < 0 || after < 0 || last > INT32_MAX) {
    char text[PF_SHAPE_TEXT];
    return pf_graph_fail(a.graph, PF_USAGE, "pad: %d before and %d after the last axis of %s", before, after,
                         pf_shape_format(&shape, text));
  }
  shape.dim[shape.axes - 1] = (int)last;
  if (!pf_shape_valid(&shape)) return shape_fail("pad", a, "the result has more than 2^31 - 1 items");
  return add_unary(PF_OP_PAD, a, shape, before);
}

pf_node pf_gather(pf_node table, pf_node index) {
  if (!pf_nodes_usable("gather", (pf_node[]){table, index}, 2)) return pf_graph_invalid(table.graph);
  pf_shape st = pf_node_shape(table), si = pf_node_shape(index);
  if (st.span != PF_SHARED || st.axes != 2)
    return shape_fail("gather", table, "the table must be shared [n, d]");
  if (si.span != PF_PER_ROW || si.axes != 0)
    return shape_fail("gather", index, "the index must be a per_row scalar");
  pf_node_data data = {.op = PF_OP_GATHER,
                       .shape = PF_SHAPE(PF_PER_ROW, st.dim[1]),
                       .operands = 2,
                       .operand = {table.id, index.id}};
  return pf_graph_add(table.graph, &data);
}

pf_node pf_stop_gradient(pf_node a) {
  if (!pf_nodes_usable("stop_gradient", &a, 1)) return pf_graph_invalid(a.graph);
  return add_unary(PF_OP_STOP_GRADIENT, a, pf_node_shape(a), 0);
}
