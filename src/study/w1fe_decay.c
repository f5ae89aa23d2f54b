/* The fall of W1 along Euler steps of exact plans, and what is left.
 *
 *   Until the shortest ray ends W1 falls by exactly eps a step. No point moves farther than eps a step, so W1 <= eps
 *   takes a time of at least W1(0) - eps; while the plan is kept all rays have ended, to less than eps, at the length
 *   of the longest. From then on a point stands rho or eps - rho from its target, in turns (w1fe_limit.c): eps / 2 in
 *   the mean of two steps, exactly. With eps_k that at most halves from step to step a point nearer than eps_k is nearer
 *   than eps_{k+1} after the next step. */
#include <math.h>
#include <stdio.h>
#include "../base/canary.h"
#include "gradient_flow.h"
#include "w1fe.h"

enum { LEVELS = 5, N = 64, REPEATS = 6, KEPT = 3, SETTINGS = 6, AFTER = 20, SHARES = 10 };
static const double EPS[LEVELS] = {.08, .04, .02, .01, .005};

enum {
  DEPARTURE,
  START,
  LONGEST,
  EXTINCTION,
  LAST,
  SHRINK,
  FLOOR,
  PATH = FLOOR + LEVELS,
  VALUES = PATH + SHARES
};
static const char *const value_names[VALUES] = {
    "departure",           "W1 at the start", "longest ray",    "extinction time", "decaying: W1 / last eps",
    "decaying / constant", "floor eps=.08",   "floor eps=.04",  "floor eps=.02",   "floor eps=.01",
    "floor eps=.005",      "W1 share at .1",  "W1 share at .2", "W1 share at .3",  "W1 share at .4",
    "W1 share at .5",      "W1 share at .6",  "W1 share at .7", "W1 share at .8",  "W1 share at .9",
    "W1 share at 1"};

/* Kept plans first; shift is of the random clouds. */
static const struct {
  int d;
  double shift;
} settings[SETTINGS] = {{1, 0}, {2, 0}, {4, 0}, {2, 1}, {2, 4}, {4, 1}};

static const pf_plan_field W1 = {.power = 1};
static const pf_flow_subject SUBJECT = {.factor = 1};

static void name_setting(int setting, char *out, size_t size) {
  if (setting < KEPT)
    snprintf(out, size, "kept, d=%d", settings[setting].d);
  else
    snprintf(out, size, "random, d=%d, shift %g", settings[setting].d, settings[setting].shift);
}

static void describe(int cell, pf_cell_text *out) {
  char name[48];
  name_setting(cell / REPEATS, name, sizeof name);
  snprintf(out->key, sizeof out->key, "%s #%d", name, cell % REPEATS);
  out->cost = cell / REPEATS < KEPT ? 0.4 : 1.1;
}

static pf_status open_cloud(const pf_cell_run *run, pf_flow_lab *out, pf_error *error) {
  int setting = run->cell / REPEATS, d = settings[setting].d;
  if (setting < KEPT) return pf_kept_cloud(run->draw, 52, N, d, out, error);
  return pf_flow_lab_open(run->draw, 53, (pf_flow_lab_size){N, d, settings[setting].shift}, out, error);
}

/* Largest |W1_k - (W1_0 - k eps)| / W1_0 over five steps that end before the shortest ray does. */
static pf_status measure_departure(pf_flow_lab *lab, double shortest, double *out, pf_error *error) {
  enum { STEPS = 5 };
  const pf_particle_schedule schedule = {
      .method = PF_ODE_EULER, .steps = STEPS, .eps = shortest / (STEPS + 1)};
  double worst = 0;
  PF_TRY(pf_flow_lab_run(lab, &SUBJECT, W1, &schedule, error));
  for (int k = 1; k <= STEPS; k++) {
    double off = fabs(lab->distance[k] - lab->distance[0] + k * schedule.eps) / lab->distance[0];
    if (!(off <= worst)) worst = off;
  }
  *out = worst;
  return PF_OK;
}

/* Constant steps until every ray has ended, and AFTER more, over which what is left is averaged. */
static pf_status measure_floor(pf_flow_lab *lab, double longest, double eps, double *out, pf_error *error) {
  int until = (int)ceil(longest / eps);
  const pf_particle_schedule schedule = {.method = PF_ODE_EULER, .steps = until + AFTER, .eps = eps};
  double sum = 0;
  PF_TRY(pf_flow_lab_run(lab, &SUBJECT, W1, &schedule, error));
  for (int k = 1; k <= AFTER; k++) sum += lab->distance[PF_CANARY(STUDY_W1_FLOOR, until, 0) + k] / AFTER;
  *out = sum;
  return PF_OK;
}

