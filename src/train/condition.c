/* Names of given columns: see condition.h. */
#include "condition.h"

#include <stdio.h>
#include <string.h>
#include "../base/text.h"

static pf_status refuse_name(const pf_table *table, const char *name, int length, pf_error *error) {
  char word[128];
  snprintf(word, sizeof word, "%.*s", length < 120 ? length : 120, name);
  return pf_fail_unknown(error, "condition", word, (const char *const *)table->names, (size_t)table->columns);
}

/* Keeps the columns ascending. */
static pf_status insert(pf_given *given, int column, const char *name, pf_error *error) {
  int at = given->count;
  if (pf_given_has(given, column))
    return pf_fail(error, PF_USAGE, "condition names column '%.100s' twice", name);
  if (given->count == PF_GIVEN_MOST)
    return pf_fail(error, PF_USAGE, "condition names more than %d columns", PF_GIVEN_MOST);
  for (; at > 0 && given->columns[at - 1] > column; at--) given->columns[at] = given->columns[at - 1];
  given->columns[at] = column;
  given->count++;
  return PF_OK;
}

pf_status pf_condition_parse(const char *names, const pf_table *table, pf_given *out, pf_error *error) {
  pf_given given = {0};
  for (const char *at = names; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
    const size_t length = strcspn(at, ",");
    const int column = pf_table_find(table, at, length);
    if (column < 0) return refuse_name(table, at, (int)length, error);
    PF_TRY(insert(&given, column, table->names[column], error));
  }
  if (given.count == table->columns)
    return pf_fail(error, PF_USAGE, "condition '%.100s' leaves none of the %d columns to generate", names,
                   table->columns);
  *out = given;
  return PF_OK;
}
