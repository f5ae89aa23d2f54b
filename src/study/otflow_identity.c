/* One OT-Flow with weight alpha is one JKO step of size alpha, and OT-Flows in a row are a JKO flow: both trained from N(3, 2^2),
 * against the closed form. The first is a potential with transport cost along its paths, the second a free perceptron with the
 * movement of its ends: nothing but the claim makes them agree.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "../base/memory.h"
#include "../verify/jko_chain.h"
#include "otflow.h"

enum { SINGLE = 5, REPEATED = 2, SEEDS = 4, ROWS = PF_JKO_CHAIN_ROWS, BLOCKS = 3, FIT = 600, FINE = 16 };
static const double weights[SINGLE] = {.5, 1, 2, 5, 10}, repeated[REPEATED] = {1, 2};
static const double HJB = .1;

/* Of a repeated one: KL after 1, 2, 3 blocks over the recursion's. */
enum { APART, COST_OT, COST_JKO, KL_OT, KL_JKO, CHAIN, VALUES = CHAIN + BLOCKS };
static const char *const names[VALUES] = {
    "W2 apart, of the way", "L / exact, OT-Flow",  "L / exact, JKO",       "KL / exact, OT-Flow",
    "KL / exact, JKO",      "KL / exact, 1 block", "KL / exact, 2 blocks", "KL / exact, 3 blocks"};

static void describe(int cell, pf_cell_text *out) {
  if (cell < SINGLE * SEEDS) {
    snprintf(out->key, sizeof out->key, "alpha=%g #%d", weights[cell / SEEDS], cell % SEEDS + 1);
    out->cost = 12;
    return;
  }
  cell -= SINGLE * SEEDS;
  snprintf(out->key, sizeof out->key, "repeated alpha=%g #%d", repeated[cell / SEEDS], cell % SEEDS + 1);
  out->cost = 21;
}

static pf_flow_settings otflow_settings(double alpha) {
  pf_flow_settings s = pf_otflow_line_settings();
  s.batch = ROWS;
  s.likelihood = alpha;
  s.kinetic = 1;
  s.hjb = HJB;
  return s;
}

/* The law that an OT-Flow makes of `law`, with its cost L. */
static pf_status push_otflow(const pf_flow_settings *s, const float *params, pf_line_law *law, double *cost,
                             pf_error *error) {
  pf_line_law next = *law;
  double kinetic[PF_LINE_NODES];
  pf_otflow_course course = {&s->field, params, 1, FINE};
  pf_otflow_paths paths = {.x = next.z, .log_det = next.log_slope, .kinetic = kinetic};
  PF_TRY(pf_otflow_line_follow(&course, PF_LINE_NODES, law->z, &paths, error));
  *cost = 0;
  for (int i = 0; i < PF_LINE_NODES; i++) {
    next.log_slope[i] += law->log_slope[i];
    *cost += pf_line_weight(i) * kinetic[i];
  }
  *law = next;
  return PF_OK;
}

static pf_status fit_otflow(pf_verify_run *lab, double alpha, const float *rows, pf_line_law *law,
                            double *cost, pf_error *error) {
  double weight[PF_LINE_NODES];
  float *params = NULL;
  for (int i = 0; i < PF_LINE_NODES; i++) weight[i] = pf_line_weight(i);
  pf_otflow_fit fit = {.settings = otflow_settings(alpha),
                       .steps = FIT,
                       .starts = 3,
                       .n = ROWS,
                       .rows = rows,
                       .judge = {PF_LINE_NODES, law->z, weight}};
  PF_TRY(pf_otflow_fit_fresh(lab, &fit, &params, error));
  pf_status status = push_otflow(&fit.settings, params, law, cost, error);
  pf_free(params);
  return status;
}

