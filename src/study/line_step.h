/* JKO steps of energies on the line, solved as the convex problems they are.
 *
 *   G(p) = integral of V p + (integral of p ln p, or of p^2),   V(x) = lambda x^2/2 + kappa x^4/4
 *
 * A law is the increasing map z(u) that makes it of N(0,1), on a uniform grid of u in [-7, 7]: node i has the mass w_i, cell i
 * between two nodes the density p = phi / z', so that
 *
 *   G(z) = sum_i w_i V(z_i) + sum_cells du phi (ln phi - ln(dz/du))            entropy
 *                          or + sum_cells du phi^2 / (dz/du)                   porous medium, m = 2
 *
 * is lambda-convex in the norm |z|^2 = sum w_i z_i^2, which is W2^2 on the line. The theory of lambda-convex energies therefore
 * holds for the discrete problem exactly, and the discrete problem is of second order in du.
 */
#ifndef PF_STUDY_LINE_STEP_H
#define PF_STUDY_LINE_STEP_H

#include "../base/status.h"

enum { PF_LINE_STEP_NODES = 2048 };

typedef struct pf_line_energy {
  double lambda, kappa;
  bool porous; /* the integral of p^2 instead of p ln p */
  int nodes;   /* 8..PF_LINE_STEP_NODES */
} pf_line_energy;

double pf_line_step_node(const pf_line_energy *e, int i);   /* u_i */
double pf_line_step_weight(const pf_line_energy *e, int i); /* w_i; they add to 1 */
double pf_line_energy_of(const pf_line_energy *e, const double *z);
double pf_line_step_distance(const pf_line_energy *e, const double *a, const double *b); /* squared */

/* z <- argmin of G(z') + |z' - z|^2 / (2h) - <push, z'>, h infinite allowed: then it is the minimiser of G - <push, .>. The norm
 * of `push` (may be NULL) is the first-order error of the step. PF_FAILED when the gradient does not come below 1e-9. */
pf_status pf_line_step(const pf_line_energy *e, double h, const double *push, double *z, pf_error *error);

/* What the minimiser is known to be: z with P(X <= z) = P(N(0,1) <= u), under the density e^-V / Z or Barenblatt's profile
 * (C - lambda x^2/2)_+ / 2 (kappa = 0). */
void pf_line_minimiser(const pf_line_energy *e, double *z);

#endif
