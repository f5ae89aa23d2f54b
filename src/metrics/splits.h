/* Energy distance of a model to held-out rows against what real rows show among themselves. */
#ifndef PF_METRICS_SPLITS_H
#define PF_METRICS_SPLITS_H

#include <stdint.h>
#include "base/pool.h"
#include "ot/points.h"

/* Rows used per side at most: the matrix of distances within the real rows is kept (float, 64 MiB). */
enum { PF_SPLIT_ROWS_MAX = 2048 };

typedef struct pf_split_spec {
  pf_points train, test, model; /* in the same units (metrics/scale.h) */
  int splits;                   /* 200 */
  uint64_t seed;                /* of the subsets and the splits */
} pf_split_spec;

typedef struct pf_split_result {
  double value;     /* energy(model, test) */
  double null_mean; /* mean over real-against-real splits */
  double null_q95;  /* their 95 % quantile */
  double ratio;     /* value / null_q95: at most 1 = not told apart from real rows */
  double p_value;   /* (1 + splits at or above value) / (1 + splits) */
  int splits;
  size_t model_rows, test_rows; /* rows used on each side (random subsets where a table has more) */
} pf_split_result;

/* Compares m model rows with n test rows; the null distribution pools those n test rows with m training rows
 * and splits the pool at random into m and n rows, `splits` times. m = min(model.n, train.n,
 * PF_SPLIT_ROWS_MAX), n = min(test.n, PF_SPLIT_ROWS_MAX). About 10 ms a split at full size. */
pf_status pf_energy_splits(const pf_split_spec *spec, pf_pool *pool, pf_split_result *out, pf_error *error);

#endif
