/* The graphs whose derivatives are checked: every op by itself, and the compositions that methods rest on. A header of static
 * functions; include after gradient_check.h. */
#ifndef PF_TESTS_EXEC_GRADIENT_CASES_H
#define PF_TESTS_EXEC_GRADIENT_CASES_H

#include "gradient_check.h"

/* ---- element-wise ops: generated from the table ---- */

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

static inline pf_node apply(pf_op op, const pf_node *x) {
#define PF_OP(NAME, name, arity, kind, expression, onnx) kind##_##arity(NAME, name);
#include "graph/ops.def"
#undef PF_OP
  return (pf_node){x[0].graph, -1};
}

/* The op alone (0), times a smooth factor (1: shows the value of flat ops), and of a smooth argument (2). */
static inline pf_node build_elementwise(pf_graph *graph, const pf_node *x, int choice) {
  (void)graph;
  pf_op op = (pf_op)(choice / 3);
  if (choice % 3 == 0) return apply(op, x);
  if (choice % 3 == 1) return pf_mul(apply(op, x), pf_sin(x[0]));
  pf_node moved[PF_MAX_OPERANDS];
  for (int k = 0; k < pf_op_arity(op); k++) moved[k] = pf_mul(x[k], pf_exp(pf_scale(pf_square(x[0]), 0.01)));
  return apply(op, moved);
}

#define R(...)                                                                                               \
  {                                                                                                          \
    .span = PF_PER_ROW, .axes = (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)), .dim = { __VA_ARGS__ }    \
  }
#define S(...)                                                                                               \
  {                                                                                                          \
    .span = PF_SHARED, .axes = (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)), .dim = { __VA_ARGS__ }     \
  }
#define R0                                                                                                   \
  { .span = PF_PER_ROW }
#define S0                                                                                                   \
  { .span = PF_SHARED }

/* How operands meet: spans and broadcasting. Rows of three; an op takes as many as it has operands. */
static const check_leaf meetings[][PF_MAX_OPERANDS] = {
    {R(2, 3), R(2, 3), R(2, 3)}, {R(2, 3), S(3), R0},      {S(2, 1), R(1, 3), S(3)},
    {R0, S(3), R(2, 1)},         {S(2, 2), S(2), S(2, 1)}, {S0, R(2), S(1)},
};

enum { MEETINGS = sizeof meetings / sizeof *meetings };

/* Case m of an element-wise op, m < 2 * MEETINGS. */
static inline check_case elementwise_case(pf_op op, int m) {
  check_case c = {.name = pf_op_name(op), .build = build_elementwise, .leaves = pf_op_arity(op)};
  int meeting = m / 2;
  c.choice = 3 * (int)op + (meeting + m % 2) % 3;
  c.order = meeting < 3 ? 3 : 2;
  for (int k = 0; k < c.leaves; k++) {
    c.leaf[k] = meetings[meeting][k];
    c.leaf[k].positive = op == PF_OP_LOG || op == PF_OP_SQRT || (op == PF_OP_DIV && k == 1);
  }
  return c;
}

/* ---- the other ops ---- */

static inline pf_node sum_rows_case(pf_graph *graph, const pf_node *x, int choice) {
  (void)graph, (void)choice;
  return pf_mul(pf_sum_rows(pf_mul(pf_sin(x[0]), x[1])), pf_exp(x[1])); /* a PARTIAL times a SHARED */
}

static inline pf_node sum_rows_of_shared(pf_graph *graph, const pf_node *x, int choice) {
  (void)graph, (void)choice;
  return pf_sum_rows(pf_broadcast(pf_sin(x[0]), PF_SHAPE(PF_PER_ROW, 2, 3)));
}

static inline pf_node partial_chain(pf_graph *graph, const pf_node *x, int choice) {
  (void)choice;
  pf_node p = pf_sum_rows(pf_mul(pf_sin(x[0]), x[1])), zero = pf_scalar(graph, 0);
  pf_node q = pf_select(pf_less(zero, x[1]), pf_neg(p), pf_div(p, pf_exp(x[1])));
  pf_node joined = pf_concat(pf_sub(q, p), pf_broadcast(zero, PF_SHAPE(PF_SHARED, 2)));
  pf_node moved = pf_pad(pf_slice(pf_concat(joined, p), 1, 5), 1, 0);
  return pf_broadcast(pf_sum_axis(pf_reshape(moved, 2, (int[]){2, 3}), 0), PF_SHAPE(PF_PARTIAL, 2, 3));
}

static inline pf_node sum_axis_case(pf_graph *graph, const pf_node *x, int axis) {
  (void)graph;
  return pf_sin(pf_sum_axis(pf_square(x[0]), axis));
}

