/* A worker of the sampling benchmark: rows through a one-step generator with random weights.
 *
 *   work_sample [--width W] [--depth L] [--dim D] [--rows N] [--threads T] [--precision f32|bf16] [--weights FILE]
 *               [--normals] [--latency]
 *
 * An iteration maps the next N rows of a table of noise into a table of samples, both of a million rows (2^20) of floats.
 * --normals: the noise is drawn as well. --latency: every call is timed on its own, and the median and the 99 % quantile
 * are reported too. --weights: the network is written as raw floats, W (from x to, row by row) and b of every layer, the
 * path of the two times folded into the first b, so that a peer evaluates the same function.
 */
#include "base/memory.h"
#include "base/rng.h"
#include "flow/learned.h"
#include "work.h"

enum { TABLE = 1 << 20, TASK = 4096, MOST_CALLS = 1 << 20 };

typedef struct worker {
  int width, depth, dim, rows, threads;
  const char *precision, *weights;
  bool normals, latency;
  pf_time_map map;
  pf_layout layout;
  float *params, *noise, *samples;
  pf_learned *learned;
  float *terms;    /* of the one step from 0 to 1 */
  char *workspace; /* one per thread */
  size_t workspace_bytes;
  pf_pool *pool;
  int64_t at; /* next row of the tables */
  double *taken;
} worker;

/* One call of the sampler: samples (n x d) from noise (n x d). */
typedef struct request {
  const worker *w;
  int rows;
  const float *noise;
  float *samples;
} request;

static void sample_task(void *context, int task, int thread) {
  const request *r = context;
  const worker *w = r->w;
  const int64_t begin = (int64_t)task * TASK, n = r->rows - begin < TASK ? r->rows - begin : TASK;
  pf_learned_apply(w->learned, w->terms, (pf_rows){begin, n}, r->noise + begin * w->dim,
                   r->samples + begin * w->dim, w->workspace + (size_t)thread * w->workspace_bytes);
}

/* The one place that calls the sampler, with everything that does not depend on the sample prepared. */
static void sample(const worker *w, int rows, const float *noise, float *samples) {
  request r = {w, rows, noise, samples};
  if (rows <= TASK)
    sample_task(&r, 0, 0);
  else
    pf_pool_run(w->pool, (rows + TASK - 1) / TASK, sample_task, &r);
}

static void draw_task(void *context, int task, int thread) {
  const worker *w = context;
  (void)thread;
  int64_t begin = (int64_t)task * TASK, n = w->rows - begin < TASK ? w->rows - begin : TASK;
  pf_fill_normal_f32(1, PF_STREAM_PRIOR, 0, (uint64_t)(w->at + begin), (size_t)n, (size_t)w->dim,
                     w->samples + (w->at + begin) * w->dim);
}

static void iterate(worker *w) {
  if (w->at + w->rows > TABLE) w->at = 0;
  const float *noise = (w->normals ? w->samples : w->noise) + w->at * w->dim;
  if (w->normals) pf_pool_run(w->pool, (w->rows + TASK - 1) / TASK, draw_task, w);
  sample(w, w->rows, noise, w->samples + w->at * w->dim);
  w->at += w->rows;
}

/* ---- the network as plain layers ---- */

static const float *piece(const worker *w, const char *name) {
  const pf_parameter *p = pf_layout_find(&w->layout, name);
  if (!p) work_refuse("the network has no", name);
  return w->params + p->offset;
}

/* b_0 + T u(0): at t = 0 the cosines are 1 and the sines 0; the second time's weights are zero before training. */
static void folded_bias(const worker *w, float *out) {
  const float *bias = piece(w, "layer0.bias"), *time = piece(w, "time.weight");
  for (int j = 0; j < w->width; j++) {
    out[j] = bias[j];
    for (int i = 0; i < w->map.network.frequencies; i++) out[j] += time[i * w->width + j];
  }
}

static void write_floats(FILE *file, const float *x, int n) {
  if (fwrite(x, sizeof *x, (size_t)n, file) != (size_t)n) work_refuse("cannot write", "--weights");
}

static void write_weights(const worker *w) {
  pf_error error = {0};
  char name[40];
  float *bias = NULL;
  FILE *file = fopen(w->weights, "wb");
  if (!file) work_refuse("cannot open", w->weights);
  work_must(pf_alloc((size_t)w->width, sizeof *bias, &bias, &error), &error);
  folded_bias(w, bias);
  for (int l = 0; l < w->depth; l++) {
    snprintf(name, sizeof name, "layer%d.weight", l);
    write_floats(file, piece(w, name), (l == 0 ? w->dim : w->width) * w->width);
    snprintf(name, sizeof name, "layer%d.bias", l);
    write_floats(file, l == 0 ? bias : piece(w, name), w->width);
  }
  write_floats(file, piece(w, "out.weight"), w->width * w->dim);
  write_floats(file, piece(w, "out.bias"), w->dim);
  if (fclose(file) != 0) work_refuse("cannot write", w->weights);
  pf_free(bias);
}

