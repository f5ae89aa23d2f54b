/* How fast W2 falls along the exact plan.
 *
 *   The plan stays optimal on the way and every ray obeys r' = -r, so a step of length h multiplies W2 by the
 *   tableau's polynomial q(h): 1 - h (Euler), 1 - h + h^2/2 (Heun), to h^4/24 (RK4). The effective rate -ln q(h) / h
 *   is 1 + h/2 + .., 1 - h^2/6 + .., 1 - h^4/120 + ..; J = W2^2 / 2 falls twice as fast. Between Gaussians the same
 *   holds of the laws: mean and covariance after an Euler step are (1-h) m + h m1 and M S M, M = (1-h) I + h A, A the
 *   optimal matrix from S to S1. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "../base/canary.h"
#include "../base/rng.h"
#include "../ot/bures.h"
#include "../verify/w2fe.h"
#include "gradient_flow.h"
#include "w2fe.h"

enum { LEVELS = 5, N = 64, REPEATS = 4, CLOUDS = 3, SETTINGS = CLOUDS + 1, TIMES = 8, T = 2 };
enum {
  EULER,
  HEUN = EULER + LEVELS,
  RK4 = HEUN + LEVELS,
  RK4_LEVELS = LEVELS - 1,
  FACTOR = RK4 + RK4_LEVELS,
  ENERGY,
  PATH,
  VALUES = PATH + TIMES
};
static const double STEP[LEVELS] = {.25, .125, .0625, .03125, .015625}; /* RK4: four times as long */
static const char *const value_names[VALUES] = {
    "Euler 1/4", "Euler 1/8", "Euler 1/16", "Euler 1/32",    "Euler 1/64",      "Heun 1/4",
    "Heun 1/8",  "Heun 1/16", "Heun 1/32",  "Heun 1/64",     "RK4 1",           "RK4 1/2",
    "RK4 1/4",   "RK4 1/8",   "factor",     "slope of ln J", "W2 share at 1/4", "at 1/2",
    "at 3/4",    "at 1",      "at 5/4",     "at 3/2",        "at 7/4",          "at 2"};
static const int columns[CLOUDS] = {1, 2, 4};

static void name_setting(int s, char *out, size_t size) {
  if (s == CLOUDS)
    snprintf(out, size, "Gaussian laws");
  else
    snprintf(out, size, "clouds, d=%d", columns[s]);
}

static void describe(int cell, pf_cell_text *out) {
  char name[32];
  name_setting(cell / REPEATS, name, sizeof name);
  snprintf(out->key, sizeof out->key, "%s #%d", name, cell % REPEATS);
  out->cost = cell / REPEATS < CLOUDS ? 0.7 : 0.1;
}

/* What a run of Euler steps says: its rate, and at the finest level the rest. distance: steps + 1. */
static void read_euler(const double *distance, int level, double *values) {
  int steps = (int)lround(T / STEP[level]);
  values[EULER + level] = fabs(-log(distance[steps] / distance[0]) / T - 1);
  if (level == 0)
    for (int k = 0; k < steps; k++) {
      double off = fabs(distance[k + 1] / distance[k] - (1 - STEP[0]));
      if (k == 0 || !(off <= values[FACTOR])) values[FACTOR] = off;
    }
  if (level < LEVELS - 1) return;
  double tt = 0, tj = 0; /* least squares through t = T/2, the middle */
  for (int k = 0; k <= steps; k++) {
    double t = k * STEP[level] - T / 2.0;
    tt += t * t;
    tj += t * 2 * log(distance[k]);
  }
  values[ENERGY] = tj / tt;
  for (int s = 0; s < TIMES; s++) values[PATH + s] = distance[(s + 1) * steps / TIMES] / distance[0];
}

/* ---- clouds ---- */

static pf_status run_cloud(pf_flow_lab *lab, pf_ode_method method, double step, pf_error *error) {
  const pf_flow_subject subject = {.factor = PF_CANARY(STUDY_W2_FACTOR, 1, 2)};
  const pf_particle_schedule schedule = {.method = method, .steps = (int)lround(T / step), .eps = step};
  return pf_flow_lab_run(lab, &subject, (pf_plan_field){.power = 2}, &schedule, error);
}

static double rate_off(const pf_flow_lab *lab) {
  return fabs(-log(lab->distance[lab->steps] / lab->distance[0]) / T - 1);
}

