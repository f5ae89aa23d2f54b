/* Optimisers, schedules, averages and the state registry. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/memory.h"
#include "base/rng.h"
#include "train/optimizer.h"
#include "train/registry.h"

/* ---- Adam ---- */

/* Three steps by hand, beta1 = beta2 = 1/2, rate 1, epsilon 0, gradient always 2: bias correction makes every
 * step's ratio m / sqrt(v) exactly 1. */
static void three_steps_by_hand(void **state) {
  (void)state;
  float p = 10, m = 0, v = 0, a = 10, g = 2;
  pf_adam adam = {.learning_rate = 1, .beta1 = 0.5, .beta2 = 0.5};
  pf_adam_state s = {&p, &m, &v, &a, 1};
  const float first[] = {1, 1.5f, 1.75f}, second[] = {2, 3, 3.5f}, average[] = {9.5f, 8.75f, 7.875f};
  for (int k = 1; k <= 3; k++) {
    pf_adam_update(&adam, &s, k, &g, 1, 0.5, 0, 1);
    assert_true(m == first[k - 1] && v == second[k - 1]);
    assert_true(fabsf(p - (float)(10 - k)) < 1e-5f);
    assert_true(fabsf(a - average[k - 1]) < 1e-5f);
  }
}

enum { N = 1003 };

static void any_range_equals_a_double_reference(void **state) {
  (void)state;
  static float p[N], m[N], v[N], a[N], g[N];
  static double P[N], M[N], V[N], A[N];
  pf_adam adam = pf_adam_default();
  adam.learning_rate = 0.02;
  adam.weight_decay = 0.1;
  pf_adam_state s = {p, m, v, a, N};
  pf_fill_normal_f32(1, PF_STREAM_TEST, 0, 0, N, 1, p);
  for (int i = 0; i < N; i++) P[i] = A[i] = a[i] = p[i];
  for (int k = 1; k <= 20; k++) {
    double scale = 0.5, ema = pf_ema_decay(0.9, k);
    pf_fill_normal_f32(2, PF_STREAM_TEST, (uint64_t)k, 0, N, 1, g);
    const int cuts[] = {0, 1, 16, 500, N}; /* any cut into ranges */
    for (int c = 0; c < 4; c++) pf_adam_update(&adam, &s, k, g, scale, ema, cuts[c], cuts[c + 1]);
    for (int i = 0; i < N; i++) {
      double gi = scale * g[i];
      M[i] = 0.9 * M[i] + 0.1 * gi;
      V[i] = 0.99 * V[i] + 0.01 * gi * gi;
      double step = M[i] / (1 - pow(0.9, k)) / (sqrt(V[i] / (1 - pow(0.99, k))) + 1e-8);
      P[i] -= 0.02 * 0.1 * P[i] + 0.02 * step;
      A[i] = ema * A[i] + (1 - ema) * P[i];
    }
  }
  for (int i = 0; i < N; i++) {
    assert_true(fabs(p[i] - P[i]) < 2e-5);
    assert_true(fabs(a[i] - A[i]) < 2e-5);
  }
}

/* ---- the other kinds ---- */

/* A gradient that is always g: v after k steps is (1 - beta2^k) g^2, with no correction. */
static void rmsprop_is_its_closed_form(void **state) {
  (void)state;
  float p = 10, m = 5, v = 0, a = 10, g = -4;
  pf_adam rms = {
      .kind = PF_OPTIMISER_RMSPROP, .learning_rate = 0.25, .beta1 = 0.5, .beta2 = 0.75, .epsilon = 0.5};
  pf_adam_state s = {&p, &m, &v, &a, 1};
  double expected = 10, average = 10;
  for (int k = 1; k <= 6; k++) {
    pf_adam_update(&rms, &s, k, &g, 0.5, 0.5, 0, 1); /* the gradient is -2 */
    double second = (1 - pow(0.75, k)) * 4;
    expected += 0.25 * 2 / (sqrt(second) + 0.5);
    average = 0.5 * average + 0.5 * expected;
    assert_true(fabs(v - second) < 1e-6 && m == 5);
    assert_true(fabs(p - expected) < 1e-5 && fabs(a - average) < 1e-5);
  }
}

