/* CSV reading: records into a growing row-major array, faults per column remembered and judged at the end,
 * when it is known whether a column is text or has a bad cell. */
#include "data/csv.h"

#include <string.h>
#include "base/memory.h"
#include "base/text.h"
#include "data/csv_header.h"
#include "data/csv_number.h"

enum { SAMPLES = 3, SHOWN = 48 };

/* What is known about one kept column. */
typedef struct column_facts {
  int64_t bad;                  /* cells that are not finite numbers */
  int64_t bad_line;             /* of the first one */
  char samples[SAMPLES][SHOWN]; /* the first distinct bad cells; [0] is the first */
  int sample_count;
  int decimals; /* most seen, -1 once an exponent was */
  bool whole;   /* only integers within +-2^53 so far */
} column_facts;

typedef struct loader {
  const pf_read_options *options;
  const char *name;
  pf_csv_scan scan;
  pf_csv_record first, second;
  char **names; /* first.count */
  int *indices; /* file columns that are kept, in output order */
  int *slots;   /* first.count: output column, -1 for dropped */
  int kept;
  column_facts *facts; /* kept */
  double *values;      /* capacity x kept */
  int64_t rows, capacity;
} loader;

static void loader_free(loader *load) {
  pf_csv_names_free(load->names, load->first.count);
  pf_csv_record_free(&load->first);
  pf_csv_record_free(&load->second);
  pf_csv_scan_free(&load->scan);
  pf_free(load->indices);
  pf_free(load->slots);
  pf_free(load->facts);
  pf_free(load->values);
}

/* ---- cells ---- */

static void remember_bad(column_facts *facts, const char *text, size_t length, int64_t line) {
  if (facts->bad++ == 0) facts->bad_line = line;
  if (facts->sample_count == SAMPLES) return;
  char shown[SHOWN];
  pf_csv_show(text, length, shown);
  for (int i = 0; i < facts->sample_count; i++) {
    if (strcmp(facts->samples[i], shown) == 0) return;
  }
  memcpy(facts->samples[facts->sample_count++], shown, SHOWN);
}

static void accept_cell(loader *load, size_t column, const char *text, size_t length, int64_t line) {
  int slot = load->slots[column];
  if (slot < 0) return;
  column_facts *facts = &load->facts[slot];
  pf_csv_number number = {0};
  if (pf_csv_number_parse(text, length, &number)) {
    if (number.decimals < 0 || facts->decimals < 0) {
      facts->decimals = -1;
    } else if (number.decimals > facts->decimals) {
      facts->decimals = number.decimals;
    }
    double value = number.value;
    if (facts->whole) {
      facts->whole = value >= -0x1p53 && value <= 0x1p53 && (double)(int64_t)value == value;
    }
  } else {
    remember_bad(facts, text, length, line);
  }
  load->values[load->rows * load->kept + slot] = number.value;
}

static pf_status reserve_row(loader *load, pf_error *error) {
  if (load->rows < load->capacity) return PF_OK;
  int64_t larger = 2 * load->capacity + 256;
  size_t row = (size_t)load->kept * sizeof *load->values;
  PF_TRY(pf_grow(&load->values, (size_t)load->capacity, (size_t)larger, row, error));
  load->capacity = larger;
  return PF_OK;
}

static pf_status end_row(loader *load, size_t found, int64_t line, pf_error *error) {
  size_t expected = load->first.count;
  if (found != expected) {
    return pf_fail(error, PF_BAD_INPUT, "%.200s: line %lld has %zu field%s, expected %zu", load->name,
                   (long long)line, found, found == 1 ? "" : "s", expected);
  }
  load->rows++;
  return PF_OK;
}

static pf_status accept_record(loader *load, const pf_csv_record *record, pf_error *error) {
  if (record->line == 0) return PF_OK;
  PF_TRY(reserve_row(load, error));
  for (size_t i = 0; i < record->count && i < load->first.count; i++) {
    accept_cell(load, i, record->cells[i], strlen(record->cells[i]), record->line);
  }
  return end_row(load, record->count, record->line, error);
}

static pf_status accept_rest(loader *load, pf_error *error) {
  bool more = false;
  PF_TRY(pf_csv_scan_record(&load->scan, &more, error));
  while (more) {
    PF_TRY(reserve_row(load, error));
    int64_t line = load->scan.line;
    size_t column = 0;
    pf_csv_cell cell = {0};
    do {
      PF_TRY(pf_csv_scan_cell(&load->scan, &cell, error));
      if (column < load->first.count) accept_cell(load, column, cell.text, cell.length, cell.line);
      column++;
    } while (!cell.last);
    PF_TRY(end_row(load, column, line, error));
    PF_TRY(pf_csv_scan_record(&load->scan, &more, error));
  }
  return PF_OK;
}

/* ---- the start ---- */

static pf_status choose_columns(loader *load, pf_error *error) {
  size_t count = load->first.count;
  PF_TRY(pf_alloc(count, sizeof *load->indices, &load->indices, error));
  PF_TRY(pf_alloc(count, sizeof *load->slots, &load->slots, error));
  PF_TRY(pf_column_choice_resolve(&load->options->choice, (const char *const *)load->names, count,
                                  load->indices, &load->kept, error));
  PF_TRY(pf_alloc((size_t)load->kept, sizeof *load->facts, &load->facts, error));
  for (size_t i = 0; i < count; i++) load->slots[i] = -1;
  for (int k = 0; k < load->kept; k++) {
    load->slots[load->indices[k]] = k;
    load->facts[k].whole = true;
  }
  return PF_OK;
}

