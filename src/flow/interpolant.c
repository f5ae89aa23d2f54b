/* Interpolants in double precision (contract: interpolant.h). */
#include <math.h>
#include <string.h>
#include "../base/canary.h"
#include "../base/text.h"
#include "interpolant.h"

static const double HALF_PI = 1.57079632679489661923;

static const char *const NAMES[] = {
#define PF_INTERPOLANT(NAME, name, end, description) #name,
#include "interpolants.def"
#undef PF_INTERPOLANT
};
static const char *const DESCRIPTIONS[] = {
#define PF_INTERPOLANT(NAME, name, end, description) description,
#include "interpolants.def"
#undef PF_INTERPOLANT
};
static const double ENDS[] = {
#define PF_INTERPOLANT(NAME, name, end, description) end,
#include "interpolants.def"
#undef PF_INTERPOLANT
};

const char *pf_interpolant_name(pf_interpolant kind) { return NAMES[kind]; }
const char *pf_interpolant_description(pf_interpolant kind) { return DESCRIPTIONS[kind]; }
double pf_interpolant_default_end(pf_interpolant kind) { return ENDS[kind]; }

pf_status pf_interpolant_find(const char *name, pf_interpolant *out, pf_error *error) {
  for (int i = 0; i < PF_INTERPOLANT_COUNT; i++)
    if (!strcmp(name, NAMES[i])) {
      *out = (pf_interpolant)i;
      return PF_OK;
    }
  return pf_fail_unknown(error, "interpolant", name, NAMES, PF_INTERPOLANT_COUNT);
}

pf_interpolant_values pf_interpolant_at(pf_interpolant kind, double t) {
  pf_interpolant_values v = {0};
  switch (kind) {
  case PF_INTERPOLANT_LINEAR:
    v.alpha = 1 - t;
    v.beta = t;
    v.alpha_dot = -1;
    v.beta_dot = 1;
    v.alpha_alpha_dot = -v.alpha;
    v.drift = -1 / v.alpha;
    v.gain = 1 / v.alpha; /* 1 + t / (1 - t) */
    break;
  case PF_INTERPOLANT_FOLLMER: {
    double square = (1 - t) * (1 + t); /* alpha^2 without cancellation near 1 */
    v.alpha = sqrt(square);
    v.beta = t;
    v.alpha_dot = -t / v.alpha;
    v.beta_dot = 1;
    v.alpha_alpha_dot = PF_CANARY(FOLLMER_RATE, -t, t);
    v.drift = -t / square;
    v.gain = 1 / square; /* 1 + t^2 / (1 - t^2) */
    break;
  }
  case PF_INTERPOLANT_TRIG:
  case PF_INTERPOLANT_COUNT:
    v.alpha = sin(HALF_PI * (1 - t)); /* exactly 0 at 1 */
    v.beta = sin(HALF_PI * t);
    v.alpha_dot = -HALF_PI * v.beta;
    v.beta_dot = HALF_PI * v.alpha;
    v.alpha_alpha_dot = -HALF_PI * v.alpha * v.beta;
    v.drift = -HALF_PI * v.beta / v.alpha;
    v.gain = HALF_PI / v.alpha; /* (alpha^2 + beta^2) pi/2 / alpha */
    break;
  }
  return v;
}

void pf_interpolant_step(pf_interpolant kind, double t, double s, double *a, double *b) {
  pf_interpolant_values from = pf_interpolant_at(kind, t), to = pf_interpolant_at(kind, s);
  *a = s == t ? 1 : to.alpha / from.alpha;
  switch (kind) {
  case PF_INTERPOLANT_LINEAR: *b = (s - t) / (1 - t); break;
  case PF_INTERPOLANT_FOLLMER: *b = s - *a * t; break;
  case PF_INTERPOLANT_TRIG:
  case PF_INTERPOLANT_COUNT: *b = s == 1 ? 1 : sin(HALF_PI * (s - t)) / from.alpha; break;
  }
}

void pf_interpolant_coefficients(const void *context, double t, double s, double *a, double *b) {
  pf_interpolant_step(*(const pf_interpolant *)context, t, s, a, b);
}

double pf_interpolant_time(pf_interpolant kind, double alpha, double beta) {
  switch (kind) {
  case PF_INTERPOLANT_LINEAR: return beta / (alpha + beta);
  case PF_INTERPOLANT_FOLLMER: return beta / hypot(alpha, beta);
  case PF_INTERPOLANT_TRIG:
  case PF_INTERPOLANT_COUNT: break;
  }
  return atan2(beta, alpha) / HALF_PI;
}

double pf_interpolant_early_stop(pf_interpolant kind, double end, int d, double second_moment) {
  pf_interpolant_values v = pf_interpolant_at(kind, end);
  return sqrt(d * v.alpha * v.alpha + (1 - v.beta) * (1 - v.beta) * second_moment);
}

pf_preconditioner pf_interpolant_precondition(pf_interpolant kind, double t, double sd) {
  pf_interpolant_values v = pf_interpolant_at(kind, t);
  double spread = hypot(v.alpha, v.beta * sd); /* sd of X_t */
  return (pf_preconditioner){
      .in = 1 / spread,
      .skip = v.beta * sd * sd / (spread * spread),
      .out = v.alpha * sd / spread,
      .target_data = v.alpha / (sd * spread),
      .target_noise = -v.beta * sd / spread,
  };
}
