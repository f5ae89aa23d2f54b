/* How well a conditional model generates within each bin of a condition: see conditional.h.
 *
 * Three pools of rows, real ones A and B and the model's M, whose conditions were drawn apart, are cut into the same bins. In
 * each bin the metric is W2 between the generated columns of M and A, its floor that between B and A. The pools of a law are
 * fresh and every pair of samples takes other rows of them; those of a table are its rows, of which every pair takes some at
 * random.
 */
#include "conditional.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../base/memory.h"
#include "../base/text.h"
#include "../metrics/floor.h"

enum { SAMPLE_ROWS = 400, FEWEST_ROWS = 16, POOLS = 3, MODEL_TIMES = 4 };
enum { A, B, M }; /* pools */

typedef struct rows_pool {
  size_t n;
  const double *rows; /* n x d, the data's units */
  double *own;        /* the same, when they are no table's */
  double *part;       /* in_bin x generated: those of the bin under way */
  size_t in_bin;
} rows_pool;

typedef struct work {
  const struct pf_model *model;
  const pf_draw *draw;
  const pf_reference *reference;
  const pf_conditional_options *options;
  size_t d, generated;
  rows_pool pool[POOLS];
  double *sorted; /* a condition's values in pool A */
  double *row;    /* one row */
} work;

/* ---- pools ---- */

static pf_status open_pool(work *w, int which, size_t n, pf_error *error) {
  rows_pool *p = &w->pool[which];
  PF_TRY(pf_alloc(n * w->d, sizeof(double), &p->own, error));
  p->n = n;
  p->rows = p->own;
  return PF_OK;
}

static void open_table_pool(work *w, int which, const pf_table *table) {
  w->pool[which] = (rows_pool){.n = (size_t)table->rows, .rows = table->values};
}

static pf_status open_law_pool(work *w, int which, pf_error *error) {
  const int64_t n = (int64_t)PF_CONDITION_BINS * SAMPLE_ROWS * w->options->pairs;
  PF_TRY(open_pool(w, which, (size_t)n, error));
  pf_law_sample(w->reference->law, w->draw->seed, (uint64_t)(which * n), n, w->pool[which].own);
  return PF_OK;
}

static pf_status open_pools(work *w, pf_error *error) {
  const pf_reference *r = w->reference;
  if (r->law) {
    PF_TRY(open_law_pool(w, A, error));
    PF_TRY(open_law_pool(w, B, error));
    PF_TRY(open_pool(w, M, w->pool[A].n, error));
  } else {
    open_table_pool(w, A, r->held);
    open_table_pool(w, B, r->train ? r->train : r->held);
    PF_TRY(open_pool(w, M, MODEL_TIMES * w->pool[A].n, error));
  }
  PF_TRY(pf_alloc(w->pool[A].n, sizeof(double), &w->sorted, error));
  PF_TRY(pf_alloc(w->d, sizeof(double), &w->row, error));
  return pf_model_draw(w->model, w->draw, (pf_rows){0, (int64_t)w->pool[M].n}, w->pool[M].own, error);
}

static void close_work(work *w) {
  for (int i = 0; i < POOLS; i++) {
    pf_free(w->pool[i].own);
    pf_free(w->pool[i].part);
  }
  pf_free(w->sorted);
  pf_free(w->row);
}

/* ---- bins ---- */

