/* Plots: axes, histograms and clouds of points. */
#include "report/plot.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

pf_plot pf_plot_in(pf_box box, pf_range x, pf_range y) {
  return (pf_plot){
      .box = box,
      .x = {.low = x.low, .high = x.high, .from = box.x, .to = box.x + box.width},
      .y = {.low = y.low, .high = y.high, .from = box.y + box.height, .to = box.y},
  };
}

static void axis_x(pf_text *text, const pf_plot *plot, int target) {
  pf_ticks ticks = pf_plot_scale_ticks(&plot->x, target);
  double bottom = plot->box.y + plot->box.height;
  for (size_t i = 0; i < ticks.count; i++) {
    char label[40];
    pf_ticks_label(&ticks, i, label);
    double x = pf_plot_scale_map(&plot->x, ticks.value[i]);
    pf_svg_line(text, "gridline", x, plot->box.y, x, bottom);
    pf_svg_words(text, (pf_svg_place){NULL, x, bottom + 15, 'm', 0}, label);
  }
}

static void axis_y(pf_text *text, const pf_plot *plot, int target) {
  pf_ticks ticks = pf_plot_scale_ticks(&plot->y, target);
  for (size_t i = 0; i < ticks.count; i++) {
    char label[40];
    pf_ticks_label(&ticks, i, label);
    double y = pf_plot_scale_map(&plot->y, ticks.value[i]);
    pf_svg_line(text, "gridline", plot->box.x, y, plot->box.x + plot->box.width, y);
    pf_svg_words(text, (pf_svg_place){NULL, plot->box.x - 6, y + 4, 'e', 0}, label);
  }
}

void pf_plot_axes(pf_text *text, const pf_plot *plot, const pf_axes *axes) {
  pf_box box = plot->box;
  if (axes->x_ticks) axis_x(text, plot, axes->x_ticks);
  if (axes->y_ticks) axis_y(text, plot, axes->y_ticks);
  pf_svg_rect(text, "frame", box);
  pf_svg_place below = {"name", box.x + box.width, box.y + box.height + 32, 'e', 0};
  if (axes->x_name) pf_svg_words(text, below, axes->x_name);
  if (axes->y_name) pf_svg_words(text, (pf_svg_place){"name", box.x, box.y - 8, 's', 0}, axes->y_name);
}

