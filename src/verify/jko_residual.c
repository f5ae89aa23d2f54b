/* The first-order residual while a block trains: the figure of arXiv 2310.17582 (jko_flow.md section 8).
 *
 *   p_0 = N((3,3), I), h = 0.5, exact p_1 = N((2,2), I)
 *   xi_i = x_i + score_i - (T x_i - x_i)/h     on 2000 samples x of the block's output
 *     T      exact assignment to 2000 samples of p_0, drawn independently
 *     score  grad log sum_j exp(-|x - x_j|^2 / (2b)), b = 0.1, j = i included
 *   plotted: mean_i sqrt(sum_c xi_ic^4)
 *
 * The bands are read off the published curve by eye (13.4 at the start, 0.45 after 200 batches, about 0.3 for samples of p_1).
 */
#include <math.h>
#include <string.h>
#include "../base/memory.h"
#include "../base/rng.h"
#include "../ot/assignment.h"
#include "blocks.h"
#include "jko.h"

enum { D = 2, SAMPLES = 2000, TRAIN_ROWS = 20000, BATCHES = 200, LOOKS = 9, REPEATS = 5 };
/* The mean falls at once, the covariance late. */
static const int look_at[LOOKS] = {0, 4, 8, 12, 20, 40, 80, 140, BATCHES};
static const double H = 0.5, KERNEL = 0.1, CENTRE = 3, TRAINED = 1.5;

static double norm(const double *xi) {
  double sum = 0;
  for (int i = 0; i < SAMPLES; i++) {
    double a = xi[2 * i] * xi[2 * i], b = xi[2 * i + 1] * xi[2 * i + 1];
    sum += sqrt(a * a + b * b) / SAMPLES;
  }
  return sum;
}

/* xi = x + score - (target - x)/h, into score. */
static void residual(const double *x, const double *target, double *score) {
  for (int i = 0; i < SAMPLES * D; i++) score[i] += x[i] - (target[i] - x[i]) / H;
}

static void kernel_score(const double *x, double *score) {
  for (int i = 0; i < SAMPLES; i++) {
    double sum = 0, first = 0, second = 0;
    for (int j = 0; j < SAMPLES; j++) {
      double a = x[2 * j] - x[2 * i], b = x[2 * j + 1] - x[2 * i + 1],
             w = exp(-(a * a + b * b) / (2 * KERNEL));
      sum += w;
      first += w * a;
      second += w * b;
    }
    score[2 * i] = first / sum / KERNEL;
    score[2 * i + 1] = second / sum / KERNEL;
  }
}

static void draw(uint64_t seed, uint64_t step, double centre, int64_t n, double *out) {
  for (int64_t i = 0; i < n; i++) {
    pf_rng rng = pf_rng_at(seed, PF_STREAM_VERIFY, step, (uint64_t)i);
    for (int j = 0; j < D; j++) out[i * D + j] = centre + pf_rng_normal(&rng);
  }
}

/* The estimator on samples x of the output; `trial` numbers the draws of p_0. */
static pf_status estimate(uint64_t seed, int trial, const double *x, double *out, pf_error *error) {
  double *memory = NULL;
  const size_t items = (size_t)SAMPLES * D;
  pf_assignment plan = {0};
  PF_TRY(pf_alloc(3 * items, sizeof *memory, &memory, error));
  double *from = memory, *target = memory + items, *xi = memory + 2 * items;
  draw(seed, 30 + (uint64_t)trial, CENTRE, SAMPLES, from);
  pf_status status =
      pf_assignment_points((pf_points){x, SAMPLES, D}, (pf_points){from, SAMPLES, D}, 2, &plan, error);
  if (status == PF_OK) {
    for (int i = 0; i < SAMPLES; i++)
      memcpy(target + i * D, from + plan.column_of_row[i] * D, D * sizeof *from);
    kernel_score(x, xi);
    residual(x, target, xi);
    *out = norm(xi);
  }
  pf_assignment_clear(&plan);
  pf_free(memory);
  return status;
}

/* ---- training ---- */

typedef struct watch {
  const pf_verify_run *run;
  pf_cnf *cnf;
  const double *test; /* SAMPLES rows of p_0 */
  double *moved;
  double value[LOOKS];
} watch;

static pf_status look(void *context, int64_t step, const float *params, pf_error *error) {
  watch *w = context;
  int at = 0;
  while (at < LOOKS && look_at[at] != step) at++;
  if (at == LOOKS) return PF_OK;
  pf_cnf_move move = {.direction = PF_CNF_TO_NOISE};
  memcpy(w->moved, w->test, (size_t)SAMPLES * D * sizeof *w->moved);
  PF_TRY(pf_cnf_set_params(w->cnf, params, error));
  PF_TRY(pf_cnf_rows(w->cnf, &move, (pf_rows){0, SAMPLES}, w->moved, NULL, NULL, w->run->pool, error));
  PF_TRY(estimate(w->run->seed, at, w->moved, &w->value[at], error));
  return pf_verify_progress(w->run, "first-order residual", step, BATCHES, error);
}

