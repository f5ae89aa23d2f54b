/* The W2 flow between Gaussians.
 *
 *   legend   N(m0, S0) moves to N(m1, S1)
 *   map      T(y) = m1 + A (y - m0),  A = S0^-1/2 (S0^1/2 S1 S0^1/2)^1/2 S0^-1/2
 *   Euler    m_k = m1 + (1-dt)^k (m0 - m1),  S_k = M S0 M with M = q I + (1-q) A, q = (1-dt)^k:  W2 falls by 1 - dt
 *
 * The cloud below has the moments of N(m0, S0) exactly, and its field is the map from its own moments to the target: an
 * affine field keeps the cloud's moments those of the law. */
#include <math.h>
#include <string.h>
#include "../base/rng.h"
#include "../ot/bures.h"
#include "w2fe.h"

enum { D = 2, DD = D * D, N = 64, STEPS = 12 };

static const double M0[D] = {1, -2}, M1[D] = {-1, .5};
static const double S0[DD] = {2, .5, .5, 1}, S1[DD] = {1, -.3, -.3, .5};

/* ---- 2 x 2 matrices ---- */

static void multiply(const double *a, const double *b, double *out) {
  double product[DD];
  for (int i = 0; i < D; i++)
    for (int j = 0; j < D; j++) product[i * D + j] = a[i * D] * b[j] + a[i * D + 1] * b[D + j];
  memcpy(out, product, sizeof product);
}

/* a^power of a symmetric positive definite matrix. */
static pf_status symmetric_power(const double *a, double power, double *out, pf_error *error) {
  double v[DD], values[D];
  memcpy(v, a, sizeof v);
  PF_TRY(pf_symmetric_eigen(v, D, values, error));
  for (int i = 0; i < D; i++)
    for (int j = 0; j < D; j++) {
      double sum = 0;
      for (int k = 0; k < D; k++) sum += v[i * D + k] * pow(values[k], power) * v[j * D + k];
      out[i * D + j] = sum;
    }
  return PF_OK;
}

pf_status pf_w2fe_optimal_matrix(const double *from, const double *to, double *out, pf_error *error) {
  double root[DD], inverse[DD], inner[DD];
  PF_TRY(symmetric_power(from, .5, root, error));
  PF_TRY(symmetric_power(from, -.5, inverse, error));
  multiply(root, to, inner);
  multiply(inner, root, inner);
  PF_TRY(symmetric_power(inner, .5, inner, error));
  multiply(inverse, inner, out);
  multiply(out, inverse, out);
  return PF_OK;
}

/* ---- closed form ---- */

static pf_status check_map(pf_verify_run *run, pf_error *error) {
  static const double expected[DD] = {.7520365, -.27466772, -.27466772, .74394401}, zero[D] = {0};
  double a[DD], pushed[DD], bures;
  PF_TRY(pf_w2fe_optimal_matrix(S0, S1, a, error));
  PF_TRY(pf_verify_add_largest(run, "optimal map between Gaussians", a, expected, DD, 6e-9, error));
  multiply(a, S0, pushed);
  multiply(pushed, a, pushed);
  PF_TRY(pf_verify_add_largest(run, "it carries one covariance to the other", pushed, S1, DD, 1e-12, error));
  PF_TRY(pf_bures_w2((pf_gaussian){zero, S0, D}, (pf_gaussian){zero, S1, D}, &bures, error));
  return pf_verify_add(run, (pf_claim){bures * bures, .5533014128, 6e-11}, error, "Bures part of W2^2");
}

/* ---- the flow ---- */

static void affine(const double *a, const double *from, const double *to, int n, double *y) {
  for (int i = 0; i < n; i++) {
    double u = y[i * D] - from[0], v = y[i * D + 1] - from[1];
    for (int k = 0; k < D; k++) y[i * D + k] = to[k] + a[k * D] * u + a[k * D + 1] * v;
  }
}

/* Rows whose mean and covariance are m0 and S0 to rounding. */
static pf_status exact_cloud(uint64_t seed, double *y, pf_error *error) {
  double mean[D], covariance[DD], whiten[DD], root[DD];
  for (int i = 0; i < N; i++) {
    pf_rng rng = pf_rng_at(seed, PF_STREAM_VERIFY, 42, (uint64_t)i);
    for (int k = 0; k < D; k++) y[i * D + k] = pf_rng_normal(&rng);
  }
  PF_TRY(pf_moments((pf_points){y, N, D}, mean, covariance, error));
  PF_TRY(symmetric_power(covariance, -.5, whiten, error));
  PF_TRY(symmetric_power(S0, .5, root, error));
  multiply(root, whiten, root);
  affine(root, mean, M0, N, y);
  return PF_OK;
}

