/* Distances between two samples: energy, MMD, Kolmogorov-Smirnov. Functions of arrays only.
 *
 * Distances mix columns, so the caller decides their units: pass arrays standardised by metrics/scale.h.
 * Every value is the same for any pool (NULL: the calling thread). NaN or infinity in an input is
 * PF_NON_FINITE. */
#ifndef PF_METRICS_TWO_SAMPLE_H
#define PF_METRICS_TWO_SAMPLE_H

#include "base/pool.h"
#include "ot/points.h"

/* Energy distance 2 E|X-Y| - E|X-X'| - E|Y-Y'| of the two empirical laws (the V-statistic: the zero distances
 * of a point to itself count, so it is >= 0, and 0 only for equal clouds; not its square root). Its floor
 * under equal laws is about (1/nx + 1/ny) E|X-X'|. Szekely and Rizzo, J. Stat. Plan. Inference 143 (2013). */
pf_status pf_energy_distance(pf_points x, pf_points y, pf_pool *pool, double *out, pf_error *error);

/* Gaussian kernels exp(-r^2 / (2 h^2)), averaged over `count` bandwidths h. */
typedef struct pf_kernel {
  const double *bandwidths;
  size_t count;
} pf_kernel;

/* Squared maximum mean discrepancy, unbiased (U-statistic; it may be negative; nx, ny >= 2).
 * Gretton et al., JMLR 13 (2012), lemma 6. */
pf_status pf_mmd2(pf_points x, pf_points y, pf_kernel kernel, pf_pool *pool, double *out, pf_error *error);

/* Median distance between distinct rows, over the first 1000 rows at most: the usual bandwidth.
 * PF_BAD_INPUT when it is zero (more than half of the rows coincide). */
pf_status pf_median_distance(pf_points x, double *out, pf_error *error);

/* sup |F_x - F_y| of two ascending lists. NaN in gives NaN out. */
double pf_ks_sorted(const double *x, size_t nx, const double *y, size_t ny);

/* Two-sample Kolmogorov-Smirnov statistic of each column: out has d values in [0, 1]. */
pf_status pf_ks_columns(pf_points x, pf_points y, double *out, pf_error *error);

/* Their mean. */
pf_status pf_ks_mean(pf_points x, pf_points y, double *out, pf_error *error);

#endif
