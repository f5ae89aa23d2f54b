/* The clocks of a training step: see step_clock.h.
 *
 * Over T threads a part of wall time w in which thread i works b_i counts with b = (b_1 + .. + b_T) / T, and w - b is
 * waiting. So the parts add up to the wall time of a step for any number of threads.
 */
#include "step_clock.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../base/cpu.h"
#include "../base/memory.h"

enum { PER_LINE = 64 / sizeof(int64_t), ADAM_FLOPS = 19, ADAM_FLOATS = 9 /* read: 5, written: 4 */ };

struct pf_step_clock {
  pf_program_profile *program;
  int threads;
  int64_t *busy; /* ticks by thread and part; a thread's fill whole cache lines */
  int64_t wall[PF_PROFILE_PART_COUNT];
  int64_t steps, begun, ended; /* of the step under way; the one before (0: none) */
  int64_t inside, between;     /* ticks */
  pf_profile_part part;        /* the phase that runs */
  pf_pool_task *task;
  void *context;
};

static size_t busy_stride(void) { return (PF_PROFILE_PART_COUNT + PER_LINE - 1) / PER_LINE * PER_LINE; }

pf_status pf_step_clock_create(const pf_program *program, int threads, pf_step_clock **out, pf_error *error) {
  pf_step_clock *clock = NULL;
  PF_TRY(pf_alloc(1, sizeof *clock, &clock, error));
  clock->threads = threads;
  pf_status status = pf_alloc((size_t)threads * busy_stride(), sizeof *clock->busy, &clock->busy, error);
  if (status == PF_OK) status = pf_program_profile_create(program, threads, &clock->program, error);
  if (status == PF_OK)
    *out = clock;
  else
    pf_step_clock_free(clock);
  return status;
}

void pf_step_clock_free(pf_step_clock *clock) {
  if (!clock) return;
  pf_program_profile_free(clock->program);
  pf_free(clock->busy);
  pf_free(clock);
}

/* ---- measuring ---- */

pf_ticks *pf_step_clock_ticks(const pf_step_clock *clock, int thread) {
  return clock ? pf_program_profile_thread(clock->program, thread) : NULL;
}

static void timed_task(void *context, int task, int thread) {
  pf_step_clock *clock = context;
  const int64_t begin = pf_cpu_ticks();
  clock->task(clock->context, task, thread);
  clock->busy[(size_t)thread * busy_stride() + clock->part] += pf_cpu_ticks() - begin;
}

void pf_step_clock_run(pf_step_clock *clock, pf_profile_part part, pf_pool *pool, int tasks,
                       pf_pool_task *task, void *context) {
  if (!clock) {
    pf_pool_run(pool, tasks, task, context);
    return;
  }
  clock->part = part;
  clock->task = task;
  clock->context = context;
  const int64_t begin = pf_cpu_ticks();
  pf_pool_run(pool, tasks, timed_task, clock);
  clock->wall[part] += pf_cpu_ticks() - begin;
}

void pf_step_clock_begin(pf_step_clock *clock) {
  if (!clock) return;
  clock->begun = pf_cpu_ticks();
  if (clock->ended != 0) clock->between += clock->begun - clock->ended;
}

void pf_step_clock_end(pf_step_clock *clock) {
  if (!clock) return;
  clock->ended = pf_cpu_ticks();
  clock->inside += clock->ended - clock->begun;
  clock->steps++;
}

void pf_step_clock_pause(pf_step_clock *clock) {
  if (!clock || clock->ended == 0) return;
  clock->between += pf_cpu_ticks() - clock->ended;
  clock->ended = 0;
}

/* ---- reading ---- */

static double busy_of(const pf_step_clock *clock, pf_profile_part part) {
  double sum = 0;
  for (int t = 0; t < clock->threads; t++) sum += (double)clock->busy[(size_t)t * busy_stride() + part];
  return sum;
}

static void read_parts(const pf_step_clock *clock, double tick, pf_profile *out) {
  double rest = (double)clock->inside, waiting = 0;
  for (int i = PF_PROFILE_SHARED; i <= PF_PROFILE_OPTIMISER; i++) {
    const double threads = i == PF_PROFILE_SHARED ? 1 : clock->threads, wall = (double)clock->wall[i];
    const double busy = busy_of(clock, (pf_profile_part)i) / threads;
    out->part[i] = tick * busy;
    waiting += wall - busy;
    rest -= wall;
  }
  out->part[PF_PROFILE_HOST] = tick * rest;
  out->part[PF_PROFILE_BARRIER] = tick * waiting;
}

static const char *parameter_name(const pf_layout *layout, int64_t offset) {
  for (int i = 0; layout && i < layout->count; i++)
    if (layout->items[i].offset == offset) return layout->items[i].name;
  return NULL;
}

