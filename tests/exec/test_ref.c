/* Values of the reference executor: every op against numbers worked out by hand, errors, lack of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/rng.h"
#include "exec/exec.h"

static pf_graph *new_graph(void) {
  pf_graph *graph = NULL;
  assert_int_equal(pf_graph_create(&graph, NULL), PF_OK);
  return graph;
}

/* Evaluates one node over two rows: parameter sets and inputs are the same arrays. */
static void value_of(pf_node node, const double *const *leaves, double *out) {
  pf_ref_run run = {.params = leaves, .inputs = leaves, .rows = 2};
  pf_error error = {0};
  if (pf_ref_evaluate(node.graph, &node, 1, &run, &out, &error) != PF_OK) fail_msg("%s", error.message);
}

static void assert_values(pf_node node, const double *const *leaves, int count, const double *expected) {
  double out[64];
  pf_shape shape = pf_node_shape(node);
  assert_int_equal(count, pf_shape_items(&shape) * (shape.span == PF_PER_ROW ? 2 : 1));
  value_of(node, leaves, out);
  for (int i = 0; i < count; i++)
    if (!(fabs(out[i] - expected[i]) <= 1e-15 * (1 + fabs(expected[i]))))
      fail_msg("%s item %d: %.17g, expected %.17g", pf_op_name(pf_graph_node(node.graph, node.id)->op), i,
               out[i], expected[i]);
}

#define EXPECT(node, leaves, ...)                                                                            \
  assert_values(node, leaves, (int)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)),                       \
                (double[]){__VA_ARGS__})

/* ---- element-wise ---- */

typedef struct point {
  pf_op op;
  double a, b, c, value;
} point;

static const point points[] = {
    {PF_OP_NEG, 2, 0, 0, -2},
    {PF_OP_EXP, 1, 0, 0, 2.7182818284590452},
    {PF_OP_LOG, 2, 0, 0, 0.69314718055994531},
    {PF_OP_SQRT, 2, 0, 0, 1.4142135623730950},
    {PF_OP_TANH, 0.5, 0, 0, 0.46211715726000976},
    {PF_OP_SIGMOID, 1, 0, 0, 0.73105857863000488},
    {PF_OP_SIGMOID, -1, 0, 0, 0.26894142136999512},
    {PF_OP_SIGMOID, 800, 0, 0, 1},
    {PF_OP_SIGMOID, -800, 0, 0, 0},
    {PF_OP_SILU, 1, 0, 0, 0.73105857863000488},
    {PF_OP_SILU, -2, 0, 0, -0.23840584404423515},
    {PF_OP_SILU, 800, 0, 0, 800},
    {PF_OP_SILU, -800, 0, 0, 0},
    {PF_OP_SILU_SLOPE, 0, 0, 0, 0.5},
    {PF_OP_SILU_SLOPE, 1, 0, 0, 0.92767051187148673},
    {PF_OP_SILU_SLOPE, -2, 0, 0, -0.090784248784895479},
    {PF_OP_SILU_SLOPE, 800, 0, 0, 1},
    {PF_OP_SILU_SLOPE, -800, 0, 0, 0},
    {PF_OP_SOFTPLUS, 1, 0, 0, 1.3132616875182228},
    {PF_OP_SOFTPLUS, -1, 0, 0, 0.31326168751822286},
    {PF_OP_SOFTPLUS, 800, 0, 0, 800},
    {PF_OP_SOFTPLUS, -800, 0, 0, 0},
    {PF_OP_LOG_2COSH, 0, 0, 0, 0.69314718055994531},
    {PF_OP_LOG_2COSH, -1, 0, 0, 1.1269280110429725},
    {PF_OP_LOG_2COSH, -800, 0, 0, 800},
    {PF_OP_SIN, 1, 0, 0, 0.84147098480789651},
    {PF_OP_COS, 1, 0, 0, 0.54030230586813972},
    {PF_OP_ERF, 0.5, 0, 0, 0.52049987781304654},
    {PF_OP_ABS, -3, 0, 0, 3},
    {PF_OP_SIGN, -3, 0, 0, -1},
    {PF_OP_SIGN, 3, 0, 0, 1},
    {PF_OP_SIGN, 0, 0, 0, 0},
    {PF_OP_ADD, 2, 5, 0, 7},
    {PF_OP_SUB, 2, 5, 0, -3},
    {PF_OP_MUL, 2, 5, 0, 10},
    {PF_OP_DIV, 2, 5, 0, 0.4},
    {PF_OP_MAX, 2, 5, 0, 5},
    {PF_OP_MAX, 5, 2, 0, 5},
    {PF_OP_MIN, 2, 5, 0, 2},
    {PF_OP_MIN, 5, 2, 0, 2},
    {PF_OP_LESS, 2, 5, 0, 1},
    {PF_OP_LESS, 5, 2, 0, 0},
    {PF_OP_LESS, 2, 2, 0, 0},
    {PF_OP_SELECT, 1, 2, 5, 2},
    {PF_OP_SELECT, -0.5, 2, 5, 2},
    {PF_OP_SELECT, 0, 2, 5, 5},
};

