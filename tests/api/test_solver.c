/* sample --solver: every solver on a velocity and on a flow of blocks; cuts and threads do not matter; refusals. */
#include "ode/solver.h"
#include "tiny_flow.h"
#include "tiny_wgf.h"

enum { N = 300, D = 2 };

static pf_model *characteristic, *blocks, *critic_alone;

static int make_models(void **state) {
  (void)state;
  pf_train_options o = tiny_options(), flow = tiny_jko(3), wgan = tiny_wgf("wgan");
  characteristic = train_on("law:moons", &o);
  blocks = train_flow("law:moons", &flow);
  critic_alone = train_on("law:moons", &wgan);
  return 0;
}

static int free_models(void **state) {
  (void)state;
  pf_model_free(characteristic);
  pf_model_free(blocks);
  pf_model_free(critic_alone);
  return 0;
}

static bool is_valid(const pf_model *model, int solver) {
  return model == characteristic || !pf_solver_needs_denoiser((pf_solver)solver);
}

static pf_sample_options options_of(int solver) {
  return (pf_sample_options){
      .steps = 3, .seed = 5, .threads = 1, .solver = pf_solver_facts_of((pf_solver)solver)->name};
}

static void draw(const pf_model *model, pf_sample_options o, int64_t n, double *out) {
  pf_error error = {0};
  must(pf_model_sample(model, &o, n, out, &error), &error);
}

static void cuts_and_threads_do_not_matter(void **state) {
  (void)state;
  static const int64_t cuts[] = {0, 1, 130, 256, N};
  static double whole[N * D], pieces[N * D];
  const pf_model *models[] = {characteristic, blocks};
  for (int m = 0; m < 2; m++)
    for (int s = 0; s < PF_SOLVER_COUNT; s++) {
      if (!is_valid(models[m], s)) continue;
      pf_sample_options o = options_of(s);
      o.first = 70000;
      draw(models[m], o, N, whole);
      o.threads = 3;
      for (int i = 0; i < 4; i++) {
        o.first = 70000 + cuts[i];
        draw(models[m], o, cuts[i + 1] - cuts[i], pieces + cuts[i] * D);
      }
      if (memcmp(whole, pieces, sizeof whole) != 0) fail_msg("model %d, %s", m, o.solver);
    }
}

static double largest_difference(const double *a, const double *b) {
  double most = 0;
  for (int i = 0; i < N * D; i++) most = fmax(most, fabs(a[i] - b[i]));
  return most;
}

/* Many steps of any solver end where the adaptive one does: a solver that saw wrong times would not. */
static void all_solvers_end_at_the_same_place(void **state) {
  (void)state;
  static double fine[N * D], x[N * D];
  const pf_model *models[] = {characteristic, blocks};
  for (int m = 0; m < 2; m++) {
    pf_sample_options o = options_of(PF_SOLVER_DOPRI5);
    o.steps = 6;
    draw(models[m], o, N, fine);
    for (int s = 0; s < PF_SOLVER_DOPRI5; s++) {
      if (!is_valid(models[m], s)) continue;
      double order = pf_solver_facts_of((pf_solver)s)->order;
      o = options_of(s);
      o.steps = 200;
      draw(models[m], o, N, x);
      double worst = largest_difference(x, fine), band = order < 1.5 ? .05 : order < 2 ? 5e-3 : 1e-3;
      if (!(worst > 0 && worst < band)) fail_msg("model %d, %s: %g", m, o.solver, worst);
    }
  }
}

static void the_old_ways_are_rows_of_the_table(void **state) {
  (void)state;
  static double old[N * D], named[N * D];
  draw(characteristic, (pf_sample_options){.steps = 3, .seed = 5, .teacher = true}, N, old);
  draw(characteristic, options_of(PF_SOLVER_EULER), N, named);
  assert_memory_equal(old, named, sizeof old);
  draw(blocks, (pf_sample_options){.steps = 3, .seed = 5}, N, old);
  draw(blocks, options_of(PF_SOLVER_RK4), N, named);
  assert_memory_equal(old, named, sizeof old);
}

static void no_steps_are_the_default(void **state) {
  (void)state;
  static double own[N * D], named[N * D];
  pf_sample_options heun = options_of(PF_SOLVER_HEUN), adaptive = options_of(PF_SOLVER_DOPRI5);
  heun.steps = adaptive.steps = 0;
  draw(characteristic, heun, N, own);
  heun.steps = 100;
  draw(characteristic, heun, N, named);
  assert_memory_equal(own, named, sizeof own);
  draw(blocks, adaptive, N, own);
  adaptive.steps = 5;
  draw(blocks, adaptive, N, named);
  assert_memory_equal(own, named, sizeof own);
}

