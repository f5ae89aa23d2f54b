/* Bures-Wasserstein distance between Gaussians.
 *
 *   W2^2 = |m1 - m2|^2 + tr C1 + tr C2 - 2 tr (C1^1/2 C2 C1^1/2)^1/2       (Dowson and Landau, 1982)
 *
 * C1 = V diag(l) V' gives C1^1/2 = V diag(sqrt l) V'; the trace of the last root is the sum of the square
 * roots of the eigenvalues of S = diag(sqrt l) V' C2 V diag(sqrt l), which is similar to C1^1/2 C2 C1^1/2. */
#include "ot/bures.h"

#include <lapacke.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/memory.h"

/* OpenBLAS (0.3.21) knows its threads for the whole process alone. Ours are one: its bits would depend on their number, and on
 * busy cores its threads wait for each other at every column. The first of our calls under way sets that, the last one restores
 * what the host had. */
void openblas_set_num_threads(int threads);
int openblas_get_num_threads(void);
static pthread_mutex_t blas_lock = PTHREAD_MUTEX_INITIALIZER;
static int blas_calls, blas_threads;

static void enter_blas(void) {
  pthread_mutex_lock(&blas_lock);
  if (blas_calls++ == 0) {
    blas_threads = openblas_get_num_threads();
    openblas_set_num_threads(1);
  }
  pthread_mutex_unlock(&blas_lock);
}

static void leave_blas(void) {
  pthread_mutex_lock(&blas_lock);
  if (--blas_calls == 0) openblas_set_num_threads(blas_threads);
  pthread_mutex_unlock(&blas_lock);
}

pf_status pf_symmetric_eigen(double *vectors, size_t d, double *values, pf_error *error) {
  for (size_t i = 0; i < d * d; i++)
    if (!isfinite(vectors[i]))
      return pf_fail(error, PF_NON_FINITE, "eigenvalues: entry %zu is %g", i, vectors[i]);
  enter_blas();
  lapack_int info = LAPACKE_dsyevd(LAPACK_ROW_MAJOR, 'V', 'L', (lapack_int)d, vectors, (lapack_int)d, values);
  leave_blas();
  if (info != 0)
    return pf_fail(error, PF_FAILED, "eigenvalues of a %zu x %zu matrix: LAPACK code %d", d, d, info);
  return PF_OK;
}

/* Replaces eigenvalues by their square roots; rounding may leave tiny negative ones. */
static pf_status root_values(double *values, size_t d, pf_error *error) {
  double largest = fmax(fabs(values[0]), fabs(values[d - 1]));
  if (!(values[0] >= -1e-8 * largest))
    return pf_fail(error, PF_BAD_INPUT, "covariance: eigenvalue %g is negative (largest %g)", values[0],
                   values[d - 1]);
  for (size_t i = 0; i < d; i++) values[i] = sqrt(fmax(values[i], 0));
  return PF_OK;
}

/* out = diag(root) V' C V diag(root), scratch d x d. */
static void sandwich(const double *v, const double *root, const double *c, size_t d, double *scratch,
                     double *out) {
  memset(scratch, 0, d * d * sizeof *scratch);
  memset(out, 0, d * d * sizeof *out);
  for (size_t i = 0; i < d; i++)
    for (size_t k = 0; k < d; k++)
      for (size_t j = 0; j < d; j++) scratch[i * d + j] += c[i * d + k] * v[k * d + j];
  for (size_t k = 0; k < d; k++)
    for (size_t i = 0; i < d; i++)
      for (size_t j = 0; j < d; j++) out[i * d + j] += v[k * d + i] * scratch[k * d + j];
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j < d; j++) out[i * d + j] *= root[i] * root[j];
}

