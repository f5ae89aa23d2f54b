/* Error against the number of data (arXiv 2405.05512, theorems 3.9 and 3.13).
 *
 *   legend   n training rows; d dimension, D ambient one; v* exact, vhat learned velocity; g, g* learned and exact one-step map
 *   scaling  as the theory's: network size S ~ n^((d+1)/(d+3)), here width ~ S^(1/2); K ~ n^(1/(d+3)) integrator steps. The
 *            number of optimiser steps grows as n^(1/2): a choice, the theory is of minimisers
 *   bands    the theorem is an upper bound, so a slope may be steeper than -1/(d+3), never shallower
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "../verify/decomposition.h"
#include "characteristic.h"
#include "lab.h"

enum { SIZES = 4, SEEDS = 8, DIMENSIONS = 4, AMBIENT = 3, LEAST_WIDTH = 16, LEAST_STEPS = 8000, LEAST_K = 8 };
static const int sizes[SIZES] = {1000, 3000, 10000, 30000}, dimensions[DIMENSIONS] = {1, 2, 4, 8},
                 ambient[AMBIENT] = {2, 4, 16};

enum { VELOCITY_ERROR, FITTING, DISCRETISATION, VELOCITY, STOPPING, DISTANCE, W2, FLOOR, VALUES };
static const char *const value_names[VALUES] = {
    "velocity_l2", "fitting", "discretisation", "velocity", "stopping", "map_rms", "w2", "w2_floor"};

/* ---- one cell ---- */

typedef struct place {
  int group, size, seed; /* group: which dimension */
} place;

static place place_of(int cell) {
  return (place){cell / (SIZES * SEEDS), cell / SEEDS % SIZES, cell % SEEDS};
}

static int cell_at(int group, int size, int seed) { return (group * SIZES + size) * SEEDS + seed; }

/* start (n / 1000)^power, to the next whole number. */
static int64_t grown(int64_t start, int n, double power) {
  return (int64_t)ceil((double)start * pow(n / 1000.0, power) - 1e-9);
}

/* `d` is the dimension that the theory's exponents speak of. */
static pf_train_options scaled_options(const pf_cell_run *run, int n, int d) {
  pf_train_options options = pf_lab_options(run);
  options.method = "characteristic";
  options.batch = 256;
  options.depth = 3;
  options.width = 4 * grown(LEAST_WIDTH / 4, n, 0.5 * (d + 1) / (d + 3));
  options.steps = grown(LEAST_STEPS, n, 0.5);
  options.trajectory_steps = grown(LEAST_K, n, 1.0 / (d + 3));
  return options;
}

static pf_status measure_model(const pf_cell_run *run, const struct pf_model *model, const pf_law *law,
                               double *values, pf_error *error) {
  pf_decomposition parts;
  pf_lab_distance distance;
  PF_TRY(pf_velocity_error(model, law, 8192, run->draw, NULL, &values[VELOCITY_ERROR], error));
  PF_TRY(pf_decompose(model, law, 2048, run->draw, NULL, &parts, error));
  PF_TRY(pf_lab_w2(run, model, law, (pf_lab_size){1024, 4}, &distance, error));
  values[FITTING] = parts.fitting;
  values[DISCRETISATION] = parts.discretisation;
  values[VELOCITY] = parts.velocity;
  values[STOPPING] = parts.stopping;
  values[DISTANCE] = parts.distance;
  values[W2] = distance.w2;
  values[FLOOR] = distance.floor;
  return PF_OK;
}

static pf_status measure_law(const pf_cell_run *run, const char *spec, int n, int d, double *values,
                             pf_error *error) {
  pf_law *law = NULL;
  pf_table *table = NULL;
  struct pf_model *model = NULL;
  pf_train_options options = scaled_options(run, n, d);
  pf_status status = pf_law_create(spec, &law, error);
  if (status == PF_OK) status = pf_lab_table(run, law, 0, n, &table, error);
  if (status == PF_OK) status = pf_method_run(table, NULL, &options, &model, error);
  if (status == PF_OK) status = measure_model(run, model, law, values, error);
  pf_model_free(model);
  pf_table_free(table);
  pf_law_free(law);
  return status;
}

