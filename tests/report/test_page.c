/* The whole page: well formed, harmless, the same bytes twice, small, and honest about what is missing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <ctype.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "sample_input.h"

static size_t count_of(const char *text, const char *word) {
  size_t count = 0;
  for (const char *at = strstr(text, word); at; at = strstr(at + 1, word)) count++;
  return count;
}

static bool is_void(const char *name) { return strcmp(name, "meta") == 0 || name[0] == '!'; }

/* Every opened element is closed in order; attributes are quoted; no '<' stands outside markup. */
static void assert_well_formed(const char *page) {
  char stack[32][16];
  size_t depth = 0;
  for (const char *at = strchr(page, '<'); at; at = strchr(at, '<')) {
    bool is_end = at[1] == '/';
    char name[16] = {0};
    const char *from = at + 1 + is_end;
    for (size_t n = 0; n < 15 && (isalnum((unsigned char)*from) || *from == '!'); from++) name[n++] = *from;
    assert_true(name[0]);
    bool is_quoted = false;
    while (*from && (is_quoted || *from != '>')) {
      if (*from == '"') is_quoted = !is_quoted;
      assert_false(*from == '<');
      from++;
    }
    assert_true(*from == '>');
    if (is_end) {
      assert_true(depth > 0);
      assert_string_equal(stack[--depth], name);
    } else if (from[-1] != '/' && !is_void(name)) {
      assert_true(depth < 32);
      strcpy(stack[depth++], name);
    }
    at = from;
    if (!is_end && strcmp(name, "style") == 0) assert_non_null(at = strstr(at, "</style>"));
  }
  assert_int_equal(depth, 0);
}

/* Values of geometry attributes are numbers and path letters only, and there are some. */
static void assert_coordinates_are_numbers(const char *page) {
  static const char *const attributes[] = {" d=\"",  " x=\"",     " y=\"",      " x1=\"",
                                           " x2=\"", " y1=\"",    " y2=\"",     " cx=\"",
                                           " cy=\"", " width=\"", " height=\"", " viewBox=\""};
  for (size_t a = 0; a < sizeof attributes / sizeof *attributes; a++)
    for (const char *at = strstr(page, attributes[a]); at; at = strstr(at, attributes[a])) {
      at += strlen(attributes[a]);
      size_t length = strcspn(at, "\""), good = strspn(at, "0123456789.- MLhZ");
      assert_int_equal(good, length);
    }
}

static void assert_harmless(const char *page) {
  static const char *const forbidden[] = {"<script",
                                          "http:",
                                          "https:",
                                          "src=",
                                          "href=",
                                          "url(",
                                          "@import",
                                          " on"
                                          "load"};
  for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++) assert_null(strstr(page, forbidden[i]));
  assert_non_null(strstr(page, "default-src 'none'"));
}

static char *write_page(const pf_report_input *input, pf_text *text) {
  pf_error error = {0};
  pf_status status = pf_report_write(input, text, &error);
  if (status != PF_OK) fail_msg("%s", error.message);
  assert_int_equal(strlen(text->data), text->length);
  return text->data;
}

static void assert_good_page(const char *page) {
  assert_well_formed(page);
  assert_coordinates_are_numbers(page);
  assert_harmless(page);
  assert_int_equal(count_of(page, "<svg role=\"img\"") + count_of(page, "<svg class=\"pairs\" role=\"img\""),
                   count_of(page, "\"><title>")); /* every picture has a name */
  assert_int_equal(count_of(page, "<table "), count_of(page, "<caption>"));
}

static void page_is_good_in_every_dimension(void **state) {
  (void)state;
  for (size_t d = 0; d <= 9; d++) {
    sample_input s;
    sample_input_fill(&s, d, 300);
    pf_text text = {0};
    const char *page = write_page(&s.input, &text);
    assert_good_page(page);
    assert_int_equal(count_of(page, "<h2>Marginals</h2>"), d > 2);
    assert_int_equal(count_of(page, "<h2>Pairs of columns</h2>"), d > 2);
    assert_int_equal(count_of(page, "<h2>Samples against data</h2>"), d == 1 || d == 2);
    assert_int_equal(count_of(page, "<h2>How samples move</h2>"), d > 0);
    assert_int_equal(count_of(page, "<h2>Not in this report</h2>"), d == 0);
    pf_text_free(&text);
    sample_input_free(&s);
  }
}

static void names_are_escaped_everywhere(void **state) {
  (void)state;
  for (size_t d = 1; d <= 3; d++) {
    sample_input s;
    sample_input_fill(&s, d, 50);
    pf_text text = {0};
    const char *page = write_page(&s.input, &text);
    assert_true(count_of(page, "&lt;script&gt;x&lt;/script&gt;") >= (d < 3 ? 2 : 3));
    assert_null(strstr(page, "<script"));
    assert_non_null(strstr(page, "<title>moons &lt;i&gt;</title>"));
    assert_non_null(strstr(page, "-o &#39;b &amp; c&#39;"));
    pf_text_free(&text);
    sample_input_free(&s);
  }
}

