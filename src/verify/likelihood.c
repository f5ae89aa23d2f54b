/* Likelihood, inversion and agreement of integrators: see likelihood.h. */
#include "likelihood.h"

#include <math.h>
#include <string.h>
#include "../base/memory.h"
#include "../metrics/two_sample.h"

enum { MOST_ROWS = 20000, ADAPTIVE_ROWS = 2000, MMD_ROWS = 2000 };
static const double ADAPTIVE_TOLERANCE = 1e-5;

typedef struct work {
  const struct pf_model *model;
  pf_pool *pool;
  uint64_t seed;
  int64_t n;
  int d;
  const double *rows; /* n x d, the data's units */
  double *drawn;      /* owned when the rows are a law's */
  float *encoded;     /* n x d */
  double *log_p, *other, *z;
} work;

static pf_status open_rows(work *w, const pf_reference *reference, pf_error *error) {
  if (!reference->law) {
    w->n = reference->held->rows < MOST_ROWS ? reference->held->rows : MOST_ROWS;
    w->rows = reference->held->values;
    return PF_OK;
  }
  w->n = MOST_ROWS;
  PF_TRY(pf_alloc((size_t)w->n * (size_t)w->d, sizeof(double), &w->drawn, error));
  pf_law_sample(reference->law, w->seed, 0, w->n, w->drawn);
  w->rows = w->drawn;
  return PF_OK;
}

static pf_status open_work(work *w, const pf_reference *reference, pf_error *error) {
  PF_TRY(open_rows(w, reference, error));
  size_t n = (size_t)w->n, items = n * (size_t)w->d;
  PF_TRY(pf_alloc(items, sizeof(float), &w->encoded, error));
  PF_TRY(pf_alloc(items, sizeof(double), &w->z, error));
  PF_TRY(pf_alloc(n, sizeof(double), &w->log_p, error));
  PF_TRY(pf_alloc(n, sizeof(double), &w->other, error));
  pf_encoder_encode(w->model->encoder, w->rows, w->n, w->seed, 0, w->encoded);
  return PF_OK;
}

static pf_follow follow_of(const work *w, double tolerance) {
  return (pf_follow){.tolerance = tolerance, .seed = w->seed, .pool = w->pool};
}

static void mean_and_error(const double *x, int64_t n, double *mean, double *error) {
  double sum = 0, square = 0;
  for (int64_t i = 0; i < n; i++) sum += x[i] / (double)n;
  for (int64_t i = 0; i < n; i++) square += (x[i] - sum) * (x[i] - sum);
  *mean = sum;
  *error = sqrt(square / (double)(n > 1 ? n - 1 : 1) / (double)n);
}

static pf_status measure_nll(const work *w, pf_likelihood *out, pf_error *error) {
  pf_follow follow = follow_of(w, 0);
  PF_TRY(pf_model_follow(w->model, &follow, w->n, w->rows, w->z, w->log_p, &out->evaluations, error));
  double encoder = 0, encoder_error = 0;
  mean_and_error(w->log_p, w->n, &out->nll, &out->nll_error);
  out->nll = -out->nll;
  pf_encoder_log_det(w->model->encoder, w->rows, w->encoded, w->n, w->other);
  mean_and_error(w->other, w->n, &encoder, &encoder_error);
  out->encoded_nll = out->nll + encoder;
  return PF_OK;
}

/* Row by row: what makes a row unlikely for both cancels. */
static void measure_kl(const work *w, const pf_law *law, pf_likelihood *out) {
  if (!law || !pf_law_log_density(law, w->rows, w->n, w->other)) return;
  for (int64_t i = 0; i < w->n; i++) w->other[i] -= w->log_p[i];
  mean_and_error(w->other, w->n, &out->kl, &out->kl_error);
}