/* The program's own name, and the parameter where one takes part: set 0 is the trained one. */
static void name_line(const pf_profile_entry *e, const pf_step_facts *facts, char *out, size_t room) {
  const char *name = NULL, *word = e->product ? " by" : "";
  if (e->param_set == 0) name = parameter_name(facts->layout, e->param_offset);
  const int gradient = e->output - facts->first_gradient;
  if (e->output >= 0 && gradient >= 0 && gradient < facts->n_gradients) {
    name = parameter_name(facts->layout, facts->gradient_offset[gradient]);
    word = " for";
  }
  if (name)
    snprintf(out, room, "%s%s %s%s", e->name, word, name, e->transposed ? "^T" : "");
  else
    snprintf(out, room, "%s", e->name);
}

typedef struct reader {
  const pf_step_clock *clock;
  const pf_step_facts *facts;
  const pf_rates *rates;
  double tick;        /* seconds per step of a tick */
  double narrow_peak; /* flops of products in bfloat16; 0: there are none */
  pf_profile_line *lines;
  int n;
} reader;

/* Adds a line whose flops, bytes, calls and seconds are per step; `threads` share it. */
static void add_line(reader *r, pf_profile_line line, int threads, double peak) {
  const double work = line.flops / peak, traffic = line.bytes / r->rates->bytes;
  line.wall = line.seconds / threads;
  line.floor = work > traffic ? work : traffic;
  r->lines[r->n++] = line;
}

/* The steps of one section, and what the section takes beside them. */
static void add_section(reader *r, bool shared, double seconds) {
  const double steps = (double)r->clock->steps;
  const int threads = shared ? 1 : r->clock->threads;
  for (int i = 0; i < pf_program_profile_entries(r->clock->program); i++) {
    pf_profile_entry e = pf_program_profile_entry(r->clock->program, i);
    if (e.shared != shared) continue;
    pf_profile_line line = {.calls = (double)e.taken.calls / steps,
                            .seconds = r->tick * (double)e.taken.ticks};
    line.flops = e.flops * line.calls;
    line.bytes = e.bytes * line.calls;
    name_line(&e, r->facts, line.name, sizeof line.name);
    add_line(r, line, threads, e.narrow ? r->narrow_peak : r->rates->flops);
    seconds -= line.seconds;
  }
  pf_profile_line edges = {.calls = shared ? 1 : r->facts->lanes, .seconds = seconds > 0 ? seconds : 0};
  snprintf(edges.name, sizeof edges.name, "%s", shared ? "set-up of the shared part" : "edges of lanes");
  add_line(r, edges, threads, r->rates->flops);
}

static void add_phases(reader *r, const pf_profile *p) {
  const int lanes = r->facts->lanes, threads = r->clock->threads;
  const double n = (double)r->facts->parameters, item = sizeof(float);
  pf_profile_line sums = {.calls = 1,
                          .seconds = p->part[PF_PROFILE_SUMS] * threads,
                          .flops = n * (lanes - 1) + 2 * n,
                          .bytes = item * n * (lanes + 1)};
  snprintf(sums.name, sizeof sums.name, "sums over %d lanes, norm: %.0f", lanes, n);
  add_line(r, sums, threads, r->rates->flops);
  pf_profile_line adam = {.calls = 1,
                          .seconds = p->part[PF_PROFILE_OPTIMISER] * threads,
                          .flops = n * ADAM_FLOPS,
                          .bytes = item * n * ADAM_FLOATS};
  snprintf(adam.name, sizeof adam.name, "adam and average: %.0f", n);
  add_line(r, adam, threads, r->rates->flops);
}

/* Portable kernels multiply in single precision: those products are held against its peak. */
static double peak_of_narrow(const pf_step_clock *clock, const pf_rates *rates) {
  bool any = false;
  for (int i = 0; i < pf_program_profile_entries(clock->program); i++)
    any = any || pf_program_profile_entry(clock->program, i).narrow;
  return any ? fmax(pf_precision_peak_bf16(), rates->flops) : 0;
}

pf_status pf_step_clock_read(const pf_step_clock *clock, const pf_step_facts *facts, const pf_rates *rates,
                             pf_profile *out, pf_error *error) {
  if (!clock || clock->steps == 0) return pf_fail(error, PF_FAILED, "no step was profiled");
  reader r = {.clock = clock, .facts = facts, .rates = rates, .narrow_peak = peak_of_narrow(clock, rates)};
  PF_TRY(pf_alloc((size_t)pf_program_profile_entries(clock->program) + 4, sizeof *r.lines, &r.lines, error));
  const double tick = r.tick = pf_program_profile_tick(clock->program) / (double)clock->steps;
  pf_profile p = {.steps = clock->steps,
                  .threads = clock->threads,
                  .seconds = tick * (double)clock->inside,
                  .between = tick * (double)clock->between,
                  .peak_flops = rates->flops,
                  .peak_bf16 = r.narrow_peak,
                  .copy_bytes = rates->bytes};
  read_parts(clock, tick, &p);
  add_section(&r, true, p.part[PF_PROFILE_SHARED]);
  add_section(&r, false, p.part[PF_PROFILE_LANES] * clock->threads);
  add_phases(&r, &p);
  p.lines = r.lines;
  p.n_lines = r.n;
  *out = p;
  return PF_OK;
}
