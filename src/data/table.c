/* Tables: making, choosing columns, choosing rows, splitting and checking. The contract is in table.h. */
#include "data/table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "base/rng.h"
#include "base/text.h"

/* ---- making ---- */

static pf_status table_allocate(pf_table *table, int64_t rows, int columns, pf_error *error) {
  size_t width = (size_t)columns, cells = 0;
  if (rows < 0 || columns < 1 || columns > PF_TABLE_MAX_COLUMNS) {
    return pf_fail(error, PF_BAD_INPUT, "a table of %lld rows x %d columns cannot be made", (long long)rows,
                   columns);
  }
  if (__builtin_mul_overflow((uint64_t)rows, (uint64_t)columns, &cells)) {
    return pf_fail(error, PF_NO_MEMORY, "out of memory: %lld rows x %d columns", (long long)rows, columns);
  }
  table->rows = rows;
  table->columns = columns;
  PF_TRY(pf_alloc(cells, sizeof *table->values, &table->values, error));
  PF_TRY(pf_alloc(width, sizeof *table->names, &table->names, error));
  PF_TRY(pf_alloc(width, sizeof *table->types, &table->types, error));
  PF_TRY(pf_alloc(width, sizeof *table->decimals, &table->decimals, error));
  for (int c = 0; c < columns; c++) {
    char name[16];
    snprintf(name, sizeof name, "x%d", c + 1);
    PF_TRY(pf_strdup(name, &table->names[c], error));
    table->decimals[c] = -1;
  }
  return PF_OK;
}

pf_status pf_table_create(int64_t rows, int columns, pf_table **out, pf_error *error) {
  pf_table *table = NULL;
  PF_TRY(pf_alloc(1, sizeof *table, &table, error));
  pf_status status = table_allocate(table, rows, columns, error);
  if (status != PF_OK) {
    pf_table_free(table);
    return status;
  }
  *out = table;
  return PF_OK;
}

void pf_table_free(pf_table *table) {
  if (!table) return;
  for (int c = 0; table->names && c < table->columns; c++) pf_free(table->names[c]);
  pf_free(table->values);
  pf_free(table->names);
  pf_free(table->types);
  pf_free(table->decimals);
  pf_free(table);
}

pf_status pf_table_set_name(pf_table *table, int column, const char *name, pf_error *error) {
  char *copy = NULL;
  PF_TRY(pf_strdup(name, &copy, error));
  pf_free(table->names[column]);
  table->names[column] = copy;
  return PF_OK;
}

static pf_status set_distinct_names(pf_table *table, const char *const *names, pf_error *error) {
  for (int c = 0; c < table->columns; c++) {
    if (!names[c] || !names[c][0]) return pf_fail(error, PF_BAD_INPUT, "column %d has no name", c + 1);
    for (int b = 0; b < c; b++) {
      if (strcmp(names[b], names[c]) == 0) {
        return pf_fail(error, PF_BAD_INPUT, "columns %d and %d are both named '%.80s'", b + 1, c + 1,
                       names[c]);
      }
    }
    PF_TRY(pf_table_set_name(table, c, names[c], error));
  }
  return PF_OK;
}

pf_status pf_table_from_values(int64_t n, int d, const double *values, const char *const *names,
                               pf_table **out, pf_error *error) {
  pf_table *table = NULL;
  PF_TRY(pf_table_create(n, d, &table, error));
  memcpy(table->values, values, (size_t)n * (size_t)d * sizeof *values);
  pf_status status = names ? set_distinct_names(table, names, error) : PF_OK;
  if (status == PF_OK) status = pf_table_check(table, "values", 1, error);
  if (status != PF_OK) {
    pf_table_free(table);
    return status;
  }
  *out = table;
  return PF_OK;
}

pf_status pf_table_set_whole(pf_table *table, int column, pf_error *error) {
  if (column < 0 || column >= table->columns)
    return pf_fail(error, PF_USAGE, "there is no column %d in a table of %d", column, table->columns);
  for (int64_t r = 0; r < table->rows; r++) {
    double value = table->values[r * table->columns + column];
    if (!(value == floor(value)))
      return pf_fail(error, PF_BAD_INPUT, "row %lld, column '%.80s': %.17g is not a whole number",
                     (long long)r + 1, table->names[column], value);
  }
  table->types[column] = PF_COLUMN_INTEGER;
  table->decimals[column] = 0;
  return PF_OK;
}

