/* Sinkhorn's plan in place of the exact one: its barycentric field as the regularisation falls.
 *
 *   The entropic plan tends to the exact one, for a finite cloud exponentially once epsilon is below the gap to the second
 *   best assignment; its cost is never below the optimum but for the error of its column sums. */
#include <math.h>
#include "../base/memory.h"
#include "w2fe.h"

enum { LEVELS = 6, ITERATIONS = 20000 };
static const double EPSILON[LEVELS] = {1, .3, .1, .03, .01, .003};

static double rms(const double *a, const double *b, const pf_flow_lab *lab) {
  double sum = 0;
  for (int i = 0; i < lab->n * lab->d; i++) sum += (a[i] - b[i]) * (a[i] - b[i]) / lab->n;
  return sqrt(sum);
}

/* off[l]: RMS distance of the field from the exact one, in units of W2; excess[l]: plan's distance / W2 - 1. */
static pf_status measure(const pf_flow_lab *lab, double *fields, double *off, double *excess,
                         pf_error *error) {
  pf_points y = pf_flow_lab_node(lab, 0), x = pf_flow_lab_target(lab);
  double *exact = fields, *soft = fields + lab->n * lab->d, w2, distance;
  PF_TRY(pf_plan_gradient(&(pf_plan_field){.power = 2}, y, x, exact, &w2, error));
  for (int l = 0; l < LEVELS; l++) {
    pf_plan_field blurred = {.power = 2, .epsilon = EPSILON[l], .iterations = ITERATIONS};
    PF_TRY(pf_plan_gradient(&blurred, y, x, soft, &distance, error));
    off[l] = rms(soft, exact, lab) / w2;
    excess[l] = distance / w2 - 1;
  }
  return PF_OK;
}

static pf_status check_levels(pf_verify_run *run, const pf_flow_lab *lab, const double *off,
                              const double *excess, pf_error *error) {
  int rises = 0, below = 0;
  for (int l = 0; l < LEVELS; l++) {
    if (l > 0) rises += !(off[l] <= off[l - 1]) + !(excess[l] <= excess[l - 1]);
    below += !(excess[l] >= -1e-5);
  }
  PF_TRY(pf_verify_add(run, (pf_claim){rises, 0, 0}, error,
                       "n=%d, d=%d: rises of Sinkhorn's error as epsilon falls", lab->n, lab->d));
  PF_TRY(pf_verify_add(run, (pf_claim){below, 0, 0}, error,
                       "n=%d, d=%d: Sinkhorn plans that cost less than W2", lab->n, lab->d));
  PF_TRY(pf_verify_add(run, pf_claim_within(excess[LEVELS - 1], .01), error,
                       "n=%d, d=%d, epsilon=%g: plan's distance / W2 - 1", lab->n, lab->d,
                       EPSILON[LEVELS - 1]));
  return pf_verify_add(run, pf_claim_within(off[LEVELS - 1] / off[0], .25), error,
                       "n=%d, d=%d: its field's error / that for epsilon=1", lab->n, lab->d);
}

pf_status pf_verify_w2fe_sinkhorn(pf_verify_run *run, pf_error *error) {
  const pf_flow_lab_size size = {48, 2, 1};
  double *fields = NULL, off[LEVELS], excess[LEVELS];
  pf_flow_lab lab;
  PF_TRY(pf_flow_lab_open(run->seed, 43, size, &lab, error));
  pf_status status = pf_alloc(2 * (size_t)size.n * (size_t)size.d, sizeof *fields, &fields, error);
  if (status == PF_OK) status = measure(&lab, fields, off, excess, error);
  if (status == PF_OK) status = check_levels(run, &lab, off, excess, error);
  pf_free(fields);
  pf_flow_lab_close(&lab);
  PF_TRY(status);
  return pf_verify_progress(run, "Sinkhorn plans", 1, 1, error);
}
