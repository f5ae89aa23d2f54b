/* The loss of a block as a graph: see flow.h. */
#include <math.h>
#include "../base/canary.h"
#include "flow.h"

/* Stream ids of the random leaves. */
enum { S_ROW = 1, S_END, S_JITTER, S_PROBE = 16 };

static pf_node half_square(pf_node x) { return pf_scale(pf_sum_items(pf_square(x)), 0.5); }

static pf_node data_row(pf_graph *graph, int64_t rows, int d) {
  if (rows == 0) return pf_input(graph, PF_FLOW_DATA, PF_SHAPE(PF_PER_ROW, d));
  pf_node table = pf_input(graph, PF_FLOW_DATA, PF_SHAPE(PF_SHARED, (int)rows, d));
  return pf_gather(table, pf_index(graph, S_ROW, (int)rows));
}

/* Where r ends: 1, or a random time around it. */
static pf_node end_time(pf_graph *graph, double steer) {
  pf_node none = {graph, -1};
  if (steer == 0) return none;
  pf_node u = pf_reshape(pf_uniform(graph, S_END, 1), 0, NULL);
  return pf_offset(pf_scale(u, 2 * steer), 1 - steer);
}

static pf_node add_weighted(pf_node sum, double weight, pf_node term) {
  return weight == 0 ? sum : pf_add(sum, pf_scale(term, weight));
}

/* What a row contributes, term by term; movement and kinetic are alternatives to watch. */
typedef struct row_terms {
  pf_node nll, moved, kinetic, hjb;
  pf_node surrogate; /* of the adjoint; a zero handle without */
} row_terms;

static row_terms terms_of(const pf_flow_settings *s, pf_node x) {
  int d = pf_field_columns(&s->field);
  pf_unroll_spec spec = {.method = PF_ODE_RK4,
                         .steps = s->steps,
                         .end = end_time(x.graph, s->steer),
                         .jitter = s->jitter,
                         .jitter_stream = S_JITTER,
                         .divergence = s->divergence,
                         .width = s->width,
                         .probe_stream = S_PROBE};
  pf_node path[PF_ADJOINT_STEPS + 1], surrogate = {0};
  double grid[PF_ADJOINT_STEPS + 1];
  if (s->adjoint) {
    pf_adjoint_points(s->steps, grid);
    spec.grid = grid;
    spec.path = path;
  }
  pf_unrolled u = pf_unroll(&s->field, 0, x, &spec);
  pf_adjoint_weights w = {s->likelihood, s->kinetic, s->hjb, s->movement};
  if (s->adjoint) surrogate = pf_adjoint_surrogate(&s->field, 0, path, &spec, &w);
  pf_node log_det = PF_CANARY(FLOW_LIKELIHOOD_SIGN, u.log_det, pf_neg(u.log_det));
  return (row_terms){.nll = pf_offset(pf_sub(half_square(u.x), log_det), 0.5 * d * log(2 * M_PI)),
                     .moved = half_square(pf_sub(u.x, x)),
                     .kinetic = u.kinetic,
                     .hjb = u.hamilton_jacobi,
                     .surrogate = surrogate};
}

static pf_node weighted(const pf_flow_settings *s, const row_terms *t) {
  pf_node loss = pf_scale(t->nll, s->likelihood);
  loss = add_weighted(loss, s->movement, t->moved);
  loss = add_weighted(loss, s->kinetic, t->kinetic);
  return add_weighted(loss, s->hjb, t->hjb);
}

pf_node pf_flow_row_loss(const pf_flow_settings *s, pf_node x) {
  row_terms t = terms_of(s, x);
  return weighted(s, &t);
}

static void fill(const pf_flow_settings *s, int64_t rows, pf_graph *graph, pf_objective *o) {
  pf_node inverse = pf_scalar(graph, 1.0 / s->batch);
  row_terms t = terms_of(s, data_row(graph, rows, pf_field_columns(&s->field)));
  o->loss = pf_mean_rows(weighted(s, &t), inverse);
  if (s->adjoint) o->surrogate = pf_mean_rows(t.surrogate, inverse);
  o->terms[o->n_terms++] = pf_mean_rows(t.nll, inverse);
  if (s->movement > 0 || s->kinetic > 0)
    o->terms[o->n_terms++] = pf_mean_rows(s->movement > 0 ? t.moved : t.kinetic, inverse);
  if (s->hjb > 0) o->terms[o->n_terms++] = pf_mean_rows(t.hjb, inverse);
}

pf_status pf_flow_objective(const pf_flow_settings *s, int64_t rows, pf_objective *out, pf_error *error) {
  pf_graph *graph = NULL;
  if (s->hjb > 0 && s->field.kind != PF_FIELD_POTENTIAL)
    return pf_fail(error, PF_USAGE, "hjb is %g, but only a potential (method otflow) has this residual",
                   s->hjb);
  PF_TRY(pf_graph_create(&graph, error));
  pf_objective o = {.graph = graph, .balance_weight = {graph, -1}};
  fill(s, rows, graph, &o);
  pf_status status = pf_graph_status(graph, error);
  if (status != PF_OK) {
    pf_graph_free(graph);
    return status;
  }
  *out = o;
  return PF_OK;
}
