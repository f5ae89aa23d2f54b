/* Sinkhorn's iteration, stabilised by absorption.
 *
 *   minimise <P, C> + eps sum P log P   over plans with row sums a and column sums b;
 *   P_ij = exp(phi_i + psi_j - c_ij / eps),  f = eps phi, g = eps psi
 *
 *   logarithmic step   psi_j = log b_j - log sum_i exp(phi_i - c_ij / eps), then phi_i likewise from psi
 *   scaling step       beta = b / (K' alpha), alpha = a / (K beta) with K_ij = exp(phi_i + psi_j - c_ij / eps) kept
 *
 * Cuturi, NIPS 2013; Schmitzer, SIAM J. Sci. Comput. 41 (2019), section 3.1: both steps are the same map, and a scaling
 * step costs one pass over K and no exponential. alpha and beta stay within 1e+-100, else a logarithmic step is made
 * from their logarithms and K made anew (absorption): then what underflows in K is below 1e-100 of the sums it is
 * missing from. A row of K is summed and added to the column sums while it is in cache, so the error of the column
 * sums after a step is known when the step ends. */
#include "ot/sinkhorn.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/canary.h"
#include "base/memory.h"
#include "ot/sinkhorn_kernel.h"

static const double ABSORB_ABOVE = 1e100, LARGEST_RATIO = 1e12;
enum { SCALING_ITERATIONS = 10 };

typedef struct sinkhorn_work {
  pf_cost_rows costs;
  size_t n, m, padded;
  double scale;         /* 1 / eps */
  double *a, *b;        /* weights: n (rounded up to whole row blocks), m */
  double *phi, *psi;    /* n, padded (-inf past m) */
  double *alpha, *beta; /* the same sizes; 0 past m */
  double *sum;          /* padded: column sums of diag(alpha) K, or of exp() in a logarithmic step */
  double *top;          /* padded */
  double *kernel;       /* rows x padded, or one row when it is not kept */
  bool kept;
} sinkhorn_work;

pf_sinkhorn_options pf_sinkhorn_options_default(void) {
  return (pf_sinkhorn_options){.tolerance = 1e-9, .iterations = 1000, .kernel_limit = (size_t)1 << 26};
}

/* ---- checks ---- */

static pf_status check_options(pf_sinkhorn_options o, pf_error *error) {
  if (!(o.epsilon > 0) || !isfinite(o.epsilon))
    return pf_fail(error, PF_USAGE, "Sinkhorn: epsilon %g, a finite number above 0", o.epsilon);
  if (!(o.first_epsilon >= 0) || !isfinite(o.first_epsilon))
    return pf_fail(error, PF_USAGE, "Sinkhorn: first epsilon %g, a finite number or 0", o.first_epsilon);
  if (!(o.tolerance >= 0)) return pf_fail(error, PF_USAGE, "Sinkhorn: tolerance %g, at least 0", o.tolerance);
  if (o.iterations < 1 || o.iterations > 10000000)
    return pf_fail(error, PF_USAGE, "Sinkhorn: %d iterations, 1 to 10000000", o.iterations);
  return PF_OK;
}

static pf_status check_weights(const double *weights, size_t n, const char *of, pf_error *error) {
  double sum = 0;
  if (weights == NULL) return PF_OK;
  for (size_t i = 0; i < n; i++) {
    if (!(weights[i] >= DBL_MIN) || !isfinite(weights[i]))
      return pf_fail(error, PF_BAD_INPUT, "Sinkhorn: the weight of %s %zu is %g, above 0", of, i, weights[i]);
    sum += weights[i];
  }
  if (!(fabs(sum - 1) <= 1e-9))
    return pf_fail(error, PF_BAD_INPUT, "Sinkhorn: the weights of the %ss sum to %.12g, not to 1", of, sum);
  return PF_OK;
}

static pf_status check_matrix(const pf_sinkhorn_problem *p, pf_error *error) {
  if (p->rows == 0 || p->columns == 0)
    return pf_fail(error, PF_BAD_INPUT, "Sinkhorn: a cost matrix of %zu x %zu", p->rows, p->columns);
  if (p->rows > PF_SINKHORN_MAX || p->columns > PF_SINKHORN_MAX) return PF_OK; /* refused by its size */
  for (size_t k = 0; k < p->rows * p->columns; k++)
    if (!isfinite(p->matrix[k]))
      return pf_fail(error, PF_NON_FINITE, "Sinkhorn: the cost in row %zu, column %zu is %g", k / p->columns,
                     k % p->columns, p->matrix[k]);
  return PF_OK;
}

