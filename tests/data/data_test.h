/* What the tests of the data files share. Include first in a test. */
#ifndef PF_TESTS_DATA_TEST_H
#define PF_TESTS_DATA_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/status.h"

#define assert_ok(call)                                                                                      \
  do {                                                                                                       \
    pf_status ok_status_ = (call);                                                                           \
    if (ok_status_ != PF_OK) fail_msg("%s: %s", #call, error.message);                                       \
  } while (0)

/* The call must fail with this status and a one-line message that holds the text. */
#define assert_fails(call, expected, text)                                                                   \
  do {                                                                                                       \
    error = (pf_error){0};                                                                                   \
    pf_status fails_status_ = (call);                                                                        \
    if (fails_status_ != (expected) || error.status != (expected) || !strstr(error.message, (text)) ||       \
        strchr(error.message, '\n')) {                                                                       \
      fail_msg("%s: status %s, message '%s', expected %s with '%s'", #call, pf_status_name(fails_status_),   \
               error.message, pf_status_name(expected), (text));                                             \
    }                                                                                                        \
  } while (0)

/* Runs `call` with the k-th allocation failing, for every k until it succeeds. */
#define assert_survives_no_memory(call, after_success)                                                       \
  do {                                                                                                       \
    pf_status memory_status_ = PF_NO_MEMORY;                                                                 \
    for (int64_t k_ = 1; memory_status_ != PF_OK; k_++) {                                                    \
      pf_memory_fail_at(k_);                                                                                 \
      error = (pf_error){0};                                                                                 \
      memory_status_ = (call);                                                                               \
      pf_memory_fail_at(0);                                                                                  \
      if (memory_status_ != PF_OK && memory_status_ != PF_NO_MEMORY) {                                       \
        fail_msg("allocation %lld: %s", (long long)k_, error.message);                                       \
      }                                                                                                      \
      assert_true(k_ < 10000);                                                                               \
    }                                                                                                        \
    after_success;                                                                                           \
  } while (0)

/* A path in the shared data, or NULL when that is not here. */
static inline const char *shared_data(const char *name, char *room, size_t size) {
  const char *root = getenv("PF_SHARED_DATA");
  snprintf(room, size, "%s/%s", root ? root : "../shared/data", name);
  FILE *file = fopen(room, "rb");
  if (!file) return NULL;
  fclose(file);
  return room;
}

#endif