/* Every number of every array in turn not a number, then all of them. */
static void spoiled_values_are_never_drawn(void **state) {
  (void)state;
  static const double bad[] = {NAN, INFINITY, -INFINITY, 1.7e308, -1.7e308, 0};
  for (size_t d = 1; d <= 3; d++)
    for (size_t b = 0; b < sizeof bad / sizeof *bad; b++)
      for (size_t stride = 1; stride < 20; stride += 6) {
        sample_input s;
        sample_input_fill(&s, d, 40);
        for (size_t i = 0; i < s.count; i += stride) s.values[i] = bad[b];
        pf_text text = {0};
        assert_good_page(write_page(&s.input, &text));
        pf_text_free(&text);
        sample_input_free(&s);
      }
}

static void spoiled_results_are_dashes(void **state) {
  (void)state;
  pf_report_metric metric = {"W2", NAN, NAN, INFINITY, -INFINITY, -3, NULL, NAN};
  pf_report_decomposition terms = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NULL};
  pf_report_steps steps[] = {{"1", NAN, NAN, false}, {NULL, INFINITY, -INFINITY, true}};
  pf_report_check check = {NULL, NAN, NAN, NAN, false};
  pf_report_input in = pf_report_input_default();
  in.metrics = &metric, in.metric_count = 1;
  in.decomposition = &terms;
  in.steps = steps, in.step_count = 2;
  in.checks = &check, in.check_count = 1;
  pf_text text = {0};
  const char *page = write_page(&in, &text);
  assert_good_page(page);
  assert_null(strstr(page, ">nan<"));
  assert_null(strstr(page, ">inf<"));
  assert_null(strstr(page, ">-inf<"));
  assert_non_null(strstr(page, "not measured"));
  assert_true(count_of(page, "\xE2\x80\x93</td>") >= 6 + 8 + 3);
  pf_text_free(&text);
}

static void empty_input_says_what_is_missing(void **state) {
  (void)state;
  pf_report_input in = pf_report_input_default();
  pf_text text = {0};
  const char *page = write_page(&in, &text);
  assert_good_page(page);
  assert_int_equal(count_of(page, "<li>"), 10);
  assert_int_equal(count_of(page, "<figure"), 0);
  assert_non_null(strstr(page, "<title>pushforward report</title>"));
  pf_text_free(&text);
}

static void page_without_data_shows_the_samples(void **state) {
  (void)state;
  for (size_t d = 1; d <= 4; d++) {
    sample_input s;
    sample_input_fill(&s, d, 50);
    s.input.data = NULL, s.input.data_rows = 0;
    pf_text text = {0};
    const char *page = write_page(&s.input, &text);
    assert_good_page(page);
    assert_non_null(strstr(page, d == 2 || d > 2 ? "class=\"dots1\"" : "class=\"hist1\""));
    assert_int_equal(count_of(page, "class=\"hist0\""), 0);
    pf_text_free(&text);
    sample_input_free(&s);
  }
}

static void same_input_same_bytes(void **state) {
  (void)state;
  sample_input s;
  sample_input_fill(&s, 5, 400);
  pf_text first = {0}, second = {0};
  write_page(&s.input, &first);
  write_page(&s.input, &second);
  assert_int_equal(first.length, second.length);
  assert_memory_equal(first.data, second.data, first.length);
  pf_text_free(&first);
  pf_text_free(&second);
  sample_input_free(&s);
}

static void page_stays_small(void **state) {
  (void)state;
  for (size_t d = 2; d <= 9; d += 7) {
    sample_input s;
    sample_input_fill(&s, d, 100000);
    s.input.path_count = 1; /* as many paths as fit: the sample block read as 20 x more */
    pf_text text = {0};
    write_page(&s.input, &text);
    assert_true(text.length < 400000);
    pf_text_free(&text);
    sample_input_free(&s);
  }
}

/* "attribute" of the first element of a class, as a number. */
static double number_of(const char *page, const char *class_name, const char *attribute) {
  const char *at = strstr(page, class_name);
  assert_non_null(at);
  at = strstr(at, attribute);
  assert_non_null(at);
  return strtod(at + strlen(attribute), NULL);
}

