/* Public tables: loading from any source, access, writing. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "../base/memory.h"
#include "../data/csv.h"
#include "../data/law.h"
#include "../data/npy.h"
#include "../data/table.h"

enum { LAW_ROWS = 100000 };

static pf_status select_columns(pf_table **table, const pf_load_options *o, pf_error *error) {
  if (o->n_columns == 0 && o->n_drop == 0) return PF_OK;
  pf_column_choice choice = {o->columns, (size_t)o->n_columns, o->drop, (size_t)o->n_drop};
  pf_table *chosen = NULL;
  pf_status status = pf_table_select(*table, &choice, &chosen, error);
  if (status != PF_OK) return status;
  pf_table_free(*table);
  *table = chosen;
  return PF_OK;
}

static pf_status draw_law(const char *spec, const pf_load_options *o, pf_table **out, pf_error *error) {
  pf_law *law = NULL;
  pf_table *table = NULL;
  int64_t rows = o->rows ? o->rows : LAW_ROWS;
  if (rows < 1) return pf_fail(error, PF_USAGE, "rows is %lld, must be at least 1", (long long)rows);
  PF_TRY(pf_law_create(spec, &law, error));
  pf_status status = pf_table_create(rows, pf_law_dimension(law), &table, error);
  if (status == PF_OK) {
    pf_law_sample(law, o->seed, 0, rows, table->values);
    status = select_columns(&table, o, error);
  }
  pf_law_free(law);
  if (status == PF_OK)
    *out = table;
  else
    pf_table_free(table);
  return status;
}

pf_status pf_table_load(const char *source, const pf_load_options *options, pf_table **out, pf_error *error) {
  static const pf_load_options none = {0};
  const pf_load_options *o = options ? options : &none;
  if (strncmp(source, "law:", 4) == 0) return draw_law(source + 4, o, out, error);
  pf_read_options read = {.choice = {o->columns, (size_t)o->n_columns, o->drop, (size_t)o->n_drop}};
  return pf_table_read(source, &read, out, error);
}

pf_status pf_table_from_values(int64_t n, int d, const double *values, const char *const *names,
                               pf_table **out, pf_error *error) {
  pf_table *table = NULL;
  if (n < 0 || d < 1)
    return pf_fail(error, PF_USAGE, "a table of %lld rows and %d columns cannot be made", (long long)n, d);
  PF_TRY(pf_table_create(n, d, &table, error));
  memcpy(table->values, values, (size_t)n * (size_t)d * sizeof(double));
  pf_status status = PF_OK;
  for (int j = 0; names && j < d && status == PF_OK; j++)
    status = pf_table_set_name(table, j, names[j], error);
  if (status == PF_OK) status = pf_table_check(table, "values", 1, error);
  if (status == PF_OK)
    *out = table;
  else
    pf_table_free(table);
  return status;
}

int64_t pf_table_rows(const pf_table *table) { return table->rows; }
int pf_table_columns(const pf_table *table) { return table->columns; }
const double *pf_table_values(const pf_table *table) { return table->values; }

const char *pf_table_column_name(const pf_table *table, int column) {
  return column >= 0 && column < table->columns ? table->names[column] : NULL;
}

pf_status pf_table_write(const pf_table *table, const char *path, pf_error *error) {
  size_t length = strlen(path);
  if (strcmp(path, "-") == 0) return pf_csv_write(stdout, table, error);
  if (length > 4 && strcmp(path + length - 4, ".npy") == 0) return pf_npy_write(path, table, PF_NPY_F8, error);
  return pf_csv_write_file(path, table, error);
}
