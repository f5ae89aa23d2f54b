/* Gaussian mixtures: creation, density, draws and moments (contract: mixture.h).
 *
 *   w_k [K] weights, m_k [K x d] means, Sigma_k = sum_e lambda_e v_e v_e^T covariances
 *   log p(x) = logsumexp_k [ log w_k - (d log 2 pi + log det Sigma_k + (x-m_k)^T Sigma_k^-1 (x-m_k)) / 2 ]
 */
#include <math.h>
#include <string.h>
#include "../base/canary.h"
#include "../base/memory.h"
#include "mixture.h"
#include "symmetric.h"

static const double LOG_2PI = 1.8378770664093454836;

void pf_mixture_free(pf_mixture *mixture) {
  if (!mixture) return;
  pf_free(mixture->weights);
  pf_free(mixture->log_weights);
  pf_free(mixture->cumulative);
  pf_free(mixture->means);
  pf_free(mixture->eigenvalues);
  pf_free(mixture->axes);
  pf_free(mixture->cholesky);
  pf_free(mixture->log_determinant);
  pf_free(mixture);
}

static pf_status check_spec(const pf_mixture_spec *spec, pf_error *error) {
  if (spec->components < 1)
    return pf_fail(error, PF_BAD_INPUT, "mixture: needs at least one component, got %d", spec->components);
  if (spec->d < 1)
    return pf_fail(error, PF_BAD_INPUT, "mixture: the dimension must be at least 1, got %d", spec->d);
  if (spec->covariances != 1 && spec->covariances != spec->components)
    return pf_fail(error, PF_BAD_INPUT, "mixture: %d covariances for %d components (need 1 or one each)",
                   spec->covariances, spec->components);
  return PF_OK;
}

static pf_status allocate(pf_mixture *mixture, pf_error *error) {
  size_t components = (size_t)mixture->components, d = (size_t)mixture->d;
  size_t covariances = (size_t)mixture->covariances, values = (size_t)mixture->eigenvalue_count;
  PF_TRY(pf_alloc(components, sizeof(double), &mixture->weights, error));
  PF_TRY(pf_alloc(components, sizeof(double), &mixture->log_weights, error));
  PF_TRY(pf_alloc(components, sizeof(double), &mixture->cumulative, error));
  PF_TRY(pf_alloc(components * d, sizeof(double), &mixture->means, error));
  PF_TRY(pf_alloc(covariances * values, sizeof(double), &mixture->eigenvalues, error));
  PF_TRY(pf_alloc(covariances, sizeof(double), &mixture->log_determinant, error));
  if (mixture->kind != PF_COVARIANCE_FULL) return PF_OK;
  PF_TRY(pf_alloc(covariances * d * d, sizeof(double), &mixture->axes, error));
  return pf_alloc(covariances * d * d, sizeof(double), &mixture->cholesky, error);
}

static pf_status set_weights(pf_mixture *mixture, const double *weights, pf_error *error) {
  int components = mixture->components;
  double total = 0;
  for (int k = 0; k < components; k++) {
    double weight = weights ? weights[k] : 1;
    if (!(weight >= 0 && weight < INFINITY))
      return pf_fail(error, PF_BAD_INPUT, "mixture: weight %d is %g, must be finite and not negative", k,
                     weight);
    total += weight;
  }
  if (!(total > 0 && total < INFINITY))
    return pf_fail(error, PF_BAD_INPUT, "mixture: the weights sum to %g, must be positive and finite", total);
  double running = 0;
  for (int k = 0; k < components; k++) {
    double weight = (weights ? weights[k] : 1) / total;
    mixture->weights[k] = weight;
    mixture->log_weights[k] = log(weight);
    running += weight;
    mixture->cumulative[k] = running;
  }
  /* rounding must not leave a gap above the last component that can be drawn */
  for (int k = components - 1; k >= 0; k--) {
    mixture->cumulative[k] = 1;
    if (mixture->weights[k] > 0) break;
  }
  return PF_OK;
}

