/* Two-sample tests by classification (Lopez-Paz and Oquab, ICLR 2017): nearest neighbours. */
#include "metrics/classifier.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/rng.h"
#include "metrics/finite.h"
#include "metrics/subset.h"
#include "ot/sort.h"

enum { ROWS = 32, TILE = 256, NEIGHBOURS_MAX = 64 };

/* Twice the number of (positive, negative) pairs in the right order, ties counting one. Both lists ascend. */
static uint64_t ordered_pairs(const double *positive, size_t n1, const double *negative, size_t n0) {
  size_t below = 0, upto = 0; /* negatives < and <= the current positive */
  uint64_t twice = 0;
  for (size_t i = 0; i < n1; i++) {
    while (below < n0 && negative[below] < positive[i]) below++;
    while (upto < n0 && negative[upto] <= positive[i]) upto++;
    twice += below + upto;
  }
  return twice;
}

pf_status pf_auc(const double *scores, const uint8_t *labels, size_t n, double *out, pf_error *error) {
  double *sorted = NULL;
  size_t n1 = 0, n0 = 0;
  for (size_t i = 0; i < n; i++) {
    if (isnan(scores[i])) return pf_fail(error, PF_NON_FINITE, "AUC: score %zu is NaN", i);
    if (labels[i] > 1) return pf_fail(error, PF_BAD_INPUT, "AUC: label %zu is %u, not 0 or 1", i, labels[i]);
    n1 += labels[i];
  }
  if (n1 == 0 || n1 == n)
    return pf_fail(error, PF_BAD_INPUT, "AUC: %zu of %zu labels are 1, both are needed", n1, n);
  PF_TRY(pf_alloc(2 * n, sizeof *sorted, &sorted, error));
  double *positive = sorted, *negative = sorted + n1;
  n1 = 0;
  for (size_t i = 0; i < n; i++) {
    if (labels[i])
      positive[n1++] = scores[i];
    else
      negative[n0++] = scores[i];
  }
  pf_sort_doubles(positive, n1, sorted + n);
  pf_sort_doubles(negative, n0, sorted + n);
  *out = (double)ordered_pairs(positive, n1, negative, n0) / (2.0 * (double)n1 * (double)n0);
  pf_free(sorted);
  return PF_OK;
}

double pf_auc_null_error(size_t positives, size_t negatives) {
  double n1 = (double)positives, n0 = (double)negatives;
  return sqrt((n1 + n0 + 1) / (12 * n1 * n0));
}

pf_knn_options pf_knn_options_default(void) {
  return (pf_knn_options){.neighbours = 15, .folds = 5, .seed = 1};
}

void pf_stratified_folds(uint64_t seed, int label, size_t n, int folds, int *fold) {
  pf_rng rng = pf_rng_at(seed, PF_STREAM_METRIC, PF_DRAW_FOLDS, (uint64_t)label);
  for (size_t i = 0; i < n; i++) fold[i] = (int)(i % (size_t)folds);
  for (size_t i = n; i-- > 1;) {
    size_t j = pf_rng_below(&rng, (uint32_t)(i + 1));
    int swap = fold[i];
    fold[i] = fold[j];
    fold[j] = swap;
  }
}

/* Rows of x (label 1), then of y (label 0). */
typedef struct knn {
  size_t n, d, positives;
  double *rows, *columns; /* n x d and d x n */
  int *fold;              /* n */
  int neighbours;
  double *score; /* n */
} knn;

/* The nearest rows seen so far, ascending. */
typedef struct nearest {
  double square[NEIGHBOURS_MAX];
  uint8_t label[NEIGHBOURS_MAX];
} nearest;

static void insert(nearest *list, int size, double square, uint8_t label) {
  int k = size - 1;
  for (; k > 0 && list->square[k - 1] > square; k--) {
    list->square[k] = list->square[k - 1];
    list->label[k] = list->label[k - 1];
  }
  list->square[k] = square;
  list->label[k] = label;
}

