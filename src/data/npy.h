/* NPY arrays (NumPy format 1.0, 2.0, 3.0) in and out. Source: numpy.lib.format, NEP 1. */
#ifndef PF_DATA_NPY_H
#define PF_DATA_NPY_H

#include <stdio.h>
#include "data/table.h"
#include "data/table_source.h"

typedef enum pf_npy_type { PF_NPY_F4, PF_NPY_F8 } pf_npy_type;

/* Reads one array as a table named x1..xd. Element types: f4, f8, i1..i8, u1..u8, bool, either byte order,
 * C or Fortran order. Shape (n) is n x 1, (n, d) is n x d, (n, a, b, ...) is flattened to n x (a*b*...) in C
 * order. Integer and boolean arrays give INTEGER columns. PF_BAD_INPUT: not such a file, an unknown type, a
 * body shorter or longer than its header says (both sizes in the message), a value that is not finite, an
 * integer beyond +-2^53, too few rows. `options` may be NULL. */
pf_status pf_npy_read(const char *path, const pf_read_options *options, pf_table **out, pf_error *error);
pf_status pf_npy_read_bytes(const void *bytes, size_t length, const pf_read_options *options, pf_table **out,
                            pf_error *error);
/* The same from any source, which is read to its end. */
pf_status pf_npy_read_source(pf_source *source, const pf_read_options *options, pf_table **out,
                             pf_error *error);

/* Writes rows x columns in C order, little endian, version 1.0, whole or not at all. PF_NON_FINITE when a
 * value is NaN or infinite, also after rounding to f4. */
pf_status pf_npy_write(const char *path, const pf_table *table, pf_npy_type type, pf_error *error);
/* Piecewise, for long streams: the header, then exactly `rows` rows in any number of calls. */
pf_status pf_npy_write_header(FILE *stream, int64_t rows, int columns, pf_npy_type type, pf_error *error);
/* The header of an array of `axes` (1 to 4) extents. */
pf_status pf_npy_write_shape(FILE *stream, const int64_t *shape, int axes, pf_npy_type type, pf_error *error);
pf_status pf_npy_write_rows(FILE *stream, const double *values, int64_t rows, int columns, pf_npy_type type,
                            pf_error *error);

#endif
