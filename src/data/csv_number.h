/* Numbers in CSV cells: a fast exact parser and a locale-free printer. */
#ifndef PF_DATA_CSV_NUMBER_H
#define PF_DATA_CSV_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct pf_csv_number {
  double value;
  int decimals; /* digits after the point, -1 when written with an exponent */
} pf_csv_number;

/* Parses a whole cell, blanks around it allowed: [+-]digits[.digits][e[+-]digits]. Correctly rounded.
 * False when it is anything else, or not finite. */
bool pf_csv_number_parse(const char *text, size_t length, pf_csv_number *out);

/* Writes a finite value (see csv.h) with NUL; returns its length, at most 47. decimals -1: unknown. */
int pf_csv_number_print(double value, int decimals, char out[48]);

#endif
