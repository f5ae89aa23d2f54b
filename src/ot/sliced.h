/* One-dimensional Wasserstein distances and their mean over random directions. */
#ifndef PF_OT_SLICED_H
#define PF_OT_SLICED_H

#include <stdint.h>
#include "base/pool.h"
#include "ot/points.h"

/* W_p, p in {1, 2}, of two ascending lists of any lengths (each at least 1): the L^p distance of their
 * quantile functions. NaN in gives NaN out. */
double pf_wasserstein_1d(const double *x, size_t nx, const double *y, size_t ny, int power);

typedef struct pf_sliced_options {
  int power;          /* 1 or 2 */
  size_t projections; /* number of directions, at least 1 */
  uint64_t seed;      /* direction k is a function of (seed, k, d) alone */
} pf_sliced_options;

/* Sliced Wasserstein: ( mean over directions u, uniform on the sphere, of W_p^p(u.x, u.y) )^(1/p).
 * x.n and y.n may differ. The value does not depend on the pool (NULL: the calling thread). */
pf_status pf_sliced_wasserstein(pf_points x, pf_points y, pf_sliced_options options, pf_pool *pool,
                                double *out, pf_error *error);

#endif
