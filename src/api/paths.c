/* Paths of samples as a file: pieces of rows, each as many as fit in a bounded memory, one after the other. */
#include <math.h>
#include "../base/cpu.h"
#include "../base/memory.h"
#include "../data/atomic_file.h"
#include "../data/npy.h"
#include "../model/model.h"

enum { PIECE_VALUES = 1 << 20 };

typedef struct writing {
  const pf_model *model;
  pf_sample_options options;
  const pf_hooks *hooks;
  int64_t n, nodes, piece; /* rows */
  double *values;          /* piece x nodes x columns */
  pf_atomic_file file;
  double begun;
} writing;

static pf_status report(const writing *w, int64_t done, pf_error *error) {
  const pf_hooks *hooks = w->hooks;
  const double seconds = pf_clock_seconds() - w->begun;
  if (hooks && hooks->progress) {
    pf_progress progress = {"paths", done,    w->n,
                            NAN,     seconds, seconds / (double)done * (double)(w->n - done)};
    hooks->progress(hooks->context, &progress);
  }
  if (hooks && hooks->stop && hooks->stop(hooks->context))
    return pf_fail(error, PF_STOPPED, "stopped after the paths of %lld samples", (long long)done);
  return PF_OK;
}

/* The writer of arrays knows a stream alone. */
static pf_status in_file(const writing *w, pf_status status, pf_error *error) {
  return status == PF_OK ? PF_OK : pf_fail_within(error, status, "%.300s", w->file.path);
}

static pf_status write_pieces(writing *w, pf_error *error) {
  const int d = pf_model_columns(w->model);
  const int64_t shape[] = {w->n, w->nodes, d}, first = w->options.first;
  PF_TRY(in_file(w, pf_npy_write_shape(w->file.stream, shape, 3, PF_NPY_F8, error), error));
  for (int64_t done = 0; done < w->n; done += w->piece) {
    const int64_t n = w->n - done < w->piece ? w->n - done : w->piece;
    w->options.first = first + done;
    PF_TRY(pf_model_sample_paths(w->model, &w->options, n, w->values, error));
    pf_status written = pf_npy_write_rows(w->file.stream, w->values, n * w->nodes, d, PF_NPY_F8, error);
    PF_TRY(in_file(w, written, error));
    PF_TRY(report(w, done + n, error));
  }
  return pf_atomic_file_commit(&w->file, error);
}

pf_status pf_model_write_paths(const pf_model *model, const pf_sample_options *options, int64_t n,
                               const char *path, const pf_hooks *hooks, pf_error *error) {
  writing w = {.model = model, .hooks = hooks, .n = n, .begun = pf_clock_seconds()};
  w.options = options ? *options : pf_sample_options_default();
  if (n < 1)
    return pf_fail(error, PF_USAGE, "the number of samples is %lld, must be at least 1", (long long)n);
  if (!model || !path) return pf_fail(error, PF_USAGE, "paths need a model and a file to go to");
  PF_TRY(pf_model_check_rows((pf_rows){w.options.first, n}, error));
  PF_TRY(pf_model_path_nodes(model, &w.options, &w.nodes, error));
  const int64_t values = w.nodes * pf_model_columns(model);
  w.piece = PIECE_VALUES / values > 0 ? PIECE_VALUES / values : 1;
  if (w.piece > n) w.piece = n;
  PF_TRY(pf_alloc((size_t)w.piece, (size_t)values * sizeof *w.values, &w.values, error));
  pf_status status = pf_atomic_file_begin(path, &w.file, error);
  if (status == PF_OK) status = write_pieces(&w, error);
  pf_atomic_file_abort(&w.file);
  pf_free(w.values);
  return status;
}
