/* The potential of OT-Flow: a case worked out by hand, the closed forms against the generic transformations, gradients
 * against differences, and the fast executor against the reference. */
#include "../exec/program_run.h"
#include "nn/potential.h"

enum { ROWS = 3, MOST = 400, X = 0, T, WEIGHTS, MOST_COLUMNS = 5, MOST_LEAVES = 24 };

static pf_layout layout_of(const pf_potential_config *c) {
  pf_layout layout = {0};
  pf_error error = {0};
  must(pf_potential_layout(c, &layout, &error), &error);
  return layout;
}

/* ---- layout ---- */

static void parameters_are_counted_as_published(void **state) {
  (void)state;
  static const struct {
    pf_potential_config c;
    int64_t parameters;
  } cases[] = {{{6, 128, 1, 0}, 17721},   /* POWER */
               {{8, 350, 1, 0}, 126791},  /* GAS */
               {{21, 256, 1, 0}, 72179},  /* HEPMASS */
               {{43, 256, 1, 0}, 78053},  /* MINIBOONE */
               {{63, 512, 1, 0}, 297153}, /* BSDS300 */
               {{2, 32, 1, 0}, 1229},     {{2, 32, 3, 1}, 1229 + 2 * (32 * 32 + 32) - 2 * 3}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    pf_layout l = layout_of(&cases[i].c);
    int64_t offset = 0;
    for (int a = 0; a < l.count; a++) {
      assert_true(l.items[a].offset == offset);
      offset += pf_shape_items(&l.items[a].shape);
      assert_ptr_equal(pf_layout_find(&l, l.items[a].name), &l.items[a]);
    }
    assert_true(l.total == offset);
    assert_int_equal(l.total, cases[i].parameters);
    pf_layout_free(&l);
  }
}

static void expect_uniform(const pf_layout *l, const char *name, const float *p, double bound) {
  const pf_parameter *item = pf_layout_find(l, name);
  int64_t n = pf_shape_items(&item->shape);
  double mean = 0, square = 0, most = 0;
  for (int64_t k = 0; k < n; k++) {
    double v = p[item->offset + k];
    mean += v / (double)n;
    square += v * v / (double)n;
    most = fmax(most, fabs(v));
  }
  double variance = bound * bound / 3;
  assert_true(most <= bound && most > 0.98 * bound);
  assert_true(fabs(mean) <= 5 * sqrt(variance / (double)n));
  assert_true(fabs(square - variance) <= 5 * variance * sqrt(0.8 / (double)n));
}

static void expect_all(const pf_layout *l, const char *name, const float *p, float value) {
  const pf_parameter *item = pf_layout_find(l, name);
  for (int64_t k = 0; k < pf_shape_items(&item->shape); k++) assert_true(p[item->offset + k] == value);
}

static void initial_values_are_the_papers(void **state) {
  (void)state;
  pf_potential_config c = {24, 300, 2, 0};
  pf_layout l = layout_of(&c);
  float *p = test_alloc((size_t)l.total, sizeof *p), *q = test_alloc((size_t)l.total, sizeof *q);
  pf_layout_initialise(&l, 5, p);
  expect_uniform(&l, "K0.weight", p, 0.2);
  expect_uniform(&l, "K0.bias", p, 0.2);
  expect_uniform(&l, "K2.weight", p, 1 / sqrt(300));
  expect_uniform(&l, "K2.bias", p, 1 / sqrt(300));
  expect_uniform(&l, "A", p, sqrt(6.0 / 35));
  expect_all(&l, "w", p, 1);
  expect_all(&l, "b", p, 0);
  expect_all(&l, "c", p, 0);
  pf_layout_initialise(&l, 5, q);
  assert_memory_equal(p, q, (size_t)l.total * sizeof *p);
  pf_layout_initialise(&l, 6, q);
  assert_true(p[0] != q[0]);
  pf_free(p);
  pf_free(q);
  pf_layout_free(&l);
}

