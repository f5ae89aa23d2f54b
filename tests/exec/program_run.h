/* Running one graph on the fast executor and on the reference, for the tests of programs. */
#ifndef TESTS_EXEC_PROGRAM_RUN_H
#define TESTS_EXEC_PROGRAM_RUN_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/pool.h"
#include "base/rng.h"
#include "exec/exec.h"

enum { MAX_OUTPUTS = 16, MAX_INPUTS = 4, TEST_LANES = 16 };

/* A graph, its outputs and the arrays its leaves read. */
typedef struct fixture {
  pf_graph *graph;
  pf_node output[MAX_OUTPUTS];
  int outputs;
  int64_t rows, first_row;
  float *param, *input[MAX_INPUTS];
  int64_t params, input_items[MAX_INPUTS];
} fixture;

/* What a run gave: one array per output, PER_ROW rows x items, else items (sums already joined over lanes). */
typedef struct results {
  float *value[MAX_OUTPUTS];
  int64_t count[MAX_OUTPUTS];
  int n;
} results;

static inline void must(pf_status status, const pf_error *error) {
  if (status != PF_OK) fail_msg("%s", error->message);
}

static inline void *test_alloc(size_t count, size_t size) {
  pf_error error;
  void *out = NULL;
  must(pf_alloc(count, size, &out, &error), &error);
  return out;
}

static inline void fixture_free(fixture *f) {
  pf_graph_free(f->graph);
  pf_free(f->param);
  for (int i = 0; i < MAX_INPUTS; i++) pf_free(f->input[i]);
}

/* Numbers in (-1, 1), the same for the same key. */
static inline void test_numbers(uint64_t key, int64_t n, float *out) {
  pf_rng rng = pf_rng_at(key, PF_STREAM_TEST, 0, 0);
  for (int64_t i = 0; i < n; i++) out[i] = (float)(2 * pf_rng_uniform(&rng) - 1);
}

static inline void fixture_fill(fixture *f, int64_t params) {
  f->params = params;
  f->param = test_alloc((size_t)params, sizeof(float));
  test_numbers(1, params, f->param);
  for (int i = 0; i < MAX_INPUTS; i++) {
    if (f->input_items[i] == 0) continue;
    f->input[i] = test_alloc((size_t)(f->rows * f->input_items[i]), sizeof(float));
    test_numbers(10 + (uint64_t)i, f->rows * f->input_items[i], f->input[i]);
  }
}

static inline results results_for(const fixture *f) {
  results r = {.n = f->outputs};
  for (int i = 0; i < r.n; i++) {
    pf_shape shape = pf_node_shape(f->output[i]);
    r.count[i] = pf_shape_items(&shape) * (shape.span == PF_PER_ROW ? f->rows : 1);
    r.value[i] = test_alloc((size_t)r.count[i], sizeof(float));
  }
  return r;
}

static inline void results_free(results *r) {
  for (int i = 0; i < r->n; i++) pf_free(r->value[i]);
}

typedef struct lanes_run {
  const fixture *f;
  const pf_program *program;
  pf_run run;
  int lanes;
  void *shared, *workspace[TEST_LANES];
  float *out[TEST_LANES][MAX_OUTPUTS];
} lanes_run;

static inline void lane_task(void *context, int task, int thread) {
  (void)thread;
  lanes_run *l = context;
  int64_t rows = l->f->rows;
  pf_program_run_lane(l->program, &l->run, l->shared, l->workspace[task], pf_lane_begin(rows, l->lanes, task),
                      pf_lane_begin(rows, l->lanes, task + 1), l->out[task]);
}

static inline void join_lanes(lanes_run *l, results *r) {
  for (int i = 0; i < r->n; i++) {
    if (pf_node_shape(l->f->output[i]).span != PF_PARTIAL) continue;
    const float *parts[TEST_LANES];
    for (int lane = 0; lane < l->lanes; lane++) parts[lane] = l->out[lane][i];
    pf_lane_sum(parts, l->lanes, 0, r->count[i], r->value[i]);
  }
}

static inline pf_run fixture_binding(const fixture *f, const float *const *params) {
  return (pf_run){.params = params,
                  .inputs = (const float *const *)f->input,
                  .seed = 7,
                  .step = 3,
                  .rows = f->rows,
                  .first_row = f->first_row};
}

