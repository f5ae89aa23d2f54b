/* Laws that are Gaussian mixtures: rings, grids, the two-mode family, Gaussians.
 *
 * Parameters: rtqichen/ffjord (8gaussians), burning489/SamplingFollmerFlow (ring, grid, aniso4, mix1d,
 * two-mode), igul222/improved_wgan_training (wgan), jshe/wasserstein-2 (w2-4gauss),
 * burning489/ConditionalFollmerFlow (cff), atong01/conditional-flow-matching (torchcfm: its noise has
 * COVARIANCE sqrt(.1)).
 */
#include <math.h>
#include "../base/memory.h"
#include "law_internal.h"

enum { MAX_MODES = 64, MAX_D = 512 };
static const double PI = 3.14159265358979323846;
static const double LOG_2PI_E = 2.8378770664093454836;

/* args: modes, radius, first angle / pi, variance */
pf_status pf_law_build_mixture_ring(pf_law *law, const double *args, const pf_law_keys *keys,
                                    pf_error *error) {
  (void)keys;
  int modes = (int)args[0];
  double means[2 * MAX_MODES];
  for (int k = 0; k < modes; k++) {
    double angle = PI * (args[2] + 2.0 * k / modes);
    means[2 * k] = args[1] * cos(angle);
    means[2 * k + 1] = args[1] * sin(angle);
  }
  pf_mixture_spec spec = {modes, 2, NULL, means, PF_COVARIANCE_ISOTROPIC, 1, &args[3]};
  return pf_law_set_mixture(law, &spec, error);
}

/* args: modes per side, spacing, variance */
pf_status pf_law_build_mixture_grid(pf_law *law, const double *args, const pf_law_keys *keys,
                                    pf_error *error) {
  (void)keys;
  int side = (int)args[0];
  double means[2 * MAX_MODES];
  for (int k = 0; k < side * side; k++) {
    means[2 * k] = args[1] * (k / side - 0.5 * (side - 1));
    means[2 * k + 1] = args[1] * (k % side - 0.5 * (side - 1));
  }
  pf_mixture_spec spec = {side * side, 2, NULL, means, PF_COVARIANCE_ISOTROPIC, 1, &args[2]};
  return pf_law_set_mixture(law, &spec, error);
}

pf_status pf_law_build_aniso4(pf_law *law, const double *args, const pf_law_keys *keys, pf_error *error) {
  (void)args;
  (void)keys;
  static const double MEANS[] = {3, 3, -3, 3, 3, -3, -3, -3};
  static const double COVARIANCES[] = {1, -.9, -.9, 1, 1, .9, .9, 1, 1, .9, .9, 1, 1, -.9, -.9, 1};
  pf_mixture_spec spec = {4, 2, NULL, MEANS, PF_COVARIANCE_FULL, 4, COVARIANCES};
  return pf_law_set_mixture(law, &spec, error);
}

/* args: distance m of the modes from 0 */
pf_status pf_law_build_mixture_1d(pf_law *law, const double *args, const pf_law_keys *keys, pf_error *error) {
  (void)keys;
  double weights[] = {.25, .75}, means[] = {-args[0], args[0]}, variance = .25;
  pf_mixture_spec spec = {2, 1, weights, means, PF_COVARIANCE_ISOTROPIC, 1, &variance};
  PF_TRY(pf_law_set_mixture(law, &spec, error));
  law->entropy = pf_mixture_entropy_1d(law->mixture);
  return PF_OK;
}

/* Along (1,..,1)/sqrt d the two-mode law is .2 N(-sqrt d, .25) + .8 N(sqrt d, .25), across it N(0, .25): the
 * entropies add. */
static pf_status two_mode_entropy(int d, double *out, pf_error *error) {
  double weights[] = {.2, .8}, means[] = {-sqrt(d), sqrt(d)}, variance = .25;
  pf_mixture_spec spec = {2, 1, weights, means, PF_COVARIANCE_ISOTROPIC, 1, &variance};
  pf_mixture *along = NULL;
  PF_TRY(pf_mixture_create(&spec, &along, error));
  *out = pf_mixture_entropy_1d(along) + 0.5 * (d - 1) * (LOG_2PI_E + log(variance));
  pf_mixture_free(along);
  return PF_OK;
}

pf_status pf_law_build_two_mode(pf_law *law, const double *args, const pf_law_keys *keys, pf_error *error) {
  (void)args;
  int d = 2;
  PF_TRY(pf_law_key_integer(keys, "d", 1, MAX_D, &d, error));
  double weights[] = {.2, .8}, means[2 * MAX_D], variance = .25;
  for (int i = 0; i < d; i++) {
    means[i] = -1;
    means[d + i] = 1;
  }
  pf_mixture_spec spec = {2, d, weights, means, PF_COVARIANCE_ISOTROPIC, 1, &variance};
  PF_TRY(pf_law_set_mixture(law, &spec, error));
  return two_mode_entropy(d, &law->entropy, error);
}

static pf_status set_gaussian(pf_law *law, int d, const double *mean, const double *covariance,
                              pf_error *error) {
  pf_mixture_spec spec = {1, d, NULL, mean, PF_COVARIANCE_FULL, 1, covariance};
  PF_TRY(pf_law_set_mixture(law, &spec, error));
  law->entropy = 0.5 * (d * LOG_2PI_E + law->mixture->log_determinant[0]);
  return PF_OK;
}

pf_status pf_law_build_gauss_jko(pf_law *law, const double *args, const pf_law_keys *keys, pf_error *error) {
  (void)args;
  (void)keys;
  static const double MEAN[] = {0, 0}, COVARIANCE[] = {7, 5, 5, 7};
  return set_gaussian(law, 2, MEAN, COVARIANCE, error);
}

pf_status pf_law_build_gauss(pf_law *law, const double *args, const pf_law_keys *keys, pf_error *error) {
  (void)args;
  int d = 2;
  double mean = 0, variance = 1, rho = 0;
  PF_TRY(pf_law_key_integer(keys, "d", 1, MAX_D, &d, error));
  PF_TRY(pf_law_key_number(keys, "mean", -1e6, 1e6, &mean, error));
  PF_TRY(pf_law_key_number(keys, "variance", 1e-12, 1e12, &variance, error));
  PF_TRY(pf_law_key_number(keys, "rho", -1, 1, &rho, error));
  double *values = NULL; /* mean [d], then covariance d x d */
  PF_TRY(pf_alloc((size_t)d * (size_t)(d + 1), sizeof *values, &values, error));
  for (int i = 0; i < d; i++) {
    values[i] = mean;
    for (int j = 0; j < d; j++) values[d + i * d + j] = variance * (i == j ? 1 : rho);
  }
  pf_mixture_spec isotropic = {1, d, NULL, values, PF_COVARIANCE_ISOTROPIC, 1, &variance};
  pf_status status;
  if (rho == 0) {
    status = pf_law_set_mixture(law, &isotropic, error);
    law->entropy = 0.5 * d * (LOG_2PI_E + log(variance));
  } else {
    status = set_gaussian(law, d, values, values + d, error);
    if (status == PF_BAD_INPUT) /* the only way: the user's rho */
      status = pf_fail(error, PF_USAGE, "law gauss: rho=%g gives no positive definite covariance for d=%d",
                       rho, d);
  }
  pf_free(values);
  return status;
}
