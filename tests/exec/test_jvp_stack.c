/* A stack of directions against as many separate tangents: values, gradients and second order, for every graph of
 * gradient_cases.h; what cannot be stacked has to say so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "gradient_cases.h"

enum {
  DIRECTIONS = 3,
  ALL = 1 << CHECK_MAX_LEAVES, /* all leaves at once */
  EVEN_ALIKE = ALL << 1,       /* leaves 0, 2, .. move alike in all directions */
  ODD_ALIKE = ALL << 2
};

/* Which leaves may move in a stack, one at a time: cases where not all of them may, nor all together. The others would need
 * a product for each direction, or a fourth axis. */
static const struct {
  const char *name;
  int leaves;
} limits[] = {
    {"sum_axis 1", 0},
    {"sum_items", 0},
    {"matmul row", 1},
    {"matmul row, b^T", 1},
    {"matmul rows", 1},
    {"matmul rows, b^T", 0},
    {"matmul shared vector", 1},
    {"matmul shared 3 axes", 0},
    {"matmul shared", 1},
    {"matmul shared, a^T", 0},
    {"matmul shared, b^T", 1},
    {"matmul shared, a^T b^T", 0},
    {"matmul partial b", 1},
    {"matmul partial b, a^T", 0},
    {"matmul partial b, b^T", 1},
    {"matmul partial b, a^T b^T", 0},
    {"matmul partial a", 2},
    {"matmul partial a, a^T", 0},
    {"matmul partial a, b^T", 2},
    {"matmul partial a, a^T b^T", 0},
    {"outer", 0},
    {"outer, leading axes", 0},
    {"outer, a shared", 0},
    {"outer, b shared", 0},
    {"broadcast items", 0},
    {"broadcast rows", 0},
    {"uniform cotangent", 0},
    {"residual mlp", 1 << X | 1 << B1 | 1 << B2},
    {"gradient penalty", 1 << X | 1 << B1 | 1 << B2},
    {"divergence", 1 << X | 1 << B1 | 1 << B2},
    {"unrolled RK4", 1 << X | 1 << B1 | 1 << B2},
};

static bool may_move(const check_case *c, int moving) {
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
    if (strcmp(limits[i].name, c->name) == 0) return (limits[i].leaves & moving) != 0;
  return true;
}

/* Tangents of one leaf: direction l is factor_l times the leaf's direction, plus a constant; stack holds all. */
typedef struct directions {
  pf_node one[DIRECTIONS], stack;
} directions;

static directions make_directions(const check_state *s, int j) {
  pf_shape shape = pf_node_shape(s->x[j]), all = {.span = PF_SHARED, .axes = shape.axes + 1};
  pf_shape factors = {.span = PF_SHARED, .axes = shape.axes + 1, .dim = {DIRECTIONS, 1, 1}};
  const int items = (int)pf_shape_items(&shape);
  double shift[DIRECTIONS * 16], factor[DIRECTIONS] = {1, -0.6, 0.3 + j};
  directions d = {.stack = pf_scalar(s->graph, 1)}; /* enough for a leaf that leaves no axis */
  assert_true(items <= 16);
  fill_random(shift, (size_t)(DIRECTIONS * items), 50 + (uint64_t)j);
  all.dim[0] = DIRECTIONS;
  for (int i = 1; i < all.axes && i < PF_MAX_AXES; i++) all.dim[i] = shape.dim[i - 1];
  shape.span = PF_SHARED;
  for (int l = 0; l < DIRECTIONS; l++)
    d.one[l] = pf_add(pf_scale(s->v[j], factor[l]), pf_constant(s->graph, shape, shift + l * items));
  if (all.axes <= PF_MAX_AXES)
    d.stack =
        pf_add(pf_mul(pf_constant(s->graph, factors, factor), s->v[j]), pf_constant(s->graph, all, shift));
  return d;
}

/* sum over rows and items of node^2, or of a sum over rows with weights, which may not be squared */
static pf_node objective(pf_node node, double weight) {
  if (pf_node_shape(node).span == PF_PARTIAL) return pf_scale(pf_sum_items(node), weight);
  pf_node sum = pf_sum_items(pf_square(node));
  return pf_node_shape(node).span == PF_PER_ROW ? pf_sum_rows(sum) : sum;
}

