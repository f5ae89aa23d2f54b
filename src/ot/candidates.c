/* Short lists of cheap columns: see candidates.h. A list costs one scan of its row and then answers many questions
 * about it, exactly.
 *
 *   c  cost row     v  column duals     r = c - v  reduced row     bound  what all columns not in a list reach */
#include "ot/candidates.h"

#include <math.h>
#include <string.h>

#include "base/cpu.h"
#include "base/memory.h"

enum { LANES = 8, HALF = 4 };

/* Half a 64-byte vector: where there are no wider registers, compilers keep whole ones in memory. */
typedef double half_f __attribute__((vector_size(32), aligned(8), may_alias));
typedef int64_t half_i __attribute__((vector_size(32), aligned(8), may_alias));

/* Macros, because passing a vector to a function has no ABI on the baseline. */
#define LESSER(a, b)  ((half_f)(((half_i)(a) & ((a) < (b))) | ((half_i)(b) & ~((a) < (b)))))
#define AT(pointer)   (*(half_f *)(pointer))
#define FROM(pointer) (*(const half_f *)(pointer))

/* ---- cost rows ---- */

PF_MULTIVERSION
static void root_row(double *row, size_t n) {
  for (size_t j = 0; j < n; j++) row[j] = sqrt(row[j]);
}

const double *pf_cost_row(pf_assignment_solver *s, size_t i) {
  if (s->matrix != NULL) {
    memcpy(s->row, s->matrix + i * s->n, s->n * sizeof *s->row);
    return s->row;
  }
  pf_squared_row(s->x.rows + i * s->x.d, s->x.d, s->y, s->padded, s->padded, s->row);
  if (s->power == 1) root_row(s->row, s->padded);
  return s->row;
}

double pf_cost_of(const pf_assignment_solver *s, size_t i, size_t j) {
  if (s->matrix != NULL) return s->matrix[i * s->n + j];
  const double *x = s->x.rows + i * s->x.d, *y = s->y + j;
  double square = 0;
  for (size_t k = 0; k < s->x.d; k++) square += (x[k] - y[k * s->padded]) * (x[k] - y[k * s->padded]);
  return s->power == 1 ? sqrt(square) : square;
}

/* ---- filling a list ---- */

/* r = c - v and the least of each lane over a group's eight vectors: no exchange between lanes until the end.
 * Returns the least of all. */
PF_MULTIVERSION
static double reduce_row(const double *c, const double *v, size_t padded, double *r, double *least) {
  half_f all = (half_f){0} + INFINITY;
  for (size_t g = 0; g < padded; g += PF_GROUP) {
    half_f low = (half_f){0} + INFINITY, high = low;
    for (size_t k = g; k < g + PF_GROUP; k += LANES) {
      half_f a = FROM(c + k) - FROM(v + k), b = FROM(c + k + HALF) - FROM(v + k + HALF);
      AT(r + k) = a;
      AT(r + k + HALF) = b;
      low = LESSER(a, low);
      high = LESSER(b, high);
    }
    AT(least + g / LANES) = low;
    AT(least + g / LANES + HALF) = high;
    low = LESSER(low, high);
    all = LESSER(low, all);
  }
  double lowest = INFINITY;
  for (int l = 0; l < HALF; l++)
    if (all[l] < lowest) lowest = all[l];
  return lowest;
}

/* The k-th smallest (from 0) of values, which get reordered: Hoare's selection. */
static double select_kth(double *values, size_t n, size_t k) {
  size_t low = 0, high = n - 1;
  while (low < high) {
    double pivot = values[low + (high - low) / 2];
    size_t i = low, j = high;
    for (;; i++, j--) {
      while (values[i] < pivot) i++;
      while (pivot < values[j]) j--;
      if (i >= j) break;
      double swap = values[i];
      values[i] = values[j];
      values[j] = swap;
    }
    if (k <= j)
      high = j;
    else
      low = j + 1;
  }
  return values[k];
}

/* Gathers the columns below `bound`, without branches on what is found; more than PF_FOUND end the search. */
static size_t gather(const pf_assignment_solver *s, double bound, uint32_t *found) {
  size_t count = 0;
  for (size_t k = 0; k < s->padded / LANES; k++) {
    if (!(s->least[k] < bound)) continue;
    if (count + LANES > PF_FOUND) return PF_FOUND;
    size_t first = k / LANES * PF_GROUP + k % LANES;
    for (size_t j = first; j < first + PF_GROUP; j += LANES) {
      found[count] = (uint32_t)j;
      count += s->reduced[j] < bound;
    }
  }
  return count;
}

/* Adds columns at `bound` itself, so that ties cannot starve a list. */
static size_t add_ties(const pf_assignment_solver *s, double bound, uint32_t *found, size_t count) {
  for (size_t j = 0; j < s->n && count < PF_LIST_MOST; j++)
    if (s->reduced[j] == bound) found[count++] = (uint32_t)j;
  return count;
}

