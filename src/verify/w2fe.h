/* What `verify w2fe` measures, in parts (docs/theory.md says why each and how its band was chosen). */
#ifndef PF_VERIFY_W2FE_H
#define PF_VERIFY_W2FE_H

#include "flow_lab.h"

/* Steps of exact plans: W2 falls by the tableau's own factor, 1 - dt for Euler's; in the limit like e^-t. */
pf_status pf_verify_w2fe_exact(pf_verify_run *run, const pf_flow_subject *subject, pf_error *error);
/* Gaussian laws: the optimal map, the Bures part, and a cloud that follows them. */
pf_status pf_verify_w2fe_gaussian(pf_verify_run *run, const pf_flow_subject *subject, pf_error *error);
/* Sinkhorn's plan against the exact one as its regularisation falls. */
pf_status pf_verify_w2fe_sinkhorn(pf_verify_run *run, pf_error *error);

#endif
