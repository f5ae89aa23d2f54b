/* Exact linear assignment by shortest augmenting paths.
 *
 *   minimise sum_i c(i, s(i)) over permutations s; the duals u (rows), v (columns) stay feasible,
 *   u_i + v_j <= c(i,j), with equality on assigned pairs.
 *
 * Jonker and Volgenant, Computing 38 (1987): column reduction, reduction transfer, augmenting row reduction,
 * then one Dijkstra search per row that is still free; auction.h finds the duals to start from. Here the searches
 * scan whole rows eight columns at a time instead of keeping lists of columns: a scanned column gets the dual -inf
 * (so no path returns to it), padding likewise. Lanes are merged in a fixed order, so ties break the same way on
 * every processor.
 *
 *   c  cost row, v column duals, r = c - v reduced row, dist/pred Dijkstra labels, h the scanned row's
 * offset. */
#include "ot/assignment.h"

#include <math.h>
#include <string.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "ot/auction.h"

enum { LANES = 8, DIRECT_COLUMNS = 8 };

typedef double lanes_f __attribute__((vector_size(64), aligned(8), may_alias));
typedef int64_t lanes_i __attribute__((vector_size(64), aligned(8), may_alias));

/* Macros, because passing a 64-byte vector to a function has no ABI on the baseline. */
#define PICK(mask, yes, no)       ((lanes_f)(((lanes_i)(yes) & (mask)) | ((lanes_i)(no) & ~(mask))))
#define PICK_INDEX(mask, yes, no) (((yes) & (mask)) | ((no) & ~(mask)))
#define ALL(value)                ((lanes_f){0} + (value))
#define ALL_INDEX(value)          ((lanes_i){0} + (value))

static const lanes_i first_lanes = {0, 1, 2, 3, 4, 5, 6, 7};

/* ---- cost rows ---- */

PF_MULTIVERSION
static void root_row(double *row, size_t n) {
  for (size_t j = 0; j < n; j++) row[j] = sqrt(row[j]);
}

static void points_row(const pf_assignment_solver *s, size_t i, double *out) {
  pf_squared_row(s->x.rows + i * s->x.d, s->x.d, s->y, s->padded, s->padded, out);
  if (s->power == 1) root_row(out, s->padded);
}

const double *pf_cost_row(pf_assignment_solver *s, size_t i) {
  if (s->matrix == NULL) {
    points_row(s, i, s->row);
    return s->row;
  }
  if (s->stride == s->padded) return s->matrix + i * s->stride;
  memcpy(s->row, s->matrix + i * s->stride, s->n * sizeof *s->row);
  return s->row;
}

/* ---- scans ---- */

PF_MULTIVERSION
pf_two_least pf_least_two(const double *c, const double *v, size_t padded) {
  lanes_f m1 = ALL(INFINITY), m2 = ALL(INFINITY);
  lanes_i j1 = ALL_INDEX(0), j2 = ALL_INDEX(0), j = first_lanes;
  for (size_t k = 0; k < padded; k += LANES) {
    lanes_f r = *(const lanes_f *)(c + k) - *(const lanes_f *)(v + k);
    lanes_i below = r < m1;
    lanes_f loser = PICK(below, m1, r);
    lanes_i loser_j = PICK_INDEX(below, j1, j);
    lanes_i below_second = loser < m2;
    m2 = PICK(below_second, loser, m2);
    j2 = PICK_INDEX(below_second, loser_j, j2);
    m1 = PICK(below, r, m1);
    j1 = PICK_INDEX(below, j, j1);
    j += LANES;
  }
  pf_two_least least = {INFINITY, INFINITY, -1, -1};
  for (int l = 0; l < LANES; l++) pf_offer_least(&least, m1[l], j1[l]);
  for (int l = 0; l < LANES; l++) pf_offer_least(&least, m2[l], j2[l]);
  return least;
}