pf_status pf_bures_w2(pf_gaussian a, pf_gaussian b, double *out, pf_error *error) {
  size_t d = a.d;
  double *v = NULL, *values = NULL, *scratch = NULL, *product = NULL, square = 0;
  pf_status status = PF_OK;
  if (d == 0 || d != b.d)
    return pf_fail(error, PF_BAD_INPUT, "Bures distance: dimensions %zu and %zu", a.d, b.d);
  PF_TRY_GOTO(pf_alloc(d * d, sizeof *v, &v, error));
  PF_TRY_GOTO(pf_alloc(d * d, sizeof *scratch, &scratch, error));
  PF_TRY_GOTO(pf_alloc(d * d, sizeof *product, &product, error));
  PF_TRY_GOTO(pf_alloc(d, sizeof *values, &values, error));
  memcpy(v, b.covariance, d * d * sizeof *v);
  PF_TRY_GOTO(pf_symmetric_eigen(v, d, values, error));
  PF_TRY_GOTO(root_values(values, d, error)); /* only the check matters: b must be a covariance too */
  memcpy(v, a.covariance, d * d * sizeof *v);
  PF_TRY_GOTO(pf_symmetric_eigen(v, d, values, error));
  PF_TRY_GOTO(root_values(values, d, error));
  sandwich(v, values, b.covariance, d, scratch, product);
  PF_TRY_GOTO(pf_symmetric_eigen(product, d, values, error));
  PF_TRY_GOTO(root_values(values, d, error));
  for (size_t i = 0; i < d; i++) {
    double gap = a.mean[i] - b.mean[i];
    square += gap * gap + (a.covariance[i * d + i] + b.covariance[i * d + i] - 2 * values[i]);
  }
  if (isfinite(square))
    *out = sqrt(fmax(square, 0));
  else
    status = pf_fail(error, PF_NON_FINITE, "Bures distance: the square is %g", square);
cleanup:
  pf_free(v);
  pf_free(values);
  pf_free(scratch);
  pf_free(product);
  return status;
}

/* Lower triangle of the sum of outer products of `count` rows, added row by row: a row of the sum stays in the first-level
 * cache while the block of rows passes. */
static void add_outer_products(const double *rows, size_t count, size_t d, double *sum) {
  for (size_t k = 0; k < d; k++)
    for (size_t r = 0; r < count; r++) {
      const double *row = rows + r * d;
      double factor = row[k], *out = sum + k * d;
      for (size_t l = 0; l <= k; l++) out[l] += factor * row[l];
    }
}

pf_status pf_moments(pf_points x, double *mean, double *covariance, pf_error *error) {
  enum { BLOCK = 64 };
  size_t d = x.d;
  double *rows = NULL;
  PF_TRY(pf_points_check(x, "sample", error));
  if (x.n < 2) return pf_fail(error, PF_BAD_INPUT, "covariance of %zu rows: at least 2", x.n);
  PF_TRY(pf_alloc(BLOCK * d, sizeof *rows, &rows, error));
  memset(mean, 0, d * sizeof *mean);
  memset(covariance, 0, d * d * sizeof *covariance);
  for (size_t i = 0; i < x.n; i++)
    for (size_t k = 0; k < d; k++) mean[k] += x.rows[i * d + k] / (double)x.n;
  for (size_t i = 0; i < x.n; i += BLOCK) {
    size_t count = x.n - i < BLOCK ? x.n - i : BLOCK;
    for (size_t e = 0; e < count * d; e++) rows[e] = x.rows[i * d + e] - mean[e % d];
    add_outer_products(rows, count, d, covariance);
  }
  for (size_t k = 0; k < d; k++)
    for (size_t l = 0; l <= k; l++) covariance[l * d + k] = covariance[k * d + l] /= (double)(x.n - 1);
  pf_free(rows);
  return PF_OK;
}

pf_status pf_frechet_distance(pf_points x, pf_points y, double *out, pf_error *error) {
  size_t d = x.d;
  double *moments = NULL;
  PF_TRY(pf_points_check_pair(x, y, error));
  PF_TRY(pf_alloc(2 * (d + d * d), sizeof *moments, &moments, error));
  double *mean_y = moments + d + d * d;
  pf_gaussian a = {moments, moments + d, d}, b = {mean_y, mean_y + d, d};
  pf_status status = pf_moments(x, moments, moments + d, error);
  if (status == PF_OK) status = pf_moments(y, mean_y, mean_y + d, error);
  if (status == PF_OK) status = pf_bures_w2(a, b, out, error);
  pf_free(moments);
  return status;
}
