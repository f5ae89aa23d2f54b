/* Flows of Gaussians on the line and what is known about them in closed form (q = N(0,1) throughout).
 *
 *   JKO step      m' = m/(1+h),  s' = (s + sqrt(s^2 + 4h(1+h))) / (2(1+h))        argmin KL(.||q) + W2^2(N(m,s^2), .)/(2h)
 *   KL            (s^2 + m^2 - 1)/2 - ln s            W2^2(N(m,s^2), q) = m^2 + (s-1)^2
 *
 * A law that a flow makes of N(m,s^2) is kept as the increasing map z(u) that makes it of N(0,1), on a uniform grid of u. With
 * trapezoids the integrals are exact to rounding for what is smooth, so that nothing here has a sampling error, and on the
 * line increasing maps are optimal: W2^2 between two such laws is E |z_1(u) - z_2(u)|^2.
 */
#ifndef PF_VERIFY_GAUSSIAN_LINE_H
#define PF_VERIFY_GAUSSIAN_LINE_H

#include "../base/pool.h"
#include "../flow/cnf.h"

typedef struct pf_normal_law {
  double mean, sd;
} pf_normal_law;

pf_normal_law pf_jko_gaussian_step(pf_normal_law from, double h);
double pf_normal_kl(pf_normal_law law); /* to N(0,1) */
double pf_normal_w2_squared(pf_normal_law a, pf_normal_law b);

/* First-order residual of `next` as a JKO step from `from` with step size h,
 *   xi(x) = x + grad log next(x) - (T(x) - x)/h,  T the optimal map back to `from`: the L2(next) norm, squared. */
double pf_normal_residual_squared(pf_normal_law from, pf_normal_law next, double h);

enum { PF_LINE_NODES = 1201 }; /* u from -6 to 6 */

typedef struct pf_line_law {
  double z[PF_LINE_NODES];
  double log_slope[PF_LINE_NODES]; /* ln dz/du */
} pf_line_law;

double pf_line_node(int i);   /* u_i */
double pf_line_weight(int i); /* of node i under N(0,1); they add to 1 */
pf_line_law pf_line_of(pf_normal_law law);

/* Through one block of a flow, with its log-determinant. */
pf_status pf_line_push(pf_line_law *law, const pf_cnf *cnf, int block, pf_pool *pool, pf_error *error);

pf_normal_law pf_line_moments(const pf_line_law *law);
double pf_line_kl(const pf_line_law *law); /* to N(0,1), by log_slope */
/* The same without log_slope: by the slope of z itself, a difference quotient. */
double pf_line_kl_by_slope(const pf_line_law *law);
double pf_line_w2_squared(const pf_line_law *a, const pf_line_law *b);
double pf_line_residual_squared(const pf_line_law *from, const pf_line_law *next, double h);

#endif
