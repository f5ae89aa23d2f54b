/* A model that starts from a source, as transport: what it costs beside the least that any map could cost. */
#ifndef PF_VERIFY_TRANSPORT_H
#define PF_VERIFY_TRANSPORT_H

#include "evaluation.h"

/* *out as pushforward.h says; has_source false and nothing measured for a model that starts from noise. The one-step map is
 * measured when there is one, and the energy along the velocity when there is one. */
pf_status pf_transport_run(const struct pf_model *model, const pf_reference *reference, uint64_t seed,
                           pf_pool *pool, pf_transport *out, pf_error *error);

#endif
