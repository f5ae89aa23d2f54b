/* Scales, ticks and numbers as text. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <locale.h>
#include <math.h>
#include <cmocka.h>

#include "report/scale.h"

#define assert_close(a, b) assert_true(fabs((double)(a) - (b)) <= 1e-9 * (1 + fabs((double)(b))))

static void scale_maps_the_ends_and_the_middle(void **state) {
  (void)state;
  pf_plot_scale linear = {.low = -1, .high = 3, .from = 100, .to = 20};
  assert_close(pf_plot_scale_map(&linear, -1), 100);
  assert_close(pf_plot_scale_map(&linear, 3), 20);
  assert_close(pf_plot_scale_map(&linear, 0), 80);
  pf_plot_scale logarithmic = {.low = 0.01, .high = 100, .from = 0, .to = 400, .logarithmic = true};
  assert_close(pf_plot_scale_map(&logarithmic, 0.1), 100);
  assert_close(pf_plot_scale_map(&logarithmic, 1), 200);
  assert_close(pf_plot_scale_map(&logarithmic, 100), 400);
}

static void scale_has_no_place_for_what_is_not_a_number(void **state) {
  (void)state;
  pf_plot_scale linear = {.low = 0, .high = 1, .from = 0, .to = 1};
  pf_plot_scale logarithmic = {.low = 1, .high = 10, .from = 0, .to = 1, .logarithmic = true};
  assert_true(isnan(pf_plot_scale_map(&linear, NAN)));
  assert_true(isnan(pf_plot_scale_map(&linear, INFINITY)));
  assert_true(isnan(pf_plot_scale_map(&logarithmic, 0)));
  assert_true(isnan(pf_plot_scale_map(&logarithmic, -1)));
  pf_plot_scale empty = {.low = 2, .high = 2, .from = 0, .to = 1};
  assert_true(isnan(pf_plot_scale_map(&empty, 2)));
}

static void check_ticks(pf_ticks ticks, const double *expected, size_t count) {
  assert_int_equal(ticks.count, count);
  for (size_t i = 0; i < count; i++) assert_close(ticks.value[i], expected[i]);
}

static void linear_ticks_are_round(void **state) {
  (void)state;
  check_ticks(pf_ticks_linear(0, 1, 5), (double[]){0, 0.2, 0.4, 0.6, 0.8, 1}, 6);
  check_ticks(pf_ticks_linear(-0.73, 1.21, 5), (double[]){-0.5, 0, 0.5, 1}, 4);
  check_ticks(pf_ticks_linear(7, 93, 5), (double[]){20, 40, 60, 80}, 4);
  check_ticks(pf_ticks_linear(0, 1.04e-4, 3), (double[]){0, 5e-5, 1e-4}, 3);
  assert_int_equal(pf_ticks_linear(1, 1, 5).count, 0);
  assert_int_equal(pf_ticks_linear(NAN, 1, 5).count, 0);
  assert_int_equal(pf_ticks_linear(0, INFINITY, 5).count, 0);
}

static void ticks_stay_inside_and_few(void **state) {
  (void)state;
  for (int i = 1; i < 2000; i++) {
    double low = -3 + 0.37 * i, high = low + 1e-3 * i * i;
    for (int target = 2; target < 12; target++) {
      pf_ticks ticks = pf_ticks_linear(low, high, target);
      assert_in_range(ticks.count, 2, target + 4);
      assert_true(ticks.value[0] >= low - 1e-6 * ticks.step);
      assert_true(ticks.value[ticks.count - 1] <= high + 1e-6 * ticks.step);
    }
  }
}

static void logarithmic_ticks(void **state) {
  (void)state;
  check_ticks(pf_ticks_log(0.04, 3, 6), (double[]){0.05, 0.1, 0.2, 0.5, 1, 2}, 6);
  check_ticks(pf_ticks_log(1e-4, 1e2, 7), (double[]){1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100}, 7);
  check_ticks(pf_ticks_log(1e-6, 1e6, 6), (double[]){1e-6, 1e-4, 1e-2, 1, 1e2, 1e4, 1e6}, 7);
  check_ticks(pf_ticks_log(2.1, 3.9, 4), (double[]){2.5, 3, 3.5}, 3); /* too short: linear */
  assert_int_equal(pf_ticks_log(0, 1, 5).count, 0);
  assert_int_equal(pf_ticks_log(-1, 1, 5).count, 0);
}

