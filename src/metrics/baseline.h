/* Baselines for tables: what a metric says of models that are too simple. A metric that the factorised row
 * passes does not see dependence between columns. */
#ifndef PF_METRICS_BASELINE_H
#define PF_METRICS_BASELINE_H

#include <stdint.h>
#include "ot/points.h"

/* id, name, meaning */
#define PF_BASELINE_TABLE(X)                                                                                 \
  X(FACTORISED, "factorised", "each column resampled on its own from the training rows")                     \
  X(GAUSSIAN, "gaussian", "normal law with the training mean and covariance")                                \
  X(COPULA, "copula", "Gaussian copula: rank correlation and the columns' own quantiles")

typedef enum pf_baseline_kind {
#define PF_X(id, name, text) PF_BASELINE_##id,
  PF_BASELINE_TABLE(PF_X)
#undef PF_X
      PF_BASELINE_COUNT
} pf_baseline_kind;

typedef struct pf_baseline pf_baseline;

const char *pf_baseline_name(pf_baseline_kind kind);
/* Fits on rows (n >= 2, copied). */
pf_status pf_baseline_fit(pf_baseline_kind kind, pf_points rows, pf_baseline **out, pf_error *error);
/* Rows first..first+n-1 of seed's endless sample, n x d: row i is a function of (seed, i) alone. */
pf_status pf_baseline_sample(const pf_baseline *baseline, uint64_t seed, uint64_t first, size_t n,
                             double *out, pf_error *error);
size_t pf_baseline_columns(const pf_baseline *baseline);
void pf_baseline_free(pf_baseline *baseline);

#endif