static pf_status check_problem(const pf_sinkhorn_problem *p, pf_error *error) {
  bool given = p->matrix != NULL;
  if (given)
    PF_TRY(check_matrix(p, error));
  else
    PF_TRY(pf_points_check_pair(p->x, p->y, error));
  size_t n = given ? p->rows : p->x.n, m = given ? p->columns : p->y.n;
  if (!given && p->power != 1 && p->power != 2)
    return pf_fail(error, PF_USAGE, "Sinkhorn: power %d, valid: 1, 2", p->power);
  if (n > PF_SINKHORN_MAX || m > PF_SINKHORN_MAX)
    return pf_fail(error, PF_BAD_INPUT, "Sinkhorn: %zu rows and %zu columns, at most %d of each", n, m,
                   PF_SINKHORN_MAX);
  PF_TRY(check_weights(p->row_weights, n, "row", error));
  return check_weights(p->column_weights, m, "column", error);
}

static pf_status check_range(sinkhorn_work *w, double eps, pf_error *error) {
  double largest = 0;
  for (size_t i = 0; i < w->n; i++) largest = pf_row_largest(pf_cost_rows_get(&w->costs, i), w->m, largest);
  if (!(largest / eps <= LARGEST_RATIO))
    return pf_fail(error, PF_NON_FINITE, "Sinkhorn: costs up to %g are too large beside epsilon %g", largest,
                   eps);
  return PF_OK;
}

/* ---- steps ---- */

static double column_error(const sinkhorn_work *w) {
  double error = 0;
  for (size_t j = 0; j < w->m; j++) error += fabs(w->beta[j] * w->sum[j] - w->b[j]);
  return error;
}

static void columns_by_logarithm(sinkhorn_work *w) {
  for (size_t j = 0; j < w->padded; j++) {
    w->top[j] = -INFINITY;
    w->sum[j] = 0;
  }
  for (size_t i = 0; i < w->n; i++)
    pf_row_raise(pf_cost_rows_get(&w->costs, i), w->phi[i], w->scale, w->padded, w->top);
  for (size_t i = 0; i < w->n; i++)
    pf_row_add_exp(pf_cost_rows_get(&w->costs, i), w->phi[i], w->scale, w->top, w->padded, w->sum);
  for (size_t j = 0; j < w->m; j++) w->psi[j] = log(w->b[j]) - (w->top[j] + log(w->sum[j]));
}

/* One iteration from phi alone; K is made anew and alpha = beta = 1. */
static void step_by_logarithm(sinkhorn_work *w) {
  columns_by_logarithm(w);
  memset(w->sum, 0, w->padded * sizeof *w->sum);
  for (size_t j = 0; j < w->m; j++) w->beta[j] = 1;
  for (size_t i = 0; i < w->n; i++) {
    double total, *row = w->kernel + (w->kept ? i * w->padded : 0);
    double lse = pf_row_softmax(pf_cost_rows_get(&w->costs, i), w->psi, w->scale, w->padded, row, &total);
    w->phi[i] = log(w->a[i]) - lse;
    w->alpha[i] = 1;
    double factor = w->a[i] / total;
    for (size_t j = 0; j < w->padded; j++) row[j] *= factor;
    pf_row_add(row, 1, w->padded, w->sum);
  }
}

/* beta = b / (K' alpha); false, and nothing is changed, when one leaves the range. */
static bool columns_by_scaling(sinkhorn_work *w) {
  for (size_t j = 0; j < w->m; j++) {
    double scaling = w->b[j] / w->sum[j];
    if (!(scaling <= ABSORB_ABOVE && scaling >= 1 / ABSORB_ABOVE)) return false;
  }
  for (size_t j = 0; j < w->m; j++) w->beta[j] = w->b[j] / w->sum[j];
  return true;
}

static void rows_by_scaling(sinkhorn_work *w) {
  memset(w->sum, 0, w->padded * sizeof *w->sum);
  for (size_t i = 0; i < w->n; i += PF_KERNEL_ROWS)
    pf_kernel_rows(w->kernel + i * w->padded, w->a + i, w->beta, w->padded, w->alpha + i, w->sum);
}

static bool rows_in_range(const sinkhorn_work *w) {
  for (size_t i = 0; i < w->n; i++)
    if (!(w->alpha[i] <= ABSORB_ABOVE && w->alpha[i] >= 1 / ABSORB_ABOVE)) return false;
  return true;
}

static void absorb(sinkhorn_work *w) {
  for (size_t i = 0; i < w->n; i++)
    w->phi[i] += PF_CANARY(SINKHORN_ABSORB, log(w->alpha[i]), 0 * w->alpha[i]);
  for (size_t j = 0; j < w->m; j++) w->psi[j] += log(w->beta[j]);
  for (size_t i = 0; i < w->n; i++) w->alpha[i] = 1;
  for (size_t j = 0; j < w->m; j++) w->beta[j] = 1;
}

