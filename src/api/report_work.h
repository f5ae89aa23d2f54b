/* pf_report in pieces: each function below fills its part of the page's input from a model and a reference.
 *
 * Everything the input points to lives in the pf_report_work until pf_report has written it.
 */
#ifndef PF_API_REPORT_WORK_H
#define PF_API_REPORT_WORK_H

#include "../base/text.h"
#include "../data/law.h"
#include "../model/model.h"
#include "../report/report.h"

enum { PF_REPORT_FACTS = 28, PF_REPORT_FACT_BYTES = 224, PF_REPORT_NOTE_BYTES = 256, PF_REPORT_FRAMES = 10 };

enum { PF_REPORT_PICTURES = 16 }; /* as many as a line of the page shows, or more */

enum { PF_REPORT_SERIES = PF_MODEL_CURVES * (1 + PF_REPORT_BESIDE), PF_REPORT_NAME_BYTES = 96 };

/* The frames of one direction of a flow. */
typedef struct pf_report_strip {
  char names[PF_REPORT_FRAMES][40];
  const char *name_list[PF_REPORT_FRAMES];
  double *values; /* owned */
} pf_report_strip;

typedef struct pf_report_work {
  const pf_model *model;
  pf_report_options options;
  pf_law *law;          /* what the samples are held against; owned */
  const pf_table *real; /* when law is NULL; NULL as well: nothing to hold them against */
  pf_pool *pool;
  pf_evaluation_set *set; /* NULL: not measured */
  pf_report_input input;

  char title[128], subtitle[256];
  pf_report_fact facts[PF_REPORT_FACTS];
  char fact_values[PF_REPORT_FACTS][PF_REPORT_FACT_BYTES];
  pf_report_command commands[2];
  pf_text train_command;

  pf_report_metric metrics[PF_EVALUATION_METRICS];
  char notes[PF_EVALUATION_METRICS][PF_REPORT_NOTE_BYTES];
  const char *columns[PF_EVALUATION_METRICS];
  pf_report_row rows[PF_EVALUATION_ROWS + 1];
  double cells[PF_EVALUATION_ROWS + 1][PF_EVALUATION_METRICS];
  pf_report_decomposition decomposition;
  pf_report_steps steps[PF_EVALUATION_ROWS];
  char step_labels[PF_EVALUATION_ROWS][40];
  pf_report_series series[PF_REPORT_SERIES];
  char series_names[PF_REPORT_SERIES][PF_REPORT_NAME_BYTES];
  double *curve_steps[PF_REPORT_SERIES];

  double *data, *samples, *sources, *paths, *path_times, *straightness, *jumps;
  char path_lead[PF_REPORT_NOTE_BYTES], path_note[PF_REPORT_NOTE_BYTES];
  double bend; /* the largest of `straightness`, NaN without paths */

  pf_report_density density;
  double *model_density, *law_density;
  pf_report_strip to_noise, to_data;
  pf_report_block blocks[PF_CNF_BLOCKS];
  pf_report_field field;
  double *potential, *arrows;
} pf_report_work;

/* Model facts, title and the commands that reproduce; after the paths. */
pf_status pf_report_fill_facts(pf_report_work *work, pf_error *error);
/* Metrics, comparison, decomposition and quality against steps, from work->set. */
void pf_report_fill_quality(pf_report_work *work);
/* The training curves, each followed by that of the same name of every model beside this one. */
pf_status pf_report_fill_curves(pf_report_work *work, pf_error *error);
/* Rows of the reference and as many samples. PF_NON_FINITE when a sample is. */
pf_status pf_report_fill_rows(pf_report_work *work, pf_error *error);
/* After the rows. Characteristics of the learned velocity, or else of the flow, and how straight they are; of a generator that
 * follows a Wasserstein gradient flow, that flow between clouds. Nothing without any of them. */
pf_status pf_report_fill_paths(pf_report_work *work, pf_error *error);

/* Every node of some paths, as the network sees them. */
typedef struct pf_report_nodes {
  int64_t paths, nodes;
  float *x; /* paths x nodes x d */
} pf_report_nodes;

/* 1 or 2 for a model that follows the flow of W1 or of W2 and rows of data to flow to, 0 otherwise. */
int pf_report_plan_power(const pf_report_work *work);
/* The exact flow of particles drawn from the prior to as many rows of the data: the first p->paths of them, their times, and in
 * words what it is. */
pf_status pf_report_follow_plan(pf_report_work *work, const pf_report_nodes *p, pf_error *error);
/* A plain map's noise, the particles' own, and what becomes of it; nothing for other models. */
pf_status pf_report_fill_jumps(pf_report_work *work, pf_error *error);
/* n rows of encoded values into `out`, in data units where an affine decoder allows, as they are otherwise. */
void pf_report_decode(const pf_report_work *work, const float *x, int64_t n, double *out);
enum { PF_REPORT_PATHS = 60 }; /* drawn, at most */

/* Of a flow, after the rows: its density and the law's, rows at moments of it, its blocks, its likelihood. */
pf_status pf_report_fill_flow(pf_report_work *work, pf_error *error);

/* After the rows: the potential of a critic over the plane; nothing without one, or for other columns than two real ones
 * behind the standard encoder. */
pf_status pf_report_fill_field(pf_report_work *work, pf_error *error);

/* Whether the model has two columns, both of real numbers. */
bool pf_report_is_plane(const pf_model *model);
/* Whether encoded and data units of the first `columns` columns (all that there are) differ by an affine map alone. */
bool pf_report_is_affine(const pf_model *model, int columns);
/* Centres of the grid's cells, columns x rows pairs in the order of its values; pf_free. */
pf_status pf_report_cell_centres(const pf_report_grid *grid, double **out, pf_error *error);

enum { PF_REPORT_ITEMS = 1 << 23 }; /* most numbers of a picture's arrays, however many columns there are */

/* A member of the model's facts; NULL, or `otherwise`, when it is missing or of another type. */
const char *pf_report_fact_text(const pf_model *model, const char *key);
int64_t pf_report_fact_integer(const pf_model *model, const char *key, int64_t otherwise);

#endif
