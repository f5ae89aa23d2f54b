/* The clocks of a training step: how long each part of it takes on every thread, and inside of it every step of the
 * program. A NULL clock measures nothing: the phases run as they are.
 */
#ifndef PF_TRAIN_STEP_CLOCK_H
#define PF_TRAIN_STEP_CLOCK_H

#include "../base/pool.h"
#include "../base/rates.h"
#include "../exec/exec.h"
#include "../nn/network.h"

typedef struct pf_step_clock pf_step_clock;

/* `program` has to outlive the clock. */
pf_status pf_step_clock_create(const pf_program *program, int threads, pf_step_clock **out, pf_error *error);
void pf_step_clock_free(pf_step_clock *clock);

/* For pf_run.ticks on this thread. */
pf_ticks *pf_step_clock_ticks(const pf_step_clock *clock, int thread);
/* pf_pool_run, timed as this part of a step: SHARED, LANES, SUMS or OPTIMISER. */
void pf_step_clock_run(pf_step_clock *clock, pf_profile_part part, pf_pool *pool, int tasks,
                       pf_pool_task *task, void *context);
/* Around a whole step. */
void pf_step_clock_begin(pf_step_clock *clock);
void pf_step_clock_end(pf_step_clock *clock);
/* The run is left: the time until the next step begins is nobody's. */
void pf_step_clock_pause(pf_step_clock *clock);

/* What the profile needs to know of the fit. */
typedef struct pf_step_facts {
  int lanes;
  int64_t parameters;
  int first_gradient, n_gradients; /* the program's outputs that are gradients of parameters */
  const int64_t *gradient_offset;  /* of which parameter */
  const pf_layout *layout;         /* names them; may be NULL */
} pf_step_facts;

/* PF_FAILED before the first step. out->lines is the caller's: pf_free. */
pf_status pf_step_clock_read(const pf_step_clock *clock, const pf_step_facts *facts, const pf_rates *rates,
                             pf_profile *out, pf_error *error);

#endif