int64_t pf_table_rows(const pf_table *table) { return table->rows; }
int pf_table_columns(const pf_table *table) { return table->columns; }
const double *pf_table_values(const pf_table *table) { return table->values; }

const char *pf_table_column_name(const pf_table *table, int column) {
  return column >= 0 && column < table->columns ? table->names[column] : NULL;
}

int pf_table_find(const pf_table *table, const char *name, size_t length) {
  for (int j = 0; j < table->columns; j++)
    if (strlen(table->names[j]) == length && strncmp(table->names[j], name, length) == 0) return j;
  return -1;
}

/* ---- choosing columns ---- */

static int find_name(const char *word, const char *const *names, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp(word, names[i]) == 0) return (int)i;
  }
  return -1;
}

static pf_status resolve_keep(const pf_column_choice *choice, const char *const *names, size_t count,
                              int *indices, int *kept, pf_error *error) {
  *kept = 0;
  for (size_t i = 0; i < choice->keep_count; i++) {
    int index = find_name(choice->keep[i], names, count);
    if (index < 0) return pf_fail_unknown(error, "column", choice->keep[i], names, count);
    for (int k = 0; k < *kept; k++) {
      if (indices[k] == index) return pf_fail(error, PF_USAGE, "column '%.80s' is named twice", names[index]);
    }
    indices[(*kept)++] = index;
  }
  if (choice->keep_count == 0) {
    for (size_t i = 0; i < count; i++) indices[i] = (int)i;
    *kept = (int)count;
  }
  return PF_OK;
}

pf_status pf_column_choice_resolve(const pf_column_choice *choice, const char *const *names, size_t count,
                                   int *indices, int *kept, pf_error *error) {
  int now = 0;
  PF_TRY(resolve_keep(choice, names, count, indices, &now, error));
  for (size_t i = 0; i < choice->drop_count; i++) {
    int index = find_name(choice->drop[i], names, count);
    if (index < 0) return pf_fail_unknown(error, "column", choice->drop[i], names, count);
    int left = 0;
    for (int k = 0; k < now; k++) {
      if (indices[k] != index) indices[left++] = indices[k];
    }
    now = left;
  }
  if (now == 0) return pf_fail(error, PF_USAGE, "no column is left of %zu", count);
  *kept = now;
  return PF_OK;
}

static pf_status copy_column_head(pf_table *to, int to_column, const pf_table *from, int from_column,
                                  pf_error *error) {
  to->types[to_column] = from->types[from_column];
  to->decimals[to_column] = from->decimals[from_column];
  return pf_table_set_name(to, to_column, from->names[from_column], error);
}

static pf_status copy_columns(pf_table *to, const pf_table *from, const int *indices, pf_error *error) {
  for (int c = 0; c < to->columns; c++) PF_TRY(copy_column_head(to, c, from, indices[c], error));
  for (int64_t r = 0; r < to->rows; r++) {
    const double *row = from->values + r * from->columns;
    for (int c = 0; c < to->columns; c++) to->values[r * to->columns + c] = row[indices[c]];
  }
  return PF_OK;
}

pf_status pf_table_select(const pf_table *table, const pf_column_choice *choice, pf_table **out,
                          pf_error *error) {
  pf_status status = PF_OK;
  pf_table *chosen = NULL;
  int *indices = NULL, kept = 0;
  PF_TRY(pf_alloc((size_t)table->columns, sizeof *indices, &indices, error));
  PF_TRY_GOTO(pf_column_choice_resolve(choice, (const char *const *)table->names, (size_t)table->columns,
                                       indices, &kept, error));
  PF_TRY_GOTO(pf_table_create(table->rows, kept, &chosen, error));
  PF_TRY_GOTO(copy_columns(chosen, table, indices, error));
  *out = chosen;
  chosen = NULL;
cleanup:
  pf_table_free(chosen);
  pf_free(indices);
  return status;
}

