/* Exact fields of a Gaussian mixture (contract and formulas: mixture_field.h).
 *
 * All three fields are one sum, with coefficients that are functions of an eigenvalue lambda of Sigma_k:
 *   field(x) = sum_k r_k [ c_m m_k + sum_e (p + q lambda_e) / (alpha^2 + beta^2 lambda_e) (v_e . y_k) v_e ],
 *   y_k = x - beta m_k;   velocity: c_m = beta', p = alpha alpha', q = beta beta';  denoiser: 1, 0, beta;  score: 0, -1, 0
 * The responsibilities r_k are formed in one pass: a running maximum of the logits rescales what was summed before.
 *
 * Components that share one isotropic variance lambda (rings, grids, smoothed points) take a shorter way, vectorised over
 * rows: |x|^2 cancels from the responsibilities and the field is affine in the mean mbar = sum_k r_k m_k,
 *   logit_k = log w_k + (beta x . m_k - beta^2 |m_k|^2 / 2) / S,                     S = alpha^2 + beta^2 lambda
 *   field   = (p + q lambda) / S x + (c_m alpha^2 - beta p + lambda (c_m beta^2 - beta q)) / S mbar
 * The last bracket is zero for all three fields up to rounding; it is kept because it says where they come from.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>
#include "../base/canary.h"
#include "../base/cpu.h"
#include "mixture_field.h"

static const double LOG_2PI = 1.8378770664093454836;

typedef struct coefficients {
  double alpha2, beta, beta2;
  double mean, p, q;
} coefficients;

/* Covariance of component k as the loops below read it. */
typedef struct component {
  const double *mean, *values, *axes; /* axes NULL: the coordinate axes */
  int value_stride;                   /* 0: one variance for all axes */
  double log_weight;
} component;

static component component_of(const pf_mixture *mixture, int k) {
  int d = mixture->d, c = mixture->covariances == 1 ? 0 : k;
  return (component){
      .mean = mixture->means + (int64_t)k * d,
      .values = mixture->eigenvalues + (int64_t)c * mixture->eigenvalue_count,
      .axes = mixture->axes ? mixture->axes + (int64_t)c * d * d : NULL,
      .value_stride = mixture->kind != PF_COVARIANCE_ISOTROPIC,
      .log_weight = mixture->log_weights[k],
  };
}

/* v_e . (x - beta m) */
static double project(const component *k, int d, int e, double beta, const double *x) {
  if (!k->axes) return x[e] - beta * k->mean[e];
  const double *axis = k->axes + (int64_t)e * d;
  double sum = 0;
  for (int i = 0; i < d; i++) sum += axis[i] * (x[i] - beta * k->mean[i]);
  return sum;
}

/* log w_k N(x; beta m_k, S_k) without the (2 pi)^(-d/2) */
static double logit(const component *k, const coefficients *c, int d, const double *x) {
  double quadratic = 0, log_determinant = 0;
  for (int e = 0; e < d; e++) {
    double s = c->alpha2 + c->beta2 * k->values[e * k->value_stride], y = project(k, d, e, c->beta, x);
    quadratic += y * y / s;
    if (k->value_stride) log_determinant += log(s);
  }
  if (!k->value_stride) log_determinant = d * log(c->alpha2 + c->beta2 * k->values[0]);
  return k->log_weight - 0.5 * (quadratic + log_determinant);
}

static void add_component(const component *k, const coefficients *c, int d, double r, const double *x,
                          double *out) {
  for (int i = 0; i < d; i++) out[i] += r * c->mean * k->mean[i];
  for (int e = 0; e < d; e++) {
    double lambda = k->values[e * k->value_stride];
    double value =
        r * (c->p + c->q * lambda) / (c->alpha2 + c->beta2 * lambda) * project(k, d, e, c->beta, x);
    if (!k->axes) {
      out[e] += value;
      continue;
    }
    const double *axis = k->axes + (int64_t)e * d;
    for (int i = 0; i < d; i++) out[i] += value * axis[i];
  }
}

