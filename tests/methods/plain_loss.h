/* The losses of the characteristic generator as plain loops over rows, written from the paper's formulas: the oracle of
 * their values and, through differences, of their derivatives. The random leaves of a step are read off the graph.
 * What stands behind a stop gradient is computed from `held`, the parameters that differences leave alone. */
#ifndef PF_TESTS_METHODS_PLAIN_LOSS_H
#define PF_TESTS_METHODS_PLAIN_LOSS_H

#include "../flow/plain_map.h"
#include "exec/exec.h"
#include "methods/characteristic.h"

enum { D = 2, B = 12, ROWS = 7, K = 4, M = 6, PIECES = 16, DIRECTIONS = 8, STREAMS = 16 };
/* stream ids of methods/characteristic_loss.c */
enum { S_ROW = 1, S_NOISE, S_TIME, S_PATH, S_PAIR, S_SHARE, S_BETWEEN, S_DIAGONAL };

typedef enum which { VELOCITY, THEORY, PRACTICAL } which;

typedef struct world {
  which which;
  pf_characteristic c;
  pf_layout velocity, generator;
  const pf_layout *trained;
  double *p, *average, *teacher, *held; /* sets 0, 1, 2; held: set 0 behind stop gradients */
  double data[ROWS * D], nodes[M * (K + 1) * D], times[K + 1], lambda;
  double *pairs;     /* PF_PAIR_TABLE x 2 */
  double *direction; /* as p */
  double *leaf[STREAMS];
  pf_objective o;
} world;

/* ---- one row ---- */

static inline double plain_distance(const pf_characteristic *c, const double *x, const double *y) {
  double r = 0;
  for (int j = 0; j < D; j++) r += (x[j] - y[j]) * (x[j] - y[j]);
  return c->huber > 0 ? sqrt(r + c->huber * c->huber) - c->huber : r;
}

static inline int leaf_index(const world *w, int stream, int row) {
  assert_non_null(w->leaf[stream]);
  return (int)w->leaf[stream][row];
}

static inline double leaf_uniform(const world *w, int stream, int row) {
  assert_non_null(w->leaf[stream]);
  return w->leaf[stream][row];
}

static inline const double *path_node(const world *w, int row, int k) {
  return w->nodes + (leaf_index(w, S_PATH, row) * (K + 1) + k) * D;
}

/* |F(t, t, x_t) - target|^2 / d */
static inline double plain_match(const world *w, const pf_time_map *map, const double *p, int row) {
  double t = w->c.end * leaf_uniform(w, S_TIME, row), x[D], target[D], f[D], sum = 0;
  plain_sample(map, t, w->leaf[S_NOISE] + row * D, w->data + leaf_index(w, S_ROW, row) * D, x, target);
  plain_field(map, w->trained, p, t, t, x, f);
  for (int j = 0; j < D; j++) sum += (f[j] - target[j]) * (f[j] - target[j]) / D;
  return sum;
}

/* The pair (k, l) of a row. */
static inline void drawn_pair(const world *w, int row, int *k, int *l) {
  int entry = leaf_index(w, S_PAIR, row);
  *k = (int)w->pairs[2 * entry];
  *l = (int)w->pairs[2 * entry + 1];
}

static inline double theory_row(const world *w, const double *p, int row, double terms[3]) {
  const pf_time_map *g = &w->c.generator;
  int k, l, last = w->c.diagonal_share > 0 ? 2 : 1;
  drawn_pair(w, row, &k, &l);
  double whole[D], half[D], composed[D], penalty = 0, t = w->times[k], s = w->times[l];
  plain_map(g, w->trained, p, t, s, path_node(w, row, k), whole);
  bool diagonal = w->c.diagonal_share > 0 && leaf_uniform(w, S_DIAGONAL, row) < w->c.diagonal_share;
  terms[0] = diagonal ? 0 : plain_distance(&w->c, whole, path_node(w, row, l));
  terms[1] = diagonal ? plain_match(w, g, p, row) : 0;
  double fit = terms[0] + terms[1];
  if (w->c.semigroup > 0) {
    double u = t + (s - t) * leaf_uniform(w, S_SHARE, row);
    plain_map(g, w->trained, p, t, u, path_node(w, row, k), half);
    plain_map(g, w->trained, p, u, s, half, composed);
    for (int j = 0; j < D; j++) penalty += (whole[j] - composed[j]) * (whole[j] - composed[j]);
    terms[last] = penalty;
  }
  return fit + w->c.semigroup * penalty;
}

