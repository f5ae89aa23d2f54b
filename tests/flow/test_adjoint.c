/* The interpolated adjoint's gradient tends to the gradient through the steps: both are the continuous problem's in the limit. */
#include "flow/adjoint.h"
#include "graph_slopes.h"
#include "plain_field.h"

enum { ROWS = 6, D = 2 };

static const pf_field fields[] = {
    {.network = {.inputs = D,
                 .outputs = D,
                 .width = 5,
                 .depth = 2,
                 .times = 1,
                 .frequencies = 2,
                 .max_frequency = 2}},
    {.kind = PF_FIELD_POTENTIAL, .potential = {.inputs = D, .width = 4, .layers = 1}}};

static pf_node mean_loss(const pf_unrolled *u, pf_node x, const pf_adjoint_weights *w) {
  pf_graph *graph = x.graph;
  pf_node nll = pf_sub(pf_scale(pf_sum_items(pf_square(u->x)), 0.5), u->log_det);
  pf_node moved = pf_scale(pf_sum_items(pf_square(pf_sub(u->x, x))), 0.5);
  pf_node loss = pf_add(pf_scale(nll, w->likelihood), pf_scale(moved, w->movement));
  loss = pf_add(loss, pf_scale(u->kinetic, w->kinetic));
  if (w->hjb > 0) loss = pf_add(loss, pf_scale(u->hamilton_jacobi, w->hjb));
  return pf_mean_rows(loss, pf_scalar(graph, 1.0 / ROWS));
}

/* |adjoint - through the steps| / |through the steps| */
static double difference(const pf_field *field, pf_divergence divergence, const pf_adjoint_weights *w,
                         int steps) {
  pf_error error = {0};
  plain_flow flow = plain_flow_open(*field, 3, 0.5);
  double x[ROWS * D], grid[PF_ADJOINT_STEPS + 1], square = 0, norm = 0;
  pf_node path[PF_ADJOINT_STEPS + 1];
  plain_normals(9, 1, ROWS * D, x);
  slopes s = {.name = "adjoint", .p = flow.p, .n = flow.layout.total, .rows = ROWS, .inputs = {x}};
  must(pf_graph_create(&s.graph, &error), &error);
  pf_node rows = pf_input(s.graph, 0, PF_SHAPE(PF_PER_ROW, D));
  pf_adjoint_points(steps, grid);
  pf_unroll_spec spec = {.method = PF_ODE_RK4,
                         .steps = steps,
                         .end = {s.graph, -1},
                         .grid = grid,
                         .path = path,
                         .divergence = divergence,
                         .width = 0.05,
                         .probe_stream = 8};
  pf_unrolled u = pf_unroll(field, 0, rows, &spec);
  pf_node loss = mean_loss(&u, rows, w);
  pf_node other =
      pf_mean_rows(pf_adjoint_surrogate(field, 0, path, &spec, w), pf_scalar(s.graph, 1.0 / ROWS));
  double *a = test_array((size_t)s.n, sizeof *a), *b = test_array((size_t)s.n, sizeof *b);
  slopes_leaves direct = slopes_of(&s, loss), adjoint = slopes_of(&s, other);
  slopes_gradient(&s, &direct, a);
  slopes_gradient(&s, &adjoint, b);
  for (int64_t i = 0; i < s.n; i++) {
    square += (a[i] - b[i]) * (a[i] - b[i]);
    norm += a[i] * a[i];
  }
  pf_free(a);
  pf_free(b);
  pf_graph_free(s.graph);
  plain_flow_close(&flow);
  assert_true(norm > 1e-4);
  return sqrt(square / norm);
}

static void expect_limit(const pf_field *field, pf_divergence divergence, pf_adjoint_weights w) {
  double coarse = difference(field, divergence, &w, 4), fine = difference(field, divergence, &w, 12);
  if (!(fine < 5e-4 && fine < coarse / 20))
    fail_msg("4 steps: relative difference %.3g, 12 steps: %.3g", coarse, fine);
}

static void test_tends_to_the_gradient_through_the_steps(void **state) {
  (void)state;
  for (int i = 0; i < 2; i++) {
    expect_limit(&fields[i], PF_DIVERGENCE_EXACT, (pf_adjoint_weights){.likelihood = 1});
    expect_limit(&fields[i], PF_DIVERGENCE_EXACT,
                 (pf_adjoint_weights){.likelihood = 2, .kinetic = 0.7, .movement = 0.4});
  }
}

static void test_points_are_symmetric_and_exact_at_the_ends(void **state) {
  double r[8];
  (void)state;
  pf_adjoint_points(7, r);
  assert_true(r[0] == 0 && r[7] == 1);
  for (int k = 0; k < 7; k++) {
    assert_true(r[k] < r[k + 1]);
    assert_true(fabs(r[k] + r[7 - k] - 1) < 1e-15);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_tends_to_the_gradient_through_the_steps),
                                     cmocka_unit_test(test_points_are_symmetric_and_exact_at_the_ends)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
