/* Drawing many samples on a pool: a sampler run over pieces of the range, each by one thread from prior to data. */
#include <stdatomic.h>
#include "../base/memory.h"
#include "model.h"

/* Rows of a piece; pieces end at its multiples, so that tiles stay whole. */
enum { PIECE = 4 * PF_TILE_ROWS };

typedef struct drawing {
  const pf_sampler *sampler;
  const pf_draw *draw;
  pf_rows rows;
  double *out;
  char *workspace; /* one per thread */
  size_t bytes;
  _Atomic int64_t first_failed; /* piece */
} drawing;

static pf_status draw_piece(const drawing *w, int64_t piece, int thread, pf_error *error) {
  int64_t from = (w->rows.first / PIECE + piece) * PIECE, to = from + PIECE, end = w->rows.first + w->rows.n;
  if (from < w->rows.first) from = w->rows.first;
  if (to > end) to = end;
  const int64_t values = pf_sampler_columns(w->sampler) * (w->draw->paths ? pf_sampler_nodes(w->sampler) : 1);
  double *out = w->out + (from - w->rows.first) * values;
  pf_workspace own = {w->workspace + (size_t)thread * w->bytes, w->bytes};
  const pf_sample_range range = {w->draw->seed, from, to - from};
  return (w->draw->paths ? pf_sampler_run_paths : pf_sampler_run)(w->sampler, range, out, own, error);
}

static void draw_task(void *context, int task, int thread) {
  drawing *w = context;
  if (draw_piece(w, task, thread, NULL) == PF_OK) return;
  int64_t first = atomic_load(&w->first_failed);
  while (task < first && !atomic_compare_exchange_weak(&w->first_failed, &first, task)) continue;
}

static pf_status draw_pieces(drawing *w, pf_error *error) {
  int64_t first = w->rows.first / PIECE, last = (w->rows.first + w->rows.n + PIECE - 1) / PIECE;
  pf_pool *pool = w->draw->pool;
  w->bytes = (pf_sampler_workspace_bytes(w->sampler) + 63) / 64 * 64;
  w->first_failed = INT64_MAX;
  PF_TRY(pf_alloc((size_t)pf_pool_threads(pool), w->bytes, &w->workspace, error));
  pf_status status = PF_OK;
  pf_pool_run(pool, (int)(last - first), draw_task, w);
  if (w->first_failed < INT64_MAX) /* again, for its message: the same whoever failed first on the clock */
    status = draw_piece(w, w->first_failed, 0, error);
  pf_free(w->workspace);
  /* what went wrong for a moment, as memory may, has left pieces out all the same */
  if (status == PF_OK && w->first_failed < INT64_MAX)
    return pf_fail(error, PF_NO_MEMORY, "out of memory for samples from %lld",
                   (long long)((w->rows.first / PIECE + w->first_failed) * PIECE));
  return status;
}

pf_status pf_model_draw(const struct pf_model *model, const pf_draw *draw, pf_rows rows, double *out,
                        pf_error *error) {
  pf_sampler *sampler = NULL;
  pf_sampler_options options = {.steps = draw->steps,
                                .teacher = draw->teacher,
                                .precision = draw->precision,
                                .solver = draw->solver,
                                .solver_seed = draw->seed};
  PF_TRY(pf_model_check_rows(rows, error));
  PF_TRY(pf_model_check_prior(model, error)); /* once, not by every piece */
  PF_TRY(pf_sampler_create(model, &options, &sampler, error));
  drawing w = {.sampler = sampler, .draw = draw, .rows = rows, .out = out};
  pf_status status = rows.n > 0 ? draw_pieces(&w, error) : PF_OK;
  pf_sampler_free(sampler);
  return status;
}