static pf_status set_means(pf_mixture *mixture, const double *means, pf_error *error) {
  int64_t count = (int64_t)mixture->components * mixture->d;
  for (int64_t i = 0; i < count; i++) {
    if (!isfinite(means[i]))
      return pf_fail(error, PF_BAD_INPUT, "mixture: mean %d, coordinate %d is %g", (int)(i / mixture->d),
                     (int)(i % mixture->d), means[i]);
    mixture->means[i] = means[i];
  }
  return PF_OK;
}

/* Isotropic or diagonal covariance number c: the variances are the eigenvalues. */
static pf_status set_variances(pf_mixture *mixture, int c, const double *variances, pf_error *error) {
  int count = mixture->eigenvalue_count;
  double sum = 0;
  for (int e = 0; e < count; e++) {
    if (!(variances[e] > 0 && variances[e] < INFINITY))
      return pf_fail(error, PF_BAD_INPUT, "mixture: covariance %d has variance %g at %d, must be positive", c,
                     variances[e], e);
    mixture->eigenvalues[(int64_t)c * count + e] = variances[e];
    sum += log(variances[e]);
  }
  mixture->log_determinant[c] = count == 1 ? sum * mixture->d : sum;
  return PF_OK;
}

static pf_status set_full(pf_mixture *mixture, int c, const double *sigma, pf_error *error) {
  int d = mixture->d;
  double *factor = mixture->cholesky + (int64_t)c * d * d;
  pf_status status = pf_symmetric_cholesky(sigma, d, factor, error);
  if (status != PF_OK) return pf_fail_within(error, status, "mixture: covariance %d", c);
  double *values = mixture->eigenvalues + (int64_t)c * d;
  status = pf_jacobi_eigen(sigma, d, values, mixture->axes + (int64_t)c * d * d, error);
  if (status != PF_OK) return pf_fail_within(error, status, "mixture: covariance %d", c);
  double sum = 0;
  for (int e = 0; e < d; e++) {
    if (!(values[e] > 0))
      return pf_fail(error, PF_BAD_INPUT, "mixture: covariance %d has eigenvalue %g, must be positive", c,
                     values[e]);
    sum += log(values[e]);
  }
  mixture->log_determinant[c] = sum;
  return PF_OK;
}

pf_status pf_mixture_create(const pf_mixture_spec *spec, pf_mixture **out, pf_error *error) {
  PF_TRY(check_spec(spec, error));
  pf_mixture *mixture = NULL;
  PF_TRY(pf_alloc(1, sizeof *mixture, &mixture, error));
  mixture->components = spec->components;
  mixture->d = spec->d;
  mixture->kind = spec->kind;
  mixture->covariances = spec->covariances;
  mixture->eigenvalue_count = spec->kind == PF_COVARIANCE_ISOTROPIC ? 1 : spec->d;
  bool full = spec->kind == PF_COVARIANCE_FULL;
  int64_t stride = full ? (int64_t)spec->d * spec->d : mixture->eigenvalue_count;
  pf_status status = PF_OK;
  PF_TRY_GOTO(allocate(mixture, error));
  PF_TRY_GOTO(set_weights(mixture, spec->weights, error));
  PF_TRY_GOTO(set_means(mixture, spec->means, error));
  for (int c = 0; c < spec->covariances; c++) {
    const double *covariance = spec->covariance + c * stride;
    PF_TRY_GOTO(full ? set_full(mixture, c, covariance, error)
                     : set_variances(mixture, c, covariance, error));
  }
  *out = mixture;
  return PF_OK;
cleanup:
  pf_mixture_free(mixture);
  return status;
}