/* Iterations at one epsilon from the potentials phi; returns how many. */
static int iterate(sinkhorn_work *w, int most, double tolerance, bool *converged) {
  int done = 0;
  bool scaling = false; /* K is kept and alpha is in range */
  *converged = false;
  while (done < most && !*converged) {
    if (scaling && columns_by_scaling(w)) {
      rows_by_scaling(w);
    } else {
      if (done > 0) absorb(w);
      step_by_logarithm(w);
    }
    scaling = w->kept && rows_in_range(w);
    done++;
    *converged = tolerance > 0 && column_error(w) <= tolerance;
  }
  absorb(w);
  return done;
}

static void set_scale(sinkhorn_work *w, double scale) {
  for (size_t i = 0; i < w->n; i++) w->phi[i] *= scale / w->scale;
  w->scale = scale;
}

/* ---- result ---- */

/* Everything of the result that follows from the potentials. */
static void measure(sinkhorn_work *w, pf_sinkhorn *out) {
  double cost = 0, mass = 0, linear = 0, plan = 0, gap = 0, eps = 1 / w->scale;
  memset(w->sum, 0, w->padded * sizeof *w->sum);
  for (size_t i = 0; i < w->n; i++) {
    const double *c = pf_cost_rows_get(&w->costs, i);
    pf_row_plan(c, w->psi, w->phi[i], w->scale, w->padded, w->kernel);
    double row = pf_row_dot(w->kernel, w->beta, w->padded);
    cost += pf_row_dot(w->kernel, c, w->padded);
    pf_row_add(w->kernel, 1, w->padded, w->sum);
    mass += row;
    plan += out->row_potential[i] * row;
    linear += out->row_potential[i] * w->a[i];
  }
  for (size_t j = 0; j < w->m; j++) {
    gap += fabs(w->sum[j] - w->b[j]);
    plan += out->column_potential[j] * w->sum[j];
    linear += out->column_potential[j] * w->b[j];
  }
  out->cost = cost;
  out->objective = plan;
  out->dual = linear - eps * (mass - 1);
  out->marginal_error = gap;
}

static pf_status finish(sinkhorn_work *w, pf_sinkhorn *out, pf_error *error) {
  double shift = 0, eps = 1 / w->scale;
  for (size_t j = 0; j < w->m; j++) shift += w->b[j] * w->psi[j];
  for (size_t j = 0; j < w->m; j++) out->column_potential[j] = eps * (w->psi[j] -= shift);
  for (size_t i = 0; i < w->n; i++) out->row_potential[i] = eps * (w->phi[i] += shift);
  measure(w, out);
  if (!isfinite(out->cost) || !isfinite(out->dual) || !isfinite(out->marginal_error))
    return pf_fail(error, PF_NON_FINITE, "Sinkhorn: cost %g, dual %g, marginal error %g at epsilon %g",
                   out->cost, out->dual, out->marginal_error, eps);
  return PF_OK;
}

/* ---- set-up ---- */

static pf_status work_open(sinkhorn_work *w, const pf_sinkhorn_problem *p, size_t kernel_limit,
                           pf_error *error) {
  PF_TRY(pf_cost_rows_open(p, &w->costs, error));
  w->n = w->costs.rows;
  w->m = w->costs.columns;
  w->padded = w->costs.padded;
  size_t whole = (w->n + PF_KERNEL_ROWS - 1) / PF_KERNEL_ROWS * PF_KERNEL_ROWS;
  w->kept = whole * w->padded <= kernel_limit;
  PF_TRY(pf_alloc(w->kept ? whole * w->padded : w->padded, sizeof *w->kernel, &w->kernel, error));
  PF_TRY(pf_alloc(whole, sizeof *w->a, &w->a, error));
  PF_TRY(pf_alloc(w->m, sizeof *w->b, &w->b, error));
  PF_TRY(pf_alloc(whole, sizeof *w->phi, &w->phi, error));
  PF_TRY(pf_alloc(w->padded, sizeof *w->psi, &w->psi, error));
  PF_TRY(pf_alloc(whole, sizeof *w->alpha, &w->alpha, error));
  PF_TRY(pf_alloc(w->padded, sizeof *w->beta, &w->beta, error));
  PF_TRY(pf_alloc(w->padded, sizeof *w->sum, &w->sum, error));
  PF_TRY(pf_alloc(w->padded, sizeof *w->top, &w->top, error));
  for (size_t i = 0; i < w->n; i++) w->a[i] = p->row_weights != NULL ? p->row_weights[i] : 1 / (double)w->n;
  for (size_t j = 0; j < w->m; j++)
    w->b[j] = p->column_weights != NULL ? p->column_weights[j] : 1 / (double)w->m;
  for (size_t j = w->m; j < w->padded; j++) w->psi[j] = -INFINITY;
  return PF_OK;
}

