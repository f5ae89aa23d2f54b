/* Laws with a centre: noisy circles, the annulus, the pinwheel, the noisy sphere.
 *
 * Shell density: y uniform on the sphere of radius R in d dimensions plus N(0, s^2 I), at distance r from the centre,
 *   log p = -(d/2) log(2 pi s^2) - (r - R)^2 / (2 s^2) + [ log 0F1(; d/2; kappa^2/4) - kappa ],  kappa = r R / s^2
 * (for d = 2 the bracket is log of the scaled Bessel function I0). Sources: rtqichen/ffjord (circles, rings,
 * pinwheel), burning489/ConditionalFollmerFlow (annulus).
 */
#include <math.h>
#include "../base/memory.h"
#include "law_internal.h"

static const double PI = 3.14159265358979323846;

/* ---- shell density ---- */

static double log_gamma(double x) {
  int sign;
  return lgamma_r(x, &sign); /* lgamma writes a global */
}

/* log sum_k z^k / (k! (b)_k), z > 0: all terms positive, summed both ways from the largest. */
static double log_0f1(double b, double z) {
  double top = floor(fmax(0, 0.5 * (sqrt((1 - b) * (1 - b) + 4 * z) - 1 - b)));
  double log_term = top * log(z) - log_gamma(top + 1) - log_gamma(b + top) + log_gamma(b);
  double sum = 1, term = 1;
  for (double k = top; term > 1e-18; k++) sum += term *= z / ((k + 1) * (b + k));
  term = 1;
  for (double k = top; k > 0 && term > 1e-18; k--) sum += term *= k * (b + k - 1) / z;
  return log_term + log(sum);
}

/* log 0F1(; d/2; kappa^2/4) - kappa */
static double log_scaled_bessel(double kappa, int d) {
  enum { SERIES_LIMIT = 100000 };
  double nu = 0.5 * d - 1, b = 0.5 * d;
  if (kappa == 0) return 0;
  if (kappa < SERIES_LIMIT) return log_0f1(b, 0.25 * kappa * kappa) - kappa;
  /* I_nu(kappa) e^-kappa ~ (1 - (m-1)/(8 kappa) (1 - (m-9)/(16 kappa))) / sqrt(2 pi kappa), m = 4 nu^2 */
  double m = 4 * nu * nu;
  double series = 1 - (m - 1) / (8 * kappa) * (1 - (m - 9) / (16 * kappa));
  return log(series) - 0.5 * log(2 * PI * kappa) + log_gamma(b) - nu * log(kappa / 2);
}

double pf_law_log_shell(double r, double R, double s, int d) {
  double difference = (r - R) / s;
  return -0.5 * d * log(2 * PI * s * s) - 0.5 * difference * difference +
         log_scaled_bessel(r * R / (s * s), d);
}

/* ---- circles and rings ---- */

typedef struct rings {
  int count;
  double sd, radius[PF_LAW_MAX_ARGS - 1];
} rings;

static void draw_rings(const pf_law *law, pf_rng *rng, double *x) {
  const rings *r = law->state;
  double radius = r->radius[pf_rng_below(rng, (uint32_t)r->count)], angle = 2 * PI * pf_rng_uniform(rng);
  x[0] = radius * cos(angle) + r->sd * pf_rng_normal(rng);
  x[1] = radius * sin(angle) + r->sd * pf_rng_normal(rng);
}

static double log_p_rings(const pf_law *law, const double *x) {
  const rings *r = law->state;
  double distance = hypot(x[0], x[1]), max = -INFINITY, sum = 0, term[PF_LAW_MAX_ARGS];
  if (!isfinite(distance)) return isnan(distance) ? NAN : -INFINITY;
  for (int i = 0; i < r->count; i++) {
    term[i] = pf_law_log_shell(distance, r->radius[i], r->sd, 2);
    max = fmax(max, term[i]);
  }
  for (int i = 0; i < r->count; i++) sum += exp(term[i] - max);
  return max + log(sum / r->count);
}

