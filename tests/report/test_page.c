/* The whole page: well formed, harmless, the same bytes twice, small, and honest about what is missing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <ctype.h>
#include <stdio.h>
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
      size_t length = strcspn(at, "\""), good = strspn(at, "0123456789.- MLhvZ");
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
    assert_int_equal(count_of(page, "<h2>Likelihood</h2>"), 1);
    assert_int_equal(count_of(page, "<h2>The blocks of the flow</h2>"), 1);
    assert_int_equal(count_of(page, "<h2>Density</h2>"), d == 2);
    assert_int_equal(count_of(page, "Density map: it is drawn for exactly two columns"), d != 2);
    assert_int_equal(count_of(page, "<h2>Modes</h2>"), 1);
    assert_int_equal(count_of(page, "<h2>What the samples descend</h2>"), d == 2);
    assert_int_equal(count_of(page, "<title>Noise and samples</title>"), d > 0);
    assert_int_equal(count_of(page, "<h2>To noise and back</h2>"), d >= 2);
    assert_int_equal(count_of(page, "they are drawn in the plane of the first two columns"), d < 2);
    assert_int_equal(count_of(page, "<title>Straightness</title>"), d > 0);
    assert_int_equal(count_of(page, "<h2>Not in this report</h2>"), d != 2);
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
    assert_int_equal(count_of(page, "<b>r = 0 &lt;data&gt;</b>"), d > 1 ? 2 : 0);
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
  assert_int_equal(count_of(page, "<li>"), 13);
  assert_int_equal(count_of(page, "only a flow with likelihood has them"), 1);
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
    size_t map = d == 2 ? 2 * SAMPLE_CELLS * 26 : 0; /* densities without any two neighbours alike */
    assert_true(text.length < 400000 + map && text.length < 1500000);
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

/* The path of a class inside one of the maps. */
static void assert_boxes(const char *map, const char *class_name, const char *path) {
  char words[256];
  snprintf(words, sizeof words, "<path class=\"%s\" d=\"%s\"/>", class_name, path);
  const char *end = strstr(map, "</figure>"), *at = strstr(map, words);
  if (!at || at > end) fail_msg("no %s in %.600s", words, map);
}

/* Two rows of four cells, the lower one first: levels by factors of two from the law's highest value, boxes of equal cells. */
static void density_map_is_to_scale(void **state) {
  (void)state;
  const double law[] = {0.4, 0.4, 0.1, NAN, 0.05, 0.006, 0.4, 0.4};
  const double model[] = {0, 9, 0.79, 0.8, INFINITY, -1, 0.2, 0.2};
  pf_report_density density = {{0, 4, 0, 2, 4, 2}, model, law};
  pf_report_input in = pf_report_input_default();
  in.dimension = 2;
  in.density = &density;
  pf_text text = {0};
  const char *page = write_page(&in, &text);
  assert_good_page(page);
  const char *map = strstr(page, "<b>Law</b>"), *other = strstr(page, "<b>Model</b>");
  assert_non_null(map);
  assert_non_null(other);
  /* the map is 370 x 185 at (44, 24): cells of 92.5 */
  assert_boxes(map, "d7", "M44 116.5h185v92.5h-185ZM229 24h185v92.5h-185Z");
  assert_boxes(map, "d5", "M229 116.5h92.5v92.5h-92.5Z");
  assert_boxes(map, "d4", "M44 24h92.5v92.5h-92.5Z");
  assert_boxes(map, "d1", ""); /* 0.00625 is the lowest bound */
  assert_boxes(other, "d7", "M136.5 116.5h277.5v92.5h-277.5ZM44 24h92.5v92.5h-92.5Z");
  assert_boxes(other, "d6", "M229 24h185v92.5h-185Z");
  assert_non_null(strstr(page, "0.4 and more"));
  assert_non_null(strstr(page, ">0.00625<"));
  pf_text_free(&text);
}

/* Without the law's density the data stand beside the model; without a positive density there is no map. */
static void a_density_without_a_law(void **state) {
  (void)state;
  sample_input s;
  sample_input_fill(&s, 2, 40);
  s.density.law = NULL;
  pf_text text = {0};
  const char *page = write_page(&s.input, &text);
  assert_good_page(page);
  assert_null(strstr(page, "<b>Law</b>"));
  assert_int_equal(count_of(page, "<b>Data</b> 40 of 40 rows."), 2);
  pf_text_free(&text);
  const double nothing[] = {0, NAN, -INFINITY, -1};
  s.density = (pf_report_density){{0, 1, 0, 1, 2, 2}, nothing, NULL};
  page = write_page(&s.input, &text);
  assert_good_page(page);
  assert_int_equal(count_of(page, "<h2>Density</h2>"), 0);
  assert_non_null(strstr(page, "nowhere a positive number"));
  pf_text_free(&text);
  sample_input_free(&s);
}

