/* Loss on the N rows that were trained on against the loss of their law (arXiv 2403.16208: the Monte-Carlo loss with N samples
 * converges to the continuous one).
 *
 * A flow of N(3, 2^2), alpha = 5, is fitted to N independent rows, every step on all of them, starting from a flow of the law;
 * the loss of the law is an integral. |J_N - J| falls like N^-1/2: its root mean square over several samples, for doubling N. It
 * is of the size of the fluctuation of a mean over N rows, so that sqrt(N) |J_N - J| is about one row's standard deviation.
 */
#include <math.h>
#include "../base/memory.h"
#include "../base/rng.h"
#include "otflow.h"
#include "otflow_line.h"

enum { SIZES = 7, LEAST = 64, MOST = LEAST << (SIZES - 1), EVEN_ROWS = 1024, REFIT = 60 };
static const double ALPHA = 5, HJB = 0.1;

typedef struct bench {
  pf_verify_run *run;
  pf_flow_settings settings;
  int64_t parameters;
  float *base, *params; /* fitted to the law; to a sample */
  float *rows;          /* MOST */
  double *x;            /* MOST */
  double *memory;       /* 4 x MOST */
} bench;

static void close_bench(bench *b) {
  pf_free(b->base);
  pf_free(b->params);
  pf_free(b->rows);
  pf_free(b->x);
  pf_free(b->memory);
}

static pf_status open_bench(bench *b, pf_error *error) {
  pf_layout layout = {0};
  PF_TRY(pf_field_layout(&b->settings.field, &layout, error));
  b->parameters = layout.total;
  pf_status status = pf_alloc((size_t)layout.total, sizeof(float), &b->base, error);
  if (status == PF_OK) status = pf_alloc((size_t)layout.total, sizeof(float), &b->params, error);
  if (status == PF_OK) status = pf_alloc(MOST, sizeof(float), &b->rows, error);
  if (status == PF_OK) status = pf_alloc(MOST, sizeof(double), &b->x, error);
  if (status == PF_OK) status = pf_alloc(4 * MOST, sizeof(double), &b->memory, error);
  if (status == PF_OK) pf_layout_initialise(&layout, b->run->seed, b->base);
  pf_layout_free(&layout);
  return status;
}

typedef struct moments {
  double mean, sd;
} moments;

/* Of the loss of one row, over n rows; over the law when weight is not NULL. */
static pf_status loss_of(const bench *b, int64_t n, const double *x, double (*weight)(int), moments *out,
                         pf_error *error) {
  double *m = b->memory, mean = 0, square = 0;
  pf_otflow_paths paths = {m, m + MOST, m + 2 * MOST, m + 3 * MOST};
  pf_otflow_course course = {&b->settings.field, b->params, 1, b->settings.steps};
  PF_TRY(pf_otflow_line_follow(&course, n, x, &paths, error));
  for (int64_t i = 0; i < n; i++) {
    double nll = 0.5 * paths.x[i] * paths.x[i] + 0.5 * log(2 * M_PI) - paths.log_det[i];
    double loss = ALPHA * nll + paths.kinetic[i] + HJB * paths.hamilton_jacobi[i];
    double share = weight ? weight((int)i) : 1.0 / (double)n;
    mean += loss * share;
    square += loss * loss * share;
  }
  *out = (moments){mean, sqrt(square - mean * mean)};
  return PF_OK;
}

/* Fits params to the first n of b->x. */
typedef struct schedule {
  int64_t steps;
  double rate;
  uint32_t stage;
} schedule;

static pf_status fit(const bench *b, int64_t n, schedule by, float *params, pf_error *error) {
  pf_block_plan plan = {.settings = b->settings, .steps = by.steps, .stage = by.stage};
  plan.settings.batch = (int)n;
  plan.settings.learning_rate = by.rate;
  for (int64_t i = 0; i < n; i++) b->rows[i] = (float)b->x[i];
  return pf_block_fit(b->run, &plan, b->rows, n, params, error);
}

static pf_status fit_law(const bench *b, int64_t steps, pf_error *error) {
  PF_TRY(pf_even_normals(EVEN_ROWS, 1, b->x, error));
  for (int i = 0; i < EVEN_ROWS; i++) b->x[i] = pf_otflow_line_data.mean + pf_otflow_line_data.sd * b->x[i];
  return fit(b, EVEN_ROWS, (schedule){steps, b->settings.learning_rate, 100}, b->base, error);
}

/* J_N - J for sample number `draw` of n rows, over the standard deviation of one row's loss. */
static pf_status measure_gap(const bench *b, int64_t n, int draw, double *out, pf_error *error) {
  pf_line_law law = pf_line_of(pf_otflow_line_data);
  moments train = {NAN, NAN}, test = {NAN, NAN};
  for (int64_t i = 0; i < b->parameters; i++) b->params[i] = b->base[i];
  for (int64_t i = 0; i < n; i++) {
    pf_rng rng = pf_rng_at(b->run->seed, PF_STREAM_VERIFY, 1000 + (uint64_t)n + (uint64_t)draw, (uint64_t)i);
    b->x[i] = pf_otflow_line_data.mean + pf_otflow_line_data.sd * pf_rng_normal(&rng);
  }
  PF_TRY(fit(b, n, (schedule){REFIT, b->settings.learning_rate / 2, 101}, b->params, error));
  PF_TRY(loss_of(b, n, b->x, NULL, &train, error));
  PF_TRY(loss_of(b, PF_LINE_NODES, law.z, pf_line_weight, &test, error));
  *out = (train.mean - test.mean) / test.sd;
  return PF_OK;
}

static pf_status measure(const bench *b, const pf_otflow_subject *subject, pf_error *error) {
  double sizes[SIZES], gaps[SIZES];
  PF_TRY(fit_law(b, subject->steps, error));
  for (int k = 0; k < SIZES; k++) {
    double square = 0;
    sizes[k] = LEAST << k;
    for (int draw = 0; draw < subject->gap_draws; draw++) {
      double gap = NAN;
      PF_TRY(measure_gap(b, LEAST << k, draw, &gap, error));
      square += gap * gap / subject->gap_draws;
    }
    gaps[k] = sqrt(square);
    PF_TRY(pf_verify_add(b->run, (pf_claim){gaps[k] * sqrt(sizes[k]), 1.15, 0.85}, error,
                         "sqrt(N) |J_N - J| / sd of a row's loss, N=%d", LEAST << k));
    PF_TRY(pf_verify_progress(b->run, "generalisation gap", k + 1, SIZES, error));
  }
  return pf_verify_add(b->run, (pf_claim){pf_log_slope(sizes, gaps, SIZES), -0.525, 0.275}, error,
                       "order of |J_N - J| in N");
}

pf_status pf_verify_otflow_gap(pf_verify_run *run, const pf_otflow_subject *subject, pf_error *error) {
  bench b = {.run = run, .settings = pf_otflow_line_settings()};
  b.settings.field.potential.width = 8;
  b.settings.steps = 2;
  b.settings.likelihood = ALPHA;
  b.settings.kinetic = subject->kinetic;
  b.settings.hjb = HJB;
  pf_status status = open_bench(&b, error);
  if (status == PF_OK) status = measure(&b, subject, error);
  close_bench(&b);
  return status;
}
