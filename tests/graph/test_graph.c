/* Building graphs: shapes, spans, sticky errors, simplification, hash-consing, printing, lack of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "graph/graph.h"

static pf_graph *new_graph(void) {
  pf_graph *graph = NULL;
  assert_int_equal(pf_graph_create(&graph, NULL), PF_OK);
  return graph;
}

static void assert_shape(pf_node node, pf_span span, int axes, int d0, int d1, int d2) {
  pf_error error = {0};
  if (node.id < 0) pf_graph_status(node.graph, &error);
  if (node.id < 0) fail_msg("invalid node: %s", error.message);
  pf_shape shape = pf_node_shape(node);
  const int dim[3] = {d0, d1, d2};
  assert_int_equal(shape.span, span);
  assert_int_equal(shape.axes, axes);
  for (int i = 0; i < axes; i++) assert_int_equal(shape.dim[i], dim[i]);
}

static void assert_same(pf_node a, pf_node b) {
  assert_true(a.id >= 0);
  assert_int_equal(a.id, b.id);
}

/* The graph holds an error whose message contains `part`; frees the graph. */
static void assert_error(pf_graph *graph, pf_node node, const char *part) {
  pf_error error = {0};
  assert_int_equal(node.id, -1);
  assert_int_equal(pf_graph_status(graph, &error), PF_USAGE);
  if (!strstr(error.message, part)) fail_msg("message '%s' does not contain '%s'", error.message, part);
  pf_graph_free(graph);
}

/* ---- shapes ---- */

static void shapes_broadcast(void **state) {
  (void)state;
  pf_graph *g = new_graph();
  pf_node w = pf_param(g, 0, 0, PF_SHAPE(PF_SHARED, 4, 1));
  pf_node x = pf_input(g, 0, PF_SHAPE(PF_PER_ROW, 2, 1, 3));
  pf_node s = pf_input(g, 1, PF_SCALAR(PF_PER_ROW));
  assert_shape(pf_add(w, x), PF_PER_ROW, 3, 2, 4, 3);
  assert_shape(pf_mul(w, pf_scalar(g, 2)), PF_SHARED, 2, 4, 1, 0);
  assert_shape(pf_mul(w, s), PF_PER_ROW, 2, 4, 1, 0);
  assert_shape(pf_select(s, w, x), PF_PER_ROW, 3, 2, 4, 3);
  assert_shape(pf_broadcast(w, PF_SHAPE(PF_PER_ROW, 5, 4, 3)), PF_PER_ROW, 3, 5, 4, 3);
  assert_shape(pf_reshape(x, 2, (int[]){3, 2}), PF_PER_ROW, 2, 3, 2, 0);
  assert_shape(pf_sum_axis(x, -1), PF_PER_ROW, 3, 2, 1, 1);
  assert_shape(pf_sum_axis(x, 0), PF_PER_ROW, 3, 1, 1, 3);
  assert_shape(pf_sum_items(x), PF_PER_ROW, 0, 0, 0, 0);
  assert_shape(pf_sum_rows(x), PF_PARTIAL, 3, 2, 1, 3);
  assert_shape(pf_slice(x, 1, 2), PF_PER_ROW, 3, 2, 1, 2);
  assert_shape(pf_pad(x, 1, 2), PF_PER_ROW, 3, 2, 1, 6);
  assert_shape(pf_concat(x, pf_param(g, 0, 4, PF_SHAPE(PF_SHARED, 2, 1, 2))), PF_PER_ROW, 3, 2, 1, 5);
  assert_shape(pf_concat(pf_input(g, 2, PF_SHAPE(PF_PER_ROW, 3)), s), PF_PER_ROW, 1, 4, 0, 0);
  assert_shape(pf_mean_rows(s, pf_input(g, 3, PF_SCALAR(PF_SHARED))), PF_PARTIAL, 0, 0, 0, 0);
  assert_shape(pf_gather(pf_param(g, 0, 0, PF_SHAPE(PF_SHARED, 9, 7)), pf_index(g, 0, 9)), PF_PER_ROW, 1, 7,
               0, 0);
  assert_int_equal(pf_graph_status(g, NULL), PF_OK);
  pf_graph_free(g);
}

