/* Samplers for hosts: the bytes of pf_model_sample in any cut and from noise; wrong arguments refused by name. What a call
 * promises beyond its values is in test_sampler_calls.c. */
#include "sampler_fixture.h"

/* ---- values ---- */

static void any_range_equals_the_model_s_samples(void **state) {
  (void)state;
  static const int64_t counts[] = {0, 1, 3, 4, 15, 17, 239, 255, 256, 257, 500, N};
  static double want[N * D], got[N * D];
  for (int m = 0; m < MODELS; m++)
    for (int w = 0; w < WAYS; w++) {
      fixture f = open_sampler(models[m], &ways[w]);
      assert_int_equal(pf_sampler_columns(f.sampler), D);
      for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        pf_sample_range range = {7, FIRST + (int64_t)i, counts[i]};
        pf_error error = {0};
        memset(want, 0, sizeof want);
        memset(got, 0, sizeof got);
        draw(models[m], &ways[w], range, want);
        must(pf_sampler_run(f.sampler, range, got, f.workspace, &error), &error);
        assert_memory_equal(want, got, sizeof want); /* and nothing behind the range is written */
      }
      close_sampler(&f);
    }
}

static void cuts_do_not_matter(void **state) {
  (void)state;
  static const int64_t cuts[] = {0, 1, 2, 18, 129, 256, 513, 699, N};
  static double whole[N * D], pieces[N * D];
  for (int w = 0; w < WAYS; w++) {
    fixture f = open_sampler(models[1], &ways[w]);
    pf_error error = {0};
    must(pf_sampler_run(f.sampler, (pf_sample_range){2, FIRST, N}, whole, f.workspace, &error), &error);
    for (int i = 0; i + 1 < 9; i++) {
      pf_sample_range range = {2, FIRST + cuts[i], cuts[i + 1] - cuts[i]};
      must(pf_sampler_run(f.sampler, range, pieces + cuts[i] * D, f.workspace, &error), &error);
    }
    assert_memory_equal(whole, pieces, sizeof whole);
    close_sampler(&f);
  }
}

static void own_noise_and_floats(void **state) {
  (void)state;
  static double want[N * D], got[N * D];
  static float z[N * D], narrow[N * D], again[N * D];
  const pf_sample_range range = {3, FIRST, N};
  for (int m = 0; m < MODELS; m++)
    for (int w = 0; w < WAYS; w++) {
      fixture f = open_sampler(models[m], &ways[w]);
      pf_error error = {0};
      must(pf_sampler_run(f.sampler, range, want, f.workspace, &error), &error);
      must(pf_sampler_noise(f.sampler, range, z, &error), &error);
      must(pf_sampler_run_from_noise(f.sampler, z, N, got, f.workspace, &error), &error);
      assert_memory_equal(want, got, sizeof want);
      must(pf_sampler_run_f32(f.sampler, range, narrow, f.workspace, &error), &error);
      must(pf_sampler_run_from_noise_f32(f.sampler, z, N, again, f.workspace, &error), &error);
      assert_memory_equal(narrow, again, sizeof narrow);
      for (int i = 0; i < N * D; i++) assert_true(narrow[i] == (float)want[i]);
      z[0] += 1; /* the noise is what is mapped */
      must(pf_sampler_run_from_noise(f.sampler, z, N, got, f.workspace, &error), &error);
      assert_true(got[0] != want[0] && memcmp(got + D, want + D, (N - 1) * D * sizeof *got) == 0);
      close_sampler(&f);
    }
}

static void the_workspace_may_lie_anywhere(void **state) {
  (void)state;
  static double want[N * D], got[N * D];
  const pf_sample_range range = {1, 0, N};
  fixture f = open_sampler(models[0], &ways[2]);
  pf_error error = {0};
  char *memory = malloc(f.workspace.bytes + 64);
  must(pf_sampler_run(f.sampler, range, want, f.workspace, &error), &error);
  for (int shift = 0; shift < 64; shift += 7) {
    pf_workspace workspace = {memory + shift, f.workspace.bytes}; /* address sanitizer sees a byte too many */
    must(pf_sampler_run(f.sampler, range, got, workspace, &error), &error);
    assert_memory_equal(want, got, sizeof want);
  }
  free(memory);
  close_sampler(&f);
}

/* ---- wrong arguments ---- */

static void expect(pf_status got, pf_status want, const pf_error *error, const char *word) {
  if (got != want || error->status != want || !strstr(error->message, word))
    fail_msg("'%s' expected, got %s '%s'", word, pf_status_name(got), error->message);
}

