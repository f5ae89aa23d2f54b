/* Maps in steps of colour: see level_map.h. */
#include "report/level_map.h"

#include <math.h>
#include <stdio.h>

#include "report/html.h"

pf_status pf_report_plane_grid(const pf_report_input *in, pf_report_grid *out, pf_error *error) {
  const double *rows = in->data_rows ? in->data : in->samples;
  size_t n = in->data_rows ? in->data_rows : in->sample_rows;
  pf_range x = {NAN, NAN}, y = {NAN, NAN};
  *out = (pf_report_grid){0};
  if (in->dimension == 2 && n) {
    PF_TRY(pf_plot_column_frame(pf_plot_column_of(rows, n, 2, 0), &x, error));
    PF_TRY(pf_plot_column_frame(pf_plot_column_of(rows, n, 2, 1), &y, error));
  }
  if (!pf_range_is_drawable(x) || !pf_range_is_drawable(y)) return PF_OK;
  double ratio = pf_plot_equal_aspect(&x, &y, 1), cells = PF_REPORT_CELLS;
  *out = (pf_report_grid){.x_low = x.low, .x_high = x.high, .y_low = y.low, .y_high = y.high};
  out->columns = (size_t)lround(fmin(cells, cells / ratio));
  out->rows = (size_t)lround(fmin(cells, cells * ratio));
  return PF_OK;
}

bool pf_level_map_place(const pf_report_grid *grid, double width, pf_level_map *out) {
  pf_range x = {grid->x_low, grid->x_high}, y = {grid->y_low, grid->y_high};
  if (!grid->columns || !grid->rows || !(x.low < x.high) || !(y.low < y.high) || !isfinite(x.high - x.low) ||
      !isfinite(y.high - y.low))
    return false;
  pf_range shown_x = x, shown_y = y;
  double height = pf_plot_equal_aspect(&shown_x, &shown_y, width);
  out->plot = pf_plot_in((pf_box){44, 24, width, height}, x, y);
  out->columns = grid->columns, out->rows = grid->rows;
  return true;
}

/* 0: below the lowest level, or not a number; PF_STYLE_LEVELS: the highest. */
static int level_of(const pf_level_map *map, double value) {
  int level = 0;
  while (level < PF_STYLE_LEVELS && value >= map->bounds[level]) level++;
  return level;
}

static pf_box cells_box(const pf_level_map *map, size_t row, size_t from, size_t to) {
  const pf_box *box = &map->plot.box;
  double width = box->width / (double)map->columns, height = box->height / (double)map->rows;
  return (pf_box){box->x + (double)from * width, box->y + box->height - (double)(row + 1) * height,
                  (double)(to - from) * width, height};
}

static void write_level(pf_text *text, const pf_level_map *map, const double *values, int level) {
  char class_name[16];
  size_t columns = map->columns;
  snprintf(class_name, sizeof class_name, "d%d", level);
  pf_pen pen = pf_pen_begin(text, class_name);
  for (size_t row = 0; row < map->rows; row++)
    for (size_t from = 0, to; from < columns; from = to) {
      const double *line = values + row * columns;
      for (to = from; to < columns && level_of(map, line[to]) == level; to++) continue;
      if (to > from) pf_pen_box(&pen, cells_box(map, row, from, to));
      if (to == from) to++;
    }
  pf_pen_end(&pen);
}

void pf_level_map_write(pf_text *text, const pf_level_map *map, const double *values) {
  for (int level = 1; level <= PF_STYLE_LEVELS; level++) write_level(text, map, values, level);
}

void pf_level_map_legend(pf_text *text, const pf_level_map *map, const char *first) {
  pf_html_legend_begin(text);
  for (int level = PF_STYLE_LEVELS; level > 0; level--) {
    char class_name[16], number[40], name[64];
    snprintf(class_name, sizeof class_name, "d%d", level);
    pf_number_text(map->bounds[level - 1], 3, number);
    snprintf(name, sizeof name, "%s%s", level == 1 && first ? first : number,
             level == PF_STYLE_LEVELS ? " and more" : "");
    pf_html_legend_entry(text, class_name, 'b', name);
  }
  pf_html_legend_end(text);
}
