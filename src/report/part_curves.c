/* Training curves: one panel for each `panel` name, its series on shared axes. A long series is drawn as the
 * mean of equal stretches inside the band of their extremes; the step whose weights were kept is marked. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/html.h"
#include "report/parts.h"
#include "report/plot.h"
#include "report/style.h"

enum { POINTS_MAX = 240, PANELS_MAX = 8 };

static const char *panel_of(const pf_report_series *series) {
  return series->panel ? series->panel : "value";
}

/* Mean and extremes of stretch k (of `count`), NaN where it holds no finite point. */
typedef struct stretch {
  double step, mean, low, high;
} stretch;

static size_t stretch_count(const pf_report_series *series) {
  return series->count < POINTS_MAX ? series->count : POINTS_MAX;
}

static stretch stretch_of(const pf_report_series *series, size_t k) {
  size_t count = stretch_count(series), finite = 0;
  size_t first = k * series->count / count, end = (k + 1) * series->count / count;
  stretch out = {0, 0, INFINITY, -INFINITY};
  for (size_t i = first; i < end; i++) {
    double step = series->step[i], value = series->value[i];
    if (!isfinite(step) || !isfinite(value)) continue;
    finite++;
    out.step += (step - out.step) / (double)finite;
    out.mean += (value - out.mean) / (double)finite;
    out.low = fmin(out.low, value), out.high = fmax(out.high, value);
  }
  return finite ? out : (stretch){NAN, NAN, NAN, NAN};
}

/* Ranges of all series of a panel; returns the number of finite points (of stretches). */
static size_t panel_ranges(const pf_report_input *in, const char *panel, pf_range *x, pf_range *y) {
  size_t finite = 0;
  *x = *y = (pf_range){INFINITY, -INFINITY};
  for (size_t s = 0; s < in->series_count; s++) {
    const pf_report_series *series = &in->series[s];
    if (strcmp(panel_of(series), panel) != 0) continue;
    for (size_t k = 0; k < stretch_count(series); k++) {
      stretch at = stretch_of(series, k);
      if (!isfinite(at.mean)) continue;
      finite++;
      x->low = fmin(x->low, at.step), x->high = fmax(x->high, at.step);
      y->low = fmin(y->low, at.low), y->high = fmax(y->high, at.high);
    }
  }
  return finite;
}

static pf_plot make_plot(pf_range x, pf_range y) {
  bool is_logarithmic = y.low > 0 && y.high / y.low > 3;
  pf_range shown =
      is_logarithmic ? (pf_range){y.low / 1.1, y.high * 1.1} : pf_range_padded(y.low, y.high, 0.06);
  pf_plot plot = pf_plot_in((pf_box){52, 8, 400, 230}, pf_range_padded(x.low, x.high, 0), shown);
  plot.y.logarithmic = is_logarithmic;
  return plot;
}

static void write_band(pf_text *text, const pf_plot *plot, const pf_report_series *series,
                       const char *class_name) {
  size_t count = stretch_count(series);
  if (count == series->count) return;
  pf_pen pen = pf_pen_begin(text, class_name);
  for (size_t k = 0; k < 2 * count; k++) { /* along the upper side, and back along the lower */
    stretch at = stretch_of(series, k < count ? k : 2 * count - 1 - k);
    if (!isfinite(at.mean)) continue;
    pf_pen_to(&pen, pf_plot_scale_map(&plot->x, at.step),
              pf_plot_scale_map(&plot->y, k < count ? at.high : at.low));
  }
  pf_pen_close(&pen);
  pf_pen_end(&pen);
}

static void write_line(pf_text *text, const pf_plot *plot, const pf_report_series *series,
                       const char *class_name) {
  pf_pen pen = pf_pen_begin(text, class_name);
  for (size_t k = 0; k < stretch_count(series); k++) {
    stretch at = stretch_of(series, k);
    pf_pen_to(&pen, pf_plot_scale_map(&plot->x, at.step), pf_plot_scale_map(&plot->y, at.mean));
  }
  pf_pen_end(&pen);
}

