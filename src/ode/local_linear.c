/* The local linearisation step x + h f + h^2 phi_2(h J) w, w = f_t + J f (contract and simplifications: solver.h).
 *
 *   d columns, m = min(d, 4)
 *   V [m] arrays of n x d    Arnoldi's basis of span{w, J w, .., J^(m-1) w}, row by row
 *   H [n x m x m]            V^T J V, so that phi_2(h J) w is about |w| V phi_2(h H) e_1
 *   h^2 phi_2(h H) e_1       top of the last column of exp(h [H e_1 0; 0 0 1; 0 0 0]) (Al-Mohy and Higham 2011, theorem 2.1)
 */
#include <float.h>
#include <math.h>
#include <string.h>
#include "../base/canary.h"
#include "ode_internal.h"
#include "solver.h"

enum { M = PF_SOLVER_KRYLOV, P = M + 2, TAYLOR = 14 };

/* The arrays of one step. */
typedef struct arrays {
  int64_t n;
  int d, m;
  double difference;     /* sqrt(noise) */
  double *f, *y, *g, *V; /* V: m arrays */
  double *H, *length;    /* n x m x m and n: |w| */
  const pf_ode_run *run;
} arrays;

static int dimensions(int d) { return d < M ? d : M; }

int pf_local_linear_blocks(int d) {
  int m = dimensions(d);
  return 3 + m + (m * m + 1 + d - 1) / d;
}

static arrays cut(const pf_ode_run *r) {
  const pf_solver_options *how = r->rule;
  arrays a = {.n = r->system->n, .d = r->system->d, .m = dimensions(r->system->d), .run = r};
  a.difference = sqrt(how->noise > 0 ? how->noise : DBL_EPSILON);
  a.f = r->block;
  a.y = a.f + r->size;
  a.g = a.y + r->size;
  a.V = a.g + r->size;
  a.H = a.V + (size_t)a.m * r->size;
  a.length = a.H + a.n * a.m * a.m;
  return a;
}

static double dot(const double *a, const double *b, int d) {
  double sum = 0;
  for (int i = 0; i < d; i++) sum += a[i] * b[i];
  return sum;
}

/* ---- exp of a small matrix ---- */

typedef double small[P][P];

static void multiply(int p, small a, small b, small out) {
  small sum = {{0}};
  for (int i = 0; i < p; i++)
    for (int k = 0; k < p; k++)
      for (int j = 0; j < p; j++) sum[i][j] += a[i][k] * b[k][j];
  memcpy(out, sum, sizeof sum);
}

/* e = exp(a) by Taylor's series of a / 2^s, |a / 2^s| <= 1/2, squared s times. What is not finite stays so. */
static void exponential(int p, small a, small e) {
  double norm = 0;
  int s = 0;
  for (int i = 0; i < p; i++) {
    double row = 0;
    for (int j = 0; j < p; j++) row += fabs(a[i][j]);
    norm = row <= norm ? norm : row;
  }
  if (isfinite(norm) && norm > 0.5) s = (int)ceil(log2(2 * norm));
  for (int i = 0; i < p; i++)
    for (int j = 0; j < p; j++) {
      a[i][j] = ldexp(a[i][j], -s);
      e[i][j] = i == j;
    }
  for (int k = TAYLOR; k >= 1; k--) {
    multiply(p, a, e, e);
    for (int i = 0; i < p; i++)
      for (int j = 0; j < p; j++) e[i][j] = (i == j) + e[i][j] / k;
  }
  for (int k = 0; k < s; k++) multiply(p, e, e, e);
}

/* c [m] = h^2 phi_2(h H) e_1 */
static void phi_column(const double *H, int m, double h, double *c) {
  small a = {{0}}, e;
  for (int i = 0; i < m; i++)
    for (int j = 0; j < m; j++) a[i][j] = h * H[i * m + j];
  a[0][m] = h;
  a[m][m + 1] = h;
  exponential(m + 2, a, e);
  for (int i = 0; i < m; i++) c[i] = e[i][m + 1];
}

