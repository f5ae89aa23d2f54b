/* Studies: what a method's theory says about errors and rates, measured at length.
 *
 * An experiment is a table entry: its words, its cells, how one cell is measured and what is concluded from all of them. Cells
 * are independent and each is a pure function of (seed, experiment, cell), so they run on as many threads as there are, in any
 * order, and a journal (journal.h) lets a killed run go on. What is measured lies in methods, verify and below; the engine
 * (run.c) knows none of it.
 *
 * A claim's band is part of the entry: it stands before the run. A check holds when its whole 95 % interval lies in the band,
 * so an experiment that cannot decide does not hold.
 */
#ifndef PF_STUDY_STUDY_H
#define PF_STUDY_STUDY_H

#include "../base/status.h"
#include "slope.h"

/* ---- entries ---- */

typedef struct pf_cell_text {
  char key[PF_STUDY_WORDS]; /* unique in its experiment */
  double cost;              /* about how many seconds on one core; longest first, and for the ETA */
} pf_cell_text;

/* One cell under way, on one thread. */
typedef struct pf_cell_run {
  int cell;
  uint64_t seed;  /* of the study: common random numbers between cells */
  uint64_t draw;  /* of this cell alone, below 2^53 */
  pf_hooks hooks; /* for what is run inside: to be stopped and to show life */
} pf_cell_run;

enum { PF_STUDY_VALUES = 24 };

typedef struct pf_experiment_plan {
  const char *name, *title, *claim, *source, *protocol, *band;
  const char *const *value_names; /* n_values of them, at most PF_STUDY_VALUES */
  int n_values, n_cells;
  void (*describe)(int cell, pf_cell_text *out);
  /* values come as NaN; what stays NaN is undefined in this cell */
  pf_status (*measure)(const pf_cell_run *run, double *values, pf_error *error);
  /* Adds checks and charts from experiment->cells, all of which are measured. */
  pf_status (*conclude)(pf_experiment *experiment, pf_error *error);
} pf_experiment_plan;

typedef struct pf_study_plan {
  const char *method, *title;
  const pf_experiment_plan *const *experiments; /* `count` */
  int count;
} pf_study_plan;

#define PF_STUDY(NAME, name, plan) extern const pf_study_plan plan;
#include "studies.def"
#undef PF_STUDY

/* NULL when there are no more. */
const pf_study_plan *pf_study_plan_at(int index);
/* PF_USAGE listing the valid names. */
pf_status pf_study_plan_find(const char *method, const pf_study_plan **out, pf_error *error);

/* Runs a plan: pf_study_run without the look-up. */
pf_status pf_study_execute(const pf_study_plan *plan, const pf_study_options *options, pf_study *out,
                           pf_error *error);

/* ---- what `conclude` writes ---- */

/* least <= low and high <= most; open where infinite. */
typedef struct pf_band {
  double least, most;
} pf_band;

pf_status pf_conclude_check(pf_experiment *experiment, pf_estimate estimate, pf_band band, pf_error *error,
                            const char *format, ...) __attribute__((format(printf, 5, 6)));

/* A chart without series; it may be looked up again as experiment->charts[experiment->n_charts - 1]. */
typedef struct pf_chart_head {
  const char *name, *x_name, *y_name;
  bool log_x, log_y;
} pf_chart_head;
pf_status pf_conclude_chart(pf_experiment *experiment, pf_chart_head head, pf_error *error);
/* The rest adds to the newest chart. A new series of the given points, copied. */
typedef struct pf_series_head {
  pf_study_mark mark;
  const pf_study_point *points;
  int count;
} pf_series_head;
pf_status pf_conclude_series(pf_experiment *experiment, pf_series_head head, pf_error *error,
                             const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The line y = factor x^slope through the ends of [from, to], dashed. */
typedef struct pf_power_law {
  double factor, slope, from, to;
} pf_power_law;
pf_status pf_conclude_power(pf_experiment *experiment, pf_power_law law, pf_error *error, const char *format,
                            ...) __attribute__((format(printf, 4, 5)));

/* A point whose y is the mean of `values` with its interval; without one when there is a single value. */
pf_study_point pf_point_of(double x, const double *values, int count);
pf_study_point pf_bare_point(double x, double y);

#endif