static int compare_doubles(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Ends of bins of about a tenth of the rows of pool A each. A bin ends behind the last row of a value, so a value that many rows
 * share, a class before all, is in a bin with none above it; the last bin is closed, and of one value when its ends are equal. */
static int cut(work *w, int column, double edges[PF_CONDITION_BINS + 1]) {
  const rows_pool *a = &w->pool[A];
  const size_t n = a->n;
  int bins = 0;
  for (size_t i = 0; i < n; i++) w->sorted[i] = a->rows[i * w->d + (size_t)column];
  qsort(w->sorted, n, sizeof *w->sorted, compare_doubles);
  edges[0] = w->sorted[0];
  for (size_t at = 0, tenth = 0; at < n;) {
    /* the end of the next bin is half of one ahead at least */
    const size_t nearest = (PF_CONDITION_BINS * at + n / 2) / n;
    tenth = (nearest > tenth ? nearest : tenth) + 1;
    const size_t end = tenth < PF_CONDITION_BINS ? n * tenth / PF_CONDITION_BINS : n;
    at = end > at ? end : at + 1;
    while (at < n && w->sorted[at] == w->sorted[at - 1]) at++;
    edges[++bins] = w->sorted[at < n ? at : n - 1];
  }
  return bins;
}

/* The outermost bins take what lies beyond them too. */
static bool falls_into(double value, const double *edges, int bins, int b) {
  return (b == 0 || value >= edges[b]) && (b + 1 == bins || value < edges[b + 1]);
}

typedef struct interval {
  int column, bins, number;
  const double *edges;
} interval;

static bool in_bin(const work *w, const rows_pool *p, size_t row, const interval *b) {
  return falls_into(p->rows[row * w->d + (size_t)b->column], b->edges, b->bins, b->number);
}

/* The generated columns of the pool's rows in the bin, in the units of the comparison. */
static pf_status collect(work *w, rows_pool *p, const interval *b, pf_error *error) {
  p->in_bin = 0;
  for (size_t i = 0; i < p->n; i++) p->in_bin += in_bin(w, p, i, b);
  pf_free(p->part);
  p->part = NULL;
  PF_TRY(pf_alloc(p->in_bin * w->generated, sizeof(double), &p->part, error));
  double *out = p->part;
  for (size_t i = 0; i < p->n; i++) {
    if (!in_bin(w, p, i, b)) continue;
    memcpy(w->row, p->rows + i * w->d, w->d * sizeof *w->row);
    if (w->options->scale)
      PF_TRY(pf_scale_apply(w->options->scale, (pf_points){w->row, 1, w->d}, w->row, error));
    for (size_t j = 0; j < w->d; j++)
      if (!pf_given_has(&w->model->given, (int)j)) *out++ = w->row[j];
  }
  return PF_OK;
}

/* ---- a bin's W2 ---- */

/* Pair p of a law takes rows p n to (p + 1) n - 1 of every pool's bin. */
typedef struct slices {
  const work *w;
  size_t n;
} slices;

static void copy_slice(const slices *s, const rows_pool *p, int pair, double *out) {
  const size_t items = s->n * s->w->generated;
  memcpy(out, p->part + (size_t)pair * items, items * sizeof *out);
}

static pf_status draw_real(void *context, int pair, int which, double *out, pf_error *error) {
  const slices *s = context;
  (void)error;
  copy_slice(s, &s->w->pool[which == 0 ? A : B], pair, out);
  return PF_OK;
}

static pf_status draw_model(void *context, int pair, double *out, pf_error *error) {
  const slices *s = context;
  (void)error;
  copy_slice(s, &s->w->pool[M], pair, out);
  return PF_OK;
}

/* Rows of a sample such that all pools have enough of them. */
static size_t sample_rows(const work *w) {
  size_t least = w->pool[M].in_bin;
  const bool law = w->reference->law != NULL, same = !law && !w->reference->train;
  if (w->pool[A].in_bin / (same ? 2 : 1) < least) least = w->pool[A].in_bin / (same ? 2 : 1);
  if (w->pool[B].in_bin < least) least = w->pool[B].in_bin;
  if (law) least /= (size_t)w->options->pairs;
  return least < SAMPLE_ROWS ? least : SAMPLE_ROWS;
}

static pf_status measure_bin(const work *w, pf_condition_bin *bin, pf_error *error) {
  const pf_metric_id metric = PF_METRIC_W2;
  const size_t n = sample_rows(w), d = w->generated;
  slices own = {w, n};
  pf_sample_source source = {.context = &own, .draw_real = draw_real, .draw_model = draw_model};
  pf_table_source table = {.reference = {w->pool[A].part, w->pool[A].in_bin, d},
                           .other = {w->pool[B].part, w->pool[B].in_bin, d},
                           .model = {w->pool[M].part, w->pool[M].in_bin, d},
                           .n = n,
                           .seed = w->draw->seed};
  pf_floor_spec spec = {.metrics = &metric,
                        .metric_count = 1,
                        .n = n,
                        .d = d,
                        .pairs = w->options->pairs,
                        .options = pf_metric_options_default()};
  pf_metric_result result;
  bin->rows = (int64_t)n;
  bin->w2 = bin->floor = bin->excess = bin->excess_hi95 = NAN;
  if (n < FEWEST_ROWS) return PF_OK;
  spec.options.seed = w->draw->seed;
  spec.options.pool = w->draw->pool;
  if (!w->reference->law) PF_TRY(pf_table_source_open(&table, &source, error));
  PF_TRY(pf_measure_against_floor(&spec, source, &result, error));
  bin->w2 = result.value;
  bin->floor = result.floor;
  bin->excess = result.excess;
  bin->excess_hi95 = result.excess_hi95;
  return PF_OK;
}

static pf_status measure_column(work *w, int k, pf_condition_bins *out, pf_error *error) {
  double edges[PF_CONDITION_BINS + 1];
  interval b = {.column = w->model->given.columns[k], .edges = edges};
  pf_text_cut(out->name, sizeof out->name, pf_model_condition_name(w->model, k));
  out->count = b.bins = cut(w, b.column, edges);
  for (b.number = 0; b.number < b.bins; b.number++) {
    pf_condition_bin *of = &out->bins[b.number];
    of->low = edges[b.number];
    of->high = edges[b.number + 1];
    for (int i = 0; i < POOLS; i++) PF_TRY(collect(w, &w->pool[i], &b, error));
    PF_TRY(measure_bin(w, of, error));
  }
  return PF_OK;
}

pf_status pf_conditional_measure(const struct pf_model *model, const pf_draw *draw,
                                 const pf_reference *reference, const pf_conditional_options *options,
                                 pf_conditional *out, pf_error *error) {
  const size_t d = (size_t)model->columns;
  work w = {.model = model,
            .draw = draw,
            .reference = reference,
            .options = options,
            .d = d,
            .generated = d - (size_t)model->given.count};
  *out = (pf_conditional){.columns = 0};
  if (model->given.count == 0) return PF_OK;
  const int columns = model->given.count < PF_CONDITION_COLUMNS ? model->given.count : PF_CONDITION_COLUMNS;
  pf_status status = open_pools(&w, error);
  for (int k = 0; k < columns && status == PF_OK; k++) status = measure_column(&w, k, &out->column[k], error);
  if (status == PF_OK) out->columns = columns;
  close_work(&w);
  return status;
}
