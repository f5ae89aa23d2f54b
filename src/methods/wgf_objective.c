/* The graphs of Wasserstein gradient flows: see wgf.h.
 *
 *   critic   mean phi(x) - mean phi(y) + lambda mean p(|grad phi(xh)|),  xh = u x + (1 - u) y
 *            p(r) = (r - 1)^2 or max(0, r - 1)^2
 *            cumulant b, g = 1 - b:  (1/b) log mean e^{b phi(x)} + (1/g) log mean e^{-g phi(y)}
 *   ratio    mean softplus(-d(x)) + mean softplus(d(y)):  d -> log(p_data / q);  phi = -h(d)
 *   dual     on data f, on samples s = -f + e, c = |x - y|^2 / 2 (jshe/wasserstein-2; w1fe_w2fe.md section 5.1)
 *            -mean(f(x) + s(y)) + lambda mean max(0, f(x) + s(y) - c(x, y))^2  at (x, y) and at random points between
 *            + lambda_eq mean (f(x) + s(Tx) - c(x, Tx))^2,   Tx = x - grad f(x)
 *            + lambda_eq mean (f(T'y) + s(y) - c(T'y, y))^2, T'y = y - grad s(y)
 *
 * Penalties differentiate grad phi again in the parameters: a gradient of a gradient of the same graph.
 */
#include <math.h>
#include "../base/canary.h"
#include "wgf.h"

/* Stream ids of the random leaves. */
enum { S_ROW = 1, S_NOISE, S_BETWEEN, S_OTHER_BETWEEN, S_TEMPER, S_OTHER_ROW };

static const double NO_GRADIENT =
    1e-12; /* |grad phi|^2 below it counts as zero: the norm's derivative has a pole there */

static bool exists(pf_node node) { return node.graph && node.id >= 0; }
static pf_node none(pf_graph *graph) { return (pf_node){graph, -1}; }
static pf_node scalar_of(pf_node row) { return pf_reshape(row, 0, NULL); }
static pf_node half_square(pf_node x) { return pf_scale(pf_sum_items(pf_square(x)), 0.5); }
static pf_node positive(pf_node x) { return pf_max(x, pf_scalar(x.graph, 0)); }

/* ---- networks ---- */

bool pf_wgf_has_critic(const pf_wgf *w) { return w->field != PF_WGF_PLAN && w->field != PF_WGF_SINKHORN; }

int pf_wgf_distance(const pf_wgf *w) {
  switch (w->field) {
  case PF_WGF_CRITIC: return 1;
  case PF_WGF_DUAL: return 2;
  case PF_WGF_RATIO: return 0;
  default: return w->power;
  }
}

pf_node pf_wgf_generate(const pf_wgf *w, int set, pf_node z, pf_node temper) {
  pf_node t = exists(temper) ? temper : z;
  pf_node f = pf_network_apply(&w->generator, set, z, t, t);
  return w->skip ? pf_add(z, f) : f;
}

static pf_node network_at(const pf_wgf *w, int set, int64_t offset, pf_node x, pf_node temper) {
  pf_node t = exists(temper) ? temper : x;
  return scalar_of(pf_network_apply_at(&w->critic, set, offset, x, t, t));
}

pf_node pf_wgf_critic_node(const pf_wgf *w, int set, pf_node x, pf_node temper) {
  return network_at(w, set, 0, x, temper);
}

/* Elements of one of the field's networks. */
static int64_t critic_size(const pf_wgf *w) {
  pf_layout one = {0};
  int64_t total = 0;
  if (pf_network_layout(&w->critic, &one, NULL) == PF_OK) total = one.total;
  pf_layout_free(&one);
  return total;
}

pf_status pf_wgf_critic_layout(const pf_wgf *w, pf_layout *out, pf_error *error) {
  pf_layout list = {0}, one = {0};
  if (!pf_wgf_has_critic(w)) return pf_fail(error, PF_USAGE, "a transport plan has no network");
  PF_TRY(pf_network_layout(&w->critic, &one, error));
  pf_status status = pf_layout_append(&list, w->field == PF_WGF_DUAL ? "data" : "critic", &one, error);
  if (status == PF_OK && w->field == PF_WGF_DUAL) status = pf_layout_append(&list, "excess", &one, error);
  pf_layout_free(&one);
  if (status == PF_OK)
    *out = list;
  else
    pf_layout_free(&list);
  return status;
}

/* s = -f + e: the dual's potential on samples, [-] of what samples descend. */
static pf_node dual_on_samples(const pf_wgf *w, int set, pf_node y, pf_node temper) {
  pf_node f = network_at(w, set, 0, y, temper), e = network_at(w, set, critic_size(w), y, temper);
  return pf_sub(e, f);
}

