/* Settings of the characteristic generator: options override defaults, wrong values are refused by name. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "methods/characteristic.h"

static pf_characteristic resolve(const pf_train_options *o, int d) {
  pf_characteristic c;
  pf_error error = {0};
  if (pf_characteristic_settings(o, d, NULL, &c, &error) != PF_OK) fail_msg("%s", error.message);
  return c;
}

static pf_train_options defaults(void) {
  return (pf_train_options){
#define PF_X(type, field, value, flag, placeholder, help) .field = value,
      PF_TRAIN_OPTIONS(PF_X)
#undef PF_X
  };
}

static void defaults_are_complete(void **state) {
  (void)state;
  pf_train_options o = defaults();
  pf_characteristic c = resolve(&o, 2), wide = resolve(&o, 8);
  assert_int_equal(c.velocity.network.inputs, 2);
  assert_int_equal(c.velocity.network.outputs, 2);
  assert_int_equal(c.velocity.network.times, 1);
  assert_int_equal(c.generator.network.times, 2);
  assert_int_equal(c.generator.network.width, c.velocity.network.width);
  assert_true(wide.velocity.network.width >= c.velocity.network.width);
  assert_true(c.velocity_steps > 0 && c.generator_steps > 0);
  assert_true(c.pairs.sorted + c.pairs.terminal + c.pairs.from_start + c.pairs.to_end + c.pairs.dyadic >
              1 - 1e-12);
  assert_true(c.pairs.sorted + c.pairs.terminal + c.pairs.from_start + c.pairs.to_end + c.pairs.dyadic <
              1 + 1e-12);
  assert_true(c.trajectories * (c.trajectory_steps + 1) < 1 << 24);
  assert_true(c.end == pf_interpolant_default_end(c.generator.interpolant));
}

/* Runs of the default length take the default rate and all trajectories, shorter ones larger steps and fewer; a rate that
 * was given is for any length. */
static void short_runs_adapt(void **state) {
  (void)state;
  pf_train_options o = defaults();
  for (int d = 2; d <= 8; d += 6) {
    pf_characteristic c = resolve(&o, d);
    const int64_t usual = c.velocity_steps + c.generator_steps;
    assert_true(pf_characteristic_learning_rate(&c, usual) == c.learning_rate);
    assert_true(pf_characteristic_learning_rate(&c, 10 * usual) == c.learning_rate);
    double eighth = pf_characteristic_learning_rate(&c, usual / 8); /* steps^(-1/3) */
    assert_true(fabs(eighth / (2 * c.learning_rate) - 1) < 1e-12);
    assert_true(pf_characteristic_learning_rate(&c, 2) == pf_characteristic_learning_rate(&c, 20));
    assert_true(pf_characteristic_learning_rate(&c, 2) < 0.1);
    assert_int_equal(pf_characteristic_trajectories(&c, c.generator_steps), c.trajectories);
    assert_true(pf_characteristic_trajectories(&c, 1000) < pf_characteristic_trajectories(&c, 2000));
    assert_true(pf_characteristic_trajectories(&c, 1) > 0);
  }
  o.learning_rate = 0.001;
  pf_characteristic given = resolve(&o, 2);
  assert_true(pf_characteristic_learning_rate(&given, 2) == 0.001);
}

static void options_override_defaults(void **state) {
  (void)state;
  pf_train_options o = defaults();
  o.face = "practical";
  o.start = "data";
  o.interpolant = "follmer";
  o.steps = 1000;
  o.width = 40;
  o.depth = 3;
  o.batch = 77;
  o.learning_rate = 0.5;
  o.clip = 0;
  o.ema = 0.25;
  o.teacher_share = 0.3;
  o.trajectory_steps = 9;
  o.semigroup = 0;
  pf_characteristic c = resolve(&o, 2);
  assert_int_equal(c.face, PF_FACE_PRACTICAL);
  assert_int_equal(c.start, PF_START_DATA);
  assert_int_equal(c.velocity.interpolant, PF_INTERPOLANT_FOLLMER);
  assert_int_equal(c.generator.interpolant, PF_INTERPOLANT_FOLLMER);
  assert_true(c.end == 0.999);
  assert_int_equal(c.velocity_steps, 300);
  assert_int_equal(c.generator_steps, 700);
  assert_int_equal(c.generator.network.width, 40);
  assert_int_equal(c.velocity.network.depth, 3);
  assert_int_equal(c.batch, 77);
  assert_true(c.learning_rate == 0.5 && c.clip == 0 && c.ema == 0.25 && c.teacher_share == 0.3);
  assert_int_equal(c.trajectory_steps, 9);
  assert_true(c.semigroup == 0);
  o.face = "theory";
  o.start = "trajectory";
  o.semigroup = 2;
  c = resolve(&o, 2);
  assert_int_equal(c.face, PF_FACE_THEORY);
  assert_int_equal(c.start, PF_START_TRAJECTORY);
  assert_true(c.semigroup == 2);
}

