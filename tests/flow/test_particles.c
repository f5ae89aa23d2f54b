/* Transport plans as fields, and clouds that follow a field. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "base/memory.h"
#include "base/rng.h"
#include "flow/particles.h"
#include "ot/assignment.h"

enum { N = 3, D = 2 };
static const double Y[N * D] = {0, 0, 2, 0, 0, 3}, X[N * D] = {3, 4, 2, 2, -1, 3};

static void expect_near(double value, double expected, double tolerance) {
  if (!(fabs(value - expected) <= tolerance)) fail_msg("%.12g instead of %.12g", value, expected);
}

static void random_cloud(uint64_t row, size_t items, double *out) {
  pf_rng rng = pf_rng_at(7, PF_STREAM_TEST, 1, row);
  for (size_t i = 0; i < items; i++) out[i] = pf_rng_normal(&rng);
}

/* ---- the plan ---- */

static void gradients_of_three_points(void **state) {
  (void)state;
  const pf_points y = {Y, N, D}, x = {X, N, D};
  /* over all six plans by hand: rows go to 1, 0, 2 for the distance and to 2, 1, 0 for its square */
  const double unit[N * D] = {-sqrt(.5), -sqrt(.5), -1 / sqrt(17), -4 / sqrt(17), 1, 0},
                        whole[N * D] = {1, -3, 0, -2, -3, -1};
  double gradient[N * D], distance = 0;
  assert_int_equal(pf_plan_gradient(&(pf_plan_field){.power = 1}, y, x, gradient, &distance, NULL), PF_OK);
  expect_near(distance, (sqrt(8) + sqrt(17) + 1) / 3, 1e-14);
  for (int i = 0; i < N * D; i++) expect_near(gradient[i], unit[i], 1e-14);
  assert_int_equal(pf_plan_gradient(&(pf_plan_field){.power = 2}, y, x, gradient, &distance, NULL), PF_OK);
  expect_near(distance, sqrt((10 + 4 + 10) / 3.), 1e-14);
  for (int i = 0; i < N * D; i++) expect_near(gradient[i], whole[i], 1e-14);
}

static void nothing_moves_where_it_has_arrived(void **state) {
  (void)state;
  const pf_points y = {Y, N, D};
  for (int power = 1; power <= 2; power++) {
    double gradient[N * D], distance = 1;
    pf_plan_field f = {.power = power};
    assert_int_equal(pf_plan_gradient(&f, y, y, gradient, &distance, NULL), PF_OK);
    assert_true(distance == 0);
    for (int i = 0; i < N * D; i++) assert_true(gradient[i] == 0);
  }
}

static void sinkhorn_sharpens_to_the_assignment(void **state) {
  (void)state;
  const pf_points y = {Y, N, D}, x = {X, N, D};
  for (int power = 1; power <= 2; power++) {
    double exact[N * D], soft[N * D], least = 0, distance = 0;
    pf_plan_field sharp = {.power = power}, blurred = {.power = power, .epsilon = .0005};
    assert_int_equal(pf_plan_gradient(&sharp, y, x, exact, &least, NULL), PF_OK);
    assert_int_equal(pf_plan_gradient(&blurred, y, x, soft, &distance, NULL), PF_OK);
    assert_true(distance >= least - 1e-6);
    expect_near(distance, least, 1e-3);
    for (int i = 0; i < N * D; i++) expect_near(soft[i], exact[i], 1e-3);
  }
}

/* One target for all rows: the mean of the plan is that point, whatever epsilon. */
static void sinkhorn_takes_different_sizes(void **state) {
  (void)state;
  const double one[D] = {1, -1};
  double gradient[N * D], distance = 0, square = 0;
  pf_plan_field f = {.power = 2, .epsilon = .3};
  assert_int_equal(
      pf_plan_gradient(&f, (pf_points){Y, N, D}, (pf_points){one, 1, D}, gradient, &distance, NULL), PF_OK);
  for (int i = 0; i < N * D; i++) {
    expect_near(gradient[i], Y[i] - one[i % D], 1e-12);
    square += gradient[i] * gradient[i] / N;
  }
  expect_near(distance, sqrt(square), 1e-12);
  assert_int_equal(
      pf_plan_gradient(&f, (pf_points){one, 1, D}, (pf_points){one, 1, D}, gradient, &distance, NULL), PF_OK);
  assert_true(distance == 0 && gradient[0] == 0);
}

static void expect_refusal(pf_plan_field f, pf_points y, pf_points x, pf_status want, const char *word) {
  double gradient[2 * N * D] = {[0] = 17}, distance = 19;
  pf_error error = {0};
  assert_int_equal(pf_plan_gradient(&f, y, x, gradient, &distance, &error), want);
  if (!strstr(error.message, word)) fail_msg("no '%s' in '%s'", word, error.message);
  assert_true(gradient[0] == 17 && distance == 19);
}

