/* Inside the assignment: the problem being solved, and the auction that finds duals to start its searches from. */
#ifndef PF_OT_AUCTION_H
#define PF_OT_AUCTION_H

#include "ot/points.h"

enum { PF_AUCTION_LANES = 16 }; /* columns are padded to a multiple of it */

/* What the auction reads instead of the points: bids need no more than single precision. */
typedef struct pf_float_costs {
  float *x, *y; /* n x d rows; d x padded columns */
  float *price; /* padded: v of the running round */
  float *row;   /* padded */
} pf_float_costs;

/* One problem being solved. Column arrays have `padded` entries. */
typedef struct pf_assignment_solver {
  size_t n, padded;
  const double *matrix; /* rows of costs, `stride` apart; NULL: from points */
  size_t stride;
  pf_points x;
  const double *y; /* d x padded: coordinates of the columns */
  int power;
  double *row;              /* padded: the last cost row asked for */
  double *v, *w, *dist;     /* duals, their copy during a search, labels */
  double *reached;          /* final label of each scanned column */
  int64_t *pred;            /* row before a column on the shortest path */
  uint32_t *scanned;        /* columns in the order of scanning */
  int64_t *row_of, *col_of; /* the assignment, -1 = free */
  int64_t *free_rows;
  size_t free_count;
  pf_float_costs narrow; /* empty with a matrix */
} pf_assignment_solver;

/* Smallest and second smallest of c - v, with their columns. */
typedef struct pf_two_least {
  double first, second;
  int64_t first_column, second_column;
} pf_two_least;

/* Keeps the two smallest values offered; ties go to the lower column. */
static inline void pf_offer_least(pf_two_least *least, double value, int64_t column) {
  if (value < least->first || (value == least->first && column < least->first_column)) {
    least->second = least->first;
    least->second_column = least->first_column;
    least->first = value;
    least->first_column = column;
  } else if (value < least->second || (value == least->second && column < least->second_column)) {
    least->second = value;
    least->second_column = column;
  }
}

/* Costs of row i, padded; valid until the next call. */
const double *pf_cost_row(pf_assignment_solver *s, size_t i);
/* Two smallest of c - v over padded columns. */
pf_two_least pf_least_two(const double *c, const double *v, size_t padded);

/* Single-precision copies of the points; nothing is needed for a matrix. */
pf_status pf_auction_open(pf_assignment_solver *s, pf_error *error);
void pf_auction_close(pf_assignment_solver *s);

/* Duals by auction rounds with falling eps (Bertsekas, Annals of OR 14 (1988)): they need not be optimal, but
 * start the searches near the optimum. Without them a cloud opposite a much narrower or shifted one takes 10
 * times as long. The last eps, .03 / n of the spread of reduced costs, balances bids against searches. Single
 * precision serves while eps stands above its rounding. */
void pf_auction_duals(pf_assignment_solver *s);

#endif
