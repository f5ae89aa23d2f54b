/* JKO flows trained here between Gaussians, against the closed forms and the one-step inequality (jko_flow.md 6 and 7).
 *
 * The blocks are small networks fitted by the library's loss to rows without sampling error, pushed through each finished
 * block. Everything measured of them is an integral over a grid of the line (gaussian_line.h), so the bands are what training
 * leaves.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "../ot/bures.h"
#include "jko.h"
#include "jko_chain.h"

enum { ROWS = PF_JKO_CHAIN_ROWS, BLOCKS = 3, INVERTED = 129 };
static const double WITHIN = 0.02;  /* of the closed form */
static const double RESIDUAL = 0.1; /* of a trained block; the identity in its place has 1 to 3 */

static pf_jko_chain chain_of(pf_verify_run *run, const pf_jko_subject *subject, uint32_t stage) {
  pf_jko_chain c = {.run = run,
                    .settings = pf_jko_line_settings(),
                    .steps = subject->steps,
                    .stage = stage,
                    .blocks = BLOCKS};
  c.settings.likelihood = subject->likelihood;
  return c;
}

/* ---- the line ---- */

/* The step size and how many blocks there are. */
typedef struct place {
  double h;
  int k;
} place;

/* value against the closed form, within 2 % of it. */
static pf_status add_within(pf_verify_run *run, double value, double expected, const char *what, place at,
                            pf_error *error) {
  return pf_verify_add(run, (pf_claim){value, expected, WITHIN * fabs(expected)}, error,
                       "%s, h=%g, %d block%s", what, at.h, at.k, at.k == 1 ? "" : "s");
}

/* left <= right as a check: their ratio in 0..1. */
static pf_status add_bound(pf_verify_run *run, double left, double right, const char *what, place at,
                           pf_error *error) {
  return pf_verify_add(run, (pf_claim){left / right, 0.5, 0.5}, error, "%s, h=%g, block %d", what, at.h,
                       at.k);
}

/* What the theory's bounds are made of: W2^2 to the target before every step, the largest eps^2 so far. */
typedef struct bounds {
  pf_line_law target, start;
  double eps2;
} bounds;

static pf_status check_bounds(pf_verify_run *run, bounds *b, const pf_line_law *from, const pf_line_law *to,
                              place at, pf_error *error) {
  double h = at.h, before = pf_line_w2_squared(from, &b->target), after = pf_line_w2_squared(to, &b->target);
  double start = pf_line_w2_squared(&b->start, &b->target);
  double kl = pf_line_kl(to), eps2 = pf_line_residual_squared(from, to, h);
  b->eps2 = fmax(b->eps2, eps2);
  PF_TRY(pf_verify_add(run, (pf_claim){sqrt(eps2), 0, RESIDUAL}, error,
                       "first-order residual, h=%g, block %d", h, at.k));
  PF_TRY(add_bound(run, (1 + h / 2) * after + 2 * h * kl, before + 2 * h * eps2,
                   "one-step inequality, left / right", at, error));
  PF_TRY(add_bound(run, after, pow(1 + h / 2, -at.k) * start + 4 * b->eps2, "W2 bound T1, left / right", at,
                   error));
  return add_bound(run, kl, before / (2 * h) + b->eps2, "KL bound T2, left / right", at, error);
}

static pf_status check_step(pf_verify_run *run, const pf_line_law *law, pf_normal_law expected, place at,
                            pf_error *error) {
  const pf_normal_law target = {0, 1};
  pf_normal_law found = pf_line_moments(law);
  pf_line_law normal = pf_line_of(target);
  double w2 = sqrt(pf_line_w2_squared(law, &normal)),
         expected_w2 = sqrt(pf_normal_w2_squared(expected, target));
  PF_TRY(add_within(run, found.mean, expected.mean, "mean", at, error));
  PF_TRY(add_within(run, found.sd, expected.sd, "sd", at, error));
  PF_TRY(add_within(run, pf_line_kl(law), pf_normal_kl(expected), "KL", at, error));
  return add_within(run, w2, expected_w2, "W2", at, error);
}

