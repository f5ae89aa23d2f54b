/* Every operation and many random graphs on the fast executor against the reference. */
#include "program_run.h"

enum { ROWS = 53, POOL = 48, RANDOM_GRAPHS = 60 };

static fixture start(void) {
  fixture f = {.rows = ROWS, .first_row = 11};
  pf_error error;
  must(pf_graph_create(&f.graph, &error), &error);
  return f;
}

/* Compares all ways of running with the reference, then frees the fixture. */
static void check_graph(fixture *f, double tolerance, const char *what) {
  results want = run_reference(f);
  results fused = run_with(f, 16, true, 1, 1), plain = run_with(f, 16, false, 1, 1),
          wide = run_with(f, 0, true, 1, 1);
  assert_same_bits(&fused, &plain, what);
  assert_close(&fused, &want, tolerance, what);
  assert_close(&wide, &want, tolerance, what);
  results_free(&want), results_free(&fused), results_free(&plain), results_free(&wide);
  fixture_free(f);
}

static void test_every_elementwise_operation(void **state) {
  (void)state;
  fixture f = start();
  f.input_items[0] = f.input_items[1] = 6;
  pf_node x = pf_input(f.graph, 0, PF_SHAPE(PF_PER_ROW, 6)),
          y = pf_input(f.graph, 1, PF_SHAPE(PF_PER_ROW, 6));
  pf_node positive = pf_offset(pf_abs(x), 0.1);
  pf_node all[] = {pf_neg(x),    pf_exp(x),     pf_log(positive), pf_sqrt(positive),
                   pf_tanh(x),   pf_sigmoid(x), pf_softplus(x),   pf_sin(x),
                   pf_cos(x),    pf_erf(x),     pf_abs(x),        pf_sign(x),
                   pf_add(x, y), pf_sub(x, y),  pf_mul(x, y),     pf_div(x, positive)};
  for (int i = 0; i < 16; i++) f.output[i] = all[i];
  f.outputs = 16;
  fixture_fill(&f, 1);
  check_graph(&f, 1e-6, "element-wise");
}

static void test_comparisons_and_scalars(void **state) {
  (void)state;
  fixture f = start();
  f.input_items[0] = f.input_items[1] = 6;
  pf_node x = pf_input(f.graph, 0, PF_SHAPE(PF_PER_ROW, 6)),
          y = pf_input(f.graph, 1, PF_SHAPE(PF_PER_ROW, 6));
  pf_node s = pf_param(f.graph, 0, 0, PF_SCALAR(PF_SHARED));
  pf_node all[] = {pf_max(x, y),         pf_min(x, y),      pf_less(x, y),   pf_select(pf_less(x, y), x, s),
                   pf_sub(s, x),         pf_sub(x, s),      pf_div(s, x),    pf_div(x, s),
                   pf_select(s, x, y),   pf_mul(s, s),      pf_max(s, x),    pf_less(s, x),
                   pf_add(pf_exp(s), x), pf_scale(x, 0.25), pf_offset(x, 2), pf_select(pf_less(x, s), s, s)};
  for (int i = 0; i < 16; i++) f.output[i] = all[i];
  f.outputs = 16;
  fixture_fill(&f, 1);
  check_graph(&f, 1e-6, "comparisons");
}

static void test_broadcasts(void **state) {
  (void)state;
  fixture f = start();
  f.input_items[0] = 24, f.input_items[1] = 4, f.input_items[2] = 1, f.input_items[3] = 6;
  pf_node x = pf_input(f.graph, 0, PF_SHAPE(PF_PER_ROW, 2, 3, 4)),
          last = pf_input(f.graph, 1, PF_SHAPE(PF_PER_ROW, 4));
  pf_node one = pf_input(f.graph, 2, PF_SHAPE(PF_PER_ROW, 1)),
          mid = pf_input(f.graph, 3, PF_SHAPE(PF_PER_ROW, 2, 3, 1));
  pf_node shared = pf_param(f.graph, 0, 0, PF_SHAPE(PF_SHARED, 3, 1)),
          bias = pf_param(f.graph, 0, 3, PF_SHAPE(PF_SHARED, 4));
  pf_node all[] = {pf_add(x, last),
                   pf_mul(x, one),
                   pf_mul(mid, last),
                   pf_add(shared, x),
                   pf_sub(x, bias),
                   pf_mul(shared, bias),
                   pf_broadcast(bias, PF_SHAPE(PF_PER_ROW, 4)),
                   pf_broadcast(mid, PF_SHAPE(PF_PER_ROW, 2, 3, 4)),
                   pf_sum_rows(pf_mul(pf_broadcast(shared, PF_SHAPE(PF_PER_ROW, 2, 3, 4)),
                                      pf_mul(x, pf_row_weight(f.graph)))),
                   pf_matmul(pf_broadcast(last, PF_SHAPE(PF_PER_ROW, 3, 4)),
                             pf_reshape(bias, 2, (int[]){4, 1}), false, false),
                   pf_mul(pf_reshape(mid, 2, (int[]){2, 3}), pf_reshape(shared, 1, (int[]){3})),
                   pf_slice(pf_mul(x, last), 1, 2),
                   pf_mul(pf_slice(x, 3, 1), pf_slice(bias, 0, 2))};
  f.outputs = sizeof all / sizeof *all;
  for (int i = 0; i < f.outputs; i++) f.output[i] = all[i];
  fixture_fill(&f, 7);
  check_graph(&f, 1e-6, "broadcasts");
}

