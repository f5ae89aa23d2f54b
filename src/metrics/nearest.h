/* The nearest neighbour's label: how domain adaptation is scored (one-nearest-neighbour accuracy). */
#ifndef PF_METRICS_NEAREST_H
#define PF_METRICS_NEAREST_H

#include <stdint.h>
#include "base/pool.h"
#include "ot/points.h"

/* out[i] <- the index of the row of `among` nearest to row i of `rows` (Euclidean; the first of equals). Brute force,
 * O(rows.n among.n d). PF_BAD_INPUT (empty, unequal d), PF_NON_FINITE. The same for any number of threads. */
pf_status pf_nearest_rows(pf_points rows, pf_points among, pf_pool *pool, uint32_t *out, pf_error *error);

/* Labelled rows. */
typedef struct pf_labelled {
  pf_points points;
  const double *labels; /* points.n */
} pf_labelled;

/* *out <- the share of test rows whose nearest training row has their label. Errors as above. */
pf_status pf_nearest_accuracy(pf_labelled test, pf_labelled train, pf_pool *pool, double *out,
                              pf_error *error);

#endif
