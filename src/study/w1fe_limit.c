/* Euler steps of the W1 flow as eps falls.
 *
 *   A plan that does not change: a point runs along its ray at unit speed and stops where the ray ends. A scheme's
 *   point is there too until it has less than eps to go; then it stands rho or eps - rho from the end, in turns, rho
 *   the ray's length modulo eps. Lengths spread over many eps make rho uniform, so the root mean square error after
 *   the end is eps / sqrt 3.
 *
 *   A cloud in general position: the exact flow keeps its plan (its potential stays optimal, and no other plan is),
 *   and the scheme does once eps is below the least gap between the best and the second best assignment along the way:
 *   again order 1. Above the gap a point that overshoots at its target exchanges targets with one that has still to
 *   pass by, when the detour h^2 / (2 s) over the target is below eps, h the distance of target and ray: a share
 *   eps^((d-1)/2) of the pairs does, each is then off by O(1), and the root mean square falls like eps^((d-1)/4), at
 *   most like eps. On the line (d = 1) all targets lie on all rays and the limit of a point is not even unique. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "../base/memory.h"
#include "gradient_flow.h"
#include "w1fe.h"

enum { LEVELS = 6, PARTS = 12, N = 128, REPEATS = 8, KEPT = 3, SETTINGS = 6, VALUES = 2 * LEVELS };
static const double EPS[LEVELS] = {.25,    .125,    .0625,
                                   .03125, .015625, .0078125}; /* until T = PARTS EPS[0] = 3 */

static const char *const value_names[VALUES] = {"apart eps=1/4",  "apart eps=1/8",  "apart eps=1/16",
                                                "apart eps=1/32", "apart eps=1/64", "apart eps=1/128",
                                                "error eps=1/4",  "error eps=1/8",  "error eps=1/16",
                                                "error eps=1/32", "error eps=1/64", "error eps=1/128"};

/* Kept plans first. */
static const struct { int d; } settings[SETTINGS] = {{1}, {2}, {4}, {2}, {4}, {8}};

static const char *kind_of(int setting) { return setting < KEPT ? "kept" : "random"; }

static void describe(int cell, pf_cell_text *out) {
  int setting = cell / REPEATS;
  snprintf(out->key, sizeof out->key, "%s d=%d #%d", kind_of(setting), settings[setting].d, cell % REPEATS);
  out->cost = setting < KEPT ? 1.3 : 2.6;
}

static pf_status open_cloud(const pf_cell_run *run, pf_flow_lab *out, pf_error *error) {
  int setting = run->cell / REPEATS, d = settings[setting].d;
  if (setting < KEPT) return pf_kept_cloud(run->draw, 50, N, d, out, error);
  return pf_flow_lab_open(run->draw, 51, (pf_flow_lab_size){N, d, 1}, out, error);
}

static pf_status run_level(pf_flow_lab *lab, int level, pf_error *error) {
  const pf_flow_subject subject = {.factor = 1};
  const pf_particle_schedule schedule = {
      .method = PF_ODE_EULER, .steps = PARTS << level, .eps = EPS[0] / (double)(1 << level)};
  return pf_flow_lab_run(lab, &subject, (pf_plan_field){.power = 1}, &schedule, error);
}

/* Levels in turns in two laboratories; ends keeps the last node of each, LEVELS + 1 of them. */
static pf_status run_levels(pf_flow_lab lab[2], double *ends, double *apart, pf_error *error) {
  size_t items = (size_t)lab->n * (size_t)lab->d;
  for (int level = 0; level <= LEVELS; level++) {
    pf_flow_lab *now = &lab[level % 2];
    PF_TRY(run_level(now, level, error));
    memcpy(ends + (size_t)level * items, pf_flow_lab_node(now, now->steps).rows, items * sizeof *ends);
    if (level > 0) apart[level - 1] = pf_flow_lab_apart(&lab[0], &lab[1], PARTS);
  }
  return PF_OK;
}

/* Against the limit where it is known: all rays of kept plans have ended, so it is the targets; else against the finest run. */
static void compare_ends(const pf_flow_lab *lab, const double *ends, bool kept, double *error_of) {
  size_t items = (size_t)lab->n * (size_t)lab->d;
  const double *limit = kept ? lab->x : ends + LEVELS * items;
  for (int level = 0; level < LEVELS; level++) {
    const double *end = ends + (size_t)level * items;
    double sum = 0;
    for (size_t i = 0; i < items; i++) sum += (end[i] - limit[i]) * (end[i] - limit[i]) / lab->n;
    error_of[level] = sqrt(sum);
  }
}

static pf_status measure(const pf_cell_run *run, double *values, pf_error *error) {
  pf_flow_lab lab[2] = {{0}, {0}};
  double *ends = NULL;
  pf_status status = PF_OK;
  for (int i = 0; i < 2 && status == PF_OK; i++) status = open_cloud(run, &lab[i], error);
  if (status == PF_OK)
    status = pf_alloc((LEVELS + 1) * (size_t)lab->n * (size_t)lab->d, sizeof *ends, &ends, error);
  if (status == PF_OK) status = run_levels(lab, ends, values, error);
  if (status == PF_OK) compare_ends(lab, ends, run->cell / REPEATS < KEPT, values + LEVELS);
  pf_free(ends);
  for (int i = 0; i < 2; i++) pf_flow_lab_close(&lab[i]);
  return status;
}

