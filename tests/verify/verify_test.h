/* What the tests of verifications share. Include after cmocka.h. */
#ifndef TESTS_VERIFY_VERIFY_TEST_H
#define TESTS_VERIFY_VERIFY_TEST_H

#include <string.h>
#include "verify/verify.h"

static inline pf_verify_run open_run(int threads) {
  pf_verify_run run;
  assert_int_equal(pf_verify_open(1, threads, NULL, &run, NULL), PF_OK);
  return run;
}

static inline const pf_check *find_check(const pf_verify_run *run, const char *name) {
  for (int i = 0; i < run->result.count; i++)
    if (strcmp(run->result.checks[i].name, name) == 0) return &run->result.checks[i];
  fail_msg("no check '%s'", name);
  return NULL;
}

static inline int count_failures(const pf_verify_run *run) {
  int count = 0;
  for (int i = 0; i < run->result.count; i++) count += !run->result.checks[i].holds;
  return count;
}

static inline void expect_all_hold(const pf_verify_run *run, int at_least) {
  assert_true(run->result.count >= at_least);
  for (int i = 0; i < run->result.count; i++) {
    const pf_check *c = &run->result.checks[i];
    if (!c->holds) fail_msg("%s: %.9g, expected %.9g +- %.3g", c->name, c->value, c->expected, c->tolerance);
  }
}

static inline void expect_same_values(const pf_verify_run *a, const pf_verify_run *b) {
  assert_int_equal(a->result.count, b->result.count);
  for (int i = 0; i < a->result.count; i++) {
    const pf_check *c = &a->result.checks[i], *d = &b->result.checks[i];
    if (memcmp(&c->value, &d->value, sizeof c->value) != 0)
      fail_msg("%s: %.17g and %.17g", c->name, c->value, d->value);
  }
}

#endif
