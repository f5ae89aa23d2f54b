/* The two-time map of one row in the paper's own form, g = a x + b D with the denoiser D (arXiv 2405.05512), in plain
 * double loops: the oracle of flow/time_map. A header of static functions. */
#ifndef PF_TESTS_FLOW_PLAIN_MAP_H
#define PF_TESTS_FLOW_PLAIN_MAP_H

#include "../nn/plain_network.h"
#include "flow/time_map.h"

/* F(t, s, x / c) */
static inline void plain_field(const pf_time_map *map, const pf_layout *l, const double *p, double t,
                               double s, const double *x, double *f) {
  pf_interpolant_values v = pf_interpolant_at(map->interpolant, t);
  double c = sqrt(v.alpha * v.alpha + v.beta * v.beta), scaled[PLAIN_WIDTH];
  for (int j = 0; j < map->network.inputs; j++) scaled[j] = x[j] / c;
  plain_network(&map->network, l, p, t, s, scaled, f);
}

/* D(t, s, x) = (beta x + alpha c F) / c^2 */
static inline void plain_denoiser(const pf_time_map *map, const pf_layout *l, const double *p, double t,
                                  double s, const double *x, double *out) {
  pf_interpolant_values v = pf_interpolant_at(map->interpolant, t);
  double c = sqrt(v.alpha * v.alpha + v.beta * v.beta), f[PLAIN_WIDTH];
  plain_field(map, l, p, t, s, x, f);
  for (int j = 0; j < map->network.inputs; j++) out[j] = (v.beta * x[j] + v.alpha * c * f[j]) / (c * c);
}

/* g(t, s, x); t < 1 unless s = t. In and out may be one array. */
static inline void plain_map(const pf_time_map *map, const pf_layout *l, const double *p, double t, double s,
                             const double *x, double *out) {
  double a, b, denoised[PLAIN_WIDTH];
  if (s == t) {
    memmove(out, x, (size_t)map->network.inputs * sizeof *x);
    return;
  }
  pf_interpolant_step(map->interpolant, t, s, &a, &b);
  plain_denoiser(map, l, p, t, s, x, denoised);
  for (int j = 0; j < map->network.inputs; j++) out[j] = a * x[j] + b * denoised[j];
}

/* x_t = alpha x0 + beta x1 and the regression target (alpha x1 - beta x0) / c */
static inline void plain_sample(const pf_time_map *map, double t, const double *x0, const double *x1,
                                double *x, double *target) {
  pf_interpolant_values v = pf_interpolant_at(map->interpolant, t);
  double c = sqrt(v.alpha * v.alpha + v.beta * v.beta);
  for (int j = 0; j < map->network.inputs; j++) {
    x[j] = v.alpha * x0[j] + v.beta * x1[j];
    target[j] = (v.alpha * x1[j] - v.beta * x0[j]) / c;
  }
}

#endif
