/* Reverse mode as a graph transformation: one sweep from y down to wrt, each node handing its cotangent on by
 * the rules of grad_rules.c. The nodes made are ordinary ones, so a gradient can be differentiated again.
 *
 * Legend: bar[id], the cotangent of node id: d(sum of seed * y)/d node. "No cotangent" (-1) stands for zero,
 * so no zeros are added up; they are made at the end for a wrt that was never reached.
 *
 * Spans (why cotangents add up): a cotangent of a PER_ROW node is PER_ROW (or SHARED, standing for equal
 * rows); of a PARTIAL node SHARED; of a SHARED node it is PARTIAL when y varies over rows, because every path
 * from y to it crosses a sum over rows, and SHARED otherwise.
 */
#include "build_util.h"
#include "../base/memory.h"

pf_node pf_zeros_like(pf_graph *graph, const pf_shape *shape) {
  pf_node zero = pf_scalar(graph, 0);
  if (shape->span == PF_PARTIAL) zero = pf_sum_rows(pf_broadcast(zero, PF_SCALAR(PF_PER_ROW)));
  return pf_broadcast(zero, *shape);
}

/* active[id]: a derivative can pass from node id down to a wrt. */
static void mark_active(const pf_graph *graph, int32_t last, bool *active) {
  for (int32_t id = 0; id <= last; id++) {
    const pf_node_data *node = pf_graph_node(graph, id);
    for (int k = 0; k < node->operands && !active[id]; k++)
      active[id] = active[node->operand[k]] && pf_op_differentiable(node->op, k);
  }
}

static void accumulate(pf_graph *graph, int32_t *bar, int32_t id, pf_node term) {
  bar[id] = bar[id] < 0 ? term.id : pf_add(pf_node_at(graph, bar[id]), term).id;
}

static void sweep(pf_graph *graph, int32_t last, const bool *active, int32_t *bar) {
  for (int32_t id = last; id >= 0; id--) {
    if (bar[id] < 0) continue;
    pf_node_data node = *pf_graph_node(graph, id); /* a copy: builders move the array */
    for (int k = 0; k < node.operands; k++) {
      int32_t x = node.operand[k];
      if (!active[x] || !pf_op_differentiable(node.op, k)) continue;
      accumulate(graph, bar, x, pf_rule_vjp(pf_node_at(graph, id), k, pf_node_at(graph, bar[id])));
      if (pf_graph_status(graph, NULL) != PF_OK) return;
    }
  }
}

/* Gradient handed out for one wrt: full item shape, the span that graph.h promises. */
static pf_node finish(pf_graph *graph, pf_span y_span, int32_t bar, pf_shape shape) {
  if (bar >= 0) return pf_standing_full(pf_node_at(graph, bar), &shape, true);
  if (shape.span == PF_PARTIAL)
    shape.span = PF_SHARED;
  else if (shape.span == PF_SHARED && y_span != PF_SHARED)
    shape.span = PF_PARTIAL;
  return pf_zeros_like(graph, &shape);
}

static bool seed_ok(pf_node y, pf_node seed) {
  if (!pf_nodes_usable("grad", (pf_node[]){y, seed}, 2)) return false;
  pf_shape sy = pf_node_shape(y), ss = pf_node_shape(seed);
  bool span_ok =
      ss.span == PF_SHARED || (ss.span == PF_PER_ROW ? sy.span == PF_PER_ROW : sy.span == PF_SHARED);
  if (span_ok && pf_shape_broadcasts_to(&ss, &sy)) return true;
  char ty[PF_SHAPE_TEXT], ts[PF_SHAPE_TEXT];
  pf_graph_fail(y.graph, PF_USAGE, "grad: seed %s does not broadcast to y, which is %s",
                pf_shape_format(&ss, ts), pf_shape_format(&sy, ty));
  return false;
}

static void grad_into(pf_node y, pf_node seed, const pf_node *wrt, int n, pf_node *out) {
  pf_graph *graph = y.graph;
  pf_error error;
  bool *active = NULL;
  int32_t *bar = NULL, last = y.id;
  pf_status status = PF_OK;
  PF_TRY_GOTO(pf_alloc((size_t)last + 1, sizeof *active, &active, &error));
  PF_TRY_GOTO(pf_alloc((size_t)last + 1, sizeof *bar, &bar, &error));
  for (int32_t id = 0; id <= last; id++) bar[id] = -1;
  for (int i = 0; i < n; i++)
    if (wrt[i].id <= last) active[wrt[i].id] = true;
  mark_active(graph, last, active);
  if (active[last]) bar[last] = seed.id;
  sweep(graph, last, active, bar);
  pf_span span = pf_node_shape(seed).span == PF_PARTIAL ? PF_PARTIAL : pf_node_shape(y).span;
  for (int i = 0; i < n; i++)
    out[i] = finish(graph, span, wrt[i].id <= last ? bar[wrt[i].id] : -1, pf_node_shape(wrt[i]));
cleanup:
  if (status != PF_OK) pf_graph_fail(graph, status, "%s", error.message);
  pf_free(active);
  pf_free(bar);
}

void pf_grad(pf_node y, pf_node seed, const pf_node *wrt, int n, pf_node *out) {
  if (n < 1) return;
  if (y.graph && seed.id < 0) seed = pf_scalar(y.graph, 1);
  bool usable = pf_nodes_usable("grad", &y, 1) && pf_nodes_usable("grad", wrt, n) && seed_ok(y, seed);
  if (usable && wrt[0].graph != y.graph) {
    pf_graph_fail(y.graph, PF_USAGE, "grad: y and wrt belong to different graphs");
    usable = false;
  }
  pf_graph *graph = y.graph;
  for (int i = 0; i < n; i++) out[i] = pf_graph_invalid(graph);
  if (usable) grad_into(y, seed, wrt, n, out);
  if (graph && pf_graph_status(graph, NULL) != PF_OK)
    for (int i = 0; i < n; i++) out[i] = pf_graph_invalid(graph);
}