/* args: noise sd, then radii */
pf_status pf_law_build_rings(pf_law *law, const double *args, const pf_law_keys *keys, pf_error *error) {
  (void)keys;
  PF_TRY(pf_law_set_dimension(law, 2, error));
  rings *r = NULL;
  PF_TRY(pf_law_set_state(law, sizeof *r, NULL, &r, error));
  r->sd = args[0];
  double variance = 0;
  for (; r->count < PF_LAW_MAX_ARGS - 1 && args[1 + r->count] > 0; r->count++) {
    r->radius[r->count] = args[1 + r->count];
    variance += 0.5 * args[1 + r->count] * args[1 + r->count];
  }
  law->covariance[0] = law->covariance[3] = variance / r->count + r->sd * r->sd;
  law->draw = draw_rings;
  law->log_p = log_p_rings;
  return PF_OK;
}

/* ---- annulus: radius R + s N, uniform angle ---- */

typedef struct annulus {
  double radius, sd;
} annulus;

static void draw_annulus(const pf_law *law, pf_rng *rng, double *x) {
  const annulus *a = law->state;
  double angle = 2 * PI * pf_rng_uniform(rng), r = a->radius + a->sd * pf_rng_normal(rng);
  x[0] = r * cos(angle);
  x[1] = r * sin(angle);
}

static double log_p_annulus(const pf_law *law, const double *x) {
  const annulus *a = law->state; /* the branch R + s N < 0 has probability below 1e-32: left out */
  double r = hypot(x[0], x[1]), z = (r - a->radius) / a->sd;
  return -0.5 * z * z - log(r) - log(2 * PI * a->sd) - 0.5 * log(2 * PI);
}

/* E log(R + s N), trapezoid over +-10 sd */
static double mean_log_radius(double radius, double sd) {
  enum { HALF = 200 };
  double sum = 0, h = 10.0 / HALF;
  for (int i = -HALF; i <= HALF; i++) sum += h * exp(-0.5 * i * i * h * h) * log(radius + sd * i * h);
  return sum / sqrt(2 * PI);
}

/* args: radius, sd */
pf_status pf_law_build_annulus(pf_law *law, const double *args, const pf_law_keys *keys, pf_error *error) {
  (void)keys;
  PF_TRY(pf_law_set_dimension(law, 2, error));
  annulus *a = NULL;
  PF_TRY(pf_law_set_state(law, sizeof *a, NULL, &a, error));
  *a = (annulus){args[0], args[1]};
  law->covariance[0] = law->covariance[3] = 0.5 * (a->radius * a->radius + a->sd * a->sd);
  law->entropy = log(2 * PI) + mean_log_radius(a->radius, a->sd) + 0.5 * (1 + log(2 * PI * a->sd * a->sd));
  law->draw = draw_annulus;
  law->log_p = log_p_annulus;
  return PF_OK;
}

/* ---- pinwheel ----
 * f = (1 + .3 N, .1 N), class k of 5, a = 2 pi k/5 + exp(f_0)/4; x = 2 (f turned by -a).
 * With r = |x|/2, f = r (cos th, sin th): th - exp(r cos th)/4 = angle(x) + 2 pi k/5 (mod 2 pi). All classes at once:
 * the left side g(th) equals angle(x) modulo 2 pi/5. |dx/df| = 4 |1 + f_1 exp(f_0)/4|. */

static void draw_pinwheel(const pf_law *law, pf_rng *rng, double *x) {
  (void)law;
  uint32_t k = pf_rng_below(rng, 5);
  double f0 = 1 + .3 * pf_rng_normal(rng), f1 = .1 * pf_rng_normal(rng);
  double a = 2 * PI * k / 5 + .25 * exp(f0);
  x[0] = 2 * (f0 * cos(a) + f1 * sin(a));
  x[1] = 2 * (f1 * cos(a) - f0 * sin(a));
}

static double pinwheel_g(double r, double th) { return th - .25 * exp(r * cos(th)); }

/* log of one root's contribution */
static double pinwheel_term(double r, double th) {
  double f0 = r * cos(th), f1 = r * sin(th), z0 = (f0 - 1) / .3, z1 = f1 / .1;
  double jacobian = 4 * fabs(1 + .25 * exp(f0) * f1);
  return -0.5 * (z0 * z0 + z1 * z1) - log(5 * jacobian * 2 * PI * .3 * .1);
}

/* The root of g = level between low and high, where g - level changes sign. */
static double pinwheel_root(double r, double level, double low, double high) {
  bool rising = pinwheel_g(r, high) > level;
  for (int i = 0; i < 52; i++) {
    double middle = 0.5 * (low + high);
    if ((pinwheel_g(r, middle) > level) == rising)
      high = middle;
    else
      low = middle;
  }
  return 0.5 * (low + high);
}

