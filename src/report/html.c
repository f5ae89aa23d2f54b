/* HTML helpers. */
#include "report/html.h"

#include <string.h>

#include "report/scale.h"
#include "report/style.h"
#include "report/svg.h"

/* Length in bytes of the UTF-8 character at `s` and its code point; 0 when the bytes are none
 * (truncated, overlong, surrogate, above U+10FFFF). */
static size_t decode(const unsigned char *s, uint32_t *code) {
  if (s[0] < 0x80) return *code = s[0], 1;
  size_t length = s[0] >= 0xF0 && s[0] < 0xF5   ? 4
                  : s[0] >= 0xE0 && s[0] < 0xF0 ? 3
                  : s[0] >= 0xC2 && s[0] < 0xE0 ? 2
                                                : 0;
  if (!length) return 0;
  uint32_t value = s[0] & (0xFFu >> (length + 1));
  for (size_t i = 1; i < length; i++) {
    if ((s[i] & 0xC0) != 0x80) return 0; /* also stops at the terminating NUL */
    value = value << 6 | (s[i] & 0x3Fu);
  }
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < least[length] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return 0;
  return *code = value, length;
}

static bool is_harmful(uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) ||                           /* control */
         code == 0x200E || code == 0x200F || (code >= 0x202A && code <= 0x202E) || /* text direction */
         (code >= 0x2066 && code <= 0x2069) || (code & 0xFFFE) == 0xFFFE;          /* non-characters */
}

static const char *entity(uint32_t code) {
  switch (code) {
  case '&': return "&amp;";
  case '<': return "&lt;";
  case '>': return "&gt;";
  case '"': return "&quot;";
  case '\'': return "&#39;";
  case '\t':
  case '\n':
  case '\r': return " ";
  default: return is_harmful(code) ? "\xEF\xBF\xBD" : NULL;
  }
}

static size_t count_characters(const char *words) {
  size_t count = 0;
  uint32_t code;
  for (const unsigned char *s = (const unsigned char *)words; *s; count++) {
    size_t length = decode(s, &code);
    s += length ? length : 1;
  }
  return count;
}

void pf_html_words_cut(pf_text *text, const char *words, size_t limit) {
  if (!words) return;
  bool cut = count_characters(words) > limit;
  size_t room = cut ? limit - 1 : limit;
  const unsigned char *s = (const unsigned char *)words;
  for (size_t done = 0; *s && done < room; done++) {
    uint32_t code = 0;
    size_t length = decode(s, &code);
    const char *safe = length ? entity(code) : "\xEF\xBF\xBD";
    if (!length) length = 1;
    if (safe) {
      pf_text_add(text, "%s", safe);
    } else {
      pf_text_add_bytes(text, s, length);
    }
    s += length;
  }
  if (cut) pf_text_add(text, "\xE2\x80\xA6");
}

void pf_html_words(pf_text *text, const char *words) { pf_html_words_cut(text, words, 4000); }

void pf_html_number(pf_text *text, double value) {
  char number[40];
  pf_number_text(value, 4, number);
  pf_text_add(text, "%s", number);
}

void pf_html_page_begin(pf_text *text, const char *title, const char *subtitle) {
  pf_text_add(text, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                    "style-src 'unsafe-inline'\">\n<title>");
  pf_html_words(text, title);
  pf_text_add(text, "</title>\n<style>\n");
  pf_style_add(text);
  pf_text_add(text, "</style>\n</head>\n<body>\n<main>\n<header>\n<h1>");
  pf_html_words(text, title);
  pf_text_add(text, "</h1>\n");
  if (subtitle) {
    pf_text_add(text, "<p class=\"subtitle\">");
    pf_html_words(text, subtitle);
    pf_text_add(text, "</p>\n");
  }
  pf_text_add(text, "</header>\n");
}

void pf_html_page_end(pf_text *text) {
  pf_text_add(text, "<footer>Written by pushforward. This page is complete in itself: it loads nothing and "
                    "runs nothing.</footer>\n</main>\n</body>\n</html>\n");
}

