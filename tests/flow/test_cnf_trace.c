/* Paths of a flow towards noise: their nodes are where rows of as many blocks arrive. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/rng.h"
#include "flow/cnf.h"

enum { D = 2, BLOCKS = 3, STEPS = 4, N = 300, NODES = BLOCKS * STEPS + 1 };

static pf_cnf *flow;
static float from[N * D];

static void must(pf_status status, const pf_error *error) {
  if (status != PF_OK) fail_msg("%s", error->message);
}

static int set_up(void **state) {
  (void)state;
  pf_cnf_config config = {
      .field = {.kind = PF_FIELD_POTENTIAL, .potential = {.inputs = D, .width = 6, .layers = 1}},
      .blocks = BLOCKS,
      .steps = STEPS};
  pf_error error = {0};
  pf_layout layout = {0};
  float *params = NULL;
  pf_rng rng = pf_rng_at(3, PF_STREAM_TEST, 0, 0);
  must(pf_field_layout(&config.field, &layout, &error), &error);
  must(pf_alloc((size_t)(BLOCKS * layout.total), sizeof *params, &params, &error), &error);
  for (int64_t i = 0; i < BLOCKS * layout.total; i++) params[i] = 0.4f * (float)pf_rng_normal(&rng);
  for (int i = 0; i < N * D; i++) from[i] = (float)pf_rng_normal(&rng);
  must(pf_cnf_create(&config, params, &flow, &error), &error);
  pf_free(params);
  pf_layout_free(&layout);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  pf_cnf_free(flow);
  return 0;
}

/* Nodes between blocks are what moving the first blocks alone gives, to the bit, for any pool. */
static void nodes_are_where_rows_arrive(void **state) {
  (void)state;
  static float nodes[N * NODES * D];
  static double x[N * D];
  pf_cnf_move move = {.direction = PF_CNF_TO_NOISE};
  pf_error error = {0};
  for (int threads = 1; threads <= 3; threads += 2) {
    pf_pool *pool = NULL;
    must(pf_pool_create(threads, &pool, &error), &error);
    memset(nodes, 0xff, sizeof nodes);
    must(pf_cnf_trace(flow, &move, (pf_rows){0, N}, from, nodes, pool, &error), &error);
    pf_pool_free(pool);
    for (int block = 0; block <= BLOCKS; block++) {
      pf_cnf_move part = {.direction = PF_CNF_TO_NOISE, .blocks = block};
      for (int i = 0; i < N * D; i++) x[i] = from[i];
      if (block > 0) must(pf_cnf_rows(flow, &part, (pf_rows){0, N}, x, NULL, NULL, NULL, &error), &error);
      for (int i = 0; i < N * D; i++)
        assert_true(nodes[(i / D * NODES + block * STEPS) * D + i % D] == (float)x[i]);
    }
  }
}

/* Some blocks only, with steps of the caller's. */
static void a_part_of_the_flow_has_fewer_nodes(void **state) {
  (void)state;
  enum { OWN = 2, NEEDED = N * (2 * OWN + 1) * D };
  static float nodes[NEEDED + 1];
  pf_cnf_move move = {.direction = PF_CNF_TO_NOISE, .steps = OWN, .first_block = 1};
  pf_error error = {0};
  nodes[NEEDED] = 7;
  must(pf_cnf_trace(flow, &move, (pf_rows){0, N}, from, nodes, NULL, &error), &error);
  for (int i = 0; i < N * D; i++) assert_true(nodes[i / D * (2 * OWN + 1) * D + i % D] == from[i]);
  assert_true(nodes[NEEDED] == 7);
}

static void a_tolerance_is_refused(void **state) {
  (void)state;
  float out[NODES * D];
  pf_error error = {0};
  pf_cnf_move move = {.direction = PF_CNF_TO_NOISE, .tolerance = 1e-3};
  assert_int_equal(pf_cnf_trace(flow, &move, (pf_rows){0, 1}, from, out, NULL, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "tolerance"));
  move = (pf_cnf_move){.first_block = BLOCKS};
  assert_int_equal(pf_cnf_trace(flow, &move, (pf_rows){0, 1}, from, out, NULL, &error), PF_USAGE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nodes_are_where_rows_arrive),
      cmocka_unit_test(a_part_of_the_flow_has_fewer_nodes),
      cmocka_unit_test(a_tolerance_is_refused),
  };
  return cmocka_run_group_tests_name("cnf trace", tests, set_up, tear_down);
}