static void the_grid_is_that_of_the_scatter_plots(void **state) {
  (void)state;
  const double rows[] = {0, 0, 10, 5, 0, 5, 10, 0}, bad[] = {NAN, 1, INFINITY, 2};
  pf_report_input in = pf_report_input_default();
  pf_report_grid grid;
  in.data = rows, in.data_rows = 4, in.dimension = 2;
  assert_int_equal(pf_report_plane_grid(&in, &grid, NULL), PF_OK);
  assert_true(fabs(grid.x_low + 0.8) < 1e-9 && fabs(grid.x_high - 10.8) < 1e-9);
  assert_true(fabs(grid.y_low + 0.4) < 1e-9 && fabs(grid.y_high - 5.4) < 1e-9);
  assert_int_equal(grid.columns, 100);
  assert_int_equal(grid.rows, 50);
  in.data = bad, in.data_rows = 2;
  assert_int_equal(pf_report_plane_grid(&in, &grid, NULL), PF_OK);
  assert_int_equal(grid.columns, 0);
  in.data = rows, in.data_rows = 8, in.dimension = 1;
  assert_int_equal(pf_report_plane_grid(&in, &grid, NULL), PF_OK);
  assert_int_equal(grid.columns, 0);
}

/* Bars in proportion; a block without a step size has a dash. */
static void block_bars_are_to_scale(void **state) {
  (void)state;
  pf_report_input in = pf_report_input_default();
  in.blocks = sample_blocks, in.block_count = 3;
  pf_text text = {0};
  const char *page = write_page(&in, &text);
  assert_good_page(page);
  const char *moved = strstr(page, "<title>Movement.</title>");
  assert_non_null(moved);
  double first = number_of(moved, "<rect class=\"b2\"", " height=\"");
  moved = strstr(moved, "<rect class=\"b2\"") + 1;
  assert_true(fabs(number_of(moved, "<rect class=\"b2\"", " height=\"") / first - 0.158 / 0.266) < 0.002);
  assert_int_equal(count_of(page, "<rect class=\"b0\""), 2);
  assert_non_null(strstr(page, ">\xE2\x80\x93</text>"));
  pf_text_free(&text);
}

static void likelihood_table_says_what_is_known(void **state) {
  (void)state;
  pf_likelihood l = sample_likelihood;
  pf_report_input in = pf_report_input_default();
  in.likelihood = &l;
  pf_text text = {0};
  const char *page = write_page(&in, &text);
  assert_good_page(page);
  assert_non_null(strstr(page, ">2.685</td>"));
  assert_non_null(strstr(page, ">0.015</td>")); /* the excess over the entropy */
  assert_non_null(strstr(page, "Over 2000 real rows"));
  assert_int_equal(count_of(page, "\xE2\x80\x93</td>"), 0);
  pf_text_free(&text);
  l.entropy = NAN, l.mmd = NAN, l.mmd_floor = NAN, l.nll = INFINITY;
  page = write_page(&in, &text);
  assert_good_page(page);
  assert_int_equal(count_of(page, "\xE2\x80\x93</td>"), 6);
  pf_text_free(&text);
  l.has_density = false;
  page = write_page(&in, &text);
  assert_non_null(strstr(page, "only a flow with likelihood has them"));
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
  s.series[1].value = s.values;
  s.input.to_data.names = NULL;
  assert_int_equal(pf_report_write(&s.input, &text, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "to_data is NULL but its count is 5"));
  s.input.to_data.names = sample_frames;
  s.density.grid.rows = PF_REPORT_CELLS + 1;
  assert_int_equal(pf_report_write(&s.input, &text, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "100 x 101 cells"));
  s.density.grid.rows = 1, s.density.model = NULL;
  assert_int_equal(pf_report_write(&s.input, &text, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "density.model"));
  assert_int_equal(pf_report_write(NULL, &text, &error), PF_USAGE);
  assert_int_equal(pf_report_write(&s.input, NULL, NULL), PF_USAGE);
  assert_string_equal(text.data, "kept");
  pf_text_free(&text);
  sample_input_free(&s);
}

static void every_failing_allocation_is_reported(void **state) {
  (void)state;
  sample_input s;
  sample_input_fill(&s, 2, 60); /* the dimension that has every picture of a flow */
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
      cmocka_unit_test(density_map_is_to_scale),
      cmocka_unit_test(a_density_without_a_law),
      cmocka_unit_test(the_grid_is_that_of_the_scatter_plots),
      cmocka_unit_test(block_bars_are_to_scale),
      cmocka_unit_test(likelihood_table_says_what_is_known),
      cmocka_unit_test(a_null_array_with_a_count_is_named),
      cmocka_unit_test(every_failing_allocation_is_reported),
  };
  return cmocka_run_group_tests_name("page", tests, NULL, NULL);
}
