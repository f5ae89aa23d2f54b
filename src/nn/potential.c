/* OT-Flow's potential; see potential.h for the formula.
 *
 * Legend (the paper's letters, with rows on the left):
 *   d columns   m width   M layers   h = 1/M
 *   a_i, u_i    before and after the activation of layer i        tau_i = sigma'(a_i) = tanh a_i     s2_i = 1 - tau_i^2
 *   z_i         dPhi / d(input of layer i):  z_{M+1} = w,  z_i = z_{i+1} + h (tau_i z_{i+1}) K_i^T,  z_0 = (tau_0 z_1) K_0^T
 *   J_i         du_i / dx, [d, m]:           J_0 = tau_0 K_x,  J_i = J_{i-1} + h tau_i P_i,  P_i = J_{i-1} K_i
 *   trace       of the space Hessian:        |A_x|^2 + sum_j s2_0j z_1j |K_x[:,j]|^2 + h sum_ij s2_ij z_{i+1,j} |P_i[:,j]|^2
 */
#include "potential.h"

#include <math.h>
#include <stdio.h>

enum { MAX_LAYERS = 64 };

/* A piece of d + 1 rows, the last one belonging to the time. */
typedef struct split {
  pf_node space, time;
} split;

typedef struct weights {
  split k0, a, b;
  pf_node bias0, w, c;
  pf_node k[MAX_LAYERS + 1], bias[MAX_LAYERS + 1]; /* from 1 */
} weights;

static int rank_of(const pf_potential_config *c) {
  int columns = c->inputs + 1;
  return c->rank > 0 ? c->rank : columns < 10 ? columns : 10;
}

static pf_initial uniform(double scale) { return (pf_initial){PF_INIT_UNIFORM, scale}; }

/* [d + 1, columns] as a node [d, columns] and a node [columns]. */
static split split_matrix(pf_walk *walk, const char *name, int d, int columns, pf_initial initial) {
  int64_t offset = pf_walk_piece(walk, name, PF_SHAPE(PF_SHARED, d + 1, columns), initial);
  int64_t last = offset + (int64_t)d * columns;
  return (split){pf_param(walk->graph, walk->set, offset, PF_SHAPE(PF_SHARED, d, columns)),
                 pf_param(walk->graph, walk->set, last, PF_SHAPE(PF_SHARED, columns))};
}

/* [d + 1] as a node [d] and a scalar. */
static split split_vector(pf_walk *walk, const char *name, int d, pf_initial initial) {
  int64_t offset = pf_walk_piece(walk, name, PF_SHAPE(PF_SHARED, d + 1), initial);
  return (split){pf_param(walk->graph, walk->set, offset, PF_SHAPE(PF_SHARED, d)),
                 pf_param(walk->graph, walk->set, offset + d, PF_SCALAR(PF_SHARED))};
}

static weights take_weights(pf_walk *walk, const pf_potential_config *c) {
  const pf_initial zero = {.kind = PF_INIT_ZERO}, one = {.kind = PF_INIT_ONE};
  const int d = c->inputs, m = c->width, p = rank_of(c);
  const pf_initial first = uniform(1 / sqrt(d + 1.0)), hidden = uniform(1 / sqrt(m));
  weights w;
  w.k0 = split_matrix(walk, "K0.weight", d, m, first);
  w.bias0 = pf_walk_param(walk, "K0.bias", PF_SHAPE(PF_SHARED, m), first);
  for (int i = 1; i <= c->layers; i++) {
    char name[40];
    snprintf(name, sizeof name, "K%d.weight", i);
    w.k[i] = pf_walk_param(walk, name, PF_SHAPE(PF_SHARED, m, m), hidden);
    snprintf(name, sizeof name, "K%d.bias", i);
    w.bias[i] = pf_walk_param(walk, name, PF_SHAPE(PF_SHARED, m), hidden);
  }
  w.w = pf_walk_param(walk, "w", PF_SHAPE(PF_SHARED, m), one);
  w.a = split_matrix(walk, "A", d, p, uniform(sqrt(6.0 / (p + d + 1))));
  w.b = split_vector(walk, "b", d, zero);
  w.c = pf_walk_param(walk, "c", PF_SCALAR(PF_SHARED), zero);
  return w;
}

static weights weights_of(const pf_potential_config *c, pf_graph *graph, int set) {
  pf_walk walk = {.graph = graph, .set = set};
  return take_weights(&walk, c);
}

/* ---- values ---- */

static pf_node product(pf_node x, pf_node weight) { return pf_matmul(x, weight, false, false); }
static pf_node product_back(pf_node x, pf_node weight) { return pf_matmul(x, weight, false, true); }
static pf_node dot(pf_node x, pf_node y) { return pf_sum_items(pf_mul(x, y)); }

/* (x, t) times a split piece, + bias when there is one. The time's part stays SHARED with the time. */
static pf_node affine(split weight, pf_node x, pf_node t, const pf_node *bias) {
  pf_node from_time = pf_mul(t, weight.time);
  return pf_add(product(x, weight.space), bias ? pf_add(from_time, *bias) : from_time);
}

