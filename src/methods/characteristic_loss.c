/* Losses of the characteristic generator as graphs.
 *
 *   legend   x0 ~ N(0,I) or a random row of the source, x1 a random data row: independent, or matched within a batch;
 *            t, s, u times; Z[i][k] node k of trajectory i at time T_k, k = 0..K; F network, g two-time map,
 *            sg stop gradient, g_ema the averaged map, c the pseudo-Huber constant. Given columns ride along in every row:
 *            those of x_t are x1's, those of Z[i] a random data row's
 *   velocity   mean |F(t, x_t) - (alpha x1 - beta x0)/c_t|^2                                     characteristic.md section 2
 *   theory     mean over i and k <= l of |g(T_k, T_l, Z_k) - Z_l|^2, diagonal weight 1/2         eq. 2.11, terminal node included
 *              + lambda mean |g(T_k,T_l,Z_k) - g(T_j,T_l, g(T_k,T_j,Z_k))|^2, k <= j <= l        eq. 2.13
 *   practical  mean |g_ema(s, T, g(t, s, x_t)) - sg g_ema(s, T, g(u, s, x_u))|^2 + lambda (diagonal),
 *              x_u teacher steps from x_t                                                        section 6
 *
 * Drawing k and l independently and sorting them gives exactly the paper's weights: a pair k < l comes twice as often as a
 * diagonal entry; pf_pair_law says what else may be stressed. With the exponential form the diagonal of the theory's loss is
 * identically zero; a share of the rows may carry denoiser matching there instead.
 */
#include "../base/canary.h"
#include "characteristic.h"

/* Stream ids of the random leaves; one use, one stream. */
enum { S_TIME = PF_STREAM_X0 + 1, S_PATH, S_PAIR, S_SHARE, S_BETWEEN, S_DIAGONAL };

typedef struct builder {
  const pf_characteristic *c;
  pf_graph *graph;
  int width, d; /* columns of a row, and those that are generated */
  int64_t rows;
  pf_node inverse_batch;
} builder;

static pf_status builder_open(builder *b, const pf_characteristic *c, int64_t rows, pf_error *error) {
  const pf_network_config *network = &c->velocity.network;
  *b = (builder){.c = c, .width = network->inputs, .d = network->outputs, .rows = rows};
  PF_TRY(pf_graph_create(&b->graph, error));
  b->inverse_batch = pf_scalar(b->graph, 1.0 / c->batch);
  return PF_OK;
}

/* Hands the graph over, or frees it and reports its error. */
static pf_status builder_close(builder *b, pf_objective *objective, pf_objective *out, pf_error *error) {
  pf_status status = pf_graph_status(b->graph, error);
  if (status != PF_OK) {
    pf_graph_free(b->graph);
    return status;
  }
  objective->graph = b->graph;
  *out = *objective;
  return PF_OK;
}

static pf_objective empty_objective(pf_graph *graph) {
  return (pf_objective){.graph = graph, .balance_weight = {graph, -1}};
}

/* A point x_t of the interpolant with its regression target. */
typedef struct sample {
  pf_node t, x, target;
} sample;

static pf_node row_at(builder *b, int input, int64_t rows, pf_node index) {
  return pf_gather(pf_input(b->graph, input, PF_SHAPE(PF_SHARED, (int)rows, b->width)), index);
}

static pf_node random_row(builder *b, int input, int64_t rows, int stream) {
  return row_at(b, input, rows, pf_index(b->graph, stream, (int)rows));
}

