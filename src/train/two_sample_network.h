/* The two-sample test by small networks: how well can a trained classifier tell model rows from real rows?
 *
 * Cross-fitted: every row is scored by networks that never saw it; the AUC is averaged over the folds. 0.5 means they cannot
 * tell the samples apart. Lopez-Paz and Oquab, arXiv 1610.06545. metrics/classifier.h has the nearest-neighbour counterpart.
 *
 * A fold's score is the sum of two networks' logits, each in units of its spread over the fold. The smooth one reads the
 * standardised columns for a few steps; the fine one reads sin and cos of them too (radians 1, 2, 4 per deviation) for longer.
 * Neither is enough: bare columns show local structure only after many more steps, and by then, as with the sinusoids, rows of
 * many columns are learned by heart. So the fine one counts 4/d times, and not at all beyond 16 columns. Choosing
 * one of the two by its AUC on the other folds was worse: folds are negatively correlated, so it picks the wrong one when they
 * are close. Mean AUC of 3 pairs of 2000 rows: two folds of one bare network with 1500 steps, 15 nearest neighbours, this test:
 *
 *                                        two folds   neighbours   this test
 *   moons (noise .2) with blur .2            .518        .564         .576
 *   moons with blur .4                       .618        .703         .712
 *   8gaussians, half of one mode missing     .517        .514         .531
 *   10 columns, one pair's correlation .3    .519        .518         .553
 *   5 columns, a common factor missing       .590        .573         .604
 *   moons with independent columns           .752        .787         .794
 *
 * Equal laws: mean 0.5, spread 1.2 (2000 rows) to 1.4 (300 rows) times pf_auc_null_error: the folds share training rows.
 */
#ifndef PF_TRAIN_TWO_SAMPLE_NETWORK_H
#define PF_TRAIN_TWO_SAMPLE_NETWORK_H

#include "../base/pool.h"
#include "../ot/points.h"

typedef struct pf_two_sample_options {
  int folds;        /* >= 2 */
  int width, depth; /* of either network */
  int batch;
  int64_t smooth_steps, fine_steps; /* per fold, for 4000 rows in all; fewer rows take fewer, down to half */
  uint64_t seed;
} pf_two_sample_options;

/* 5 folds, 2 x 64, batch 256, 400 and 1000 steps, seed 1: 2000 rows a side cost about a CPU second. */
pf_two_sample_options pf_two_sample_default(void);

/* x: label 1, y: label 0; equal d, each at least `folds` rows. The same value for any pool. */
pf_status pf_network_auc(pf_points x, pf_points y, const pf_two_sample_options *options, pf_pool *pool,
                         double *out, pf_error *error);

#endif
