/* Programs against the reference executor, and against themselves: fused or not, any tile, any number of threads. */
#include <pthread.h>

#include "program_run.h"

static pf_node dense(fixture *f, pf_node x, int in, int out, int64_t *at, pf_node *wrt) {
  wrt[0] = pf_param(f->graph, 0, *at, PF_SHAPE(PF_SHARED, in, out));
  wrt[1] = pf_param(f->graph, 0, *at + in * out, PF_SHAPE(PF_SHARED, out));
  *at += in * out + out;
  return pf_add(pf_matmul(x, wrt[0], false, false), wrt[1]);
}

/* Flow-matching loss of a small network and its gradient; the velocity itself is the last output. */
static fixture mlp_fixture(int64_t rows, int width) {
  fixture f = {.rows = rows, .first_row = 1000, .input_items = {2}};
  pf_error error;
  must(pf_graph_create(&f.graph, &error), &error);
  pf_node x1 = pf_input(f.graph, 0, PF_SHAPE(PF_PER_ROW, 2)), x0 = pf_normal(f.graph, 1, 2);
  pf_node t = pf_uniform(f.graph, 2, 1), wrt[8];
  int64_t at = 0;
  pf_node h = pf_concat(pf_add(x0, pf_mul(t, pf_sub(x1, x0))), t);
  h = pf_silu(dense(&f, h, 3, width, &at, wrt));
  h = pf_tanh(dense(&f, h, width, width, &at, wrt + 2));
  h = pf_gelu(dense(&f, h, width, width, &at, wrt + 4));
  pf_node v = dense(&f, h, width, 2, &at, wrt + 6);
  pf_node miss = pf_square(pf_sub(v, pf_sub(x1, x0)));
  f.output[0] = pf_mean_rows(pf_sum_items(miss), pf_scalar(f.graph, 1.0 / (double)rows));
  pf_grad(f.output[0], (pf_node){f.graph, -1}, wrt, 8, f.output + 1);
  f.output[9] = v;
  f.outputs = 10;
  fixture_fill(&f, at);
  return f;
}

static void test_network_gradient_matches_reference(void **state) {
  (void)state;
  static const struct {
    int64_t rows;
    int width, lanes, tile;
  } cases[] = {{256, 64, 2, 0}, {200, 33, 1, 48}, {37, 20, 1, 16}, {5, 64, 1, 0}, {301, 16, 3, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fixture f = mlp_fixture(cases[i].rows, cases[i].width);
    results want = run_reference(&f), got = run_with(&f, cases[i].tile, true, cases[i].lanes, 1);
    assert_close(&got, &want, 1e-5, "network");
    results_free(&want), results_free(&got), fixture_free(&f);
  }
}

static void test_fusion_changes_no_bit(void **state) {
  (void)state;
  fixture f = mlp_fixture(100, 40);
  results fused = run_with(&f, 48, true, 1, 1), plain = run_with(&f, 48, false, 1, 1);
  assert_same_bits(&fused, &plain, "fused and not");
  results_free(&fused), results_free(&plain), fixture_free(&f);
}

static void test_threads_change_no_bit(void **state) {
  (void)state;
  fixture f = mlp_fixture(700, 32);
  results one = run_with(&f, 0, true, 5, 1);
  for (int threads = 2; threads <= 5; threads += 3) {
    results more = run_with(&f, 0, true, 5, threads);
    assert_same_bits(&one, &more, "threads");
    results_free(&more);
  }
  results_free(&one), fixture_free(&f);
}

static void test_tiles_agree(void **state) {
  (void)state;
  fixture f = mlp_fixture(300, 24);
  results want = run_with(&f, 128, true, 1, 1);
  static const int tiles[] = {1, 16, 48, 512};
  for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++) {
    results got = run_with(&f, tiles[i], true, 1, 1);
    assert_close(&got, &want, 2e-6, "tiles");
    results_free(&got);
  }
  results_free(&want), fixture_free(&f);
}

