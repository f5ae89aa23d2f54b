/* Estimates with 95 % intervals: means, and slopes on logarithmic axes. */
#ifndef PF_STUDY_SLOPE_H
#define PF_STUDY_SLOPE_H

#include "../base/status.h"

typedef struct pf_estimate {
  double value, low, high; /* two-sided 95 % interval */
} pf_estimate;

/* A number without an interval. */
pf_estimate pf_estimate_exact(double value);

/* Mean with the t interval of independent values; one value has no interval: low and high are NaN. */
pf_estimate pf_estimate_mean(const double *values, int count);

/* Least squares of ln y over ln x with the t interval of independent errors of one size, n - 2 degrees of freedom. NaN in every
 * field when a point is not positive or fewer than two x differ; low and high are NaN when n < 3. *factor (may be NULL) is
 * that of y = factor x^slope. */
pf_estimate pf_estimate_slope(const double *x, const double *y, int n, double *factor);

#endif
