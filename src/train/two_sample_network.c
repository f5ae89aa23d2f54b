/* Two-sample test by a small network: see two_sample_network.h. */
#include "two_sample_network.h"

#include <math.h>
#include <string.h>
#include "../base/memory.h"
#include "../exec/batch.h"
#include "../metrics/classifier.h"
#include "../nn/network.h"
#include "fit.h"

enum { IN_ROWS, IN_LABELS };
enum { S_INDEX = 1 };
enum { FREQUENCIES = 3, MOST_FINE_COLUMNS = 16, FULL_ROWS = 4000 };

/* One of the two networks of a fold: how many sinusoid pairs a column gets, how long it trains, what its score counts. */
typedef struct view {
  int frequencies;
  int64_t steps;
  double weight;
} view;

pf_two_sample_options pf_two_sample_default(void) {
  return (pf_two_sample_options){
      .folds = 5, .width = 64, .depth = 2, .batch = 256, .smooth_steps = 400, .fine_steps = 1000, .seed = 1};
}

typedef struct test {
  const pf_two_sample_options *o;
  view views[2];
  int n_views;
  size_t n, d;     /* rows of both samples together */
  float *rows;     /* n x d, standardised over both samples */
  uint8_t *labels; /* n */
  int *fold;       /* n */
  pf_pool *pool;
} test;

/* Rows in or out of one fold, packed. */
typedef struct part {
  float *rows, *labels;
  size_t n;
} part;

static void standardise(test *t, pf_points x, pf_points y) {
  for (size_t j = 0; j < t->d; j++) {
    double mean = 0, square = 0;
    for (size_t i = 0; i < t->n; i++) {
      double v = i < x.n ? x.rows[i * t->d + j] : y.rows[(i - x.n) * t->d + j];
      mean += v / (double)t->n;
    }
    for (size_t i = 0; i < t->n; i++) {
      double v = (i < x.n ? x.rows[i * t->d + j] : y.rows[(i - x.n) * t->d + j]) - mean;
      t->rows[i * t->d + j] = (float)v;
      square += v * v / (double)t->n;
    }
    double scale = square > 0 ? 1 / sqrt(square) : 0;
    for (size_t i = 0; i < t->n; i++) t->rows[i * t->d + j] *= (float)scale;
  }
}

static pf_status open_test(test *t, pf_points x, pf_points y, pf_error *error) {
  t->n = x.n + y.n;
  t->d = x.d;
  double share = fmin(fmax((double)t->n / FULL_ROWS, 0.5), 1);
  t->views[t->n_views++] = (view){0, (int64_t)(share * (double)t->o->smooth_steps), 1};
  if (x.d <= MOST_FINE_COLUMNS)
    t->views[t->n_views++] =
        (view){FREQUENCIES, (int64_t)(share * (double)t->o->fine_steps), 4.0 / (double)x.d};
  PF_TRY(pf_alloc(t->n * t->d, sizeof(float), &t->rows, error));
  PF_TRY(pf_alloc(t->n, sizeof(uint8_t), &t->labels, error));
  PF_TRY(pf_alloc(t->n, sizeof(int), &t->fold, error));
  for (size_t i = 0; i < x.n; i++) t->labels[i] = 1;
  pf_stratified_folds(t->o->seed, 1, x.n, t->o->folds, t->fold);
  pf_stratified_folds(t->o->seed, 0, y.n, t->o->folds, t->fold + x.n);
  standardise(t, x, y);
  return PF_OK;
}

static void close_test(test *t) {
  pf_free(t->rows);
  pf_free(t->labels);
  pf_free(t->fold);
}

/* The rows whose membership of `fold` is `inside`. */
static pf_status pack(const test *t, int fold, bool inside, part *out, pf_error *error) {
  PF_TRY(pf_alloc(t->n * t->d, sizeof(float), &out->rows, error));
  PF_TRY(pf_alloc(t->n, sizeof(float), &out->labels, error));
  for (size_t i = 0; i < t->n; i++) {
    if ((t->fold[i] == fold) != inside) continue;
    memcpy(out->rows + out->n * t->d, t->rows + i * t->d, t->d * sizeof(float));
    out->labels[out->n++] = t->labels[i];
  }
  return PF_OK;
}

