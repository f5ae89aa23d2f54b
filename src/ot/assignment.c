/* Exact linear assignment by shortest augmenting paths.
 *
 *   minimise sum_i c(i, s(i)) over permutations s; the duals u (rows), v (columns) stay feasible,
 *   u_i + v_j <= c(i,j), with equality on assigned pairs.
 *
 * Jonker and Volgenant, Computing 38 (1987): column reduction, augmenting row reduction, then one Dijkstra search per
 * row that is still free (search.h). Large problems start from the duals of a quarter of the rows and columns, solved
 * the same way, and from auction rounds (auction.h). All of it asks short lists of cheap columns (candidates.h), which
 * never miss one. Everything is decided in double precision and in one order, so ties break the same way on every
 * processor.
 *
 *   c  cost row     v  column duals     u  row duals     r = c - v  reduced row */
#include "ot/assignment.h"

#include <math.h>
#include <string.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "ot/auction.h"
#include "ot/search.h"

enum { LANES = 4, DIRECT_COLUMNS = 8, COARSEN_FROM = 256, RATIO = 4 };

typedef double lanes_f __attribute__((vector_size(32), aligned(8), may_alias));
typedef int64_t lanes_i __attribute__((vector_size(32), aligned(8), may_alias));

/* Macros, because passing a vector to a function has no ABI on the baseline. */
#define PICK(mask, yes, no) ((lanes_f)(((lanes_i)(yes) & (mask)) | ((lanes_i)(no) & ~(mask))))
#define ALL(value)          ((lanes_f){0} + (value))

/* ---- scans ---- */

/* Lowers the column minima by a row; NaN is added to `poison` when one of its costs is not finite, or so large that sums
 * of a few thousand might not be. */
