/* The yardstick of the benchmark: what one thread reaches in float multiply-adds that touch no memory (base/rates.h).
 *
 *   work_peak        alone: echo 'go 1000' | build/work_peak
 */
#include "base/rates.h"
#include "work.h"

static double go(void *context, long k, char *facts, size_t room) {
  (void)facts;
  (void)room;
  return pf_peak_loop_seconds(context, k);
}

int main(int argc, char **argv) {
  char ready[64];
  work_read_options(argc, argv, NULL, 0);
  pf_peak_loop best = *pf_peak_loop_best();
  snprintf(ready, sizeof ready, "{\"flops\":%.0f,\"lanes\":%d}", best.flops, best.lanes);
  return work_serve(ready, go, &best);
}
