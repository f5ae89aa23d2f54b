/* NPY reading: elements come in file order in chunks, are converted to double and put at (row, column). */
#include "data/npy.h"

#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "data/npy_header.h"

enum { CHUNK = 1 << 16 }; /* bytes; a multiple of every element size */

typedef struct loader {
  pf_source *source;
  pf_npy_header header;
  pf_table *table;
  int *slots; /* header.columns: output column, -1 for dropped */
  /* where the next element goes */
  int64_t row, column;
  int64_t index[PF_NPY_MAX_RANK]; /* Fortran order: its position on axes 1.. */
} loader;

/* ---- elements ---- */

static uint64_t load_bits(const uint8_t *at, int size, bool big_endian) {
  uint64_t bits = 0;
  for (int i = 0; i < size; i++) bits |= (uint64_t)at[big_endian ? size - 1 - i : i] << (8 * i);
  return bits;
}

/* False for an integer that no double holds exactly. */
static bool convert(const uint8_t *at, const pf_npy_header *header, double *out) {
  uint64_t bits = load_bits(at, header->size, header->big_endian);
  if (header->kind == 'f' && header->size == 8) {
    memcpy(out, &bits, sizeof *out);
    return true;
  }
  if (header->kind == 'f') {
    uint32_t half = (uint32_t)bits;
    float value;
    memcpy(&value, &half, sizeof value);
    *out = value;
    return true;
  }
  if (header->kind == 'b') bits = bits != 0;
  if (header->kind == 'i') {
    int unused = 64 - 8 * header->size;
    int64_t value = (int64_t)(bits << unused) >> unused;
    *out = (double)value;
    return value >= -(INT64_C(1) << 53) && value <= (INT64_C(1) << 53);
  }
  *out = (double)bits;
  return bits <= (UINT64_C(1) << 53);
}

/* Steps (row, column) to the next element in file order. */
static void advance(loader *load) {
  const pf_npy_header *header = &load->header;
  if (!header->fortran_order) {
    if (++load->column == header->columns) load->column = 0, load->row++;
    return;
  }
  if (++load->row < header->rows) return;
  load->row = 0;
  for (int axis = 1; axis < header->rank; axis++) {
    if (++load->index[axis] < header->shape[axis]) break;
    load->index[axis] = 0;
  }
  load->column = 0;
  for (int axis = 1; axis < header->rank; axis++) {
    load->column = load->column * header->shape[axis] + load->index[axis];
  }
}

static pf_status place(loader *load, const uint8_t *at, pf_error *error) {
  int slot = load->slots[load->column];
  if (slot >= 0) {
    double value = 0;
    if (!convert(at, &load->header, &value)) {
      return pf_fail(error, PF_BAD_INPUT, "%.200s: row %lld, column 'x%lld': %.17g is beyond 2^53",
                     load->source->name, (long long)load->row + 1, (long long)load->column + 1, value);
    }
    load->table->values[load->row * load->table->columns + slot] = value;
  }
  advance(load);
  return PF_OK;
}

/* ---- the body ---- */

static pf_status fail_size(const loader *load, int64_t found, bool more, pf_error *error) {
  const pf_npy_header *header = &load->header;
  return pf_fail(
      error, PF_BAD_INPUT,
      "%.200s: the header says %lld x %lld of '%s' (%lld bytes), but the body holds %s%lld bytes%s",
      load->source->name, (long long)header->rows, (long long)header->columns, header->descr,
      (long long)header->bytes, more ? "more than " : "", (long long)found, more ? "" : ": truncated");
}

static pf_status check_size(const loader *load, pf_error *error) {
  int64_t found = load->source->size, expected = load->header.bytes;
  if (found < 0 || found == expected) return PF_OK;
  return found < expected ? fail_size(load, found, false, error) : fail_size(load, expected, true, error);
}

static pf_status read_body(loader *load, pf_error *error) {
  uint8_t chunk[CHUNK];
  size_t got = 0, size = (size_t)load->header.size;
  for (int64_t done = 0; done < load->header.bytes; done += (int64_t)got) {
    int64_t left = load->header.bytes - done;
    size_t wanted = left < CHUNK ? (size_t)left : CHUNK;
    PF_TRY(load->source->read(load->source, chunk, wanted, &got, error));
    if (got < wanted) return fail_size(load, done + (int64_t)got, false, error);
    for (size_t at = 0; at < got; at += size) PF_TRY(place(load, chunk + at, error));
  }
  PF_TRY(load->source->read(load->source, chunk, 1, &got, error));
  return got == 0 ? PF_OK : fail_size(load, load->header.bytes, true, error);
}

