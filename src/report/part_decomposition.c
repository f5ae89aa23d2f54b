/* Where the error comes from: the four terms that bound the W2 distance, stacked, with the measured distance
 * and the sampling floor marked on the same axis.
 *
 *   W2(samples, data) <= velocity + discretisation + fitting + early stopping
 */
#include <math.h>
#include <stdio.h>

#include "report/html.h"
#include "report/parts.h"
#include "report/plot.h"

enum { TERMS = 4 };

typedef struct term {
  const char *name, *meaning, *class_name;
  double value;
} term;

static void terms_of(const pf_report_decomposition *d, term out[TERMS]) {
  out[0] = (term){"velocity", "the learned field against the exact one", "b0", d->velocity};
  out[1] = (term){"discretisation", "steps of the integrator", "b4", d->discretisation};
  out[2] = (term){"fitting", "the one-step map against the integrated paths", "b2", d->fitting};
  out[3] = (term){"early stopping", "time not integrated to the end", "b3", d->early_stopping};
}

static bool is_drawable(double value) { return isfinite(value) && value >= 0; }

static double known_sum(const term terms[TERMS]) {
  double sum = 0;
  for (int i = 0; i < TERMS; i++)
    if (is_drawable(terms[i].value)) sum += terms[i].value;
  return sum;
}

/* Without every term the sum bounds nothing. */
static bool is_bounded(const pf_report_decomposition *d, const term terms[TERMS]) {
  for (int i = 0; i < TERMS; i++)
    if (!is_drawable(terms[i].value)) return isfinite(d->sum);
  return true;
}

static void write_marker(pf_text *text, const pf_plot *plot, double value, const char *class_name,
                         const char *name) {
  if (!is_drawable(value)) return;
  bool is_floor = class_name[0] == 'f';
  double x = pf_plot_scale_map(&plot->x, value), middle = plot->box.x + plot->box.width / 2;
  double y = is_floor ? plot->box.y - 8 : plot->box.y - 26;
  char number[40], words[80];
  pf_number_text(value, 3, number);
  snprintf(words, sizeof words, "%s %s", name, number);
  pf_svg_line(text, class_name, x, y + 3, x, plot->box.y + plot->box.height);
  bool is_left = x > middle;
  pf_svg_place place = {"strong", is_left ? x - 5 : x + 5, y + 6, is_left ? 'e' : 's', 0};
  pf_svg_words(text, place, words);
}

static void write_bar(pf_text *text, const pf_plot *plot, const term terms[TERMS], double bound) {
  double at = 0, top = plot->box.y + 10, height = plot->box.height - 20;
  for (int i = 0; i < TERMS; i++) {
    if (!is_drawable(terms[i].value)) continue;
    double x1 = pf_plot_scale_map(&plot->x, at), x2 = pf_plot_scale_map(&plot->x, at + terms[i].value);
    pf_svg_rect(text, terms[i].class_name, (pf_box){x1, top, x2 - x1, height});
    if (at > 0) pf_svg_line(text, "seam", x1, top, x1, top + height);
    at += terms[i].value;
  }
  if (is_drawable(bound) && bound > 1.01 * at) { /* part of the bound that no known term explains */
    double x1 = pf_plot_scale_map(&plot->x, at), x2 = pf_plot_scale_map(&plot->x, bound);
    pf_svg_rect(text, "rest", (pf_box){x1, top, x2 - x1, height});
  }
}

static void write_legend(pf_text *text, const pf_report_decomposition *d, const term terms[TERMS],
                         bool has_rest) {
  pf_html_legend_begin(text);
  for (int i = 0; i < TERMS; i++)
    if (is_drawable(terms[i].value)) pf_html_legend_entry(text, terms[i].class_name, 'b', terms[i].name);
  if (has_rest) pf_html_legend_entry(text, "rest", 'b', "not separated");
  if (is_drawable(d->measured)) pf_html_legend_entry(text, "mark", 'l', "measured");
  if (is_drawable(d->floor)) pf_html_legend_entry(text, "floor", 'l', "sampling floor");
  pf_html_legend_end(text);
}

