/* What `verify jko` measures, in parts (docs/theory.md says why each and how its band was chosen). */
#ifndef PF_VERIFY_JKO_H
#define PF_VERIFY_JKO_H

#include "gaussian_line.h"
#include "verify.h"

enum { PF_JKO_SIZES = 3 };

/* What is trained here; a test passes wrong values to see the checks fail. */
typedef struct pf_jko_subject {
  double movement;   /* times 1/h: weight of the proximal term. 1 */
  double likelihood; /* weight of the likelihood. 1 */
  int64_t steps;     /* of a block's fit */
  int sizes;         /* how many step sizes the chains are trained for: PF_JKO_SIZES */
} pf_jko_subject;

/* The Gaussian recursion against its reference table and against minimisation, and the one-step inequality over random
 * inexact steps. Nothing is trained. */
pf_status pf_verify_jko_recursion(pf_verify_run *run, pf_error *error);
/* Values of the loss and of the divergence estimators where they are known. Nothing is trained. */
pf_status pf_verify_jko_likelihood(pf_verify_run *run, pf_error *error);
/* Chains of trained blocks on the line for several step sizes: moments, divergence, the inequality at every step, inversion. */
pf_status pf_verify_jko_chains(pf_verify_run *run, const pf_jko_subject *subject, pf_error *error);
/* One block on a correlated Gaussian in the plane. */
pf_status pf_verify_jko_plane(pf_verify_run *run, const pf_jko_subject *subject, pf_error *error);
/* The first-order residual while a block trains, as the convergence paper plots it. */
pf_status pf_verify_jko_residual(pf_verify_run *run, const pf_jko_subject *subject, pf_error *error);

#endif
