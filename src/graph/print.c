/* A graph as text: "%3 = matmul per_row[8] %0 %2 transpose 0 1", one node a line. */
#include "build_util.h"
#include "../base/memory.h"
#include "../base/text.h"

static void print_constant(pf_text *text, const pf_graph *graph, const pf_node_data *node) {
  enum { SHOWN = 8 };
  int64_t items = pf_shape_items(&node->shape);
  int64_t shown = node->i[0] == 1 ? 1 : items < SHOWN ? items : SHOWN;
  if (node->i[0] == 1 && items > 1) pf_text_add(text, " all");
  for (int64_t i = 0; i < shown; i++) {
    char number[32];
    pf_format_double(pf_graph_constants(graph)[node->offset + i], number);
    pf_text_add(text, " %s", number);
  }
  if (node->i[0] != 1 && shown < items) pf_text_add(text, " ...");
}

static void print_attributes(pf_text *text, const pf_graph *graph, const pf_node_data *node) {
  switch (node->op) {
  case PF_OP_PARAM: pf_text_add(text, " set %d offset %lld", (int)node->i[0], (long long)node->offset); break;
  case PF_OP_INPUT: pf_text_add(text, " index %d", (int)node->i[0]); break;
  case PF_OP_CONSTANT: print_constant(text, graph, node); break;
  case PF_OP_NORMAL:
  case PF_OP_UNIFORM: pf_text_add(text, " stream %d", (int)node->i[0]); break;
  case PF_OP_INDEX: pf_text_add(text, " stream %d bound %d", (int)node->i[0], (int)node->i[1]); break;
  case PF_OP_SUM_AXIS: pf_text_add(text, " axis %d", (int)node->i[0]); break;
  case PF_OP_MATMUL: pf_text_add(text, " transpose %d %d", (int)node->i[0], (int)node->i[1]); break;
  case PF_OP_SLICE: pf_text_add(text, " start %d", (int)node->i[0]); break;
  case PF_OP_PAD: pf_text_add(text, " before %d", (int)node->i[0]); break;
  default: break;
  }
}

pf_status pf_graph_print(const pf_graph *graph, char **out, pf_error *error) {
  pf_text text = {0};
  for (int32_t id = 0; id < pf_graph_size(graph); id++) {
    const pf_node_data *node = pf_graph_node(graph, id);
    char shape[PF_SHAPE_TEXT];
    pf_text_add(&text, "%%%d = %s %s", (int)id, pf_op_name(node->op), pf_shape_format(&node->shape, shape));
    for (int k = 0; k < node->operands; k++) pf_text_add(&text, " %%%d", (int)node->operand[k]);
    print_attributes(&text, graph, node);
    pf_text_add(&text, "\n");
  }
  pf_status status = text.status;
  if (status == PF_OK)
    status = pf_strdup(text.data ? text.data : "", out, error);
  else
    pf_fail(error, status, "graph: no memory for a listing of %d nodes", (int)pf_graph_size(graph));
  pf_text_free(&text);
  return status;
}