static void test_shapes_and_sums(void **state) {
  (void)state;
  fixture f = start();
  f.input_items[0] = 24, f.input_items[1] = 1, f.input_items[2] = 5;
  pf_node x = pf_input(f.graph, 0, PF_SHAPE(PF_PER_ROW, 2, 3, 4)),
          index = pf_input(f.graph, 1, PF_SCALAR(PF_PER_ROW));
  pf_node y = pf_input(f.graph, 2, PF_SHAPE(PF_PER_ROW, 5));
  pf_node w = pf_row_weight(f.graph), table = pf_param(f.graph, 0, 0, PF_SHAPE(PF_SHARED, 6, 3));
  pf_node square = pf_mul(x, x);
  pf_node all[] = {pf_sum_axis(x, 0),
                   pf_sum_axis(square, 1),
                   pf_sum_axis(square, 2),
                   pf_sum_items(square),
                   pf_sum_rows(pf_mul(w, square)),
                   pf_concat(y, pf_exp(y)),
                   pf_concat(pf_reshape(table, 1, (int[]){18}), y),
                   pf_pad(y, 2, 3),
                   pf_pad(pf_slice(y, 1, 3), 0, 1),
                   pf_gather(table, index),
                   pf_stop_gradient(pf_tanh(y)),
                   pf_sum_rows(pf_mul(pf_sum_axis(y, 0), w)),
                   pf_sum_axis(table, 0),
                   pf_sum_axis(pf_mul(table, table), 1)};
  f.outputs = 0;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) f.output[f.outputs++] = all[i];
  fixture_fill(&f, 18);
  for (int i = 0; i < ROWS; i++) f.input[1][i] = (float)(i % 6);
  check_graph(&f, 1e-6, "shapes and sums");
}

static void test_contractions(void **state) {
  (void)state;
  static const int sizes[][3] = {{3, 4, 5},  {1, 1, 1},   {2, 33, 4},
                                 {17, 5, 9}, {64, 3, 64}, {40, 24, 48}}; /* j, k, n */
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    const int j = sizes[i][0], k = sizes[i][1], n = sizes[i][2];
    fixture f = start();
    f.input_items[0] = j * k, f.input_items[1] = k, f.input_items[2] = j * n;
    pf_node x = pf_input(f.graph, 0, PF_SHAPE(PF_PER_ROW, j, k)),
            v = pf_input(f.graph, 1, PF_SHAPE(PF_PER_ROW, k));
    pf_node y = pf_input(f.graph, 2, PF_SHAPE(PF_PER_ROW, j, n)), w = pf_row_weight(f.graph);
    pf_node b = pf_param(f.graph, 0, 0, PF_SHAPE(PF_SHARED, k, n)),
            bt = pf_param(f.graph, 0, k * n, PF_SHAPE(PF_SHARED, n, k));
    pf_node s = pf_param(f.graph, 0, 2 * k * n, PF_SHAPE(PF_SHARED, j, k));
    pf_node weighted = pf_mul(x, w), grad = pf_outer(weighted, y);
    pf_node all[] = {pf_matmul(x, b, false, false),
                     pf_matmul(x, bt, false, true),
                     pf_matmul(v, b, false, false),
                     pf_matmul(v, bt, false, true),
                     grad,
                     pf_outer(s, pf_mul(y, w)),
                     pf_matmul(s, grad, false, false),
                     pf_matmul(bt, grad, true, true),
                     pf_matmul(s, b, false, false),
                     pf_matmul(b, b, true, false),
                     pf_scale(grad, 0.5)};
    f.outputs = 0;
    for (size_t o = 0; o < sizeof all / sizeof *all; o++) f.output[f.outputs++] = all[o];
    fixture_fill(&f, 2 * k * n + j * k);
    check_graph(&f, 3e-6, "contractions");
  }
}

static void test_random_leaves(void **state) {
  (void)state;
  fixture f = start();
  f.output[0] = pf_normal(f.graph, 5, 3);
  f.output[1] = pf_uniform(f.graph, 6, 2);
  f.output[2] = pf_index(f.graph, 7, 9);
  f.outputs = 3;
  fixture_fill(&f, 1);
  check_graph(&f, 1e-7, "random leaves");
}

