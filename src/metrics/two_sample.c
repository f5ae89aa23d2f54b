/* Energy distance, MMD and Kolmogorov-Smirnov.
 *
 *   energy = 2 A_xy - A_xx - A_yy,  A = mean over all pairs of |x - y|
 *   mmd2   = S_xx / (nx (nx-1)) + S_yy / (ny (ny-1)) - 2 S_xy / (nx ny),  S sums k, i != j in xx, yy
 *
 * Sums run in tasks of ROWS rows; partial sums are added in task order: the pool does not matter. */
#include "metrics/two_sample.h"

#include <math.h>
#include <string.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "metrics/finite.h"
#include "ot/sort.h"

enum { ROWS = 64, TILE = 256, LANES = 8, MEDIAN_ROWS = 1000 };

/* Sum over i of x and j of y of f(|x_i - y_j|^2): a distance when kernel.count is 0, else the mean kernel. */
typedef struct pair_sum {
  pf_points x;
  size_t n;        /* rows of y */
  const double *y; /* d x n */
  pf_kernel kernel;
  double *partial; /* one a task */
} pair_sum;

PF_MULTIVERSION
static double sum_of_roots(const double *squares, size_t count) {
  double lane[LANES] = {0}, sum = 0;
  size_t k = 0;
  for (; k + LANES <= count; k += LANES)
    for (int l = 0; l < LANES; l++) lane[l] += sqrt(squares[k + l]);
  for (; k < count; k++) sum += sqrt(squares[k]);
  for (int l = 0; l < LANES; l++) sum += lane[l];
  return sum;
}

static double sum_of_kernels(const double *squares, size_t count, pf_kernel kernel) {
  double sum = 0;
  for (size_t b = 0; b < kernel.count; b++) {
    double rate = -0.5 / (kernel.bandwidths[b] * kernel.bandwidths[b]);
    for (size_t k = 0; k < count; k++) sum += exp(rate * squares[k]);
  }
  return sum / (double)kernel.count;
}

static void sum_rows(void *context, int task, int thread) {
  const pair_sum *s = context;
  (void)thread;
  double squares[TILE], sum = 0;
  size_t first = (size_t)task * ROWS, last = first + ROWS < s->x.n ? first + ROWS : s->x.n;
  for (size_t j = 0; j < s->n; j += TILE) { /* the tile of y stays in cache while the rows pass */
    size_t count = s->n - j < TILE ? s->n - j : TILE;
    for (size_t i = first; i < last; i++) {
      pf_squared_row(s->x.rows + i * s->x.d, s->x.d, s->y + j, s->n, count, squares);
      sum += s->kernel.count ? sum_of_kernels(squares, count, s->kernel) : sum_of_roots(squares, count);
    }
  }
  s->partial[task] = sum;
}

static pf_status sum_pairs(pf_points x, pf_points y, pf_kernel kernel, pf_pool *pool, double *out,
                           pf_error *error) {
  size_t tasks = (x.n + ROWS - 1) / ROWS;
  double *columns = NULL, *partial = NULL, sum = 0;
  pf_status status = PF_OK;
  PF_TRY_GOTO(pf_alloc(y.n * y.d, sizeof *columns, &columns, error));
  PF_TRY_GOTO(pf_alloc(tasks, sizeof *partial, &partial, error));
  pf_points_transpose(y, y.n, columns);
  pair_sum s = {.x = x, .n = y.n, .y = columns, .kernel = kernel, .partial = partial};
  pf_pool_run(pool, (int)tasks, sum_rows, &s);
  for (size_t t = 0; t < tasks; t++) sum += partial[t];
  *out = sum;
cleanup:
  pf_free(columns);
  pf_free(partial);
  return status;
}

pf_status pf_energy_distance(pf_points x, pf_points y, pf_pool *pool, double *out, pf_error *error) {
  double xx, yy, xy, nx = (double)x.n, ny = (double)y.n;
  pf_kernel none = {NULL, 0};
  PF_TRY(pf_metric_check(x, y, error));
  PF_TRY(sum_pairs(x, x, none, pool, &xx, error));
  PF_TRY(sum_pairs(y, y, none, pool, &yy, error));
  PF_TRY(sum_pairs(x, y, none, pool, &xy, error));
  return pf_metric_finish("energy", 2 * xy / (nx * ny) - xx / (nx * nx) - yy / (ny * ny), out, error);
}

