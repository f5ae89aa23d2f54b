/* The experiments of `verify w2fe --rates`; w2fe.c lists them. */
#ifndef PF_STUDY_W2FE_H
#define PF_STUDY_W2FE_H

#include "study.h"

extern const pf_experiment_plan pf_study_w2fe_rate;        /* w2fe_rate.c */
extern const pf_experiment_plan pf_study_w2fe_plan_bias;   /* w2fe_bias.c */
extern const pf_experiment_plan pf_study_w2fe_persistence; /* w2fe_persistence.c */
extern const pf_experiment_plan pf_study_w2fe_sinkhorn;    /* w2fe_sinkhorn.c */

#endif
