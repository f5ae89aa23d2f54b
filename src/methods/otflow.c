/* OT-Flow (arXiv 2006.00104; theory 2403.16208): one potential, transport cost and the Hamilton-Jacobi-Bellman residual.
 *
 *   minimise  E integral |v|^2/2  +  alpha E[negative log-likelihood]  +  hjb E integral |-d_r Phi + |v|^2/2|,   v = -grad Phi
 *
 * Two schedules, both published: up to three columns the rate is halved at fixed steps, beyond that it falls when the held-out
 * likelihood stands still. The weights come from the nearest of the published settings.
 */
#include <limits.h>
#include <math.h>
#include "flow.h"

/* Up to so many columns. Weights and rates are those published for 2 (toy sets), 6 (POWER) and 43 (MINIBOONE). Rows, units and
 * steps are what a processor does in minutes (published: up to 10000 rows, 256 units, 10 steps, for hours): the trace costs the
 * square of the units a column, step and row, and a run of a few hundred steps of fewer rows is worth more than one of ten. */
static const struct {
  int columns, width, steps, valid_steps, batch;
  double alpha, hjb, rate;
  int64_t iterations;
} sizes[] = {{3, 32, 8, 16, 512, 30, 15, 0.02, 20000},
             {10, 64, 6, 12, 256, 500, 5, 0.02, 20000},
             {INT_MAX, 64, 4, 8, 256, 100, 15, 0.01, 8000}};

static pf_status settings(const pf_training *t, pf_flow_settings *s, int64_t *iterations, pf_error *error) {
  size_t i = 0;
  while (t->d > sizes[i].columns) i++;
  bool toy = i == 0;
  *s = (pf_flow_settings){.field = {.kind = PF_FIELD_POTENTIAL,
                                    .potential = {.inputs = t->d, .width = sizes[i].width, .layers = 1}},
                          .width = 0.02 / sqrt(t->d),
                          .steps = sizes[i].steps,
                          .valid_steps = sizes[i].valid_steps,
                          .batch = sizes[i].batch,
                          .likelihood = sizes[i].alpha,
                          .kinetic = 1,
                          .hjb = sizes[i].hjb,
                          .learning_rate = sizes[i].rate,
                          .clamp = toy ? 0 : 1.5,
                          .schedule = toy ? PF_SCHEDULE_HALVING : PF_SCHEDULE_CONSTANT,
                          .halvings = toy ? 5 : 0,
                          .validate_every = 200,
                          .patience = toy ? 0 : 15};
  *iterations = sizes[i].iterations;
  return pf_flow_options(t->options, s, error);
}

pf_status pf_otflow_train(pf_training *training, struct pf_model **out, pf_error *error) {
  pf_flow_settings s;
  int64_t iterations = 0;
  PF_TRY(settings(training, &s, &iterations, error));
  return pf_flow_train_one(training, &s, iterations, out, error);
}