static void wrong_plans_are_refused(void **state) {
  (void)state;
  double bad[N * D];
  memcpy(bad, Y, sizeof bad);
  bad[3] = NAN;
  const pf_points y = {Y, N, D}, x = {X, N, D}, fewer = {X, N - 1, D}, wide = {X, N - 1, D + 1};
  expect_refusal((pf_plan_field){.power = 3}, y, x, PF_USAGE, "power 3");
  expect_refusal((pf_plan_field){.power = 1, .epsilon = -1}, y, x, PF_USAGE, "epsilon -1");
  expect_refusal((pf_plan_field){.power = 1, .epsilon = NAN}, y, x, PF_USAGE, "epsilon");
  expect_refusal((pf_plan_field){.power = 1, .iterations = -4}, y, x, PF_USAGE, "-4");
  expect_refusal((pf_plan_field){.power = 1}, y, fewer, PF_BAD_INPUT, "3 points to 2");
  expect_refusal((pf_plan_field){.power = 1}, y, wide, PF_BAD_INPUT, "2 columns, the second 3");
  expect_refusal((pf_plan_field){.power = 2, .epsilon = .1}, y, wide, PF_BAD_INPUT,
                 "2 columns, the second 3");
  expect_refusal((pf_plan_field){.power = 2}, (pf_points){bad, N, D}, x, PF_NON_FINITE, "row 1, column 1");
}

static void unfinished_sinkhorn_is_a_failure(void **state) {
  (void)state;
  enum { MANY = 60 };
  double y[MANY * D], x[MANY * D], gradient[MANY * D];
  /* two clumps far apart, of which one gives rows to the other */
  random_cloud(1, MANY * D, y);
  random_cloud(2, MANY * D, x);
  for (int i = 0; i < MANY / 2; i++) y[i * D] += 100;
  for (int i = 0; i < MANY / 3; i++) x[i * D] += 100;
  pf_error error = {0};
  pf_plan_field f = {.power = 2, .epsilon = 1e-4, .iterations = 2};
  assert_int_equal(
      pf_plan_gradient(&f, (pf_points){y, MANY, D}, (pf_points){x, MANY, D}, gradient, NULL, &error),
      PF_FAILED);
  assert_non_null(strstr(error.message, "after 2 iterations"));
}

/* ---- particles ---- */

/* g(y) = rate y, and what it was asked. */
typedef struct linear_field {
  double rate;
  int calls, fail_at;
  pf_particle_stage seen[64];
} linear_field;

static pf_status linear(void *context, pf_particle_stage at, const double *y, int64_t n, double *gradient,
                        pf_error *error) {
  linear_field *f = context;
  if (f->calls < 64) f->seen[f->calls] = at;
  if (++f->calls == f->fail_at) return pf_fail(error, PF_FAILED, "told to fail");
  for (int64_t i = 0; i < n * D; i++) gradient[i] = f->rate * y[i];
  return PF_OK;
}

static void steps_follow_the_tableau(void **state) {
  (void)state;
  const double h = .3;
  const struct {
    pf_ode_method method;
    double factor;
  } cases[] = {{PF_ODE_EULER, 1 - h},
               {PF_ODE_HEUN, 1 - h + h * h / 2},
               {PF_ODE_RK4, 1 - h + h * h / 2 - h * h * h / 6 + h * h * h * h / 24}};
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    linear_field f = {.rate = 1};
    pf_particle_system system = {linear, &f, N, D};
    pf_particle_schedule schedule = {.method = cases[c].method, .steps = 4, .eps = h};
    double y[N * D];
    memcpy(y, Y, sizeof y);
    assert_int_equal(pf_particles_move(&schedule, &system, y, NULL, NULL), PF_OK);
    for (int i = 0; i < N * D; i++) expect_near(y[i], pow(cases[c].factor, 4) * Y[i], 1e-13);
    int stages = pf_tableau_of(cases[c].method)->stages;
    assert_int_equal(f.calls, 4 * stages);
    for (int k = 0; k < f.calls; k++) {
      assert_int_equal(f.seen[k].step, k / stages);
      assert_int_equal(f.seen[k].stage, k % stages);
      assert_true(f.seen[k].eps == h);
    }
  }
}