static void expect_equal(const check_state *s, const char *what, pf_node got, pf_node want) {
  check_status(s, what);
  double *a = check_value(s, got, 0, NULL), *b = check_value(s, want, 0, NULL);
  assert_int_equal(check_count(got), check_count(want));
  for (size_t i = 0; i < check_count(got); i++)
    if (!(fabs(a[i] - b[i]) <= 1e-11 * (1 + fabs(b[i]))))
      fail_msg("%s: %s: element %d is %.15g, not %.15g", s->c->name, what, (int)i, a[i], b[i]);
  pf_free(a);
  pf_free(b);
}

/* Items of direction l of the stack are those of the l-th tangent. */
static void expect_directions(const check_state *s, pf_node stack, const pf_node *one) {
  pf_shape shape = pf_node_shape(one[0]), all = pf_node_shape(stack);
  assert_int_equal(all.span, shape.span);
  assert_int_equal(all.axes, shape.axes + 1);
  assert_int_equal(all.dim[0], DIRECTIONS);
  for (int i = 0; i < shape.axes; i++) assert_int_equal(all.dim[i + 1], shape.dim[i]);
  size_t items = (size_t)pf_shape_items(&shape), rows = check_count(one[0]) / items;
  double *got = check_value(s, stack, 0, NULL);
  for (size_t l = 0; l < DIRECTIONS; l++) {
    double *want = check_value(s, one[l], 0, NULL);
    for (size_t i = 0; i < rows * items; i++) {
      double g = got[(i / items * DIRECTIONS + l) * items + i % items];
      if (!(fabs(g - want[i]) <= 1e-12 * (1 + fabs(want[i]))))
        fail_msg("%s: direction %d, element %d is %.15g, not %.15g", s->c->name, (int)l, (int)i, g, want[i]);
    }
    pf_free(want);
  }
  pf_free(got);
}

/* Gradients of the stack's objective, and derivatives of theirs, against those of the separate tangents. */
static void expect_gradients(const check_state *s, pf_node stack, const pf_node *one) {
  int n = s->c->leaves;
  pf_node none = {s->graph, -1}, sum = none, a[CHECK_MAX_LEAVES], b[CHECK_MAX_LEAVES];
  pf_node aa[CHECK_MAX_LEAVES], bb[CHECK_MAX_LEAVES];
  for (int l = 0; l < DIRECTIONS; l++) sum = l ? pf_add(sum, objective(one[l], 0.7)) : objective(one[l], 0.7);
  pf_node total = objective(stack, 0.7);
  pf_grad(total, none, s->x, n, a);
  pf_grad(sum, none, s->x, n, b);
  for (int j = 0; j < n; j++) expect_equal(s, "gradient of the stack", a[j], b[j]);
  pf_jvp(a, n, s->x, s->v, n, aa);
  pf_jvp(b, n, s->x, s->v, n, bb);
  for (int j = 0; j < n; j++) expect_equal(s, "tangent of its gradient", aa[j], bb[j]);
  pf_grad(check_dot(s, a), none, s->x, n, aa);
  pf_grad(check_dot(s, b), none, s->x, n, bb);
  for (int j = 0; j < n; j++) expect_equal(s, "gradient of its gradient", aa[j], bb[j]);
}

static void open_case(check_state *s, const check_case *c) {
  *s = (check_state){.c = c};
  assert_int_equal(pf_graph_create(&s->graph, NULL), PF_OK);
  check_leaves(s);
}

static void close_case(check_state *s) {
  for (int j = 0; j < s->c->leaves; j++) {
    pf_free(s->value[j]);
    pf_free(s->direction[j]);
  }
  pf_graph_free(s->graph);
}

/* A tangent of the shape of the leaf stands for the same one in every direction. */
static directions equal_directions(const check_state *s, int j) {
  directions d = {.stack = s->v[j]};
  for (int l = 0; l < DIRECTIONS; l++) d.one[l] = s->v[j];
  return d;
}

