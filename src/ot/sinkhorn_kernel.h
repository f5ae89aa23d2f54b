/* Inside Sinkhorn: rows of costs and the loops over them. */
#ifndef PF_OT_SINKHORN_KERNEL_H
#define PF_OT_SINKHORN_KERNEL_H

#include "ot/sinkhorn.h"

/* Columns are padded to a multiple of it; rows of the kernel are taken PF_KERNEL_ROWS at a time. */
enum { PF_KERNEL_LANES = 16, PF_KERNEL_ROWS = 4 };

/* The costs of a problem, row by row. */
typedef struct pf_cost_rows {
  const double *matrix; /* rows x columns, or NULL */
  pf_points x;
  double *y; /* x.d x padded: coordinates of the columns */
  int power;
  size_t rows, columns, padded;
  double *row; /* padded; past the columns anything finite */
} pf_cost_rows;

pf_status pf_cost_rows_open(const pf_sinkhorn_problem *problem, pf_cost_rows *out, pf_error *error);
void pf_cost_rows_close(pf_cost_rows *costs);
/* Row i, padded; valid until the next call. */
const double *pf_cost_rows_get(pf_cost_rows *costs, size_t i);

/* The largest of `largest` and |c_j|; NaN stays NaN. */
double pf_row_largest(const double *c, size_t n, double largest);
/* top_j = max(top_j, shift - scale c_j) */
void pf_row_raise(const double *c, double shift, double scale, size_t n, double *top);
/* sum_j += exp(shift - scale c_j - top_j) */
void pf_row_add_exp(const double *c, double shift, double scale, const double *top, size_t n, double *sum);
/* out_j = exp(psi_j - scale c_j - m), m the largest exponent. Returns log sum_j exp(psi_j - scale c_j). n: padded, psi
 * -inf past the columns. */
double pf_row_softmax(const double *c, const double *psi, double scale, size_t n, double *out, double *sum);
/* out_j = exp(shift + psi_j - scale c_j) */
void pf_row_plan(const double *c, const double *psi, double shift, double scale, size_t n, double *out);
/* <a, b>; in a fixed order, the same on every processor. */
double pf_row_dot(const double *a, const double *b, size_t n);
/* sum_j += factor row_j */
void pf_row_add(const double *row, double factor, size_t n, double *sum);

/* PF_KERNEL_ROWS rows of the kernel, `n` apart: alpha_i = a_i / <row_i, beta>, then sum += sum_i alpha_i row_i. */
void pf_kernel_rows(const double *kernel, const double *a, const double *beta, size_t n, double *alpha,
                    double *sum);

#endif
