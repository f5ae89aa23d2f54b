/* Shortest augmenting paths over candidate lists.
 *
 * Dijkstra over rows whose reduced costs c - u - v are nonnegative and 0 on assigned pairs. A scanned row relaxes its
 * listed columns at once; its other columns cannot have a label under bound - h, so the row itself waits in the heap
 * with that key and is scanned whole only if the search gets that far. Labels at or above that of the nearest free
 * column found so far are of no use and dropped.
 *
 *   label  length of the shortest path to a column     h  c - v - label of the pair by which a row was reached */
#include "ot/search.h"

#include <math.h>

#include "base/memory.h"

enum { LANES = 8 };

/* ---- heap: least label first, ties by `what` ---- */

static bool before(pf_search_event a, pf_search_event b) {
  return a.label < b.label || (a.label == b.label && a.what < b.what);
}

static pf_status push(pf_search *q, double label, int64_t what, pf_error *error) {
  if (q->count == q->capacity) {
    PF_TRY(pf_grow(&q->heap, q->capacity, 2 * q->capacity, sizeof *q->heap, error));
    q->capacity *= 2;
  }
  pf_search_event event = {label, what};
  size_t k = q->count++;
  for (; k > 0 && before(event, q->heap[(k - 1) / 2]); k = (k - 1) / 2) q->heap[k] = q->heap[(k - 1) / 2];
  q->heap[k] = event;
  return PF_OK;
}

static pf_search_event pop(pf_search *q) {
  pf_search_event top = q->heap[0], last = q->heap[--q->count];
  size_t k = 0;
  for (;;) {
    size_t child = 2 * k + 1;
    if (child >= q->count) break;
    if (child + 1 < q->count && before(q->heap[child + 1], q->heap[child])) child++;
    if (!before(q->heap[child], last)) break;
    q->heap[k] = q->heap[child];
    k = child;
  }
  q->heap[k] = last;
  return top;
}

/* ---- scanning ---- */

static pf_status offer(pf_search *q, int64_t row, uint32_t column, double label, pf_error *error) {
  if (!(label < q->dist[column]) || !(label < q->best)) return PF_OK;
  if (q->dist[column] == INFINITY) q->touched[q->touched_count++] = column;
  q->dist[column] = label;
  q->pred[column] = row;
  if (q->s->row_of[column] >= 0) return push(q, label, column, error);
  q->best = label;
  q->end = column;
  return PF_OK;
}

/* Relaxes the listed columns of a row; the row comes back for the others. */
static pf_status scan_list(pf_search *q, int64_t row, pf_error *error) {
  const pf_assignment_solver *s = q->s;
  double h = q->offset[row];
  const pf_candidate *list = s->list + (size_t)row * PF_LIST_MOST, *end = list + s->listed[row];
  for (; list < end; list++) PF_TRY(offer(q, row, list->column, list->cost - s->v[list->column] - h, error));
  double later = s->bound[row] - h;
  return later < q->best ? push(q, later, ~row, error) : PF_OK;
}

/* Relaxes all columns of a row. */
static pf_status scan_whole(pf_search *q, int64_t row, pf_error *error) {
  pf_assignment_solver *s = q->s;
  double h = q->offset[row];
  pf_candidates_fill(s, (size_t)row);
  for (size_t k = 0; k < s->padded / LANES; k++) {
    if (!(s->least[k] - h < q->best)) continue;
    size_t first = k / LANES * PF_GROUP + k % LANES;
    for (size_t j = first; j < first + PF_GROUP; j += LANES)
      PF_TRY(offer(q, row, (uint32_t)j, s->reduced[j] - h, error));
  }
  return PF_OK;
}

/* Scans columns in the order of their labels until none is nearer than a free one. */
static pf_status run(pf_search *q, int64_t start, pf_error *error) {
  pf_assignment_solver *s = q->s;
  q->offset[start] = 0;
  PF_TRY(scan_list(q, start, error));
  while (q->count > 0) {
    pf_search_event event = pop(q);
    if (!(event.label < q->best)) break;
    if (event.what < 0) {
      PF_TRY(scan_whole(q, ~event.what, error));
      continue;
    }
    size_t j = (size_t)event.what;
    if (event.label != q->dist[j]) continue; /* a shorter path came later */
    int64_t row = s->row_of[j];
    q->reached[q->scanned_count] = event.label;
    q->scanned[q->scanned_count++] = (uint32_t)j;
    q->dist[j] = -INFINITY; /* no rounding may lead a path back to it */
    q->offset[row] = pf_cost_of(s, (size_t)row, j) - s->v[j] - event.label;
    PF_TRY(scan_list(q, row, error));
  }
  return PF_OK;
}

/* Lowers the duals of the scanned columns, so that the path is tight, and swaps pairs along it. */
static void apply(pf_search *q, int64_t start) {
  pf_assignment_solver *s = q->s;
  for (size_t k = 0; k < q->scanned_count; k++)
    if (q->reached[k] < q->best) s->v[q->scanned[k]] += q->reached[k] - q->best;
  int64_t row, column = q->end;
  do {
    row = q->pred[column];
    int64_t next = s->col_of[row];
    s->row_of[column] = row;
    s->col_of[row] = column;
    column = next;
  } while (row != start);
}

pf_status pf_search_augment(pf_search *q, int64_t start, pf_error *error) {
  q->touched_count = q->scanned_count = q->count = 0;
  q->best = INFINITY;
  q->end = -1;
  PF_TRY(run(q, start, error));
  if (q->end < 0)
    return pf_fail(error, PF_FAILED, "assignment: no column is left for row %lld", (long long)start);
  apply(q, start);
  for (size_t k = 0; k < q->touched_count; k++) q->dist[q->touched[k]] = INFINITY;
  return PF_OK;
}

pf_status pf_search_open(pf_search *q, pf_assignment_solver *s, pf_error *error) {
  q->s = s;
  PF_TRY(pf_alloc(s->padded, sizeof *q->dist, &q->dist, error));
  PF_TRY(pf_alloc(s->padded, sizeof *q->pred, &q->pred, error));
  PF_TRY(pf_alloc(s->padded, sizeof *q->touched, &q->touched, error));
  PF_TRY(pf_alloc(s->padded, sizeof *q->scanned, &q->scanned, error));
  PF_TRY(pf_alloc(s->padded, sizeof *q->reached, &q->reached, error));
  PF_TRY(pf_alloc(s->n, sizeof *q->offset, &q->offset, error));
  PF_TRY(pf_alloc(4 * s->n, sizeof *q->heap, &q->heap, error));
  q->capacity = 4 * s->n;
  for (size_t j = 0; j < s->padded; j++) q->dist[j] = INFINITY;
  return PF_OK;
}

void pf_search_close(pf_search *q) {
  pf_free(q->dist);
  pf_free(q->pred);
  pf_free(q->touched);
  pf_free(q->scanned);
  pf_free(q->reached);
  pf_free(q->offset);
  pf_free(q->heap);
}
