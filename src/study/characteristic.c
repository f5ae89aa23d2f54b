/* The study of the characteristic generator (arXiv 2405.05512): its experiments in reading order. */
#include "characteristic.h"

static const pf_experiment_plan *const experiments[] = {
    &pf_study_error_in_n,     &pf_study_intrinsic_dimension, &pf_study_solvers,
    &pf_study_early_stopping, &pf_study_semigroup,           &pf_study_faces,
    &pf_study_reflow,
};

const pf_study_plan pf_study_characteristic = {.method = "characteristic",
                                               .title = "Characteristic generator: errors and rates",
                                               .experiments = experiments,
                                               .count = sizeof experiments / sizeof *experiments};
