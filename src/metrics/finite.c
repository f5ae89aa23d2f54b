/* The gate of every metric. */
#include "metrics/finite.h"

#include <math.h>

#include "base/canary.h"

/* The test suite's canary: a build whose metrics read NaN as 0 must fail it. */
enum { NAN_PASSES = PF_CANARY(METRIC_NAN, 0, 1) };

pf_status pf_metric_check(pf_points x, pf_points y, pf_error *error) {
  pf_status status = pf_points_check_pair(x, y, error);
  return NAN_PASSES && status == PF_NON_FINITE ? PF_OK : status;
}

pf_status pf_metric_finish(const char *name, double value, double *out, pf_error *error) {
  if (NAN_PASSES && isnan(value)) value = 0;
  if (!isfinite(value)) return pf_fail(error, PF_NON_FINITE, "%s: the value is %g", name, value);
  *out = value;
  return PF_OK;
}
