/* The engine: measures what the journal does not have, cell by cell over the threads, then lets every experiment conclude.
 *
 * A cell fails the run when it returns an error; cells already under way are finished and kept first. Only thread 0 is the
 * caller's, and only it may call the hooks; the others read `stopping`.
 */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../base/cpu.h"
#include "../base/memory.h"
#include "../base/pool.h"
#include "../base/text.h"
#include "journal.h"
#include "study.h"

static const pf_study_plan *const plans[] = {
#define PF_STUDY(NAME, name, plan) &plan,
#include "studies.def"
#undef PF_STUDY
};

enum { COUNT = sizeof plans / sizeof *plans, MOST_EXPERIMENTS = 32 };

const pf_study_plan *pf_study_plan_at(int index) { return index >= 0 && index < COUNT ? plans[index] : NULL; }

pf_status pf_study_plan_find(const char *method, const pf_study_plan **out, pf_error *error) {
  const char *names[COUNT];
  for (int i = 0; i < COUNT; i++) {
    names[i] = plans[i]->method;
    if (strcmp(names[i], method) != 0) continue;
    *out = plans[i];
    return PF_OK;
  }
  return pf_fail_unknown(error, "study", method, names, COUNT);
}

/* ---- one run ---- */

typedef struct job {
  int experiment, cell; /* of the study */
  double cost;
} job;

typedef struct engine {
  const pf_study_plan *plan;
  const pf_study_options *options;
  pf_study *study;
  const pf_experiment_plan **entries; /* of study->experiments */
  pf_journal journal;
  job *jobs;
  int n_jobs;
  double cost, begun;
  atomic_bool stopping; /* asked to stop, or a cell failed: begin no more cells */
  pthread_mutex_t lock; /* of what follows, and of the journal */
  double done_cost;
  int done, failed_job; /* failed_job -1: none */
  pf_status failure;
  pf_error why;
} engine;

/* FNV-1a over the name, then the finaliser of splitmix64: cells of all experiments draw apart. */
static uint64_t draw_of(uint64_t seed, const char *name, int cell) {
  uint64_t hash = UINT64_C(14695981039346656037);
  for (; *name; name++) hash = (hash ^ (uint8_t)*name) * UINT64_C(1099511628211);
  hash ^= seed * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)cell * UINT64_C(0xd1342543de82ef95);
  hash = (hash ^ hash >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  hash = (hash ^ hash >> 27) * UINT64_C(0x94d049bb133111eb);
  return (hash ^ hash >> 31) >> 11;
}

/* ---- hooks ---- */

static bool caller_stops(engine *e) {
  const pf_hooks *hooks = &e->options->hooks;
  if (hooks->stop && hooks->stop(hooks->context)) atomic_store(&e->stopping, true);
  return atomic_load(&e->stopping);
}

static void show(engine *e) {
  const pf_hooks *hooks = &e->options->hooks;
  if (!hooks->progress) return;
  pthread_mutex_lock(&e->lock);
  double done_cost = e->done_cost;
  int done = e->done;
  pthread_mutex_unlock(&e->lock);
  double seconds = pf_clock_seconds() - e->begun;
  pf_progress progress = {
      .stage = e->plan->method, .done = done, .total = e->n_jobs, .loss = NAN, .seconds = seconds};
  progress.eta_seconds = done_cost > 0 ? seconds * (e->cost - done_cost) / done_cost : NAN;
  hooks->progress(hooks->context, &progress);
}

/* What a cell's hooks know. */
typedef struct inside {
  engine *engine;
  bool is_caller;
  char name[2 * PF_STUDY_WORDS]; /* of the cell, for messages */
} inside;

static bool inside_stop(void *context) {
  inside *in = context;
  return in->is_caller ? caller_stops(in->engine) : atomic_load(&in->engine->stopping);
}

static void inside_progress(void *context, const pf_progress *progress) {
  inside *in = context;
  (void)progress; /* of a part of a cell */
  if (in->is_caller) show(in->engine);
}

/* ---- cells ---- */

static void keep_failure(engine *e, int job_index, pf_status status, const pf_error *why) {
  pthread_mutex_lock(&e->lock);
  if (e->failed_job < 0 || job_index < e->failed_job) {
    e->failed_job = job_index;
    e->failure = status;
    e->why = *why;
  }
  pthread_mutex_unlock(&e->lock);
  atomic_store(&e->stopping, true);
}

