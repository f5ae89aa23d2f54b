/* Data and samples in the plane (d = 2, two clouds side by side on the same axes) or on the line (d = 1). */
#include <math.h>
#include <stdio.h>

#include "report/html.h"
#include "report/parts.h"
#include "report/plot.h"

enum { CLOUD_LIMIT = 1500, LINE_BINS = 48 };

typedef struct panel {
  const char *name, *x_name, *y_name;
  pf_plot_column x, y;
  int kind; /* 0 data, 1 samples */
} panel;

static void write_panel(pf_text *text, const panel *p, pf_range x, pf_range y) {
  const double width = 370;
  double height = pf_plot_equal_aspect(&x, &y, width);
  pf_plot plot = pf_plot_in((pf_box){44, 24, width, height}, x, y);
  size_t looked = p->x.rows < CLOUD_LIMIT ? p->x.rows : CLOUD_LIMIT;
  char caption[120];
  snprintf(caption, sizeof caption, "%zu of %zu rows.", looked, p->x.rows);
  pf_html_figure_begin(text, "cloud", p->name, caption);
  pf_svg_head head = {424, height + 62, NULL, p->name, "Scatter plot of the two columns"};
  pf_svg_begin(text, &head);
  pf_plot_axes(text, &plot, &(pf_axes){6, 5, p->x_name, p->y_name});
  pf_cloud cloud = {p->x, p->y, CLOUD_LIMIT, p->kind ? "dots1" : "dots0"};
  size_t outside = pf_plot_cloud(text, &plot, &cloud, NULL);
  pf_svg_end(text);
  if (outside)
    pf_text_add(text, "<p class=\"note\">%zu of the %zu lie outside the frame or are not finite.</p>\n",
                outside, looked);
  pf_html_figure_end(text);
}

static pf_status write_plane(pf_page *page, pf_error *error) {
  const pf_report_input *in = page->input;
  bool has_data = in->data_rows > 0;
  const double *reference = has_data ? in->data : in->samples;
  size_t rows = has_data ? in->data_rows : in->sample_rows;
  pf_range x, y;
  PF_TRY(pf_plot_column_frame(pf_plot_column_of(reference, rows, 2, 0), &x, error));
  PF_TRY(pf_plot_column_frame(pf_plot_column_of(reference, rows, 2, 1), &y, error));
  if (!pf_range_is_drawable(x) || !pf_range_is_drawable(y)) {
    pf_page_absent(page, "Samples against data: a column has no finite value.");
    return PF_OK;
  }
  char fallback[2][32];
  const char *x_name = pf_page_column_name(page, 0, fallback[0]),
             *y_name = pf_page_column_name(page, 1, fallback[1]);
  pf_html_section_begin(&page->text, "Samples against data",
                        "The same axes in both panels, taken from the data where there are data.");
  pf_text_add(&page->text, "<div class=\"grid\">\n");
  const panel panels[] = {{"Data", x_name, y_name, pf_plot_column_of(in->data, in->data_rows, 2, 0),
                           pf_plot_column_of(in->data, in->data_rows, 2, 1), 0},
                          {"Samples", x_name, y_name, pf_plot_column_of(in->samples, in->sample_rows, 2, 0),
                           pf_plot_column_of(in->samples, in->sample_rows, 2, 1), 1}};
  for (int k = 0; k < 2; k++)
    if (panels[k].x.rows) write_panel(&page->text, &panels[k], x, y);
  pf_text_add(&page->text, "</div>\n");
  pf_html_section_end(&page->text);
  return PF_OK;
}

static pf_status write_line(pf_page *page, pf_error *error) {
  const pf_report_input *in = page->input;
  pf_plot_column data = pf_plot_column_of(in->data, in->data_rows, 1, 0);
  pf_plot_column samples = pf_plot_column_of(in->samples, in->sample_rows, 1, 0);
  pf_range x;
  PF_TRY(pf_plot_column_frame(data.rows ? data : samples, &x, error));
  if (!pf_range_is_drawable(x)) {
    pf_page_absent(page, "Samples against data: there is no finite value.");
    return PF_OK;
  }
  pf_histogram of_data, of_samples;
  pf_histogram_fill(&of_data, data, x, LINE_BINS);
  pf_histogram_fill(&of_samples, samples, x, LINE_BINS);
  double peak = fmax(pf_histogram_peak(&of_data), pf_histogram_peak(&of_samples));
  pf_plot plot = pf_plot_in((pf_box){48, 24, 500, 240}, x, (pf_range){0, peak > 0 ? 1.06 * peak : 1});
  char fallback[32];
  pf_text *text = &page->text;
  pf_html_section_begin(text, "Samples against data", NULL);
  pf_html_figure_begin(text, "one", "Histogram.", "Density of the data (filled) and of the samples (line).");
  pf_svg_begin(text, &(pf_svg_head){560, 302, NULL, "Histogram of data and samples", NULL});
  pf_plot_axes(text, &plot, &(pf_axes){8, 5, pf_page_column_name(page, 0, fallback), "density"});
  if (of_data.finite) pf_plot_histogram(text, &plot, &of_data, "hist0", true);
  if (of_samples.finite) pf_plot_histogram(text, &plot, &of_samples, "hist1", false);
  pf_svg_end(text);
  pf_html_legend_begin(text);
  if (of_data.finite) pf_html_legend_entry(text, "hist0", 'b', "data");
  if (of_samples.finite) pf_html_legend_entry(text, "hist1", 'l', "samples");
  pf_html_legend_end(text);
  pf_html_figure_end(text);
  pf_html_section_end(text);
  return PF_OK;
}

pf_status pf_part_samples(pf_page *page, pf_error *error) {
  const pf_report_input *in = page->input;
  if (!in->dimension || (!in->data_rows && !in->sample_rows)) {
    pf_page_absent(page, "Samples against data: there are neither data nor samples to draw.");
    return PF_OK;
  }
  if (in->dimension == 1) return write_line(page, error);
  if (in->dimension == 2) return write_plane(page, error);
  return PF_OK; /* marginals and pairs show more columns */
}