/* k steps of rate r on w^2 / 2 with weight decay d: w (1 - r - r d)^k. */
static void sgd_is_its_closed_form(void **state) {
  (void)state;
  float p = 8, m = 5, v = 7, a = 8;
  pf_adam sgd = {
      .kind = PF_OPTIMISER_SGD, .learning_rate = 0.25, .weight_decay = 0.5, .beta1 = 0.9, .beta2 = 0.9};
  pf_adam_state s = {&p, &m, &v, &a, 1};
  for (int k = 1; k <= 8; k++) {
    float g = 2 * p;
    pf_adam_update(&sgd, &s, k, &g, 0.5, 0, 0, 1);
    assert_true(fabs(p - 8 * pow(1 - 0.25 - 0.125, k)) < 1e-5);
    assert_true(a == p && m == 5 && v == 7);
  }
}

/* The clamp, ranges and NaN as for Adam. */
static void every_kind_clamps_within_its_range(void **state) {
  (void)state;
  enum { MANY = 37, FIRST = 3, LAST = 30 };
  for (int kind = PF_OPTIMISER_ADAM; kind <= PF_OPTIMISER_SGD; kind++) {
    float p[MANY], m[MANY] = {0}, v[MANY] = {0}, a[MANY] = {0}, g[MANY];
    pf_adam adam = {.kind = (pf_optimiser)kind,
                    .learning_rate = 0.25,
                    .beta1 = 0.5,
                    .beta2 = 0.5,
                    .epsilon = 1,
                    .clamp = 1.5};
    pf_adam_state s = {p, m, v, a, MANY};
    for (int i = 0; i < MANY; i++) {
      p[i] = i == 20 ? NAN : 1.4f;
      g[i] = i % 2 ? -100 : 0;
    }
    pf_adam_update(&adam, &s, 1, g, 1, 0.5, FIRST, LAST);
    for (int i = 0; i < MANY; i++) {
      bool inside = i >= FIRST && i < LAST;
      assert_true(i == 20 ? isnan(p[i]) : p[i] == (inside && i % 2 ? 1.5f : 1.4f));
      assert_true(i == 20 ? isnan(a[i]) : a[i] == (inside ? p[i] / 2 : 0));
    }
  }
}

static void optimisers_are_found_by_name(void **state) {
  (void)state;
  pf_error error = {0};
  pf_optimiser found;
  for (int kind = PF_OPTIMISER_ADAM; kind <= PF_OPTIMISER_SGD; kind++) {
    assert_int_equal(pf_optimiser_find(pf_optimiser_name((pf_optimiser)kind), &found, &error), PF_OK);
    assert_int_equal(found, kind);
  }
  assert_int_equal(pf_adam_default().kind, PF_OPTIMISER_ADAM);
  assert_int_equal(pf_optimiser_find("adagrad", &found, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "adagrad"));
  assert_non_null(strstr(error.message, "rmsprop"));
}

/* Beyond the bound a parameter stops at it, on both sides; the average follows what was kept. */
static void the_clamp_bounds_every_parameter(void **state) {
  (void)state;
  float p[4] = {1.4f, -1.4f, 1, -9}, m[4] = {0}, v[4] = {0}, a[4] = {0}, g[4] = {-1, 1, 1, 1};
  pf_adam adam = {.learning_rate = 0.25, .beta1 = 0.5, .beta2 = 0.5, .clamp = 1.5};
  pf_adam_state s = {p, m, v, a, 4};
  pf_adam_update(&adam, &s, 1, g, 1, 0.5, 0, 4);
  assert_true(p[0] == 1.5f && p[1] == -1.5f && p[3] == -1.5f);
  assert_true(fabsf(p[2] - 0.75f) < 1e-6f);
  assert_true(a[0] == 0.75f && a[1] == -0.75f);
  adam.clamp = 0; /* none */
  pf_adam_update(&adam, &s, 2, g, 1, 0.5, 0, 4);
  assert_true(p[0] > 1.6f && p[1] < -1.6f);
}

