/* Trained potentials: the reference executor's values and gradients, any cut and pool, refusals. */
#include "base/pool.h"
#include "exec/exec.h"
#include "../nn/plain_network.h"
#include "flow/critic.h"

enum { D = 3, N = 3000 };

typedef struct fixture {
  pf_network_config config;
  pf_layout layout;
  float *params, *x;
  double *p;
  pf_critic *critic;
} fixture;

static void open_fixture(fixture *f, bool spectral) {
  pf_error error = {0};
  *f = (fixture){.config = {.inputs = D,
                            .outputs = 1,
                            .width = 40,
                            .depth = 2,
                            .frequencies = 1,
                            .max_frequency = 1,
                            .activation = PF_ACTIVATION_LEAKY_RELU,
                            .last_gain = 1,
                            .spectral = spectral}};
  must(pf_network_layout(&f->config, &f->layout, &error), &error);
  size_t n = (size_t)f->layout.total;
  f->p = test_array(n, sizeof *f->p);
  f->params = test_array(n, sizeof *f->params);
  f->x = test_array(N * D, sizeof *f->x);
  pf_layout_initialise(&f->layout, 4, f->params);
  for (int k = 0; k < 5; k++) pf_network_spectral_step(&f->config, f->params);
  for (size_t i = 0; i < n; i++) f->p[i] = f->params[i];
  pf_fill_normal_f32(3, PF_STREAM_TEST, 0, 0, N, D, f->x);
  must(pf_critic_create(&f->config, f->params, &f->critic, &error), &error);
}

static void close_fixture(fixture *f) {
  pf_critic_free(f->critic);
  pf_layout_free(&f->layout);
  pf_free(f->params);
  pf_free(f->x);
  pf_free(f->p);
}

/* The value by plain loops, the gradient along a direction by differences of it (away from kinks, where leaky units bend). */
static void values_and_gradients_are_those_of_the_formula(void **state) {
  (void)state;
  for (int spectral = 0; spectral < 2; spectral++) {
    fixture f;
    pf_error error = {0};
    open_fixture(&f, spectral);
    float *value = test_array(N, sizeof *value), *gradient = test_array(N * D, sizeof *gradient);
    must(pf_critic_evaluate(f.critic, N, f.x, value, gradient, NULL, &error), &error);
    for (int r = 0; r < N; r++) {
      const double h = 1e-7, towards[D] = {0.5, -1, 0.75};
      double x[D], want, up, down, slope = 0;
      for (int j = 0; j < D; j++) x[j] = f.x[r * D + j];
      plain_network(&f.config, &f.layout, f.p, 0, 0, x, &want);
      assert_true(fabs(value[r] - want) <= 3e-5 * (1 + fabs(want)));
      for (int j = 0; j < D; j++) x[j] += h * towards[j];
      plain_network(&f.config, &f.layout, f.p, 0, 0, x, &up);
      for (int j = 0; j < D; j++) x[j] -= 2 * h * towards[j];
      plain_network(&f.config, &f.layout, f.p, 0, 0, x, &down);
      for (int j = 0; j < D; j++) slope += towards[j] * gradient[r * D + j];
      assert_true(fabs(slope - (up - down) / (2 * h)) <= 1e-4);
    }
    pf_free(value);
    pf_free(gradient);
    close_fixture(&f);
  }
}

/* Values alone, gradients alone and both; pieces of the rows; pools. */
static void any_cut_pool_and_choice_gives_the_same_bits(void **state) {
  (void)state;
  static const int cuts[] = {0, 1, 256, 1300, N};
  fixture f;
  pf_error error = {0};
  open_fixture(&f, true);
  float *value = test_array(N, sizeof *value), *gradient = test_array(N * D, sizeof *gradient);
  float *again = test_array(N, sizeof *again), *slope = test_array(N * D, sizeof *slope);
  must(pf_critic_evaluate(f.critic, N, f.x, value, gradient, NULL, &error), &error);
  for (int threads = 1; threads <= 5; threads += 2) {
    pf_pool *pool = NULL;
    must(pf_pool_create(threads, &pool, &error), &error);
    for (int i = 0; i + 1 < 5; i++) {
      int64_t from = cuts[i], n = cuts[i + 1] - cuts[i];
      must(pf_critic_evaluate(f.critic, n, f.x + from * D, again + from, NULL, pool, &error), &error);
      must(pf_critic_evaluate(f.critic, n, f.x + from * D, NULL, slope + from * D, pool, &error), &error);
    }
    assert_memory_equal(value, again, N * sizeof *value);
    assert_memory_equal(gradient, slope, N * D * sizeof *slope);
    memset(again, 0, N * sizeof *again);
    memset(slope, 0, N * D * sizeof *slope);
    pf_pool_free(pool);
  }
  must(pf_critic_evaluate(f.critic, 0, NULL, again, slope, NULL, &error), &error);
  must(pf_critic_evaluate(f.critic, N, f.x, NULL, NULL, NULL, &error), &error);
  assert_int_equal(pf_critic_evaluate(f.critic, -1, f.x, again, NULL, NULL, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "-1"));
  pf_free(value);
  pf_free(gradient);
  pf_free(again);
  pf_free(slope);
  close_fixture(&f);
}

