/* Point clouds: checks and the distance kernel. */
#include "ot/points.h"

#include <math.h>

#include "base/cpu.h"

pf_status pf_points_check(pf_points points, const char *name, pf_error *error) {
  if (points.n == 0 || points.d == 0 || points.rows == NULL)
    return pf_fail(error, PF_BAD_INPUT, "%s: %zu rows x %zu columns, at least one of each is needed", name,
                   points.n, points.d);
  for (size_t i = 0; i < points.n * points.d; i++)
    if (!isfinite(points.rows[i]))
      return pf_fail(error, PF_NON_FINITE, "%s: row %zu, column %zu is %g", name, i / points.d, i % points.d,
                     points.rows[i]);
  return PF_OK;
}

pf_status pf_points_check_pair(pf_points x, pf_points y, pf_error *error) {
  PF_TRY(pf_points_check(x, "first sample", error));
  PF_TRY(pf_points_check(y, "second sample", error));
  if (x.d != y.d)
    return pf_fail(error, PF_BAD_INPUT, "the first sample has %zu columns, the second %zu", x.d, y.d);
  return PF_OK;
}

void pf_points_transpose(pf_points points, size_t stride, double *out) {
  for (size_t i = 0; i < points.n; i++)
    for (size_t k = 0; k < points.d; k++) out[k * stride + i] = points.rows[i * points.d + k];
}

PF_MULTIVERSION
void pf_squared_row(const double *x, size_t d, const double *y, size_t stride, size_t count, double *out) {
  double x0 = x[0];
  if (d == 2) { /* the plane is the common case, and one pass instead of two */
    double x1 = x[1];
    const double *y1 = y + stride;
    for (size_t j = 0; j < count; j++) out[j] = (x0 - y[j]) * (x0 - y[j]) + (x1 - y1[j]) * (x1 - y1[j]);
    return;
  }
  for (size_t j = 0; j < count; j++) out[j] = (x0 - y[j]) * (x0 - y[j]);
  for (size_t k = 1; k < d; k++) {
    double xk = x[k];
    const double *yk = y + k * stride;
    for (size_t j = 0; j < count; j++) out[j] += (xk - yk[j]) * (xk - yk[j]);
  }
}