static inline pf_node sum_items_case(pf_graph *graph, const pf_node *x, int choice) {
  (void)graph, (void)choice;
  return pf_sin(pf_sum_items(pf_square(x[0])));
}

/* choice: bit 0 transpose_a, bit 1 transpose_b */
static inline pf_node matmul_case(pf_graph *graph, const pf_node *x, int choice) {
  (void)graph;
  return pf_sin(pf_matmul(x[0], x[1], choice & 1, choice & 2));
}

/* PARTIAL as first (bit 2) or second operand. x[2] is PER_ROW [2,3]. */
static inline pf_node matmul_partial(pf_graph *graph, const pf_node *x, int choice) {
  (void)graph;
  pf_node p = pf_sum_rows(pf_sin(x[1])), s = pf_exp(pf_scale(x[0], 0.3));
  return choice & 4 ? pf_matmul(p, s, choice & 1, choice & 2) : pf_matmul(s, p, choice & 1, choice & 2);
}

static inline pf_node outer_case(pf_graph *graph, const pf_node *x, int choice) {
  (void)graph, (void)choice;
  return pf_outer(pf_sin(x[0]), pf_cos(x[1]));
}

static inline pf_node shape_case(pf_graph *graph, const pf_node *x, int choice) {
  pf_node a = pf_sin(x[0]);
  switch (choice) {
  case PF_OP_RESHAPE: return pf_reshape(a, 2, (int[]){3, 2});
  case PF_OP_BROADCAST: return pf_exp(pf_broadcast(a, PF_SHAPE(PF_PER_ROW, 2, 2, 3)));
  case PF_OP_SLICE: return pf_square(pf_slice(a, 1, 2));
  case PF_OP_PAD: return pf_exp(pf_pad(a, 2, 1));
  case PF_OP_NORMAL: return pf_square(pf_concat(pf_normal(graph, 1, 2), a)); /* the second part alone moves */
  default: return pf_square(pf_concat(a, pf_cos(x[1])));
  }
}

/* A lazily small cotangent (equal items) through every shape op. */
static inline pf_node uniform_cotangent(pf_graph *graph, const pf_node *x, int choice) {
  (void)graph, (void)choice;
  pf_node a = pf_reshape(pf_sin(x[0]), 2, (int[]){3, 2});
  pf_node b = pf_pad(pf_concat(a, pf_slice(a, 1, 1)), 1, 1);
  return pf_sum_items(pf_sum_axis(pf_broadcast(b, PF_SHAPE(PF_PER_ROW, 2, 3, 5)), 0));
}

static inline pf_node random_leaves(pf_graph *graph, const pf_node *x, int choice) {
  (void)choice;
  const double values[2] = {0.4, -1.2};
  pf_node table = pf_constant(graph, PF_SHAPE(PF_SHARED, 4, 2), (double[]){1, -2, 3, 0.5, -1, 2, 0.3, 0.1});
  pf_node a = pf_mul(pf_sin(x[0]), pf_normal(graph, 1, 2)), b = pf_mul(a, pf_uniform(graph, 2, 2));
  pf_node c = pf_add(pf_mul(b, a), pf_gather(table, pf_index(graph, 3, 4)));
  return pf_mul(pf_mul(c, pf_row_weight(graph)),
                pf_mul(x[0], pf_constant(graph, PF_SHAPE(PF_SHARED, 2), values)));
}

