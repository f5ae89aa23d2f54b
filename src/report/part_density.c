/* Density maps: the model's beside the law's, or beside the data where no density is known. One colour scale for both: every
 * step is a factor of two, so that thin bridges between modes show as well as the modes. */
#include <math.h>
#include <stdio.h>

#include "report/html.h"
#include "report/level_map.h"
#include "report/parts.h"

enum { CLOUD_LIMIT = 1500, PANEL_WIDTH = 370 };

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
  size_t cells = density->grid.columns * density->grid.rows;
  pf_range range;
  PF_TRY(pf_plot_column_quantiles((pf_plot_column){values, cells, 1}, 0.001, &range, error));
  *out = range.high > 0 && range.high < 1e300 && range.high > 1e-290 ? round_down(range.high) : NAN;
  return PF_OK;
}

static void write_axes(pf_page *page, const pf_level_map *map) {
  char fallback[2][32];
  pf_plot_axes(
      &page->text, &map->plot,
      &(pf_axes){6, 5, pf_page_column_name(page, 0, fallback[0]), pf_page_column_name(page, 1, fallback[1])});
}

static void write_map(pf_page *page, const pf_level_map *map, const char *name, const double *values) {
  pf_text *text = &page->text;
  pf_svg_head head = {PANEL_WIDTH + 54, map->plot.box.height + 62, NULL, name,
                      "Map of the density over the plane of the two columns"};
  pf_html_figure_begin(text, "cloud", name, NULL);
  pf_svg_begin(text, &head);
  write_axes(page, map); /* first: the grid would cut the map */
  pf_level_map_write(text, map, values);
  pf_svg_end(text);
  pf_html_figure_end(text);
}

static void write_data(pf_page *page, const pf_level_map *map) {
  const pf_report_input *in = page->input;
  pf_text *text = &page->text;
  char caption[120];
  size_t looked = in->data_rows < CLOUD_LIMIT ? in->data_rows : CLOUD_LIMIT;
  snprintf(caption, sizeof caption, "%zu of %zu rows.", looked, in->data_rows);
  pf_html_figure_begin(text, "cloud", "Data", caption);
  pf_svg_begin(text, &(pf_svg_head){PANEL_WIDTH + 54, map->plot.box.height + 62, NULL, "Data",
                                    "Scatter plot of the two columns"});
  write_axes(page, map);
  pf_cloud cloud = {pf_plot_column_of(in->data, in->data_rows, 2, 0),
                    pf_plot_column_of(in->data, in->data_rows, 2, 1), CLOUD_LIMIT, "dots0"};
  pf_plot_cloud(text, &map->plot, &cloud, NULL);
  pf_svg_end(text);
  pf_html_figure_end(text);
}

pf_status pf_part_density(pf_page *page, pf_error *error) {
  const pf_report_input *in = page->input;
  const pf_report_density *d = in->density;
  pf_level_map map = {0};
  double top = NAN;
  if (!d || in->dimension != 2 || !d->grid.columns || !d->grid.rows) {
    pf_page_absent(page, "Density map: it is drawn for exactly two columns of real numbers.");
    return PF_OK;
  }
  PF_TRY(find_top(d, &top, error));
  if (!isfinite(top) || !pf_level_map_place(&d->grid, PANEL_WIDTH, &map)) {
    pf_page_absent(page, "Density map: the density is nowhere a positive number.");
    return PF_OK;
  }
  for (int level = 0; level < PF_STYLE_LEVELS; level++)
    map.bounds[level] = ldexp(top, level + 1 - PF_STYLE_LEVELS);
  pf_html_section_begin(&page->text, "Density",
                        "Probability per unit of area. A colour begins at the number beside it, each twice "
                        "the next; blank is below the last.");
  pf_text_add(&page->text, "<div class=\"grid\">\n");
  if (d->law) write_map(page, &map, "Law", d->law);
  if (!d->law && in->data_rows) write_data(page, &map);
  write_map(page, &map, "Model", d->model);
  pf_text_add(&page->text, "</div>\n");
  pf_level_map_legend(&page->text, &map, NULL);
  pf_html_section_end(&page->text);
  return PF_OK;
}