PF_MULTIVERSION
static double least_columns(const double *c, double *least, size_t padded, double poison) {
  const double LARGE = 1e8;
  lanes_f sum = ALL(0);
  for (size_t k = 0; k < padded; k += LANES) {
    lanes_f cost = *(const lanes_f *)(c + k), old = *(lanes_f *)(least + k);
    sum += cost * LARGE - cost * LARGE;
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

/* v = min(v, c - u). */
PF_MULTIVERSION
static void lower_columns(const double *c, double u, double *v, size_t n) {
  for (size_t j = 0; j < n; j++) v[j] = c[j] - u < v[j] ? c[j] - u : v[j];
}

/* ---- phases ---- */

static pf_status reduce_columns(pf_assignment_solver *s, pf_error *error) {
  double poison = 0;
  for (size_t j = 0; j < s->padded; j++) s->v[j] = INFINITY;
  for (size_t i = 0; i < s->n; i++) poison = least_columns(pf_cost_row(s, i), s->v, s->padded, poison);
  if (!(poison == 0))
    return pf_fail(error, PF_NON_FINITE, "a cost of the assignment is NaN, infinite or over 1e300");
  for (size_t j = s->n; j < s->padded; j++) s->v[j] = -INFINITY;
  return PF_OK;
}

/* Every row takes its cheapest column while that is free: exact complementary slackness for any duals. */
static void assign_tight(pf_assignment_solver *s) {
  s->free_count = 0;
  for (size_t i = 0; i < s->n; i++) s->col_of[i] = s->row_of[i] = -1;
  for (size_t i = 0; i < s->n; i++) {
    int64_t j = pf_candidates_two(s, i).first_column;
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
    pf_two_least least = pf_candidates_two(s, (size_t)i);
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

static size_t padded_columns(size_t n) { return (n + PF_GROUP - 1) / PF_GROUP * PF_GROUP; }

static pf_status augment_by_paths(pf_assignment_solver *s, pf_error *error) {
  pf_search search = {0};
  pf_status status = PF_OK;
  PF_TRY_GOTO(pf_search_open(&search, s, error));
  for (size_t k = 0; k < s->free_count; k++) PF_TRY_GOTO(pf_search_augment(&search, s->free_rows[k], error));
cleanup:
  pf_search_close(&search);
  return status;
}

static pf_status optimise(pf_assignment_solver *s, bool warm, pf_error *error) {
  pf_auction_duals(s, warm);
  assign_tight(s);
  for (int pass = 0; pass < 2; pass++) augment_by_rows(s, s->n);
  return augment_by_paths(s, error);
}

/* ---- coarse problem ---- */

/* Which of every RATIO rows or columns the coarse problem keeps: scattered, so that an order of the data with a
 * period is no trap. */
static size_t kept(size_t k) { return RATIO * k + (k * 2654435769u >> 13) % RATIO; }

static pf_status coarse_solver(pf_assignment_solver *s, pf_assignment_solver *c, double **memory,
                               pf_error *error) {
  size_t n = s->n / RATIO, d = s->x.d;
  *c = (pf_assignment_solver){.n = n, .padded = padded_columns(n), .power = s->power};
  if (s->matrix != NULL) {
    PF_TRY(pf_alloc(n * n, sizeof **memory, memory, error));
    for (size_t i = 0; i < n; i++)
      for (size_t j = 0; j < n; j++) (*memory)[i * n + j] = s->matrix[kept(i) * s->n + kept(j)];
    c->matrix = *memory;
    return PF_OK;
  }
  PF_TRY(pf_alloc(n * d + c->padded * d, sizeof **memory, memory, error));
  double *x = *memory, *y = x + n * d;
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < d; k++) {
      x[i * d + k] = s->x.rows[kept(i) * d + k];
      y[k * c->padded + i] = s->y[k * s->padded + kept(i)];
    }
  c->x = (pf_points){x, n, d};
  c->y = y;
  return PF_OK;
}

/* v_j = least c_ij - u_i over the coarse rows i, with the duals u of the coarse problem's solution. */
static pf_status coarse_duals(pf_assignment_solver *s, pf_error *error) {
  pf_assignment_solver c = {0};
  double *memory = NULL;
  pf_status status = PF_OK;
  PF_TRY_GOTO(coarse_solver(s, &c, &memory, error));
  PF_TRY_GOTO(pf_candidates_open(&c, error));
  PF_TRY_GOTO(reduce_columns(&c, error));
  if (c.n >= COARSEN_FROM) PF_TRY_GOTO(coarse_duals(&c, error));
  PF_TRY_GOTO(optimise(&c, c.n >= COARSEN_FROM, error));
  for (size_t j = 0; j < s->n; j++) s->v[j] = INFINITY;
  for (size_t i = 0; i < c.n; i++) {
    size_t j = (size_t)c.col_of[i];
    lower_columns(pf_cost_row(s, kept(i)), pf_cost_of(&c, i, j) - c.v[j], s->v, s->n);
  }
cleanup:
  pf_candidates_close(&c);
  pf_free(memory);
  return status;
}

static pf_status solve(pf_assignment_solver *s, pf_assignment *out, pf_error *error) {
  pf_assignment found = {0};
  pf_status status = PF_OK;
  PF_TRY_GOTO(pf_alloc(s->n, sizeof *found.column_of_row, &found.column_of_row, error));
  PF_TRY_GOTO(pf_alloc(s->n, sizeof *found.row_dual, &found.row_dual, error));
  PF_TRY_GOTO(pf_alloc(s->n, sizeof *found.column_dual, &found.column_dual, error));
  PF_TRY_GOTO(pf_candidates_open(s, error));
  PF_TRY_GOTO(reduce_columns(s, error));
  if (s->n >= COARSEN_FROM) PF_TRY_GOTO(coarse_duals(s, error));
  PF_TRY_GOTO(optimise(s, s->n >= COARSEN_FROM, error));
  PF_TRY_GOTO(certify(s, &found, error));
  *out = found;
  found = (pf_assignment){0};
cleanup:
  pf_assignment_clear(&found);
  pf_candidates_close(s);
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
  pf_assignment_solver s = {.n = n, .padded = padded_columns(n), .matrix = cost};
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
    PF_TRY_GOTO(pf_alloc(n * n, sizeof *matrix, &matrix, error));
    PF_TRY_GOTO(pf_alloc(padded, sizeof *s.row, &s.row, error));
    for (size_t i = 0; i < n; i++) memcpy(matrix + i * n, pf_cost_row(&s, i), n * sizeof *matrix);
    pf_free(s.row);
    s.row = NULL;
    s.matrix = matrix;
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
