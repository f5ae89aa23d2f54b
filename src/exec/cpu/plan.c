/* From a graph to steps.
 *
 * Every needed node gets a stage: the number of steps that must have run before it can. Element-wise nodes stay on the stage of
 * an element-wise operand over the same element space, every other edge adds one. All element-wise nodes of one
 * stage and one element space then form a group: two of them either depend on each other element by element or not at
 * all, so groups can never wait for one another in a circle. Without fusion every node of a group is a group of its own,
 * at the same place, so that sums over rows add up in the same order.
 */
#include "plan.h"

#include <stdlib.h>

#include "../../base/memory.h"

static const pf_node_data *node_at(const pf_plan *plan, int32_t id) { return pf_graph_node(plan->graph, id); }

static bool is_view_op(pf_op op) { return op == PF_OP_BROADCAST || op == PF_OP_SLICE; }

/* A view shows the same floats as its operand, in the same order. */
static bool is_alias(const pf_plan *plan, const pf_node_data *node) {
  if (node->op == PF_OP_RESHAPE || node->op == PF_OP_STOP_GRADIENT) return true;
  if (!is_view_op(node->op) && node->op != PF_OP_PAD && node->op != PF_OP_SUM_AXIS) return false;
  const pf_shape *from = &node_at(plan, node->operand[0])->shape;
  return from->span == node->shape.span && pf_shape_items(from) == pf_shape_items(&node->shape);
}

bool pf_plan_groupable(const pf_plan *plan, int32_t id) {
  const pf_node_data *node = node_at(plan, id);
  if (plan->product[id] >= 0) return false;
  if (pf_op_kind_of(node->op) == PF_KIND_ELEMENTWISE) return true;
  return is_view_op(node->op) && plan->root[id] == id;
}

int32_t pf_plan_operand(const pf_plan *plan, const pf_node_data *node, int k) {
  int32_t id = node->operand[k];
  if (pf_op_kind_of(node->op) != PF_KIND_ELEMENTWISE && node->op != PF_OP_BROADCAST) return id;
  while (node_at(plan, id)->op == PF_OP_BROADCAST) id = node_at(plan, id)->operand[0];
  return id;
}

int pf_plan_inputs(const pf_plan *plan, int32_t id, int32_t in[PF_MAX_OPERANDS]) {
  const pf_node_data *node = node_at(plan, id);
  const int32_t product = plan->product[id];
  if (product < 0) {
    for (int k = 0; k < node->operands; k++) in[k] = plan->root[pf_plan_operand(plan, node, k)];
    return node->operands;
  }
  const pf_node_data *matmul = node_at(plan, product);
  for (int k = 0; k < 2; k++) in[k] = plan->root[matmul->operand[k]];
  in[2] = plan->root[pf_plan_operand(plan, node, node->operand[0] == product ? 1 : 0)];
  return 3;
}

void pf_plan_count_uses(const pf_plan *plan, const pf_node *outputs, int n_outputs, int32_t *uses) {
  for (int i = 0; i < n_outputs; i++) uses[plan->root[outputs[i].id]]++;
  for (int32_t id = 0; id < plan->size; id++) {
    int32_t in[PF_MAX_OPERANDS];
    for (int k = plan->needed[id] ? pf_plan_inputs(plan, id, in) : 0; k-- > 0;) uses[in[k]]++;
  }
}

const pf_op pf_pair_ops[PF_PAIR_COUNT][2] = {
#define PF_X(FIRST, SECOND) [PF_PAIR_##FIRST] = {PF_OP_##FIRST, PF_OP_##SECOND},
    PF_KERNEL_PAIRS(PF_X)
#undef PF_X
};

int32_t pf_plan_partner(const pf_plan *plan, int32_t id, pf_pair *pair) {
  const pf_node_data *node = node_at(plan, id);
  for (int p = 0; p < PF_PAIR_COUNT; p++) {
    const pf_op *ops = pf_pair_ops[p], other = node->op == ops[0] ? ops[1] : ops[0];
    if (node->op != ops[0] && node->op != ops[1]) continue;
    *pair = (pf_pair)p;
    for (int32_t i = node->operand[0] + 1; i < plan->size; i++)
      if (plan->needed[i] && node_at(plan, i)->op == other &&
          node_at(plan, i)->operand[0] == node->operand[0])
        return i;
  }
  return -1;
}