/* ---- preparing and serving ---- */

static void prepare_map(worker *w) {
  pf_error error = {0};
  pf_learned *single = NULL;
  pf_precision precision;
  work_must(pf_precision_find(w->precision, &precision, &error), &error);
  work_must(pf_learned_create(&w->map, w->params, &single, &error), &error);
  work_must(pf_learned_create_in(single, precision, &w->learned, &error), &error);
  pf_learned_free(single);
  w->workspace_bytes = pf_learned_workspace_bytes(w->learned);
  work_must(pf_alloc(pf_learned_term_count(w->learned), sizeof *w->terms, &w->terms, &error), &error);
  work_must(pf_learned_move_terms(w->learned, 0, 1, w->terms, &error), &error);
  work_must(pf_alloc((size_t)w->threads, w->workspace_bytes, &w->workspace, &error), &error);
}

static void prepare(worker *w) {
  pf_error error = {0};
  size_t items = (size_t)TABLE * (size_t)w->dim;
  if (w->rows > TABLE) work_refuse("--rows is larger than the table of", "2^20 rows");
  w->map = (pf_time_map){.interpolant = PF_INTERPOLANT_TRIG,
                         .network = {.inputs = w->dim,
                                     .outputs = w->dim,
                                     .width = w->width,
                                     .depth = w->depth,
                                     .times = 2,
                                     .frequencies = 8,
                                     .max_frequency = 16}};
  work_must(pf_network_layout(&w->map.network, &w->layout, &error), &error);
  work_must(pf_alloc((size_t)w->layout.total, sizeof *w->params, &w->params, &error), &error);
  pf_layout_initialise(&w->layout, 1, w->params);
  prepare_map(w);
  work_must(pf_pool_create(w->threads, &w->pool, &error), &error);
  work_must(pf_alloc(items, sizeof *w->noise, &w->noise, &error), &error);
  work_must(pf_alloc(items, sizeof *w->samples, &w->samples, &error), &error);
  work_must(pf_alloc(MOST_CALLS, sizeof *w->taken, &w->taken, &error), &error);
  pf_fill_normal_f32(1, PF_STREAM_PRIOR, 0, 0, TABLE, (size_t)w->dim, w->noise);
  if (w->weights) write_weights(w);
  iterate(w);
}

/* What the peers must find too: the sum of the sample that (1/2, ..., 1/2) is mapped to. */
static double value(const worker *w) {
  float *x = w->samples;
  double sum = 0;
  for (int i = 0; i < w->dim; i++) x[i] = 0.5f;
  sample(w, 1, x, x);
  for (int i = 0; i < w->dim; i++) sum += x[i];
  return sum;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double timed_calls(worker *w, long k, char *facts, size_t room) {
  double sum = 0;
  if (k > MOST_CALLS) work_refuse("too many calls at once", "");
  for (long i = 0; i < k; i++) {
    double begin = pf_clock_seconds();
    iterate(w);
    w->taken[i] = pf_clock_seconds() - begin;
    sum += w->taken[i];
  }
  qsort(w->taken, (size_t)k, sizeof *w->taken, by_value);
  snprintf(facts, room, "{\"median\":%.9g,\"p99\":%.9g}", w->taken[k / 2], w->taken[k * 99 / 100]);
  return sum;
}

static double go(void *context, long k, char *facts, size_t room) {
  worker *w = context;
  if (w->latency) return timed_calls(w, k, facts, room);
  double begin = pf_clock_seconds();
  for (long i = 0; i < k; i++) iterate(w);
  return pf_clock_seconds() - begin;
}

int main(int argc, char **argv) {
  worker w = {.width = 64, .depth = 3, .dim = 2, .rows = 65536, .threads = 1, .precision = "f32"};
  const work_option options[] = {
      {.name = "--width", .number = &w.width},     {.name = "--depth", .number = &w.depth},
      {.name = "--dim", .number = &w.dim},         {.name = "--rows", .number = &w.rows},
      {.name = "--threads", .number = &w.threads}, {.name = "--precision", .text = &w.precision},
      {.name = "--weights", .text = &w.weights},   {.name = "--normals", .flag = &w.normals},
      {.name = "--latency", .flag = &w.latency}};
  char ready[128];
  work_read_options(argc, argv, options, sizeof options / sizeof *options);
  prepare(&w);
  snprintf(ready, sizeof ready, "{\"version\":\"%s\",\"class\":\"%s\",\"value\":%.9g}", pf_version(),
           pf_cpu_class(), value(&w));
  int code = work_serve(ready, go, &w);
  pf_learned_free(w.learned);
  pf_free(w.terms);
  pf_free(w.workspace);
  pf_layout_free(&w.layout);
  pf_pool_free(w.pool);
  pf_free(w.params);
  pf_free(w.noise);
  pf_free(w.samples);
  pf_free(w.taken);
  return code;
}
