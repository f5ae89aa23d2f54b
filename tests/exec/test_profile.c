/* Profiles of programs: every step is counted and named, costs have closed forms, and nothing else changes. */
#include "program_run.h"

#include "base/cpu.h"
#include "exec/cpu/plan.h"

enum { ROWS = 256, LANES = 2, WIDTH = 32, TILE = 64, TILES = ROWS / LANES / TILE };

/* ---- graphs ---- */

static pf_node dense(fixture *f, pf_node x, int in, int out, int64_t *at, pf_node *wrt) {
  wrt[0] = pf_param(f->graph, 0, *at, PF_SHAPE(PF_SHARED, in, out));
  wrt[1] = pf_param(f->graph, 0, *at + in * out, PF_SHAPE(PF_SHARED, out));
  *at += in * out + out;
  return pf_add(pf_matmul(x, wrt[0], false, false), wrt[1]);
}

/* |f(x) - y|^2 of a network 16 -> WIDTH -> WIDTH -> 16 and its gradient: outputs 1, 3, 5 are those of the weights. */
static fixture network_fixture(void) {
  fixture f = {.rows = ROWS, .input_items = {16, 16}};
  pf_error error;
  must(pf_graph_create(&f.graph, &error), &error);
  pf_node x = pf_input(f.graph, 0, PF_SHAPE(PF_PER_ROW, 16)),
          y = pf_input(f.graph, 1, PF_SHAPE(PF_PER_ROW, 16)), wrt[6];
  int64_t at = 0;
  pf_node h = pf_silu(dense(&f, x, 16, WIDTH, &at, wrt));
  h = pf_silu(dense(&f, h, WIDTH, WIDTH, &at, wrt + 2));
  pf_node miss = pf_sub(dense(&f, h, WIDTH, 16, &at, wrt + 4), y);
  f.output[0] = pf_mean_rows(pf_sum_items(pf_square(miss)), pf_scalar(f.graph, 1.0 / ROWS));
  pf_grad(f.output[0], (pf_node){f.graph, -1}, wrt, 6, f.output + 1);
  f.outputs = 7;
  fixture_fill(&f, at);
  return f;
}

/* A step of every kind. */
static fixture all_kinds_fixture(void) {
  fixture f = {.rows = ROWS, .input_items = {32}};
  pf_error error;
  must(pf_graph_create(&f.graph, &error), &error);
  pf_node x = pf_input(f.graph, 0, PF_SHAPE(PF_PER_ROW, 32)), z = pf_normal(f.graph, 1, 24);
  pf_node table = pf_param(f.graph, 0, 0, PF_SHAPE(PF_SHARED, 32, 32)),
          item = pf_param(f.graph, 0, 0, PF_SHAPE(PF_SHARED, 24));
  pf_node all[] = {pf_matmul(pf_silu(x), table, false, false),
                   pf_matmul(x, table, false, true),
                   pf_outer(item, pf_mul(x, pf_row_weight(f.graph))),
                   pf_sum_rows(z),
                   pf_sum_axis(pf_reshape(x, 2, (int[]){4, 8}), 0),
                   pf_concat(x, pf_uniform(f.graph, 2, 3)),
                   pf_pad(x, 1, 2),
                   pf_gather(table, pf_index(f.graph, 3, 32))};
  f.outputs = sizeof all / sizeof *all;
  for (int i = 0; i < f.outputs; i++) f.output[i] = all[i];
  fixture_fill(&f, 32 * 32);
  return f;
}

/* ---- running ---- */

typedef struct profiled {
  fixture f;
  pf_program *program;
  pf_program_profile *profile;
  results r;
} profiled;

static profiled profile_in(pf_precision precision, fixture f, int tile_rows, int threads) {
  profiled p = {.f = f};
  pf_error error;
  pf_program_options options = pf_program_options_default();
  options.tile_rows = tile_rows;
  options.precision = precision;
  must(pf_program_create(f.graph, f.output, f.outputs, &options, &p.program, &error), &error);
  must(pf_program_profile_create(p.program, threads, &p.profile, &error), &error);
  p.r = results_for(&p.f);
  run_profiled(&p.f, p.program, LANES, threads, p.profile, &p.r);
  return p;
}

static profiled profile_of(fixture f, int tile_rows, int threads) {
  return profile_in(PF_PRECISION_F32, f, tile_rows, threads);
}