#define ELEMENTWISE_1(NAME, name)                                                                            \
  if (op == PF_OP_##NAME) return pf_##name(x[0])
#define ELEMENTWISE_2(NAME, name)                                                                            \
  if (op == PF_OP_##NAME) return pf_##name(x[0], x[1])
#define ELEMENTWISE_3(NAME, name)                                                                            \
  if (op == PF_OP_##NAME) return pf_##name(x[0], x[1], x[2])
#define NOTHING(NAME, name)
#define LEAF_0        NOTHING
#define REDUCTION_1   NOTHING
#define CONTRACTION_2 NOTHING
#define SHAPE_1       NOTHING
#define SHAPE_2       NOTHING

static pf_node apply(pf_op op, const pf_node *x) {
#define PF_OP(NAME, name, arity, kind, expression, onnx) kind##_##arity(NAME, name);
#include "graph/ops.def"
#undef PF_OP
  return (pf_node){x[0].graph, -1};
}

static double apply_at(pf_op op, double a, double b, double c) {
  pf_graph *g = new_graph();
  pf_node x[3];
  const double *leaves[3] = {&a, &b, &c};
  for (int k = 0; k < 3; k++) x[k] = pf_param(g, k, 0, PF_SCALAR(PF_SHARED));
  double out;
  value_of(apply(op, x), leaves, &out);
  pf_graph_free(g);
  return out;
}

static void elementwise_values(void **state) {
  (void)state;
  bool seen[PF_OP_COUNT] = {0};
  for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
    const point *p = &points[i];
    double out = apply_at(p->op, p->a, p->b, p->c);
    seen[p->op] = true;
    if (!(fabs(out - p->value) <= 4e-16 * (1 + fabs(p->value))))
      fail_msg("%s(%g, %g, %g) is %.17g, expected %.17g", pf_op_name(p->op), p->a, p->b, p->c, out, p->value);
  }
  for (int op = 0; op < PF_OP_COUNT; op++)
    if (pf_op_kind_of((pf_op)op) == PF_KIND_ELEMENTWISE && !seen[op])
      fail_msg("no value for %s", pf_op_name((pf_op)op));
}

/* A NaN in any operand gives NaN, but for comparisons (false) and select, which passes the chosen branch. */
static void nan_propagates(void **state) {
  (void)state;
  for (int op = 0; op < PF_OP_COUNT; op++) {
    if (pf_op_kind_of((pf_op)op) != PF_KIND_ELEMENTWISE || op == PF_OP_LESS || op == PF_OP_SELECT) continue;
    for (int k = 0; k < pf_op_arity((pf_op)op); k++)
      if (!isnan(apply_at((pf_op)op, k == 0 ? NAN : 1, k == 1 ? NAN : 1, 1)))
        fail_msg("%s loses a NaN in operand %d", pf_op_name((pf_op)op), k);
  }
  assert_float_equal(apply_at(PF_OP_LESS, NAN, 1, 0), 0, 0);
  assert_float_equal(apply_at(PF_OP_SELECT, 1, 2, NAN), 2, 0);
  assert_true(isnan(apply_at(PF_OP_SELECT, 0, 2, NAN)));
  pf_graph *g = new_graph();
  const double nan = NAN, *leaves[1] = {&nan};
  double out;
  value_of(pf_scale(pf_param(g, 0, 0, PF_SCALAR(PF_SHARED)), 0), leaves, &out);
  assert_true(isnan(out));
  pf_graph_free(g);
}

static void elementwise_broadcasts(void **state) {
  (void)state;
  pf_graph *g = new_graph();
  const double a[2] = {10, 20}, b[6] = {1, 2, 3, 4, 5, 6}, s[2] = {100, 200};
  const double *leaves[3] = {a, b, s};
  pf_node x = pf_param(g, 0, 0, PF_SHAPE(PF_SHARED, 2, 1));
  pf_node y = pf_input(g, 1, PF_SHAPE(PF_PER_ROW, 1, 3)), r = pf_input(g, 2, PF_SCALAR(PF_PER_ROW));
  EXPECT(pf_add(x, y), leaves, 11, 12, 13, 21, 22, 23, 14, 15, 16, 24, 25, 26);
  EXPECT(pf_add(x, r), leaves, 110, 120, 210, 220);
  EXPECT(pf_broadcast(x, PF_SHAPE(PF_PER_ROW, 2, 2)), leaves, 10, 10, 20, 20, 10, 10, 20, 20);
  EXPECT(pf_select(pf_less(y, pf_scalar(g, 2.5)), x, pf_neg(y)), leaves, 10, 10, -3, 20, 20, -3, -4, -5, -6,
         -4, -5, -6);
  EXPECT(pf_silu(x), leaves, 10 / (1 + exp(-10)), 20 / (1 + exp(-20)));
  EXPECT(pf_gelu(pf_offset(x, -9.5)), leaves, 0.25 * (1 + erf(0.5 / sqrt(2))),
         5.25 * (1 + erf(10.5 / sqrt(2))));
  pf_graph_free(g);
}

/* ---- reductions, contractions, shapes ---- */

static void reductions(void **state) {
  (void)state;
  pf_graph *g = new_graph();
  const double v[12] = {1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60}, half = 0.5;
  const double *leaves[2] = {v, &half};
  pf_node x = pf_input(g, 0, PF_SHAPE(PF_PER_ROW, 2, 3)), inverse = pf_input(g, 1, PF_SCALAR(PF_SHARED));
  EXPECT(pf_sum_axis(x, 0), leaves, 5, 7, 9, 50, 70, 90);
  EXPECT(pf_sum_axis(x, 1), leaves, 6, 15, 60, 150);
  EXPECT(pf_sum_items(x), leaves, 21, 210);
  EXPECT(pf_sum_rows(x), leaves, 11, 22, 33, 44, 55, 66);
  EXPECT(pf_mean_rows(pf_sum_items(x), inverse), leaves, 115.5);
  EXPECT(pf_sum_axis(pf_param(g, 0, 6, PF_SHAPE(PF_SHARED, 2, 3)), -1), leaves, 60, 150);
  pf_graph_free(g);
}

static void contractions(void **state) {
  (void)state;
  pf_graph *g = new_graph();
  const double w[6] = {1, 2, 3, 4, 5, 6}, x[4] = {1, 10, 2, -1}, z[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  const double *leaves[3] = {w, x, z};
  pf_node w23 = pf_param(g, 0, 0, PF_SHAPE(PF_SHARED, 2, 3)),
          w32 = pf_param(g, 0, 0, PF_SHAPE(PF_SHARED, 3, 2));
  pf_node x2 = pf_input(g, 1, PF_SHAPE(PF_PER_ROW, 2)), z22 = pf_input(g, 2, PF_SHAPE(PF_PER_ROW, 2, 2));
  EXPECT(pf_matmul(x2, w23, false, false), leaves, 41, 52, 63, -2, -1, 0);
  EXPECT(pf_matmul(x2, w32, false, true), leaves, 21, 43, 65, 0, 2, 4);
  EXPECT(pf_matmul(z22, w23, false, false), leaves, 9, 12, 15, 19, 26, 33, 29, 40, 51, 39, 54, 69);
  EXPECT(pf_matmul(w23, w32, false, false), leaves, 22, 28, 49, 64);
  EXPECT(pf_matmul(w23, w23, false, true), leaves, 14, 32, 32, 77);
  EXPECT(pf_matmul(w23, w23, true, false), leaves, 17, 22, 27, 22, 29, 36, 27, 36, 45);
  EXPECT(pf_matmul(w23, w32, true, true), leaves, 9, 19, 29, 12, 26, 40, 15, 33, 51);
  EXPECT(pf_outer(x2, x2), leaves, 5, 8, 8, 101);
  EXPECT(pf_outer(z22, z22), leaves, 1 + 9 + 25 + 49, 2 + 12 + 30 + 56, 2 + 12 + 30 + 56, 4 + 16 + 36 + 64);
  EXPECT(pf_outer(pf_reshape(pf_slice(w23, 0, 1), 1, (int[]){2}), x2), leaves, 3, 9, 12, 36);
  EXPECT(pf_matmul(w32, pf_outer(x2, x2), false, false), leaves, 21, 210, 47, 428, 73, 646);
  pf_graph_free(g);
}

static void shapes(void **state) {
  (void)state;
  pf_graph *g = new_graph();
  const double v[8] = {1, 2, 3, 4, 5, 6, 7, 8}, s[2] = {-1, -2}, index[2] = {1, 0};
  const double *leaves[3] = {v, s, index};
  pf_node x = pf_input(g, 0, PF_SHAPE(PF_PER_ROW, 2, 2)), c = pf_param(g, 1, 0, PF_SHAPE(PF_SHARED, 2, 1));
  EXPECT(pf_concat(x, c), leaves, 1, 2, -1, 3, 4, -2, 5, 6, -1, 7, 8, -2);
  EXPECT(pf_concat(c, x), leaves, -1, 1, 2, -2, 3, 4, -1, 5, 6, -2, 7, 8);
  EXPECT(pf_slice(x, 1, 1), leaves, 2, 4, 6, 8);
  EXPECT(pf_pad(x, 1, 0), leaves, 0, 1, 2, 0, 3, 4, 0, 5, 6, 0, 7, 8);
  EXPECT(pf_pad(c, 0, 1), leaves, -1, 0, -2, 0);
  EXPECT(pf_reshape(x, 1, (int[]){4}), leaves, 1, 2, 3, 4, 5, 6, 7, 8);
  EXPECT(pf_stop_gradient(x), leaves, 1, 2, 3, 4, 5, 6, 7, 8);
  pf_node table = pf_param(g, 0, 0, PF_SHAPE(PF_SHARED, 2, 3));
  EXPECT(pf_gather(table, pf_input(g, 2, PF_SCALAR(PF_PER_ROW))), leaves, 4, 5, 6, 1, 2, 3);
  const double constants[2] = {7, 9};
  EXPECT(pf_constant(g, PF_SHAPE(PF_SHARED, 2), constants), leaves, 7, 9);
  EXPECT(pf_row_weight(g), leaves, 1, 1);
  pf_graph_free(g);
}

/* Rows are addressed globally: the second half of a batch is the batch that starts there. */
static void random_leaves_follow_the_global_row(void **state) {
  (void)state;
  pf_graph *g = new_graph();
  pf_node leaf[3] = {pf_normal(g, 5, 3), pf_uniform(g, 6, 3), pf_index(g, 7, 10)};
  double whole[3][12], half[3][6];
  pf_ref_run run = {.seed = 3, .step = 8, .rows = 4, .first_row = 100};
  assert_int_equal(pf_ref_evaluate(g, leaf, 3, &run, (double *const[]){whole[0], whole[1], whole[2]}, NULL),
                   PF_OK);
  run.rows = 2, run.first_row = 102;
  assert_int_equal(pf_ref_evaluate(g, leaf, 3, &run, (double *const[]){half[0], half[1], half[2]}, NULL),
                   PF_OK);
  for (int i = 0; i < 6; i++) {
    assert_float_equal(half[0][i], whole[0][6 + i], 0);
    assert_float_equal(half[1][i], whole[1][6 + i], 0);
  }
  for (int i = 0; i < 2; i++) assert_float_equal(half[2][i], whole[2][2 + i], 0);
  float draws[12];
  pf_fill_normal_f32(3, PF_STREAM_GRAPH + 5, 8, 100, 4, 3, draws);
  for (int i = 0; i < 12; i++) assert_float_equal(whole[0][i], draws[i], 0);
  pf_fill_uniform_f32(3, PF_STREAM_GRAPH + 6, 8, 100, 4, 3, draws);
  for (int i = 0; i < 12; i++) assert_float_equal(whole[1][i], draws[i], 0);
  pf_fill_index_f32(3, PF_STREAM_GRAPH + 7, 8, 100, 4, 10, draws);
  for (int i = 0; i < 4; i++) assert_float_equal(whole[2][i], draws[i], 0);
  pf_graph_free(g);
}

/* ---- errors ---- */

static void expect_error(pf_node node, const pf_ref_run *run, pf_status status, const char *part) {
  double out[8], *values = out;
  for (int i = 0; i < 8; i++) out[i] = -77;
  pf_error error = {0};
  assert_int_equal(pf_ref_evaluate(node.graph, &node, 1, run, &values, &error), status);
  if (!strstr(error.message, part)) fail_msg("message '%s' does not contain '%s'", error.message, part);
  for (int i = 0; i < 8; i++) assert_float_equal(out[i], -77, 0); /* untouched */
}

static void errors(void **state) {
  (void)state;
  pf_graph *g = new_graph();
  const double index[2] = {1, 2}, table[4] = {1, 2, 3, 4};
  const double *params[1] = {table}, *inputs[2] = {index, NULL};
  pf_node t = pf_param(g, 0, 0, PF_SHAPE(PF_SHARED, 2, 2)), i = pf_input(g, 0, PF_SCALAR(PF_PER_ROW));
  pf_node x = pf_input(g, 1, PF_SCALAR(PF_PER_ROW));
  pf_ref_run run = {.params = params, .inputs = inputs, .rows = 2};
  expect_error(pf_gather(t, i), &run, PF_BAD_INPUT, "gather: index 2 in row 1");
  expect_error(pf_gather(t, pf_scale(i, NAN)), &run, PF_BAD_INPUT, "gather: index");
  expect_error(pf_sin(x), &run, PF_USAGE, "input 1");
  expect_error((pf_node){g, 1000}, &run, PF_USAGE, "id 1000");
  double out[2];
  value_of(pf_neg(i), inputs, out); /* input 1 is not bound, and not needed */
  run.rows = 0;
  expect_error(i, &run, PF_USAGE, "rows is 0");
  run.rows = 2, run.params = NULL;
  expect_error(pf_sum_items(t), &run, PF_USAGE, "param 0");
  pf_reshape(t, 1, (int[]){3});
  expect_error(i, &run, PF_USAGE, "reshape");
  pf_graph_free(g);
}

static void every_failed_allocation_is_reported(void **state) {
  (void)state;
  pf_graph *g = new_graph();
  pf_node y = pf_sum_rows(pf_tanh(pf_add(pf_normal(g, 1, 2), pf_scalar(g, 1))));
  pf_ref_run run = {.rows = 2};
  double out[2] = {-77, -77}, *values = out;
  int64_t before = pf_memory_allocations();
  assert_int_equal(pf_ref_evaluate(g, &y, 1, &run, &values, NULL), PF_OK);
  int64_t total = pf_memory_allocations() - before;
  assert_int_equal(total, 2 + 5 + 1); /* bookkeeping, one a node, the draws */
  for (int64_t k = 1; k <= total; k++) {
    pf_memory_fail_at(k);
    expect_error(y, &run, PF_NO_MEMORY, "");
    pf_memory_fail_at(0);
  }
  pf_graph_free(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(elementwise_values),
      cmocka_unit_test(nan_propagates),
      cmocka_unit_test(elementwise_broadcasts),
      cmocka_unit_test(reductions),
      cmocka_unit_test(contractions),
      cmocka_unit_test(shapes),
      cmocka_unit_test(random_leaves_follow_the_global_row),
      cmocka_unit_test(errors),
      cmocka_unit_test(every_failed_allocation_is_reported),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
