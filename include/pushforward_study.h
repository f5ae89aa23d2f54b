/* pushforward: studies, the long experiments behind a method's theory. Part of pushforward.h.
 *
 * A study is a list of experiments. An experiment states a claim, measures it in independent cells (a size and a seed each),
 * and concludes: numbers with 95 % intervals held against bands that were fixed beforehand, and charts.
 */
#ifndef PUSHFORWARD_STUDY_H
#define PUSHFORWARD_STUDY_H

#include "pushforward.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum { PF_STUDY_WORDS = 96 };

/* A measured number. It holds when its whole interval lies in the band: least <= low and high <= most; a NaN never holds.
 * Where the band is open on both sides nothing is claimed: the number is reported, pf_study_claims is false, and `holds` says
 * nothing. */
typedef struct pf_study_check {
  char name[PF_STUDY_WORDS];
  double value, low, high; /* 95 % interval; low = high = value where nothing was estimated */
  double least, most;      /* the band; infinite: open on that side */
  bool holds;
} pf_study_check;

/* low and high are NaN where there is no interval. */
typedef struct pf_study_point {
  double x, y, low, high;
} pf_study_point;

typedef enum pf_study_mark {
  PF_STUDY_LINE,      /* points joined by a line, with whiskers */
  PF_STUDY_POINTS,    /* points alone */
  PF_STUDY_REFERENCE, /* a dashed line: what theory says */
  PF_STUDY_STACK      /* an area on top of the stacks before it, all at the same x */
} pf_study_mark;

typedef struct pf_study_series {
  char name[PF_STUDY_WORDS];
  pf_study_mark mark;
  int count;
  pf_study_point *points;
} pf_study_series;

typedef struct pf_study_chart {
  char name[PF_STUDY_WORDS], x_name[PF_STUDY_WORDS], y_name[PF_STUDY_WORDS];
  bool log_x, log_y;
  int count;
  pf_study_series *series;
} pf_study_chart;

/* One cell: what it is ("d=2 n=1000 #1") and its numbers, NaN where one is undefined. */
typedef struct pf_study_cell {
  char key[PF_STUDY_WORDS];
  double *values; /* pf_experiment.n_values */
} pf_study_cell;

typedef struct pf_experiment {
  const char *name;     /* "error-in-n" */
  const char *title;    /* "Error against the number of data" */
  const char *claim;    /* in plain words */
  const char *source;   /* paper and place, or "derived" */
  const char *protocol; /* what is measured and how */
  const char *band;     /* the bands, and how they were chosen */
  const char *const *value_names;
  int n_values, n_cells, n_checks, n_charts;
  pf_study_cell *cells;
  pf_study_check *checks;
  pf_study_chart *charts;
} pf_experiment;

/* Empty it with pf_study_clear. */
typedef struct pf_study {
  const char *method, *title;
  uint64_t seed;
  int count;
  pf_experiment *experiments;
} pf_study;

typedef struct pf_study_options {
  uint64_t seed;
  int threads;      /* cells measured at once; 0: all cores. Never changes a result */
  const char *only; /* names of experiments, comma separated; NULL: all of them */
  const char
      *journal; /* file that keeps finished cells; yours to remove once the study is saved. NULL: none */
  bool resume;  /* go on from the journal when it exists; otherwise an existing one is PF_BAD_INPUT */
  pf_hooks hooks;
} pf_study_options;

/* Whether the check's band can be missed. */
bool pf_study_claims(const pf_study_check *check);

/* seed 1, all cores, everything, no journal */
pf_study_options pf_study_options_default(void);

/* i-th method that has a study, false when there are no more; i-th experiment of a method's study. */
bool pf_study_entry(int i, pf_entry *out);
bool pf_experiment_entry(const char *method, int i, pf_entry *out);

/* Runs a method's study. The same seed gives the same numbers on the same instruction-set class, whatever was resumed and
 * however many threads there are. PF_OK also when a check does not hold. PF_STOPPED keeps the journal; PF_USAGE for an unknown
 * method or experiment; PF_BAD_INPUT for a journal of another study, seed or version. */
pf_status pf_study_run(const char *method, const pf_study_options *options, pf_study *out, pf_error *error);
void pf_study_clear(pf_study *study);

/* The study as one JSON object: the same bytes for the same numbers. pf_string_free. */
pf_status pf_study_json(const pf_study *study, char **json, pf_error *error);
/* `json` as a file, whole or not at all. */
pf_status pf_study_save(const pf_study *study, const char *path, pf_error *error);
/* One self-contained HTML page; `command` is shown on it and may be NULL. */
pf_status pf_study_page(const pf_study *study, const char *command, const char *path, pf_error *error);
/* Every chart as FOLDER/METHOD-EXPERIMENT[-K].svg; the folder must exist. */
pf_status pf_study_charts(const pf_study *study, const char *folder, pf_error *error);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
