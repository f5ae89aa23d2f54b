/* A worker of the training benchmark: steps of our velocity regression, everything of a step included (random numbers,
 * forward, backward, sums over lanes, gradient norm, Adam, moving average).
 *
 *   work_train [--width W] [--depth L] [--dim D] [--batch B] [--threads T] [--precision f32|bf16]
 *
 * An iteration is one step. Alone:  echo 'go 3000' | build/work_train
 * The data: every column is -1 or 1 with equal odds, plus normal noise of deviation 0.1.
 */
#include <sys/resource.h>

#include "base/memory.h"
#include "base/rng.h"
#include "methods/characteristic.h"
#include "work.h"

enum { ROWS = 20000 };

typedef struct worker {
  int width, depth, dim, batch, threads;
  const char *precision;
  pf_characteristic settings;
  pf_layout layout;
  pf_fit_state state;
  pf_objective objective;
  pf_pool *pool;
  pf_fit *fit;
  float *data;
  int64_t until; /* the step that ends the running request */
} worker;

static float *make_data(int dim) {
  pf_error error = {0};
  float *x = NULL, *signs = NULL;
  size_t n = (size_t)ROWS * (size_t)dim;
  work_must(pf_alloc(n, sizeof *x, &x, &error), &error);
  work_must(pf_alloc(n, sizeof *signs, &signs, &error), &error);
  pf_fill_normal_f32(1, PF_STREAM_LAW, 0, 0, ROWS, (size_t)dim, x);
  pf_fill_index_f32(1, PF_STREAM_LAW, 1, 0, n, 2, signs);
  for (size_t i = 0; i < n; i++) x[i] = 0.1f * x[i] + 2 * signs[i] - 1;
  pf_free(signs);
  return x;
}

static void prepare(worker *w) {
  pf_error error = {0};
  pf_train_options options = pf_train_options_default();
  options.width = w->width;
  options.depth = w->depth;
  options.batch = w->batch;
  options.precision = w->precision;
  work_must(pf_characteristic_settings(&options, w->dim, NULL, &w->settings, &error), &error);
  const pf_characteristic *c = &w->settings;
  work_must(pf_network_layout(&c->velocity.network, &w->layout, &error), &error);
  work_must(pf_fit_state_create(w->layout.total, &w->state, &error), &error);
  pf_layout_initialise(&w->layout, 1, w->state.arrays.params);
  memcpy(w->state.arrays.average, w->state.arrays.params, (size_t)w->layout.total * sizeof(float));
  work_must(pf_pool_create(w->threads, &w->pool, &error), &error);
  work_must(pf_velocity_objective(c, ROWS, &w->objective, &error), &error);
  w->data = make_data(w->dim);
  w->objective.inputs[PF_CHARACTERISTIC_DATA] = w->data;
  pf_fit_config config = {.steps = INT64_C(1) << 40, /* a rate that does not decay */
                          .batch = c->batch,
                          .adam = pf_adam_default(),
                          .clip = c->clip,
                          .ema = c->ema,
                          .precision = c->precision,
                          .seed = 1};
  config.adam.beta2 = 0.999;
  work_must(pf_fit_create(&w->objective, &config, &w->state, w->pool, &w->fit, &error), &error);
}

static pf_status stop_after_request(void *context, pf_fit_state *state, pf_error *error) {
  const worker *w = context;
  return state->step < w->until ? PF_OK : pf_fail(error, PF_STOPPED, "the request is served");
}

static double peak_megabytes(void) {
  struct rusage usage = {0};
  getrusage(RUSAGE_SELF, &usage);
  return (double)usage.ru_maxrss / 1024;
}

static double go(void *context, long k, char *facts, size_t room) {
  worker *w = context;
  pf_error error = {0};
  w->until = w->state.step + k;
  double begin = pf_clock_seconds();
  pf_status status = pf_fit_run(w->fit, stop_after_request, w, &error);
  double seconds = pf_clock_seconds() - begin;
  if (status != PF_STOPPED) work_must(status, &error);
  snprintf(facts, room, "{\"loss\":%.6g,\"steps\":%lld,\"peak_mb\":%.1f}", w->state.loss,
           (long long)w->state.step, peak_megabytes());
  return seconds;
}

/* Multiplications and additions of the contractions of one step: forward, and twice that backward except that nobody
 * asks for the gradient of the network's inputs. */
static double contraction_flops(const worker *w) {
  double inputs = w->dim + 2 * w->settings.velocity.network.frequencies, width = w->width;
  double first = inputs * width, rest = (w->depth - 1) * width * width + width * w->dim;
  return 2.0 * w->batch * (2 * first + 3 * rest);
}

int main(int argc, char **argv) {
  worker w = {.width = 64, .depth = 3, .dim = 2, .batch = 256, .threads = 1, .precision = "f32"};
  const work_option options[] = {
      {.name = "--width", .number = &w.width},     {.name = "--depth", .number = &w.depth},
      {.name = "--dim", .number = &w.dim},         {.name = "--batch", .number = &w.batch},
      {.name = "--threads", .number = &w.threads}, {.name = "--precision", .text = &w.precision}};
  work_read_options(argc, argv, options, sizeof options / sizeof *options);
  prepare(&w);
  char ready[256];
  snprintf(ready, sizeof ready, "{\"version\":\"%s\",\"class\":\"%s\",\"parameters\":%lld,\"flops\":%.0f}",
           pf_version(), pf_cpu_class(), (long long)w.layout.total, contraction_flops(&w));
  int code = work_serve(ready, go, &w);
  pf_fit_free(w.fit);
  pf_graph_free(w.objective.graph);
  pf_pool_free(w.pool);
  pf_fit_state_free(&w.state);
  pf_layout_free(&w.layout);
  pf_free(w.data);
  return code;
}
