/* JSON helpers over jansson: strict parsing and checked access, with messages that name key and value. */
#ifndef PF_DATA_JSON_UTIL_H
#define PF_DATA_JSON_UTIL_H

#include <jansson.h>
#include "base/status.h"
#include "base/text.h"

/* Parses one JSON object, duplicate keys refused. `name` is for messages. Free with json_decref.
 * PF_BAD_INPUT with line and reason. */
pf_status pf_json_parse_object(const char *text, size_t length, const char *name, json_t **out,
                               pf_error *error);

/* Members of an object; PF_BAD_INPUT when the key is missing, of another type or outside [low, high].
 * The string belongs to `object`. */
pf_status pf_json_get_string(const json_t *object, const char *key, const char **out, pf_error *error);
pf_status pf_json_get_integer(const json_t *object, const char *key, int64_t low, int64_t high, int64_t *out,
                              pf_error *error);
pf_status pf_json_get_number(const json_t *object, const char *key, double low, double high, double *out,
                             pf_error *error);
pf_status pf_json_get_bool(const json_t *object, const char *key, bool *out, pf_error *error);
pf_status pf_json_get_array(const json_t *object, const char *key, const json_t **out, pf_error *error);
pf_status pf_json_get_object(const json_t *object, const char *key, const json_t **out, pf_error *error);

/* Appends "text" with JSON escapes. The text should be valid UTF-8 (pf_utf8_valid). */
void pf_json_quote(pf_text *out, const char *text);
bool pf_utf8_valid(const char *text, size_t length);

#endif
