/* Laws spread around a curve: x = sign (c_arc(v) + w (U', U'')) + s (N, N).
 *
 *   c      the curve(s), v in (0,1): v = U, or v = sqrt(U) for spirals filled evenly in area ("root")
 *   sign   +-1 fair when the law is mirrored, else 1
 *   w      side of the box noise (one shared U for both coordinates when `diagonal`); s  sd of the normal noise
 * Draws: arc, sign, U, U', U'', N, N. Densities integrate the kernel of the noise over v by composite Gauss-Legendre
 * quadrature (PANELS x 4 nodes an arc); moments use the same nodes.
 * Sources: rtqichen/ffjord (swissroll, moons, 2spirals, line, cos), igul222/improved_wgan_training (wgan-swiss),
 * jshe/wasserstein-2 (w2-swiss), atong01/conditional-flow-matching (torchcfm-*).
 */
#include <math.h>
#include "../base/memory.h"
#include "law_internal.h"

enum { PANELS = 1000, NODES = 4 * PANELS };
static const double PI = 3.14159265358979323846;

typedef void curve_point(const double *args, int arc, double v, double *x);

typedef struct curve {
  curve_point *point;
  int arcs;
  bool mirrored, root, diagonal;
  double box, sd;
  double args[PF_LAW_MAX_ARGS];
  double *node;   /* arcs * NODES x 2: points of the curve */
  double *weight; /* [arcs * NODES], sums to 1 */
} curve;

static void free_curve(void *state) {
  curve *c = state;
  pf_free(c->node);
  pf_free(c->weight);
}

static void draw(const pf_law *law, pf_rng *rng, double *x) {
  const curve *c = law->state;
  int arc = c->arcs > 1 ? (int)pf_rng_below(rng, (uint32_t)c->arcs) : 0;
  double sign = c->mirrored && pf_rng_below(rng, 2) ? -1 : 1;
  double u = pf_rng_uniform(rng), box[2] = {0, 0};
  c->point(c->args, arc, c->root ? sqrt(u) : u, x);
  if (c->box > 0) {
    box[0] = c->box * pf_rng_uniform(rng);
    box[1] = c->diagonal ? box[0] : c->box * pf_rng_uniform(rng);
  }
  for (int i = 0; i < 2; i++) {
    x[i] = sign * (x[i] + box[i]);
    if (c->sd > 0) x[i] += c->sd * pf_rng_normal(rng);
  }
}

/* ---- density ---- */

/* Phi(z/s) - Phi((z-w)/s), over w: the density of w U + s N at z. Symmetric about w/2; taken on the lower side, where
 * both terms are small and nothing cancels. */
static double box_kernel(double z, double w, double s) {
  if (z > w / 2) z = w - z;
  double scale = 1 / (s * sqrt(2));
  return (erfc(-z * scale) - erfc((w - z) * scale)) / (2 * w);
}

/* Distance of z from [0, w]. Written without fmax, which is a call. */
static inline double outside(double z, double w) { return z < 0 ? -z : z > w ? z - w : 0; }

/* Squared distance of (z1, z2) from the box [0, w]^2; times 1/(2 s^2) it is minus log of the kernel, roughly. */
static inline double square_distance(double z1, double z2, double w) {
  double d1 = outside(z1, w), d2 = outside(z2, w);
  return d1 * d1 + d2 * d2;
}

/* Smallest square distance of x from the boxes at the nodes; LANES minima side by side, for the vector unit. */
static double nearest_square(const curve *c, double x1, double x2) {
  enum { LANES = 8 };
  double best[LANES], least = INFINITY;
  for (int l = 0; l < LANES; l++) best[l] = INFINITY;
  for (int j = 0; j < c->arcs * NODES; j += LANES)
    for (int l = 0; l < LANES; l++) {
      double q = square_distance(x1 - c->node[2 * (j + l)], x2 - c->node[2 * (j + l) + 1], c->box);
      best[l] = q < best[l] ? q : best[l];
    }
  for (int l = 0; l < LANES; l++) least = best[l] < least ? best[l] : least;
  return least;
}

