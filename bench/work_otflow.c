/* A worker of the OT-Flow benchmarks: gradient and exact trace of the potential, or whole training steps.
 *
 *   work_otflow --work trace|step [--dim D] [--width M] [--rows N] [--nt T] [--threads P] [--dump FILE]
 *
 * trace: an iteration is the space gradient, the time slope and the Laplacian of N rows by the closed form.
 * step: an iteration is a training step of batch N (drawn rows, T Runge-Kutta steps, backward, Adam, clamp), weights 1, 500
 * and 5 of transport cost, likelihood and Hamilton-Jacobi-Bellman residual.
 * --dump: the parameters and rows as raw floats, for the peers to take over (layout: peers/torch_otflow.py). `value` is the
 * mean over these rows of trace + |gradient|^2, or their loss.
 */
#include "base/memory.h"
#include "base/rng.h"
#include "exec/batch.h"
#include "methods/flow.h"
#include "work.h"
#include "work_piece.h"

enum { TABLE = 20000, INPUT_X = 0, INPUT_T = 1 };

typedef struct worker {
  int dim, width, rows, nt, threads;
  const char *work, *dump;
  bool step;
  pf_flow_settings s;
  pf_layout layout;
  pf_fit_state state;
  pf_pool *pool;
  float *data; /* trace: rows x (dim + 1), the last column a time; step: TABLE x dim */
  /* trace */
  pf_batch *batch;
  float *x, *t, *gradient, *slope, *laplacian;
  /* step */
  pf_objective objective;
  pf_fit *fit;
  int64_t until;
} worker;

static float *floats(size_t n) {
  pf_error error = {0};
  float *x = NULL;
  work_must(pf_alloc(n, sizeof *x, &x, &error), &error);
  return x;
}

/* ---- the problem ---- */

static void prepare_problem(worker *w) {
  pf_error error = {0};
  w->s = (pf_flow_settings){
      .field = {.kind = PF_FIELD_POTENTIAL, .potential = {.inputs = w->dim, .width = w->width, .layers = 1}},
      .steps = w->nt,
      .valid_steps = w->nt,
      .batch = w->rows,
      .likelihood = 500,
      .kinetic = 1,
      .hjb = 5};
  work_must(pf_field_layout(&w->s.field, &w->layout, &error), &error);
  work_must(pf_fit_state_create(w->layout.total, &w->state, &error), &error);
  pf_layout_initialise(&w->layout, 1, w->state.arrays.params);
  memcpy(w->state.arrays.average, w->state.arrays.params, (size_t)w->layout.total * sizeof(float));
  work_must(pf_pool_create(w->threads, &w->pool, &error), &error);
  size_t columns = (size_t)w->dim + (w->step ? 0 : 1), rows = w->step ? TABLE : (size_t)w->rows;
  w->data = floats(rows * columns);
  pf_fill_normal_f32(1, PF_STREAM_LAW, 0, 0, rows, columns, w->data);
  for (size_t i = 0; !w->step && i < rows; i++) w->data[i * columns + columns - 1] = (float)i / (float)rows;
}

static void dump(const worker *w) {
  FILE *file = w->dump ? fopen(w->dump, "wb") : NULL;
  if (!w->dump) return;
  if (!file) work_refuse("cannot write", w->dump);
  work_write_pieces(file, &w->layout, w->state.arrays.params);
  fwrite(w->data, sizeof(float), (size_t)w->rows * ((size_t)w->dim + (w->step ? 0 : 1)), file);
  if (fclose(file) != 0) work_refuse("cannot write", w->dump);
}

/* ---- running a graph over all rows ---- */

static void run_rows(const worker *w, const float *const *inputs, float *const *outputs) {
  const float *params[] = {w->state.arrays.params};
  pf_batch_run(w->batch, &(pf_run){.params = params, .inputs = inputs, .rows = w->rows}, outputs);
}

static void compile(worker *w, pf_graph *graph, const pf_node *outputs, int count) {
  pf_error error = {0};
  work_must(pf_batch_create(graph, outputs, count, w->rows, PF_PRECISION_F32, w->pool, &w->batch, &error),
            &error);
  pf_graph_free(graph);
}

/* ---- trace ---- */

static void run_trace(const worker *w) {
  const float *inputs[] = {[INPUT_X] = w->x, [INPUT_T] = w->t};
  float *outputs[] = {w->gradient, w->slope, w->laplacian};
  run_rows(w, inputs, outputs);
}

