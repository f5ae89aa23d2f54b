/* The list of metrics by name, each a number computed from (model rows, real rows), and their sampling
 * floors.
 *
 * A two-sample distance between n model rows and n real rows is not 0 when the laws are equal: it has a
 * floor, the same distance between n real rows and n other real rows. No value leaves this layer without it.
 */
#ifndef PF_METRICS_METRIC_H
#define PF_METRICS_METRIC_H

#include <stdint.h>
#include "base/pool.h"
#include "ot/points.h"

/* id, name in JSON, meaning */
#define PF_METRIC_TABLE(X)                                                                                   \
  X(W2, "w2", "exact Wasserstein-2 distance by optimal assignment")                                          \
  X(W1, "w1", "exact Wasserstein-1 distance by optimal assignment")                                          \
  X(SLICED_W2, "sliced_w2", "Wasserstein-2 over random directions")                                          \
  X(SLICED_W1, "sliced_w1", "Wasserstein-1 over random directions")                                          \
  X(ENERGY, "energy", "energy distance 2E|X-Y| - E|X-X'| - E|Y-Y'|")                                         \
  X(MMD2, "mmd2", "squared maximum mean discrepancy, unbiased, three Gaussian kernels")                      \
  X(KS_MEAN, "ks_mean", "Kolmogorov-Smirnov statistic, mean over columns")                                   \
  X(KNN_AUC, "knn_auc", "cross-fitted nearest-neighbour AUC, 0.5 is best")                                   \
  X(FRECHET, "frechet", "W2 between fitted Gaussians")

typedef enum pf_metric_id {
#define PF_X(id, name, text) PF_METRIC_##id,
  PF_METRIC_TABLE(PF_X)
#undef PF_X
      PF_METRIC_COUNT
} pf_metric_id;

const char *pf_metric_name(pf_metric_id id);
const char *pf_metric_text(pf_metric_id id);
/* PF_USAGE with the list of valid names when there is no such metric. */
pf_status pf_metric_from_name(const char *name, pf_metric_id *out, pf_error *error);

typedef struct pf_metric_options {
  uint64_t seed;      /* of directions and folds; the same for value and floor */
  size_t projections; /* sliced distances, default 128 */
  int neighbours;     /* knn_auc, default 15 */
  int folds;          /* knn_auc, default 5 */
  pf_pool *pool;      /* threads; NULL (default): the calling one. No value depends on it */
} pf_metric_options;

pf_metric_options pf_metric_options_default(void);

/* metric(x, reference). w1 and w2 need x.n == reference.n <= PF_ASSIGNMENT_MAX. The bandwidths of mmd2 are
 * 1/2, 1 and 2 times the reference's median distance. A non-finite input or value is PF_NON_FINITE, never a
 * number. */
pf_status pf_metric_compute(pf_metric_id id, pf_points x, pf_points reference,
                            const pf_metric_options *options, double *out, pf_error *error);

#endif
