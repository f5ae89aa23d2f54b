/* Text helpers: growable strings, number formatting and unknown names (pf_nearest_name is public). */
#ifndef PF_BASE_TEXT_H
#define PF_BASE_TEXT_H

#include <stddef.h>
#include "status.h"

/* A growable string. {0} is empty; failures stick in `status` and are read once at the end. */
typedef struct pf_text {
  char *data; /* NUL terminated, NULL while empty */
  size_t length, capacity;
  pf_status status;
} pf_text;

void pf_text_add(pf_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void pf_text_add_bytes(pf_text *text, const void *bytes, size_t length);
void pf_text_free(pf_text *text);

/* As much of UTF-8 text as `size` bytes, 1 at least, hold with a NUL: whole characters, so that it stays UTF-8. */
void pf_text_cut(char *out, size_t size, const char *text);

/* PF_USAGE: "unknown <kind> '<word>'; did you mean 'x'? valid: a, b, c". */
pf_status pf_fail_unknown(pf_error *error, const char *kind, const char *word, const char *const *names,
                          size_t count);

/* Whether `option` ("--steps") stands in a command line as a word of its own, or as "option=". */
bool pf_has_option(const char *command, const char *option);

/* Locale-independent parse of a whole string as a double; false when it is not one. */
bool pf_parse_double(const char *text, double *out);
/* Shortest decimal text that reads back to the same double (at most 32 bytes with the NUL). */
void pf_format_double(double value, char out[32]);

#endif