static double prepare_trace(worker *w) {
  pf_error error = {0};
  pf_graph *graph = NULL;
  size_t n = (size_t)w->rows, d = (size_t)w->dim;
  work_must(pf_graph_create(&graph, &error), &error);
  pf_node x = pf_input(graph, INPUT_X, PF_SHAPE(PF_PER_ROW, w->dim));
  pf_node t = pf_input(graph, INPUT_T, PF_SCALAR(PF_PER_ROW));
  pf_potential_slopes s = pf_potential_slopes_apply(&w->s.field.potential, 0, x, t);
  compile(w, graph, (pf_node[]){s.gradient, s.time, s.laplacian}, 3);
  w->x = floats(n * d);
  w->t = floats(n);
  w->gradient = floats(n * d);
  w->slope = floats(n);
  w->laplacian = floats(n);
  for (size_t i = 0; i < n; i++) {
    memcpy(w->x + i * d, w->data + i * (d + 1), d * sizeof(float));
    w->t[i] = w->data[i * (d + 1) + d];
  }
  run_trace(w);
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    sum += (double)w->laplacian[i] + (double)w->slope[i] * w->slope[i];
    for (size_t j = 0; j < d; j++) sum += (double)w->gradient[i * d + j] * w->gradient[i * d + j];
  }
  return sum / (double)n;
}

/* ---- step ---- */

static pf_status stop_after_request(void *context, pf_fit_state *state, pf_error *error) {
  const worker *w = context;
  return state->step < w->until ? PF_OK : pf_fail(error, PF_STOPPED, "the request is served");
}

/* Mean loss of the first rows of the table, which the peers get. */
static double loss_of_rows(worker *w) {
  pf_error error = {0};
  pf_graph *graph = NULL;
  work_must(pf_graph_create(&graph, &error), &error);
  pf_node x = pf_input(graph, INPUT_X, PF_SHAPE(PF_PER_ROW, w->dim));
  pf_node loss = pf_flow_row_loss(&w->s, x);
  compile(w, graph, &loss, 1);
  float *each = floats((size_t)w->rows), *outputs[] = {each};
  const float *inputs[] = {w->data};
  run_rows(w, inputs, outputs);
  double sum = 0;
  for (int i = 0; i < w->rows; i++) sum += each[i];
  pf_free(each);
  return sum / w->rows;
}

static double prepare_step(worker *w) {
  pf_error error = {0};
  double value = loss_of_rows(w);
  work_must(pf_flow_objective(&w->s, TABLE, &w->objective, &error), &error);
  w->objective.inputs[PF_FLOW_DATA] = w->data;
  pf_fit_config config = {.steps = INT64_C(1) << 40,
                          .batch = w->rows,
                          .adam = pf_adam_default(),
                          .schedule = PF_SCHEDULE_CONSTANT,
                          .seed = 1};
  config.adam.learning_rate = 0.03;
  config.adam.beta2 = 0.999;
  config.adam.clamp = 1.5;
  work_must(pf_fit_create(&w->objective, &config, &w->state, w->pool, &w->fit, &error), &error);
  return value;
}

/* ---- serving ---- */

static double go(void *context, long k, char *facts, size_t room) {
  worker *w = context;
  pf_error error = {0};
  (void)room;
  (void)facts;
  double begin = pf_clock_seconds();
  for (long i = 0; !w->step && i < k; i++) run_trace(w);
  if (w->step) {
    w->until = w->state.step + k;
    pf_status status = pf_fit_run(w->fit, stop_after_request, w, &error);
    if (status != PF_STOPPED) work_must(status, &error);
  }
  return pf_clock_seconds() - begin;
}

static void release(worker *w) {
  pf_fit_free(w->fit);
  pf_graph_free(w->objective.graph);
  pf_batch_free(w->batch);
  pf_pool_free(w->pool);
  pf_fit_state_free(&w->state);
  pf_layout_free(&w->layout);
  float *arrays[] = {w->data, w->x, w->t, w->gradient, w->slope, w->laplacian};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) pf_free(arrays[i]);
}

int main(int argc, char **argv) {
  worker w = {.dim = 43, .width = 64, .rows = 512, .nt = 10, .threads = 1, .work = "trace"};
  const work_option options[] = {
      {.name = "--work", .text = &w.work},     {.name = "--dim", .number = &w.dim},
      {.name = "--width", .number = &w.width}, {.name = "--rows", .number = &w.rows},
      {.name = "--nt", .number = &w.nt},       {.name = "--threads", .number = &w.threads},
      {.name = "--dump", .text = &w.dump}};
  work_read_options(argc, argv, options, sizeof options / sizeof *options);
  w.step = strcmp(w.work, "step") == 0;
  if (!w.step && strcmp(w.work, "trace") != 0) work_refuse("not a work:", w.work);
  if (w.step && w.rows > TABLE) work_refuse("more rows than the table has:", "--rows");
  prepare_problem(&w);
  dump(&w);
  double value = w.step ? prepare_step(&w) : prepare_trace(&w);
  char ready[256];
  snprintf(ready, sizeof ready, "{\"version\":\"%s\",\"class\":\"%s\",\"parameters\":%lld,\"value\":%.9g}",
           pf_version(), pf_cpu_class(), (long long)w.layout.total, value);
  int code = work_serve(ready, go, &w);
  release(&w);
  return code;
}
