/* Rows of costs and the loops over them: see sinkhorn_kernel.h. */
#include "ot/sinkhorn_kernel.h"

#include <math.h>
#include <string.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "ot/exp.h"

enum { LANES = 4 };

typedef double lanes_f __attribute__((vector_size(32), aligned(8), may_alias));
typedef int64_t lanes_i __attribute__((vector_size(32), aligned(8), may_alias));

#define FROM(pointer) (*(const lanes_f *)(pointer))

/* ---- costs ---- */

pf_status pf_cost_rows_open(const pf_sinkhorn_problem *problem, pf_cost_rows *out, pf_error *error) {
  size_t columns = problem->matrix != NULL ? problem->columns : problem->y.n;
  *out = (pf_cost_rows){.matrix = problem->matrix,
                        .x = problem->x,
                        .power = problem->power,
                        .rows = problem->matrix != NULL ? problem->rows : problem->x.n,
                        .columns = columns,
                        .padded = (columns + PF_KERNEL_LANES - 1) / PF_KERNEL_LANES * PF_KERNEL_LANES};
  PF_TRY(pf_alloc(out->padded, sizeof *out->row, &out->row, error));
  if (out->matrix != NULL) return PF_OK;
  PF_TRY(pf_alloc(out->padded * problem->y.d, sizeof *out->y, &out->y, error));
  pf_points_transpose(problem->y, out->padded, out->y);
  return PF_OK;
}

void pf_cost_rows_close(pf_cost_rows *costs) {
  pf_free(costs->y);
  pf_free(costs->row);
  *costs = (pf_cost_rows){0};
}

PF_MULTIVERSION
static void root_row(double *row, size_t n) {
  for (size_t j = 0; j < n; j++) row[j] = sqrt(row[j]);
}

const double *pf_cost_rows_get(pf_cost_rows *costs, size_t i) {
  if (costs->matrix != NULL) {
    if (costs->columns == costs->padded) return costs->matrix + i * costs->columns;
    memcpy(costs->row, costs->matrix + i * costs->columns, costs->columns * sizeof *costs->row);
    return costs->row;
  }
  pf_squared_row(costs->x.rows + i * costs->x.d, costs->x.d, costs->y, costs->padded, costs->padded,
                 costs->row);
  if (costs->power == 1) root_row(costs->row, costs->padded);
  return costs->row;
}

double pf_row_largest(const double *c, size_t n, double largest) {
  for (size_t j = 0; j < n; j++)
    if (!(fabs(c[j]) <= largest)) largest = fabs(c[j]);
  return largest;
}

/* ---- logarithmic ---- */

PF_MULTIVERSION
void pf_row_raise(const double *c, double shift, double scale, size_t n, double *top) {
  for (size_t j = 0; j < n; j++) {
    double z = shift - scale * c[j];
    top[j] = z > top[j] ? z : top[j];
  }
}

PF_MULTIVERSION
void pf_row_add_exp(const double *c, double shift, double scale, const double *top, size_t n, double *sum) {
  PF_INDEPENDENT
  for (size_t j = 0; j < n; j++) sum[j] += pf_exp((shift - scale * c[j]) - top[j]);
}

/* out_j = psi_j - scale c_j; returns the largest. */
PF_MULTIVERSION
static double exponents(const double *c, const double *psi, double scale, size_t n, double *out) {
  lanes_f top = (lanes_f){0} - INFINITY;
  for (size_t j = 0; j < n; j += LANES) {
    lanes_f z = FROM(psi + j) - scale * FROM(c + j);
    lanes_i above = z > top;
    *(lanes_f *)(out + j) = z;
    top = (lanes_f)(((lanes_i)z & above) | ((lanes_i)top & ~above));
  }
  double largest = -INFINITY;
  for (int l = 0; l < LANES; l++) largest = top[l] > largest ? top[l] : largest;
  return largest;
}

PF_MULTIVERSION
static void exp_row(double shift, size_t n, double *z) {
  for (size_t j = 0; j < n; j++) z[j] = pf_exp(z[j] - shift);
}

