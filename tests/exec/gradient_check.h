/* Checks the derivatives of any graph against differences, to third order, on the reference executor.
 * A header of static functions: a test program is one source file. Include after cmocka.h.
 *
 * A case is a function from leaves x_j to a node y. With a random cotangent s (non-uniform) and a random
 * direction v, L = sum s y, and D[f] = (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h, the derivative along v
 * with error h^4:
 *   every element  dL/dx_j[i]               against D[L] along that element alone
 *   direction      <grad L, v>              against D[L]
 *   tangent        jvp(y; v)                against D[y]
 *   second order   grad <grad L, v>, jvp(grad L; v) and grad <s, jvp(y; v)>: all are H v; against D[grad L]
 *   twice forward  jvp(jvp(y; v); v)        against D[jvp(y; v)]
 *   third order    grad <H v, v>            against D[H v]
 * Values stay away from kinks: each leaf has its own offset from a lattice of spacing 1/4 (see fill_leaf).
 */
#ifndef PF_TESTS_EXEC_GRADIENT_CHECK_H
#define PF_TESTS_EXEC_GRADIENT_CHECK_H

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/rng.h"
#include "exec/exec.h"

enum {
  CHECK_MAX_LEAVES = 6,
  CHECK_ROWS = 3,
  CHECK_SEED_INPUT = CHECK_MAX_LEAVES,
  CHECK_DIRECTION_INPUT = CHECK_SEED_INPUT + 1,
  CHECK_INPUTS = CHECK_DIRECTION_INPUT + CHECK_MAX_LEAVES,
};

typedef struct check_leaf {
  pf_span span; /* PF_SHARED: parameter set j (input j when j is odd); PF_PER_ROW: input j */
  int axes;
  int dim[PF_MAX_AXES];
  bool positive; /* values from 0.3 up: for log, sqrt, denominators */
} check_leaf;

typedef struct check_case {
  const char *name;
  pf_node (*build)(pf_graph *graph, const pf_node *x, int choice);
  int choice; /* handed to build */
  int leaves;
  check_leaf leaf[CHECK_MAX_LEAVES];
  int order; /* 1 to 3: how far to check */
} check_case;

typedef struct check_state {
  const check_case *c;
  pf_graph *graph;
  pf_node x[CHECK_MAX_LEAVES], v[CHECK_MAX_LEAVES], seed;
  double *value[CHECK_MAX_LEAVES], *direction[CHECK_MAX_LEAVES], *seed_value;
} check_state;

static inline double *check_array(size_t count) {
  double *array = NULL;
  assert_int_equal(pf_alloc(count, sizeof *array, &array, NULL), PF_OK);
  return array;
}

static inline size_t check_count(pf_node node) {
  pf_shape shape = pf_node_shape(node);
  return (size_t)pf_shape_items(&shape) * (shape.span == PF_PER_ROW ? CHECK_ROWS : 1);
}

static inline void check_status(const check_state *s, const char *stage) {
  pf_error error = {0};
  if (pf_graph_status(s->graph, &error) != PF_OK) fail_msg("%s: %s: %s", s->c->name, stage, error.message);
}

/* The value of one node where every leaf stands at value + step * towards (towards NULL: at value). */
static inline double *check_value(const check_state *s, pf_node node, double step, double *const *towards) {
  double *moved[CHECK_MAX_LEAVES];
  const double *params[CHECK_MAX_LEAVES] = {0}, *inputs[CHECK_INPUTS] = {0};
  for (int j = 0; j < s->c->leaves; j++) {
    size_t count = check_count(s->x[j]);
    moved[j] = check_array(count);
    for (size_t i = 0; i < count; i++)
      moved[j][i] = s->value[j][i] + (towards && towards[j] ? step * towards[j][i] : 0);
    params[j] = inputs[j] = moved[j];
    inputs[CHECK_DIRECTION_INPUT + j] = s->direction[j];
  }
  inputs[CHECK_SEED_INPUT] = s->seed_value;
  pf_ref_run run = {
      .params = params, .inputs = inputs, .seed = 7, .step = 3, .rows = CHECK_ROWS, .first_row = 11};
  double *out = check_array(check_count(node));
  pf_error error = {0};
  if (pf_ref_evaluate(s->graph, &node, 1, &run, &out, &error) != PF_OK)
    fail_msg("%s: %s", s->c->name, error.message);
  for (int j = 0; j < s->c->leaves; j++) pf_free(moved[j]);
  return out;
}