static pf_status compare(pf_jko_chain *c, double alpha, double *values, pf_error *error) {
  pf_normal_law exact = pf_jko_gaussian_step(pf_otflow_line_data, alpha);
  pf_line_law start = pf_line_of(pf_otflow_line_data), ot = start, jko = start;
  double way = pf_normal_w2_squared(pf_otflow_line_data, exact), cost = NAN;
  c->settings.movement = 1 / alpha;
  PF_TRY(pf_jko_chain_open(c, error));
  PF_TRY(pf_jko_chain_normal_rows(c, pf_otflow_line_data.mean, pf_otflow_line_data.sd, error));
  PF_TRY(fit_otflow(c->run, alpha, c->rows, &ot, &cost, error));
  PF_TRY(pf_jko_chain_add(c, 0, "JKO step", error));
  PF_TRY(pf_line_push(&jko, c->cnf, 0, c->run->pool, error));
  values[APART] = sqrt(pf_line_w2_squared(&ot, &jko) / way);
  values[COST_OT] = cost / (way / 2);
  values[COST_JKO] = pf_line_w2_squared(&jko, &start) / way;
  values[KL_OT] = pf_line_kl(&ot) / pf_normal_kl(exact);
  values[KL_JKO] = pf_line_kl(&jko) / pf_normal_kl(exact);
  return PF_OK;
}

/* OT-Flows one after the other, each fitted to what the one before made of the rows. */
static pf_status repeat(pf_verify_run *lab, double alpha, double *values, pf_error *error) {
  pf_normal_law exact = pf_otflow_line_data;
  pf_line_law law = pf_line_of(exact);
  double normals[ROWS], cost = NAN;
  float rows[ROWS];
  PF_TRY(pf_even_normals(ROWS, 1, normals, error));
  for (int i = 0; i < ROWS; i++) rows[i] = (float)(exact.mean + exact.sd * normals[i]);
  for (int k = 0; k < BLOCKS; k++) {
    pf_normal_law next = pf_jko_gaussian_step(exact, alpha);
    pf_line_law before = law;
    PF_TRY(fit_otflow(lab, alpha, rows, &law, &cost, error));
    /* the rows follow the law's map; between its nodes, and beyond them, it is as good as affine */
    for (int i = 0; i < ROWS; i++) {
      double x = rows[i];
      int at = 0;
      while (at < PF_LINE_NODES - 2 && before.z[at + 1] < x) at++;
      double share = (x - before.z[at]) / (before.z[at + 1] - before.z[at]);
      rows[i] = (float)(law.z[at] + share * (law.z[at + 1] - law.z[at]));
    }
    values[CHAIN + k] = pf_line_kl(&law) / pf_normal_kl(next);
    exact = next;
  }
  return PF_OK;
}

static pf_status measure(const pf_cell_run *run, double *values, pf_error *error) {
  pf_verify_run lab = pf_flows_lab(run);
  if (run->cell >= SINGLE * SEEDS)
    return repeat(&lab, repeated[(run->cell - SINGLE * SEEDS) / SEEDS], values, error);
  pf_jko_chain c = pf_flows_chain(&lab, 1, FIT);
  pf_status status = compare(&c, weights[run->cell / SEEDS], values, error);
  pf_jko_chain_close(&c);
  return status;
}

/* ---- conclusions ---- */

static pf_study_point mean_of(const pf_experiment *e, int first, double x, int value) {
  double found[SEEDS];
  for (int s = 0; s < SEEDS; s++) found[s] = e->cells[first + s].values[value];
  return pf_point_of(x, found, SEEDS);
}

static pf_status add_check(pf_experiment *e, pf_study_point mean, pf_band band, const char *what,
                           double alpha, pf_error *error) {
  return pf_conclude_check(e, (pf_estimate){mean.y, mean.low, mean.high}, band, error, "%s, alpha=%g", what,
                           alpha);
}

static pf_status check_single(pf_experiment *e, int weight, pf_error *error) {
  static const struct {
    int value;
    pf_band band;
  } checks[] = {{APART, {0, .02}},
                {COST_OT, {.98, 1.02}},
                {COST_JKO, {.98, 1.02}},
                {KL_OT, {.95, 1.05}},
                {KL_JKO, {.95, 1.05}}};
  for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
    pf_study_point mean = mean_of(e, weight * SEEDS, weights[weight], checks[i].value);
    PF_TRY(add_check(e, mean, checks[i].band, names[checks[i].value], weights[weight], error));
  }
  return PF_OK;
}

