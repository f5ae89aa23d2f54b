/* The yardstick of the benchmark: what one thread reaches in float multiply-adds that touch no memory.
 *
 *   work_peak        alone: echo 'go 1000' | build/work_peak
 *
 * An iteration is STEPS multiply-adds in each of a number of independent lanes. Kernels are tried that suit vectors of 8 and
 * of 16 floats (enough independent chains to hide the latency, few enough to stay in registers), and as one instruction or
 * two (without the fused one fmaf is a library call). The fastest is the peak.
 */
#include <math.h>

#include "work.h"

enum { STEPS = 20000, MOST_LANES = 192 };

PF_INLINE void fused(float *x, int lanes) {
  for (int k = 0; k < STEPS; k++)
    for (int i = 0; i < lanes; i++) x[i] = __builtin_fmaf(x[i], 0.99f, 0.01f);
}

PF_INLINE void separate(float *x, int lanes) {
  for (int k = 0; k < STEPS; k++)
    for (int i = 0; i < lanes; i++) x[i] = x[i] * 0.99f + 0.01f;
}

/* A local copy can live in registers. */
#define KERNEL(name, form, lanes)                                                                            \
  PF_MULTIVERSION static void name(float *out) {                                                             \
    float x[lanes];                                                                                          \
    memcpy(x, out, sizeof x);                                                                                \
    form(x, lanes);                                                                                          \
    memcpy(out, x, sizeof x);                                                                                \
  }
KERNEL(fused_96, fused, 96)
KERNEL(fused_192, fused, 192)
KERNEL(separate_48, separate, 48)
KERNEL(separate_96, separate, 96)

typedef struct kernel {
  void (*run)(float *out);
  int lanes;
} kernel;
static const kernel kernels[] = {{fused_96, 96}, {fused_192, 192}, {separate_48, 48}, {separate_96, 96}};

static double seconds_of(const kernel *best, long k) {
  static volatile float sink;
  float x[MOST_LANES] = {0};
  double begin = pf_clock_seconds();
  for (long i = 0; i < k; i++) best->run(x);
  double seconds = pf_clock_seconds() - begin;
  sink = x[0];
  (void)sink;
  return seconds;
}

static double flops(const kernel *best) { return 2.0 * STEPS * best->lanes; }

/* By the best of a few short runs each. */
static const kernel *fastest_kernel(void) {
  const kernel *best = kernels;
  double best_rate = 0;
  for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
    for (int attempt = 0; attempt < 20; attempt++) {
      double rate = flops(&kernels[i]) / seconds_of(&kernels[i], 1);
      if (rate > best_rate) {
        best_rate = rate;
        best = &kernels[i];
      }
    }
  return best;
}

static double go(void *context, long k, char *facts, size_t room) {
  (void)facts;
  (void)room;
  return seconds_of(context, k);
}

int main(int argc, char **argv) {
  char ready[64];
  work_read_options(argc, argv, NULL, 0);
  kernel best = *fastest_kernel();
  snprintf(ready, sizeof ready, "{\"flops\":%.0f,\"lanes\":%d}", flops(&best), best.lanes);
  return work_serve(ready, go, &best);
}
