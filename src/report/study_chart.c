/* Charts of a study: measured series with whiskers, dashed lines of theory, stacked areas; linear or logarithmic axes. */
#include <math.h>
#include <stdio.h>

#include "report/html.h"
#include "report/plot.h"
#include "report/study_page.h"
#include "report/style.h"

enum { WIDTH = 500, HEIGHT = 330, LEGEND_LINE = 18 };

/* ---- ranges ---- */

static void widen(pf_range *range, double value, bool is_logarithmic) {
  if (!isfinite(value) || (is_logarithmic && !(value > 0))) return;
  range->low = fmin(range->low, value);
  range->high = fmax(range->high, value);
}

/* Height of the stacks before series s at point i. */
static double base_of(const pf_study_chart *chart, int s, int i) {
  double base = 0;
  for (int k = 0; k < s; k++)
    if (chart->series[k].mark == PF_STUDY_STACK && i < chart->series[k].count)
      base += chart->series[k].points[i].y;
  return base;
}

static void ranges_of(const pf_study_chart *chart, pf_range *x, pf_range *y) {
  *x = *y = (pf_range){INFINITY, -INFINITY};
  for (int s = 0; s < chart->count; s++) {
    const pf_study_series *series = &chart->series[s];
    bool is_stack = series->mark == PF_STUDY_STACK;
    if (is_stack && !chart->log_y) widen(y, 0, false);
    for (int i = 0; i < series->count; i++) {
      const pf_study_point *p = &series->points[i];
      widen(x, p->x, chart->log_x);
      widen(y, p->y + (is_stack ? base_of(chart, s, i) : 0), chart->log_y);
      if (series->mark == PF_STUDY_REFERENCE || is_stack) continue;
      /* a whisker far below everything would flatten the chart: at most a decade more */
      widen(y, chart->log_y ? fmax(p->low, p->y / 10) : p->low, chart->log_y);
      widen(y, p->high, chart->log_y);
    }
  }
}

static pf_range padded(pf_range r, bool is_logarithmic) {
  if (!is_logarithmic) return pf_range_padded(r.low, r.high, 0.05);
  double factor = fmax(1.05, pow(r.high / r.low, 0.04));
  return (pf_range){r.low / factor, r.high * factor};
}

/* False when there is nothing to draw. */
static bool plot_of(const pf_study_chart *chart, pf_plot *plot) {
  pf_range x, y;
  ranges_of(chart, &x, &y);
  if (!(x.low <= x.high) || !(y.low <= y.high)) return false;
  *plot =
      pf_plot_in((pf_box){62, 26, WIDTH - 80, HEIGHT - 72}, padded(x, chart->log_x), padded(y, chart->log_y));
  plot->x.logarithmic = chart->log_x;
  plot->y.logarithmic = chart->log_y;
  return true;
}

/* ---- series ---- */

static void write_whiskers(pf_text *text, const pf_plot *plot, const pf_study_series *series,
                           const char *class_name) {
  pf_pen pen = pf_pen_begin(text, class_name);
  for (int i = 0; i < series->count; i++) {
    const pf_study_point *p = &series->points[i];
    if (!isfinite(p->low) || !isfinite(p->high)) continue;
    double x = pf_plot_scale_map(&plot->x, p->x),
           low = plot->y.logarithmic ? fmax(p->low, plot->y.low) : p->low;
    pf_pen_to(&pen, x, pf_plot_scale_map(&plot->y, low));
    pf_pen_to(&pen, x, pf_plot_scale_map(&plot->y, p->high));
    pf_pen_lift(&pen);
  }
  pf_pen_end(&pen);
}

static void write_line(pf_text *text, const pf_plot *plot, const pf_study_series *series,
                       const char *class_name) {
  pf_pen pen = pf_pen_begin(text, class_name);
  for (int i = 0; i < series->count; i++)
    pf_pen_to(&pen, pf_plot_scale_map(&plot->x, series->points[i].x),
              pf_plot_scale_map(&plot->y, series->points[i].y));
  pf_pen_end(&pen);
}

static void write_dots(pf_text *text, const pf_plot *plot, const pf_study_series *series,
                       const char *class_name) {
  for (int i = 0; i < series->count; i++)
    pf_svg_circle(text, class_name, pf_plot_scale_map(&plot->x, series->points[i].x),
                  pf_plot_scale_map(&plot->y, series->points[i].y), 3.2);
}

