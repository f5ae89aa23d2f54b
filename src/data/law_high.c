/* d-dimensional laws: products, random embeddings, the funnel. (two-mode and gauss: law_mixture.c; the sphere:
 * law_polar.c)
 */
#include <math.h>
#include <string.h>
#include "../base/memory.h"
#include "law_internal.h"

enum { MAX_D = 512 };
static const double LOG_2PI = 1.8378770664093454836;

/* ---- product: k independent copies, one after the other in a row ---- */

typedef struct product {
  pf_law *factor;
  int copies;
} product;

static void free_product(void *state) { pf_law_free(((product *)state)->factor); }

static void draw_product(const pf_law *law, pf_rng *rng, double *x) {
  const product *p = law->state;
  for (int i = 0; i < p->copies; i++) p->factor->draw(p->factor, rng, x + i * p->factor->d);
}

static double log_p_product(const pf_law *law, const double *x) {
  const product *p = law->state;
  double sum = 0;
  for (int i = 0; i < p->copies; i++) sum += p->factor->log_p(p->factor, x + i * p->factor->d);
  return sum;
}

static double entropy_product(const pf_law *law) {
  const product *p = law->state;
  double entropy;
  pf_law_entropy(p->factor, &entropy);
  return p->copies * entropy;
}

pf_status pf_law_build_product(pf_law *law, const double *args, const pf_law_keys *keys, pf_error *error) {
  (void)args;
  int copies = 2;
  PF_TRY(pf_law_key_integer(keys, "k", 1, 64, &copies, error));
  product *p = NULL;
  PF_TRY(pf_law_set_state(law, sizeof *p, free_product, &p, error));
  p->copies = copies;
  PF_TRY(pf_law_create(pf_law_key_text(keys, "law", "moons"), &p->factor, error));
  const pf_law *factor = p->factor;
  int inner = factor->d, d = inner * copies;
  if (d > MAX_D)
    return pf_fail(error, PF_USAGE, "law product: %d x %d dimensions, at most %d", copies, inner, MAX_D);
  PF_TRY(pf_law_set_dimension(law, d, error));
  for (int i = 0; i < d; i++) {
    law->mean[i] = factor->mean[i % inner];
    for (int j = 0; j < inner; j++)
      law->covariance[i * d + i / inner * inner + j] = factor->covariance[i % inner * inner + j];
  }
  law->find_entropy = entropy_product;
  law->board = factor->board;
  law->draw = draw_product;
  law->log_p = factor->log_p ? log_p_product : NULL;
  return PF_OK;
}

/* ---- embedding: Q x + sigma N, Q a random D x d matrix with orthonormal columns ---- */

typedef struct embedding {
  pf_law *inner;
  double sigma;
  double *q; /* d x D: row i is column i of Q */
} embedding;

static void free_embedding(void *state) {
  embedding *e = state;
  pf_law_free(e->inner);
  pf_free(e->q);
}

/* out [D] = Q x */
static void lift(const embedding *e, int D, const double *x, double *out) {
  for (int j = 0; j < D; j++) {
    out[j] = 0;
    for (int i = 0; i < e->inner->d; i++) out[j] += e->q[i * D + j] * x[i];
  }
}

static void draw_embedding(const pf_law *law, pf_rng *rng, double *x) {
  const embedding *e = law->state;
  double inner[MAX_D];
  e->inner->draw(e->inner, rng, inner);
  lift(e, law->d, inner, x);
  for (int j = 0; j < law->d; j++) x[j] += e->sigma * pf_rng_normal(rng);
}

static double log_p_embedding(const pf_law *law, const double *x) {
  return pf_mixture_log_density(law->mixture, x);
}

/* Gram-Schmidt, twice, on normal draws of (seed, law stream, step 1). */
static pf_status random_frame(embedding *e, int D, uint64_t seed, pf_error *error) {
  int d = e->inner->d;
  PF_TRY(pf_alloc((size_t)d * (size_t)D, sizeof(double), &e->q, error));
  pf_rng rng = pf_rng_at(seed, PF_STREAM_LAW, 1, 0);
  for (int i = 0; i < d * D; i++) e->q[i] = pf_rng_normal(&rng);
  for (int i = 0; i < d; i++) {
    double *row = e->q + i * D, norm = 0;
    for (int pass = 0; pass < 2; pass++)
      for (int k = 0; k < i; k++) {
        double dot = 0;
        for (int j = 0; j < D; j++) dot += row[j] * e->q[k * D + j];
        for (int j = 0; j < D; j++) row[j] -= dot * e->q[k * D + j];
      }
    for (int j = 0; j < D; j++) norm += row[j] * row[j];
    for (int j = 0; j < D; j++) row[j] /= sqrt(norm);
  }
  return PF_OK;
}

/* out [D x D] = Q sigma Q^T + variance I */
static void lift_covariance(const embedding *e, int D, const double *sigma, double *out) {
  int d = e->inner->d;
  for (int a = 0; a < D; a++)
    for (int b = 0; b <= a; b++) {
      double sum = a == b ? e->sigma * e->sigma : 0;
      for (int i = 0; i < d; i++)
        for (int j = 0; j < d; j++) sum += e->q[i * D + a] * sigma[i * d + j] * e->q[j * D + b];
      out[a * D + b] = out[b * D + a] = sum;
    }
}

