/* Inverting a trained chain: from data to noise and back with the same Runge-Kutta steps.
 *
 * With F_k, B_k the numerical block and its numerical inverse, e_k the largest |B_k F_k y - y| along the way and L_k the
 * Lipschitz constant of B_k, the largest error of N blocks is at most
 *   sum_k e_k L_1 .. L_{k-1}  <=  e (L^N - 1)/(L - 1)                                                       (derived)
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "../verify/gaussian_line.h"
#include "../verify/jko_chain.h"
#include "flows.h"
#include "jko.h"

enum { BLOCKS = 8, SEEDS = 5, FIT = 600, POINTS = 257, LADDER = 4, COARSE = 4 };
static const int ladder[LADDER] = {2, 4, 8, 16};
static const double H = .5;

/* ERROR: of the whole chain by its steps; GROWTH: of the first 1..BLOCKS blocks; RATIO: to the bound above. */
enum { ERROR = 0, GROWTH = LADDER, RATIO = GROWTH + BLOCKS, LIPSCHITZ = RATIO + BLOCKS, RATE, VALUES };
static const char *const names[VALUES] = {
    "RMS, 2 steps", "RMS, 4 steps", "RMS, 8 steps", "RMS, 16 steps",    "max, N=1",   "max, N=2",
    "max, N=3",     "max, N=4",     "max, N=5",     "max, N=6",         "max, N=7",   "max, N=8",
    "ratio, N=1",   "ratio, N=2",   "ratio, N=3",   "ratio, N=4",       "ratio, N=5", "ratio, N=6",
    "ratio, N=7",   "ratio, N=8",   "ln Lip",       "ln growth a block"};

static void describe(int cell, pf_cell_text *out) {
  snprintf(out->key, sizeof out->key, "h=%g #%d", H, cell + 1);
  out->cost = 13;
}

static double start_at(int i) { return 3 + 2 * (-3 + 6.0 * i / (POINTS - 1)); }

/* Difference of two rows: root mean square and largest. */
typedef struct gap {
  double rms, most;
} gap;

static gap gap_of(const double *a, const double *b) {
  gap g = {0, 0};
  for (int i = 0; i < POINTS; i++) {
    g.rms += (a[i] - b[i]) * (a[i] - b[i]) / POINTS;
    g.most = fmax(g.most, fabs(a[i] - b[i]));
  }
  g.rms = sqrt(g.rms);
  return g;
}

static pf_status round_trip(const pf_jko_chain *c, int blocks, int steps, gap *out, pf_error *error) {
  double start[POINTS], x[POINTS];
  for (int i = 0; i < POINTS; i++) x[i] = start[i] = start_at(i);
  PF_TRY(pf_jko_chain_move(c, (pf_jko_trip){0, blocks, steps, false}, POINTS, x, error));
  PF_TRY(pf_jko_chain_move(c, (pf_jko_trip){0, blocks, steps, true}, POINTS, x, error));
  *out = gap_of(x, start);
  return PF_OK;
}

/* e_k and L_k of every block, along the chain's own way. */
static pf_status measure_blocks(const pf_jko_chain *c, double *own, double *lipschitz, pf_error *error) {
  double before[POINTS], after[POINTS], back[POINTS];
  for (int i = 0; i < POINTS; i++) before[i] = start_at(i);
  for (int k = 0; k < BLOCKS; k++) {
    memcpy(after, before, sizeof after);
    PF_TRY(pf_jko_chain_move(c, (pf_jko_trip){k, 1, COARSE, false}, POINTS, after, error));
    memcpy(back, after, sizeof back);
    PF_TRY(pf_jko_chain_move(c, (pf_jko_trip){k, 1, COARSE, true}, POINTS, back, error));
    own[k] = gap_of(back, before).most;
    lipschitz[k] = 0;
    for (int i = 0; i + 1 < POINTS; i++)
      lipschitz[k] = fmax(lipschitz[k], (back[i + 1] - back[i]) / (after[i + 1] - after[i]));
    memcpy(before, after, sizeof before);
  }
  return PF_OK;
}

static pf_status measure_chain(const pf_jko_chain *c, double *values, pf_error *error) {
  double own[BLOCKS], lipschitz[BLOCKS], count[BLOCKS], bound = 0, product = 1, most = 0;
  gap g;
  for (int i = 0; i < LADDER; i++) {
    PF_TRY(round_trip(c, BLOCKS, ladder[i], &g, error));
    values[ERROR + i] = g.rms;
  }
  PF_TRY(measure_blocks(c, own, lipschitz, error));
  for (int k = 0; k < BLOCKS; k++) {
    PF_TRY(round_trip(c, k + 1, COARSE, &g, error));
    bound += own[k] * product;
    product *= lipschitz[k];
    most = fmax(most, lipschitz[k]);
    values[GROWTH + k] = g.most;
    values[RATIO + k] = g.most / bound;
    count[k] = k + 1;
  }
  values[LIPSCHITZ] = log(most);
  values[RATE] = pf_flows_rate(count, values + GROWTH, BLOCKS).value;
  return PF_OK;
}

static pf_status train_and_measure(pf_jko_chain *c, double *values, pf_error *error) {
  c->settings.movement = 1 / H;
  PF_TRY(pf_jko_chain_open(c, error));
  PF_TRY(pf_jko_chain_normal_rows(c, 3, 2, error));
  for (int k = 0; k < BLOCKS; k++) PF_TRY(pf_jko_chain_add(c, k, "block", error));
  return measure_chain(c, values, error);
}

