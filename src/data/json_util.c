/* JSON helpers: see json_util.h. */
#include "data/json_util.h"

#include <string.h>

pf_status pf_json_parse_object(const char *text, size_t length, const char *name, json_t **out,
                               pf_error *error) {
  json_error_t reason;
  json_t *value = json_loadb(text, length, JSON_REJECT_DUPLICATES, &reason);
  if (!value) {
    return pf_fail(error, PF_BAD_INPUT, "%.200s: not valid JSON: line %d: %.160s", name, reason.line,
                   reason.text);
  }
  if (!json_is_object(value)) {
    json_decref(value);
    return pf_fail(error, PF_BAD_INPUT, "%.200s: the JSON value is not an object", name);
  }
  *out = value;
  return PF_OK;
}

static pf_status find(const json_t *object, const char *key, const json_t **out, pf_error *error) {
  const json_t *value = json_object_get(object, key);
  if (!value) return pf_fail(error, PF_BAD_INPUT, "key '%.80s' is missing", key);
  *out = value;
  return PF_OK;
}

static pf_status fail_type(const char *key, const char *expected, pf_error *error) {
  return pf_fail(error, PF_BAD_INPUT, "key '%.80s' is not %s", key, expected);
}

pf_status pf_json_get_string(const json_t *object, const char *key, const char **out, pf_error *error) {
  const json_t *value = NULL;
  PF_TRY(find(object, key, &value, error));
  if (!json_is_string(value)) return fail_type(key, "a string", error);
  *out = json_string_value(value);
  return PF_OK;
}

pf_status pf_json_get_integer(const json_t *object, const char *key, int64_t low, int64_t high, int64_t *out,
                              pf_error *error) {
  const json_t *value = NULL;
  PF_TRY(find(object, key, &value, error));
  if (!json_is_integer(value)) return fail_type(key, "an integer", error);
  int64_t number = json_integer_value(value);
  if (number < low || number > high) {
    return pf_fail(error, PF_BAD_INPUT, "key '%.80s' is %lld, outside %lld..%lld", key, (long long)number,
                   (long long)low, (long long)high);
  }
  *out = number;
  return PF_OK;
}

pf_status pf_json_get_number(const json_t *object, const char *key, double low, double high, double *out,
                             pf_error *error) {
  const json_t *value = NULL;
  PF_TRY(find(object, key, &value, error));
  if (!json_is_number(value)) return fail_type(key, "a number", error);
  double number = json_number_value(value);
  if (!(number >= low && number <= high)) {
    return pf_fail(error, PF_BAD_INPUT, "key '%.80s' is %g, outside %g..%g", key, number, low, high);
  }
  *out = number;
  return PF_OK;
}

pf_status pf_json_get_bool(const json_t *object, const char *key, bool *out, pf_error *error) {
  const json_t *value = NULL;
  PF_TRY(find(object, key, &value, error));
  if (!json_is_boolean(value)) return fail_type(key, "true or false", error);
  *out = json_is_true(value);
  return PF_OK;
}

pf_status pf_json_get_array(const json_t *object, const char *key, const json_t **out, pf_error *error) {
  const json_t *value = NULL;
  PF_TRY(find(object, key, &value, error));
  if (!json_is_array(value)) return fail_type(key, "an array", error);
  *out = value;
  return PF_OK;
}

pf_status pf_json_get_object(const json_t *object, const char *key, const json_t **out, pf_error *error) {
  const json_t *value = NULL;
  PF_TRY(find(object, key, &value, error));
  if (!json_is_object(value)) return fail_type(key, "an object", error);
  *out = value;
  return PF_OK;
}

void pf_json_quote(pf_text *out, const char *text) {
  pf_text_add_bytes(out, "\"", 1);
  for (const char *at = text; *at; at++) {
    unsigned char byte = (unsigned char)*at;
    if (byte == '"' || byte == '\\') {
      char escaped[2] = {'\\', (char)byte};
      pf_text_add_bytes(out, escaped, 2);
    } else if (byte < 0x20) {
      pf_text_add(out, "\\u%04x", byte);
    } else {
      pf_text_add_bytes(out, at, 1);
    }
  }
  pf_text_add_bytes(out, "\"", 1);
}

/* Bytes of the sequence that starts here, 0 when none is valid (overlong forms, surrogates, > U+10FFFF). */
static size_t utf8_sequence(const unsigned char *at, size_t left) {
  unsigned char lead = at[0];
  if (lead < 0x80) return 1;
  size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                  : (lead & 0xF0) == 0xE0        ? 3
                  : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                 : 0;
  if (length == 0 || length > left) return 0;
  for (size_t i = 1; i < length; i++) {
    if ((at[i] & 0xC0) != 0x80) return 0;
  }
  bool wrong = (lead == 0xE0 && at[1] < 0xA0) || (lead == 0xED && at[1] > 0x9F) ||
               (lead == 0xF0 && at[1] < 0x90) || (lead == 0xF4 && at[1] > 0x8F);
  return wrong ? 0 : length;
}

bool pf_utf8_valid(const char *text, size_t length) {
  const unsigned char *at = (const unsigned char *)text;
  while (length > 0) {
    size_t step = utf8_sequence(at, length);
    if (step == 0) return false;
    at += step;
    length -= step;
  }
  return true;
}