static pf_status measure_adaptive(const work *w, pf_likelihood *out, pf_error *error) {
  pf_follow follow = follow_of(w, ADAPTIVE_TOLERANCE);
  int64_t n = w->n < ADAPTIVE_ROWS ? w->n : ADAPTIVE_ROWS;
  double mean_error = 0, fixed = 0;
  PF_TRY(pf_model_follow(w->model, &follow, n, w->rows, NULL, w->other, &out->adaptive_evaluations, error));
  out->largest_difference = 0;
  for (int64_t i = 0; i < n; i++) {
    double difference = fabs(w->other[i] - w->log_p[i]);
    if (!(difference <= out->largest_difference)) out->largest_difference = difference;
  }
  mean_and_error(w->other, n, &out->adaptive_nll, &mean_error);
  mean_and_error(w->log_p, n, &fixed, &mean_error);
  out->adaptive_nll =
      out->nll - (out->adaptive_nll - fixed); /* on all rows: the mean difference of those compared */
  return PF_OK;
}

/* w->z holds the rows' noise. */
static pf_status measure_inverse(const work *w, pf_likelihood *out, pf_error *error) {
  pf_cnf_move back = {.direction = PF_CNF_TO_DATA};
  PF_TRY(pf_cnf_rows(w->model->flow, &back, (pf_rows){0, w->n}, w->z, NULL, NULL, w->pool, error));
  double mean = 0, square = 0;
  for (int64_t i = 0; i < w->n; i++) {
    double r2 = 0;
    for (int j = 0; j < w->d; j++) {
      double e = w->z[i * w->d + j] - w->encoded[i * w->d + j];
      r2 += e * e;
    }
    mean += sqrt(r2) / (double)w->n;
    square += r2 / (double)w->n;
  }
  out->inverse_mean = mean;
  out->inverse_rms = sqrt(square);
  return PF_OK;
}

static pf_status measure_mmd(const work *w, pf_likelihood *out, pf_error *error) {
  static const double bandwidth = 0.70710678118654752440; /* exp(-r^2) */
  int64_t n = w->n / 2 < MMD_ROWS ? w->n / 2 : MMD_ROWS;
  size_t items = (size_t)n * (size_t)w->d;
  float *noise = NULL;
  double *real = NULL;
  if (n < 2) return PF_OK;
  PF_TRY(pf_alloc(items, sizeof(float), &noise, error));
  pf_status status = pf_alloc(3 * items, sizeof(double), &real, error);
  if (status == PF_OK) {
    pf_points a = {real, (size_t)n, (size_t)w->d}, b = {real + items, (size_t)n, (size_t)w->d};
    pf_points model = {real + 2 * items, (size_t)n, (size_t)w->d};
    pf_kernel kernel = {&bandwidth, 1};
    pf_cnf_move back = {.direction = PF_CNF_TO_DATA};
    pf_model_prior(w->model, w->seed, (pf_rows){0, n}, noise);
    for (size_t i = 0; i < 2 * items; i++) real[i] = w->encoded[i];
    for (size_t i = 0; i < items; i++) real[2 * items + i] = noise[i];
    status =
        pf_cnf_rows(w->model->flow, &back, (pf_rows){0, n}, real + 2 * items, NULL, NULL, w->pool, error);
    if (status == PF_OK) status = pf_mmd2(model, a, kernel, w->pool, &out->mmd, error);
    if (status == PF_OK) status = pf_mmd2(b, a, kernel, w->pool, &out->mmd_floor, error);
  }
  pf_free(noise);
  pf_free(real);
  return status;
}

pf_status pf_likelihood_measure(const struct pf_model *model, const pf_reference *reference, uint64_t seed,
                                pf_pool *pool, pf_likelihood *out, pf_error *error) {
  work w = {.model = model, .pool = pool, .seed = seed, .d = model->columns};
  pf_likelihood l = {
      .has_density = true, .entropy = NAN, .kl = NAN, .kl_error = NAN, .mmd = NAN, .mmd_floor = NAN};
  pf_status status = open_work(&w, reference, error);
  l.rows = w.n;
  if (status == PF_OK && reference->law) pf_law_entropy(reference->law, &l.entropy);
  if (status == PF_OK) status = measure_nll(&w, &l, error);
  if (status == PF_OK) measure_kl(&w, reference->law, &l);
  if (status == PF_OK) status = measure_adaptive(&w, &l, error);
  if (status == PF_OK) status = measure_inverse(&w, &l, error);
  if (status == PF_OK) status = measure_mmd(&w, &l, error);
  if (status == PF_OK) *out = l;
  pf_free(w.drawn);
  pf_free(w.encoded);
  pf_free(w.log_p);
  pf_free(w.other);
  pf_free(w.z);
  return status;
}