static double log_p(const pf_law *law, const double *x) {
  const curve *c = law->state;
  int signs = c->mirrored ? 2 : 1, count = c->arcs * NODES;
  double nearest = nearest_square(c, x[0], x[1]), sum = 0, rate = 0.5 / (c->sd * c->sd);
  if (c->mirrored) nearest = fmin(nearest, nearest_square(c, -x[0], -x[1]));
  if (!(nearest < INFINITY)) return isnan(x[0] + x[1]) ? NAN : -INFINITY;
  double limit = nearest + 34 / rate; /* farther nodes add less than 1e-14 of the largest term */
  for (int sign = 1; sign >= 3 - 2 * signs; sign -= 2)
    for (int j = 0; j < count; j++) {
      double z1 = sign * x[0] - c->node[2 * j], z2 = sign * x[1] - c->node[2 * j + 1];
      double q = square_distance(z1, z2, c->box);
      if (q > limit) continue;
      sum += c->weight[j] * (c->box > 0 ? box_kernel(z1, c->box, c->sd) * box_kernel(z2, c->box, c->sd)
                                        : exp(rate * (nearest - q)));
    }
  double shift = c->box > 0 ? 0 : -rate * nearest + log(rate / PI);
  return log(sum / signs) + shift;
}

/* ---- creation ---- */

static pf_status place_nodes(curve *c, pf_error *error) {
  static const double X[4] = {-.861136311594052575, -.339981043584856265, .339981043584856265,
                              .861136311594052575};
  static const double W[4] = {.347854845137453857, .652145154862546143, .652145154862546143,
                              .347854845137453857};
  PF_TRY(pf_alloc(2 * (size_t)c->arcs * NODES, sizeof(double), &c->node, error));
  PF_TRY(pf_alloc((size_t)c->arcs * NODES, sizeof(double), &c->weight, error));
  for (int arc = 0; arc < c->arcs; arc++)
    for (int i = 0; i < NODES; i++) {
      int j = arc * NODES + i;
      double v = (i / 4 + 0.5 + 0.5 * X[i % 4]) / PANELS;
      c->weight[j] = 0.5 * W[i % 4] / (PANELS * c->arcs) * (c->root ? 2 * v : 1);
      c->point(c->args, arc, v, c->node + 2 * j);
    }
  return PF_OK;
}

static void set_moments(pf_law *law, const curve *c) {
  double mean[2] = {0, 0}, second[4] = {0, 0, 0, 0};
  for (int j = 0; j < c->arcs * NODES; j++)
    for (int i = 0; i < 2; i++) {
      double xi = c->node[2 * j + i] + c->box / 2;
      mean[i] += c->weight[j] * xi;
      for (int k = 0; k < 2; k++) second[2 * i + k] += c->weight[j] * xi * (c->node[2 * j + k] + c->box / 2);
    }
  for (int i = 0; i < 2; i++) {
    law->mean[i] = c->mirrored ? 0 : mean[i];
    for (int k = 0; k < 2; k++) {
      double noise = (i == k || c->diagonal ? c->box * c->box / 12 : 0) + (i == k ? c->sd * c->sd : 0);
      law->covariance[2 * i + k] = second[2 * i + k] + noise - (c->mirrored ? 0 : mean[i] * mean[k]);
    }
  }
}

static pf_status set_curve(pf_law *law, const curve *definition, pf_error *error) {
  PF_TRY(pf_law_set_dimension(law, 2, error));
  curve *c = NULL;
  PF_TRY(pf_law_set_state(law, sizeof *c, free_curve, &c, error));
  *c = *definition;
  PF_TRY(place_nodes(c, error));
  set_moments(law, c);
  law->draw = draw;
  law->log_p = c->sd > 0 ? log_p : NULL; /* a bare curve or a box around it has no usable formula */
  return PF_OK;
}

/* ---- the curves ---- */

/* args: scale */
static void swissroll_point(const double *args, int arc, double v, double *x) {
  (void)arc;
  double a = 1.5 * PI * (1 + 2 * v);
  x[0] = args[0] * a * cos(a);
  x[1] = args[0] * a * sin(a);
}