/* h(d) with the derivative that wgf.h names. */
static pf_node rescaled(pf_wgf_rescale rescale, pf_node d) {
  pf_graph *g = d.graph;
  switch (rescale) {
  case PF_WGF_RESCALE_KL: {
    pf_node bend = pf_scalar(g, 3), capped = pf_min(d, bend);
    return pf_add(pf_exp(capped), pf_scale(positive(pf_sub(d, bend)), exp(3)));
  }
  case PF_WGF_RESCALE_JS: return pf_softplus(d);
  case PF_WGF_RESCALE_GAN: return pf_neg(pf_softplus(pf_neg(d)));
  case PF_WGF_RESCALE_ARCSINH: {
    pf_node size = pf_abs(d);
    return pf_mul(pf_sign(d), pf_log(pf_add(size, pf_sqrt(pf_offset(pf_square(d), 1)))));
  }
  default: return d;
  }
}

pf_node pf_wgf_potential(const pf_wgf *w, int set, pf_node x, pf_node temper) {
  switch (w->field) {
  case PF_WGF_DUAL: return dual_on_samples(w, set, x, temper);
  case PF_WGF_RATIO: return pf_neg(rescaled(w->rescale, pf_wgf_critic_node(w, set, x, temper)));
  default: return pf_wgf_critic_node(w, set, x, temper);
  }
}

static pf_node gradient_in(pf_node value, pf_node x) {
  pf_node g;
  pf_grad(value, none(x.graph), &x, 1, &g);
  return g;
}

/* ---- a batch ---- */

typedef struct batch {
  const pf_wgf *w;
  pf_wgf_rows rows;
  pf_graph *graph;
  pf_node inverse_batch, temper;
} batch;

static pf_node table_row(const batch *b, int input, int64_t rows, int stream) {
  pf_node table = pf_input(b->graph, input, PF_SHAPE(PF_SHARED, (int)rows, b->w->generator.inputs));
  return pf_gather(table, pf_index(b->graph, stream, (int)rows));
}

/* Half of the rows at a = 1, the law that is wanted. */
static pf_node draw_temper(const batch *b) {
  if (!b->w->tempered) return none(b->graph);
  pf_node u = scalar_of(pf_uniform(b->graph, S_TEMPER, 1));
  return pf_min(pf_scale(u, 2), pf_scalar(b->graph, 1));
}

static batch open_batch(const pf_wgf *w, pf_wgf_rows rows, pf_graph *graph) {
  batch b = {.w = w, .rows = rows, .graph = graph, .inverse_batch = pf_scalar(graph, 1.0 / w->batch)};
  b.temper = draw_temper(&b);
  return b;
}

static pf_node data_row(const batch *b) {
  pf_node x = table_row(b, PF_WGF_DATA, b->rows.data, S_ROW);
  if (!b->w->tempered) return x;
  pf_node other = table_row(b, PF_WGF_DATA, b->rows.data, S_OTHER_ROW);
  return pf_add(other, pf_mul(pf_sub(x, other), b->temper));
}

static pf_node noise_row(const batch *b) {
  if (b->rows.source > 0) return table_row(b, PF_WGF_SOURCE, b->rows.source, S_NOISE);
  return pf_normal(b->graph, S_NOISE, b->w->generator.inputs);
}

static pf_node mean(const batch *b, pf_node row) { return pf_mean_rows(row, b->inverse_batch); }

static pf_status close_graph(pf_graph *graph, pf_objective *o, pf_objective *out, pf_error *error) {
  pf_status status = pf_graph_status(graph, error);
  if (status != PF_OK) {
    pf_graph_free(graph);
    return status;
  }
  *out = *o;
  return PF_OK;
}

/* ---- the field's loss ---- */

/* u x + (1 - u) y: a constant of the loss. */
static pf_node between(const batch *b, int stream, pf_node x, pf_node y) {
  pf_node u = scalar_of(pf_uniform(b->graph, stream, 1));
  return pf_stop_gradient(pf_add(y, pf_mul(pf_sub(x, y), u)));
}

/* p(|grad phi|) of a row. */
static pf_node slope_penalty(const pf_wgf *w, pf_node gradient) {
  pf_node square = pf_sum_items(pf_square(gradient));
  pf_node norm = pf_sqrt(pf_max(square, pf_scalar(gradient.graph, NO_GRADIENT)));
  pf_node excess = pf_offset(norm, PF_CANARY(WGF_PENALTY, -1, -2));
  return pf_square(w->constraint == PF_WGF_CONSTRAINT_LIPSCHITZ ? positive(excess) : excess);
}

