/* The loss of a block as a graph: see flow.h. */
#include <math.h>
#include "../base/canary.h"
#include "flow.h"

/* Stream ids of the random leaves. */
enum { S_ROW = 1, S_END, S_PROBE = 16 };

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

static void fill(const pf_flow_settings *s, int64_t rows, pf_graph *graph, pf_objective *o) {
  int d = pf_field_columns(&s->field);
  pf_unroll_spec spec = {.method = PF_ODE_RK4,
                         .steps = s->steps,
                         .end = end_time(graph, s->steer),
                         .divergence = s->divergence,
                         .width = s->width,
                         .probe_stream = S_PROBE};
  pf_node x = data_row(graph, rows, d), inverse = pf_scalar(graph, 1.0 / s->batch);
  pf_unrolled u = pf_unroll(&s->field, 0, x, &spec);
  pf_node log_det = PF_CANARY(FLOW_LIKELIHOOD_SIGN, u.log_det, pf_neg(u.log_det));
  pf_node nll = pf_offset(pf_sub(half_square(u.x), log_det), 0.5 * d * log(2 * M_PI));
  pf_node moved = half_square(pf_sub(u.x, x));
  o->terms[o->n_terms++] = pf_mean_rows(nll, inverse);
  o->loss = pf_scale(o->terms[0], s->likelihood);
  if (s->movement > 0 || s->kinetic > 0)
    o->terms[o->n_terms++] = pf_mean_rows(s->movement > 0 ? moved : u.kinetic, inverse);
  if (s->hjb > 0) o->terms[o->n_terms++] = pf_mean_rows(u.hamilton_jacobi, inverse);
  o->loss = add_weighted(o->loss, s->movement, pf_mean_rows(moved, inverse));
  o->loss = add_weighted(o->loss, s->kinetic, pf_mean_rows(u.kinetic, inverse));
  if (s->hjb > 0) o->loss = add_weighted(o->loss, s->hjb, pf_mean_rows(u.hamilton_jacobi, inverse));
}

pf_status pf_flow_objective(const pf_flow_settings *s, int64_t rows, pf_objective *out, pf_error *error) {
  pf_graph *graph = NULL;
  if (s->hjb > 0 && s->field.kind != PF_FIELD_POTENTIAL)
    return pf_fail(error, PF_USAGE, "hjb is %g, but only a potential (method otflow) has this residual", s->hjb);
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
