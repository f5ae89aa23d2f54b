/* What cells share: how models are trained on one thread, and their distance to a law. */
#ifndef PF_STUDY_LAB_H
#define PF_STUDY_LAB_H

#include "../data/law.h"
#include "../methods/method.h"
#include "study.h"

/* Options of a training in a cell: the defaults with one thread, no curves, no held-out rows, every column standardised, the
 * cell's own seed and its hooks. `method` stays the caller's to choose. */
pf_train_options pf_lab_options(const pf_cell_run *run);

/* The seed of a repetition: the same for every setting, so that settings share data, draws and initial weights. */
int64_t pf_lab_seed(const pf_cell_run *run, int repetition);

/* n rows of the law that belong to the cell: those from `first` on. */
pf_status pf_lab_table(const pf_cell_run *run, const pf_law *law, uint64_t first, int64_t n, pf_table **out,
                       pf_error *error);

/* Empirical W2 between n fresh points a side, exact assignment, the mean over pairs: model against law, and law against law
 * (floor). The law's rows lie far behind those a table may hold. */
typedef struct pf_lab_distance {
  double w2, floor;
} pf_lab_distance;
typedef struct pf_lab_size {
  int64_t rows;
  int pairs;
} pf_lab_size;
pf_status pf_lab_w2(const pf_cell_run *run, const struct pf_model *model, const pf_law *law, pf_lab_size size,
                    pf_lab_distance *out, pf_error *error);

#endif
