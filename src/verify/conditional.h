/* A conditional model within bins of a condition: see pf_conditional in pushforward.h. */
#ifndef PF_VERIFY_CONDITIONAL_H
#define PF_VERIFY_CONDITIONAL_H

#include "../metrics/scale.h"
#include "evaluation.h"

/* How the bins are measured. */
typedef struct pf_conditional_options {
  int pairs;                    /* of samples in every bin */
  const pf_column_scale *scale; /* units of a table's columns; NULL: the data's own */
} pf_conditional_options;

/* Samples of `draw` beside the reference. A model that generates every column leaves out->columns at 0. */
pf_status pf_conditional_measure(const struct pf_model *model, const pf_draw *draw,
                                 const pf_reference *reference, const pf_conditional_options *options,
                                 pf_conditional *out, pf_error *error);

#endif
