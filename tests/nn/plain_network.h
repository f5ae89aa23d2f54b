/* F(t, s, x) and the two-time map for one row in plain double loops, written from the formulas of nn/network.h and of
 * arXiv 2405.05512 (not from the code): the oracle of the graph builders. A header of static functions. */
#ifndef PF_TESTS_NN_PLAIN_NETWORK_H
#define PF_TESTS_NN_PLAIN_NETWORK_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/rng.h"
#include "nn/network.h"

enum { PLAIN_WIDTH = 64 };

/* An array zeroed by pf_alloc; the test fails when there is no memory. */
static inline void *test_array(size_t count, size_t size) {
  void *out = NULL;
  assert_int_equal(pf_alloc(count, size, &out, NULL), PF_OK);
  return out;
}

static inline void must(pf_status status, const pf_error *error) {
  if (status != PF_OK) fail_msg("%s: %s", pf_status_name(status), error->message);
}

/* n normal numbers of deviation sd, the same for the same key. */
static inline void plain_normals(uint64_t key, double sd, size_t n, double *out) {
  pf_rng rng = pf_rng_at(key, PF_STREAM_TEST, 0, 0);
  for (size_t i = 0; i < n; i++) out[i] = sd * pf_rng_normal(&rng);
}

static inline const double *plain_piece(const pf_layout *layout, const double *p, const char *name) {
  const pf_parameter *item = pf_layout_find(layout, name);
  if (!item) fail_msg("the layout has no piece '%s'", name);
  return p + item->offset;
}

/* y += x W, W from x to */
static inline void plain_product(const double *w, int from, int to, const double *x, double *y) {
  for (int i = 0; i < from; i++)
    for (int j = 0; j < to; j++) y[j] += x[i] * w[i * to + j];
}

/* The same by a named weight of the network, over left^T W right for a spectral one. */
static inline void plain_linear(const pf_network_config *c, const double *w, int from, int to,
                                const double *x, double *y) {
  double product[PLAIN_WIDTH] = {0}, sigma = c->spectral ? 0 : 1;
  const double *left = w + from * to, *right = left + from;
  for (int i = 0; c->spectral && i < from; i++)
    for (int j = 0; j < to; j++) sigma += left[i] * w[i * to + j] * right[j];
  plain_product(w, from, to, x, product);
  for (int j = 0; j < to; j++) y[j] += product[j] / sigma;
}

/* u: cosines, then sines */
static inline void plain_features(const pf_network_config *c, double t, double *u) {
  for (int i = 0; i < c->frequencies; i++) {
    double w = c->frequencies > 1 ? exp(log(c->max_frequency) * i / (c->frequencies - 1)) : 1;
    u[i] = cos(w * M_PI * t / 2);
    u[c->frequencies + i] = sin(w * M_PI * t / 2);
  }
}

static inline void plain_times(const pf_network_config *c, const pf_layout *l, const double *p, double t,
                               double s, double *a) {
  double u[2 * PF_MAX_FREQUENCIES], v[2 * PF_MAX_FREQUENCIES];
  int n = 2 * c->frequencies;
  if (c->times < 1) return;
  plain_features(c, t, u);
  plain_linear(c, plain_piece(l, p, "time.weight"), n, c->width, u, a);
  if (c->times < 2) return;
  plain_features(c, s, v);
  for (int i = 0; i < n; i++) v[i] -= u[i];
  plain_linear(c, plain_piece(l, p, "second_time.weight"), n, c->width, v, a);
}

static inline double plain_unit(const pf_network_config *c, double a) {
  if (c->activation == PF_ACTIVATION_TANH) return 1 - 2 / (exp(2 * a) + 1);
  if (c->activation == PF_ACTIVATION_SOFTPLUS) return fmax(a, 0) + log1p(exp(-20 * fabs(a))) / 20;
  if (c->activation == PF_ACTIVATION_RELU) return a > 0 ? a : 0;
  if (c->activation == PF_ACTIVATION_LEAKY_RELU) return a > 0 ? a : a / 5;
  return a / (1 + exp(-a));
}

static inline void plain_network(const pf_network_config *c, const pf_layout *l, const double *p, double t,
                                 double s, const double *x, double *f) {
  double h[PLAIN_WIDTH] = {0}, a[PLAIN_WIDTH];
  memcpy(h, x, (size_t)c->inputs * sizeof *x);
  for (int layer = 0; layer < c->depth; layer++) {
    char name[40];
    snprintf(name, sizeof name, "layer%d.bias", layer);
    memcpy(a, plain_piece(l, p, name), (size_t)c->width * sizeof *a);
    snprintf(name, sizeof name, "layer%d.weight", layer);
    plain_linear(c, plain_piece(l, p, name), layer ? c->width : c->inputs, c->width, h, a);
    if (layer == 0) plain_times(c, l, p, t, s, a);
    for (int j = 0; j < c->width; j++) {
      h[j] = plain_unit(c, a[j]) + (c->residual && layer > 0 ? h[j] : 0);
    }
  }
  memcpy(f, plain_piece(l, p, "out.bias"), (size_t)c->outputs * sizeof *f);
  plain_linear(c, plain_piece(l, p, "out.weight"), c->width, c->outputs, h, f);
}

#endif
