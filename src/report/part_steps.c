/* Quality against the number of network evaluations per sample, with the sampling floor and the teacher's
 * level. */
#include <math.h>
#include <stdio.h>

#include "report/html.h"
#include "report/parts.h"
#include "report/plot.h"

enum { STEPS_MAX = 16 };

typedef struct step_chart {
  const pf_report_steps *rows;
  size_t count;
  pf_plot plot;
} step_chart;

static double place_of(const step_chart *chart, size_t i) {
  return chart->plot.box.x + chart->plot.box.width * ((double)i + 0.5) / (double)chart->count;
}

/* From zero upwards, unless the values span more than a factor of ten: then by their logarithm. */
static pf_plot make_plot(const pf_report_steps *rows, size_t count) {
  double low = INFINITY, high = 0;
  for (size_t i = 0; i < count; i++) {
    const double values[] = {rows[i].value, rows[i].floor};
    for (int k = 0; k < 2; k++) {
      if (!isfinite(values[k])) continue;
      low = fmin(low, values[k]), high = fmax(high, values[k]);
    }
  }
  bool is_logarithmic = low > 0 && high / low > 10;
  pf_range y = {fmin(isfinite(low) ? low : 0, 0), high > 0 ? 1.12 * high : 1};
  if (is_logarithmic) y = (pf_range){low / 1.4, high * 1.6};
  pf_plot plot = pf_plot_in((pf_box){50, 24, 420, 320}, (pf_range){0, 1}, pf_range_padded(y.low, y.high, 0));
  plot.y.logarithmic = is_logarithmic;
  return plot;
}

static void write_curve(pf_text *text, const step_chart *chart) {
  pf_pen pen = pf_pen_begin(text, "c0");
  for (size_t i = 0; i < chart->count; i++)
    if (!chart->rows[i].reference) {
      pf_pen_to(&pen, place_of(chart, i), pf_plot_scale_map(&chart->plot.y, chart->rows[i].value));
    }
  pf_pen_end(&pen);
}

static void write_point(pf_text *text, const step_chart *chart, size_t i) {
  const pf_report_steps *row = &chart->rows[i];
  pf_box box = chart->plot.box;
  double x = place_of(chart, i), y = pf_plot_scale_map(&chart->plot.y, row->value);
  double half = 0.5 * box.width / (double)chart->count;
  double floor = pf_plot_scale_map(&chart->plot.y, row->floor);
  pf_svg_line(text, "floor", x - half, floor, x + half, floor);
  if (row->reference) pf_svg_line(text, "level", box.x, y, box.x + box.width, y);
  pf_svg_circle(text, row->reference ? "hollow" : "b0", x, y, 5);
  pf_svg_words(text, (pf_svg_place){NULL, x, box.y + box.height + 16, 'm', 0}, row->label);
  char value[40];
  pf_number_text(row->value, 3, value);
  if (isfinite(y)) pf_svg_words(text, (pf_svg_place){"strong", x, y - 11, 'm', 0}, value);
}

void pf_part_steps(pf_page *page) {
  const pf_report_input *in = page->input;
  if (!in->step_count) {
    pf_page_absent(page, "Quality against the number of steps: only one number of steps was measured.");
    return;
  }
  step_chart chart = {.rows = in->steps, .count = in->step_count < STEPS_MAX ? in->step_count : STEPS_MAX};
  chart.plot = make_plot(chart.rows, chart.count);
  pf_text *text = &page->text;
  char name[80];
  snprintf(name, sizeof name, "%.50s%s", in->steps_metric ? in->steps_metric : "distance",
           chart.plot.y.logarithmic ? ", log scale" : "");
  bool has_reference = false;
  for (size_t i = 0; i < chart.count; i++) has_reference = has_reference || chart.rows[i].reference;
  pf_html_section_begin(text, "Quality and number of steps", NULL);
  pf_html_figure_begin(text, "half", "What more network evaluations buy.", "Lower is better.");
  pf_svg_begin(text, &(pf_svg_head){484, 384, NULL, "Quality against number of steps", NULL});
  pf_plot_axes(text, &chart.plot, &(pf_axes){0, 5, "network evaluations per sample", name});
  write_curve(text, &chart);
  for (size_t i = 0; i < chart.count; i++) write_point(text, &chart, i);
  pf_svg_end(text);
  pf_html_legend_begin(text);
  pf_html_legend_entry(text, "b0", 'd', "this model");
  if (has_reference) pf_html_legend_entry(text, "hollow", 'd', "reference");
  pf_html_legend_entry(text, "floor", 'l', "sampling floor");
  pf_html_legend_end(text);
  pf_html_figure_end(text);
  pf_html_section_end(text);
}
