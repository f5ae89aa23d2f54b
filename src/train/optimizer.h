/* Adam with decoupled weight decay (Kingma & Ba, arXiv 1412.6980; Loshchilov & Hutter, arXiv 1711.05101), RMSProp (Tieleman &
 * Hinton, 2012) and plain gradient descent; learning-rate schedules and the exponential moving average, on ranges of flat
 * arrays, so that chunks run in parallel.
 *
 * With the gradient g, the rate r and k = 1, 2, .. the parameters move by, beside the weight decay -r weight_decay w:
 *   Adam      - r m / (1 - beta1^k) / (sqrt(v / (1 - beta2^k)) + epsilon),   m <- beta1 m + (1 - beta1) g
 *   RMSProp   - r g / (sqrt(v) + epsilon);   for both   v <- beta2 v + (1 - beta2) g^2
 *   SGD       - r g
 */
#ifndef PF_TRAIN_OPTIMIZER_H
#define PF_TRAIN_OPTIMIZER_H

#include <stdint.h>
#include "../base/status.h"

typedef enum pf_optimiser { PF_OPTIMISER_ADAM, PF_OPTIMISER_RMSPROP, PF_OPTIMISER_SGD } pf_optimiser;

/* "adam", "rmsprop" or "sgd"; an unknown name is PF_USAGE, which lists them. */
pf_status pf_optimiser_find(const char *name, pf_optimiser *out, pf_error *error);
const char *pf_optimiser_name(pf_optimiser kind);

typedef struct pf_adam {
  double learning_rate, beta1, beta2, epsilon, weight_decay;
  double clamp; /* every parameter is kept within -clamp..clamp; 0: free */
  pf_optimiser kind;
} pf_adam;

/* Adam, beta1 .9, beta2 .99, epsilon 1e-8, no decay, no clamp. */
pf_adam pf_adam_default(void);

/* The flat arrays one optimiser works on; `n` elements each. */
typedef struct pf_adam_state {
  float *params, *first_moment, *second_moment, *average;
  int64_t n;
} pf_adam_state;

/* One update of elements begin..end-1 at step k >= 1. gradient: n floats, multiplied by gradient_scale
 * (clipping) first. average <- ema * average + (1 - ema) * params, with the new params. Moments that the kind does not have
 * stay as they are. */
void pf_adam_update(const pf_adam *adam, const pf_adam_state *state, int64_t k, const float *gradient,
                    double gradient_scale, double ema, int64_t begin, int64_t end);

/* Warm-up from 0 over `warmup` steps, then cosine from 1 down to `final` at `steps`: the factor on the
 * learning rate at step k = 1..steps. */
double pf_schedule_cosine(int64_t k, int64_t steps, int64_t warmup, double final);

/* How a learning rate falls from its peak. */
typedef enum pf_schedule {
  PF_SCHEDULE_COSINE,  /* to final_rate of the peak at the last step */
  PF_SCHEDULE_HALVING, /* by half every halve_every steps */
  PF_SCHEDULE_CONSTANT
} pf_schedule;

/* min(decay, (1+k)/(10+k)): the average forgets the start quickly. */
double pf_ema_decay(double decay, int64_t k);

#endif