/* Terms 0.03, 0.02, 0.05 and markers 0.08 and 0.06 on one axis: widths and places in proportion. */
static void decomposition_bar_is_to_scale(void **state) {
  (void)state;
  pf_report_input in = pf_report_input_default();
  in.decomposition = &sample_terms;
  pf_text text = {0};
  const char *page = write_page(&in, &text);
  page = strstr(page, "<h2>What the error is made of</h2>");
  double first = number_of(page, "<rect class=\"b0\"", " x=\""),
         width = number_of(page, "<rect class=\"b0\"", " width=\"");
  double unit = width / 0.03;
  assert_true(fabs(number_of(page, "<rect class=\"b4\"", " x=\"") - (first + 0.03 * unit)) <= 0.2);
  assert_true(fabs(number_of(page, "<rect class=\"b4\"", " width=\"") - (0.02 * unit)) <= 0.2);
  assert_true(fabs(number_of(page, "<rect class=\"b2\"", " x=\"") - (first + 0.05 * unit)) <= 0.2);
  assert_true(fabs(number_of(page, "<rect class=\"b2\"", " width=\"") - (0.05 * unit)) <= 0.2);
  assert_true(fabs(number_of(page, "<line class=\"mark\"", " x1=\"") - (first + 0.08 * unit)) <= 0.3);
  assert_true(fabs(number_of(page, "<line class=\"floor\"", " x1=\"") - (first + 0.06 * unit)) <= 0.3);
  assert_null(strstr(page, "<rect class=\"b3\"")); /* early stopping is not measurable here */
  assert_null(strstr(page, "not separated"));
  assert_non_null(strstr(page, ">50 %</td>"));
  assert_non_null(strstr(page, "bound (sum)"));
  assert_null(strstr(page, "not a bound"));
  pf_text_free(&text);
}

/* Without one of the terms, and without a sum from elsewhere, nothing on the page is called a bound. */
static void a_missing_term_leaves_no_bound(void **state) {
  (void)state;
  pf_report_input in = pf_report_input_default();
  pf_report_decomposition terms = sample_terms;
  terms.sum = terms.measured = terms.floor = NAN;
  terms.note = "in <encoded> units";
  in.decomposition = &terms;
  pf_text text = {0};
  const char *page = write_page(&in, &text);
  assert_good_page(page);
  assert_non_null(strstr(page, "not a bound"));
  assert_null(strstr(page, "bound (sum)"));
  assert_null(strstr(page, "measured W2"));
  assert_null(strstr(page, "<line class=\"mark\""));
  assert_non_null(strstr(page, "in &lt;encoded&gt; units"));
  pf_text_free(&text);
}

static void a_null_array_with_a_count_is_named(void **state) {
  (void)state;
  sample_input s;
  sample_input_fill(&s, 2, 10);
  pf_text text = {0};
  pf_text_add(&text, "kept");
  pf_error error;
  s.input.samples = NULL;
  assert_int_equal(pf_report_write(&s.input, &text, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "samples is NULL but its count is 10"));
  s.input.sample_rows = 0;
  s.series[1].value = NULL;
  assert_int_equal(pf_report_write(&s.input, &text, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "series[].value"));
  assert_int_equal(pf_report_write(NULL, &text, &error), PF_USAGE);
  assert_int_equal(pf_report_write(&s.input, NULL, NULL), PF_USAGE);
  assert_string_equal(text.data, "kept");
  pf_text_free(&text);
  sample_input_free(&s);
}

static void every_failing_allocation_is_reported(void **state) {
  (void)state;
  sample_input s;
  sample_input_fill(&s, 3, 60);
  int failures = 0;
  for (int64_t k = 1;; k++) {
    pf_text text = {0};
    pf_text_add(&text, "kept");
    pf_error error = {0};
    pf_memory_fail_at(k);
    pf_status status = pf_report_write(&s.input, &text, &error);
    pf_memory_fail_at(0);
    if (status != PF_OK) {
      assert_int_equal(status, PF_NO_MEMORY);
      assert_int_equal(error.status, PF_NO_MEMORY);
      assert_int_equal(text.status, PF_OK);
      assert_string_equal(text.data, "kept");
      failures++;
    }
    if (status == PF_OK) assert_int_equal(strncmp(text.data, "kept<!doctype html>", 19), 0);
    pf_text_free(&text);
    if (status == PF_OK) break;
  }
  assert_in_range(failures, 8, 200);
  sample_input_free(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(page_is_good_in_every_dimension),
      cmocka_unit_test(names_are_escaped_everywhere),
      cmocka_unit_test(spoiled_values_are_never_drawn),
      cmocka_unit_test(spoiled_results_are_dashes),
      cmocka_unit_test(empty_input_says_what_is_missing),
      cmocka_unit_test(page_without_data_shows_the_samples),
      cmocka_unit_test(same_input_same_bytes),
      cmocka_unit_test(page_stays_small),
      cmocka_unit_test(decomposition_bar_is_to_scale),
      cmocka_unit_test(a_missing_term_leaves_no_bound),
      cmocka_unit_test(a_null_array_with_a_count_is_named),
      cmocka_unit_test(every_failing_allocation_is_reported),
  };
  return cmocka_run_group_tests_name("page", tests, NULL, NULL);
}