/* Covariance number c of a mixture as a full matrix. */
static void full_covariance(const pf_mixture *m, int c, double *out) {
  int d = m->d;
  for (int i = 0; i < d; i++)
    for (int j = 0; j < d; j++) {
      double sum = 0;
      if (m->kind == PF_COVARIANCE_FULL)
        for (int e = 0; e < d; e++)
          sum += m->cholesky[(c * d + i) * d + e] * m->cholesky[(c * d + j) * d + e];
      else if (i == j)
        sum = m->eigenvalues[c * m->eigenvalue_count + (m->eigenvalue_count == 1 ? 0 : i)];
      out[i * d + j] = sum;
    }
}

/* An embedded mixture is a mixture in D dimensions: gives the law its density. */
static pf_status embed_mixture(pf_law *law, const embedding *e, pf_error *error) {
  const pf_mixture *m = e->inner->mixture;
  int D = law->d, d = m->d;
  double *means = NULL, *covariance = NULL, *inner = NULL;
  pf_status status = PF_OK;
  PF_TRY_GOTO(pf_alloc((size_t)m->components * (size_t)D, sizeof(double), &means, error));
  PF_TRY_GOTO(pf_alloc((size_t)m->covariances * (size_t)(D * D), sizeof(double), &covariance, error));
  PF_TRY_GOTO(pf_alloc((size_t)(d * d), sizeof(double), &inner, error));
  for (int k = 0; k < m->components; k++) lift(e, D, m->means + k * d, means + k * D);
  for (int c = 0; c < m->covariances; c++) {
    full_covariance(m, c, inner);
    lift_covariance(e, D, inner, covariance + (int64_t)c * D * D);
  }
  pf_mixture_spec spec = {m->components,  D,         m->weights, means, PF_COVARIANCE_FULL,
                          m->covariances, covariance};
  PF_TRY_GOTO(pf_mixture_create(&spec, &law->mixture, error));
  law->log_p = log_p_embedding;
cleanup:
  pf_free(means);
  pf_free(covariance);
  pf_free(inner);
  return status;
}

pf_status pf_law_build_embed(pf_law *law, const double *args, const pf_law_keys *keys, pf_error *error) {
  (void)args;
  int D = 10, seed = 1;
  double sigma = .05;
  PF_TRY(pf_law_key_integer(keys, "D", 1, MAX_D, &D, error));
  PF_TRY(pf_law_key_integer(keys, "seed", 0, INT32_MAX, &seed, error));
  PF_TRY(pf_law_key_number(keys, "sigma", 1e-6, 1e6, &sigma, error));
  embedding *e = NULL;
  PF_TRY(pf_law_set_state(law, sizeof *e, free_embedding, &e, error));
  e->sigma = sigma;
  PF_TRY(pf_law_create(pf_law_key_text(keys, "law", "moons"), &e->inner, error));
  if (e->inner->d > D)
    return pf_fail(error, PF_USAGE, "law embed: D=%d is below the %d dimensions of %s", D, e->inner->d,
                   e->inner->spec);
  PF_TRY(random_frame(e, D, (uint64_t)seed, error));
  PF_TRY(pf_law_set_dimension(law, D, error));
  lift(e, D, e->inner->mean, law->mean);
  lift_covariance(e, D, e->inner->covariance, law->covariance);
  law->draw = draw_embedding;
  return e->inner->mixture ? embed_mixture(law, e, error) : PF_OK;
}

/* ---- funnel (Neal): x1 = 3 N, x_i = exp(x1/2) N ---- */

static void draw_funnel(const pf_law *law, pf_rng *rng, double *x) {
  x[0] = 3 * pf_rng_normal(rng);
  for (int i = 1; i < law->d; i++) x[i] = exp(x[0] / 2) * pf_rng_normal(rng);
}

static double log_p_funnel(const pf_law *law, const double *x) {
  double sum = 0;
  for (int i = 1; i < law->d; i++) sum += x[i] * x[i];
  return -0.5 * (law->d * LOG_2PI + x[0] * x[0] / 9 + (law->d - 1) * x[0] + sum * exp(-x[0])) - log(3);
}

pf_status pf_law_build_funnel(pf_law *law, const double *args, const pf_law_keys *keys, pf_error *error) {
  (void)args;
  int d = 5;
  PF_TRY(pf_law_key_integer(keys, "d", 1, MAX_D, &d, error));
  PF_TRY(pf_law_set_dimension(law, d, error));
  law->covariance[0] = 9;
  for (int i = 1; i < d; i++) law->covariance[i * d + i] = exp(4.5); /* E exp(x1) */
  law->entropy = 0.5 * d * (1 + LOG_2PI) + log(3);
  law->draw = draw_funnel;
  law->log_p = log_p_funnel;
  return PF_OK;
}
