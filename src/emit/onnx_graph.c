/* See onnx_graph.h. */
#include "onnx_graph.h"

#include <stdio.h>
#include <string.h>

enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_OP = 4, NODE_ATTRIBUTE = 5 };
enum { ATTRIBUTE_NAME = 1, ATTRIBUTE_INT = 3, ATTRIBUTE_TYPE = 20, TYPE_INT = 2 };
enum { TENSOR_DIMS = 1, TENSOR_TYPE = 2, TENSOR_NAME = 8, TENSOR_RAW = 9 };
enum { GRAPH_NODE = 1, GRAPH_TENSOR = 5 };
enum { PORT_NAME = 1, PORT_TYPE = 2, TYPE_TENSOR = 1, TENSOR_ELEMENT = 1, TENSOR_SHAPE = 2 };
enum { SHAPE_DIM = 1, DIM_VALUE = 1, DIM_NAME = 2 };

void pf_onnx_free(pf_onnx *onnx) {
  pf_text_free(&onnx->nodes);
  pf_text_free(&onnx->tensors);
}

pf_onnx_name pf_onnx_named(const char *text) {
  pf_onnx_name name;
  snprintf(name.text, sizeof name.text, "%s", text);
  return name;
}

static pf_onnx_name new_name(pf_onnx *onnx, char kind) {
  pf_onnx_name name;
  snprintf(name.text, sizeof name.text, "%c%d", kind, onnx->names++);
  return name;
}

static size_t size_of(int type) {
  return type == PF_ONNX_FLOAT ? sizeof(float) : type == PF_ONNX_INT64 ? sizeof(int64_t) : 1;
}

/* Raw data are little endian, as are the processors this library is built for. */
pf_onnx_name pf_onnx_tensor(pf_onnx *onnx, int type, int rank, const int64_t *dims, const void *elements) {
  pf_onnx_name name = new_name(onnx, 'c');
  pf_text tensor = {0};
  size_t count = 1;
  for (int i = 0; i < rank; i++) {
    pf_pb_int(&tensor, TENSOR_DIMS, dims[i]);
    count *= (size_t)dims[i];
  }
  pf_pb_int(&tensor, TENSOR_TYPE, type);
  pf_pb_string(&tensor, TENSOR_NAME, name.text);
  pf_pb_bytes(&tensor, TENSOR_RAW, elements, count * size_of(type));
  pf_pb_message(&onnx->tensors, GRAPH_TENSOR, &tensor);
  return name;
}

pf_onnx_name pf_onnx_scalar(pf_onnx *onnx, float value) {
  return pf_onnx_tensor(onnx, PF_ONNX_FLOAT, 0, NULL, &value);
}

/* Inputs that are "" are left out; `attribute` may be NULL. */
static void add_node(pf_onnx *onnx, const char *op, const pf_onnx_name in[3], const char *output,
                     const char *attribute, int64_t value) {
  pf_text node = {0}, more = {0};
  for (int i = 0; i < 3; i++)
    if (in[i].text[0]) pf_pb_string(&node, NODE_INPUT, in[i].text);
  pf_pb_string(&node, NODE_OUTPUT, output);
  pf_pb_string(&node, NODE_OP, op);
  if (attribute) {
    pf_pb_string(&more, ATTRIBUTE_NAME, attribute);
    pf_pb_int(&more, ATTRIBUTE_INT, value);
    pf_pb_int(&more, ATTRIBUTE_TYPE, TYPE_INT);
    pf_pb_message(&node, NODE_ATTRIBUTE, &more);
  }
  pf_pb_message(&onnx->nodes, GRAPH_NODE, &node);
}

pf_onnx_name pf_onnx_op3(pf_onnx *onnx, const char *op, pf_onnx_name a, pf_onnx_name b, pf_onnx_name c) {
  pf_onnx_name out = new_name(onnx, 'n');
  add_node(onnx, op, (pf_onnx_name[]){a, b, c}, out.text, NULL, 0);
  return out;
}

pf_onnx_name pf_onnx_op2(pf_onnx *onnx, const char *op, pf_onnx_name a, pf_onnx_name b) {
  return pf_onnx_op3(onnx, op, a, b, pf_onnx_named(""));
}

pf_onnx_name pf_onnx_op1(pf_onnx *onnx, const char *op, pf_onnx_name a) {
  return pf_onnx_op2(onnx, op, a, pf_onnx_named(""));
}

pf_onnx_name pf_onnx_op_with(pf_onnx *onnx, const char *op, pf_onnx_name a, pf_onnx_name b,
                             const char *attribute, int64_t value) {
  pf_onnx_name out = new_name(onnx, 'n');
  add_node(onnx, op, (pf_onnx_name[]){a, b, {""}}, out.text, attribute, value);
  return out;
}

void pf_onnx_result(pf_onnx *onnx, pf_onnx_name a, const char *output) {
  add_node(onnx, "Identity", (pf_onnx_name[]){a, {""}, {""}}, output, NULL, 0);
}

void pf_onnx_port(pf_text *graph, int field, const char *name, int64_t columns) {
  pf_text rows = {0}, width = {0}, shape = {0}, tensor = {0}, type = {0}, port = {0};
  pf_pb_string(&rows, DIM_NAME, "N");
  pf_pb_int(&width, DIM_VALUE, columns);
  pf_pb_message(&shape, SHAPE_DIM, &rows);
  pf_pb_message(&shape, SHAPE_DIM, &width);
  pf_pb_int(&tensor, TENSOR_ELEMENT, PF_ONNX_FLOAT);
  pf_pb_message(&tensor, TENSOR_SHAPE, &shape);
  pf_pb_message(&type, TYPE_TENSOR, &tensor);
  pf_pb_string(&port, PORT_NAME, name);
  pf_pb_message(&port, PORT_TYPE, &type);
  pf_pb_message(graph, field, &port);
}
