/* One-line messages on standard error. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include "cli.h"

pf_status cli_error(pf_error *error, pf_status status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  error->status = status;
  vsnprintf(error->message, sizeof error->message, format, arguments);
  va_end(arguments);
  return status;
}

/* A message is one line whatever a file name or a cell holds. */
static void print_line(const char *text) {
  fputs("pushforward: ", stderr);
  for (const unsigned char *c = (const unsigned char *)text; *c; c++)
    fputc(*c < 32 || *c == 127 ? '?' : *c, stderr);
  fputc('\n', stderr);
}

/* `| head` closes our output when it has enough: nothing to complain about. */
static bool reader_left(const pf_error *error) {
  return error->status == PF_IO && strstr(error->message, strerror(EPIPE)) != NULL;
}

int cli_fail(const pf_error *error) {
  if (!reader_left(error)) print_line(error->message[0] ? error->message : pf_status_name(error->status));
  return pf_status_exit_code(error->status);
}

int cli_usage(const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  print_line(text);
  return pf_status_exit_code(PF_USAGE);
}

void cli_note(const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  print_line(text);
}

int cli_finish(void) {
  errno = 0;
  if (fflush(stdout) == 0 && !ferror(stdout)) return 0;
  if (errno && errno != EPIPE) cli_note("standard output: %s", strerror(errno));
  clearerr(stdout);
  return pf_status_exit_code(PF_IO);
}