static pf_status measure_cloud(const pf_cell_run *run, double *values, pf_error *error) {
  pf_flow_lab lab;
  pf_flow_lab_size size = {N, columns[run->cell / REPEATS], 1};
  PF_TRY(pf_flow_lab_open(run->draw, 55, size, &lab, error));
  pf_status status = PF_OK;
  for (int l = 0; l < LEVELS && status == PF_OK; l++) {
    status = run_cloud(&lab, PF_ODE_EULER, STEP[l], error);
    if (status != PF_OK) break;
    read_euler(lab.distance, l, values);
    status = run_cloud(&lab, PF_ODE_HEUN, STEP[l], error);
    if (status != PF_OK) break;
    values[HEUN + l] = rate_off(&lab);
    if (l == RK4_LEVELS) break;
    status = run_cloud(&lab, PF_ODE_RK4, 4 * STEP[l], error);
    if (status == PF_OK) values[RK4 + l] = rate_off(&lab);
  }
  pf_flow_lab_close(&lab);
  return status;
}

/* ---- laws ---- */

enum { D = 2, DD = D * D };

typedef struct law {
  double mean[D], covariance[DD];
} law;

static law random_law(pf_rng *rng) {
  law out;
  double b[DD];
  for (int i = 0; i < DD; i++) b[i] = pf_rng_normal(rng);
  for (int i = 0; i < D; i++) {
    out.mean[i] = pf_rng_normal(rng);
    for (int j = 0; j < D; j++)
      out.covariance[i * D + j] = b[i * D] * b[j * D] + b[i * D + 1] * b[j * D + 1] + (i == j ? .2 : 0);
  }
  return out;
}

static void multiply(const double *a, const double *b, double *out) {
  for (int i = 0; i < D; i++)
    for (int j = 0; j < D; j++) out[i * D + j] = a[i * D] * b[j] + a[i * D + 1] * b[D + j];
}

static pf_status euler_step(law *now, const law *to, double h, pf_error *error) {
  double m[DD], half[DD];
  PF_TRY(pf_w2fe_optimal_matrix(now->covariance, to->covariance, m, error));
  for (int i = 0; i < DD; i++) m[i] = h * m[i] + (i % (D + 1) == 0 ? 1 - h : 0);
  multiply(m, now->covariance, half);
  multiply(half, m, now->covariance);
  for (int k = 0; k < D; k++) now->mean[k] += h * (to->mean[k] - now->mean[k]);
  return PF_OK;
}

static pf_status measure_laws(const pf_cell_run *run, double *values, pf_error *error) {
  enum { MOST = T * 64 };
  pf_rng rng = pf_rng_at(run->draw, PF_STREAM_VERIFY, 56, 0);
  law from = random_law(&rng), to = random_law(&rng);
  double distance[MOST + 1];
  for (int l = 0; l < LEVELS; l++) {
    law now = from;
    int steps = (int)lround(T / STEP[l]);
    for (int k = 0; k <= steps; k++) {
      pf_gaussian a = {now.mean, now.covariance, D}, b = {to.mean, to.covariance, D};
      PF_TRY(pf_bures_w2(a, b, &distance[k], error));
      PF_TRY(euler_step(&now, &to, STEP[l], error));
    }
    read_euler(distance, l, values);
  }
  return PF_OK;
}

static pf_status measure(const pf_cell_run *run, double *values, pf_error *error) {
  return run->cell / REPEATS < CLOUDS ? measure_cloud(run, values, error) : measure_laws(run, values, error);
}

/* ---- conclusions ---- */

static pf_cell_block block_of(int setting, int value, int levels) {
  return (pf_cell_block){setting * REPEATS, REPEATS, value, levels};
}

static pf_status check_setting(pf_experiment *e, int s, pf_error *error) {
  const double long_step[RK4_LEVELS] = {1, .5, .25, .125};
  char name[32];
  name_setting(s, name, sizeof name);
  PF_TRY(pf_conclude_check(e, pf_estimate_exact(pf_block_range(e, block_of(s, FACTOR, 1)).most),
                           (pf_band){0, 1e-8}, error, "%s: factor of W2 minus (1 - dt), dt=.25", name));
  PF_TRY(pf_conclude_check(e, pf_block_mean(e, block_of(s, ENERGY, 1), 0), (pf_band){-2.03, -1.97}, error,
                           "%s: slope of ln J in t, dt=1/64", name));
  PF_TRY(pf_conclude_check(e, pf_block_slope(e, block_of(s, EULER, LEVELS), STEP, NULL), (pf_band){.95, 1.1},
                           error, "%s: Euler, slope of (rate - 1) in dt", name));
  if (s == CLOUDS) return PF_OK;
  PF_TRY(pf_conclude_check(e, pf_block_slope(e, block_of(s, HEUN, LEVELS), STEP, NULL), (pf_band){1.9, 2.15},
                           error, "%s: Heun, slope of (rate - 1) in dt", name));
  return pf_conclude_check(e, pf_block_slope(e, block_of(s, RK4, RK4_LEVELS), long_step, NULL),
                           (pf_band){3.8, 4.4}, error, "%s: RK4, slope of (rate - 1) in dt", name);
}

