/* Density maps: the model's beside the law's, or beside the data where no density is known. One colour scale for both: every
 * step is a factor of two, so that thin bridges between modes show as well as the modes.
 *
 * Cells of one level in a row are one box, all boxes of a level one <path>: at most rows x columns boxes a map. */
#include <math.h>
#include <stdio.h>

#include "report/html.h"
#include "report/parts.h"
#include "report/plot.h"
#include "report/style.h"

enum { CLOUD_LIMIT = 1500, PANEL_WIDTH = 370 };

typedef struct density_view {
  const pf_report_density *density;
  double top; /* the highest level starts here */
  pf_plot plot;
  double height;
} density_view;

/* The largest of 1, 1.5, 2, 3, 4, 5, 6, 8 times a power of ten that is not above `value`. */
static double round_down(double value) {
  static const double steps[] = {8, 6, 5, 4, 3, 2, 1.5, 1};
  double decade = pow(10, floor(log10(value)));
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
    if (steps[i] * decade <= value * (1 + 1e-9)) return steps[i] * decade;
  return decade;
}

/* From the law where it is known: a spike of the model must not hide everything else. */
static pf_status find_top(const pf_report_density *density, double *out, pf_error *error) {
  const double *values = density->law ? density->law : density->model;
  size_t cells = density->columns * density->rows;
  pf_range range;
  PF_TRY(pf_plot_column_quantiles((pf_plot_column){values, cells, 1}, 0.001, &range, error));
  *out = range.high > 0 && range.high < 1e300 && range.high > 1e-290 ? round_down(range.high) : NAN;
  return PF_OK;
}

/* 0: below the lowest level, or not a number; PF_STYLE_LEVELS: the highest. */
static int level_of(const density_view *view, double value) {
  int level = 0;
  double bound = ldexp(view->top, 1 - PF_STYLE_LEVELS);
  while (level < PF_STYLE_LEVELS && value >= bound) level++, bound *= 2;
  return level;
}

static pf_box cells_box(const density_view *view, size_t row, size_t from, size_t to) {
  const pf_box *box = &view->plot.box;
  double width = box->width / (double)view->density->columns,
         height = box->height / (double)view->density->rows;
  return (pf_box){box->x + (double)from * width, box->y + box->height - (double)(row + 1) * height,
                  (double)(to - from) * width, height};
}

static void write_level(pf_text *text, const density_view *view, const double *values, int level) {
  char class_name[16];
  size_t columns = view->density->columns;
  snprintf(class_name, sizeof class_name, "d%d", level);
  pf_pen pen = pf_pen_begin(text, class_name);
  for (size_t row = 0; row < view->density->rows; row++)
    for (size_t from = 0, to; from < columns; from = to) {
      const double *line = values + row * columns;
      for (to = from; to < columns && level_of(view, line[to]) == level; to++) continue;
      if (to > from) pf_pen_box(&pen, cells_box(view, row, from, to));
      if (to == from) to++;
    }
  pf_pen_end(&pen);
}

static void write_axes(pf_page *page, const density_view *view) {
  char fallback[2][32];
  pf_plot_axes(
      &page->text, &view->plot,
      &(pf_axes){6, 5, pf_page_column_name(page, 0, fallback[0]), pf_page_column_name(page, 1, fallback[1])});
}

static void write_map(pf_page *page, const density_view *view, const char *name, const double *values) {
  pf_text *text = &page->text;
  pf_svg_head head = {PANEL_WIDTH + 54, view->height + 62, NULL, name,
                      "Map of the density over the plane of the two columns"};
  pf_html_figure_begin(text, "cloud", name, NULL);
  pf_svg_begin(text, &head);
  write_axes(page, view); /* first: the grid would cut the map */
  for (int level = 1; level <= PF_STYLE_LEVELS; level++) write_level(text, view, values, level);
  pf_svg_end(text);
  pf_html_figure_end(text);
}