/* Of the last run, with steps of eps: when W1 is first at most eps, and its course over the longest ray. */
static void read_course(const pf_flow_lab *lab, double eps, double *values) {
  for (int k = lab->steps; k >= 0; k--)
    if (lab->distance[k] <= eps) values[EXTINCTION] = k * eps;
  for (int s = 0; s < SHARES; s++) {
    int k = (int)lround(values[LONGEST] * (s + 1) / SHARES / eps);
    values[PATH + s] = lab->distance[k] / lab->distance[0];
  }
}

/* eps_k = .08 / (1 + .02 k) for 800 steps: 11 in all. */
static pf_status measure_decaying(pf_flow_lab *lab, double *values, pf_error *error) {
  enum { STEPS = 800 };
  const pf_particle_schedule schedule = {.method = PF_ODE_EULER, .steps = STEPS, .eps = EPS[0], .decay = .02};
  PF_TRY(pf_flow_lab_run(lab, &SUBJECT, W1, &schedule, error));
  values[LAST] = lab->distance[STEPS] / pf_particle_eps(&schedule, STEPS - 1);
  values[SHRINK] = lab->distance[STEPS] / values[FLOOR];
  return PF_OK;
}

static pf_status measure_cloud(pf_flow_lab *lab, double *values, pf_error *error) {
  pf_flow_rays rays;
  PF_TRY(pf_flow_lab_rays(lab, 1, &rays, error));
  PF_TRY(measure_departure(lab, rays.shortest, &values[DEPARTURE], error));
  values[START] = lab->distance[0];
  values[LONGEST] = rays.longest;
  for (int l = 0; l < LEVELS; l++)
    PF_TRY(measure_floor(lab, rays.longest, EPS[l], &values[FLOOR + l], error));
  read_course(lab, EPS[LEVELS - 1], values);
  return measure_decaying(lab, values, error);
}

static pf_status measure(const pf_cell_run *run, double *values, pf_error *error) {
  pf_flow_lab lab;
  PF_TRY(open_cloud(run, &lab, error));
  pf_status status = measure_cloud(&lab, values, error);
  pf_flow_lab_close(&lab);
  return status;
}

/* ---- conclusions ---- */

static pf_cell_block block_of(int setting, int value, int levels) {
  return (pf_cell_block){setting * REPEATS, REPEATS, value, levels};
}

static pf_cell_block all_cells(int value) { return (pf_cell_block){0, SETTINGS * REPEATS, value, 1}; }

/* Least (T + eps) / W1 and greatest (T - eps) / longest ray. */
static pf_status check_extinction(pf_experiment *e, pf_error *error) {
  double least = INFINITY, most = -INFINITY, eps = EPS[LEVELS - 1];
  for (int i = 0; i < e->n_cells; i++) {
    const double *v = e->cells[i].values;
    double low = (v[EXTINCTION] + eps) / v[START], high = (v[EXTINCTION] - eps) / v[LONGEST];
    if (!(low >= least)) least = low;
    if (!(high <= most)) most = high;
  }
  PF_TRY(pf_conclude_check(e, pf_estimate_exact(least), (pf_band){1 - 1e-9, INFINITY}, error,
                           "(extinction time + eps) / W1 at the start, least"));
  return pf_conclude_check(e, pf_estimate_exact(most), (pf_band){0, 1}, error,
                           "(extinction time - eps) / longest ray, greatest");
}

/* Floor / eps: mean over the levels of a cell. */
static pf_estimate floor_factor(const pf_experiment *e, int setting) {
  double ratio[REPEATS];
  for (int i = 0; i < REPEATS; i++) {
    ratio[i] = 0;
    for (int l = 0; l < LEVELS; l++)
      ratio[i] += e->cells[setting * REPEATS + i].values[FLOOR + l] / EPS[l] / LEVELS;
  }
  return pf_estimate_mean(ratio, REPEATS);
}

static pf_status check_floor(pf_experiment *e, int setting, pf_error *error) {
  char name[48];
  name_setting(setting, name, sizeof name);
  pf_band slopes = setting < KEPT ? (pf_band){.9, 1.1} : (pf_band){.8, 1.2};
  pf_band factors = setting < KEPT ? (pf_band){.45, .55} : (pf_band){0, 1};
  PF_TRY(pf_conclude_check(e, pf_block_slope(e, block_of(setting, FLOOR, LEVELS), EPS, NULL), slopes, error,
                           "%s: slope of the floor in eps", name));
  return pf_conclude_check(e, floor_factor(e, setting), factors, error, "%s: floor / eps", name);
}

