/* Baselines for tables.
 *
 *   factorised  x_k = a training value of column k, drawn on its own
 *   gaussian    x = m + F z, F F' = covariance, z ~ N(0, I)
 *   copula      g = F z, F F' = correlation of normal scores Phi^-1((rank - 1/2) / n);  x_k = Q_k(Phi(g_k)),
 *               Q_k the empirical quantile function (a training value: discrete columns stay discrete)
 *
 * F = V diag(sqrt max(l, 0)) from the eigen decomposition, which accepts constant and repeated columns. */
#include "metrics/baseline.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/rng.h"
#include "metrics/subset.h"
#include "ot/bures.h"
#include "ot/sort.h"

struct pf_baseline {
  pf_baseline_kind kind;
  size_t n, d;
  double *columns; /* d x n training values, each column ascending */
  double *mean;    /* d */
  double *factor;  /* d x d */
};

static const char *const names[] = {
#define PF_X(id, name, text) name,
    PF_BASELINE_TABLE(PF_X)
#undef PF_X
};

const char *pf_baseline_name(pf_baseline_kind kind) {
  return kind < PF_BASELINE_COUNT ? names[kind] : "unknown";
}

static double normal_cdf(double x) { return .5 * erfc(-x * M_SQRT1_2); }

/* Inverse normal distribution function, p in (0, 1): bisection brackets, Newton finishes. Called once a
 * row and column, so plainness wins over speed. */
static double normal_quantile(double p) {
  double low = -9, high = 9;
  for (int k = 0; k < 12; k++) {
    double middle = (low + high) / 2;
    if (normal_cdf(middle) < p)
      low = middle;
    else
      high = middle;
  }
  double x = (low + high) / 2;
  for (int k = 0; k < 4; k++) x -= (normal_cdf(x) - p) * sqrt(2 * M_PI) * exp(x * x / 2);
  return x;
}

/* Values below `value` (or at most `value` when `inclusive`) in an ascending list. */
static size_t count_below(const double *sorted, size_t n, double value, bool inclusive) {
  size_t low = 0, high = n;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (sorted[middle] < value || (inclusive && sorted[middle] == value))
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* Normal score of a value by its mid-rank. */
static double normal_score(const double *sorted, size_t n, double value) {
  double middle = (double)(count_below(sorted, n, value, false) + count_below(sorted, n, value, true)) / 2;
  return normal_quantile(middle / (double)n);
}

/* Covariance in factor -> V diag(sqrt l). */
static pf_status factorise(double *factor, size_t d, pf_error *error) {
  double *values;
  PF_TRY(pf_alloc(d, sizeof *values, &values, error));
  pf_status status = pf_symmetric_eigen(factor, d, values, error);
  if (status == PF_OK)
    for (size_t i = 0; i < d; i++)
      for (size_t j = 0; j < d; j++) factor[i * d + j] *= sqrt(fmax(values[j], 0));
  pf_free(values);
  return status;
}

/* Covariance to correlation; a constant column is independent of the others. */
static void normalise(double *c, size_t d) {
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j < i; j++) {
      double scale = sqrt(c[i * d + i] * c[j * d + j]);
      c[i * d + j] = c[j * d + i] = scale > 0 ? c[i * d + j] / scale : 0;
    }
  for (size_t i = 0; i < d; i++) c[i * d + i] = 1;
}

static pf_status fit_copula(pf_baseline *b, pf_points rows, pf_error *error) {
  double *scores;
  PF_TRY(pf_alloc(b->n * b->d, sizeof *scores, &scores, error));
  for (size_t i = 0; i < b->n; i++)
    for (size_t k = 0; k < b->d; k++)
      scores[i * b->d + k] = normal_score(b->columns + k * b->n, b->n, rows.rows[i * b->d + k]);
  pf_status status = pf_moments((pf_points){scores, b->n, b->d}, b->mean, b->factor, error);
  pf_free(scores);
  if (status != PF_OK) return status;
  normalise(b->factor, b->d);
  return factorise(b->factor, b->d, error);
}

static pf_status fit(pf_baseline *b, pf_points rows, pf_error *error) {
  double *scratch;
  PF_TRY(pf_alloc(b->n * b->d, sizeof *b->columns, &b->columns, error));
  PF_TRY(pf_alloc(b->d, sizeof *b->mean, &b->mean, error));
  PF_TRY(pf_alloc(b->d * b->d, sizeof *b->factor, &b->factor, error));
  PF_TRY(pf_alloc(b->n, sizeof *scratch, &scratch, error));
  pf_points_transpose(rows, b->n, b->columns);
  for (size_t k = 0; k < b->d; k++) pf_sort_doubles(b->columns + k * b->n, b->n, scratch);
  pf_free(scratch);
  if (b->kind == PF_BASELINE_FACTORISED) return PF_OK;
  if (b->kind == PF_BASELINE_COPULA) return fit_copula(b, rows, error);
  PF_TRY(pf_moments(rows, b->mean, b->factor, error));
  return factorise(b->factor, b->d, error);
}

pf_status pf_baseline_fit(pf_baseline_kind kind, pf_points rows, pf_baseline **out, pf_error *error) {
  pf_baseline *b = NULL;
  if (kind >= PF_BASELINE_COUNT)
    return pf_fail(error, PF_USAGE, "baseline number %d does not exist", (int)kind);
  PF_TRY(pf_points_check(rows, "training rows", error));
  if (rows.n < 2 || rows.n > UINT32_MAX)
    return pf_fail(error, PF_BAD_INPUT, "baseline: %zu training rows", rows.n);
  PF_TRY(pf_alloc(1, sizeof *b, &b, error));
  *b = (pf_baseline){.kind = kind, .n = rows.n, .d = rows.d};
  pf_status status = fit(b, rows, error);
  if (status == PF_OK)
    *out = b;
  else
    pf_baseline_free(b);
  return status;
}

/* z is scratch, d values. */
static void sample_row(const pf_baseline *b, pf_rng *rng, double *z, double *out) {
  if (b->kind == PF_BASELINE_FACTORISED) {
    for (size_t k = 0; k < b->d; k++) out[k] = b->columns[k * b->n + pf_rng_below(rng, (uint32_t)b->n)];
    return;
  }
  for (size_t k = 0; k < b->d; k++) z[k] = pf_rng_normal(rng);
  for (size_t k = 0; k < b->d; k++) {
    double g = 0;
    for (size_t l = 0; l < b->d; l++) g += b->factor[k * b->d + l] * z[l];
    size_t rank = (size_t)(normal_cdf(g) * (double)b->n);
    if (b->kind == PF_BASELINE_GAUSSIAN)
      out[k] = b->mean[k] + g;
    else
      out[k] = b->columns[k * b->n + (rank < b->n ? rank : b->n - 1)];
  }
}

pf_status pf_baseline_sample(const pf_baseline *b, uint64_t seed, uint64_t first, size_t n, double *out,
                             pf_error *error) {
  double *z;
  PF_TRY(pf_alloc(b->d, sizeof *z, &z, error));
  for (size_t i = 0; i < n; i++) {
    pf_rng rng = pf_rng_at(seed, PF_STREAM_METRIC, PF_DRAW_BASELINE, first + i);
    sample_row(b, &rng, z, out + i * b->d);
  }
  pf_free(z);
  return PF_OK;
}

size_t pf_baseline_columns(const pf_baseline *b) { return b->d; }

void pf_baseline_free(pf_baseline *b) {
  if (b == NULL) return;
  pf_free(b->columns);
  pf_free(b->mean);
  pf_free(b->factor);
  pf_free(b);
}
