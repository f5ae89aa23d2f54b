/* Velocities and their divergences in plain double loops with differences, and a flow's loss terms by the numeric
 * integrator: the oracle of flow/field and flow/unroll. A header of static functions. */
#ifndef PF_TESTS_FLOW_PLAIN_FIELD_H
#define PF_TESTS_FLOW_PLAIN_FIELD_H

#include "../nn/plain_network.h"
#include "flow/unroll.h"

enum { PLAIN_COLUMNS = 4 };

typedef struct plain_flow {
  pf_field field;
  pf_layout layout;
  double *p;
} plain_flow;

static inline plain_flow plain_flow_open(pf_field field, uint64_t key, double sd) {
  plain_flow f = {.field = field};
  pf_error error = {0};
  must(pf_field_layout(&field, &f.layout, &error), &error);
  f.p = test_array((size_t)f.layout.total, sizeof *f.p);
  plain_normals(key, sd, (size_t)f.layout.total, f.p);
  return f;
}

static inline void plain_flow_close(plain_flow *f) {
  pf_layout_free(&f->layout);
  pf_free(f->p);
}

static inline double plain_sigma(double a) { return fabs(a) + log1p(exp(-2 * fabs(a))); }

/* Phi of nn/potential.h, written from its formula. */
static inline double plain_potential(const plain_flow *f, double t, const double *x) {
  const pf_potential_config *c = &f->field.potential;
  int m = c->width, rows = c->inputs + 1, rank = c->rank ? c->rank : rows < 10 ? rows : 10;
  double s[PLAIN_COLUMNS + 1], u[PLAIN_WIDTH], a[PLAIN_WIDTH], sum = plain_piece(&f->layout, f->p, "c")[0];
  memcpy(s, x, (size_t)c->inputs * sizeof *x);
  s[c->inputs] = t;
  for (int layer = 0; layer <= c->layers; layer++) {
    char name[40];
    snprintf(name, sizeof name, "K%d.bias", layer);
    memcpy(a, plain_piece(&f->layout, f->p, name), (size_t)m * sizeof *a);
    snprintf(name, sizeof name, "K%d.weight", layer);
    plain_product(plain_piece(&f->layout, f->p, name), layer ? m : rows, m, layer ? u : s, a);
    for (int j = 0; j < m; j++) u[j] = layer ? u[j] + plain_sigma(a[j]) / c->layers : plain_sigma(a[j]);
  }
  const double *w = plain_piece(&f->layout, f->p, "w"), *b = plain_piece(&f->layout, f->p, "b");
  for (int j = 0; j < m; j++) sum += u[j] * w[j];
  for (int i = 0; i < rows; i++) sum += s[i] * b[i];
  memset(a, 0, sizeof a);
  plain_product(plain_piece(&f->layout, f->p, "A"), rows, rank, s, a);
  for (int j = 0; j < rank; j++) sum += a[j] * a[j] / 2;
  return sum;
}

/* First and second derivative of g along one coordinate from five values, g[2] in the middle. */
static inline double plain_slope(const double g[5], double h) {
  return (8 * (g[3] - g[1]) - (g[4] - g[0])) / (12 * h);
}
static inline double plain_curvature(const double g[5], double h) {
  return (16 * (g[3] + g[1]) - (g[4] + g[0]) - 30 * g[2]) / (12 * h * h);
}

/* Phi at five points along direction j (j = d: time). */
static inline void plain_line(const plain_flow *f, double t, const double *x, int j, double h, double g[5]) {
  int d = pf_field_columns(&f->field);
  for (int k = 0; k < 5; k++) {
    double moved[PLAIN_COLUMNS];
    memcpy(moved, x, (size_t)d * sizeof *x);
    if (j < d) moved[j] += (k - 2) * h;
    g[k] = plain_potential(f, j < d ? t : t + (k - 2) * h, moved);
  }
}

static inline void plain_velocity(const plain_flow *f, double t, const double *x, double *v) {
  int d = pf_field_columns(&f->field);
  if (f->field.kind == PF_FIELD_NETWORK) {
    plain_network(&f->field.network, &f->layout, f->p, t, t, x, v);
    return;
  }
  for (int j = 0; j < d; j++) {
    double g[5];
    plain_line(f, t, x, j, 1e-3, g);
    v[j] = -plain_slope(g, 1e-3);
  }
}