pf_status pf_mixture_from_points(const double *x, int n, int d, double sigma, pf_mixture **out,
                                 pf_error *error) {
  if (!(sigma > 0 && sigma < INFINITY))
    return pf_fail(error, PF_USAGE, "smoothing sigma is %g, must be positive", sigma);
  double variance = sigma * sigma;
  pf_mixture_spec spec = {.components = n,
                          .d = d,
                          .means = x,
                          .kind = PF_COVARIANCE_ISOTROPIC,
                          .covariances = 1,
                          .covariance = &variance};
  return pf_mixture_create(&spec, out, error);
}

/* (x-m)^T Sigma^-1 (x-m) of component k. */
static double mahalanobis(const pf_mixture *mixture, int k, const double *x) {
  int d = mixture->d, c = mixture->covariances == 1 ? 0 : k;
  const double *mean = mixture->means + (int64_t)k * d;
  const double *values = mixture->eigenvalues + (int64_t)c * mixture->eigenvalue_count;
  double sum = 0;
  if (mixture->kind == PF_COVARIANCE_FULL) {
    const double *axis = mixture->axes + (int64_t)c * d * d;
    for (int e = 0; e < d; e++, axis += d) {
      double projection = 0;
      for (int i = 0; i < d; i++) projection += axis[i] * (x[i] - mean[i]);
      sum += projection * projection / values[e];
    }
    return sum;
  }
  bool diagonal = mixture->kind == PF_COVARIANCE_DIAGONAL;
  for (int i = 0; i < d; i++) {
    double difference = x[i] - mean[i];
    sum += difference * difference / values[diagonal ? i : 0];
  }
  return sum;
}

double pf_mixture_log_density(const pf_mixture *mixture, const double *x) {
  double max = -INFINITY, sum = 0;
  for (int k = 0; k < mixture->components; k++) {
    double log_determinant = mixture->log_determinant[mixture->covariances == 1 ? 0 : k];
    double logit = mixture->log_weights[k] -
                   0.5 * (PF_CANARY(LOG_DETERMINANT, log_determinant, 0) + mahalanobis(mixture, k, x));
    if (logit == -INFINITY) continue; /* zero weight */
    if (logit > max) {
      sum = sum * exp(max - logit) + 1;
      max = logit;
    } else {
      sum += exp(logit - max);
    }
  }
  return max + log(sum) - 0.5 * mixture->d * LOG_2PI;
}

