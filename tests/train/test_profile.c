/* Profiles of a fit: parts that add up, lines that name their parameters, and the same bits as without. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "base/memory.h"
#include "base/rng.h"
#include "nn/network.h"
#include "train/fit.h"

enum { ROWS = 64, BATCH = 300, STEPS = 12, IN_X = 0 };
static const pf_rates rates = {1e9, 1e10};

typedef struct problem {
  float x[ROWS * 3];
  pf_network_config network;
  pf_layout layout;
  pf_objective objective;
  pf_fit_state state;
  pf_pool *pool;
  pf_fit *fit;
} problem;

static void must(pf_status status, const pf_error *error) {
  if (status != PF_OK) fail_msg("%s: %s", pf_status_name(status), error->message);
}

/* A network of two hidden layers learns to give its input back. */
static void set_up_wide(problem *p, int width, int threads) {
  pf_error error = {0};
  *p = (problem){
      .network = {
          .inputs = 3, .outputs = 3, .width = width, .depth = 2, .frequencies = 1, .max_frequency = 1}};
  pf_fill_normal_f32(1, PF_STREAM_TEST, 0, 0, ROWS, 3, p->x);
  must(pf_network_layout(&p->network, &p->layout, &error), &error);
  must(pf_graph_create(&p->objective.graph, &error), &error);
  pf_graph *g = p->objective.graph;
  pf_node x = pf_gather(pf_input(g, IN_X, PF_SHAPE(PF_SHARED, ROWS, 3)), pf_index(g, 1, ROWS));
  pf_node miss = pf_sub(pf_network_apply(&p->network, 0, x, x, x), x);
  p->objective.loss = pf_mean_rows(pf_sum_items(pf_square(miss)), pf_scalar(g, 1.0 / BATCH));
  p->objective.balance_weight = (pf_node){g, -1};
  p->objective.inputs[IN_X] = p->x;
  must(pf_fit_state_create(p->layout.total, &p->state, &error), &error);
  pf_layout_initialise(&p->layout, 3, p->state.arrays.params);
  must(pf_pool_create(threads, &p->pool, &error), &error);
}

static void set_up(problem *p, int threads) { set_up_wide(p, 16, threads); }

static pf_status create_fit(problem *p, bool profile, pf_error *error) {
  pf_fit_config config = {
      .steps = STEPS, .batch = BATCH, .adam = pf_adam_default(), .ema = 0.9, .seed = 5, .profile = profile};
  return pf_fit_create(&p->objective, &config, &p->state, p->pool, &p->fit, error);
}

static void open_problem(problem *p, int threads, bool profile) {
  pf_error error = {0};
  set_up(p, threads);
  must(create_fit(p, profile, &error), &error);
}

static void close_problem(problem *p) {
  pf_fit_free(p->fit);
  pf_pool_free(p->pool);
  pf_graph_free(p->objective.graph);
  pf_fit_state_free(&p->state);
  pf_layout_free(&p->layout);
}

static pf_profile read_profile(const problem *p) {
  pf_error error = {0};
  pf_profile profile;
  must(pf_fit_profile(p->fit, &p->layout, &rates, &profile, &error), &error);
  return profile;
}

static const pf_profile_line *line_with(const pf_profile *profile, const char *text) {
  for (int i = 0; i < profile->n_lines; i++)
    if (strstr(profile->lines[i].name, text)) return &profile->lines[i];
  fail_msg("no line has '%s'", text);
  return NULL;
}

/* ---- tests ---- */

static void parts_add_up_to_the_step(void **unused) {
  (void)unused;
  for (int threads = 1; threads <= 5; threads += 2) {
    problem p;
    pf_error error = {0};
    open_problem(&p, threads, true);
    must(pf_fit_run(p.fit, NULL, NULL, &error), &error);
    pf_profile profile = read_profile(&p);
    double parts = 0, lines = 0;
    for (int i = 0; i < PF_PROFILE_PART_COUNT; i++) parts += profile.part[i];
    for (int i = 0; i < profile.n_lines; i++) {
      lines += profile.lines[i].wall;
      assert_true(profile.lines[i].wall >= 0 && profile.lines[i].wall <= profile.lines[i].seconds);
    }
    assert_int_equal(profile.steps, STEPS);
    assert_int_equal(profile.threads, threads);
    assert_true(profile.seconds > 0 && profile.between >= 0);
    assert_true(fabs(parts - profile.seconds) <= 1e-9 * profile.seconds);
    assert_true(lines <= profile.seconds * (1 + 1e-9));
    assert_true(profile.part[PF_PROFILE_LANES] > 0 && profile.part[PF_PROFILE_OPTIMISER] > 0);
    pf_free((void *)profile.lines);
    close_problem(&p);
  }
}

static void lines_name_their_parameters(void **unused) {
  (void)unused;
  static const char *const names[] = {"by layer0.weight",   "for layer0.weight", "by layer1.weight",
                                      "by layer1.weight^T", "for layer1.weight", "by out.weight",
                                      "for out.weight"};
  problem p;
  pf_error error = {0};
  open_problem(&p, 2, true);
  must(pf_fit_run(p.fit, NULL, NULL, &error), &error);
  pf_profile profile = read_profile(&p);
  assert_true(profile.peak_bf16 == 0);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const pf_profile_line *line = line_with(&profile, names[i]);
    assert_true(line->calls == 2); /* lanes */
    assert_true(line->floor == fmax(line->flops / rates.flops, line->bytes / rates.bytes));
  }
  const pf_profile_line *adam = line_with(&profile, "adam");
  assert_true(adam->bytes == 36.0 * (double)p.layout.total);
  assert_true(line_with(&profile, "sums over 2 lanes")->bytes == 12.0 * (double)p.layout.total);
  pf_free((void *)profile.lines);
  close_problem(&p);
}