/* In bfloat16: close to the reference for widths of whole steps and others, the same bits for any threads and tiles, and
 * not the same as single precision. */
static void test_narrow_products(void **state) {
  (void)state;
  static const int widths[] = {64, 40};
  for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
    fixture f = mlp_fixture(300, widths[i]);
    pf_program_options options = pf_program_options_default();
    options.precision = PF_PRECISION_BF16;
    results want = run_reference(&f), one = run_options(&f, options, 2, 1),
            more = run_options(&f, options, 2, 3);
    results single = run_with(&f, 0, true, 2, 1);
    assert_close(&one, &want, 3e-2, "bfloat16");
    assert_same_bits(&one, &more, "threads");
    assert_memory_not_equal(one.value[9], single.value[9], (size_t)one.count[9] * sizeof(float));
    options.fuse = false;
    results plain = run_options(&f, options, 2, 1);
    assert_same_bits(&one, &plain, "fused and not");
    options.fuse = true;
    options.tile_rows = 32;
    results tiles = run_options(&f, options, 2, 1);
    assert_close(&tiles, &one, 2e-5, "tiles");
    results_free(&want), results_free(&one), results_free(&more), results_free(&single), results_free(&plain);
    results_free(&tiles), fixture_free(&f);
  }
}

static void test_narrow_products_are_counted(void **state) {
  (void)state;
  fixture f = mlp_fixture(256, 64);
  pf_error error;
  pf_program_options options = pf_program_options_default();
  options.max_rows = 128;
  for (int narrow = 0; narrow < 2; narrow++) {
    pf_program *program = NULL;
    options.precision = narrow ? PF_PRECISION_BF16 : PF_PRECISION_F32;
    must(pf_program_create(f.graph, f.output, f.outputs, &options, &program, &error), &error);
    /* two hidden layers: forward, gradient of the input, gradient of the weights */
    assert_int_equal(pf_program_statistics(program).narrow, narrow ? 6 : 0);
    pf_program_free(program);
  }
  fixture_free(&f);
}

/* One operation with three operands that are all spread over its items, read by a product in bfloat16 alone: the most
 * instructions that a group of one can have. */
static void test_spread_operands_of_a_narrow_product(void **state) {
  (void)state;
  fixture f = {.rows = 50, .input_items = {2, 32, 1}};
  pf_error error;
  must(pf_graph_create(&f.graph, &error), &error);
  pf_node c = pf_input(f.graph, 0, PF_SHAPE(PF_PER_ROW, 2, 1)),
          a = pf_input(f.graph, 1, PF_SHAPE(PF_PER_ROW, 1, 32)),
          b = pf_input(f.graph, 2, PF_SCALAR(PF_PER_ROW));
  pf_node w = pf_param(f.graph, 0, 0, PF_SHAPE(PF_SHARED, 32, 32));
  f.output[0] = pf_matmul(pf_select(c, a, b), w, false, false);
  f.outputs = 1;
  fixture_fill(&f, 32 * 32);
  for (int64_t i = 0; i < 2 * f.rows; i += 3) f.input[0][i] = 0;
  pf_program_options options = pf_program_options_default();
  options.precision = PF_PRECISION_BF16;
  results want = run_reference(&f), got = run_options(&f, options, 1, 1),
          single = run_with(&f, 0, true, 1, 1);
  assert_close(&got, &want, 1e-2, "spread operands");
  assert_memory_not_equal(got.value[0], single.value[0], (size_t)got.count[0] * sizeof(float));
  results_free(&want), results_free(&got), results_free(&single), fixture_free(&f);
}