/* T3: the flow's negative log-likelihood of the data exceeds their entropy by the KL of the pushed data. The left side is made
 * of accumulated divergences, the right one of the slope of the map alone. */
static pf_status check_gap(pf_verify_run *run, const pf_line_law *law, double h, pf_error *error) {
  double entropy = 0.5 * (1 + log(2 * M_PI)) + log(2), nll = 0;
  for (int i = 0; i < PF_LINE_NODES; i++) {
    double log_det = law->log_slope[i] - log(2);
    nll += pf_line_weight(i) * (0.5 * law->z[i] * law->z[i] + 0.5 * log(2 * M_PI) - log_det);
  }
  double kl = pf_line_kl_by_slope(law);
  return pf_verify_add(run, (pf_claim){(nll - entropy) / kl, 1, 0.01}, error,
                       "NLL minus entropy, of the pushed data's KL, h=%g", h);
}

/* ---- inversion ---- */

static double start_at(int i) { return 3 + 2 * (-3 + 6.0 * i / (INVERTED - 1)); }

static double rms(const double *a, const double *b) {
  double sum = 0;
  for (int i = 0; i < INVERTED; i++) sum += (a[i] - b[i]) * (a[i] - b[i]) / INVERTED;
  return sqrt(sum);
}

/* The chain in double with so many steps a block: where it ends, and where its inverse brings that. */
typedef struct trip {
  double start[INVERTED], end[INVERTED], back[INVERTED];
} trip;

static pf_status take_trip(const pf_jko_chain *c, int steps, trip *out, pf_error *error) {
  for (int i = 0; i < INVERTED; i++) out->end[i] = out->start[i] = start_at(i);
  PF_TRY(pf_jko_chain_move(c, (pf_jko_trip){0, BLOCKS, steps, false}, INVERTED, out->end, error));
  memcpy(out->back, out->end, sizeof out->back);
  return pf_jko_chain_move(c, (pf_jko_trip){0, BLOCKS, steps, true}, INVERTED, out->back, error);
}

static pf_status measure_inversion(const pf_jko_chain *c, pf_error *error) {
  enum { LADDER = 3, FINE = 128 };
  static const int steps[LADDER] = {2, 4, 8};
  double count[LADDER], back[LADDER], there[LADDER];
  trip fine, coarse;
  PF_TRY(take_trip(c, FINE, &fine, error));
  for (int i = 0; i < LADDER; i++) {
    PF_TRY(take_trip(c, steps[i], &coarse, error));
    count[i] = steps[i];
    back[i] = rms(coarse.back, coarse.start);
    there[i] = rms(coarse.end, fine.end);
  }
  /* the leading error of a step there and of its step back cancel: fifth order */
  PF_TRY(pf_verify_add(c->run, (pf_claim){-pf_log_slope(count, back, LADDER), 4.5, 1}, error,
                       "order of the inversion error"));
  PF_TRY(pf_verify_add(c->run, (pf_claim){-pf_log_slope(count, there, LADDER), 4, 0.5}, error,
                       "order of the flow's error"));
  return pf_verify_add(c->run, (pf_claim){rms(fine.back, fine.start), 0, 1e-10}, error,
                       "inversion RMS, %d steps a block, in double", FINE);
}

static pf_status check_inversion(const pf_jko_chain *c, pf_error *error) {
  double x[INVERTED], start[INVERTED];
  PF_TRY(measure_inversion(c, error));
  for (int i = 0; i < INVERTED; i++) x[i] = start[i] = start_at(i);
  for (int way = 0; way < 2; way++) {
    pf_cnf_move move = {.direction = way == 0 ? PF_CNF_TO_NOISE : PF_CNF_TO_DATA, .steps = 16};
    PF_TRY(pf_cnf_rows(c->cnf, &move, (pf_rows){0, INVERTED}, x, NULL, NULL, c->run->pool, error));
  }
  return pf_verify_add(c->run, (pf_claim){rms(x, start), 0, 1e-5}, error,
                       "inversion RMS, 16 steps a block, as it samples");
}

/* ---- chains ---- */