void pf_plan_axis(const pf_plan *plan, int32_t id, int64_t *length, int64_t *inner) {
  const pf_node_data *node = node_at(plan, id);
  const pf_shape *from = &node_at(plan, node->operand[0])->shape;
  *length = from->dim[node->i[0]];
  *inner = 1;
  for (int i = node->i[0] + 1; i < from->axes; i++) *inner *= from->dim[i];
}

static int last_dim(const pf_shape *shape) { return shape->axes > 0 ? shape->dim[shape->axes - 1] : 1; }

bool pf_plan_could_fold(const pf_plan *plan, int32_t id) {
  const pf_node_data *node = node_at(plan, id);
  if (pf_op_kind_of(node->op) != PF_KIND_REDUCTION) return false;
  int32_t source = plan->root[node->operand[0]];
  if (!pf_plan_groupable(plan, source) || pf_shape_items(&node_at(plan, source)->shape) > PF_BLOCK)
    return false;
  if (node->op == PF_OP_SUM_ROWS) return true;
  int64_t length, inner;
  pf_plan_axis(plan, id, &length, &inner);
  return inner == 1;
}

bool pf_plan_folds(const pf_plan *plan, int32_t id) { return plan->fuse && pf_plan_could_fold(plan, id); }

/* Leaves that are there before a section begins. */
static bool is_bound(const pf_node_data *node) {
  return node->op == PF_OP_PARAM || node->op == PF_OP_INPUT || node->op == PF_OP_CONSTANT;
}

static void find_needed(pf_plan *plan, const pf_node *outputs, int n_outputs) {
  for (int32_t id = 0; id < plan->size; id++) {
    const pf_node_data *node = node_at(plan, id);
    plan->root[id] = is_alias(plan, node) ? plan->root[node->operand[0]] : id;
    plan->group[id] = plan->value[id] = plan->product[id] = plan->sum[id] = plan->narrow_value[id] = -1;
  }
  for (int i = 0; i < n_outputs; i++) plan->needed[plan->root[outputs[i].id]] = 1;
  for (int32_t id = plan->size - 1; id >= 0; id--) {
    int32_t in[PF_MAX_OPERANDS];
    for (int k = plan->needed[id] ? pf_plan_inputs(plan, id, in) : 0; k-- > 0;) plan->needed[in[k]] = 1;
  }
}

bool pf_plan_same_space(const pf_shape *a, const pf_shape *b) {
  return a->span == b->span && pf_shape_items(a) == pf_shape_items(b);
}

static int32_t stage_after(const pf_plan *plan, int32_t id, int32_t operand) {
  const pf_node_data *node = node_at(plan, id), *from = node_at(plan, operand);
  if (from->shape.span == PF_SHARED && node->shape.span != PF_SHARED) return 0; /* an earlier section */
  bool joins = pf_plan_groupable(plan, id) && pf_plan_groupable(plan, operand) &&
               pf_plan_same_space(&node->shape, &from->shape);
  return plan->stage[operand] + (joins || pf_plan_could_fold(plan, id) ? 0 : 1);
}

static void find_stages(pf_plan *plan) {
  for (int32_t id = 0; id < plan->size; id++) {
    if (!plan->needed[id]) continue;
    int32_t in[PF_MAX_OPERANDS];
    plan->stage[id] = is_bound(node_at(plan, id)) ? -1 : 0;
    for (int k = pf_plan_inputs(plan, id, in); k-- > 0;) {
      int32_t after = stage_after(plan, id, in[k]);
      if (after > plan->stage[id]) plan->stage[id] = after;
    }
  }
}

/* ---- sinking ----
 * A value that nobody on its own stage reads, such as the derivative of an activation during the forward pass, would be stored
 * until it is used. Computed where it is used instead it costs nothing more, provided that what it is computed from is in
 * memory anyway: then its stage becomes that of its first reader. A slope that shares its exponential with an activation
 * stays beside it.
 */

enum { SINK_DEPTH = 4, NOT_READ = INT32_MAX };

/* Who reads a root: the first and last stage of element-wise readers over the same space, and whether others do. */
typedef struct readers {
  int32_t first, last, count;
  bool others;
} readers;