static pf_node constraint_loss(const batch *b, pf_node x, pf_node y) {
  const pf_wgf *w = b->w;
  if (w->constraint != PF_WGF_CONSTRAINT_GRADIENT && w->constraint != PF_WGF_CONSTRAINT_LIPSCHITZ)
    return none(b->graph);
  pf_node at = between(b, S_BETWEEN, x, y);
  pf_node g = gradient_in(pf_wgf_critic_node(w, PF_WGF_TRAINED, at, b->temper), at);
  return pf_scale(slope_penalty(w, g), w->constraint_weight);
}

/* (1/b) log mean e^{b phi}, as a row: its derivative with the normaliser, which the caller measures, held fixed. */
static pf_node risk(pf_node phi, double b, pf_node log_mean) {
  pf_node weight = pf_stop_gradient(pf_exp(pf_sub(pf_scale(phi, b), log_mean)));
  return pf_mul(weight, phi);
}

static pf_node critic_row(const batch *b, pf_node x, pf_node y) {
  const pf_wgf *w = b->w;
  pf_node on_data = pf_wgf_critic_node(w, PF_WGF_TRAINED, x, b->temper);
  pf_node on_samples = pf_wgf_critic_node(w, PF_WGF_TRAINED, y, b->temper);
  if (w->cumulant == 0) return pf_sub(on_data, on_samples);
  pf_node logs = pf_input(b->graph, PF_WGF_LOG_MEANS, PF_SHAPE(PF_SHARED, 2));
  pf_node of_data = pf_reshape(pf_slice(logs, 0, 1), 0, NULL),
          of_samples = pf_reshape(pf_slice(logs, 1, 1), 0, NULL);
  return pf_sub(risk(on_data, w->cumulant, of_data), risk(on_samples, w->cumulant - 1, of_samples));
}

static pf_node ratio_row(const batch *b, pf_node x, pf_node y) {
  pf_node on_data = pf_wgf_critic_node(b->w, PF_WGF_TRAINED, x, b->temper);
  pf_node on_samples = pf_wgf_critic_node(b->w, PF_WGF_TRAINED, y, b->temper);
  return pf_add(pf_softplus(pf_neg(on_data)), pf_softplus(on_samples));
}

/* f(x) + s(y) - c(x, y) */
static pf_node dual_excess(pf_node f, pf_node s, pf_node x, pf_node y) {
  return pf_sub(pf_add(f, s), half_square(pf_sub(x, y)));
}

static pf_node dual_row(const batch *b, pf_node x, pf_node y) {
  const pf_wgf *w = b->w;
  pf_node f = network_at(w, PF_WGF_TRAINED, 0, x, b->temper);
  pf_node s = dual_on_samples(w, PF_WGF_TRAINED, y, b->temper);
  pf_node loss = pf_neg(pf_add(f, s));
  pf_node xh = between(b, S_BETWEEN, x, y), yh = between(b, S_OTHER_BETWEEN, y, x);
  pf_node over = pf_square(positive(dual_excess(f, s, x, y)));
  pf_node fh = network_at(w, PF_WGF_TRAINED, 0, xh, b->temper),
          sh = dual_on_samples(w, PF_WGF_TRAINED, yh, b->temper);
  over = pf_add(over, pf_square(positive(dual_excess(fh, sh, xh, yh))));
  loss = pf_add(loss, pf_scale(over, w->constraint_weight));
  if (w->equality == 0) return loss;
  pf_node tx = pf_sub(x, gradient_in(f, x)), ty = pf_sub(y, gradient_in(s, y));
  pf_node at_x = dual_excess(f, dual_on_samples(w, PF_WGF_TRAINED, tx, b->temper), x, tx);
  pf_node at_y = dual_excess(network_at(w, PF_WGF_TRAINED, 0, ty, b->temper), s, ty, y);
  return pf_add(loss, pf_scale(pf_add(pf_square(at_x), pf_square(at_y)), w->equality));
}

