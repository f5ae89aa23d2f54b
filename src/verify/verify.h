/* Verifications: a method's checkable claims, measured.
 *
 * A verification is a function that measures and adds checks to a run; verify.def lists them. A check holds when
 * |value - expected| <= tolerance, so that a NaN anywhere makes it fail; a bound on one side is written as the middle and the
 * half width of the interval it leaves.
 */
#ifndef PF_VERIFY_VERIFY_H
#define PF_VERIFY_VERIFY_H

#include "../base/pool.h"
#include "../base/status.h"

/* One verification under way. */
typedef struct pf_verify_run {
  uint64_t seed;
  int threads; /* as asked for: 0 is all cores */
  pf_pool *pool;
  const pf_hooks *hooks; /* may be NULL */
  double begun;          /* clock, for progress */
  pf_verification result;
  size_t capacity; /* of result.checks */
} pf_verify_run;

pf_status pf_verify_open(uint64_t seed, int threads, const pf_hooks *hooks, pf_verify_run *out,
                         pf_error *error);
/* Frees everything but what the caller has moved out of run->result (and zeroed there). */
void pf_verify_close(pf_verify_run *run);

/* Adds the check |value - expected| <= tolerance. The name is made from format, at most 63 bytes. */
typedef struct pf_claim {
  double value, expected, tolerance;
} pf_claim;
pf_status pf_verify_add(pf_verify_run *run, pf_claim claim, pf_error *error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Checks `count` values against `expected`: their largest deviation against 0. */
pf_status pf_verify_add_largest(pf_verify_run *run, const char *name, const double *values,
                                const double *expected, int count, double tolerance, pf_error *error);

/* Shows progress; PF_STOPPED when the host wants to stop. */
pf_status pf_verify_progress(const pf_verify_run *run, const char *stage, int64_t done, int64_t total,
                             pf_error *error);

typedef pf_status pf_verification_function(pf_verify_run *run, pf_error *error);

#define PF_VERIFICATION(NAME, name, run, description) pf_verification_function run;
#include "verify.def"
#undef PF_VERIFICATION

typedef struct pf_verification_entry {
  const char *name, *description;
  pf_verification_function *run;
} pf_verification_entry;

/* NULL when there are no more. */
const pf_verification_entry *pf_verification_at(int index);
/* PF_USAGE listing the valid names. */
pf_status pf_verification_find(const char *name, const pf_verification_entry **out, pf_error *error);

#endif
