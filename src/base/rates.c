/* The machine's rates: see rates.h.
 *
 * Kernels are tried for vectors of 4, 8 and 16 floats, in as many registers as every instruction-set class has free; this file
 * may use fused multiply-adds. The vectors are written out, since compilers differ in what they make of plain loops here.
 */
#include "rates.h"

#include <string.h>

#include "cpu.h"
#include "memory.h"

enum {
  STEPS = 20000,
  REGISTERS = 12, /* that are multiplied and added to; two more hold the constants */
  MOST_LANES = 16 * REGISTERS,
  ATTEMPTS = 20,
  COPY_BYTES = 1 << 17, /* two of these are past the first-level cache and within the second */
  COPIES = 2000
};

/* A local copy can live in registers. */
#define KERNEL(lanes)                                                                                        \
  typedef float vector_##lanes __attribute__((vector_size(4 * (lanes))));                                    \
  PF_MULTIVERSION static void multiply_add_##lanes(float *out) {                                             \
    vector_##lanes x[REGISTERS];                                                                             \
    memcpy(x, out, sizeof x);                                                                                \
    for (int k = 0; k < STEPS; k++)                                                                          \
      PF_UNROLL for (int i = 0; i < REGISTERS; i++) x[i] = x[i] * 0.99f + 0.01f;                             \
    memcpy(out, x, sizeof x);                                                                                \
  }
KERNEL(4)
KERNEL(8)
KERNEL(16)

#define LOOP(n)                                                                                              \
  { .run = multiply_add_##n, .lanes = (n)*REGISTERS, .flops = 2.0 * STEPS * (n)*REGISTERS }
static const pf_peak_loop loops[] = {LOOP(4), LOOP(8), LOOP(16)};

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
      if (reached < 0.1 * *rate) break; /* too wide for this processor, not a slow moment */
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
