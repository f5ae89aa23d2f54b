/* What a call of a sampler promises a host beyond its values: no memory is asked for or given back, and any number of threads
 * run one const sampler, each in its own workspace, to the bytes of pf_model_sample. */
#include "count_allocations.h"
#include <pthread.h>
#include "sampler_fixture.h"
#include "tiny_flow.h"

enum { THREADS = 16, REPEATS = 3 };

static const pf_sampler_options more_ways[] = {{.steps = 4, .solver = "heun"},
                                               {.steps = 3, .solver = "rk4"},
                                               {.steps = 3, .solver = "exponential-2m"},
                                               {.steps = 2, .solver = "local-linear"}};
enum { MORE_WAYS = sizeof more_ways / sizeof *more_ways };

static const pf_sampler_options flow_ways[] = {{.steps = 0}, {.steps = 2, .solver = "midpoint"}};
enum { FLOW_WAYS = sizeof flow_ways / sizeof *flow_ways };

static pf_model *flow;

static int make_all(void **state) {
  const pf_train_options o = tiny_flow("otflow");
  flow = train_flow("law:moons", &o);
  return make_models(state);
}

static int free_all(void **state) {
  pf_model_free(flow);
  return free_models(state);
}

/* A model and a way to sample it. */
typedef struct subject {
  const pf_model *model;
  const pf_sampler_options *way;
} subject;
enum { SUBJECTS = MODELS * (WAYS + MORE_WAYS) + FLOW_WAYS };

static subject subject_at(int i) {
  const int each = WAYS + MORE_WAYS, w = i % each;
  if (i >= MODELS * each) return (subject){flow, &flow_ways[i - MODELS * each]};
  return (subject){models[i / each], w < WAYS ? &ways[w] : &more_ways[w - WAYS]};
}

/* ---- memory ---- */

/* The counter sees what a call would do: every one of these functions, once. */
static void the_counter_counts(void **state) {
  (void)state;
  if (!counts_allocations()) skip();
  int64_t before = allocations_so_far();
  void *volatile one = malloc(10); /* volatile: the compiler may not leave the pair out */
  one = realloc(one, 5000);
  free(one);
  assert_int_equal(allocations_so_far() - before, 3);
  one = calloc(3, 7);
  free(one);
  one = aligned_alloc(64, 128);
  free(one);
  void *aligned = NULL;
  assert_int_equal(posix_memalign(&aligned, 64, 100), 0);
  one = aligned;
  free(one);
  assert_int_equal(allocations_so_far() - before, 9);
  one = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  assert_ptr_not_equal(one, MAP_FAILED);
  munmap(one, 4096);
  assert_int_equal(allocations_so_far() - before, 10);
}

/* And sees it inside of a call: dopri5 allocates, as its documentation says. */
static void the_counter_sees_a_call_that_allocates(void **state) {
  (void)state;
  if (!counts_allocations()) skip();
  double out[D];
  fixture f = open_sampler(models[0], &(pf_sampler_options){.steps = 3, .solver = "dopri5"});
  pf_error error = {0};
  int64_t before = allocations_so_far();
  pf_status status = pf_sampler_run(f.sampler, (pf_sample_range){1, 0, 1}, out, f.workspace, &error);
  int64_t calls = allocations_so_far() - before;
  must(status, &error);
  assert_true(calls > 0);
  close_sampler(&f);
}

/* All forms of a run, many rows and one. */
static pf_status run_all(const fixture *f, pf_error *error) {
  static _Thread_local double out[N * D];
  static _Thread_local float z[N * D], narrow[N * D];
  const pf_sampler *s = f->sampler;
  for (int64_t n = N; n > 0; n = n == N ? 1 : 0) {
    const pf_sample_range range = {1, 5, n};
    pf_status status = pf_sampler_run(s, range, out, f->workspace, error);
    if (status == PF_OK) status = pf_sampler_run_f32(s, range, narrow, f->workspace, error);
    if (status == PF_OK) status = pf_sampler_noise(s, range, z, error);
    if (status == PF_OK) status = pf_sampler_run_from_noise(s, z, n, out, f->workspace, error);
    if (status == PF_OK) status = pf_sampler_run_from_noise_f32(s, z, n, narrow, f->workspace, error);
    if (status != PF_OK) return status;
  }
  return PF_OK;
}

