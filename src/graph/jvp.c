/* Forward mode as a graph transformation: tangents follow the nodes between xs and ys in creation order, by
 * the rules of jvp_rules.c. Legend: dot[id], the tangent of node id; "no tangent" (-1) stands for zero. */
#include "build_util.h"
#include "../base/memory.h"

typedef struct jvp_sweep {
  pf_graph *graph;
  int32_t last; /* the youngest of ys */
  bool *given;  /* node is one of xs */
  bool *needed; /* some y depends on it differentiably, not through another x */
  int32_t *dot;
} jvp_sweep;

static void mark_needed(const jvp_sweep *s, const pf_node *ys, int n_y) {
  for (int j = 0; j < n_y; j++) s->needed[ys[j].id] = true;
  for (int32_t id = s->last; id >= 0; id--) {
    const pf_node_data *node = pf_graph_node(s->graph, id);
    if (!s->needed[id] || s->given[id]) continue;
    for (int k = 0; k < node->operands; k++)
      if (pf_op_differentiable(node->op, k)) s->needed[node->operand[k]] = true;
  }
}

static void propagate(const jvp_sweep *s) {
  for (int32_t id = 0; id <= s->last && pf_graph_status(s->graph, NULL) == PF_OK; id++) {
    if (!s->needed[id] || s->given[id]) continue;
    pf_node_data node = *pf_graph_node(s->graph, id); /* a copy: builders move the array */
    pf_node t[PF_MAX_OPERANDS];
    bool moves = false;
    for (int k = 0; k < node.operands; k++) {
      bool passes = pf_op_differentiable(node.op, k);
      t[k] = pf_node_at(s->graph, passes ? s->dot[node.operand[k]] : -1);
      moves = moves || t[k].id >= 0;
    }
    if (moves) s->dot[id] = pf_rule_jvp(pf_node_at(s->graph, id), t).id;
  }
}

static bool tangents_ok(const pf_node *xs, const pf_node *tangents, int n_x) {
  if (!pf_nodes_usable("jvp", xs, n_x) || !pf_nodes_usable("jvp", tangents, n_x)) return false;
  for (int i = 0; i < n_x; i++) {
    pf_shape sx = pf_node_shape(xs[i]), st = pf_node_shape(tangents[i]);
    bool span_ok = st.span == sx.span || (st.span == PF_SHARED && sx.span == PF_PER_ROW);
    if (span_ok && pf_shape_broadcasts_to(&st, &sx)) continue;
    char tx[PF_SHAPE_TEXT], tt[PF_SHAPE_TEXT];
    pf_graph_fail(xs[0].graph, PF_USAGE, "jvp: tangent %d is %s and does not broadcast to its node, %s", i,
                  pf_shape_format(&st, tt), pf_shape_format(&sx, tx));
    return false;
  }
  return true;
}

static void jvp_into(const pf_node *ys, int n_y, const pf_node *xs, const pf_node *tangents, int n_x,
                     pf_node *out) {
  jvp_sweep s = {.graph = ys[0].graph};
  pf_error error;
  pf_status status = PF_OK;
  for (int j = 0; j < n_y; j++)
    if (ys[j].id > s.last) s.last = ys[j].id;
  PF_TRY_GOTO(pf_alloc((size_t)s.last + 1, sizeof *s.given, &s.given, &error));
  PF_TRY_GOTO(pf_alloc((size_t)s.last + 1, sizeof *s.needed, &s.needed, &error));
  PF_TRY_GOTO(pf_alloc((size_t)s.last + 1, sizeof *s.dot, &s.dot, &error));
  for (int32_t id = 0; id <= s.last; id++) s.dot[id] = -1;
  for (int i = 0; i < n_x; i++) {
    int32_t x = xs[i].id;
    if (x > s.last) continue;
    s.dot[x] = s.given[x] ? pf_add(pf_node_at(s.graph, s.dot[x]), tangents[i]).id : tangents[i].id;
    s.given[x] = true;
  }
  mark_needed(&s, ys, n_y);
  propagate(&s);
  for (int j = 0; j < n_y; j++) {
    pf_shape shape = pf_node_shape(ys[j]);
    pf_node dot = pf_node_at(s.graph, s.dot[ys[j].id]);
    out[j] = dot.id >= 0 ? pf_standing_full(dot, &shape, true) : pf_zeros_like(s.graph, &shape);
  }
cleanup:
  if (status != PF_OK) pf_graph_fail(s.graph, status, "%s", error.message);
  pf_free(s.given);
  pf_free(s.needed);
  pf_free(s.dot);
}

void pf_jvp(const pf_node *ys, int n_y, const pf_node *xs, const pf_node *tangents, int n_x, pf_node *out) {
  if (n_y < 1) return;
  pf_graph *graph = ys[0].graph;
  if (n_x < 1) pf_graph_fail(graph, PF_USAGE, "jvp: %d nodes to move, needs at least one", n_x);
  bool usable = n_x > 0 && pf_nodes_usable("jvp", ys, n_y) && tangents_ok(xs, tangents, n_x);
  if (usable && (xs[0].graph != graph || tangents[0].graph != graph)) {
    pf_graph_fail(graph, PF_USAGE, "jvp: ys, xs and tangents belong to different graphs");
    usable = false;
  }
  for (int j = 0; j < n_y; j++) out[j] = pf_graph_invalid(graph);
  if (usable) jvp_into(ys, n_y, xs, tangents, n_x, out);
  if (graph && pf_graph_status(graph, NULL) != PF_OK)
    for (int j = 0; j < n_y; j++) out[j] = pf_graph_invalid(graph);
}
