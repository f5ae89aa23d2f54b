/* Samplers for hosts: the bytes of pf_model_sample in any cut, from noise, in any number of threads; nothing allocated in
 * a run; wrong arguments refused by name. */
#include <pthread.h>
#include "tiny_train.h"

/* ---- every allocation of the process is counted, also those that do not come from pf_alloc ---- */

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
static _Thread_local int64_t allocations;

void *malloc(size_t size) {
  allocations++;
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  allocations++;
  return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
  allocations++;
  return __libc_realloc(old, size);
}

int posix_memalign(void **out, size_t alignment, size_t size) {
  allocations++;
  return (*out = __libc_memalign(alignment, size)) ? 0 : 12;
}

void *aligned_alloc(size_t alignment, size_t size) {
  allocations++;
  return __libc_memalign(alignment, size);
}

static int64_t allocations_so_far(void) { return allocations; }
#else
static int64_t allocations_so_far(void) { return pf_memory_allocations(); }
#endif

/* ---- models ---- */

enum { N = 700, D = 2, FIRST = 70000 };

static pf_model *models[2]; /* standard and quantile encoder */
enum { MODELS = sizeof models / sizeof *models };

static const pf_sampler_options ways[] = {
    {.steps = 1}, {.steps = 3}, {.steps = 5, .teacher = true}, {.steps = 2, .precision = "bf16"}};
enum { WAYS = sizeof ways / sizeof *ways };

static int make_models(void **state) {
  (void)state;
  static const char *const encoders[MODELS] = {"standard", "quantile"};
  for (int m = 0; m < MODELS; m++) {
    pf_train_options o = tiny_options();
    o.width = m == 0 ? 4 : 40; /* products of a few columns, and packed ones */
    o.encoder = encoders[m];
    models[m] = train_on("law:moons", &o);
  }
  return 0;
}

static int free_models(void **state) {
  (void)state;
  for (int m = 0; m < MODELS; m++) pf_model_free(models[m]);
  return 0;
}

/* A sampler with its workspace. */
typedef struct fixture {
  pf_sampler *sampler;
  pf_workspace workspace;
} fixture;

static fixture open_sampler(const pf_model *model, const pf_sampler_options *options) {
  fixture f = {0};
  pf_error error = {0};
  must(pf_sampler_create(model, options, &f.sampler, &error), &error);
  f.workspace.bytes = pf_sampler_workspace_bytes(f.sampler);
  f.workspace.memory = malloc(f.workspace.bytes);
  memset(f.workspace.memory, 0xA5, f.workspace.bytes); /* its contents do not matter */
  return f;
}

static void close_sampler(fixture *f) {
  pf_sampler_free(f->sampler);
  free(f->workspace.memory);
}

static void draw(const pf_model *model, const pf_sampler_options *way, pf_sample_range range, double *out) {
  pf_sample_options o = {.steps = way->steps,
                         .teacher = way->teacher,
                         .precision = way->precision,
                         .seed = range.seed,
                         .first = range.first,
                         .threads = 2};
  pf_error error = {0};
  must(pf_model_sample(model, &o, range.n, out, &error), &error);
}

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

/* ---- promises of a run ---- */

static void a_run_allocates_nothing(void **state) {
  (void)state;
  static double out[N * D];
  static float z[N * D];
  for (int m = 0; m < MODELS; m++)
    for (int w = 0; w < WAYS; w++) {
      fixture f = open_sampler(models[m], &ways[w]);
      pf_error error = {0};
      int64_t ours = pf_memory_allocations(), all = allocations_so_far();
      pf_status status = pf_sampler_run(f.sampler, (pf_sample_range){1, 0, N}, out, f.workspace, &error);
      if (status == PF_OK)
        status = pf_sampler_run(f.sampler, (pf_sample_range){1, 5, 1}, out, f.workspace, &error);
      if (status == PF_OK) status = pf_sampler_noise(f.sampler, (pf_sample_range){1, 0, N}, z, &error);
      if (status == PF_OK) status = pf_sampler_run_from_noise(f.sampler, z, N, out, f.workspace, &error);
      ours = pf_memory_allocations() - ours;
      all = allocations_so_far() - all;
      must(status, &error);
      assert_int_equal(ours, 0);
      assert_int_equal(all, 0);
      close_sampler(&f);
    }
}

typedef struct host {
  const pf_sampler *sampler;
  double out[N * D];
  pf_status status;
} host;

static void *run_host(void *context) {
  host *h = context;
  size_t size = pf_sampler_workspace_bytes(h->sampler);
  pf_workspace workspace = {malloc(size), size};
  for (int repeat = 0; repeat < 20 && h->status == PF_OK; repeat++)
    h->status = pf_sampler_run(h->sampler, (pf_sample_range){5, 11, N}, h->out, workspace, NULL);
  free(workspace.memory);
  return NULL;
}

static void two_threads_may_run_one_sampler(void **state) {
  (void)state;
  static double alone[N * D];
  static host hosts[2];
  pthread_t threads[2];
  pf_error error = {0};
  for (int w = 0; w < WAYS; w++) {
    fixture f = open_sampler(models[1], &ways[w]);
    must(pf_sampler_run(f.sampler, (pf_sample_range){5, 11, N}, alone, f.workspace, &error), &error);
    for (int i = 0; i < 2; i++) {
      hosts[i] = (host){.sampler = f.sampler};
      assert_int_equal(pthread_create(&threads[i], NULL, run_host, &hosts[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
      pthread_join(threads[i], NULL);
      assert_int_equal(hosts[i].status, PF_OK);
      assert_memory_equal(alone, hosts[i].out, sizeof alone);
    }
    close_sampler(&f);
  }
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
      cmocka_unit_test(a_run_allocates_nothing),
      cmocka_unit_test(two_threads_may_run_one_sampler),
      cmocka_unit_test(wrong_options_are_refused),
      cmocka_unit_test(wrong_runs_are_refused),
      cmocka_unit_test(noise_that_is_not_finite_is_named),
      cmocka_unit_test(overflow_is_an_error),
  };
  return cmocka_run_group_tests(tests, make_models, free_models);
}
