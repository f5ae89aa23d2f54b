/* The experiments of `verify w1fe --rates`; w1fe.c lists them. */
#ifndef PF_STUDY_W1FE_H
#define PF_STUDY_W1FE_H

#include "study.h"

extern const pf_experiment_plan pf_study_w1fe_step_limit;  /* w1fe_limit.c */
extern const pf_experiment_plan pf_study_w1fe_decay;       /* w1fe_decay.c */
extern const pf_experiment_plan pf_study_w1fe_persistence; /* w1fe_persistence.c */
extern const pf_experiment_plan pf_study_w1fe_critic;      /* w1fe_critic.c */

#endif