static void write_table(pf_text *text, const pf_report_decomposition *d, const term terms[TERMS],
                        double bound) {
  bool is_whole = is_bounded(d, terms);
  const char *columns[] = {"Term", "W2", is_whole ? "Share of the bound" : "Share of the known"};
  pf_html_table table =
      pf_html_table_begin(text, "Terms of the bound; a dash is not measurable on this data", columns, 3, 2);
  for (int i = 0; i < TERMS; i++) {
    pf_html_table_row_begin(&table, NULL);
    pf_html_table_name(&table, terms[i].name, terms[i].meaning);
    pf_html_table_number(&table, terms[i].value);
    pf_html_table_cell_begin(&table, true);
    double percent = 100 * terms[i].value / bound;
    if (is_drawable(percent)) {
      pf_text_add(text, "%ld %%", lround(fmin(percent, 1e6)));
    } else {
      pf_html_number(text, NAN);
    }
    pf_html_table_cell_end(&table);
    pf_html_table_row_end(&table);
  }
  const struct {
    const char *name;
    double value;
  } rows[] = {{is_whole ? "bound (sum)" : "sum of the known terms", bound},
              {"measured W2", d->measured},
              {"sampling floor", d->floor}};
  for (int i = 0; i < 3; i++) {
    if (i && !is_drawable(rows[i].value)) continue;
    pf_html_table_row_begin(&table, i == 1 ? "subject" : NULL);
    pf_html_table_name(&table, rows[i].name, NULL);
    pf_html_table_number(&table, rows[i].value);
    pf_html_table_cell_begin(&table, true);
    pf_html_table_cell_end(&table);
    pf_html_table_row_end(&table);
  }
  pf_html_table_end(&table);
}

static void write_chart(pf_text *text, const pf_report_decomposition *d, const term terms[TERMS],
                        double bound) {
  double known = known_sum(terms), reach = fmax(known, is_drawable(bound) ? bound : 0);
  if (is_drawable(d->measured)) reach = fmax(reach, d->measured);
  if (is_drawable(d->floor)) reach = fmax(reach, d->floor);
  if (!(reach > 0)) reach = 1;
  pf_plot plot = pf_plot_in((pf_box){6, 44, 428, 64}, (pf_range){0, 1.04 * reach}, (pf_range){0, 1});
  pf_html_figure_begin(
      text, "one", is_drawable(d->measured) ? "Bound and measurement." : "Terms.",
      is_drawable(d->measured)
          ? "The terms stacked; the measured distance, which includes its sampling floor, on the same axis."
          : "The terms stacked.");
  pf_svg_head head = {
      440, 146, NULL, "Error decomposition",
      "Stacked bar of the error terms with the measured distance and the sampling floor marked"};
  pf_svg_begin(text, &head);
  pf_plot_axes(text, &plot, &(pf_axes){.x_ticks = 6, .x_name = "W2"});
  write_bar(text, &plot, terms, bound);
  write_marker(text, &plot, d->floor, "floor", "floor");
  write_marker(text, &plot, d->measured, "mark", "measured");
  pf_svg_end(text);
  write_legend(text, d, terms, is_drawable(bound) && bound > 1.01 * known);
  pf_html_figure_end(text);
}

void pf_part_decomposition(pf_page *page) {
  const pf_report_decomposition *d = page->input->decomposition;
  if (!d) {
    pf_page_absent(page, "Error decomposition: it was not measured.");
    return;
  }
  term terms[TERMS];
  terms_of(d, terms);
  double known = known_sum(terms);
  double bound = isfinite(d->sum) ? d->sum : known > 0 ? known : NAN;
  pf_html_section_begin(
      &page->text, "What the error is made of",
      is_bounded(d, terms)
          ? "The distance between samples and data is at most the sum of these terms."
          : "The distance between samples and data is at most the sum of four terms. Not all of them can be "
            "measured on this data, so what is shown is a part of the bound, not a bound.");
  pf_text_add(&page->text, "<div class=\"grid\">\n");
  write_chart(&page->text, d, terms, bound);
  pf_text_add(&page->text, "<div>\n");
  write_table(&page->text, d, terms, bound);
  pf_text_add(&page->text, "</div>\n</div>\n");
  if (d->note) {
    pf_text_add(&page->text, "<p class=\"note\">");
    pf_html_words(&page->text, d->note);
    pf_text_add(&page->text, "</p>\n");
  }
  pf_html_section_end(&page->text);
}