static pf_status chart_rates(pf_experiment *e, pf_error *error) {
  const double long_step[RK4_LEVELS] = {1, .5, .25, .125};
  PF_TRY(pf_conclude_chart(
      e, (pf_chart_head){"Effective rate", "dt", "distance of the rate from 1", true, true}, error));
  PF_TRY(pf_block_series(e, block_of(1, EULER, LEVELS), STEP, error, "Euler, clouds, d=2"));
  PF_TRY(pf_block_series(e, block_of(CLOUDS, EULER, LEVELS), STEP, error, "Euler, Gaussian laws"));
  PF_TRY(pf_block_series(e, block_of(1, HEUN, LEVELS), STEP, error, "Heun, clouds, d=2"));
  PF_TRY(pf_block_series(e, block_of(1, RK4, RK4_LEVELS), long_step, error, "RK4, clouds, d=2"));
  PF_TRY(pf_conclude_power(e, (pf_power_law){.5, 1, STEP[LEVELS - 1], STEP[0]}, error, "dt / 2"));
  PF_TRY(pf_conclude_power(e, (pf_power_law){1. / 6, 2, STEP[LEVELS - 1], STEP[0]}, error, "dt^2 / 6"));
  return pf_conclude_power(e, (pf_power_law){1. / 120, 4, .125, 1}, error, "dt^4 / 120");
}

static pf_status chart_path(pf_experiment *e, pf_error *error) {
  double times[TIMES];
  pf_study_point ideal[TIMES];
  for (int s = 0; s < TIMES; s++) {
    times[s] = (s + 1) * T / (double)TIMES;
    ideal[s] = pf_bare_point(times[s], exp(-times[s]));
  }
  PF_TRY(pf_conclude_chart(e, (pf_chart_head){"The fall of W2", "t", "W2 / W2 at the start", false, true},
                           error));
  for (int s = 0; s < SETTINGS; s++) {
    char name[32];
    name_setting(s, name, sizeof name);
    PF_TRY(pf_block_series(e, block_of(s, PATH, TIMES), times, error, "%s", name));
  }
  return pf_conclude_series(e, (pf_series_head){PF_STUDY_REFERENCE, ideal, TIMES}, error, "e^-t");
}

static pf_status conclude(pf_experiment *e, pf_error *error) {
  for (int s = 0; s < SETTINGS; s++) PF_TRY(check_setting(e, s, error));
  PF_TRY(chart_rates(e, error));
  return chart_path(e, error);
}

const pf_experiment_plan pf_study_w2fe_rate = {
    .name = "rate",
    .title = "How fast W2 falls",
    .claim = "An Euler step along the exact plan multiplies W2 by 1 - dt; as dt falls W2 goes like e^-t and "
             "J = W2^2 / 2 like e^-2t. The rate is off by dt/2; with Heun's and Runge and Kutta's steps by "
             "dt^2/6 and dt^4/120.",
    .source = "Exponential convergence and the time-changed geodesic: abstract of arXiv 2406.13619. Factors "
              "and orders: derived (head of src/study/w2fe_rate.c).",
    .protocol = "64 points, N(0, I) to N(e_1, I/4), d = 1, 2, 4, exact plans, until t = 2 with dt = 1/4 to "
                "1/64 (RK4: 1 to 1/8); laws N(m, S) of the plane with random moments, by their own recursion "
                "and Bures' distance. 4 each; a slope per cell.",
    .band = "Factor: rounding. ln J: -2 within .03 (-2.016 at dt = 1/64). Orders: 1, 2, 4 with the next "
            "term's share over these steps (.95..1.1, 1.9..2.15, 3.8..4.4). Fixed before the first run.",
    .value_names = value_names,
    .n_values = VALUES,
    .n_cells = SETTINGS * REPEATS,
    .describe = describe,
    .measure = measure,
    .conclude = conclude};