/* About what a cell costs on a core of 2023: width decides. */
static double cost_of(int n, int d) {
  double width = (double)(4 * grown(LEAST_WIDTH / 4, n, 0.5 * (d + 1) / (d + 3)));
  return 2 + (double)grown(LEAST_STEPS, n, 0.5) * (1.2e-4 + 1e-6 * width);
}

/* ---- slopes over n ---- */

/* Every cell of a group: its size n and its value of a column; W2 less its floor. */
static void gather(const pf_experiment *e, int group, int column, double *x, double *y) {
  for (int i = 0; i < SIZES * SEEDS; i++) {
    const double *v = e->cells[group * SIZES * SEEDS + i].values;
    x[i] = sizes[i / SEEDS];
    y[i] = column == W2 ? v[W2] - v[FLOOR] : v[column];
  }
}

static pf_status add_line(pf_experiment *e, int group, int column, const char *name, pf_error *error) {
  double x[SIZES * SEEDS], y[SIZES * SEEDS];
  pf_study_point points[SIZES];
  gather(e, group, column, x, y);
  for (int s = 0; s < SIZES; s++) points[s] = pf_point_of(sizes[s], y + s * SEEDS, SEEDS);
  return pf_conclude_series(e, (pf_series_head){PF_STUDY_LINE, points, SIZES}, error, "%s", name);
}

/* A dashed line of the theorem's slope through the first mean of a group. */
static pf_status add_theory(pf_experiment *e, int group, int column, double slope, const char *name,
                            pf_error *error) {
  double x[SIZES * SEEDS], y[SIZES * SEEDS];
  gather(e, group, column, x, y);
  double factor = pf_estimate_mean(y, SEEDS).value * pow(sizes[0], -slope);
  return pf_conclude_power(e, (pf_power_law){factor, slope, sizes[0], sizes[SIZES - 1]}, error, "%s", name);
}

static pf_estimate slope_of(const pf_experiment *e, int group, int column) {
  double x[SIZES * SEEDS], y[SIZES * SEEDS];
  gather(e, group, column, x, y);
  return pf_estimate_slope(x, y, SIZES * SEEDS, NULL);
}

static pf_status add_chart(pf_experiment *e, int groups, const int *labels, const char *letter, int column,
                           const char *name, const char *y_name, pf_error *error) {
  PF_TRY(pf_conclude_chart(e, (pf_chart_head){name, "rows n", y_name, true, column != W2}, error));
  for (int g = 0; g < groups; g++) {
    char label[32];
    snprintf(label, sizeof label, "%s = %d", letter, labels[g]);
    PF_TRY(add_line(e, g, column, label, error));
  }
  return PF_OK;
}

/* ---- error in n ---- */

static void describe_error_in_n(int cell, pf_cell_text *out) {
  place p = place_of(cell);
  snprintf(out->key, sizeof out->key, "d=%d n=%d #%d", dimensions[p.group], sizes[p.size], p.seed + 1);
  out->cost = cost_of(sizes[p.size], dimensions[p.group]);
}

static pf_status measure_error_in_n(const pf_cell_run *run, double *values, pf_error *error) {
  place p = place_of(run->cell);
  char spec[48];
  snprintf(spec, sizeof spec, "two-mode:d=%d", dimensions[p.group]);
  return measure_law(run, spec, sizes[p.size], dimensions[p.group], values, error);
}

