/* The study of W1-FE (arXiv 2405.16351): its experiments in reading order. */
#include "w1fe.h"

static const pf_experiment_plan *const experiments[] = {
    &pf_study_w1fe_step_limit,
    &pf_study_w1fe_decay,
    &pf_study_w1fe_persistence,
    &pf_study_w1fe_critic,
};

const pf_study_plan pf_study_w1fe = {.method = "w1fe",
                                     .title =
                                         "W1-FE: the flow of W1, its steps, and generators that follow it",
                                     .experiments = experiments,
                                     .count = sizeof experiments / sizeof *experiments};
