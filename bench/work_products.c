/* The product mix of a training step: nothing but its matrix products, through our own kernels.
 *
 *   work_products [--width W] [--depth L] [--dim D] [--batch B] [--threads T] [--tile ROWS]
 *
 * Per layer a x b and per tile of r rows: forward (r x a)(a x b), gradient of its input (r x b)(b x a)^T unless the input is
 * the network's own, gradient of its weights (r x a)^T (r x b). Lanes as the executor cuts them, one thread a lane. An iteration
 * is the products of one step; weights are packed beforehand. This is the one file of the benchmark that knows gemm.h.
 */
#include "base/memory.h"
#include "exec/cpu/gemm.h"
#include "exec/exec.h"
#include "work.h"

enum { MOST = 3 * 70, FREQUENCIES = 8 };

typedef struct worker {
  int width, depth, dim, batch, threads, tile, lanes;
  const pf_gemm_kernels *kernels;
  pf_gemm_shape products[MOST];
  int count;
  size_t operand, scratch; /* floats of the largest operand; bytes of scratch */
  char *memory;            /* per lane: a, b, c, scratch */
  size_t lane_bytes;
  pf_pool *pool;
} worker;

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

static void add_product(worker *w, pf_gemm_shape s) {
  w->products[w->count++] = s;
  w->scratch = larger(w->scratch, pf_gemm_scratch_bytes(w->kernels, &s));
  w->operand = larger(w->operand, larger((size_t)(s.m * s.k), (size_t)(s.m * s.n)));
  w->operand = larger(w->operand, larger((size_t)(s.k * s.n), (size_t)pf_gemm_packed_floats(w->kernels, &s)));
}

static void add_layer(worker *w, int from, int to, bool input_gradient) {
  int64_t r = w->tile;
  add_product(w, (pf_gemm_shape){.m = r, .n = to, .k = from});
  if (input_gradient) add_product(w, (pf_gemm_shape){.m = r, .n = from, .k = to, .transpose_b = true});
  add_product(w, (pf_gemm_shape){.m = from, .n = to, .k = r, .transpose_a = true});
}

static void prepare(worker *w) {
  pf_error error = {0};
  w->lanes = pf_lane_count(w->batch);
  int rows = (w->batch + w->lanes - 1) / w->lanes;
  if (w->tile == 0 || w->tile > rows) w->tile = rows;
  if (w->depth > 64) work_refuse("at most 64 layers", "");
  w->kernels = pf_gemm_best();
  add_layer(w, w->dim, w->width, false);
  add_layer(w, 2 * FREQUENCIES, w->width, false);
  for (int l = 1; l < w->depth; l++) add_layer(w, w->width, w->width, true);
  add_layer(w, w->width, w->dim, true);
  size_t operand_bytes = (w->operand * sizeof(float) + 63) / 64 * 64;
  w->lane_bytes = 3 * operand_bytes + (w->scratch + 63) / 64 * 64;
  work_must(pf_alloc((size_t)w->lanes, w->lane_bytes, &w->memory, &error), &error);
  work_must(pf_pool_create(w->threads, &w->pool, &error), &error);
}

static void run_lane(void *context, int lane, int thread) {
  const worker *w = context;
  (void)thread;
  size_t operand_bytes = (w->operand * sizeof(float) + 63) / 64 * 64;
  char *memory = w->memory + (size_t)lane * w->lane_bytes;
  float *a = (float *)(void *)memory, *b = (float *)(void *)(memory + operand_bytes),
        *c = (float *)(void *)(memory + 2 * operand_bytes),
        *scratch = (float *)(void *)(memory + 3 * operand_bytes);
  int tiles = (w->batch / w->lanes + w->tile - 1) / w->tile;
  for (int t = 0; t < tiles; t++)
    for (int i = 0; i < w->count; i++) {
      const pf_gemm_shape *p = &w->products[i];
      const pf_gemm_operands operands = {
          .a = a, .b = b, .packed = !p->transpose_a && pf_gemm_packs(p), .c = c};
      pf_gemm_run(w->kernels, p, &operands, scratch);
    }
}

static double go(void *context, long k, char *facts, size_t room) {
  worker *w = context;
  (void)facts;
  (void)room;
  double begin = pf_clock_seconds();
  for (long i = 0; i < k; i++) pf_pool_run(w->pool, w->lanes, run_lane, w);
  return pf_clock_seconds() - begin;
}

int main(int argc, char **argv) {
  worker w = {.width = 64, .depth = 3, .dim = 2, .batch = 256, .threads = 1};
  const work_option options[] = {
      {.name = "--width", .number = &w.width},     {.name = "--depth", .number = &w.depth},
      {.name = "--dim", .number = &w.dim},         {.name = "--batch", .number = &w.batch},
      {.name = "--threads", .number = &w.threads}, {.name = "--tile", .number = &w.tile}};
  char ready[64];
  work_read_options(argc, argv, options, sizeof options / sizeof *options);
  prepare(&w);
  snprintf(ready, sizeof ready, "{\"tile\":%d,\"lanes\":%d}", w.tile, w.lanes);
  int code = work_serve(ready, go, &w);
  pf_pool_free(w.pool);
  pf_free(w.memory);
  return code;
}
