/* Nearest rows: see nearest.h. A task takes a few rows through all tiles of the others, which stay in cache for them. */
#include "metrics/nearest.h"

#include <math.h>
#include "base/memory.h"

enum { ROWS = 32, TILE = 512 };

typedef struct search {
  pf_points rows;
  size_t n;        /* among */
  double *columns; /* `among`, column by column */
  uint32_t *out;
} search;

static void search_rows(void *context, int task, int thread) {
  const search *s = context;
  (void)thread;
  double squares[TILE], best[ROWS];
  size_t d = s->rows.d, first = (size_t)task * ROWS,
         last = first + ROWS < s->rows.n ? first + ROWS : s->rows.n;
  for (int r = 0; r < ROWS; r++) best[r] = INFINITY;
  for (size_t tile = 0; tile < s->n; tile += TILE) {
    size_t count = s->n - tile < TILE ? s->n - tile : TILE;
    for (size_t i = first; i < last; i++) {
      pf_squared_row(s->rows.rows + i * d, d, s->columns + tile, s->n, count, squares);
      for (size_t j = 0; j < count; j++)
        if (squares[j] < best[i - first]) {
          best[i - first] = squares[j];
          s->out[i] = (uint32_t)(tile + j);
        }
    }
  }
}

pf_status pf_nearest_rows(pf_points rows, pf_points among, pf_pool *pool, uint32_t *out, pf_error *error) {
  search s = {.rows = rows, .n = among.n, .out = out};
  PF_TRY(pf_points_check_pair(rows, among, error));
  PF_TRY(pf_alloc(among.n * among.d, sizeof(double), &s.columns, error));
  pf_points_transpose(among, among.n, s.columns);
  pf_pool_run(pool, (int)((rows.n + ROWS - 1) / ROWS), search_rows, &s);
  pf_free(s.columns);
  return PF_OK;
}

pf_status pf_nearest_accuracy(pf_labelled test, pf_labelled train, pf_pool *pool, double *out,
                              pf_error *error) {
  uint32_t *nearest = NULL;
  size_t right = 0, n = test.points.n;
  PF_TRY(pf_alloc(n, sizeof *nearest, &nearest, error));
  pf_status status = pf_nearest_rows(test.points, train.points, pool, nearest, error);
  for (size_t i = 0; i < n && status == PF_OK; i++) right += train.labels[nearest[i]] == test.labels[i];
  if (status == PF_OK) *out = (double)right / (double)n;
  pf_free(nearest);
  return status;
}