/* Element-wise results do not depend on where a row falls in a tile. */
static void test_elementwise_rows_keep_their_bits(void **state) {
  (void)state;
  fixture f = {.rows = 77, .input_items = {5, 1}};
  pf_error error;
  must(pf_graph_create(&f.graph, &error), &error);
  pf_node x = pf_input(f.graph, 0, PF_SHAPE(PF_PER_ROW, 5)),
          t = pf_input(f.graph, 1, PF_SHAPE(PF_PER_ROW, 1));
  pf_node p = pf_param(f.graph, 0, 0, PF_SHAPE(PF_SHARED, 5));
  f.output[0] = pf_mul(pf_sin(pf_mul(x, p)), pf_exp(pf_sub(t, x)));
  f.output[1] = pf_softplus(pf_add(f.output[0], pf_erf(x)));
  f.outputs = 2;
  fixture_fill(&f, 5);
  results want = run_with(&f, 128, true, 1, 1);
  for (int tile = 16; tile <= 48; tile += 32) {
    results got = run_with(&f, tile, true, 1, 1);
    assert_same_bits(&got, &want, "tiles");
    results_free(&got);
  }
  results_free(&want), fixture_free(&f);
}

typedef struct concurrent {
  const fixture *f;
  const pf_program *program;
  const results *want;
  bool same;
} concurrent;

static void *run_repeatedly(void *context) {
  concurrent *c = context;
  const float *params[] = {c->f->param};
  pf_run run = fixture_binding(c->f, params);
  results r = results_for(c->f);
  void *shared = test_alloc(pf_program_shared_bytes(c->program), 1);
  void *workspace = test_alloc(pf_program_workspace_bytes(c->program), 1);
  c->same = true;
  for (int i = 0; i < 200; i++) {
    pf_program_run_shared(c->program, &run, shared, r.value);
    pf_program_run_lane(c->program, &run, shared, workspace, 0, c->f->rows, r.value);
    for (int k = 0; k < r.n; k++)
      if (memcmp(r.value[k], c->want->value[k], (size_t)r.count[k] * sizeof(float)) != 0) c->same = false;
  }
  pf_free(workspace), pf_free(shared), results_free(&r);
  return NULL;
}

static void test_two_threads_share_one_program(void **state) {
  (void)state;
  fixture f = mlp_fixture(64, 64);
  pf_error error;
  pf_program *program = NULL;
  must(pf_program_create(f.graph, f.output, f.outputs, NULL, &program, &error), &error);
  results want = results_for(&f);
  run_program(&f, program, 1, 1, &want);
  concurrent c[2];
  pthread_t thread[2];
  for (int i = 0; i < 2; i++) {
    c[i] = (concurrent){&f, program, &want, false};
    assert_int_equal(pthread_create(&thread[i], NULL, run_repeatedly, &c[i]), 0);
  }
  for (int i = 0; i < 2; i++) pthread_join(thread[i], NULL);
  assert_true(c[0].same && c[1].same);
  results_free(&want), pf_program_free(program), fixture_free(&f);
}

/* sum of row_weight is the number of real rows, and weighted sums see no padding. */
static void test_padding_rows_do_not_count(void **state) {
  (void)state;
  fixture f = {.rows = 19, .input_items = {1}};
  pf_error error;
  must(pf_graph_create(&f.graph, &error), &error);
  pf_node x = pf_input(f.graph, 0, PF_SHAPE(PF_PER_ROW, 1)), w = pf_row_weight(f.graph);
  f.output[0] = pf_sum_rows(w);
  f.output[1] = pf_sum_rows(pf_mul(w, x));
  f.output[2] = pf_neg(f.output[1]);
  f.output[3] = f.output[1]; /* twice the same */
  f.output[4] = x;           /* a leaf */
  f.outputs = 5;
  fixture_fill(&f, 1);
  for (int64_t i = 0; i < f.rows; i++) f.input[0][i] = (float)i;
  results r = run_with(&f, 16, true, 1, 1);
  assert_true(r.value[0][0] == 19 && r.value[1][0] == 171 && r.value[2][0] == -171 && r.value[3][0] == 171);
  assert_memory_equal(r.value[4], f.input[0], 19 * sizeof(float));
  results_free(&r), fixture_free(&f);
}

