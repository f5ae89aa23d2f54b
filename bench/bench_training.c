/* Training steps per second: the velocity regression of an MLP in two dimensions, everything of a step included (random
 * numbers, forward, backward, sums over lanes, Adam, moving average).
 *
 *   bench_training [width [depth [batch]]]        default 64 3 256
 *
 * Prints microseconds a step (best and median of rounds) on one and two threads.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "methods/characteristic.h"

enum { ROWS = 20000, ROUNDS = 15, STEPS = 300 };

static void must(pf_status status, const pf_error *error) {
  if (status == PF_OK) return;
  fprintf(stderr, "bench_training: %s\n", error->message);
  exit(1);
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void measure(const pf_characteristic *c, const float *data, int threads) {
  pf_error error = {0};
  pf_layout layout = {0};
  pf_fit_state state = {0};
  pf_objective objective = {0};
  pf_pool *pool = NULL;
  pf_fit *fit = NULL;
  double seconds[ROUNDS];
  must(pf_network_layout(&c->velocity.network, &layout, &error), &error);
  must(pf_fit_state_create(layout.total, &state, &error), &error);
  pf_layout_initialise(&layout, 1, state.arrays.params);
  must(pf_pool_create(threads, &pool, &error), &error);
  must(pf_velocity_objective(c, ROWS, &objective, &error), &error);
  objective.inputs[PF_CHARACTERISTIC_DATA] = data;
  pf_fit_config config = {
      .steps = 1 << 30, .batch = c->batch, .adam = pf_adam_default(), .clip = 1, .ema = 0.999, .seed = 1};
  must(pf_fit_create(&objective, &config, &state, pool, &fit, &error), &error);
  for (int r = 0; r < ROUNDS; r++) must(pf_fit_calibrate(fit, STEPS, &seconds[r], &error), &error);
  qsort(seconds, ROUNDS, sizeof *seconds, by_value);
  printf("%d thread%s: best %.1f us, median %.1f us a step (%.0f and %.0f steps/s)\n", threads,
         threads > 1 ? "s" : "", 1e6 * seconds[0], 1e6 * seconds[ROUNDS / 2], 1 / seconds[0],
         1 / seconds[ROUNDS / 2]);
  pf_fit_free(fit);
  pf_graph_free(objective.graph);
  pf_pool_free(pool);
  pf_fit_state_free(&state);
  pf_layout_free(&layout);
}

int main(int argc, char **argv) {
  pf_error error = {0};
  pf_train_options options = pf_train_options_default();
  options.width = argc > 1 ? atoi(argv[1]) : 64;
  options.depth = argc > 2 ? atoi(argv[2]) : 3;
  options.batch = argc > 3 ? atoi(argv[3]) : 256;
  pf_characteristic c;
  float *data = NULL;
  must(pf_characteristic_settings(&options, 2, ROWS, &c, &error), &error);
  must(pf_alloc(2 * ROWS, sizeof(float), &data, &error), &error);
  for (int i = 0; i < 2 * ROWS; i++) data[i] = (float)(i % 7 - 3);
  printf("MLP %d x %d, d 2, batch %d, %s\n", c.velocity.network.depth, c.velocity.network.width, c.batch,
         pf_cpu_class());
  measure(&c, data, 1);
  measure(&c, data, 2);
  pf_free(data);
  return 0;
}
