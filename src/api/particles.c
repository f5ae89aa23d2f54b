/* Public particle flows: arguments checked, rows chosen, the work passed down, nodes written as they come. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../base/cpu.h"
#include "../base/memory.h"
#include "../base/rng.h"
#include "../base/text.h"
#include "../data/atomic_file.h"
#include "../data/npy.h"
#include "../flow/particles.h"

static const double RADIUS_SHARE = .05, W2_STEP = .1;

pf_particles_options pf_particles_options_default(void) {
  return (pf_particles_options){.distance = "w1", .move = "euler", .steps = 50, .seed = 1};
}

void pf_particles_clear(pf_particles *particles) {
  if (!particles) return;
  pf_table_free(particles->moved);
  pf_free(particles->time);
  pf_free(particles->distance);
  *particles = (pf_particles){0};
}

/* ---- options ---- */

static pf_status find_power(const char *name, int *out, pf_error *error) {
  static const char *const names[] = {"w1", "w2"};
  for (int i = 0; i < 2; i++)
    if (strcmp(name, names[i]) == 0) {
      *out = i + 1;
      return PF_OK;
    }
  return pf_fail_unknown(error, "distance", name, names, 2);
}

/* Everything about the run that the options alone decide; the step is still as given. */
static pf_status read_options(const pf_particles_options *o, pf_plan_flow *flow, pf_error *error) {
  if (o->rows < 1 || o->rows > PF_PARTICLES_MAX)
    return pf_fail(error, PF_USAGE, "rows is %lld, must be between 1 and %d", (long long)o->rows,
                   PF_PARTICLES_MAX);
  if (o->steps < 1 || o->steps > 1000000)
    return pf_fail(error, PF_USAGE, "steps is %lld, must be between 1 and 1000000", (long long)o->steps);
  if (!(o->step >= 0) || !isfinite(o->step))
    return pf_fail(error, PF_USAGE, "step is %g, must be positive, or 0 for the default", o->step);
  if (!(o->decay >= 0 && o->decay <= 1e6))
    return pf_fail(error, PF_USAGE, "decay is %g, must be between 0 and 1e6", o->decay);
  if (!(o->sinkhorn >= 0) || !isfinite(o->sinkhorn))
    return pf_fail(error, PF_USAGE, "sinkhorn is %g, must be positive, or 0 for exact plans", o->sinkhorn);
  flow->field.epsilon = o->sinkhorn;
  flow->schedule.steps = (int)o->steps;
  flow->schedule.eps = o->step;
  flow->schedule.decay = o->decay;
  PF_TRY(find_power(o->distance ? o->distance : "w1", &flow->field.power, error));
  return pf_ode_method_find(o->move ? o->move : "euler", &flow->schedule.method, error);
}

/* ---- rows ---- */