pf_status pf_mmd2(pf_points x, pf_points y, pf_kernel kernel, pf_pool *pool, double *out, pf_error *error) {
  double xx, yy, xy, nx = (double)x.n, ny = (double)y.n;
  PF_TRY(pf_metric_check(x, y, error));
  if (x.n < 2 || y.n < 2)
    return pf_fail(error, PF_BAD_INPUT, "mmd2: %zu and %zu rows, at least 2 on each side", x.n, y.n);
  if (kernel.count == 0) return pf_fail(error, PF_USAGE, "mmd2: no bandwidth");
  for (size_t b = 0; b < kernel.count; b++)
    if (!(kernel.bandwidths[b] > 0))
      return pf_fail(error, PF_USAGE, "mmd2: bandwidth %zu is %g, it must be positive", b,
                     kernel.bandwidths[b]);
  PF_TRY(sum_pairs(x, x, kernel, pool, &xx, error));
  PF_TRY(sum_pairs(y, y, kernel, pool, &yy, error));
  PF_TRY(sum_pairs(x, y, kernel, pool, &xy, error));
  /* A kernel is 1 at distance 0: the pairs of a point with itself are worth n. */
  double value = (xx - nx) / (nx * (nx - 1)) + (yy - ny) / (ny * (ny - 1)) - 2 * xy / (nx * ny);
  return pf_metric_finish("mmd2", value, out, error);
}

pf_status pf_median_distance(pf_points x, double *out, pf_error *error) {
  PF_TRY(pf_metric_check(x, x, error));
  size_t n = x.n < MEDIAN_ROWS ? x.n : MEDIAN_ROWS, count = 0, pairs = n * (n - 1) / 2;
  double *columns = NULL, *squares = NULL, *scratch = NULL;
  pf_status status = PF_OK;
  if (n < 2) return pf_fail(error, PF_BAD_INPUT, "median distance of %zu row, at least 2", n);
  PF_TRY_GOTO(pf_alloc(n * x.d, sizeof *columns, &columns, error));
  PF_TRY_GOTO(pf_alloc(pairs, sizeof *squares, &squares, error));
  PF_TRY_GOTO(pf_alloc(pairs, sizeof *scratch, &scratch, error));
  pf_points_transpose((pf_points){x.rows, n, x.d}, n, columns);
  for (size_t i = 0; i + 1 < n; i++) {
    pf_squared_row(x.rows + i * x.d, x.d, columns + i + 1, n, n - i - 1, squares + count);
    count += n - i - 1;
  }
  pf_sort_doubles(squares, pairs, scratch);
  double median = (sqrt(squares[(pairs - 1) / 2]) + sqrt(squares[pairs / 2])) / 2;
  if (median > 0)
    *out = median;
  else
    status =
        pf_fail(error, PF_BAD_INPUT, "median distance between rows is %g: no scale for a kernel", median);
cleanup:
  pf_free(columns);
  pf_free(squares);
  pf_free(scratch);
  return status;
}

double pf_ks_sorted(const double *x, size_t nx, const double *y, size_t ny) {
  size_t i = 0, j = 0;
  double largest = 0;
  if (isnan(x[0]) || isnan(x[nx - 1]) || isnan(y[0]) || isnan(y[ny - 1]))
    return NAN; /* NaN sorts to an end */
  while (i < nx && j < ny) {
    double value = x[i] < y[j] ? x[i] : y[j];
    while (i < nx && x[i] == value) i++;
    while (j < ny && y[j] == value) j++;
    largest = fmax(largest, fabs((double)i / (double)nx - (double)j / (double)ny));
  }
  return largest;
}

static void sorted_column(pf_points x, size_t k, double *out, double *scratch) {
  for (size_t i = 0; i < x.n; i++) out[i] = x.rows[i * x.d + k];
  pf_sort_doubles(out, x.n, scratch);
}

static double ks_column(pf_points x, pf_points y, size_t k, double *scratch) {
  double *a = scratch, *b = a + x.n, *spare = b + y.n;
  sorted_column(x, k, a, spare);
  sorted_column(y, k, b, spare);
  return pf_ks_sorted(a, x.n, b, y.n);
}

pf_status pf_ks_columns(pf_points x, pf_points y, double *out, pf_error *error) {
  double *values = NULL, *scratch = NULL;
  pf_status status = PF_OK;
  PF_TRY(pf_metric_check(x, y, error));
  PF_TRY_GOTO(pf_alloc(x.d, sizeof *values, &values, error));
  PF_TRY_GOTO(pf_alloc(x.n + y.n + (x.n > y.n ? x.n : y.n), sizeof *scratch, &scratch, error));
  for (size_t k = 0; k < x.d; k++) {
    double value = ks_column(x, y, k, scratch);
    PF_TRY_GOTO(pf_metric_finish("ks", value, &values[k], error));
  }
  memcpy(out, values, x.d * sizeof *out);
cleanup:
  pf_free(values);
  pf_free(scratch);
  return status;
}

pf_status pf_ks_mean(pf_points x, pf_points y, double *out, pf_error *error) {
  double *values, sum = 0;
  PF_TRY(pf_alloc(x.d, sizeof *values, &values, error));
  pf_status status = pf_ks_columns(x, y, values, error);
  if (status == PF_OK) {
    for (size_t k = 0; k < x.d; k++) sum += values[k];
    *out = sum / (double)x.d;
  }
  pf_free(values);
  return status;
}
