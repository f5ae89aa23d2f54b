/* CSV cells. A cell is made contiguous in the buffer, which slides and, for a long cell, grows; quoted cells
 * are unquoted in place. */
#include "data/csv_scan.h"

#include <string.h>
#include "base/memory.h"

enum { CHUNK = 1 << 16, LONGEST_CELL = 1 << 20 };

/* Brings more bytes behind `end`, keeping those from `begin` on; nothing changes once the source is drained.
 */
static pf_status refill(pf_csv_scan *scan, pf_error *error) {
  if (scan->drained) return PF_OK;
  size_t kept = scan->end - scan->begin;
  if (kept > LONGEST_CELL) {
    return pf_fail(error, PF_BAD_INPUT, "%.200s: line %lld: a cell is longer than %d bytes",
                   scan->source->name, (long long)scan->line, LONGEST_CELL);
  }
  if (kept && scan->begin) memmove(scan->buffer, scan->buffer + scan->begin, kept);
  scan->begin = 0;
  scan->end = kept;
  if (scan->capacity - kept < CHUNK) {
    size_t larger = 2 * scan->capacity + CHUNK;
    PF_TRY(pf_grow(&scan->buffer, scan->capacity, larger, 1, error));
    scan->capacity = larger;
  }
  size_t got = 0, room = scan->capacity - kept;
  PF_TRY(scan->source->read(scan->source, scan->buffer + kept, room, &got, error));
  scan->end += got;
  scan->drained = got < room;
  return PF_OK;
}

/* The byte at begin + offset, or -1 at the end of the source. */
static pf_status peek(pf_csv_scan *scan, size_t offset, int *byte, pf_error *error) {
  while (scan->begin + offset >= scan->end && !scan->drained) PF_TRY(refill(scan, error));
  size_t at = scan->begin + offset;
  *byte = at < scan->end ? (unsigned char)scan->buffer[at] : -1;
  return PF_OK;
}

/* The comma; or what else stands in the first line when no comma does. */
static char pick_separator(const char *text, size_t length) {
  char found = ',';
  bool quoted = false;
  for (size_t i = 0; i < length && (quoted || (text[i] != '\n' && text[i] != '\r')); i++) {
    if (text[i] == '"') quoted = !quoted;
    if (quoted) continue;
    if (text[i] == ',') return ',';
    if (found == ',' && (text[i] == ';' || text[i] == '\t')) found = text[i];
  }
  return found;
}

pf_status pf_csv_scan_begin(pf_csv_scan *scan, pf_source *source, pf_error *error) {
  *scan = (pf_csv_scan){.source = source, .line = 1};
  PF_TRY(refill(scan, error));
  if (scan->end >= 3 && memcmp(scan->buffer, "\xEF\xBB\xBF", 3) == 0) scan->begin = 3;
  scan->separator = pick_separator(scan->buffer + scan->begin, scan->end - scan->begin);
  scan->stop[(unsigned char)scan->separator] = scan->stop['\n'] = scan->stop['\r'] = scan->stop[0] = true;
  return PF_OK;
}

void pf_csv_scan_free(pf_csv_scan *scan) {
  pf_free(scan->buffer);
  *scan = (pf_csv_scan){0};
}

/* Consumes one line end; CR LF counts once. */
static void take_line_end(pf_csv_scan *scan, int byte) {
  scan->begin++;
  scan->line += !(byte == '\n' && scan->after_return);
  scan->after_return = byte == '\r';
}

pf_status pf_csv_scan_record(pf_csv_scan *scan, bool *more, pf_error *error) {
  int byte = 0;
  PF_TRY(peek(scan, 0, &byte, error));
  while (byte == '\n' || byte == '\r') {
    take_line_end(scan, byte);
    PF_TRY(peek(scan, 0, &byte, error));
  }
  scan->after_return = false;
  *more = byte >= 0;
  return PF_OK;
}

/* What may follow a cell of `length` raw bytes: a separator, a line end or the end of the source. */
static pf_status end_cell(pf_csv_scan *scan, size_t length, pf_csv_cell *cell, pf_error *error) {
  int byte = 0;
  PF_TRY(peek(scan, length, &byte, error));
  cell->text = scan->buffer + scan->begin + (cell->quoted ? 1 : 0);
  cell->last = byte != (unsigned char)scan->separator;
  if (byte == 0) {
    return pf_fail(error, PF_BAD_INPUT, "%.200s: line %lld holds a NUL byte: not a CSV file",
                   scan->source->name, (long long)scan->line);
  }
  scan->begin += length;
  if (byte == '\n' || byte == '\r') {
    take_line_end(scan, byte);
  } else if (byte >= 0) {
    scan->begin++;
  }
  return PF_OK;
}

/* From the byte after the opening quote; doubled quotes are squeezed in place. */
static pf_status scan_quoted(pf_csv_scan *scan, pf_csv_cell *cell, pf_error *error) {
  size_t at = 1, kept = 1;
  int byte = 0;
  bool after_return = false;
  for (;; at++) {
    PF_TRY(peek(scan, at, &byte, error));
    if (byte < 0 || byte == 0) {
      return pf_fail(error, PF_BAD_INPUT, "%.200s: the quote opened on line %lld is never closed",
                     scan->source->name, (long long)cell->line);
    }
    if (byte == '"') {
      PF_TRY(peek(scan, at + 1, &byte, error));
      if (byte != '"') break;
      at++;
    }
    scan->line += (byte == '\n' && !after_return) || byte == '\r';
    after_return = byte == '\r';
    scan->buffer[scan->begin + kept++] = (char)byte;
  }
  cell->quoted = true;
  cell->length = kept - 1;
  for (at++; byte == ' '; at++) PF_TRY(peek(scan, at + 1, &byte, error));
  if (byte >= 0 && !scan->stop[byte]) {
    return pf_fail(error, PF_BAD_INPUT, "%.200s: line %lld: text after a closing quote", scan->source->name,
                   (long long)scan->line);
  }
  return end_cell(scan, at, cell, error);
}

pf_status pf_csv_scan_cell(pf_csv_scan *scan, pf_csv_cell *cell, pf_error *error) {
  *cell = (pf_csv_cell){.line = scan->line};
  int byte = 0;
  PF_TRY(peek(scan, 0, &byte, error));
  if (byte == '"') return scan_quoted(scan, cell, error);
  size_t length = 0;
  for (;;) {
    const unsigned char *text = (const unsigned char *)scan->buffer + scan->begin;
    size_t here = scan->end - scan->begin;
    while (length < here && !scan->stop[text[length]]) length++;
    if (length < here || scan->drained) break;
    PF_TRY(refill(scan, error));
  }
  cell->length = length;
  return end_cell(scan, length, cell, error);
}