/* One Dijkstra step: relaxes every column through row i and returns the nearest column not yet scanned. */
PF_MULTIVERSION
static int64_t relax(const double *c, const double *w, double h, int64_t i, double *dist, int64_t *pred,
                     size_t padded) {
  lanes_f least = ALL(INFINITY), offset = ALL(h);
  lanes_i column = ALL_INDEX(0), j = first_lanes, row = ALL_INDEX(i);
  for (size_t k = 0; k < padded; k += LANES) {
    lanes_f label = *(lanes_f *)(dist + k);
    lanes_f r = *(const lanes_f *)(c + k) - *(const lanes_f *)(w + k) - offset;
    lanes_i shorter = r < label;
    label = PICK(shorter, r, label);
    *(lanes_f *)(dist + k) = label;
    *(lanes_i *)(pred + k) = PICK_INDEX(shorter, row, *(lanes_i *)(pred + k));
    lanes_i below = label < least;
    least = PICK(below, label, least);
    column = PICK_INDEX(below, j, column);
    j += LANES;
  }
  double best = INFINITY;
  int64_t nearest = -1;
  for (int l = 0; l < LANES; l++)
    if (least[l] < best || (least[l] == best && nearest >= 0 && column[l] < nearest)) {
      best = least[l];
      nearest = column[l];
    }
  return nearest;
}

/* Lowers the column minima by a row; NaN is added to `poison` when one of its costs is not finite. */
PF_MULTIVERSION
static double least_columns(const double *c, double *least, size_t padded, double poison) {
  lanes_f sum = ALL(0);
  for (size_t k = 0; k < padded; k += LANES) {
    lanes_f cost = *(const lanes_f *)(c + k), old = *(lanes_f *)(least + k);
    sum += cost - cost;
    *(lanes_f *)(least + k) = PICK(cost < old, cost, old);
  }
  for (int l = 0; l < LANES; l++) poison += sum[l];
  return poison;
}

/* Least reduced cost c - u - v of a row; `size` grows to the largest |c|. */
PF_MULTIVERSION
static double least_reduced(const double *c, const double *v, double u, size_t padded, double *size) {
  lanes_f least = ALL(INFINITY), largest = ALL(*size), dual = ALL(u);
  for (size_t k = 0; k < padded; k += LANES) {
    lanes_f cost = *(const lanes_f *)(c + k);
    lanes_f r = cost - *(const lanes_f *)(v + k) - dual;
    least = PICK(r < least, r, least);
    largest = PICK(cost > largest, cost, largest);
    largest = PICK(-cost > largest, -cost, largest);
  }
  double best = INFINITY;
  for (int l = 0; l < LANES; l++) {
    if (least[l] < best) best = least[l];
    if (largest[l] > *size) *size = largest[l];
  }
  return best;
}

/* ---- phases ---- */

static pf_status reduce_columns(pf_assignment_solver *s, pf_error *error) {
  double poison = 0;
  for (size_t j = 0; j < s->padded; j++) s->v[j] = INFINITY;
  for (size_t i = 0; i < s->n; i++) poison = least_columns(pf_cost_row(s, i), s->v, s->padded, poison);
  if (!(poison == 0)) return pf_fail(error, PF_NON_FINITE, "a cost of the assignment is NaN or infinite");
  for (size_t j = s->n; j < s->padded; j++) s->v[j] = -INFINITY;
  return PF_OK;
}

/* Every row takes its cheapest column while that is free: exact complementary slackness for any duals. */
static void assign_tight(pf_assignment_solver *s) {
  s->free_count = 0;
  for (size_t i = 0; i < s->n; i++) s->col_of[i] = s->row_of[i] = -1;
  for (size_t i = 0; i < s->n; i++) {
    int64_t j = pf_least_two(pf_cost_row(s, i), s->v, s->padded).first_column;
    if (s->row_of[j] < 0) {
      s->row_of[j] = (int64_t)i;
      s->col_of[i] = j;
    } else {
      s->free_rows[s->free_count++] = (int64_t)i;
    }
  }
}

