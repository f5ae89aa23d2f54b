/* `verify otflow --rates`: its experiments, and what they fit with (otflow.h). */
#include "otflow.h"

#include <math.h>
#include <string.h>
#include "../base/canary.h"
#include "../base/memory.h"
#include "line_step.h"

static const pf_experiment_plan *const experiments[] = {&pf_otflow_alpha, &pf_otflow_samples, &pf_otflow_size,
                                                        &pf_otflow_jko_identity};

const pf_study_plan pf_study_otflow = {.method = "otflow",
                                       .title = "OT-Flow: the weight, the data and the network",
                                       .experiments = experiments,
                                       .count = sizeof experiments / sizeof *experiments};

/* ---- values ---- */

typedef struct row_range {
  int64_t first, n;
} row_range;

/* Adds a range of the rows, whose paths are given. */
static void add_rows(const pf_flow_settings *s, pf_otflow_rows rows, row_range range,
                     const pf_otflow_paths *paths, pf_otflow_value *out, double *row_loss) {
  int d = pf_field_columns(&s->field);
  for (int64_t i = 0; i < range.n; i++) {
    double share = rows.weight ? rows.weight[range.first + i] : 1.0 / (double)rows.n, square = 0;
    for (int j = 0; j < d; j++) square += paths->x[i * d + j] * paths->x[i * d + j];
    double nll = .5 * square + .5 * d * log(2 * M_PI) - PF_CANARY(OTFLOW_STUDY_DENSITY, paths->log_det[i], 0);
    double loss = s->likelihood * nll + paths->kinetic[i] + s->hjb * paths->hamilton_jacobi[i];
    if (row_loss) row_loss[range.first + i] = loss;
    out->nll += share * nll;
    out->cost += share * paths->kinetic[i];
    out->hjb += share * paths->hamilton_jacobi[i];
    out->total += share * loss;
  }
}

pf_status pf_otflow_value_of(const pf_flow_settings *s, const float *params, int steps, pf_otflow_rows rows,
                             pf_otflow_value *out, double *row_loss, pf_error *error) {
  enum { CHUNK = 1024 }; /* an unrolled graph keeps all its stages, of all rows */
  size_t d = (size_t)pf_field_columns(&s->field);
  double *memory = NULL;
  pf_otflow_value value = {0};
  PF_TRY(pf_alloc(CHUNK * (d + 3), sizeof *memory, &memory, error));
  pf_otflow_paths paths = {memory, memory + CHUNK * d, memory + CHUNK * (d + 1), memory + CHUNK * (d + 2)};
  pf_otflow_course course = {&s->field, params, 1, steps};
  pf_status status = PF_OK;
  for (int64_t first = 0; first < rows.n && status == PF_OK; first += CHUNK) {
    int64_t n = rows.n - first < CHUNK ? rows.n - first : CHUNK;
    status = pf_otflow_line_follow(&course, n, rows.x + first * (int64_t)d, &paths, error);
    if (status == PF_OK) add_rows(s, rows, (row_range){first, n}, &paths, &value, row_loss);
  }
  pf_free(memory);
  if (status == PF_OK) *out = value;
  return status;
}

/* ---- fits ---- */

static pf_status try_start(pf_verify_run *lab, const pf_otflow_fit *fit, uint32_t stage, float *params,
                           double *loss, pf_error *error) {
  pf_block_plan plan = {
      .settings = fit->settings, .steps = fit->steps / 4, .stage = stage, .name = "a start"};
  pf_otflow_value value = {.total = NAN};
  PF_TRY(pf_block_fit(lab, &plan, fit->rows, fit->n, params, error));
  PF_TRY(pf_otflow_value_of(&fit->settings, params, fit->settings.steps, fit->judge, &value, NULL, error));
  *loss = value.total;
  return PF_OK;
}

static pf_status choose_start(pf_verify_run *lab, const pf_otflow_fit *fit, const pf_layout *layout,
                              float *best, pf_error *error) {
  float *tried = NULL;
  double least = INFINITY, loss = NAN;
  size_t n = (size_t)layout->total;
  pf_status status = pf_alloc(n, sizeof *tried, &tried, error);
  for (int i = 0; i < fit->starts && status == PF_OK; i++) {
    pf_layout_initialise(layout, lab->seed ^ (uint64_t)i << 56, tried);
    status = try_start(lab, fit, 200 + (uint32_t)i, tried, &loss, error);
    if (status != PF_OK || (i > 0 && !(loss < least))) continue;
    least = loss;
    memcpy(best, tried, n * sizeof *best);
  }
  pf_free(tried);
  return status;
}

pf_status pf_otflow_fit_fresh(pf_verify_run *lab, const pf_otflow_fit *fit, float **params, pf_error *error) {
  pf_layout layout = {0};
  float *best = NULL;
  PF_TRY(pf_field_layout(&fit->settings.field, &layout, error));
  pf_status status = pf_alloc((size_t)layout.total, sizeof *best, &best, error);
  if (status == PF_OK) status = choose_start(lab, fit, &layout, best, error);
  pf_layout_free(&layout);
  pf_block_plan plan = {.settings = fit->settings, .steps = fit->steps, .stage = 220, .name = "the fit"};
  if (status == PF_OK) status = pf_block_fit(lab, &plan, fit->rows, fit->n, best, error);
  if (status == PF_OK)
    *params = best;
  else
    pf_free(best);
  return status;
}

/* ---- the two-mode law ---- */

/* One JKO step of size alpha from the law, as a convex problem on the line. */
static pf_status solve_least(double alpha, pf_otflow_two_modes *law, pf_error *error) {
  enum { NODES = 1401 };
  const pf_line_energy e = {.lambda = 1, .nodes = NODES};
  double start[NODES], z[NODES];
  for (int i = 0; i < NODES; i++)
    start[i] = pf_flows_mixture_quantile(law->mixture, pf_flows_normal_cdf(pf_line_step_node(&e, i)));
  memcpy(z, start, sizeof z);
  PF_TRY(pf_line_step(&e, alpha, NULL, z, error));
  law->least_cost = pf_line_step_distance(&e, z, start) / 2;
  law->least_kl = pf_line_energy_of(&e, z) + .5 * log(2 * M_PI);
  return PF_OK;
}

pf_status pf_otflow_two_modes_open(double alpha, pf_otflow_two_modes *out, pf_error *error) {
  pf_otflow_two_modes *law = out;
  *law = (pf_otflow_two_modes){0};
  PF_TRY(pf_flows_two_modes(1.5, .5, &law->mixture, error));
  law->entropy = pf_mixture_entropy_1d(law->mixture);
  pf_flows_mixture_points(law->mixture, &law->points);
  pf_status status = solve_least(alpha, law, error);
  if (status != PF_OK) pf_otflow_two_modes_close(law);
  return status;
}

void pf_otflow_two_modes_close(pf_otflow_two_modes *law) {
  pf_mixture_free(law->mixture);
  law->mixture = NULL;
}

void pf_otflow_two_modes_rows(const pf_otflow_two_modes *law, int n, float *rows) {
  for (int i = 0; i < n; i++) rows[i] = (float)pf_flows_mixture_quantile(law->mixture, (i + .5) / n);
}