/* ---- the Krylov space ---- */

/* V_0 = w / |w|, from the field a short way along its own path. */
static pf_status begin(const arrays *a, double t, double h, pf_error *error) {
  const double *x = a->run->state;
  double step = copysign(fmin(a->difference, fabs(h)), h);
  for (size_t e = 0; e < a->run->size; e++) a->y[e] = x[e] + step * a->f[e];
  PF_TRY(pf_ode_evaluate(a->run, t + step, a->y, a->V, error));
  for (int64_t i = 0; i < a->n; i++) {
    double *w = a->V + i * a->d;
    for (int j = 0; j < a->d; j++) w[j] = (w[j] - a->f[i * a->d + j]) / step;
    a->length[i] = sqrt(dot(w, w, a->d));
    for (int j = 0; j < a->d && a->length[i] > 0; j++) w[j] /= a->length[i];
  }
  return PF_OK;
}

static double increment(const arrays *a, int64_t row) {
  const double *x = a->run->state + row * a->d;
  return a->difference * fmax(1, sqrt(dot(x, x, a->d)));
}

/* g is J V_k of one row: its column of H, and V_(k+1). A direction that rounding alone points in ends the space. */
static void orthogonalise(const arrays *a, int64_t row, int k, double *g) {
  double *H = a->H + row * a->m * a->m, whole = sqrt(dot(g, g, a->d));
  for (int i = 0; i <= k; i++) {
    const double *v = a->V + (size_t)i * a->run->size + row * a->d;
    H[i * a->m + k] = dot(v, g, a->d);
    for (int j = 0; j < a->d; j++) g[j] -= H[i * a->m + k] * v[j];
  }
  if (k + 1 == a->m) return;
  double rest = sqrt(dot(g, g, a->d)), *next = a->V + (size_t)(k + 1) * a->run->size + row * a->d;
  bool ends = rest <= a->difference * whole;
  H[(k + 1) * a->m + k] = ends ? 0 : rest;
  for (int j = 0; j < a->d; j++) next[j] = ends ? 0 : g[j] / rest;
}

static pf_status extend(const arrays *a, double t, int k, pf_error *error) {
  const double *x = a->run->state, *v = a->V + (size_t)k * a->run->size;
  for (int64_t i = 0; i < a->n; i++) {
    double step = increment(a, i);
    for (int64_t e = i * a->d; e < (i + 1) * a->d; e++) a->y[e] = x[e] + step * v[e];
  }
  PF_TRY(pf_ode_evaluate(a->run, t, a->y, a->g, error));
  for (int64_t i = 0; i < a->n; i++) {
    double step = increment(a, i), *g = a->g + i * a->d;
    for (int j = 0; j < a->d; j++) g[j] = (g[j] - a->f[i * a->d + j]) / step;
    orthogonalise(a, i, k, g);
  }
  return PF_OK;
}

pf_status pf_local_linear_step(const pf_ode_run *r, double t, double s, pf_error *error) {
  const arrays a = cut(r);
  const double h = s - t;
  memset(a.H, 0, (size_t)(a.n * a.m * a.m) * sizeof *a.H);
  PF_TRY(pf_ode_evaluate(r, t, r->state, a.f, error));
  PF_TRY(begin(&a, t, h, error));
  for (int k = 0; k < a.m; k++) PF_TRY(extend(&a, t, k, error));
  for (int64_t i = 0; i < a.n; i++) {
    double c[M], *x = r->state + i * a.d;
    phi_column(a.H + i * a.m * a.m, a.m, h, c);
    for (int j = 0; j < a.d; j++) x[j] += h * a.f[i * a.d + j];
    for (int k = 0; k < a.m; k++) {
      const double weight = PF_CANARY(LOCAL_LINEAR, 1, 1.001) * a.length[i] * c[k];
      const double *v = a.V + (size_t)k * r->size + i * a.d;
      for (int j = 0; j < a.d; j++) x[j] += weight * v[j];
    }
  }
  return PF_OK;
}