/* The terms of the two-dimensional runs as areas, and W2 as a line. */
static pf_status add_stack(pf_experiment *e, int group, pf_error *error) {
  static const int parts[] = {VELOCITY, DISCRETISATION, FITTING, STOPPING};
  PF_TRY(pf_conclude_chart(
      e, (pf_chart_head){"Where the error comes from, d = 2", "rows n", "W2 bound", true, false}, error));
  for (int part = 0; part < 4; part++) {
    pf_study_point points[SIZES];
    for (int s = 0; s < SIZES; s++) {
      double sum = 0;
      for (int k = 0; k < SEEDS; k++) sum += e->cells[cell_at(group, s, k)].values[parts[part]] / SEEDS;
      points[s] = pf_bare_point(sizes[s], sum);
    }
    PF_TRY(pf_conclude_series(e, (pf_series_head){PF_STUDY_STACK, points, SIZES}, error, "%s",
                              value_names[parts[part]]));
  }
  return add_line(e, group, W2, "measured W2 less its floor", error);
}

/* W2 less its floor, less the sum of terms, over all cells of a dimension: single values are noisy. */
static pf_status check_bound(pf_experiment *e, int group, pf_error *error) {
  double rest[SIZES * SEEDS];
  for (int i = 0; i < SIZES * SEEDS; i++) {
    const double *v = e->cells[group * SIZES * SEEDS + i].values;
    rest[i] = v[W2] - v[FLOOR] - (v[FITTING] + v[DISCRETISATION] + v[VELOCITY] + v[STOPPING]);
  }
  return pf_conclude_check(e, pf_estimate_mean(rest, SIZES * SEEDS), (pf_band){-INFINITY, 0}, error,
                           "W2 - floor - sum of the four terms, d=%d", dimensions[group]);
}

static pf_status conclude_error_in_n(pf_experiment *e, pf_error *error) {
  for (int g = 0; g < DIMENSIONS; g++) {
    pf_band band = {-INFINITY, -1.0 / (dimensions[g] + 3)};
    PF_TRY(pf_conclude_check(e, slope_of(e, g, VELOCITY_ERROR), band, error,
                             "slope of the velocity error, d=%d", dimensions[g]));
    PF_TRY(pf_conclude_check(e, slope_of(e, g, DISTANCE), band, error, "slope of RMS |g - g*|, d=%d",
                             dimensions[g]));
  }
  for (int g = 0; g < DIMENSIONS; g++) PF_TRY(check_bound(e, g, error));
  PF_TRY(add_chart(e, DIMENSIONS, dimensions, "d", VELOCITY_ERROR, "Velocity error",
                   "L2 error of the velocity", error));
  PF_TRY(add_theory(e, DIMENSIONS - 1, VELOCITY_ERROR, -1.0 / 11, "slope -1/(d+3), d = 8", error));
  PF_TRY(add_chart(e, DIMENSIONS, dimensions, "d", DISTANCE, "One-step map", "RMS |g - g*|", error));
  PF_TRY(add_theory(e, DIMENSIONS - 1, DISTANCE, -1.0 / 11, "slope -1/(d+3), d = 8", error));
  PF_TRY(add_chart(e, DIMENSIONS, dimensions, "d", W2, "Excess W2", "W2 less its floor", error));
  return add_stack(e, 1, error);
}

const pf_experiment_plan pf_study_error_in_n = {
    .name = "error-in-n",
    .title = "Error against the number of data",
    .claim = "With networks, integrator steps and trajectories that grow with n as the theory says, the L2 "
             "error of the "
             "velocity is O(n^(-1/(d+3))), and so is the error of the one-step map, up to logarithms.",
    .source = "arXiv 2405.05512, theorems 3.9 and 3.13 (read second-hand); the theorem bounds the mean over "
              "(t, s), here "
              "the map from 0 to T is measured.",
    .protocol = "Two-mode law in d = 1, 2, 4, 8; n = 1000 to 30000 rows, eight independent data sets and "
                "trainings each; width "
                "16 (n/1000)^((d+1)/(2(d+3))), 8 (n/1000)^(1/(d+3)) Heun steps, 3000 (n/1000)^(1/2) "
                "optimiser steps in two "
                "halves. Velocity error over 8192 interpolant points; terms and RMS |g - g*| on 2048 common "
                "draws; W2 by "
                "exact assignment of 1024 points, four pairs.",
    .band = "The whole interval of a slope lies at or below -1/(d+3): the theorem is an upper bound, and a "
            "mixture is "
            "smoother than it asks. The four terms are coupling bounds: their sum is at least W2, in the "
            "mean over the runs of a dimension.",
    .value_names = value_names,
    .n_values = VALUES,
    .n_cells = DIMENSIONS * SIZES * SEEDS,
    .describe = describe_error_in_n,
    .measure = measure_error_in_n,
    .conclude = conclude_error_in_n};