/* Colours follow the order within the panel. */
static void write_series(pf_text *text, const pf_plot *plot, const pf_report_input *in, const char *panel) {
  for (int is_line = 0; is_line < 2; is_line++) { /* all bands first */
    int colour = 0;
    for (size_t s = 0; s < in->series_count; s++) {
      if (strcmp(panel_of(&in->series[s]), panel) != 0) continue;
      char class_name[16];
      snprintf(class_name, sizeof class_name, "%c%d", is_line ? 'c' : 'h', colour++ % PF_STYLE_SERIES);
      if (is_line) write_line(text, plot, &in->series[s], class_name);
      if (!is_line) write_band(text, plot, &in->series[s], class_name);
    }
  }
}

static void write_legend(pf_text *text, const pf_report_input *in, const char *panel, bool is_marked) {
  int colour = 0;
  pf_html_legend_begin(text);
  for (size_t s = 0; s < in->series_count; s++) {
    if (strcmp(panel_of(&in->series[s]), panel) != 0) continue;
    char class_name[16];
    snprintf(class_name, sizeof class_name, "c%d", colour++ % PF_STYLE_SERIES);
    pf_html_legend_entry(text, class_name, 'l', in->series[s].name ? in->series[s].name : panel);
  }
  if (is_marked) pf_html_legend_entry(text, "floor", 'l', "weights kept");
  pf_html_legend_end(text);
}

static void write_panel(pf_page *page, const char *panel) {
  const pf_report_input *in = page->input;
  pf_text *text = &page->text;
  pf_range x, y;
  size_t finite = panel_ranges(in, panel, &x, &y);
  pf_plot plot = {0};
  if (finite) plot = make_plot(x, y);
  pf_html_figure_begin(text, "curve", panel,
                       !finite              ? "no finite value"
                       : plot.y.logarithmic ? "(log scale)"
                                            : NULL);
  if (finite) {
    bool is_marked = in->selected_step >= x.low && in->selected_step <= x.high;
    pf_svg_begin(text, &(pf_svg_head){466, 276, NULL, panel, "Training curve"});
    pf_plot_axes(text, &plot, &(pf_axes){6, 6, "training step", NULL});
    pf_svg_clip_begin(text, plot.box);
    write_series(text, &plot, in, panel);
    double mark = pf_plot_scale_map(&plot.x, in->selected_step);
    if (is_marked) pf_svg_line(text, "floor", mark, plot.box.y, mark, plot.box.y + plot.box.height);
    pf_svg_clip_end(text);
    pf_svg_end(text);
    write_legend(text, in, panel, is_marked);
  }
  pf_html_figure_end(text);
}

static bool is_first_of_panel(const pf_report_input *in, size_t s) {
  for (size_t k = 0; k < s; k++)
    if (strcmp(panel_of(&in->series[k]), panel_of(&in->series[s])) == 0) return false;
  return true;
}

void pf_part_curves(pf_page *page) {
  const pf_report_input *in = page->input;
  if (!in->series_count) {
    pf_page_absent(page, "Training curves: the training log was not given.");
    return;
  }
  bool has_bands = false;
  for (size_t s = 0; s < in->series_count; s++) has_bands = has_bands || in->series[s].count > POINTS_MAX;
  pf_html_section_begin(&page->text, "Training",
                        has_bands ? "Lines are means over short stretches of steps, bands their lowest and "
                                    "highest values."
                                  : NULL);
  pf_text_add(&page->text, "<div class=\"grid\">\n");
  size_t panels = 0;
  for (size_t s = 0; s < in->series_count && panels < PANELS_MAX; s++) {
    if (!is_first_of_panel(in, s)) continue;
    write_panel(page, panel_of(&in->series[s]));
    panels++;
  }
  pf_text_add(&page->text, "</div>\n");
  pf_html_section_end(&page->text);
}