/* D[node] along `towards`. */
static inline double *check_difference(const check_state *s, pf_node node, double *const *towards) {
  const double h = 1e-3;
  const double step[4] = {h, -h, 2 * h, -2 * h}, weight[4] = {8, -8, -1, 1};
  size_t count = check_count(node);
  double *sum = check_array(count);
  for (int p = 0; p < 4; p++) {
    double *f = check_value(s, node, step[p], towards);
    for (size_t i = 0; i < count; i++) sum[i] += weight[p] * f[i] / (12 * h);
    pf_free(f);
  }
  return sum;
}

static inline void check_close(const check_state *s, const char *what, int leaf, size_t i, double got,
                               double want) {
  const double tolerance = 1e-7;
  if (!(fabs(got - want) <= tolerance * (0.01 + fabs(want))))
    fail_msg("%s: %s, leaf %d element %d: %.12g, differences say %.12g", s->c->name, what, leaf, (int)i, got,
             want);
}

/* `node` against D[of]. */
static inline void check_against(const check_state *s, const char *what, int leaf, pf_node node, pf_node of) {
  check_status(s, what);
  assert_int_equal(check_count(node), check_count(of));
  double *got = check_value(s, node, 0, NULL), *want = check_difference(s, of, s->direction);
  for (size_t i = 0; i < check_count(node); i++) check_close(s, what, leaf, i, got[i], want[i]);
  pf_free(got);
  pf_free(want);
}

/* sum over leaves, rows and items of g_j * v_j. */
static inline pf_node check_dot(const check_state *s, const pf_node *g) {
  pf_node sum = {s->graph, -1};
  for (int j = 0; j < s->c->leaves; j++) {
    pf_node term = pf_sum_items(pf_mul(g[j], s->v[j]));
    if (pf_node_shape(term).span == PF_PER_ROW) term = pf_sum_rows(term);
    sum = j ? pf_add(sum, term) : term;
  }
  return sum;
}

static inline void check_elements(const check_state *s, pf_node objective, const pf_node *g) {
  double *towards[CHECK_MAX_LEAVES] = {0};
  for (int j = 0; j < s->c->leaves; j++) {
    size_t count = check_count(s->x[j]);
    double *got = check_value(s, g[j], 0, NULL), *unit = check_array(count);
    assert_int_equal(check_count(g[j]), count);
    towards[j] = unit;
    for (size_t i = 0; i < count; i++) {
      unit[i] = 1;
      double *want = check_difference(s, objective, towards);
      check_close(s, "gradient", j, i, got[i], want[0]);
      pf_free(want);
      unit[i] = 0;
    }
    towards[j] = NULL;
    pf_free(got);
    pf_free(unit);
  }
}

static inline void check_orders(const check_state *s, pf_node y) {
  int n = s->c->leaves;
  pf_node none = {s->graph, -1}, g[CHECK_MAX_LEAVES], hv[CHECK_MAX_LEAVES], other[CHECK_MAX_LEAVES];
  pf_node objective = pf_sum_items(pf_mul(y, s->seed)), ydot, yddot;
  if (pf_node_shape(objective).span == PF_PER_ROW) objective = pf_sum_rows(objective);
  pf_grad(y, s->seed, s->x, n, g);
  pf_jvp(&y, 1, s->x, s->v, n, &ydot);
  check_status(s, "first order");
  check_elements(s, objective, g);
  check_against(s, "directional gradient", -1, check_dot(s, g), objective);
  check_against(s, "jvp", -1, ydot, y);
  if (s->c->order < 2) return;

  pf_grad(check_dot(s, g), none, s->x, n, hv);
  for (int j = 0; j < n; j++) check_against(s, "gradient of gradient", j, hv[j], g[j]);
  pf_jvp(g, n, s->x, s->v, n, other);
  for (int j = 0; j < n; j++) check_against(s, "jvp of gradient", j, other[j], g[j]);
  pf_grad(ydot, s->seed, s->x, n, other);
  for (int j = 0; j < n; j++) check_against(s, "gradient of jvp", j, other[j], g[j]);
  pf_jvp(&ydot, 1, s->x, s->v, n, &yddot);
  check_against(s, "jvp of jvp", -1, yddot, ydot);
  if (s->c->order < 3) return;

  pf_grad(check_dot(s, hv), none, s->x, n, other);
  for (int j = 0; j < n; j++) check_against(s, "third order", j, other[j], hv[j]);
}

