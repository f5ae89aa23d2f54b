/* What `verify otflow` measures, in parts (docs/theory.md says why each and how its band was chosen). */
#ifndef PF_VERIFY_OTFLOW_H
#define PF_VERIFY_OTFLOW_H

#include "verify.h"

enum { PF_OTFLOW_WEIGHTS = 4 };

/* What is trained here; a test passes wrong values to see the checks fail. */
typedef struct pf_otflow_subject {
  double kinetic; /* weight of the transport cost. 1 */
  int64_t steps;  /* of a fit */
  int weights;    /* rows of the table: PF_OTFLOW_WEIGHTS */
  int gap_draws;  /* samples of every size whose generalisation gaps are averaged */
} pf_otflow_subject;

/* Reference values of one small potential, the exact potential between two Gaussians, orders in the number of steps. */
pf_status pf_verify_otflow_exact(pf_verify_run *run, pf_error *error);
/* Flows of N(3, 2^2) trained for several weights alpha against the closed form, and against JKO steps of size alpha. */
pf_status pf_verify_otflow_table(pf_verify_run *run, const pf_otflow_subject *subject, pf_error *error);
/* The loss on N training rows against the loss of the law. */
pf_status pf_verify_otflow_gap(pf_verify_run *run, const pf_otflow_subject *subject, pf_error *error);

#endif
