/* Steps with a first-order error of exactly eps between Gaussians: KL after O(log 1/eps) steps is of order eps^2.
 *
 *   xi(x) = x + grad log p'(x) - (T(x) - x)/h is affine. Per axis, in units of p':  a at the mean,  b its slope times s',
 *     m' (1 + 1/h) - m/h = a        s' (1 + 1/h) - 1/s' - s/h = b        |xi|^2 = sum of a^2 + b^2
 *   so that the step with a given (a, b) has a closed form.
 */
#include <math.h>
#include <stdio.h>
#include "../base/canary.h"
#include "../base/rng.h"
#include "../verify/gaussian_line.h"
#include "flows.h"
#include "jko.h"

enum { KINDS = 3, STEP_SIZES = 2, ERRORS = 7, SEEDS = 12, PER_SIZE = ERRORS * SEEDS, AXES = 3 };
static const char *const kinds[KINDS] = {"mean", "constant", "fresh"};
static const double steps_h[STEP_SIZES] = {.5, 1};
static const double errors[ERRORS] = {.3, .1, .03, .01, .003, .001, .0003};

enum { KL, W2, BLOCKS, EXCESS, VALUES };
static const char *const names[VALUES] = {"KL", "W2", "blocks", "largest KL over its T2 bound"};

typedef struct place {
  int kind, size, error, seed;
} place;

static place place_of(int cell) {
  return (place){cell / (STEP_SIZES * PER_SIZE), cell / PER_SIZE % STEP_SIZES, cell / SEEDS % ERRORS,
                 cell % SEEDS};
}

static void describe(int cell, pf_cell_text *out) {
  place p = place_of(cell);
  snprintf(out->key, sizeof out->key, "%s h=%g eps=%g #%d", kinds[p.kind], steps_h[p.size], errors[p.error],
           p.seed + 1);
  out->cost = 1e-3;
}

typedef struct product {
  int d;
  pf_normal_law axis[AXES];
} product;

/* xi: a and b of every axis; its norm is eps. */
typedef struct direction {
  double part[2 * AXES];
} direction;

static direction draw_direction(pf_rng *rng, int kind, int d, double eps) {
  direction out = {{0}};
  double norm = 0;
  for (int i = 0; i < 2 * d; i++) {
    double normal = pf_rng_normal(rng);
    out.part[i] = kind == 0 && i % 2 == 1 ? 0 : normal;
    norm += out.part[i] * out.part[i];
  }
  for (int i = 0; i < 2 * d; i++) out.part[i] *= eps / sqrt(norm);
  return out;
}

static product inexact_step(const product *from, double h, const direction *xi) {
  product to = *from;
  for (int j = 0; j < from->d; j++) {
    double a = xi->part[2 * j], b = PF_CANARY(JKO_INEXACT, xi->part[2 * j + 1], 0);
    double middle = b + from->axis[j].sd / h;
    to.axis[j].mean = (from->axis[j].mean + h * a) / (1 + h);
    to.axis[j].sd = (middle + sqrt(middle * middle + 4 * (1 + 1 / h))) / (2 * (1 + 1 / h));
  }
  return to;
}

static double sum_w2(const product *p) {
  double sum = 0;
  for (int j = 0; j < p->d; j++) sum += pf_normal_w2_squared(p->axis[j], (pf_normal_law){0, 1});
  return sum;
}

static double sum_kl(const product *p) {
  double sum = 0;
  for (int j = 0; j < p->d; j++) sum += pf_normal_kl(p->axis[j]);
  return sum;
}

/* The residual by its definition: that of the step as it was taken must be eps. */
static pf_status check_residual(const product *from, const product *to, double h, double eps,
                                pf_error *error) {
  double sum = 0;
  for (int j = 0; j < from->d; j++) sum += pf_normal_residual_squared(from->axis[j], to->axis[j], h);
  if (fabs(sqrt(sum) - eps) <= 1e-9) return PF_OK;
  return pf_fail(error, PF_FAILED, "a step of first-order error %g instead of %g", sqrt(sum), eps);
}

static pf_status measure(const pf_cell_run *run, double *values, pf_error *error) {
  place at = place_of(run->cell);
  double h = steps_h[at.size], eps = errors[at.error];
  pf_rng rng = pf_rng_at(run->draw, PF_STREAM_VERIFY, 0, 0);
  product p = {.d = 1 + at.seed % AXES};
  for (int j = 0; j < p.d; j++)
    p.axis[j] = (pf_normal_law){3 * pf_rng_normal(&rng), exp(pf_rng_normal(&rng) / 2)};
  direction xi = draw_direction(&rng, at.kind, p.d, eps);
  double start = sum_w2(&p);
  int blocks = 1 + (int)ceil(fmax(0, log(start / (eps * eps)) / log(1 + h / 2)));
  values[EXCESS] = 0;
  for (int k = 0; k < blocks; k++) {
    if (at.kind == 2) xi = draw_direction(&rng, at.kind, p.d, eps);
    product next = inexact_step(&p, h, &xi);
    PF_TRY(check_residual(&p, &next, h, eps, error));
    values[EXCESS] = fmax(values[EXCESS], sum_kl(&next) / (sum_w2(&p) / (2 * h) + eps * eps));
    p = next;
  }
  values[KL] = sum_kl(&p);
  values[W2] = sqrt(sum_w2(&p));
  values[BLOCKS] = blocks;
  return PF_OK;
}

/* ---- conclusions ---- */

static const double *values_of(const pf_experiment *e, int kind, int size, int i) {
  return e->cells[(kind * STEP_SIZES + size) * PER_SIZE + i].values;
}

