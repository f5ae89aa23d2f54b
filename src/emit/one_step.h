/* The graph of one sample: noise z -> encoded data, in one evaluation, with everything but z known.
 *
 * The times are fixed, so what they contribute (time_map.h: of_x, of_network, c, path) is numbers here, and a spectral network
 * has its weights divided already: every node either depends on the noise (PER_ROW) or is a leaf whose values are at hand.
 */
#ifndef PF_EMIT_ONE_STEP_H
#define PF_EMIT_ONE_STEP_H

#include "../model/model.h"

typedef struct pf_one_step {
  pf_graph *graph;
  pf_node noise, result;     /* PER_ROW [columns]; given columns are encoded conditions in both */
  pf_network_config network; /* never spectral */
  pf_layout layout;          /* of params */
  float *params;             /* parameter set 0 */
  float *terms;
  pf_term_values at; /* what the times came to; at.path is the graph's SHARED input */
} pf_one_step;

/* PF_USAGE for a model without a generator of one step, naming what it has. */
pf_status pf_one_step_create(const struct pf_model *model, pf_one_step *out, pf_error *error);
/* PF_USAGE for a model that starts from a source: its first step, the encoder of the source's rows, is not exported. */
pf_status pf_one_step_check_prior(const struct pf_model *model, pf_error *error);
void pf_one_step_free(pf_one_step *step); /* accepts {0} */

/* Values of a SHARED leaf in single precision, in row-major order; a constant's are doubles in the graph. */
double pf_one_step_value(const pf_one_step *step, int32_t id, int64_t item);

/* y (rows x columns) <- the graph at z, with `params` in place of its own. */
pf_status pf_one_step_run(const pf_one_step *step, const float *params, int64_t rows, const float *z,
                          float *y, pf_error *error);

/* ---- what the emitters ask of the graph ---- */

/* The nodes that the result depends on on the way from the noise. */
typedef struct pf_walk_order {
  int32_t size;
  int32_t *uses;    /* by node: how many needed nodes read it, the result counting one more; 0: not needed */
  int32_t *product; /* by node: of an ADD, the product whose sums begin at the other operand; -1 otherwise */
} pf_walk_order;

/* PF_FAILED naming an operation that no emitter knows, or a value that is neither a leaf nor of one axis per row. */
pf_status pf_walk_order_create(const pf_one_step *step, pf_walk_order *out, pf_error *error);
void pf_walk_order_free(pf_walk_order *order); /* accepts {0} */
/* The operand of an ADD with a product that its sums begin at. */
int32_t pf_walk_order_start(const pf_one_step *step, const pf_walk_order *order, int32_t id);

#endif