/* ---- intrinsic dimension ---- */

static void describe_intrinsic(int cell, pf_cell_text *out) {
  place p = place_of(cell);
  snprintf(out->key, sizeof out->key, "D=%d n=%d #%d", ambient[p.group], sizes[p.size], p.seed + 1);
  out->cost = cost_of(sizes[p.size], 2) * (ambient[p.group] > 4 ? 1.5 : 1);
}

static pf_status measure_intrinsic(const pf_cell_run *run, double *values, pf_error *error) {
  place p = place_of(run->cell);
  char spec[80];
  snprintf(spec, sizeof spec, "embed:law=two-mode,D=%d,sigma=0.05,seed=%d", ambient[p.group], p.seed + 1);
  return measure_law(run, spec, sizes[p.size], 2, values, error);
}

/* The slope in D dimensions less that in the plane, as independent estimates. */
static pf_estimate slope_difference(const pf_experiment *e, int group) {
  pf_estimate a = slope_of(e, group, VELOCITY_ERROR), b = slope_of(e, 0, VELOCITY_ERROR);
  double reach = hypot(a.high - a.value, b.high - b.value), value = a.value - b.value;
  return (pf_estimate){value, value - reach, value + reach};
}

static pf_status conclude_intrinsic(pf_experiment *e, pf_error *error) {
  pf_band band = {-INFINITY, -1.0 / 5};
  for (int g = 0; g < AMBIENT; g++)
    PF_TRY(pf_conclude_check(e, slope_of(e, g, VELOCITY_ERROR), band, error,
                             "slope of the velocity error, D=%d", ambient[g]));
  for (int g = 1; g < AMBIENT; g++)
    PF_TRY(pf_conclude_check(e, slope_difference(e, g), (pf_band){-0.2, 0.2}, error,
                             "its slope less that in the plane, D=%d", ambient[g]));
  PF_TRY(add_chart(e, AMBIENT, ambient, "D", VELOCITY_ERROR, "Velocity error", "L2 error of the velocity",
                   error));
  PF_TRY(add_theory(e, 0, VELOCITY_ERROR, -1.0 / 5, "slope -1/(2+3)", error));
  PF_TRY(add_theory(e, 0, VELOCITY_ERROR, -1.0 / 19, "slope -1/(16+3)", error));
  return add_chart(e, AMBIENT, ambient, "D", W2, "Excess W2", "W2 less its floor", error);
}

const pf_experiment_plan pf_study_intrinsic_dimension = {
    .name = "intrinsic-dimension",
    .title = "Intrinsic dimension",
    .claim =
        "The rate follows the dimension of the set that the data lie on, not that of the space around it.",
    .source = "arXiv 2405.05512, abstract of version 5.",
    .protocol = "The two-mode law of the plane, laid into D = 2, 4, 16 dimensions by a random rotation, with "
                "normal noise of "
                "sd 0.05 in every direction; sizes, seeds and scaling as for error-in-n with d = 2.",
    .band = "Every slope at or below -1/(2+3), where the ambient rate in D = 16 would be -1/19; the slopes "
            "in D = 4 and 16 "
            "within 0.2 of the plane's, half the distance between the plane's usual slope and none.",
    .value_names = value_names,
    .n_values = VALUES,
    .n_cells = AMBIENT * SIZES * SEEDS,
    .describe = describe_intrinsic,
    .measure = measure_intrinsic,
    .conclude = conclude_intrinsic};
