/* Growable strings, number formatting and the nearest name. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/rng.h"
#include "base/text.h"

static void text_grows(void **state) {
  (void)state;
  pf_text text = {0};
  for (int i = 0; i < 1000; i++) pf_text_add(&text, "%d,", i % 10);
  pf_text_add_bytes(&text, "x\0y", 3);
  assert_int_equal(text.status, PF_OK);
  assert_int_equal(text.length, 2003);
  assert_int_equal(strncmp(text.data, "0,1,2,3,4,5,6,7,8,9,0,", 22), 0);
  assert_memory_equal(text.data + 2000, "x\0y", 4);
  pf_text_free(&text);
  assert_null(text.data);
}

static void text_failure_sticks(void **state) {
  (void)state;
  pf_text text = {0};
  pf_text_add(&text, "kept");
  pf_memory_fail_at(1);
  for (int i = 0; i < 100; i++) pf_text_add(&text, "0123456789");
  pf_memory_fail_at(0);
  assert_int_equal(text.status, PF_NO_MEMORY);
  size_t length = text.length;
  pf_text_add(&text, "more");
  pf_text_add_bytes(&text, "more", 4);
  assert_int_equal(text.length, length);
  pf_text_free(&text);
}

static void text_is_cut_between_characters(void **state) {
  (void)state;
  static const struct {
    const char *text, *want;
  } cases[] = {{"", ""},
               {"abcde", "abcde"},
               {"abcdef", "abcde"},
               {"abc\xC3\xA9", "abc\xC3\xA9"},
               {"abcd\xC3\xA9", "abcd"},
               {"ab\xF0\x9F\x99\x82", "ab"},
               {"\xE2\x82\xAC\xE2\x82\xAC", "\xE2\x82\xAC"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char out[6];
    pf_text_cut(out, sizeof out, cases[i].text);
    assert_string_equal(out, cases[i].want);
  }
}

static void parse_takes_whole_numbers_only(void **state) {
  (void)state;
  static const struct {
    const char *text;
    double value;
  } good[] = {{"0", 0.0},  {"-1.5", -1.5},    {"+2", 2.0},         {"1e3", 1000.0},       {".25", 0.25},
              {"5.", 5.0}, {"inf", INFINITY}, {"-inf", -INFINITY}, {"4.9e-324", 4.9e-324}};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    double value = 99.0;
    assert_true(pf_parse_double(good[i].text, &value));
    assert_true(value == good[i].value);
  }
  double nan_value = 0.0;
  assert_true(pf_parse_double("nan", &nan_value) && isnan(nan_value));
  static const char *const bad[] = {"",     " ",      "-",  "1 ",  " 1",    "1x", "1,5",
                                    "0x10", "-0x1p3", "1e", "--1", "1e999", "e5"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    double value = 99.0;
    assert_false(pf_parse_double(bad[i], &value));
    assert_true(value == 99.0);
  }
}

static void format_reads_back(void **state) {
  (void)state;
  static const double values[] = {0.0, -0.0, 0.1, 1.0 / 3.0, 1e300, DBL_MAX, DBL_MIN, 4.9e-324, -12345.678};
  char text[32];
  double back = 0.0;
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    pf_format_double(values[i], text);
    assert_true(pf_parse_double(text, &back));
    assert_memory_equal(&back, &values[i], sizeof back);
  }
  pf_rng rng = pf_rng_at(7, PF_STREAM_TEST, 0, 0);
  for (int i = 0; i < 2000; i++) {
    double value = ldexp(pf_rng_uniform(&rng) - 0.5, (int)pf_rng_below(&rng, 2000) - 1000);
    pf_format_double(value, text);
    assert_true(strlen(text) < sizeof text && pf_parse_double(text, &back) && back == value);
  }
}

static void format_is_short(void **state) {
  (void)state;
  char text[32];
  pf_format_double(0.1, text);
  assert_string_equal(text, "0.1");
  pf_format_double(100.0, text);
  assert_string_equal(text, "100");
  pf_format_double(NAN, text);
  assert_string_equal(text, "nan");
  pf_format_double(-INFINITY, text);
  assert_string_equal(text, "-inf");
}

/* A locale whose decimal point is a comma, where the system has one. */
static void numbers_ignore_the_locale(void **state) {
  (void)state;
  static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE"};
  const char *set = NULL;
  for (size_t i = 0; i < sizeof names / sizeof *names && !set; i++) set = setlocale(LC_ALL, names[i]);
  if (!set) skip();
  char formatted[32];
  double value = 0.0;
  pf_format_double(1.5, formatted);
  bool parsed = pf_parse_double("2.5", &value);
  pf_text text = {0};
  pf_text_add(&text, "%.1f", 3.5);
  setlocale(LC_ALL, "C");
  assert_string_equal(formatted, "1.5");
  assert_true(parsed && value == 2.5);
  assert_string_equal(text.data, "3.5");
  pf_text_free(&text);
}

static const char *const laws[] = {"moons", "8gaussians", "spiral", "checkerboard"};

static void nearest_name_is_a_slip_away(void **state) {
  (void)state;
  assert_string_equal(pf_nearest_name("moon", laws, 4), "moons");
  assert_string_equal(pf_nearest_name("mosno", laws, 4), "moons");
  assert_string_equal(pf_nearest_name("SPIRAL", laws, 4), "spiral");
  assert_string_equal(pf_nearest_name("gausians", laws, 4), "8gaussians");
  assert_string_equal(pf_nearest_name("chekerbord", laws, 4), "checkerboard");
  assert_null(pf_nearest_name("banana", laws, 4));
  assert_null(pf_nearest_name("", laws, 4));
  char endless[500];
  memset(endless, 'm', sizeof endless);
  endless[sizeof endless - 1] = '\0';
  assert_null(pf_nearest_name(endless, laws, 4));
}

static void unknown_names_are_explained(void **state) {
  (void)state;
  pf_error error = {0};
  assert_int_equal(pf_fail_unknown(&error, "law", "moon", laws, 4), PF_USAGE);
  assert_string_equal(error.message,
                      "unknown law 'moon'; did you mean 'moons'; valid: moons, 8gaussians, spiral, "
                      "checkerboard");
  pf_fail_unknown(&error, "law", "banana", laws, 2);
  assert_string_equal(error.message, "unknown law 'banana'; valid: moons, 8gaussians");
}

static void options_are_whole_words(void **state) {
  (void)state;
  assert_true(pf_has_option("train a.csv --steps 20", "--steps"));
  assert_true(pf_has_option("train a.csv --steps=20 -q", "--steps"));
  assert_true(pf_has_option("--steps", "--steps"));
  assert_false(pf_has_option("train a.csv --refine-steps 2 x--steps --steps-more 3", "--steps"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(text_grows),
      cmocka_unit_test(text_failure_sticks),
      cmocka_unit_test(text_is_cut_between_characters),
      cmocka_unit_test(parse_takes_whole_numbers_only),
      cmocka_unit_test(format_reads_back),
      cmocka_unit_test(format_is_short),
      cmocka_unit_test(numbers_ignore_the_locale),
      cmocka_unit_test(nearest_name_is_a_slip_away),
      cmocka_unit_test(unknown_names_are_explained),
      cmocka_unit_test(options_are_whole_words),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
