/* e^x in double, written so that compilers turn a loop over it into vectors: plain + - * and selects, no table. The same
 * bits in a vector lane and alone (contraction into FMA is off in the build). Relative error under 3e-16 for
 * x in [-708, 709]; below, 0; above, infinity; NaN stays NaN.
 *
 *   e^x = 2^n e^r, |r| <= ln(2)/2     e^r = 1 + r + r^2 q(r), q the Chebyshev interpolant of degree 9 (2e-17), computed
 *   in 60-digit arithmetic */
#ifndef PF_OT_EXP_H
#define PF_OT_EXP_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/cpu.h"

PF_INLINE double pf_exp(double x) {
  const double ROUND = 6755399441055744.0; /* 1.5 * 2^52: adding it leaves round-to-nearest in the low bits */
  double t = x * 1.4426950408889634 + ROUND, n = t - ROUND;
  double r =
      (x - n * 0x1.62e42feep-1) - n * 1.9082149292705878e-10; /* n times the first part of ln 2 is exact */
  double q = 2.5100385495510319e-8;
  q = q * r + 2.7620088445409748e-7;
  q = q * r + 2.7557268459997065e-6;
  q = q * r + 2.4801521295954375e-5;
  q = q * r + 1.9841269863053617e-4;
  q = q * r + 1.3888888917213717e-3;
  q = q * r + 8.3333333333300618e-3;
  q = q * r + 0.041666666666624128;
  q = q * r + 0.16666666666666667;
  q = q * r + 0.5;
  double p = (q * (r * r) + r) + 1.0;
  uint64_t bits, shift;
  memcpy(&bits, &p, sizeof bits);
  memcpy(&shift, &t, sizeof shift);
  bits += shift << 52;
  memcpy(&p, &bits, sizeof p);
  p = x < -708.0 ? 0.0 : p;
  return x <= 709.0 ? p : x + INFINITY;
}

#endif
