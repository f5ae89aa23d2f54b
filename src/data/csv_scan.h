/* CSV cells from a byte source through one buffer. */
#ifndef PF_DATA_CSV_SCAN_H
#define PF_DATA_CSV_SCAN_H

#include "data/table_source.h"

typedef struct pf_csv_cell {
  const char *text; /* not NUL terminated; valid until the next call */
  size_t length;
  int64_t line; /* where it begins */
  bool quoted, last;
} pf_csv_cell;

typedef struct pf_csv_scan {
  pf_source *source;
  char *buffer;
  size_t capacity, begin, end; /* the unread bytes are begin..end-1 */
  int64_t line;
  bool drained;      /* the source has ended */
  bool after_return; /* a line ended with CR: a following LF belongs to it */
  bool stop[256];    /* bytes that end an unquoted cell */
  char separator;
} pf_csv_scan;

/* Skips a byte order mark and picks the separator from the first line. */
pf_status pf_csv_scan_begin(pf_csv_scan *scan, pf_source *source, pf_error *error);
void pf_csv_scan_free(pf_csv_scan *scan);
/* Skips blank lines; *more is false at the end of the source. */
pf_status pf_csv_scan_record(pf_csv_scan *scan, bool *more, pf_error *error);
/* The next cell of the record. */
pf_status pf_csv_scan_cell(pf_csv_scan *scan, pf_csv_cell *cell, pf_error *error);

#endif
