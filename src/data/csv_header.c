/* CSV headers: the first two records as strings, the decision, the names. */
#include "data/csv_header.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "base/memory.h"
#include "data/csv_number.h"
#include "data/json_util.h"
#include "data/table.h"

/* ---- records ---- */

static pf_status add_cell(pf_csv_record *record, const pf_csv_cell *cell, pf_error *error) {
  if (record->count == PF_TABLE_MAX_COLUMNS) {
    return pf_fail(error, PF_BAD_INPUT, "line %lld has more than %d columns", (long long)record->line,
                   PF_TABLE_MAX_COLUMNS);
  }
  if (record->count == record->capacity) {
    size_t larger = 2 * record->capacity + 16;
    PF_TRY(pf_grow(&record->cells, record->capacity, larger, sizeof *record->cells, error));
    record->capacity = larger;
  }
  PF_TRY(pf_alloc(cell->length + 1, 1, &record->cells[record->count], error));
  memcpy(record->cells[record->count], cell->text, cell->length);
  record->count++;
  return PF_OK;
}

pf_status pf_csv_record_read(pf_csv_scan *scan, pf_csv_record *record, pf_error *error) {
  bool more = false;
  PF_TRY(pf_csv_scan_record(scan, &more, error));
  if (!more) return PF_OK;
  record->line = scan->line;
  pf_csv_cell cell = {0};
  do {
    PF_TRY(pf_csv_scan_cell(scan, &cell, error));
    PF_TRY(add_cell(record, &cell, error));
  } while (!cell.last);
  return PF_OK;
}

void pf_csv_record_free(pf_csv_record *record) {
  for (size_t i = 0; i < record->count; i++) pf_free(record->cells[i]);
  pf_free(record->cells);
  *record = (pf_csv_record){0};
}

/* ---- the decision ---- */

static bool is_number(const char *text) {
  pf_csv_number number;
  return pf_csv_number_parse(text, strlen(text), &number);
}

/* Marks of a missing value: they stand in data rows, so they are no sign of a header. */
static bool is_missing(const char *text) {
  static const char *const MARKS[] = {"",     "?",   "na",   "n/a",  "nan", "null",
                                      "none", "inf", "-inf", "+inf", "-nan"};
  text += strspn(text, " \t");
  size_t length = strlen(text);
  while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t')) length--;
  for (size_t i = 0; i < sizeof MARKS / sizeof *MARKS; i++) {
    if (strlen(MARKS[i]) == length && strncasecmp(text, MARKS[i], length) == 0) return true;
  }
  return false;
}

bool pf_csv_record_is_header(const pf_csv_record *first, const pf_csv_record *second) {
  size_t numbers = 0, words = 0;
  for (size_t i = 0; i < first->count; i++) {
    bool number = is_number(first->cells[i]), word = !number && !is_missing(first->cells[i]);
    if (word && i < second->count && is_number(second->cells[i])) return true;
    numbers += number;
    words += word;
  }
  return numbers == 0 && words > 0;
}

/* ---- names ---- */

/* Open-addressing set of names, so that a wide header stays fast. */
typedef struct name_set {
  const char **slots;
  size_t size; /* a power of two, at least twice the names */
} name_set;

static bool set_add(name_set *set, const char *name) {
  uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
  for (const char *at = name; *at; at++) hash = (hash ^ (unsigned char)*at) * UINT64_C(1099511628211);
  for (size_t i = hash & (set->size - 1);; i = (i + 1) & (set->size - 1)) {
    if (!set->slots[i]) {
      set->slots[i] = name;
      return true;
    }
    if (strcmp(set->slots[i], name) == 0) return false;
  }
}

/* A trimmed copy with room for suffixes; bytes that could not be shown or stored as UTF-8 become '?'. */
static pf_status clean_name(const char *cell, size_t column, char **out, pf_error *error) {
  cell += strspn(cell, " \t");
  size_t length = strlen(cell);
  while (length > 0 && strchr(" \t\r\n", cell[length - 1])) length--;
  char *name = NULL;
  PF_TRY(pf_alloc(length + 64, 1, &name, error));
  if (length == 0) snprintf(name, 64, "x%zu", column + 1);
  bool valid = pf_utf8_valid(cell, length);
  for (size_t i = 0; i < length; i++) {
    unsigned char byte = (unsigned char)cell[i];
    name[i] = byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !valid) ? '?' : cell[i];
  }
  *out = name;
  return PF_OK;
}

/* Appends _<column> until the name is new; each suffix is the same, so the name only grows by a few. */
static pf_status make_distinct(name_set *set, char **name, size_t column, pf_error *error) {
  while (!set_add(set, *name)) {
    char suffix[32];
    int more = snprintf(suffix, sizeof suffix, "_%zu", column + 1);
    size_t length = strlen(*name);
    PF_TRY(pf_grow(name, length + 1, length + (size_t)more + 1, 1, error));
    memcpy(*name + length, suffix, (size_t)more + 1);
  }
  return PF_OK;
}

static pf_status fill_names(const pf_csv_record *first, bool is_header, char **names, name_set *set,
                            pf_error *error) {
  for (size_t i = 0; i < first->count; i++) {
    PF_TRY(clean_name(is_header ? first->cells[i] : "", i, &names[i], error));
    PF_TRY(make_distinct(set, &names[i], i, error));
  }
  return PF_OK;
}

pf_status pf_csv_names(const pf_csv_record *first, bool is_header, char ***out, pf_error *error) {
  char **names = NULL;
  name_set set = {.size = 16};
  while (set.size < 2 * first->count) set.size *= 2;
  PF_TRY(pf_alloc(set.size, sizeof *set.slots, &set.slots, error));
  pf_status status = pf_alloc(first->count, sizeof *names, &names, error);
  if (status == PF_OK) status = fill_names(first, is_header, names, &set, error);
  pf_free(set.slots);
  if (status != PF_OK) {
    pf_csv_names_free(names, first->count);
    return status;
  }
  *out = names;
  return PF_OK;
}

void pf_csv_names_free(char **names, size_t count) {
  for (size_t i = 0; names && i < count; i++) pf_free(names[i]);
  pf_free(names);
}

void pf_csv_show(const char *text, size_t length, char out[48]) {
  size_t shown = length <= 40 ? length : 37;
  bool valid = pf_utf8_valid(text, length);
  while (valid && shown > 0 && shown < length && ((unsigned char)text[shown] & 0xC0) == 0x80) shown--;
  for (size_t i = 0; i < shown; i++) {
    unsigned char byte = (unsigned char)text[i];
    out[i] = byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !valid) ? '?' : text[i];
  }
  memcpy(out + shown, shown < length ? "..." : "", shown < length ? 4 : 1);
}