/* A map may overwrite its own input: rows are written when their tile is done. */
static void test_rows_can_be_mapped_in_place(void **state) {
  (void)state;
  fixture f = {.rows = 39, .input_items = {3}};
  pf_error error;
  must(pf_graph_create(&f.graph, &error), &error);
  pf_node x = pf_input(f.graph, 0, PF_SHAPE(PF_PER_ROW, 3));
  f.output[0] = pf_add(pf_slice(x, 0, 1), pf_mul(x, x));
  f.outputs = 1;
  fixture_fill(&f, 1);
  results want = run_with(&f, 16, true, 1, 1), in_place = {.n = 1, .value = {f.input[0]}, .count = {117}};
  pf_program *program = NULL;
  pf_program_options options = {.tile_rows = 16, .fuse = true};
  must(pf_program_create(f.graph, f.output, 1, &options, &program, &error), &error);
  run_program(&f, program, 1, 1, &in_place);
  assert_same_bits(&want, &in_place, "in place");
  pf_program_free(program), results_free(&want), fixture_free(&f);
}

static void test_nan_reaches_the_loss(void **state) {
  (void)state;
  for (int row = 0; row < 130; row += 43) {
    fixture f = mlp_fixture(130, 16);
    f.input[0][2 * row + 1] = NAN;
    results r = run_with(&f, 64, true, 1, 1);
    assert_true(isnan(r.value[0][0]));
    for (int i = 1; i < 9; i++) assert_true(isnan(r.value[i][0]));
    for (int64_t other = 0; other < f.rows; other++)
      assert_true(isnan(r.value[9][2 * other]) == (other == row)); /* a NaN stays in its row */
    results_free(&r), fixture_free(&f);
  }
}

static void test_empty_lane_sums_to_zero(void **state) {
  (void)state;
  fixture f = mlp_fixture(10, 8);
  pf_error error;
  pf_program *program = NULL;
  must(pf_program_create(f.graph, f.output, f.outputs, NULL, &program, &error), &error);
  results r = results_for(&f);
  run_program(&f, program, 1, 1, &r);
  const float *params[] = {f.param};
  pf_run run = fixture_binding(&f, params);
  void *shared = test_alloc(pf_program_shared_bytes(program), 1);
  void *workspace = test_alloc(pf_program_workspace_bytes(program), 1);
  pf_program_run_shared(program, &run, shared, r.value);
  pf_program_run_lane(program, &run, shared, workspace, 4, 4, r.value);
  for (int i = 0; i < 9; i++)
    for (int64_t j = 0; j < r.count[i]; j++) assert_true(r.value[i][j] == 0);
  pf_free(shared), pf_free(workspace), results_free(&r), pf_program_free(program), fixture_free(&f);
}

static void test_lanes_cover_the_batch(void **state) {
  (void)state;
  static const struct {
    int64_t rows;
    int lanes;
  } cases[] = {{1, 1}, {127, 1}, {255, 1}, {256, 2}, {300, 2}, {2048, 16}, {100000, 16}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const int64_t rows = cases[i].rows;
    const int lanes = pf_lane_count(rows);
    assert_int_equal(lanes, cases[i].lanes);
    assert_int_equal(pf_lane_begin(rows, lanes, 0), 0);
    assert_int_equal(pf_lane_begin(rows, lanes, lanes), rows);
    for (int lane = 0; lane < lanes; lane++) {
      int64_t n = pf_lane_begin(rows, lanes, lane + 1) - pf_lane_begin(rows, lanes, lane);
      assert_true(n == rows / lanes || n == rows / lanes + 1);
    }
  }
}

/* Halves of a power of two, as an adder of pairs would cut them. */
static float tree_of(float *const *lanes, int first, int size, int count, int i) {
  if (size == 1) return lanes[first][i];
  const float left = tree_of(lanes, first, size / 2, count, i);
  return first + size / 2 < count ? left + tree_of(lanes, first + size / 2, size / 2, count, i) : left;
}