/* ---- choosing rows ---- */

pf_status pf_table_take(const pf_table *table, const uint32_t *rows, int64_t count, pf_table **out,
                        pf_error *error) {
  pf_table *taken = NULL;
  size_t width = (size_t)table->columns;
  pf_status status = pf_table_create(count, table->columns, &taken, error);
  for (int c = 0; status == PF_OK && c < table->columns; c++) {
    status = copy_column_head(taken, c, table, c, error);
  }
  if (status != PF_OK) {
    pf_table_free(taken);
    return status;
  }
  for (int64_t r = 0; r < count; r++) {
    memcpy(taken->values + (size_t)r * width, table->values + (size_t)rows[r] * width,
           width * sizeof *taken->values);
  }
  *out = taken;
  return PF_OK;
}

/* Row indices, the held ones moved to the end, file order inside both parts: the first `held` of a random
 * permutation are held. */
static pf_status split_rows(uint32_t n, uint32_t held, uint64_t seed, uint32_t **out, pf_error *error) {
  uint32_t *permutation = NULL, *order = NULL;
  uint8_t *is_held = NULL;
  pf_status status = PF_OK;
  PF_TRY_GOTO(pf_alloc(n, sizeof *permutation, &permutation, error));
  PF_TRY_GOTO(pf_alloc(n, sizeof *order, &order, error));
  PF_TRY_GOTO(pf_alloc(n, sizeof *is_held, &is_held, error));
  pf_fill_permutation(seed, PF_STREAM_SPLIT, n, permutation);
  for (uint32_t i = 0; i < held; i++) is_held[permutation[i]] = 1;
  uint32_t rest_at = 0, held_at = n - held;
  for (uint32_t i = 0; i < n; i++) order[is_held[i] ? held_at++ : rest_at++] = i;
  *out = order;
  order = NULL;
cleanup:
  pf_free(permutation);
  pf_free(order);
  pf_free(is_held);
  return status;
}

pf_status pf_table_split(const pf_table *table, double share, uint64_t seed, pf_table **rest, pf_table **held,
                         pf_error *error) {
  int64_t n = table->rows;
  if (!(share > 0 && share < 1)) {
    return pf_fail(error, PF_USAGE, "the held-out share is %g; it must lie between 0 and 1", share);
  }
  if (n < 2 || n > UINT32_MAX) {
    return pf_fail(error, PF_BAD_INPUT, "cannot hold rows out of a table of %lld rows", (long long)n);
  }
  int64_t count = llround(share * (double)n);
  if (count < 1) count = 1;
  if (count > n - 1) count = n - 1;
  pf_status status = PF_OK;
  uint32_t *order = NULL;
  pf_table *large = NULL, *small = NULL;
  PF_TRY_GOTO(split_rows((uint32_t)n, (uint32_t)count, seed, &order, error));
  PF_TRY_GOTO(pf_table_take(table, order, n - count, &large, error));
  PF_TRY_GOTO(pf_table_take(table, order + (n - count), count, &small, error));
  *rest = large;
  *held = small;
  large = small = NULL;
cleanup:
  pf_free(order);
  pf_table_free(large);
  pf_table_free(small);
  return status;
}

/* ---- checking ---- */

pf_status pf_table_check(const pf_table *table, const char *name, int64_t min_rows, pf_error *error) {
  int64_t least = min_rows > 0 ? min_rows : 2;
  if (table->rows < least) {
    return pf_fail(error, PF_BAD_INPUT, "%.200s: %lld row%s; at least %lld %s needed", name,
                   (long long)table->rows, table->rows == 1 ? "" : "s", (long long)least,
                   least == 1 ? "is" : "are");
  }
  for (int64_t r = 0; r < table->rows; r++) {
    for (int c = 0; c < table->columns; c++) {
      double value = table->values[r * table->columns + c];
      if (!isfinite(value)) {
        return pf_fail(error, PF_BAD_INPUT, "%.200s: row %lld, column '%.80s': the value is %f, not finite",
                       name, (long long)r + 1, table->names[c], value);
      }
    }
  }
  return PF_OK;
}
