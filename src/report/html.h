/* HTML helpers: words made safe, numbers, figures, legends and tables that fold into cards on a phone. */
#ifndef PF_REPORT_HTML_H
#define PF_REPORT_HTML_H

#include <stdint.h>

#include "base/text.h"

/* Any bytes as harmless text: markup escaped; bad UTF-8, control and text-direction characters become U+FFFD,
 * line breaks become spaces. NULL writes nothing. */
void pf_html_words(pf_text *text, const char *words);
/* The same, at most `limit` characters, the last an ellipsis when something was cut. */
void pf_html_words_cut(pf_text *text, const char *words, size_t limit);
/* Four significant digits; a dash when the value is not finite. */
void pf_html_number(pf_text *text, double value);

/* A whole page around what is written in between: head with the style sheet, title and subtitle (may be NULL); footer. The policy
 * forbids everything but the page's own styles: nothing can be fetched or run. */
void pf_html_page_begin(pf_text *text, const char *title, const char *subtitle);
void pf_html_page_end(pf_text *text);

/* <section> with a heading and an optional lead sentence. The heading is ours, not the user's. */
void pf_html_section_begin(pf_text *text, const char *heading, const char *lead);
void pf_html_section_end(pf_text *text);

/* <figure class=...> with a caption above the drawing: a bold name and an explanation (may be NULL). */
void pf_html_figure_begin(pf_text *text, const char *class_name, const char *name, const char *explanation);
void pf_html_figure_end(pf_text *text);

/* One legend entry: a swatch drawn with `class_name` as a 'd'ot, 'l'ine or 'b'ox, and its name. */
void pf_html_legend_begin(pf_text *text);
void pf_html_legend_entry(pf_text *text, const char *class_name, char shape, const char *name);
void pf_html_legend_end(pf_text *text);

/* Tables. The first column names the row. Headings are repeated in each cell for the phone layout, so a
 * table keeps them: columns[0..count-1], of which columns 1..numeric hold right-aligned numbers. */
typedef struct pf_html_table {
  pf_text *text;
  const char *const *columns;
  size_t count, at; /* at: the next cell's column */
} pf_html_table;
pf_html_table pf_html_table_begin(pf_text *text, const char *caption, const char *const *columns,
                                  size_t count, size_t numeric);
void pf_html_table_row_begin(pf_html_table *table, const char *class_name);
/* The row's name, with an optional small note below it. */
void pf_html_table_name(pf_html_table *table, const char *name, const char *note);
void pf_html_table_number(pf_html_table *table, double value);
/* A cell filled by hand between the two; numeric cells are right-aligned. */
void pf_html_table_cell_begin(pf_html_table *table, bool numeric);
void pf_html_table_cell_end(pf_html_table *table);
void pf_html_table_row_end(pf_html_table *table);
void pf_html_table_end(pf_html_table *table);

#endif
