/* Error text: filling a pf_error and passing a failure up.
 * The status table itself is public (pushforward.h). */
#ifndef PF_BASE_STATUS_H
#define PF_BASE_STATUS_H

#include "pushforward.h"

/* Fills `error` (may be NULL) and returns `status`, so that a function can `return pf_fail(...)`.
 * The message is one line, names the input and its value; longer text is cut at the buffer's end. */
pf_status pf_fail(pf_error *error, pf_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "context: " before the message that is already in `error`. Returns error->status (or `status`
 * when error is NULL). */
pf_status pf_fail_within(pf_error *error, pf_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Returns the failing status from the enclosing function; use only where nothing needs cleaning. */
#define PF_TRY(call)                                                                                         \
  do {                                                                                                       \
    pf_status pf_try_status = (call);                                                                        \
    if (pf_try_status != PF_OK) return pf_try_status;                                                        \
  } while (0)

/* For functions with one cleanup exit: sets `status` and jumps to `cleanup`. */
#define PF_TRY_GOTO(call)                                                                                    \
  do {                                                                                                       \
    status = (call);                                                                                         \
    if (status != PF_OK) goto cleanup;                                                                       \
  } while (0)

#endif
