/* Stochastic interpolants X_t = alpha_t X_0 + beta_t X_1, X_0 ~ N(0, I), X_1 ~ data; t = 0 noise, t = 1 data.
 *
 * Velocity, denoiser and score of one law are affine in each other:
 *     v = drift x + gain dhat,   drift = alpha'/alpha,  gain = beta' - beta alpha'/alpha
 *     score = (beta dhat - x) / alpha^2
 * Source: arXiv 2405.05512 (Follmer), arXiv 2209.03003 (linear), burning489/ConditionalFollmerFlow
 * (trigonometric).
 */
#ifndef PF_FLOW_INTERPOLANT_H
#define PF_FLOW_INTERPOLANT_H

#include "../base/status.h"

typedef enum pf_interpolant {
#define PF_INTERPOLANT(NAME, name, end, description) PF_INTERPOLANT_##NAME,
#include "interpolants.def"
#undef PF_INTERPOLANT
  PF_INTERPOLANT_COUNT
} pf_interpolant;

const char *pf_interpolant_name(pf_interpolant kind);
const char *pf_interpolant_description(pf_interpolant kind);
double pf_interpolant_default_end(pf_interpolant kind);
/* PF_USAGE listing the valid names. */
pf_status pf_interpolant_find(const char *name, pf_interpolant *out, pf_error *error);

/* All coefficients at t in [0, 1]. At t = 1: alpha is exactly 0, drift -inf, gain inf; alpha_dot is -inf for
 * Follmer. At t = 0: beta is exactly 0. */
typedef struct pf_interpolant_values {
  double alpha, beta;
  double alpha_dot, beta_dot; /* time derivatives */
  double alpha_alpha_dot;     /* alpha alpha', finite everywhere (-t for Follmer) */
  double drift;               /* alpha'/alpha */
  double gain;                /* beta' - beta alpha'/alpha, > 0 */
} pf_interpolant_values;
pf_interpolant_values pf_interpolant_at(pf_interpolant kind, double t);

/* Exponential step t -> s: x_s = a x_t + b dhat(t, x_t), a = alpha_s/alpha_t, b = beta_s - a beta_t; t < 1.
 * At s = 1 exactly (0, 1); at s = t exactly (1, 0). */
void pf_interpolant_step(pf_interpolant kind, double t, double s, double *a, double *b);
/* The same with the signature of pf_ode_coefficients; context points to a pf_interpolant. */
void pf_interpolant_coefficients(const void *context, double t, double s, double *a, double *b);

/* The time at which alpha_t : beta_t equals alpha : beta (both >= 0, not both 0): the clock that maps one
 * schedule to another, x_A(t) = (beta_A(t) / beta_B(r)) x_B(r). */
double pf_interpolant_time(pf_interpolant kind, double alpha, double beta);

/* sqrt(d alpha_T^2 + (1 - beta_T)^2 E|X_1|^2): W2 bound on stopping at T. */
double pf_interpolant_early_stop(pf_interpolant kind, double end, int d, double second_moment);

/* Preconditioning of a denoiser network for data of standard deviation sd per coordinate (EDM form):
 * D(t, x) = skip x + out F(in x, t), and the unit-weight target of F is target_data x_1 + target_noise x_0,
 * which is (x_1 - skip x) / out without the division by alpha. */
typedef struct pf_preconditioner {
  double in, skip, out;
  double target_data, target_noise;
} pf_preconditioner;
pf_preconditioner pf_interpolant_precondition(pf_interpolant kind, double t, double sd);

#endif