/* Rates too low to be true: the peak of bfloat16 is measured, or where it is emulated the one of single precision. */
static void bfloat16_has_a_peak_of_its_own(void **unused) {
  (void)unused;
  problem p;
  pf_error error = {0};
  set_up_wide(&p, 64, 1);
  pf_fit_config config = {.steps = 2,
                          .batch = BATCH,
                          .adam = pf_adam_default(),
                          .ema = 0.9,
                          .seed = 5,
                          .precision = PF_PRECISION_BF16,
                          .profile = true};
  must(pf_fit_create(&p.objective, &config, &p.state, p.pool, &p.fit, &error), &error);
  must(pf_fit_run(p.fit, NULL, NULL, &error), &error);
  pf_profile profile = read_profile(&p);
  assert_true(profile.peak_flops == rates.flops && profile.peak_bf16 >= rates.flops);
  assert_true((profile.peak_bf16 > rates.flops) == (pf_precision_peak_bf16() > rates.flops));
  const pf_profile_line *narrow = line_with(&profile, " bf16 by layer1.weight"),
                        *single = line_with(&profile, "by layer0.weight");
  assert_null(strstr(single->name, "bf16"));
  assert_true(narrow->floor == fmax(narrow->flops / profile.peak_bf16, narrow->bytes / rates.bytes));
  assert_true(single->floor == fmax(single->flops / rates.flops, single->bytes / rates.bytes));
  pf_free((void *)profile.lines);
  close_problem(&p);
}

static pf_status stop_after(void *context, pf_fit_state *state, pf_error *error) {
  return state->step < *(const int64_t *)context ? PF_OK : pf_fail(error, PF_STOPPED, "enough");
}

static void a_stopped_run_has_a_profile_that_goes_on(void **unused) {
  (void)unused;
  problem p;
  pf_error error = {0};
  int64_t five = 5;
  open_problem(&p, 2, true);
  assert_int_equal(pf_fit_run(p.fit, stop_after, &five, &error), PF_STOPPED);
  pf_profile profile = read_profile(&p);
  assert_int_equal(profile.steps, 5);
  pf_free((void *)profile.lines);
  must(pf_fit_run(p.fit, NULL, NULL, &error), &error);
  profile = read_profile(&p);
  assert_int_equal(profile.steps, STEPS);
  pf_free((void *)profile.lines);
  close_problem(&p);
}

static void calibration_is_not_in_it(void **unused) {
  (void)unused;
  problem p;
  pf_error error = {0};
  double seconds = 0;
  open_problem(&p, 1, true);
  must(pf_fit_calibrate(p.fit, 4, &seconds, &error), &error);
  pf_profile profile;
  assert_int_equal(pf_fit_profile(p.fit, &p.layout, &rates, &profile, &error), PF_FAILED);
  must(pf_fit_run(p.fit, NULL, NULL, &error), &error);
  profile = read_profile(&p);
  assert_int_equal(profile.steps, STEPS);
  assert_true(line_with(&profile, "by layer0.weight")->calls == 2);
  pf_free((void *)profile.lines);
  close_problem(&p);
}

static int64_t allocations_before;
static pf_status count_allocations(void *context, pf_fit_state *state, pf_error *error) {
  (void)error;
  int64_t *most = context, now = pf_memory_allocations();
  if (state->step > 1 && now - allocations_before > *most) *most = now - allocations_before;
  allocations_before = now;
  return PF_OK;
}

static void a_profile_changes_no_bit(void **unused) {
  (void)unused;
  problem plain, with;
  pf_error error = {0};
  int64_t most = 0;
  pf_profile profile;
  open_problem(&plain, 1, false);
  open_problem(&with, 3, true);
  must(pf_fit_run(plain.fit, NULL, NULL, &error), &error);
  must(pf_fit_run(with.fit, count_allocations, &most, &error), &error);
  assert_int_equal(most, 0);
  const pf_adam_state *a = &plain.state.arrays, *b = &with.state.arrays;
  assert_memory_equal(a->params, b->params, (size_t)a->n * sizeof(float));
  assert_memory_equal(a->average, b->average, (size_t)a->n * sizeof(float));
  assert_int_equal(pf_fit_profile(plain.fit, NULL, &rates, &profile, &error), PF_FAILED);
  close_problem(&plain);
  close_problem(&with);
}

static void failed_allocations_are_reported(void **unused) {
  (void)unused;
  problem p;
  pf_error error = {0};
  pf_profile profile;
  open_problem(&p, 1, true);
  must(pf_fit_run(p.fit, NULL, NULL, &error), &error);
  pf_memory_fail_at(1);
  pf_status status = pf_fit_profile(p.fit, NULL, &rates, &profile, &error);
  pf_memory_fail_at(0);
  assert_int_equal(status, PF_NO_MEMORY);
  close_problem(&p);
  int failures = -1;
  do { /* a graph keeps its first error: a new one every time */
    failures++;
    set_up(&p, 1);
    pf_memory_fail_at(failures + 1);
    status = create_fit(&p, true, &error);
    pf_memory_fail_at(0);
    close_problem(&p);
    assert_true(status == PF_OK || status == PF_NO_MEMORY);
  } while (status != PF_OK);
  assert_true(failures > 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(parts_add_up_to_the_step),
      cmocka_unit_test(lines_name_their_parameters),
      cmocka_unit_test(bfloat16_has_a_peak_of_its_own),
      cmocka_unit_test(a_stopped_run_has_a_profile_that_goes_on),
      cmocka_unit_test(calibration_is_not_in_it),
      cmocka_unit_test(a_profile_changes_no_bit),
      cmocka_unit_test(failed_allocations_are_reported),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
