/* The report's rows: of the reference, and as many samples. */
#include <string.h>
#include "../base/memory.h"
#include "report_work.h"

enum { ROWS = 4000 };

/* Draws shown here are not the rows a training with the same seed has seen. */
static const uint64_t SEED_OFFSET = 0x9a9e00000000u;

/* At most ROWS rows, and bounded memory however many columns there are. */
static int64_t rows_allowed(const pf_report_work *w) {
  int64_t most = PF_REPORT_ITEMS / w->model->columns;
  return most < 1 ? 1 : most < ROWS ? most : ROWS;
}

/* Rows spread evenly over the table: it may be sorted. */
static void copy_rows(const pf_table *table, int64_t n, double *out) {
  size_t d = (size_t)table->columns;
  for (int64_t i = 0; i < n; i++)
    memcpy(out + (size_t)i * d, table->values + (size_t)(i * table->rows / n) * d, d * sizeof(double));
}

/* Sample i of a model that starts from rows starts from prior row i of the same seed. */
static pf_status fill_sources(pf_report_work *w, int64_t n, pf_error *error) {
  const struct pf_model *model = w->model;
  size_t items = (size_t)n * (size_t)model->columns;
  float *z = NULL;
  if (!model->from_source || w->options.picture_height == 0) return PF_OK;
  PF_TRY(pf_alloc(items, sizeof(double), &w->sources, error));
  PF_TRY(pf_alloc(items, sizeof *z, &z, error));
  pf_model_prior(model, w->options.evaluate.seed, (pf_rows){0, n}, z);
  pf_encoder_decode(model->encoder, z, n, w->sources);
  pf_free(z);
  w->input.sources = w->sources;
  w->input.source_rows = (size_t)n;
  return PF_OK;
}

/* As many samples as rows of the reference, so that their pictures are equally noisy. */
pf_status pf_report_fill_rows(pf_report_work *w, pf_error *error) {
  int64_t n = rows_allowed(w);
  size_t d = (size_t)w->model->columns;
  const pf_evaluate_options *e = &w->options.evaluate;
  if (w->real && w->real->rows < n) n = w->real->rows;
  PF_TRY(pf_alloc((size_t)n * d, sizeof(double), &w->samples, error));
  pf_draw draw = {.steps = e->steps, .teacher = e->teacher, .seed = e->seed, .pool = w->pool};
  PF_TRY(pf_model_draw(w->model, &draw, (pf_rows){0, n}, w->samples, error));
  if (w->law || w->real) {
    PF_TRY(pf_alloc((size_t)n * d, sizeof(double), &w->data, error));
    if (w->law)
      pf_law_sample(w->law, e->seed + SEED_OFFSET, 0, n, w->data);
    else
      copy_rows(w->real, n, w->data);
    w->input.data = w->data;
    w->input.data_rows = (size_t)n;
  }
  w->input.picture_width = (size_t)w->options.picture_width;
  w->input.picture_height = (size_t)w->options.picture_height;
  PF_TRY(fill_sources(w, n < PF_REPORT_PICTURES ? n : PF_REPORT_PICTURES, error));
  w->input.samples = w->samples;
  w->input.sample_rows = (size_t)n;
  w->input.dimension = d;
  w->input.column_names = (const char *const *)w->model->columns_like->names;
  return PF_OK;
}