/* The two ends of an interpolant. */
static void draw_ends(builder *b, pf_node *x0, pf_node *x1) {
  if (b->c->coupling == PF_COUPLING_OPTIMAL) {
    *x0 = pf_input(b->graph, PF_CHARACTERISTIC_X0, PF_SHAPE(PF_PER_ROW, b->d));
    *x1 = pf_input(b->graph, PF_CHARACTERISTIC_X1, PF_SHAPE(PF_PER_ROW, b->d));
    return;
  }
  if (b->c->coupling == PF_COUPLING_PAIRED) {
    pf_node index = pf_index(b->graph, PF_STREAM_X1, (int)b->rows);
    *x0 = row_at(b, PF_CHARACTERISTIC_SOURCE, b->rows, index);
    *x1 = row_at(b, PF_CHARACTERISTIC_DATA, b->rows, index);
    return;
  }
  *x1 = random_row(b, PF_CHARACTERISTIC_DATA, b->rows, PF_STREAM_X1);
  *x0 = b->c->source > 0 ? random_row(b, PF_CHARACTERISTIC_SOURCE, b->c->source, PF_STREAM_X0)
                         : pf_normal(b->graph, PF_STREAM_X0, b->d);
}

static sample draw_sample(builder *b, const pf_time_map *map, pf_node t) {
  pf_node x0, x1;
  draw_ends(b, &x0, &x1);
  pf_node end = pf_given_generated_node(&map->given, x1);
  pf_node point = pf_interpolant_point_node(map->interpolant, t, x0, end);
  return (sample){.t = t,
                  .x = pf_given_join_node(&map->given, point, x1),
                  .target = pf_time_map_target_node(map, t, x0, end)};
}

static pf_node random_time(builder *b, int stream) {
  return pf_scale(pf_reshape(pf_uniform(b->graph, stream, 1), 0, NULL), b->c->end);
}

static pf_node squared_norm(pf_node r) { return pf_sum_items(pf_square(r)); }

/* |r|^2, or its pseudo-Huber form scaled to agree with |r|^2 near zero up to the factor 1/(2c). */
static pf_node distance(const pf_characteristic *c, pf_node r) {
  pf_node square = squared_norm(r);
  return c->huber > 0 ? pf_offset(pf_sqrt(pf_offset(square, c->huber * c->huber)), -c->huber) : square;
}

/* A per-row loss (scalar items) to the batch mean. */
static pf_node batch_mean(builder *b, pf_node per_row) { return pf_mean_rows(per_row, b->inverse_batch); }

pf_status pf_velocity_objective(const pf_characteristic *c, int64_t rows, pf_objective *out,
                                pf_error *error) {
  builder b;
  PF_TRY(builder_open(&b, c, rows, error));
  pf_objective o = empty_objective(b.graph);
  sample p = draw_sample(&b, &c->velocity, random_time(&b, S_TIME));
  pf_node f = pf_time_map_network_node(&c->velocity, PF_SET_TRAINED, p.x, p.t, p.t);
  o.loss = batch_mean(&b, pf_scale(squared_norm(pf_sub(f, p.target)), 1.0 / b.d));
  return builder_close(&b, &o, out, error);
}

/* T_0..T_K */
static pf_node times_table(builder *b) {
  return pf_input(b->graph, PF_CHARACTERISTIC_TIMES, PF_SHAPE(PF_SHARED, b->c->trajectory_steps + 1, 1));
}

static pf_node node_time(pf_node times, pf_node k) { return pf_reshape(pf_gather(times, k), 0, NULL); }

/* A random trajectory: M of them, K + 1 nodes each, stand in one table. */
typedef struct path {
  pf_node base; /* first table row of the trajectory */
  pf_node table, times;
} path;

static path random_path(builder *b) {
  int nodes = b->c->trajectory_steps + 1;
  int64_t table_rows = b->c->trajectories * nodes;
  return (path){
      .base = pf_scale(pf_index(b->graph, S_PATH, (int)b->c->trajectories), nodes),
      .table = pf_input(b->graph, PF_CHARACTERISTIC_NODES, PF_SHAPE(PF_SHARED, (int)table_rows, b->width)),
      .times = times_table(b)};
}

static pf_node path_point(const path *p, pf_node k) { return pf_gather(p->table, pf_add(p->base, k)); }
static pf_node path_time(const path *p, pf_node k) { return node_time(p->times, k); }

/* 1 with the given probability, else 0. */
static pf_node coin(builder *b, int stream, double probability) {
  return pf_less(pf_reshape(pf_uniform(b->graph, stream, 1), 0, NULL), pf_scalar(b->graph, probability));
}