static pf_status read_all(loader *load, pf_error *error) {
  PF_TRY(pf_csv_record_read(&load->scan, &load->first, error));
  if (load->first.line == 0) return pf_fail(error, PF_BAD_INPUT, "%.200s: the input is empty", load->name);
  PF_TRY(pf_csv_record_read(&load->scan, &load->second, error));
  bool header = pf_csv_record_is_header(&load->first, &load->second);
  if (header && load->second.line == 0) {
    return pf_fail(error, PF_BAD_INPUT, "%.200s: a header line but no rows", load->name);
  }
  PF_TRY(pf_csv_names(&load->first, header, &load->names, error));
  PF_TRY(choose_columns(load, error));
  if (!header) PF_TRY(accept_record(load, &load->first, error));
  PF_TRY(accept_record(load, &load->second, error));
  return accept_rest(load, error);
}

/* ---- the end ---- */

static bool is_text(const loader *load, int column) { return 2 * load->facts[column].bad > load->rows; }

/* Names the first text column, shows its values, and gives the --drop list of all of them. */
static pf_status fail_text(const loader *load, int column, pf_error *error) {
  const column_facts *facts = &load->facts[column];
  pf_text samples = {0}, drop = {0};
  int others = 0;
  for (int i = 0; i < facts->sample_count; i++) {
    pf_text_add(&samples, "%s'%s'", i ? ", " : "", facts->samples[i]);
  }
  for (int k = 0; k < load->kept; k++) {
    if (!is_text(load, k)) continue;
    pf_text_add(&drop, "%s%s", k == column ? "" : ",", load->names[load->indices[k]]);
    others += k != column;
  }
  const char *name = load->names[load->indices[column]];
  bool fits = others > 0 && drop.status == PF_OK && drop.length < 200;
  pf_status status =
      pf_fail(error, PF_BAD_INPUT,
              "%.120s: column '%.60s' is text (%.140s), not numbers; --drop %s goes on without %s",
              load->name, name, samples.data ? samples.data : "", fits ? drop.data : name,
              fits ? "it and the other text columns" : "it");
  pf_text_free(&samples);
  pf_text_free(&drop);
  return status;
}

static pf_status fail_cell(const loader *load, int column, pf_error *error) {
  const column_facts *facts = &load->facts[column];
  const char *name = load->names[load->indices[column]], *text = facts->samples[0];
  bool empty = text[strspn(text, " ")] == '\0';
  return pf_fail(error, PF_BAD_INPUT, "%.200s: line %lld, column '%.60s': %s%s%s", load->name,
                 (long long)facts->bad_line, name, empty ? "the cell is empty" : "'", empty ? "" : text,
                 empty ? "" : "' is not a finite number");
}

static pf_status judge(const loader *load, pf_error *error) {
  int bad = -1;
  for (int k = load->kept - 1; k >= 0; k--) {
    if (load->facts[k].bad && (bad < 0 || load->facts[k].bad_line <= load->facts[bad].bad_line)) bad = k;
  }
  for (int k = 0; k < load->kept; k++) {
    if (is_text(load, k)) return fail_text(load, k, error);
  }
  return bad < 0 ? PF_OK : fail_cell(load, bad, error);
}

/* Moves what was read into a table; the values change hands. */
static pf_status make_table(loader *load, pf_table **out, pf_error *error) {
  pf_table *table = NULL;
  PF_TRY(pf_table_create(0, load->kept, &table, error));
  for (int k = 0; k < load->kept; k++) {
    pf_status status = pf_table_set_name(table, k, load->names[load->indices[k]], error);
    if (status != PF_OK) {
      pf_table_free(table);
      return status;
    }
    table->types[k] = load->facts[k].whole ? PF_COLUMN_INTEGER : PF_COLUMN_REAL;
    table->decimals[k] = load->facts[k].whole ? 0 : load->facts[k].decimals;
  }
  pf_free(table->values);
  table->values = load->values;
  table->rows = load->rows;
  load->values = NULL;
  pf_status status = pf_table_check(table, load->name, load->options->min_rows, error);
  if (status != PF_OK) {
    pf_table_free(table);
    return status;
  }
  *out = table;
  return PF_OK;
}

static pf_status read_source(pf_source *source, const pf_read_options *options, pf_table **out,
                             pf_error *error) {
  static const pf_read_options PLAIN = {0};
  loader load = {.options = options ? options : &PLAIN, .name = source->name};
  pf_status status = pf_csv_scan_begin(&load.scan, source, error);
  if (status == PF_OK) status = read_all(&load, error);
  if (status == PF_OK) status = judge(&load, error);
  if (status == PF_OK) status = make_table(&load, out, error);
  loader_free(&load);
  return status;
}

pf_status pf_csv_read(FILE *stream, const pf_read_options *options, pf_table **out, pf_error *error) {
  pf_source source = pf_source_stream(stream, options && options->name ? options->name : "input");
  return read_source(&source, options, out, error);
}

pf_status pf_csv_read_file(const char *path, const pf_read_options *options, pf_table **out,
                           pf_error *error) {
  FILE *stream = NULL;
  PF_TRY(pf_open_input(path, &stream, error));
  pf_source source = pf_source_stream(stream, options && options->name ? options->name : path);
  pf_status status = read_source(&source, options, out, error);
  fclose(stream);
  return status;
}

pf_status pf_csv_read_bytes(const void *bytes, size_t length, const pf_read_options *options, pf_table **out,
                            pf_error *error) {
  pf_source source = pf_source_memory(bytes, length, options && options->name ? options->name : "input");
  return read_source(&source, options, out, error);
}
