/* Gaussians: Bures-Wasserstein distance and the moments it needs. */
#ifndef PF_OT_BURES_H
#define PF_OT_BURES_H

#include "ot/points.h"

/* A Gaussian: mean (d) and symmetric covariance (d x d), borrowed. */
typedef struct pf_gaussian {
  const double *mean, *covariance;
  size_t d;
} pf_gaussian;

/* W2 between two Gaussians: W2^2 = |m1 - m2|^2 + tr(C1) + tr(C2) - 2 tr (C1^1/2 C2 C1^1/2)^1/2.
 * PF_BAD_INPUT when d differ or a covariance has an eigenvalue below -1e-8 of its largest. */
pf_status pf_bures_w2(pf_gaussian a, pf_gaussian b, double *out, pf_error *error);

/* Mean (d) and covariance (d x d, divided by n - 1; n >= 2) of a cloud. */
pf_status pf_moments(pf_points x, double *mean, double *covariance, pf_error *error);

/* Frechet distance: pf_bures_w2 of the two clouds' fitted Gaussians (the square root of what FID prints). */
pf_status pf_frechet_distance(pf_points x, pf_points y, double *out, pf_error *error);

/* Eigenvalues (ascending, d) and eigenvectors (columns of d x d, row-major) of a symmetric matrix.
 * `vectors` holds the matrix on entry. */
pf_status pf_symmetric_eigen(double *vectors, size_t d, double *values, pf_error *error);

#endif
