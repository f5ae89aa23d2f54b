/* Derivatives of a scalar node in the trained parameters (set 0) of its graph, to second order, against differences on the
 * reference executor. A header of static functions. */
#ifndef PF_TESTS_FLOW_GRAPH_SLOPES_H
#define PF_TESTS_FLOW_GRAPH_SLOPES_H

#include "../nn/plain_network.h"
#include "exec/exec.h"

enum { SLOPE_INPUTS = 48, SLOPE_LEAVES = 24, SLOPE_DIRECTIONS = 16 };

typedef struct slopes {
  const char *name;
  pf_graph *graph;
  pf_node y;
  double *p; /* n, moved while differences are taken */
  int64_t n, rows;
  double h;                           /* of the differences; 0: 1e-3 */
  const double *frozen;               /* parameter set 2, NULL without */
  const double *inputs[SLOPE_INPUTS]; /* from SLOPE_DIRECTIONS on: taken by the second order */
} slopes;

static inline void slopes_evaluate(const slopes *s, const pf_node *nodes, int n, double *const *out) {
  const double *sets[] = {s->p, s->p, s->frozen};
  pf_ref_run run = {.params = sets, .inputs = s->inputs, .seed = 7, .step = 3, .rows = s->rows};
  pf_error error = {0};
  if (pf_ref_evaluate(s->graph, nodes, n, &run, out, &error) != PF_OK)
    fail_msg("%s: %s", s->name, error.message);
}

static inline double slopes_value(const slopes *s, pf_node node) {
  double value = NAN, *out = &value;
  slopes_evaluate(s, &node, 1, &out);
  return value;
}

typedef struct slopes_leaves {
  pf_node leaf[SLOPE_LEAVES], gradient[SLOPE_LEAVES];
  int64_t offset[SLOPE_LEAVES];
  int n;
} slopes_leaves;

/* The gradient's nodes at every parameter leaf. */
static inline slopes_leaves slopes_of(const slopes *s, pf_node y) {
  slopes_leaves out = {.n = 0};
  pf_error error = {0};
  for (int32_t id = 0; id < pf_graph_size(s->graph); id++) {
    const pf_node_data *node = pf_graph_node(s->graph, id);
    if (node->op != PF_OP_PARAM || node->i[0] != 0) continue;
    assert_true(out.n < SLOPE_LEAVES);
    out.offset[out.n] = node->offset;
    out.leaf[out.n++] = (pf_node){s->graph, id};
  }
  pf_node ones = {s->graph, -1};
  pf_grad(y, ones, out.leaf, out.n, out.gradient);
  if (pf_graph_status(s->graph, &error) != PF_OK) fail_msg("%s: %s", s->name, error.message);
  return out;
}

/* g: n; zero where no leaf stands. */
static inline void slopes_gradient(const slopes *s, const slopes_leaves *l, double *g) {
  double *out[SLOPE_LEAVES];
  memset(g, 0, (size_t)s->n * sizeof *g);
  for (int i = 0; i < l->n; i++) out[i] = g + l->offset[i];
  slopes_evaluate(s, l->gradient, l->n, out);
}

static inline double slopes_square(const slopes *s, const slopes_leaves *l, double *g) {
  double sum = 0;
  slopes_gradient(s, l, g);
  for (int64_t i = 0; i < s->n; i++) sum += g[i] * g[i];
  return sum;
}

/* Of y (leaves NULL) or of its gradient's squared norm, along parameter i; error h^4. */
static inline double slopes_difference(const slopes *s, const slopes_leaves *l, int64_t i, double *scratch) {
  static const double step[] = {1, -1, 2, -2}, weight[] = {8, -8, -1, 1};
  const double h = s->h > 0 ? s->h : 1e-3, kept = s->p[i];
  double sum = 0;
  for (int k = 0; k < 4; k++) {
    s->p[i] = kept + step[k] * h;
    sum += weight[k] * (l ? slopes_square(s, l, scratch) : slopes_value(s, s->y));
  }
  s->p[i] = kept;
  return sum / (12 * h);
}

static inline void slopes_compare(const slopes *s, const char *what, const double *got,
                                  const slopes_leaves *l, double *scratch) {
  double largest = 0;
  for (int64_t i = 0; i < s->n; i++) largest = fmax(largest, fabs(got[i]));
  assert_true(largest > 1e-3);
  for (int64_t i = 0; i < s->n; i++) {
    double want = slopes_difference(s, l, i, scratch);
    if (!(fabs(got[i] - want) <= 1e-6 * fabs(want) + 1e-8 * largest))
      fail_msg("%s: %s of parameter %d is %.12g, differences say %.12g", s->name, what, (int)i, got[i], want);
  }
}

/* Every element of dy/dp, signed. */
static inline void slopes_check_first(const slopes *s) {
  double *g = test_array((size_t)s->n, sizeof *g);
  slopes_leaves l = slopes_of(s, s->y);
  slopes_gradient(s, &l, g);
  slopes_compare(s, "the gradient", g, NULL, NULL);
  pf_free(g);
}

/* Every element of d|dy/dp|^2/dp = 2 H g. */
static inline void slopes_check_second(slopes *s) {
  size_t n = (size_t)s->n;
  double *g = test_array(n, sizeof *g), *hg = test_array(n, sizeof *hg), *scratch = test_array(n, sizeof *g);
  slopes_leaves l = slopes_of(s, s->y);
  pf_node dot = {s->graph, -1};
  slopes_gradient(s, &l, g);
  for (int i = 0; i < l.n; i++) {
    pf_shape shape = pf_node_shape(l.leaf[i]);
    pf_node v = pf_input(s->graph, SLOPE_DIRECTIONS + i, shape);
    s->inputs[SLOPE_DIRECTIONS + i] = g + l.offset[i];
    pf_node term = pf_sum_items(pf_mul(l.gradient[i], v));
    dot = i ? pf_add(dot, term) : term;
  }
  slopes_leaves second = slopes_of(s, dot);
  slopes_gradient(s, &second, hg);
  for (size_t i = 0; i < n; i++) hg[i] *= 2;
  slopes_compare(s, "the slope of the gradient's square", hg, &l, scratch);
  for (int i = 0; i < l.n; i++) s->inputs[SLOPE_DIRECTIONS + i] = NULL;
  pf_free(g);
  pf_free(hg);
  pf_free(scratch);
}

#endif
