/* Rows as pictures, and the page and pictures of a study. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <math.h>
#include "report/report.h"
#include "report/study_page.h"

static size_t count_of(const char *text, const char *word) {
  size_t count = 0;
  for (const char *at = strstr(text, word); at; at = strstr(at + 1, word)) count++;
  return count;
}

static char *write_page(const pf_report_input *input, pf_text *text) {
  pf_error error = {0};
  pf_status status = pf_report_write(input, text, &error);
  if (status != PF_OK) fail_msg("%s", error.message);
  return text->data;
}

/* Two samples of 3 x 2 values, dark at the top left of the first and at the bottom right of the second. */
static const double samples[] = {9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9},
                    sources[] = {9, 9, 9, 0, 0, 0, 0, 0, 0, 9, 9, 9};

static pf_report_input pictures(void) {
  pf_report_input in = pf_report_input_default();
  in.dimension = 6;
  in.samples = samples;
  in.sample_rows = 2;
  in.picture_width = 3;
  in.picture_height = 2;
  return in;
}

/* A picture is 78 wide, 52 high, 84 from the next; its first cell is 26 x 26 at the top left. */
static void pictures_stand_upright(void **state) {
  (void)state;
  pf_report_input in = pictures();
  pf_text text = {0};
  const char *page = write_page(&in, &text);
  assert_non_null(strstr(page, "<h2>Pictures</h2>"));
  assert_non_null(strstr(page, "<path class=\"d7\" d=\"M0 18h26v26h-26Z\"/>"));
  assert_non_null(strstr(page, "<path class=\"d7\" d=\"M136 44h26v26h-26Z\"/>"));
  assert_int_equal(count_of(page, "class=\"d7\""), 2);
  assert_null(strstr(page, "rows of the source"));
  pf_text_free(&text);
}

static void sources_stand_above(void **state) {
  (void)state;
  pf_report_input in = pictures();
  in.sources = sources;
  in.source_rows = 2;
  pf_text text = {0};
  const char *page = write_page(&in, &text);
  const char *from = strstr(page, "rows of the source"), *to = strstr(page, "where the model takes them");
  assert_true(from && to && from < to);
  assert_non_null(strstr(page, "M0 18h78v26h-78Z")); /* the whole upper line of the first source */
  pf_text_free(&text);
}

static void other_rows_are_no_pictures(void **state) {
  (void)state;
  pf_report_input in = pictures();
  in.picture_height = 4;
  pf_text text = {0};
  assert_null(strstr(write_page(&in, &text), "<h2>Pictures</h2>"));
  pf_text_free(&text);
  in.picture_height = 0;
  assert_null(strstr(write_page(&in, &text), "<h2>Pictures</h2>"));
  pf_text_free(&text);
}

/* ---- studies ---- */

static pf_study_point line[] = {{1, 10, 8, 12}, {10, 1, 0.5, 2}, {100, NAN, NAN, NAN}},
                      theory[] = {{1, 10, NAN, NAN}, {100, 0.1, NAN, NAN}},
                      low[] = {{1, 1, NAN, NAN}, {2, 2, NAN, NAN}},
                      high[] = {{1, 3, NAN, NAN}, {2, 1, NAN, NAN}};
static pf_study_series lines[] = {{"measured & <drawn>", PF_STUDY_LINE, 3, line},
                                  {"n^-1", PF_STUDY_REFERENCE, 2, theory}},
                       stacks[] = {{"low", PF_STUDY_STACK, 2, low}, {"high", PF_STUDY_STACK, 2, high}};
static pf_study_chart charts[] = {{"Rates", "n", "error", true, true, 2, lines},
                                  {"Parts", "n", "sum", false, false, 2, stacks}};
static pf_study_check checks[] = {{"slope", -1, -1.1, -0.9, -INFINITY, -0.5, true},
                                  {"bound", 2, 2, 2, 0, 1, false},
                                  {"seen", 5, 4, 6, -INFINITY, INFINITY, true}};
static pf_experiment experiment = {.name = "e",
                                   .title = "An experiment",
                                   .claim = "a < b",
                                   .source = "derived",
                                   .protocol = "p",
                                   .band = "b",
                                   .n_checks = 3,
                                   .n_charts = 2,
                                   .checks = checks,
                                   .charts = charts};
static const pf_study study = {"test", "A study", 3, 1, &experiment};

static void a_study_is_a_page(void **state) {
  (void)state;
  pf_text text = {0};
  pf_study_page_add(&study, "pushforward verify test --rates", &text);
  assert_int_equal(text.status, PF_OK);
  const char *page = text.data;
  assert_non_null(strstr(page, "<h2>An experiment</h2>"));
  assert_non_null(strstr(page, "a &lt; b"));
  assert_non_null(strstr(page, "<b>1 of 2</b>"));
  assert_non_null(strstr(page, "<b>0 of 1</b>"));
  assert_non_null(strstr(page, "at most -0.5"));
  assert_non_null(strstr(page, "measured &amp; &lt;drawn&gt;"));
  assert_non_null(strstr(page, "pushforward verify test --rates"));
  assert_non_null(strstr(page, "no claim"));
  assert_null(strstr(page, "nan"));
  assert_int_equal(count_of(page, "<svg "), count_of(page, "</svg>"));
  pf_text_free(&text);
}

static void a_chart_is_a_document(void **state) {
  (void)state;
  pf_text text = {0};
  pf_study_chart_document(&charts[0], &text);
  assert_memory_equal(text.data, "<svg xmlns=\"http://www.w3.org/2000/svg\"", 39);
  assert_int_equal(count_of(text.data, "<circle class=\"b0\""), 2); /* the NaN is not drawn */
  assert_non_null(strstr(text.data, "class=\"floor\""));
  assert_non_null(strstr(text.data, "<style>"));
  pf_text_free(&text);
  /* the second stack begins where the first ends: one is as high as 1 + 3 = 4 of it all, so no coordinate is negative */
  pf_study_chart_document(&charts[1], &text);
  assert_non_null(strstr(text.data, "<path class=\"b0\""));
  assert_non_null(strstr(text.data, "<path class=\"b1\""));
  pf_text_free(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pictures_stand_upright),     cmocka_unit_test(sources_stand_above),
      cmocka_unit_test(other_rows_are_no_pictures), cmocka_unit_test(a_study_is_a_page),
      cmocka_unit_test(a_chart_is_a_document),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
