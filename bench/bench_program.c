/* What one gradient evaluation costs: flow matching on an MLP 3 x 64 (SiLU) in two dimensions, batch 256 as two lanes,
 * random numbers in the graph, no optimiser. Prints microseconds a step on one and two threads (best and median of
 * rounds) and the share of the contractions' arithmetic.
 *
 *   bench_program [rows [width [tile]]]
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "base/pool.h"
#include "exec/exec.h"

enum { DATA = 2, HIDDEN = 3, ROUNDS = 31, STEPS = 100, MAX_LANES = 16 };

typedef struct bench {
  pf_graph *graph;
  pf_program *program;
  int64_t parameters, rows;
  int lanes, outputs;
  float *params;
  float *gradient[MAX_LANES];
  float **outputs_of[MAX_LANES];
  void *workspace[MAX_LANES], *shared;
  pf_run run;
} bench;

static void must(pf_status status, const pf_error *error) {
  if (status == PF_OK) return;
  fprintf(stderr, "bench_program: %s\n", error->message);
  exit(1);
}

static pf_node parameter(bench *b, pf_shape shape) {
  pf_node node = pf_param(b->graph, 0, b->parameters, shape);
  b->parameters += pf_shape_items(&shape);
  return node;
}

/* Velocity of x at time t; the parameter nodes go to wrt. */
static pf_node network(bench *b, pf_node x, pf_node t, int width, pf_node *wrt) {
  pf_node h = pf_concat(x, t);
  int in = DATA + 1, n = 0;
  for (int layer = 0; layer <= HIDDEN; layer++) {
    int out = layer < HIDDEN ? width : DATA;
    wrt[n] = parameter(b, PF_SHAPE(PF_SHARED, in, out));
    wrt[n + 1] = parameter(b, PF_SHAPE(PF_SHARED, out));
    h = pf_add(pf_matmul(h, wrt[n], false, false), wrt[n + 1]);
    if (layer < HIDDEN) h = pf_silu(h);
    in = out;
    n += 2;
  }
  return h;
}

static void build(bench *b, int width, int tile) {
  pf_error error;
  must(pf_graph_create(&b->graph, &error), &error);
  pf_node x1 = pf_normal(b->graph, 1, DATA), x0 = pf_normal(b->graph, 2, DATA),
          t = pf_uniform(b->graph, 3, 1);
  pf_node xt = pf_add(x0, pf_mul(t, pf_sub(x1, x0)));
  pf_node outputs[1 + 2 * (HIDDEN + 1)];
  pf_node wrt[2 * (HIDDEN + 1)];
  pf_node v = network(b, xt, t, width, wrt);
  pf_node miss = pf_square(pf_sub(v, pf_sub(x1, x0)));
  outputs[0] = pf_mean_rows(pf_sum_items(miss), pf_scalar(b->graph, 1.0 / (double)b->rows));
  pf_grad(outputs[0], (pf_node){b->graph, -1}, wrt, 2 * (HIDDEN + 1), outputs + 1);
  b->outputs = 1 + 2 * (HIDDEN + 1);
  b->lanes = pf_lane_count(b->rows);
  pf_program_options options = pf_program_options_default();
  options.tile_rows = tile;
  options.max_rows = (int)((b->rows + b->lanes - 1) / b->lanes);
  must(pf_program_create(b->graph, outputs, b->outputs, &options, &b->program, &error), &error);
}

static void allocate(bench *b, int width) {
  pf_error error;
  must(pf_alloc((size_t)b->parameters, sizeof(float), &b->params, &error), &error);
  for (int64_t i = 0; i < b->parameters; i++) b->params[i] = 0.2f * (float)((i * 7919) % 101 - 50) / 50;
  must(pf_alloc(pf_program_shared_bytes(b->program), 1, &b->shared, &error), &error);
  for (int lane = 0; lane < b->lanes; lane++) {
    must(pf_alloc((size_t)b->parameters + 16, sizeof(float), &b->gradient[lane], &error), &error);
    must(pf_alloc(pf_program_workspace_bytes(b->program), 1, &b->workspace[lane], &error), &error);
    must(pf_alloc((size_t)b->outputs, sizeof(float *), &b->outputs_of[lane], &error), &error);
    float *at = b->gradient[lane];
    b->outputs_of[lane][0] = at + b->parameters;
    for (int layer = 0, in = DATA + 1; layer <= HIDDEN; layer++, in = width) {
      int out = layer < HIDDEN ? width : DATA;
      b->outputs_of[lane][1 + 2 * layer] = at;
      b->outputs_of[lane][2 + 2 * layer] = at + (int64_t)in * out;
      at += (int64_t)in * out + out;
    }
  }
}

static void run_lane(void *context, int task, int thread) {
  (void)thread;
  bench *b = context;
  pf_program_run_lane(b->program, &b->run, b->shared, b->workspace[task],
                      pf_lane_begin(b->rows, b->lanes, task), pf_lane_begin(b->rows, b->lanes, task + 1),
                      b->outputs_of[task]);
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void measure(bench *b, int threads) {
  pf_error error;
  pf_pool *pool = NULL;
  must(pf_pool_create(threads, &pool, &error), &error);
  double us[ROUNDS];
  const float *params[] = {b->params};
  b->run = (pf_run){.params = params, .seed = 1, .rows = b->rows};
  for (int round = 0; round < ROUNDS; round++) {
    double begin = pf_clock_seconds();
    for (int step = 0; step < STEPS; step++) {
      b->run.step = (uint64_t)step;
      pf_program_run_shared(b->program, &b->run, b->shared, b->outputs_of[0]);
      pf_pool_run(pool, b->lanes, run_lane, b);
    }
    us[round] = (pf_clock_seconds() - begin) / STEPS * 1e6;
  }
  qsort(us, ROUNDS, sizeof *us, compare);
  double flops = pf_program_statistics(b->program).flops_per_row * (double)b->rows;
  printf("threads %d: best %.1f us, median %.1f us a step; %.0f GFLOP/s of contractions at best\n", threads,
         us[0], us[ROUNDS / 2], flops / us[0] * 1e-3);
  pf_pool_free(pool);
}

int main(int argc, char **argv) {
  bench b = {.rows = argc > 1 ? atoll(argv[1]) : 256};
  int width = argc > 2 ? atoi(argv[2]) : 64;
  if (b.rows < 1 || width < 1) {
    fprintf(stderr, "usage: bench_program [rows [width [tile]]]\n");
    return 2;
  }
  build(&b, width, argc > 3 ? atoi(argv[3]) : 0);
  allocate(&b, width);
  pf_program_stats s = pf_program_statistics(b.program);
  printf("%lld rows, width %d, %s: %d nodes, %d groups, %d contractions, %d fused, tile %d, arena %zu KiB, "
         "%.0f flop a row\n",
         (long long)b.rows, width, pf_cpu_class(), s.nodes, s.groups, s.contractions, s.fused_ops,
         pf_program_tile_rows(b.program), s.arena_bytes / 1024, s.flops_per_row);
  measure(&b, 1);
  measure(&b, 2);
  for (int lane = 0; lane < b.lanes; lane++) {
    pf_free(b.gradient[lane]);
    pf_free(b.workspace[lane]);
    pf_free(b.outputs_of[lane]);
  }
  pf_free(b.params);
  pf_free(b.shared);
  pf_program_free(b.program);
  pf_graph_free(b.graph);
  return 0;
}