/* A clamp must not turn a NaN into a bound. */
static void a_nan_stays_one_through_the_clamp(void **state) {
  (void)state;
  enum { MANY = 37 }; /* whole vectors and a rest */
  float p[MANY], m[MANY] = {0}, v[MANY] = {0}, a[MANY] = {0}, g[MANY] = {0};
  pf_adam adam = {.learning_rate = 0.25, .beta1 = 0.5, .beta2 = 0.5, .epsilon = 1e-8, .clamp = 1.5};
  pf_adam_state s = {p, m, v, a, MANY};
  for (int bad = 0; bad < MANY; bad++) {
    for (int i = 0; i < MANY; i++) p[i] = i == bad ? NAN : 3;
    pf_adam_update(&adam, &s, 1, g, 1, 0.5, 0, MANY);
    for (int i = 0; i < MANY; i++) assert_true(i == bad ? isnan(p[i]) : p[i] == 1.5f);
  }
}

static void the_schedule_warms_up_and_falls(void **state) {
  (void)state;
  assert_true(fabs(pf_schedule_cosine(50, 100, 0, 0) - 0.5) < 1e-15);
  assert_true(fabs(pf_schedule_cosine(100, 100, 0, 0)) < 1e-15);
  assert_true(fabs(pf_schedule_cosine(100, 100, 10, 0.25) - 0.25) < 1e-15);
  assert_true(fabs(pf_schedule_cosine(25, 100, 0, 0.2) - (0.2 + 0.8 * 0.5 * (1 + sqrt(0.5)))) < 1e-15);
  assert_true(fabs(pf_schedule_cosine(5, 100, 10, 0) - 0.5 * 0.5 * (1 + cos(M_PI / 20))) < 1e-15);
  assert_true(fabs(pf_schedule_cosine(10, 100, 10, 0) - 0.5 * (1 + cos(M_PI / 10))) < 1e-15);
  for (int k = 11; k <= 100; k++)
    assert_true(pf_schedule_cosine(k, 100, 10, 0) < pf_schedule_cosine(k - 1, 100, 10, 0));
}

static void the_average_forgets_its_start(void **state) {
  (void)state;
  assert_true(pf_ema_decay(0.999, 1) == 2.0 / 11);
  assert_true(pf_ema_decay(0.999, 90) == 0.91);
  assert_true(pf_ema_decay(0.999, 1000000) == 0.999);
  assert_true(pf_ema_decay(0, 5) == 0);
}

/* ---- registry ---- */

typedef struct arrays {
  float f[5];
  double d[3];
  int64_t i[2];
} arrays;

static const arrays sample = {{1, -2.5f, 3e-40f, 4, 5}, {1e300, -0.0, 7}, {INT64_MAX, -3}};

static pf_registry *registry_of(arrays *a) {
  pf_registry *registry = NULL;
  pf_error error = {0};
  assert_int_equal(pf_registry_create(&registry, &error), PF_OK);
  assert_int_equal(pf_registry_add_f32(registry, "f", a->f, 5, &error), PF_OK);
  assert_int_equal(pf_registry_add_f64(registry, "d", a->d, 3, &error), PF_OK);
  assert_int_equal(pf_registry_add_i64(registry, "i", a->i, 2, &error), PF_OK);
  return registry;
}

static const char *checkpoint_path(void) {
  static char path[256];
  const char *folder = getenv("TMPDIR");
  snprintf(path, sizeof path, "%s/pf_registry_%ld", folder ? folder : "/tmp", (long)getpid());
  return path;
}

