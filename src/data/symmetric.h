/* Small dense symmetric matrices: Cholesky factor and cyclic Jacobi eigenvalues (Golub, Van Loan, Matrix
 * Computations, 4.2 and 8.5). For the covariances of laws, where d is tens; larger problems use LAPACK in
 * metrics. */
#ifndef PF_DATA_SYMMETRIC_H
#define PF_DATA_SYMMETRIC_H

#include "../base/status.h"

/* Lower triangular factor [d x d] (zeros above) with factor factor^T = a. PF_BAD_INPUT when a [d x d] is not
 * finite, not symmetric to 1e-9 of its scale, or not positive definite. */
pf_status pf_symmetric_cholesky(const double *a, int d, double *factor, pf_error *error);
/* values [d] and the unit eigenvector of values[e] in row e of axes [d x d]; order is not defined. */
pf_status pf_jacobi_eigen(const double *a, int d, double *values, double *axes, pf_error *error);

#endif
