/* Checks of point clouds. */
#include "ot/points.h"

#include <math.h>

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
