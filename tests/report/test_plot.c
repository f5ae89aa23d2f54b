/* Columns, histograms, clouds and the pen: numbers in, coordinates out. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "report/plot.h"

#define assert_close(a, b) assert_true(fabs((double)(a) - (b)) <= 1e-12 * (1 + fabs((double)(b))))

static void quantiles_ignore_what_is_not_finite(void **state) {
  (void)state;
  double values[2 * 103];
  for (int i = 0; i < 103; i++)
    values[2 * i] = -1e9, values[2 * i + 1] = (37 * i) % 101; /* 0..100, shuffled */
  values[2 * 101 + 1] = NAN, values[2 * 102 + 1] = INFINITY;
  pf_range range;
  assert_int_equal(pf_plot_column_quantiles(pf_plot_column_of(values, 103, 2, 1), 0.1, &range, NULL), PF_OK);
  assert_close(range.low, 10);
  assert_close(range.high, 90);
  assert_int_equal(pf_plot_column_quantiles(pf_plot_column_of(values, 103, 2, 1), 0, &range, NULL), PF_OK);
  assert_close(range.low, 0);
  assert_close(range.high, 100);
}

static void quantiles_of_nothing_are_not_drawable(void **state) {
  (void)state;
  const double values[] = {NAN, INFINITY};
  pf_range range = {1, 2};
  assert_int_equal(pf_plot_column_frame(pf_plot_column_of(values, 2, 1, 0), &range, NULL), PF_OK);
  assert_false(pf_range_is_drawable(range));
  pf_memory_fail_at(1);
  assert_int_equal(pf_plot_column_frame(pf_plot_column_of(values, 2, 1, 0), &range, NULL), PF_NO_MEMORY);
  pf_memory_fail_at(0);
}

static void histogram_is_a_density(void **state) {
  (void)state;
  const double values[] = {0.1, 0.2, 0.3, 0.9, 1.7, 5, -3, NAN}; /* two outside, one not a number */
  pf_histogram histogram;
  pf_histogram_fill(&histogram, pf_plot_column_of(values, 8, 1, 0), (pf_range){0, 2}, 4);
  assert_int_equal(histogram.finite, 7);
  const double expected[] = {3, 1, 0, 1};
  for (int b = 0; b < 4; b++) assert_close(histogram.density[b], expected[b] / (7 * 0.5));
  assert_close(pf_histogram_peak(&histogram), 3 / 3.5);
}

static size_t count_of(const char *text, const char *word) {
  size_t count = 0;
  for (const char *at = strstr(text, word); at; at = strstr(at + 1, word)) count++;
  return count;
}

static void cloud_draws_what_is_inside(void **state) {
  (void)state;
  double rows[2 * 100];
  for (int i = 0; i < 100; i++) rows[2 * i] = i / 100.0, rows[2 * i + 1] = i < 90 ? 0.25 : i < 95 ? 7 : NAN;
  pf_plot plot = pf_plot_in((pf_box){0, 0, 100, 100}, (pf_range){0, 1}, (pf_range){0, 1});
  pf_cloud cloud = {pf_plot_column_of(rows, 100, 2, 0), pf_plot_column_of(rows, 100, 2, 1), 1000, "dots0"};
  pf_text text = {0};
  size_t looked = 0;
  assert_int_equal(pf_plot_cloud(&text, &plot, &cloud, &looked), 10);
  assert_int_equal(looked, 100);
  assert_int_equal(count_of(text.data, "h0"), 90);
  assert_non_null(strstr(text.data, "M25 75h0"));
  pf_text_free(&text);
  cloud.limit = 10; /* rows 0, 10, ..., 90: the last lies outside */
  assert_int_equal(pf_plot_cloud(&text, &plot, &cloud, &looked), 1);
  assert_int_equal(count_of(text.data, "h0"), 9);
  pf_text_free(&text);
}

static void pen_leaves_gaps(void **state) {
  (void)state;
  pf_text text = {0};
  pf_pen pen = pf_pen_begin(&text, "c0");
  pf_pen_to(&pen, 1, 2);
  pf_pen_to(&pen, 3.25, -4.04);
  pf_pen_to(&pen, NAN, 5);
  pf_pen_to(&pen, 6, 7);
  pf_pen_to(&pen, 8, INFINITY);
  pf_pen_dot(&pen, 9, -0.01);
  pf_pen_dot(&pen, 9, NAN);
  pf_pen_end(&pen);
  assert_string_equal(text.data, "<path class=\"c0\" d=\"M1 2L3.3 -4M6 7M9 0h0\"/>\n");
  pf_text_free(&text);
}

static void shapes_without_a_place_are_skipped(void **state) {
  (void)state;
  pf_text text = {0};
  pf_text_add(&text, "|");
  pf_svg_line(&text, "a", 0, NAN, 1, 1);
  pf_svg_circle(&text, "a", INFINITY, 0, 1);
  pf_svg_rect(&text, "a", (pf_box){0, 0, NAN, 1});
  pf_svg_rect(&text, "a", (pf_box){0, 0, -2, 1});
  pf_svg_words(&text, (pf_svg_place){"a", NAN, 0, 's', 0}, "word");
  assert_string_equal(text.data, "|");
  pf_svg_line(&text, "a", 0, 1.06, -1.04, 1e300);
  assert_string_equal(text.data, "|<line class=\"a\" x1=\"0\" y1=\"1.1\" x2=\"-1\" y2=\"1000000\"/>\n");
  pf_text_free(&text);
}

static void axes_put_ticks_at_their_values(void **state) {
  (void)state;
  pf_plot plot = pf_plot_in((pf_box){10, 20, 200, 100}, (pf_range){0, 4}, (pf_range){0, 1});
  pf_text text = {0};
  pf_plot_axes(&text, &plot, &(pf_axes){4, 2, "a<b", NULL});
  assert_non_null(strstr(text.data, "<line class=\"gridline\" x1=\"60\" y1=\"20\" x2=\"60\" y2=\"120\"/>"));
  assert_non_null(strstr(text.data, "<text x=\"60\" y=\"135\" text-anchor=\"middle\">1</text>"));
  assert_non_null(strstr(text.data, "<line class=\"gridline\" x1=\"10\" y1=\"70\" x2=\"210\" y2=\"70\"/>"));
  assert_non_null(strstr(text.data, ">a&lt;b</text>"));
  pf_text_free(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(quantiles_ignore_what_is_not_finite),
      cmocka_unit_test(quantiles_of_nothing_are_not_drawable),
      cmocka_unit_test(histogram_is_a_density),
      cmocka_unit_test(cloud_draws_what_is_inside),
      cmocka_unit_test(pen_leaves_gaps),
      cmocka_unit_test(shapes_without_a_place_are_skipped),
      cmocka_unit_test(axes_put_ticks_at_their_values),
  };
  return cmocka_run_group_tests_name("plot", tests, NULL, NULL);
}