/* `moving`: the bits of the leaves that move. */
static void check_stack(const check_case *c, int moving) {
  check_state s;
  open_case(&s, c);
  pf_node y = c->build(s.graph, s.x, c->choice), stack, one[DIRECTIONS];
  pf_node xs[CHECK_MAX_LEAVES], tangent[CHECK_MAX_LEAVES], single[DIRECTIONS][CHECK_MAX_LEAVES];
  int n = 0;
  for (int j = 0; j < c->leaves; j++) {
    if (!(moving & (1 << j | ALL))) continue;
    bool alike = (moving & (j % 2 ? ODD_ALIKE : EVEN_ALIKE)) != 0;
    directions d = alike ? equal_directions(&s, j) : make_directions(&s, j);
    xs[n] = s.x[j];
    tangent[n] = d.stack;
    for (int l = 0; l < DIRECTIONS; l++) single[l][n] = d.one[l];
    n++;
  }
  check_status(&s, "build");
  pf_jvp_stack(&y, 1, xs, tangent, n, DIRECTIONS, &stack);
  pf_error error = {0};
  bool stacks = pf_graph_status(s.graph, &error) == PF_OK;
  if (stacks != may_move(c, moving))
    fail_msg("%s, leaves %x: %s", c->name, (unsigned)moving, stacks ? "stacks" : error.message);
  if (!stacks) {
    assert_int_equal(error.status, PF_USAGE);
    assert_int_equal(stack.id, -1);
    assert_non_null(strstr(error.message, "jvp_stack: "));
  }
  for (int l = 0; stacks && l < DIRECTIONS; l++) pf_jvp(&y, 1, xs, single[l], n, &one[l]);
  if (stacks) expect_directions(&s, stack, one);
  if (stacks) expect_gradients(&s, stack, one);
  close_case(&s);
}

static void check_every_leaf(const check_case *c) {
  for (int j = 0; j < c->leaves; j++) check_stack(c, 1 << j);
  check_stack(c, ALL);
  if (may_move(c, ALL)) check_stack(c, ALL | EVEN_ALIKE);
  if (may_move(c, ALL)) check_stack(c, ALL | ODD_ALIKE);
}

static void every_elementwise_op(void **state) {
  (void)state;
  for (int op = 0; op < PF_OP_COUNT; op++)
    for (int m = 0; pf_op_kind_of((pf_op)op) == PF_KIND_ELEMENTWISE && m < 2 * MEETINGS; m++) {
      check_case c = elementwise_case((pf_op)op, m);
      check_every_leaf(&c);
    }
}

static void every_other_op(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_every_leaf(&cases[i]);
}

static void network_compositions(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) check_every_leaf(&nets[i]);
}

/* Leaf 2 is the second operand of products. */
static void random_compositions(void **state) {
  (void)state;
  for (int i = 0; i < RANDOM_GRAPHS; i++) {
    char name[32];
    check_case c = random_case(i, name);
    check_stack(&c, 1 << 0);
    check_stack(&c, 1 << 0 | 1 << 1 | 1 << 3);
    check_stack(&c, 1 << 0 | 1 << 1 | 1 << 3 | EVEN_ALIKE);
    check_stack(&c, 1 << 0 | 1 << 1 | 1 << 3 | ODD_ALIKE);
  }
}

/* ---- single facts ---- */

static pf_node identity(pf_graph *graph, int n) {
  double values[16] = {0};
  for (int i = 0; i < n; i++) values[i * n + i] = 1;
  return pf_constant(graph, PF_SHAPE(PF_SHARED, n, n), values);
}

/* sum_i d y_i / d x_i of the mlp, its gradient by pf_grad against differences, to second order */
static pf_node divergence_of_stack(pf_graph *graph, const pf_node *x, int choice) {
  (void)choice;
  pf_node y = mlp_of(x[X], x), e = identity(graph, 2), jacobian;
  pf_jvp_stack(&y, 1, &x[X], &e, 1, 2, &jacobian);
  return pf_sum_items(pf_mul(jacobian, e));
}

/* All second derivatives, a stack of a stack. */
static pf_node hessian_of_stack(pf_graph *graph, const pf_node *x, int choice) {
  (void)choice;
  pf_node f = pf_sin(pf_mul(x[0], pf_sum_axis(x[0], 0))), e = identity(graph, 2), first, second;
  pf_jvp_stack(&f, 1, x, &e, 1, 2, &first);
  pf_jvp_stack(&first, 1, x, &e, 1, 2, &second);
  return second;
}

static void stacks_are_differentiated_again(void **state) {
  (void)state;
  const check_case again[] = {
      {"divergence of a stack", divergence_of_stack, 0, MLP_LEAVES, MLP_SHAPES, 2},
      {"stack of a stack", hessian_of_stack, 0, 1, {R(2)}, 2},
  };
  for (size_t i = 0; i < sizeof again / sizeof *again; i++) check_gradients(&again[i], NULL);
}

