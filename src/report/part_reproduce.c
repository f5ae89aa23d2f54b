/* Theory checks, and the commands that make the same numbers again. */
#include "report/html.h"
#include "report/parts.h"

void pf_part_checks(pf_page *page) {
  static const char *const columns[] = {"Check", "Measured", "Expected", "Tolerance", "Result"};
  const pf_report_input *in = page->input;
  pf_text *text = &page->text;
  if (!in->check_count) {
    pf_page_absent(page, "Theory checks: none were run for this report.");
    return;
  }
  size_t holding = 0;
  for (size_t i = 0; i < in->check_count; i++) holding += in->checks[i].holds;
  pf_html_section_begin(text, "What the theory claims", NULL);
  pf_text_add(text, "<p class=\"lead\">%zu of %zu checks hold.</p>\n", holding, in->check_count);
  pf_html_table table = pf_html_table_begin(text, "Claims of the method, measured", columns, 5, 3);
  for (size_t i = 0; i < in->check_count; i++) {
    const pf_report_check *check = &in->checks[i];
    pf_html_table_row_begin(&table, NULL);
    pf_html_table_name(&table, check->name, NULL);
    pf_html_table_number(&table, check->value);
    pf_html_table_number(&table, check->expected);
    pf_html_table_number(&table, check->tolerance);
    pf_html_table_cell_begin(&table, false);
    pf_text_add(text, "<span class=\"verdict %s</span>",
                check->holds ? "good\">\xE2\x97\x8F holds" : "above\">\xE2\x96\xB2 does not hold");
    pf_html_table_cell_end(&table);
    pf_html_table_row_end(&table);
  }
  pf_html_table_end(&table);
  pf_html_section_end(text);
}

void pf_part_reproduce(pf_page *page) {
  const pf_report_input *in = page->input;
  if (!in->command_count) {
    pf_page_absent(page, "Commands that reproduce the model: none were given.");
    return;
  }
  pf_html_section_begin(&page->text, "Reproduce", "The exact commands behind this page.");
  for (size_t i = 0; i < in->command_count; i++) {
    pf_text_add(&page->text, "<h3>");
    pf_html_words_cut(&page->text, in->commands[i].purpose, 80);
    pf_text_add(&page->text, "</h3>\n<pre><code>");
    pf_html_words(&page->text, in->commands[i].line);
    pf_text_add(&page->text, "</code></pre>\n");
  }
  pf_html_section_end(&page->text);
}
