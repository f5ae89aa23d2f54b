/* Thread pool. One atomic word, `remaining`, is both the announcement of a phase and its task counter.
 *
 *   publish   the caller writes the job, sets `done` = 0, then stores remaining = tasks
 *   claim     compare-and-swap remaining -> remaining - 1; whoever succeeds owns task tasks - remaining.
 *             The phase cannot end before that task has, so the job may be read after the claim, and a
 *             claim made with a value read in an earlier phase is just as good.
 *   finish    `done` + 1 after each task; the caller returns when done = tasks
 *
 * A worker that slept through a phase is never waited for: on a busy machine the others take its share.
 * Waiting is spinning, then yielding, then a condition variable. With more threads than cores it is the
 * condition variable at once: whoever polls takes the core from the thread it waits for. */
#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

#include "canary.h"
#include "cpu.h"
#include "memory.h"

enum { MAX_THREADS = 1024, CACHE_LINE = 64 };

static const double SPIN_SECONDS = 50e-6;  /* covers the host work between two phases of a step */
static const double POLL_SECONDS = 150e-6; /* spinning and yielding; then a sleep costs less than it saves */

typedef struct worker {
  pf_pool *pool;
  pthread_t thread;
  int index;
} worker;

struct pf_pool {
  _Alignas(CACHE_LINE) atomic_int remaining; /* tasks of the phase nobody has claimed */
  _Alignas(CACHE_LINE) atomic_int done;      /* tasks of the phase that are finished */
  _Alignas(CACHE_LINE) pf_pool_task *task;   /* the job: written before `remaining`, read after a claim */
  void *context;
  int tasks;
  int threads;
  bool polls; /* there is a core for every thread */
  atomic_bool stop;
  atomic_int sleepers;      /* workers inside the condition variable, or about to be */
  atomic_bool caller_waits; /* the caller is inside `finished`, or about to be */
  pthread_mutex_t mutex;
  pthread_cond_t work, finished;
  worker *workers; /* threads - 1 of them; worker i is thread i + 1 */
};

typedef bool condition(const pf_pool *pool);

static bool has_work(const pf_pool *pool) {
  return atomic_load(&pool->remaining) > 0 || atomic_load(&pool->stop);
}

static bool is_finished(const pf_pool *pool) {
  return atomic_load(&pool->done) >= PF_CANARY(POOL_ONE_TASK_SHORT, pool->tasks, pool->tasks - 1);
}

/* Polls for a bounded time; true once the condition holds. */
static bool poll_briefly(const pf_pool *pool, condition *holds) {
  if (holds(pool)) return true;
  if (!pool->polls) return false;
  double start = pf_clock_seconds(), waited = 0.0;
  while (waited < POLL_SECONDS) {
    if (waited < SPIN_SECONDS) {
      for (int i = 0; i < 16; i++) {
        if (holds(pool)) return true;
        pf_cpu_pause();
      }
    } else {
      if (holds(pool)) return true;
      sched_yield();
    }
    waited = pf_clock_seconds() - start;
  }
  return holds(pool);
}

static void wait_for_work(pf_pool *pool) {
  if (poll_briefly(pool, has_work)) return;
  pthread_mutex_lock(&pool->mutex);
  /* First announce the sleep, then look again; the caller publishes first and then looks for
   * sleepers. One of the two sees the other. */
  atomic_fetch_add(&pool->sleepers, 1);
  while (!has_work(pool)) pthread_cond_wait(&pool->work, &pool->mutex);
  atomic_fetch_sub(&pool->sleepers, 1);
  pthread_mutex_unlock(&pool->mutex);
}

static void wait_for_end(pf_pool *pool) {
  if (poll_briefly(pool, is_finished)) return;
  pthread_mutex_lock(&pool->mutex);
  atomic_store(&pool->caller_waits, true);
  while (!is_finished(pool)) pthread_cond_wait(&pool->finished, &pool->mutex);
  atomic_store(&pool->caller_waits, false);
  pthread_mutex_unlock(&pool->mutex);
}

static void finish_task(pf_pool *pool, int tasks) {
  if (atomic_fetch_add(&pool->done, 1) + 1 < tasks || !atomic_load(&pool->caller_waits)) return;
  pthread_mutex_lock(&pool->mutex);
  pthread_cond_signal(&pool->finished);
  pthread_mutex_unlock(&pool->mutex);
}

/* Claims and runs tasks until none is left to claim. */
static void work_through(pf_pool *pool, int thread) {
  int remaining = atomic_load(&pool->remaining);
  while (remaining > 0) {
    if (!atomic_compare_exchange_weak(&pool->remaining, &remaining, remaining - 1)) continue;
    int tasks = pool->tasks;
    pool->task(pool->context, tasks - remaining, thread);
    finish_task(pool, tasks);
    remaining = atomic_load(&pool->remaining);
  }
}

