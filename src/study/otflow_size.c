/* The size of the potential: layers and width at fixed alpha (arXiv 2403.16208: approximation bounds the loss of minimisers).
 *
 *   line   two modes, whose least J over all flows is known by convex minimisation: the excess is what the network misses
 *   moons  a law of the plane with known entropy: C - entropy is KL(data || model)
 */
#include <math.h>
#include <stdio.h>
#include "../base/memory.h"
#include "../data/law.h"
#include "otflow.h"

enum { WIDTHS = 4, LAYERS = 3, LINE_SEEDS = 3, EVEN = 1024, FIT = 1000, STEPS = 8 };
enum {
  PLANE_WIDTHS = 3,
  PLANE_LAYERS = 2,
  PLANE_SEEDS = 3,
  PLANE_ROWS = 8192,
  PLANE_FIT = 1000,
  FRESH = 4096
};
enum { LINE = WIDTHS * LAYERS * LINE_SEEDS, PLANE = PLANE_WIDTHS * PLANE_LAYERS * PLANE_SEEDS };
static const int widths[WIDTHS] = {1, 2, 4, 8}, plane_widths[PLANE_WIDTHS] = {8, 16, 32};
static const double LINE_ALPHA = 5, PLANE_ALPHA = 8, NEAR = .01; /* nats */

enum { PARAMETERS, OBJECTIVE, EXCESS, COST, VALUES };
static const char *const names[VALUES] = {"parameters", "alpha (C - entropy) + L", "excess", "L"};

typedef struct place {
  bool plane;
  int width, layers, seed;
} place;

static place place_of(int cell) {
  if (cell < LINE)
    return (place){false, widths[cell / (LAYERS * LINE_SEEDS)], 1 + cell / LINE_SEEDS % LAYERS,
                   cell % LINE_SEEDS};
  cell -= LINE;
  return (place){true, plane_widths[cell / (PLANE_LAYERS * PLANE_SEEDS)],
                 1 + cell / PLANE_SEEDS % PLANE_LAYERS, cell % PLANE_SEEDS};
}

static void describe(int cell, pf_cell_text *out) {
  place p = place_of(cell);
  snprintf(out->key, sizeof out->key, "%s m=%d M=%d #%d", p.plane ? "moons" : "line", p.width, p.layers,
           p.seed + 1);
  out->cost = p.plane ? 1 + p.layers * (2.5 + p.width / 3.0) : (1 + p.layers) * (2.5 + p.width / 8.0);
}

static pf_flow_settings settings_of(place p) {
  pf_flow_settings s = pf_otflow_line_settings();
  s.field.potential.inputs = p.plane ? 2 : 1;
  s.field.potential.width = p.width;
  s.field.potential.layers = p.layers;
  s.likelihood = p.plane ? PLANE_ALPHA : LINE_ALPHA;
  s.kinetic = 1;
  s.hjb = p.plane ? 1 : .1;
  s.batch = p.plane ? 256 : EVEN;
  s.steps = p.plane ? 6 : s.steps;
  return s;
}

static pf_status count_parameters(const pf_flow_settings *s, double *out, pf_error *error) {
  pf_layout layout = {0};
  PF_TRY(pf_field_layout(&s->field, &layout, error));
  *out = (double)layout.total;
  pf_layout_free(&layout);
  return PF_OK;
}

/* ---- the line ---- */

static pf_status measure_line(pf_verify_run *lab, const pf_flow_settings *s, const pf_otflow_two_modes *law,
                              double *values, pf_error *error) {
  float rows[EVEN], *params = NULL;
  pf_otflow_value value = {.total = NAN};
  pf_otflow_rows judge = {PF_FLOWS_NODES, law->points.x, law->points.weight};
  pf_otflow_fit fit = {.settings = *s, .steps = FIT, .starts = 3, .n = EVEN, .rows = rows, .judge = judge};
  pf_otflow_two_modes_rows(law, EVEN, rows);
  PF_TRY(pf_otflow_fit_fresh(lab, &fit, &params, error));
  pf_status status = pf_otflow_value_of(s, params, STEPS, judge, &value, NULL, error);
  pf_free(params);
  values[OBJECTIVE] = LINE_ALPHA * (value.nll - law->entropy) + value.cost;
  values[EXCESS] = values[OBJECTIVE] - (law->least_cost + LINE_ALPHA * law->least_kl);
  values[COST] = value.cost;
  return status;
}

