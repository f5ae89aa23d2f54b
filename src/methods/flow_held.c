/* Held-out rows of a flow that is being fitted: see flow_held.h. */
#include "flow_held.h"

#include <math.h>

#include "../base/memory.h"

enum { FINE_ROWS = 1024, MOST_TRAINED_STEPS = 32 };

/* Held-out likelihoods at the flow's own steps and at twice as many must agree to this many nats. */
static const double RESOLVED = 0.005;

/* A field that has not improved and is this much likelier at its training steps than at the model's is no longer learning. */
static const double FOOLED = 0.1;

int pf_flow_valid_steps(const pf_flow_run *r) { return (int)(r->resolution * r->s.valid_steps); }

pf_status pf_flow_held_loss(pf_flow_run *r, int steps, int64_t n, double *nll, double *loss,
                            pf_error *error) {
  int d = r->training->d;
  size_t items = (size_t)n * (size_t)d;
  double *z = NULL, *log_det = NULL, moved = 0, sum = 0;
  pf_cnf_move forward = {.direction = PF_CNF_TO_NOISE, .steps = steps};
  PF_TRY(pf_alloc(items, sizeof *z, &z, error));
  pf_status status = pf_alloc((size_t)n, sizeof *log_det, &log_det, error);
  for (size_t i = 0; i < items && status == PF_OK; i++) z[i] = r->held[i];
  if (status == PF_OK)
    status = pf_cnf_rows(r->probe, &forward, (pf_rows){0, n}, z, log_det, NULL, r->training->pool, error);
  *nll = *loss = INFINITY;
  if (status == PF_OK) {
    for (size_t i = 0; i < items; i++) {
      sum += 0.5 * z[i] * z[i];
      moved += 0.5 * (z[i] - r->held[i]) * (z[i] - r->held[i]);
    }
    for (int64_t i = 0; i < n; i++) sum -= log_det[i] + r->held_log_det[i];
    *nll = sum / (double)n + 0.5 * d * log(2 * M_PI);
    *loss = *nll + r->s.movement * moved / (double)n;
  } else if (status == PF_NON_FINITE) {
    status = PF_OK;
  }
  pf_free(z);
  pf_free(log_det);
  return status;
}

bool pf_flow_can_refine(const pf_flow_run *r) {
  return 2 * r->resolution * r->s.steps <= MOST_TRAINED_STEPS && 2 * pf_flow_valid_steps(r) <= PF_CNF_STEPS;
}

pf_status pf_flow_is_fooled(pf_flow_run *r, bool *out, pf_error *error) {
  int64_t n = r->held_n < FINE_ROWS ? r->held_n : FINE_ROWS;
  double trained, own, loss;
  PF_TRY(pf_flow_held_loss(r, (int)r->resolution * r->s.steps, n, &trained, &loss, error));
  PF_TRY(pf_flow_held_loss(r, pf_flow_valid_steps(r), n, &own, &loss, error));
  *out = !(trained > own - FOOLED);
  return PF_OK;
}

pf_status pf_flow_is_resolved(pf_flow_run *r, bool *out, pf_error *error) {
  int64_t n = r->held_n < FINE_ROWS ? r->held_n : FINE_ROWS;
  double coarse, fine, loss;
  *out = true;
  if (2 * pf_flow_valid_steps(r) > PF_CNF_STEPS) return PF_OK;
  PF_TRY(pf_flow_held_loss(r, pf_flow_valid_steps(r), n, &coarse, &loss, error));
  PF_TRY(pf_flow_held_loss(r, 2 * pf_flow_valid_steps(r), n, &fine, &loss, error));
  *out = fabs(fine - coarse) <= RESOLVED;
  return PF_OK;
}

double pf_flow_loss_at_rest(const pf_flow_run *r) {
  const int d = r->training->d;
  double sum = 0;
  for (int64_t i = 0; i < r->held_n * d; i++) sum += 0.5 * (double)r->held[i] * (double)r->held[i];
  for (int64_t i = 0; i < r->held_n; i++) sum -= r->held_log_det[i];
  return sum / (double)r->held_n + 0.5 * d * log(2 * M_PI);
}
