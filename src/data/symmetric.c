/* Cholesky and cyclic Jacobi for small symmetric matrices (contract: symmetric.h). */
#include <math.h>
#include "../base/memory.h"
#include "symmetric.h"

static pf_status check_symmetric(const double *a, int d, pf_error *error) {
  for (int i = 0; i < d; i++)
    for (int j = 0; j <= i; j++) {
      double lower = a[(int64_t)i * d + j], upper = a[(int64_t)j * d + i];
      if (!(fabs(lower - upper) <= 1e-9 * (fabs(lower) + fabs(upper))))
        return pf_fail(error, PF_BAD_INPUT, "not symmetric: entry [%d][%d] is %g, [%d][%d] is %g", i, j,
                       lower, j, i, upper);
    }
  return PF_OK;
}

pf_status pf_symmetric_cholesky(const double *a, int d, double *factor, pf_error *error) {
  PF_TRY(check_symmetric(a, d, error));
  for (int i = 0; i < d; i++)
    for (int j = 0; j < d; j++) {
      double sum = a[(int64_t)i * d + j];
      for (int k = 0; k < j && j <= i; k++) sum -= factor[(int64_t)i * d + k] * factor[(int64_t)j * d + k];
      if (i == j && !(sum > 1e-14 * fabs(a[(int64_t)i * d + i]) && sum < INFINITY))
        return pf_fail(error, PF_BAD_INPUT, "not positive definite: pivot %d is %g", i, sum);
      double *entry = factor + (int64_t)i * d + j;
      *entry = j > i ? 0 : j == i ? sqrt(sum) : sum / factor[(int64_t)j * d + j];
    }
  return PF_OK;
}

/* One Jacobi rotation that zeroes w[p][q] (w symmetric); rows of `axes` turn along. */
static void rotate(double *w, double *axes, int d, int p, int q) {
  double off = w[(int64_t)p * d + q];
  if (off == 0) return;
  double theta = (w[(int64_t)q * d + q] - w[(int64_t)p * d + p]) / (2 * off);
  double tangent = copysign(1, theta) / (fabs(theta) + hypot(1, theta));
  double cosine = 1 / hypot(1, tangent), sine = tangent * cosine;
  for (int k = 0; k < d; k++) {
    double wp = w[(int64_t)k * d + p], wq = w[(int64_t)k * d + q];
    w[(int64_t)k * d + p] = cosine * wp - sine * wq;
    w[(int64_t)k * d + q] = sine * wp + cosine * wq;
  }
  for (int k = 0; k < d; k++) {
    double wp = w[(int64_t)p * d + k], wq = w[(int64_t)q * d + k];
    w[(int64_t)p * d + k] = cosine * wp - sine * wq;
    w[(int64_t)q * d + k] = sine * wp + cosine * wq;
    double ap = axes[(int64_t)p * d + k], aq = axes[(int64_t)q * d + k];
    axes[(int64_t)p * d + k] = cosine * ap - sine * aq;
    axes[(int64_t)q * d + k] = sine * ap + cosine * aq;
  }
  /* zero by construction; its rounding residue would keep the sweeps from ending */
  w[(int64_t)p * d + q] = w[(int64_t)q * d + p] = 0;
}

static double off_diagonal(const double *w, int d) {
  double sum = 0;
  for (int i = 0; i < d; i++)
    for (int j = 0; j < i; j++) sum += w[(int64_t)i * d + j] * w[(int64_t)i * d + j];
  return sum;
}

pf_status pf_jacobi_eigen(const double *a, int d, double *values, double *axes, pf_error *error) {
  enum { SWEEPS = 60 };
  PF_TRY(check_symmetric(a, d, error));
  double *w = NULL;
  PF_TRY(pf_alloc((size_t)d * (size_t)d, sizeof *w, &w, error));
  double scale = 0;
  for (int i = 0; i < d * d; i++) {
    w[i] = a[i];
    axes[i] = i % (d + 1) == 0;
    scale += a[i] * a[i];
  }
  int sweep = 0;
  for (; sweep < SWEEPS && off_diagonal(w, d) > 1e-32 * scale; sweep++)
    for (int p = 0; p < d; p++)
      for (int q = p + 1; q < d; q++) rotate(w, axes, d, p, q);
  for (int e = 0; e < d; e++) values[e] = w[(int64_t)e * d + e];
  pf_free(w);
  if (sweep == SWEEPS)
    return pf_fail(error, PF_FAILED, "eigenvalues: no convergence after %d sweeps", SWEEPS);
  return PF_OK;
}
