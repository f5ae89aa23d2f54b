/* Metrics against their sampling floors: the cards at the top, the metric table and the comparison table.
 *
 * The interval of the excess is taken as symmetric: low = excess - (hi95 - excess). A verdict is only given
 * from at least two pairs; what cannot be decided is called undecided. Without an interval the 95 % quantile of
 * the floor decides, as in a permutation test. */
#include <math.h>
#include <stdio.h>

#include "report/html.h"
#include "report/parts.h"
#include "report/scale.h"
#include "report/svg.h"
#include "report/verdict.h"

pf_verdict pf_verdict_of(const pf_report_metric *metric) {
  if (!isfinite(metric->value)) return PF_VERDICT_NOT_MEASURED;
  if (!isfinite(metric->floor)) return PF_VERDICT_NO_FLOOR;
  bool has_quantile = isfinite(metric->floor_q95) && metric->floor_q95 > 0;
  if (metric->pairs >= 2 && !isfinite(metric->excess_hi95) && has_quantile)
    return metric->value <= metric->floor_q95 ? PF_VERDICT_AT_FLOOR : PF_VERDICT_ABOVE;
  bool is_known = isfinite(metric->excess) && isfinite(metric->excess_hi95);
  if (metric->pairs < 2 || !is_known || !(metric->excess_hi95 >= metric->excess)) return PF_VERDICT_OPEN;
  double low = 2 * metric->excess - metric->excess_hi95;
  return low > 0 ? PF_VERDICT_ABOVE : PF_VERDICT_AT_FLOOR;
}

static void write_verdict(pf_text *text, const pf_report_metric *metric) {
  static const char *const classes[] = {"open", "open", "open", "good", "above"};
  static const char *const words[] = {"\xE2\x80\x93 not measured", "\xE2\x97\x8B no floor",
                                      "\xE2\x97\x8B undecided", "\xE2\x97\x8F at the floor",
                                      "\xE2\x96\xB2 above the floor"};
  pf_verdict verdict = pf_verdict_of(metric);
  pf_text_add(text, "<span class=\"verdict %s\">%s</span>", classes[verdict], words[verdict]);
}

enum { CARDS_MAX = 4 };

void pf_part_header(pf_page *page) {
  const pf_report_input *in = page->input;
  pf_text *text = &page->text;
  size_t count = in->metric_count < CARDS_MAX ? in->metric_count : CARDS_MAX;
  if (count) pf_text_add(text, "<div class=\"cards\">\n");
  for (size_t i = 0; i < count; i++) {
    const pf_report_metric *metric = &in->metrics[i];
    pf_text_add(text, "<div class=\"card\"><span>");
    pf_html_words_cut(text, metric->name, 40);
    char value[40], floor[40];
    pf_number_text(metric->value, 3, value);
    pf_number_text(metric->floor, 3, floor);
    pf_text_add(text, "</span><b>%s</b><span>floor %s</span><span>", value, floor);
    write_verdict(text, metric);
    pf_text_add(text, "</span></div>\n");
  }
  if (count) pf_text_add(text, "</div>\n");
  if (!in->fact_count) {
    pf_page_absent(page, "Model facts: none were given.");
    return;
  }
  pf_html_section_begin(text, "The model", NULL);
  pf_text_add(text, "<dl>\n");
  for (size_t i = 0; i < in->fact_count; i++) {
    pf_text_add(text, "<div><dt>");
    pf_html_words_cut(text, in->facts[i].key, 60);
    pf_text_add(text, "</dt><dd>");
    pf_html_words_cut(text, in->facts[i].value, 400);
    pf_text_add(text, "</dd></div>\n");
  }
  pf_text_add(text, "</dl>\n");
  pf_html_section_end(text);
}

/* The value in multiples of its floor, so that the floor mark stands at the same place in every row. */
static const double bar_limit = 5;

static double bar_reach(const pf_report_metric *metric) {
  if (!isfinite(metric->value) || !(metric->floor > 0)) return 0;
  double high = isfinite(metric->excess_hi95) ? metric->floor + metric->excess_hi95 : metric->value;
  return fmin(fmax(high, metric->value) / metric->floor, bar_limit);
}

