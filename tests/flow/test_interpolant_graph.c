/* Interpolants as graph nodes: the values of the scalar functions, and derivatives by jvp in time. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "exec/exec.h"
#include "flow/interpolant_graph.h"

enum { ROWS = 4, D = 2, OUTPUTS = 10 };
static const double T[ROWS] = {0, .3, .55, .97};
static const double S[ROWS] = {.2, .3, 1, .98};
static const double X0[ROWS * D] = {.5, -1.2, -.3, .1, 1.7, .6, -.9, -2.1};
static const double X1[ROWS * D] = {1, 2, -3, .4, .5, -.6, 7, .8};

static void expect_close(double value, double expected) {
  if (!(fabs(value - expected) <= 1e-13 * (1 + fabs(expected))))
    fail_msg("%.16g, expected %.16g", value, expected);
}

typedef struct results {
  double scalar[6][ROWS];     /* alpha, beta, alpha_dot, beta_dot, step a, step b */
  double vector[2][ROWS * D]; /* point, velocity */
  double tangent[2][ROWS];    /* d alpha / dt, d beta / dt by forward mode */
} results;

static void evaluate(pf_interpolant kind, results *r) {
  pf_graph *graph = NULL;
  pf_error error = {0};
  assert_int_equal(pf_graph_create(&graph, NULL), PF_OK);
  pf_node t = pf_input(graph, 0, PF_SCALAR(PF_PER_ROW)), s = pf_input(graph, 1, PF_SCALAR(PF_PER_ROW));
  pf_node x0 = pf_input(graph, 2, PF_SHAPE(PF_PER_ROW, D)), x1 = pf_input(graph, 3, PF_SHAPE(PF_PER_ROW, D));
  pf_interpolant_nodes v = pf_interpolant_nodes_at(kind, t);
  pf_node out[OUTPUTS] = {v.alpha, v.beta};
  pf_node one = pf_broadcast(pf_scalar(graph, 1), PF_SCALAR(PF_PER_ROW));
  out[2] = pf_broadcast(v.alpha_dot, PF_SCALAR(PF_PER_ROW));
  out[3] = pf_broadcast(v.beta_dot, PF_SCALAR(PF_PER_ROW));
  pf_interpolant_step_nodes(kind, t, s, &out[4], &out[5]);
  out[6] = pf_interpolant_point_node(kind, t, x0, x1);
  out[7] = pf_interpolant_velocity_node(kind, t, x0, x1);
  pf_jvp(out, 2, &t, &one, 1, out + 8);
  const double *inputs[] = {T, S, X0, X1};
  double *values[OUTPUTS];
  for (int i = 0; i < 6; i++) values[i] = r->scalar[i];
  for (int i = 0; i < 2; i++) values[6 + i] = r->vector[i];
  for (int i = 0; i < 2; i++) values[8 + i] = r->tangent[i];
  pf_ref_run run = {.inputs = inputs, .rows = ROWS};
  if (pf_ref_evaluate(graph, out, OUTPUTS, &run, values, &error) != PF_OK) fail_msg("%s", error.message);
  pf_graph_free(graph);
}

static void nodes_have_the_scalar_values(void **state) {
  (void)state;
  for (pf_interpolant kind = 0; kind < PF_INTERPOLANT_COUNT; kind++) {
    results r;
    evaluate(kind, &r);
    for (int i = 0; i < ROWS; i++) {
      pf_interpolant_values v = pf_interpolant_at(kind, T[i]);
      double a, b;
      pf_interpolant_step(kind, T[i], S[i], &a, &b);
      expect_close(r.scalar[0][i], v.alpha);
      expect_close(r.scalar[1][i], v.beta);
      expect_close(r.scalar[2][i], v.alpha_dot);
      expect_close(r.scalar[3][i], v.beta_dot);
      expect_close(r.scalar[4][i], a);
      expect_close(r.scalar[5][i], b);
      expect_close(r.tangent[0][i], v.alpha_dot);
      expect_close(r.tangent[1][i], v.beta_dot);
      for (int j = i * D; j < (i + 1) * D; j++) {
        expect_close(r.vector[0][j], v.alpha * X0[j] + v.beta * X1[j]);
        expect_close(r.vector[1][j], v.alpha_dot * X0[j] + v.beta_dot * X1[j]);
      }
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(nodes_have_the_scalar_values)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
