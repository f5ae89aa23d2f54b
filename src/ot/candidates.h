/* Inside the assignment: the problem being solved and, for each row, a short list of its cheapest columns. */
#ifndef PF_OT_CANDIDATES_H
#define PF_OT_CANDIDATES_H

#include <stdint.h>
#include "ot/points.h"

/* Columns are padded to a multiple of PF_GROUP. A list is filled with about PF_LIST_LEAST to PF_LIST_MOST columns. */
enum {
  PF_GROUP = 64,
  PF_LIST_SHORT = 10,
  PF_LIST_LEAST = 20,
  PF_LIST_MOST = 32,
  PF_FOUND = 8 * PF_LIST_LEAST + PF_GROUP
};

/* A column of a row's list, with its cost. */
typedef struct pf_candidate {
  double cost;
  uint32_t column;
} pf_candidate;

/* One problem being solved. Column arrays have `padded` entries; past n, v is -inf.
 *
 * Duals v only ever fall, so that c - v only grows. A list filled with every column whose c - v lay below `bound`
 * therefore stays good for ever in one sense: all other columns are still at `bound` or above. */
typedef struct pf_assignment_solver {
  size_t n, padded;
  const double *matrix; /* n x n costs; NULL: from points */
  pf_points x;
  const double *y; /* d x padded: coordinates of the columns */
  int power;
  double *row;              /* padded: the last cost row asked for */
  double *v;                /* column duals */
  int64_t *row_of, *col_of; /* the assignment, -1 = free */
  int64_t *free_rows;
  size_t free_count;
  pf_candidate *list; /* n x PF_LIST_MOST */
  uint32_t *listed;   /* n: how many */
  double *bound;      /* n; +inf: all columns are listed */
  double *reduced;    /* padded: c - v of the row filled last */
  double *least;      /* padded / 8: entry 8 g + l is the least of reduced[64 g + l + 8 t], t < 8 */
  double *order;      /* padded / 8 + PF_FOUND: scratch of selections */
  double *reach;      /* n: how far over its least a row's list should go */
  uint32_t *found;    /* PF_FOUND: scratch of a refill */
} pf_assignment_solver;

/* Smallest and second smallest of c - v, with their columns. */
typedef struct pf_two_least {
  double first, second;
  int64_t first_column, second_column;
} pf_two_least;

pf_status pf_candidates_open(pf_assignment_solver *s, pf_error *error);
void pf_candidates_close(pf_assignment_solver *s);

/* Costs of row i, padded; valid until the next call. */
const double *pf_cost_row(pf_assignment_solver *s, size_t i);
/* One of them, to the same bits. */
double pf_cost_of(const pf_assignment_solver *s, size_t i, size_t j);

/* Fills row i's list at the present duals; leaves its reduced costs in s->reduced and s->least. */
void pf_candidates_fill(pf_assignment_solver *s, size_t i);

/* The two least of c - v in row i, ties to the lower column. */
pf_two_least pf_candidates_two(pf_assignment_solver *s, size_t i);

#endif
