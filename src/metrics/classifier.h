/* Two-sample tests by classification: how well can one tell model rows from real rows? 0.5 = not at all. */
#ifndef PF_METRICS_CLASSIFIER_H
#define PF_METRICS_CLASSIFIER_H

#include <stdint.h>
#include "base/pool.h"
#include "ot/points.h"

/* Area under the ROC curve: P(score of a positive > score of a negative) + half the ties.
 * labels are 0 or 1, both present. PF_NON_FINITE when a score is NaN. O(n log n). */
pf_status pf_auc(const double *scores, const uint8_t *labels, size_t n, double *out, pf_error *error);

/* Standard error of an AUC under equal laws: sqrt((n1 + n0 + 1) / (12 n1 n0)) (Mann-Whitney). */
double pf_auc_null_error(size_t positives, size_t negatives);

typedef struct pf_knn_options {
  int neighbours; /* 1..64 */
  int folds;      /* >= 2, each label has at least that many rows */
  uint64_t seed;  /* of the fold assignment */
} pf_knn_options;

/* 15 neighbours, 5 folds, seed 1. */
pf_knn_options pf_knn_options_default(void);

/* Folds 0..folds-1 for n rows of one label: sizes differ by at most one, random order. For cross-fitted
 * classifiers: call it once per label (`label` picks the stream), so each fold has the classes' overall
 * ratio; unequal ratios would push the AUC below 0.5. */
void pf_stratified_folds(uint64_t seed, int label, size_t n, int folds, int *fold);

/* Cross-fitted k-nearest-neighbour AUC: each row of x (label 1) and y (label 0) is scored by the share of x
 * rows among its nearest neighbours outside its own fold. Brute force O((nx+ny)^2 d). Equal laws: mean 0.5,
 * spread about 1.25 times pf_auc_null_error, since neighbouring rows share their neighbours. */
pf_status pf_knn_auc(pf_points x, pf_points y, pf_knn_options options, pf_pool *pool, double *out,
                     pf_error *error);

#endif
