/* How good the block that is being fitted is on held-out rows, and whether its steps resolve it. `run->probe` has the weights. */
#ifndef PF_METHODS_FLOW_HELD_H
#define PF_METHODS_FLOW_HELD_H

#include "flow.h"

/* Runge-Kutta steps of the block on held-out rows and in the model. */
int pf_flow_valid_steps(const pf_flow_run *run);

/* Mean loss of the first n held-out rows with run->probe's weights in place of the block: negative log-likelihood of the flow
 * that ends with it, and JKO's movement term beside it. Infinite when a row leaves the finite numbers. */
pf_status pf_flow_held_loss(pf_flow_run *run, int steps, int64_t n, double *nll, double *loss,
                            pf_error *error);

/* The held-out loss of a block that moves nothing. */
double pf_flow_loss_at_rest(const pf_flow_run *run);

/* May the block go on with twice the steps? */
bool pf_flow_can_refine(const pf_flow_run *run);

/* Whether training pursues a likelihood that its few steps make up: at them, some held-out rows are far likelier than at the
 * model's own. */
pf_status pf_flow_is_fooled(pf_flow_run *run, bool *out, pf_error *error);

/* Whether the likelihood of some held-out rows is the same at twice the steps. */
pf_status pf_flow_is_resolved(pf_flow_run *run, bool *out, pf_error *error);

#endif
