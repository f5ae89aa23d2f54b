/* The parts of a Wasserstein gradient flow: modes, the potential with its arrows, paths beside jumps. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "sample_input.h"

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

static void expect_words(const char *page, const char *words) {
  if (!strstr(page, words)) fail_msg("no '%s' in the page", words);
}

/* ---- modes ---- */

/* 60, 40 and 0 of 50, 25 and 25: the plot is 170 high for 1.12 * 60. */
static void bars_of_modes_are_to_scale(void **state) {
  (void)state;
  pf_report_input in = pf_report_input_default();
  in.coverage = &sample_coverage;
  pf_text text = {0};
  const char *page = write_page(&in, &text);
  expect_words(page, "1 of 3 modes is missing.");
  expect_words(page, "100 samples, each at its nearest centre.");
  const double slot = 416 / 3., bottom = 194, unit = 170 / (1.12 * 60);
  char words[160];
  for (int m = 0; m < 2; m++) {
    double height = unit * sample_coverage.counts[m];
    snprintf(words, sizeof words, "<rect class=\"b1\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>",
             50 + slot * m + 0.2 * slot, bottom - height, 0.6 * slot, height);
    expect_words(page, words);
  }
  assert_int_equal(count_of(page, "<rect class=\"b1\""), 3); /* two bars and the legend's box */
  assert_int_equal(count_of(page, ">\xC3\x97</text>"), 1);
  expect_words(page, "missing: less than a quarter of that");
  expect_words(page, ">0.99<");
  pf_text_free(&text);
}

static void modes_may_be_many_or_none(void **state) {
  (void)state;
  pf_coverage many = {.modes = 80, .covered = 80, .rows = 800, .listed = PF_COVERAGE_MODES};
  pf_report_input in = pf_report_input_default();
  for (int m = 0; m < many.listed; m++) many.counts[m] = many.expected[m] = 10;
  in.coverage = &many;
  pf_text text = {0};
  const char *page = write_page(&in, &text);
  expect_words(page, "All 80 modes are covered.");
  expect_words(page, "the first modes of the law");
  assert_int_equal(count_of(page, ">\xC3\x97</text>"), 0);
  pf_text_free(&text);
  many.modes = 0;
  page = write_page(&in, &text);
  assert_int_equal(count_of(page, "<h2>Modes</h2>"), 0);
  expect_words(page, "Modes: they are counted against laws whose modes are known.");
  pf_text_free(&text);
}

/* ---- the potential ---- */

/* 560 wide and 280 high at (44, 24), seven levels between 0 and 7; one cell has no value. */
static void potential_and_arrows_are_to_scale(void **state) {
  (void)state;
  const double value[] = {0, 7, 3.5, NAN, 0, 7, 3.5, 6.5};
  const double arrows[] = {2, 0, 0, -1, NAN, 0, 0.001, 0};
  pf_report_field field = {{0, 4, 0, 2, 4, 2}, value, 4, 1, arrows};
  pf_report_input in = pf_report_input_default();
  in.dimension = 2;
  in.field = &field;
  pf_text text = {0};
  const char *page = write_page(&in, &text);
  expect_words(page, "<path class=\"d1\" d=\"M44 164h140v140h-140ZM44 24h140v140h-140Z\"/>");
  expect_words(page, "<path class=\"d4\" d=\"M324 164h140v140h-140ZM324 24h140v140h-140Z\"/>");
  expect_words(page,
               "<path class=\"d7\" d=\"M184 164h140v140h-140ZM184 24h140v140h-140ZM464 24h140v140h-140Z\"/>");
  expect_words(page, "minus its slope, 2 at the longest");
  expect_words(page, ">lower<");
  /* cells of 140 x 280: the longest is .95 of 140 = 133 long, about (114, 164); half as long one points down at (254, 164);
   * one is not a number, one a speck */
  const char *path = strstr(page, "<path class=\"arrow\" d=\"");
  assert_non_null(path);
  path += strlen("<path class=\"arrow\" d=\"");
  assert_int_equal(strncmp(path, "M47.5 164L180.5 164M", 20), 0);
  expect_words(path, "M254 130.8L254 197.3M");
  char drawn[400];
  snprintf(drawn, sizeof drawn, "%.*s", (int)strcspn(path, "\""), path);
  assert_int_equal(count_of(drawn, "M"), 4); /* a shaft and a head each */
  pf_text_free(&text);
}