static void evaluate_row(const pf_mixture *mixture, const coefficients *c, const double *x, double *out) {
  int d = mixture->d;
  double max = -INFINITY, total = 0;
  memset(out, 0, (size_t)d * sizeof *out);
  for (int k = 0; k < mixture->components; k++) {
    component part = component_of(mixture, k);
    if (part.log_weight == -INFINITY) continue;
    double value = logit(&part, c, d, x), r = 1;
    if (value > max) {
      double rescale = exp(max - value);
      total *= rescale;
      for (int i = 0; i < d; i++) out[i] *= rescale;
      max = value;
    } else {
      r = exp(value - max);
      if (r < 1e-40) continue; /* far below rounding; a NaN goes on and poisons the row, as it should */
    }
    total += r;
    add_component(&part, c, d, r, x, out);
  }
  for (int i = 0; i < d; i++) out[i] /= total;
}

/* ---- one shared isotropic variance: blocks of rows ---- */

enum { BLOCK = 64, BLOCK_DIMENSIONS = 8 };

/* e^x for x <= 0, within 2 ulp; below -708 it is 0 and NaN stays NaN. e^x = 2^n e^r, |r| <= log(2)/2, Taylor to r^13 / 13!.
 * Straight-line code, so that a loop over it becomes vectors. */
PF_INLINE double exp_negative(double x) {
  const double round = 6755399441055744.0; /* 1.5 * 2^52: adding it leaves round-to-nearest in the low bits */
  double t = x * 1.44269504088896340736 + round, n = t - round;
  double r = (x - n * 6.93147180369123816490e-01) - n * 1.90821492927058770002e-10;
  double p = 1. / 6227020800;
  p = p * r + 1. / 479001600;
  p = p * r + 1. / 39916800;
  p = p * r + 1. / 3628800;
  p = p * r + 1. / 362880;
  p = p * r + 1. / 40320;
  p = p * r + 1. / 5040;
  p = p * r + 1. / 720;
  p = p * r + 1. / 120;
  p = p * r + 1. / 24;
  p = p * r + 1. / 6;
  p = p * r + .5;
  p = (p * (r * r) + r) + 1;
  uint64_t exponent, bits;
  memcpy(&exponent, &t, sizeof t);
  memcpy(&bits, &p, sizeof p);
  bits += exponent << 52;
  memcpy(&p, &bits, sizeof p);
  return x < -708 ? 0 : p;
}

/* Coefficients of the affine form: logit_k = offset_k + scale x . m_k, field = of_x x + of_mean mbar. */
typedef struct affine {
  double offset, scale; /* offset of logit_k is log w_k + offset |m_k|^2 */
  double of_x, of_mean;
} affine;

static affine affine_of(const pf_mixture *mixture, const coefficients *c) {
  double lambda = mixture->eigenvalues[0], s = c->alpha2 + c->beta2 * lambda;
  return (affine){.offset = -0.5 * c->beta2 / s,
                  .scale = c->beta / s,
                  .of_x = (c->p + c->q * lambda) / s,
                  .of_mean = (c->mean * c->alpha2 - PF_CANARY(AFFINE_MEAN, c->beta * c->p, 0) +
                              lambda * (c->mean * c->beta2 - c->beta * c->q)) /
                             s};
}

PF_INLINE void block_logits(const pf_mixture *mixture, const affine *a, int k, double x[][BLOCK],
                            double *logit) {
  const double *mean = mixture->means + (int64_t)k * mixture->d;
  double square = 0;
  for (int i = 0; i < mixture->d; i++) square += mean[i] * mean[i];
  double constant = mixture->log_weights[k] + a->offset * square;
  for (int b = 0; b < BLOCK; b++) logit[b] = constant;
  for (int i = 0; i < mixture->d; i++) {
    double slope = a->scale * mean[i];
    for (int b = 0; b < BLOCK; b++) logit[b] += slope * x[i][b];
  }
}

/* x and out: coordinate i of row b at [i][b]. The largest logit comes from a first pass over the components. */
PF_MULTIVERSION
static void evaluate_block(const pf_mixture *mixture, const affine *a, double x[][BLOCK],
                           double out[][BLOCK]) {
  double logit[BLOCK], max[BLOCK], total[BLOCK];
  for (int b = 0; b < BLOCK; b++) max[b] = -INFINITY, total[b] = 0;
  for (int i = 0; i < mixture->d; i++) memset(out[i], 0, sizeof out[i]);
  for (int k = 0; k < mixture->components; k++) {
    block_logits(mixture, a, k, x, logit);
    for (int b = 0; b < BLOCK; b++) max[b] = logit[b] > max[b] ? logit[b] : max[b];
  }
  for (int k = 0; k < mixture->components; k++) {
    const double *mean = mixture->means + (int64_t)k * mixture->d;
    block_logits(mixture, a, k, x, logit);
    for (int b = 0; b < BLOCK; b++) logit[b] = exp_negative(logit[b] - max[b]);
    for (int b = 0; b < BLOCK; b++) total[b] += logit[b];
    for (int i = 0; i < mixture->d; i++)
      for (int b = 0; b < BLOCK; b++) out[i][b] += mean[i] * logit[b];
  }
  for (int i = 0; i < mixture->d; i++)
    for (int b = 0; b < BLOCK; b++) out[i][b] = a->of_x * x[i][b] + a->of_mean * (out[i][b] / total[b]);
}