/* One product a layer, whatever the number of directions. */
static void directions_share_a_product(void **state) {
  (void)state;
  check_state s;
  open_case(&s, &nets[0]);
  pf_node y = nets[0].build(s.graph, s.x, 0), e = identity(s.graph, 2), out;
  int32_t before = pf_graph_size(s.graph);
  int products = 0;
  pf_jvp_stack(&y, 1, &s.x[X], &e, 1, 2, &out);
  for (int32_t id = before; id < pf_graph_size(s.graph); id++)
    products += pf_graph_node(s.graph, id)->op == PF_OP_MATMUL;
  assert_int_equal(products, 2);
  close_case(&s);
}

/* A weight that moves in one direction, or in the same one k times, is a product all the same. */
static void equal_directions_of_a_weight(void **state) {
  (void)state;
  const check_case product = {"matmul row", matmul_case, 0, 2, {R(3), S(3, 2)}, 1};
  check_state s;
  open_case(&s, &product);
  pf_node y = matmul_case(s.graph, s.x, 0), stack, one[DIRECTIONS];
  pf_jvp_stack(&y, 1, &s.x[1], &s.v[1], 1, DIRECTIONS, &stack);
  for (int l = 0; l < DIRECTIONS; l++) pf_jvp(&y, 1, &s.x[1], &s.v[1], 1, &one[l]);
  check_status(&s, "equal directions");
  expect_directions(&s, stack, one);
  close_case(&s);
}

static void expect_refusal(pf_shape x_shape, pf_shape tangent_shape, int k, const char *message) {
  pf_graph *g = NULL;
  pf_error error = {0};
  assert_int_equal(pf_graph_create(&g, NULL), PF_OK);
  pf_node x = pf_input(g, 0, x_shape), t = pf_input(g, 1, tangent_shape), out, y = pf_sin(x);
  pf_jvp_stack(&y, 1, &x, &t, 1, k, &out);
  assert_int_equal(out.id, -1);
  assert_int_equal(pf_graph_status(g, &error), PF_USAGE);
  if (!strstr(error.message, message)) fail_msg("'%s' does not say '%s'", error.message, message);
  pf_graph_free(g);
}

static void arguments_are_checked(void **state) {
  (void)state;
  pf_shape row = PF_SHAPE(PF_PER_ROW, 3);
  expect_refusal(row, PF_SHAPE(PF_SHARED, 2, 3), 0, "jvp_stack: 0 directions");
  expect_refusal(row, PF_SHAPE(PF_SHARED, 2, 3), 4,
                 "shared[2,3] and does not broadcast to its node, per_row[4,3]");
  expect_refusal(PF_SHAPE(PF_SHARED, 3), PF_SHAPE(PF_PER_ROW, 2, 3), 2, "does not broadcast");
  expect_refusal(PF_SHAPE(PF_PER_ROW, 2, 2, 3), PF_SHAPE(PF_SHARED, 3), 2,
                 "leaves no axis for the directions");
}

/* A node that does not move has zeros in every direction, in the shape of a stack. */
static void what_stands_still_has_zeros(void **state) {
  (void)state;
  pf_graph *g = NULL;
  assert_int_equal(pf_graph_create(&g, NULL), PF_OK);
  pf_node x = pf_input(g, 0, PF_SHAPE(PF_PER_ROW, 2)), y = pf_input(g, 1, PF_SHAPE(PF_PER_ROW, 3)), out;
  pf_jvp_stack(&y, 1, &x, &x, 1, 4, &out);
  pf_shape shape = pf_node_shape(out);
  assert_true(shape.span == PF_PER_ROW && shape.axes == 2 && shape.dim[0] == 4 && shape.dim[1] == 3);
  pf_graph_free(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_elementwise_op),
      cmocka_unit_test(every_other_op),
      cmocka_unit_test(network_compositions),
      cmocka_unit_test(random_compositions),
      cmocka_unit_test(stacks_are_differentiated_again),
      cmocka_unit_test(directions_share_a_product),
      cmocka_unit_test(equal_directions_of_a_weight),
      cmocka_unit_test(arguments_are_checked),
      cmocka_unit_test(what_stands_still_has_zeros),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
