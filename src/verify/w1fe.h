/* What `verify w1fe` measures, in parts (docs/theory.md says why each and how its band was chosen). */
#ifndef PF_VERIFY_W1FE_H
#define PF_VERIFY_W1FE_H

#include "flow_lab.h"

/* Euler steps of exact plans: W1 falls by eps a step, nothing moves farther than eps, and what is left in the end. */
pf_status pf_verify_w1fe_exact(pf_verify_run *run, const pf_flow_subject *subject, pf_error *error);
/* Kantorovich potentials: weak duality, attainment, the subgradient inequality, slopes on the line. */
pf_status pf_verify_w1fe_duality(pf_verify_run *run, const pf_flow_subject *subject, pf_error *error);
/* Steps halved again and again over the same time. */
pf_status pf_verify_w1fe_limit(pf_verify_run *run, const pf_flow_subject *subject, pf_error *error);

/* The step of training with K = 1 beside WGAN's, and a trained critic beside exact W1. */
pf_status pf_verify_w1fe_trained(pf_verify_run *run, pf_error *error);

#endif