static pf_status run_chain(pf_jko_chain *c, double movement, double h, bool invert, pf_error *error) {
  pf_normal_law expected = {3, 2};
  bounds b = {.target = pf_line_of((pf_normal_law){0, 1}), .start = pf_line_of(expected)};
  pf_line_law law = b.start;
  c->settings.movement = movement / h;
  PF_TRY(pf_jko_chain_open(c, error));
  PF_TRY(pf_jko_chain_normal_rows(c, expected.mean, expected.sd, error));
  for (int k = 0; k < BLOCKS; k++) {
    char name[48];
    pf_line_law before = law;
    place at = {h, k + 1};
    snprintf(name, sizeof name, "chain h=%g, block %d", h, k + 1);
    expected = pf_jko_gaussian_step(expected, h);
    PF_TRY(pf_jko_chain_add(c, k, name, error));
    PF_TRY(pf_line_push(&law, c->cnf, k, c->run->pool, error));
    PF_TRY(check_step(c->run, &law, expected, at, error));
    PF_TRY(check_bounds(c->run, &b, &before, &law, at, error));
  }
  PF_TRY(check_gap(c->run, &law, h, error));
  return invert ? check_inversion(c, error) : PF_OK;
}

pf_status pf_verify_jko_chains(pf_verify_run *run, const pf_jko_subject *subject, pf_error *error) {
  static const double sizes[PF_JKO_SIZES] = {1, .5, 2};
  for (int i = 0; i < subject->sizes; i++) {
    pf_jko_chain c = chain_of(run, subject, (uint32_t)(20 + BLOCKS * i));
    pf_status status = run_chain(&c, subject->movement, sizes[i], i == 0, error);
    pf_jko_chain_close(&c);
    PF_TRY(status);
  }
  return PF_OK;
}

/* ---- a correlated Gaussian ---- */

/* N(0, [[7, 5], [5, 7]]): eigenvalues 12 and 2; one step with h = 10. */
static pf_status check_plane(pf_jko_chain *c, double movement, pf_error *error) {
  static const double h = 10, eigenvalue[2] = {12, 2};
  double rows[ROWS * 2], mean[2], covariance[4], variance[2];
  c->settings.movement = movement / h;
  PF_TRY(pf_jko_chain_open(c, error));
  PF_TRY(pf_even_normals(ROWS, 2, rows, error));
  for (int i = 0; i < ROWS; i++) {
    double a = sqrt(eigenvalue[0] / 2) * rows[2 * i], b = sqrt(eigenvalue[1] / 2) * rows[2 * i + 1];
    c->rows[2 * i] = (float)(a + b);
    c->rows[2 * i + 1] = (float)(a - b);
  }
  PF_TRY(pf_jko_chain_add(c, 0, "correlated Gaussian", error));
  for (int i = 0; i < ROWS * 2; i++) rows[i] = c->rows[i];
  PF_TRY(pf_moments((pf_points){rows, ROWS, 2}, mean, covariance, error));
  PF_TRY(pf_symmetric_eigen(covariance, 2, variance, error));
  for (int j = 0; j < 2; j++) {
    double expected = pf_jko_gaussian_step((pf_normal_law){0, sqrt(eigenvalue[j])}, h).sd;
    double reference = j == 0 ? 1.123836 : 1.019910;
    PF_TRY(pf_verify_add(c->run, (pf_claim){expected, reference, 6e-7}, error,
                         "N(0,[[7,5],[5,7]]), h=10, exact sd %d", j + 1));
    PF_TRY(pf_verify_add(c->run, (pf_claim){sqrt(variance[1 - j]), expected, WITHIN * expected}, error,
                         "N(0,[[7,5],[5,7]]), h=10, trained sd %d", j + 1));
  }
  return PF_OK;
}

pf_status pf_verify_jko_plane(pf_verify_run *run, const pf_jko_subject *subject, pf_error *error) {
  pf_jko_chain c = chain_of(run, subject, 40);
  c.settings.field.network.inputs = c.settings.field.network.outputs = 2;
  c.settings.field.network.width = 32;
  pf_status status = check_plane(&c, subject->movement, error);
  pf_jko_chain_close(&c);
  return status;
}