static void free_part(part *p) {
  pf_free(p->rows);
  pf_free(p->labels);
}

/* ---- one network ---- */

static pf_network_config network_of(const test *t, const view *v) {
  return (pf_network_config){.inputs = (int)t->d * (1 + 2 * v->frequencies),
                             .outputs = 1,
                             .width = t->o->width,
                             .depth = t->o->depth,
                             .frequencies = 1,
                             .max_frequency = 1};
}

/* The logit of rows x: F(x, cos x, sin x, cos 2x, sin 2x, cos 4x, sin 4x) */
static pf_node logit(const test *t, const view *v, pf_node x) {
  pf_network_config network = network_of(t, v);
  pf_node seen = x;
  for (int k = 0; k < v->frequencies; k++) {
    pf_node angle = pf_mul(x, pf_scalar(x.graph, ldexp(1, k)));
    seen = pf_concat(seen, pf_concat(pf_cos(angle), pf_sin(angle)));
  }
  return pf_network_apply(&network, 0, seen, x, x);
}

/* mean softplus(f) - y f: the logistic loss */
static pf_status build_loss(const test *t, const view *v, const part *train, pf_objective *o,
                            pf_error *error) {
  PF_TRY(pf_graph_create(&o->graph, error));
  pf_node index = pf_index(o->graph, S_INDEX, (int)train->n);
  pf_node x = pf_gather(pf_input(o->graph, IN_ROWS, PF_SHAPE(PF_SHARED, (int)train->n, (int)t->d)), index);
  pf_node y = pf_gather(pf_input(o->graph, IN_LABELS, PF_SHAPE(PF_SHARED, (int)train->n, 1)), index);
  pf_node f = logit(t, v, x);
  pf_node loss = pf_sum_items(pf_sub(pf_softplus(f), pf_mul(y, f)));
  o->loss = pf_mean_rows(loss, pf_scalar(o->graph, 1.0 / t->o->batch));
  o->balance_weight = (pf_node){o->graph, -1};
  o->inputs[IN_ROWS] = train->rows;
  o->inputs[IN_LABELS] = train->labels;
  return PF_OK;
}

static pf_status train_classifier(const test *t, const view *v, int fold, const part *train,
                                  pf_fit_state *state, pf_error *error) {
  pf_objective o = {0};
  pf_fit *fit = NULL;
  pf_fit_config config = {.steps = v->steps,
                          .batch = t->o->batch,
                          .adam = pf_adam_default(),
                          .warmup = 50,
                          .clip = 1,
                          .ema = 0.99,
                          .seed = t->o->seed,
                          .stage = (uint32_t)(2 * fold + (v->frequencies > 0) + 100)};
  config.adam.learning_rate = 3e-3;
  config.adam.weight_decay = 1e-2; /* small tables: a large network would learn the rows by heart */
  pf_status status = build_loss(t, v, train, &o, error);
  if (status == PF_OK) status = pf_fit_create(&o, &config, state, t->pool, &fit, error);
  if (status == PF_OK) status = pf_fit_run(fit, NULL, NULL, error);
  pf_fit_free(fit);
  pf_graph_free(o.graph);
  return status;
}

/* Adds the logits of the held rows to `scores`, in units of their spread, so that a network which is sure of itself because
 * it learned its rows by heart does not drown the other one. */
static void add_scores(const float *logits, size_t n, double weight, double *scores) {
  double mean = 0, square = 0;
  for (size_t i = 0; i < n; i++) mean += logits[i] / (double)n;
  for (size_t i = 0; i < n; i++) square += (logits[i] - mean) * (logits[i] - mean) / (double)n;
  double scale = square > 0 ? weight / sqrt(square) : 0;
  for (size_t i = 0; i < n; i++) scores[i] += scale * (logits[i] - mean);
}

