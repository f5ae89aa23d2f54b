/* Where the error of a one-step generator comes from (characteristic.md section 10).
 *
 *   legend     z common prior draws; g generator; Zhat_K the K-step integrator of the learned velocity, as in training;
 *              Zhat the same velocity integrated finely; Z* the exact velocity integrated finely; T the end of time
 *   fitting          RMS |g(0,T,z) - Zhat_K(z)|
 *   discretisation   RMS |Zhat_K(z) - Zhat(z)|
 *   velocity         RMS |Zhat(z) - Z*(z)|                           needs a Gaussian-mixture law
 *   stopping         sqrt(d alpha_T^2 + (1 - beta_T)^2 E|X_1|^2)     needs E|X_1|^2
 *
 * Each is a coupling bound, so W2(g#N, data) <= their sum. All in the data's units, through the (affine) column encoder; with
 * a quantile encoder the first two are in encoded units and the others are unknown.
 */
#ifndef PF_VERIFY_DECOMPOSITION_H
#define PF_VERIFY_DECOMPOSITION_H

#include "../data/law.h"
#include "../model/model.h"

/* law may be NULL. rows: how many z. Fields that cannot be measured are NaN; measured and floor are left NaN for the caller. */
pf_status pf_decompose(const struct pf_model *model, const pf_law *law, int64_t rows, uint64_t seed,
                       pf_pool *pool, pf_decomposition *out, pf_error *error);

/* The L2 error of the model's velocity, sqrt of the mean of |vhat(t, X_t) - v*(t, X_t)|^2 over t ~ U(0, T) and the interpolant's
 * own X_t (`rows` points, a time each), in the data's units. The law is a Gaussian mixture and the encoder affine: PF_USAGE
 * otherwise, and for a model without a velocity. */
pf_status pf_velocity_error(const struct pf_model *model, const pf_law *law, int64_t rows, uint64_t seed,
                            pf_pool *pool, double *out, pf_error *error);

#endif
