/* Thread pool: persistent threads that run independent tasks of one phase.
 *
 * Task i always does the same work whatever thread runs it; who runs it is decided by an atomic
 * counter, so results never depend on the number of threads. Waiting spins briefly, then sleeps.
 */
#ifndef PF_BASE_POOL_H
#define PF_BASE_POOL_H

#include "status.h"

typedef struct pf_pool pf_pool;

/* `task` in 0..tasks-1; `thread` in 0..threads-1 names the calling worker (for scratch). */
typedef void pf_pool_task(void *context, int task, int thread);

/* threads 0 = one per available core (respecting the affinity mask). 1 makes no thread at all. */
pf_status pf_pool_create(int threads, pf_pool **out, pf_error *error);
void pf_pool_free(pf_pool *pool);
int pf_pool_threads(const pf_pool *pool); /* NULL counts as 1 */

/* Runs all tasks and returns when they are done; the caller works too. pool NULL runs them here.
 * One phase at a time per pool. */
void pf_pool_run(pf_pool *pool, int tasks, pf_pool_task *task, void *context);

/* A task that may fail. */
typedef pf_status pf_pool_attempt(void *context, int task, int thread, pf_error *error);

/* The same for such tasks: all of them run, and the status and message are those of the first one that failed, by number and
 * not by the clock. */
pf_status pf_pool_try(pf_pool *pool, int tasks, pf_pool_attempt *attempt, void *context, pf_error *error);

#endif