/* The teacher's share never leaves a stage without a step; a velocity alone takes all of them. */
static void both_stages_get_steps(void **state) {
  (void)state;
  pf_train_options o = defaults();
  o.steps = 2;
  const double shares[] = {0.01, 0.99};
  for (int i = 0; i < 2; i++) {
    o.teacher_share = shares[i];
    pf_characteristic c = resolve(&o, 2);
    assert_int_equal(c.velocity_steps, 1);
    assert_int_equal(c.generator_steps, 1);
  }
  o.method = "flow-matching";
  o.steps = 50;
  assert_int_equal(resolve(&o, 2).velocity_steps, 50);
}

/* Long trajectories: the table of nodes stays addressable by exact floats. */
static void long_trajectories_are_fewer(void **state) {
  (void)state;
  pf_train_options o = defaults();
  o.trajectory_steps = 1000;
  pf_characteristic c = resolve(&o, 2);
  assert_true(c.trajectories >= 1 && c.trajectories * 1001 < 1 << 24);
}

static void refused(const pf_train_options *o, const char *word) {
  pf_characteristic c;
  memset(&c, 7, sizeof c);
  pf_characteristic before = c;
  pf_error error = {0};
  if (pf_characteristic_settings(o, 2, NULL, &c, &error) != PF_USAGE) fail_msg("%s was not refused", word);
  if (!strstr(error.message, word)) fail_msg("'%s' does not name '%s'", error.message, word);
  assert_memory_equal(&c, &before, sizeof c);
}

#define REFUSED(field, value, word)                                                                          \
  do {                                                                                                       \
    pf_train_options bad = defaults();                                                                       \
    bad.field = value;                                                                                       \
    refused(&bad, word);                                                                                     \
  } while (0)

static void wrong_values_are_refused_by_name(void **state) {
  (void)state;
  REFUSED(steps, 1, "steps");
  REFUSED(steps, -3, "steps");
  REFUSED(budget, -1, "budget");
  REFUSED(budget, NAN, "budget");
  REFUSED(seed, -1, "seed");
  REFUSED(batch, -5, "batch");
  REFUSED(batch, INT64_C(4294967360), "batch"); /* 64 once cut to 32 bits */
  REFUSED(width, -1, "width");
  REFUSED(width, INT64_C(4294967312), "width");
  REFUSED(depth, 65, "depth");
  REFUSED(depth, INT64_C(4294967298), "depth");
  REFUSED(learning_rate, -1e-3, "learning-rate");
  REFUSED(learning_rate, NAN, "learning-rate");
  REFUSED(clip, NAN, "clip");
  REFUSED(clip, -2, "clip");
  REFUSED(ema, 1, "ema");
  REFUSED(ema, NAN, "ema");
  REFUSED(teacher_share, 1, "teacher-share");
  REFUSED(trajectory_steps, 1001, "trajectory-steps");
  REFUSED(trajectory_steps, INT64_C(4294967304), "trajectory-steps");
  REFUSED(semigroup, NAN, "semigroup");
  REFUSED(semigroup, -2, "semigroup");
  REFUSED(curve_points, 51, "curve-points");
  REFUSED(curve_points, -1, "curve-points");
}

static void unknown_names_list_the_valid_ones(void **state) {
  (void)state;
  REFUSED(face, "practicle", "did you mean 'practical'");
  REFUSED(face, "x", "theory");
  REFUSED(start, "prior", "trajectory");
  REFUSED(interpolant, "cosine", "linear, follmer, trig");
  pf_train_options o = defaults();
  o.face = "theory";
  o.start = "data";
  refused(&o, "start");
}

static void methods_are_found_by_name(void **state) {
  (void)state;
  const pf_method *method = NULL;
  pf_error error = {0};
  for (int i = 0; i < pf_method_count(); i++) {
    assert_int_equal(pf_method_find(pf_method_at(i)->name, &method, &error), PF_OK);
    assert_ptr_equal(method, pf_method_at(i));
    assert_true(strlen(method->description) > 10);
  }
  assert_null(pf_method_at(-1));
  assert_null(pf_method_at(pf_method_count()));
  assert_int_equal(pf_method_find("charakteristic", &method, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "'characteristic'"));
  assert_non_null(strstr(error.message, "flow-matching"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(defaults_are_complete),
      cmocka_unit_test(short_runs_adapt),
      cmocka_unit_test(options_override_defaults),
      cmocka_unit_test(both_stages_get_steps),
      cmocka_unit_test(long_trajectories_are_fewer),
      cmocka_unit_test(wrong_values_are_refused_by_name),
      cmocka_unit_test(unknown_names_list_the_valid_ones),
      cmocka_unit_test(methods_are_found_by_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
