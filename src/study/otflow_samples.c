/* N training rows and width m: the Monte-Carlo limit (arXiv 2403.16208), on a two-mode law of the line whose minimum is known.
 *
 *   J_N(theta) the loss on N rows, J(theta) that of the law, theta_N a minimiser of J_N of width m
 *   fluctuation  |J_N(theta) - J(theta)| at a theta that knows nothing of the rows: N^-1/2 exactly
 *   gap          |J_N(theta_N) - J(theta_N)|
 *   excess       J(theta_N) - min J,  the minimum over all flows by convex minimisation
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "../base/memory.h"
#include "../base/rng.h"
#include "otflow.h"

enum { WIDTHS = 4, SIZES = 4, SEEDS = 3, DRAWS = 4, MOST = 4096, EVEN = 1024, FIT = 600, REFIT = 100 };
static const int widths[WIDTHS] = {4, 8, 16, 32}, sizes[SIZES] = {64, 256, 1024, MOST};
enum { POOL = 8 * MOST, STEPS = 8 };
static const double ALPHA = 5, HJB = .1;

enum { FLUCTUATION = 0, GAP = SIZES, EXCESS = 2 * SIZES, BASE = 3 * SIZES, VALUES };
static const char *const names[VALUES] = {"fluctuation, N=64",
                                          "fluctuation, N=256",
                                          "fluctuation, N=1024",
                                          "fluctuation, N=4096",
                                          "gap, N=64",
                                          "gap, N=256",
                                          "gap, N=1024",
                                          "gap, N=4096",
                                          "excess, N=64",
                                          "excess, N=256",
                                          "excess, N=1024",
                                          "excess, N=4096",
                                          "excess of the law's own fit"};

static void describe(int cell, pf_cell_text *out) {
  snprintf(out->key, sizeof out->key, "m=%d #%d", widths[cell / SEEDS], cell % SEEDS + 1);
  out->cost = 15 + 1.5 * widths[cell / SEEDS];
}

typedef struct bench {
  pf_verify_run *lab;
  const pf_otflow_two_modes *law;
  pf_flow_settings settings;
  size_t parameters;
  float *base, *params, *rows; /* fitted to the law; to a sample; MOST */
  double *x, *loss;            /* POOL each */
} bench;

static void close_bench(bench *b) {
  pf_free(b->base);
  pf_free(b->params);
  pf_free(b->rows);
  pf_free(b->x);
  pf_free(b->loss);
}

static pf_status open_bench(bench *b, pf_error *error) {
  pf_layout layout = {0};
  PF_TRY(pf_field_layout(&b->settings.field, &layout, error));
  b->parameters = (size_t)layout.total;
  pf_layout_free(&layout);
  PF_TRY(pf_alloc(b->parameters, sizeof(float), &b->params, error));
  PF_TRY(pf_alloc(MOST, sizeof(float), &b->rows, error));
  PF_TRY(pf_alloc(POOL, sizeof(double), &b->x, error));
  return pf_alloc(POOL, sizeof(double), &b->loss, error);
}

/* n rows of the law into b->x; `draw` tells them apart. */
static void draw_rows(const bench *b, uint64_t draw, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    pf_rng rng = pf_rng_at(b->lab->seed, PF_STREAM_VERIFY, draw, (uint64_t)i);
    pf_mixture_draw(b->law->mixture, &rng, &b->x[i]);
  }
}

static pf_otflow_rows law_rows(const bench *b) {
  return (pf_otflow_rows){PF_FLOWS_NODES, b->law->points.x, b->law->points.weight};
}

static double least_of(const bench *b) {
  return b->law->least_cost + ALPHA * (b->law->least_kl + b->law->entropy);
}

static pf_status fit_law(bench *b, double *excess, pf_error *error) {
  float even[EVEN];
  pf_otflow_value value = {.total = NAN};
  pf_otflow_two_modes_rows(b->law, EVEN, even);
  pf_otflow_fit fit = {
      .settings = b->settings, .steps = FIT, .starts = 3, .n = EVEN, .rows = even, .judge = law_rows(b)};
  fit.settings.batch = EVEN;
  PF_TRY(pf_otflow_fit_fresh(b->lab, &fit, &b->base, error));
  PF_TRY(pf_otflow_value_of(&b->settings, b->base, STEPS, law_rows(b), &value, NULL, error));
  *excess = value.total - least_of(b);
  return PF_OK;
}

