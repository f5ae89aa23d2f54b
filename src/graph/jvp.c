/* Forward mode as a graph transformation: tangents follow the nodes between xs and ys in creation order, by
 * the rules of jvp_rules.c. Legend: dot[id], the tangent of node id; "no tangent" (-1) stands for zero.
 * A stack of k directions is the same sweep: every tangent has one axis more in front (k is 0 without a stack). */
#include "build_util.h"
#include "../base/memory.h"

/* Which nodes move along what. */
typedef struct motion {
  const char *who; /* for messages */
  const pf_node *xs, *tangents;
  int n, k;
} motion;

typedef struct jvp_sweep {
  pf_graph *graph;
  int32_t last; /* the youngest of ys */
  bool stacked;
  bool *given;  /* node is one of xs */
  bool *needed; /* some y depends on it differentiably, not through another x */
  int32_t *dot;
} jvp_sweep;

/* Is there an axis left for the directions? */
static bool stack_fits(pf_node node, bool stacked) {
  pf_shape shape = pf_node_shape(node);
  if (!stacked || shape.axes < PF_MAX_AXES) return true;
  char text[PF_SHAPE_TEXT];
  pf_graph_fail(node.graph, PF_USAGE,
                "jvp_stack: %s %s leaves no axis for the directions, there are at most %d",
                pf_op_name(pf_node_get(node)->op), pf_shape_format(&shape, text), PF_MAX_AXES);
  return false;
}

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
    if (moves && stack_fits(pf_node_at(s->graph, id), s->stacked))
      s->dot[id] = pf_rule_jvp(pf_node_at(s->graph, id), t, s->stacked).id;
  }
}

static bool tangents_ok(const motion *m) {
  if (!pf_nodes_usable(m->who, m->xs, m->n) || !pf_nodes_usable(m->who, m->tangents, m->n)) return false;
  for (int i = 0; i < m->n; i++) {
    if (!stack_fits(m->xs[i], m->k > 0)) return false;
    pf_shape sx = pf_node_shape(m->xs[i]), st = pf_node_shape(m->tangents[i]);
    pf_shape to = pf_shape_stacked(m->k, &sx);
    bool span_ok = st.span == sx.span || (st.span == PF_SHARED && sx.span == PF_PER_ROW);
    if (span_ok && pf_shape_broadcasts_to(&st, &to)) continue;
    char tx[PF_SHAPE_TEXT], tt[PF_SHAPE_TEXT];
    pf_graph_fail(m->xs[0].graph, PF_USAGE, "%s: tangent %d is %s and does not broadcast to its node, %s",
                  m->who, i, pf_shape_format(&st, tt), pf_shape_format(&to, tx));
    return false;
  }
  return true;
}

/* Tangent i with exactly the axes of a stack. */
static pf_node given_tangent(const motion *m, int i) {
  pf_shape own = pf_node_shape(m->tangents[i]), sx = pf_node_shape(m->xs[i]);
  pf_shape to = {.axes = sx.axes + 1, .dim = {1, 1, 1}};
  if (m->k == 0) return m->tangents[i];
  for (int e = 0; e < own.axes; e++) to.dim[to.axes - 1 - e] = pf_shape_dim_from_end(&own, e);
  return pf_reshape(m->tangents[i], to.axes, to.dim);
}

static void give_tangents(const jvp_sweep *s, const motion *m) {
  for (int32_t id = 0; id <= s->last; id++) s->dot[id] = -1;
  for (int i = 0; i < m->n; i++) {
    int32_t x = m->xs[i].id;
    if (x > s->last) continue;
    pf_node tangent = given_tangent(m, i);
    s->dot[x] = s->given[x] ? pf_add(pf_node_at(s->graph, s->dot[x]), tangent).id : tangent.id;
    s->given[x] = true;
  }
}

static pf_node finished(const jvp_sweep *s, pf_node y, int k) {
  if (!stack_fits(y, k > 0)) return pf_graph_invalid(s->graph);
  pf_shape own = pf_node_shape(y), shape = pf_shape_stacked(k, &own);
  pf_node dot = pf_node_at(s->graph, s->dot[y.id]);
  return dot.id >= 0 ? pf_standing_full(dot, &shape, true) : pf_zeros_like(s->graph, &shape);
}

static void jvp_into(const pf_node *ys, int n_y, const motion *m, pf_node *out) {
  jvp_sweep s = {.graph = ys[0].graph, .stacked = m->k > 0};
  pf_error error;
  pf_status status = PF_OK;
  for (int j = 0; j < n_y; j++)
    if (ys[j].id > s.last) s.last = ys[j].id;
  PF_TRY_GOTO(pf_alloc((size_t)s.last + 1, sizeof *s.given, &s.given, &error));
  PF_TRY_GOTO(pf_alloc((size_t)s.last + 1, sizeof *s.needed, &s.needed, &error));
  PF_TRY_GOTO(pf_alloc((size_t)s.last + 1, sizeof *s.dot, &s.dot, &error));
  give_tangents(&s, m);
  mark_needed(&s, ys, n_y);
  propagate(&s);
  for (int j = 0; j < n_y; j++) out[j] = finished(&s, ys[j], m->k);
cleanup:
  if (status != PF_OK) pf_graph_fail(s.graph, status, "%s", error.message);
  pf_free(s.given);
  pf_free(s.needed);
  pf_free(s.dot);
}

static void jvp(const pf_node *ys, int n_y, const motion *m, pf_node *out) {
  if (n_y < 1) return;
  pf_graph *graph = ys[0].graph;
  if (m->n < 1) pf_graph_fail(graph, PF_USAGE, "%s: %d nodes to move, needs at least one", m->who, m->n);
  bool usable = m->n > 0 && pf_nodes_usable(m->who, ys, n_y) && tangents_ok(m);
  if (usable && (m->xs[0].graph != graph || m->tangents[0].graph != graph)) {
    pf_graph_fail(graph, PF_USAGE, "%s: ys, xs and tangents belong to different graphs", m->who);
    usable = false;
  }
  for (int j = 0; j < n_y; j++) out[j] = pf_graph_invalid(graph);
  if (usable) jvp_into(ys, n_y, m, out);
  if (graph && pf_graph_status(graph, NULL) != PF_OK)
    for (int j = 0; j < n_y; j++) out[j] = pf_graph_invalid(graph);
}

void pf_jvp(const pf_node *ys, int n_y, const pf_node *xs, const pf_node *tangents, int n_x, pf_node *out) {
  jvp(ys, n_y, &(motion){"jvp", xs, tangents, n_x, 0}, out);
}

void pf_jvp_stack(const pf_node *ys, int n_y, const pf_node *xs, const pf_node *tangents, int n_x, int k,
                  pf_node *out) {
  if (n_y > 0 && k < 1)
    pf_graph_fail(ys[0].graph, PF_USAGE, "jvp_stack: %d directions, needs at least one", k);
  jvp(ys, n_y, &(motion){"jvp_stack", xs, tangents, n_x, k}, out);
}
