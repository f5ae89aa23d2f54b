/* A metric beside its sampling floor, over fresh pairs of samples. */
#ifndef PF_METRICS_FLOOR_H
#define PF_METRICS_FLOOR_H

#include "metrics/metric.h"

typedef struct pf_metric_result {
  char name[32];
  double value;       /* mean of metric(model, real) over the combinations */
  double floor;       /* mean of metric(real, other real) */
  double floor_q95;   /* 95 % quantile of the single floor distances */
  double excess;      /* value - floor */
  double excess_hi95; /* one-sided 95 % upper confidence bound of the excess; infinite when pairs < 2 */
  double excess_lo95; /* one-sided 95 % lower confidence bound: above 0 = measurably worse than real */
  int pairs;
} pf_metric_result;

/* Where the rows come from. `out` is n x d. Called from the calling thread, pair by pair (0..pairs-1), real
 * 0, real 1, model; the three draws of a pair and all pairs must be independent. */
typedef struct pf_sample_source {
  void *context;
  pf_status (*draw_real)(void *context, int pair, int which, double *out, pf_error *error);
  pf_status (*draw_model)(void *context, int pair, double *out, pf_error *error);
} pf_sample_source;

typedef struct pf_floor_spec {
  const pf_metric_id *metrics;
  size_t metric_count;
  size_t n, d; /* rows per sample and columns */
  int pairs;   /* P >= 1; 10 to 20 is usual */
  pf_metric_options options;
  int rounds; /* 0: one value, one floor distance a pair; r = 1..64 (cut to (P + 1)/2): see below */
} pf_floor_spec;

/* Fills results[metric_count]. With rounds 0 both distances of a pair share real A, so its noise cancels
 * in their difference; the bounds are a paired t. With rounds r each model sample meets both real
 * samples of r pairs, and the real ones each other (5 r - 2 distances a pair): a smaller error from the
 * same samples, bounds by the jackknife over pairs, all 3 P samples in memory. More pairs are cheaper
 * than rounds unless drawing is dear; the table is in floor.c. The metrics run in parallel over the
 * pool; results do not depend on it. The draws may use the pool. */
pf_status pf_measure_against_floor(const pf_floor_spec *spec, pf_sample_source source,
                                   pf_metric_result *results, pf_error *error);

/* ---- finite tables ---- */

/* A source for tables: real A is n random rows of `reference` (held-out rows), real B n random rows of
 * `other` (for example training rows), the model n random rows of `model`, each without replacement and new
 * for each pair. When `reference.rows == other.rows`, A and B are disjoint. The pairs overlap, so the
 * confidence bound is optimistic: prefer fresh draws where the law can be sampled, and pf_energy_splits for
 * acceptance. */
typedef struct pf_table_source {
  pf_points reference, other, model;
  size_t n;
  uint64_t seed;
} pf_table_source;

/* PF_BAD_INPUT when a table has fewer rows than it must give. The source borrows *table. */
pf_status pf_table_source_open(const pf_table_source *table, pf_sample_source *out, pf_error *error);

#endif
