/* Compiling a group: its nodes become instructions on registers, registers become memory or scratch blocks.
 *
 * A node's value lives in a scratch block unless somebody outside of the group reads it; then it is written in place.
 * Operands from outside are read in place where a block of them is contiguous, otherwise expanded into a scratch block:
 * once for the whole group when they do not depend on the row, else block by block before their first use.
 */
#include "plan.h"

#include <string.h>

#include "../../base/memory.h"

enum {
  WIDE_COLUMNS = 8,
  REGS_PER_MEMBER = 5,
  INSTRUCTIONS_PER_MEMBER = 5 /* three operands, itself, its copy */
};

typedef struct builder {
  const pf_plan *plan;
  pf_group *g;
  int32_t *reg_of; /* register of a member, by position */
  const int32_t *members;
  int32_t n;
} builder;

static const int kernel_of[PF_OP_COUNT] = {[PF_OP_BROADCAST] = PF_KERNEL_COPY,
                                           [PF_OP_SLICE] = PF_KERNEL_COPY,
                                           [PF_OP_SELECT] = PF_KERNEL_SELECT,
#define PF_X(NAME, expression) [PF_OP_##NAME] = PF_KERNEL_##NAME,
                                           PF_UNARY_KERNELS(PF_X) PF_BINARY_KERNELS(PF_X)
#undef PF_X
};

static void padded_dims(const pf_shape *shape, int64_t dim[PF_MAX_AXES]) {
  for (int i = 0; i < PF_MAX_AXES; i++) dim[i] = 1;
  for (int i = 0; i < shape->axes; i++) dim[PF_MAX_AXES - shape->axes + i] = shape->dim[i];
}

/* Operand `id` as `user` sees it. */
static pf_view view_of(const pf_graph *graph, int32_t user, int32_t id) {
  const pf_node_data *node = pf_graph_node(graph, id), *reader = pf_graph_node(graph, user);
  pf_view view = {.offset = reader->op == PF_OP_SLICE ? reader->i[0] : 0};
  padded_dims(&reader->shape, view.dim);
  if (node->op == PF_OP_CONSTANT && node->i[0] == 1) { /* all elements equal */
    view.offset = 0;
    return view;
  }
  int64_t dim[PF_MAX_AXES];
  padded_dims(&node->shape, dim);
  int64_t stride = 1;
  for (int i = PF_MAX_AXES - 1; i >= 0; i--) {
    view.stride[i] = dim[i] == 1 ? 0 : stride;
    stride *= dim[i];
  }
  if (node->shape.span == PF_PER_ROW) view.row_stride = stride;
  return view;
}

/* Item axes follow each other in memory without repeats. */
static bool contiguous(const pf_view *view) {
  int64_t stride = 1;
  for (int i = PF_MAX_AXES - 1; i >= 0; i--) {
    if (view->dim[i] > 1 && view->stride[i] != stride) return false;
    stride *= view->dim[i];
  }
  return true;
}

static bool constant_along_items(const pf_view *view) {
  for (int i = 0; i < PF_MAX_AXES; i++)
    if (view->dim[i] > 1 && view->stride[i] != 0) return false;
  return true;
}

static int32_t add_reg(builder *b, pf_reg_kind kind, int32_t value, const pf_view *view) {
  pf_group *g = b->g;
  for (int32_t i = 0; view && i < g->regs; i++)
    if (g->reg[i].value == value && g->reg[i].kind == kind && !memcmp(&g->reg[i].view, view, sizeof *view))
      return i;
  g->reg[g->regs] = (pf_reg){.kind = kind, .value = value, .slot = 0};
  if (view) g->reg[g->regs].view = *view;
  return g->regs++;
}

static pf_instruction *add_instruction(builder *b, pf_instruction_kind kind) {
  pf_instruction *in = &b->g->instruction[b->g->instructions++];
  *in = (pf_instruction){
      .kind = kind, .operand = {-1, -1, -1}, .out = -1, .second = -1, .value = -1, .accumulator = -1};
  return in;
}

/* Register that shows what lies outside of the group. */
static int32_t load(builder *b, int32_t user, int32_t id, bool scalar_allowed) {
  pf_group *g = b->g;
  const pf_view view = view_of(b->plan->graph, user, id);
  const int32_t value = b->plan->value[b->plan->root[id]];
  const bool one_row = g->span != PF_PER_ROW;
  if (contiguous(&view) && (one_row || g->block_rows == 0 || view.row_stride == g->items))
    return add_reg(b, PF_REG_DIRECT, value, &view);
  if (view.row_stride == 0) {
    bool scalar = scalar_allowed && constant_along_items(&view);
    return add_reg(b, scalar ? PF_REG_SCALAR : PF_REG_ONCE, value, &view);
  }
  int32_t before = b->g->regs, reg = add_reg(b, PF_REG_TEMP, value, &view);
  if (reg == before) add_instruction(b, PF_EXPAND)->out = reg;
  return reg;
}