/* ---- the table ---- */

/* An empty table of the kept columns, and the map from file columns to them. */
static pf_status prepare(loader *load, const pf_column_choice *choice, pf_error *error) {
  pf_table *all = NULL;
  int *indices = NULL, kept = 0;
  size_t columns = (size_t)load->header.columns;
  pf_status status = PF_OK;
  PF_TRY_GOTO(pf_table_create(0, (int)columns, &all, error));
  PF_TRY_GOTO(pf_alloc(columns, sizeof *indices, &indices, error));
  PF_TRY_GOTO(pf_alloc(columns, sizeof *load->slots, &load->slots, error));
  PF_TRY_GOTO(
      pf_column_choice_resolve(choice, (const char *const *)all->names, columns, indices, &kept, error));
  PF_TRY_GOTO(pf_table_create(load->header.rows, kept, &load->table, error));
  for (size_t c = 0; c < columns; c++) load->slots[c] = -1;
  for (int k = 0; k < kept; k++) {
    load->slots[indices[k]] = k;
    bool whole = load->header.kind != 'f';
    load->table->types[k] = whole ? PF_COLUMN_INTEGER : PF_COLUMN_REAL;
    load->table->decimals[k] = whole ? 0 : -1;
    PF_TRY_GOTO(pf_table_set_name(load->table, k, all->names[indices[k]], error));
  }
cleanup:
  pf_table_free(all);
  pf_free(indices);
  return status;
}

static pf_status read_sized(pf_source *source, const pf_read_options *options, pf_table **out,
                            pf_error *error) {
  static const pf_read_options PLAIN = {0};
  const pf_read_options *use = options ? options : &PLAIN;
  loader load = {.source = source};
  pf_status status = PF_OK;
  PF_TRY_GOTO(pf_npy_header_read(source, &load.header, error));
  PF_TRY_GOTO(check_size(&load, error)); /* before memory is taken for what a header claims */
  PF_TRY_GOTO(prepare(&load, &use->choice, error));
  PF_TRY_GOTO(read_body(&load, error));
  PF_TRY_GOTO(pf_table_check(load.table, source->name, use->min_rows, error));
  *out = load.table;
  load.table = NULL;
cleanup:
  pf_table_free(load.table);
  pf_free(load.slots);
  return status;
}

/* A pipe's size is unknown: it is read whole, so that no header can claim more memory than was sent. */
static pf_status slurp(pf_source *source, uint8_t **bytes, size_t *length, pf_error *error) {
  size_t capacity = 0, got = CHUNK;
  for (*length = 0; got == CHUNK; *length += got) {
    if (capacity - *length < CHUNK) {
      size_t larger = 2 * capacity + CHUNK;
      PF_TRY(pf_grow(bytes, capacity, larger, 1, error));
      capacity = larger;
    }
    PF_TRY(source->read(source, *bytes + *length, CHUNK, &got, error));
  }
  return PF_OK;
}

pf_status pf_npy_read_source(pf_source *source, const pf_read_options *options, pf_table **out,
                             pf_error *error) {
  if (source->size >= 0) return read_sized(source, options, out, error);
  uint8_t *bytes = NULL;
  size_t length = 0;
  pf_status status = slurp(source, &bytes, &length, error);
  if (status == PF_OK) {
    pf_source memory = pf_source_memory(bytes, length, source->name);
    status = read_sized(&memory, options, out, error);
  }
  pf_free(bytes);
  return status;
}

pf_status pf_npy_read(const char *path, const pf_read_options *options, pf_table **out, pf_error *error) {
  FILE *stream = NULL;
  PF_TRY(pf_open_input(path, &stream, error));
  pf_source source = pf_source_stream(stream, options && options->name ? options->name : path);
  pf_status status = pf_npy_read_source(&source, options, out, error);
  fclose(stream);
  return status;
}

pf_status pf_npy_read_bytes(const void *bytes, size_t length, const pf_read_options *options, pf_table **out,
                            pf_error *error) {
  pf_source source = pf_source_memory(bytes, length, options && options->name ? options->name : "input");
  return pf_npy_read_source(&source, options, out, error);
}
