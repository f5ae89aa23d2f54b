/* Status names and error text. The table of statuses is public (pushforward.h); everything here is
 * generated from it or fills a caller's pf_error. */
#include "status.h"

#include <ctype.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PF_X(name, exit_code, text) #name,
static const char *const table_names[] = {PF_STATUS_TABLE(PF_X)};
#undef PF_X
#define PF_X(name, exit_code, text) exit_code,
static const int exit_codes[] = {PF_STATUS_TABLE(PF_X)};
#undef PF_X

enum { STATUSES = sizeof exit_codes / sizeof *exit_codes, NAME_BYTES = 16 };

static char spelled[STATUSES][NAME_BYTES]; /* "BAD_INPUT" as "bad-input" */
static pthread_once_t spelled_once = PTHREAD_ONCE_INIT;

static void spell_names(void) {
  for (int s = 0; s < STATUSES; s++) {
    for (int i = 0; i < NAME_BYTES - 1 && table_names[s][i]; i++) {
      char c = table_names[s][i];
      spelled[s][i] = c == '_' ? '-' : (char)tolower((unsigned char)c);
    }
  }
}

const char *pf_status_name(pf_status status) {
  if ((int)status < 0 || (int)status >= STATUSES) return "unknown";
  pthread_once(&spelled_once, spell_names);
  return spelled[status];
}

int pf_status_exit_code(pf_status status) {
  if ((int)status < 0 || (int)status >= STATUSES) return 1;
  return exit_codes[status];
}

/* Messages carry bytes of files and arguments: control characters would break the one line or drive
 * the reader's terminal. */
static void make_one_line(char *message) {
  for (; *message; message++) {
    if (iscntrl((unsigned char)*message)) *message = *message == '\n' || *message == '\t' ? ' ' : '?';
  }
}

pf_status pf_fail(pf_error *error, pf_status status, const char *format, ...) {
  if (!error) return status;
  char message[sizeof error->message]; /* an argument may point into error->message */
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  make_one_line(message);
  error->status = status;
  memcpy(error->message, message, sizeof message);
  return status;
}

pf_status pf_fail_within(pf_error *error, pf_status status, const char *format, ...) {
  if (!error) return status;
  char before[sizeof error->message];
  memcpy(before, error->message, sizeof before); /* an argument may point into error->message */
  char context[sizeof error->message];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(context, sizeof context, format, arguments);
  va_end(arguments);
  pf_status kept = error->status == PF_OK ? status : error->status;
  return pf_fail(error, kept, "%s: %s", context, before);
}
