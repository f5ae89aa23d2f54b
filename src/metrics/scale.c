/* Units of a table. */
#include "metrics/scale.h"

#include <math.h>

#include "base/memory.h"
#include "ot/sort.h"

/* Quantile of an ascending list by linear interpolation between order statistics, type 7. */
static double quantile(const double *sorted, size_t n, double level) {
  double at = level * (double)(n - 1);
  size_t below = (size_t)at;
  if (below + 1 >= n) return sorted[n - 1];
  return sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]);
}

static void fit_column(const double *sorted, size_t n, double *center, double *scale) {
  double mean = 0, square = 0;
  for (size_t i = 0; i < n; i++) mean += (sorted[i] - mean) / (double)(i + 1);
  for (size_t i = 0; i < n; i++) square += (sorted[i] - mean) * (sorted[i] - mean);
  double sd = n > 1 ? sqrt(square / (double)(n - 1)) : 0;
  double spread = (quantile(sorted, n, .75) - quantile(sorted, n, .25)) / 1.3489795003921634;
  bool wild = spread > 0 && sd > 10 * spread, constant = !(sorted[n - 1] > sorted[0]) || !(sd > 0);
  *center = wild ? quantile(sorted, n, .5) : mean;
  *scale = constant ? 1 : wild ? spread : sd;
}

pf_status pf_scale_fit(pf_points real, pf_column_scale *out, pf_error *error) {
  pf_column_scale fit = {.d = real.d};
  double *column = NULL;
  pf_status status = PF_OK;
  PF_TRY(pf_points_check(real, "real rows", error));
  PF_TRY_GOTO(pf_alloc(real.d, sizeof *fit.center, &fit.center, error));
  PF_TRY_GOTO(pf_alloc(real.d, sizeof *fit.scale, &fit.scale, error));
  PF_TRY_GOTO(pf_alloc(2 * real.n, sizeof *column, &column, error));
  for (size_t k = 0; k < real.d; k++) {
    for (size_t i = 0; i < real.n; i++) column[i] = real.rows[i * real.d + k];
    pf_sort_doubles(column, real.n, column + real.n);
    fit_column(column, real.n, &fit.center[k], &fit.scale[k]);
    if (!isfinite(fit.center[k]) || !isfinite(fit.scale[k])) {
      status =
          pf_fail(error, PF_NON_FINITE, "column %zu: scale %g around %g", k, fit.scale[k], fit.center[k]);
      goto cleanup;
    }
  }
  *out = fit;
  fit = (pf_column_scale){0};
cleanup:
  pf_scale_clear(&fit);
  pf_free(column);
  return status;
}

pf_status pf_scale_apply(const pf_column_scale *scale, pf_points x, double *out, pf_error *error) {
  if (x.d != scale->d)
    return pf_fail(error, PF_BAD_INPUT, "scale of %zu columns applied to %zu", scale->d, x.d);
  for (size_t i = 0; i < x.n; i++)
    for (size_t k = 0; k < x.d; k++)
      out[i * x.d + k] = (x.rows[i * x.d + k] - scale->center[k]) / scale->scale[k];
  return PF_OK;
}

void pf_scale_clear(pf_column_scale *scale) {
  pf_free(scale->center);
  pf_free(scale->scale);
  *scale = (pf_column_scale){0};
}