pf_status pf_wgf_critic_objective(const pf_wgf *w, pf_wgf_rows rows, pf_objective *out, pf_error *error) {
  pf_graph *graph = NULL;
  if (!pf_wgf_has_critic(w)) return pf_fail(error, PF_USAGE, "a transport plan has no loss");
  PF_TRY(pf_graph_create(&graph, error));
  batch b = open_batch(w, rows, graph);
  pf_node x = data_row(&b);
  pf_node y = pf_stop_gradient(pf_wgf_generate(w, PF_WGF_OTHER, noise_row(&b), b.temper));
  pf_node loss = w->field == PF_WGF_CRITIC  ? critic_row(&b, x, y)
                 : w->field == PF_WGF_RATIO ? ratio_row(&b, x, y)
                                            : dual_row(&b, x, y);
  pf_node penalty = w->field == PF_WGF_DUAL ? none(graph) : constraint_loss(&b, x, y);
  if (exists(penalty)) loss = pf_add(loss, penalty);
  if (w->field_penalty > 0) {
    pf_node g = gradient_in(pf_wgf_potential(w, PF_WGF_TRAINED, y, b.temper), y);
    loss = pf_add(loss, pf_scale(pf_sum_items(pf_square(g)), w->field_penalty));
  }
  pf_objective o = {.graph = graph, .balance_weight = {graph, -1}, .loss = mean(&b, loss)};
  return close_graph(graph, &o, out, error);
}

void pf_wgf_critic_outputs(const pf_wgf *w, pf_wgf_rows rows, pf_graph *graph, pf_node out[2]) {
  batch b = open_batch(w, rows, graph);
  pf_node y = pf_wgf_generate(w, PF_WGF_OTHER, noise_row(&b), b.temper);
  out[0] = pf_wgf_critic_node(w, PF_WGF_TRAINED, data_row(&b), b.temper);
  out[1] = pf_wgf_critic_node(w, PF_WGF_TRAINED, y, b.temper);
}

/* ---- the generator's loss ---- */

static pf_node frozen_noise(const batch *b) {
  return pf_input(b->graph, PF_WGF_Z, PF_SHAPE(PF_PER_ROW, b->w->generator.inputs));
}

pf_status pf_wgf_generator_objective(const pf_wgf *w, pf_wgf_rows rows, pf_objective *out, pf_error *error) {
  pf_graph *graph = NULL;
  PF_TRY(pf_graph_create(&graph, error));
  bool fresh = w->fit == PF_WGF_FIT_NAIVE_FRESH;
  batch b = {.w = w, .rows = rows, .graph = graph, .inverse_batch = pf_scalar(graph, 1.0 / w->batch)};
  b.temper = fresh         ? draw_temper(&b)
             : w->tempered ? pf_input(graph, PF_WGF_TEMPER, PF_SCALAR(PF_PER_ROW))
                           : none(graph);
  pf_node y = pf_wgf_generate(w, PF_WGF_TRAINED, fresh ? noise_row(&b) : frozen_noise(&b), b.temper), loss;
  if (w->fit == PF_WGF_FIT_TARGETS) {
    pf_node target = pf_input(graph, PF_WGF_TARGET, PF_SHAPE(PF_PER_ROW, w->generator.outputs));
    loss = pf_sum_items(pf_square(pf_sub(target, y)));
  } else {
    loss = pf_wgf_potential(w, PF_WGF_OTHER, y, b.temper);
  }
  pf_objective o = {.graph = graph, .balance_weight = {graph, -1}, .loss = mean(&b, loss)};
  return close_graph(graph, &o, out, error);
}

/* ---- the move ---- */

/* y - eps grad phi(y) by the stages of a tableau, phi frozen. */
static pf_node moved(const pf_wgf *w, pf_node y, pf_node eps, pf_node temper) {
  const pf_tableau *tableau = pf_tableau_of(w->move);
  pf_node slope[PF_TABLEAU_MAX_STAGES], to = y;
  for (int i = 0; i < tableau->stages; i++) {
    pf_node at = y;
    for (int j = 0; j < i; j++)
      if (tableau->a[i][j] != 0) at = pf_sub(at, pf_mul(slope[j], pf_scale(eps, tableau->a[i][j])));
    slope[i] = gradient_in(pf_wgf_potential(w, PF_WGF_OTHER, at, temper), at);
  }
  for (int i = 0; i < tableau->stages; i++) {
    pf_node step = pf_mul(slope[i], pf_scale(eps, PF_CANARY(WGF_MOVE_SIGN, 1, -1) * tableau->b[i]));
    if (tableau->b[i] != 0) to = pf_sub(to, step);
  }
  return to;
}

pf_wgf_move_nodes pf_wgf_move_graph(const pf_wgf *w, pf_wgf_rows rows, pf_graph *graph) {
  batch b = open_batch(w, rows, graph);
  pf_node z = noise_row(&b), y = pf_wgf_generate(w, PF_WGF_TRAINED, z, b.temper);
  pf_node eps = pf_input(graph, PF_WGF_STEP, PF_SCALAR(PF_SHARED));
  return (pf_wgf_move_nodes){.z = z,
                             .y = y,
                             .temper = b.temper,
                             .target = pf_wgf_has_critic(w) ? moved(w, y, eps, b.temper) : data_row(&b)};
}