static void score_rows(void *context, int task, int thread) {
  const knn *s = context;
  (void)thread;
  nearest lists[ROWS];
  double squares[TILE];
  size_t first = (size_t)task * ROWS, last = first + ROWS < s->n ? first + ROWS : s->n;
  for (int r = 0; r < ROWS; r++)
    for (int k = 0; k < s->neighbours; k++) lists[r].square[k] = INFINITY;
  for (size_t tile = 0; tile < s->n; tile += TILE) {
    size_t count = s->n - tile < TILE ? s->n - tile : TILE;
    for (size_t i = first; i < last; i++) {
      nearest *list = &lists[i - first];
      pf_squared_row(s->rows + i * s->d, s->d, s->columns + tile, s->n, count, squares);
      for (size_t j = 0; j < count; j++)
        if (squares[j] < list->square[s->neighbours - 1] && s->fold[tile + j] != s->fold[i])
          insert(list, s->neighbours, squares[j], tile + j < s->positives);
    }
  }
  for (size_t i = first; i < last; i++) {
    int found = 0;
    for (int k = 0; k < s->neighbours; k++) found += lists[i - first].label[k];
    s->score[i] = (double)found / s->neighbours;
  }
}

static pf_status check_knn(pf_points x, pf_points y, pf_knn_options options, pf_error *error) {
  size_t fewest = x.n < y.n ? x.n : y.n;
  PF_TRY(pf_metric_check(x, y, error));
  if (options.neighbours < 1 || options.neighbours > NEIGHBOURS_MAX)
    return pf_fail(error, PF_USAGE, "knn_auc: %d neighbours, 1 to %d", options.neighbours, NEIGHBOURS_MAX);
  if (options.folds < 2 || (size_t)options.folds > fewest)
    return pf_fail(error, PF_USAGE, "knn_auc: %d folds, 2 to the %zu rows of the smaller sample",
                   options.folds, fewest);
  size_t others = x.n + y.n - (x.n / (size_t)options.folds + 1) - (y.n / (size_t)options.folds + 1);
  if ((size_t)options.neighbours > others)
    return pf_fail(error, PF_BAD_INPUT, "knn_auc: %d neighbours among %zu rows outside a fold",
                   options.neighbours, others);
  return PF_OK;
}

pf_status pf_knn_auc(pf_points x, pf_points y, pf_knn_options options, pf_pool *pool, double *out,
                     pf_error *error) {
  PF_TRY(check_knn(x, y, options, error));
  knn s = {.n = x.n + y.n, .d = x.d, .positives = x.n, .neighbours = options.neighbours};
  uint8_t *labels = NULL;
  double auc = NAN;
  pf_status status = PF_OK;
  PF_TRY_GOTO(pf_alloc(s.n * s.d, sizeof *s.rows, &s.rows, error));
  PF_TRY_GOTO(pf_alloc(s.n * s.d, sizeof *s.columns, &s.columns, error));
  PF_TRY_GOTO(pf_alloc(s.n, sizeof *s.fold, &s.fold, error));
  PF_TRY_GOTO(pf_alloc(s.n, sizeof *s.score, &s.score, error));
  PF_TRY_GOTO(pf_alloc(s.n, sizeof *labels, &labels, error));
  memcpy(s.rows, x.rows, x.n * x.d * sizeof *s.rows);
  memcpy(s.rows + x.n * x.d, y.rows, y.n * y.d * sizeof *s.rows);
  memset(labels, 1, x.n);
  pf_points_transpose((pf_points){s.rows, s.n, s.d}, s.n, s.columns);
  pf_stratified_folds(options.seed, 1, x.n, options.folds, s.fold);
  pf_stratified_folds(options.seed, 0, y.n, options.folds, s.fold + x.n);
  pf_pool_run(pool, (int)((s.n + ROWS - 1) / ROWS), score_rows, &s);
  PF_TRY_GOTO(pf_auc(s.score, labels, s.n, &auc, error));
  status = pf_metric_finish("knn_auc", auc, out, error);
cleanup:
  pf_free(s.rows);
  pf_free(s.columns);
  pf_free(s.fold);
  pf_free(s.score);
  pf_free(labels);
  return status;
}
