/* Rows that are pictures: samples above real rows; of a model that starts from rows, those rows above what they became. */
#include <math.h>
#include <stdio.h>

#include "base/memory.h"
#include "report/html.h"
#include "report/level_map.h"
#include "report/parts.h"

enum { SHOWN = 12, CELL = 78, GAP = 6, TEXT = 18 };

typedef struct strip {
  const char *name;
  const double *rows;
  size_t count;
} strip;

/* Levels between the 1 % and 99 % quantiles of everything shown, the darkest for the largest. */
static pf_status set_bounds(const strip *strips, size_t count, size_t d, pf_level_map *map, pf_error *error) {
  pf_range range = {NAN, NAN};
  for (size_t s = 0; s < count; s++) {
    pf_range own;
    PF_TRY(pf_plot_column_quantiles(pf_plot_column_of(strips[s].rows, strips[s].count * d, 1, 0), 0.01, &own,
                                    error));
    range.low = fmin(range.low, own.low); /* a NaN loses */
    range.high = fmax(range.high, own.high);
  }
  for (int k = 0; k < PF_STYLE_LEVELS; k++)
    map->bounds[k] = range.low + (k + 1) * (range.high - range.low) / (PF_STYLE_LEVELS + 1);
  return PF_OK;
}

/* The map's row 0 is at the bottom, a picture's at the top. */
static void turn(const double *row, const pf_level_map *map, double *out) {
  for (size_t i = 0; i < map->rows; i++)
    for (size_t j = 0; j < map->columns; j++)
      out[(map->rows - 1 - i) * map->columns + j] = row[i * map->columns + j];
}

static void write_strip(pf_text *text, const strip *s, pf_level_map *map, double y, double height,
                        double *scratch) {
  size_t d = map->columns * map->rows;
  pf_svg_words(text, (pf_svg_place){"name", 0, y + 12, 's', 60}, s->name);
  for (size_t i = 0; i < s->count; i++) {
    map->plot.box = (pf_box){(double)i * (CELL + GAP), y + TEXT, CELL, height};
    pf_svg_rect(text, "frame", map->plot.box);
    turn(s->rows + i * d, map, scratch);
    pf_level_map_write(text, map, scratch);
  }
}

static size_t list_strips(const pf_report_input *in, strip out[3]) {
  size_t count = 0, samples = in->sample_rows < SHOWN ? in->sample_rows : SHOWN;
  if (in->source_rows > 0) {
    if (samples > in->source_rows) samples = in->source_rows;
    out[count++] = (strip){"rows of the source", in->sources, samples};
    out[count++] = (strip){"where the model takes them", in->samples, samples};
  } else {
    out[count++] = (strip){"samples", in->samples, samples};
  }
  if (in->data_rows > 0)
    out[count++] = (strip){"rows of the data", in->data, in->data_rows < SHOWN ? in->data_rows : SHOWN};
  return count;
}

pf_status pf_part_pictures(pf_page *page, pf_error *error) {
  const pf_report_input *in = page->input;
  pf_text *text = &page->text;
  size_t d = in->picture_width * in->picture_height;
  strip strips[3];
  double *scratch = NULL;
  if (!in->picture_height || d != in->dimension || !in->sample_rows) return PF_OK;
  size_t count = list_strips(in, strips);
  pf_level_map map = {.columns = in->picture_width, .rows = in->picture_height};
  double height = CELL * (double)map.rows / (double)map.columns, line = TEXT + height + 10;
  PF_TRY(set_bounds(strips, count, d, &map, error));
  PF_TRY(pf_alloc(d, sizeof *scratch, &scratch, error));
  pf_html_section_begin(
      text, "Pictures",
      "Each row as a grey picture, its first value at the top left; the same levels for all.");
  pf_svg_begin(text, &(pf_svg_head){SHOWN * (CELL + GAP), (double)count * line, NULL, "Pictures",
                                    "Rows as grey pictures"});
  for (size_t s = 0; s < count; s++) write_strip(text, &strips[s], &map, (double)s * line, height, scratch);
  pf_svg_end(text);
  pf_html_section_end(text);
  pf_free(scratch);
  return PF_OK;
}