/* The host's sampler: the same bytes, also from its own noise, and no allocation. */
static void a_sampler_has_the_same_samples(void **state) {
  (void)state;
  static double drawn[N * D], run[N * D], mapped[N * D];
  static float z[N * D];
  const pf_model *models[] = {characteristic, blocks};
  for (int m = 0; m < 2; m++)
    for (int s = 0; s < PF_SOLVER_COUNT; s++) {
      if (!is_valid(models[m], s)) continue;
      pf_error error = {0};
      pf_sampler *sampler = NULL;
      pf_sample_options o = options_of(s);
      pf_sampler_options made = {.steps = o.steps, .solver = o.solver, .solver_seed = o.seed};
      must(pf_sampler_create(models[m], &made, &sampler, &error), &error);
      pf_workspace w = {NULL, pf_sampler_workspace_bytes(sampler)};
      w.memory = malloc(w.bytes);
      draw(models[m], o, N, drawn);
      must(pf_sampler_noise(sampler, (pf_sample_range){o.seed, 0, N}, z, &error), &error);
      int64_t before = pf_memory_allocations();
      must(pf_sampler_run(sampler, (pf_sample_range){o.seed, 0, N}, run, w, &error), &error);
      must(pf_sampler_run_from_noise(sampler, z, N, mapped, w, &error), &error);
      if (s != PF_SOLVER_DOPRI5) assert_true(pf_memory_allocations() == before);
      assert_memory_equal(drawn, run, sizeof run);
      assert_memory_equal(drawn, mapped, sizeof run);
      free(w.memory);
      pf_sampler_free(sampler);
    }
}

static void random_times_follow_the_seed(void **state) {
  (void)state;
  static float z[N * D];
  static double a[N * D], b[N * D];
  for (int i = 0; i < N * D; i++) z[i] = .01f * (float)(i - N);
  for (uint64_t seed = 1; seed <= 2; seed++) {
    pf_error error = {0};
    pf_sampler *sampler = NULL;
    pf_sampler_options o = {.steps = 2, .solver = "random-midpoint", .solver_seed = seed};
    must(pf_sampler_create(characteristic, &o, &sampler, &error), &error);
    pf_workspace w = {NULL, pf_sampler_workspace_bytes(sampler)};
    w.memory = malloc(w.bytes);
    must(pf_sampler_run_from_noise(sampler, z, N, seed == 1 ? a : b, w, &error), &error);
    free(w.memory);
    pf_sampler_free(sampler);
  }
  assert_memory_not_equal(a, b, sizeof a);
}

static void expect_refusal(const pf_model *model, pf_sample_options o, const char *first,
                           const char *second) {
  double out[D] = {0};
  pf_error error = {0};
  assert_int_equal(pf_model_sample(model, &o, 1, out, &error), PF_USAGE);
  if (!strstr(error.message, first) || !strstr(error.message, second)) fail_msg("%s", error.message);
  assert_null(strchr(error.message, '\n'));
  assert_true(out[0] == 0 && out[1] == 0);
}

static void what_cannot_be_is_one_clear_line(void **state) {
  (void)state;
  expect_refusal(characteristic, (pf_sample_options){.solver = "hein"}, "unknown solver 'hein'",
                 "local-linear");
  expect_refusal(critic_alone, (pf_sample_options){.solver = "hein"}, "unknown solver 'hein'", "valid:");
  expect_refusal(critic_alone, (pf_sample_options){.solver = "heun"}, "method 'wgan'",
                 "'heun' needs a velocity");
  for (int s = 0; s < PF_SOLVER_COUNT; s++)
    if (pf_solver_needs_denoiser((pf_solver)s))
      expect_refusal(blocks, options_of(s), "method 'jko'", "valid: euler, random-midpoint");
  expect_refusal(blocks, (pf_sample_options){.solver = "dopri5", .steps = 7}, "steps is 7", "1 to 6");
  expect_refusal(blocks, (pf_sample_options){.solver = "heun", .steps = 1001}, "steps is 1001", "1000");
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  static const int solvers[] = {PF_SOLVER_LOCAL_LINEAR, PF_SOLVER_DOPRI5};
  double out[D];
  for (int i = 0; i < 2; i++)
    for (int m = 0; m < 2; m++) {
      pf_sample_options o = options_of(solvers[i]);
      pf_status status = PF_NO_MEMORY;
      int k = 0;
      while (status == PF_NO_MEMORY && k < 200) {
        pf_memory_fail_at(++k);
        status = pf_model_sample(m ? blocks : characteristic, &o, 1, out, NULL);
        pf_memory_fail_at(0);
      }
      assert_int_equal(status, PF_OK);
      assert_true(k >= 3);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(cuts_and_threads_do_not_matter),
      cmocka_unit_test(all_solvers_end_at_the_same_place),
      cmocka_unit_test(the_old_ways_are_rows_of_the_table),
      cmocka_unit_test(no_steps_are_the_default),
      cmocka_unit_test(a_sampler_has_the_same_samples),
      cmocka_unit_test(random_times_follow_the_seed),
      cmocka_unit_test(what_cannot_be_is_one_clear_line),
      cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, make_models, free_models);
}
