/* Mode coverage of a model, beside that of the law itself: see coverage.h. */
#include "coverage.h"

#include <string.h>
#include "../base/memory.h"
#include "../metrics/modes.h"

enum { MOST_ROWS = 10000, MOST_ITEMS = 1 << 22 };

/* The law's modes of positive weight, and room for one array of rows and one of counts. */
typedef struct work {
  double *means, *weights, *sds, *rows;
  size_t *counts;
  size_t modes, n, d;
} work;

static void close_work(work *w) {
  pf_free(w->means);
  pf_free(w->weights);
  pf_free(w->sds);
  pf_free(w->rows);
  pf_free(w->counts);
}

static pf_status open_work(work *w, const pf_law *law, pf_error *error) {
  const double *centres = NULL, *weights = NULL, *spreads = pf_law_mode_spreads(law);
  size_t modes = (size_t)pf_law_modes(law, &centres, &weights), d = w->d;
  PF_TRY(pf_alloc(modes * d, sizeof(double), &w->means, error));
  PF_TRY(pf_alloc(modes, sizeof(double), &w->weights, error));
  PF_TRY(pf_alloc(modes, sizeof(double), &w->sds, error));
  PF_TRY(pf_alloc(modes, sizeof *w->counts, &w->counts, error));
  PF_TRY(pf_alloc(w->n * d, sizeof(double), &w->rows, error));
  for (size_t m = 0; m < modes; m++) {
    if (!(weights[m] > 0)) continue; /* a file may give a component no weight */
    memcpy(w->means + w->modes * d, centres + m * d, d * sizeof(double));
    w->weights[w->modes] = weights[m];
    w->sds[w->modes++] = spreads[m];
  }
  return PF_OK;
}

/* Counts w->rows; the first modes' counts also into `listed`. */
static pf_status count_rows(work *w, double listed[PF_COVERAGE_MODES], pf_mode_result *out, pf_error *error) {
  pf_modes modes = {w->means, w->weights, w->sds, w->modes};
  PF_TRY(pf_mode_coverage((pf_points){w->rows, w->n, w->d}, modes, w->counts, out, error));
  for (size_t m = 0; m < w->modes && m < PF_COVERAGE_MODES; m++) listed[m] = (double)w->counts[m];
  return PF_OK;
}

static pf_status measure(const struct pf_model *model, const pf_draw *draw, const pf_law *law, work *w,
                         pf_coverage *out, pf_error *error) {
  pf_mode_result own = {0}, real = {0};
  PF_TRY(open_work(w, law, error));
  if (w->modes < 2) return PF_OK;
  PF_TRY(pf_model_draw(model, draw, (pf_rows){0, (int64_t)w->n}, w->rows, error));
  PF_TRY(count_rows(w, out->counts, &own, error));
  pf_law_sample(law, draw->seed, 0, (int64_t)w->n, w->rows);
  PF_TRY(count_rows(w, out->law_counts, &real, error));
  out->modes = (int)w->modes;
  out->covered = (int)own.covered;
  out->rows = (int64_t)w->n;
  out->high_quality = own.high_quality, out->law_high_quality = real.high_quality;
  out->chi_square = own.chi_square, out->law_chi_square = real.chi_square;
  out->listed = out->modes < PF_COVERAGE_MODES ? out->modes : PF_COVERAGE_MODES;
  for (int m = 0; m < out->listed; m++) out->expected[m] = (double)w->n * w->weights[m];
  return PF_OK;
}

pf_status pf_coverage_measure(const struct pf_model *model, const pf_draw *draw, const pf_law *law,
                              int64_t rows, pf_coverage *out, pf_error *error) {
  work w = {.d = (size_t)pf_law_dimension(law)};
  pf_coverage result = {0};
  int64_t most = MOST_ITEMS / (int64_t)w.d;
  if (most > MOST_ROWS) most = MOST_ROWS;
  w.n = (size_t)(rows < most ? rows : most);
  if (pf_law_modes(law, NULL, NULL) < 2) {
    *out = result;
    return PF_OK;
  }
  pf_status status = measure(model, draw, law, &w, &result, error);
  if (status == PF_OK) *out = result;
  close_work(&w);
  return status;
}