/* Alternating row reductions without augmentation; at most `budget` rows are tried again: rounding can make
 * the exchange of a column between two rows arbitrarily long, and after the auction long exchanges cost more
 * than the searches they save. */
static void augment_by_rows(pf_assignment_solver *s, size_t budget) {
  size_t k = 0, count = s->free_count, kept = 0;
  while (k < count) {
    int64_t i = s->free_rows[k++];
    pf_two_least least = pf_least_two(pf_cost_row(s, (size_t)i), s->v, s->padded);
    int64_t j = least.first_column, evicted = s->row_of[j];
    double lowered = s->v[j] - (least.second - least.first);
    bool strict = s->n > 1 && lowered < s->v[j];
    if (strict) {
      s->v[j] = lowered;
    } else if (evicted >= 0 && least.second_column >= 0) {
      j = least.second_column;
      evicted = s->row_of[j];
    }
    s->col_of[i] = j;
    s->row_of[j] = i;
    if (evicted < 0) continue;
    s->col_of[evicted] = -1;
    if (strict && budget > 0) {
      budget--;
      s->free_rows[--k] = evicted;
    } else {
      s->free_rows[kept++] = evicted;
    }
  }
  s->free_count = kept;
}

/* Shortest path from a free row to a free column; flips it and updates the duals of the scanned columns. */
static void augment_by_path(pf_assignment_solver *s, int64_t start) {
  size_t count = 0;
  double h = 0, label = 0;
  int64_t i = start, end = -1;
  memcpy(s->w, s->v, s->padded * sizeof *s->w);
  for (size_t j = 0; j < s->padded; j++) s->dist[j] = INFINITY;
  for (;;) {
    const double *c = pf_cost_row(s, (size_t)i);
    if (end >= 0) h = c[end] - s->v[end] - label;
    end = relax(c, s->w, h, i, s->dist, s->pred, s->padded);
    label = s->dist[end];
    if (s->row_of[end] < 0) break;
    s->reached[count] = label;
    s->scanned[count++] = (uint32_t)end;
    i = s->row_of[end];
    s->w[end] = -INFINITY;
    s->dist[end] = INFINITY;
  }
  for (size_t k = 0; k < count; k++) s->v[s->scanned[k]] += s->reached[k] - label;
  do {
    i = s->pred[end];
    int64_t next = s->col_of[i];
    s->row_of[end] = i;
    s->col_of[i] = end;
    end = next;
  } while (i != start);
}

/* ---- certificate and set-up ---- */

/* Row duals, total and the certified gap: lifting every u by the least reduced cost (when negative) makes the
 * duals feasible, so the optimum is at least sum u + sum v + n * that. */
static pf_status certify(pf_assignment_solver *s, pf_assignment *out, pf_error *error) {
  double total = 0, size_of_total = 0, least = 0, size = 0;
  for (size_t i = 0; i < s->n; i++) {
    const double *c = pf_cost_row(s, i);
    int64_t j = s->col_of[i];
    double u = c[j] - s->v[j], reduced = least_reduced(c, s->v, u, s->padded, &size);
    if (!(reduced >= least)) least = reduced;
    out->row_dual[i] = u;
    out->column_dual[i] = s->v[i];
    out->column_of_row[i] = (uint32_t)j;
    total += c[j];
    size_of_total += fabs(c[j]);
  }
  out->n = s->n;
  out->total = total;
  out->gap = -least * (double)s->n;
  double tolerance = 1e-9 * size_of_total + 1e-14 * size * (double)s->n;
  if (!(out->gap <= tolerance) || !isfinite(total))
    return pf_fail(error, PF_FAILED, "assignment of %zu points: duals leave a gap of %g, total %g", s->n,
                   out->gap, total);
  return PF_OK;
}

static size_t padded_columns(size_t n) {
  return (n + PF_AUCTION_LANES - 1) / PF_AUCTION_LANES * PF_AUCTION_LANES;
}

