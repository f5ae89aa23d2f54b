/* `verify jko --rates`: its experiments. */
#include "jko.h"

static const pf_experiment_plan *const experiments[] = {
    &pf_jko_blocks, &pf_jko_inexact_steps, &pf_jko_no_density, &pf_jko_inversion, &pf_jko_other_functional};

const pf_study_plan pf_study_jko = {.method = "jko",
                                    .title = "JKO flow: convergence block by block",
                                    .experiments = experiments,
                                    .count = sizeof experiments / sizeof *experiments};