static pf_status train(watch *w, const pf_jko_subject *subject, pf_error *error) {
  pf_block_plan plan = {.settings = {.field = {.network = {.inputs = D,
                                                           .outputs = D,
                                                           .width = 64,
                                                           .depth = 2,
                                                           .frequencies = 1,
                                                           .max_frequency = 1,
                                                           .activation = PF_ACTIVATION_SOFTPLUS}},
                                     .steps = 3,
                                     .batch = 512,
                                     .likelihood = subject->likelihood,
                                     .movement = subject->movement / H,
                                     .learning_rate = 5e-4,
                                     .schedule = PF_SCHEDULE_CONSTANT},
                        .steps = BATCHES,
                        .stage = 50,
                        .look = look,
                        .look_context = w,
                        .every = 1};
  pf_layout layout = {0};
  float *params = NULL, *rows = NULL;
  double *draws = NULL;
  PF_TRY(pf_field_layout(&plan.settings.field, &layout, error));
  pf_status status = pf_alloc((size_t)layout.total, sizeof *params, &params, error);
  if (status == PF_OK) status = pf_alloc(TRAIN_ROWS * D, sizeof *rows, &rows, error);
  if (status == PF_OK) status = pf_alloc(TRAIN_ROWS * D, sizeof *draws, &draws, error);
  pf_cnf_config config = {.field = plan.settings.field, .blocks = 1, .steps = 6};
  if (status == PF_OK) status = pf_cnf_create(&config, params, &w->cnf, error);
  if (status == PF_OK) { /* zero output: the block starts as the identity */
    const pf_parameter *last = pf_layout_find(&layout, "out.weight");
    pf_layout_initialise(&layout, w->run->seed, params);
    memset(params + last->offset, 0, (size_t)pf_shape_items(&last->shape) * sizeof *params);
    draw(w->run->seed, 13, CENTRE, TRAIN_ROWS, draws);
    for (int i = 0; i < TRAIN_ROWS * D; i++) rows[i] = (float)draws[i];
    status = pf_block_fit(w->run, &plan, rows, TRAIN_ROWS, params, error);
  }
  pf_cnf_free(w->cnf);
  pf_layout_free(&layout);
  pf_free(params);
  pf_free(rows);
  pf_free(draws);
  return status;
}

/* ---- checks ---- */

/* The estimator's end with the exact score and map put in: xi = (3, 3) everywhere. */
static pf_status check_exact(pf_verify_run *run, const double *x, double *xi, pf_error *error) {
  for (int i = 0; i < SAMPLES * D; i++) xi[i] = -(x[i] - CENTRE);
  residual(x, x, xi);
  return pf_verify_add(run, (pf_claim){norm(xi), 9 * sqrt(2), 1e-9}, error,
                       "residual at the identity, exact score and map");
}

static pf_status check_baseline(pf_verify_run *run, double *x, pf_error *error) {
  double mean = 0;
  for (int i = 0; i < REPEATS; i++) {
    double value = NAN;
    draw(run->seed, 60 + (uint64_t)i, CENTRE / (1 + H), SAMPLES, x);
    PF_TRY(estimate(run->seed, LOOKS + i, x, &value, error));
    mean += value / REPEATS;
    PF_TRY(pf_verify_progress(run, "residual of exact samples", i + 1, REPEATS, error));
  }
  return pf_verify_add(run, (pf_claim){mean, 0.375, 0.225}, error, "residual of exact samples of p_1");
}

/* Down to TRAINED the curve only falls; below it sampling noise is of its own size. */
static pf_status check_curve(pf_verify_run *run, const double *value, pf_error *error) {
  int rises = 0;
  for (int i = 1; i < LOOKS; i++)
    rises += !(value[i] < value[i - 1] || (value[i] < TRAINED && value[i - 1] < TRAINED));
  PF_TRY(pf_verify_add(run, (pf_claim){value[0], 13.4, 0.7}, error, "residual at the identity, estimated"));
  for (int i = 1; i < LOOKS; i++) /* between nothing and what it starts from */
    PF_TRY(pf_verify_add(run, (pf_claim){value[i], value[0] / 2, value[0] / 2}, error,
                         "residual after %d batches", look_at[i]));
  PF_TRY(pf_verify_add(run, (pf_claim){rises, 0, 0}, error, "rises of the residual above %g", TRAINED));
  return pf_verify_add(run, (pf_claim){value[LOOKS - 1], TRAINED / 2, TRAINED / 2}, error,
                       "residual of the trained block");
}

pf_status pf_verify_jko_residual(pf_verify_run *run, const pf_jko_subject *subject, pf_error *error) {
  double *memory = NULL;
  const size_t items = (size_t)SAMPLES * D;
  PF_TRY(pf_alloc(2 * items, sizeof *memory, &memory, error));
  watch w = {.run = run, .test = memory, .moved = memory + items};
  draw(run->seed, 14, CENTRE, SAMPLES, memory);
  pf_status status = check_exact(run, memory, memory + items, error);
  if (status == PF_OK) status = train(&w, subject, error);
  if (status == PF_OK) status = check_curve(run, w.value, error);
  if (status == PF_OK) status = check_baseline(run, memory + items, error);
  pf_free(memory);
  return status;
}