static void it_keeps_what_it_was_made_of(void **state) {
  (void)state;
  fixture f;
  open_fixture(&f, true);
  assert_memory_equal(pf_critic_params(f.critic), f.params, (size_t)f.layout.total * sizeof *f.params);
  assert_ptr_not_equal(pf_critic_params(f.critic), f.params);
  assert_int_equal(pf_critic_config_of(f.critic)->width, 40);
  assert_true(pf_critic_config_of(f.critic)->spectral);
  close_fixture(&f);
}

static void wrong_networks_and_numbers_are_refused(void **state) {
  (void)state;
  fixture f;
  pf_error error = {0};
  pf_critic *critic = NULL;
  open_fixture(&f, false);
  pf_network_config c = f.config;
  c.outputs = 2;
  assert_int_equal(pf_critic_create(&c, f.params, &critic, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "network 2 and 0"));
  c = f.config;
  c.times = 1;
  assert_int_equal(pf_critic_create(&c, f.params, &critic, &error), PF_USAGE);
  c = f.config;
  c.width = 0;
  assert_int_equal(pf_critic_create(&c, f.params, &critic, &error), PF_USAGE);
  f.params[7] = NAN;
  assert_int_equal(pf_critic_create(&f.config, f.params, &critic, &error), PF_NON_FINITE);
  assert_non_null(strstr(error.message, "parameter 7 "));
  assert_null(critic);
  close_fixture(&f);
}

static void a_result_that_is_not_finite_is_an_error(void **state) {
  (void)state;
  fixture f;
  pf_error error = {0};
  open_fixture(&f, false);
  float *value = test_array(N, sizeof *value), *gradient = test_array(N * D, sizeof *gradient);
  f.x[2000 * D + 1] = NAN;
  f.x[2500 * D] = INFINITY;
  pf_pool *pool = NULL;
  must(pf_pool_create(3, &pool, &error), &error);
  assert_int_equal(pf_critic_evaluate(f.critic, N, f.x, value, NULL, pool, &error), PF_NON_FINITE);
  assert_non_null(strstr(error.message, "value at row 2000 "));
  assert_int_equal(pf_critic_evaluate(f.critic, N, f.x, value, gradient, pool, &error), PF_NON_FINITE);
  assert_non_null(strstr(error.message, "row 2000 "));
  pf_pool_free(pool);
  pf_free(value);
  pf_free(gradient);
  close_fixture(&f);
}

static void lack_of_memory_is_an_error(void **state) {
  (void)state;
  fixture f;
  pf_error error = {0};
  open_fixture(&f, true);
  pf_status status = PF_NO_MEMORY;
  for (int k = 1; status != PF_OK; k++) {
    pf_critic *critic = NULL;
    pf_memory_fail_at(k);
    status = pf_critic_create(&f.config, f.params, &critic, &error);
    pf_memory_fail_at(0);
    assert_true(status == PF_OK || (status == PF_NO_MEMORY && critic == NULL));
    pf_critic_free(critic);
  }
  status = PF_NO_MEMORY;
  float *gradient = test_array(N * D, sizeof *gradient);
  int failures = 0;
  for (int k = 1; status != PF_OK; k++) {
    pf_memory_fail_at(k);
    status = pf_critic_evaluate(f.critic, N, f.x, NULL, gradient, NULL, &error);
    pf_memory_fail_at(0);
    assert_true(status == PF_OK || status == PF_NO_MEMORY);
    failures += status == PF_NO_MEMORY;
  }
  assert_true(failures >= 2);
  pf_free(gradient);
  close_fixture(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_and_gradients_are_those_of_the_formula),
      cmocka_unit_test(any_cut_pool_and_choice_gives_the_same_bits),
      cmocka_unit_test(it_keeps_what_it_was_made_of),
      cmocka_unit_test(wrong_networks_and_numbers_are_refused),
      cmocka_unit_test(a_result_that_is_not_finite_is_an_error),
      cmocka_unit_test(lack_of_memory_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