void pf_html_section_begin(pf_text *text, const char *heading, const char *lead) {
  pf_text_add(text, "<section>\n<h2>%s</h2>\n", heading);
  if (!lead) return;
  pf_text_add(text, "<p class=\"lead\">");
  pf_html_words(text, lead);
  pf_text_add(text, "</p>\n");
}

void pf_html_section_end(pf_text *text) { pf_text_add(text, "</section>\n"); }

void pf_html_figure_begin(pf_text *text, const char *class_name, const char *name, const char *explanation) {
  pf_text_add(text, "<figure class=\"%s\">\n<figcaption><b>", class_name);
  pf_html_words_cut(text, name, 60);
  pf_text_add(text, "</b>");
  if (explanation) {
    pf_text_add(text, " ");
    pf_html_words(text, explanation);
  }
  pf_text_add(text, "</figcaption>\n");
}

void pf_html_figure_end(pf_text *text) { pf_text_add(text, "</figure>\n"); }

void pf_html_legend_begin(pf_text *text) { pf_text_add(text, "<p class=\"legend\">"); }

void pf_html_legend_entry(pf_text *text, const char *class_name, char shape, const char *name) {
  pf_text_add(text, "<span><svg class=\"key\" aria-hidden=\"true\" viewBox=\"0 0 18 12\">");
  if (shape == 'b') {
    pf_svg_rect(text, class_name, (pf_box){1, 1, 16, 10});
  } else if (shape == 'l') {
    pf_svg_line(text, class_name, 0, 6, 18, 6);
  } else {
    pf_svg_circle(text, class_name, 9, 6, 4);
  }
  pf_text_add(text, "</svg>");
  pf_html_words_cut(text, name, 48);
  pf_text_add(text, "</span>\n");
}

void pf_html_legend_end(pf_text *text) { pf_text_add(text, "</p>\n"); }

/* Roles are spelled out: a table shown as blocks on a phone would lose them in some browsers. */
pf_html_table pf_html_table_begin(pf_text *text, const char *caption, const char *const *columns,
                                  size_t count, size_t numeric) {
  pf_text_add(text,
              "<table role=\"table\">\n<caption>%s</caption>\n<thead role=\"rowgroup\"><tr role=\"row\">",
              caption);
  for (size_t c = 0; c < count; c++) {
    pf_text_add(text, "<th scope=\"col\" role=\"columnheader\"%s>", c && c <= numeric ? " class=\"n\"" : "");
    pf_html_words_cut(text, columns[c], 40);
    pf_text_add(text, "</th>");
  }
  pf_text_add(text, "</tr></thead>\n<tbody role=\"rowgroup\">\n");
  return (pf_html_table){.text = text, .columns = columns, .count = count, .at = 0};
}

void pf_html_table_row_begin(pf_html_table *table, const char *class_name) {
  table->at = 0;
  pf_text_add(table->text, class_name ? "<tr role=\"row\" class=\"%s\">" : "<tr role=\"row\">", class_name);
}

void pf_html_table_name(pf_html_table *table, const char *name, const char *note) {
  pf_text_add(table->text, "<th scope=\"row\" role=\"rowheader\">");
  pf_html_words_cut(table->text, name, 80);
  if (note) {
    pf_text_add(table->text, "<small>");
    pf_html_words(table->text, note);
    pf_text_add(table->text, "</small>");
  }
  pf_text_add(table->text, "</th>");
  table->at = 1;
}

void pf_html_table_cell_begin(pf_html_table *table, bool numeric) {
  pf_text_add(table->text, "<td role=\"cell\"%s data-label=\"", numeric ? " class=\"n\"" : "");
  if (table->at < table->count) pf_html_words_cut(table->text, table->columns[table->at], 40);
  pf_text_add(table->text, "\">");
  table->at++;
}

void pf_html_table_cell_end(pf_html_table *table) { pf_text_add(table->text, "</td>"); }

void pf_html_table_number(pf_html_table *table, double value) {
  pf_html_table_cell_begin(table, true);
  pf_html_number(table->text, value);
  pf_html_table_cell_end(table);
}

void pf_html_table_row_end(pf_html_table *table) { pf_text_add(table->text, "</tr>\n"); }

void pf_html_table_end(pf_html_table *table) { pf_text_add(table->text, "</tbody>\n</table>\n"); }
