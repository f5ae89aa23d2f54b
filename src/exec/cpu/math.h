/* Single-precision elementary functions for vectorised loops: branch-free, a few ulp over the whole range.
 *
 * Every function is straight-line code on plain + - * / and selects, so the compiler turns a loop over it into
 * vectors, and a vector lane and the scalar tail give the same bits: both fuse the same multiply-adds, or neither does.
 * NaN stays NaN; overflow goes to infinity. The polynomials are Chebyshev interpolants of the reduced functions,
 * computed in 60-digit arithmetic; their approximation error is below 3e-8 relative to the result.
 *
 *   n  integer part of the reduced argument     r  remainder     z  r^2     p  polynomial
 */
#ifndef PF_EXEC_CPU_MATH_H
#define PF_EXEC_CPU_MATH_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "../../base/canary.h"
#include "../../base/cpu.h"

PF_INLINE float pf_bits_float(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

PF_INLINE uint32_t pf_float_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

/* Of integers, since a compiler takes these for one instruction and makes a branch of a choice between floats. */
PF_INLINE int32_t pf_least_signed(int32_t a, int32_t b) { return a < b ? a : b; }
PF_INLINE uint32_t pf_least(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* Adding 1.5 * 2^23 leaves round-to-nearest(x) in the low bits, on every instruction set. */
#define PF_ROUND_F32 12582912.0f

/* e^x = 2^n e^r, |r| <= ln(2)/2. n is added to the exponent bits, so the result has to be a normal number: below them
 * (x < -87.33, e^x < 1.2e-38) it is zero. Infinity beyond the largest number; NaN passes. */
PF_INLINE float pf_math_exp(float x) {
  float t = x * 1.44269504f + PF_ROUND_F32, n = t - PF_ROUND_F32;
  float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 0.00139256894f;
  p = p * r + 0.00836318132f;
  p = p * r + 0.0416665591f;
  p = p * r + 0.16666577f;
  p = p * r + 0.5f;
  p = (p * (r * r) + r) + 1.0f;
  float y = pf_bits_float(pf_float_bits(p) + (pf_float_bits(t) << 23));
  y = x < -87.33654f ? 0.0f : y;
  return x <= 88.72283f ? y : x + INFINITY;
}

/* log x = e log 2 + log(1+f), 1+f in [sqrt(1/2), sqrt(2)). */
PF_INLINE float pf_math_log(float x) {
  float normal = x < 1.17549435e-38f ? x * 8388608.0f : x;
  uint32_t bits = pf_float_bits(normal);
  int32_t k = (int32_t)(bits - 0x3F3504F3u) >> 23;
  float e = (float)k - (x < 1.17549435e-38f ? 23.0f : 0.0f);
  float f = pf_bits_float(bits - ((uint32_t)k << 23)) - 1.0f, z = f * f;
  float p = 0.0697161147f;
  p = p * f - 0.114797338f;
  p = p * f + 0.116854199f;
  p = p * f - 0.124256873f;
  p = p * f + 0.142490576f;
  p = p * f - 0.166678023f;
  p = p * f + 0.200007157f;
  p = p * f - 0.24999997f;
  p = p * f + 0.333333312f;
  float low = (p * f * z - e * 2.12194440e-4f) - 0.5f * z;
  float y = (f + low) + e * 0.693359375f;
  y = x > 3.40282347e38f ? x : y; /* infinity */
  y = x == 0.0f ? -INFINITY : y;
  return x >= 0.0f ? y : NAN; /* negative or NaN */
}

/* tanh x: odd polynomial near 0, 1 - 2 / (e^{2|x|} + 1) beyond, where nothing cancels. */
PF_INLINE float pf_math_tanh(float x) {
  float a = fabsf(x), z = x * x;
  float p = -0.00609671417f;
  p = p * z + 0.020997179f;
  p = p * z - 0.0538509096f;
  p = p * z + 0.133327697f;
  p = p * z - 0.333333289f;
  float small = a + a * (z * p);
  float large = 1.0f - 2.0f / (pf_math_exp(a + a) + 1.0f);
  return copysignf(a < 0.625f ? small : large, x);
}

/* The activation of networks, of up to PF_ABREAST arguments side by side: the chain of one fills the time in which
 * another waits for its own. PF_EACH is the loop over them, which the compiler writes out. */
enum { PF_ABREAST = 4 };
#define PF_EACH PF_UNROLL for (int i = 0; i < count; i++)

/* e^-x as p 2^n, whose product is exact: p = e^r is in [0.7, 1.42], and 2^n goes from zero (n = -127) to infinity (n = 128),
 * so that nobody has to select. x is held between -89 and 88 by its bits, where as integers the numbers above zero
 * rise and, without sign, those below it do so after them; NaN gives anything. The polynomial is that of
 * pf_math_exp. */
typedef struct pf_powers {
  float p[PF_ABREAST], scale[PF_ABREAST];
} pf_powers;

PF_INLINE float pf_math_held(float x) {
  const int32_t bits = pf_least_signed((int32_t)pf_float_bits(x), 0x42B00000);
  return pf_bits_float(pf_least((uint32_t)bits, 0xC2B20000u));
}

PF_INLINE pf_powers pf_math_powers(int count, const float *x) {
  pf_powers e;
  float a[PF_ABREAST], t[PF_ABREAST], n[PF_ABREAST], r[PF_ABREAST];
  PF_EACH a[i] = pf_math_held(x[i]);
  PF_EACH t[i] = PF_ROUND_F32 - a[i] * 1.44269504f;
  PF_EACH n[i] = t[i] - PF_ROUND_F32;
  PF_EACH r[i] = n[i] * 0.693359375f + a[i];
  PF_EACH r[i] = n[i] * 2.12194440e-4f - r[i];
  PF_EACH e.p[i] = 0.00139256894f * r[i] + 0.00836318132f;
  PF_EACH e.p[i] = e.p[i] * r[i] + 0.0416665591f;
  PF_EACH e.p[i] = e.p[i] * r[i] + 0.16666577f;
  PF_EACH e.p[i] = e.p[i] * r[i] + 0.5f;
  PF_EACH e.p[i] = (e.p[i] * (r[i] * r[i]) + r[i]) + 1.0f;
  PF_EACH e.scale[i] = pf_bits_float((pf_float_bits(t[i]) << 23) + 0x3F800000u);
  return e;
}

/* 1 / (1 + e^-x) */
PF_INLINE float pf_math_sigmoid(float x) {
  const pf_powers e = pf_math_powers(1, &x);
  const float s = 1.0f / (e.p[0] * e.scale[0] + 1.0f);
  return x == x ? s : x;
}

/* x / (1 + e^-x), which carries NaN. */
PF_INLINE void pf_math_silus(int count, const float *x, float *y) {
  pf_powers e = pf_math_powers(count, x);
  PF_EACH e.p[i] = e.p[i] * e.scale[i] + 1.0f;
  PF_EACH y[i] = x[i] / e.p[i];
}

/* The same y and, with s = 1 / (1 + e^-x), its derivative s (1 + x (1 - s)). 1 - s is e^-x s, which does not cancel; a power
 * that is infinite, where s is zero, is held below infinity. */
PF_INLINE void pf_math_silu_pairs(int count, const float *x, float *y, float *slope) {
  pf_powers e = pf_math_powers(count, x);
  float one_plus[PF_ABREAST], s[PF_ABREAST];
  PF_EACH e.p[i] = e.p[i] * e.scale[i];
  PF_EACH one_plus[i] = 1.0f + e.p[i];
  PF_EACH y[i] = x[i] / one_plus[i];
  PF_EACH s[i] = 1.0f / one_plus[i];
  PF_EACH e.p[i] = s[i] * pf_bits_float(pf_least(pf_float_bits(e.p[i]), 0x7F000000u));
  PF_EACH slope[i] = s[i] * (1.0f + x[i] * e.p[i]);
}

PF_INLINE float pf_math_silu(float x) {
  float y;
  pf_math_silus(1, &x, &y);
  return y;
}

PF_INLINE float pf_math_silu_slope(float x) {
  float y, slope;
  pf_math_silu_pairs(1, &x, &y, &slope);
  return slope;
}

/* log(1 + e) for e in [0, 1]: 2 artanh(s), s = e / (2 + e) <= 1/3. */
PF_INLINE float pf_math_log_1plus(float e) {
  float s = e / (2.0f + e), w = s * s;
  float p = 0.116121646f;
  p = p * w + 0.108532879f;
  p = p * w + 0.14296179f;
  p = p * w + 0.199998532f;
  p = p * w + 0.333333337f;
  return 2.0f * (s + s * (w * p));
}

/* max(x, 0) + log(1 + e^-|x|) */
PF_INLINE float pf_math_softplus(float x) {
  float tail = pf_math_log_1plus(pf_math_exp(-fabsf(x)));
  return (x < 0.0f ? 0.0f : x) + tail;
}

/* log(e^x + e^-x) = |x| + log(1 + e^-2|x|), at least log 2 */
PF_INLINE float pf_math_log_2cosh(float x) {
  float a = fabsf(x);
  return a + pf_math_log_1plus(pf_math_exp(-(a + a)));
}

/* Both of sin and cos, from x = n pi/2 + r with pi/2 in four parts, of which n times the first three is exact for |x| up to 1e4;
 * up to 6e6 r is off by no more than the rounding of x itself. Beyond, the phase is lost: x counts as 0. */
typedef struct pf_sine_pair {
  float sine, cosine;
} pf_sine_pair;

PF_INLINE pf_sine_pair pf_math_sine_pair(float x) {
  float a = fabsf(x) <= 6e6f ? x : x - x;
  float t = a * 0.636619747f + PF_ROUND_F32, n = t - PF_ROUND_F32;
  float r = (((a - n * 1.5703125f) - n * 4.83751297e-4f) - n * 7.54953362e-8f) - n * 2.56334415e-12f;
  float z = r * r;
  float s = -0.000195878909f;
  s = s * z + 0.00833274827f;
  s = s * z - 0.166666647f;
  s = r + r * (z * s);
  float c = 2.45479421e-05f;
  c = c * z - 0.0013888303f;
  c = c * z + 0.0416666647f;
  c = 1.0f - 0.5f * z + z * z * c;
  const uint32_t quadrant = pf_float_bits(t), odd = 0u - (quadrant & 1u);
  const uint32_t swap = (pf_float_bits(s) ^ pf_float_bits(c)) & odd;
  return (pf_sine_pair){pf_bits_float(pf_float_bits(s) ^ swap ^ ((quadrant & 2u) << 30)),
                        pf_bits_float(pf_float_bits(c) ^ swap ^ (((quadrant + 1u) & 2u) << 30))};
}

/* erf x: odd polynomial up to 0.9274, then 1 - erfc with log erfc a polynomial up to 4, where erf rounds to 1. */
PF_INLINE float pf_math_erf(float x) {
  float a = fabsf(x), z = x * x;
  float p = -0.0005954904f;
  p = p * z + 0.00498647731f;
  p = p * z - 0.0267623504f;
  p = p * z + 0.112817093f;
  p = p * z - 0.376124849f;
  p = p * z + 0.128379149f;
  float small = x + x * p;
  float b = a > 4.0f ? 4.0f : a;
  float q = 1.64356965e-06f;
  q = q * b - 4.61779128e-05f;
  q = q * b + 0.000597743472f;
  q = q * b - 0.00476357525f;
  q = q * b + 0.0264310176f;
  q = q * b - 0.110094481f;
  q = q * b - 0.631814517f;
  q = q * b - 1.13023762f;
  q = q * b + 0.000320441531f;
  float large = 1.0f - pf_math_exp(q);
  return a < 0.92736f ? small : copysignf(large, x);
}

/* -1, 0 or 1. */
PF_INLINE float pf_math_sign(float x) {
  float s = (x > 0.0f ? 1.0f : 0.0f) - (x < 0.0f ? 1.0f : 0.0f);
  return x == x ? s : x;
}

/* The larger; NaN if either is. */
PF_INLINE float pf_math_max(float a, float b) {
  bool a_wins = PF_CANARY(KERNEL_NAN, (a > b) | (a != a), a > b);
  return a_wins ? a : b;
}

PF_INLINE float pf_math_min(float a, float b) { return ((a < b) | (a != a)) ? a : b; }

#endif