static void evaluate_blocks(const pf_mixture *mixture, const coefficients *c, const double *x, int64_t n,
                            double *out) {
  double from[BLOCK_DIMENSIONS][BLOCK], to[BLOCK_DIMENSIONS][BLOCK];
  affine a = affine_of(mixture, c);
  int d = mixture->d;
  for (int64_t begin = 0; begin < n; begin += BLOCK) {
    int rows = n - begin < BLOCK ? (int)(n - begin) : BLOCK;
    for (int i = 0; i < d; i++)
      for (int b = 0; b < BLOCK; b++) from[i][b] = b < rows ? x[(begin + b) * d + i] : 0;
    evaluate_block(mixture, &a, from, to);
    for (int b = 0; b < rows; b++)
      for (int i = 0; i < d; i++) out[(begin + b) * d + i] = to[i][b];
  }
}

static void evaluate(const pf_mixture *mixture, const coefficients *c, const double *x, int64_t n,
                     double *out) {
  if (mixture->kind == PF_COVARIANCE_ISOTROPIC && mixture->covariances == 1 &&
      mixture->d <= BLOCK_DIMENSIONS) {
    evaluate_blocks(mixture, c, x, n, out);
    return;
  }
  for (int64_t i = 0; i < n; i++) evaluate_row(mixture, c, x + i * mixture->d, out + i * mixture->d);
}

static coefficients coefficients_at(const pf_interpolant_values *v) {
  return (coefficients){.alpha2 = v->alpha * v->alpha, .beta = v->beta, .beta2 = v->beta * v->beta};
}

void pf_mixture_velocity(const pf_mixture_field *field, double t, const double *x, int64_t n, double *out) {
  pf_interpolant_values v = pf_interpolant_at(field->kind, t);
  coefficients c = coefficients_at(&v);
  c.mean = v.beta_dot;
  c.p = v.alpha_alpha_dot;
  c.q = v.beta * v.beta_dot;
  evaluate(field->mixture, &c, x, n, out);
}

void pf_mixture_denoiser(const pf_mixture_field *field, double t, const double *x, int64_t n, double *out) {
  pf_interpolant_values v = pf_interpolant_at(field->kind, t);
  coefficients c = coefficients_at(&v);
  c.mean = 1;
  c.q = v.beta;
  evaluate(field->mixture, &c, x, n, out);
}

void pf_mixture_score(const pf_mixture_field *field, double t, const double *x, int64_t n, double *out) {
  pf_interpolant_values v = pf_interpolant_at(field->kind, t);
  coefficients c = coefficients_at(&v);
  c.p = PF_CANARY(SCORE_SIGN, -1, 1);
  evaluate(field->mixture, &c, x, n, out);
}

void pf_mixture_log_density_at(const pf_mixture_field *field, double t, const double *x, int64_t n,
                               double *out) {
  const pf_mixture *mixture = field->mixture;
  pf_interpolant_values v = pf_interpolant_at(field->kind, t);
  coefficients c = coefficients_at(&v);
  for (int64_t i = 0; i < n; i++) {
    double max = -INFINITY, sum = 0;
    for (int k = 0; k < mixture->components; k++) {
      component part = component_of(mixture, k);
      if (part.log_weight == -INFINITY) continue;
      double value = logit(&part, &c, mixture->d, x + i * mixture->d);
      sum = value > max ? sum * exp(max - value) + 1 : sum + exp(value - max);
      max = value > max ? value : max;
    }
    out[i] = max + log(sum) - 0.5 * mixture->d * LOG_2PI;
  }
}

pf_status pf_mixture_velocity_field(void *context, double t, const double *x, int64_t n, double *v,
                                    pf_error *error) {
  (void)error;
  pf_mixture_velocity(context, t, x, n, v);
  return PF_OK;
}

