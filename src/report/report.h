/* The report page: one self-contained HTML file (inline SVG and CSS, no scripts, nothing fetched) that shows
 * how well a model's samples match its data and what the remaining error is made of.
 *
 * The input is plain numbers and strings, filled by the api layer; nothing here trains, samples or measures.
 * Conventions of every struct below: a NaN (or infinite) number means "not known or not measurable" and is
 * shown as a dash, never drawn; a NULL string or an empty array leaves its part out, and the page then says
 * so in one sentence; strings are UTF-8, from anywhere (escaped here); all pointers stay with the caller.
 */
#ifndef PF_REPORT_REPORT_H
#define PF_REPORT_REPORT_H

#include "base/status.h"
#include "base/text.h"

typedef struct pf_report_fact {
  const char *key, *value; /* "network", "mlp 3x64 silu" */
} pf_report_fact;

/* A command line that reproduces something: {"train", "pushforward train moons.csv -o m.pf --seed 1"}. */
typedef struct pf_report_command {
  const char *purpose, *line;
} pf_report_command;

/* One distance between samples and held-out data. `floor` is the same distance between two sets of true
 * data of the same sizes; excess = value - floor; [excess - (hi95 - excess), excess_hi95] is read as a 95 %
 * interval for the verdict; `pairs` counts the independent repetitions behind it (0: not repeated). */
typedef struct pf_report_metric {
  const char *name;
  double value, floor, excess, excess_hi95;
  int64_t pairs;
  const char *note; /* optional remark, shown under the name */
  double floor_q95; /* 95 % quantile of that distance between true data: the verdict where excess_hi95 is not
                       known; NaN or 0: not known either */
} pf_report_metric;

/* One line of the comparison table: `values` has comparison.column_count entries. */
typedef struct pf_report_row {
  const char *name; /* "teacher, 100 steps" */
  const double *values;
  bool subject; /* the model this page is about: highlighted */
} pf_report_row;

typedef struct pf_report_comparison {
  const char *const *columns;
  size_t column_count;
  const pf_report_row *rows;
  size_t row_count;
} pf_report_comparison;

/* Error decomposition in W2 units. The four terms are upper bounds whose sum bounds the measured W2. Where a
 * term is not known neither is the bound, and the page says so. `measured` and `floor` must be in the units
 * of the terms: they share an axis. */
typedef struct pf_report_decomposition {
  double velocity, discretisation, fitting, early_stopping;
  double sum;       /* the bound; NaN: the sum of the terms that are known */
  double measured;  /* W2 between samples and data */
  double floor;     /* W2 between two sets of true data */
  const char *note; /* optional remark, for example the units */
} pf_report_decomposition;

/* A training curve. Series with the same `panel` ("loss", "held-out W2") share axes. */
typedef struct pf_report_series {
  const char *panel, *name;
  const double *step, *value; /* `count` each, steps increasing */
  size_t count;
} pf_report_series;

/* Quality against the number of network evaluations; drawn in the given order. */
typedef struct pf_report_steps {
  const char *label; /* "1", "2", "teacher" */
  double value, floor;
  bool reference; /* the teacher: drawn as a dashed level, not joined to the curve */
} pf_report_steps;

typedef struct pf_report_check {
  const char *name;
  double value, expected, tolerance;
  bool holds;
} pf_report_check;

/* Equal cells in the plane: the value at the centre of cell (i, j) is [i * columns + j], row 0 at y_low. */
enum { PF_REPORT_CELLS = 100 }; /* at most, of each side */
typedef struct pf_report_grid {
  double x_low, x_high, y_low, y_high; /* the outer edges */
  size_t columns, rows;
} pf_report_grid;

typedef struct pf_report_density {
  pf_report_grid grid;
  const double *model;
  const double *law; /* NULL: not known, the input's data are drawn beside the model */
} pf_report_density;

/* A trained potential phi over the plane, and minus its slope on a coarser grid with the same edges. */
typedef struct pf_report_field {
  pf_report_grid grid;
  const double *value;
  size_t arrow_columns, arrow_rows; /* cells of the coarse grid */
  const double *arrows; /* arrow_rows x arrow_columns x 2, at the cells' centres, units of the axes */
} pf_report_field;