static void a_flat_potential_is_not_drawn(void **state) {
  (void)state;
  sample_input s;
  sample_input_fill(&s, 2, 40);
  pf_text text = {0};
  for (int nothing = 0; nothing < 2; nothing++) {
    const double flat[] = {3, 3, 3, nothing ? INFINITY : 3};
    const double none[] = {NAN, NAN, INFINITY, -INFINITY};
    s.field = (pf_report_field){{0, 1, 0, 1, 2, 2}, nothing ? none : flat, 0, 0, NULL};
    const char *page = write_page(&s.input, &text);
    assert_int_equal(count_of(page, "<h2>What the samples descend</h2>"), 0);
    expect_words(page, "Potential: it has the same value, or none, everywhere.");
    pf_text_free(&text);
  }
  sample_input_free(&s);
}

static void wrong_fields_are_refused(void **state) {
  (void)state;
  sample_input s;
  pf_error error = {0};
  pf_text text = {0};
  sample_input_fill(&s, 2, 40);
  s.field.arrow_rows = PF_REPORT_CELLS + 1;
  assert_int_equal(pf_report_write(&s.input, &text, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "field has 16 x 101 cells"));
  s.field.arrow_rows = 1, s.field.arrows = NULL;
  assert_int_equal(pf_report_write(&s.input, &text, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "field.arrows"));
  s.field.arrow_rows = 0, s.field.value = NULL;
  assert_int_equal(pf_report_write(&s.input, &text, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "field.value"));
  s.input.field = NULL, s.input.jumps = NULL;
  assert_int_equal(pf_report_write(&s.input, &text, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "jumps"));
  assert_int_equal(text.length, 0);
  sample_input_free(&s);
}

/* ---- jumps ---- */

/* Both figures have the frame of the paths; without paths the jumps have their own, and no straightness is said. */
static void jumps_stand_beside_the_paths(void **state) {
  (void)state;
  const double paths[] = {0, 0, 1, 1, 2, 2}, jumps[] = {0, 0, 2, 2, 0, 2, 9, 9};
  pf_report_input in = pf_report_input_default();
  in.dimension = 2;
  in.paths = paths, in.path_count = 1, in.path_nodes = 3;
  in.jumps = jumps, in.jump_count = 2;
  in.path_lead = "What it <is>.";
  pf_text text = {0};
  const char *page = write_page(&in, &text);
  expect_words(page, "What it &lt;is&gt;.</p>");
  expect_words(page, "1 paths, 3 nodes each.");
  expect_words(page, "2 points of the prior, each joined with its sample.");
  const char *first = strstr(page, "<title>Characteristics</title>"),
             *second = strstr(page, "<title>Noise and samples</title>");
  assert_non_null(first);
  assert_non_null(second);
  const char *tick = ">1.0</text>"; /* of the frame -0.1 to 2.1, which the second jump leaves */
  assert_true(count_of(first, tick) == 2 * count_of(second, tick) && count_of(second, tick) == 2);
  pf_text_free(&text);
  in.path_count = 0;
  page = write_page(&in, &text);
  assert_int_equal(count_of(page, "<title>Characteristics</title>"), 0);
  assert_int_equal(count_of(page, "<title>Noise and samples</title>"), 1);
  pf_text_free(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bars_of_modes_are_to_scale),        cmocka_unit_test(modes_may_be_many_or_none),
      cmocka_unit_test(potential_and_arrows_are_to_scale), cmocka_unit_test(a_flat_potential_is_not_drawn),
      cmocka_unit_test(wrong_fields_are_refused),          cmocka_unit_test(jumps_stand_beside_the_paths),
  };
  return cmocka_run_group_tests_name("wgf_parts", tests, NULL, NULL);
}