/* ---- the plane ---- */

static pf_status fit_plane(pf_verify_run *lab, const pf_flow_settings *s, const double *x, float *rows,
                           double entropy, double *values, pf_error *error) {
  enum { JUDGED = 1024 };
  float *params = NULL;
  pf_otflow_value value = {.total = NAN};
  pf_otflow_fit fit = {.settings = *s,
                       .steps = PLANE_FIT,
                       .starts = 1,
                       .n = PLANE_ROWS,
                       .rows = rows,
                       .judge = {JUDGED, x, NULL}};
  for (int i = 0; i < 2 * PLANE_ROWS; i++) rows[i] = (float)x[i];
  PF_TRY(pf_otflow_fit_fresh(lab, &fit, &params, error));
  pf_otflow_rows fresh = {FRESH, x + 2 * PLANE_ROWS, NULL};
  pf_status status = pf_otflow_value_of(s, params, 2 * s->steps, fresh, &value, NULL, error);
  pf_free(params);
  values[OBJECTIVE] = PLANE_ALPHA * (value.nll - entropy) + value.cost;
  values[EXCESS] = value.nll - entropy;
  values[COST] = value.cost;
  return status;
}

static pf_status measure_plane(pf_verify_run *lab, const pf_flow_settings *s, double *values,
                               pf_error *error) {
  pf_law *law = NULL;
  double *x = NULL, entropy = NAN;
  float *rows = NULL;
  PF_TRY(pf_law_create("moons", &law, error));
  pf_status status = pf_alloc(2 * (PLANE_ROWS + FRESH), sizeof *x, &x, error);
  if (status == PF_OK) status = pf_alloc(2 * PLANE_ROWS, sizeof *rows, &rows, error);
  if (status == PF_OK) {
    pf_law_sample(law, lab->seed, 0, PLANE_ROWS + FRESH, x);
    pf_law_entropy(law, &entropy);
    status = fit_plane(lab, s, x, rows, entropy, values, error);
  }
  pf_free(x);
  pf_free(rows);
  pf_law_free(law);
  return status;
}

static pf_status measure(const pf_cell_run *run, double *values, pf_error *error) {
  place p = place_of(run->cell);
  pf_verify_run lab = pf_flows_lab(run);
  pf_flow_settings s = settings_of(p);
  PF_TRY(count_parameters(&s, &values[PARAMETERS], error));
  if (p.plane) return measure_plane(&lab, &s, values, error);
  pf_otflow_two_modes law;
  PF_TRY(pf_otflow_two_modes_open(LINE_ALPHA, &law, error));
  pf_status status = measure_line(&lab, &s, &law, values, error);
  pf_otflow_two_modes_close(&law);
  return status;
}

/* ---- conclusions ---- */

/* Cells first..first+count-1 with so many layers: their parameters and a value; how many there are. */
static int select_cells(const pf_experiment *e, bool plane, int layers, int value, double *x, double *y) {
  int count = 0;
  for (int i = plane ? LINE : 0; i < (plane ? LINE + PLANE : LINE); i++) {
    if (place_of(i).layers != layers) continue;
    x[count] = e->cells[i].values[PARAMETERS];
    y[count++] = e->cells[i].values[value];
  }
  return count;
}

static pf_status check_width(pf_experiment *e, pf_error *error) {
  double x[LINE], y[LINE];
  for (int plane = 0; plane < 2; plane++)
    for (int layers = 1; layers <= (plane ? PLANE_LAYERS : LAYERS); layers++) {
      int n = select_cells(e, plane, layers, plane ? OBJECTIVE : EXCESS, x, y);
      PF_TRY(pf_conclude_check(e, pf_estimate_slope(x, y, n, NULL), (pf_band){-INFINITY, 0}, error,
                               "slope of the %s in parameters, %s, M=%d", plane ? "objective" : "excess",
                               plane ? "moons" : "line", layers));
      if (plane) continue;
      PF_TRY(pf_conclude_check(
          e, pf_estimate_mean(y + n - LINE_SEEDS, LINE_SEEDS), (pf_band){-INFINITY, LINE_ALPHA * NEAR}, error,
          "excess over the least objective, line, m=%d, M=%d", widths[WIDTHS - 1], layers));
    }
  return PF_OK;
}

