/* The same rows at moments of the flow: data on their way to noise, and noise on its way back, all on the same axes. */
#include <math.h>
#include <stdio.h>

#include "report/html.h"
#include "report/parts.h"
#include "report/plot.h"

enum { ROWS_MAX = 600, WIDTH = 200, WIDEST = 6 };

/* Rows of as equal length as can be: 9 frames are 5 and 4, not 6 and 3. */
static size_t columns_for(size_t count) {
  size_t lines = (count + WIDEST - 1) / WIDEST;
  size_t columns = lines ? (count + lines - 1) / lines : 1;
  return columns < 3 ? 3 : columns;
}

static pf_status widen(const pf_report_frames *frames, size_t column, pf_range *range, pf_error *error) {
  pf_range own;
  if (!frames->count || !frames->rows) return PF_OK;
  pf_plot_column values = pf_plot_column_of(frames->values, frames->count * frames->rows, 2, column);
  PF_TRY(pf_plot_column_quantiles(values, 0.002, &own, error));
  range->low = fmin(range->low, own.low); /* a NaN loses */
  range->high = fmax(range->high, own.high);
  return PF_OK;
}

static pf_status find_frame(const pf_report_input *in, pf_range out[2], pf_error *error) {
  for (int c = 0; c < 2; c++) {
    pf_range range = {NAN, NAN};
    PF_TRY(widen(&in->to_noise, (size_t)c, &range, error));
    PF_TRY(widen(&in->to_data, (size_t)c, &range, error));
    out[c] = pf_range_is_drawable(range) ? pf_range_padded(range.low, range.high, 0.05) : range;
  }
  return PF_OK;
}

static void write_frame(pf_text *text, const pf_report_frames *frames, size_t k, const pf_plot *plot,
                        const char *class_name) {
  const double *values = frames->values + k * frames->rows * 2;
  const char *name = frames->names[k] ? frames->names[k] : "";
  pf_cloud cloud = {pf_plot_column_of(values, frames->rows, 2, 0),
                    pf_plot_column_of(values, frames->rows, 2, 1), ROWS_MAX, class_name};
  pf_html_figure_begin(text, "mini", name, NULL);
  pf_svg_begin(text,
               &(pf_svg_head){WIDTH + 26, plot->box.height + 22, NULL, name, "Scatter plot of the rows"});
  pf_plot_axes(text, plot, &(pf_axes){.x_ticks = 4, .y_ticks = 4});
  pf_plot_cloud(text, plot, &cloud, NULL);
  pf_svg_end(text);
  pf_html_figure_end(text);
}

static void write_strip(pf_text *text, const char *heading, const pf_report_frames *frames,
                        const pf_plot *plot, const char *class_name) {
  if (!frames->count) return;
  pf_text_add(text, "<h3>%s</h3>\n<div class=\"strip of%zu\">\n", heading, columns_for(frames->count));
  for (size_t k = 0; k < frames->count; k++) write_frame(text, frames, k, plot, class_name);
  pf_text_add(text, "</div>\n");
}

pf_status pf_part_frames(pf_page *page, pf_error *error) {
  const pf_report_input *in = page->input;
  bool has_frames = in->to_noise.count * in->to_noise.rows + in->to_data.count * in->to_data.rows > 0;
  if (!has_frames || in->dimension < 2) {
    pf_page_absent(page, "Data on their way to noise: they are drawn in the plane of the first two columns.");
    return PF_OK;
  }
  pf_range frame[2];
  PF_TRY(find_frame(in, frame, error));
  if (!pf_range_is_drawable(frame[0]) || !pf_range_is_drawable(frame[1])) {
    pf_page_absent(page, "Data on their way to noise: a column has no finite value.");
    return PF_OK;
  }
  double height = pf_plot_equal_aspect(&frame[0], &frame[1], WIDTH);
  pf_plot plot = pf_plot_in((pf_box){22, 4, WIDTH, height}, frame[0], frame[1]);
  pf_text *text = &page->text;
  pf_html_section_begin(
      text, "To noise and back",
      in->dimension > 2
          ? "The same rows along the flow, first two columns, in encoded units: every column of "
            "the data has spread 1, as noise has."
          : "The same rows along the flow, in encoded units: every column of the data has "
            "spread 1, as noise has.");
  write_strip(text, "Data to noise", &in->to_noise, &plot, "dots0");
  write_strip(text, "Noise to data", &in->to_data, &plot, "dots1");
  pf_html_section_end(text);
  return PF_OK;
}
