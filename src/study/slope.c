/* Estimates with 95 % intervals: see slope.h. */
#include "slope.h"

#include <math.h>
#include "../base/canary.h"
#include "../metrics/student.h"

pf_estimate pf_estimate_exact(double value) { return (pf_estimate){value, value, value}; }

pf_estimate pf_estimate_mean(const double *values, int count) {
  double mean = 0, squares = 0;
  for (int i = 0; i < count; i++) mean += values[i] / count;
  if (count < 2) return (pf_estimate){count == 1 ? mean : NAN, NAN, NAN};
  for (int i = 0; i < count; i++) squares += (values[i] - mean) * (values[i] - mean);
  double reach = pf_student_t975(count - 1) * sqrt(squares / (count - 1) / count);
  return (pf_estimate){mean, mean - reach, mean + reach};
}

pf_estimate pf_estimate_slope(const double *x, const double *y, int n, double *factor) {
  const pf_estimate nothing = {NAN, NAN, NAN};
  double mx = 0, my = 0, sxx = 0, sxy = 0, rest = 0;
  if (factor) *factor = NAN;
  for (int i = 0; i < n; i++) {
    if (!(x[i] > 0) || !(y[i] > 0) || isinf(x[i]) || isinf(y[i])) return nothing;
    mx += log(x[i]) / n;
    my += log(y[i]) / n;
  }
  for (int i = 0; i < n; i++) {
    sxx += (log(x[i]) - mx) * (log(x[i]) - mx);
    sxy += (log(x[i]) - mx) * (log(y[i]) - my);
  }
  if (!(sxx > 0)) return nothing;
  double slope = sxy / sxx;
  if (factor) *factor = exp(my - slope * mx);
  for (int i = 0; i < n; i++) {
    double residual = log(y[i]) - my - slope * (log(x[i]) - mx);
    rest += residual * residual;
  }
  if (n < 3) return (pf_estimate){slope, NAN, NAN};
  double reach = PF_CANARY(SLOPE_FREEDOM, pf_student_t975(n - 2), 1.96) * sqrt(rest / (n - 2) / sxx);
  return (pf_estimate){slope, slope - reach, slope + reach};
}
