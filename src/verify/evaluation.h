/* Measuring a model: every metric beside its floor, for the generator, its few-step and integrated forms, and baselines. */
#ifndef PF_VERIFY_EVALUATION_H
#define PF_VERIFY_EVALUATION_H

#include "../data/law.h"
#include "../model/model.h"

/* What is compared with the model: fresh draws of a law, or a finite table of held-out rows. */
typedef struct pf_reference {
  const pf_law *law;     /* or NULL */
  const pf_table *held;  /* when law is NULL */
  const pf_table *train; /* training rows for baselines and splits; NULL: half of `held` serves */
} pf_reference;

/* Everything pf_evaluate (pushforward.h) promises. */
pf_status pf_evaluation_run(const struct pf_model *model, const pf_reference *reference,
                            const pf_evaluate_options *options, pf_evaluation_set *out, pf_error *error);
/* What of it can be checked without a model. */
pf_status pf_evaluation_check(const pf_evaluate_options *options, pf_error *error);

#endif
