/* How the samples fall on the modes of a law: a bar a mode, beside the number that its weight asks for. */
#include <math.h>
#include <stdio.h>

#include "report/html.h"
#include "report/parts.h"
#include "report/plot.h"

enum { LABELS_MAX = 16 };

static size_t listed(const pf_coverage *c) {
  return c->listed > 0 && c->listed <= PF_COVERAGE_MODES ? (size_t)c->listed : 0;
}

static double highest(const pf_coverage *c) {
  double high = 0;
  for (size_t m = 0; m < listed(c); m++) {
    if (isfinite(c->counts[m])) high = fmax(high, c->counts[m]);
    if (isfinite(c->expected[m])) high = fmax(high, c->expected[m]);
  }
  return high > 0 && high < 1e300 ? high : 1;
}

static void write_mode(pf_text *text, const pf_coverage *c, const pf_plot *plot, size_t m) {
  size_t count = listed(c), every = (count + LABELS_MAX - 1) / LABELS_MAX;
  bool is_missing = !(c->counts[m] >= c->expected[m] / 4);
  char number[24];
  pf_box bar = pf_plot_bar(text, plot, &(pf_bar){m, count, c->counts[m], c->expected[m]});
  double middle = bar.x + bar.width / 2, level = pf_plot_scale_map(&plot->y, c->expected[m]);
  snprintf(number, sizeof number, "%zu", m + 1);
  if (m % every == 0)
    pf_svg_words(text, (pf_svg_place){NULL, middle, bar.y + bar.height + 15, 'm', 0}, number);
  if (is_missing)
    pf_svg_words(text, (pf_svg_place){"strong", middle, fmin(bar.y, level) - 5, 'm', 0}, "\xC3\x97");
}

static void write_chart(pf_text *text, const pf_coverage *c) {
  char explanation[160];
  pf_plot plot = pf_plot_in((pf_box){50, 24, 416, 170}, (pf_range){0, 1}, (pf_range){0, 1.12 * highest(c)});
  snprintf(explanation, sizeof explanation, "%lld samples, each at its nearest centre%s", (long long)c->rows,
           c->listed < c->modes ? "; the first modes of the law." : ".");
  pf_html_figure_begin(text, "half", "Samples per mode.", explanation);
  pf_svg_begin(text, &(pf_svg_head){476, 234, NULL, "Samples per mode", "A bar a mode"});
  pf_plot_axes(text, &plot, &(pf_axes){0, 4, "mode, in the law's order", NULL});
  for (size_t m = 0; m < listed(c); m++) write_mode(text, c, &plot, m);
  pf_svg_end(text);
  pf_html_legend_begin(text);
  pf_html_legend_entry(text, "b1", 'b', "samples");
  pf_html_legend_entry(text, "mark", 'l', "expected");
  if (c->covered < c->modes)
    pf_text_add(text, "<span>\xC3\x97 missing: less than a quarter of that</span>\n");
  pf_html_legend_end(text);
  pf_html_figure_end(text);
}

static void write_table(pf_text *text, const pf_coverage *c) {
  static const char *const columns[] = {"", "samples", "the law itself"};
  pf_html_table table = pf_html_table_begin(text, "Beside as many draws of the law", columns, 3, 2);
  pf_html_table_row_begin(&table, NULL);
  pf_html_table_name(&table, "near a centre", "share of rows within 3 standard deviations of a mode");
  pf_html_table_number(&table, c->high_quality);
  pf_html_table_number(&table, c->law_high_quality);
  pf_html_table_row_end(&table);
  char note[80];
  snprintf(note, sizeof note, "of the counts against the weights; %d are expected", c->modes - 1);
  pf_html_table_row_begin(&table, NULL);
  pf_html_table_name(&table, "chi-square", note);
  pf_html_table_number(&table, c->chi_square);
  pf_html_table_number(&table, c->law_chi_square);
  pf_html_table_row_end(&table);
  pf_html_table_end(&table);
}

void pf_part_modes(pf_page *page) {
  const pf_coverage *c = page->input->coverage;
  char lead[120];
  if (!c || c->modes < 2 || !listed(c)) {
    pf_page_absent(page, "Modes: they are counted against laws whose modes are known.");
    return;
  }
  int missing = c->modes - c->covered;
  if (missing > 0)
    snprintf(lead, sizeof lead, "%d of %d modes %s missing.", missing, c->modes, missing == 1 ? "is" : "are");
  else
    snprintf(lead, sizeof lead, "All %d modes are covered.", c->modes);
  pf_html_section_begin(&page->text, "Modes", lead);
  pf_text_add(&page->text, "<div class=\"row\">\n");
  write_chart(&page->text, c);
  pf_text_add(&page->text, "<div>\n");
  write_table(&page->text, c);
  pf_text_add(&page->text, "</div>\n</div>\n");
  pf_html_section_end(&page->text);
}