static pf_status gaussian_field(void *context, pf_particle_stage at, const double *y, int64_t n,
                                double *gradient, pf_error *error) {
  const pf_flow_subject *subject = context;
  double mean[D], covariance[DD], a[DD];
  (void)at;
  PF_TRY(pf_moments((pf_points){y, (size_t)n, D}, mean, covariance, error));
  PF_TRY(pf_w2fe_optimal_matrix(covariance, S1, a, error));
  memcpy(gradient, y, (size_t)n * D * sizeof *y);
  affine(a, mean, M1, (int)n, gradient);
  for (int64_t i = 0; i < n * D; i++) gradient[i] = subject->factor * (y[i] - gradient[i]);
  return PF_OK;
}

typedef struct moments_path {
  double mean[STEPS + 1][D], covariance[STEPS + 1][DD], w2[STEPS + 1];
} moments_path;

static pf_status record_moments(void *context, int k, double t, const double *y, pf_error *error) {
  moments_path *path = context;
  (void)t;
  PF_TRY(pf_moments((pf_points){y, N, D}, path->mean[k], path->covariance[k], error));
  return pf_bures_w2((pf_gaussian){path->mean[k], path->covariance[k], D}, (pf_gaussian){M1, S1, D},
                     &path->w2[k], error);
}

/* Mean and covariance of step k. */
static pf_status expected_moments(double q, double *mean, double *covariance, pf_error *error) {
  double a[DD], m[DD];
  PF_TRY(pf_w2fe_optimal_matrix(S0, S1, a, error));
  for (int i = 0; i < DD; i++) m[i] = (1 - q) * a[i] + (i % (D + 1) == 0 ? q : 0);
  for (int k = 0; k < D; k++) mean[k] = M1[k] + q * (M0[k] - M1[k]);
  multiply(m, S0, covariance);
  multiply(covariance, m, covariance);
  return PF_OK;
}

static pf_status check_path(pf_verify_run *run, const moments_path *path, double dt, pf_error *error) {
  double mean_error[STEPS + 1], covariance_error[STEPS + 1], factor[STEPS], one[STEPS], zero[STEPS + 1] = {0};
  for (int k = 0; k <= STEPS; k++) {
    double mean[D], covariance[DD];
    PF_TRY(expected_moments(pow(1 - dt, k), mean, covariance, error));
    mean_error[k] = hypot(path->mean[k][0] - mean[0], path->mean[k][1] - mean[1]);
    covariance_error[k] = 0;
    for (int i = 0; i < DD; i++) covariance_error[k] += fabs(path->covariance[k][i] - covariance[i]);
    if (k == 0) continue;
    factor[k - 1] = path->w2[k] / path->w2[k - 1];
    one[k - 1] = 1 - dt;
  }
  PF_TRY(pf_verify_add_largest(run, "Gaussian flow: error of the mean", mean_error, zero, STEPS + 1, 1e-12,
                               error));
  PF_TRY(pf_verify_add_largest(run, "Gaussian flow: error of the covariance", covariance_error, zero,
                               STEPS + 1, 1e-12, error));
  return pf_verify_add_largest(run, "Gaussian flow: factor of W2 (Bures) minus (1 - dt)", factor, one, STEPS,
                               1e-10, error);
}

static pf_status check_flow(pf_verify_run *run, const pf_flow_subject *subject, pf_error *error) {
  const pf_particle_schedule schedule = {.method = PF_ODE_EULER, .steps = STEPS, .eps = .25};
  double y[N * D];
  moments_path path;
  pf_flow_subject copy = *subject;
  pf_particle_system system = {gaussian_field, &copy, N, D};
  pf_ode_options options = {.observe = record_moments, .observe_context = &path};
  PF_TRY(exact_cloud(run->seed, y, error));
  PF_TRY(pf_particles_move(&schedule, &system, y, &options, error));
  return check_path(run, &path, schedule.eps, error);
}

pf_status pf_verify_w2fe_gaussian(pf_verify_run *run, const pf_flow_subject *subject, pf_error *error) {
  PF_TRY(check_map(run, error));
  PF_TRY(check_flow(run, subject, error));
  return pf_verify_progress(run, "Gaussian flow", 1, 1, error);
}
