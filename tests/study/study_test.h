/* An experiment with values made up by a test, concluded. */
#ifndef TESTS_STUDY_TEST_H
#define TESTS_STUDY_TEST_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "study/study.h"

/* Fills a cell's values, n_values of them, which come as NaN. */
typedef void fill_cell(int cell, double *values);

/* Free with drop_experiment. */
static inline pf_experiment concluded(const pf_experiment_plan *plan, fill_cell *fill) {
  pf_experiment e = {.name = plan->name, .n_values = plan->n_values, .n_cells = plan->n_cells};
  e.cells = calloc((size_t)plan->n_cells, sizeof *e.cells);
  for (int i = 0; i < plan->n_cells; i++) {
    e.cells[i].values = malloc((size_t)plan->n_values * sizeof(double));
    for (int v = 0; v < plan->n_values; v++) e.cells[i].values[v] = NAN;
    fill(i, e.cells[i].values);
  }
  assert_int_equal(plan->conclude(&e, NULL), PF_OK);
  assert_true(e.n_checks > 0 && e.n_charts > 0);
  return e;
}

/* Checks whose name contains `part` (all of them with "") that do not hold. */
static inline int broken(const pf_experiment *e, const char *part) {
  int count = 0, seen = 0;
  for (int i = 0; i < e->n_checks; i++) {
    if (!strstr(e->checks[i].name, part)) continue;
    seen++;
    count += !e->checks[i].holds;
  }
  assert_true(seen > 0);
  return count;
}

static inline void drop_experiment(pf_experiment *e) {
  pf_study study = {.count = 1};
  for (int i = 0; i < e->n_cells; i++) free(e->cells[i].values);
  free(e->cells);
  e->cells = NULL;
  e->n_cells = 0;
  study.experiments = NULL; /* charts and checks are the library's: hand them to an owner of its kind */
  if (pf_alloc(1, sizeof *e, &study.experiments, NULL) != PF_OK) abort();
  study.experiments[0] = *e;
  pf_study_clear(&study);
}

/* Measures one cell; NaN where it is undefined. */
static inline void measured_cell(const pf_experiment_plan *plan, int cell, double *values) {
  pf_cell_run run = {.cell = cell, .seed = 1, .draw = 77};
  for (int v = 0; v < plan->n_values; v++) values[v] = NAN;
  assert_int_equal(plan->measure(&run, values, NULL), PF_OK);
}

#endif
