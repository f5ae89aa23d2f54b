/* The list of verifications, and what they share: checks, progress, stopping. */
#include "verify.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "../base/canary.h"
#include "../base/cpu.h"
#include "../base/memory.h"
#include "../base/text.h"

static const pf_verification_entry entries[] = {
#define PF_VERIFICATION(NAME, name, run, description) {#name, description, run},
#include "verify.def"
#undef PF_VERIFICATION
};

enum { COUNT = sizeof entries / sizeof *entries };

const pf_verification_entry *pf_verification_at(int index) {
  return index >= 0 && index < COUNT ? &entries[index] : NULL;
}

pf_status pf_verification_find(const char *name, const pf_verification_entry **out, pf_error *error) {
  const char *names[COUNT];
  for (int i = 0; i < COUNT; i++) {
    if (strcmp(entries[i].name, name) == 0) {
      *out = &entries[i];
      return PF_OK;
    }
    names[i] = entries[i].name;
  }
  return pf_fail_unknown(error, "verification", name, names, COUNT);
}

pf_status pf_verify_open(uint64_t seed, int threads, const pf_hooks *hooks, pf_verify_run *out,
                         pf_error *error) {
  pf_pool *pool = NULL;
  PF_TRY(pf_pool_create(threads, &pool, error));
  *out = (pf_verify_run){
      .seed = seed, .threads = threads, .pool = pool, .hooks = hooks, .begun = pf_clock_seconds()};
  return PF_OK;
}

void pf_verify_close(pf_verify_run *run) {
  pf_pool_free(run->pool);
  pf_free(run->result.checks);
  *run = (pf_verify_run){0};
}

pf_status pf_verify_add(pf_verify_run *run, pf_claim claim, pf_error *error, const char *format, ...) {
  size_t count = (size_t)run->result.count;
  if (count == run->capacity) {
    size_t capacity = run->capacity ? 2 * run->capacity : 64;
    PF_TRY(pf_grow(&run->result.checks, count, capacity, sizeof *run->result.checks, error));
    run->capacity = capacity;
  }
  pf_check *check = &run->result.checks[count];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(check->name, sizeof check->name, format, arguments);
  va_end(arguments);
  check->value = claim.value;
  check->expected = claim.expected;
  check->tolerance = claim.tolerance;
  double deviation = fabs(claim.value - claim.expected);
  /* NaN compares false: what cannot be decided does not hold */
  check->holds = PF_CANARY(VERIFY_NAN, deviation <= claim.tolerance, !(deviation > claim.tolerance));
  run->result.count++;
  return PF_OK;
}

pf_status pf_verify_add_largest(pf_verify_run *run, const char *name, const double *values,
                                const double *expected, int count, double tolerance, pf_error *error) {
  double largest = 0;
  for (int i = 0; i < count; i++) {
    double deviation = fabs(values[i] - expected[i]);
    if (!(deviation <= largest)) largest = deviation;
    if (isnan(deviation)) break;
  }
  return pf_verify_add(run, (pf_claim){largest, 0, tolerance}, error, "%s", name);
}

pf_status pf_verify_progress(const pf_verify_run *run, const char *stage, int64_t done, int64_t total,
                             pf_error *error) {
  const pf_hooks *hooks = run->hooks;
  if (hooks && hooks->progress) {
    pf_progress progress = {.stage = stage,
                            .done = done,
                            .total = total,
                            .loss = NAN,
                            .seconds = pf_clock_seconds() - run->begun,
                            .eta_seconds = NAN};
    hooks->progress(hooks->context, &progress);
  }
  if (hooks && hooks->stop && hooks->stop(hooks->context))
    return pf_fail(error, PF_STOPPED, "stopped during '%s'", stage);
  return PF_OK;
}
