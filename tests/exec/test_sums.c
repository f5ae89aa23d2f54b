/* Sums over rows that go on in one value: what a weight used many times makes of its gradient. */
#include "program_run.h"

enum { UNROLLED = 12 };

static fixture start(int64_t rows) {
  fixture f = {.rows = rows};
  pf_error error;
  must(pf_graph_create(&f.graph, &error), &error);
  return f;
}

/* x follows a small network for many steps; outputs are the loss, the gradients of three weights and three biases. */
static fixture unrolled_fixture(int64_t rows, int width) {
  fixture f = start(rows);
  f.input_items[0] = 3;
  const int sides[] = {3, width, width, 3};
  pf_node x = pf_input(f.graph, 0, PF_SHAPE(PF_PER_ROW, 3)), wrt[6];
  int64_t at = 0;
  for (int l = 0; l < 3; l++) {
    wrt[2 * l] = pf_param(f.graph, 0, at, PF_SHAPE(PF_SHARED, sides[l], sides[l + 1]));
    wrt[2 * l + 1] = pf_param(f.graph, 0, at + sides[l] * sides[l + 1], PF_SHAPE(PF_SHARED, sides[l + 1]));
    at += (sides[l] + 1) * sides[l + 1];
  }
  for (int i = 0; i < UNROLLED; i++) {
    pf_node h = x;
    for (int l = 0; l < 3; l++) {
      h = pf_add(pf_matmul(h, wrt[2 * l], false, false), wrt[2 * l + 1]);
      if (l < 2) h = pf_scale(pf_tanh(h), 3.0 / width);
    }
    x = pf_add(x, pf_scale(h, 1.0 / UNROLLED));
  }
  f.output[0] = pf_mean_rows(pf_sum_items(pf_square(x)), pf_scalar(f.graph, 1.0 / (double)rows));
  pf_grad(f.output[0], (pf_node){f.graph, -1}, wrt, 6, f.output + 1);
  f.outputs = 7;
  fixture_fill(&f, at);
  return f;
}

/* Sums of every shape of tree, of outer products and sums of rows, some of them read elsewhere. */
static fixture trees_fixture(int64_t rows) {
  fixture f = start(rows);
  f.input_items[0] = 4, f.input_items[1] = 6, f.input_items[2] = 24;
  pf_node x = pf_input(f.graph, 0, PF_SHAPE(PF_PER_ROW, 4)),
          y = pf_input(f.graph, 1, PF_SHAPE(PF_PER_ROW, 6)),
          z = pf_mul(pf_input(f.graph, 2, PF_SHAPE(PF_PER_ROW, 4, 6)), pf_row_weight(f.graph));
  pf_node o[8], w = pf_row_weight(f.graph);
  for (int i = 0; i < 8; i++) o[i] = pf_outer(pf_mul(pf_scale(x, 1 + i), w), i % 2 ? pf_tanh(y) : y);
  pf_node once = pf_sum_rows(z), again = pf_sum_rows(pf_square(z)), bias = pf_sum_rows(pf_mul(y, w));
  pf_node scalar = pf_sum_rows(pf_sum_items(z));
  pf_node all[] = {
      pf_add(pf_add(o[0], o[1]), pf_add(o[2], o[3])),  /* both sides are sums */
      pf_add(o[4], pf_add(o[5], pf_add(once, again))), /* products and sums of rows, two in one group */
      pf_add(pf_scale(o[6], 0.5), pf_add(o[7], pf_reshape(once, 2, (int[]){4, 6}))), /* others; read twice */
      o[6],
      pf_sub(pf_add(o[6], pf_outer(pf_mul(x, w), pf_square(y))), pf_outer(pf_mul(pf_square(x), w), y)),
      pf_add(pf_broadcast(scalar, PF_SHAPE(PF_PARTIAL, 6)), pf_add(bias, pf_sum_rows(pf_mul(pf_exp(y), w)))),
      pf_add(bias, bias),
      pf_add(scalar, pf_sum_rows(w)),
  };
  f.outputs = sizeof all / sizeof *all;
  for (int i = 0; i < f.outputs; i++) f.output[i] = all[i];
  fixture_fill(&f, 1);
  return f;
}