static int pick_component(const pf_mixture *mixture, double u) {
  int low = 0, high = mixture->components - 1; /* first k with u < cumulative[k] */
  while (low < high) {
    int middle = low + (high - low) / 2;
    if (u < mixture->cumulative[middle])
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

void pf_mixture_draw(const pf_mixture *mixture, pf_rng *rng, double *x) {
  int d = mixture->d, k = pick_component(mixture, pf_rng_uniform(rng));
  int c = mixture->covariances == 1 ? 0 : k;
  const double *mean = mixture->means + (int64_t)k * d;
  for (int i = 0; i < d; i++) x[i] = pf_rng_normal(rng);
  if (mixture->kind == PF_COVARIANCE_FULL) {
    const double *factor = mixture->cholesky + (int64_t)c * d * d;
    for (int i = d - 1; i >= 0; i--) { /* from below: row i reads x[0..i] only */
      double sum = mean[i];
      for (int j = 0; j <= i; j++) sum += factor[(int64_t)i * d + j] * x[j];
      x[i] = sum;
    }
    return;
  }
  const double *values = mixture->eigenvalues + (int64_t)c * mixture->eigenvalue_count;
  bool diagonal = mixture->kind == PF_COVARIANCE_DIAGONAL;
  for (int i = 0; i < d; i++) x[i] = mean[i] + sqrt(values[diagonal ? i : 0]) * x[i];
}

/* Adds w_k E[x x^T | k] = w_k (Sigma_k + m_k m_k^T). */
static void add_second_moments(const pf_mixture *mixture, int k, double *out) {
  int d = mixture->d, c = mixture->covariances == 1 ? 0 : k;
  const double *values = mixture->eigenvalues + (int64_t)c * mixture->eigenvalue_count;
  const double *factor = mixture->kind == PF_COVARIANCE_FULL ? mixture->cholesky + (int64_t)c * d * d : NULL;
  const double *m = mixture->means + (int64_t)k * d;
  for (int i = 0; i < d; i++)
    for (int j = 0; j < d; j++) {
      double sigma = 0;
      if (factor)
        for (int e = 0; e <= (i < j ? i : j); e++)
          sigma += factor[(int64_t)i * d + e] * factor[(int64_t)j * d + e];
      else if (i == j)
        sigma = values[mixture->eigenvalue_count == 1 ? 0 : i];
      out[(int64_t)i * d + j] += mixture->weights[k] * (sigma + m[i] * m[j]);
    }
}

static double mean_coordinate(const pf_mixture *mixture, int i) {
  double sum = 0;
  for (int k = 0; k < mixture->components; k++)
    sum += mixture->weights[k] * mixture->means[(int64_t)k * mixture->d + i];
  return sum;
}

void pf_mixture_moments(const pf_mixture *mixture, double *mean, double *covariance) {
  int d = mixture->d;
  if (mean)
    for (int i = 0; i < d; i++) mean[i] = mean_coordinate(mixture, i);
  if (!covariance) return;
  memset(covariance, 0, (size_t)d * (size_t)d * sizeof *covariance);
  for (int k = 0; k < mixture->components; k++) add_second_moments(mixture, k, covariance);
  for (int i = 0; i < d; i++) {
    double mean_i = mean_coordinate(mixture, i);
    for (int j = 0; j < d; j++) covariance[(int64_t)i * d + j] -= mean_i * mean_coordinate(mixture, j);
  }
}

double pf_mixture_second_moment(const pf_mixture *mixture) {
  int d = mixture->d;
  double total = 0;
  for (int k = 0; k < mixture->components; k++) {
    const double *mean = mixture->means + (int64_t)k * d;
    const double *values =
        mixture->eigenvalues + (int64_t)(mixture->covariances == 1 ? 0 : k) * mixture->eigenvalue_count;
    double trace = 0, square = 0;
    for (int i = 0; i < d; i++) {
      trace += values[mixture->eigenvalue_count == 1 ? 0 : i];
      square += mean[i] * mean[i];
    }
    total += mixture->weights[k] * (trace + square);
  }
  return total;
}

int pf_mixture_nearest(const pf_mixture *mixture, const double *x) {
  int best = 0;
  double best_distance = INFINITY;
  for (int k = 0; k < mixture->components; k++) {
    const double *mean = mixture->means + (int64_t)k * mixture->d;
    double distance = 0;
    for (int i = 0; i < mixture->d; i++) distance += (x[i] - mean[i]) * (x[i] - mean[i]);
    if (distance < best_distance) {
      best_distance = distance;
      best = k;
    }
  }
  return best;
}

double pf_mixture_entropy_1d(const pf_mixture *mixture) {
  double low = INFINITY, high = -INFINITY, finest = INFINITY, widest = 0;
  for (int k = 0; k < mixture->components; k++) {
    double s = sqrt(mixture->eigenvalues[mixture->covariances == 1 ? 0 : k]);
    low = fmin(low, mixture->means[k]);
    high = fmax(high, mixture->means[k]);
    finest = fmin(finest, s);
    widest = fmax(widest, s);
  }
  low -= 12 * widest;
  high += 12 * widest;
  /* trapezoid: the integrand is analytic and dies at both ends, so it converges faster than any power of h */
  double count = fmin(ceil((high - low) / (finest / 32)), 4e6), h = (high - low) / count, sum = 0;
  for (double i = 0; i <= count; i++) {
    double x = low + i * h, log_p = pf_mixture_log_density(mixture, &x);
    if (log_p > -700) sum -= exp(log_p) * log_p;
  }
  return sum * h;
}