static void write_data(pf_page *page, const density_view *view) {
  const pf_report_input *in = page->input;
  pf_text *text = &page->text;
  char caption[120];
  size_t looked = in->data_rows < CLOUD_LIMIT ? in->data_rows : CLOUD_LIMIT;
  snprintf(caption, sizeof caption, "%zu of %zu rows.", looked, in->data_rows);
  pf_html_figure_begin(text, "cloud", "Data", caption);
  pf_svg_begin(text, &(pf_svg_head){PANEL_WIDTH + 54, view->height + 62, NULL, "Data",
                                    "Scatter plot of the two columns"});
  write_axes(page, view);
  pf_cloud cloud = {pf_plot_column_of(in->data, in->data_rows, 2, 0),
                    pf_plot_column_of(in->data, in->data_rows, 2, 1), CLOUD_LIMIT, "dots0"};
  pf_plot_cloud(text, &view->plot, &cloud, NULL);
  pf_svg_end(text);
  pf_html_figure_end(text);
}

static void write_legend(pf_text *text, double top) {
  pf_html_legend_begin(text);
  for (int level = PF_STYLE_LEVELS; level > 0; level--) {
    char class_name[16], number[40], name[64];
    snprintf(class_name, sizeof class_name, "d%d", level);
    pf_number_text(ldexp(top, level - PF_STYLE_LEVELS), 3, number);
    snprintf(name, sizeof name, "%s%s", number, level == PF_STYLE_LEVELS ? " and more" : "");
    pf_html_legend_entry(text, class_name, 'b', name);
  }
  pf_html_legend_end(text);
}

pf_status pf_report_density_grid(const pf_report_input *in, pf_report_density *out, pf_error *error) {
  const double *rows = in->data_rows ? in->data : in->samples;
  size_t n = in->data_rows ? in->data_rows : in->sample_rows;
  pf_range x = {NAN, NAN}, y = {NAN, NAN};
  *out = (pf_report_density){0};
  if (in->dimension == 2 && n) {
    PF_TRY(pf_plot_column_frame(pf_plot_column_of(rows, n, 2, 0), &x, error));
    PF_TRY(pf_plot_column_frame(pf_plot_column_of(rows, n, 2, 1), &y, error));
  }
  if (!pf_range_is_drawable(x) || !pf_range_is_drawable(y)) return PF_OK;
  double ratio = pf_plot_equal_aspect(&x, &y, 1), cells = PF_REPORT_CELLS;
  *out = (pf_report_density){.x_low = x.low, .x_high = x.high, .y_low = y.low, .y_high = y.high};
  out->columns = (size_t)lround(fmin(cells, cells / ratio));
  out->rows = (size_t)lround(fmin(cells, cells * ratio));
  return PF_OK;
}

pf_status pf_part_density(pf_page *page, pf_error *error) {
  const pf_report_input *in = page->input;
  const pf_report_density *d = in->density;
  if (!d || in->dimension != 2 || !d->columns || !d->rows) {
    pf_page_absent(page, "Density map: it is drawn for exactly two columns of real numbers.");
    return PF_OK;
  }
  density_view view = {.density = d};
  pf_range x = {d->x_low, d->x_high}, y = {d->y_low, d->y_high};
  PF_TRY(find_top(d, &view.top, error));
  if (!isfinite(view.top) || !(x.low < x.high) || !(y.low < y.high) || !isfinite(x.high - x.low) ||
      !isfinite(y.high - y.low)) {
    pf_page_absent(page, "Density map: the density is nowhere a positive number.");
    return PF_OK;
  }
  view.height = pf_plot_equal_aspect(&x, &y, PANEL_WIDTH);
  view.plot = pf_plot_in((pf_box){44, 24, PANEL_WIDTH, view.height}, (pf_range){d->x_low, d->x_high},
                         (pf_range){d->y_low, d->y_high});
  pf_html_section_begin(&page->text, "Density",
                        "Probability per unit of area. A colour begins at the number beside it, each twice "
                        "the next; blank is below the last.");
  pf_text_add(&page->text, "<div class=\"grid\">\n");
  if (d->law) write_map(page, &view, "Law", d->law);
  if (!d->law && in->data_rows) write_data(page, &view);
  write_map(page, &view, "Model", d->model);
  pf_text_add(&page->text, "</div>\n");
  write_legend(&page->text, view.top);
  pf_html_section_end(&page->text);
  return PF_OK;
}
