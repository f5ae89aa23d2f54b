/* Optimisers, schedules, averages: see optimizer.h. */
#include "optimizer.h"

#include <math.h>
#include <string.h>
#include "../base/canary.h"
#include "../base/cpu.h"
#include "../base/text.h"

static const char *const NAMES[] = {
    [PF_OPTIMISER_ADAM] = "adam", [PF_OPTIMISER_RMSPROP] = "rmsprop", [PF_OPTIMISER_SGD] = "sgd"};
enum { KINDS = sizeof NAMES / sizeof *NAMES };

const char *pf_optimiser_name(pf_optimiser kind) { return NAMES[kind]; }

pf_status pf_optimiser_find(const char *name, pf_optimiser *out, pf_error *error) {
  for (int i = 0; i < KINDS; i++)
    if (strcmp(name, NAMES[i]) == 0) {
      *out = (pf_optimiser)i;
      return PF_OK;
    }
  return pf_fail_unknown(error, "optimiser", name, NAMES, KINDS);
}

pf_adam pf_adam_default(void) {
  return (pf_adam){.learning_rate = 1e-3, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-8};
}

/* The numbers of one update that do not depend on the element. */
typedef struct adam_step {
  float b1, b2, one_b1, one_b2, rate, inverse_c2, epsilon, decay, scale, ema, one_ema, limit;
} adam_step;

/* A NaN stays one. Two selections, each an instruction; nested in each other they are seven. */
PF_INLINE float clamp(float x, float limit) {
  const float low = limit < x ? limit : x;
  return -limit > low ? -limit : low;
}

PF_MULTIVERSION
static void adam_range(const adam_step *q, float *restrict p, float *restrict m, float *restrict v,
                       float *restrict a, const float *restrict g, int64_t n) {
  const adam_step s = *q;
  for (int64_t i = 0; i < n; i++) {
    float gi = g[i] * s.scale;
    float mi = s.b1 * m[i] + s.one_b1 * gi;
    float vi = s.b2 * v[i] + s.one_b2 * gi * gi;
    float pi = p[i] - s.decay * p[i] - s.rate * mi / (sqrtf(vi * s.inverse_c2) + s.epsilon);
    pi = clamp(pi, s.limit);
    m[i] = mi;
    v[i] = vi;
    p[i] = pi;
    a[i] = s.ema * a[i] + s.one_ema * pi;
  }
}

PF_MULTIVERSION
static void rmsprop_range(const adam_step *q, float *restrict p, float *restrict v, float *restrict a,
                          const float *restrict g, int64_t n) {
  const adam_step s = *q;
  for (int64_t i = 0; i < n; i++) {
    float gi = g[i] * s.scale;
    float vi = s.b2 * v[i] + s.one_b2 * gi * gi;
    float pi = p[i] - s.decay * p[i] - s.rate * gi / (sqrtf(vi) + s.epsilon);
    pi = clamp(pi, s.limit);
    v[i] = vi;
    p[i] = pi;
    a[i] = s.ema * a[i] + s.one_ema * pi;
  }
}

PF_MULTIVERSION
static void sgd_range(const adam_step *q, float *restrict p, float *restrict a, const float *restrict g,
                      int64_t n) {
  const adam_step s = *q;
  for (int64_t i = 0; i < n; i++) {
    float pi = p[i] - s.decay * p[i] - s.rate * (g[i] * s.scale);
    pi = clamp(pi, s.limit);
    p[i] = pi;
    a[i] = s.ema * a[i] + s.one_ema * pi;
  }
}

void pf_adam_update(const pf_adam *adam, const pf_adam_state *state, int64_t k, const float *gradient,
                    double gradient_scale, double ema, int64_t begin, int64_t end) {
  const bool corrected = adam->kind == PF_OPTIMISER_ADAM; /* the others have no first moment to correct */
  double c1 = corrected ? 1 - pow(adam->beta1, (double)k) : 1, c2 = 1 - pow(adam->beta2, (double)k);
  adam_step s = {.b1 = (float)adam->beta1,
                 .b2 = (float)adam->beta2,
                 .one_b1 = (float)(1 - adam->beta1),
                 .one_b2 = (float)(1 - adam->beta2),
                 .rate = (float)(adam->learning_rate / PF_CANARY(ADAM_BIAS, c1, 1)),
                 .inverse_c2 = (float)(1 / c2),
                 .epsilon = (float)adam->epsilon,
                 .decay = (float)(adam->learning_rate * adam->weight_decay),
                 .scale = (float)gradient_scale,
                 .ema = (float)ema,
                 .one_ema = (float)(1 - ema),
                 .limit = adam->clamp > 0 ? (float)adam->clamp : INFINITY};
  float *p = state->params + begin, *a = state->average + begin;
  const int64_t n = end - begin;
  switch (adam->kind) {
  case PF_OPTIMISER_ADAM:
    adam_range(&s, p, state->first_moment + begin, state->second_moment + begin, a, gradient + begin, n);
    break;
  case PF_OPTIMISER_RMSPROP:
    rmsprop_range(&s, p, state->second_moment + begin, a, gradient + begin, n);
    break;
  case PF_OPTIMISER_SGD: sgd_range(&s, p, a, gradient + begin, n); break;
  }
}

double pf_schedule_cosine(int64_t k, int64_t steps, int64_t warmup, double final) {
  double ramp = warmup > 0 && k < warmup ? (double)k / (double)warmup : 1.0;
  double progress = steps > 0 ? (double)k / (double)steps : 1.0;
  if (progress > 1) progress = 1;
  return ramp * (final + (1 - final) * 0.5 * (1 + cos(M_PI * progress)));
}

double pf_ema_decay(double decay, int64_t k) {
  double early = (1.0 + (double)k) / (10.0 + (double)k);
  return early < decay ? early : decay;
}