static const check_case cases[] = {
    {"sum_rows", sum_rows_case, 0, 2, {R(2, 3), S(3)}, 3},
    {"sum_rows of shared", sum_rows_of_shared, 0, 1, {S(3)}, 3},
    {"partial chain", partial_chain, 0, 2, {R(3), S(3)}, 2},
    {"sum_axis 0", sum_axis_case, 0, 1, {R(2, 3)}, 3},
    {"sum_axis 1", sum_axis_case, 1, 1, {S(2, 3, 2)}, 3},
    {"sum_axis -1", sum_axis_case, -1, 1, {R(2, 3)}, 3},
    {"sum_items", sum_items_case, 0, 1, {R(2, 1, 3)}, 3},
    {"matmul row", matmul_case, 0, 2, {R(3), S(3, 2)}, 3},
    {"matmul row, b^T", matmul_case, 2, 2, {R(3), S(2, 3)}, 3},
    {"matmul rows", matmul_case, 0, 2, {R(2, 3), S(3, 2)}, 3},
    {"matmul rows, b^T", matmul_case, 2, 2, {R(2, 2, 3), S(4, 3)}, 2},
    {"matmul shared vector", matmul_case, 0, 2, {S(3), S(3, 2)}, 3},
    {"matmul shared 3 axes", matmul_case, 2, 2, {S(2, 2, 3), S(2, 3)}, 2},
    {"matmul shared", matmul_case, 0, 2, {S(2, 3), S(3, 4)}, 3},
    {"matmul shared, a^T", matmul_case, 1, 2, {S(3, 2), S(3, 4)}, 3},
    {"matmul shared, b^T", matmul_case, 2, 2, {S(2, 3), S(4, 3)}, 3},
    {"matmul shared, a^T b^T", matmul_case, 3, 2, {S(3, 2), S(4, 3)}, 3},
    {"matmul partial b", matmul_partial, 0, 2, {S(4, 2), R(2, 3)}, 3},
    {"matmul partial b, a^T", matmul_partial, 1, 2, {S(2, 4), R(2, 3)}, 3},
    {"matmul partial b, b^T", matmul_partial, 2, 2, {S(4, 3), R(2, 3)}, 3},
    {"matmul partial b, a^T b^T", matmul_partial, 3, 2, {S(3, 4), R(2, 3)}, 3},
    {"matmul partial a", matmul_partial, 4, 2, {S(3, 4), R(2, 3)}, 3},
    {"matmul partial a, a^T", matmul_partial, 5, 2, {S(2, 4), R(2, 3)}, 3},
    {"matmul partial a, b^T", matmul_partial, 6, 2, {S(4, 3), R(2, 3)}, 3},
    {"matmul partial a, a^T b^T", matmul_partial, 7, 2, {S(4, 2), R(2, 3)}, 3},
    {"outer", outer_case, 0, 2, {R(3), R(2)}, 3},
    {"outer, leading axes", outer_case, 0, 2, {R(2, 2, 3), R(2, 2, 2)}, 2},
    {"outer, a shared", outer_case, 0, 2, {S(2, 3), R(2, 2)}, 3},
    {"outer, b shared", outer_case, 0, 2, {R(3), S(2)}, 3},
    {"reshape", shape_case, PF_OP_RESHAPE, 1, {R(2, 3)}, 3},
    {"broadcast items", shape_case, PF_OP_BROADCAST, 1, {R(2, 1, 3)}, 3},
    {"broadcast rows", shape_case, PF_OP_BROADCAST, 1, {S(3)}, 3},
    {"concat", shape_case, PF_OP_CONCAT, 2, {R(2, 3), R(2, 2)}, 3},
    {"concat, promoted", shape_case, PF_OP_CONCAT, 2, {R(2, 3), S(2, 2)}, 3},
    {"concat, scalar", shape_case, PF_OP_CONCAT, 2, {S0, R(3)}, 3},
    {"concat, second part", shape_case, PF_OP_NORMAL, 1, {R(3)}, 3},
    {"slice", shape_case, PF_OP_SLICE, 1, {R(2, 3)}, 3},
    {"pad", shape_case, PF_OP_PAD, 1, {R(2, 3)}, 3},
    {"pad one column", shape_case, PF_OP_PAD, 1, {S(2, 1)}, 2},
    {"uniform cotangent", uniform_cotangent, 0, 1, {R(2, 3)}, 2},
    {"random leaves", random_leaves, 0, 1, {R(2)}, 3},
};

/* ---- what methods do ---- */

enum { X, W1, B1, W2, B2, MLP_LEAVES };
#define MLP_SHAPES                                                                                           \
  { R(2), S(2, 4), S(4), S(4, 2), S(2) }

/* x + W2 silu(W1 x + b1) + b2 */
static inline pf_node mlp_of(pf_node in, const pf_node *x) {
  pf_node hidden = pf_silu(pf_add(pf_matmul(in, x[W1], false, false), x[B1]));
  return pf_add(in, pf_add(pf_matmul(hidden, x[W2], false, false), x[B2]));
}

static inline pf_node mlp(pf_graph *graph, const pf_node *x, int choice) {
  (void)graph, (void)choice;
  return mlp_of(x[X], x);
}

/* |grad_x f|^2 of f = sum tanh(mlp) */
static inline pf_node gradient_penalty(pf_graph *graph, const pf_node *x, int choice) {
  (void)choice;
  pf_node gx;
  pf_grad(pf_sum_items(pf_tanh(mlp_of(x[X], x))), (pf_node){graph, -1}, &x[X], 1, &gx);
  return pf_sum_items(pf_square(gx));
}

