/* One column's distribution function F, as a table of knots, and its inverse.
 *
 *   x[k]      knots, strictly increasing
 *   lower[k]  F just below x[k]      upper[k]  F at x[k]; upper - lower is the mass of an atom on x[k]
 *
 * Between knots F is linear from (left end, upper[k]) to (right end, lower[k+1]). The ends are the knots
 * themselves, except beside an atom of a lattice column, where they are half a lattice step away: the points
 * that round to the atom belong to it.
 */
#ifndef PF_DATA_ENCODER_QUANTILE_H
#define PF_DATA_ENCODER_QUANTILE_H

#include <stdint.h>
#include "base/status.h"

typedef struct pf_quantile_map {
  int64_t knots; /* at least 1 */
  double *x, *lower, *upper;
  double minimum, maximum; /* of the training values */
  int decimals;            /* lattice of step 10^-decimals, -1: none */
  int64_t rows;            /* training rows */
  int32_t *guide;          /* where to look for a probability: pf_quantile_map_index */
  int64_t cells;
} pf_quantile_map;

typedef struct pf_quantile_options {
  int max_knots;
  double atom_share;
  int decimals;
} pf_quantile_options;

/* Largest number of decimals that makes a lattice. */
enum { PF_LATTICE_MAX_DECIMALS = 15 };

/* Fits a map to sorted finite values. The arrays of *out are new (pf_quantile_map_free). */
pf_status pf_quantile_map_fit(const double *sorted, int64_t rows, const pf_quantile_options *options,
                              pf_quantile_map *out, pf_error *error);
void pf_quantile_map_free(pf_quantile_map *map);
/* Makes the guide of a map whose knots are in place; a fitted map has one. Without it values are not looked up. */
pf_status pf_quantile_map_index(pf_quantile_map *map, pf_error *error);

/* The interval of probability that x stands for: a point in continuous parts, an atom's interval, or a lattice
 * cell. Both in [0, 1]. `slope` is the density there: dF/dx, or for atoms and integers the mass; 0 outside. */
typedef struct pf_quantile_cell {
  double lower, upper, slope;
} pf_quantile_cell;
pf_quantile_cell pf_quantile_map_cell(const pf_quantile_map *map, double x);

/* The value at probability u in [0, 1]. */
double pf_quantile_map_value(const pf_quantile_map *map, double u);

/* Where the line between knots k and k + 1 starts and ends: half a lattice step away from an atom. */
double pf_quantile_map_left(const pf_quantile_map *map, int64_t k);
double pf_quantile_map_right(const pf_quantile_map *map, int64_t k);

/* x rounded to the lattice. */
double pf_lattice_round(double x, int decimals);

#endif
