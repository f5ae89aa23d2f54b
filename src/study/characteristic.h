/* The experiments of `verify characteristic --rates`, in files by topic; characteristic.c lists them. */
#ifndef PF_STUDY_CHARACTERISTIC_H
#define PF_STUDY_CHARACTERISTIC_H

#include "study.h"

extern const pf_experiment_plan pf_study_error_in_n, pf_study_intrinsic_dimension; /* characteristic_rate.c */
extern const pf_experiment_plan pf_study_solvers;                   /* characteristic_solvers.c */
extern const pf_experiment_plan pf_study_early_stopping;            /* characteristic_stopping.c */
extern const pf_experiment_plan pf_study_semigroup, pf_study_faces; /* characteristic_losses.c */
extern const pf_experiment_plan pf_study_reflow;                    /* characteristic_reflow.c */

#endif
