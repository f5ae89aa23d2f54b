/* OT-Flows of N(3, 2^2) for several weights alpha of the likelihood (ot_flow.md 7; theory arXiv 2403.16208).
 *
 *   P_a = min over mu of W2^2(rho_0, mu)/2 + a KL(mu || N(0,1)):  one JKO step of size a, known in closed form
 *   C1  L and P_a grow with a towards W2^2/2 = 5, KL falls      C2  KL <= W2^2 / (2a)
 *   C3  at the minimiser paths are straight and the Hamilton-Jacobi-Bellman residual is 0, for every a
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "../base/memory.h"
#include "otflow.h"
#include "otflow_line.h"

enum { WEIGHTS = PF_OTFLOW_WEIGHTS, ROWS = 1024, FINE = 8 };
static const double WITHIN = 0.02, HJB = 0.1, W2_SQUARED = 10;
static const double SHAPE =
    1e-4; /* nats that a fit to this many rows leaves between its law and a Gaussian */
static const double STRAIGHT = 0.02; /* of the length of the paths */

/* The reference table: mean, sd, L, KL. */
static const struct {
  double alpha, mean, sd, cost, kl;
} table[WEIGHTS] = {{1, 1.5, 1.36603, 1.32596, 1.2461},
                    {5, .5, 1.09463, 3.53485, .13369},
                    {10, .27273, 1.04870, 4.17150, .039524},
                    {50, .05882, 1.00995, 4.81536, .0018288}};

static pf_status add_within(pf_verify_run *run, double value, double expected, const char *what, double alpha,
                            pf_error *error) {
  return pf_verify_add(run, (pf_claim){value, expected, WITHIN * expected}, error, "%s, alpha=%g", what,
                       alpha);
}

static pf_status check_row(pf_verify_run *run, int row, const pf_otflow_measured *m, pf_error *error) {
  double a = table[row].alpha;
  PF_TRY(add_within(run, m->law.mean, table[row].mean, "mean", a, error));
  PF_TRY(add_within(run, m->law.sd, table[row].sd, "sd", a, error));
  PF_TRY(add_within(run, m->cost, table[row].cost, "transport cost", a, error));
  PF_TRY(add_within(run, pf_normal_kl(m->law), table[row].kl, "KL by moments", a, error));
  pf_claim kl = {m->kl, table[row].kl, fmax(WITHIN * table[row].kl, SHAPE)};
  PF_TRY(pf_verify_add(run, kl, error, "KL, alpha=%g", a));
  PF_TRY(pf_verify_add(run, (pf_claim){m->kl / (W2_SQUARED / (2 * a)), 0.5, 0.5}, error,
                       "KL / (W2^2 / 2 alpha), alpha=%g", a));
  PF_TRY(pf_verify_add(run, (pf_claim){m->bend, 0, STRAIGHT}, error, "bend of the paths, alpha=%g", a));
  return pf_verify_add(run, (pf_claim){m->hjb / m->cost, 0, STRAIGHT}, error,
                       "HJB residual / transport cost, alpha=%g", a);
}

static pf_status check_trend(pf_verify_run *run, const pf_otflow_measured *m, int count, pf_error *error) {
  int wrong[3] = {0};
  for (int i = 1; i < count; i++) {
    double a = table[i].alpha, before = table[i - 1].alpha;
    wrong[0] += !(m[i].cost >= m[i - 1].cost);
    wrong[1] += !(m[i].kl <= m[i - 1].kl);
    wrong[2] += !(m[i].cost + a * m[i].kl >= m[i - 1].cost + before * m[i - 1].kl);
  }
  PF_TRY(pf_verify_add(run, (pf_claim){wrong[0], 0, 0}, error, "falls of the transport cost along alpha"));
  PF_TRY(pf_verify_add(run, (pf_claim){wrong[1], 0, 0}, error, "rises of KL along alpha"));
  return pf_verify_add(run, (pf_claim){wrong[2], 0, 0}, error, "falls of cost + alpha KL along alpha");
}

/* ---- fits ---- */

static pf_status fit_fresh(pf_verify_run *run, const pf_block_plan *plan, const float *rows, float **params,
                           pf_error *error) {
  pf_layout layout = {0};
  PF_TRY(pf_field_layout(&plan->settings.field, &layout, error));
  pf_status status = PF_OK;
  if (!*params) {
    status = pf_alloc((size_t)layout.total, sizeof **params, params, error);
    if (status == PF_OK) pf_layout_initialise(&layout, run->seed, *params);
  }
  pf_layout_free(&layout);
  return status == PF_OK ? pf_block_fit(run, plan, rows, ROWS, *params, error) : status;
}

/* Without its weight the potential moves the same law but does not solve the equation. */
static pf_status check_regulariser(pf_verify_run *run, const pf_otflow_subject *subject, double with,
                                   const float *rows, pf_error *error) {
  pf_flow_settings s = pf_otflow_line_settings();
  s.batch = ROWS;
  s.likelihood = table[0].alpha;
  s.kinetic = subject->kinetic;
  pf_block_plan plan = {
      .settings = s, .steps = subject->steps, .stage = 89, .name = "OT-Flow, no HJB weight"};
  float *params = NULL;
  pf_otflow_measured m = {.hjb = NAN};
  pf_status status = fit_fresh(run, &plan, rows, &params, error);
  if (status == PF_OK)
    status = pf_otflow_line_measure(&(pf_otflow_course){&s.field, params, 1, FINE}, &m, error);
  pf_free(params);
  if (status != PF_OK) return status;
  return pf_verify_add(run, (pf_claim){with / m.hjb, 0, 0.1}, error,
                       "HJB residual with its weight / without, alpha=1");
}