static void list_readers(const pf_plan *plan, const pf_node *outputs, int n_outputs, readers *of) {
  for (int32_t id = 0; id < plan->size; id++) of[id] = (readers){.first = NOT_READ, .last = -1};
  for (int i = 0; i < n_outputs; i++) of[plan->root[outputs[i].id]].others = true;
  for (int32_t id = 0; id < plan->size; id++) {
    const pf_node_data *node = node_at(plan, id);
    int32_t in[PF_MAX_OPERANDS];
    for (int k = plan->needed[id] ? pf_plan_inputs(plan, id, in) : 0; k-- > 0;) {
      int32_t from = in[k];
      bool joins =
          pf_plan_groupable(plan, id) && pf_plan_same_space(&node->shape, &node_at(plan, from)->shape);
      if (!joins) of[from].others = true;
      if (joins && plan->stage[id] < of[from].first) of[from].first = plan->stage[id];
      if (joins && plan->stage[id] > of[from].last) of[from].last = plan->stage[id];
      of[from].count++;
    }
  }
}

static bool can_sink(const pf_plan *plan, const readers *of, int32_t id, int depth) {
  const pf_node_data *node = node_at(plan, id);
  for (int k = 0; k < node->operands; k++) {
    int32_t from = plan->root[pf_plan_operand(plan, node, k)];
    const readers *r = &of[from];
    bool joins =
        pf_plan_groupable(plan, from) && pf_plan_same_space(&node->shape, &node_at(plan, from)->shape);
    bool in_memory = !joins || r->others || r->last > plan->stage[from];
    if (in_memory) continue;
    if (r->count > 1 || depth == 0 || !can_sink(plan, of, from, depth - 1)) return false;
  }
  return true;
}

static pf_status sink_values(pf_plan *plan, const pf_node *outputs, int n_outputs, pf_error *error) {
  if (!plan->fuse) return PF_OK;
  readers *of = NULL;
  PF_TRY(pf_alloc((size_t)plan->size, sizeof *of, &of, error));
  list_readers(plan, outputs, n_outputs, of);
  for (int32_t id = plan->size - 1; id >= 0; id--) {
    const readers *r = &of[id];
    pf_pair pair;
    bool idle = plan->needed[id] && pf_plan_groupable(plan, id) && !r->others && r->first != NOT_READ &&
                pf_plan_partner(plan, id, &pair) < 0;
    if (!idle || r->first <= plan->stage[id] || !can_sink(plan, of, id, SINK_DEPTH)) continue;
    plan->stage[id] = r->first;
    const pf_node_data *node = node_at(plan, id);
    for (int k = 0; k < node->operands; k++) { /* its operands are read later now */
      readers *from = &of[plan->root[pf_plan_operand(plan, node, k)]];
      if (from->count == 1 && from->first != NOT_READ) from->first = plan->stage[id];
      if (from->last >= 0 && from->last < plan->stage[id]) from->last = plan->stage[id];
    }
  }
  pf_free(of);
  return PF_OK;
}

/* ---- steps ---- */

/* Sorting key of a node: sections, then stages, then groups by element space. */
typedef struct entry {
  int32_t section, stage, grouped, span;
  int64_t items;
  int32_t id;
} entry;

#define PF_COMPARE(field)                                                                                    \
  if (a->field != b->field) return a->field < b->field ? -1 : 1

static int compare_entries(const void *left, const void *right) {
  const entry *a = left, *b = right;
  PF_COMPARE(section);
  PF_COMPARE(stage);
  PF_COMPARE(grouped);
  PF_COMPARE(span);
  PF_COMPARE(items);
  PF_COMPARE(id);
  return 0;
}

static bool same_group(const pf_plan *plan, const entry *a, const entry *b) {
  return plan->fuse && a->grouped && b->grouped && a->section == b->section && a->stage == b->stage &&
         a->span == b->span && a->items == b->items;
}

/* A sum that could fold sorts with the group of its operand. */
static int32_t list_entries(const pf_plan *plan, entry *entries) {
  int32_t n = 0;
  for (int32_t id = 0; id < plan->size; id++) {
    const pf_node_data *node = node_at(plan, id);
    if (!plan->needed[id] || is_bound(node)) continue;
    bool folds = pf_plan_could_fold(plan, id);
    const pf_shape *space = folds ? &node_at(plan, plan->root[node->operand[0]])->shape : &node->shape;
    bool grouped = folds || pf_plan_groupable(plan, id);
    entries[n++] = (entry){.section = node->shape.span != PF_SHARED,
                           .stage = plan->stage[id],
                           .grouped = grouped,
                           .span = grouped ? (int32_t)space->span : 0,
                           .items = grouped ? pf_shape_items(space) : 0,
                           .id = id};
  }
  qsort(entries, (size_t)n, sizeof *entries, compare_entries);
  return n;
}