/* sum_i e_i^T d mlp/dx e_i */
static inline pf_node divergence(pf_graph *graph, const pf_node *x, int choice) {
  (void)choice;
  pf_node y = mlp_of(x[X], x), sum = {graph, -1};
  for (int i = 0; i < 2; i++) {
    pf_node e = pf_constant(graph, PF_SHAPE(PF_SHARED, 2), (double[]){i == 0, i == 1}), dot;
    pf_jvp(&y, 1, &x[X], &e, 1, &dot);
    sum = i ? pf_add(sum, pf_slice(dot, i, 1)) : pf_slice(dot, i, 1);
  }
  return sum;
}

/* Two steps of classical RK4 of xdot = mlp(x) from t = 0 to 1/2 */
static inline pf_node runge_kutta(pf_graph *graph, const pf_node *x, int choice) {
  (void)graph, (void)choice;
  const double h = 0.25;
  pf_node z = x[X];
  for (int step = 0; step < 2; step++) {
    pf_node k1 = mlp_of(z, x), k2 = mlp_of(pf_add(z, pf_scale(k1, h / 2)), x);
    pf_node k3 = mlp_of(pf_add(z, pf_scale(k2, h / 2)), x), k4 = mlp_of(pf_add(z, pf_scale(k3, h)), x);
    pf_node middle = pf_scale(pf_add(k2, k3), 2);
    z = pf_add(z, pf_scale(pf_add(pf_add(k1, k4), middle), h / 6));
  }
  return z;
}

static inline pf_node gelu_and_mean(pf_graph *graph, const pf_node *x, int choice) {
  (void)choice;
  return pf_mean_rows(pf_gelu(pf_offset(x[0], 0.2)), pf_scalar(graph, 1.0 / CHECK_ROWS));
}

static const check_case nets[] = {
    {"residual mlp", mlp, 0, MLP_LEAVES, MLP_SHAPES, 3},
    {"gradient penalty", gradient_penalty, 0, MLP_LEAVES, MLP_SHAPES, 2},
    {"divergence", divergence, 0, MLP_LEAVES, MLP_SHAPES, 2},
    {"unrolled RK4", runge_kutta, 0, MLP_LEAVES, MLP_SHAPES, 2},
    {"gelu, mean_rows", gelu_and_mean, 0, 1, {R(2)}, 3},
};

/* One more node from two that are there, of item dimensions that broadcast with [2,3]. */
static inline pf_node grow(pf_rng *rng, pf_node a, pf_node b, pf_node square) {
  pf_shape shape = pf_node_shape(a);
  int last = shape.axes ? shape.dim[shape.axes - 1] : 1;
  switch (pf_rng_below(rng, 12)) {
  case 0: return pf_sin(a);
  case 1: return pf_tanh(pf_add(a, b));
  case 2: return pf_sub(pf_sigmoid(a), b);
  case 3: return pf_mul(pf_cos(a), pf_sin(b));
  case 4: return pf_div(a, pf_offset(pf_softplus(b), 1));
  case 5: return last == 3 ? pf_tanh(pf_matmul(a, square, false, pf_rng_below(rng, 2))) : pf_neg(a);
  case 6: return shape.axes ? pf_sin(pf_sum_axis(a, -1)) : pf_erf(a);
  case 7: return last > 1 ? pf_pad(pf_slice(a, 1, last - 1), 1, 0) : pf_exp(pf_sin(a));
  case 8: return last > 1 ? pf_concat(pf_slice(a, last - 1, 1), pf_slice(a, 0, last - 1)) : pf_scale(a, 1.5);
  case 9: return pf_sum_items(pf_sin(a));
  case 10: return pf_square(pf_sin(pf_offset(a, 0.3)));
  default: return pf_mul(a, pf_tanh(b));
  }
}

static inline pf_node random_graph(pf_graph *graph, const pf_node *x, int choice) {
  enum { NODES = 14 };
  (void)graph;
  pf_rng rng = pf_rng_at(5, PF_STREAM_TEST, 0, (uint64_t)choice);
  pf_node pool[3 + NODES] = {x[0], x[1], x[3]};
  for (int i = 3; i < 3 + NODES; i++) {
    pf_node a = pool[pf_rng_below(&rng, (uint32_t)i)], b = pool[i - 1 - (int)pf_rng_below(&rng, 3)];
    pool[i] = grow(&rng, a, b, x[2]);
  }
  pf_node y = pf_add(pool[NODES + 2], pf_mul(pool[NODES + 1], pool[NODES]));
  y = pf_mul(y, pf_sin(x[3])); /* so that it varies over rows */
  return choice % 2 ? pf_sum_rows(y) : y;
}

static inline check_case random_case(int i, char name[32]) {
  snprintf(name, 32, "random graph %d", i);
  return (check_case){name, random_graph, i, 4, {R(2, 3), S(3), S(3, 3), R0}, 2};
}
enum { RANDOM_GRAPHS = 60 };

#endif