/* k <= l from the pair law. */
static void random_pair(builder *b, pf_node *k, pf_node *l) {
  pf_node table = pf_input(b->graph, PF_CHARACTERISTIC_PAIRS, PF_SHAPE(PF_SHARED, PF_PAIR_TABLE, 2));
  pf_node pair = pf_gather(table, pf_index(b->graph, S_PAIR, PF_PAIR_TABLE));
  *k = pf_reshape(pf_slice(pair, 0, 1), 0, NULL);
  *l = pf_reshape(pf_slice(pair, 1, 1), 0, NULL);
}

static pf_node semigroup_penalty(builder *b, const path *p, pf_node k, pf_node l, pf_node whole) {
  const pf_time_map *g = &b->c->generator;
  pf_node u = pf_reshape(pf_uniform(b->graph, S_SHARE, 1), 0, NULL);
  pf_node t = path_time(p, k), s = path_time(p, l);
  pf_node between = pf_add(t, pf_mul(u, pf_sub(s, t)));
  pf_node half = pf_time_map_node(g, PF_SET_TRAINED, path_point(p, k), t, between);
  pf_node composed = pf_time_map_node(g, PF_SET_TRAINED, half, between, s);
  return squared_norm(pf_sub(whole, composed));
}

/* The plain fit: every row a pair of nodes. */
static void fit_pairs(builder *b, const path *p, pf_node k, pf_node l, pf_objective *o) {
  pf_node g =
      pf_time_map_node(&b->c->generator, PF_SET_TRAINED, path_point(p, k), path_time(p, k), path_time(p, l));
  o->terms[0] = batch_mean(b, distance(b->c, pf_sub(g, path_point(p, l))));
  o->n_terms = 1;
  o->loss = o->terms[0];
}

/* A share of the rows carries denoiser matching on the diagonal; one network pass serves both kinds. */
static void fit_pairs_and_diagonal(builder *b, const path *p, pf_node k, pf_node l, pf_objective *o) {
  const pf_time_map *map = &b->c->generator;
  pf_node diagonal = coin(b, S_DIAGONAL, b->c->diagonal_share);
  sample d = draw_sample(b, map, random_time(b, S_TIME));
  pf_node from = pf_select(diagonal, d.x, path_point(p, k));
  pf_node t = pf_select(diagonal, d.t, path_time(p, k)), s = pf_select(diagonal, d.t, path_time(p, l));
  pf_node f = pf_time_map_network_node(map, PF_SET_TRAINED, from, t, s);
  pf_time_terms terms = {.of_given = pf_scalar(b->graph, 1)};
  pf_time_map_coefficients(map, t, s, &terms.of_x, &terms.of_network);
  pf_node g = pf_time_map_combine(map, terms, from, f);
  pf_node fit = distance(b->c, pf_sub(g, path_point(p, l)));
  pf_node match = pf_scale(squared_norm(pf_sub(f, d.target)), 1.0 / b->d), zero = pf_scalar(b->graph, 0);
  o->terms[0] = batch_mean(b, pf_select(diagonal, zero, fit));
  o->terms[1] = batch_mean(b, pf_select(diagonal, match, zero));
  o->n_terms = 2;
  o->loss = pf_add(o->terms[0], o->terms[1]);
}

pf_status pf_theory_objective(const pf_characteristic *c, int64_t rows, pf_objective *out, pf_error *error) {
  builder b;
  PF_TRY(builder_open(&b, c, rows, error));
  pf_objective o = empty_objective(b.graph);
  path p = random_path(&b);
  pf_node k, l;
  random_pair(&b, &k, &l);
  if (c->diagonal_share > 0)
    fit_pairs_and_diagonal(&b, &p, k, l, &o);
  else
    fit_pairs(&b, &p, k, l, &o);
  if (c->semigroup > 0) {
    pf_node whole = pf_time_map_node(&c->generator, PF_SET_TRAINED, path_point(&p, k), path_time(&p, k),
                                     path_time(&p, l));
    pf_node penalty = batch_mean(&b, semigroup_penalty(&b, &p, k, l, whole));
    o.terms[o.n_terms++] = penalty;
    o.loss = pf_add(o.loss, pf_scale(penalty, c->semigroup));
  }
  return builder_close(&b, &o, out, error);
}

