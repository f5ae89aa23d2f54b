/* Every op's derivatives, and the compositions that methods rest on, against differences
 * (gradient_cases.h, gradient_check.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "gradient_cases.h"

static void every_elementwise_op(void **state) {
  for (int op = 0; op < PF_OP_COUNT; op++)
    for (int m = 0; pf_op_kind_of((pf_op)op) == PF_KIND_ELEMENTWISE && m < 2 * MEETINGS; m++) {
      check_case c = elementwise_case((pf_op)op, m);
      check_gradients(&c, *state);
    }
}

static void every_other_op(void **state) {
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_gradients(&cases[i], *state);
}

static void network_compositions(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) check_gradients(&nets[i], NULL);
}

static void random_compositions(void **state) {
  (void)state;
  for (int i = 0; i < RANDOM_GRAPHS; i++) {
    char name[32];
    check_case c = random_case(i, name);
    check_gradients(&c, NULL);
  }
}

/* ---- closed forms ---- */

/* Values of n nodes of a graph whose leaves are input 0, PER_ROW [2], and parameter set 0. */
static void evaluate(pf_graph *g, const pf_node *nodes, int n, const double *x, const double *w,
                     double *const *out) {
  pf_ref_run run = {.params = &w, .inputs = &x, .rows = 2};
  pf_error error = {0};
  if (pf_ref_evaluate(g, nodes, n, &run, out, &error) != PF_OK) fail_msg("%s", error.message);
}

static void stop_gradient_blocks_both_modes(void **state) {
  bool *seen = *state;
  pf_graph *g = NULL;
  assert_int_equal(pf_graph_create(&g, NULL), PF_OK);
  pf_node x = pf_input(g, 0, PF_SHAPE(PF_PER_ROW, 2)), out[3];
  pf_node y = pf_mul(pf_square(x), pf_stop_gradient(x)), tangent = pf_scalar(g, 1);
  pf_grad(y, (pf_node){g, -1}, &x, 1, &out[0]);
  pf_jvp(&y, 1, &x, &tangent, 1, &out[1]);
  pf_jvp((pf_node[]){pf_stop_gradient(x)}, 1, &x, &tangent, 1, &out[2]);
  check_mark_seen(g, seen);
  const double at[4] = {1.5, -0.5, 2, 0.25};
  double got[3][4];
  evaluate(g, out, 3, at, NULL, (double *const[]){got[0], got[1], got[2]});
  for (int i = 0; i < 4; i++) {
    assert_float_equal(got[0][i], 2 * at[i] * at[i], 1e-15);
    assert_float_equal(got[1][i], 2 * at[i] * at[i], 1e-15);
    assert_float_equal(got[2][i], 0, 0);
  }
  pf_graph_free(g);
}

/* A gather's table and index, sign and less have zero gradients; so has a node y does not depend on. */
static void zero_gradients(void **state) {
  (void)state;
  pf_graph *g = NULL;
  assert_int_equal(pf_graph_create(&g, NULL), PF_OK);
  pf_node x = pf_input(g, 0, PF_SHAPE(PF_PER_ROW, 2)), table = pf_param(g, 0, 0, PF_SHAPE(PF_SHARED, 2, 2));
  pf_node flat = pf_add(pf_sign(x), pf_less(x, pf_scalar(g, 0.7))), out[4], none = {g, -1};
  pf_grad(pf_mul(flat, pf_gather(table, pf_index(g, 1, 2))), none, (pf_node[]){x, table}, 2, out);
  pf_grad(pf_sin(x), none, &table, 1, &out[2]);
  pf_jvp(&flat, 1, &x, &x, 1, &out[3]);
  const double at[4] = {1.5, -0.5, 2, 0.25}, w[4] = {1, 2, 3, 4};
  double got[4][4];
  evaluate(g, out, 4, at, w, (double *const[]){got[0], got[1], got[2], got[3]});
  for (int k = 0; k < 4; k++)
    for (int i = 0; i < 4; i++) assert_float_equal(got[k][i], 0, 0);
  pf_graph_free(g);
}