/* Multiples of 1/4 plus an offset of the leaf's own, jittered: values of different leaves and zero stay 0.04
 * apart. */
static inline void fill_leaf(const check_case *c, int j, double *value, size_t count) {
  pf_rng rng = pf_rng_at(1, PF_STREAM_TEST, 0, (uint64_t)j);
  for (size_t i = 0; i < count; i++) {
    double lattice = 0.25 * floor(pf_rng_uniform(&rng) * 9 - 4) + 0.03 + 0.06 * (j % 4);
    double jitter = 0.01 * (pf_rng_uniform(&rng) - 0.5);
    value[i] = (c->leaf[j].positive ? fabs(lattice) + 0.3 : lattice) + jitter;
  }
}

static inline void fill_random(double *value, size_t count, uint64_t row) {
  pf_rng rng = pf_rng_at(2, PF_STREAM_TEST, 0, row);
  for (size_t i = 0; i < count; i++) value[i] = 2 * pf_rng_uniform(&rng) - 1;
}

static inline void check_leaves(check_state *s) {
  for (int j = 0; j < s->c->leaves; j++) {
    const check_leaf *leaf = &s->c->leaf[j];
    pf_shape shape = pf_shape_of(leaf->span, leaf->axes, leaf->dim);
    bool param = leaf->span == PF_SHARED && j % 2 == 0;
    s->x[j] = param ? pf_param(s->graph, j, 0, shape) : pf_input(s->graph, j, shape);
    s->v[j] = pf_input(s->graph, CHECK_DIRECTION_INPUT + j, shape);
    size_t count = check_count(s->x[j]);
    s->value[j] = check_array(count);
    s->direction[j] = check_array(count);
    fill_leaf(s->c, j, s->value[j], count);
    fill_random(s->direction[j], count, (uint64_t)j);
  }
}

static inline void check_mark_seen(const pf_graph *graph, bool *seen) {
  for (int32_t id = 0; seen && id < pf_graph_size(graph); id++) seen[pf_graph_node(graph, id)->op] = true;
}

/* Fails the running cmocka test when a derivative of the case is wrong. Adds the ops of y's graph to
 * seen[PF_OP_COUNT] (may be NULL). */
static inline void check_gradients(const check_case *c, bool *seen) {
  check_state s = {.c = c};
  assert_int_equal(pf_graph_create(&s.graph, NULL), PF_OK);
  check_leaves(&s);
  pf_node y = c->build(s.graph, s.x, c->choice);
  check_status(&s, "build");
  check_mark_seen(s.graph, seen);
  pf_shape shape = pf_node_shape(y);
  if (shape.span == PF_PARTIAL) shape.span = PF_SHARED; /* the cotangent of a sum is one for all rows */
  s.seed = pf_input(s.graph, CHECK_SEED_INPUT, shape);
  s.seed_value = check_array(check_count(s.seed));
  fill_random(s.seed_value, check_count(s.seed), 99);
  check_orders(&s, y);
  for (int j = 0; j < c->leaves; j++) {
    pf_free(s.value[j]);
    pf_free(s.direction[j]);
  }
  pf_free(s.seed_value);
  pf_graph_free(s.graph);
}

#endif
