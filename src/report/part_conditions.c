/* A conditional model within bins of each condition: a bar a bin, beside the floor there. */
#include <math.h>
#include <stdio.h>

#include "report/html.h"
#include "report/parts.h"
#include "report/plot.h"

static size_t bins_of(const pf_condition_bins *c) {
  return c->count > 0 && c->count <= PF_CONDITION_BINS ? (size_t)c->count : 0;
}

static double highest(const pf_condition_bins *c) {
  double high = 0;
  for (size_t b = 0; b < bins_of(c); b++) {
    if (isfinite(c->bins[b].w2)) high = fmax(high, c->bins[b].w2);
    if (isfinite(c->bins[b].floor)) high = fmax(high, c->bins[b].floor);
  }
  return high > 0 && high < 1e300 ? high : 1;
}

/* A bin's name on the axis is where it begins; the last one's end closes the axis. */
static void write_edge(pf_text *text, double value, double x, double y) {
  char number[24];
  snprintf(number, sizeof number, "%.3g", value);
  pf_svg_words(text, (pf_svg_place){NULL, x, y, 'm', 0}, number);
}

static void write_chart(pf_text *text, const pf_condition_bins *c) {
  const size_t count = bins_of(c);
  pf_plot plot = pf_plot_in((pf_box){50, 24, 416, 170}, (pf_range){0, 1}, (pf_range){0, 1.12 * highest(c)});
  pf_svg_begin(text, &(pf_svg_head){476, 234, NULL, "W2 within bins of a condition", "A bar a bin"});
  pf_plot_axes(text, &plot, &(pf_axes){0, 4, NULL, "W2"});
  for (size_t b = 0; b < count; b++) {
    const pf_box bar = pf_plot_bar(text, &plot, &(pf_bar){b, count, c->bins[b].w2, c->bins[b].floor});
    write_edge(text, c->bins[b].low, bar.x, bar.y + bar.height + 15);
    if (b + 1 == count) write_edge(text, c->bins[b].high, bar.x + bar.width, bar.y + bar.height + 15);
  }
  pf_svg_end(text);
}

static void write_condition(pf_text *text, const pf_condition_bins *c) {
  double worst = -INFINITY;
  char explanation[160];
  for (size_t b = 0; b < bins_of(c); b++) {
    const double share = c->bins[b].excess / c->bins[b].floor;
    if (share > worst) worst = share;
  }
  snprintf(explanation, sizeof explanation,
           "samples of up to %lld rows; the largest excess is %.2g of its floor.", (long long)c->bins[0].rows,
           worst);
  pf_html_figure_begin(text, "half", c->name, isfinite(worst) ? explanation : "too few rows to measure.");
  write_chart(text, c);
  pf_html_legend_begin(text);
  pf_html_legend_entry(text, "b1", 'b', "samples and data");
  pf_html_legend_entry(text, "mark", 'l', "floor: data and data");
  pf_html_legend_end(text);
  pf_html_figure_end(text);
}

void pf_part_conditions(pf_page *page) {
  const pf_conditional *c = page->input->conditional;
  if (!c || c->columns < 1 || c->columns > PF_CONDITION_COLUMNS) return;
  pf_html_section_begin(
      &page->text, "Conditions",
      "W2 between the generated columns of samples and data, within bins of what is given.");
  pf_text_add(&page->text, "<div class=\"row\">\n");
  for (int k = 0; k < c->columns; k++)
    if (bins_of(&c->column[k])) write_condition(&page->text, &c->column[k]);
  pf_text_add(&page->text, "</div>\n");
  pf_html_section_end(&page->text);
}
