/* Two-sample test by a small network: see two_sample_network.h. */
#include "two_sample_network.h"

#include <math.h>
#include <string.h>
#include "../base/memory.h"
#include "../metrics/classifier.h"
#include "../nn/network.h"
#include "fit.h"

enum { IN_ROWS, IN_LABELS };
enum { S_INDEX = 1 };

pf_two_sample_options pf_two_sample_default(void) {
  return (pf_two_sample_options){.folds = 2, .width = 64, .depth = 2, .batch = 256, .steps = 1500, .seed = 1};
}

typedef struct test {
  const pf_two_sample_options *o;
  pf_network_config network;
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
  t->network = (pf_network_config){.inputs = (int)x.d,
                                   .outputs = 1,
                                   .width = t->o->width,
                                   .depth = t->o->depth,
                                   .frequencies = 1,
                                   .max_frequency = 1};
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

/* mean softplus(f) - y f: the logistic loss */
static pf_status build_loss(const test *t, const part *train, pf_objective *o, pf_error *error) {
  PF_TRY(pf_graph_create(&o->graph, error));
  pf_node index = pf_index(o->graph, S_INDEX, (int)train->n);
  pf_node x = pf_gather(pf_input(o->graph, IN_ROWS, PF_SHAPE(PF_SHARED, (int)train->n, (int)t->d)), index);
  pf_node y = pf_gather(pf_input(o->graph, IN_LABELS, PF_SHAPE(PF_SHARED, (int)train->n, 1)), index);
  pf_node f = pf_network_apply(&t->network, 0, x, x, x);
  pf_node loss = pf_sum_items(pf_sub(pf_softplus(f), pf_mul(y, f)));
  o->loss = pf_mean_rows(loss, pf_scalar(o->graph, 1.0 / t->o->batch));
  o->balance_weight = (pf_node){o->graph, -1};
  o->inputs[IN_ROWS] = train->rows;
  o->inputs[IN_LABELS] = train->labels;
  return PF_OK;
}

static pf_status train_classifier(const test *t, int fold, const part *train, pf_fit_state *state,
                                  pf_error *error) {
  pf_objective o = {0};
  pf_fit *fit = NULL;
  pf_fit_config config = {.steps = t->o->steps,
                          .batch = t->o->batch,
                          .adam = pf_adam_default(),
                          .warmup = 50,
                          .clip = 1,
                          .ema = 0.99,
                          .seed = t->o->seed,
                          .stage = (uint32_t)fold + 100};
  config.adam.learning_rate = 3e-3;
  config.adam.weight_decay = 1e-2; /* small tables: a large network would learn the rows by heart */
  pf_status status = build_loss(t, train, &o, error);
  if (status == PF_OK) status = pf_fit_create(&o, &config, state, t->pool, &fit, error);
  if (status == PF_OK) status = pf_fit_run(fit, NULL, NULL, error);
  pf_fit_free(fit);
  pf_graph_free(o.graph);
  return status;
}

static pf_status score(const test *t, const pf_fit_state *state, const part *held, double *scores,
                       pf_error *error) {
  pf_graph *graph = NULL;
  pf_program *program = NULL;
  char *workspace = NULL, *shared = NULL;
  float *out = NULL;
  pf_status status = pf_graph_create(&graph, error);
  if (status == PF_OK) {
    pf_node x = pf_input(graph, 0, PF_SHAPE(PF_PER_ROW, (int)t->d));
    pf_node f = pf_network_apply(&t->network, 0, x, x, x);
    pf_program_options options = pf_program_options_default();
    options.max_rows = 256;
    status = pf_program_create(graph, &f, 1, &options, &program, error);
  }
  if (status == PF_OK) status = pf_alloc(1, pf_program_workspace_bytes(program), &workspace, error);
  if (status == PF_OK) status = pf_alloc(1, pf_program_shared_bytes(program), &shared, error);
  if (status == PF_OK) status = pf_alloc(held->n, sizeof(float), &out, error);
  if (status == PF_OK) {
    const float *params[] = {state->arrays.average}, *inputs[] = {held->rows};
    pf_run run = {.params = params, .inputs = inputs, .rows = (int64_t)held->n};
    pf_program_run_shared(program, &run, shared, &out);
    pf_program_run_lane(program, &run, shared, workspace, 0, (int64_t)held->n, &out);
    for (size_t i = 0; i < held->n; i++) scores[i] = out[i];
  }
  pf_free(out);
  pf_free(shared);
  pf_free(workspace);
  pf_program_free(program);
  pf_graph_free(graph);
  return status;
}

static pf_status score_fold(const test *t, int fold, const pf_layout *layout, double *auc, pf_error *error) {
  part train = {0}, held = {0};
  pf_fit_state state = {0};
  double *scores = NULL;
  uint8_t *labels = NULL;
  pf_status status = pack(t, fold, false, &train, error);
  if (status == PF_OK) status = pack(t, fold, true, &held, error);
  if (status == PF_OK) status = pf_fit_state_create(layout->total, &state, error);
  if (status == PF_OK) {
    pf_layout_initialise(layout, t->o->seed + (uint64_t)fold, state.arrays.params);
    status = train_classifier(t, fold, &train, &state, error);
  }
  if (status == PF_OK) status = pf_alloc(held.n, sizeof(double), &scores, error);
  if (status == PF_OK) status = pf_alloc(held.n, sizeof(uint8_t), &labels, error);
  if (status == PF_OK) status = score(t, &state, &held, scores, error);
  if (status == PF_OK) {
    for (size_t i = 0; i < held.n; i++) labels[i] = held.labels[i] > 0.5f;
    status = pf_auc(scores, labels, held.n, auc, error);
  }
  pf_free(scores);
  pf_free(labels);
  pf_fit_state_free(&state);
  free_part(&train);
  free_part(&held);
  return status;
}

pf_status pf_network_auc(pf_points x, pf_points y, const pf_two_sample_options *options, pf_pool *pool,
                         double *out, pf_error *error) {
  pf_two_sample_options o = options ? *options : pf_two_sample_default();
  test t = {.o = &o, .pool = pool};
  pf_layout layout = {0};
  PF_TRY(pf_points_check_pair(x, y, error));
  if (o.folds < 2 || x.n < (size_t)o.folds || y.n < (size_t)o.folds || x.n + y.n >= 1 << 24)
    return pf_fail(error, PF_BAD_INPUT, "a two-sample test with %d folds cannot use %zu and %zu rows",
                   o.folds, x.n, y.n);
  double sum = 0;
  pf_status status = open_test(&t, x, y, error);
  if (status == PF_OK) status = pf_network_layout(&t.network, &layout, error);
  for (int fold = 0; fold < o.folds && status == PF_OK; fold++) {
    double auc = NAN;
    status = score_fold(&t, fold, &layout, &auc, error);
    sum += auc;
  }
  if (status == PF_OK) *out = sum / o.folds;
  pf_layout_free(&layout);
  close_test(&t);
  return status;
}
