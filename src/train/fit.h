/* The training loop: minimise one loss graph over one flat parameter array.
 *
 * A step is a short list of phases over the thread pool:
 *   1  lanes         forward and backward of each lane's rows (pf_program_run_lane), losses and gradient as
 * partial sums 2  chunks        tree sum of the lanes' gradients and its squared norm, chunk by chunk 3
 * chunks        Adam, moving average Lanes depend on the batch size alone and chunks on the parameter count
 * alone, so a model is the same bits for any number of threads. Random numbers are functions of (seed, stage,
 * step, row); nothing else is remembered between steps than what pf_fit_state holds, and that is registered
 * for checkpoints.
 *
 * Which network, which loss and which data: decided by the method that builds the graph.
 */
#ifndef PF_TRAIN_FIT_H
#define PF_TRAIN_FIT_H

#include "../base/pool.h"
#include "../base/rates.h"
#include "../exec/exec.h"
#include "../nn/network.h"
#include "optimizer.h"
#include "registry.h"

enum { PF_FIT_TERMS = 3, PF_FIT_SETS = 4, PF_FIT_INPUTS = 8 };

/* What is minimised. Parameter set 0 is the trained one, set 1 its moving average, sets 2.. are frozen
 * extras. */
typedef struct pf_objective {
  pf_graph *graph;
  pf_node loss; /* PARTIAL scalar, already divided by the batch size */
  /* PARTIAL scalar whose gradient is taken in place of the loss's (an adjoint equation's; its value means nothing). A zero
   * handle: none. */
  pf_node surrogate;
  pf_node terms[PF_FIT_TERMS]; /* PARTIAL scalars to watch (parts of the loss) */
  int n_terms;
  const float *inputs[PF_FIT_INPUTS]; /* SHARED inputs by index; the balance weight's slot stays NULL */
  const float *frozen[PF_FIT_SETS];   /* frozen[i] is bound to set 2 + i */
  /* Adaptive weight lambda = clamp(|d terms[0]/dW| / (|d terms[1]/dW| + 1e-4), 0, 1e4) for the last layer's
   * weight W (characteristic.md section 6), averaged over steps; fed back as SHARED scalar input
   * `balance_input` one step late. balance_weight.id < 0: none. */
  pf_node balance_weight;
  int balance_input;
} pf_objective;

/* Called before every step, a calibration's too, from the calling thread: what fills PER_ROW inputs of the graph. A function
 * of the step's number alone; a non-OK status ends the run with it. */
typedef pf_status pf_fit_before_step(void *context, int64_t step, pf_error *error);

typedef struct pf_fit_config {
  int64_t steps;
  int batch;
  pf_adam adam;
  int64_t warmup; /* steps */
  pf_schedule schedule;
  double final_rate;   /* of COSINE: learning rate at the end as a share of its peak */
  int64_t halve_every; /* steps, of HALVING */
  double clip;         /* gradient norm above which it is scaled down; 0: off */
  double ema;          /* cap of the moving average's decay */
  uint64_t seed;
  pf_precision precision;
  uint32_t stage; /* mixed into the seed, so that stages draw different numbers */
  size_t
      most_bytes; /* of the threads' workspaces together; a step that needs more is PF_USAGE. 0: no limit */
  bool profile;   /* measure where the time of a step goes (pf_fit_profile) */
  pf_fit_before_step *before_step; /* may be NULL */
  void *before_context;
} pf_fit_config;

/* Everything that outlives a step. */
typedef struct pf_fit_state {
  pf_adam_state arrays; /* owned */
  int64_t step;         /* steps done */
  double loss;          /* running mean of the loss, NaN before the first step */
  double balance;       /* lambda, 1 at the start */
  /* Set by a pf_fit_after_step that watches a held-out loss: */
  double rate_factor; /* on the scheduled learning rate, 1 at the start */
  int64_t finished;   /* not 0: the run ends before its last step */
} pf_fit_state;

pf_status pf_fit_state_create(int64_t parameters, pf_fit_state *out, pf_error *error);
void pf_fit_state_free(pf_fit_state *state);
/* Registers all of it under "<prefix>.". */
pf_status pf_fit_state_register(pf_fit_state *state, const char *prefix, pf_registry *registry,
                                pf_error *error);

/* Called after every step, from the calling thread; a non-OK status ends the run with it. */
typedef pf_status pf_fit_after_step(void *context, pf_fit_state *state, pf_error *error);

typedef struct pf_fit pf_fit; /* the compiled step with its buffers */

pf_status pf_fit_create(const pf_objective *objective, const pf_fit_config *config, pf_fit_state *state,
                        pf_pool *pool, pf_fit **out, pf_error *error);
void pf_fit_free(pf_fit *fit);

/* Steps state->step+1 .. config->steps. PF_NON_FINITE names the step when the loss or the gradient is not
 * finite; the state then still holds the last good step. Allocates nothing between steps but what config.before_step does. */
pf_status pf_fit_run(pf_fit *fit, pf_fit_after_step *after_step, void *context, pf_error *error);

/* The next `steps` steps, wherever config->steps ends: for algorithms in which several fits take turns. Errors as above. */
pf_status pf_fit_advance(pf_fit *fit, int64_t steps, pf_error *error);

/* Where the time of the steps run so far went; `layout` (may be NULL) names the trained parameters. Needs config.profile and
 * one step. out->lines is the caller's: pf_free; out->stage stays NULL. */
pf_status pf_fit_profile(const pf_fit *fit, const pf_layout *layout, const pf_rates *rates, pf_profile *out,
                         pf_error *error);

/* Seconds per step, measured on `probes` steps whose effect is undone. They leave no trace in a profile either. */
pf_status pf_fit_calibrate(pf_fit *fit, int probes, double *seconds_per_step, pf_error *error);

#endif
