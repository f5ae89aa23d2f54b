/* CSV (RFC 4180) in and out. */
#ifndef PF_DATA_CSV_H
#define PF_DATA_CSV_H

#include <stdio.h>
#include "data/table.h"

/* Reads numeric CSV from a stream through a fixed buffer, up to the end of the stream.
 *
 * Accepted: quoted fields ("" is a quote, newlines allowed inside), LF, CRLF and CR line ends, a UTF-8 byte
 * order mark, blank lines (skipped), blanks around numbers. The separator is the comma, or ';' or a tab when
 * the first line holds no comma. Line numbers in messages count from 1.
 *
 * Header: the first record is one when it holds text above a number, or text only; otherwise columns are
 * x1..xd. Names are trimmed; an empty one becomes x<k> and a repeated one gets
 * _<k> appended, k the column's number.
 *
 * Types: a column is INTEGER when every cell is a whole number within +-2^53. Dropped columns may hold
 * anything. PF_BAD_INPUT: a text column (most cells not numbers: the message shows its first values and the
 * --drop list that goes on without it), a bad cell (text, empty, NaN, infinite), a ragged row, a stray or
 * open quote, a NUL byte, no rows, too few rows. PF_USAGE: unknown names in options->choice. PF_IO: reading
 * failed. `options` may be NULL. */
pf_status pf_csv_read(FILE *stream, const pf_read_options *options, pf_table **out, pf_error *error);
pf_status pf_csv_read_file(const char *path, const pf_read_options *options, pf_table **out, pf_error *error);
pf_status pf_csv_read_bytes(const void *bytes, size_t length, const pf_read_options *options, pf_table **out,
                            pf_error *error);

/* Writers. Integers as integers; reals rounded to the column's `decimals` when that is known and at most 15
 * significant digits, otherwise the shortest text of at most 9 significant digits that reads back to the same
 * float. PF_NON_FINITE for a NaN or infinite value (row and column named), PF_IO when writing failed (the
 * stream is flushed by pf_csv_write, not by the two pieces below). Names are quoted where needed. */
pf_status pf_csv_write(FILE *stream, const pf_table *table, pf_error *error);
/* The same into a file, whole or not at all (atomic_file.h). */
pf_status pf_csv_write_file(const char *path, const pf_table *table, pf_error *error);
/* Piecewise: names, types and decimals come from `schema` (its rows are not looked at);
 * values is rows x schema->columns. */
pf_status pf_csv_write_header(FILE *stream, const pf_table *schema, pf_error *error);
pf_status pf_csv_write_rows(FILE *stream, const pf_table *schema, const double *values, int64_t rows,
                            pf_error *error);

#endif
