/* Gaussians on the line: see gaussian_line.h. */
#include "gaussian_line.h"

#include <math.h>
#include <string.h>

static const double REACH = 6; /* beyond it N(0,1) has 2e-9 of its mass */

/* ---- closed forms ---- */

pf_normal_law pf_jko_gaussian_step(pf_normal_law from, double h) {
  double s = from.sd;
  return (pf_normal_law){from.mean / (1 + h), (s + sqrt(s * s + 4 * h * (1 + h))) / (2 * (1 + h))};
}

double pf_normal_kl(pf_normal_law law) {
  return (law.sd * law.sd + law.mean * law.mean - 1) / 2 - log(law.sd);
}

double pf_normal_w2_squared(pf_normal_law a, pf_normal_law b) {
  return (a.mean - b.mean) * (a.mean - b.mean) + (a.sd - b.sd) * (a.sd - b.sd);
}

/* xi is affine: its value at the mean, and its slope times the standard deviation. */
double pf_normal_residual_squared(pf_normal_law from, pf_normal_law next, double h) {
  double middle = next.mean - (from.mean - next.mean) / h;
  double slope = 1 - 1 / (next.sd * next.sd) - (from.sd / next.sd - 1) / h;
  return middle * middle + slope * slope * next.sd * next.sd;
}

/* ---- laws on the grid ---- */

static double spacing(void) { return 2 * REACH / (PF_LINE_NODES - 1); }

double pf_line_node(int i) { return -REACH + spacing() * i; }

double pf_line_weight(int i) {
  double u = pf_line_node(i);
  return spacing() * exp(-0.5 * u * u) / sqrt(2 * M_PI);
}

pf_line_law pf_line_of(pf_normal_law from) {
  pf_line_law law;
  for (int i = 0; i < PF_LINE_NODES; i++) {
    law.z[i] = from.mean + from.sd * pf_line_node(i);
    law.log_slope[i] = log(from.sd);
  }
  return law;
}

pf_status pf_line_push(pf_line_law *law, const pf_cnf *cnf, int block, pf_pool *pool, pf_error *error) {
  pf_cnf_move move = {.direction = PF_CNF_TO_NOISE, .first_block = block, .blocks = 1};
  pf_line_law next = *law;
  PF_TRY(pf_cnf_rows(cnf, &move, (pf_rows){0, PF_LINE_NODES}, next.z, next.log_slope, NULL, pool, error));
  for (int i = 0; i < PF_LINE_NODES; i++) next.log_slope[i] += law->log_slope[i];
  *law = next;
  return PF_OK;
}

pf_normal_law pf_line_moments(const pf_line_law *law) {
  double mean = 0, square = 0;
  for (int i = 0; i < PF_LINE_NODES; i++) mean += pf_line_weight(i) * law->z[i];
  for (int i = 0; i < PF_LINE_NODES; i++)
    square += pf_line_weight(i) * (law->z[i] - mean) * (law->z[i] - mean);
  return (pf_normal_law){mean, sqrt(square)};
}

/* log p(z(u)) = log N(u; 0, 1) - ln z'(u). */
double pf_line_kl(const pf_line_law *law) {
  double sum = 0;
  for (int i = 0; i < PF_LINE_NODES; i++) {
    double u = pf_line_node(i), z = law->z[i];
    sum += pf_line_weight(i) * (0.5 * z * z - 0.5 * u * u - law->log_slope[i]);
  }
  return sum;
}

/* Slope of y over the grid at node i: fourth order inside, second at the ends. */
static double slope_at(const double *y, int i) {
  double h = spacing();
  int last = PF_LINE_NODES - 1;
  if (i == 0) return (-3 * y[0] + 4 * y[1] - y[2]) / (2 * h);
  if (i == last) return (3 * y[last] - 4 * y[last - 1] + y[last - 2]) / (2 * h);
  if (i == 1 || i == last - 1) return (y[i + 1] - y[i - 1]) / (2 * h);
  return (8 * (y[i + 1] - y[i - 1]) - (y[i + 2] - y[i - 2])) / (12 * h);
}

double pf_line_kl_by_slope(const pf_line_law *law) {
  pf_line_law other = *law;
  for (int i = 0; i < PF_LINE_NODES; i++) other.log_slope[i] = log(slope_at(law->z, i));
  return pf_line_kl(&other);
}

double pf_line_w2_squared(const pf_line_law *a, const pf_line_law *b) {
  double sum = 0;
  for (int i = 0; i < PF_LINE_NODES; i++)
    sum += pf_line_weight(i) * (a->z[i] - b->z[i]) * (a->z[i] - b->z[i]);
  return sum;
}

/* d log p / dz = (-u - d(ln z')/du) / z'. */
double pf_line_residual_squared(const pf_line_law *from, const pf_line_law *next, double h) {
  double sum = 0;
  for (int i = 0; i < PF_LINE_NODES; i++) {
    double score = (-pf_line_node(i) - slope_at(next->log_slope, i)) / exp(next->log_slope[i]);
    double xi = next->z[i] + score - (from->z[i] - next->z[i]) / h;
    sum += pf_line_weight(i) * xi * xi;
  }
  return sum;
}
