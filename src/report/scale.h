/* Scales and ticks: from data values to picture coordinates, and the round numbers to mark on an axis. */
#ifndef PF_REPORT_SCALE_H
#define PF_REPORT_SCALE_H

#include <stdbool.h>
#include <stddef.h>

/* Maps [low, high] linearly, or by its logarithm, onto [from, to] (from > to is fine: y grows upwards). */
typedef struct pf_plot_scale {
  double low, high, from, to;
  bool logarithmic;
} pf_plot_scale;

/* NaN for a value without a place: not finite, or not positive on a logarithmic scale. */
double pf_plot_scale_map(const pf_plot_scale *scale, double value);

/* A usable range around [low, high]: finite, low < high, padded by `padding` of its width on both sides. */
typedef struct pf_range {
  double low, high;
} pf_range;
pf_range pf_range_padded(double low, double high, double padding);

enum { PF_TICKS_MAX = 16 };
typedef struct pf_ticks {
  double value[PF_TICKS_MAX]; /* increasing, inside [low, high] */
  size_t count;
  double step; /* distance of neighbours; 0 on a logarithmic axis */
} pf_ticks;

/* Multiples of 1, 2 or 5 times a power of ten, about `target` of them and at least two. */
pf_ticks pf_ticks_linear(double low, double high, int target);
/* Powers of ten; with 2 and 5 in between on short ranges; linear ticks where even those are fewer than 2. */
pf_ticks pf_ticks_log(double low, double high, int target);
/* The ticks that fit a scale. */
pf_ticks pf_plot_scale_ticks(const pf_plot_scale *scale, int target);
/* Text of tick i, with just the decimals its neighbours need and a real minus sign. */
void pf_ticks_label(const pf_ticks *ticks, size_t i, char out[40]);

/* `value` with `digits` significant digits, the same in every locale; "–" when it is not finite. */
void pf_number_text(double value, int digits, char out[40]);

#endif
