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

/* out (2 x 2): the linear part A of the optimal map between Gaussians of these covariances (2 x 2, positive definite),
 * A = S0^-1/2 (S0^1/2 S1 S0^1/2)^1/2 S0^-1/2. Errors of pf_symmetric_eigen. */
pf_status pf_w2fe_optimal_matrix(const double *from, const double *to, double *out, pf_error *error);

#endif