static pf_status check_repeated(pf_experiment *e, int weight, pf_error *error) {
  for (int k = 0; k < BLOCKS; k++) {
    pf_study_point mean = mean_of(e, (SINGLE + weight) * SEEDS, k + 1, CHAIN + k);
    PF_TRY(add_check(e, mean, (pf_band){.9, 1.1}, names[CHAIN + k], repeated[weight], error));
  }
  return PF_OK;
}

static pf_status draw(pf_experiment *e, pf_error *error) {
  static const int shown[] = {COST_OT, COST_JKO, KL_OT, KL_JKO};
  PF_TRY(pf_conclude_chart(
      e, (pf_chart_head){"One step, over its closed form", "alpha = h", "ratio", true, false}, error));
  for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
    pf_study_point points[SINGLE];
    for (int w = 0; w < SINGLE; w++) points[w] = mean_of(e, w * SEEDS, weights[w], shown[i]);
    PF_TRY(
        pf_conclude_series(e, (pf_series_head){PF_STUDY_LINE, points, SINGLE}, error, "%s", names[shown[i]]));
  }
  PF_TRY(pf_conclude_power(e, (pf_power_law){1, 0, weights[0], weights[SINGLE - 1]}, error, "theory"));
  PF_TRY(pf_conclude_chart(e, (pf_chart_head){"OT-Flows in a row: KL", "blocks", "KL", false, true}, error));
  for (int w = 0; w < REPEATED; w++) {
    pf_study_point found[BLOCKS], exact[BLOCKS];
    pf_normal_law law = pf_otflow_line_data;
    for (int k = 0; k < BLOCKS; k++) {
      law = pf_jko_gaussian_step(law, repeated[w]);
      double kl = pf_normal_kl(law);
      pf_study_point ratio = mean_of(e, (SINGLE + w) * SEEDS, k + 1, CHAIN + k);
      found[k] = (pf_study_point){k + 1, ratio.y * kl, ratio.low * kl, ratio.high * kl};
      exact[k] = pf_bare_point(k + 1, kl);
    }
    PF_TRY(pf_conclude_series(e, (pf_series_head){PF_STUDY_LINE, found, BLOCKS}, error, "OT-Flows, alpha=%g",
                              repeated[w]));
    PF_TRY(pf_conclude_series(e, (pf_series_head){PF_STUDY_REFERENCE, exact, BLOCKS}, error,
                              "JKO recursion, h=%g", repeated[w]));
  }
  return PF_OK;
}

static pf_status conclude(pf_experiment *e, pf_error *error) {
  for (int w = 0; w < SINGLE; w++) PF_TRY(check_single(e, w, error));
  for (int w = 0; w < REPEATED; w++) PF_TRY(check_repeated(e, w, error));
  return draw(e, error);
}

const pf_experiment_plan pf_otflow_jko_identity = {
    .name = "jko-identity",
    .title = "OT-Flow as a JKO step",
    .claim = "One OT-Flow problem with weight alpha is one JKO step of size h = alpha: the trained laws, "
             "costs and divergences of the two "
             "agree with each other and with the closed form; OT-Flows in a row follow the JKO recursion.",
    .source = "derived from the Benamou-Brenier form of W2; repeating OT-Flow with a fixed weight is arXiv "
              "2211.16757, of which no "
              "number is known here",
    .protocol = "From N(3,4), rows without sampling error. A potential with the integrated transport cost "
                "(best of three starts, 600 "
                "steps) and a free perceptron with the movement of its ends (600 steps), alpha = h = .5 to "
                "10, four seeds; then three "
                "OT-Flows in a row, alpha = 1 and 2, each fitted to what the last made of the rows. W2, L "
                "and KL as integrals.",
    .band = "What training leaves: W2 between the two laws 2 % of the way, L within 2 %, KL within 5 % (it "
            "is down to .04 nats, of which "
            "a fit leaves 1e-4, and is quadratic in what is left of the way); 10 % after up to three blocks.",
    .value_names = names,
    .n_values = VALUES,
    .n_cells = (SINGLE + REPEATED) * SEEDS,
    .describe = describe,
    .measure = measure,
    .conclude = conclude};
