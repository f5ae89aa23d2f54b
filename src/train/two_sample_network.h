/* The two-sample test by a small network: how well can a trained classifier tell model rows from real rows?
 *
 * Cross-fitted: every row is scored by a network that never saw it; the AUC is averaged over the folds. 0.5 means it cannot
 * tell them apart. Lopez-Paz and Oquab, arXiv 1610.06545. metrics/classifier.h has the nearest-neighbour counterpart.
 */
#ifndef PF_TRAIN_TWO_SAMPLE_NETWORK_H
#define PF_TRAIN_TWO_SAMPLE_NETWORK_H

#include "../base/pool.h"
#include "../ot/points.h"

typedef struct pf_two_sample_options {
  int folds;        /* >= 2 */
  int width, depth; /* of the network */
  int batch;
  int64_t steps; /* per fold */
  uint64_t seed;
} pf_two_sample_options;

pf_two_sample_options pf_two_sample_default(void); /* 2 folds, 2 x 64, batch 256, 1500 steps, seed 1 */

/* x: label 1, y: label 0; equal d, each at least `folds` rows. The same value for any pool. */
pf_status pf_network_auc(pf_points x, pf_points y, const pf_two_sample_options *options, pf_pool *pool,
                         double *out, pf_error *error);

#endif
