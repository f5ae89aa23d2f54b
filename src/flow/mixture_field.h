/* Exact fields of a Gaussian mixture under an interpolant.
 *
 * With S_k = alpha^2 I + beta^2 Sigma_k and responsibilities r_k(t,x) ~ w_k N(x; beta m_k, S_k):
 *     v(t,x)     = sum_k r_k [ beta' m_k + (alpha alpha' I + beta beta' Sigma_k) S_k^-1 (x - beta m_k) ]
 *     dhat(t,x)  = sum_k r_k [ m_k + beta Sigma_k S_k^-1 (x - beta m_k) ]
 *     score(t,x) = -sum_k r_k S_k^-1 (x - beta m_k)
 * No singularity anywhere in [0, 1]. Pure functions without scratch: cut a batch over threads freely.
 */
#ifndef PF_FLOW_MIXTURE_FIELD_H
#define PF_FLOW_MIXTURE_FIELD_H

#include "../data/mixture.h"
#include "interpolant.h"

typedef struct pf_mixture_field {
  const pf_mixture *mixture; /* borrowed */
  pf_interpolant kind;
} pf_mixture_field;

/* x and out are n x d; no overlap. */
void pf_mixture_velocity(const pf_mixture_field *field, double t, const double *x, int64_t n, double *out);
void pf_mixture_denoiser(const pf_mixture_field *field, double t, const double *x, int64_t n, double *out);
void pf_mixture_score(const pf_mixture_field *field, double t, const double *x, int64_t n, double *out);
/* log p_t of every row; out is [n]. */
void pf_mixture_log_density_at(const pf_mixture_field *field, double t, const double *x, int64_t n,
                               double *out);

/* The first two with the signature of pf_ode_field; context points to a pf_mixture_field. */
pf_status pf_mixture_velocity_field(void *context, double t, const double *x, int64_t n, double *v,
                                    pf_error *error);
pf_status pf_mixture_denoiser_field(void *context, double t, const double *x, int64_t n, double *v,
                                    pf_error *error);

typedef struct pf_flow_times {
  double t, s;
} pf_flow_times;

/* Exact flow map g*(t, s, x) of a mixture with ONE component (any covariance): PF_USAGE when it has more. x
 * and out are n x d, no overlap; t, s in [0, 1], in any order. */
pf_status pf_gaussian_flow_map(const pf_mixture_field *field, pf_flow_times times, const double *x, int64_t n,
                               double *out, pf_error *error);
/* Exact flow map of a ONE-dimensional mixture by monotone rearrangement, F_s^-1(F_t(x)): PF_USAGE when d > 1.
 */
pf_status pf_mixture_flow_map_1d(const pf_mixture_field *field, pf_flow_times times, const double *x,
                                 int64_t n, double *out, pf_error *error);

#endif