/* t <= u <= s, x_t and x_u */
typedef struct plain_step {
  double t, u, s, xt[D], xu[D];
} plain_step;

static inline plain_step step_of_trajectory(const world *w, int row) {
  int k, l;
  drawn_pair(w, row, &k, &l);
  int u = k + 1 + leaf_index(w, S_BETWEEN, row);
  if (u > l) u = l;
  plain_step out = {.t = w->times[k], .u = w->times[u], .s = w->times[l]};
  memcpy(out.xt, path_node(w, row, k), sizeof out.xt);
  memcpy(out.xu, path_node(w, row, u), sizeof out.xu);
  return out;
}

static inline plain_step step_of_data(const world *w, int row) {
  int k, l;
  double target[D];
  drawn_pair(w, row, &k, &l);
  plain_step q = {.t = w->times[k], .s = w->times[l]};
  q.u = q.t + leaf_uniform(w, S_SHARE, row) * (q.s - q.t);
  plain_sample(&w->c.generator, q.t, w->leaf[S_NOISE] + row * D, w->data + leaf_index(w, S_ROW, row) * D,
               q.xt, target);
  memcpy(q.xu, q.xt, sizeof q.xu);
  for (int i = 0; i < w->c.teacher_substeps; i++) {
    double h = (q.u - q.t) / w->c.teacher_substeps;
    plain_map(&w->c.velocity, &w->velocity, w->teacher, q.t + i * h, q.t + (i + 1) * h, q.xu, q.xu);
  }
  return q;
}

static inline double practical_row(const world *w, const double *p, int row, double terms[3]) {
  const pf_time_map *g = &w->c.generator;
  plain_step q = w->c.start == PF_START_DATA ? step_of_data(w, row) : step_of_trajectory(w, row);
  double near[D], far[D];
  plain_map(g, w->trained, p, q.t, q.s, q.xt, near);
  plain_map(g, w->trained, w->average, q.s, w->c.end, near, near);
  plain_map(g, w->trained, w->held, q.u, q.s, q.xu, far);
  plain_map(g, w->trained, w->average, q.s, w->c.end, far, far);
  terms[0] = plain_distance(&w->c, near, far);
  terms[1] = plain_match(w, g, p, row);
  terms[2] = 0;
  return terms[0] + w->lambda * terms[1];
}

/* The batch mean; terms[3] (may be NULL) are the parts. */
static inline double plain_loss(const world *w, const double *p, double *terms) {
  double loss = 0, sum[3] = {0};
  for (int row = 0; row < B; row++) {
    double part[3] = {0};
    if (w->which == VELOCITY)
      loss += plain_match(w, &w->c.velocity, p, row) / B;
    else
      loss += (w->which == THEORY ? theory_row : practical_row)(w, p, row, part) / B;
    for (int i = 0; i < 3; i++) sum[i] += part[i] / B;
  }
  if (terms) memcpy(terms, sum, sizeof sum);
  return loss;
}

/* ---- set-up ---- */

static inline pf_ref_run run_of(const world *w, const double **sets, const double **inputs) {
  sets[PF_SET_TRAINED] = w->p;
  sets[PF_SET_AVERAGE] = w->average;
  sets[PF_SET_VELOCITY] = w->teacher;
  inputs[PF_CHARACTERISTIC_DATA] = w->data;
  inputs[PF_CHARACTERISTIC_NODES] = w->nodes;
  inputs[PF_CHARACTERISTIC_TIMES] = w->times;
  inputs[PF_CHARACTERISTIC_PAIRS] = w->pairs;
  inputs[PF_CHARACTERISTIC_BALANCE] = &w->lambda;
  for (int i = 0; i < w->trained->count && w->direction; i++)
    inputs[DIRECTIONS + i] = w->direction + w->trained->items[i].offset;
  return (pf_ref_run){.params = sets, .inputs = inputs, .seed = 5, .step = 3, .rows = B};
}