static void shapes_contract(void **state) {
  (void)state;
  pf_graph *g = new_graph();
  pf_node w = pf_param(g, 0, 0, PF_SHAPE(PF_SHARED, 4, 5));
  pf_node x = pf_input(g, 0, PF_SHAPE(PF_PER_ROW, 2, 4));
  pf_node v = pf_input(g, 1, PF_SHAPE(PF_PER_ROW, 2, 5));
  pf_node p = pf_outer(x, v);
  assert_shape(pf_matmul(x, w, false, false), PF_PER_ROW, 2, 2, 5, 0);
  assert_shape(pf_matmul(v, w, false, true), PF_PER_ROW, 2, 2, 4, 0);
  assert_shape(pf_matmul(w, w, true, false), PF_SHARED, 2, 5, 5, 0);
  assert_shape(pf_matmul(w, w, false, true), PF_SHARED, 2, 4, 4, 0);
  assert_shape(p, PF_PARTIAL, 2, 4, 5, 0);
  assert_shape(pf_matmul(w, p, true, false), PF_PARTIAL, 2, 5, 5, 0);
  assert_shape(pf_matmul(p, w, true, false), PF_PARTIAL, 2, 5, 5, 0);
  assert_int_equal(pf_graph_status(g, NULL), PF_OK);
  pf_graph_free(g);
}

/* ---- partials ---- */

static void partials_may_be_used_linearly(void **state) {
  (void)state;
  pf_graph *g = new_graph();
  pf_node p = pf_sum_rows(pf_input(g, 0, PF_SHAPE(PF_PER_ROW, 3)));
  pf_node s = pf_param(g, 0, 0, PF_SHAPE(PF_SHARED, 3));
  pf_node zero = pf_scalar(g, 0);
  pf_node all[] = {pf_neg(p),
                   pf_add(p, p),
                   pf_sub(p, pf_mul(s, p)),
                   pf_div(p, s),
                   pf_select(s, p, zero),
                   pf_sum_axis(p, 0),
                   pf_reshape(p, 2, (int[]){1, 3}),
                   pf_slice(p, 1, 1),
                   pf_pad(p, 1, 1),
                   pf_concat(p, p),
                   pf_concat(p, pf_broadcast(zero, PF_SHAPE(PF_SHARED, 2))),
                   pf_broadcast(p, PF_SHAPE(PF_PARTIAL, 2, 3))};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    assert_true(all[i].id >= 0);
    assert_int_equal(pf_node_shape(all[i]).span, PF_PARTIAL);
  }
  assert_same(pf_add(p, zero), p);
  assert_same(pf_sub(zero, p), pf_neg(p));
  pf_graph_free(g);
}

typedef struct operands {
  pf_node partial, shared, per_row;
} operands;

static pf_node bad_tanh(operands x) { return pf_tanh(x.partial); }
static pf_node bad_square(operands x) { return pf_square(x.partial); }
static pf_node bad_add(operands x) { return pf_add(x.partial, x.shared); }
static pf_node bad_sub(operands x) { return pf_sub(x.shared, x.partial); }
static pf_node bad_div(operands x) { return pf_div(x.shared, x.partial); }
static pf_node bad_mul(operands x) { return pf_mul(x.per_row, x.partial); }
static pf_node bad_max(operands x) { return pf_max(x.partial, pf_scalar(x.partial.graph, 0)); }
static pf_node bad_select(operands x) { return pf_select(x.partial, x.shared, x.shared); }
static pf_node bad_select_branch(operands x) { return pf_select(x.shared, x.partial, x.shared); }
static pf_node bad_concat(operands x) { return pf_concat(x.partial, x.shared); }
static pf_node bad_concat_row(operands x) { return pf_concat(x.per_row, x.partial); }
static pf_node bad_outer(operands x) { return pf_outer(x.per_row, x.partial); }
static pf_node bad_rows(operands x) { return pf_sum_rows(x.partial); }
static pf_node bad_broadcast(operands x) { return pf_broadcast(x.partial, PF_SHAPE(PF_PER_ROW, 3)); }
static pf_node bad_matmul(operands x) {
  return pf_matmul(x.per_row, pf_reshape(x.partial, 2, (int[]){3, 1}), false, false);
}

