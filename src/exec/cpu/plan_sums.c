/* Additions of sums over rows that need no pass of their own.
 *
 * A weight used several times, as by the stages of an unrolled integrator, has a gradient that is a sum of as many outer
 * products (and that of a bias, of sums of rows). All of them can go on in one array: the first to run writes it, the others
 * add to it, each as soon as its operands exist, so no operand waits and nothing but the one array is stored.
 *
 *   tree    additions over one element space of sums over rows, each read by the next addition alone
 *   leaves  what a tree adds. Those that are sums over rows and read nowhere else join one value, known by the last
 *           to run; it stays in the tree, the others leave it, and additions left with less than two operands vanish.
 *
 * Done whether or not element-wise operations are fused, since it changes the rounding.
 */
#include "plan.h"

#include "../../base/memory.h"

/* By root. */
typedef struct trees {
  int32_t *uses;
  int32_t *top;  /* the addition at the top of the tree a node belongs to, -1: none */
  int32_t *last; /* of tops: the sum over rows that runs last */
  int32_t *head; /* of tops: the sum found last */
  int32_t *next; /* of sums: the one of the same tree found before, -1: none */
  uint8_t *gone; /* nothing of it is left in the tree */
} trees;

static const pf_node_data *node_at(const pf_plan *plan, int32_t id) { return pf_graph_node(plan->graph, id); }

static int32_t operand_root(const pf_plan *plan, int32_t id, int k) {
  return plan->root[pf_plan_operand(plan, node_at(plan, id), k)];
}

/* An addition of the kind that trees are made of. */
static bool is_addition(const pf_plan *plan, int32_t id) {
  const pf_node_data *node = node_at(plan, id);
  if (!plan->needed[id] || node->op != PF_OP_ADD || node->shape.span != PF_PARTIAL) return false;
  for (int k = 0; k < 2; k++)
    if (!pf_plan_same_space(&node->shape, &node_at(plan, operand_root(plan, id, k))->shape)) return false;
  return true;
}

static bool is_sum(const pf_plan *plan, int32_t id) {
  const pf_op op = node_at(plan, id)->op;
  return op == PF_OP_OUTER || op == PF_OP_SUM_ROWS;
}

/* Does a run before b, stage by stage, by node within one? */
static bool runs_before(const pf_plan *plan, int32_t a, int32_t b) {
  return plan->stage[a] != plan->stage[b] ? plan->stage[a] < plan->stage[b] : a < b;
}

/* Trees from the top down: operands come before their users. */
static void find_trees(const pf_plan *plan, const trees *t) {
  for (int32_t id = 0; id < plan->size; id++) t->top[id] = t->last[id] = t->head[id] = -1;
  for (int32_t id = plan->size - 1; id >= 0; id--) {
    if (!is_addition(plan, id)) continue;
    if (t->top[id] < 0) t->top[id] = id;
    for (int k = 0; k < 2; k++) {
      const int32_t x = operand_root(plan, id, k);
      if (t->uses[x] == 1 && (is_sum(plan, x) || is_addition(plan, x))) t->top[x] = t->top[id];
    }
  }
}

/* Two sums that fold into one group would run side by side, block by block: an order that exists only with fusion. */
static bool is_beside_another(const pf_plan *plan, const trees *t, int32_t id) {
  for (int32_t j = t->head[t->top[id]]; j >= 0 && pf_plan_could_fold(plan, id); j = t->next[j])
    if (pf_plan_could_fold(plan, j) && plan->stage[j] == plan->stage[id]) return true;
  return false;
}

static void join_leaves(pf_plan *plan, const trees *t) {
  for (int32_t id = 0; id < plan->size; id++) {
    const int32_t top = t->top[id];
    if (top < 0 || !is_sum(plan, id)) continue;
    if (is_beside_another(plan, t, id)) {
      t->top[id] = -1;
      continue;
    }
    t->next[id] = t->head[top];
    t->head[top] = id;
    if (t->last[top] < 0 || runs_before(plan, t->last[top], id)) t->last[top] = id;
  }
  for (int32_t id = 0; id < plan->size; id++) {
    if (t->top[id] < 0 || !is_sum(plan, id)) continue;
    plan->sum[id] = t->last[t->top[id]];
    t->gone[id] = plan->sum[id] != id;
  }
}

/* Additions that lost an operand show the other one. */
static void drop_additions(pf_plan *plan, const trees *t) {
  for (int32_t id = 0; id < plan->size; id++) {
    if (plan->root[id] != id) plan->root[id] = plan->root[plan->root[id]];
    if (plan->root[id] != id || t->top[id] < 0 || is_sum(plan, id)) continue;
    const int32_t x = operand_root(plan, id, 0), y = operand_root(plan, id, 1);
    if (!t->gone[x] && !t->gone[y]) continue;
    plan->needed[id] = 0;
    t->gone[id] = t->gone[x] && t->gone[y];
    if (!t->gone[id]) plan->root[id] = t->gone[x] ? y : x;
  }
}

pf_status pf_plan_sums(pf_plan *plan, const pf_node *outputs, int n_outputs, pf_error *error) {
  const size_t size = (size_t)plan->size;
  trees t = {0};
  int32_t *arrays = NULL;
  PF_TRY(pf_alloc(5 * size, sizeof *arrays, &arrays, error));
  pf_status status = pf_alloc(size, sizeof *t.gone, &t.gone, error);
  if (status == PF_OK) {
    t.uses = arrays;
    t.top = arrays + size;
    t.last = arrays + 2 * size;
    t.head = arrays + 3 * size;
    t.next = arrays + 4 * size;
    pf_plan_count_uses(plan, outputs, n_outputs, t.uses);
    find_trees(plan, &t);
    join_leaves(plan, &t);
    drop_additions(plan, &t);
  }
  pf_free(t.gone);
  pf_free(arrays);
  return status;
}
