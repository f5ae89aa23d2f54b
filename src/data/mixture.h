/* Gaussian mixtures: sum_k w_k N(m_k, Sigma_k).
 *
 * The one law whose density, velocity, denoiser and score are all known in closed form, and so the yardstick
 * of every learned field. Covariances are kept as eigenvalues and axes (any smoothing alpha^2 I + beta^2
 * Sigma_k then costs nothing) and as a Cholesky factor for sampling.
 */
#ifndef PF_DATA_MIXTURE_H
#define PF_DATA_MIXTURE_H

#include "../base/rng.h"
#include "../base/status.h"

typedef enum pf_covariance_kind {
  PF_COVARIANCE_ISOTROPIC, /* one variance */
  PF_COVARIANCE_DIAGONAL,  /* d variances */
  PF_COVARIANCE_FULL       /* d x d, symmetric positive definite */
} pf_covariance_kind;

/* Read freely; made and changed only by the functions below. */
typedef struct pf_mixture {
  int components, d;
  double *weights;     /* [components], sums to 1 */
  double *log_weights; /* [components], -inf for a zero weight */
  double *cumulative;  /* [components], running sums, the last is exactly 1 */
  double *means;       /* components x d */
  pf_covariance_kind kind;
  int covariances;         /* 1: shared by all components; else == components */
  int eigenvalue_count;    /* per covariance: 1 (isotropic) or d */
  double *eigenvalues;     /* covariances x eigenvalue_count, variances along the axes, all > 0 */
  double *axes;            /* FULL only: covariances x d x d, row e is the unit eigenvector of eigenvalue e */
  double *cholesky;        /* FULL only: covariances x d x d, lower triangular L with L L^T = Sigma */
  double *log_determinant; /* [covariances] log det Sigma */
} pf_mixture;

/* What a mixture is made of; nothing is kept. */
typedef struct pf_mixture_spec {
  int components, d;
  const double *weights; /* [components] >= 0, not all 0, normalised on creation; NULL means equal */
  const double *means;   /* components x d */
  pf_covariance_kind kind;
  int covariances;          /* 1 (shared) or components */
  const double *covariance; /* covariances x (1 | d | d*d) */
} pf_mixture_spec;

/* PF_BAD_INPUT, naming the component and value, when a weight is negative or not finite, a mean is not finite
 * or a covariance is not symmetric positive definite (Cholesky). */
pf_status pf_mixture_create(const pf_mixture_spec *spec, pf_mixture **out, pf_error *error);
/* The empirical law of n rows smoothed with N(0, sigma^2 I), sigma > 0: x is n x d, copied. */
pf_status pf_mixture_from_points(const double *x, int n, int d, double sigma, pf_mixture **out,
                                 pf_error *error);
/* Reads {"weights": [..], "means": [[..]], "covariance": c} where c is a number, [d variances], [[d x d]] or
 * {"per_component": [such, ...]}; a list of K entries where K != d, or of K d x d matrices, is read as one
 * per component. Weights may be left out (equal). Unknown keys are errors. PF_IO when unreadable,
 * PF_BAD_INPUT naming key and index otherwise. */
pf_status pf_mixture_read_json(const char *path, pf_mixture **out, pf_error *error);
void pf_mixture_free(pf_mixture *mixture);

/* log p(x), x [d]; a pure function (any thread). */
double pf_mixture_log_density(const pf_mixture *mixture, const double *x);
/* One draw: one uniform picks the component (inverse distribution function), then d normals. */
void pf_mixture_draw(const pf_mixture *mixture, pf_rng *rng, double *x);
/* Mean [d] and covariance [d x d] of the whole mixture; either may be NULL. */
void pf_mixture_moments(const pf_mixture *mixture, double *mean, double *covariance);
/* E|x|^2. */
double pf_mixture_second_moment(const pf_mixture *mixture);
/* Index of the component whose mean is nearest to x in Euclidean distance (ties: the first). */
int pf_mixture_nearest(const pf_mixture *mixture, const double *x);
/* -integral p log p of a one-dimensional mixture by quadrature (error below 1e-10); d must be 1. */
double pf_mixture_entropy_1d(const pf_mixture *mixture);

#endif
