/* What one thread of this machine reaches: float multiply-adds that touch no memory, and copies between buffers of the
 * second-level cache. The yardsticks of profiles and of the benchmark; never to decide a result.
 */
#ifndef PF_BASE_RATES_H
#define PF_BASE_RATES_H

#include "status.h"

/* A loop of multiply-adds in independent lanes, enough of them to hide the latency and few enough for the registers. */
typedef struct pf_peak_loop {
  void (*run)(float *x); /* one iteration */
  int lanes;
  double flops; /* of one iteration */
} pf_peak_loop;

/* The fastest here, by the best of a few short runs each (milliseconds). */
const pf_peak_loop *pf_peak_loop_best(void);
/* Wall time of `iterations` of it. */
double pf_peak_loop_seconds(const pf_peak_loop *loop, long iterations);

typedef struct pf_rates {
  double flops; /* multiplications and additions per second */
  double bytes; /* read and written per second */
} pf_rates;

/* Both, measured in some 10 ms: the best of many short runs, which a busy neighbour seldom spoils all. */
pf_status pf_rates_measure(pf_rates *out, pf_error *error);

#endif