/* ((1 + e) + (-1 + e)) + ... : the pairs decide what is lost, so the tree itself is tested. */
static void test_lane_sum_is_the_pairwise_tree(void **state) {
  (void)state;
  enum { N = 701, MOST = 16 };
  static float lane[MOST][N];
  float *lanes[MOST], out[N];
  for (int l = 0; l < MOST; l++) {
    lanes[l] = lane[l];
    test_numbers(100 + (uint64_t)l, N, lane[l]);
  }
  for (int count = 1; count <= MOST; count++) {
    memset(out, 0, sizeof out);
    pf_lane_sum((const float *const *)lanes, count, 0, 300, out); /* a range at a time, as threads would */
    pf_lane_sum((const float *const *)lanes, count, 300, N, out);
    for (int i = 0; i < N; i++) assert_true(out[i] == tree_of(lanes, 0, MOST, count, i));
  }
}

static void test_bad_requests_are_refused(void **state) {
  (void)state;
  pf_error error;
  pf_graph *graph = NULL;
  pf_program *program = NULL;
  must(pf_graph_create(&graph, &error), &error);
  pf_node x = pf_input(graph, 0, PF_SHAPE(PF_PER_ROW, 2));
  assert_int_equal(pf_program_create(graph, &x, 0, NULL, &program, &error), PF_USAGE);
  pf_node invalid = {graph, -1};
  assert_int_equal(pf_program_create(graph, &invalid, 1, NULL, &program, &error), PF_USAGE);
  pf_program_options options = {.tile_rows = -3, .fuse = true};
  assert_int_equal(pf_program_create(graph, &x, 1, &options, &program, &error), PF_USAGE);
  pf_add(x, pf_input(graph, 1, PF_SHAPE(PF_PER_ROW, 3))); /* shapes do not match: the graph is broken */
  assert_int_not_equal(pf_program_create(graph, &x, 1, NULL, &program, &error), PF_OK);
  assert_null(program);
  pf_graph_free(graph);
}

static void test_failed_allocations_are_reported(void **state) {
  (void)state;
  fixture f = mlp_fixture(16, 8);
  pf_error error;
  int failures = 0;
  for (int64_t k = 1;; k++) {
    pf_program *program = NULL;
    pf_memory_fail_at(k);
    pf_status status = pf_program_create(f.graph, f.output, f.outputs, NULL, &program, &error);
    pf_memory_fail_at(0);
    pf_program_free(program);
    if (status == PF_OK) break;
    assert_int_equal(status, PF_NO_MEMORY);
    assert_null(program);
    failures++;
  }
  assert_true(failures > 10);
  fixture_free(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_network_gradient_matches_reference),
      cmocka_unit_test(test_fusion_changes_no_bit),
      cmocka_unit_test(test_threads_change_no_bit),
      cmocka_unit_test(test_tiles_agree),
      cmocka_unit_test(test_narrow_products),
      cmocka_unit_test(test_narrow_products_are_counted),
      cmocka_unit_test(test_spread_operands_of_a_narrow_product),
      cmocka_unit_test(test_elementwise_rows_keep_their_bits),
      cmocka_unit_test(test_two_threads_share_one_program),
      cmocka_unit_test(test_padding_rows_do_not_count),
      cmocka_unit_test(test_rows_can_be_mapped_in_place),
      cmocka_unit_test(test_nan_reaches_the_loss),
      cmocka_unit_test(test_empty_lane_sums_to_zero),
      cmocka_unit_test(test_lanes_cover_the_batch),
      cmocka_unit_test(test_lane_sum_is_the_pairwise_tree),
      cmocka_unit_test(test_bad_requests_are_refused),
      cmocka_unit_test(test_failed_allocations_are_reported),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