static void profiled_free(profiled *p) {
  pf_program_profile_free(p->profile);
  pf_program_free(p->program);
  results_free(&p->r);
  fixture_free(&p->f);
}

/* The first entry whose name begins so. */
static pf_profile_entry entry_named(const profiled *p, const char *name) {
  for (int i = 0; i < pf_program_profile_entries(p->profile); i++) {
    pf_profile_entry e = pf_program_profile_entry(p->profile, i);
    if (strncmp(e.name, name, strlen(name)) == 0) return e;
  }
  fail_msg("no step is called '%s'", name);
  return (pf_profile_entry){0};
}

/* ---- tests ---- */

static void every_step_is_counted(void **unused) {
  (void)unused;
  for (int threads = 1; threads <= 5; threads += 2) {
    profiled p = profile_of(network_fixture(), TILE, threads);
    int shared = 0;
    for (int i = 0; i < pf_program_profile_entries(p.profile); i++) {
      pf_profile_entry e = pf_program_profile_entry(p.profile, i);
      assert_int_equal(e.taken.calls, e.shared ? 1 : LANES * TILES);
      assert_true(e.taken.ticks >= 0);
      shared += e.shared;
    }
    assert_in_range(shared, 1, pf_program_profile_entries(p.profile) - 1);
    profiled_free(&p);
  }
}

static void a_shorter_tile_is_a_call_too(void **unused) {
  (void)unused;
  profiled p = profile_of(network_fixture(), 48, 1); /* 128 rows of a lane: 48, 48, 32 */
  assert_int_equal(entry_named(&p, "product 48x16").taken.calls, LANES * 3);
  profiled_free(&p);
}

static void flops_have_a_closed_form(void **unused) {
  (void)unused;
  profiled p = profile_of(network_fixture(), TILE, 1);
  double products = 0;
  for (int i = 0; i < pf_program_profile_entries(p.profile); i++) {
    pf_profile_entry e = pf_program_profile_entry(p.profile, i);
    if (e.product) products += e.flops * (double)e.taken.calls;
  }
  /* forward and gradient of the weights for every layer, gradient of the inputs for all but the first */
  double first = 16 * WIDTH, rest = WIDTH * WIDTH + WIDTH * 16;
  assert_true(products == 2.0 * ROWS * (2 * first + 3 * rest));
  pf_profile_entry e = entry_named(&p, "group 64x32, 1 in 2 out: silu,silu_slope");
  assert_true(e.bytes == 4.0 * 3 * TILE * WIDTH);
  e = entry_named(&p, "product 64x32x16");
  assert_true(e.flops == 2.0 * TILE * WIDTH * 16);
  assert_true(e.bytes == 4.0 * (TILE * 16 + 16 * WIDTH + TILE * WIDTH + WIDTH)); /* with the bias */
  profiled_free(&p);
}

static void bytes_of_bfloat16_are_two(void **unused) {
  (void)unused;
  profiled p = profile_in(PF_PRECISION_BF16, network_fixture(), TILE, 1);
  pf_profile_entry e = entry_named(&p, "product 64x32x32 bf16");
  assert_true(e.narrow && e.flops == 2.0 * TILE * WIDTH * WIDTH);
  assert_true(e.bytes == 2.0 * (TILE * WIDTH + WIDTH * WIDTH) + 4.0 * (TILE * WIDTH + WIDTH));
  e = entry_named(&p, "outer 32x32x64 bf16");
  assert_true(e.bytes == 2.0 * 2 * TILE * WIDTH + 4.0 * WIDTH * WIDTH && e.output == 3);
  assert_false(entry_named(&p, "product 64x32x16").narrow);
  assert_true(pf_gemm_bf16_is_fast() ? pf_precision_peak_bf16() > 0 : pf_precision_peak_bf16() == 0);
  profiled_free(&p);
}

