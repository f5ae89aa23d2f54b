/* Matrix products in the plan: their sizes and precision, what their sums start from, and the steps they bring with them.
 *
 * Additions that a product can start from: x + A B, with x a bias (one value for every column, the same in every
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

pf_status pf_plan_products(pf_plan *plan, const pf_node *outputs, int n_outputs, pf_error *error) {
  int32_t *uses = NULL;
  PF_TRY(pf_alloc((size_t)plan->size, sizeof *uses, &uses, error));
  pf_plan_count_uses(plan, outputs, n_outputs, uses);
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

/* ---- steps ---- */

pf_value pf_plan_narrow_copy(int64_t items) {
  return (pf_value){
      .base = PF_BASE_LANE, .span = PF_PER_ROW, .items = items, .narrow = true, .first = -1, .last = -1};
}

/* Rows of these items can be stored in bfloat16 for products over `length` of them. */
static bool narrow_rows(const pf_shape *shape, int64_t length) {
  return shape->span == PF_PER_ROW && (pf_shape_items(shape) == length || length % PF_BF16_STEP == 0);
}

static bool product_narrows(const pf_plan *plan, const pf_step *step, const pf_shape *a, const pf_shape *b) {
  pf_gemm_shape tile = step->gemm;
  if (step->scaled_m) tile.m *= plan->rows;
  if (step->scaled_k) tile.k *= plan->rows;
  if (!plan->narrows || !(step->scaled_m || step->scaled_k) || !pf_gemm_bf16_fits(&tile)) return false;
  if (step->scaled_k) return narrow_rows(a, tile.m) && narrow_rows(b, tile.n);
  return narrow_rows(a, tile.k) && b->span == PF_SHARED;
}

bool pf_plan_product(const pf_plan *plan, int32_t id, pf_step *step) {
  const pf_node_data *node = pf_graph_node(plan->graph, plan->product[id] < 0 ? id : plan->product[id]);
  if (node->op != PF_OP_MATMUL && node->op != PF_OP_OUTER) return false;
  const pf_shape *a = &pf_graph_node(plan->graph, node->operand[0])->shape,
                 *b = &pf_graph_node(plan->graph, node->operand[1])->shape;
  const int64_t items = pf_shape_items(a), last = last_dim(a);
  step->kind = PF_STEP_GEMM;
  if (node->op == PF_OP_OUTER) {
    step->gemm = (pf_gemm_shape){last, last_dim(b), items / last, true, false};
    step->scaled_k = true;
  } else {
    const int64_t k = node->i[0] ? a->dim[0] : last;
    step->gemm = (pf_gemm_shape){items / k, last_dim(&node->shape), k, node->i[0] != 0, node->i[1] != 0};
    step->scaled_m = a->span == PF_PER_ROW;
  }
  step->narrow = product_narrows(plan, step, a, b);
  return true;
}

/* An outer product reads rows: a SHARED operand is repeated for each first. */
static void repeat_shared_operands(pf_plan *plan, pf_section *section, pf_step *step) {
  for (int k = 0; k < 2; k++) {
    const pf_value *from = &plan->program->value[step->in[k]];
    if (from->span != PF_SHARED) continue;
    pf_value rows = {.base = PF_BASE_LANE, .span = PF_PER_ROW, .items = from->items};
    pf_step repeat = {
        .kind = PF_STEP_REPEAT, .stage = step->stage, .node = step->node, .in = {step->in[k], -1, -1}};
    repeat.size[0] = from->items;
    repeat.out = step->in[k] = pf_plan_add_value(plan, rows);
    pf_plan_define(plan->program, repeat.out, section->steps);
    section->step[section->steps++] = repeat;
  }
}

static bool same_packing(const pf_step *a, const pf_step *b) {
  return a->in[0] == b->in[0] && a->gemm.n == b->gemm.n && a->gemm.transpose_b == b->gemm.transpose_b &&
         a->narrow == b->narrow;
}

/* Weights that lanes multiply by are packed once per run; equal packings are one. */
static void pack_weights(pf_plan *plan, pf_step *step) {
  pf_program *program = plan->program;
  pf_section *shared = &program->shared;
  pf_step pack = {.kind = PF_STEP_PACK,
                  .node = step->node,
                  .in = {step->in[1], -1, -1},
                  .gemm = step->gemm,
                  .narrow = step->narrow};
  if (program->value[step->in[1]].span != PF_SHARED || !(step->narrow || pf_gemm_packs(&step->gemm))) return;
  step->packed = true;
  for (int32_t i = 0; i < shared->steps; i++)
    if (shared->step[i].kind == PF_STEP_PACK && same_packing(&shared->step[i], &pack)) {
      step->in[1] = shared->step[i].out;
      return;
    }
  pf_value packed = {.base = PF_BASE_SHARED, .span = PF_SHARED};
  packed.items = step->narrow ? pf_gemm_bf16_packed_items(&step->gemm) / 2
                              : pf_gemm_packed_floats(program->kernels, &step->gemm);
  pack.out = step->in[1] = pf_plan_add_value(plan, packed);
  pf_plan_define(program, pack.out, shared->steps);
  shared->step[shared->steps++] = pack;
}

/* The copy in bfloat16 of what operand k of a product reads; made here when no group has made it. */
static int32_t narrow_operand(pf_plan *plan, pf_section *section, const pf_step *step, int32_t root) {
  pf_program *program = plan->program;
  if (plan->narrow_value[root] >= 0) return plan->narrow_value[root];
  const int32_t wide = plan->value[root];
  pf_step copy = {.kind = PF_STEP_NARROW, .stage = step->stage, .node = step->node, .in = {wide, -1, -1}};
  copy.size[0] = program->value[wide].items;
  copy.out = plan->narrow_value[root] =
      pf_plan_add_value(plan, pf_plan_narrow_copy(program->value[wide].items));
  pf_plan_use(program, wide, section->steps);
  pf_plan_define(program, copy.out, section->steps);
  section->step[section->steps++] = copy;
  return copy.out;
}

void pf_plan_describe_product(pf_plan *plan, pf_section *section, const int32_t *in, pf_step *step) {
  plan->program->stats.contractions++;
  plan->program->stats.narrow += step->narrow;
  for (int k = 0; step->narrow && k < (step->scaled_k ? 2 : 1); k++)
    step->in[k] = narrow_operand(plan, section, step, in[k]);
  if (step->scaled_k)
    repeat_shared_operands(plan, section, step);
  else if (section == &plan->program->lane)
    pack_weights(plan, step);
}
