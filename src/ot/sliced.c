/* Sliced Wasserstein distances.
 *
 *   W_p(a, b)^p = int_0^1 |F_a^-1(q) - F_b^-1(q)|^p dq        (one dimension; both quantile functions are
 * steps) SW_p(x, y)^p = mean over directions u of W_p(u.x, u.y)^p  (Rabin et al., SSVM 2011)
 *
 * One task a direction; the mean is summed in the order of directions. */
#include "ot/sliced.h"

#include <math.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "base/rng.h"
#include "ot/sort.h"

/* Mean of |difference|^power over the quantile level: steps end at multiples of 1/nx and 1/ny, walked
 * together in units of 1/(nx ny), which are exact. */
static double mean_cost_1d(const double *x, size_t nx, const double *y, size_t ny, int power) {
  size_t i = 0, j = 0;
  uint64_t at = 0;
  double sum = 0;
  while (i < nx && j < ny) {
    uint64_t end_x = (uint64_t)(i + 1) * ny, end_y = (uint64_t)(j + 1) * nx,
             end = end_x < end_y ? end_x : end_y;
    double gap = fabs(x[i] - y[j]);
    sum += (power == 2 ? gap * gap : gap) * (double)(end - at);
    at = end;
    if (end == end_x) i++;
    if (end == end_y) j++;
  }
  return sum / ((double)nx * (double)ny);
}

double pf_wasserstein_1d(const double *x, size_t nx, const double *y, size_t ny, int power) {
  double mean = mean_cost_1d(x, nx, y, ny, power);
  return power == 2 ? sqrt(mean) : mean;
}

typedef struct slices {
  pf_points x, y;
  pf_sliced_options options;
  double *scratch; /* threads x size */
  size_t size;     /* d + nx + ny + max(nx, ny) */
  double *costs;   /* projections */
} slices;

static void direction(uint64_t seed, size_t k, size_t d, double *out) {
  pf_rng rng = pf_rng_at(seed, PF_STREAM_METRIC, 1, k);
  double square = 0;
  for (size_t c = 0; c < d; c++) {
    out[c] = pf_rng_normal(&rng);
    square += out[c] * out[c];
  }
  for (size_t c = 0; c < d; c++) out[c] /= sqrt(square);
}

PF_MULTIVERSION
static void project(pf_points x, const double *u, double *out) {
  for (size_t i = 0; i < x.n; i++) {
    double sum = 0;
    for (size_t c = 0; c < x.d; c++) sum += x.rows[i * x.d + c] * u[c];
    out[i] = sum;
  }
}

static void one_slice(void *context, int task, int thread) {
  slices *s = context;
  double *u = s->scratch + (size_t)thread * s->size, *a = u + s->x.d, *b = a + s->x.n, *spare = b + s->y.n;
  direction(s->options.seed, (size_t)task, s->x.d, u);
  project(s->x, u, a);
  project(s->y, u, b);
  pf_sort_doubles(a, s->x.n, spare);
  pf_sort_doubles(b, s->y.n, spare);
  s->costs[task] = mean_cost_1d(a, s->x.n, b, s->y.n, s->options.power);
}

pf_status pf_sliced_wasserstein(pf_points x, pf_points y, pf_sliced_options options, pf_pool *pool,
                                double *out, pf_error *error) {
  PF_TRY(pf_points_check_pair(x, y, error));
  if (options.power != 1 && options.power != 2)
    return pf_fail(error, PF_USAGE, "sliced distance: power %d, valid: 1, 2", options.power);
  if (options.projections < 1 || options.projections > 1000000)
    return pf_fail(error, PF_USAGE, "sliced distance: %zu projections, 1 to 1000000", options.projections);
  slices s = {.x = x, .y = y, .options = options, .size = x.d + x.n + y.n + (x.n > y.n ? x.n : y.n)};
  pf_status status = PF_OK;
  PF_TRY_GOTO(pf_alloc(s.size * (size_t)pf_pool_threads(pool), sizeof *s.scratch, &s.scratch, error));
  PF_TRY_GOTO(pf_alloc(options.projections, sizeof *s.costs, &s.costs, error));
  pf_pool_run(pool, (int)options.projections, one_slice, &s);
  double sum = 0;
  for (size_t k = 0; k < options.projections; k++) sum += s.costs[k];
  double mean = sum / (double)options.projections;
  if (isfinite(mean))
    *out = options.power == 2 ? sqrt(mean) : mean;
  else
    status = pf_fail(error, PF_NON_FINITE, "sliced distance: the mean cost is %g", mean);
cleanup:
  pf_free(s.scratch);
  pf_free(s.costs);
  return status;
}