static int32_t member_index(const builder *b, int32_t id) { /* members ascend */
  int32_t low = 0, high = b->n - 1;
  while (low < high) {
    int32_t middle = low + (high - low) / 2;
    if (b->members[middle] < id)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static int32_t member_reg(const builder *b, int32_t id) { return b->reg_of[member_index(b, id)]; }

static int32_t operand_reg(builder *b, int32_t user, int32_t operand, bool scalar_allowed) {
  const pf_plan *plan = b->plan;
  const int32_t root = plan->root[operand];
  if (plan->group[root] >= 0 && plan->group[root] == plan->group[user]) return member_reg(b, root);
  return load(b, user, operand, scalar_allowed);
}

static int32_t result_reg(builder *b, int32_t id) {
  if (!b->plan->stored[id]) return add_reg(b, PF_REG_TEMP, -1, NULL);
  pf_view view = {.row_stride = b->g->span == PF_PER_ROW ? b->g->items : 0};
  return add_reg(b, PF_REG_DIRECT, b->plan->value[id], &view);
}

static int32_t compile_view(builder *b, int32_t id, const pf_node_data *node) {
  int32_t reg = load(b, id, pf_plan_operand(b->plan, node, 0), false);
  if (!b->plan->stored[id]) return reg;
  int32_t out = result_reg(b, id);
  pf_instruction *in = add_instruction(b, PF_RUN_KERNEL);
  in->kernel = PF_KERNEL_COPY;
  in->operand[0] = reg;
  return in->out = out;
}

/* Both of a pair by one instruction, when the partner of `id` is in this group and not compiled yet. */
static bool compile_pair(builder *b, int32_t id, const pf_node_data *node) {
  pf_pair pair;
  const int32_t partner = b->plan->fuse ? pf_plan_partner(b->plan, id, &pair) : -1;
  if (partner < id || b->plan->group[partner] != b->plan->group[id]) return false;
  const int32_t operand = operand_reg(b, id, pf_plan_operand(b->plan, node, 0), false);
  const int32_t own = result_reg(b, id), other = result_reg(b, partner);
  const bool first = node->op == pf_pair_ops[pair][0];
  pf_instruction *in = add_instruction(b, PF_RUN_PAIR);
  in->pair = pair;
  in->operand[0] = operand;
  in->out = first ? own : other;
  in->second = first ? other : own;
  b->reg_of[member_index(b, id)] = own;
  b->reg_of[member_index(b, partner)] = other;
  return true;
}

static int32_t compile_elementwise(builder *b, int32_t id, const pf_node_data *node) {
  int32_t operand[PF_MAX_OPERANDS] = {-1, -1, -1};
  bool scalar_seen = false;
  for (int k = 0; k < node->operands; k++) {
    bool allowed = node->operands == 2 && !scalar_seen;
    operand[k] = operand_reg(b, id, pf_plan_operand(b->plan, node, k), allowed);
    if (b->g->reg[operand[k]].kind == PF_REG_SCALAR) scalar_seen = true;
  }
  int32_t out = result_reg(b, id);
  pf_instruction *in = add_instruction(b, PF_RUN_KERNEL);
  in->kernel = (pf_kernel)kernel_of[node->op];
  if (node->operands == 2 && scalar_seen) /* forms follow each other: VV, VS, SV */
    in->kernel = (pf_kernel)(in->kernel + (b->g->reg[operand[1]].kind == PF_REG_SCALAR ? 1 : 2));
  memcpy(in->operand, operand, sizeof operand);
  return in->out = out;
}

static void compile_fold(builder *b, int32_t id, const pf_node_data *node) {
  int32_t reg = member_reg(b, b->plan->root[node->operand[0]]);
  pf_instruction *in = add_instruction(b, node->op == PF_OP_SUM_ROWS ? PF_FOLD_ROWS : PF_FOLD_COLUMNS);
  in->operand[0] = reg;
  in->value = b->plan->value[id];
  if (node->op == PF_OP_SUM_ROWS) {
    in->goes_on = pf_plan_is_made(b->plan->program, in->value);
    if (b->g->items < WIDE_COLUMNS) in->accumulator = b->g->slots++;
  } else {
    int64_t inner;
    pf_plan_axis(b->plan, id, &in->columns, &inner);
  }
}

static bool same_register(const pf_instruction *in, int k) {
  for (int j = 0; j < k; j++)
    if (in->operand[j] == in->operand[k]) return true;
  return false;
}

/* Scratch blocks: permanent ones first, the others taken at their definition and given back after their last use. A result
 * may take the block of an operand that ends with the same instruction. */
static pf_status assign_slots(pf_group *g, pf_error *error) {
  for (int32_t i = 0; i < g->regs; i++)
    if (g->reg[i].kind == PF_REG_ONCE) g->reg[i].slot = g->slots++;
  int32_t *scratch = NULL; /* last use by register, then the stack of free blocks */
  PF_TRY(pf_alloc(2 * (size_t)g->regs + 1, sizeof *scratch, &scratch, error));
  int32_t *last = scratch, *free_slot = scratch + g->regs, free_slots = 0;
  for (int32_t i = 0; i < g->instructions; i++)
    for (int k = 0; k < PF_MAX_OPERANDS; k++)
      if (g->instruction[i].operand[k] >= 0) last[g->instruction[i].operand[k]] = i;
  for (int32_t i = 0; i < g->instructions; i++) {
    const pf_instruction *in = &g->instruction[i];
    for (int k = 0; k < PF_MAX_OPERANDS; k++) {
      int32_t r = in->operand[k];
      if (r >= 0 && g->reg[r].kind == PF_REG_TEMP && last[r] == i && !same_register(in, k))
        free_slot[free_slots++] = g->reg[r].slot;
    }
    const int32_t made[] = {in->out, in->second};
    for (int k = 0; k < 2; k++)
      if (made[k] >= 0 && g->reg[made[k]].kind == PF_REG_TEMP)
        g->reg[made[k]].slot = free_slots > 0 ? free_slot[--free_slots] : g->slots++;
  }
  pf_free(scratch);
  return PF_OK;
}

/* Can blocks be chunks of a row? Only when every operand is contiguous or constant along the row. */
static bool chunkable(const builder *b) {
  for (int32_t i = 0; i < b->n; i++) {
    int32_t id = b->members[i];
    const pf_node_data *node = pf_graph_node(b->plan->graph, id);
    for (int k = 0; k < node->operands; k++) {
      int32_t operand = pf_plan_operand(b->plan, node, k);
      if (b->plan->group[b->plan->root[operand]] == b->plan->group[id]) continue;
      pf_view view = view_of(b->plan->graph, id, operand);
      if (!contiguous(&view) && !constant_along_items(&view)) return false;
    }
  }
  return true;
}

static void choose_block(builder *b) {
  pf_group *g = b->g;
  g->block_rows = g->items <= PF_BLOCK ? PF_BLOCK / g->items : chunkable(b) ? 0 : 1;
  int64_t floats = g->block_rows == 0 ? PF_BLOCK : g->block_rows * g->items;
  g->block = (floats + 15) / 16 * 16;
}

/* A group without scratch blocks reads and writes what streams through the cache anyway. */
static void lengthen_block(pf_group *g) {
  if (g->slots > 0 || g->block_rows == 0 || g->items * 2 > PF_BLOCK) return;
  g->block_rows *= 2;
  g->block *= 2;
}

/* The copy in bfloat16 that products read. */
static void compile_narrow(builder *b, int32_t id, int32_t reg) {
  if (b->plan->narrow_value[id] < 0) return;
  pf_instruction *in = add_instruction(b, PF_NARROW);
  in->operand[0] = reg;
  in->value = b->plan->narrow_value[id];
}

static void compile_member(builder *b, int32_t i) {
  const int32_t id = b->members[i];
  const pf_node_data *node = pf_graph_node(b->plan->graph, id);
  if (pf_op_kind_of(node->op) == PF_KIND_REDUCTION) {
    compile_fold(b, id, node);
    return;
  }
  const bool made = b->reg_of[i] > 0 || compile_pair(b, id, node); /* by the partner, or with it now */
  if (!made && (node->op == PF_OP_BROADCAST || node->op == PF_OP_SLICE))
    b->reg_of[i] = compile_view(b, id, node);
  else if (!made)
    b->reg_of[i] = compile_elementwise(b, id, node);
  compile_narrow(b, id, b->reg_of[i]);
}

pf_status pf_group_compile(const pf_plan *plan, const int32_t *members, int32_t n, pf_group *g,
                           pf_error *error) {
  const pf_node_data *first = pf_graph_node(plan->graph, members[0]);
  builder b = {.plan = plan, .g = g, .members = members, .n = n};
  g->span = first->shape.span;
  g->items = pf_shape_items(&first->shape);
  PF_TRY(pf_alloc((size_t)n * REGS_PER_MEMBER, sizeof *g->reg, &g->reg, error));
  PF_TRY(pf_alloc((size_t)n * INSTRUCTIONS_PER_MEMBER, sizeof *g->instruction, &g->instruction, error));
  PF_TRY(pf_alloc((size_t)n, sizeof *b.reg_of, &b.reg_of, error));
  choose_block(&b);
  for (int32_t i = 0; i < n; i++) compile_member(&b, i);
  pf_free(b.reg_of);
  PF_TRY(assign_slots(g, error));
  lengthen_block(g);
  return PF_OK;
}
