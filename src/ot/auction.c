/* Auction rounds of the assignment, in single precision while that serves: see auction.h. */
#include "ot/auction.h"

#include <float.h>
#include <math.h>

#include "base/cpu.h"
#include "base/memory.h"

typedef float float_lanes __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t float_mask __attribute__((vector_size(64), aligned(4), may_alias));

static double largest_reduced(const double *c, const double *v, size_t n) {
  double largest = 0;
  for (size_t j = 0; j < n; j++)
    if (c[j] - v[j] > largest) largest = c[j] - v[j];
  return largest;
}

/* Costs of row x (d) in single precision. */
PF_MULTIVERSION
static void float_row(const float *x, size_t d, int power, const float *y, size_t padded, float *out) {
  size_t first = d > 1 ? 2 : 1; /* the plane in one pass */
  const float *y1 = y + (first - 1) * padded;
  float x0 = x[0], x1 = d > 1 ? x[1] : y1[0];
  if (d == 1)
    for (size_t j = 0; j < padded; j++) out[j] = (x0 - y[j]) * (x0 - y[j]);
  else
    for (size_t j = 0; j < padded; j++) out[j] = (x0 - y[j]) * (x0 - y[j]) + (x1 - y1[j]) * (x1 - y1[j]);
  for (size_t k = first; k < d; k++) {
    const float *yk = y + k * padded;
    for (size_t j = 0; j < padded; j++) out[j] += (x[k] - yk[j]) * (x[k] - yk[j]);
  }
  if (power == 1)
    for (size_t j = 0; j < padded; j++) out[j] = sqrtf(out[j]);
}

#define PICK_FLOAT(mask, yes, no) ((float_lanes)(((float_mask)(yes) & (mask)) | ((float_mask)(no) & ~(mask))))

/* As pf_least_two, but the second column is not found. */
PF_MULTIVERSION
static pf_two_least least_two_float(const float *c, const float *v, size_t padded) {
  float_lanes m1 = (float_lanes){0} + INFINITY, m2 = m1;
  float_mask j1 = {0}, j = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  for (size_t k = 0; k < padded; k += PF_AUCTION_LANES) {
    float_lanes r = *(const float_lanes *)(c + k) - *(const float_lanes *)(v + k);
    float_mask below = r < m1;
    float_lanes loser = PICK_FLOAT(below, m1, r);
    m2 = PICK_FLOAT(loser < m2, loser, m2);
    m1 = PICK_FLOAT(below, r, m1);
    j1 = (j & below) | (j1 & ~below);
    j += PF_AUCTION_LANES;
  }
  pf_two_least least = {INFINITY, INFINITY, -1, -1};
  for (int l = 0; l < PF_AUCTION_LANES; l++) pf_offer_least(&least, m1[l], j1[l]);
  for (int l = 0; l < PF_AUCTION_LANES; l++) pf_offer_least(&least, m2[l], INT32_MAX);
  return least;
}

static pf_two_least bid(pf_assignment_solver *s, size_t i, bool in_float) {
  if (!in_float) return pf_least_two(pf_cost_row(s, i), s->v, s->padded);
  const pf_float_costs *f = &s->narrow;
  float_row(f->x + i * s->x.d, s->x.d, s->power, f->y, s->padded, f->row);
  return least_two_float(f->row, f->price, s->padded);
}

/* One auction round: rows bid for their cheapest column, overbidding the second cheapest by eps. Prices (v)
 * persist from round to round; the round ends early when bidding wars exceed 60 bids a row. */
static void auction(pf_assignment_solver *s, double eps, bool in_float) {
  size_t count = 0, budget = 60 * s->n;
  for (size_t i = s->n; i-- > 0;) {
    s->col_of[i] = s->row_of[i] = -1;
    s->free_rows[count++] = (int64_t)i;
  }
  for (size_t j = 0; in_float && j < s->padded; j++) s->narrow.price[j] = (float)s->v[j];
  while (count > 0 && budget-- > 0) {
    int64_t i = s->free_rows[--count];
    pf_two_least least = bid(s, (size_t)i, in_float);
    int64_t j = least.first_column, evicted = s->row_of[j];
    s->v[j] -= least.second - least.first + eps;
    if (in_float) s->narrow.price[j] = (float)s->v[j];
    s->row_of[j] = i;
    if (evicted >= 0) s->free_rows[count++] = evicted;
  }
}

void pf_auction_duals(pf_assignment_solver *s) {
  double spread = 0, size = 0;
  if (s->n < 2) return;
  for (size_t i = 0; i < s->n; i += 1 + s->n / 128) {
    const double *c = pf_cost_row(s, i);
    double largest = largest_reduced(c, s->v, s->n);
    if (largest > spread) spread = largest;
    for (size_t j = 0; j < s->n; j++)
      if (c[j] > size) size = c[j];
  }
  double last = .03 * spread / (double)s->n;
  for (double eps = .1 * spread; eps > last && eps > 0; eps /= 6)
    auction(s, eps, s->matrix == NULL && eps > 8 * (double)FLT_EPSILON * size && size < 1e30);
}

pf_status pf_auction_open(pf_assignment_solver *s, pf_error *error) {
  size_t d = s->x.d;
  pf_float_costs *f = &s->narrow;
  PF_TRY(pf_alloc(s->n * d, sizeof *f->x, &f->x, error));
  PF_TRY(pf_alloc(s->padded * d, sizeof *f->y, &f->y, error));
  PF_TRY(pf_alloc(s->padded, sizeof *f->price, &f->price, error));
  PF_TRY(pf_alloc(s->padded, sizeof *f->row, &f->row, error));
  for (size_t i = 0; i < s->n * d; i++) f->x[i] = (float)s->x.rows[i];
  for (size_t j = 0; j < s->padded * d; j++) f->y[j] = (float)s->y[j];
  return PF_OK;
}

void pf_auction_close(pf_assignment_solver *s) {
  pf_free(s->narrow.x);
  pf_free(s->narrow.y);
  pf_free(s->narrow.price);
  pf_free(s->narrow.row);
}