/* One OT-Flow is one JKO step: a free-form block with the movement penalty 1/h, h = alpha. */
static pf_status check_step(pf_verify_run *run, const pf_otflow_subject *subject, double alpha,
                            const pf_otflow_measured *m, const float *rows, pf_error *error) {
  char name[48];
  pf_flow_settings s = {.field = {.network = {.inputs = 1,
                                              .outputs = 1,
                                              .width = 16,
                                              .depth = 2,
                                              .frequencies = 1,
                                              .max_frequency = 1}},
                        .steps = PF_OTFLOW_LINE_STEPS,
                        .batch = ROWS,
                        .likelihood = 1,
                        .movement = 1 / alpha,
                        .learning_rate = 1e-2,
                        .schedule = PF_SCHEDULE_COSINE};
  pf_block_plan plan = {.settings = s, .steps = subject->steps, .stage = 90, .name = name};
  pf_cnf_config config = {.field = s.field, .blocks = 1, .steps = FINE};
  float *params = NULL;
  pf_cnf *cnf = NULL;
  pf_line_law law = pf_line_of(pf_otflow_line_data);
  snprintf(name, sizeof name, "JKO step, h=%g", alpha);
  pf_status status = fit_fresh(run, &plan, rows, &params, error);
  if (status == PF_OK) status = pf_cnf_create(&config, params, &cnf, error);
  if (status == PF_OK) status = pf_line_push(&law, cnf, 0, run->pool, error);
  pf_cnf_free(cnf);
  pf_free(params);
  if (status != PF_OK) return status;
  pf_normal_law step = pf_line_moments(&law);
  PF_TRY(add_within(run, m->law.mean, step.mean, "mean, OT-Flow against a JKO step", alpha, error));
  return add_within(run, m->law.sd, step.sd, "sd, OT-Flow against a JKO step", alpha, error);
}

/* ---- all of them ---- */

/* The claims are about minimisers, and some initial weights take many more steps to come near: of several short fits the one
 * with the smallest loss is gone on with. */
static pf_status choose_start(pf_verify_run *run, const pf_block_plan *plan, const float *rows, float **best,
                              pf_error *error) {
  enum { STARTS = 3 };
  pf_layout layout = {0};
  double least = INFINITY;
  float *tried = NULL;
  PF_TRY(pf_field_layout(&plan->settings.field, &layout, error));
  size_t n = (size_t)layout.total;
  pf_status status = pf_alloc(n, sizeof **best, best, error);
  if (status == PF_OK) status = pf_alloc(n, sizeof *tried, &tried, error);
  for (uint64_t i = 0; i < STARTS && status == PF_OK; i++) {
    pf_block_plan brief = *plan;
    pf_otflow_measured m = {0};
    brief.steps /= 2;
    pf_layout_initialise(&layout, run->seed + (i << 32), tried);
    status = pf_block_fit(run, &brief, rows, ROWS, tried, error);
    if (status == PF_OK)
      status = pf_otflow_line_measure(&(pf_otflow_course){&plan->settings.field, tried, 1, FINE}, &m, error);
    double loss = m.cost + plan->settings.likelihood * m.kl + plan->settings.hjb * m.hjb;
    if (status == PF_OK && (i == 0 || loss < least)) {
      least = loss;
      memcpy(*best, tried, n * sizeof *tried);
    }
  }
  pf_layout_free(&layout);
  pf_free(tried);
  return status;
}

static pf_status run_table(pf_verify_run *run, const pf_otflow_subject *subject, const float *rows,
                           float **params, pf_error *error) {
  pf_otflow_measured m[WEIGHTS];
  pf_flow_settings s = pf_otflow_line_settings();
  s.batch = ROWS;
  s.kinetic = subject->kinetic;
  s.hjb = HJB;
  for (int i = 0; i < subject->weights; i++) { /* each from the one before */
    char name[48];
    snprintf(name, sizeof name, "OT-Flow, alpha=%g", table[i].alpha);
    s.likelihood = table[i].alpha;
    pf_block_plan plan = {.settings = s, .steps = subject->steps, .stage = 80 + (uint32_t)i, .name = name};
    if (i == 0) PF_TRY(choose_start(run, &plan, rows, params, error));
    PF_TRY(fit_fresh(run, &plan, rows, params, error));
    pf_otflow_course course = {&s.field, *params, 1, FINE};
    PF_TRY(pf_otflow_line_measure(&course, &m[i], error));
    PF_TRY(check_row(run, i, &m[i], error));
  }
  PF_TRY(check_trend(run, m, subject->weights, error));
  PF_TRY(check_regulariser(run, subject, m[0].hjb, rows, error));
  for (int i = 0; i < 2 && i < subject->weights; i++)
    PF_TRY(check_step(run, subject, table[i].alpha, &m[i], rows, error));
  return PF_OK;
}

pf_status pf_verify_otflow_table(pf_verify_run *run, const pf_otflow_subject *subject, pf_error *error) {
  double normals[ROWS];
  float rows[ROWS], *params = NULL;
  PF_TRY(pf_even_normals(ROWS, 1, normals, error));
  for (int i = 0; i < ROWS; i++)
    rows[i] = (float)(pf_otflow_line_data.mean + pf_otflow_line_data.sd * normals[i]);
  pf_status status = run_table(run, subject, rows, &params, error);
  pf_free(params);
  return status;
}