static void wrong_options_are_refused(void **state) {
  (void)state;
  static const int64_t steps[] = {-1, 1000001};
  pf_sampler *sampler = NULL;
  pf_error error = {0};
  for (int i = 0; i < 2; i++) {
    char word[32];
    snprintf(word, sizeof word, "steps is %lld", (long long)steps[i]);
    expect(pf_sampler_create(models[0], &(pf_sampler_options){.steps = steps[i]}, &sampler, &error), PF_USAGE,
           &error, word);
  }
  expect(pf_sampler_create(NULL, NULL, &sampler, &error), PF_USAGE, &error, "model");
  assert_null(sampler);
  must(pf_sampler_create(models[0], NULL, &sampler, &error), &error); /* NULL options: one step */
  pf_sampler_free(sampler);
  pf_sampler_free(NULL);
}

static void wrong_runs_are_refused(void **state) {
  (void)state;
  static const double zero[2 * D] = {0};
  double out[2 * D] = {0};
  float z[2 * D] = {0};
  fixture f = open_sampler(models[0], &ways[0]);
  const pf_sampler *s = f.sampler;
  const pf_sample_range two = {1, 0, 2};
  pf_error error = {0};
  pf_workspace w = f.workspace, none = {NULL, w.bytes}, little = {w.memory, w.bytes - 1};
  expect(pf_sampler_run(NULL, two, out, w, &error), PF_USAGE, &error, "sampler");
  expect(pf_sampler_run(s, two, NULL, w, &error), PF_USAGE, &error, "output");
  expect(pf_sampler_run(s, two, out, none, &error), PF_USAGE, &error, "workspace");
  expect(pf_sampler_run(s, two, out, little, &error), PF_USAGE, &error, "bytes, needs");
  expect(pf_sampler_run(s, (pf_sample_range){1, 0, -1}, out, w, &error), PF_USAGE, &error, "-1");
  expect(pf_sampler_run(s, (pf_sample_range){1, -3, 1}, out, w, &error), PF_USAGE, &error, "-3");
  expect(pf_sampler_run(s, (pf_sample_range){1, INT64_MAX - 1, 2}, out, w, &error), PF_USAGE, &error,
         "at most");
  expect(pf_sampler_run_f32(s, two, NULL, w, &error), PF_USAGE, &error, "output");
  expect(pf_sampler_run_from_noise(s, NULL, 2, out, w, &error), PF_USAGE, &error, "noise");
  expect(pf_sampler_run_from_noise(s, z, -1, out, w, &error), PF_USAGE, &error, "-1");
  expect(pf_sampler_noise(s, two, NULL, &error), PF_USAGE, &error, "noise");
  expect(pf_sampler_noise(NULL, two, z, &error), PF_USAGE, &error, "sampler");
  must(pf_sampler_run(s, (pf_sample_range){1, 0, 0}, NULL, w, &error), &error);
  must(pf_sampler_run_from_noise(s, NULL, 0, NULL, w, &error), &error);
  assert_memory_equal(out, zero, sizeof out);
  close_sampler(&f);
}

static void noise_that_is_not_finite_is_named(void **state) {
  (void)state;
  static const float bad[] = {NAN, INFINITY, -INFINITY};
  static double out[N * D], zero[N * D];
  static float z[N * D];
  pf_error error = {0};
  for (int w = 0; w < WAYS; w++) {
    fixture f = open_sampler(models[1], &ways[w]);
    for (int i = 0; i < 3; i++) {
      must(pf_sampler_noise(f.sampler, (pf_sample_range){1, 0, N}, z, &error), &error);
      z[(N - 2) * D + 1] = bad[i]; /* behind rows that would be fine */
      expect(pf_sampler_run_from_noise(f.sampler, z, N, out, f.workspace, &error), PF_BAD_INPUT, &error,
             "noise row 698, column 1");
      assert_memory_equal(out, zero, sizeof out);
    }
    close_sampler(&f);
  }
}

/* Finite noise so large that the network overflows: an error that names the sample. */
static void overflow_is_an_error(void **state) {
  (void)state;
  static float z[N * D];
  static double out[N * D];
  fixture f = open_sampler(models[1], &ways[1]); /* of 40 units some have weights that add to more than 1 */
  pf_error error = {0};
  for (int i = 0; i < N * D; i++) z[i] = i / D == 300 ? 3e38f : 1;
  expect(pf_sampler_run_from_noise(f.sampler, z, N, out, f.workspace, &error), PF_NON_FINITE, &error,
         "sample 300, column");
  close_sampler(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(any_range_equals_the_model_s_samples),
      cmocka_unit_test(cuts_do_not_matter),
      cmocka_unit_test(own_noise_and_floats),
      cmocka_unit_test(the_workspace_may_lie_anywhere),
      cmocka_unit_test(wrong_options_are_refused),
      cmocka_unit_test(wrong_runs_are_refused),
      cmocka_unit_test(noise_that_is_not_finite_is_named),
      cmocka_unit_test(overflow_is_an_error),
  };
  return cmocka_run_group_tests(tests, make_models, free_models);
}
