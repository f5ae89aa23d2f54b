/* Is the first record a header, and which names does it give? */
#ifndef PF_DATA_CSV_HEADER_H
#define PF_DATA_CSV_HEADER_H

#include "data/csv_scan.h"

/* A record kept as strings. */
typedef struct pf_csv_record {
  char **cells;
  size_t count, capacity;
  int64_t line; /* 0: no such record */
} pf_csv_record;

/* Reads one record; line 0 at the end of the source. */
pf_status pf_csv_record_read(pf_csv_scan *scan, pf_csv_record *record, pf_error *error);
void pf_csv_record_free(pf_csv_record *record);

/* The rule is in csv.h; `second` may be empty. */
bool pf_csv_record_is_header(const pf_csv_record *first, const pf_csv_record *second);

/* Makes the cells of a header (or, with is_header false, x1..xd) into distinct non-empty UTF-8 names. */
pf_status pf_csv_names(const pf_csv_record *first, bool is_header, char ***out, pf_error *error);
void pf_csv_names_free(char **names, size_t count);

/* At most 40 bytes of a cell, fit for a one-line message. */
void pf_csv_show(const char *text, size_t length, char out[48]);

#endif