/* By selection among the lane minima: there is no list to go by, or its reach no longer fits. */
static size_t gather_by_order(pf_assignment_solver *s, double *bound) {
  size_t sets = s->padded / LANES, nth = sets < PF_LIST_LEAST ? sets : PF_LIST_LEAST;
  memcpy(s->order, s->least, sets * sizeof *s->order);
  *bound = select_kth(s->order, sets, nth - 1);
  size_t count = gather(s, *bound, s->found);
  return count < PF_LIST_SHORT ? add_ties(s, *bound, s->found, count) : count;
}

/* Keeps PF_LIST_MOST of the columns found, the lowest. */
static size_t trim(pf_assignment_solver *s, size_t count, double *bound) {
  size_t kept = 0;
  for (size_t k = 0; k < count; k++) s->order[k] = s->reduced[s->found[k]];
  *bound = select_kth(s->order, count, PF_LIST_MOST);
  for (size_t k = 0; k < count; k++)
    if (s->reduced[s->found[k]] < *bound) s->found[kept++] = s->found[k];
  return add_ties(s, *bound, s->found, kept);
}

void pf_candidates_fill(pf_assignment_solver *s, size_t i) {
  double lowest = reduce_row(pf_cost_row(s, i), s->v, s->padded, s->reduced, s->least);
  double bound = lowest + s->reach[i];
  size_t count = s->reach[i] > 0 ? gather(s, bound, s->found) : 0;
  if (count < PF_LIST_SHORT || count > 2 * PF_LIST_MOST) count = gather_by_order(s, &bound);
  if (count > PF_LIST_MOST) count = trim(s, count, &bound);
  pf_candidate *list = s->list + i * PF_LIST_MOST;
  for (size_t k = 0; k < count; k++) list[k] = (pf_candidate){s->row[s->found[k]], s->found[k]};
  s->listed[i] = (uint32_t)count;
  s->bound[i] = bound;
  s->reach[i] = (count < PF_LIST_LEAST ? 1.5 : 1) * (bound - lowest);
}

/* ---- asking it ---- */

/* Keeps the two smallest values offered; ties go to the lower column. */
static void offer(pf_two_least *least, double value, int64_t column) {
  if (value < least->first || (value == least->first && column < least->first_column)) {
    least->second = least->first;
    least->second_column = least->first_column;
    least->first = value;
    least->first_column = column;
  } else if (value < least->second) {
    least->second = value;
    least->second_column = column;
  }
}

pf_two_least pf_candidates_two(pf_assignment_solver *s, size_t i) {
  for (int attempt = 0;; attempt++) {
    pf_two_least least = {INFINITY, INFINITY, -1, -1};
    const pf_candidate *list = s->list + i * PF_LIST_MOST, *end = list + s->listed[i];
    for (; list < end; list++) {
      double r = list->cost - s->v[list->column];
      if (r <= least.second) offer(&least, r, list->column);
    }
    if (least.second <= s->bound[i] || attempt > 0) return least;
    pf_candidates_fill(s, i);
  }
}

/* ---- set-up ---- */

pf_status pf_candidates_open(pf_assignment_solver *s, pf_error *error) {
  size_t sets = s->padded / LANES;
  PF_TRY(pf_alloc(s->padded, sizeof *s->row, &s->row, error));
  PF_TRY(pf_alloc(s->padded, sizeof *s->v, &s->v, error));
  PF_TRY(pf_alloc(s->padded, sizeof *s->row_of, &s->row_of, error));
  PF_TRY(pf_alloc(s->padded, sizeof *s->col_of, &s->col_of, error));
  PF_TRY(pf_alloc(s->padded, sizeof *s->free_rows, &s->free_rows, error));
  PF_TRY(pf_alloc(s->n * PF_LIST_MOST, sizeof *s->list, &s->list, error));
  PF_TRY(pf_alloc(s->n, sizeof *s->listed, &s->listed, error));
  PF_TRY(pf_alloc(s->n, sizeof *s->bound, &s->bound, error));
  PF_TRY(pf_alloc(s->padded, sizeof *s->reduced, &s->reduced, error));
  PF_TRY(pf_alloc(sets, sizeof *s->least, &s->least, error));
  PF_TRY(pf_alloc(sets + PF_FOUND, sizeof *s->order, &s->order, error));
  PF_TRY(pf_alloc(PF_FOUND, sizeof *s->found, &s->found, error));
  PF_TRY(pf_alloc(s->n, sizeof *s->reach, &s->reach, error));
  for (size_t i = 0; i < s->n; i++) s->bound[i] = -INFINITY; /* nothing known: filled when first asked */
  return PF_OK;
}

void pf_candidates_close(pf_assignment_solver *s) {
  pf_free(s->row);
  pf_free(s->v);
  pf_free(s->row_of);
  pf_free(s->col_of);
  pf_free(s->free_rows);
  pf_free(s->list);
  pf_free(s->listed);
  pf_free(s->bound);
  pf_free(s->reduced);
  pf_free(s->least);
  pf_free(s->order);
  pf_free(s->found);
  pf_free(s->reach);
}