static int by_index(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

/* Which rows of a table: the n after the first `skip` of a random order, in the table's own. */
typedef struct choice {
  uint64_t seed;
  uint32_t stream;
  int64_t skip, n;
} choice;

static pf_status choose_rows(const pf_table *table, choice c, const char *name, double *out,
                             pf_error *error) {
  uint32_t *order = NULL;
  size_t d = (size_t)table->columns;
  if (table->rows < c.skip + c.n)
    return pf_fail(error, PF_BAD_INPUT, "the %s has %lld rows, %lld are to be used", name,
                   (long long)table->rows, (long long)(c.skip + c.n));
  if (table->rows > UINT32_MAX)
    return pf_fail(error, PF_BAD_INPUT, "the %s has %lld rows, at most %lld can be chosen from", name,
                   (long long)table->rows, (long long)UINT32_MAX);
  PF_TRY(pf_alloc((size_t)table->rows, sizeof *order, &order, error));
  pf_fill_permutation(c.seed, c.stream, (uint32_t)table->rows, order);
  qsort(order + c.skip, (size_t)c.n, sizeof *order, by_index);
  for (int64_t i = 0; i < c.n; i++)
    memcpy(out + (size_t)i * d, table->values + order[c.skip + i] * d, d * sizeof *out);
  pf_free(order);
  return PF_OK;
}

static bool has_names_of(const pf_table *table, const pf_table *other) {
  for (int j = 0; j < other->columns; j++)
    if (pf_table_find(table, other->names[j], strlen(other->names[j])) < 0) return false;
  return true;
}

/* N rows of the source with the target's columns. */
static pf_status choose_source(const pf_table *source, const pf_table *target, choice c, double *out,
                               pf_error *error) {
  pf_table *matched = NULL;
  if (source->columns != target->columns)
    return pf_fail(error, PF_BAD_INPUT, "the source has %d columns, the target %d", source->columns,
                   target->columns);
  if (has_names_of(source, target)) { /* perhaps in another order */
    pf_column_choice columns = {.keep = (const char *const *)target->names,
                                .keep_count = (size_t)target->columns};
    PF_TRY(pf_table_select(source, &columns, &matched, error));
  }
  pf_status status = choose_rows(matched ? matched : source, c, "source", out, error);
  pf_table_free(matched);
  return status;
}

static void draw_normals(uint64_t seed, int64_t n, int d, double *out) {
  for (int64_t i = 0; i < n; i++) {
    pf_rng rng = pf_rng_at(seed, PF_STREAM_PRIOR, 0, (uint64_t)i);
    for (int j = 0; j < d; j++) out[i * d + j] = pf_rng_normal(&rng);
  }
}

static double rms_radius(pf_points x) {
  double sum = 0;
  for (size_t k = 0; k < x.d; k++) {
    double mean = 0;
    for (size_t i = 0; i < x.n; i++) mean += x.rows[i * x.d + k] / (double)x.n;
    for (size_t i = 0; i < x.n; i++) {
      double off = x.rows[i * x.d + k] - mean;
      sum += off * off / (double)x.n;
    }
  }
  return sqrt(sum);
}

/* ---- a run ---- */

typedef struct particle_run {
  const pf_particles_options *options;
  pf_plan_flow flow;
  double *y, *x, *other; /* n x d: moving, target, target rows for the floor */
  pf_atomic_file trajectory;
  double begun;
  pf_particles result;
} particle_run;

static pf_status see_node(void *context, int k, double t, const double *y, pf_error *error) {
  particle_run *run = context;
  const pf_hooks *hooks = &run->options->hooks;
  double seconds = pf_clock_seconds() - run->begun;
  run->result.time[k] = t;
  if (run->trajectory.stream)
    PF_TRY(pf_npy_write_rows(run->trajectory.stream, y, run->options->rows, (int)run->flow.target.d,
                             PF_NPY_F8, error));
  if (hooks->progress) {
    int64_t steps = run->options->steps;
    pf_progress progress = {"moving", k,       steps,
                            NAN,      seconds, k > 0 ? seconds / k * (double)(steps - k) : NAN};
    hooks->progress(hooks->context, &progress);
  }
  if (hooks->stop && hooks->stop(hooks->context))
    return pf_fail(error, PF_STOPPED, "stopped after %d of %lld steps", k, (long long)run->options->steps);
  return PF_OK;
}

static pf_status open_trajectory(particle_run *run, pf_error *error) {
  if (!run->options->trajectory) return PF_OK;
  const int64_t shape[] = {run->options->steps + 1, run->options->rows, (int64_t)run->flow.target.d};
  PF_TRY(pf_atomic_file_begin(run->options->trajectory, &run->trajectory, error));
  return pf_npy_write_shape(run->trajectory.stream, shape, 3, PF_NPY_F8, error);
}

/* The memory of a run and the rows in it. */
static pf_status prepare(particle_run *run, const pf_table *source, const pf_table *target, pf_error *error) {
  const pf_particles_options *o = run->options;
  size_t items = (size_t)o->rows * (size_t)target->columns, nodes = (size_t)o->steps + 1;
  choice c = {.seed = o->seed, .stream = PF_STREAM_SPLIT, .n = o->rows};
  PF_TRY(pf_alloc(items, sizeof *run->x, &run->x, error));
  PF_TRY(pf_alloc(items, sizeof *run->y, &run->y, error));
  PF_TRY(pf_alloc(items, sizeof *run->other, &run->other, error));
  PF_TRY(pf_alloc(nodes, sizeof *run->result.time, &run->result.time, error));
  PF_TRY(pf_alloc(nodes, sizeof *run->result.distance, &run->result.distance, error));
  PF_TRY(choose_rows(target, c, "target", run->x, error));
  run->flow.target = (pf_points){run->x, (size_t)o->rows, (size_t)target->columns};
  c.stream = PF_STREAM_METRIC; /* not the same rows of a table that moves towards itself */
  if (source)
    PF_TRY(choose_source(source, target, c, run->y, error));
  else
    draw_normals(o->seed, o->rows, target->columns, run->y);
  double radius = rms_radius(run->flow.target);
  if (o->step == 0)
    run->flow.schedule.eps = run->flow.field.power == 2 ? W2_STEP : RADIUS_SHARE * (radius > 0 ? radius : 1);
  run->result.steps = o->steps;
  run->result.step = run->flow.schedule.eps;
  return PF_OK;
}

/* Data against data: what the distance of two samples of the target's law is. */
static pf_status measure_floor(particle_run *run, const pf_table *target, pf_error *error) {
  const pf_particles_options *o = run->options;
  run->result.floor = NAN;
  if (target->rows < 2 * o->rows) return PF_OK;
  choice c = {.seed = o->seed, .stream = PF_STREAM_SPLIT, .skip = o->rows, .n = o->rows};
  PF_TRY(choose_rows(target, c, "target", run->other, error));
  pf_points other = {run->other, run->flow.target.n, run->flow.target.d};
  return pf_plan_gradient(&run->flow.field, other, run->flow.target, NULL, &run->result.floor, error);
}

static pf_status execute(particle_run *run, const pf_table *source, const pf_table *target, pf_error *error) {
  pf_plan_flow_record record = {.observe = see_node, .observe_context = run};
  PF_TRY(prepare(run, source, target, error));
  PF_TRY(measure_floor(run, target, error));
  PF_TRY(open_trajectory(run, error));
  record.distance = run->result.distance;
  PF_TRY(pf_plan_flow_run(&run->flow, run->y, run->options->rows, &record, error));
  PF_TRY(pf_table_from_values(run->options->rows, target->columns, run->y, (const char *const *)target->names,
                              &run->result.moved, error));
  return run->trajectory.stream ? pf_atomic_file_commit(&run->trajectory, error) : PF_OK;
}

pf_status pf_particles_run(const pf_table *source, const pf_table *target,
                           const pf_particles_options *options, pf_particles *out, pf_error *error) {
  pf_particles_options o = options ? *options : pf_particles_options_default();
  particle_run run = {.options = &o, .begun = pf_clock_seconds()};
  if (!target) return pf_fail(error, PF_USAGE, "no rows to move towards");
  PF_TRY(read_options(&o, &run.flow, error));
  pf_status status = execute(&run, source, target, error);
  if (status == PF_OK)
    *out = run.result;
  else
    pf_particles_clear(&run.result);
  pf_atomic_file_abort(&run.trajectory);
  pf_free(run.x);
  pf_free(run.y);
  pf_free(run.other);
  return status;
}
