/* A generator trained here on the ring, and its error decomposition (characteristic.md section 10).
 *
 *   legend   g the one-step generator, g* the exact map; terms: fitting + discretisation + velocity + stopping (decomposition.h)
 *
 * The triangle inequality makes the sum of the terms at least RMS |g - g*| for common draws, whatever the training. The other
 * side is not a theorem: three terms that are roughly uncorrelated have a sum of at most sqrt(3) times their root sum of
 * squares, so a sum above 3 RMS means that terms cancel and the decomposition explains nothing. W2 is at most the sum.
 */
#include "characteristic.h"

#include <math.h>
#include "../base/memory.h"
#include "../methods/method.h"
#include "../ot/assignment.h"
#include "decomposition.h"

enum { TRAIN_ROWS = 20000, DECOMPOSITION_ROWS = 2048, W2_ROWS = 1000, W2_PAIRS = 4, D = 2 };

/* Small enough for a minute, long enough that the three terms stand clear of rounding. */
static pf_train_options training_options(const pf_verify_run *run) {
  pf_train_options options = pf_train_options_default();
  options.face = "theory";
  options.encoder = "standard";
  options.width = 64;
  options.depth = 3;
  options.batch = 256;
  options.steps = 20000;
  options.curve_points = 0;
  options.holdout_share = 0;
  options.threads = run->threads;
  options.seed = (int64_t)(run->seed % 1000000007);
  if (run->hooks) options.hooks = *run->hooks;
  return options;
}

static pf_status train(const pf_verify_run *run, const pf_law *law, struct pf_model **out, pf_error *error) {
  pf_train_options options = training_options(run);
  pf_table *table = NULL;
  PF_TRY(pf_table_create(TRAIN_ROWS, D, &table, error));
  pf_law_sample(law, run->seed, 0, TRAIN_ROWS, table->values);
  pf_status status = pf_method_run(table, NULL, &options, out, error);
  pf_table_free(table);
  return status;
}

/* Mean empirical W2 between fresh samples: model against law, and law against law. */
static pf_status measure_w2(const pf_verify_run *run, const struct pf_model *model, const pf_law *law,
                            double *value, double *floor, pf_error *error) {
  size_t items = (size_t)W2_ROWS * D;
  double *x = NULL, sums[2] = {0, 0};
  PF_TRY(pf_alloc(3 * items, sizeof(double), &x, error));
  pf_points real = {x, W2_ROWS, D}, other = {x + items, W2_ROWS, D}, made = {x + 2 * items, W2_ROWS, D};
  pf_draw draw = {.steps = 1, .seed = run->seed, .pool = run->pool};
  pf_status status = PF_OK;
  for (int64_t p = 0; p < W2_PAIRS && status == PF_OK; p++) {
    double w2 = NAN, w2_floor = NAN;
    /* rows behind the training's */
    uint64_t first = TRAIN_ROWS + 2 * (uint64_t)p * W2_ROWS;
    pf_law_sample(law, run->seed, first, W2_ROWS, x);
    pf_law_sample(law, run->seed, first + W2_ROWS, W2_ROWS, x + items);
    status = pf_model_draw(model, &draw, (pf_rows){p * W2_ROWS, W2_ROWS}, x + 2 * items, error);
    if (status == PF_OK) status = pf_wasserstein(made, real, 2, &w2, error);
    if (status == PF_OK) status = pf_wasserstein(other, real, 2, &w2_floor, error);
    sums[0] += w2 / W2_PAIRS;
    sums[1] += w2_floor / W2_PAIRS;
  }
  pf_free(x);
  if (status != PF_OK) return status;
  *value = sums[0];
  *floor = sums[1];
  return PF_OK;
}

static pf_status check_decomposition(pf_verify_run *run, const struct pf_model *model, const pf_law *law,
                                     pf_error *error) {
  pf_decomposition d;
  double w2 = NAN, floor = NAN;
  PF_TRY(pf_decompose(model, law, DECOMPOSITION_ROWS, run->seed, run->pool, &d, error));
  PF_TRY(pf_verify_progress(run, "trained generator", 1, 2, error));
  PF_TRY(measure_w2(run, model, law, &w2, &floor, error));
  PF_TRY(pf_verify_progress(run, "trained generator", 2, 2, error));
  /* each interval as its middle and half width */
  PF_TRY(pf_verify_add(run, (pf_claim){d.bound / d.distance, 2, 1}, error,
                       "sum of error terms / RMS|g - g*|, in 1..3"));
  PF_TRY(pf_verify_add(run, (pf_claim){(w2 - floor) / d.bound, 0, 1}, error,
                       "(W2 - floor) / sum of error terms, at most 1"));
  /* a third of the ring's spread: far beyond any working training, and a collapsed or diverged one is not below */
  double spread = sqrt(pf_law_second_moment(law));
  return pf_verify_add(run, (pf_claim){d.distance / spread, 0, 1.0 / 3}, error,
                       "RMS|g - g*| / RMS|X_1|, trained here");
}

pf_status pf_verify_trained_generator(pf_verify_run *run, pf_error *error) {
  pf_law *law = NULL;
  struct pf_model *model = NULL;
  PF_TRY(pf_law_create("ring8", &law, error));
  pf_status status = train(run, law, &model, error);
  if (status == PF_OK) status = check_decomposition(run, model, law, error);
  pf_model_free(model);
  pf_law_free(law);
  return status;
}
