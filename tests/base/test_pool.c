/* The pool: every task runs exactly once, in every phase, for any number of threads. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "base/pool.h"

enum { TASKS = 64, PHASES = 2000 };

typedef struct tally {
  int runs[TASKS];          /* plain ints: the pool's own ordering must make them visible to the caller */
  int phase;                /* written by the caller before each phase */
  int seen[TASKS];          /* the phase each task saw */
  atomic_int threads_in[8]; /* tasks that are running on a thread now: must never exceed 1 */
  atomic_int faults;
  int threads;
} tally;

static void count_run(void *context, int task, int thread) {
  tally *t = context;
  if (thread < 0 || thread >= t->threads || task < 0 || task >= TASKS) {
    atomic_fetch_add(&t->faults, 1);
    return;
  }
  if (atomic_fetch_add(&t->threads_in[thread], 1) != 0) atomic_fetch_add(&t->faults, 1);
  t->runs[task]++;
  t->seen[task] = t->phase;
  atomic_fetch_sub(&t->threads_in[thread], 1);
}

static void run_phases(int threads, int phases, int pause_every) {
  pf_pool *pool = NULL;
  assert_int_equal(pf_pool_create(threads, &pool, NULL), PF_OK);
  assert_int_equal(pf_pool_threads(pool), threads);
  tally t = {.threads = threads};
  int expected[TASKS] = {0};
  for (int p = 0; p < phases; p++) {
    int tasks = 1 + p % TASKS;
    t.phase = p;
    pf_pool_run(pool, tasks, count_run, &t);
    for (int i = 0; i < tasks; i++) {
      expected[i]++;
      assert_int_equal(t.seen[i], p);
    }
    if (pause_every && p % pause_every == 0) usleep(1500); /* long enough for the workers to fall asleep */
  }
  for (int i = 0; i < TASKS; i++) assert_int_equal(t.runs[i], expected[i]);
  assert_int_equal(atomic_load(&t.faults), 0);
  pf_pool_free(pool);
}

static void every_task_once_for_any_threads(void **state) {
  (void)state;
  static const int threads[] = {1, 2, 3, 5, 8};
  for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) run_phases(threads[i], PHASES, 0);
}

static void sleepers_wake_up(void **state) {
  (void)state;
  run_phases(2, 200, 4);
  run_phases(5, 200, 4);
}

static void sleep_then_mark(void *context, int task, int thread) {
  (void)thread;
  int *marks = context;
  usleep(2000);
  marks[task] = task + 1;
}

/* Tasks longer than the caller's polling: the caller sleeps and must be woken by the last task. */
static void caller_sleeps_until_the_end(void **state) {
  (void)state;
  pf_pool *pool = NULL;
  assert_int_equal(pf_pool_create(4, &pool, NULL), PF_OK);
  for (int p = 0; p < 10; p++) {
    int marks[7] = {0};
    pf_pool_run(pool, 7, sleep_then_mark, marks);
    for (int i = 0; i < 7; i++) assert_int_equal(marks[i], i + 1);
  }
  pf_pool_free(pool);
}

static void mark_thread(void *context, int task, int thread) {
  int *seen = context;
  (void)task;
  usleep(1000);
  seen[thread] = 1;
}

static void more_than_one_thread_works(void **state) {
  (void)state;
  pf_pool *pool = NULL;
  assert_int_equal(pf_pool_create(4, &pool, NULL), PF_OK);
  int seen[4] = {0};
  for (int p = 0; p < 20; p++) pf_pool_run(pool, 16, mark_thread, seen);
  for (int i = 0; i < 4; i++) assert_int_equal(seen[i], 1);
  pf_pool_free(pool);
}

static void no_pool_runs_here(void **state) {
  (void)state;
  tally t = {.threads = 1};
  pf_pool_run(NULL, 5, count_run, &t);
  pf_pool_run(NULL, 0, count_run, &t);
  for (int i = 0; i < TASKS; i++) assert_int_equal(t.runs[i], i < 5);
  assert_int_equal(atomic_load(&t.faults), 0);
  assert_int_equal(pf_pool_threads(NULL), 1);
  pf_pool_free(NULL);
}

static void zero_tasks_and_unused_pools(void **state) {
  (void)state;
  pf_pool *pool = NULL;
  assert_int_equal(pf_pool_create(3, &pool, NULL), PF_OK);
  tally t = {.threads = 3};
  pf_pool_run(pool, 0, count_run, &t);
  assert_int_equal(t.runs[0], 0);
  pf_pool_free(pool);
  assert_int_equal(pf_pool_create(0, &pool, NULL), PF_OK);
  assert_int_equal(pf_pool_threads(pool), pf_cpu_count());
  pf_pool_free(pool);
}

static void bad_counts_and_failed_allocations(void **state) {
  (void)state;
  pf_error error = {0};
  pf_pool *pool = NULL;
  assert_int_equal(pf_pool_create(-1, &pool, &error), PF_USAGE);
  assert_string_equal(error.message, "threads must be 0 to 1024, not -1");
  assert_int_equal(pf_pool_create(100000, &pool, &error), PF_USAGE);
  for (int k = 1; k <= 2; k++) {
    pf_memory_fail_at(k);
    assert_int_equal(pf_pool_create(2, &pool, &error), PF_NO_MEMORY);
    pf_memory_fail_at(0);
  }
  assert_null(pool);
}

typedef struct failing {
  atomic_int runs;
  int first, second; /* tasks that fail; -1: none */
} failing;

static pf_status fail_some(void *context, int task, int thread, pf_error *error) {
  failing *f = context;
  (void)thread;
  atomic_fetch_add(&f->runs, 1);
  if (task == f->first) usleep(20000); /* last by the clock */
  if (task != f->first && task != f->second) return PF_OK;
  return pf_fail(error, task == f->first ? PF_NON_FINITE : PF_FAILED, "task %d", task);
}

/* Whoever fails first on the clock. */
static void the_first_failure_by_number_is_told(void **state) {
  (void)state;
  for (int threads = 1; threads <= 4; threads++) {
    pf_pool *pool = NULL;
    pf_error error = {0};
    failing f = {.first = 5, .second = 9};
    assert_int_equal(pf_pool_create(threads, &pool, NULL), PF_OK);
    assert_int_equal(pf_pool_try(pool, 20, fail_some, &f, &error), PF_NON_FINITE);
    assert_string_equal(error.message, "task 5");
    assert_int_equal(f.runs, 20);
    assert_int_equal(pf_pool_try(pool, 20, fail_some, &f, NULL), PF_NON_FINITE);
    f = (failing){.first = -1, .second = -1};
    assert_int_equal(pf_pool_try(pool, 20, fail_some, &f, &error), PF_OK);
    assert_int_equal(f.runs, 20);
    pf_pool_free(pool);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_first_failure_by_number_is_told),
      cmocka_unit_test(every_task_once_for_any_threads),
      cmocka_unit_test(sleepers_wake_up),
      cmocka_unit_test(caller_sleeps_until_the_end),
      cmocka_unit_test(more_than_one_thread_works),
      cmocka_unit_test(no_pool_runs_here),
      cmocka_unit_test(zero_tasks_and_unused_pools),
      cmocka_unit_test(bad_counts_and_failed_allocations),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