static void what_is_saved_comes_back(void **state) {
  (void)state;
  arrays a = sample, b;
  pf_error error = {0};
  memset(&b, 1, sizeof b);
  pf_registry *from = registry_of(&a), *to = registry_of(&b);
  assert_int_equal(pf_registry_save(from, checkpoint_path(), "run", &error), PF_OK);
  assert_int_equal(pf_registry_load(to, checkpoint_path(), "run", &error), PF_OK);
  assert_memory_equal(a.f, b.f, sizeof a.f);
  assert_memory_equal(a.d, b.d, sizeof a.d);
  assert_memory_equal(a.i, b.i, sizeof a.i);
  pf_registry_free(from);
  pf_registry_free(to);
  remove(checkpoint_path());
}

static void poison_reaches_every_element(void **state) {
  (void)state;
  arrays a = sample;
  pf_registry *registry = registry_of(&a);
  pf_registry_poison(registry);
  for (int i = 0; i < 5; i++) assert_true(isnan(a.f[i]));
  for (int i = 0; i < 3; i++) assert_true(isnan(a.d[i]));
  for (int i = 0; i < 2; i++) assert_true(a.i[i] == INT64_MIN);
  pf_registry_free(registry);
}

static void names_are_unique(void **state) {
  (void)state;
  arrays a = sample;
  pf_error error = {0};
  pf_registry *registry = registry_of(&a);
  assert_int_equal(pf_registry_add_f64(registry, "f", a.d, 3, &error), PF_FAILED);
  assert_non_null(strstr(error.message, "'f'"));
  pf_registry_free(registry);
}

static void other_checkpoints_are_refused(void **state) {
  (void)state;
  arrays a = sample, b = sample;
  double more = 0;
  pf_error error = {0};
  pf_registry *saved = registry_of(&a), *same = registry_of(&b), *wider = registry_of(&b), *resized = NULL;
  assert_int_equal(pf_registry_save(saved, checkpoint_path(), "run", &error), PF_OK);
  assert_int_equal(pf_registry_load(same, checkpoint_path(), "another", &error), PF_BAD_INPUT);
  assert_memory_equal(b.f, sample.f, sizeof b.f); /* refused before anything is touched */
  assert_int_equal(pf_registry_add_f64(wider, "more", &more, 1, &error), PF_OK);
  assert_int_equal(pf_registry_load(wider, checkpoint_path(), "run", &error), PF_BAD_INPUT);
  assert_non_null(strstr(error.message, "more"));
  assert_true(isnan(more)); /* and not half of it as if nothing had happened */
  assert_int_equal(pf_registry_create(&resized, &error), PF_OK);
  assert_int_equal(pf_registry_add_f32(resized, "f", b.f, 4, &error), PF_OK);
  assert_int_equal(pf_registry_load(resized, checkpoint_path(), "run", &error), PF_BAD_INPUT);
  assert_int_equal(pf_registry_load(same, "/nonexistent/checkpoint", "run", &error), PF_IO);
  pf_registry_free(saved);
  pf_registry_free(same);
  pf_registry_free(wider);
  pf_registry_free(resized);
  remove(checkpoint_path());
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(three_steps_by_hand),
      cmocka_unit_test(any_range_equals_a_double_reference),
      cmocka_unit_test(rmsprop_is_its_closed_form),
      cmocka_unit_test(sgd_is_its_closed_form),
      cmocka_unit_test(every_kind_clamps_within_its_range),
      cmocka_unit_test(optimisers_are_found_by_name),
      cmocka_unit_test(the_clamp_bounds_every_parameter),
      cmocka_unit_test(a_nan_stays_one_through_the_clamp),
      cmocka_unit_test(the_schedule_warms_up_and_falls),
      cmocka_unit_test(the_average_forgets_its_start),
      cmocka_unit_test(what_is_saved_comes_back),
      cmocka_unit_test(poison_reaches_every_element),
      cmocka_unit_test(names_are_unique),
      cmocka_unit_test(other_checkpoints_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
