/* A point cloud: the argument of every distance between samples. */
#ifndef PF_OT_POINTS_H
#define PF_OT_POINTS_H

#include "base/status.h"

/* n rows of d columns, row-major, borrowed. */
typedef struct pf_points {
  const double *rows;
  size_t n, d;
} pf_points;

/* PF_BAD_INPUT when the cloud is empty, PF_NON_FINITE when a value is NaN or infinite; `name` is what the
 * message calls it ("model samples"). */
pf_status pf_points_check(pf_points points, const char *name, pf_error *error);

/* pf_points_check of both, and equal d. */
pf_status pf_points_check_pair(pf_points x, pf_points y, pf_error *error);

/* rows (n x d) as d columns of `stride` >= n values; the values past n are left alone. */
void pf_points_transpose(pf_points points, size_t stride, double *out);

/* out[j] = |x - y_j|^2 for j < count, where coordinate k of y_j is y[k * stride + j]. */
void pf_squared_row(const double *x, size_t d, const double *y, size_t stride, size_t count, double *out);

#endif
