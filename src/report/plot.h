/* A plot: a box with two scales, its axes, and what is drawn the same way in several charts. */
#ifndef PF_REPORT_PLOT_H
#define PF_REPORT_PLOT_H

#include <stdint.h>

#include "report/scale.h"
#include "report/svg.h"

typedef struct pf_plot {
  pf_box box; /* where the data go, inside the picture */
  pf_plot_scale x, y;
} pf_plot;

pf_plot pf_plot_in(pf_box box, pf_range x, pf_range y);

/* Grid, frame and tick labels; about `x_ticks` and `y_ticks` of them, 0 for none on that axis. */
typedef struct pf_axes {
  int x_ticks, y_ticks;
  const char *x_name, *y_name; /* below the right end of x and above the left end of y; NULL: none */
} pf_axes;
void pf_plot_axes(pf_text *text, const pf_plot *plot, const pf_axes *axes);

/* A view of one column of an n x d array: value(i) = first[i * stride]. */
typedef struct pf_plot_column {
  const double *first;
  size_t rows, stride;
} pf_plot_column;
pf_plot_column pf_plot_column_of(const double *array, size_t rows, size_t dimension, size_t column);

/* The range between the quantiles p and 1 - p of the finite values, NaNs when there are none. */
pf_status pf_plot_column_quantiles(pf_plot_column column, double p, pf_range *out, pf_error *error);
/* The range that a column is drawn on: its 0.2 % to 99.8 % quantiles, padded. */
pf_status pf_plot_column_frame(pf_plot_column column, pf_range *out, pf_error *error);
/* Both axes on one scale (so that circles stay round) where their spans allow a sensible picture `width` wide: widens the
 * shorter range and returns the picture's height. */
double pf_plot_equal_aspect(pf_range *x, pf_range *y, double width);
bool pf_range_is_drawable(pf_range range);

/* Density histogram over `range`: values outside count in the total but fill no bin. */
enum { PF_BINS_MAX = 64 };
typedef struct pf_histogram {
  pf_range range;
  double density[PF_BINS_MAX];
  size_t bins, finite;
} pf_histogram;
void pf_histogram_fill(pf_histogram *out, pf_plot_column column, pf_range range, size_t bins);
double pf_histogram_peak(const pf_histogram *histogram);
/* Stairs, closed down to the base line (filled) or open. */
void pf_plot_histogram(pf_text *text, const pf_plot *plot, const pf_histogram *histogram,
                       const char *class_name, bool closed);

/* Bar `slot` of `slots` in the width of the plot, as high as `value`, with a mark across it at `level`; neither where it is not
 * finite. Returns the slot's box, from the bar's top down. */
typedef struct pf_bar {
  size_t slot, slots;
  double value, level;
} pf_bar;
pf_box pf_plot_bar(pf_text *text, const pf_plot *plot, const pf_bar *bar);

/* The points (x_i, y_i) inside the plot, at most `limit` evenly spaced rows, in a few layers whose opacity
 * adds up so that dense places look dense. Returns the number of rows (of all that were looked at) left out
 * because they lie outside or are not finite; *looked counts those looked at. */
typedef struct pf_cloud {
  pf_plot_column x, y;
  size_t limit;
  const char *class_name;
} pf_cloud;
size_t pf_plot_cloud(pf_text *text, const pf_plot *plot, const pf_cloud *cloud, size_t *looked);

#endif