static pf_status measure_cell(engine *e, const job *j, inside *in, pf_error *error) {
  const pf_experiment_plan *entry = e->entries[j->experiment];
  pf_study_cell *cell = &e->study->experiments[j->experiment].cells[j->cell];
  pf_cell_run run = {.cell = j->cell,
                     .seed = e->options->seed,
                     .draw = draw_of(e->options->seed, entry->name, j->cell),
                     .hooks = {.context = in, .stop = inside_stop, .progress = inside_progress}};
  snprintf(in->name, sizeof in->name, "%s %s", entry->name, cell->key);
  if (in->is_caller) show(e);
  for (int i = 0; i < entry->n_values; i++) cell->values[i] = NAN;
  PF_TRY(entry->measure(&run, cell->values, error));
  pthread_mutex_lock(&e->lock);
  pf_status status =
      pf_journal_add(&e->journal, entry->name, cell->key, entry->n_values, cell->values, error);
  e->done++;
  e->done_cost += j->cost;
  pthread_mutex_unlock(&e->lock);
  if (in->is_caller) show(e);
  return status;
}

static void run_job(void *context, int task, int thread) {
  engine *e = context;
  inside in = {.engine = e, .is_caller = thread == 0};
  pf_error cause = {0}, why = {0};
  if (inside_stop(&in)) return;
  pf_status status = measure_cell(e, &e->jobs[task], &in, &cause);
  if (status == PF_OK || status == PF_STOPPED) return;
  pf_fail(&why, status, "%s: %s", in.name, cause.message);
  keep_failure(e, task, status, &why);
}

/* ---- the plan made concrete ---- */

/* Whether `name` is one of the comma separated words; NULL holds every name. */
static bool is_listed(const char *words, const char *name) {
  size_t length = strlen(name);
  if (!words) return true;
  for (const char *at = words; at; at = strchr(at, ','), at = at ? at + 1 : NULL)
    if (strncmp(at, name, length) == 0 && (at[length] == 0 || at[length] == ',')) return true;
  return false;
}

/* Every word must be an experiment. */
static pf_status check_words(const pf_study_plan *plan, const char *words, pf_error *error) {
  const char *names[MOST_EXPERIMENTS];
  size_t count = (size_t)plan->count;
  if (count > MOST_EXPERIMENTS)
    return pf_fail(error, PF_FAILED, "study '%s' has %zu experiments, at most %d", plan->method, count,
                   MOST_EXPERIMENTS);
  for (size_t i = 0; i < count; i++) names[i] = plan->experiments[i]->name;
  while (words) {
    char word[PF_STUDY_WORDS];
    size_t length = strcspn(words, ","), i = 0;
    snprintf(word, sizeof word, "%.*s", (int)length, words);
    while (i < count && strcmp(names[i], word) != 0) i++;
    if (i == count) return pf_fail_unknown(error, "experiment", word, names, count);
    words = words[length] ? words + length + 1 : NULL;
  }
  return PF_OK;
}

static pf_status open_experiment(const pf_experiment_plan *p, pf_experiment *e, pf_error *error) {
  *e = (pf_experiment){.name = p->name,
                       .title = p->title,
                       .claim = p->claim,
                       .source = p->source,
                       .protocol = p->protocol,
                       .band = p->band,
                       .value_names = p->value_names,
                       .n_values = p->n_values};
  PF_TRY(pf_alloc((size_t)p->n_cells, sizeof *e->cells, &e->cells, error));
  double *values = NULL;
  PF_TRY(pf_alloc((size_t)p->n_cells * (size_t)p->n_values + 1, sizeof *values, &values, error));
  e->n_cells = p->n_cells;
  for (int i = 0; i < p->n_cells; i++) {
    pf_cell_text text = {.cost = 1};
    p->describe(i, &text);
    memcpy(e->cells[i].key, text.key, sizeof text.key);
    e->cells[i].values = values + (size_t)i * (size_t)p->n_values;
  }
  if (p->n_cells == 0) pf_free(values);
  return PF_OK;
}

static pf_status open_study(engine *e, pf_error *error) {
  const pf_study_plan *plan = e->plan;
  *e->study = (pf_study){.method = plan->method, .title = plan->title, .seed = e->options->seed};
  PF_TRY(check_words(plan, e->options->only, error));
  PF_TRY(pf_alloc((size_t)plan->count, sizeof(pf_experiment), &e->study->experiments, error));
  PF_TRY(pf_alloc((size_t)plan->count, sizeof *e->entries, &e->entries, error));
  for (int i = 0; i < plan->count; i++) {
    if (!is_listed(e->options->only, plan->experiments[i]->name)) continue;
    int at = e->study->count++;
    e->entries[at] = plan->experiments[i];
    PF_TRY(open_experiment(plan->experiments[i], &e->study->experiments[at], error));
  }
  return PF_OK;
}

