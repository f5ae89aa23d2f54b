/* Trainings and distances of cells: see lab.h. */
#include "lab.h"

#include <math.h>

#include "../base/memory.h"
#include "../ot/assignment.h"

/* Where rows for measuring begin, behind every training table. */
#define MEASURED_FROM (UINT64_C(1) << 32)

pf_train_options pf_lab_options(const pf_cell_run *run) {
  pf_train_options options = pf_train_options_default();
  options.encoder = "standard";
  options.curve_points = 0;
  options.holdout_share = 0;
  options.threads = 1;
  options.seed = (int64_t)(run->draw % 1000000007);
  options.hooks = run->hooks;
  return options;
}

int64_t pf_lab_seed(const pf_cell_run *run, int repetition) {
  return (int64_t)((run->seed * UINT64_C(1000003) + (uint64_t)repetition) % UINT64_C(1000000007));
}

pf_status pf_lab_table(const pf_cell_run *run, const pf_law *law, uint64_t first, int64_t n, pf_table **out,
                       pf_error *error) {
  pf_table *table = NULL;
  PF_TRY(pf_table_create(n, pf_law_dimension(law), &table, error));
  pf_law_sample(law, run->draw, first, n, table->values);
  *out = table;
  return PF_OK;
}

pf_status pf_lab_w2(const pf_cell_run *run, const struct pf_model *model, const pf_law *law, pf_lab_size size,
                    pf_lab_distance *out, pf_error *error) {
  size_t n = (size_t)size.rows, d = (size_t)pf_law_dimension(law), items = n * d;
  double *x = NULL, w2 = NAN, floor = NAN;
  PF_TRY(pf_alloc(3 * items, sizeof *x, &x, error));
  pf_points real = {x, n, d}, other = {x + items, n, d}, made = {x + 2 * items, n, d};
  pf_draw draw = {.steps = 1, .seed = run->draw};
  pf_lab_distance sum = {0, 0};
  pf_status status = PF_OK;
  for (int p = 0; p < size.pairs && status == PF_OK; p++) {
    uint64_t first = MEASURED_FROM + 2 * (uint64_t)p * n;
    pf_law_sample(law, run->draw, first, size.rows, x);
    pf_law_sample(law, run->draw, first + n, size.rows, x + items);
    status = pf_model_draw(model, &draw, (pf_rows){p * size.rows, size.rows}, x + 2 * items, error);
    if (status == PF_OK) status = pf_wasserstein(made, real, 2, &w2, error);
    if (status == PF_OK) status = pf_wasserstein(other, real, 2, &floor, error);
    sum.w2 += w2 / size.pairs;
    sum.floor += floor / size.pairs;
  }
  pf_free(x);
  if (status == PF_OK) *out = sum;
  return status;
}
