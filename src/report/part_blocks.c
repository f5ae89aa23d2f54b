/* The blocks of a flow of several: the step size of each and how far it moves the rows. */
#include <math.h>
#include <stdio.h>

#include "report/html.h"
#include "report/parts.h"
#include "report/plot.h"

enum { BLOCKS_MAX = 64, LABELS_MAX = 12 };

typedef struct block_chart {
  const pf_report_block *blocks;
  size_t count;
  bool of_movement;
} block_chart;

static double value_of(const block_chart *chart, size_t k) {
  return chart->of_movement ? chart->blocks[k].movement : chart->blocks[k].step_size;
}

static double highest(const block_chart *chart) {
  double high = 0;
  for (size_t k = 0; k < chart->count; k++)
    if (isfinite(value_of(chart, k))) high = fmax(high, value_of(chart, k));
  return high > 0 && high < 1e300 ? high : 1;
}

static void write_bar(pf_text *text, const block_chart *chart, const pf_plot *plot, size_t k) {
  double slot = plot->box.width / (double)chart->count, value = value_of(chart, k);
  double left = plot->box.x + slot * (double)k, middle = left + slot / 2,
         bottom = plot->box.y + plot->box.height;
  double y = isfinite(value) ? pf_plot_scale_map(&plot->y, value) : bottom;
  size_t every = (chart->count + LABELS_MAX - 1) / LABELS_MAX;
  char number[40];
  pf_svg_rect(text, chart->of_movement ? "b2" : "b0",
              (pf_box){left + 0.15 * slot, y, 0.7 * slot, bottom - y});
  snprintf(number, sizeof number, "%zu", k + 1);
  if (k % every == 0) pf_svg_words(text, (pf_svg_place){NULL, middle, bottom + 15, 'm', 0}, number);
  pf_number_text(value, 3, number);
  if (every == 1)
    pf_svg_words(text, (pf_svg_place){"strong", middle, y - 5, 'm', 0},
                 isfinite(value) ? number : "\xE2\x80\x93");
}

static void write_chart(pf_text *text, const block_chart *chart, const char *name, const char *explanation) {
  double high = highest(chart);
  pf_plot plot = pf_plot_in((pf_box){50, 24, 406, 170}, (pf_range){0, 1}, (pf_range){0, 1.15 * high});
  pf_html_figure_begin(text, "half", name, explanation);
  pf_svg_begin(text, &(pf_svg_head){466, 234, NULL, name, "A bar a block"});
  pf_plot_axes(text, &plot, &(pf_axes){0, 4, "block, counted from the data", NULL});
  for (size_t k = 0; k < chart->count; k++) write_bar(text, chart, &plot, k);
  pf_svg_end(text);
  pf_html_figure_end(text);
}

void pf_part_blocks(pf_page *page) {
  const pf_report_input *in = page->input;
  pf_text *text = &page->text;
  if (!in->block_count) {
    pf_page_absent(page, "Blocks: step sizes and movement are those of a JKO flow.");
    return;
  }
  size_t count = in->block_count < BLOCKS_MAX ? in->block_count : BLOCKS_MAX;
  pf_html_section_begin(text, "The blocks of the flow", NULL);
  pf_text_add(text, "<div class=\"grid\">\n");
  write_chart(text, &(block_chart){in->blocks, count, false}, "Step size h.",
              "A block without one was trained free of the movement penalty.");
  write_chart(text, &(block_chart){in->blocks, count, true}, "Movement.",
              "Root mean square distance that a block moves a row, in encoded units.");
  pf_text_add(text, "</div>\n");
  pf_html_section_end(text);
}
