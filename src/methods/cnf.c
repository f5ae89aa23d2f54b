/* Free-form continuous normalising flow (FFJORD, arXiv 1810.01367), trained through its Runge-Kutta steps.
 *
 *   minimise  E[negative log-likelihood]  +  kinetic E integral |v|^2/2          kinetic > 0: RNODE's transport cost (2002.02798)
 *
 * `steer` makes the end time random while training (STEER, arXiv 2006.10711).
 */
#include <limits.h>
#include "flow.h"

/* Up to so many columns. Beyond the plane many small steps count: few rows, few Runge-Kutta steps, a probe for the divergence
 * (trials in docs/quality.md). */
static const struct {
  int columns, width, depth, steps, batch, validate_every;
  int64_t iterations;
  double rate;
} sizes[] = {{3, 64, 3, 8, 1024, 100, 10000, 3e-3}, {INT_MAX, 64, 2, 4, 256, 250, 8000, 5e-3}};

static pf_status settings(const pf_training *t, pf_flow_settings *s, int64_t *iterations, pf_error *error) {
  size_t i = 0;
  while (t->d > sizes[i].columns) i++;
  *s = (pf_flow_settings){.field = {.kind = PF_FIELD_NETWORK,
                                    .network = {.inputs = t->d,
                                                .outputs = t->d,
                                                .width = sizes[i].width,
                                                .depth = sizes[i].depth,
                                                .times = 1,
                                                .frequencies = 4,
                                                .max_frequency = 4}},
                          .divergence = i == 0 ? PF_DIVERGENCE_EXACT : PF_DIVERGENCE_HUTCHINSON,
                          .width = 0.02,
                          .steps = sizes[i].steps,
                          .valid_steps = 2 * sizes[i].steps,
                          .batch = sizes[i].batch,
                          .likelihood = 1,
                          .kinetic = 0.01,
                          .jitter = 1,
                          .learning_rate = sizes[i].rate,
                          .clip = 1,
                          .ema = 0.99,
                          .schedule = PF_SCHEDULE_COSINE,
                          .validate_every = sizes[i].validate_every};
  *iterations = sizes[i].iterations;
  return pf_flow_options(t->options, s, error);
}

pf_status pf_cnf_train(pf_training *training, struct pf_model **out, pf_error *error) {
  pf_flow_settings s;
  int64_t iterations = 0;
  PF_TRY(settings(training, &s, &iterations, error));
  return pf_flow_train_one(training, &s, iterations, out, error);
}