static inline void evaluate(const world *w, const pf_node *nodes, int n, double *const *values) {
  const double *sets[3], *inputs[DIRECTIONS + PIECES] = {0};
  pf_ref_run run = run_of(w, sets, inputs);
  pf_error error = {0};
  must(pf_ref_evaluate(w->o.graph, nodes, n, &run, values, &error), &error);
}

static inline void read_leaves(world *w) {
  for (int32_t id = 0; id < pf_graph_size(w->o.graph); id++) {
    const pf_node_data *node = pf_graph_node(w->o.graph, id);
    if (node->op != PF_OP_NORMAL && node->op != PF_OP_UNIFORM && node->op != PF_OP_INDEX) continue;
    assert_in_range(node->i[0], 1, STREAMS - 1);
    double **leaf = &w->leaf[node->i[0]];
    assert_null(*leaf);
    *leaf = test_array((size_t)(B * pf_shape_items(&node->shape)), sizeof **leaf);
    pf_node handle = {w->o.graph, id};
    evaluate(w, &handle, 1, leaf);
  }
}

static inline pf_characteristic small_settings(pf_interpolant interpolant) {
  pf_characteristic c = {.start = PF_START_TRAJECTORY,
                         .end = pf_interpolant_default_end(interpolant),
                         .batch = B,
                         .trajectory_steps = K,
                         .trajectories = M,
                         .pairs = {.2, .2, .1, .1, .4},
                         .diagonal_share = 0.3,
                         .semigroup = 0.7,
                         .huber = 0.2,
                         .teacher_substeps = 3};
  c.velocity = (pf_time_map){.interpolant = interpolant,
                             .network = {.inputs = D,
                                         .outputs = D,
                                         .width = 5,
                                         .depth = 2,
                                         .times = 1,
                                         .frequencies = 2,
                                         .max_frequency = 3}};
  c.generator = c.velocity;
  c.generator.network.times = 2;
  return c;
}

/* The pair table as doubles. */
static inline double *pair_table(const pf_pair_law *law) {
  float *table = test_array(2 * PF_PAIR_TABLE, sizeof *table);
  double *out = test_array(2 * PF_PAIR_TABLE, sizeof *out);
  pf_pair_table(law, K, table);
  for (int i = 0; i < 2 * PF_PAIR_TABLE; i++) out[i] = table[i];
  pf_free(table);
  return out;
}

static inline void world_fill(world *w) {
  size_t n = (size_t)w->trained->total, m = (size_t)w->velocity.total;
  double **sets[] = {&w->p, &w->average, &w->held, &w->direction};
  for (int i = 0; i < 4; i++) {
    *sets[i] = test_array(n, sizeof(double));
    plain_normals(20 + (uint64_t)(i == 2 ? 0 : i), 0.6, n, *sets[i]); /* held = p */
  }
  w->teacher = test_array(m, sizeof(double));
  plain_normals(30, 0.6, m, w->teacher);
  plain_normals(31, 1, ROWS * D, w->data);
  plain_normals(32, 1, M * (K + 1) * D, w->nodes);
  for (int k = 0; k <= K; k++) w->times[k] = w->c.end * k / K;
  w->pairs = pair_table(&w->c.pairs);
  w->lambda = 1.7;
}

static inline void world_open(world *w, which which_one, const pf_characteristic *c) {
  static pf_status (*const builders[])(const pf_characteristic *, int64_t, pf_objective *, pf_error *) = {
      pf_velocity_objective, pf_theory_objective, pf_practical_objective};
  pf_error error = {0};
  *w = (world){.which = which_one, .c = *c};
  must(pf_network_layout(&w->c.velocity.network, &w->velocity, &error), &error);
  must(pf_network_layout(&w->c.generator.network, &w->generator, &error), &error);
  w->trained = which_one == VELOCITY ? &w->velocity : &w->generator;
  world_fill(w);
  must(builders[which_one](&w->c, ROWS, &w->o, &error), &error);
  read_leaves(w);
}

static inline void world_close(world *w) {
  double *arrays[] = {w->p, w->average, w->teacher, w->held, w->direction, w->pairs};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) pf_free(arrays[i]);
  for (int i = 0; i < STREAMS; i++) pf_free(w->leaf[i]);
  pf_layout_free(&w->velocity);
  pf_layout_free(&w->generator);
  pf_graph_free(w->o.graph);
}

#endif
