/* The machine's rates: see rates.h.
 *
 * Kernels are tried that suit vectors of 8 and of 16 floats, and as one instruction or two (without the fused one fmaf is
 * a library call, which the first attempt shows).
 */
#include "rates.h"

#include <string.h>

#include "cpu.h"
#include "memory.h"

enum {
  STEPS = 20000,
  MOST_LANES = 192,
  ATTEMPTS = 20,
  COPY_BYTES = 1 << 17, /* two of these are past the first-level cache and within the second */
  COPIES = 2000
};

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
KERNEL(separate_48, separate, 48)
KERNEL(separate_96, separate, 96)
KERNEL(fused_96, fused, 96)
KERNEL(fused_192, fused, 192)

#define LOOP(name, n)                                                                                        \
  { .run = name, .lanes = n, .flops = 2.0 * STEPS * (n) }
static const pf_peak_loop loops[] = {LOOP(separate_48, 48), LOOP(separate_96, 96), LOOP(fused_96, 96),
                                     LOOP(fused_192, 192)};

double pf_peak_loop_seconds(const pf_peak_loop *loop, long iterations) {
  float x[MOST_LANES] = {0};
  double begin = pf_clock_seconds();
  for (long i = 0; i < iterations; i++) loop->run(x);
  return pf_clock_seconds() - begin;
}

static const pf_peak_loop *fastest_loop(double *rate) {
  const pf_peak_loop *best = loops;
  *rate = 0;
  for (size_t i = 0; i < sizeof loops / sizeof *loops; i++)
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
      double reached = loops[i].flops / pf_peak_loop_seconds(&loops[i], 1);
      if (reached > *rate) {
        *rate = reached;
        best = &loops[i];
      }
      if (reached < 0.1 * *rate) break; /* a library call, not a slow moment */
    }
  return best;
}

const pf_peak_loop *pf_peak_loop_best(void) {
  double rate;
  return fastest_loop(&rate);
}

pf_status pf_rates_measure(pf_rates *out, pf_error *error) {
  char *memory = NULL;
  pf_rates rates = {0};
  PF_TRY(pf_alloc(2, COPY_BYTES, &memory, error));
  fastest_loop(&rates.flops);
  double shortest = 1;
  for (int i = 0; i < COPIES; i++) {
    char *from = memory + (i % 2) * COPY_BYTES, *to = memory + (1 - i % 2) * COPY_BYTES;
    double begin = pf_clock_seconds();
    memcpy(to, from, COPY_BYTES);
    double seconds = pf_clock_seconds() - begin;
    if (seconds > 0 && seconds < shortest) shortest = seconds;
  }
  pf_free(memory);
  rates.bytes = 2.0 * COPY_BYTES / shortest;
  *out = rates;
  return PF_OK;
}
