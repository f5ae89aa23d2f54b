/* A one-step student of a flow with likelihood: the two-time map fitted to the flow's paths from noise to data, with the
 * characteristic fit (theory objective, characteristic.h). Its time runs from 0 (noise) to 1 (data) along all blocks.
 */
#ifndef PF_METHODS_STUDENT_H
#define PF_METHODS_STUDENT_H

#include "../flow/cnf.h"
#include "characteristic.h"

typedef struct pf_student pf_student;

/* options->student training steps on the paths of a flow of at most `nodes` steps in all. Registers its state: call before the
 * training resumes. *out stays NULL when no student is asked for. */
pf_status pf_student_open(pf_training *training, int nodes, pf_student **out, pf_error *error);
void pf_student_free(pf_student *student);
/* Follows the flow from fresh noise, fits, and hands over the generator. steps: Runge-Kutta steps per block. */
pf_status pf_student_train(pf_student *student, const pf_cnf *flow, int steps, pf_learned **out,
                           pf_error *error);

#endif
