/* The report's numbers: metrics beside their floors, other samplers, error terms, steps, modes. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "report_work.h"

/* Key, name on the page, what it says: in the order of the page, headline numbers first. */
typedef struct label {
  const char *key, *name, *meaning;
} label;

static const label labels[] = {
    {"w2", "W2", "optimal transport, quadratic cost"},
    {"energy", "energy distance", "2E|X-Y| - E|X-X'| - E|Y-Y'|"},
    {"network_auc", "network AUC", "a network trained to tell samples from data; 0.5: it cannot"},
    {"ks_mean", "mean KS", "largest gap between distribution functions, mean over columns"},
    {"sliced_w2", "sliced W2", "W2 along random directions"},
    {"w1", "W1", "optimal transport, linear cost"},
    {"mmd2", "squared MMD", "three Gaussian kernels, unbiased: may fall below 0"},
    {"knn_auc", "neighbour AUC", "nearest neighbours telling samples from data; 0.5: they cannot"},
    {"sample_nll", "NLL under the law",
     "mean -log p of the samples; the floor is the entropy, below it is too narrow"},
    {"off_support", "off the support", "share of the samples where the law has no mass"},
    {"energy_split", "energy, re-divided", "all rows at once, against random re-divisions of real rows"},
};
enum { LABELS = sizeof labels / sizeof *labels };

static const pf_metric *find(const pf_evaluation *row, const char *key) {
  for (int i = 0; i < row->n_metrics; i++)
    if (strcmp(row->metrics[i].name, key) == 0) return &row->metrics[i];
  return NULL;
}

static void fill_metrics(pf_report_work *w) {
  size_t count = 0;
  for (int i = 0; i < LABELS; i++) {
    const pf_metric *m = find(&w->set->rows[0], labels[i].key);
    if (!m) continue;
    snprintf(w->notes[count], PF_REPORT_NOTE_BYTES, "%s%s%s", labels[i].meaning, m->note[0] ? "; " : "",
             m->note);
    w->metrics[count] = (pf_report_metric){.name = labels[i].name,
                                           .value = m->value,
                                           .floor = m->floor,
                                           .excess = m->excess,
                                           .excess_hi95 = m->excess_hi95,
                                           .pairs = m->pairs,
                                           .note = w->notes[count],
                                           .floor_q95 = m->floor_q95};
    count++;
  }
  w->input.metrics = w->metrics;
  w->input.metric_count = count;
}

/* One column a metric that any row has (W1 says little beside W2), and what true data score in the last row. */
static void fill_comparison(pf_report_work *w) {
  const pf_evaluation_set *set = w->set;
  size_t columns = 0, rows = (size_t)set->count;
  for (int i = 0; i < LABELS; i++) {
    bool is_measured = false;
    for (size_t r = 0; r < rows; r++) {
      const pf_metric *m = find(&set->rows[r], labels[i].key);
      is_measured = is_measured || m;
      w->cells[r][columns] = m ? m->value : NAN;
    }
    if (!is_measured || strcmp(labels[i].key, "w1") == 0) continue;
    const pf_metric *own = find(&set->rows[0], labels[i].key);
    w->cells[rows][columns] = own ? own->floor : NAN;
    w->columns[columns++] = labels[i].name;
  }
  for (size_t r = 0; r < rows; r++)
    w->rows[r] = (pf_report_row){.name = set->rows[r].name, .values = w->cells[r], .subject = r == 0};
  w->rows[rows] = (pf_report_row){.name = "true data (the floor)", .values = w->cells[rows]};
  w->input.comparison = (pf_report_comparison){w->columns, columns, w->rows, rows + 1};
}

/* The terms and the measured W2 share an axis only where they share units: laws behind an affine encoder. */
static void fill_decomposition(pf_report_work *w) {
  const pf_decomposition *d = &w->set->decomposition;
  bool in_data_units = pf_report_is_affine(w->model, w->model->columns),
       is_comparable = w->law && in_data_units;
  if (!isfinite(d->velocity) && !isfinite(d->discretisation) && !isfinite(d->fitting)) return;
  w->decomposition = (pf_report_decomposition){.velocity = d->velocity,
                                               .discretisation = d->discretisation,
                                               .fitting = d->fitting,
                                               .early_stopping = d->stopping,
                                               .sum = d->bound,
                                               .measured = is_comparable ? d->measured : NAN,
                                               .floor = is_comparable ? d->floor : NAN};
  if (!in_data_units)
    w->decomposition.note = "In encoded units, where every column has spread 1: these terms cannot be set "
                            "against the distances above.";
  else if (!is_comparable)
    w->decomposition.note =
        "In the data's own units; the distances above are in units of each column's spread.";
  else if (!isfinite(d->velocity))
    w->decomposition.note =
        "The velocity term needs the law's exact velocity, which is known for Gaussian mixtures.";
  w->input.decomposition = &w->decomposition;
}

/* What a generator was fitted to, integrated. */
static const char *teacher_of(const pf_evaluation *row) {
  return strncmp(row->name, "velocity", 8) == 0 ? "velocity"
         : strncmp(row->name, "flow", 4) == 0   ? "flow"
                                                : NULL;
}

/* The generator's rows by rising number of steps, then the finely integrated teacher as the level to reach. */
static void fill_steps(pf_report_work *w) {
  const pf_evaluation_set *set = w->set;
  size_t count = 0;
  for (int64_t steps = 1; steps <= 1000; steps++)
    for (int r = 0; r < set->count; r++)
      if (set->rows[r].steps == steps && !teacher_of(&set->rows[r])) {
        const pf_metric *m = find(&set->rows[r], "w2");
        if (!m) continue;
        snprintf(w->step_labels[count], sizeof w->step_labels[count], "%lld", (long long)steps);
        w->steps[count] = (pf_report_steps){w->step_labels[count], m->value, m->floor, false};
        count++;
      }
  if (count < 2) return;
  for (int r = 0; r < set->count; r++) {
    const pf_metric *m = find(&set->rows[r], "w2");
    const char *teacher = teacher_of(&set->rows[r]);
    if (!teacher || set->rows[r].steps < 16 || !m) continue;
    snprintf(w->step_labels[count], sizeof w->step_labels[count], "%s, %lld", teacher,
             (long long)set->rows[r].steps);
    w->steps[count] = (pf_report_steps){w->step_labels[count], m->value, m->floor, true};
    count++;
  }
  w->input.steps = w->steps;
  w->input.step_count = count;
  w->input.steps_metric = w->law ? "W2" : "W2, in column spreads";
}

void pf_report_fill_quality(pf_report_work *w) {
  if (!w->set) return;
  w->input.sampling_steps = (int)fmin((double)w->set->rows[0].steps, 1e9);
  fill_metrics(w);
  if (w->set->count > 1) fill_comparison(w);
  fill_decomposition(w);
  w->input.coverage = &w->set->coverage;
  w->input.conditional = &w->set->conditional;
  fill_steps(w);
}