static pf_status measure(const pf_cell_run *run, double *values, pf_error *error) {
  pf_verify_run lab = pf_flows_lab(run);
  pf_jko_chain c = pf_flows_chain(&lab, BLOCKS, FIT);
  pf_status status = train_and_measure(&c, values, error);
  pf_jko_chain_close(&c);
  return status;
}

/* ---- conclusions ---- */

static pf_status draw(pf_experiment *e, int first, int count, const double *x, const char *name,
                      pf_error *error) {
  pf_study_point points[BLOCKS];
  for (int i = 0; i < count; i++) {
    double found[SEEDS];
    for (int s = 0; s < SEEDS; s++) found[s] = e->cells[s].values[first + i];
    points[i] = pf_point_of(x[i], found, SEEDS);
  }
  return pf_conclude_series(e, (pf_series_head){PF_STUDY_LINE, points, count}, error, "%s", name);
}

static pf_status check(pf_experiment *e, double *factor, pf_error *error) {
  double x[LADDER * SEEDS], y[LADDER * SEEDS], worst[SEEDS], over[SEEDS];
  for (int s = 0; s < SEEDS; s++) {
    const double *v = e->cells[s].values;
    for (int i = 0; i < LADDER; i++) {
      x[s * LADDER + i] = ladder[i];
      y[s * LADDER + i] = v[ERROR + i];
    }
    worst[s] = 0;
    for (int k = 0; k < BLOCKS; k++)
      if (!(v[RATIO + k] <= worst[s])) worst[s] = v[RATIO + k];
    over[s] = v[RATE] - v[LIPSCHITZ];
  }
  PF_TRY(pf_conclude_check(e, pf_estimate_slope(x, y, LADDER * SEEDS, factor), (pf_band){-5.5, -3.5}, error,
                           "slope of the inversion error in the steps a block"));
  double most = 0;
  for (int s = 0; s < SEEDS; s++)
    if (!(worst[s] <= most)) most = worst[s];
  PF_TRY(pf_conclude_check(e, pf_estimate_exact(most), (pf_band){0, 1.01}, error,
                           "largest error / (sum of e_k L_1 .. L_k-1)"));
  return pf_conclude_check(e, pf_estimate_mean(over, SEEDS), (pf_band){-INFINITY, 0}, error,
                           "growth of the error a block, ln, minus ln Lip");
}

static pf_status conclude(pf_experiment *e, pf_error *error) {
  double steps[LADDER], count[BLOCKS], factor = NAN, first = 0, lip = 0;
  for (int i = 0; i < LADDER; i++) steps[i] = ladder[i];
  for (int k = 0; k < BLOCKS; k++) count[k] = k + 1;
  for (int s = 0; s < SEEDS; s++) {
    first += e->cells[s].values[GROWTH] / SEEDS;
    lip = fmax(lip, exp(e->cells[s].values[LIPSCHITZ]));
  }
  PF_TRY(check(e, &factor, error));
  PF_TRY(pf_conclude_chart(e,
                           (pf_chart_head){"Inversion of eight trained blocks", "Runge-Kutta steps a block",
                                           "RMS error", true, true},
                           error));
  PF_TRY(draw(e, ERROR, LADDER, steps, "there and back", error));
  PF_TRY(pf_conclude_power(e, (pf_power_law){factor, -4, 2, 16}, error, "slope -4"));
  PF_TRY(pf_conclude_power(e, (pf_power_law){factor, -5, 2, 16}, error, "slope -5"));
  PF_TRY(pf_conclude_chart(
      e, (pf_chart_head){"Inversion with 4 steps a block", "blocks", "largest error", false, true}, error));
  PF_TRY(draw(e, GROWTH, BLOCKS, count, "measured", error));
  pf_study_point bound[BLOCKS];
  for (int k = 0; k < BLOCKS; k++) bound[k] = pf_bare_point(k + 1, first * pow(lip, k));
  return pf_conclude_series(e, (pf_series_head){PF_STUDY_REFERENCE, bound, BLOCKS}, error,
                            "first error times Lip^(N-1)");
}

const pf_experiment_plan pf_jko_inversion = {
    .name = "inversion",
    .title = "Inversion error against steps and blocks",
    .claim = "Integrating a trained chain back returns the data up to the integrator's error: of order four "
             "to five in the steps a "
             "block, and growing with the number of blocks no faster than the product of the inverse blocks' "
             "Lipschitz "
             "constants.",
    .source = "arXiv 2310.17582 treats inversion errors; the form eps_inv Lip^N is recalled. The bound that "
              "is checked, the sum of "
              "e_k L_1 .. L_{k-1}, is derived",
    .protocol = "Chains of 8 blocks (h=.5, 600 steps each) from N(3,4), five seeds; 257 points within three "
                "standard deviations, in "
                "double, classical Runge-Kutta with 2, 4, 8 and 16 steps a block there and back. With 4 "
                "steps also the first 1 to "
                "8 blocks; e_k and L_k of every block on the way, L_k as the largest slope of the inverse "
                "(on the line, its largest "
                "singular value).",
    .band = "Slope -3.5 to -5.5: a step and its reverse cancel their leading errors, so that order five is "
            "usual and four is what "
            "one way has; .5 because steps of 1/2 are not yet small. Bound: ratio at most 1.01, since a "
            "largest slope between "
            "257 points is not quite the largest. Growth rate at most ln Lip.",
    .value_names = names,
    .n_values = VALUES,
    .n_cells = SEEDS,
    .describe = describe,
    .measure = measure,
    .conclude = conclude};
