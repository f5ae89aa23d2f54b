/* Units of a table: distances are taken between (value - centre) / scale, fitted on real rows only. */
#ifndef PF_METRICS_SCALE_H
#define PF_METRICS_SCALE_H

#include "ot/points.h"

typedef struct pf_column_scale {
  size_t d;
  double *center, *scale; /* d each; scale > 0 */
} pf_column_scale;

/* Mean and standard deviation (n - 1) of each column. Where a few wild values own the variance (sd above 10
 * times IQR / 1.349, IQR > 0) the column gets its median and IQR / 1.349 instead; a constant column gets
 * scale 1. *out is filled on success; empty it with pf_scale_clear. */
pf_status pf_scale_fit(pf_points real, pf_column_scale *out, pf_error *error);
/* out (n x d, may be x.rows itself) = (x - center) / scale. PF_BAD_INPUT when d differ. */
pf_status pf_scale_apply(const pf_column_scale *scale, pf_points x, double *out, pf_error *error);
void pf_scale_clear(pf_column_scale *scale);

#endif