/* Runs `lanes` lanes on `threads` threads into *r. Checks on the way that running allocates nothing. */
static inline void run_program(const fixture *f, const pf_program *program, int lanes, int threads,
                               results *r) {
  const float *params[] = {f->param};
  lanes_run l = {.f = f, .program = program, .run = fixture_binding(f, params), .lanes = lanes};
  pf_error error;
  pf_pool *pool = NULL;
  l.shared = test_alloc(pf_program_shared_bytes(program), 1);
  memset(l.shared, 0xff, pf_program_shared_bytes(program)); /* NaN: whoever reads before writing shows */
  for (int lane = 0; lane < lanes; lane++) {
    l.workspace[lane] = test_alloc(pf_program_workspace_bytes(program), 1);
    memset(l.workspace[lane], 0xff, pf_program_workspace_bytes(program));
    for (int i = 0; i < r->n; i++) {
      bool partial = pf_node_shape(f->output[i]).span == PF_PARTIAL;
      l.out[lane][i] = partial ? test_alloc((size_t)r->count[i], sizeof(float)) : r->value[i];
      if (partial) memset(l.out[lane][i], 0xff, (size_t)r->count[i] * sizeof(float));
    }
  }
  must(pf_pool_create(threads, &pool, &error), &error);
  int64_t before = pf_memory_allocations();
  pf_program_run_shared(program, &l.run, l.shared, r->value);
  pf_pool_run(pool, lanes, lane_task, &l);
  assert_int_equal(pf_memory_allocations(), before);
  pf_pool_free(pool);
  join_lanes(&l, r);
  for (int lane = 0; lane < lanes; lane++) {
    for (int i = 0; i < r->n; i++)
      if (l.out[lane][i] != r->value[i]) pf_free(l.out[lane][i]);
    pf_free(l.workspace[lane]);
  }
  pf_free(l.shared);
}

static inline results run_options(const fixture *f, pf_program_options options, int lanes, int threads) {
  pf_error error;
  pf_program *program = NULL;
  options.max_rows = (int)((f->rows + lanes - 1) / lanes);
  must(pf_program_create(f->graph, f->output, f->outputs, &options, &program, &error), &error);
  results r = results_for(f);
  run_program(f, program, lanes, threads, &r);
  pf_program_free(program);
  return r;
}

static inline results run_with(const fixture *f, int tile_rows, bool fuse, int lanes, int threads) {
  pf_program_options options = pf_program_options_default();
  options.tile_rows = tile_rows;
  options.fuse = fuse;
  return run_options(f, options, lanes, threads);
}

static inline double *to_double(const float *from, int64_t n) {
  if (!from) return NULL;
  double *out = test_alloc((size_t)n, sizeof *out);
  for (int64_t i = 0; i < n; i++) out[i] = (double)from[i];
  return out;
}

/* The oracle's values, rounded to float; they are compared with a tolerance far above the rounding. */
static inline results run_reference(const fixture *f) {
  pf_error error;
  results r = results_for(f);
  double *values[MAX_OUTPUTS], *input[MAX_INPUTS], *param = to_double(f->param, f->params);
  for (int i = 0; i < MAX_INPUTS; i++) input[i] = to_double(f->input[i], f->rows * f->input_items[i]);
  for (int i = 0; i < r.n; i++) values[i] = test_alloc((size_t)r.count[i], sizeof(double));
  const double *params[] = {param};
  pf_ref_run run = {params, (const double *const *)input, 7, 3, f->rows, f->first_row};
  must(pf_ref_evaluate(f->graph, f->output, f->outputs, &run, values, &error), &error);
  for (int i = 0; i < r.n; i++) {
    for (int64_t j = 0; j < r.count[i]; j++) r.value[i][j] = (float)values[i][j];
    pf_free(values[i]);
  }
  for (int i = 0; i < MAX_INPUTS; i++) pf_free(input[i]);
  pf_free(param);
  return r;
}

/* Every element within `tolerance` of the largest of its output (and NaN never passes). */
static inline void assert_close(const results *got, const results *want, double tolerance, const char *what) {
  for (int i = 0; i < want->n; i++) {
    double scale = 1e-3;
    for (int64_t j = 0; j < want->count[i]; j++) scale = fmax(scale, fabs((double)want->value[i][j]));
    for (int64_t j = 0; j < want->count[i]; j++) {
      double error = fabs((double)got->value[i][j] - (double)want->value[i][j]);
      if (!(error <= tolerance * scale))
        fail_msg("%s: output %d element %lld is %g, not %g (scale %g)", what, i, (long long)j,
                 (double)got->value[i][j], (double)want->value[i][j], scale);
    }
  }
}

static inline void assert_same_bits(const results *a, const results *b, const char *what) {
  for (int i = 0; i < a->n; i++)
    if (memcmp(a->value[i], b->value[i], (size_t)a->count[i] * sizeof(float)) != 0)
      fail_msg("%s: output %d differs", what, i);
}

#endif
