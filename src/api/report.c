/* Public report: the reference is chosen, the model measured against it, the page filled and written whole. */
#include <string.h>
#include "../base/memory.h"
#include "../data/atomic_file.h"
#include "../verify/evaluation.h"
#include "report_work.h"

static void say(const pf_report_work *w, pf_log_level level, const char *message) {
  const pf_hooks *hooks = &w->options.evaluate.hooks;
  if (hooks->log) hooks->log(hooks->context, level, message);
}

static const char *bare(const char *law) { return strncmp(law, "law:", 4) == 0 ? law + 4 : law; }

/* What the caller gave, or else the law the model was trained on: of other sources nothing can be drawn anew. */
static pf_status choose_reference(pf_report_work *w, const pf_table *real, const char *law, pf_error *error) {
  const char *source = pf_report_fact_text(w->model, "source");
  if (law) return pf_law_create(bare(law), &w->law, error);
  if (real) {
    w->real = real;
    return PF_OK;
  }
  if (!source || strncmp(source, "law:", 4) != 0) return PF_OK;
  if (pf_law_create(source + 4, &w->law, NULL) != PF_OK) {
    say(w, PF_LOG_WARNING, "the law the model was trained on cannot be opened: no quality is measured");
  } else if (pf_law_dimension(w->law) != w->model->columns) { /* trained on some of its columns */
    say(w, PF_LOG_WARNING, "the model has not all columns of its law: no quality is measured");
    pf_law_free(w->law);
    w->law = NULL;
  }
  return PF_OK;
}

static pf_status measure(pf_report_work *w, pf_error *error) {
  if (!w->law && !w->real) return PF_OK;
  pf_reference reference = {.law = w->law, .held = w->real, .train = w->options.evaluate.train};
  PF_TRY(pf_alloc(1, sizeof *w->set, &w->set, error));
  return pf_evaluation_run(w->model, &reference, &w->options.evaluate, w->set, error);
}

static pf_status fill(pf_report_work *w, pf_error *error) {
  PF_TRY(measure(w, error));
  say(w, PF_LOG_INFO, "drawing samples and characteristics");
  pf_report_fill_quality(w);
  PF_TRY(pf_report_fill_curves(w, error));
  PF_TRY(pf_report_fill_rows(w, error));
  PF_TRY(pf_report_fill_flow(w, error));
  PF_TRY(pf_report_fill_field(w, error));
  PF_TRY(pf_report_fill_paths(w, error));
  return pf_report_fill_facts(w, error);
}

static pf_status write_page(pf_report_work *w, pf_atomic_file *file, pf_error *error) {
  pf_text page = {0};
  pf_status status = fill(w, error);
  if (status == PF_OK) status = pf_report_write(&w->input, &page, error);
  if (status == PF_OK) status = pf_atomic_file_write(file, page.data, page.length, error);
  pf_text_free(&page);
  return status;
}

static void close_work(pf_report_work *w) {
  pf_law_free(w->law);
  pf_pool_free(w->pool);
  pf_free(w->set);
  pf_text_free(&w->train_command);
  pf_free(w->data);
  pf_free(w->samples);
  pf_free(w->sources);
  pf_free(w->paths);
  pf_free(w->path_times);
  pf_free(w->straightness);
  pf_free(w->jumps);
  pf_free(w->model_density);
  pf_free(w->law_density);
  pf_free(w->potential);
  pf_free(w->arrows);
  pf_free(w->to_noise.values);
  pf_free(w->to_data.values);
  for (int i = 0; i < PF_REPORT_SERIES; i++) pf_free(w->curve_steps[i]);
  pf_free(w);
}

static pf_status check_pictures(const pf_report_options *o, int columns, pf_error *error) {
  int width = o->picture_width, height = o->picture_height;
  if (width == 0 && height == 0) return PF_OK;
  if (width > 0 && height > 0 && (int64_t)width * height == columns) return PF_OK;
  return pf_fail(error, PF_USAGE, "report: pictures of %d x %d, but a row has %d columns", width, height,
                 columns);
}

static pf_status check_beside(const pf_report_options *o, pf_error *error) {
  if (o->n_beside < 0 || o->n_beside > PF_REPORT_BESIDE)
    return pf_fail(error, PF_USAGE, "report: %d models beside the first, at most %d are drawn", o->n_beside,
                   PF_REPORT_BESIDE);
  for (int i = 0; i < o->n_beside; i++)
    if (!o->beside || !o->beside[i])
      return pf_fail(error, PF_USAGE, "report: model %d beside the first is NULL", i + 1);
  return PF_OK;
}

pf_status pf_report(const pf_model *model, const pf_table *real, const char *law,
                    const pf_report_options *options, const char *path, pf_error *error) {
  pf_report_work *w = NULL;
  pf_atomic_file file = {0};
  if (!model || !path) return pf_fail(error, PF_USAGE, "report: %s is NULL", model ? "path" : "model");
  if (options) PF_TRY(check_beside(options, error));
  if (options) PF_TRY(check_pictures(options, model->columns, error));
  PF_TRY(pf_alloc(1, sizeof *w, &w, error)); /* too large for a stack frame */
  w->model = model;
  w->input = pf_report_input_default();
  w->options = options ? *options : (pf_report_options){.evaluate = pf_evaluate_options_default()};
  if (w->options.evaluate.steps == 0)
    w->options.evaluate.steps = pf_model_default_steps(model, w->options.evaluate.teacher);
  pf_status status = pf_atomic_file_begin(path, &file, error); /* first: minutes of measuring come next */
  if (status == PF_OK) status = choose_reference(w, real, law, error);
  if (status == PF_OK) status = pf_pool_create(w->options.evaluate.threads, &w->pool, error);
  if (status == PF_OK) status = write_page(w, &file, error);
  if (status == PF_OK)
    status = pf_atomic_file_commit(&file, error);
  else
    pf_atomic_file_abort(&file);
  close_work(w);
  return status;
}