static void write_stack(pf_text *text, const pf_plot *plot, const pf_study_chart *chart, int s,
                        const char *class_name) {
  const pf_study_series *series = &chart->series[s];
  pf_pen pen = pf_pen_begin(text, class_name);
  for (int i = 0; i < series->count; i++)
    pf_pen_to(&pen, pf_plot_scale_map(&plot->x, series->points[i].x),
              pf_plot_scale_map(&plot->y, base_of(chart, s, i) + series->points[i].y));
  for (int i = series->count - 1; i >= 0; i--)
    pf_pen_to(&pen, pf_plot_scale_map(&plot->x, series->points[i].x),
              pf_plot_scale_map(&plot->y, fmax(base_of(chart, s, i), plot->y.low)));
  pf_pen_close(&pen);
  pf_pen_end(&pen);
}

/* Measured series take the colours in turn, dashed from the second turn on; those of theory are all grey. */
static int colour_of(const pf_study_chart *chart, int s) {
  int colour = 0;
  for (int k = 0; k < s; k++) colour += chart->series[k].mark != PF_STUDY_REFERENCE;
  return colour;
}

/* The class of a part of series s: 'c' lines, 'b' areas and dots. */
static void class_of(const pf_study_chart *chart, int s, char kind, char out[16]) {
  int colour = colour_of(chart, s);
  if (chart->series[s].mark == PF_STUDY_REFERENCE)
    snprintf(out, 16, "floor");
  else
    snprintf(out, 16, "%c%d%s", kind, colour % PF_STYLE_SERIES,
             kind == 'c' && colour >= PF_STYLE_SERIES ? " again" : "");
}

static void write_series(pf_text *text, const pf_plot *plot, const pf_study_chart *chart, int s) {
  const pf_study_series *series = &chart->series[s];
  char line[16], area[16];
  class_of(chart, s, 'c', line);
  class_of(chart, s, 'b', area);
  if (series->mark == PF_STUDY_STACK) {
    write_stack(text, plot, chart, s, area);
    return;
  }
  if (series->mark != PF_STUDY_REFERENCE) write_whiskers(text, plot, series, line);
  if (series->mark != PF_STUDY_POINTS) write_line(text, plot, series, line);
  if (series->mark != PF_STUDY_REFERENCE) write_dots(text, plot, series, area);
}

static void write_plot(pf_text *text, const pf_plot *plot, const pf_study_chart *chart) {
  pf_plot_axes(text, plot, &(pf_axes){6, 6, chart->x_name, chart->y_name});
  pf_svg_clip_begin(text, plot->box);
  for (int s = 0; s < chart->count; s++) write_series(text, plot, chart, s);
  pf_svg_clip_end(text);
}

/* ---- the two forms ---- */

void pf_study_chart_add(const pf_study_chart *chart, pf_text *out) {
  pf_plot plot;
  if (!plot_of(chart, &plot)) {
    pf_text_add(out, "<p class=\"note\">No finite value to draw.</p>\n");
    return;
  }
  pf_svg_begin(out, &(pf_svg_head){WIDTH, HEIGHT, NULL, chart->name, chart->y_name});
  write_plot(out, &plot, chart);
  pf_svg_end(out);
  pf_html_legend_begin(out);
  for (int s = 0; s < chart->count; s++) {
    char class_name[16];
    bool is_stack = chart->series[s].mark == PF_STUDY_STACK;
    class_of(chart, s, is_stack ? 'b' : 'c', class_name);
    pf_html_legend_entry(out, class_name, is_stack ? 'b' : 'l', chart->series[s].name);
  }
  pf_html_legend_end(out);
}

/* One line a series below the plot. */
static void write_legend(pf_text *text, const pf_study_chart *chart) {
  for (int s = 0; s < chart->count; s++) {
    char class_name[16];
    double y = HEIGHT + LEGEND_LINE * s;
    bool is_stack = chart->series[s].mark == PF_STUDY_STACK;
    class_of(chart, s, is_stack ? 'b' : 'c', class_name);
    if (is_stack)
      pf_svg_rect(text, class_name, (pf_box){62, y - 8, 18, 9});
    else
      pf_svg_line(text, class_name, 62, y - 4, 80, y - 4);
    pf_svg_words(text, (pf_svg_place){NULL, 88, y, 's', PF_STUDY_WORDS}, chart->series[s].name);
  }
}

void pf_study_chart_document(const pf_study_chart *chart, pf_text *out) {
  pf_plot plot;
  double height = HEIGHT + LEGEND_LINE * chart->count + 6;
  pf_svg_begin_document(out, &(pf_svg_head){WIDTH, height, NULL, chart->name, chart->y_name});
  pf_text_add(out, "<style>\n");
  pf_style_add_chart(out);
  pf_text_add(out, "</style>\n");
  if (plot_of(chart, &plot))
    write_plot(out, &plot, chart);
  else
    pf_svg_words(out, (pf_svg_place){"name", WIDTH / 2.0, HEIGHT / 2.0, 'm', 0}, "No finite value to draw.");
  write_legend(out, chart);
  pf_svg_end(out);
}