/* Calls of an allocator during all forms of a run; -1 when nothing counts them. */
static int64_t calls_of_a_run(subject what) {
  fixture f = open_sampler(what.model, what.way);
  pf_error error = {0};
  int64_t ours = pf_memory_allocations(), all = allocations_so_far();
  pf_status status = run_all(&f, &error);
  ours = pf_memory_allocations() - ours;
  all = allocations_so_far() - all;
  must(status, &error);
  assert_int_equal(ours, 0); /* under sanitizers too */
  close_sampler(&f);
  return counts_allocations() ? all : -1;
}

static void a_run_allocates_nothing(void **state) {
  (void)state;
  int64_t calls = 0;
  for (int i = 0; i < SUBJECTS; i++) calls += calls_of_a_run(subject_at(i));
  if (!counts_allocations()) skip();
  assert_int_equal(calls, 0);
}

/* ---- threads ---- */

typedef struct host {
  const pf_sampler *sampler;
  pthread_barrier_t *together;
  pf_workspace workspace;
  float z[N * D];
  double out[N * D], from_noise[N * D];
  pf_status status;
  int64_t calls; /* of an allocator, during the runs */
} host;

static void *run_host(void *context) {
  host *h = context;
  const pf_sample_range range = {5, 11, N};
  pthread_barrier_wait(h->together);
  int64_t before = allocations_so_far();
  for (int repeat = 0; repeat < REPEATS && h->status == PF_OK; repeat++) {
    h->status = pf_sampler_run(h->sampler, range, h->out, h->workspace, NULL);
    if (h->status == PF_OK) h->status = pf_sampler_noise(h->sampler, range, h->z, NULL);
    if (h->status == PF_OK)
      h->status = pf_sampler_run_from_noise(h->sampler, h->z, N, h->from_noise, h->workspace, NULL);
  }
  h->calls = allocations_so_far() - before;
  return NULL;
}

static void run_together(const pf_sampler *sampler, host hosts[THREADS]) {
  pthread_t threads[THREADS];
  pthread_barrier_t together;
  assert_int_equal(pthread_barrier_init(&together, NULL, THREADS), 0);
  for (int i = 0; i < THREADS; i++) {
    hosts[i] = (host){.sampler = sampler, .together = &together};
    hosts[i].workspace.bytes = pf_sampler_workspace_bytes(sampler);
    hosts[i].workspace.memory = malloc(hosts[i].workspace.bytes);
    assert_int_equal(pthread_create(&threads[i], NULL, run_host, &hosts[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    free(hosts[i].workspace.memory);
  }
  pthread_barrier_destroy(&together);
}

static void sixteen_threads_run_one_sampler(void **state) {
  (void)state;
  static double want[N * D];
  static host hosts[THREADS];
  for (int k = 0; k < SUBJECTS; k++) {
    subject what = subject_at(k);
    fixture f = open_sampler(what.model, what.way);
    draw(what.model, what.way, (pf_sample_range){5, 11, N}, want);
    run_together(f.sampler, hosts);
    for (int i = 0; i < THREADS; i++) {
      assert_int_equal(hosts[i].status, PF_OK);
      assert_memory_equal(want, hosts[i].out, sizeof want);
      assert_memory_equal(want, hosts[i].from_noise, sizeof want);
      assert_int_equal(hosts[i].calls, 0);
    }
    close_sampler(&f);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_counter_counts),
      cmocka_unit_test(the_counter_sees_a_call_that_allocates),
      cmocka_unit_test(a_run_allocates_nothing),
      cmocka_unit_test(sixteen_threads_run_one_sampler),
  };
  return cmocka_run_group_tests(tests, make_all, free_all);
}