static pf_status solver_open(pf_assignment_solver *s, pf_error *error) {
  s->padded = padded_columns(s->n);
  if (s->matrix == NULL) PF_TRY(pf_auction_open(s, error));
  PF_TRY(pf_alloc(s->padded, sizeof *s->row, &s->row, error));
  PF_TRY(pf_alloc(s->padded, sizeof *s->v, &s->v, error));
  PF_TRY(pf_alloc(s->padded, sizeof *s->w, &s->w, error));
  PF_TRY(pf_alloc(s->padded, sizeof *s->dist, &s->dist, error));
  PF_TRY(pf_alloc(s->padded, sizeof *s->reached, &s->reached, error));
  PF_TRY(pf_alloc(s->padded, sizeof *s->pred, &s->pred, error));
  PF_TRY(pf_alloc(s->padded, sizeof *s->scanned, &s->scanned, error));
  PF_TRY(pf_alloc(s->padded, sizeof *s->row_of, &s->row_of, error));
  PF_TRY(pf_alloc(s->padded, sizeof *s->col_of, &s->col_of, error));
  return pf_alloc(s->padded, sizeof *s->free_rows, &s->free_rows, error);
}

static void solver_close(pf_assignment_solver *s) {
  pf_free(s->row);
  pf_free(s->v);
  pf_free(s->w);
  pf_free(s->dist);
  pf_free(s->reached);
  pf_free(s->pred);
  pf_free(s->scanned);
  pf_free(s->row_of);
  pf_free(s->col_of);
  pf_free(s->free_rows);
  pf_auction_close(s);
}

static pf_status solve(pf_assignment_solver *s, pf_assignment *out, pf_error *error) {
  pf_assignment found = {0};
  pf_status status = PF_OK;
  PF_TRY_GOTO(pf_alloc(s->n, sizeof *found.column_of_row, &found.column_of_row, error));
  PF_TRY_GOTO(pf_alloc(s->n, sizeof *found.row_dual, &found.row_dual, error));
  PF_TRY_GOTO(pf_alloc(s->n, sizeof *found.column_dual, &found.column_dual, error));
  PF_TRY_GOTO(solver_open(s, error));
  PF_TRY_GOTO(reduce_columns(s, error));
  pf_auction_duals(s);
  assign_tight(s);
  for (int pass = 0; pass < 2; pass++) augment_by_rows(s, s->n);
  for (size_t k = 0; k < s->free_count; k++) augment_by_path(s, s->free_rows[k]);
  PF_TRY_GOTO(certify(s, &found, error));
  *out = found;
  found = (pf_assignment){0};
cleanup:
  pf_assignment_clear(&found);
  solver_close(s);
  return status;
}

static pf_status check_size(size_t n, pf_error *error) {
  if (n == 0 || n > PF_ASSIGNMENT_MAX)
    return pf_fail(error, PF_BAD_INPUT, "assignment of %zu points: the size is 1 to %d", n,
                   PF_ASSIGNMENT_MAX);
  return PF_OK;
}

pf_status pf_assignment_solve(const double *cost, size_t n, pf_assignment *out, pf_error *error) {
  PF_TRY(check_size(n, error));
  pf_assignment_solver s = {.n = n, .matrix = cost, .stride = n};
  return solve(&s, out, error);
}

/* Squared costs of clouds that are far apart are large and nearly separable, which costs digits and searches;
 * moving both means to 0 changes the costs by a term of i and a term of j alone: c = c' + 2 g.(x'_i - y'_j) +
 * |g|^2. */
static void center(double *rows, size_t n, size_t d, double *mean) {
  for (size_t k = 0; k < d; k++) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += rows[i * d + k] / (double)n;
    mean[k] = sum;
    for (size_t i = 0; i < n; i++) rows[i * d + k] -= sum;
  }
}