/* The same rows at moments of a flow, in the network's units. */
typedef struct pf_report_frames {
  const char *const *names; /* `count` of them: "data", "after block 1" */
  const double *values;     /* count x rows x 2: the first two columns */
  size_t count, rows;
} pf_report_frames;

/* One block of a flow of several, counted from the data. */
typedef struct pf_report_block {
  double step_size; /* h of its proximal step; NaN: trained without one, or not known */
  double movement;  /* root mean square distance that it moves a row */
} pf_report_block;

typedef struct pf_report_input {
  const char *title, *subtitle; /* title NULL: "pushforward report" */
  const pf_report_command *commands;
  size_t command_count;
  const pf_report_fact *facts;
  size_t fact_count;

  const pf_report_metric *metrics;
  size_t metric_count;
  int sampling_steps; /* network evaluations per sample behind `metrics` and `samples`; 0: not said */
  pf_report_comparison comparison;
  const pf_report_decomposition *decomposition; /* NULL: none */

  const pf_report_series *series;
  size_t series_count;
  double selected_step; /* training step whose weights were kept; NaN: do not mark one */
  const pf_report_steps *steps;
  size_t step_count;
  const char *steps_metric; /* what `steps` measures, "W2"; NULL: "distance" */

  size_t dimension;                /* d */
  const char *const *column_names; /* d names; NULL: x1, x2, ... */
  const double *data;              /* data_rows x d */
  size_t data_rows;
  const double *samples; /* sample_rows x d */
  size_t sample_rows;

  /* Rows as pictures: values row by row from the top. picture_height 0, or width * height other than d: they are none. */
  size_t picture_width, picture_height;
  const double
      *sources; /* source_rows x d: where the first samples come from, one for one; NULL: from noise */
  size_t source_rows;

  const double *paths; /* path_count x path_nodes x d: characteristics from the prior to the data */
  size_t path_count, path_nodes;
  const double *path_times; /* path_nodes values, increasing; NULL: equally spaced in [0, 1] */
  const char *path_lead;    /* what they are; NULL: characteristics of the learned flow */
  const char *path_note;    /* optional remark, for example the units they are drawn in */
  const double
      *jumps; /* jump_count x 2 x d: noise and the sample it becomes at once, in the units of the paths */
  size_t jump_count;
  const double *
      straightness; /* path_nodes values: root mean square distance of the paths at that node from their straight
                                 chords, as a share of the chords' length; NULL: not known */

  /* A flow with likelihood; every part is absent otherwise. */
  const pf_likelihood *likelihood;  /* NULL, or without a density: none was measured */
  const pf_report_density *density; /* NULL: none; drawn where d is 2 */
  pf_report_frames to_noise, to_data;
  const pf_coverage *coverage;       /* NULL, or without modes: not counted */
  const pf_conditional *conditional; /* NULL, or without columns: nothing is given */
  const pf_report_field *field;      /* NULL: none; drawn where d is 2 */
  const pf_report_block *blocks;
  size_t block_count;

  const pf_report_check *checks;
  size_t check_count;
} pf_report_input;

/* An empty input: everything absent, selected_step NaN. */
pf_report_input pf_report_input_default(void);

/* The grid that a density or a field of the input is to be given on: about square cells over the frame of the scatter plots.
 * No cells (columns 0) unless d is 2 and both columns have a finite value. */
pf_status pf_report_plane_grid(const pf_report_input *input, pf_report_grid *out, pf_error *error);

/* Appends the page to `out` (free it with pf_text_free). The same input gives the same bytes. At most
 * about 1500 rows of each array are drawn, so the page stays under about 1.5 MB whatever the data.
 * PF_USAGE when an array is NULL although its count is not 0, or a density or field has more than PF_REPORT_CELLS cells a side;
 * PF_NO_MEMORY. On failure `out` keeps its text.
 */
pf_status pf_report_write(const pf_report_input *input, pf_text *out, pf_error *error);

#endif
