/* The experiments of `verify jko --rates` (arXiv 2212.14424 and 2310.17582). Notation as in verify/jko_recursion.c. */
#ifndef PF_STUDY_JKO_H
#define PF_STUDY_JKO_H

#include "study.h"

extern const pf_experiment_plan pf_jko_blocks, pf_jko_inexact_steps, pf_jko_no_density, pf_jko_inversion,
    pf_jko_other_functional;

#endif