static bool runs_in_group(const pf_plan *plan, const entry *e) {
  return e->grouped && (plan->fuse || pf_plan_groupable(plan, e->id));
}

static void number_groups(pf_plan *plan, const entry *entries, int32_t n) {
  int32_t groups = 0;
  for (int32_t i = 0; i < n; i++) {
    if (!runs_in_group(plan, &entries[i])) continue;
    if (i == 0 || !same_group(plan, &entries[i - 1], &entries[i])) groups++;
    if (pf_plan_groupable(plan, entries[i].id)) plan->group[entries[i].id] = groups - 1;
  }
  plan->program->groups = groups;
}

/* Is operand k of this node's step in bfloat16? (Weights are rounded as they are packed.) */
static bool reads_narrow(const pf_plan *plan, int32_t id, int k) {
  pf_step step = {0};
  return pf_plan_product(plan, id, &step) && step.narrow && k < (step.scaled_k ? 2 : 1);
}

/* What anybody but its own group reads has to be in memory. */
static void find_stored(pf_plan *plan, const pf_node *outputs, int n_outputs) {
  for (int i = 0; i < n_outputs; i++) plan->stored[plan->root[outputs[i].id]] = 1;
  for (int32_t id = 0; id < plan->size; id++) {
    if (!plan->needed[id]) continue;
    if (plan->group[id] < 0) plan->stored[id] = 1;
    int32_t in[PF_MAX_OPERANDS];
    for (int k = pf_plan_inputs(plan, id, in); k-- > 0;) {
      int32_t from = in[k];
      if (plan->group[from] >= 0 && reads_narrow(plan, id, k)) {
        plan->narrow[from] = 1;
        continue;
      }
      bool inside =
          plan->group[from] >= 0 && (plan->group[from] == plan->group[id] || pf_plan_folds(plan, id));
      if (!inside) plan->stored[from] = 1;
    }
  }
}

int32_t pf_plan_add_value(pf_plan *plan, pf_value value) {
  pf_program *program = plan->program;
  program->value[program->values] = value;
  return program->values++;
}

static void make_values(pf_plan *plan) {
  for (int32_t id = 0; id < plan->size; id++) {
    const pf_node_data *node = node_at(plan, id);
    if (plan->needed[id] && plan->narrow[id])
      plan->narrow_value[id] = pf_plan_add_value(plan, pf_plan_narrow_copy(pf_shape_items(&node->shape)));
    if (!plan->needed[id] || !plan->stored[id]) continue;
    const int32_t owner = plan->sum[id] < 0 ? id : plan->sum[id];
    if (plan->value[owner] >= 0) {
      plan->value[id] = plan->value[owner];
      continue;
    }
    pf_value value = {.span = node->shape.span,
                      .items = pf_shape_items(&node->shape),
                      .first = -1,
                      .last = -1,
                      .made = -1,
                      .sums = node->op == PF_OP_OUTER || node->op == PF_OP_SUM_ROWS};
    value.index = node->i[0];
    value.offset = node->offset;
    value.base = node->shape.span == PF_SHARED ? PF_BASE_SHARED : PF_BASE_LANE;
    if (node->op == PF_OP_PARAM) value.base = PF_BASE_PARAM;
    if (node->op == PF_OP_CONSTANT) value.base = PF_BASE_CONSTANT;
    if (node->op == PF_OP_INPUT) value.base = node->shape.span == PF_SHARED ? PF_BASE_INPUT : PF_BASE_ROWS;
    plan->value[id] = plan->value[owner] = pf_plan_add_value(plan, value);
  }
}

static void describe_shapes(const pf_plan *plan, const pf_node_data *node, pf_step *step) {
  const pf_shape *from = node->operands > 0 ? &node_at(plan, node->operand[0])->shape : &node->shape;
  const int64_t items = pf_shape_items(&node->shape), last = last_dim(&node->shape);
  switch (step->kind) {
  case PF_STEP_SUM_AXIS:
    pf_plan_axis(plan, step->node, &step->size[1], &step->size[2]);
    step->size[0] = items / step->size[2];
    break;
  case PF_STEP_CONCAT:
    step->size[0] = items / last;
    step->size[1] = last_dim(from);
    step->size[2] = last - step->size[1];
    break;
  case PF_STEP_PAD:
    step->size[0] = items / last;
    step->size[1] = last_dim(from);
    step->size[2] = node->i[0];
    break;
  case PF_STEP_GATHER:
    step->size[0] = from->dim[0];
    step->size[1] = items;
    break;
  default:
    step->size[0] = items;
    step->size[1] = node->i[0];
    step->size[2] = node->i[1];
  }
}