/* a_0..a_M into a[]; returns u_M. */
static pf_node hidden_layers(const pf_potential_config *c, const weights *w, pf_node x, pf_node t,
                             pf_node *a) {
  a[0] = affine(w->k0, x, t, &w->bias0);
  pf_node u = pf_log_2cosh(a[0]);
  for (int i = 1; i <= c->layers; i++) {
    a[i] = pf_add(product(u, w->k[i]), w->bias[i]);
    u = pf_add(u, pf_scale(pf_log_2cosh(a[i]), 1.0 / c->layers));
  }
  return u;
}

pf_node pf_potential_apply(const pf_potential_config *config, int set, pf_node x, pf_node t) {
  weights w = weights_of(config, x.graph, set);
  pf_node a[MAX_LAYERS + 1], u = hidden_layers(config, &w, x, t, a);
  pf_node square = pf_scale(pf_sum_items(pf_square(affine(w.a, x, t, NULL))), 0.5);
  pf_node linear = pf_add(dot(x, w.b.space), pf_add(pf_mul(t, w.b.time), w.c));
  return pf_add(pf_add(dot(u, w.w), square), linear);
}

/* ---- slopes ---- */

/* sum over x and y: curvature_j |columns j of rows|^2; rows [d, m], curvature [m] */
static pf_node weighted_squares(pf_node rows, pf_node curvature) {
  return pf_sum_items(pf_mul(pf_square(rows), curvature));
}

/* z_1..z_{M+1} into z[]. */
static void back_layers(const pf_potential_config *c, const weights *w, const pf_node *tau, pf_node *z) {
  z[c->layers + 1] = w->w;
  for (int i = c->layers; i >= 1; i--)
    z[i] = pf_add(z[i + 1], pf_scale(product_back(pf_mul(tau[i], z[i + 1]), w->k[i]), 1.0 / c->layers));
}

static pf_node laplacian(const pf_potential_config *c, const weights *w, const pf_node *tau,
                         const pf_node *z) {
  const int m = c->width;
  const double h = 1.0 / c->layers;
  pf_node one = pf_scalar(tau[0].graph, 1), jacobian = pf_mul(tau[0], w->k0.space);
  pf_node columns =
      pf_reshape(pf_sum_axis(pf_square(w->k0.space), 0), 1, &m); /* |K_x[:,j]|^2: once for all rows */
  pf_node trace = dot(pf_mul(pf_sub(one, pf_square(tau[0])), z[1]), columns);
  for (int i = 1; i <= c->layers; i++) {
    pf_node p = product(jacobian, w->k[i]);
    pf_node curvature = pf_mul(pf_sub(one, pf_square(tau[i])), z[i + 1]);
    trace = pf_add(trace, pf_scale(weighted_squares(p, curvature), h));
    if (i < c->layers) jacobian = pf_add(jacobian, pf_mul(pf_scale(tau[i], h), p));
  }
  return pf_add(trace, pf_sum_items(pf_square(w->a.space)));
}

pf_potential_slopes pf_potential_slopes_apply(const pf_potential_config *config, int set, pf_node x,
                                              pf_node t) {
  weights w = weights_of(config, x.graph, set);
  pf_node tau[MAX_LAYERS + 1], z[MAX_LAYERS + 2];
  hidden_layers(config, &w, x, t, tau);
  for (int i = 0; i <= config->layers; i++) tau[i] = pf_tanh(tau[i]);
  back_layers(config, &w, tau, z);
  pf_node first = pf_mul(tau[0], z[1]), sa = affine(w.a, x, t, NULL);
  pf_potential_slopes out;
  out.gradient = pf_add(product_back(first, w.k0.space), pf_add(product_back(sa, w.a.space), w.b.space));
  out.time = pf_add(dot(first, w.k0.time), pf_add(dot(sa, w.a.time), w.b.time));
  out.laplacian = laplacian(config, &w, tau, z);
  return out;
}

/* ---- layout ---- */

static pf_status check_range(const char *name, int value, int low, int high, pf_error *error) {
  if (value >= low && value <= high) return PF_OK;
  return pf_fail(error, PF_USAGE, "potential %s is %d, must be %d to %d", name, value, low, high);
}

pf_status pf_potential_config_check(const pf_potential_config *config, pf_error *error) {
  PF_TRY(check_range("inputs", config->inputs, 1, 65535, error));
  PF_TRY(check_range("width", config->width, 1, 8192, error));
  PF_TRY(check_range("layers", config->layers, 1, MAX_LAYERS, error));
  return check_range("rank", config->rank, 0, config->inputs + 1, error);
}

pf_status pf_potential_layout(const pf_potential_config *config, pf_layout *out, pf_error *error) {
  PF_TRY(pf_potential_config_check(config, error));
  pf_layout list = {0};
  pf_walk walk = {.list = &list, .error = error};
  take_weights(&walk, config);
  return pf_walk_finish(&walk, out);
}
