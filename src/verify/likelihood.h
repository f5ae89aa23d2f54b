/* What a flow with likelihood says about rows it was not trained on: see pf_likelihood in pushforward.h. */
#ifndef PF_VERIFY_LIKELIHOOD_H
#define PF_VERIFY_LIKELIHOOD_H

#include "evaluation.h"

/* Up to 20000 held-out rows, or as many fresh draws of the law; the model needs a flow. */
pf_status pf_likelihood_measure(const struct pf_model *model, const pf_reference *reference, uint64_t seed,
                                pf_pool *pool, pf_likelihood *out, pf_error *error);

#endif