pf_status pf_mixture_denoiser_field(void *context, double t, const double *x, int64_t n, double *v,
                                    pf_error *error) {
  (void)error;
  pf_mixture_denoiser(context, t, x, n, v);
  return PF_OK;
}

/* ---- exact flow maps ---- */

/* x_s = beta_s m + sum_e sqrt( (alpha_s^2 + beta_s^2 lambda_e) / (alpha_t^2 + beta_t^2 lambda_e) ) (v_e . y) v_e */
static void gaussian_row(const component *g, int d, const pf_interpolant_values v[2], const double *x,
                         double *out) {
  for (int i = 0; i < d; i++) out[i] = 0;
  for (int e = 0; e < d; e++) {
    double lambda = g->values[e * g->value_stride];
    double before = v[0].alpha * v[0].alpha + v[0].beta * v[0].beta * lambda;
    double after = v[1].alpha * v[1].alpha + v[1].beta * v[1].beta * lambda;
    double value = sqrt(after / before) * project(g, d, e, v[0].beta, x);
    for (int i = 0; i < d; i++) out[i] += value * (g->axes ? g->axes[(int64_t)e * d + i] : i == e);
  }
  for (int i = 0; i < d; i++) out[i] += v[1].beta * g->mean[i];
}

pf_status pf_gaussian_flow_map(const pf_mixture_field *field, pf_flow_times times, const double *x, int64_t n,
                               double *out, pf_error *error) {
  const pf_mixture *mixture = field->mixture;
  if (mixture->components != 1)
    return pf_fail(error, PF_USAGE, "exact flow map: needs one Gaussian, the mixture has %d",
                   mixture->components);
  component g = component_of(mixture, 0);
  pf_interpolant_values v[2] = {pf_interpolant_at(field->kind, times.t),
                                pf_interpolant_at(field->kind, times.s)};
  for (int64_t i = 0; i < n; i++) gaussian_row(&g, mixture->d, v, x + i * mixture->d, out + i * mixture->d);
  return PF_OK;
}

/* Distribution function and 1 - it of X_t in one dimension; the smaller one is accurate in its tail. */
static void tails_1d(const pf_mixture *mixture, const pf_interpolant_values *v, double x, double *below,
                     double *above) {
  *below = *above = 0;
  for (int k = 0; k < mixture->components; k++) {
    double lambda = mixture->eigenvalues[mixture->covariances == 1 ? 0 : k];
    double z =
        (x - v->beta * mixture->means[k]) / sqrt(2 * (v->alpha * v->alpha + v->beta * v->beta * lambda));
    *below += 0.5 * mixture->weights[k] * erfc(-z);
    *above += 0.5 * mixture->weights[k] * erfc(z);
  }
}

/* The x with the given tail masses under X_s: bisection on whichever tail is the smaller. */
static double quantile_1d(const pf_mixture *mixture, const pf_interpolant_values *v, double below,
                          double above) {
  double low = INFINITY, high = -INFINITY, lower_tail, upper_tail;
  for (int k = 0; k < mixture->components; k++) {
    double lambda = mixture->eigenvalues[mixture->covariances == 1 ? 0 : k];
    double s = sqrt(v->alpha * v->alpha + v->beta * v->beta * lambda), centre = v->beta * mixture->means[k];
    low = fmin(low, centre - 40 * s);
    high = fmax(high, centre + 40 * s);
  }
  for (int i = 0; i < 200; i++) {
    double middle = 0.5 * (low + high);
    if (middle <= low || middle >= high) break;
    tails_1d(mixture, v, middle, &lower_tail, &upper_tail);
    bool right = below < above ? lower_tail < below : upper_tail > above;
    if (right)
      low = middle;
    else
      high = middle;
  }
  return 0.5 * (low + high);
}

pf_status pf_mixture_flow_map_1d(const pf_mixture_field *field, pf_flow_times times, const double *x,
                                 int64_t n, double *out, pf_error *error) {
  const pf_mixture *mixture = field->mixture;
  if (mixture->d != 1)
    return pf_fail(error, PF_USAGE, "monotone flow map: needs one dimension, the mixture has %d", mixture->d);
  pf_interpolant_values from = pf_interpolant_at(field->kind, times.t),
                        to = pf_interpolant_at(field->kind, times.s);
  for (int64_t i = 0; i < n; i++) {
    double below, above;
    tails_1d(mixture, &from, x[i], &below, &above);
    out[i] = isnan(x[i]) ? NAN : quantile_1d(mixture, &to, below, above);
  }
  return PF_OK;
}
