/* Additions that a matrix product can start from: x + A B, with x a bias (one value for every column, the same in every
 * row) or another matrix of the same shape. The product's sums then begin at x instead of zero, and the addition
 * costs nothing. Done whether or not element-wise operations are fused, since it changes the rounding.
 */
#include "plan.h"

#include "../../base/memory.h"

static int last_dim(const pf_shape *shape) { return shape->axes > 0 ? shape->dim[shape->axes - 1] : 1; }

/* x reaches every element of the product's rows by a stride per row and 1 per column. */
static bool can_start(const pf_plan *plan, int32_t x, const pf_shape *sum) {
  const pf_shape *from = &pf_graph_node(plan->graph, x)->shape;
  if (from->span == PF_SHARED)
    return pf_shape_items(from) == last_dim(sum) && last_dim(from) == last_dim(sum);
  return from->span == PF_PER_ROW && pf_shape_items(from) == pf_shape_items(sum);
}

static bool can_join(const pf_plan *plan, const int32_t *uses, int32_t product, const pf_shape *sum) {
  const pf_node_data *node = pf_graph_node(plan->graph, product);
  return node->op == PF_OP_MATMUL && node->shape.span == PF_PER_ROW && uses[product] == 1 &&
         pf_shape_items(&node->shape) == pf_shape_items(sum) && last_dim(&node->shape) == last_dim(sum);
}

static void count_uses(const pf_plan *plan, const pf_node *outputs, int n_outputs, int32_t *uses) {
  for (int i = 0; i < n_outputs; i++) uses[plan->root[outputs[i].id]]++;
  for (int32_t id = 0; id < plan->size; id++) {
    int32_t in[PF_MAX_OPERANDS];
    for (int k = plan->needed[id] ? pf_plan_inputs(plan, id, in) : 0; k-- > 0;) uses[in[k]]++;
  }
}

pf_status pf_plan_products(pf_plan *plan, const pf_node *outputs, int n_outputs, pf_error *error) {
  int32_t *uses = NULL;
  PF_TRY(pf_alloc((size_t)plan->size, sizeof *uses, &uses, error));
  count_uses(plan, outputs, n_outputs, uses);
  for (int32_t id = 0; id < plan->size; id++) {
    const pf_node_data *node = pf_graph_node(plan->graph, id);
    if (!plan->needed[id] || node->op != PF_OP_ADD || node->shape.span != PF_PER_ROW) continue;
    for (int k = 1; k >= 0 && plan->product[id] < 0;
         k--) { /* of two products the first one starts the second */
      const int32_t product = node->operand[k], x = plan->root[pf_plan_operand(plan, node, 1 - k)];
      if (!can_join(plan, uses, product, &node->shape) || !can_start(plan, x, &node->shape)) continue;
      plan->product[id] = product;
      plan->needed[product] = 0;
    }
  }
  pf_free(uses);
  return PF_OK;
}
