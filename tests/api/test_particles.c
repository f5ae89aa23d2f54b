/* Particle flows from tables to tables. */
#include "fail_every.h"

enum { N = 40, D = 2, STEPS = 12 };

static pf_table *law_rows(const char *law, int64_t rows, uint64_t seed) {
  pf_error error = {0};
  pf_table *table = NULL;
  must(pf_table_load(law, &(pf_load_options){.rows = rows, .seed = seed}, &table, &error), &error);
  return table;
}

static pf_particles_options options_of(const char *distance, double step) {
  pf_particles_options o = pf_particles_options_default();
  o.rows = N;
  o.distance = distance;
  o.steps = STEPS;
  o.step = step;
  return o;
}

static void distances_fall_and_repeat(void **state) {
  (void)state;
  pf_error error = {0};
  pf_table *source = law_rows("law:moons", 3 * N, 5), *target = law_rows("law:swissroll", 2 * N, 6);
  pf_particles_options o = options_of("w2", .25);
  pf_particles one = {0}, two = {0};
  must(pf_particles_run(source, target, &o, &one, &error), &error);
  must(pf_particles_run(source, target, &o, &two, &error), &error);
  assert_int_equal(one.steps, STEPS);
  for (int k = 0; k <= STEPS; k++) {
    assert_true(fabs(one.distance[k] - pow(.75, k) * one.distance[0]) < 1e-10);
    assert_true(fabs(one.time[k] - .25 * k) < 1e-12);
  }
  assert_true(one.floor > 0 && one.floor < one.distance[0]);
  assert_int_equal(pf_table_rows(one.moved), N);
  assert_string_equal(pf_table_column_name(one.moved, 1), pf_table_column_name(target, 1));
  assert_memory_equal(pf_table_values(one.moved), pf_table_values(two.moved), N * D * sizeof(double));
  pf_particles_clear(&two);
  o.seed = 2; /* other rows */
  must(pf_particles_run(source, target, &o, &two, &error), &error);
  assert_true(memcmp(pf_table_values(one.moved), pf_table_values(two.moved), N * D * sizeof(double)) != 0);
  pf_particles_clear(&one);
  pf_particles_clear(&two);
  pf_particles_clear(NULL);
  pf_table_free(source);
  pf_table_free(target);
}

/* One step of dt = 1 lands on rows of the target, and without a source it starts from N(0, I). */
static void lands_on_the_target(void **state) {
  (void)state;
  pf_error error = {0};
  pf_table *target = law_rows("law:8gaussians", N, 6);
  pf_particles_options o = options_of("w2", 1);
  pf_particles p = {0};
  o.steps = 1;
  must(pf_particles_run(NULL, target, &o, &p, &error), &error);
  assert_true(isnan(p.floor)); /* no rows left to measure it with */
  assert_true(p.distance[0] > 1 && p.distance[1] < 1e-12);
  for (int i = 0; i < N; i++) {
    double nearest = INFINITY;
    for (int j = 0; j < N; j++)
      nearest =
          fmin(nearest, hypot(pf_table_values(p.moved)[i * D] - pf_table_values(target)[j * D],
                              pf_table_values(p.moved)[i * D + 1] - pf_table_values(target)[j * D + 1]));
    assert_true(nearest < 1e-12);
  }
  pf_particles_clear(&p);
  pf_table_free(target);
}

static void default_steps_decay(void **state) {
  (void)state;
  pf_error error = {0};
  pf_table *target = law_rows("law:8gaussians", N, 6);
  pf_particles_options o = options_of("w1", 0);
  pf_particles p = {0};
  o.decay = 1;
  o.steps = 2;
  must(pf_particles_run(NULL, target, &o, &p, &error), &error);
  assert_true(p.step > .1 && p.step < .2); /* .05 of a radius of about 2.8 */
  assert_true(fabs(p.time[2] - 1.5 * p.step) < 1e-12);
  assert_true(fabs(p.distance[0] - p.distance[1]) <= p.step + 1e-12);
  pf_particles_clear(&p);
  pf_table_free(target);
}

/* The same names in another order are the same columns; other names go by position. */
static void columns_are_matched_by_name(void **state) {
  (void)state;
  pf_error error = {0};
  const double far[4] = {100, 0, 101, 0}, turned[4] = {0, 100, 0, 101};
  const char *const names[] = {"a", "b"}, *const swapped[] = {"b", "a"}, *const others[] = {"u", "v"};
  pf_table *target = NULL, *same = NULL, *other = NULL;
  must(pf_table_from_values(2, D, far, names, &target, &error), &error);
  must(pf_table_from_values(2, D, turned, swapped, &same, &error), &error);
  must(pf_table_from_values(2, D, turned, others, &other, &error), &error);
  pf_particles_options o = options_of("w1", .1);
  pf_particles p = {0};
  o.rows = 2;
  must(pf_particles_run(same, target, &o, &p, &error), &error);
  assert_true(p.distance[0] == 0 && p.distance[STEPS] == 0);
  pf_particles_clear(&p);
  must(pf_particles_run(other, target, &o, &p, &error), &error);
  assert_true(p.distance[0] > 100);
  pf_particles_clear(&p);
  pf_table_free(target);
  pf_table_free(same);
  pf_table_free(other);
}