/* ---- conclusions ---- */

static pf_cell_block block_of(int setting, int value) {
  return (pf_cell_block){setting * REPEATS, REPEATS, value, LEVELS};
}

/* Mean over the cells of error / eps, all levels together. */
static pf_estimate mean_factor(const pf_experiment *e, pf_cell_block b) {
  double ratio[REPEATS];
  for (int i = 0; i < b.count; i++) {
    ratio[i] = 0;
    for (int l = 0; l < b.levels; l++)
      ratio[i] += e->cells[b.first + i].values[b.value + l] / EPS[l] / b.levels;
  }
  return pf_estimate_mean(ratio, b.count);
}

static pf_status check_kept(pf_experiment *e, int setting, pf_error *error) {
  int d = settings[setting].d;
  PF_TRY(pf_conclude_check(e, pf_block_slope(e, block_of(setting, LEVELS), EPS, NULL), (pf_band){.9, 1.1},
                           error, "kept plan, d=%d: slope of the error in eps", d));
  PF_TRY(pf_conclude_check(e, mean_factor(e, block_of(setting, LEVELS)),
                           (pf_band){.95 / sqrt(3), 1.05 / sqrt(3)}, error, "kept plan, d=%d: error / eps",
                           d));
  return pf_conclude_check(e, pf_block_slope(e, block_of(setting, 0), EPS, NULL), (pf_band){.9, 1.1}, error,
                           "kept plan, d=%d: slope of successive differences", d);
}

/* Bands around min(1, (d - 1) / 4). */
static pf_status check_random(pf_experiment *e, int setting, pf_error *error) {
  static const pf_band bands[] = {{0, .75}, {.5, 1.1}, {.85, 1.15}};
  return pf_conclude_check(e, pf_block_slope(e, block_of(setting, 0), EPS, NULL), bands[setting - KEPT],
                           error, "random clouds, d=%d: slope of successive differences",
                           settings[setting].d);
}

static pf_status add_charts(pf_experiment *e, pf_error *error) {
  PF_TRY(pf_conclude_chart(e,
                           (pf_chart_head){"Successive differences", "eps",
                                           "RMS between the runs with eps and eps / 2", true, true},
                           error));
  for (int s = 0; s < SETTINGS; s++)
    PF_TRY(pf_block_series(e, block_of(s, 0), EPS, error, "%s, d=%d", kind_of(s), settings[s].d));
  PF_TRY(pf_conclude_power(e, (pf_power_law){1, 1, EPS[LEVELS - 1], EPS[0]}, error, "order 1"));
  PF_TRY(pf_conclude_power(e, (pf_power_law){1, .25, EPS[LEVELS - 1], EPS[0]}, error, "order 1/4"));
  PF_TRY(pf_conclude_chart(e,
                           (pf_chart_head){"Error at the end", "eps",
                                           "RMS distance from the limit, or the finest run", true, true},
                           error));
  for (int s = 0; s < SETTINGS; s++)
    PF_TRY(pf_block_series(e, block_of(s, LEVELS), EPS, error, "%s, d=%d", kind_of(s), settings[s].d));
  return pf_conclude_power(e, (pf_power_law){1 / sqrt(3), 1, EPS[LEVELS - 1], EPS[0]}, error, "eps / sqrt 3");
}

static pf_status conclude(pf_experiment *e, pf_error *error) {
  for (int s = 0; s < KEPT; s++) PF_TRY(check_kept(e, s, error));
  for (int s = KEPT; s < SETTINGS; s++) PF_TRY(check_random(e, s, error));
  return add_charts(e, error);
}

const pf_experiment_plan pf_study_w1fe_step_limit = {
    .name = "step-limit",
    .title = "Euler steps as eps falls",
    .claim = "The scheme converges. Where the plan does not change its error is of order 1 and, after the "
             "rays have ended, eps / sqrt 3 in root mean square. Random clouds exchange targets: order "
             "min(1, (d - 1) / 4) in d dimensions.",
    .source = "Convergence: abstract of arXiv 2405.16351 (of laws, without a rate). Orders: derived (head of "
              "src/study/w1fe_limit.c); the one for random clouds is a count of close passes, not a proof.",
    .protocol =
        "128 points, seven runs from eps = 1/4 to 1/256 up to time 3 along exact plans. Kept plans: a "
        "target of its own for every point, d = 1, 2, 4, against the limit. Random: N(0, I) to N(e_1, "
        "I/4), d = 2, 4, 8, successive runs against each other; not d = 1, where the limit of a point "
        "depends on which of many optimal plans is taken. 8 clouds each; a slope per cloud.",
    .band = "Kept plans: 1 within .1 (128 lengths modulo eps scatter by 4 % a run), the factor within 5 % "
            "of 1 / sqrt 3. Random clouds: 0 to .75 (1/4), .5 to 1.1 (3/4) and .85 to 1.15 (1). Fixed "
            "before the first run.",
    .value_names = value_names,
    .n_values = VALUES,
    .n_cells = SETTINGS * REPEATS,
    .describe = describe,
    .measure = measure,
    .conclude = conclude};
