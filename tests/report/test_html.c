/* Words from anywhere become harmless text. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <cmocka.h>

#include "report/html.h"

#define REPLACED "\xEF\xBF\xBD"

static void check_words(const char *words, const char *expected) {
  pf_text text = {0};
  pf_text_add(&text, "|");
  pf_html_words(&text, words);
  assert_string_equal(text.data + 1, expected);
  pf_text_free(&text);
}

static void markup_is_escaped(void **state) {
  (void)state;
  check_words("<script>alert('x')</script>", "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;");
  check_words("a & b \"c\"", "a &amp; b &quot;c&quot;");
  check_words("&lt;", "&amp;lt;");
  check_words("100%s %n", "100%s %n");
  check_words(NULL, "");
}

static void good_text_is_kept(void **state) {
  (void)state;
  check_words("Gr\xC3\xB6\xC3\x9F"
              "e \xE2\x82\xAC \xF0\x9F\x98\x80",
              "Gr\xC3\xB6\xC3\x9F"
              "e \xE2\x82\xAC \xF0\x9F\x98\x80");
}

static void bad_bytes_are_replaced(void **state) {
  (void)state;
  check_words("a\xFFz", "a" REPLACED "z");
  check_words("cut \xE2\x82", "cut " REPLACED REPLACED);                /* truncated at the end */
  check_words("\xC0\xAF", REPLACED REPLACED);                           /* overlong '/' */
  check_words("\xE0\x80\xBC", REPLACED REPLACED REPLACED);              /* overlong '<' */
  check_words("\xED\xA0\x80", REPLACED REPLACED REPLACED);              /* a surrogate */
  check_words("\xF4\x90\x80\x80", REPLACED REPLACED REPLACED REPLACED); /* above U+10FFFF */
  check_words("bell\x07", "bell" REPLACED);
  check_words("two\nlines\tand", "two lines and");
  check_words("\xE2\x80\xAEgnp.exe", REPLACED "gnp.exe"); /* right-to-left override */
}

static void long_words_are_cut_between_characters(void **state) {
  (void)state;
  pf_text text = {0};
  pf_html_words_cut(&text, "\xC3\xA4\xC3\xB6\xC3\xBC<", 4);
  assert_string_equal(text.data, "\xC3\xA4\xC3\xB6\xC3\xBC&lt;");
  text.length = 0;
  pf_html_words_cut(&text, "\xC3\xA4\xC3\xB6\xC3\xBC<x", 4);
  assert_string_equal(text.data, "\xC3\xA4\xC3\xB6\xC3\xBC\xE2\x80\xA6");
  pf_text_free(&text);
}

static void table_cells_name_their_column(void **state) {
  (void)state;
  static const char *const columns[] = {"Row", "W<2", "Verdict"};
  pf_text text = {0};
  pf_html_table table = pf_html_table_begin(&text, "caption", columns, 3, 1);
  pf_html_table_row_begin(&table, "subject");
  pf_html_table_name(&table, "a&b", "note");
  pf_html_table_number(&table, 0.5);
  pf_html_table_cell_begin(&table, false);
  pf_html_number(&text, NAN);
  pf_html_table_cell_end(&table);
  pf_html_table_row_end(&table);
  pf_html_table_end(&table);
  assert_string_equal(
      text.data,
      "<table role=\"table\">\n<caption>caption</caption>\n<thead role=\"rowgroup\"><tr role=\"row\">"
      "<th scope=\"col\" role=\"columnheader\">Row</th>"
      "<th scope=\"col\" role=\"columnheader\" class=\"n\">W&lt;2</th>"
      "<th scope=\"col\" role=\"columnheader\">Verdict</th></tr></thead>\n<tbody role=\"rowgroup\">\n"
      "<tr role=\"row\" class=\"subject\"><th scope=\"row\" "
      "role=\"rowheader\">a&amp;b<small>note</small></th>"
      "<td role=\"cell\" class=\"n\" data-label=\"W&lt;2\">0.5</td>"
      "<td role=\"cell\" data-label=\"Verdict\">\xE2\x80\x93</td></tr>\n</tbody>\n</table>\n");
  pf_text_free(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(markup_is_escaped),
      cmocka_unit_test(good_text_is_kept),
      cmocka_unit_test(bad_bytes_are_replaced),
      cmocka_unit_test(long_words_are_cut_between_characters),
      cmocka_unit_test(table_cells_name_their_column),
  };
  return cmocka_run_group_tests_name("html", tests, NULL, NULL);
}