static void wrong_configs_are_refused_by_name(void **state) {
  (void)state;
  static const struct {
    pf_potential_config c;
    const char *word;
  } cases[] = {{{0, 1, 1, 0}, "inputs"},   {{65536, 1, 1, 0}, "inputs"}, {{1, 0, 1, 0}, "width"},
               {{1, 8193, 1, 0}, "width"}, {{1, 1, 0, 0}, "layers"},     {{1, 1, 65, 0}, "layers"},
               {{1, 1, 1, -1}, "rank"},    {{3, 1, 1, 5}, "rank"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    pf_layout l = {.count = -7};
    pf_error error = {0};
    assert_int_equal(pf_potential_config_check(&cases[i].c, &error), PF_USAGE);
    if (!strstr(error.message, cases[i].word))
      fail_msg("'%s' does not name %s", error.message, cases[i].word);
    assert_int_equal(pf_potential_layout(&cases[i].c, &l, &error), PF_USAGE);
    assert_int_equal(l.count, -7);
  }
}

static void lack_of_memory_is_an_error(void **state) {
  (void)state;
  pf_potential_config c = {2, 3, 20, 0};
  pf_status status = PF_NO_MEMORY;
  for (int k = 1; status != PF_OK; k++) {
    pf_layout l = {0};
    pf_memory_fail_at(k);
    status = pf_potential_layout(&c, &l, NULL);
    pf_memory_fail_at(0);
    assert_true(status == PF_OK || (status == PF_NO_MEMORY && l.items == NULL));
    pf_layout_free(&l);
  }
}

/* ---- values, in double ---- */

typedef struct potential {
  pf_potential_config c;
  pf_layout layout;
  pf_graph *graph;
  pf_node x, t;
  double p[MOST], x_value[ROWS * MOST_COLUMNS], t_value[ROWS], weight_value[ROWS * (MOST_COLUMNS + 2)];
} potential;

static void fill(uint64_t key, double size, int n, double *out) {
  pf_rng rng = pf_rng_at(key, PF_STREAM_TEST, 0, 0);
  for (int i = 0; i < n; i++) out[i] = size * (2 * pf_rng_uniform(&rng) - 1);
}

static void open_potential(potential *f, pf_potential_config c, pf_span time) {
  pf_error error = {0};
  *f = (potential){.c = c, .layout = layout_of(&c)};
  must(pf_graph_create(&f->graph, &error), &error);
  assert_true(f->layout.total <= MOST);
  fill(1, 0.8, (int)f->layout.total, f->p);
  fill(2, 1.2, ROWS * c.inputs, f->x_value);
  fill(3, 1, ROWS, f->t_value);
  fill(4, 1, ROWS * (c.inputs + 2), f->weight_value);
  f->x = pf_input(f->graph, X, PF_SHAPE(PF_PER_ROW, c.inputs));
  f->t = pf_input(f->graph, T, PF_SCALAR(time));
}

static void close_potential(potential *f) {
  pf_graph_free(f->graph);
  pf_layout_free(&f->layout);
}

static void evaluate(const potential *f, const pf_node *nodes, int n, double *const *out) {
  const double *inputs[] = {f->x_value, f->t_value, f->weight_value}, *params[] = {f->p};
  pf_ref_run run = {.params = params, .inputs = inputs, .rows = ROWS};
  pf_error error = {0};
  must(pf_ref_evaluate(f->graph, nodes, n, &run, out, &error), &error);
}

static void expect_near(const char *what, double got, double want, double tolerance) {
  if (!(fabs(got - want) <= tolerance)) fail_msg("%s is %.12g, not %.12g", what, got, want);
}

/* d = 2, m = 2, M = 1, p = 1, worked out by hand; one row. The arrays below are the paper's transposed. */
static void a_case_worked_out_by_hand(void **state) {
  (void)state;
  static const double p[] = {.1,  -.4,  .2, .5,  .3,  -.6,     /* K0.weight */
                             .1,  -.2,  .3, .2,  -.1, .4,      /* K0.bias, K1.weight */
                             .05, -.05, 1,  -.5, .2,  -.3, .1, /* K1.bias, w, A */
                             .1,  .2,   .3, 0};
  for (int span = PF_SHARED; span <= PF_PER_ROW; span++) {
    potential f;
    open_potential(&f, (pf_potential_config){2, 2, 1, 1}, (pf_span)span);
    assert_int_equal(f.layout.total, sizeof p / sizeof *p);
    memcpy(f.p, p, sizeof p);
    for (int r = 0; r < ROWS; r++) {
      f.x_value[2 * r] = .5, f.x_value[2 * r + 1] = -1.2;
      f.t_value[r] = .4;
    }
    pf_potential_slopes s = pf_potential_slopes_apply(&f.c, 0, f.x, f.t);
    pf_node nodes[] = {pf_potential_apply(&f.c, 0, f.x, f.t), s.gradient, s.time, s.laplacian};
    double phi[ROWS], gradient[2 * ROWS], time[ROWS], trace[ROWS];
    evaluate(&f, nodes, 4, (double *[]){phi, gradient, time, trace});
    for (int r = 0; r < ROWS; r++) {
      expect_near("Phi", phi[r], .3532290610, 1e-9);
      expect_near("the first slope", gradient[2 * r], -.0075133063, 1e-9);
      expect_near("the second slope", gradient[2 * r + 1], .3189702445, 1e-9);
      expect_near("the time's slope", time[r], .0431509383, 1e-9);
      expect_near("the trace", trace[r], .0930031139, 1e-9);
    }
    close_potential(&f);
  }
}

/* Trace of the Hessian by a stack of d tangents of the gradient. */
static pf_node generic_trace(const potential *f, pf_node gradient) {
  const int d = f->c.inputs;
  double unit[MOST_COLUMNS * MOST_COLUMNS] = {0};
  for (int i = 0; i < d; i++) unit[i * d + i] = 1;
  pf_node e = pf_constant(f->graph, PF_SHAPE(PF_SHARED, d, d), unit), hessian;
  pf_jvp_stack(&gradient, 1, &f->x, &e, 1, d, &hessian);
  return pf_sum_items(pf_mul(hessian, e));
}

static void expect_generic(pf_potential_config c, pf_span time) {
  potential f;
  open_potential(&f, c, time);
  pf_node wrt[2] = {f.x, f.t}, nodes[6];
  pf_potential_slopes s = pf_potential_slopes_apply(&f.c, 0, f.x, f.t);
  pf_node none = {f.graph, -1};
  pf_grad(pf_potential_apply(&f.c, 0, f.x, f.t), none, wrt, 2, nodes);
  nodes[2] = generic_trace(&f, nodes[0]);
  nodes[3] = s.gradient;
  nodes[4] = time == PF_PER_ROW ? s.time : pf_sum_rows(s.time);
  nodes[5] = s.laplacian;
  double got[6][ROWS * MOST_COLUMNS];
  evaluate(&f, nodes, 6, (double *[]){got[0], got[1], got[2], got[3], got[4], got[5]});
  for (int i = 0; i < ROWS * c.inputs; i++) expect_near("a slope", got[3][i], got[0][i], 1e-12);
  for (int r = 0; r < (time == PF_PER_ROW ? ROWS : 1); r++)
    expect_near("the time's slope", got[4][r], got[1][r], 1e-12);
  for (int r = 0; r < ROWS; r++) expect_near("the trace", got[5][r], got[2][r], 1e-12);
  close_potential(&f);
}

static const int columns_tried[] = {1, 2, 5};

static void closed_forms_are_the_derivatives(void **state) {
  (void)state;
  for (int layers = 1; layers <= 3; layers++)
    for (int i = 0; i < 3; i++)
      for (int span = PF_SHARED; span <= PF_PER_ROW; span++)
        expect_generic((pf_potential_config){columns_tried[i], 6, layers, i}, (pf_span)span);
}

/* What a SHARED time contributes is computed once: no PER_ROW node of the time path before it meets x. */
static void a_shared_time_costs_nothing_per_row(void **state) {
  (void)state;
  potential f;
  open_potential(&f, (pf_potential_config){2, 6, 1, 0}, PF_SHARED);
  pf_potential_slopes_apply(&f.c, 0, f.x, f.t);
  int shared_products = 0;
  for (int32_t id = 0; id < pf_graph_size(f.graph); id++) {
    const pf_node_data *node = pf_graph_node(f.graph, id);
    for (int k = 0; k < node->operands; k++) {
      if (node->operand[k] != f.t.id) continue;
      assert_int_equal(node->shape.span, PF_SHARED);
      shared_products++;
    }
  }
  assert_int_equal(shared_products, 2); /* with K_0 and A; b's share is a constant of the time's slope */
  close_potential(&f);
}

/* ---- gradients with respect to the parameters ---- */

/* sum over rows of (gradient, time, laplacian) times random weights of both signs */
static pf_node weighted_slopes(const potential *f) {
  const int d = f->c.inputs;
  pf_node weight = pf_input(f->graph, WEIGHTS, PF_SHAPE(PF_PER_ROW, d + 2));
  pf_potential_slopes s = pf_potential_slopes_apply(&f->c, 0, f->x, f->t);
  pf_node all = pf_concat(pf_concat(s.gradient, s.time), s.laplacian);
  return pf_sum_rows(pf_sum_items(pf_mul(all, weight)));
}

/* Parameter leaves of the graph; the test fails unless every element belongs to exactly one. */
static int parameter_leaves(const potential *f, pf_node *leaf) {
  int count = 0, owners[MOST] = {0};
  for (int32_t id = 0; id < pf_graph_size(f->graph); id++) {
    const pf_node_data *node = pf_graph_node(f->graph, id);
    if (node->op != PF_OP_PARAM) continue;
    assert_true(count < MOST_LEAVES);
    leaf[count++] = (pf_node){f->graph, id};
    for (int64_t k = 0; k < pf_shape_items(&node->shape); k++) owners[node->offset + k]++;
  }
  for (int64_t k = 0; k < f->layout.total; k++)
    if (owners[k] != 1) fail_msg("element %d belongs to %d leaves", (int)k, owners[k]);
  return count;
}

static double value_with(potential *f, pf_node node, int64_t element, double value) {
  double before = f->p[element], out, *values = &out;
  f->p[element] = value;
  evaluate(f, &node, 1, &values);
  f->p[element] = before;
  return out;
}

/* (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h */
static double difference(potential *f, pf_node node, int64_t element) {
  const double h = 1e-3, at = f->p[element];
  double near = value_with(f, node, element, at + h) - value_with(f, node, element, at - h);
  double far = value_with(f, node, element, at + 2 * h) - value_with(f, node, element, at - 2 * h);
  return (8 * near - far) / (12 * h);
}

static void expect_gradient(pf_potential_config c, pf_span time, bool of_slopes) {
  potential f;
  pf_node leaf[MOST_LEAVES], gradient[MOST_LEAVES], none;
  double got[MOST] = {0}, *out[MOST_LEAVES];
  open_potential(&f, c, time);
  none = (pf_node){f.graph, -1};
  pf_node loss = of_slopes ? weighted_slopes(&f) : pf_sum_rows(pf_potential_apply(&f.c, 0, f.x, f.t));
  int leaves = parameter_leaves(&f, leaf);
  pf_grad(loss, none, leaf, leaves, gradient);
  for (int i = 0; i < leaves; i++) out[i] = got + pf_graph_node(f.graph, leaf[i].id)->offset;
  evaluate(&f, gradient, leaves, out);
  for (int64_t k = 0; k < f.layout.total; k++) {
    double want = difference(&f, loss, k);
    if (!(fabs(got[k] - want) <= 1e-6 * fabs(want) + 1e-9))
      fail_msg("M %d, d %d: element %d: %.12g, differences say %.12g", c.layers, c.inputs, (int)k, got[k],
               want);
  }
  close_potential(&f);
}

static void gradients_are_those_of_differences(void **state) {
  (void)state;
  for (int layers = 1; layers <= 3; layers++)
    for (int span = PF_SHARED; span <= PF_PER_ROW; span++) {
      expect_gradient((pf_potential_config){layers, 5, layers, 0}, (pf_span)span, true);
      expect_gradient((pf_potential_config){layers, 5, layers, 2}, (pf_span)span, false);
    }
}

/* ---- the fast executor ---- */

/* Phi, its slopes, and the gradients of a loss of theirs. */
static void build_training(fixture *f, const pf_potential_config *c, pf_span time) {
  pf_error error = {0};
  pf_node none, leaf[MOST_LEAVES];
  *f = (fixture){.rows = 300, .input_items = {c->inputs, 1}};
  must(pf_graph_create(&f->graph, &error), &error);
  none = (pf_node){f->graph, -1};
  pf_node x = pf_input(f->graph, X, PF_SHAPE(PF_PER_ROW, c->inputs));
  pf_node t = pf_input(f->graph, T, PF_SCALAR(time));
  pf_potential_slopes s = pf_potential_slopes_apply(c, 0, x, t);
  pf_node speed = pf_sum_items(pf_square(s.gradient));
  pf_node loss =
      pf_sum_rows(pf_mul(pf_add(pf_sub(speed, s.laplacian), pf_square(s.time)), pf_row_weight(f->graph)));
  int leaves = 0;
  for (int32_t id = 0; id < pf_graph_size(f->graph); id++)
    if (pf_graph_node(f->graph, id)->op == PF_OP_PARAM) leaf[leaves++] = (pf_node){f->graph, id};
  pf_node first[] = {pf_potential_apply(c, 0, x, t), s.gradient, s.time, s.laplacian, loss};
  memcpy(f->output, first, sizeof first);
  f->outputs = 5 + leaves;
  assert_true(f->outputs <= MAX_OUTPUTS);
  pf_grad(loss, none, leaf, leaves, f->output + 5);
}

static void the_fast_executor_agrees(void **state) {
  (void)state;
  static const pf_potential_config configs[] = {{2, 32, 1, 0}, {9, 48, 1, 0}};
  for (int i = 0; i < 2; i++)
    for (int span = PF_SHARED; span <= PF_PER_ROW; span++) {
      fixture f;
      build_training(&f, &configs[i], (pf_span)span);
      pf_layout l = layout_of(&configs[i]);
      fixture_fill(&f, l.total);
      for (int64_t k = 0; k < l.total; k++) f.param[k] *= 0.4f;
      results want = run_reference(&f), got = run_with(&f, 0, true, 2, 1), odd = run_with(&f, 7, false, 2, 1);
      assert_close(&got, &want, 2e-5, "fused");
      assert_close(&odd, &want, 2e-5, "tiles of 7 rows, not fused");
      results_free(&want), results_free(&got), results_free(&odd);
      pf_layout_free(&l);
      fixture_free(&f);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(parameters_are_counted_as_published),
      cmocka_unit_test(initial_values_are_the_papers),
      cmocka_unit_test(wrong_configs_are_refused_by_name),
      cmocka_unit_test(lack_of_memory_is_an_error),
      cmocka_unit_test(a_case_worked_out_by_hand),
      cmocka_unit_test(closed_forms_are_the_derivatives),
      cmocka_unit_test(a_shared_time_costs_nothing_per_row),
      cmocka_unit_test(gradients_are_those_of_differences),
      cmocka_unit_test(the_fast_executor_agrees),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