PF_MULTIVERSION
static double sum_row(const double *row, size_t n) {
  lanes_f s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
  for (size_t j = 0; j < n; j += PF_KERNEL_LANES) {
    s0 += FROM(row + j);
    s1 += FROM(row + j + LANES);
    s2 += FROM(row + j + 2 * LANES);
    s3 += FROM(row + j + 3 * LANES);
  }
  s0 = (s0 + s1) + (s2 + s3);
  return (s0[0] + s0[1]) + (s0[2] + s0[3]);
}

double pf_row_softmax(const double *c, const double *psi, double scale, size_t n, double *out, double *sum) {
  double top = exponents(c, psi, scale, n, out);
  exp_row(top, n, out);
  *sum = sum_row(out, n);
  return top + log(*sum);
}

PF_MULTIVERSION
void pf_row_plan(const double *c, const double *psi, double shift, double scale, size_t n, double *out) {
  for (size_t j = 0; j < n; j++) out[j] = pf_exp((shift + psi[j]) - scale * c[j]);
}

/* ---- linear ---- */

PF_MULTIVERSION
double pf_row_dot(const double *a, const double *b, size_t n) {
  lanes_f s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
  for (size_t j = 0; j < n; j += PF_KERNEL_LANES) {
    s0 += FROM(a + j) * FROM(b + j);
    s1 += FROM(a + j + LANES) * FROM(b + j + LANES);
    s2 += FROM(a + j + 2 * LANES) * FROM(b + j + 2 * LANES);
    s3 += FROM(a + j + 3 * LANES) * FROM(b + j + 3 * LANES);
  }
  s0 = (s0 + s1) + (s2 + s3);
  return (s0[0] + s0[1]) + (s0[2] + s0[3]);
}

PF_MULTIVERSION
void pf_row_add(const double *row, double factor, size_t n, double *sum) {
  PF_INDEPENDENT
  for (size_t j = 0; j < n; j++) sum[j] += factor * row[j];
}

PF_MULTIVERSION
static void four_dots(const double *kernel, const double *beta, size_t n, double *out) {
  const double *k0 = kernel, *k1 = k0 + n, *k2 = k1 + n, *k3 = k2 + n;
  lanes_f s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0}, t0 = {0}, t1 = {0}, t2 = {0}, t3 = {0};
  for (size_t j = 0; j < n; j += 2 * LANES) {
    lanes_f b = FROM(beta + j), c = FROM(beta + j + LANES);
    s0 += FROM(k0 + j) * b;
    s1 += FROM(k1 + j) * b;
    s2 += FROM(k2 + j) * b;
    s3 += FROM(k3 + j) * b;
    t0 += FROM(k0 + j + LANES) * c;
    t1 += FROM(k1 + j + LANES) * c;
    t2 += FROM(k2 + j + LANES) * c;
    t3 += FROM(k3 + j + LANES) * c;
  }
  s0 += t0;
  s1 += t1;
  s2 += t2;
  s3 += t3;
  out[0] = (s0[0] + s0[1]) + (s0[2] + s0[3]);
  out[1] = (s1[0] + s1[1]) + (s1[2] + s1[3]);
  out[2] = (s2[0] + s2[1]) + (s2[2] + s2[3]);
  out[3] = (s3[0] + s3[1]) + (s3[2] + s3[3]);
}

PF_MULTIVERSION
static void add_four(const double *kernel, const double *alpha, size_t n, double *sum) {
  const double *k0 = kernel, *k1 = k0 + n, *k2 = k1 + n, *k3 = k2 + n;
  double a0 = alpha[0], a1 = alpha[1], a2 = alpha[2], a3 = alpha[3];
  PF_INDEPENDENT
  for (size_t j = 0; j < n; j++) sum[j] += (a0 * k0[j] + a1 * k1[j]) + (a2 * k2[j] + a3 * k3[j]);
}

void pf_kernel_rows(const double *kernel, const double *a, const double *beta, size_t n, double *alpha,
                    double *sum) {
  double dots[PF_KERNEL_ROWS];
  four_dots(kernel, beta, n, dots);
  for (int k = 0; k < PF_KERNEL_ROWS; k++)
    alpha[k] = dots[k] > 0 ? a[k] / dots[k] : 0; /* 0 past the last row */
  add_four(kernel, alpha, n, sum);
}