static void write_bar(pf_text *text, const pf_report_metric *metric, double reach) {
  if (!(bar_reach(metric) > 0) || !(metric->value >= 0)) {
    pf_html_number(text, NAN);
    return;
  }
  const double width = 120, middle = 9;
  pf_plot_scale scale = {.low = 0, .high = reach, .from = 0, .to = width};
  double ratio = metric->value / metric->floor;
  double x = pf_plot_scale_map(&scale, fmin(ratio, reach)), floor = pf_plot_scale_map(&scale, 1);
  char number[40], title[80];
  pf_number_text(ratio, 3, number);
  snprintf(title, sizeof title, "%s times the floor", number);
  pf_svg_begin(text, &(pf_svg_head){width, 18, NULL, title, NULL});
  pf_svg_rect(text, "track", (pf_box){0, 3, width, 12});
  pf_svg_rect(text, "b5", (pf_box){0, 3, fmin(x, floor), 12});
  pf_svg_rect(text, "b1", (pf_box){floor, 3, x - floor, 12});
  double bound = 1 + metric->excess_hi95 / metric->floor;
  if (isfinite(bound)) {
    double high = pf_plot_scale_map(&scale, fmin(bound, reach));
    pf_svg_line(text, "whisker", x, middle, high, middle);
    if (bound <= reach) pf_svg_line(text, "whisker", high, 5, high, 13);
  }
  pf_svg_line(text, "mark", floor, 0, floor, 18);
  pf_svg_end(text);
}

static void write_metric_row(pf_html_table *table, const pf_report_metric *metric, double reach) {
  pf_html_table_row_begin(table, NULL);
  pf_html_table_name(table, metric->name, metric->note);
  pf_html_table_number(table, metric->value);
  pf_html_table_number(table, metric->floor);
  pf_html_table_number(table, metric->excess);
  pf_html_table_number(table, metric->excess_hi95);
  pf_html_table_cell_begin(table, true);
  if (metric->pairs > 0) {
    pf_text_add(table->text, "%lld", (long long)metric->pairs);
  } else {
    pf_html_number(table->text, NAN);
  }
  pf_html_table_cell_end(table);
  pf_html_table_cell_begin(table, true);
  write_bar(table->text, metric, reach);
  pf_html_table_cell_end(table);
  pf_html_table_cell_begin(table, false);
  write_verdict(table->text, metric);
  pf_html_table_cell_end(table);
  pf_html_table_row_end(table);
}

void pf_part_metrics(pf_page *page) {
  static const char *const columns[] = {"Metric", "Value",         "Floor",  "Excess", "Excess, 95 % upper",
                                        "Pairs",  "Against floor", "Verdict"};
  const pf_report_input *in = page->input;
  pf_text *text = &page->text;
  if (!in->metric_count) {
    pf_page_absent(page, "Quality metrics: none were given (they need data to compare the samples with).");
    return;
  }
  pf_html_section_begin(text, "Quality of the samples", NULL);
  pf_text_add(text, "<p class=\"lead\">");
  if (in->sampling_steps > 0) {
    pf_text_add(text, "Samples made with %d network evaluation%s each. ", in->sampling_steps,
                in->sampling_steps == 1 ? "" : "s");
  }
  pf_text_add(text,
              "The floor is the same distance between two independent sets of true data of the same sizes: "
              "a value there cannot be told apart from true data.</p>\n");
  double reach = 2;
  for (size_t i = 0; i < in->metric_count; i++) reach = fmax(reach, bar_reach(&in->metrics[i]));
  pf_html_table table =
      pf_html_table_begin(text, "Distances between samples and data, lower is better", columns, 8, 6);
  for (size_t i = 0; i < in->metric_count; i++) write_metric_row(&table, &in->metrics[i], reach);
  pf_html_table_end(&table);
  pf_text_add(
      text,
      "<p class=\"note\">The bar shows the value in multiples of its floor (upright mark), cut at %g; the "
      "whisker ends at the upper bound. &#8220;At the floor&#8221; means that the 95 %% interval of the "
      "excess reaches 0, or, where there is no interval, that the value is within the 95 %% quantile of the "
      "floor; "
      "without at least two pairs nothing is decided.</p>\n",
      bar_limit);
  pf_html_section_end(text);
}

void pf_part_comparison(pf_page *page) {
  const pf_report_comparison *comparison = &page->input->comparison;
  if (!comparison->row_count || !comparison->column_count) {
    pf_page_absent(page, "Comparison with other samplers: none was given.");
    return;
  }
  enum { COLUMNS_MAX = 12 };
  const char *columns[COLUMNS_MAX + 1] = {"Sampler"};
  size_t count = comparison->column_count < COLUMNS_MAX ? comparison->column_count : COLUMNS_MAX;
  for (size_t c = 0; c < count; c++) columns[c + 1] = comparison->columns[c];
  pf_html_section_begin(&page->text, "Compared with other samplers", NULL);
  pf_html_table table = pf_html_table_begin(
      &page->text, "The same data, the same metrics; this model is marked", columns, count + 1, count);
  for (size_t r = 0; r < comparison->row_count; r++) {
    const pf_report_row *row = &comparison->rows[r];
    pf_html_table_row_begin(&table, row->subject ? "subject" : NULL);
    pf_html_table_name(&table, row->name, NULL);
    for (size_t c = 0; c < count; c++) pf_html_table_number(&table, row->values[c]);
    pf_html_table_row_end(&table);
  }
  pf_html_table_end(&table);
  pf_html_section_end(&page->text);
}
