/* The report's training curves, alone or beside those of other models. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "../base/memory.h"
#include "report_work.h"

/* The generator's steps are counted from the end of the velocity's: one time axis for the whole training. */
static pf_status copy_steps(const pf_model *model, const pf_curve *c, double **out, pf_error *error) {
  bool is_later = model->generator && strcmp(c->name, "velocity loss") != 0;
  double shift = is_later ? (double)pf_report_fact_integer(model, "velocity_steps", 0) : 0;
  PF_TRY(pf_alloc((size_t)c->count, sizeof(double), out, error));
  for (int64_t i = 0; i < c->count; i++) (*out)[i] = c->steps[i] + shift;
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

/* ---- several models ---- */

/* Model 0 is the page's own. */
static const pf_model *model_at(const pf_report_work *w, int m) {
  return m == 0 ? w->model : w->options.beside[m - 1];
}

static const char *file_at(const pf_report_work *w, int m) {
  return m > 0 && w->options.beside_names ? w->options.beside_names[m - 1] : NULL;
}

static void add(char out[PF_REPORT_NAME_BYTES], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add(char out[PF_REPORT_NAME_BYTES], const char *format, ...) {
  size_t length = strlen(out);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(out + length, PF_REPORT_NAME_BYTES - length, format, arguments);
  va_end(arguments);
}

/* "w1fe, K = 10, fit naive"; empty when the facts of the file do not say. */
static void describe(const pf_model *model, char out[PF_REPORT_NAME_BYTES]) {
  const char *method = pf_report_fact_text(model, "method"), *fit = pf_report_fact_text(model, "fit");
  int64_t persistence = pf_report_fact_integer(model, "persistence", 0);
  out[0] = '\0';
  if (!method) return;
  add(out, "%.24s", method);
  if (persistence > 0) add(out, ", K = %lld", (long long)persistence);
  if (fit && strcmp(fit, "targets") != 0) add(out, ", fit %.16s", fit);
}

static bool is_ambiguous(const pf_report_work *w, int m, const char *words) {
  char other[PF_REPORT_NAME_BYTES];
  for (int k = 1; k <= w->options.n_beside; k++) {
    if (k == m) continue;
    describe(model_at(w, k), other);
    if (strcmp(other, words) == 0) return true;
  }
  return false;
}

static void name_model(const pf_report_work *w, int m, char out[PF_REPORT_NAME_BYTES]) {
  const char *file = file_at(w, m);
  describe(model_at(w, m), out);
  if (m == 0) {
    add(out, "%sthis model", out[0] ? ", " : "");
  } else if (!out[0]) {
    if (file)
      add(out, "%.40s", file);
    else
      add(out, "model %d", m + 1);
  } else if (is_ambiguous(w, m, out)) {
    if (file)
      add(out, " (%.40s)", file);
    else
      add(out, " (model %d)", m + 1);
  }
}

static const pf_curve *find_curve(const pf_model *model, const char *name) {
  for (int i = 0; i < model->n_curves; i++)
    if (strcmp(model->curves[i].name, name) == 0) return &model->curves[i];
  return NULL;
}

/* Curve c of model m as the next series. */
static pf_status add_series(pf_report_work *w, int m, const pf_curve *c, pf_error *error) {
  static const char *const losses[] = {"velocity", "generator"};
  size_t i = w->input.series_count;
  pf_report_series *s = &w->series[i];
  char *name = w->series_names[i];
  bool is_loss = rank(c->name) < 2;
  PF_TRY(copy_steps(model_at(w, m), c, &w->curve_steps[i], error));
  snprintf(name, PF_REPORT_NAME_BYTES, "%s", is_loss ? losses[rank(c->name)] : c->name);
  if (w->options.n_beside > 0) {
    name_model(w, m, name);
    if (is_loss) add(name, ": %s", losses[rank(c->name)]);
  }
  *s = (pf_report_series){is_loss ? "training loss" : c->name, name, w->curve_steps[i], c->values,
                          (size_t)c->count};
  w->input.series = w->series;
  w->input.series_count = i + 1;
  return PF_OK;
}

pf_status pf_report_fill_curves(pf_report_work *w, pf_error *error) {
  const pf_curve *curves[PF_MODEL_CURVES];
  order_curves(w->model, curves);
  for (int i = 0; i < w->model->n_curves; i++) {
    if (curves[i]->count < 2) continue;
    for (int m = 0; m <= w->options.n_beside; m++) {
      const pf_curve *c = m == 0 ? curves[i] : find_curve(model_at(w, m), curves[i]->name);
      if (c && c->count > 1) PF_TRY(add_series(w, m, c, error));
    }
  }
  return PF_OK;
}
