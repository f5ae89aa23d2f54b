/* What the emitters walk: the nodes that depend on the noise, in creation order, with their products. */
#include "../base/memory.h"
#include "one_step.h"

static const pf_node_data *node_at(const pf_one_step *step, int32_t id) {
  return pf_graph_node(step->graph, id);
}

static pf_status check_node(const pf_one_step *step, int32_t id, pf_error *error) {
  const pf_node_data *node = node_at(step, id);
  const char *name = pf_op_name(node->op);
  if (node->shape.span != PF_PER_ROW) {
    if (node->op == PF_OP_PARAM || node->op == PF_OP_CONSTANT || node->op == PF_OP_INPUT) return PF_OK;
    return pf_fail(error, PF_FAILED, "node %d (%s) is the same for every sample, but not a number yet",
                   (int)id, name);
  }
  if (node->shape.axes > 1)
    return pf_fail(error, PF_FAILED, "node %d (%s) has %d axes; 1 can be exported", (int)id, name,
                   node->shape.axes);
  const bool known = id == step->noise.id || node->op == PF_OP_MATMUL || node->op == PF_OP_STOP_GRADIENT ||
                     node->op == PF_OP_SLICE || node->op == PF_OP_CONCAT ||
                     pf_op_kind_of(node->op) == PF_KIND_ELEMENTWISE;
  if (node->op == PF_OP_MATMUL && node_at(step, node->operand[1])->op != PF_OP_PARAM)
    return pf_fail(error, PF_FAILED, "node %d multiplies by what is no parameter", (int)id);
  return known ? PF_OK : pf_fail(error, PF_FAILED, "the operation '%s' cannot be exported", name);
}

/* A product read by this addition alone starts its sums at the other operand, as in the library's executor: the rounding is
 * then the same. */
static int32_t product_of(const pf_one_step *step, const pf_walk_order *order, int32_t id) {
  const pf_node_data *node = node_at(step, id);
  if (node->op != PF_OP_ADD || node->shape.span != PF_PER_ROW) return -1;
  for (int k = 1; k >= 0; k--) {
    const int32_t product = node->operand[k];
    const pf_node_data *p = node_at(step, product), *start = node_at(step, node->operand[1 - k]);
    if (p->op == PF_OP_MATMUL && order->uses[product] == 1 &&
        pf_shape_items(&start->shape) == pf_shape_items(&node->shape) &&
        pf_shape_items(&p->shape) == pf_shape_items(&node->shape))
      return product;
  }
  return -1;
}

int32_t pf_walk_order_start(const pf_one_step *step, const pf_walk_order *order, int32_t id) {
  const pf_node_data *node = node_at(step, id);
  return node->operand[node->operand[0] == order->product[id] ? 1 : 0];
}

pf_status pf_walk_order_create(const pf_one_step *step, pf_walk_order *out, pf_error *error) {
  pf_walk_order order = {.size = pf_graph_size(step->graph)};
  PF_TRY(pf_alloc(2 * (size_t)order.size, sizeof *order.uses, &order.uses, error));
  order.product = order.uses + order.size;
  pf_status status = PF_OK;
  order.uses[step->result.id] = 1;
  for (int32_t id = order.size - 1; id >= 0 && status == PF_OK; id--) {
    order.product[id] = -1;
    if (!order.uses[id]) continue;
    status = check_node(step, id, error);
    const pf_node_data *node = node_at(step, id);
    for (int k = 0; k < node->operands; k++) order.uses[node->operand[k]]++;
  }
  for (int32_t id = 0; id < order.size && status == PF_OK; id++)
    if (order.uses[id]) order.product[id] = product_of(step, &order, id);
  if (status == PF_OK)
    *out = order;
  else
    pf_walk_order_free(&order);
  return status;
}

void pf_walk_order_free(pf_walk_order *order) {
  pf_free(order->uses);
  *order = (pf_walk_order){0};
}