static void check_labels(pf_ticks ticks, const char *const *expected) {
  for (size_t i = 0; i < ticks.count; i++) {
    char label[40];
    pf_ticks_label(&ticks, i, label);
    assert_string_equal(label, expected[i]);
  }
}

static void labels_carry_just_enough_digits(void **state) {
  (void)state;
  check_labels(pf_ticks_linear(-0.73, 1.21, 5), (const char *const[]){"\xE2\x88\x92"
                                                                      "0.5",
                                                                      "0.0", "0.5", "1.0"});
  check_labels(pf_ticks_linear(0, 20000, 4), (const char *const[]){"0", "5k", "10k", "15k", "20k"});
  check_labels(pf_ticks_linear(0, 3e6, 3), (const char *const[]){"0", "1M", "2M", "3M"});
  check_labels(pf_ticks_linear(0, 2e-5, 2), (const char *const[]){"0", "1e-5", "2e-5"});
  check_labels(pf_ticks_log(1e-6, 1e6, 6),
               (const char *const[]){"1e-6", "0.0001", "0.01", "1", "100", "1e4", "1e6"});
}

static void numbers_as_text(void **state) {
  (void)state;
  char text[40];
  pf_number_text(0.0712345, 4, text);
  assert_string_equal(text, "0.07123");
  pf_number_text(-1.5e-12, 4, text);
  assert_string_equal(text, "-1.5e-12");
  pf_number_text(123456, 3, text);
  assert_string_equal(text, "1.23e5");
  pf_number_text(-0.0, 3, text);
  assert_string_equal(text, "0");
  pf_number_text(NAN, 3, text);
  assert_string_equal(text, "\xE2\x80\x93");
  pf_number_text(-INFINITY, 3, text);
  assert_string_equal(text, "\xE2\x80\x93");
}

static void numbers_ignore_the_locale(void **state) {
  (void)state;
  if (!setlocale(LC_NUMERIC, "de_DE.UTF-8") && !setlocale(LC_NUMERIC, "fr_FR.UTF-8")) skip();
  char text[40];
  pf_number_text(0.25, 4, text);
  setlocale(LC_NUMERIC, "C");
  assert_string_equal(text, "0.25");
}

static void ranges_are_made_usable(void **state) {
  (void)state;
  pf_range range = pf_range_padded(2, 4, 0.1);
  assert_close(range.low, 1.8);
  assert_close(range.high, 4.2);
  range = pf_range_padded(5, 5, 0.1); /* a constant */
  assert_true(range.low < 5 && 5 < range.high);
  range = pf_range_padded(0, 0, 0.1);
  assert_true(range.low < 0 && 0 < range.high);
  range = pf_range_padded(-1.7e308, 1.7e308, 0.1);
  assert_true(isfinite(range.high - range.low));
  range = pf_range_padded(NAN, NAN, 0.1);
  assert_true(range.low < range.high);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(scale_maps_the_ends_and_the_middle),
      cmocka_unit_test(scale_has_no_place_for_what_is_not_a_number),
      cmocka_unit_test(linear_ticks_are_round),
      cmocka_unit_test(ticks_stay_inside_and_few),
      cmocka_unit_test(logarithmic_ticks),
      cmocka_unit_test(labels_carry_just_enough_digits),
      cmocka_unit_test(numbers_as_text),
      cmocka_unit_test(numbers_ignore_the_locale),
      cmocka_unit_test(ranges_are_made_usable),
  };
  return cmocka_run_group_tests_name("scale", tests, NULL, NULL);
}
