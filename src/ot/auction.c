/* Auction rounds of the assignment: see auction.h. Every constant here moves the time and not the answer; they were
 * chosen on two samples of one planar law, on a shifted narrow Gaussian, and on both in 16 dimensions. */
#include "ot/auction.h"

/* Rounds: eps falls by FACTOR; a round may take WAR bids a row; a first round from warm duals gives up after TRIAL. */
enum { SAMPLED = 128, FACTOR = 6, WAR = 60, TRIAL = 2 };

static double largest_reduced(const double *c, const double *v, size_t n, double largest) {
  for (size_t j = 0; j < n; j++)
    if (c[j] - v[j] > largest) largest = c[j] - v[j];
  return largest;
}

/* One auction round: rows bid for their cheapest column, overbidding the second cheapest by eps. Prices (v)
 * persist from round to round. False when the round ends early, after `budget` bids: a war over too few columns. */
static bool auction(pf_assignment_solver *s, double eps, size_t budget) {
  size_t count = 0;
  for (size_t i = s->n; i-- > 0;) {
    s->col_of[i] = s->row_of[i] = -1;
    s->free_rows[count++] = (int64_t)i;
  }
  while (count > 0 && budget-- > 0) {
    int64_t i = s->free_rows[--count];
    pf_two_least least = pf_candidates_two(s, (size_t)i);
    int64_t j = least.first_column, evicted = s->row_of[j];
    s->v[j] -= least.second - least.first + eps;
    s->row_of[j] = i;
    if (evicted >= 0) s->free_rows[count++] = evicted;
  }
  return count == 0;
}

/* How far over a row's cheapest column its list reaches, on average: the scale on which rows compete. */
static double usual_reach(pf_assignment_solver *s) {
  double sum = 0, count = 0;
  for (size_t i = 0; i < s->n; i += 1 + s->n / SAMPLED) {
    pf_candidates_fill(s, i);
    sum += s->reach[i];
    count++;
  }
  return sum / count;
}

static double spread(pf_assignment_solver *s) {
  double largest = 0;
  for (size_t i = 0; i < s->n; i += 1 + s->n / SAMPLED)
    largest = largest_reduced(pf_cost_row(s, i), s->v, s->n, largest);
  return largest;
}

void pf_auction_duals(pf_assignment_solver *s, bool warm) {
  if (s->n < 2) return;
  double widest = .1 * spread(s), eps = widest, last = .03 * widest / (double)s->n;
  const double scale = warm ? usual_reach(s) : 0; /* 0 among ties too: they say nothing of a scale */
  if (scale > 0) {
    eps = 5 * scale;
    last = .016 * scale;
  }
  /* a war at the first eps means that masses far apart do not balance yet: wider steps settle it sooner */
  while (!auction(s, eps, TRIAL * s->n) && eps < widest) eps *= FACTOR;
  for (; eps > last && eps > 0; eps /= FACTOR) auction(s, eps, WAR * s->n);
}
