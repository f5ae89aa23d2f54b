/* Tables: the rows every method trains on and every metric compares.
 *
 * The public part (free, split, from_values, accessors, write) is declared in pushforward.h.
 * A table is n rows of d named numeric columns. A column is REAL or INTEGER; INTEGER columns are written back
 * as integers. Readers live in csv.h, npy.h and npz.h; pf_table_read picks one by the file's first bytes.
 */
#ifndef PF_DATA_TABLE_H
#define PF_DATA_TABLE_H

#include <stdint.h>
#include "base/status.h"

typedef enum pf_column_type { PF_COLUMN_REAL, PF_COLUMN_INTEGER } pf_column_type;

/* Most columns a reader accepts: a guard against files that are not tables. */
enum { PF_TABLE_MAX_COLUMNS = 1 << 20 };

struct pf_table {
  int64_t rows;
  int columns;
  double *values;        /* rows x columns, row-major, all finite */
  char **names;          /* columns, distinct, non-empty */
  pf_column_type *types; /* columns */
  int *decimals;         /* columns: most digits after the point seen in the text, -1 unknown */
};

/* Which columns to keep. Without `keep` every column stays; `drop` is applied after `keep`. The result has
 * the order of `keep`, or the file's own. {0} keeps everything. */
typedef struct pf_column_choice {
  const char *const *keep;
  size_t keep_count;
  const char *const *drop;
  size_t drop_count;
} pf_column_choice;

/* How to read a table. {0} is valid. */
typedef struct pf_read_options {
  pf_column_choice choice;
  const char *name; /* what messages call the data; NULL: the path, or "input" */
  int64_t min_rows; /* fewer rows are PF_BAD_INPUT; 0 means 2 */
} pf_read_options;

/* rows x columns zeros, REAL, decimals unknown, columns named x1..xd. rows >= 0, columns >= 1.
 * PF_NO_MEMORY when rows * columns does not fit. */
pf_status pf_table_create(int64_t rows, int columns, pf_table **out, pf_error *error);

/* The column called by the first `length` bytes of `name`, -1 when there is none. */
int pf_table_find(const pf_table *table, const char *name, size_t length);

/* Gives a column another name (copied). */
pf_status pf_table_set_name(pf_table *table, int column, const char *name, pf_error *error);

/* Resolves a choice against `count` column names: indices[0..*kept-1] are the source columns in output order.
 * `indices` has room for `count`. PF_USAGE: unknown name (with the nearest one), a name given twice, or
 * nothing left. */
pf_status pf_column_choice_resolve(const pf_column_choice *choice, const char *const *names, size_t count,
                                   int *indices, int *kept, pf_error *error);

/* A new table with the chosen columns; errors as above. */
pf_status pf_table_select(const pf_table *table, const pf_column_choice *choice, pf_table **out,
                          pf_error *error);

/* A new table of rows[0..count-1] of `table` (indices in 0..rows-1, any order, repeats allowed). */
pf_status pf_table_take(const pf_table *table, const uint32_t *rows, int64_t count, pf_table **out,
                        pf_error *error);

/* PF_BAD_INPUT unless there are at least min_rows rows (0 means 2) and every value is finite; the message
 * names `name`, the row (1-based) and the column. */
pf_status pf_table_check(const pf_table *table, const char *name, int64_t min_rows, pf_error *error);

/* Reads a table from `path`: "-" is CSV on standard input; a file is NPY, NPZ or CSV by its first bytes;
 * "file.npz:name" picks one array. PF_IO when it cannot be opened or read, PF_BAD_INPUT when it is not a
 * table, PF_USAGE for wrong column names. */
pf_status pf_table_read(const char *path, const pf_read_options *options, pf_table **out, pf_error *error);

#endif
