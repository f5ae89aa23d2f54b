/* Gradients of Kantorovich potentials from transport plans: see plan_field.h.
 *
 *   legend   y [n x d] moving cloud, x [m x d] target; T(y_i) where the plan sends y_i; p power of the distance */
#include "plan_field.h"

#include <math.h>
#include <string.h>
#include "../base/canary.h"
#include "../base/memory.h"
#include "../ot/assignment.h"
#include "../ot/sinkhorn.h"

enum { ITERATIONS = 2000 };
static const double TOLERANCE = 1e-6, MISPLACED = 0.01; /* of the column sums, which add to 1 */

static pf_status check_field(const pf_plan_field *f, pf_error *error) {
  if (f->power != 1 && f->power != 2)
    return pf_fail(error, PF_USAGE, "transport plan: power %d, valid: 1, 2", f->power);
  if (!(f->epsilon >= 0) || !isfinite(f->epsilon))
    return pf_fail(error, PF_USAGE, "transport plan: epsilon %g, 0 (exact) or a positive number", f->epsilon);
  if (f->iterations < 0)
    return pf_fail(error, PF_USAGE, "transport plan: %d Sinkhorn iterations, at least 1 (0: %d)",
                   f->iterations, ITERATIONS);
  return PF_OK;
}

static double squared_distance(const double *a, const double *b, size_t d) {
  double sum = 0;
  for (size_t k = 0; k < d; k++) sum += (a[k] - b[k]) * (a[k] - b[k]);
  return sum;
}

/* ---- where the plan sends the rows ---- */

/* image [n x d] gets T(y); *cost the mean of |y - T(y)|^p, from the pairs themselves so that equal clouds give 0. */
static pf_status send_by_assignment(const pf_plan_field *f, pf_points y, pf_points x, double *image,
                                    double *cost, pf_error *error) {
  pf_assignment found = {0};
  size_t d = y.d;
  double sum = 0;
  PF_TRY(pf_assignment_points(y, x, f->power, &found, error));
  for (size_t i = 0; i < y.n; i++) {
    const double *to = x.rows + found.column_of_row[i] * d;
    double square = squared_distance(y.rows + i * d, to, d);
    sum += f->power == 2 ? square : sqrt(square);
    memcpy(image + i * d, to, d * sizeof *to);
  }
  pf_assignment_clear(&found);
  *cost = sum / (double)y.n;
  return PF_OK;
}

static double mean_cost(pf_points y, pf_points x, int power) {
  double total = 0;
  for (size_t i = 0; i < y.n; i++) {
    double row = 0;
    for (size_t j = 0; j < x.n; j++) {
      double square = squared_distance(y.rows + i * y.d, x.rows + j * y.d, y.d);
      row += power == 2 ? square : sqrt(square);
    }
    total += row / (double)x.n;
  }
  return total / (double)y.n;
}

static pf_status project(const pf_plan_field *f, double scale, const pf_sinkhorn_problem *problem,
                         double *image, double *cost, pf_error *error) {
  pf_sinkhorn found = {0};
  pf_sinkhorn_options o = pf_sinkhorn_options_default();
  o.epsilon = f->epsilon * scale;
  o.first_epsilon = scale; /* halved from there: far fewer iterations at the small one */
  o.tolerance = TOLERANCE;
  o.iterations = f->iterations ? f->iterations : ITERATIONS;
  PF_TRY(pf_sinkhorn_solve(problem, o, &found, error));
  pf_status status = PF_OK;
  if (!(found.marginal_error <= MISPLACED))
    status = pf_fail(
        error, PF_FAILED,
        "Sinkhorn: after %d iterations at epsilon %g of the mean cost the column sums are off by %g in all, "
        "more than %g; a larger epsilon converges faster",
        found.iterations, f->epsilon, found.marginal_error, MISPLACED);
  if (status == PF_OK) status = pf_sinkhorn_project(problem, o.epsilon, &found, problem->y, image, error);
  *cost = found.cost;
  pf_sinkhorn_clear(&found);
  return status;
}

static pf_status send_by_sinkhorn(const pf_plan_field *f, pf_points y, pf_points x, double *image,
                                  double *cost, pf_error *error) {
  pf_sinkhorn_problem problem = {.x = y, .y = x, .power = f->power};
  PF_TRY(pf_points_check_pair(y, x, error));
  double scale = mean_cost(y, x, f->power);
  if (!isfinite(scale))
    return pf_fail(error, PF_NON_FINITE, "transport plan: the mean cost over all pairs is %g", scale);
  if (scale > 0) return project(f, scale, &problem, image, cost, error);
  memcpy(image, y.rows, y.n * y.d * sizeof *image); /* one point, many times over */
  *cost = 0;
  return PF_OK;
}

/* ---- the field ---- */

static void write_gradient(const pf_plan_field *f, pf_points y, const double *image, double *gradient) {
  size_t d = y.d;
  for (size_t i = 0; i < y.n; i++) {
    const double *from = y.rows + i * d, *to = image + i * d;
    double length = sqrt(squared_distance(from, to, d));
    double over = PF_CANARY(W2_FACTOR, 1, .5); /* 1/2: the gradient of |x - y|^2 without its half */
    if (f->power == 1) over = length > 0 ? PF_CANARY(W1_SIGN, length, -length) : 1;
    for (size_t k = 0; k < d; k++) gradient[i * d + k] = (from[k] - to[k]) / over;
  }
}

pf_status pf_plan_gradient(const pf_plan_field *f, pf_points y, pf_points x, double *gradient,
                           double *distance, pf_error *error) {
  double *image = NULL, cost = 0;
  PF_TRY(check_field(f, error));
  PF_TRY(pf_alloc(y.n * y.d, sizeof *image, &image, error));
  pf_status status = f->epsilon > 0 ? send_by_sinkhorn(f, y, x, image, &cost, error)
                                    : send_by_assignment(f, y, x, image, &cost, error);
  if (status == PF_OK && !isfinite(cost))
    status = pf_fail(error, PF_NON_FINITE, "transport plan: the mean cost is %g", cost);
  if (status == PF_OK) {
    if (gradient) write_gradient(f, y, image, gradient);
    if (distance) *distance = f->power == 2 ? sqrt(cost) : cost;
  }
  pf_free(image);
  return status;
}
