/* Marginals: a small histogram of each of the first columns, data filled and samples as a line on the same
 * bins. */
#include <math.h>
#include <stdio.h>

#include "report/html.h"
#include "report/parts.h"
#include "report/plot.h"

enum { COLUMNS_MAX = 12, BINS = 36 };

static pf_status write_column(pf_page *page, size_t c, pf_error *error) {
  const pf_report_input *in = page->input;
  pf_plot_column data = pf_plot_column_of(in->data, in->data_rows, in->dimension, c);
  pf_plot_column samples = pf_plot_column_of(in->samples, in->sample_rows, in->dimension, c);
  pf_range x;
  PF_TRY(pf_plot_column_frame(data.rows ? data : samples, &x, error));
  pf_text *text = &page->text;
  char fallback[32];
  const char *name = pf_page_column_name(page, c, fallback);
  bool is_drawable = pf_range_is_drawable(x);
  pf_html_figure_begin(text, "mini", name, is_drawable ? NULL : "no finite value");
  if (is_drawable) {
    pf_histogram of_data, of_samples;
    pf_histogram_fill(&of_data, data, x, BINS);
    pf_histogram_fill(&of_samples, samples, x, BINS);
    double peak = fmax(pf_histogram_peak(&of_data), pf_histogram_peak(&of_samples));
    pf_plot plot = pf_plot_in((pf_box){6, 2, 248, 118}, x, (pf_range){0, peak > 0 ? 1.06 * peak : 1});
    pf_svg_begin(text, &(pf_svg_head){260, 142, NULL, name, "Histogram of data and samples"});
    pf_plot_axes(text, &plot, &(pf_axes){.x_ticks = 4});
    if (of_data.finite) pf_plot_histogram(text, &plot, &of_data, "hist0", true);
    if (of_samples.finite) pf_plot_histogram(text, &plot, &of_samples, "hist1", false);
    pf_svg_end(text);
  }
  pf_html_figure_end(text);
  return PF_OK;
}

pf_status pf_part_marginals(pf_page *page, pf_error *error) {
  const pf_report_input *in = page->input;
  if (in->dimension < 3 || (!in->data_rows && !in->sample_rows)) return PF_OK; /* part_samples has spoken */
  size_t count = in->dimension < COLUMNS_MAX ? in->dimension : COLUMNS_MAX;
  pf_text *text = &page->text;
  char lead[120];
  if (count == in->dimension) snprintf(lead, sizeof lead, "All %zu columns.", count);
  if (count < in->dimension)
    snprintf(lead, sizeof lead, "The first %zu of %zu columns.", count, in->dimension);
  pf_html_section_begin(text, "Marginals", lead);
  pf_text_add(text, "<div class=\"grid many\">\n");
  for (size_t c = 0; c < count; c++) PF_TRY(write_column(page, c, error));
  pf_text_add(text, "</div>\n");
  pf_html_legend_begin(text);
  if (in->data_rows) pf_html_legend_entry(text, "hist0", 'b', "data");
  if (in->sample_rows) pf_html_legend_entry(text, "hist1", 'l', "samples");
  pf_html_legend_end(text);
  pf_html_section_end(text);
  return PF_OK;
}