/* Root mean square of J_N - J over the disjoint samples of N rows in a pool, for every N. */
static pf_status measure_fluctuation(const bench *b, double *out, pf_error *error) {
  pf_otflow_value law = {.total = NAN}, pool = {.total = NAN};
  draw_rows(b, 1, POOL);
  PF_TRY(pf_otflow_value_of(&b->settings, b->base, STEPS, law_rows(b), &law, NULL, error));
  PF_TRY(pf_otflow_value_of(&b->settings, b->base, STEPS, (pf_otflow_rows){POOL, b->x, NULL}, &pool, b->loss,
                            error));
  for (int k = 0; k < SIZES; k++) {
    double square = 0;
    for (int first = 0; first < POOL; first += sizes[k]) {
      double mean = 0;
      for (int i = first; i < first + sizes[k]; i++) mean += b->loss[i] / sizes[k];
      square += (mean - law.total) * (mean - law.total) * sizes[k] / POOL;
    }
    out[k] = sqrt(square);
  }
  return PF_OK;
}

/* A sample of n rows: fits to it, starting from the fit to the law. */
static pf_status measure_sample(const bench *b, int n, int draw, double *gap, double *excess,
                                pf_error *error) {
  pf_otflow_value law = {.total = NAN}, sample = {.total = NAN};
  pf_block_plan plan = {.settings = b->settings, .steps = REFIT, .stage = 300, .name = "a sample"};
  plan.settings.batch = n;
  plan.settings.learning_rate /= 2;
  draw_rows(b, 2 + (uint64_t)n + (uint64_t)draw, n);
  for (int i = 0; i < n; i++) b->rows[i] = (float)b->x[i];
  memcpy(b->params, b->base, b->parameters * sizeof *b->params);
  PF_TRY(pf_block_fit(b->lab, &plan, b->rows, n, b->params, error));
  PF_TRY(pf_otflow_value_of(&b->settings, b->params, STEPS, law_rows(b), &law, NULL, error));
  PF_TRY(pf_otflow_value_of(&b->settings, b->params, STEPS, (pf_otflow_rows){n, b->x, NULL}, &sample, NULL,
                            error));
  *gap = sample.total - law.total;
  *excess = law.total - least_of(b);
  return PF_OK;
}

static pf_status measure_bench(bench *b, double *values, pf_error *error) {
  PF_TRY(open_bench(b, error));
  PF_TRY(fit_law(b, &values[BASE], error));
  PF_TRY(measure_fluctuation(b, values + FLUCTUATION, error));
  for (int k = 0; k < SIZES; k++) {
    double square = 0, mean = 0;
    for (int draw = 0; draw < DRAWS; draw++) {
      double gap = NAN, excess = NAN;
      PF_TRY(measure_sample(b, sizes[k], draw, &gap, &excess, error));
      square += gap * gap / DRAWS;
      mean += excess / DRAWS;
    }
    values[GAP + k] = sqrt(square);
    values[EXCESS + k] = mean;
  }
  return PF_OK;
}

static pf_status measure(const pf_cell_run *run, double *values, pf_error *error) {
  pf_verify_run lab = pf_flows_lab(run);
  pf_otflow_two_modes law;
  PF_TRY(pf_otflow_two_modes_open(ALPHA, &law, error));
  bench b = {.lab = &lab, .law = &law, .settings = pf_otflow_line_settings()};
  b.settings.field.potential.width = widths[run->cell / SEEDS];
  b.settings.likelihood = ALPHA;
  b.settings.kinetic = 1;
  b.settings.hjb = HJB;
  pf_status status = measure_bench(&b, values, error);
  close_bench(&b);
  pf_otflow_two_modes_close(&law);
  return status;
}

/* ---- conclusions ---- */

static double value_at(const pf_experiment *e, int width, int seed, int value) {
  return e->cells[width * SEEDS + seed].values[value];
}

/* Of a value (its N = 64 entry) over N, at one width. */
static pf_estimate slope_in_n(const pf_experiment *e, int width, int value) {
  double x[SIZES * SEEDS], y[SIZES * SEEDS];
  for (int i = 0; i < SIZES * SEEDS; i++) {
    x[i] = sizes[i / SEEDS];
    y[i] = value_at(e, width, i % SEEDS, value + i / SEEDS);
  }
  return pf_estimate_slope(x, y, SIZES * SEEDS, NULL);
}

/* The fluctuation of all cells: at fixed weights the width does not matter. */
static pf_status check_fluctuation(pf_experiment *e, pf_error *error) {
  double x[WIDTHS * SEEDS * SIZES], y[WIDTHS * SEEDS * SIZES];
  for (int i = 0; i < WIDTHS * SEEDS * SIZES; i++) {
    x[i] = sizes[i % SIZES];
    y[i] = e->cells[i / SIZES].values[FLUCTUATION + i % SIZES];
  }
  return pf_conclude_check(e, pf_estimate_slope(x, y, WIDTHS * SEEDS * SIZES, NULL), (pf_band){-.6, -.4},
                           error, "slope of the fluctuation in N");
}