static pf_status chart_floor(pf_experiment *e, pf_error *error) {
  PF_TRY(
      pf_conclude_chart(e, (pf_chart_head){"What is left", "eps", "W1 after extinction", true, true}, error));
  for (int s = 0; s < SETTINGS; s++) {
    char name[48];
    name_setting(s, name, sizeof name);
    PF_TRY(pf_block_series(e, block_of(s, FLOOR, LEVELS), EPS, error, "%s", name));
  }
  return pf_conclude_power(e, (pf_power_law){.5, 1, EPS[LEVELS - 1], EPS[0]}, error, "eps / 2");
}

static pf_status chart_course(pf_experiment *e, pf_error *error) {
  double share[SHARES];
  for (int s = 0; s < SHARES; s++) share[s] = (s + 1) / (double)SHARES;
  PF_TRY(pf_conclude_chart(
      e, (pf_chart_head){"The fall of W1", "time / longest ray", "W1 / W1 at the start", false, false},
      error));
  for (int s = 0; s < SETTINGS; s++) {
    char name[48];
    name_setting(s, name, sizeof name);
    PF_TRY(pf_block_series(e, block_of(s, PATH, SHARES), share, error, "%s", name));
  }
  return PF_OK;
}

static pf_status chart_extinction(pf_experiment *e, pf_error *error) {
  PF_TRY(pf_conclude_chart(
      e, (pf_chart_head){"Extinction", "W1 at the start", "time until W1 <= eps, eps = .005", true, true},
      error));
  for (int s = 0; s < SETTINGS; s++) {
    pf_study_point points[REPEATS];
    char name[48];
    name_setting(s, name, sizeof name);
    for (int i = 0; i < REPEATS; i++) {
      const double *v = e->cells[s * REPEATS + i].values;
      points[i] = pf_bare_point(v[START], v[EXTINCTION]);
    }
    PF_TRY(pf_conclude_series(e, (pf_series_head){PF_STUDY_POINTS, points, REPEATS}, error, "%s", name));
  }
  return pf_conclude_power(e, (pf_power_law){1, 1, .9, 5}, error, "no sooner than W1");
}

static pf_status conclude(pf_experiment *e, pf_error *error) {
  double departure = pf_block_range(e, all_cells(DEPARTURE)).most;
  PF_TRY(pf_conclude_check(e, pf_estimate_exact(departure), (pf_band){0, 1e-9}, error,
                           "W1 minus (start - k eps) / start, greatest"));
  PF_TRY(check_extinction(e, error));
  for (int s = 0; s < SETTINGS; s++) PF_TRY(check_floor(e, s, error));
  double last = pf_block_range(e, all_cells(LAST)).most;
  PF_TRY(pf_conclude_check(e, pf_estimate_exact(last), (pf_band){0, 1}, error,
                           "decaying eps: W1 at the end / last eps, greatest"));
  PF_TRY(pf_conclude_check(e, pf_block_mean(e, all_cells(SHRINK), 0), (pf_band){0, .5}, error,
                           "decaying eps / constant eps: W1 at the end"));
  PF_TRY(chart_floor(e, error));
  PF_TRY(chart_course(e, error));
  return chart_extinction(e, error);
}

const pf_experiment_plan pf_study_w1fe_decay = {
    .name = "decay",
    .title = "The fall of W1 and its end",
    .claim = "W1 falls by exactly eps a step until the shortest ray ends, is extinct (at most eps) at a "
             "time between W1 and the longest ray, and what is left then is of the size of eps: eps / 2 "
             "where the plan is kept. Steps that decay leave less than their last one.",
    .source = "Derived (head of src/study/w1fe_decay.c). For random clouds the end of the longest ray and "
              "the order of the floor are derived for eps below the gap to the second best plan only.",
    .protocol =
        "64 points along exact plans, eps from .08 to .005 until the longest ray has ended, W1 "
        "averaged over 20 more steps; eps_k = .08 / (1 + .02 k) for 800 steps. Kept plans in d = 1, 2, "
        "4; N(0, I) to N(s e_1, I/4) in d = 2 (s = 1, 4) and 4 (s = 1). 6 clouds each.",
    .band = "Departure: rounding. Extinction: the two bounds, with the eps they leave. Floor: slope 1 "
            "within .1 and factor 1/2 within .05 for kept plans; within .2 and at most 1 for random "
            "clouds. Decay: at most 1; below half of the floor of constant steps, since the last step is a "
            "seventeenth of the first. Fixed before the first run.",
    .value_names = value_names,
    .n_values = VALUES,
    .n_cells = SETTINGS * REPEATS,
    .describe = describe,
    .measure = measure,
    .conclude = conclude};
