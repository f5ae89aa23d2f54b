/* Rows of a source: see source.h. */
#include "source.h"

#include <string.h>
#include "pushforward.h"

enum { MOST_ROWS = (1 << 24) - 1 }; /* row numbers are exact floats up to here */

pf_status pf_source_check(const pf_table *source, int columns, pf_error *error) {
  PF_TRY(pf_table_check(source, "the source", 2, error));
  if (source->columns != columns)
    return pf_fail(error, PF_BAD_INPUT, "the source has %d columns, the data it is carried to %d",
                   source->columns, columns);
  if (source->rows > MOST_ROWS)
    return pf_fail(error, PF_BAD_INPUT, "%lld rows of a source, at most %d are supported",
                   (long long)source->rows, MOST_ROWS);
  return PF_OK;
}

pf_status pf_source_pool(const pf_table *data, const pf_table *source, pf_table **out, pf_error *error) {
  size_t d = (size_t)data->columns, first = (size_t)data->rows * d, second = (size_t)source->rows * d;
  pf_table *table = NULL;
  PF_TRY(pf_table_create(data->rows + source->rows, data->columns, &table, error));
  pf_status status = PF_OK;
  for (int j = 0; j < data->columns && status == PF_OK; j++) {
    table->types[j] = data->types[j];
    table->decimals[j] = data->decimals[j];
    status = pf_table_set_name(table, j, data->names[j], error);
  }
  memcpy(table->values, data->values, first * sizeof(double));
  memcpy(table->values + first, source->values, second * sizeof(double));
  if (status == PF_OK)
    *out = table;
  else
    pf_table_free(table);
  return status;
}
