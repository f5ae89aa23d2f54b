/* Fuzz target of the CSV reader: any bytes give a table or an error, never a crash. */
#include <stddef.h>
#include <stdint.h>
#include "data/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  pf_table *table = NULL;
  if (pf_csv_read_bytes(data, size, NULL, &table, NULL) == PF_OK) pf_table_free(table);
  return 0;
}