/* At every width and seed: the objective of the deepest against the shallowest. */
static pf_status check_depth(pf_experiment *e, pf_error *error) {
  double x[LINE], shallow[LINE], deep[LINE];
  for (int plane = 0; plane < 2; plane++) {
    int layers = plane ? PLANE_LAYERS : LAYERS;
    int n = select_cells(e, plane, 1, OBJECTIVE, x, shallow);
    select_cells(e, plane, layers, OBJECTIVE, x, deep);
    for (int i = 0; i < n; i++) deep[i] = log(deep[i] / shallow[i]);
    PF_TRY(pf_conclude_check(e, pf_estimate_mean(deep, n), (pf_band){-INFINITY, log(1.25)}, error,
                             "ln(objective, M=%d / M=1), %s", layers, plane ? "moons" : "line"));
  }
  return PF_OK;
}

static pf_status draw(pf_experiment *e, bool plane, int layers, pf_error *error) {
  double x[LINE], y[LINE];
  pf_study_point points[WIDTHS];
  int seeds = plane ? PLANE_SEEDS : LINE_SEEDS;
  int n = select_cells(e, plane, layers, EXCESS, x, y);
  for (int i = 0; i < n / seeds; i++) points[i] = pf_point_of(x[i * seeds], y + i * seeds, seeds);
  return pf_conclude_series(e, (pf_series_head){PF_STUDY_LINE, points, n / seeds}, error, "M=%d", layers);
}

static pf_status conclude(pf_experiment *e, pf_error *error) {
  PF_TRY(check_width(e, error));
  PF_TRY(check_depth(e, error));
  PF_TRY(pf_conclude_chart(
      e, (pf_chart_head){"Two modes on the line", "parameters", "objective - least", true, true}, error));
  for (int layers = 1; layers <= LAYERS; layers++) PF_TRY(draw(e, false, layers, error));
  PF_TRY(pf_conclude_power(e, (pf_power_law){LINE_ALPHA * NEAR, 0, 12, 300}, error, "alpha x .01 nats"));
  PF_TRY(pf_conclude_chart(e, (pf_chart_head){"Moons", "parameters", "C - entropy", true, true}, error));
  for (int layers = 1; layers <= PLANE_LAYERS; layers++) PF_TRY(draw(e, true, layers, error));
  return PF_OK;
}

const pf_experiment_plan pf_otflow_size = {
    .name = "size",
    .title = "The size of the potential",
    .claim = "The objective alpha C + L of fitted potentials does not grow with their width, and on the line "
             "it comes near the least "
             "value that any flow has; more layers do no harm.",
    .source = "arXiv 2403.16208, abstract: the approximation capability of the network bounds the discrete "
              "loss of minimisers; no "
              "rate is claimed there. The least value by convex minimisation: derived",
    .protocol = "Line: the two-mode law of `samples`, alpha=5, 1024 quantiles, width 1 to 8, 1 to 3 "
                "residual layers, best of three "
                "starts, 1000 steps, three seeds; J as an integral, its least value on 1401 nodes. Moons: "
                "alpha=8, residual weight 1, "
                "8192 rows, batches of 256, 1000 steps after 250 of a start, width 8 to 32, 1 and 2 layers, "
                "three seeds; C on 4096 "
                "fresh rows minus the entropy.",
    .band = "Slope over parameters: interval below 0 (for moons, of the objective). Excess of the widest on "
            "the line at most "
            "alpha x .01 nats. Depth: not more than a quarter worse, which is what a fixed number of steps "
            "may cost.",
    .value_names = names,
    .n_values = VALUES,
    .n_cells = LINE + PLANE,
    .describe = describe,
    .measure = measure,
    .conclude = conclude};
