/* Inside the assignment: shortest augmenting paths. */
#ifndef PF_OT_SEARCH_H
#define PF_OT_SEARCH_H

#include "ot/candidates.h"

/* A column, or a row whose unlisted columns come into reach, with the least label it can have. */
typedef struct pf_search_event {
  double label;
  int64_t what; /* column, or ~row */
} pf_search_event;

typedef struct pf_search {
  pf_assignment_solver *s;
  double *dist;      /* padded: labels; +inf unreached, -inf scanned */
  double *offset;    /* n: h of a scanned row */
  int64_t *pred;     /* padded: row before a column on the shortest path */
  uint32_t *touched; /* columns with a label */
  uint32_t *scanned; /* columns in the order of scanning, with their final labels */
  double *reached;
  size_t touched_count, scanned_count;
  pf_search_event *heap; /* grows */
  size_t count, capacity;
  double best; /* least label of a free column */
  int64_t end; /* that column */
} pf_search;

pf_status pf_search_open(pf_search *search, pf_assignment_solver *s, pf_error *error);
void pf_search_close(pf_search *search);

/* Shortest path from a free row to a free column: flips it and lowers the duals of the scanned columns. */
pf_status pf_search_augment(pf_search *search, int64_t start, pf_error *error);

#endif
