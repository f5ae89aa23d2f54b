/* The report's training curves. */
#include <string.h>
#include "../base/memory.h"
#include "report_work.h"

/* The generator's steps are counted from the end of the velocity's: one time axis for the whole training. */
static pf_status copy_steps(pf_report_work *w, const pf_curve *c, int64_t shift, double **out,
                            pf_error *error) {
  bool is_later = w->model->generator && strcmp(c->name, "velocity loss") != 0;
  PF_TRY(pf_alloc((size_t)c->count, sizeof(double), out, error));
  for (int64_t i = 0; i < c->count; i++) (*out)[i] = c->steps[i] + (is_later ? (double)shift : 0);
  return PF_OK;
}

static int rank(const char *name) {
  return strcmp(name, "velocity loss") == 0 ? 0 : strcmp(name, "generator loss") == 0 ? 1 : 2;
}

/* In the order of the training, then of the names: models in memory and from files keep them differently. */
static void order_curves(const pf_model *model, const pf_curve *out[PF_MODEL_CURVES]) {
  for (int i = 0; i < model->n_curves; i++) {
    const pf_curve *c = &model->curves[i];
    int k = i;
    for (; k > 0; k--) {
      int above = rank(out[k - 1]->name), own = rank(c->name);
      if (above < own || (above == own && strcmp(out[k - 1]->name, c->name) <= 0)) break;
      out[k] = out[k - 1];
    }
    out[k] = c;
  }
}

pf_status pf_report_fill_curves(pf_report_work *w, pf_error *error) {
  const pf_curve *curves[PF_MODEL_CURVES];
  size_t count = 0;
  int64_t shift = pf_report_fact_integer(w->model, "velocity_steps", 0);
  order_curves(w->model, curves);
  for (int i = 0; i < w->model->n_curves; i++) {
    const pf_curve *c = curves[i];
    pf_report_series *s = &w->series[count];
    if (c->count < 2) continue;
    PF_TRY(copy_steps(w, c, shift, &w->curve_steps[count], error));
    *s = (pf_report_series){c->name, c->name, w->curve_steps[count], c->values, (size_t)c->count};
    if (rank(c->name) == 0) s->panel = "training loss", s->name = "velocity";
    if (rank(c->name) == 1) s->panel = "training loss", s->name = "generator";
    count++;
  }
  w->input.series = w->series;
  w->input.series_count = count;
  return PF_OK;
}
