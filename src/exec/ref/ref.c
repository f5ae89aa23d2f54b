/* Reference executor: the graph in double, one node after the other, with the plainest loops there are. The
 * oracle of every fast kernel and of every gradient check, so nothing here is fused, blocked or reordered.
 *
 * A node's value is an array of rows x items (PER_ROW) or items (SHARED, PARTIAL); a PARTIAL is the sum over
 * all rows of the batch, as if the batch were one lane. Row r of a SHARED operand is its only row. Values are
 * freed after their last use.
 */
#include "../exec.h"
#include "../../base/memory.h"
#include "../../base/rng.h"
#include "../../graph/build_util.h"

#include <string.h>

typedef struct evaluation {
  const pf_graph *graph;
  const pf_ref_run *run;
  double **value; /* by node id, NULL: not computed or already freed */
  int32_t *uses;  /* by node id: readers still to come, outputs included */
  int32_t last;
  pf_error *error;
} evaluation;

/* One node at work: its data, its operands' data and values, its own array. */
typedef struct task {
  const pf_node_data *node, *in[PF_MAX_OPERANDS];
  const double *x[PF_MAX_OPERANDS];
  int64_t rows, items;
  double *y;
} task;

static int64_t rows_of(const evaluation *e, const pf_node_data *node) {
  return node->shape.span == PF_PER_ROW ? e->run->rows : 1;
}

/* Row r of operand k. */
static const double *row_of(const task *t, int k, int64_t r) {
  return t->in[k]->shape.span == PF_PER_ROW ? t->x[k] + r * pf_shape_items(&t->in[k]->shape) : t->x[k];
}

/* ---- leaves ---- */

static pf_status random_leaf(const evaluation *e, const task *t) {
  const pf_ref_run *run = e->run;
  float *draws = NULL;
  PF_TRY(pf_alloc((size_t)(t->rows * t->items), sizeof *draws, &draws, e->error));
  uint32_t stream = PF_STREAM_GRAPH + (uint32_t)t->node->i[0];
  uint64_t first = (uint64_t)run->first_row;
  size_t rows = (size_t)t->rows, columns = (size_t)t->items;
  if (t->node->op == PF_OP_NORMAL)
    pf_fill_normal_f32(run->seed, stream, run->step, first, rows, columns, draws);
  else if (t->node->op == PF_OP_UNIFORM)
    pf_fill_uniform_f32(run->seed, stream, run->step, first, rows, columns, draws);
  else
    pf_fill_index_f32(run->seed, stream, run->step, first, rows, (uint32_t)t->node->i[1], draws);
  for (int64_t i = 0; i < t->rows * t->items; i++) t->y[i] = draws[i];
  pf_free(draws);
  return PF_OK;
}

static pf_status leaf(const evaluation *e, const task *t) {
  const pf_node_data *node = t->node;
  const double *const *sources = node->op == PF_OP_PARAM ? e->run->params : e->run->inputs;
  const double *source = NULL;
  switch (node->op) {
  case PF_OP_PARAM:
  case PF_OP_INPUT:
    source = sources ? sources[node->i[0]] : NULL;
    if (!source)
      return pf_fail(e->error, PF_USAGE, "reference run: %s %d is needed but not bound", pf_op_name(node->op),
                     (int)node->i[0]);
    source += node->offset;
    break;
  case PF_OP_CONSTANT: source = pf_graph_constants(e->graph) + node->offset; break;
  case PF_OP_ROW_WEIGHT:
    for (int64_t r = 0; r < t->rows; r++) t->y[r] = 1; /* the reference never pads */
    return PF_OK;
  default: return random_leaf(e, t);
  }
  memcpy(t->y, source, (size_t)(t->rows * t->items) * sizeof *t->y);
  return PF_OK;
}

/* ---- the four other kinds ---- */

static void elementwise(const task *t) {
  for (int64_t r = 0; r < t->rows; r++) {
    for (int64_t i = 0; i < t->items; i++) {
      double v[PF_MAX_OPERANDS] = {0};
      for (int k = 0; k < t->node->operands; k++)
        v[k] = row_of(t, k, r)[pf_shape_operand_index(&t->node->shape, &t->in[k]->shape, i)];
      t->y[r * t->items + i] = pf_op_apply(t->node->op, v[0], v[1], v[2]);
    }
  }
}