/* ---- files and hosts ---- */

static void trajectory_holds_every_node(void **state) {
  (void)state;
  pf_error error = {0};
  char path[256];
  pf_table *target = law_rows("law:8gaussians", N, 6), *nodes = NULL;
  pf_particles_options o = options_of("w1", .1);
  pf_particles p = {0};
  temporary_name(path, "trajectory.npy");
  o.trajectory = path;
  must(pf_particles_run(NULL, target, &o, &p, &error), &error);
  must(pf_table_load(path, NULL, &nodes, &error), &error); /* a node a row */
  assert_int_equal(pf_table_rows(nodes), STEPS + 1);
  assert_int_equal(pf_table_columns(nodes), N * D);
  assert_memory_equal(pf_table_values(nodes) + STEPS * N * D, pf_table_values(p.moved),
                      N * D * sizeof(double));
  remove(path);
  pf_particles_clear(&p);
  pf_table_free(nodes);
  pf_table_free(target);
}

static int polls;
static bool stop_at_third(void *context) {
  (void)context;
  return ++polls == 3;
}

static void stopping_leaves_no_file(void **state) {
  (void)state;
  pf_error error = {0};
  char path[256];
  pf_table *target = law_rows("law:8gaussians", N, 6);
  pf_particles_options o = options_of("w1", .1);
  pf_particles p = {.steps = 77};
  temporary_name(path, "stopped.npy");
  o.trajectory = path;
  o.hooks.stop = stop_at_third;
  polls = 0;
  assert_int_equal(pf_particles_run(NULL, target, &o, &p, &error), PF_STOPPED);
  assert_non_null(strstr(error.message, "after 2 of 12 steps"));
  assert_true(access(path, F_OK) != 0);
  assert_int_equal(p.steps, 77);
  pf_table_free(target);
}

static pf_status run_once(pf_error *error) {
  pf_table *source = NULL, *target = NULL;
  pf_particles_options o = options_of("w1", .1);
  pf_particles p = {0};
  o.steps = 2;
  pf_status status = pf_table_load("law:moons", &(pf_load_options){.rows = N, .seed = 1}, &source, error);
  if (status == PF_OK)
    status = pf_table_load("law:swissroll", &(pf_load_options){.rows = 2 * N, .seed = 2}, &target, error);
  if (status == PF_OK) status = pf_particles_run(source, target, &o, &p, error);
  pf_particles_clear(&p);
  pf_table_free(source);
  pf_table_free(target);
  return status;
}

static void memory_may_run_out(void **state) {
  (void)state;
  fail_every(run_once, "particles", 1);
}

/* ---- refusals ---- */

static void expect_refusal(const pf_table *source, const pf_table *target, pf_particles_options o,
                           pf_status want, const char *word) {
  pf_error error = {0};
  pf_particles p = {.steps = 77};
  assert_int_equal(pf_particles_run(source, target, &o, &p, &error), want);
  if (!strstr(error.message, word)) fail_msg("no '%s' in '%s'", word, error.message);
  assert_true(p.steps == 77 && !p.moved);
}

#define WRONG(field, value, word)                                                                            \
  do {                                                                                                       \
    pf_particles_options o = options_of("w1", .1);                                                           \
    o.field = value;                                                                                         \
    expect_refusal(NULL, target, o, PF_USAGE, word);                                                         \
  } while (0)

static void wrong_options_are_refused(void **state) {
  (void)state;
  pf_table *target = law_rows("law:moons", N, 1), *three = law_rows("law:sphere-shell", N, 1),
           *few = law_rows("law:moons", N - 1, 1);
  pf_particles_options good = options_of("w1", .1);
  WRONG(rows, 0, "rows is 0");
  WRONG(rows, PF_PARTICLES_MAX + 1, "8193");
  WRONG(steps, 0, "steps is 0");
  WRONG(step, -1, "step is -1");
  WRONG(step, NAN, "step is nan");
  WRONG(step, 1e308, "1e+308");
  WRONG(decay, -1, "decay is -1");
  WRONG(sinkhorn, INFINITY, "sinkhorn is inf");
  WRONG(distance, "w3", "did you mean 'w1'");
  WRONG(move, "hune", "heun");
  expect_refusal(three, target, good, PF_BAD_INPUT, "the source has 3 columns, the target 2");
  expect_refusal(few, target, good, PF_BAD_INPUT, "the source has 39 rows, 40");
  expect_refusal(NULL, few, good, PF_BAD_INPUT, "the target has 39 rows, 40");
  expect_refusal(NULL, NULL, good, PF_USAGE, "no rows to move towards");
  pf_table_free(target);
  pf_table_free(three);
  pf_table_free(few);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(distances_fall_and_repeat),   cmocka_unit_test(lands_on_the_target),
      cmocka_unit_test(default_steps_decay),         cmocka_unit_test(columns_are_matched_by_name),
      cmocka_unit_test(trajectory_holds_every_node), cmocka_unit_test(stopping_leaves_no_file),
      cmocka_unit_test(memory_may_run_out),          cmocka_unit_test(wrong_options_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
