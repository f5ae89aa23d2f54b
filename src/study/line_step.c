/* JKO steps on the line by Newton's method: see line_step.h. */
#include "line_step.h"

#include <float.h>
#include <math.h>
#include <string.h>
#include "../base/canary.h"
#include "../base/memory.h"
#include "flows.h"

/* The outermost nodes miss what lies beyond them, 1e-12 of the mass. */
static const double REACH = 7;

static double spacing(const pf_line_energy *e) { return 2 * REACH / (e->nodes - 1); }

static double phi(double u) { return exp(-0.5 * u * u) / sqrt(2 * M_PI); }

double pf_line_step_node(const pf_line_energy *e, int i) { return -REACH + spacing(e) * i; }

/* The tails that the grid leaves out are 3e-12. */
double pf_line_step_weight(const pf_line_energy *e, int i) {
  return spacing(e) * phi(pf_line_step_node(e, i)) / (1 - 2 * pf_flows_normal_cdf(-REACH));
}

double pf_line_step_distance(const pf_line_energy *e, const double *a, const double *b) {
  double sum = 0;
  for (int i = 0; i < e->nodes; i++) sum += pf_line_step_weight(e, i) * (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

/* ---- the objective ---- */

/* A cell's energy as a function of its width g, with two derivatives. */
typedef struct curve {
  double value, first, second;
} curve;

static curve cell_energy(const pf_line_energy *e, int i, double g) {
  double du = spacing(e), density = phi(pf_line_step_node(e, i) + du / 2), mass = density * du;
  if (e->porous) {
    double value = mass * mass / g;
    return (curve){value, -value / g, 2 * value / (g * g)};
  }
  return (curve){mass * (log(mass) - log(g)), -mass / g, mass / (g * g)};
}

static curve potential(const pf_line_energy *e, double x) {
  double l = e->lambda, k = e->kappa;
  return (curve){l * x * x / 2 + k * x * x * x * x / 4, l * x + k * x * x * x, l + 3 * k * x * x};
}

double pf_line_energy_of(const pf_line_energy *e, const double *z) {
  double sum = 0;
  for (int i = 0; i < e->nodes; i++) sum += pf_line_step_weight(e, i) * potential(e, z[i]).value;
  for (int i = 0; i + 1 < e->nodes; i++) sum += cell_energy(e, i, z[i + 1] - z[i]).value;
  return sum;
}

typedef struct problem {
  const pf_line_energy *energy;
  double inverse_h; /* 0: no proximal term */
  const double *push, *from;
  double *gradient, *diagonal, *beside, *direction, *trial;
} problem;

static double push_at(const problem *p, int i) { return p->push ? p->push[i] : 0; }

static double objective(const problem *p, const double *z) {
  double sum = pf_line_energy_of(p->energy, z);
  for (int i = 0; i < p->energy->nodes; i++) {
    double moved = z[i] - p->from[i];
    sum += pf_line_step_weight(p->energy, i) * (moved * moved * p->inverse_h / 2 - push_at(p, i) * z[i]);
  }
  return sum;
}

/* Gradient and the tridiagonal Hessian; the norm of the gradient as a function of L2. */
static double differentiate(problem *p, const double *z) {
  const pf_line_energy *e = p->energy;
  double norm = 0;
  for (int i = 0; i < e->nodes; i++) {
    double w = pf_line_step_weight(e, i);
    curve v = potential(e, z[i]);
    p->gradient[i] = w * (v.first + (z[i] - p->from[i]) * p->inverse_h - push_at(p, i));
    p->diagonal[i] = w * (v.second + p->inverse_h);
  }
  for (int i = 0; i + 1 < e->nodes; i++) {
    curve c = cell_energy(e, i, z[i + 1] - z[i]);
    p->gradient[i] -= c.first;
    p->gradient[i + 1] += c.first;
    p->diagonal[i] += c.second;
    p->diagonal[i + 1] += c.second;
    p->beside[i] = -c.second;
  }
  for (int i = 0; i < e->nodes; i++) norm += p->gradient[i] * p->gradient[i] / pf_line_step_weight(e, i);
  return sqrt(norm);
}

/* direction <- - Hessian^-1 gradient, by elimination; returns the slope of the objective along it. */
static double newton_direction(problem *p) {
  int n = p->energy->nodes;
  double slope = 0;
  for (int i = 0; i < n; i++) p->direction[i] = -p->gradient[i];
  for (int i = 1; i < n; i++) {
    double factor = p->beside[i - 1] / p->diagonal[i - 1];
    p->diagonal[i] -= factor * p->beside[i - 1];
    p->direction[i] -= factor * p->direction[i - 1];
  }
  p->direction[n - 1] /= p->diagonal[n - 1];
  for (int i = n - 2; i >= 0; i--)
    p->direction[i] = (p->direction[i] - p->beside[i] * p->direction[i + 1]) / p->diagonal[i];
  for (int i = 0; i < n; i++) slope += p->gradient[i] * p->direction[i];
  return slope;
}

static bool increases(const double *z, int n) {
  for (int i = 0; i + 1 < n; i++)
    if (!(z[i + 1] > z[i])) return false;
  return true;
}

/* Halves the step until the map increases and the objective falls as it should; once the fall is of the size of rounding any
 * step that increases will do. */
static void line_search(problem *p, double slope, double *z) {
  int n = p->energy->nodes;
  double before = objective(p, z), rounding = 1e-13 * (1 + fabs(before)), share = 1;
  for (int k = 0; k < 60; k++, share /= 2) {
    for (int i = 0; i < n; i++) p->trial[i] = z[i] + share * p->direction[i];
    if (!increases(p->trial, n) || !(objective(p, p->trial) <= before + 1e-4 * share * slope + rounding))
      continue;
    memcpy(z, p->trial, (size_t)n * sizeof *z);
    return;
  }
}

static pf_status minimise(problem *p, double *z, pf_error *error) {
  enum { MOST = 400 };
  double norm = INFINITY, best = INFINITY;
  for (int k = 0; k < MOST; k++) {
    norm = differentiate(p, z);
    if (norm < 1e-9 && !(norm < best / 2)) return PF_OK; /* rounding is reached */
    best = fmin(best, norm);
    line_search(p, newton_direction(p), z);
  }
  if (norm < 1e-9) return PF_OK;
  return pf_fail(error, PF_FAILED, "Newton's method left a gradient of %g after %d steps", norm, MOST);
}

pf_status pf_line_step(const pf_line_energy *e, double h, const double *push, double *z, pf_error *error) {
  if (e->nodes < 8 || e->nodes > PF_LINE_STEP_NODES)
    return pf_fail(error, PF_USAGE, "%d nodes on the line, must be 8 to %d", e->nodes, PF_LINE_STEP_NODES);
  size_t n = (size_t)e->nodes;
  double *memory = NULL;
  PF_TRY(pf_alloc(6 * n, sizeof *memory, &memory, error));
  problem p = {.energy = e,
               .inverse_h = PF_CANARY(LINE_STEP_PROXIMAL, 1, 2) / h,
               .push = push,
               .from = memory,
               .gradient = memory + n,
               .diagonal = memory + 2 * n,
               .beside = memory + 3 * n,
               .direction = memory + 4 * n,
               .trial = memory + 5 * n};
  memcpy(memory, z, n * sizeof *z);
  pf_status status = minimise(&p, z, error);
  pf_free(memory);
  return status;
}

/* ---- closed forms ---- */

/* Distribution function of e^-V / Z at the ends of fine cells of [-reach, reach], by Simpson's rule. */
enum { FINE = 20000 };
static const double FINE_REACH = 12;

static double fine_node(double i) { return -FINE_REACH + 2 * FINE_REACH * i / FINE; }

static double gibbs(const pf_line_energy *e, double i) { return exp(-potential(e, fine_node(i)).value); }

static void gibbs_minimiser(const pf_line_energy *e, double *z) {
  static const double width = 2 * FINE_REACH / FINE;
  double total = 0, sum = 0, cell = 0;
  for (int i = 0; i < FINE; i++) total += width / 6 * (gibbs(e, i) + 4 * gibbs(e, i + 0.5) + gibbs(e, i + 1));
  /* the law is symmetric: the lower half from below, where probabilities are small and exact */
  for (int k = 0, i = -1; k <= e->nodes / 2; k++) {
    double p = pf_flows_normal_cdf(pf_line_step_node(e, k)) * total;
    while (i < FINE - 1 && sum + cell < p) {
      sum += cell;
      i++;
      cell = width / 6 * (gibbs(e, i) + 4 * gibbs(e, i + 0.5) + gibbs(e, i + 1));
    }
    /* within the cell the density is linear to second order: two steps of a secant */
    double share = (p - sum) / cell;
    for (int step = 0; step < 8; step++) {
      double part = share * width / 6 * (gibbs(e, i) + 4 * gibbs(e, i + share / 2) + gibbs(e, i + share));
      share += (p - sum - part) / (width * gibbs(e, i + share));
    }
    z[k] = fine_node(i + share);
    z[e->nodes - 1 - k] = -z[k];
  }
}

/* p = lambda (R^2 - x^2)/4 on [-R, R], R^3 = 3/lambda; the mass from -R to -R + s is lambda (R s^2 - s^3/3)/4. */
static void barenblatt_minimiser(const pf_line_energy *e, double *z) {
  double l = e->lambda, radius = cbrt(3 / l);
  for (int k = 0; k <= e->nodes / 2; k++) {
    double p = pf_flows_normal_cdf(pf_line_step_node(e, k)), s = sqrt(4 * p / (l * radius));
    for (int step = 0; step < 50; step++)
      s -= (l * (radius * s * s - s * s * s / 3) / 4 - p) / (l * (2 * radius * s - s * s) / 4);
    z[k] = s - radius;
    z[e->nodes - 1 - k] = -z[k];
  }
}

void pf_line_minimiser(const pf_line_energy *e, double *z) {
  if (e->porous)
    barenblatt_minimiser(e, z);
  else
    gibbs_minimiser(e, z);
}
