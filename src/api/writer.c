/* Public table writer: a long table in pieces into one file that appears whole or not at all. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "../base/memory.h"
#include "../data/atomic_file.h"
#include "../data/csv.h"
#include "../data/npy.h"

struct pf_table_writer {
  pf_table *schema;    /* zero rows */
  pf_atomic_file file; /* {0} when standard output is written */
  const char *name;    /* for messages */
  FILE *stream;
  int64_t expected, written;
  bool npy;
};

static pf_status open_stream(pf_table_writer *w, const char *path, pf_error *error) {
  size_t length = strlen(path);
  if (strcmp(path, "-") == 0) {
    w->stream = stdout;
    w->name = "standard output";
    return PF_OK;
  }
  w->npy = length > 4 && strcmp(path + length - 4, ".npy") == 0;
  PF_TRY(pf_atomic_file_begin(path, &w->file, error));
  w->stream = w->file.stream;
  w->name = w->file.path;
  return PF_OK;
}

static pf_status write_header(pf_table_writer *w, pf_error *error) {
  if (w->npy) return pf_npy_write_header(w->stream, w->expected, w->schema->columns, PF_NPY_F8, error);
  return pf_csv_write_header(w->stream, w->schema, error);
}

pf_status pf_table_writer_open(const char *path, const pf_table *like, int64_t rows, pf_table_writer **out,
                               pf_error *error) {
  pf_table_writer *w = NULL;
  if (rows < 1) return pf_fail(error, PF_USAGE, "rows to write is %lld, must be at least 1", (long long)rows);
  PF_TRY(pf_alloc(1, sizeof *w, &w, error));
  w->expected = rows;
  pf_status status = pf_table_take(like, NULL, 0, &w->schema, error);
  if (status == PF_OK) status = open_stream(w, path, error);
  if (status == PF_OK) status = write_header(w, error);
  if (status == PF_OK)
    *out = w;
  else
    pf_table_writer_abort(w);
  return status;
}

pf_status pf_table_writer_add(pf_table_writer *w, const pf_table *table, pf_error *error) {
  int columns = w->schema->columns;
  if (table->columns != columns)
    return pf_fail(error, PF_BAD_INPUT, "a piece has %d columns, the table %d", table->columns, columns);
  if (table->rows > w->expected - w->written)
    return pf_fail(error, PF_FAILED, "more rows than the %lld announced", (long long)w->expected);
  w->written += table->rows;
  pf_status status = w->npy
                         ? pf_npy_write_rows(w->stream, table->values, table->rows, columns, PF_NPY_F8, error)
                         : pf_csv_write_rows(w->stream, w->schema, table->values, table->rows, error);
  return status == PF_OK ? PF_OK : pf_fail_within(error, status, "%s", w->name);
}

pf_status pf_table_writer_commit(pf_table_writer *w, pf_error *error) {
  pf_status status = PF_OK;
  if (w->written != w->expected)
    status = pf_fail(error, PF_FAILED, "%lld of %lld rows were written", (long long)w->written,
                     (long long)w->expected);
  else if (w->file.stream)
    status = pf_atomic_file_commit(&w->file, error);
  else if (fflush(w->stream) != 0 || ferror(w->stream))
    status = pf_fail(error, PF_IO, "standard output: %s", strerror(errno));
  pf_table_writer_abort(w);
  return status;
}

void pf_table_writer_abort(pf_table_writer *w) {
  if (!w) return;
  pf_atomic_file_abort(&w->file);
  pf_table_free(w->schema);
  pf_free(w);
}
