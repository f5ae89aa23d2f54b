/* What `verify characteristic` measures, in parts (docs/theory.md says why each and how its band was chosen). */
#ifndef PF_VERIFY_CHARACTERISTIC_H
#define PF_VERIFY_CHARACTERISTIC_H

#include "../flow/mixture_field.h"
#include "../ode/ode.h"
#include "verify.h"

/* The fields under test and how much to measure. The fields' context is a pf_mixture_field; the library's own are
 * pf_mixture_velocity_field and pf_mixture_denoiser_field, a test passes wrong ones to see the checks fail. Thread-safe. */
typedef struct pf_exact_subject {
  pf_ode_field *velocity, *denoiser;
  int64_t draws;       /* of the RMS table, rounded up to a Fibonacci number (they are a lattice) */
  int64_t order_draws; /* of the fitted orders, likewise */
} pf_exact_subject;

/* Closed forms: reference values, end points, schedule invariance, exponential steps, exact maps. */
pf_status pf_verify_closed_forms(pf_verify_run *run, const pf_exact_subject *subject, pf_error *error);
/* RMS distance of every integrator to the exact flow against the reference table. */
pf_status pf_verify_integrator_errors(pf_verify_run *run, const pf_exact_subject *subject, pf_error *error);
/* Slope of log RMS over log K. */
pf_status pf_verify_integrator_orders(pf_verify_run *run, const pf_exact_subject *subject, pf_error *error);
/* The two-time network map before any training, and the weights of the fitting loss. */
pf_status pf_verify_map_identities(pf_verify_run *run, pf_error *error);
/* A generator trained here: its error decomposition against its true error. */
pf_status pf_verify_trained_generator(pf_verify_run *run, pf_error *error);

#endif