static pf_status score(const test *t, const view *v, const pf_fit_state *state, const part *held,
                       double *scores, pf_error *error) {
  pf_graph *graph = NULL;
  pf_batch *batch = NULL;
  float *out = NULL;
  pf_status status = pf_graph_create(&graph, error);
  if (status == PF_OK) {
    pf_node f = logit(t, v, pf_input(graph, 0, PF_SHAPE(PF_PER_ROW, (int)t->d)));
    status = pf_batch_create(graph, &f, 1, (int)held->n, PF_PRECISION_F32, t->pool, &batch, error);
  }
  if (status == PF_OK) status = pf_alloc(held->n, sizeof(float), &out, error);
  if (status == PF_OK) {
    const float *params[] = {state->arrays.average}, *inputs[] = {held->rows};
    pf_batch_run(batch, &(pf_run){.params = params, .inputs = inputs, .rows = (int64_t)held->n}, &out);
    add_scores(out, held->n, v->weight, scores);
  }
  pf_free(out);
  pf_batch_free(batch);
  pf_graph_free(graph);
  return status;
}

/* Trains a view on `train` and adds its scores of `held`. */
static pf_status score_by(const test *t, const view *v, int fold, const part *train, const part *held,
                          double *scores, pf_error *error) {
  pf_network_config network = network_of(t, v);
  pf_layout layout = {0};
  pf_fit_state state = {0};
  pf_status status = pf_network_layout(&network, &layout, error);
  if (status == PF_OK) status = pf_fit_state_create(layout.total, &state, error);
  if (status == PF_OK) {
    pf_layout_initialise(&layout, t->o->seed + (uint64_t)fold, state.arrays.params);
    status = train_classifier(t, v, fold, train, &state, error);
  }
  if (status == PF_OK) status = score(t, v, &state, held, scores, error);
  pf_fit_state_free(&state);
  pf_layout_free(&layout);
  return status;
}

static pf_status score_fold(const test *t, int fold, double *auc, pf_error *error) {
  part train = {0}, held = {0};
  double *scores = NULL;
  uint8_t *labels = NULL;
  pf_status status = pack(t, fold, false, &train, error);
  if (status == PF_OK) status = pack(t, fold, true, &held, error);
  if (status == PF_OK) status = pf_alloc(held.n, sizeof(double), &scores, error);
  if (status == PF_OK) status = pf_alloc(held.n, sizeof(uint8_t), &labels, error);
  for (int k = 0; k < t->n_views && status == PF_OK; k++)
    status = score_by(t, &t->views[k], fold, &train, &held, scores, error);
  if (status == PF_OK) {
    for (size_t i = 0; i < held.n; i++) labels[i] = held.labels[i] > 0.5f;
    status = pf_auc(scores, labels, held.n, auc, error);
  }
  pf_free(scores);
  pf_free(labels);
  free_part(&train);
  free_part(&held);
  return status;
}

pf_status pf_network_auc(pf_points x, pf_points y, const pf_two_sample_options *options, pf_pool *pool,
                         double *out, pf_error *error) {
  pf_two_sample_options o = options ? *options : pf_two_sample_default();
  test t = {.o = &o, .pool = pool};
  PF_TRY(pf_points_check_pair(x, y, error));
  if (o.folds < 2 || x.n < (size_t)o.folds || y.n < (size_t)o.folds || x.n + y.n >= 1 << 24)
    return pf_fail(error, PF_BAD_INPUT, "a two-sample test with %d folds cannot use %zu and %zu rows",
                   o.folds, x.n, y.n);
  double sum = 0;
  pf_status status = open_test(&t, x, y, error);
  for (int fold = 0; fold < o.folds && status == PF_OK; fold++) {
    double auc = NAN;
    status = score_fold(&t, fold, &auc, error);
    sum += auc;
  }
  if (status == PF_OK) *out = sum / o.folds;
  close_test(&t);
  return status;
}