pf_plot_column pf_plot_column_of(const double *array, size_t rows, size_t dimension, size_t column) {
  return (pf_plot_column){.first = rows ? array + column : array, .rows = rows, .stride = dimension};
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

pf_status pf_plot_column_quantiles(pf_plot_column column, double p, pf_range *out, pf_error *error) {
  double *sorted;
  PF_TRY(pf_alloc(column.rows, sizeof *sorted, &sorted, error));
  size_t count = 0;
  for (size_t i = 0; i < column.rows; i++) {
    double value = column.first[i * column.stride];
    if (isfinite(value)) sorted[count++] = value;
  }
  qsort(sorted, count, sizeof *sorted, compare);
  if (count) {
    size_t cut = (size_t)(p * (double)(count - 1));
    *out = (pf_range){sorted[cut], sorted[count - 1 - cut]};
  } else {
    *out = (pf_range){NAN, NAN};
  }
  pf_free(sorted);
  return PF_OK;
}

pf_status pf_plot_column_frame(pf_plot_column column, pf_range *out, pf_error *error) {
  pf_range range;
  PF_TRY(pf_plot_column_quantiles(column, 0.002, &range, error));
  *out = pf_range_is_drawable(range) ? pf_range_padded(range.low, range.high, 0.08) : range;
  return PF_OK;
}

double pf_plot_equal_aspect(pf_range *x, pf_range *y, double width) {
  const double flattest = 0.45, tallest = 1.15;
  double ratio = (y->high - y->low) / (x->high - x->low);
  if (!(ratio > flattest / 2 && ratio < 2 * tallest))
    return 0.8 * width; /* units differ: scales of their own */
  if (ratio < flattest) *y = pf_range_padded(y->low, y->high, 0.5 * (flattest / ratio - 1));
  if (ratio > tallest) *x = pf_range_padded(x->low, x->high, 0.5 * (ratio / tallest - 1));
  return width * fmin(fmax(ratio, flattest), tallest);
}

bool pf_range_is_drawable(pf_range range) { return isfinite(range.low) && isfinite(range.high); }

void pf_histogram_fill(pf_histogram *out, pf_plot_column column, pf_range range, size_t bins) {
  if (bins > PF_BINS_MAX) bins = PF_BINS_MAX;
  *out = (pf_histogram){.range = range, .bins = bins};
  double width = (range.high - range.low) / (double)bins;
  for (size_t i = 0; i < column.rows; i++) {
    double value = column.first[i * column.stride];
    if (!isfinite(value)) continue;
    out->finite++;
    double place = (value - range.low) / width;
    if (place >= 0 && place < (double)bins) out->density[(size_t)place] += 1;
  }
  for (size_t b = 0; b < bins && out->finite; b++) out->density[b] /= (double)out->finite * width;
}

double pf_histogram_peak(const pf_histogram *histogram) {
  double peak = 0;
  for (size_t b = 0; b < histogram->bins; b++) peak = fmax(peak, histogram->density[b]);
  return peak;
}

void pf_plot_histogram(pf_text *text, const pf_plot *plot, const pf_histogram *histogram,
                       const char *class_name, bool closed) {
  double width = (histogram->range.high - histogram->range.low) / (double)histogram->bins;
  double base = pf_plot_scale_map(&plot->y, 0);
  pf_pen pen = pf_pen_begin(text, class_name);
  if (closed) pf_pen_to(&pen, pf_plot_scale_map(&plot->x, histogram->range.low), base);
  for (size_t b = 0; b < histogram->bins; b++) {
    double y = pf_plot_scale_map(&plot->y, histogram->density[b]);
    pf_pen_to(&pen, pf_plot_scale_map(&plot->x, histogram->range.low + (double)b * width), y);
    pf_pen_to(&pen, pf_plot_scale_map(&plot->x, histogram->range.low + (double)(b + 1) * width), y);
  }
  if (closed) {
    pf_pen_to(&pen, pf_plot_scale_map(&plot->x, histogram->range.high), base);
    pf_pen_close(&pen);
  }
  pf_pen_end(&pen);
}

static bool is_inside(const pf_plot *plot, double x, double y) {
  return x >= plot->x.low && x <= plot->x.high && y >= plot->y.low && y <= plot->y.high;
}

size_t pf_plot_cloud(pf_text *text, const pf_plot *plot, const pf_cloud *cloud, size_t *looked) {
  const size_t layers = 6;
  size_t rows = cloud->x.rows < cloud->y.rows ? cloud->x.rows : cloud->y.rows;
  size_t count = rows < cloud->limit ? rows : cloud->limit, outside = 0;
  for (size_t layer = 0; layer < layers; layer++) {
    pf_pen pen = pf_pen_begin(text, cloud->class_name);
    for (size_t k = layer; k < count; k += layers) {
      size_t i = (size_t)((double)k * (double)rows / (double)count);
      double x = cloud->x.first[i * cloud->x.stride], y = cloud->y.first[i * cloud->y.stride];
      if (is_inside(plot, x, y)) {
        pf_pen_dot(&pen, pf_plot_scale_map(&plot->x, x), pf_plot_scale_map(&plot->y, y));
      } else {
        outside++;
      }
    }
    pf_pen_end(&pen);
  }
  if (looked) *looked = count;
  return outside;
}

pf_box pf_plot_bar(pf_text *text, const pf_plot *plot, const pf_bar *bar) {
  double width = plot->box.width / (double)bar->slots, left = plot->box.x + width * (double)bar->slot;
  double bottom = plot->box.y + plot->box.height, level = pf_plot_scale_map(&plot->y, bar->level);
  double top = isfinite(bar->value) ? pf_plot_scale_map(&plot->y, bar->value) : bottom;
  if (isfinite(bar->value))
    pf_svg_rect(text, "b1", (pf_box){left + 0.2 * width, top, 0.6 * width, bottom - top});
  if (isfinite(bar->level)) pf_svg_line(text, "mark", left + 0.08 * width, level, left + 0.92 * width, level);
  return (pf_box){left, top, width, bottom - top};
}
