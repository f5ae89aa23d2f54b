/* Growable strings, numbers as text and names that nearly match.
 *
 * Everything that formats or parses a number runs in the "C" locale whatever the host program has
 * set: files and JSON must not change with the user's language. */
#include "text.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ctype.h>
#include <pthread.h>

#include "canary.h"
#include "memory.h"

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void make_c_locale(void) { c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); }

/* (locale_t)0 when the system has none to give: uselocale then changes nothing. */
static locale_t get_c_locale(void) {
  pthread_once(&c_locale_once, make_c_locale);
  return c_locale;
}

/* ---- growable strings ---- */

/* Room for `more` bytes and the NUL; false (and a stuck status) when there is none. */
static bool reserve(pf_text *text, size_t more) {
  if (text->status != PF_OK) return false;
  size_t needed = text->length + 1;
  if (__builtin_add_overflow(needed, more, &needed)) needed = SIZE_MAX;
  if (needed <= text->capacity) return true;
  size_t capacity = text->capacity < SIZE_MAX / 2 ? 2 * text->capacity : SIZE_MAX;
  if (capacity < 64) capacity = 64;
  if (capacity < needed) capacity = needed;
  text->status = pf_grow(&text->data, text->capacity, capacity, 1, NULL);
  if (text->status == PF_OK) text->capacity = capacity;
  return text->status == PF_OK;
}

void pf_text_add_bytes(pf_text *text, const void *bytes, size_t length) {
  if (!reserve(text, length)) return;
  if (length) memcpy(text->data + text->length, bytes, length);
  text->length += length;
  text->data[text->length] = '\0';
}

void pf_text_add(pf_text *text, const char *format, ...) {
  if (text->status != PF_OK) return;
  locale_t before = uselocale(get_c_locale());
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  if (length < 0) {
    text->status = PF_FAILED;
  } else if (reserve(text, (size_t)length)) {
    va_start(arguments, format);
    vsnprintf(text->data + text->length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    text->length += (size_t)length;
  }
  uselocale(before);
}

void pf_text_free(pf_text *text) {
  pf_free(text->data);
  *text = (pf_text){0};
}

void pf_text_cut(char *out, size_t size, const char *text) {
  size_t length = strlen(text);
  if (length >= size) {
    length = size - 1;
    while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80) length--; /* inside a character */
  }
  memcpy(out, text, length);
  out[length] = '\0';
}

/* ---- names ---- */

enum { LONGEST_NAME = 63 };

static size_t smallest(size_t a, size_t b, size_t c) {
  size_t least = a < b ? a : b;
  return least < c ? least : c;
}

/* Edit distance where a swap of neighbours counts once (optimal string alignment), case ignored.
 * Row i of the table is the distance of a[0..i-1] to every prefix of b. */
static size_t edit_distance(const char *a, const char *b) {
  size_t na = strlen(a), nb = strlen(b);
  if (na > LONGEST_NAME || nb > LONGEST_NAME) return SIZE_MAX;
  size_t rows[3][LONGEST_NAME + 1];
  for (size_t j = 0; j <= nb; j++) rows[0][j] = j;
  for (size_t i = 1; i <= na; i++) {
    size_t *now = rows[i % 3], *last = rows[(i - 1) % 3], *before = rows[(i + 1) % 3];
    now[0] = i;
    for (size_t j = 1; j <= nb; j++) {
      int ca = tolower((unsigned char)a[i - 1]), cb = tolower((unsigned char)b[j - 1]);
      now[j] = smallest(last[j] + 1, now[j - 1] + 1, last[j - 1] + (ca != cb));
      bool swapped =
          i > 1 && j > 1 && ca == tolower((unsigned char)b[j - 2]) && cb == tolower((unsigned char)a[i - 2]);
      if (swapped && before[j - 2] + 1 < now[j]) now[j] = before[j - 2] + 1;
    }
  }
  return rows[na % 3][nb];
}

const char *pf_nearest_name(const char *word, const char *const *names, size_t count) {
  size_t best = 2 + strlen(word) / 4; /* a third of a short word wrong is no longer a slip */
  const char *nearest = NULL;
  for (size_t i = 0; i < count; i++) {
    size_t distance = edit_distance(word, names[i]);
    if (distance < best && distance < strlen(names[i])) {
      best = distance;
      nearest = names[i];
    }
  }
  return nearest;
}

pf_status pf_fail_unknown(pf_error *error, const char *kind, const char *word, const char *const *names,
                          size_t count) {
  char valid[sizeof error->message] = "";
  size_t used = 0;
  for (size_t i = 0; i < count && used < sizeof valid; i++) {
    int length = snprintf(valid + used, sizeof valid - used, "%s%s", i ? ", " : "", names[i]);
    if (length > 0) used += (size_t)length;
  }
  const char *nearest = pf_nearest_name(word, names, count);
  return pf_fail(error, PF_USAGE, "unknown %s '%.80s'%s%s%s; valid: %s", kind, word,
                 nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'" : "", valid);
}

/* ---- numbers ---- */

static const char *skip_sign(const char *text) { return *text == '+' || *text == '-' ? text + 1 : text; }

bool pf_parse_double(const char *text, double *out) {
  const char *digits = skip_sign(text);
  bool hexadecimal = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
  if (isspace((unsigned char)*text) || hexadecimal || !get_c_locale()) return false;
  char *end = NULL;
  errno = 0;
  double value = strtod_l(text, &end, get_c_locale());
  if (end == text || PF_CANARY(PARSE_TRAILING_TEXT, *end != '\0', false)) return false;
  if (errno == ERANGE && isinf(value)) return false; /* 1e999 is a number we cannot hold */
  *out = value;
  return true;
}

void pf_format_double(double value, char out[32]) {
  if (!isfinite(value)) {
    snprintf(out, 32, "%s", isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
    return;
  }
  locale_t before = uselocale(get_c_locale());
  double back = 0.0;
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(out, 32, "%.*g", digits, value);
    if (pf_parse_double(out, &back) && back == value) break;
  }
  uselocale(before);
}

bool pf_has_option(const char *command, const char *option) {
  size_t length = strlen(option);
  for (const char *at = strstr(command, option); at; at = strstr(at + 1, option)) {
    bool begins = at == command || at[-1] == ' ';
    if (begins && (at[length] == ' ' || at[length] == '=' || at[length] == 0)) return true;
  }
  return false;
}
