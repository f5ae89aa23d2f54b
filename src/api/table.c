/* Public tables: loading from any source. Access and writing: data/table.c, table_file.c. */
#include <string.h>
#include "../data/law.h"
#include "../data/table.h"

/* Enough that the rows' own sampling error stays far below what an evaluation can resolve. */
enum { LAW_ROWS = 500000 };

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
  pf_read_options read = {.choice = {o->columns, (size_t)o->n_columns, o->drop, (size_t)o->n_drop},
                          .min_rows = o->min_rows};
  return pf_table_read(source, &read, out, error);
}