static void work_close(sinkhorn_work *w) {
  pf_cost_rows_close(&w->costs);
  pf_free(w->kernel);
  pf_free(w->a);
  pf_free(w->b);
  pf_free(w->phi);
  pf_free(w->psi);
  pf_free(w->alpha);
  pf_free(w->beta);
  pf_free(w->sum);
  pf_free(w->top);
}

pf_status pf_sinkhorn_solve(const pf_sinkhorn_problem *problem, pf_sinkhorn_options options, pf_sinkhorn *out,
                            pf_error *error) {
  sinkhorn_work w = {.scale = 1};
  pf_sinkhorn found = {0};
  bool reached;
  pf_status status = PF_OK;
  PF_TRY(check_options(options, error));
  PF_TRY(check_problem(problem, error));
  PF_TRY_GOTO(work_open(&w, problem, options.kernel_limit, error));
  PF_TRY_GOTO(pf_alloc(w.n, sizeof *found.row_potential, &found.row_potential, error));
  PF_TRY_GOTO(pf_alloc(w.m, sizeof *found.column_potential, &found.column_potential, error));
  PF_TRY_GOTO(check_range(&w, options.epsilon, error));
  for (double eps = options.first_epsilon; eps > options.epsilon; eps /= 2) {
    set_scale(&w, 1 / eps);
    iterate(&w, SCALING_ITERATIONS, 0, &reached);
  }
  set_scale(&w, 1 / options.epsilon);
  found.rows = w.n;
  found.columns = w.m;
  found.iterations = iterate(&w, options.iterations, options.tolerance, &found.converged);
  PF_TRY_GOTO(finish(&w, &found, error));
  *out = found;
  found = (pf_sinkhorn){0};
cleanup:
  pf_sinkhorn_clear(&found);
  work_close(&w);
  return status;
}

void pf_sinkhorn_clear(pf_sinkhorn *result) {
  pf_free(result->row_potential);
  pf_free(result->column_potential);
  *result = (pf_sinkhorn){0};
}

/* ---- barycentric projection ---- */

static pf_status check_projection(const pf_sinkhorn_problem *p, double epsilon, const pf_sinkhorn *solution,
                                  pf_points targets, pf_error *error) {
  PF_TRY(check_options((pf_sinkhorn_options){.epsilon = epsilon, .iterations = 1}, error));
  PF_TRY(check_problem(p, error));
  PF_TRY(pf_points_check(targets, "targets of the projection", error));
  size_t n = p->matrix != NULL ? p->rows : p->x.n, m = p->matrix != NULL ? p->columns : p->y.n;
  if (solution->rows != n || solution->columns != m || targets.n != m)
    return pf_fail(error, PF_BAD_INPUT,
                   "projection: the problem is %zu x %zu, the solution %zu x %zu, and there are %zu targets",
                   n, m, solution->rows, solution->columns, targets.n);
  return PF_OK;
}

pf_status pf_sinkhorn_project(const pf_sinkhorn_problem *problem, double epsilon, const pf_sinkhorn *solution,
                              pf_points targets, double *out, pf_error *error) {
  pf_cost_rows costs = {0};
  double *psi = NULL, *plan = NULL, *coordinates = NULL, total;
  pf_status status = PF_OK;
  PF_TRY(check_projection(problem, epsilon, solution, targets, error));
  PF_TRY_GOTO(pf_cost_rows_open(problem, &costs, error));
  PF_TRY_GOTO(pf_alloc(costs.padded, sizeof *psi, &psi, error));
  PF_TRY_GOTO(pf_alloc(costs.padded, sizeof *plan, &plan, error));
  PF_TRY_GOTO(pf_alloc(costs.padded * targets.d, sizeof *coordinates, &coordinates, error));
  pf_points_transpose(targets, costs.padded, coordinates);
  for (size_t j = 0; j < costs.padded; j++)
    psi[j] = j < targets.n ? solution->column_potential[j] / epsilon : -INFINITY;
  for (size_t i = 0; i < costs.rows; i++) {
    pf_row_softmax(pf_cost_rows_get(&costs, i), psi, 1 / epsilon, costs.padded, plan, &total);
    for (size_t k = 0; k < targets.d; k++)
      out[i * targets.d + k] = pf_row_dot(plan, coordinates + k * costs.padded, costs.padded) / total;
  }
cleanup:
  pf_cost_rows_close(&costs);
  pf_free(psi);
  pf_free(plan);
  pf_free(coordinates);
  return status;
}
