/* Random subsets of rows. */
#ifndef PF_METRICS_SUBSET_H
#define PF_METRICS_SUBSET_H

#include <stdint.h>
#include "ot/points.h"

/* What the draws of PF_STREAM_METRIC are for: the `step` of pf_rng_at. 1 is taken by ot/sliced. */
enum { PF_DRAW_FOLDS = 2, PF_DRAW_SUBSET = 4, PF_DRAW_BASELINE = 5 };

/* Shuffles so that index[0..m) is a uniform random ordered subset of 0..n-1 (m <= n); index has n entries.
 * `which` makes the draw: the same (seed, which, n) gives the same order. */
void pf_random_subset(uint64_t seed, uint64_t which, size_t n, size_t m, uint32_t *index);

/* out (count x d) = the named rows. */
void pf_take_rows(pf_points from, const uint32_t *index, size_t count, double *out);

#endif