static int longer_first(const void *a, const void *b) {
  const job *x = a, *y = b;
  if (x->cost != y->cost) return x->cost < y->cost ? 1 : -1;
  if (x->experiment != y->experiment) return x->experiment - y->experiment;
  return x->cell - y->cell;
}

/* The cells that the journal does not have. */
static pf_status list_jobs(engine *e, pf_error *error) {
  size_t all = 0;
  for (int x = 0; x < e->study->count; x++) all += (size_t)e->study->experiments[x].n_cells;
  PF_TRY(pf_alloc(all, sizeof *e->jobs, &e->jobs, error));
  for (int x = 0; x < e->study->count; x++) {
    pf_experiment *experiment = &e->study->experiments[x];
    for (int i = 0; i < experiment->n_cells; i++) {
      pf_cell_text text = {.cost = 1};
      pf_study_cell *cell = &experiment->cells[i];
      if (pf_journal_find(&e->journal, experiment->name, cell->key, experiment->n_values, cell->values))
        continue;
      e->entries[x]->describe(i, &text);
      e->jobs[e->n_jobs++] = (job){x, i, text.cost};
      e->cost += text.cost;
    }
  }
  qsort(e->jobs, (size_t)e->n_jobs, sizeof *e->jobs, longer_first);
  return PF_OK;
}

static pf_status open_journal(engine *e, pf_error *error) {
  char head[256];
  snprintf(head, sizeof head, "{\"study\": \"%s\", \"seed\": %llu, \"version\": \"%s\", \"class\": \"%s\"}",
           e->plan->method, (unsigned long long)e->options->seed, pf_version(), pf_cpu_class());
  return pf_journal_open(e->options->journal, head, e->options->resume, &e->journal, error);
}

static pf_status measure_all(engine *e, pf_error *error) {
  pf_pool *pool = NULL;
  if (e->n_jobs == 0) return PF_OK;
  PF_TRY(pf_pool_create(e->options->threads, &pool, error));
  e->begun = pf_clock_seconds();
  pf_pool_run(pool, e->n_jobs, run_job, e);
  pf_pool_free(pool);
  if (e->failed_job >= 0) return pf_fail(error, e->failure, "%s", e->why.message);
  if (e->done < e->n_jobs)
    return pf_fail(error, PF_STOPPED, "stopped with %d of %d cells to go", e->n_jobs - e->done, e->n_jobs);
  return PF_OK;
}

static pf_status conclude_all(engine *e, pf_error *error) {
  for (int x = 0; x < e->study->count; x++) PF_TRY(e->entries[x]->conclude(&e->study->experiments[x], error));
  return PF_OK;
}

pf_status pf_study_execute(const pf_study_plan *plan, const pf_study_options *options, pf_study *out,
                           pf_error *error) {
  pf_study study = {0};
  engine e = {.plan = plan, .options = options, .study = &study, .failed_job = -1, .journal = {.file = -1}};
  if (pthread_mutex_init(&e.lock, NULL) != 0) return pf_fail(error, PF_NO_MEMORY, "out of memory");
  pf_status status = open_study(&e, error);
  if (status == PF_OK) status = open_journal(&e, error);
  if (status == PF_OK) status = list_jobs(&e, error);
  if (status == PF_OK) status = measure_all(&e, error);
  if (status == PF_OK) status = conclude_all(&e, error);
  pf_journal_close(&e.journal);
  pf_free(e.jobs);
  pf_free(e.entries);
  pthread_mutex_destroy(&e.lock);
  if (status == PF_OK)
    *out = study;
  else
    pf_study_clear(&study);
  return status;
}

static void clear_charts(pf_experiment *e) {
  for (int c = 0; c < e->n_charts; c++) {
    for (int s = 0; s < e->charts[c].count; s++) pf_free(e->charts[c].series[s].points);
    pf_free(e->charts[c].series);
  }
  pf_free(e->charts);
}

void pf_study_clear(pf_study *study) {
  if (!study) return;
  for (int x = 0; x < study->count; x++) {
    pf_experiment *e = &study->experiments[x];
    if (e->n_cells > 0) pf_free(e->cells[0].values);
    pf_free(e->cells);
    pf_free(e->checks);
    clear_charts(e);
  }
  pf_free(study->experiments);
  *study = (pf_study){0};
}