static void nonlinear_use_of_a_partial_is_an_error(void **state) {
  (void)state;
  const struct {
    pf_node (*build)(operands);
    const char *name;
  } cases[] = {{bad_tanh, "tanh:"},
               {bad_square, "mul:"},
               {bad_add, "add:"},
               {bad_sub, "sub:"},
               {bad_div, "div:"},
               {bad_mul, "mul:"},
               {bad_max, "max:"},
               {bad_select, "select:"},
               {bad_select_branch, "select:"},
               {bad_concat, "concat:"},
               {bad_concat_row, "concat:"},
               {bad_outer, "outer:"},
               {bad_rows, "sum_rows:"},
               {bad_broadcast, "broadcast:"},
               {bad_matmul, "matmul:"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    pf_graph *g = new_graph();
    pf_node x = pf_input(g, 0, PF_SHAPE(PF_PER_ROW, 3));
    operands o = {pf_sum_rows(x), pf_param(g, 0, 0, PF_SHAPE(PF_SHARED, 3)), x};
    assert_error(g, cases[i].build(o), cases[i].name);
  }
}

/* ---- errors ---- */

static void errors_name_the_operand_and_stick(void **state) {
  (void)state;
  pf_graph *g = new_graph();
  pf_node a = pf_input(g, 0, PF_SHAPE(PF_PER_ROW, 3));
  pf_node b = pf_param(g, 0, 0, PF_SHAPE(PF_SHARED, 2));
  assert_int_equal(pf_add(a, b).id, -1);
  int32_t size = pf_graph_size(g);
  pf_node later = pf_tanh(pf_mul(a, pf_scalar(g, 3))), out;
  pf_grad(a, pf_scalar(g, 1), &a, 1, &out);
  assert_int_equal(out.id, -1);
  assert_int_equal(pf_sum_axis(a, 7).id, -1);
  assert_int_equal(later.id, -1);
  assert_int_equal(pf_graph_size(g), size);
  assert_error(g, later, "shared[2] and does not broadcast with per_row[3]");
}

static void bad_arguments_are_errors(void **state) {
  (void)state;
  pf_graph *g;
  const double one = 1;
  pf_node w, x;
#define CASE(part, expression)                                                                               \
  g = new_graph(), w = pf_param(g, 0, 0, PF_SHAPE(PF_SHARED, 2, 3)),                                         \
  x = pf_input(g, 0, PF_SHAPE(PF_PER_ROW, 3)), assert_error(g, expression, part)
  CASE("per_row", pf_param(g, 0, 0, PF_SHAPE(PF_PER_ROW, 3)));
  CASE("offset -1", pf_param(g, 0, -1, PF_SHAPE(PF_SHARED, 3)));
  CASE("shared[0]", pf_param(g, 0, 0, PF_SHAPE(PF_SHARED, 0)));
  CASE("4 axes", pf_param(g, 0, 0, PF_SHAPE(PF_SHARED, 2, 2, 2, 2)));
  CASE("not valid", pf_param(g, 0, 0, PF_SHAPE(PF_SHARED, 65536, 65536)));
  CASE("input 0", pf_input(g, 0, PF_SHAPE(PF_PER_ROW, 4)));
  CASE("constant", pf_constant(g, PF_SHAPE(PF_PER_ROW, 1), &one));
  CASE("missing", pf_constant(g, PF_SHAPE(PF_SHARED, 1), NULL));
  CASE("stream 4", (pf_normal(g, 4, 2), pf_uniform(g, 4, 2)));
  CASE("stream 4", (pf_normal(g, 4, 2), pf_normal(g, 4, 3)));
  CASE("bound 0", pf_index(g, 4, 0));
  CASE("lengths differ", pf_matmul(x, w, false, false));
  CASE("must not be per_row", pf_matmul(w, x, false, false));
  CASE("transpose_a", pf_matmul(x, w, true, true));
  CASE("one operand must be per_row", pf_outer(w, w));
  CASE("axis 2", pf_sum_axis(w, 2));
  CASE("sum_rows", pf_sum_rows(w));
  CASE("reshape", pf_reshape(w, 1, (int[]){5}));
  CASE("broadcast", pf_broadcast(w, PF_SHAPE(PF_SHARED, 3)));
  CASE("start 2, length 2", pf_slice(w, 2, 2));
  CASE("-1 before", pf_pad(w, -1, 0));
  CASE("concat", pf_concat(w, x));
  CASE("index must be", pf_gather(w, x));
#undef CASE
  g = new_graph();
  pf_graph *other = new_graph();
  pf_node a = pf_scalar(g, 1), b = pf_scalar(other, 1);
  assert_error(g, pf_add(a, b), "another graph");
  pf_graph_free(other);
}

/* ---- simplification ---- */

static void identities_vanish(void **state) {
  (void)state;
  pf_graph *g = new_graph();
  pf_node x = pf_input(g, 0, PF_SHAPE(PF_PER_ROW, 3)), zero = pf_scalar(g, 0), one = pf_scalar(g, 1);
  pf_node wide_zero = pf_broadcast(zero, PF_SHAPE(PF_PER_ROW, 3));
  assert_same(pf_add(x, zero), x);
  assert_same(pf_add(zero, x), x);
  assert_same(pf_add(x, wide_zero), x);
  assert_same(pf_sub(x, zero), x);
  assert_same(pf_sub(zero, x), pf_neg(x));
  assert_same(pf_mul(x, one), x);
  assert_same(pf_mul(one, x), x);
  assert_same(pf_mul(x, pf_scalar(g, -1)), pf_neg(x));
  assert_same(pf_div(x, one), x);
  assert_same(pf_neg(pf_neg(x)), x);
  assert_same(pf_reshape(pf_reshape(x, 2, (int[]){3, 1}), 1, (int[]){3}), x);
  assert_same(pf_slice(x, 0, 3), x);
  assert_same(pf_slice(pf_slice(x, 1, 2), 1, 1), pf_slice(x, 2, 1));
  assert_same(pf_slice(pf_pad(x, 2, 2), 2, 3), x);
  assert_same(pf_slice(pf_pad(x, 2, 2), 3, 2), pf_slice(x, 1, 2));
  assert_true(pf_slice(pf_pad(x, 2, 2), 1, 2).id != pf_slice(x, 0, 2).id);
  assert_same(pf_slice(pf_concat(x, pf_neg(x)), 3, 3), pf_neg(x));
  assert_same(pf_slice(pf_concat(x, pf_neg(x)), 1, 2), pf_slice(x, 1, 2));
  assert_same(pf_pad(x, 0, 0), x);
  assert_same(pf_broadcast(x, PF_SHAPE(PF_PER_ROW, 3)), x);
  assert_same(pf_sum_items(pf_sum_items(x)), pf_sum_items(x));
  assert_same(pf_stop_gradient(pf_stop_gradient(x)), pf_stop_gradient(x));
  /* x + zeros of a larger shape is a broadcast, not x */
  pf_node scalar = pf_sum_items(x);
  assert_shape(pf_add(scalar, wide_zero), PF_PER_ROW, 1, 3, 0, 0);
  /* a broadcast operand gives way to its source */
  assert_same(pf_mul(x, pf_broadcast(scalar, PF_SHAPE(PF_PER_ROW, 3))), pf_mul(x, scalar));
  pf_graph_free(g);
}

static void products_with_zero_stay(void **state) {
  (void)state;
  pf_graph *g = new_graph();
  pf_node x = pf_input(g, 0, PF_SHAPE(PF_PER_ROW, 3));
  assert_int_equal(pf_graph_node(g, pf_scale(x, 0).id)->op, PF_OP_MUL);
  assert_int_equal(pf_graph_node(g, pf_sub(x, x).id)->op, PF_OP_SUB);
  assert_int_equal(pf_graph_node(g, pf_div(x, x).id)->op, PF_OP_DIV);
  pf_graph_free(g);
}

static double constant_of(pf_node node, int64_t i) {
  const pf_node_data *data = pf_graph_node(node.graph, node.id);
  assert_int_equal(data->op, PF_OP_CONSTANT);
  return pf_graph_constants(node.graph)[data->offset + i];
}

static void constants_fold(void **state) {
  (void)state;
  pf_graph *g = new_graph();
  const double values[6] = {1, 2, 3, 4, 5, 6};
  pf_node c = pf_constant(g, PF_SHAPE(PF_SHARED, 2, 3), values);
  assert_same(c, pf_constant(g, PF_SHAPE(PF_SHARED, 2, 3), values));
  assert_true(pf_reshape(c, 1, (int[]){6}).id != c.id);
  assert_float_equal(constant_of(pf_exp(pf_scalar(g, 2)), 0), exp(2), 0);
  pf_node column = pf_sum_axis(c, 0), row = pf_sum_axis(c, 1);
  assert_float_equal(constant_of(column, 2), 9, 0);
  assert_float_equal(constant_of(row, 1), 15, 0);
  assert_float_equal(constant_of(pf_sum_items(c), 0), 21, 0);
  assert_float_equal(constant_of(pf_add(column, row), 3), 5 + 15, 0); /* row 1, column 0 */
  assert_float_equal(constant_of(pf_slice(c, 1, 2), 2), 5, 0);
  assert_float_equal(constant_of(pf_reshape(c, 1, (int[]){6}), 4), 5, 0);
  assert_true(isnan(constant_of(pf_scale(pf_scalar(g, NAN), 0), 0)));
  /* -0 and 0 are different constants; equal NaNs are one */
  assert_true(pf_scalar(g, 0.0).id != pf_scalar(g, -0.0).id);
  assert_same(pf_scalar(g, NAN), pf_scalar(g, NAN));
  pf_graph_free(g);
}

static void equal_nodes_merge(void **state) {
  (void)state;
  pf_graph *g = new_graph();
  pf_node x = pf_input(g, 0, PF_SHAPE(PF_PER_ROW, 3)), w = pf_param(g, 0, 0, PF_SHAPE(PF_SHARED, 3));
  assert_same(pf_tanh(pf_add(x, w)), pf_tanh(pf_add(w, x)));
  assert_same(w, pf_param(g, 0, 0, PF_SHAPE(PF_SHARED, 3)));
  assert_same(pf_normal(g, 2, 3), pf_normal(g, 2, 3));
  assert_true(pf_sub(x, w).id != pf_sub(w, x).id);
  assert_true(w.id != pf_param(g, 0, 3, PF_SHAPE(PF_SHARED, 3)).id);
  assert_true(w.id != pf_param(g, 1, 0, PF_SHAPE(PF_SHARED, 3)).id);
  assert_true(pf_slice(x, 0, 1).id != pf_slice(x, 1, 1).id);
  assert_true(pf_normal(g, 2, 3).id != pf_normal(g, 3, 3).id);
  assert_true(pf_uniform(g, 4, 3).id != pf_uniform(g, 5, 3).id);
  assert_true(pf_index(g, 6, 3).id != pf_index(g, 7, 3).id);
  pf_graph_free(g);
}

static void listing(void **state) {
  (void)state;
  pf_graph *g = new_graph();
  const double values[2] = {0.5, 2};
  pf_node x = pf_input(g, 3, PF_SHAPE(PF_PER_ROW, 2));
  pf_node w = pf_param(g, 1, 8, PF_SHAPE(PF_SHARED, 2, 4));
  pf_sum_rows(pf_pad(pf_matmul(x, w, false, false), 1, 0));
  pf_constant(g, PF_SHAPE(PF_SHARED, 2), values);
  pf_index(g, 9, 5);
  char *text = NULL;
  assert_int_equal(pf_graph_print(g, &text, NULL), PF_OK);
  assert_string_equal(text, "%0 = input per_row[2] index 3\n"
                            "%1 = param shared[2,4] set 1 offset 8\n"
                            "%2 = matmul per_row[4] %0 %1 transpose 0 0\n"
                            "%3 = pad per_row[5] %2 before 1\n"
                            "%4 = sum_rows partial[5] %3\n"
                            "%5 = constant shared[2] 0.5 2\n"
                            "%6 = index per_row[] stream 9 bound 5\n");
  pf_free(text);
  pf_graph_free(g);
}

/* ---- gradients as graphs: spans, size, blocking ---- */

static void gradients_have_the_promised_shapes(void **state) {
  (void)state;
  pf_graph *g = new_graph();
  pf_node x = pf_input(g, 0, PF_SHAPE(PF_PER_ROW, 3)), w = pf_param(g, 0, 0, PF_SHAPE(PF_SHARED, 3, 2));
  pf_node b = pf_param(g, 0, 6, PF_SHAPE(PF_SHARED, 2)), unused = pf_param(g, 0, 8, PF_SHAPE(PF_SHARED, 5));
  pf_node other = pf_input(g, 1, PF_SHAPE(PF_PER_ROW, 4)), none = {g, -1};
  pf_node h = pf_add(pf_matmul(x, w, false, false), b), y = pf_sum_items(pf_square(h));
  pf_node wrt[] = {x, w, b, unused, other, h, y}, out[7];
  pf_grad(y, none, wrt, 7, out);
  assert_shape(out[0], PF_PER_ROW, 1, 3, 0, 0);
  assert_shape(out[1], PF_PARTIAL, 2, 3, 2, 0);
  assert_shape(out[2], PF_PARTIAL, 1, 2, 0, 0);
  assert_shape(out[3], PF_PARTIAL, 1, 5, 0, 0);
  assert_shape(out[4], PF_PER_ROW, 1, 4, 0, 0);
  assert_shape(out[5], PF_PER_ROW, 1, 2, 0, 0);
  assert_shape(out[6], PF_PER_ROW, 0, 0, 0, 0);
  /* a PARTIAL y, and with respect to a PARTIAL */
  pf_node p = pf_sum_rows(y), z = pf_scale(p, 3);
  pf_grad(z, none, (pf_node[]){b, p}, 2, out);
  assert_shape(out[0], PF_PARTIAL, 1, 2, 0, 0);
  assert_shape(out[1], PF_SHARED, 0, 0, 0, 0);
  assert_float_equal(constant_of(out[1], 0), 3, 0);
  /* a SHARED y */
  pf_grad(pf_sum_items(pf_square(w)), none, (pf_node[]){w, unused}, 2, out);
  assert_same(out[0], pf_add(w, w));
  assert_shape(out[1], PF_SHARED, 1, 5, 0, 0);
  /* a tangent is as large as its node */
  pf_jvp((pf_node[]){h, p, other}, 3, &w, (pf_node[]){pf_scale(w, 2)}, 1, out);
  assert_shape(out[0], PF_PER_ROW, 1, 2, 0, 0);
  assert_shape(out[1], PF_PARTIAL, 0, 0, 0, 0);
  assert_shape(out[2], PF_PER_ROW, 1, 4, 0, 0);
  pf_graph_free(g);
}

static void sums_of_ones_cost_nothing(void **state) {
  (void)state;
  pf_graph *g = new_graph();
  pf_node x = pf_input(g, 0, PF_SHAPE(PF_PER_ROW, 3)), none = {g, -1}, out;
  pf_grad(pf_sum_items(pf_scale(pf_square(x), 0.5)), none, &x, 1, &out);
  int32_t size = pf_graph_size(g);
  assert_int_equal(pf_graph_node(g, out.id)->op, PF_OP_ADD); /* x/2 + x/2 */
  pf_grad(pf_sum_items(pf_scale(pf_square(x), 0.5)), none, &x, 1, &out);
  assert_int_equal(pf_graph_size(g), size); /* asked twice, built once */
  pf_grad(pf_sum_items(x), none, &x, 1, &out);
  assert_int_equal(pf_graph_node(g, out.id)->op, PF_OP_BROADCAST);
  pf_graph_free(g);
}

static void derivative_arguments_are_checked(void **state) {
  (void)state;
  pf_graph *g = new_graph();
  pf_node x = pf_input(g, 0, PF_SHAPE(PF_PER_ROW, 3)), out;
  pf_grad(x, pf_input(g, 1, PF_SHAPE(PF_PER_ROW, 2)), &x, 1, &out);
  assert_error(g, out, "grad: seed per_row[2]");
  g = new_graph();
  pf_node w = pf_param(g, 0, 0, PF_SHAPE(PF_SHARED, 3));
  pf_grad(w, pf_input(g, 0, PF_SHAPE(PF_PER_ROW, 3)), &w, 1, &out);
  assert_error(g, out, "grad: seed per_row[3]");
  g = new_graph();
  w = pf_param(g, 0, 0, PF_SHAPE(PF_SHARED, 3));
  x = pf_input(g, 0, PF_SHAPE(PF_PER_ROW, 3));
  pf_jvp(&w, 1, &w, &x, 1, &out);
  assert_error(g, out, "jvp: tangent 0 is per_row[3]");
  /* second order across the row sum: the inner gradient is PARTIAL, its square is not linear */
  g = new_graph();
  w = pf_param(g, 0, 0, PF_SHAPE(PF_SHARED, 3));
  x = pf_input(g, 0, PF_SHAPE(PF_PER_ROW, 3));
  pf_grad(pf_mul(pf_square(w), x), (pf_node){g, -1}, &w, 1, &out);
  assert_int_equal(pf_graph_status(g, NULL), PF_OK);
  assert_error(g, pf_square(out), "mul: operand 0 is partial[3]");
}

/* ---- size and memory ---- */

/* Takes some 30 ms; a table that does not grow, or a gradient that looks at every pair, would take
 * minutes. */
static void fifty_thousand_nodes(void **state) {
  (void)state;
  enum { CHAIN = 50000 };
  pf_graph *g = new_graph();
  pf_node x = pf_input(g, 0, PF_SHAPE(PF_PER_ROW, 2)), y = x, out;
  for (int i = 0; i < CHAIN; i++) y = pf_sin(y);
  assert_int_equal(pf_graph_size(g), CHAIN + 1);
  pf_grad(y, (pf_node){g, -1}, &x, 1, &out);
  assert_true(out.id >= 0);
  assert_true(pf_graph_size(g) >= 3 * CHAIN - 2);
  assert_true(pf_graph_size(g) <= 3 * CHAIN + 5);
  pf_graph_free(g);
}

static void build_everything(pf_graph *g) {
  pf_node x = pf_input(g, 0, PF_SHAPE(PF_PER_ROW, 3)), h = x, none = {g, -1}, gx, gw[8], dot;
  pf_node w[8], noise = pf_normal(g, 1, 3);
  for (int i = 0; i < 8; i++) {
    w[i] = pf_param(g, 0, 9 * i, PF_SHAPE(PF_SHARED, 3, 3));
    h = pf_silu(pf_offset(pf_matmul(h, w[i], false, false), 0.1 * i));
  }
  pf_node y = pf_sum_items(pf_mul(h, noise));
  pf_grad(y, none, &x, 1, &gx);
  pf_grad(pf_sum_items(pf_square(gx)), none, w, 8, gw);
  pf_jvp(&y, 1, &x, &noise, 1, &dot);
  pf_scale(pf_exp(pf_constant(g, PF_SHAPE(PF_SHARED, 2), (double[]){1, 2})), 3);
}

static pf_status build_and_print(pf_error *error) {
  pf_graph *graph = NULL;
  char *text = NULL;
  PF_TRY(pf_graph_create(&graph, error));
  build_everything(graph);
  pf_status status = pf_graph_status(graph, error);
  if (status == PF_OK) status = pf_graph_print(graph, &text, error);
  pf_free(text);
  pf_graph_free(graph);
  return status;
}

static void every_failed_allocation_is_reported(void **state) {
  (void)state;
  int64_t before = pf_memory_allocations();
  assert_int_equal(build_and_print(NULL), PF_OK);
  int64_t total = pf_memory_allocations() - before;
  assert_true(total > 20);
  for (int64_t k = 1; k <= total; k++) {
    pf_error error = {0};
    pf_memory_fail_at(k);
    pf_status status = build_and_print(&error);
    pf_memory_fail_at(0);
    if (status != PF_NO_MEMORY) fail_msg("allocation %d of %d: status %d", (int)k, (int)total, (int)status);
    assert_int_equal(error.status, PF_NO_MEMORY);
    assert_true(strlen(error.message) > 0);
  }
  assert_int_equal(build_and_print(NULL), PF_OK);
}

static void names(void **state) {
  (void)state;
  assert_string_equal(pf_op_name(PF_OP_SUM_ROWS), "sum_rows");
  assert_string_equal(pf_op_onnx(PF_OP_MATMUL), "MatMul");
  assert_string_equal(pf_op_name((pf_op)-1), "invalid");
  assert_int_equal(pf_op_arity(PF_OP_SELECT), 3);
  assert_int_equal(pf_op_kind_of(PF_OP_OUTER), PF_KIND_CONTRACTION);
  assert_true(isnan(pf_op_apply(PF_OP_OUTER, 1, 2, 3)));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(shapes_broadcast),
      cmocka_unit_test(shapes_contract),
      cmocka_unit_test(partials_may_be_used_linearly),
      cmocka_unit_test(nonlinear_use_of_a_partial_is_an_error),
      cmocka_unit_test(errors_name_the_operand_and_stick),
      cmocka_unit_test(bad_arguments_are_errors),
      cmocka_unit_test(identities_vanish),
      cmocka_unit_test(products_with_zero_stay),
      cmocka_unit_test(constants_fold),
      cmocka_unit_test(equal_nodes_merge),
      cmocka_unit_test(listing),
      cmocka_unit_test(gradients_have_the_promised_shapes),
      cmocka_unit_test(sums_of_ones_cost_nothing),
      cmocka_unit_test(derivative_arguments_are_checked),
      cmocka_unit_test(fifty_thousand_nodes),
      cmocka_unit_test(every_failed_allocation_is_reported),
      cmocka_unit_test(names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