static pf_status check_kind(pf_experiment *e, int kind, int size, pf_error *error) {
  double x[PER_SIZE], kl[PER_SIZE], last[SEEDS], h = steps_h[size];
  for (int i = 0; i < PER_SIZE; i++) {
    x[i] = errors[i / SEEDS];
    kl[i] = values_of(e, kind, size, i)[KL];
  }
  for (int s = 0; s < SEEDS; s++) last[s] = kl[PER_SIZE - SEEDS + s] / pow(errors[ERRORS - 1], 2);
  PF_TRY(pf_conclude_check(e, pf_estimate_slope(x, kl, PER_SIZE, NULL), (pf_band){1.8, 2.2}, error,
                           "slope of KL in eps, %s, h=%g", kinds[kind], h));
  return kind == 0 ? pf_conclude_check(e, pf_estimate_mean(last, SEEDS), (pf_band){.45, .55}, error,
                                       "KL / eps^2 at eps=%g, %s, h=%g", errors[ERRORS - 1], kinds[kind], h)
                   : PF_OK;
}

/* Over all cells: KL against T1 and T2 put together, and T2 alone in every step. */
static pf_status check_bounds(pf_experiment *e, pf_error *error) {
  double end = 0, step = 0;
  bool is_number = true;
  for (int i = 0; i < e->n_cells; i++) {
    place at = place_of(i);
    const double *v = e->cells[i].values;
    double eps = errors[at.error], bound = (1 + 5 / (2 * steps_h[at.size])) * eps * eps;
    end = fmax(end, v[KL] / bound);
    step = fmax(step, v[EXCESS]);
    is_number = is_number && isfinite(v[KL]) && isfinite(v[EXCESS]);
  }
  PF_TRY(pf_conclude_check(e, pf_estimate_exact(is_number ? end : NAN), (pf_band){0, 1}, error,
                           "largest KL / ((1 + 5/(2h)) eps^2)"));
  return pf_conclude_check(e, pf_estimate_exact(is_number ? step : NAN), (pf_band){0, 1}, error,
                           "largest KL / T2 bound, any step");
}

static pf_status draw(pf_experiment *e, int size, int value, pf_error *error) {
  for (int kind = 0; kind < KINDS; kind++) {
    pf_study_point points[ERRORS];
    for (int i = 0; i < ERRORS; i++) {
      double found[SEEDS];
      for (int s = 0; s < SEEDS; s++) found[s] = values_of(e, kind, size, i * SEEDS + s)[value];
      points[i] = pf_point_of(errors[i], found, SEEDS);
    }
    PF_TRY(pf_conclude_series(e, (pf_series_head){PF_STUDY_LINE, points, ERRORS}, error, "%s", kinds[kind]));
  }
  return PF_OK;
}

static pf_status conclude(pf_experiment *e, pf_error *error) {
  const double least = errors[ERRORS - 1], most = errors[0];
  for (int kind = 0; kind < KINDS; kind++)
    for (int size = 0; size < STEP_SIZES; size++) PF_TRY(check_kind(e, kind, size, error));
  PF_TRY(check_bounds(e, error));
  PF_TRY(
      pf_conclude_chart(e, (pf_chart_head){"KL after the last block, h=1", "eps", "KL", true, true}, error));
  PF_TRY(draw(e, 1, KL, error));
  PF_TRY(pf_conclude_power(e, (pf_power_law){3.5, 2, least, most}, error, "7/2 eps^2 (T1 and T2)"));
  PF_TRY(pf_conclude_power(e, (pf_power_law){4.5, 2, least, most}, error, "9/2 eps^2 (recalled)"));
  PF_TRY(pf_conclude_power(e, (pf_power_law){0.5, 2, least, most}, error, "eps^2 / 2"));
  PF_TRY(pf_conclude_chart(e, (pf_chart_head){"Blocks taken, h=1", "eps", "blocks", true, false}, error));
  return draw(e, 1, BLOCKS, error);
}

const pf_experiment_plan pf_jko_inexact_steps = {
    .name = "inexact-steps",
    .title = "KL against the first-order error of the steps",
    .claim = "When every step misses its first-order condition by eps, KL to N(0,I) is O(eps^2) after a "
             "number of steps that grows "
             "like log(1/eps).",
    .source = "arXiv 2310.17582, abstract: KL = O(eps^2) with N <~ log(1/eps) steps. The bound that is "
              "checked is derived (T1 and "
              "T2); the paper's own 9/2 eps^2 is recalled and only drawn",
    .protocol = "Gaussians of one to three axes, random start, exact steps perturbed in closed form so that "
                "the L2 norm of the "
                "residual xi is exactly eps (each step's is checked by its definition): pushing the mean "
                "alone in one constant "
                "direction, in a constant random direction of means and sds, or in a fresh one every step. 1 "
                "+ ceil(log(W2^2 of the "
                "start / eps^2) / log(1+h/2)) steps, eps from .3 to .0003, h=.5 and 1, 12 seeds each.",
    .band = "Slope 1.8 to 2.2: order 2 exactly in the limit, and .2 for what .3 is from the limit and for "
            "random directions. A "
            "constant push of the mean has the fixed point m=eps, KL=eps^2/2: within 10 %. KL at most (1 + "
            "5/(2h)) eps^2, which "
            "is T1 put into T2 after that many steps.",
    .value_names = names,
    .n_values = VALUES,
    .n_cells = KINDS * STEP_SIZES * PER_SIZE,
    .describe = describe,
    .measure = measure,
    .conclude = conclude};
