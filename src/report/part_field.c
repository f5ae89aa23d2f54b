/* A trained potential over the plane: its levels, the data, and arrows along minus its slope. */
#include <math.h>
#include <stdio.h>

#include "report/html.h"
#include "report/level_map.h"
#include "report/parts.h"

enum { CLOUD_LIMIT = 800, WIDTH = 560 };

/* Equal steps over all but the most extreme values; what is below the second is in the first. */
static pf_status find_bounds(const pf_report_field *field, pf_level_map *map, bool *usable, pf_error *error) {
  size_t cells = field->grid.columns * field->grid.rows;
  pf_range range;
  PF_TRY(pf_plot_column_quantiles((pf_plot_column){field->value, cells, 1}, 0.01, &range, error));
  double step = (range.high - range.low) / PF_STYLE_LEVELS;
  *usable = isfinite(step) && range.low + step > range.low;
  map->bounds[0] = -INFINITY;
  for (int level = 1; level < PF_STYLE_LEVELS; level++) map->bounds[level] = range.low + level * step;
  return PF_OK;
}

static double longest_of(const pf_report_field *field) {
  double longest = 0;
  for (size_t i = 0; i < field->arrow_columns * field->arrow_rows; i++) {
    double length = hypot(field->arrows[2 * i], field->arrows[2 * i + 1]);
    if (isfinite(length)) longest = fmax(longest, length);
  }
  return longest;
}

/* From (x, y) by (dx, dy), in the picture; too short an arrow would be a speck. */
static void write_arrow(pf_pen *pen, double x, double y, double dx, double dy) {
  double length = hypot(dx, dy), head = fmin(4.5, 0.45 * length);
  if (!(length > 1)) return;
  double ux = dx / length, uy = dy / length, tip_x = x + dx, tip_y = y + dy;
  pf_pen_lift(pen);
  pf_pen_to(pen, x, y);
  pf_pen_to(pen, tip_x, tip_y);
  pf_pen_lift(pen);
  pf_pen_to(pen, tip_x - head * (ux - 0.55 * uy), tip_y - head * (uy + 0.55 * ux));
  pf_pen_to(pen, tip_x, tip_y);
  pf_pen_to(pen, tip_x - head * (ux + 0.55 * uy), tip_y - head * (uy - 0.55 * ux));
  pf_pen_lift(pen);
}

/* Centred at their cells; the longest is as long as a cell is wide or high, whichever is less. Both axes have one scale unless
 * their spans differ too much: directions are those of the picture. */
static void write_arrows(pf_text *text, const pf_report_field *field, const pf_plot *plot, double longest) {
  const pf_box *box = &plot->box;
  double width = box->width / (double)field->arrow_columns, height = box->height / (double)field->arrow_rows;
  double per_x = box->width / (plot->x.high - plot->x.low),
         per_y = box->height / (plot->y.high - plot->y.low);
  double scale = 0.95 * fmin(width, height) / (longest * fmax(per_x, per_y));
  pf_pen pen = pf_pen_begin(text, "arrow");
  for (size_t i = 0; i < field->arrow_rows; i++)
    for (size_t j = 0; j < field->arrow_columns; j++) {
      const double *arrow = field->arrows + 2 * (i * field->arrow_columns + j);
      double dx = scale * per_x * arrow[0], dy = -scale * per_y * arrow[1];
      double x = box->x + ((double)j + 0.5) * width, y = box->y + box->height - ((double)i + 0.5) * height;
      write_arrow(&pen, x - dx / 2, y - dy / 2, dx, dy);
    }
  pf_pen_end(&pen);
}

static void write_picture(pf_page *page, const pf_level_map *map, double longest) {
  const pf_report_input *in = page->input;
  pf_text *text = &page->text;
  char fallback[2][32];
  pf_axes axes = {7, 7, pf_page_column_name(page, 0, fallback[0]), pf_page_column_name(page, 1, fallback[1])};
  pf_svg_head head = {
      WIDTH + 54, map->plot.box.height + 62, NULL, "Potential",
      "Map of the potential over the plane of the two columns, with arrows along minus its slope"};
  pf_svg_begin(text, &head);
  pf_plot_axes(text, &map->plot, &axes);
  pf_level_map_write(text, map, in->field->value);
  if (in->data_rows) {
    pf_cloud cloud = {pf_plot_column_of(in->data, in->data_rows, 2, 0),
                      pf_plot_column_of(in->data, in->data_rows, 2, 1), CLOUD_LIMIT, "faint"};
    pf_plot_cloud(text, &map->plot, &cloud, NULL);
  }
  pf_svg_clip_begin(text, map->plot.box);
  if (longest > 0) write_arrows(text, in->field, &map->plot, longest);
  pf_svg_clip_end(text);
  pf_svg_end(text);
}

static void write_keys(pf_text *text, const pf_report_input *in, double longest) {
  char number[40], name[80];
  pf_number_text(longest, 3, number);
  snprintf(name, sizeof name, "minus its slope, %s at the longest", number);
  pf_html_legend_begin(text);
  if (longest > 0) pf_html_legend_entry(text, "arrow", 'l', name);
  if (in->data_rows) pf_html_legend_entry(text, "faint", 'd', "data");
  pf_html_legend_end(text);
}

pf_status pf_part_field(pf_page *page, pf_error *error) {
  const pf_report_input *in = page->input;
  pf_level_map map = {0};
  bool usable = false;
  if (!in->field || in->dimension != 2) {
    pf_page_absent(
        page, "Potential: only methods that train a critic have one, and it is drawn for two columns of real "
              "numbers behind the standard encoder.");
    return PF_OK;
  }
  if (pf_level_map_place(&in->field->grid, WIDTH, &map)) PF_TRY(find_bounds(in->field, &map, &usable, error));
  if (!usable) {
    pf_page_absent(page, "Potential: it has the same value, or none, everywhere.");
    return PF_OK;
  }
  double longest = longest_of(in->field);
  pf_html_section_begin(
      &page->text, "What the samples descend",
      "The trained potential of the last iteration, large where samples were and small where "
      "data are. Samples move along the arrows, against its slope; where no arrows are left, "
      "there is nothing more to do.");
  pf_html_figure_begin(&page->text, "one", "The critic's potential.",
                       "Of columns scaled to unit variance; the arrows are in the units of the axes. A "
                       "colour begins at the number beside it.");
  write_picture(page, &map, longest);
  write_keys(&page->text, in, longest);
  pf_level_map_legend(&page->text, &map, "lower");
  pf_html_figure_end(&page->text);
  pf_html_section_end(&page->text);
  return PF_OK;
}