/* Many tiles, a padded tail, several lanes. */
static const struct {
  int64_t rows;
  int lanes, tile;
} cuts[] = {{256, 2, 0}, {203, 1, 48}, {37, 1, 16}, {5, 1, 0}, {301, 3, 32}, {64, 1, 64}};

static void check(fixture *f, int lanes, int tile, double tolerance, const char *what) {
  results want = run_reference(f), got = run_with(f, tile, true, lanes, 1),
          plain = run_with(f, tile, false, lanes, 1), threads = run_with(f, tile, true, lanes, 3);
  assert_close(&got, &want, tolerance, what);
  assert_close(&plain, &want, tolerance, what);
  assert_same_bits(&got, &threads, what);
  if (tile > 0) assert_same_bits(&got, &plain, what);
  results_free(&want), results_free(&got), results_free(&plain), results_free(&threads), fixture_free(f);
}

static void unrolled_gradients_match_the_reference(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
    fixture f = unrolled_fixture(cuts[i].rows, i % 2 ? 20 : 64);
    check(&f, cuts[i].lanes, cuts[i].tile, 1e-5, "unrolled");
  }
}

static void trees_of_any_shape_match_the_reference(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
    fixture f = trees_fixture(cuts[i].rows);
    check(&f, cuts[i].lanes, cuts[i].tile, 1e-5, "trees");
  }
}

/* In bfloat16 products go on in the same way. */
static void narrow_sums_match_the_reference(void **state) {
  (void)state;
  fixture f = unrolled_fixture(256, 64);
  pf_program_options options = pf_program_options_default();
  options.precision = PF_PRECISION_BF16;
  options.tile_rows = 64;
  results want = run_reference(&f), got = run_options(&f, options, 2, 1);
  assert_close(&got, &want, 3e-2, "bfloat16");
  options.fuse = false;
  results plain = run_options(&f, options, 2, 1);
  assert_same_bits(&got, &plain, "fused and not");
  results_free(&want), results_free(&got), results_free(&plain), fixture_free(&f);
}

static pf_program *compiled(const fixture *f, int tile) {
  pf_program_options options = pf_program_options_default();
  pf_program *program = NULL;
  pf_error error;
  options.tile_rows = tile;
  must(pf_program_create(f->graph, f->output, f->outputs, &options, &program, &error), &error);
  return program;
}

static int steps_named(const pf_program *program, const char *name) {
  pf_program_profile *profile = NULL;
  pf_error error;
  int n = 0;
  must(pf_program_profile_create(program, 1, &profile, &error), &error);
  for (int i = 0; i < pf_program_profile_entries(profile); i++)
    n += strncmp(pf_program_profile_entry(profile, i).name, name, strlen(name)) == 0;
  pf_program_profile_free(profile);
  return n;
}

/* Every outer product is there, and nothing passes over arrays of a weight's or a bias's size (one row each). */
static void no_addition_is_left(void **state) {
  (void)state;
  fixture f = unrolled_fixture(64, 64);
  pf_program *program = compiled(&f, 32);
  assert_int_equal(steps_named(program, "outer"), 3 * UNROLLED);
  assert_int_equal(steps_named(program, "group 1x4096,"), 0);
  assert_int_equal(steps_named(program, "group 1x192,"), 0);
  assert_int_equal(steps_named(program, "group 1x64,"), 0);
  pf_program_free(program);
  fixture_free(&f);
}

/* The outer products take no memory: on the way to the caller's arrays a lane stores rows alone. */
static void sums_take_no_memory(void **state) {
  (void)state;
  fixture f = unrolled_fixture(64, 64);
  pf_program *one = compiled(&f, 32), *two = compiled(&f, 64);
  const size_t low = pf_program_statistics(one).arena_bytes, high = pf_program_statistics(two).arena_bytes;
  assert_in_range(2 * low - high, 0, 64 * sizeof(float)); /* what does not grow with the tile */
  pf_program_free(one), pf_program_free(two);
  fixture_free(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(unrolled_gradients_match_the_reference),
      cmocka_unit_test(trees_of_any_shape_match_the_reference),
      cmocka_unit_test(narrow_sums_match_the_reference),
      cmocka_unit_test(no_addition_is_left),
      cmocka_unit_test(sums_take_no_memory),
  };
  return cmocka_run_group_tests_name("exec/sums", tests, NULL, NULL);
}