static void *worker_main(void *argument) {
  worker *self = argument;
  while (!atomic_load(&self->pool->stop)) {
    wait_for_work(self->pool);
    work_through(self->pool, self->index);
  }
  return NULL;
}

static void wake_workers(pf_pool *pool, int wanted) {
  if (atomic_load(&pool->sleepers) == 0) return;
  pthread_mutex_lock(&pool->mutex);
  if (wanted >= pool->threads - 1) {
    pthread_cond_broadcast(&pool->work);
  } else {
    for (int i = 0; i < wanted; i++) pthread_cond_signal(&pool->work);
  }
  pthread_mutex_unlock(&pool->mutex);
}

void pf_pool_run(pf_pool *pool, int tasks, pf_pool_task *task, void *context) {
  if (!pool || pool->threads == 1 || tasks <= 1) {
    for (int i = 0; i < tasks; i++) task(context, i, 0);
    return;
  }
  pool->task = task;
  pool->context = context;
  pool->tasks = tasks;
  atomic_store(&pool->done, 0);
  atomic_store(&pool->remaining, tasks);
  wake_workers(pool, tasks - 1);
  work_through(pool, 0);
  wait_for_end(pool);
}

/* Stops and joins the first `started` workers and releases everything. */
static void stop_pool(pf_pool *pool, int started) {
  pthread_mutex_lock(&pool->mutex);
  atomic_store(&pool->stop, true);
  pthread_cond_broadcast(&pool->work);
  pthread_mutex_unlock(&pool->mutex);
  for (int i = 0; i < started; i++) pthread_join(pool->workers[i].thread, NULL);
  pthread_cond_destroy(&pool->work);
  pthread_cond_destroy(&pool->finished);
  pthread_mutex_destroy(&pool->mutex);
  pf_free(pool->workers);
  pf_free(pool);
}

/* Workers start with every signal blocked: handlers run in the host's own threads. Returns how many
 * of the threads - 1 workers there are. */
static int start_workers(pf_pool *pool) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int started = 0;
  for (; started < pool->threads - 1; started++) {
    worker *w = &pool->workers[started];
    *w = (worker){.pool = pool, .index = started + 1};
    if (pthread_create(&w->thread, NULL, worker_main, w) != 0) break;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return started;
}

pf_status pf_pool_create(int threads, pf_pool **out, pf_error *error) {
  if (threads < 0 || threads > MAX_THREADS) {
    return pf_fail(error, PF_USAGE, "threads must be 0 to %d, not %d", MAX_THREADS, threads);
  }
  int cores = pf_cpu_count();
  if (threads == 0) threads = cores < MAX_THREADS ? cores : MAX_THREADS;
  pf_pool *pool = NULL;
  worker *workers = NULL;
  PF_TRY(pf_alloc(1, sizeof *pool, &pool, error));
  pf_status status = pf_alloc((size_t)threads, sizeof *workers, &workers, error);
  if (status != PF_OK) {
    pf_free(pool);
    return status;
  }
  pool->threads = threads;
  pool->workers = workers;
  pool->polls = threads <= cores;
  pthread_mutex_init(&pool->mutex, NULL);
  pthread_cond_init(&pool->work, NULL);
  pthread_cond_init(&pool->finished, NULL);
  int started = start_workers(pool);
  if (started < threads - 1) {
    stop_pool(pool, started);
    return pf_fail(error, PF_FAILED, "cannot start thread %d of %d", started + 2, threads);
  }
  *out = pool;
  return PF_OK;
}

void pf_pool_free(pf_pool *pool) {
  if (pool) stop_pool(pool, pool->threads - 1);
}

int pf_pool_threads(const pf_pool *pool) { return pool ? pool->threads : 1; }

/* ---- tasks that may fail ---- */

typedef struct attempts {
  pf_pool_attempt *attempt;
  void *context;
  pf_status *status; /* per task */
  pf_error *errors;
} attempts;

static void attempt_task(void *context, int task, int thread) {
  const attempts *a = context;
  a->status[task] = a->attempt(a->context, task, thread, &a->errors[task]);
}

pf_status pf_pool_try(pf_pool *pool, int tasks, pf_pool_attempt *attempt, void *context, pf_error *error) {
  attempts a = {.attempt = attempt, .context = context};
  pf_status status = pf_alloc((size_t)tasks, sizeof *a.status, &a.status, error);
  if (status == PF_OK) status = pf_alloc((size_t)tasks, sizeof *a.errors, &a.errors, error);
  if (status == PF_OK) pf_pool_run(pool, tasks, attempt_task, &a);
  for (int i = 0; i < tasks && status == PF_OK; i++) {
    status = a.status[i];
    if (status != PF_OK && error) *error = a.errors[i];
  }
  pf_free(a.status);
  pf_free(a.errors);
  return status;
}