/* Rows wider than a block are cut into chunks, unless an operand forbids it. */
static void test_wide_rows(void **state) {
  (void)state;
  fixture f = start();
  f.rows = 9;
  f.input_items[0] = 1300, f.input_items[1] = 1, f.input_items[2] = 2;
  pf_node x = pf_input(f.graph, 0, PF_SHAPE(PF_PER_ROW, 1300)),
          t = pf_input(f.graph, 1, PF_SHAPE(PF_PER_ROW, 1));
  pf_node pair = pf_input(f.graph, 2, PF_SHAPE(PF_PER_ROW, 2, 1)),
          bias = pf_param(f.graph, 0, 0, PF_SHAPE(PF_SHARED, 1300));
  pf_node y = pf_silu(pf_add(pf_mul(x, t), bias)), w = pf_row_weight(f.graph);
  f.output[0] = pf_sub(y, pf_scale(x, 0.5));
  f.output[1] = pf_sum_rows(pf_mul(w, pf_square(y)));
  f.output[2] = pf_sum_items(y);
  f.output[3] = pf_mul(pf_reshape(pf_tanh(x), 2, (int[]){2, 650}), pair);
  f.output[4] = pf_scale(f.output[1], 3);
  f.outputs = 5;
  fixture_fill(&f, 1300);
  check_graph(&f, 1e-6, "wide rows");
}

/* ---- random graphs ---- */

typedef struct pool {
  fixture f;
  pf_rng rng;
  pf_node node[POOL];
  int n;
} pool;

static pf_node pick(pool *p) { return p->node[pf_rng_below(&p->rng, (uint32_t)p->n)]; }

static int last_of(pf_node a) {
  pf_shape shape = pf_node_shape(a);
  return shape.axes > 0 ? shape.dim[shape.axes - 1] : 1;
}

/* Bounded functions, so that errors do not grow from node to node. */
static pf_node random_unary(pool *p, pf_node a) {
  switch (pf_rng_below(&p->rng, pf_node_shape(a).axes > 0 ? 12 : 9)) {
  case 0: return pf_tanh(a);
  case 1: return pf_sigmoid(a);
  case 2: return pf_sin(a);
  case 3: return pf_erf(a);
  case 4: return pf_neg(a);
  case 5: return pf_silu(pf_tanh(a));
  case 6: return pf_log(pf_offset(pf_square(a), 1));
  case 7: return pf_exp(pf_neg(pf_abs(a)));
  case 8: return pf_stop_gradient(pf_scale(a, 0.5));
  case 9: return pf_sqrt(pf_offset(pf_square(a), 0.5));
  case 10: return pf_slice(a, (int)pf_rng_below(&p->rng, (uint32_t)last_of(a)), 1);
  default: return pf_sum_axis(pf_tanh(a), -1);
  }
}

static pf_node random_binary(pool *p, pf_node a, pf_node b) {
  switch (pf_rng_below(&p->rng, 7)) {
  case 0: return pf_add(a, b);
  case 1: return pf_sub(a, b);
  case 2: return pf_mul(pf_tanh(a), b);
  case 3: return pf_div(a, pf_offset(pf_square(b), 1));
  case 4: return pf_max(a, b);
  case 5: return pf_min(a, b);
  default: return pf_select(pf_less(pf_node_shape(a).span == PF_SHARED ? p->node[0] : a, p->node[0]), b, a);
  }
}

static bool fits(pf_node a, pf_node b) {
  pf_shape s = pf_node_shape(a), t = pf_node_shape(b);
  for (int e = 1; e <= s.axes && e <= t.axes; e++) {
    int m = s.dim[s.axes - e], n = t.dim[t.axes - e];
    if (m != n && m != 1 && n != 1) return false;
  }
  return true;
}

static pf_node random_node(pool *p) {
  pf_node a = pick(p), b = pick(p);
  switch (pf_rng_below(&p->rng, 6)) {
  case 0:
  case 1: return random_unary(p, a);
  case 2: { /* a matrix of the parameters that matches */
    pf_node m = pf_param(p->f.graph, 0, 64, PF_SHAPE(PF_SHARED, last_of(a), 4));
    return pf_node_shape(a).axes > 0 ? pf_scale(pf_matmul(a, m, false, false), 0.3) : pf_cos(a);
  }
  default: return fits(a, b) ? random_binary(p, a, b) : pf_tanh(b);
  }
}