static pf_step_kind kind_of(pf_op op) {
  switch (op) {
  case PF_OP_MATMUL:
  case PF_OP_OUTER: return PF_STEP_GEMM;
  case PF_OP_SUM_ROWS: return PF_STEP_SUM_ROWS;
  case PF_OP_SUM_AXIS: return PF_STEP_SUM_AXIS;
  case PF_OP_CONCAT: return PF_STEP_CONCAT;
  case PF_OP_PAD: return PF_STEP_PAD;
  case PF_OP_GATHER: return PF_STEP_GATHER;
  case PF_OP_NORMAL: return PF_STEP_NORMAL;
  case PF_OP_UNIFORM: return PF_STEP_UNIFORM;
  case PF_OP_INDEX: return PF_STEP_INDEX;
  case PF_OP_ROW_WEIGHT: return PF_STEP_ROW_WEIGHT;
  default: return PF_STEP_GROUP;
  }
}

void pf_plan_define(pf_program *program, int32_t value, int32_t step) {
  pf_value *v = &program->value[value];
  if (!pf_plan_is_made(program, value)) v->first = step;
  v->last = v->made = step;
}

bool pf_plan_is_made(const pf_program *program, int32_t value) { return program->value[value].first >= 0; }

void pf_plan_use(pf_program *program, int32_t value, int32_t step) {
  if (value >= 0 && program->value[value].last < step) program->value[value].last = step;
}

static void add_single_step(pf_plan *plan, pf_section *section, int32_t id) {
  const pf_node_data *node = node_at(plan, id);
  pf_step step = {.kind = kind_of(node->op),
                  .stage = plan->stage[id],
                  .node = id,
                  .out = plan->value[id],
                  .in = {-1, -1, -1}};
  int32_t in[PF_MAX_OPERANDS];
  for (int k = pf_plan_inputs(plan, id, in); k-- > 0;) step.in[k] = plan->value[in[k]];
  if (pf_plan_product(plan, id, &step))
    pf_plan_describe_product(plan, section, in, &step);
  else
    describe_shapes(plan, node, &step);
  if (plan->sum[id] >= 0 && pf_plan_is_made(plan->program, step.out)) step.in[2] = step.out;
  pf_plan_define(plan->program, step.out, section->steps);
  for (int k = 0; k < PF_MAX_OPERANDS; k++) pf_plan_use(plan->program, step.in[k], section->steps);
  section->step[section->steps++] = step;
}

static pf_status add_group_step(pf_plan *plan, pf_section *section, const int32_t *members, int32_t n,
                                pf_error *error) {
  pf_program *program = plan->program;
  const int32_t index = plan->group[members[0]];
  pf_group *g = &program->group[index];
  PF_TRY(pf_group_compile(plan, members, n, g, error));
  for (int32_t i = 0; i < n; i++)
    for (int narrow = 0; narrow < 2; narrow++) {
      const int32_t value = narrow ? plan->narrow_value[members[i]] : plan->value[members[i]];
      if (value >= 0) pf_plan_define(program, value, section->steps);
    }
  for (int32_t i = 0; i < g->regs; i++) pf_plan_use(program, g->reg[i].value, section->steps);
  if (n > 1) program->stats.fused_ops += n;
  section->step[section->steps++] =
      (pf_step){.kind = PF_STEP_GROUP, .stage = plan->stage[members[0]], .node = members[0], .group = index};
  return PF_OK;
}

static pf_status make_steps(pf_plan *plan, const entry *entries, int32_t n, int32_t *members,
                            pf_error *error) {
  pf_program *program = plan->program;
  for (int32_t i = 0; i < n;) {
    pf_section *section = entries[i].section ? &program->lane : &program->shared;
    int32_t count = 0;
    do {
      members[count++] = entries[i++].id;
    } while (i < n && same_group(plan, &entries[i - 1], &entries[i]));
    if (runs_in_group(plan, &entries[i - 1]))
      PF_TRY(add_group_step(plan, section, members, count, error));
    else
      add_single_step(plan, section, members[0]);
  }
  return PF_OK;
}

/* A sum over rows that nothing but the caller reads goes on in the caller's array from tile to tile. */
static bool sums_in_place(const pf_value *value) {
  return value->sums && value->span == PF_PARTIAL && value->base == PF_BASE_LANE &&
         value->made == value->last;
}

