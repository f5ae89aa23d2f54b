/* Makes every allocation of an action fail in turn. A header of static functions. */
#ifndef PF_TESTS_API_FAIL_EVERY_H
#define PF_TESTS_API_FAIL_EVERY_H

#include "tiny_train.h"

typedef pf_status action(pf_error *error);

/* The fewest allocations that still reach every stage. */
static inline pf_train_options fewest_allocations(void) {
  pf_train_options o = tiny_options();
  o.steps = 4;
  o.width = 4;
  o.depth = 1;
  o.batch = 8;
  o.trajectory_steps = 1;
  o.threads = 1;
  o.curve_points = 1;
  return o;
}

/* Fails allocation 1, 1 + stride, ... until the action is done without one failing. */
static inline void fail_every(action *act, const char *name, int64_t stride) {
  pf_error error = {0};
  int64_t begin = pf_memory_allocations();
  must(act(&error), &error);
  int64_t total = pf_memory_allocations() - begin;
  for (int64_t k = 1; k <= total; k += stride) {
    error = (pf_error){0};
    pf_memory_fail_at(k);
    pf_status status = act(&error);
    pf_memory_fail_at(0);
    if (status != PF_NO_MEMORY || error.status != PF_NO_MEMORY || !strstr(error.message, "memory"))
      fail_msg("%s, allocation %d of %d: %s '%s'", name, (int)k, (int)total, pf_status_name(status),
               error.message);
  }
  error = (pf_error){0};
  must(act(&error), &error);
}

#endif
