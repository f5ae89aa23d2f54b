/* Mode coverage of samples from a mixture whose modes are known. */
#ifndef PF_METRICS_MODES_H
#define PF_METRICS_MODES_H

#include "ot/points.h"

typedef struct pf_modes {
  const double *means;   /* count x d */
  const double *weights; /* count, positive, sum 1; NULL: equal */
  const double *sds;     /* count: standard deviation of each mode per coordinate */
  size_t count;
} pf_modes;

typedef struct pf_mode_result {
  size_t covered;      /* modes whose nearest-mean share is at least a quarter of their weight */
  size_t count;        /* modes in all */
  double high_quality; /* share of rows within 3 sd of a mean; a 2-D Gaussian mode itself has 1 - exp(-4.5) =
                          .9889 */
  double chi_square; /* sum (observed - expected)^2 / expected of the counts; count - 1 degrees of freedom */
} pf_mode_result;

/* counts (count values, may be NULL) receives the rows nearest to each mean. */
pf_status pf_mode_coverage(pf_points x, pf_modes modes, size_t *counts, pf_mode_result *out, pf_error *error);

#endif
