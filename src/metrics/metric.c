/* The list of metrics: names and dispatch. */
#include "metrics/metric.h"

#include <string.h>

#include "base/text.h"
#include "metrics/classifier.h"
#include "metrics/finite.h"
#include "metrics/two_sample.h"
#include "ot/assignment.h"
#include "ot/bures.h"
#include "ot/sliced.h"

static const char *const names[] = {
#define PF_X(id, name, text) name,
    PF_METRIC_TABLE(PF_X)
#undef PF_X
};

static const char *const texts[] = {
#define PF_X(id, name, text) text,
    PF_METRIC_TABLE(PF_X)
#undef PF_X
};

const char *pf_metric_name(pf_metric_id id) { return id < PF_METRIC_COUNT ? names[id] : "unknown"; }

const char *pf_metric_text(pf_metric_id id) { return id < PF_METRIC_COUNT ? texts[id] : "unknown"; }

pf_status pf_metric_from_name(const char *name, pf_metric_id *out, pf_error *error) {
  for (int id = 0; id < PF_METRIC_COUNT; id++)
    if (strcmp(name, names[id]) == 0) {
      *out = (pf_metric_id)id;
      return PF_OK;
    }
  return pf_fail_unknown(error, "metric", name, names, PF_METRIC_COUNT);
}

pf_metric_options pf_metric_options_default(void) {
  return (pf_metric_options){.seed = 1, .projections = 128, .neighbours = 15, .folds = 5};
}

/* Bandwidths follow the reference, which value and floor share: the same kernel measures both. */
static pf_status mmd2(pf_points x, pf_points reference, pf_pool *pool, double *out, pf_error *error) {
  double median;
  PF_TRY(pf_median_distance(reference, &median, error));
  double bandwidths[] = {median / 2, median, 2 * median};
  return pf_mmd2(x, reference, (pf_kernel){bandwidths, 3}, pool, out, error);
}

static pf_status compute(pf_metric_id id, pf_points x, pf_points y, const pf_metric_options *options,
                         double *out, pf_error *error) {
  pf_knn_options knn = {.neighbours = options->neighbours, .folds = options->folds, .seed = options->seed};
  pf_sliced_options sliced = {
      .power = id == PF_METRIC_SLICED_W1 ? 1 : 2, .projections = options->projections, .seed = options->seed};
  pf_pool *pool = options->pool;
  switch (id) {
  case PF_METRIC_W2: return pf_wasserstein(x, y, 2, out, error);
  case PF_METRIC_W1: return pf_wasserstein(x, y, 1, out, error);
  case PF_METRIC_SLICED_W2:
  case PF_METRIC_SLICED_W1: return pf_sliced_wasserstein(x, y, sliced, pool, out, error);
  case PF_METRIC_ENERGY: return pf_energy_distance(x, y, pool, out, error);
  case PF_METRIC_MMD2: return mmd2(x, y, pool, out, error);
  case PF_METRIC_KS_MEAN: return pf_ks_mean(x, y, out, error);
  case PF_METRIC_KNN_AUC: return pf_knn_auc(x, y, knn, pool, out, error);
  case PF_METRIC_FRECHET: return pf_frechet_distance(x, y, out, error);
  case PF_METRIC_COUNT: break;
  }
  return pf_fail(error, PF_USAGE, "metric number %d does not exist", (int)id);
}

pf_status pf_metric_compute(pf_metric_id id, pf_points x, pf_points reference,
                            const pf_metric_options *options, double *out, pf_error *error) {
  double value;
  pf_status status = compute(id, x, reference, options, &value, error);
  if (status != PF_OK) return pf_fail_within(error, status, "%s", pf_metric_name(id));
  return pf_metric_finish(pf_metric_name(id), value, out, error);
}