/* args: scale, shift of x1, shift of x2 */
static void moons_point(const double *args, int arc, double v, double *x) {
  double theta = PI * v;
  x[0] = args[0] * (arc == 0 ? cos(theta) : 1 - cos(theta)) + args[1];
  x[1] = args[0] * (arc == 0 ? sin(theta) : 0.5 - sin(theta)) + args[2];
}

static void two_spirals_point(const double *args, int arc, double v, double *x) {
  (void)args;
  (void)arc;
  double m = 3 * PI * v; /* 540 degrees */
  x[0] = -m * cos(m) / 3;
  x[1] = m * sin(m) / 3;
}

/* args: sign s of the curve (the box is not reflected) */
static void w2_swiss_point(const double *args, int arc, double v, double *x) {
  (void)arc;
  double m = (.001 + 570 * v) * 2 * PI / 360;
  x[0] = .15 * args[0] * m * cos(m);
  x[1] = -.15 * args[0] * m * sin(m);
}

/* args: scale */
static void scurve_point(const double *args, int arc, double v, double *x) {
  (void)arc;
  double a = 3 * PI * (v - 0.5);
  x[0] = args[0] * sin(a);
  x[1] = args[0] * (a < 0 ? 1 - cos(a) : cos(a) - 1);
}

static void line_point(const double *args, int arc, double v, double *x) {
  (void)args;
  (void)arc;
  x[0] = x[1] = 5 * v - 2.5;
}

static void cosine_point(const double *args, int arc, double v, double *x) {
  line_point(args, arc, v, x);
  x[1] = 2.5 * sin(x[0]);
}

/* args: scale, sd */
pf_status pf_law_build_swissroll(pf_law *law, const double *args, const pf_law_keys *keys, pf_error *error) {
  (void)keys;
  return set_curve(law, &(curve){.point = swissroll_point, .arcs = 1, .sd = args[1], .args = {args[0]}},
                   error);
}

/* args: scale, shift of x1, shift of x2, sd */
pf_status pf_law_build_moons(pf_law *law, const double *args, const pf_law_keys *keys, pf_error *error) {
  (void)keys;
  curve c = {.point = moons_point, .arcs = 2, .sd = args[3], .args = {args[0], args[1], args[2]}};
  return set_curve(law, &c, error);
}

pf_status pf_law_build_diagonal_moons(pf_law *law, const double *args, const pf_law_keys *keys,
                                      pf_error *error) {
  (void)args;
  (void)keys;
  curve c = {.point = moons_point, .arcs = 2, .box = .6, .diagonal = true, .args = {3, -1, -1}};
  return set_curve(law, &c, error);
}

pf_status pf_law_build_two_spirals(pf_law *law, const double *args, const pf_law_keys *keys,
                                   pf_error *error) {
  (void)args;
  (void)keys;
  curve c = {.point = two_spirals_point, .arcs = 1, .mirrored = true, .root = true, .box = .5 / 3, .sd = .1};
  return set_curve(law, &c, error);
}

pf_status pf_law_build_w2_swiss(pf_law *law, const double *args, const pf_law_keys *keys, pf_error *error) {
  (void)keys;
  curve c = {.point = w2_swiss_point, .arcs = 1, .root = true, .box = .1, .args = {args[0]}};
  return set_curve(law, &c, error);
}

/* args: scale, sd */
pf_status pf_law_build_scurve(pf_law *law, const double *args, const pf_law_keys *keys, pf_error *error) {
  (void)keys;
  return set_curve(law, &(curve){.point = scurve_point, .arcs = 1, .sd = args[1], .args = {args[0]}}, error);
}

pf_status pf_law_build_line(pf_law *law, const double *args, const pf_law_keys *keys, pf_error *error) {
  (void)args;
  (void)keys;
  return set_curve(law, &(curve){.point = line_point, .arcs = 1}, error);
}

pf_status pf_law_build_cosine(pf_law *law, const double *args, const pf_law_keys *keys, pf_error *error) {
  (void)args;
  (void)keys;
  return set_curve(law, &(curve){.point = cosine_point, .arcs = 1}, error);
}