/* Intermediate nodes as wrt, a node on the way to another, partials, a direction through an intermediate. */
static void derivatives_at_intermediate_nodes(void **state) {
  (void)state;
  pf_graph *g = NULL;
  assert_int_equal(pf_graph_create(&g, NULL), PF_OK);
  pf_node x = pf_input(g, 0, PF_SHAPE(PF_PER_ROW, 2)), none = {g, -1}, out[6];
  pf_node h = pf_square(x), y = pf_mul(pf_sin(h), x), p = pf_sum_rows(pf_sum_items(y)), z = pf_scale(p, 3);
  pf_node five = pf_scalar(g, 5);
  pf_grad(y, none, (pf_node[]){h, x}, 2, out);
  pf_grad(z, none, &p, 1, &out[2]);
  pf_jvp(&y, 1, &h, &five, 1, &out[3]);
  pf_jvp(&y, 1, (pf_node[]){h, x}, (pf_node[]){five, five}, 2, &out[4]);
  pf_jvp(&y, 1, (pf_node[]){h, h}, (pf_node[]){five, five}, 2, &out[5]);
  const double at[4] = {1.5, -0.5, 2, 0.25};
  double got[6][4];
  evaluate(g, out, 6, at, NULL, (double *const[]){got[0], got[1], got[2], got[3], got[4], got[5]});
  assert_float_equal(got[2][0], 3, 0);
  for (int i = 0; i < 4; i++) {
    double v = at[i], s = sin(v * v), dh = cos(v * v) * v;
    assert_float_equal(got[0][i], dh, 1e-14);
    assert_float_equal(got[1][i], s + dh * 2 * v, 1e-14);
    assert_float_equal(got[3][i], 5 * dh, 1e-14);
    assert_float_equal(got[4][i], 5 * dh + 5 * s, 1e-14); /* h moves by 5 alone, though x moves too */
    assert_float_equal(got[5][i], 10 * dh, 1e-14);
  }
  pf_graph_free(g);
}

/* xdot = W x has divergence trace W; grad of x^T W x / 2 is the symmetric part. */
static void linear_field(void **state) {
  (void)state;
  pf_graph *g = NULL;
  assert_int_equal(pf_graph_create(&g, NULL), PF_OK);
  pf_node x = pf_input(g, 0, PF_SHAPE(PF_PER_ROW, 2)), w = pf_param(g, 0, 0, PF_SHAPE(PF_SHARED, 2, 2));
  pf_node v = pf_matmul(x, w, false, true), dot[2], out[2];
  for (int i = 0; i < 2; i++) {
    pf_node e = pf_constant(g, PF_SHAPE(PF_SHARED, 2), (double[]){i == 0, i == 1});
    pf_jvp(&v, 1, &x, &e, 1, &dot[i]);
  }
  out[0] = pf_add(pf_slice(dot[0], 0, 1), pf_slice(dot[1], 1, 1));
  pf_grad(pf_scale(pf_sum_items(pf_mul(x, v)), 0.5), (pf_node){g, -1}, &x, 1, &out[1]);
  const double at[4] = {1.5, -0.5, 2, 0.25}, values[4] = {1, 2, 3, 5};
  double divergence_of[2], gx[4];
  evaluate(g, out, 2, at, values, (double *const[]){divergence_of, gx});
  for (int r = 0; r < 2; r++) {
    assert_float_equal(divergence_of[r], 6, 1e-15);
    assert_float_equal(gx[2 * r], at[2 * r] + 2.5 * at[2 * r + 1], 1e-14);
    assert_float_equal(gx[2 * r + 1], 2.5 * at[2 * r] + 5 * at[2 * r + 1], 1e-14);
  }
  pf_graph_free(g);
}

/* Stands last: an op without a case above is a failure. */
static void no_op_was_forgotten(void **state) {
  const bool *seen = *state;
  for (int op = 0; op < PF_OP_COUNT; op++)
    if (!seen[op]) fail_msg("op %s has no gradient case", pf_op_name((pf_op)op));
}

static bool seen_ops[PF_OP_COUNT];

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_prestate(every_elementwise_op, seen_ops),
      cmocka_unit_test_prestate(every_other_op, seen_ops),
      cmocka_unit_test(network_compositions),
      cmocka_unit_test(random_compositions),
      cmocka_unit_test_prestate(stop_gradient_blocks_both_modes, seen_ops),
      cmocka_unit_test(zero_gradients),
      cmocka_unit_test(derivatives_at_intermediate_nodes),
      cmocka_unit_test(linear_field),
      cmocka_unit_test_prestate(no_op_was_forgotten, seen_ops),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