static void reduction(const evaluation *e, const task *t) {
  int64_t items = pf_shape_items(&t->in[0]->shape), rows = rows_of(e, t->in[0]);
  bool over_rows = t->node->op == PF_OP_SUM_ROWS;
  for (int64_t r = 0; r < rows; r++)
    for (int64_t i = 0; i < items; i++) {
      int64_t at =
          over_rows ? i : r * t->items + pf_shape_operand_index(&t->in[0]->shape, &t->node->shape, i);
      t->y[at] += row_of(t, 0, r)[i];
    }
}

static void matmul(const task *t) {
  bool ta = t->node->i[0], tb = t->node->i[1];
  const pf_shape *sa = &t->in[0]->shape;
  int64_t n = pf_shape_last(&t->node->shape), m = t->items / n;
  int64_t k = ta ? sa->dim[0] : pf_shape_last(sa);
  for (int64_t r = 0; r < t->rows; r++) {
    const double *a = row_of(t, 0, r), *b = t->x[1];
    for (int64_t i = 0; i < m; i++)
      for (int64_t j = 0; j < n; j++) {
        double sum = 0;
        for (int64_t l = 0; l < k; l++) sum += a[ta ? l * m + i : i * k + l] * b[tb ? j * k + l : l * n + j];
        t->y[r * t->items + i * n + j] = sum;
      }
  }
}

static void outer(const evaluation *e, const task *t) {
  int64_t m = t->node->shape.dim[0], n = t->node->shape.dim[1];
  int64_t leading = pf_shape_items(&t->in[0]->shape) / m;
  for (int64_t r = 0; r < e->run->rows; r++) {
    const double *a = row_of(t, 0, r), *b = row_of(t, 1, r);
    for (int64_t l = 0; l < leading; l++)
      for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) t->y[i * n + j] += a[l * m + i] * b[l * n + j];
  }
}

static pf_status gather(const evaluation *e, const task *t) {
  int64_t n = t->in[0]->shape.dim[0];
  for (int64_t r = 0; r < t->rows; r++) {
    double index = *row_of(t, 1, r);
    if (!(index >= 0 && index < (double)n))
      return pf_fail(e->error, PF_BAD_INPUT, "gather: index %g in row %lld is outside a table of %lld rows",
                     index, (long long)r, (long long)n);
    memcpy(t->y + r * t->items, t->x[0] + (int64_t)index * t->items, (size_t)t->items * sizeof *t->y);
  }
  return PF_OK;
}

/* Where item i of the result comes from: operand *k and its item; -1 for a padding zero. */
static int64_t source_item(const task *t, int64_t i, int *k) {
  int64_t last = pf_shape_last(&t->node->shape), lead = i / last, column = i % last;
  int64_t last_in = pf_shape_last(&t->in[0]->shape);
  *k = 0;
  switch (t->node->op) {
  case PF_OP_BROADCAST: return pf_shape_operand_index(&t->node->shape, &t->in[0]->shape, i);
  case PF_OP_CONCAT:
    *k = column >= last_in;
    return *k ? lead * (last - last_in) + column - last_in : lead * last_in + column;
  case PF_OP_SLICE: return lead * last_in + column + t->node->i[0];
  case PF_OP_PAD:
    column -= t->node->i[0];
    return column >= 0 && column < last_in ? lead * last_in + column : -1;
  default: return i; /* reshape, stop_gradient */
  }
}

static void move_items(const task *t) {
  for (int64_t r = 0; r < t->rows; r++)
    for (int64_t i = 0; i < t->items; i++) {
      int k;
      int64_t from = source_item(t, i, &k);
      t->y[r * t->items + i] = from < 0 ? 0 : row_of(t, k, r)[from];
    }
}