static double log_p_pinwheel(const pf_law *law, const double *x) {
  enum { CELLS = 720 };
  (void)law;
  const double r = 0.5 * hypot(x[0], x[1]), angle = atan2(x[1], x[0]), period = 2 * PI / 5;
  if (!(r < 8)) return isnan(r) ? NAN : -INFINITY; /* f_0 is 23 sd away and exp(f_0)/4 winds without end */
  double max = -INFINITY, sum = 0, previous = pinwheel_g(r, -PI);
  for (int i = 0; i < CELLS; i++) {
    double low = -PI + 2 * PI * i / CELLS, high = -PI + 2 * PI * (i + 1) / CELLS, next = pinwheel_g(r, high);
    double first = ceil((fmin(previous, next) - angle) / period),
           last = (fmax(previous, next) - angle) / period;
    previous = next;
    for (double k = first; k < last; k++) {
      double term = pinwheel_term(r, pinwheel_root(r, angle + k * period, low, high));
      if (term > max) {
        sum = sum * exp(max - term) + 1;
        max = term;
      } else {
        sum += exp(term - max);
      }
    }
  }
  return max + log(sum);
}

pf_status pf_law_build_pinwheel(pf_law *law, const double *args, const pf_law_keys *keys, pf_error *error) {
  (void)args;
  (void)keys;
  PF_TRY(pf_law_set_dimension(law, 2, error));
  law->covariance[0] = law->covariance[3] =
      2.2; /* |x|^2 = 4 |f|^2 has mean 4 (1.09 + .01); five-fold symmetry */
  law->draw = draw_pinwheel;
  law->log_p = log_p_pinwheel;
  return PF_OK;
}

/* ---- sphere shell in d dimensions ---- */

typedef struct shell {
  double radius, sd;
} shell;

static void draw_shell(const pf_law *law, pf_rng *rng, double *x) {
  const shell *s = law->state;
  double norm = 0;
  for (int i = 0; i < law->d; i++) {
    x[i] = pf_rng_normal(rng);
    norm += x[i] * x[i];
  }
  norm = sqrt(norm);
  for (int i = 0; i < law->d; i++) x[i] = s->radius * x[i] / norm + s->sd * pf_rng_normal(rng);
}

static double log_p_shell(const pf_law *law, const double *x) {
  const shell *s = law->state;
  double sum = 0;
  for (int i = 0; i < law->d; i++) sum += x[i] * x[i];
  if (!isfinite(sum)) return isnan(sum) ? NAN : -INFINITY;
  return pf_law_log_shell(sqrt(sum), s->radius, s->sd, law->d);
}

/* -integral of p log p over the radius: area of the unit sphere times r^(d-1). */
static double shell_entropy(const shell *s, int d) {
  enum { STEPS = 4000 };
  double centre = sqrt(s->radius * s->radius + (d - 1) * s->sd * s->sd);
  double low = fmax(0, centre - 12 * s->sd), h = (centre + 12 * s->sd - low) / STEPS, sum = 0;
  double log_area = log(2) + 0.5 * d * log(PI) - log_gamma(0.5 * d);
  for (int i = 0; i < STEPS; i++) {
    double r = low + (i + 0.5) * h, value = pf_law_log_shell(r, s->radius, s->sd, d);
    sum -= h * exp(log_area + (d - 1) * log(r) + value) * value;
  }
  return sum;
}

pf_status pf_law_build_sphere_shell(pf_law *law, const double *args, const pf_law_keys *keys,
                                    pf_error *error) {
  (void)args;
  int d = 3;
  shell values = {1, .1};
  PF_TRY(pf_law_key_integer(keys, "d", 2, 256, &d, error));
  PF_TRY(pf_law_key_number(keys, "R", 1e-6, 1e6, &values.radius, error));
  PF_TRY(pf_law_key_number(keys, "s", 1e-6, 1e6, &values.sd, error));
  PF_TRY(pf_law_set_dimension(law, d, error));
  shell *s = NULL;
  PF_TRY(pf_law_set_state(law, sizeof *s, NULL, &s, error));
  *s = values;
  for (int i = 0; i < d; i++) law->covariance[i * d + i] = s->radius * s->radius / d + s->sd * s->sd;
  law->entropy = shell_entropy(s, d);
  law->draw = draw_shell;
  law->log_p = log_p_shell;
  return PF_OK;
}