static void products_know_their_parameter(void **unused) {
  (void)unused;
  profiled p = profile_of(network_fixture(), TILE, 1);
  const int64_t second = 16 * WIDTH + WIDTH, third = second + WIDTH * WIDTH + WIDTH;
  int forward[3] = {0}, backward[3] = {0}, gradients[3] = {0};
  const int64_t offset[3] = {0, second, third};
  for (int i = 0; i < pf_program_profile_entries(p.profile); i++) {
    pf_profile_entry e = pf_program_profile_entry(p.profile, i);
    for (int k = 0; k < 3 && e.product; k++) {
      bool by = e.param_set == 0 && e.param_offset == offset[k];
      forward[k] += by && !e.transposed;
      backward[k] += by && e.transposed;
      gradients[k] += e.output == 1 + 2 * k;
      assert_false(by && e.output >= 0);
    }
  }
  for (int k = 0; k < 3; k++) {
    assert_int_equal(forward[k], 1);
    assert_int_equal(backward[k], k > 0);
    assert_int_equal(gradients[k], 1);
  }
  profiled_free(&p);
}

static void every_kind_has_a_name(void **unused) {
  (void)unused;
  static const char *const names[] = {
      "group 64x32, ", "product 64x32x32 bf16", "outer 24x32x64", "pack 32x32 bf16", "narrow 64x32",
      "repeat 64x24",  "sum_rows 1x24",         "sum_axis 64x8",  "concat 64x35",    "pad 64x35",
      "gather 64x32",  "normal 64x24",          "uniform 64x3",   "index 64x1",      "row_weight 64x1"};
  profiled p = profile_in(PF_PRECISION_BF16, all_kinds_fixture(), TILE, 1);
  uint32_t seen = 0;
  for (int32_t i = 0; i < p.program->shared.steps; i++) seen |= 1u << p.program->shared.step[i].kind;
  for (int32_t i = 0; i < p.program->lane.steps; i++) seen |= 1u << p.program->lane.step[i].kind;
  assert_int_equal(seen, (2u << PF_STEP_ROW_WEIGHT) - 1); /* the graph has every kind there is */
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) entry_named(&p, names[i]);
  for (int i = 0; i < pf_program_profile_entries(p.profile); i++) {
    pf_profile_entry e = pf_program_profile_entry(p.profile, i);
    assert_true(e.bytes > 0 && strncmp(e.name, "step", 4) != 0);
  }
  profiled_free(&p);
}

static void a_profile_changes_no_bit(void **unused) {
  (void)unused;
  profiled with = profile_of(network_fixture(), 48, 3);
  results plain = results_for(&with.f);
  run_program(&with.f, with.program, LANES, 3, &plain);
  assert_same_bits(&plain, &with.r, "with a profile");
  assert_int_equal(entry_named(&with, "outer").taken.calls,
                   LANES * 3); /* and nothing was added by the other run */
  results_free(&plain), profiled_free(&with);
}

/* On one thread the parts cannot take longer than the whole. */
static void parts_fit_into_the_whole(void **unused) {
  (void)unused;
  double begin = pf_clock_seconds();
  int64_t ticks = 0;
  profiled p = profile_of(network_fixture(), TILE, 1);
  for (int i = 0; i < pf_program_profile_entries(p.profile); i++)
    ticks += pf_program_profile_entry(p.profile, i).taken.ticks;
  double sum = (double)ticks * pf_program_profile_tick(p.profile), wall = pf_clock_seconds() - begin;
  assert_true(sum > 0 && sum <= wall);
  profiled_free(&p);
}

static void failures_are_reported(void **unused) {
  (void)unused;
  profiled p = profile_of(network_fixture(), TILE, 1);
  pf_program_profile *none = NULL;
  pf_error error;
  assert_int_equal(pf_program_profile_create(p.program, 0, &none, &error), PF_USAGE);
  for (int64_t k = 1; k <= 2; k++) {
    pf_memory_fail_at(k);
    assert_int_equal(pf_program_profile_create(p.program, 2, &none, &error), PF_NO_MEMORY);
  }
  pf_memory_fail_at(0);
  assert_null(none);
  pf_program_profile_free(NULL);
  profiled_free(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_step_is_counted),         cmocka_unit_test(a_shorter_tile_is_a_call_too),
      cmocka_unit_test(flops_have_a_closed_form),      cmocka_unit_test(bytes_of_bfloat16_are_two),
      cmocka_unit_test(products_know_their_parameter), cmocka_unit_test(every_kind_has_a_name),
      cmocka_unit_test(a_profile_changes_no_bit),      cmocka_unit_test(parts_fit_into_the_whole),
      cmocka_unit_test(failures_are_reported),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
