/* Pair plots of the first columns: data below the diagonal, samples above it, marginals on it. Cell (r, c)
 * shows column c across and column r upwards; every cell of a column shares its range. */
#include <math.h>
#include <stdio.h>

#include "report/html.h"
#include "report/parts.h"
#include "report/plot.h"

enum { PAIRS_MAX = 4, PAIR_POINTS = 500, PAIR_BINS = 24 };

typedef struct pair_grid {
  const pf_report_input *input;
  size_t count;
  double cell, gap, left, top;
  pf_range range[PAIRS_MAX];
} pair_grid;

static pf_box cell_box(const pair_grid *grid, size_t row, size_t column) {
  double pitch = grid->cell + grid->gap;
  return (pf_box){grid->left + (double)column * pitch, grid->top + (double)row * pitch, grid->cell,
                  grid->cell};
}

static void write_diagonal(pf_page *page, const pair_grid *grid, size_t c) {
  const pf_report_input *in = grid->input;
  pf_histogram of_data, of_samples;
  pf_histogram_fill(&of_data, pf_plot_column_of(in->data, in->data_rows, in->dimension, c), grid->range[c],
                    PAIR_BINS);
  pf_histogram_fill(&of_samples, pf_plot_column_of(in->samples, in->sample_rows, in->dimension, c),
                    grid->range[c], PAIR_BINS);
  double peak = fmax(pf_histogram_peak(&of_data), pf_histogram_peak(&of_samples));
  pf_box box = cell_box(grid, c, c);
  pf_plot plot =
      pf_plot_in(box, grid->range[c], (pf_range){0, peak > 0 ? 1.45 * peak : 1}); /* room for the name */
  pf_plot_axes(&page->text, &plot, &(pf_axes){.x_ticks = c + 1 == grid->count ? 3 : 0});
  if (of_data.finite) pf_plot_histogram(&page->text, &plot, &of_data, "hist0", true);
  if (of_samples.finite) pf_plot_histogram(&page->text, &plot, &of_samples, "hist1", false);
  char fallback[32];
  size_t limit = (size_t)(box.width / 9.5); /* characters that fit the cell, on a phone too */
  pf_svg_place place = {"name strong", box.x + box.width / 2, box.y + 16, 'm', limit};
  pf_svg_words(&page->text, place, pf_page_column_name(page, c, fallback));
}

static void write_cell(pf_page *page, const pair_grid *grid, size_t r, size_t c) {
  const pf_report_input *in = grid->input;
  bool is_data = r > c;
  const double *array = is_data ? in->data : in->samples;
  size_t rows = is_data ? in->data_rows : in->sample_rows;
  pf_plot plot = pf_plot_in(cell_box(grid, r, c), grid->range[c], grid->range[r]);
  pf_plot_axes(&page->text, &plot, &(pf_axes){r + 1 == grid->count ? 3 : 0, c == 0 ? 3 : 0, NULL, NULL});
  pf_cloud cloud = {pf_plot_column_of(array, rows, in->dimension, c),
                    pf_plot_column_of(array, rows, in->dimension, r), PAIR_POINTS,
                    is_data ? "dots0" : "dots1"};
  if (rows) pf_plot_cloud(&page->text, &plot, &cloud, NULL);
}

static pf_status find_ranges(pair_grid *grid, pf_error *error) {
  const pf_report_input *in = grid->input;
  const double *reference = in->data_rows ? in->data : in->samples;
  size_t rows = in->data_rows ? in->data_rows : in->sample_rows;
  for (size_t c = 0; c < grid->count; c++) {
    PF_TRY(
        pf_plot_column_frame(pf_plot_column_of(reference, rows, in->dimension, c), &grid->range[c], error));
    if (!pf_range_is_drawable(grid->range[c])) grid->range[c] = (pf_range){-1, 1}; /* an empty cell */
  }
  return PF_OK;
}

pf_status pf_part_pairs(pf_page *page, pf_error *error) {
  const pf_report_input *in = page->input;
  if (in->dimension < 3 || (!in->data_rows && !in->sample_rows)) return PF_OK; /* part_samples has spoken */
  size_t count = in->dimension < PAIRS_MAX ? in->dimension : PAIRS_MAX;
  pair_grid grid = {
      .input = in, .count = count, .cell = 536 / (double)count - 6, .gap = 6, .left = 40, .top = 4};
  PF_TRY(find_ranges(&grid, error));
  pf_text *text = &page->text;
  char lead[160];
  snprintf(lead, sizeof lead,
           "The first %zu columns, up to %d rows in each cell: data below the diagonal, samples above "
           "it. A good sampler mirrors one half in the other.",
           count, PAIR_POINTS);
  pf_html_section_begin(text, "Pairs of columns", lead);
  pf_html_figure_begin(text, "one", "Pair plots", NULL);
  pf_svg_head head = {580, 562, "pairs", "Pair plots", "Data below the diagonal, samples above it"};
  pf_svg_begin(text, &head);
  for (size_t r = 0; r < count; r++)
    for (size_t c = 0; c < count; c++) {
      if (r == c) write_diagonal(page, &grid, c);
      if (r != c) write_cell(page, &grid, r, c);
    }
  pf_svg_end(text);
  pf_html_legend_begin(text);
  if (in->data_rows) pf_html_legend_entry(text, "b0", 'd', "data");
  if (in->sample_rows) pf_html_legend_entry(text, "b1", 'd', "samples");
  pf_html_legend_end(text);
  pf_html_figure_end(text);
  pf_html_section_end(text);
  return PF_OK;
}
