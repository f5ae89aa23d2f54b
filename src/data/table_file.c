/* Tables by path: picks the reader by the first bytes of a file and the writer by its name. */
#include "data/table.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/memory.h"
#include "data/csv.h"
#include "data/npy.h"
#include "data/npz.h"
#include "data/table_source.h"

static pf_status read_stdin(const pf_read_options *options, pf_table **out, pf_error *error) {
  pf_read_options named = options ? *options : (pf_read_options){0};
  if (!named.name) named.name = "standard input";
  return pf_csv_read(stdin, &named, out, error);
}

/* "FILE.npz:NAME", unless a file of that very name exists. NULL when it is not one. */
static const char *find_array_name(const char *path) {
  const char *found = NULL;
  for (const char *at = path; (at = strstr(at, ".npz:")); at++) found = at;
  return found && access(path, F_OK) != 0 ? found + 5 : NULL;
}

static pf_status read_named_array(const char *path, const char *array, const pf_read_options *options,
                                  pf_table **out, pf_error *error) {
  char *file = NULL;
  PF_TRY(pf_strdup(path, &file, error));
  file[array - path - 1] = '\0';
  pf_status status = pf_npz_read(file, array, options, out, error);
  pf_free(file);
  return status;
}

/* The first bytes of a regular file; nothing of a pipe, which could not be read twice. */
static pf_status peek_file(const char *path, uint8_t magic[6], size_t *length, pf_error *error) {
  FILE *stream = NULL;
  PF_TRY(pf_open_input(path, &stream, error));
  *length = pf_source_stream(stream, path).size < 0 ? 0 : fread(magic, 1, 6, stream);
  fclose(stream);
  return PF_OK;
}

pf_status pf_table_read(const char *path, const pf_read_options *options, pf_table **out, pf_error *error) {
  uint8_t magic[6] = {0};
  size_t length = 0;
  if (strcmp(path, "-") == 0) return read_stdin(options, out, error);
  const char *array = find_array_name(path);
  if (array) return read_named_array(path, array, options, out, error);
  PF_TRY(peek_file(path, magic, &length, error));
  if (length == 6 && memcmp(magic, "\x93NUMPY", 6) == 0) return pf_npy_read(path, options, out, error);
  if (length >= 4 && memcmp(magic, "PK", 2) == 0 && magic[2] < 9)
    return pf_npz_read(path, NULL, options, out, error);
  if (length >= 2 && magic[0] == 0x1f && magic[1] == 0x8b) {
    return pf_fail(error, PF_BAD_INPUT, "%.200s: a gzip file; unpack it first", path);
  }
  return pf_csv_read_file(path, options, out, error);
}

pf_status pf_table_write(const pf_table *table, const char *path, pf_error *error) {
  size_t length = strlen(path);
  if (strcmp(path, "-") == 0) return pf_csv_write(stdout, table, error);
  bool npy = length > 4 && strcmp(path + length - 4, ".npy") == 0;
  return npy ? pf_npy_write(path, table, PF_NPY_F8, error) : pf_csv_write_file(path, table, error);
}