static pf_status check_slopes(pf_experiment *e, pf_error *error) {
  const pf_band falls = {-INFINITY, 0};
  double width[WIDTHS * SEEDS], n[WIDTHS * SEEDS], wider[WIDTHS * SEEDS], joint[WIDTHS * SEEDS];
  for (int w = 0; w < WIDTHS; w++) {
    PF_TRY(pf_conclude_check(e, slope_in_n(e, w, GAP), (pf_band){-1.1, -.35}, error,
                             "slope of the generalisation gap in N, m=%d", widths[w]));
    PF_TRY(pf_conclude_check(e, slope_in_n(e, w, EXCESS), falls, error, "slope of the excess in N, m=%d",
                             widths[w]));
    for (int s = 0; s < SEEDS; s++) {
      int i = w * SEEDS + s;
      width[i] = widths[w];
      n[i] = sizes[w];
      wider[i] = value_at(e, w, s, EXCESS + SIZES - 1);
      joint[i] = value_at(e, w, s, EXCESS + w);
    }
  }
  PF_TRY(pf_conclude_check(e, pf_estimate_slope(width, wider, WIDTHS * SEEDS, NULL), falls, error,
                           "slope of the excess in m, N=%d", MOST));
  return pf_conclude_check(e, pf_estimate_slope(n, joint, WIDTHS * SEEDS, NULL), falls, error,
                           "slope of the excess in N, m growing with it");
}

static pf_status draw(pf_experiment *e, int width, int value, pf_error *error) {
  pf_study_point points[SIZES];
  for (int k = 0; k < SIZES; k++) {
    double found[SEEDS];
    for (int s = 0; s < SEEDS; s++) found[s] = value_at(e, width, s, value + k);
    points[k] = pf_point_of(sizes[k], found, SEEDS);
  }
  return pf_conclude_series(e, (pf_series_head){PF_STUDY_LINE, points, SIZES}, error, "m=%d", widths[width]);
}

static pf_status conclude(pf_experiment *e, pf_error *error) {
  double level = 0;
  PF_TRY(check_fluctuation(e, error));
  PF_TRY(check_slopes(e, error));
  PF_TRY(pf_conclude_chart(e, (pf_chart_head){"Generalisation gap", "N", "abs(J_N - J), rms", true, true},
                           error));
  for (int w = 0; w < WIDTHS; w++) {
    PF_TRY(draw(e, w, GAP, error));
    for (int s = 0; s < SEEDS; s++)
      level += value_at(e, w, s, FLUCTUATION) * sqrt(sizes[0]) / (WIDTHS * SEEDS);
  }
  PF_TRY(pf_conclude_power(e, (pf_power_law){level, -.5, sizes[0], MOST}, error,
                           "fluctuation at fixed weights, N^-1/2"));
  PF_TRY(pf_conclude_chart(
      e, (pf_chart_head){"Excess of the minimiser of N rows", "N", "J - min J", true, true}, error));
  for (int w = 0; w < WIDTHS; w++) PF_TRY(draw(e, w, EXCESS, error));
  return PF_OK;
}

const pf_experiment_plan pf_otflow_samples = {
    .name = "samples",
    .title = "The number of training rows",
    .claim = "The loss on N rows tends to that of the law: at fixed weights it fluctuates like N^-1/2, and "
             "so does the gap between "
             "training and truth of fitted flows, at least. What a flow fitted to N rows costs more than the "
             "best flow of all falls "
             "with N, with the width, and with both together.",
    .source = "arXiv 2403.16208, abstract: the Monte-Carlo loss converges to the continuous one as N goes to "
              "infinity, and the network's "
              "approximation bounds the discrete loss; no rate is claimed there. N^-1/2 at fixed weights: "
              "the law of large numbers",
    .protocol = "Two modes on the line, N(-1.5, 1/4) and N(1.5, 1/4), alpha=5. Width 4 to 32: a flow is "
                "fitted to the law (best of "
                "three starts, 600 steps), then to N = 64 to 4096 rows from there (100 steps on all of "
                "them), four samples of each N "
                "in each of three seeds. J as an integral; the least J over all flows by convex minimisation "
                "on 1401 nodes. "
                "Fluctuations: root mean squares over disjoint samples in 32768 fresh rows.",
    .band = "Fluctuation -1/2 within .1. Gap -1.1 to -.35: -1/2, and as steep as -1 where optimism, of order "
            "1/N, outweighs the "
            "fluctuation; the rest is for four samples a cell. Excess: its slope's interval below 0.",
    .value_names = names,
    .n_values = VALUES,
    .n_cells = WIDTHS * SEEDS,
    .describe = describe,
    .measure = measure,
    .conclude = conclude};
