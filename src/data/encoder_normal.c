/* The standard normal: Phi by erfc; Phi^-1 by Acklam's rational approximation (relative error 1.15e-9) and
 * two steps of Halley's method on Phi(z) = p, each of which cubes the error. The upper half is reflected,
 * because 1 - p is exact there and Phi keeps its relative accuracy only in the lower tail. */
#include "data/encoder_normal.h"

#include <math.h>

static const double SQRT_HALF = 0.70710678118654752440;
static const double SQRT_TWO_PI = 2.50662827463100050242;

double pf_normal_cdf(double z) { return 0.5 * erfc(-z * SQRT_HALF); }

double pf_normal_log_density(double z) { return -0.5 * z * z - 0.91893853320467274178; }

/* P. J. Acklam, "An algorithm for computing the inverse normal cumulative distribution function". 0 < p <=
 * 1/2. */
static double acklam(double p) {
  static const double A[] = {-3.969683028665376e+01, 2.209460984245205e+02,  -2.759285104469687e+02,
                             1.383577518672690e+02,  -3.066479806614716e+01, 2.506628277459239e+00};
  static const double B[] = {-5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02,
                             6.680131188771972e+01, -1.328068155288572e+01};
  static const double C[] = {-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00,
                             -2.549732539343734e+00, 4.374664141464968e+00,  2.938163982698783e+00};
  static const double D[] = {7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00,
                             3.754408661907416e+00};
  if (p < 0.02425) {
    double q = sqrt(-2 * log(p));
    return (((((C[0] * q + C[1]) * q + C[2]) * q + C[3]) * q + C[4]) * q + C[5]) /
           ((((D[0] * q + D[1]) * q + D[2]) * q + D[3]) * q + 1);
  }
  double q = p - 0.5, r = q * q;
  return (((((A[0] * r + A[1]) * r + A[2]) * r + A[3]) * r + A[4]) * r + A[5]) * q /
         (((((B[0] * r + B[1]) * r + B[2]) * r + B[3]) * r + B[4]) * r + 1);
}

double pf_normal_quantile(double p) {
  if (!(p >= 0 && p <= 1)) return NAN;
  if (p == 0) return -INFINITY;
  if (p > 0.5) return -pf_normal_quantile(1 - p);
  double z = acklam(p);
  for (int step = 0; step < 2; step++) {
    double excess = (pf_normal_cdf(z) - p) * SQRT_TWO_PI * exp(0.5 * z * z);
    if (isfinite(excess)) z -= excess / (1 + 0.5 * z * excess);
  }
  return z;
}
