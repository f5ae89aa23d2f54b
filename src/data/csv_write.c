/* CSV writing; the contract is in csv.h. */
#include "data/csv.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include "data/atomic_file.h"
#include "data/csv_number.h"

static pf_status check_stream(FILE *stream, bool failed, pf_error *error) {
  if (!failed && !ferror(stream)) return PF_OK;
  return pf_fail(error, PF_IO, "writing CSV failed: %s", strerror(errno));
}

/* RFC 4180: a name with a separator, a quote or a line end is quoted, its quotes doubled. A name that reads
 * as a number is left alone: it is still above numbers in a file with another, textual name. */
static void write_name(FILE *stream, const char *name) {
  if (!strpbrk(name, ",;\t\"\r\n") && name[0] != ' ') {
    fputs(name, stream);
    return;
  }
  fputc('"', stream);
  for (; *name; name++) {
    if (*name == '"') fputc('"', stream);
    fputc(*name, stream);
  }
  fputc('"', stream);
}

pf_status pf_csv_write_header(FILE *stream, const pf_table *schema, pf_error *error) {
  for (int c = 0; c < schema->columns; c++) {
    if (c > 0) fputc(',', stream);
    write_name(stream, schema->names[c]);
  }
  return check_stream(stream, fputc('\n', stream) == EOF, error);
}

/* Text on its way to a stream, which is asked for once a buffer and not once a cell. */
typedef struct writer {
  FILE *stream;
  size_t used;
  char text[1 << 14];
} writer;

enum { CELL = 48 }; /* bytes of the longest cell, its separator included */

static pf_status flush(writer *w, pf_error *error) {
  bool failed = fwrite(w->text, 1, w->used, w->stream) != w->used;
  w->used = 0;
  return check_stream(w->stream, failed, error);
}

static pf_status write_row(writer *w, const pf_table *schema, const double *row, int64_t number,
                           pf_error *error) {
  for (int c = 0; c < schema->columns; c++) {
    if (!isfinite(row[c])) {
      return pf_fail(error, PF_NON_FINITE, "row %lld, column '%.80s' would be written as %f",
                     (long long)number + 1, schema->names[c], row[c]);
    }
    int decimals = schema->types[c] == PF_COLUMN_INTEGER ? 0 : schema->decimals[c];
    if (sizeof w->text - w->used < CELL) PF_TRY(flush(w, error));
    w->used += (size_t)pf_csv_number_print(row[c], decimals, w->text + w->used);
    w->text[w->used++] = c + 1 < schema->columns ? ',' : '\n';
  }
  return PF_OK;
}

pf_status pf_csv_write_rows(FILE *stream, const pf_table *schema, const double *values, int64_t rows,
                            pf_error *error) {
  writer w;
  w.stream = stream;
  w.used = 0;
  for (int64_t r = 0; r < rows; r++) {
    PF_TRY(write_row(&w, schema, values + r * schema->columns, r, error));
  }
  return flush(&w, error);
}

pf_status pf_csv_write(FILE *stream, const pf_table *table, pf_error *error) {
  PF_TRY(pf_csv_write_header(stream, table, error));
  PF_TRY(pf_csv_write_rows(stream, table, table->values, table->rows, error));
  return check_stream(stream, fflush(stream) != 0, error);
}

pf_status pf_csv_write_file(const char *path, const pf_table *table, pf_error *error) {
  pf_atomic_file file = {0};
  PF_TRY(pf_atomic_file_begin(path, &file, error));
  pf_status status = pf_csv_write(file.stream, table, error);
  if (status != PF_OK) {
    pf_atomic_file_abort(&file);
    return pf_fail_within(error, status, "%.200s", path);
  }
  return pf_atomic_file_commit(&file, error);
}
