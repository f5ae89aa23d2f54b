/* Leaves: parameters, inputs, constants, random numbers. */
#include "build_util.h"

#include "../base/memory.h"

static bool graph_ok(pf_graph *graph) { return graph && pf_graph_status(graph, NULL) == PF_OK; }

static bool leaf_shape_ok(pf_graph *graph, const char *who, const pf_shape *shape) {
  char text[PF_SHAPE_TEXT];
  if (pf_shape_valid(shape)) return true;
  pf_graph_fail(graph, PF_USAGE, "%s: shape %s is not valid (%d axes, at most %d, dimensions from 1)", who,
                pf_shape_format(shape, text), shape->axes, PF_MAX_AXES);
  return false;
}

pf_node pf_param(pf_graph *graph, int set, int64_t offset, pf_shape shape) {
  if (!graph_ok(graph) || !leaf_shape_ok(graph, "param", &shape)) return pf_graph_invalid(graph);
  if (shape.span != PF_SHARED)
    return pf_graph_fail(graph, PF_USAGE, "param: span is %s, must be shared", pf_span_name(shape.span));
  if (set < 0 || offset < 0)
    return pf_graph_fail(graph, PF_USAGE, "param: set %d and offset %lld must not be negative", set,
                         (long long)offset);
  pf_node_data data = {.op = PF_OP_PARAM, .shape = shape, .i = {set, 0}, .offset = offset};
  return pf_graph_add(graph, &data);
}

pf_node pf_input(pf_graph *graph, int index, pf_shape shape) {
  if (!graph_ok(graph) || !leaf_shape_ok(graph, "input", &shape)) return pf_graph_invalid(graph);
  if (shape.span == PF_PARTIAL || index < 0)
    return pf_graph_fail(graph, PF_USAGE,
                         "input %d: span %s; an input is shared or per_row, its index from 0", index,
                         pf_span_name(shape.span));
  int32_t known = pf_graph_find_leaf(graph, PF_OP_INPUT, index);
  if (known >= 0 && !pf_shape_equal(&pf_graph_node(graph, known)->shape, &shape)) {
    char before[PF_SHAPE_TEXT], now[PF_SHAPE_TEXT];
    return pf_graph_fail(graph, PF_USAGE, "input %d: asked for as %s, but it is %s already", index,
                         pf_shape_format(&shape, now),
                         pf_shape_format(&pf_graph_node(graph, known)->shape, before));
  }
  pf_node_data data = {.op = PF_OP_INPUT, .shape = shape, .i = {index, 0}};
  return pf_graph_add(graph, &data);
}

pf_node pf_constant(pf_graph *graph, pf_shape shape, const double *values) {
  if (!graph_ok(graph) || !leaf_shape_ok(graph, "constant", &shape)) return pf_graph_invalid(graph);
  if (shape.span != PF_SHARED || !values)
    return pf_graph_fail(graph, PF_USAGE, "constant: span is %s, must be shared; values %s",
                         pf_span_name(shape.span), values ? "given" : "missing");
  return pf_graph_intern_constant(graph, shape, values);
}

pf_node pf_scalar(pf_graph *graph, double value) { return pf_constant(graph, PF_SCALAR(PF_SHARED), &value); }

pf_node pf_identity(pf_graph *graph, int n) {
  pf_shape shape = PF_SHAPE(PF_SHARED, n, n);
  double *values = NULL;
  if (!graph_ok(graph) || !leaf_shape_ok(graph, "identity", &shape)) return pf_graph_invalid(graph);
  if (pf_alloc((size_t)n * (size_t)n, sizeof *values, &values, NULL) != PF_OK)
    return pf_graph_fail(graph, PF_NO_MEMORY, "out of memory for an identity of %d rows", n);
  for (int i = 0; i < n; i++) values[(size_t)i * (size_t)n + (size_t)i] = 1;
  pf_node node = pf_constant(graph, shape, values);
  pf_free(values);
  return node;
}

/* The numbers of two leaves on one stream would overlap, so a stream belongs to the first leaf that asks. */
static pf_node random_leaf(pf_graph *graph, const pf_node_data *data) {
  static const pf_op random[] = {PF_OP_NORMAL, PF_OP_UNIFORM, PF_OP_INDEX};
  const char *name = pf_op_name(data->op);
  if (!leaf_shape_ok(graph, name, &data->shape)) return pf_graph_invalid(graph);
  if (data->i[0] < 0)
    return pf_graph_fail(graph, PF_USAGE, "%s: stream %d must not be negative", name, (int)data->i[0]);
  for (int i = 0; i < (int)(sizeof random / sizeof *random); i++) {
    int32_t known = pf_graph_find_leaf(graph, random[i], data->i[0]);
    if (known < 0) continue;
    const pf_node_data *other = pf_graph_node(graph, known);
    if (other->op == data->op && other->i[1] == data->i[1] && pf_shape_equal(&other->shape, &data->shape))
      return pf_node_at(graph, known);
    char text[PF_SHAPE_TEXT];
    return pf_graph_fail(graph, PF_USAGE, "%s: stream %d already feeds %s %s; numbers would be correlated",
                         name, (int)data->i[0], pf_op_name(other->op), pf_shape_format(&other->shape, text));
  }
  return pf_graph_add(graph, data);
}

pf_node pf_normal(pf_graph *graph, int stream, int columns) {
  if (!graph_ok(graph)) return pf_graph_invalid(graph);
  pf_node_data data = {.op = PF_OP_NORMAL, .shape = PF_SHAPE(PF_PER_ROW, columns), .i = {stream, 0}};
  return random_leaf(graph, &data);
}

pf_node pf_uniform(pf_graph *graph, int stream, int columns) {
  if (!graph_ok(graph)) return pf_graph_invalid(graph);
  pf_node_data data = {.op = PF_OP_UNIFORM, .shape = PF_SHAPE(PF_PER_ROW, columns), .i = {stream, 0}};
  return random_leaf(graph, &data);
}

pf_node pf_index(pf_graph *graph, int stream, int bound) {
  enum { MAX_BOUND = 1 << 24 }; /* exact as a float */
  if (!graph_ok(graph)) return pf_graph_invalid(graph);
  if (bound < 1 || bound > MAX_BOUND)
    return pf_graph_fail(graph, PF_USAGE, "index: bound %d is not in 1..%d", bound, MAX_BOUND);
  pf_node_data data = {.op = PF_OP_INDEX, .shape = PF_SCALAR(PF_PER_ROW), .i = {stream, bound}};
  return random_leaf(graph, &data);
}

pf_node pf_row_weight(pf_graph *graph) {
  if (!graph_ok(graph)) return pf_graph_invalid(graph);
  pf_node_data data = {.op = PF_OP_ROW_WEIGHT, .shape = PF_SCALAR(PF_PER_ROW)};
  return pf_graph_add(graph, &data);
}