/* Undoes `center` in a solution: duals and total of the original costs. */
static void uncenter(pf_assignment *found, const double *x, const double *y, const double *shift, size_t d) {
  double square = 0;
  for (size_t k = 0; k < d; k++) square += shift[k] * shift[k];
  for (size_t i = 0; i < found->n; i++) {
    double of_row = square, of_column = 0;
    for (size_t k = 0; k < d; k++) {
      of_row += 2 * shift[k] * x[i * d + k];
      of_column -= 2 * shift[k] * y[i * d + k];
    }
    found->row_dual[i] += of_row;
    found->column_dual[i] += of_column;
  }
  found->total += square * (double)found->n;
}

pf_status pf_assignment_points(pf_points x, pf_points y, int power, pf_assignment *out, pf_error *error) {
  PF_TRY(pf_points_check_pair(x, y, error));
  PF_TRY(check_size(x.n, error));
  if (x.n != y.n)
    return pf_fail(error, PF_BAD_INPUT, "assignment of %zu points to %zu: equal numbers", x.n, y.n);
  if (power != 1 && power != 2) return pf_fail(error, PF_USAGE, "assignment: power %d, valid: 1, 2", power);
  size_t n = x.n, d = x.d, padded = padded_columns(n);
  double *copy_x = NULL, *copy_y = NULL, *columns = NULL, *matrix = NULL, *means = NULL;
  pf_status status = PF_OK;
  PF_TRY_GOTO(pf_alloc(n * d, sizeof *copy_x, &copy_x, error));
  PF_TRY_GOTO(pf_alloc(n * d, sizeof *copy_y, &copy_y, error));
  PF_TRY_GOTO(pf_alloc(2 * d, sizeof *means, &means, error));
  PF_TRY_GOTO(pf_alloc(padded * d, sizeof *columns, &columns, error));
  memcpy(copy_x, x.rows, n * d * sizeof *copy_x);
  memcpy(copy_y, y.rows, n * d * sizeof *copy_y);
  if (power == 2) {
    center(copy_x, n, d, means);
    center(copy_y, n, d, means + d);
    for (size_t k = 0; k < d; k++) means[k] -= means[d + k];
  }
  pf_points_transpose((pf_points){copy_y, n, d}, padded, columns);
  pf_assignment_solver s = {.n = n, .padded = padded, .x = {copy_x, n, d}, .y = columns, .power = power};
  if (d > DIRECT_COLUMNS) {
    PF_TRY_GOTO(pf_alloc(n * padded, sizeof *matrix, &matrix, error));
    for (size_t i = 0; i < n; i++) points_row(&s, i, matrix + i * padded);
    s.matrix = matrix;
    s.stride = padded;
  }
  PF_TRY_GOTO(solve(&s, out, error));
  if (power == 2) uncenter(out, copy_x, copy_y, means, d);
cleanup:
  pf_free(copy_x);
  pf_free(copy_y);
  pf_free(means);
  pf_free(columns);
  pf_free(matrix);
  return status;
}

void pf_assignment_clear(pf_assignment *assignment) {
  pf_free(assignment->column_of_row);
  pf_free(assignment->row_dual);
  pf_free(assignment->column_dual);
  *assignment = (pf_assignment){0};
}

pf_status pf_wasserstein(pf_points x, pf_points y, int power, double *out, pf_error *error) {
  pf_assignment found = {0};
  PF_TRY(pf_assignment_points(x, y, power, &found, error));
  /* From the pairs themselves, so that equal clouds give exactly 0. */
  double sum = 0;
  for (size_t i = 0; i < x.n; i++) {
    const double *a = x.rows + i * x.d, *b = y.rows + found.column_of_row[i] * y.d;
    double square = 0;
    for (size_t k = 0; k < x.d; k++) square += (a[k] - b[k]) * (a[k] - b[k]);
    sum += power == 2 ? square : sqrt(square);
  }
  pf_assignment_clear(&found);
  double mean = sum / (double)x.n;
  if (!isfinite(mean))
    return pf_fail(error, PF_NON_FINITE, "Wasserstein distance: the mean cost is %g", mean);
  *out = power == 2 ? sqrt(mean) : mean;
  return PF_OK;
}
