/* The gate of every metric: finite rows in, a finite value out. */
#ifndef PF_METRICS_FINITE_H
#define PF_METRICS_FINITE_H

#include "ot/points.h"

/* pf_points_check_pair: NaN in is PF_NON_FINITE. */
pf_status pf_metric_check(pf_points x, pf_points y, pf_error *error);
/* *out = value when it is finite, else PF_NON_FINITE naming the metric. */
pf_status pf_metric_finish(const char *name, double value, double *out, pf_error *error);

#endif