/* t <= u <= s with x_t and the teacher's x_u. */
typedef struct step_pair {
  pf_node t, u, s, xt, xu;
} step_pair;

/* From a kept trajectory: t and s are a pair of nodes, u a node between them (t's successor at least). */
static step_pair pair_from_trajectory(builder *b) {
  path p = random_path(b);
  pf_node k, l, share = pf_index(b->graph, S_BETWEEN, b->c->trajectory_steps);
  random_pair(b, &k, &l);
  pf_node u = pf_min(l, pf_offset(pf_add(k, share), 1));
  return (step_pair){path_time(&p, k), path_time(&p, u), path_time(&p, l), path_point(&p, k),
                     path_point(&p, u)};
}

/* From data and noise: a few exponential steps of the velocity network carry x_t to x_u. */
static step_pair pair_from_data(builder *b) {
  const pf_characteristic *c = b->c;
  pf_node k, l, share = pf_reshape(pf_uniform(b->graph, S_SHARE, 1), 0, NULL);
  random_pair(b, &k, &l);
  pf_node times = times_table(b), t = node_time(times, k), s = node_time(times, l);
  pf_node u = pf_add(t, pf_mul(share, pf_sub(s, t)));
  sample p = draw_sample(b, &c->generator, t);
  pf_node x = p.x, step = pf_scale(pf_sub(u, t), 1.0 / c->teacher_substeps), from = t;
  for (int i = 0; i < c->teacher_substeps; i++) {
    pf_node to = i + 1 == c->teacher_substeps ? u : pf_add(from, step);
    x = pf_time_map_node(&c->velocity, PF_SET_VELOCITY, x, from, to);
    from = to;
  }
  return (step_pair){t, u, s, p.x, pf_stop_gradient(x)};
}

pf_status pf_practical_objective(const pf_characteristic *c, int64_t rows, pf_objective *out,
                                 pf_error *error) {
  builder b;
  PF_TRY(builder_open(&b, c, rows, error));
  pf_objective o = empty_objective(b.graph);
  const pf_time_map *g = &c->generator;
  step_pair p = c->start == PF_START_TRAJECTORY ? pair_from_trajectory(&b) : pair_from_data(&b);
  pf_node end = pf_scalar(b.graph, c->end);
  pf_node near = pf_time_map_node(g, PF_SET_TRAINED, p.xt, p.t, p.s);
  pf_node estimate = pf_time_map_node(g, PF_SET_AVERAGE, near, p.s, end);
  pf_node far = pf_time_map_node(g, PF_SET_TRAINED, p.xu, p.u, p.s);
  pf_node ahead = pf_time_map_node(g, PF_SET_AVERAGE, far, p.s, end);
  pf_node target = PF_CANARY(TARGET_GRADIENT, pf_stop_gradient(ahead), ahead);
  o.terms[0] = batch_mean(&b, distance(c, pf_sub(estimate, target)));
  sample d = draw_sample(&b, g, random_time(&b, S_TIME));
  pf_node f = pf_time_map_network_node(g, PF_SET_TRAINED, d.x, d.t, d.t);
  o.terms[1] = batch_mean(&b, pf_scale(squared_norm(pf_sub(f, d.target)), 1.0 / b.d));
  o.n_terms = 2;
  o.balance_input = PF_CHARACTERISTIC_BALANCE;
  pf_node lambda = pf_input(b.graph, PF_CHARACTERISTIC_BALANCE, PF_SCALAR(PF_SHARED));
  o.loss = pf_add(o.terms[0], pf_mul(o.terms[1], lambda));
  return builder_close(&b, &o, out, error);
}