static void random_graph(uint64_t seed) {
  pool p = {.f = start(), .rng = pf_rng_at(seed, PF_STREAM_TEST, 1, 0)};
  p.f.input_items[0] = 4, p.f.input_items[1] = 12, p.f.input_items[2] = 1;
  p.node[p.n++] = pf_input(p.f.graph, 2, PF_SCALAR(PF_PER_ROW));
  p.node[p.n++] = pf_input(p.f.graph, 0, PF_SHAPE(PF_PER_ROW, 4));
  p.node[p.n++] = pf_input(p.f.graph, 1, PF_SHAPE(PF_PER_ROW, 3, 4));
  p.node[p.n++] = pf_param(p.f.graph, 0, 0, PF_SHAPE(PF_SHARED, 4));
  p.node[p.n++] = pf_param(p.f.graph, 0, 4, PF_SHAPE(PF_SHARED, 3, 1));
  p.node[p.n++] = pf_scalar(p.f.graph, 0.75);
  while (p.n < POOL) {
    pf_node next = random_node(&p);
    p.node[p.n++] = next;
  }
  pf_node w = pf_row_weight(p.f.graph), loss = pf_scalar(p.f.graph, 0);
  for (int i = POOL - 4; i < POOL; i++) {
    loss = pf_add(loss, pf_sum_items(p.node[i]));
    p.f.output[p.f.outputs++] = p.node[i];
  }
  loss = pf_sum_rows(pf_mul(w, pf_add(loss, p.node[0])));
  p.f.output[p.f.outputs++] = loss;
  const pf_node wrt[] = {p.node[1], p.node[2], p.node[3], p.node[4]};
  pf_grad(loss, (pf_node){p.f.graph, -1}, wrt, 4, p.f.output + p.f.outputs);
  p.f.outputs += 4;
  fixture_fill(&p.f, 200);
  char what[32];
  snprintf(what, sizeof what, "random graph %d", (int)seed);
  check_graph(&p.f, 3e-5, what);
}

static void test_random_graphs(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < RANDOM_GRAPHS; seed++) random_graph(seed);
}

/* Exact second derivatives through a network: stacked tangents, shared and per-row operands side by side. */
static void test_tangents_of_gradients(void **state) {
  (void)state;
  fixture f = start();
  f.input_items[0] = 3, f.input_items[1] = 3;
  pf_node x = pf_input(f.graph, 0, PF_SHAPE(PF_PER_ROW, 3)),
          d = pf_input(f.graph, 1, PF_SHAPE(PF_PER_ROW, 3));
  pf_node a = pf_param(f.graph, 0, 0, PF_SHAPE(PF_SHARED, 3, 20)),
          b = pf_param(f.graph, 0, 60, PF_SHAPE(PF_SHARED, 20, 1));
  pf_node potential = pf_matmul(pf_softplus(pf_matmul(x, a, false, false)), b, false, false), slope,
          hessian_d;
  pf_grad(potential, (pf_node){f.graph, -1}, &x, 1, &slope);
  pf_jvp(&slope, 1, &x, &d, 1, &hessian_d);
  pf_node curvature = pf_sum_rows(pf_mul(pf_row_weight(f.graph), pf_sum_items(pf_mul(hessian_d, d))));
  f.output[0] = slope, f.output[1] = hessian_d, f.output[2] = curvature;
  pf_grad(curvature, (pf_node){f.graph, -1}, (pf_node[]){a, b}, 2, f.output + 3);
  f.outputs = 5;
  fixture_fill(&f, 80);
  check_graph(&f, 5e-6, "tangents of gradients");
}

static void test_gather_outside_of_the_table_is_nan(void **state) {
  (void)state;
  static const float indices[] = {0, 2, 3, -1, -0.5f, NAN, INFINITY, 1e30f, 2.5f};
  fixture f = start();
  f.rows = 9;
  f.input_items[0] = 1;
  f.output[0] = pf_gather(pf_param(f.graph, 0, 0, PF_SHAPE(PF_SHARED, 3, 2)),
                          pf_input(f.graph, 0, PF_SCALAR(PF_PER_ROW)));
  f.outputs = 1;
  fixture_fill(&f, 6);
  memcpy(f.input[0], indices, sizeof indices);
  results r = run_with(&f, 16, true, 1, 1);
  for (int i = 0; i < 9; i++) assert_true(isnan(r.value[0][2 * i]) == (i != 0 && i != 1 && i != 8));
  assert_true(r.value[0][2] == f.param[4] && r.value[0][17] == f.param[5]);
  results_free(&r), fixture_free(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_elementwise_operation),
      cmocka_unit_test(test_comparisons_and_scalars),
      cmocka_unit_test(test_broadcasts),
      cmocka_unit_test(test_shapes_and_sums),
      cmocka_unit_test(test_contractions),
      cmocka_unit_test(test_random_leaves),
      cmocka_unit_test(test_wide_rows),
      cmocka_unit_test(test_random_graphs),
      cmocka_unit_test(test_tangents_of_gradients),
      cmocka_unit_test(test_gather_outside_of_the_table_is_nan),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