static pf_status compute(const evaluation *e, const task *t) {
  switch (pf_op_kind_of(t->node->op)) {
  case PF_KIND_LEAF: return leaf(e, t);
  case PF_KIND_ELEMENTWISE: elementwise(t); break;
  case PF_KIND_REDUCTION: reduction(e, t); break;
  case PF_KIND_CONTRACTION:
    if (t->node->op == PF_OP_MATMUL)
      matmul(t);
    else
      outer(e, t);
    break;
  case PF_KIND_SHAPE:
    if (t->node->op == PF_OP_GATHER) return gather(e, t);
    move_items(t);
  }
  return PF_OK;
}

/* ---- the walk ---- */

static pf_status evaluate_node(const evaluation *e, int32_t id) {
  task t = {.node = pf_graph_node(e->graph, id)};
  t.rows = rows_of(e, t.node);
  t.items = pf_shape_items(&t.node->shape);
  for (int k = 0; k < t.node->operands; k++) {
    t.in[k] = pf_graph_node(e->graph, t.node->operand[k]);
    t.x[k] = e->value[t.node->operand[k]];
  }
  PF_TRY(pf_alloc((size_t)(t.rows * t.items), sizeof *t.y, &t.y, e->error));
  e->value[id] = t.y;
  PF_TRY(compute(e, &t));
  for (int k = 0; k < t.node->operands; k++) {
    int32_t x = t.node->operand[k];
    if (--e->uses[x] > 0) continue;
    pf_free(e->value[x]);
    e->value[x] = NULL;
  }
  return PF_OK;
}

static void count_uses(const evaluation *e, const pf_node *outputs, int n_outputs) {
  for (int i = 0; i < n_outputs; i++) e->uses[outputs[i].id]++;
  for (int32_t id = e->last; id >= 0; id--) {
    const pf_node_data *node = pf_graph_node(e->graph, id);
    for (int k = 0; k < node->operands && e->uses[id] > 0; k++) e->uses[node->operand[k]]++;
  }
}

static pf_status check_run(pf_graph *graph, const pf_node *outputs, int n_outputs, const pf_ref_run *run,
                           pf_error *error) {
  PF_TRY(pf_graph_status(graph, error));
  if (run->rows < 1 || run->first_row < 0)
    return pf_fail(error, PF_USAGE,
                   "reference run: rows is %lld, must be at least 1; first row %lld, at least 0",
                   (long long)run->rows, (long long)run->first_row);
  for (int i = 0; i < n_outputs; i++)
    if (outputs[i].graph != graph || outputs[i].id < 0 || outputs[i].id >= pf_graph_size(graph))
      return pf_fail(error, PF_USAGE, "reference run: output %d is not a node of this graph (id %d)", i,
                     (int)outputs[i].id);
  return PF_OK;
}

pf_status pf_ref_evaluate(pf_graph *graph, const pf_node *outputs, int n_outputs, const pf_ref_run *run,
                          double *const *values, pf_error *error) {
  PF_TRY(check_run(graph, outputs, n_outputs, run, error));
  evaluation e = {.graph = graph, .run = run, .last = -1, .error = error};
  pf_status status = PF_OK;
  for (int i = 0; i < n_outputs; i++)
    if (outputs[i].id > e.last) e.last = outputs[i].id;
  PF_TRY_GOTO(pf_alloc((size_t)e.last + 1, sizeof *e.value, &e.value, error));
  PF_TRY_GOTO(pf_alloc((size_t)e.last + 1, sizeof *e.uses, &e.uses, error));
  count_uses(&e, outputs, n_outputs);
  for (int32_t id = 0; id <= e.last; id++)
    if (e.uses[id] > 0) PF_TRY_GOTO(evaluate_node(&e, id));
  for (int i = 0; i < n_outputs; i++) {
    const pf_node_data *node = pf_graph_node(graph, outputs[i].id);
    size_t count = (size_t)(rows_of(&e, node) * pf_shape_items(&node->shape));
    memcpy(values[i], e.value[outputs[i].id], count * sizeof(double));
  }
cleanup:
  for (int32_t id = 0; e.value && id <= e.last; id++) pf_free(e.value[id]);
  pf_free(e.value);
  pf_free(e.uses);
  return status;
}