static inline double plain_time_slope(const plain_flow *f, double t, const double *x) {
  double g[5];
  plain_line(f, t, x, pf_field_columns(&f->field), 1e-3, g);
  return plain_slope(g, 1e-3);
}

/* e . (v(x + s e) - v(x)) / s */
static inline double plain_quotient(const plain_flow *f, double t, const double *x, const double *e,
                                    double s) {
  int d = pf_field_columns(&f->field);
  double beside[PLAIN_COLUMNS], v[PLAIN_COLUMNS], w[PLAIN_COLUMNS], sum = 0;
  for (int j = 0; j < d; j++) beside[j] = x[j] + s * e[j];
  plain_velocity(f, t, x, v);
  plain_velocity(f, t, beside, w);
  for (int j = 0; j < d; j++) sum += e[j] * (w[j] - v[j]) / s;
  return sum;
}

/* e . (dv/dx) e */
static inline double plain_probe(const plain_flow *f, double t, const double *x, const double *e) {
  const double h = 2e-3;
  double one = (plain_quotient(f, t, x, e, h) + plain_quotient(f, t, x, e, -h)) / 2;
  double two = (plain_quotient(f, t, x, e, 2 * h) + plain_quotient(f, t, x, e, -2 * h)) / 2;
  return (4 * one - two) / 3;
}

static inline double plain_divergence(const plain_flow *f, double t, const double *x, pf_divergence kind,
                                      const double *e, double width) {
  int d = pf_field_columns(&f->field);
  double sum = 0;
  if (kind == PF_DIVERGENCE_HUTCHINSON) return plain_probe(f, t, x, e);
  if (kind == PF_DIVERGENCE_DIFFERENCE) return plain_quotient(f, t, x, e, width);
  for (int j = 0; j < d; j++) {
    double unit[PLAIN_COLUMNS] = {0}, g[5];
    unit[j] = 1;
    if (f->field.kind == PF_FIELD_NETWORK) {
      sum += plain_probe(f, t, x, unit);
    } else {
      plain_line(f, t, x, j, 1e-2, g);
      sum -= plain_curvature(g, 1e-2);
    }
  }
  return sum;
}

/* ---- one row through the integrator ---- */

typedef struct plain_way {
  const plain_flow *flow;
  pf_ode_method method;
  int steps;
  double end; /* of r */
  pf_divergence divergence;
  double width;
  const double *probe; /* steps x d */
  int step;            /* the one under way */
} plain_way;

/* State: x, integral of div v, of |v|^2 / 2, of |-dPhi/dr + |v|^2 / 2|. */
static inline pf_status plain_rate(void *context, double r, const double *x, int64_t n, double *v,
                                   pf_error *error) {
  const plain_way *w = context;
  int d = pf_field_columns(&w->flow->field);
  (void)n;
  (void)error;
  plain_velocity(w->flow, r, x, v);
  v[d] = plain_divergence(w->flow, r, x, w->divergence, w->probe ? w->probe + w->step * d : NULL, w->width);
  v[d + 1] = 0;
  for (int j = 0; j < d; j++) v[d + 1] += v[j] * v[j] / 2;
  bool potential = w->flow->field.kind == PF_FIELD_POTENTIAL;
  v[d + 2] = potential ? fabs(v[d + 1] - plain_time_slope(w->flow, r, x)) : 0;
  return PF_OK;
}

/* state: d + 3, the row in its first d. */
static inline void plain_unroll(plain_way *w, double *state) {
  int d = pf_field_columns(&w->flow->field);
  pf_error error = {0};
  pf_ode_system system = {.field = plain_rate, .context = w, .n = 1, .d = d + 3};
  for (int k = 0; k < 3; k++) state[d + k] = 0;
  for (w->step = 0; w->step < w->steps; w->step++) {
    double h = w->end / w->steps, grid[] = {h * w->step, h * (w->step + 1)};
    must(pf_ode_fixed(w->method, &system, (pf_ode_grid){grid, 1}, state, NULL, &error), &error);
  }
}

#endif