static void list_outputs(pf_plan *plan, const pf_node *outputs, int n_outputs) {
  pf_program *program = plan->program;
  for (int i = 0; i < n_outputs; i++) {
    pf_output *out = &program->output[i];
    out->value = plan->value[plan->root[outputs[i].id]];
    out->span = program->value[out->value].span;
    out->items = program->value[out->value].items;
    out->first = true;
    for (int j = 0; j < i; j++)
      if (program->output[j].value == out->value) out->first = false;
    if (out->first && sums_in_place(&program->value[out->value]))
      program->value[out->value].base = PF_BASE_OUTPUT;
    pf_plan_use(program, out->value, INT32_MAX);
  }
}

static pf_status make_arrays(pf_plan *plan, int32_t n, pf_error *error) {
  pf_program *program = plan->program;
  /* a step may bring two repeats or narrow copies and a packing, and as many values with them */
  PF_TRY(pf_alloc((size_t)plan->size * 6, sizeof *program->value, &program->value, error));
  PF_TRY(pf_alloc((size_t)n * 4, sizeof(pf_step), &program->shared.step, error));
  PF_TRY(pf_alloc((size_t)n * 3, sizeof(pf_step), &program->lane.step, error));
  return pf_alloc((size_t)program->groups, sizeof *program->group, &program->group, error);
}

static pf_status plan_steps(pf_plan *plan, const pf_node *outputs, int n_outputs, entry *entries,
                            int32_t *members, pf_error *error) {
  const int32_t n = list_entries(plan, entries);
  number_groups(plan, entries, n);
  find_stored(plan, outputs, n_outputs);
  PF_TRY(make_arrays(plan, n, error));
  make_values(plan);
  PF_TRY(make_steps(plan, entries, n, members, error));
  list_outputs(plan, outputs, n_outputs);
  plan->program->stats.groups = plan->program->groups;
  return PF_OK;
}

static pf_status alloc_plan(pf_plan *plan, pf_error *error) {
  const size_t size = (size_t)plan->size;
  PF_TRY(pf_alloc(size, sizeof *plan->root, &plan->root, error));
  PF_TRY(pf_alloc(size, sizeof *plan->stage, &plan->stage, error));
  PF_TRY(pf_alloc(size, sizeof *plan->group, &plan->group, error));
  PF_TRY(pf_alloc(size, sizeof *plan->value, &plan->value, error));
  PF_TRY(pf_alloc(size, sizeof *plan->product, &plan->product, error));
  PF_TRY(pf_alloc(size, sizeof *plan->sum, &plan->sum, error));
  PF_TRY(pf_alloc(size, sizeof *plan->narrow_value, &plan->narrow_value, error));
  PF_TRY(pf_alloc(size, sizeof *plan->narrow, &plan->narrow, error));
  PF_TRY(pf_alloc(size, sizeof *plan->needed, &plan->needed, error));
  return pf_alloc(size, sizeof *plan->stored, &plan->stored, error);
}

void pf_plan_free(pf_plan *plan) {
  pf_free(plan->root);
  pf_free(plan->stage);
  pf_free(plan->group);
  pf_free(plan->value);
  pf_free(plan->product);
  pf_free(plan->sum);
  pf_free(plan->narrow_value);
  pf_free(plan->narrow);
  pf_free(plan->needed);
  pf_free(plan->stored);
}

pf_status pf_plan_run(pf_plan *plan, const pf_node *outputs, int n_outputs, pf_error *error) {
  PF_TRY(alloc_plan(plan, error));
  find_needed(plan, outputs, n_outputs);
  PF_TRY(pf_plan_products(plan, outputs, n_outputs, error));
  find_stages(plan);
  PF_TRY(pf_plan_sums(plan, outputs, n_outputs, error));
  find_stages(plan);
  PF_TRY(sink_values(plan, outputs, n_outputs, error));
  for (int32_t id = 0; id < plan->size; id++) plan->program->stats.nodes += plan->needed[id];
  entry *entries = NULL;
  int32_t *members = NULL;
  pf_status status = pf_alloc((size_t)plan->size, sizeof *entries, &entries, error);
  if (status == PF_OK) status = pf_alloc((size_t)plan->size, sizeof *members, &members, error);
  if (status == PF_OK) status = plan_steps(plan, outputs, n_outputs, entries, members, error);
  pf_free(entries);
  pf_free(members);
  return status;
}