static void steps_decay(void **state) {
  (void)state;
  linear_field f = {.rate = 1};
  pf_particle_system system = {linear, &f, N, D};
  pf_particle_schedule schedule = {.method = PF_ODE_EULER, .steps = 3, .eps = .5, .decay = 2};
  double y[N * D], factor = 1;
  memcpy(y, Y, sizeof y);
  assert_int_equal(pf_particles_move(&schedule, &system, y, NULL, NULL), PF_OK);
  for (int k = 0; k < 3; k++) {
    factor *= 1 - .5 / (1 + 2 * k);
    expect_near(f.seen[k].eps, .5 / (1 + 2 * k), 1e-16);
    expect_near(pf_particle_eps(&schedule, k), .5 / (1 + 2 * k), 1e-16);
  }
  for (int i = 0; i < N * D; i++) expect_near(y[i], factor * Y[i], 1e-14);
}

static void failures_leave_the_cloud_alone(void **state) {
  (void)state;
  const pf_particle_schedule good = {.method = PF_ODE_HEUN, .steps = 3, .eps = .1};
  pf_particle_schedule wrong[4] = {good, good, good, good};
  wrong[0].steps = 0;
  wrong[1].eps = 0;
  wrong[2].eps = NAN;
  wrong[3].decay = -1;
  double y[N * D];
  memcpy(y, Y, sizeof y);
  linear_field f = {.rate = 1};
  pf_particle_system system = {linear, &f, N, D};
  for (int i = 0; i < 4; i++)
    assert_int_equal(pf_particles_move(&wrong[i], &system, y, NULL, NULL), PF_USAGE);
  f.fail_at = 4;
  assert_int_equal(pf_particles_move(&good, &system, y, NULL, NULL), PF_FAILED);
  f = (linear_field){.rate = 1e300};
  pf_error error = {0};
  assert_int_equal(pf_particles_move(&good, &system, y, NULL, &error), PF_NON_FINITE);
  assert_non_null(strstr(error.message, "row"));
  assert_memory_equal(y, Y, sizeof y);
}

static void plan_flow_records_distances_and_path(void **state) {
  (void)state;
  static const double expected[] = {2.8284271247, 2.2627416998, 1.8101933598, 1.4481546879};
  enum { STEPS = 3 };
  double y[N * D], distance[STEPS + 1], path[(STEPS + 1) * N * D], alone = 0;
  const double from[N * D] = {0, 0, 2, 0, 0, 3}, to[N * D] = {3, 4, 2, 2, -1, 3};
  pf_plan_flow flow = {.field = {.power = 2},
                       .target = {to, N, D},
                       .schedule = {.method = PF_ODE_EULER, .steps = STEPS, .eps = .2}};
  pf_plan_flow_record record = {.distance = distance, .path = path};
  memcpy(y, from, sizeof y);
  assert_int_equal(pf_plan_flow_run(&flow, y, N, &record, NULL), PF_OK);
  for (int k = 0; k <= STEPS; k++) {
    expect_near(distance[k] / distance[0], expected[k] / expected[0], 3e-11);
    assert_int_equal(
        pf_wasserstein((pf_points){path + k * N * D, N, D}, (pf_points){to, N, D}, 2, &alone, NULL), PF_OK);
    expect_near(alone, distance[k], 1e-14);
  }
  assert_memory_equal(path, from, sizeof from);
  assert_memory_equal(path + STEPS * N * D, y, sizeof y);
}

static void memory_may_run_out(void **state) {
  (void)state;
  for (int exact = 0; exact < 2; exact++) {
    int failures = 0;
    for (int64_t k = 1;; k++) {
      double y[N * D], distance[3];
      pf_plan_flow flow = {.field = {.power = 1, .epsilon = exact ? 0 : .1},
                           .target = {X, N, D},
                           .schedule = {.method = PF_ODE_EULER, .steps = 2, .eps = .1}};
      memcpy(y, Y, sizeof y);
      pf_memory_fail_at(k);
      pf_status status = pf_plan_flow_run(&flow, y, N, &(pf_plan_flow_record){.distance = distance}, NULL);
      pf_memory_fail_at(0);
      if (status == PF_OK) break;
      failures++;
      assert_int_equal(status, PF_NO_MEMORY);
      assert_memory_equal(y, Y, sizeof y);
    }
    assert_true(failures > 6);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gradients_of_three_points),
      cmocka_unit_test(nothing_moves_where_it_has_arrived),
      cmocka_unit_test(sinkhorn_sharpens_to_the_assignment),
      cmocka_unit_test(sinkhorn_takes_different_sizes),
      cmocka_unit_test(wrong_plans_are_refused),
      cmocka_unit_test(unfinished_sinkhorn_is_a_failure),
      cmocka_unit_test(steps_follow_the_tableau),
      cmocka_unit_test(steps_decay),
      cmocka_unit_test(failures_leave_the_cloud_alone),
      cmocka_unit_test(plan_flow_records_distances_and_path),
      cmocka_unit_test(memory_may_run_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
