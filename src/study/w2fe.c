/* The study of W2-FE (arXiv 2406.13619): its experiments in reading order. */
#include "w2fe.h"

static const pf_experiment_plan *const experiments[] = {
    &pf_study_w2fe_rate,
    &pf_study_w2fe_plan_bias,
    &pf_study_w2fe_persistence,
    &pf_study_w2fe_sinkhorn,
};

const pf_study_plan pf_study_w2fe = {.method = "w2fe",
                                     .title =
                                         "W2-FE: the flow of W2, its plans, and generators that follow it",
                                     .experiments = experiments,
                                     .count = sizeof experiments / sizeof *experiments};
