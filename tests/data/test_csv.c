/* CSV: every accepted form, every refusal with its message, numbers, types, writing and reading back. */
#include "data_test.h"

#include <math.h>
#include <unistd.h>
#include "base/rng.h"
#include "data/csv.h"
#include "data/csv_number.h"

static pf_error error;

static pf_status read_text(const char *text, const pf_read_options *options, pf_table **out) {
  return pf_csv_read_bytes(text, strlen(text), options, out, &error);
}

static pf_table *read_good(const char *text) {
  pf_table *table = NULL;
  assert_ok(read_text(text, NULL, &table));
  return table;
}

static void assert_table(const char *text, int64_t rows, int columns, const char *first,
                         const double *values) {
  pf_table *table = read_good(text);
  assert_int_equal(table->rows, rows);
  assert_int_equal(table->columns, columns);
  assert_string_equal(table->names[0], first);
  for (int64_t i = 0; i < rows * columns; i++) {
    if (table->values[i] != values[i]) fail_msg("%s: value %d is %g", text, (int)i, table->values[i]);
  }
  pf_table_free(table);
}

static void test_forms(void **state) {
  (void)state;
  const double four[] = {1, 2.5, -3, 4e2};
  assert_table("a,b\n1,2.5\n-3,4e2\n", 2, 2, "a", four);
  assert_table("a,b\n1,2.5\n-3,4e2", 2, 2, "a", four);
  assert_table("a,b\r\n1,2.5\r\n-3,4e2\r\n", 2, 2, "a", four);
  assert_table("a,b\r1,2.5\r-3,4e2\r", 2, 2, "a", four);
  assert_table("\xEF\xBB\xBF"
               "a,b\n1,2.5\n-3,4e2\n",
               2, 2, "a", four);
  assert_table("\n\na,b\n\n1,2.5\n\n-3,4e2\n\n\n", 2, 2, "a", four);
  assert_table("1,2.5\n-3,4e2\n", 2, 2, "x1", four);
  assert_table("a;b\n1;2.5\n-3;4e2\n", 2, 2, "a", four);
  assert_table("a\tb\n1\t2.5\n-3\t4e2\n", 2, 2, "a", four);
  assert_table(" a ,b\n 1 , 2.5\n-3,\t+4e2 \n", 2, 2, "a", four);
  assert_table("\"a\",\"b\"\n\"1\",2.5\n-3,\"4e2\"\n", 2, 2, "a", four);
  assert_table("\"a \"\"q\"\", x\",b\n1,2.5\n-3,4e2\n", 2, 2, "a \"q\", x", four);
  assert_table("\"two\nlines\",b\n1,2.5\n-3,4e2\n", 2, 2, "two?lines", four);
  assert_table(",b\n1,2.5\n-3,4e2\n", 2, 2, "x1", four);
  assert_table("2019,b\n1,2.5\n-3,4e2\n", 2, 2, "2019", four); /* one word above a number makes a header */
}

static void test_repeated_names_get_their_column_number(void **state) {
  (void)state;
  pf_table *table = read_good("a,a,,a_2,a\n1,2,3,4,5\n1,2,3,4,5\n");
  const char *const expected[] = {"a", "a_2", "x3", "a_2_4", "a_5"};
  for (int c = 0; c < 5; c++) assert_string_equal(table->names[c], expected[c]);
  pf_table_free(table);
}

static void test_types_and_decimals(void **state) {
  (void)state;
  pf_table *table =
      read_good("i,f,e,big,dot\n1,0.25,1e-3,9007199254740992,3.0\n-2,1.5,1,-9007199254740992,4.00\n");
  assert_int_equal(table->types[0], PF_COLUMN_INTEGER);
  assert_int_equal(table->types[1], PF_COLUMN_REAL);
  assert_int_equal(table->decimals[1], 2);
  assert_int_equal(table->decimals[2], -1);
  assert_int_equal(table->types[3], PF_COLUMN_INTEGER);
  assert_int_equal(table->types[4], PF_COLUMN_INTEGER);
  pf_table_free(table);
  table = read_good("9007199254740994\n1\n");
  assert_int_equal(table->types[0], PF_COLUMN_REAL);
  pf_table_free(table);
}

static void test_choice_of_columns(void **state) {
  (void)state;
  const char *text = "id,sex,len\n1,M,0.5\n2,F,0.25\n";
  const char *const keep[] = {"len", "id"}, *const drop[] = {"sex"}, *const wrong[] = {"lem"};
  pf_read_options options = {.choice = {.keep = keep, .keep_count = 2}};
  pf_table *table = NULL;
  assert_ok(read_text(text, &options, &table));
  assert_int_equal(table->columns, 2);
  assert_string_equal(table->names[0], "len");
  assert_true(table->values[0] == 0.5 && table->values[1] == 1 && table->values[3] == 2);
  pf_table_free(table);
  options = (pf_read_options){.choice = {.drop = drop, .drop_count = 1}};
  assert_ok(read_text(text, &options, &table));
  assert_string_equal(table->names[1], "len");
  pf_table_free(table);
  options.choice.drop = wrong;
  table = NULL;
  assert_fails(read_text(text, &options, &table), PF_USAGE, "'lem'; did you mean 'len'");
  options = (pf_read_options){.choice = {keep, 1, keep, 1}};
  assert_fails(read_text(text, &options, &table), PF_USAGE, "no column is left");
  assert_null(table);
}

static void test_refusals(void **state) {
  (void)state;
  static const struct {
    const char *text, *message;
  } CASES[] = {
      {"", "the input is empty"},
      {"\n\r\n\n", "the input is empty"},
      {"a,b\n", "a header line but no rows"},
      {"a,b\n1,2\n", "1 row; at least 2 are needed"},
      {"1,2\n", "1 row; at least 2 are needed"},
      {"a,b\n1,2\n3\n", "line 3 has 1 field, expected 2"},
      {"a,b\n1,2\n\n3,4,5\n", "line 4 has 3 fields, expected 2"},
      {"a,b\n1,2\n\"x\ny\",2\n3\n", "line 5 has 1 field"},
      {"a,b\n1,2\n3,\n5,6\n", "line 3, column 'b': the cell is empty"},
      {"a,b\n1,2\n3,nan\n5,6\n", "line 3, column 'b': 'nan' is not a finite number"},
      {"a,b\n1,2\n3,-inf\n5,6\n", "line 3, column 'b': '-inf' is not a finite number"},
      {"a,b\n1,2\n3,1e999\n5,6\n", "'1e999' is not a finite number"},
      {"a,b\n1,2\n3,0x10\n5,6\n", "'0x10' is not a finite number"},
      {"a,b\n1,2\n3,4 5\n5,6\n", "'4 5' is not a finite number"},
      {"a,b\n1,2\n3,\"4\n\"\n5,6\n", "'4?' is not a finite number"},
      {"1,2\n3,?\n5,6\n7,NA\n", "line 2, column 'x2': '?'"},
      {"?,2\n3,4\n5,6\n", "line 1, column 'x1': '?'"}, /* a missing value is no header */
      {"s,v\nM,1\nF,2\nI,3\nM,4\n",
       "column 's' is text ('M', 'F', 'I'), not numbers; --drop s goes on without it"},
      {"s,v,t\nM,1,q\nF,2,r\n", "--drop s,t goes on without it and the other text columns"},
      {"kind,size\nbig,red\nsmall,blue\n", "column 'kind' is text ('big', 'small')"},
      {"a,b\n1,2\n\"3,4\n", "the quote opened on line 3 is never closed"},
      {"a,b\n1,2\n\"3\"x,4\n", "line 3: text after a closing quote"},
      {"a;b\n1,5;2\n1,6;3\n", "column 'a' is text ('1,5', '1,6')"},
  };
  for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
    pf_table *table = NULL;
    assert_fails(read_text(CASES[i].text, NULL, &table), PF_BAD_INPUT, CASES[i].message);
    assert_null(table);
  }
  pf_table *table = NULL;
  assert_fails(pf_csv_read_bytes("a,b\n1,\0\n", 8, NULL, &table, &error), PF_BAD_INPUT, "NUL byte");
  assert_fails(pf_csv_read_file("/nowhere/x.csv", NULL, &table, &error), PF_IO,
               "/nowhere/x.csv: cannot open");
  assert_fails(pf_csv_read_file("/tmp", NULL, &table, &error), PF_IO, "/tmp");
  pf_read_options one = {.min_rows = 1, .name = "few.csv"};
  assert_ok(read_text("a,b\n1,2\n", &one, &table));
  pf_table_free(table);
  one.min_rows = 5;
  assert_fails(read_text("a,b\n1,2\n", &one, &table), PF_BAD_INPUT, "few.csv: 1 row; at least 5");
}

/* Cells, quotes and line ends must not care where the 64 KiB buffer is cut. */
static void test_buffer_borders(void **state) {
  (void)state;
  size_t rows = 30000, at = 0;
  char *text = test_malloc(rows * 24 + 100);
  at += (size_t)sprintf(text, "a,b,c\n");
  for (size_t r = 0; r < rows; r++) {
    at += (size_t)sprintf(text + at, "%zu,\"%zu.5\",-%zu%s", r, r % 7, r * r % 1000, r % 2 ? "\r\n" : "\n");
  }
  for (int shift = 0; shift < 8; shift++) { /* leading blank lines move every border */
    char *moved = test_malloc(at + 9);
    memset(moved, '\n', (size_t)shift);
    memcpy(moved + shift, text, at);
    moved[at + (size_t)shift] = '\0';
    pf_table *table = read_good(moved);
    assert_int_equal(table->rows, rows);
    for (size_t r = 0; r < rows; r++) {
      const double *row = table->values + 3 * r;
      assert_true(row[0] == (double)r && row[1] == (double)(r % 7) + 0.5 &&
                  row[2] == -(double)(r * r % 1000));
    }
    pf_table_free(table);
    test_free(moved);
  }
  test_free(text);
}

static void test_a_cell_longer_than_the_buffer(void **state) {
  (void)state;
  size_t length = 200000;
  char *text = test_malloc(length + 64);
  size_t at = (size_t)sprintf(text, "a,b\n1,\"");
  memset(text + at, 'x', length);
  strcpy(text + at + length, "\"\n2,3\n4,5\n");
  pf_table *table = NULL;
  assert_fails(read_text(text, NULL, &table), PF_BAD_INPUT, "line 2, column 'b': 'xxxxx");
  test_free(text);
}

/* Against the C library, over random bit patterns and printed lengths. */
static void test_parse_matches_strtod(void **state) {
  (void)state;
  pf_rng rng = pf_rng_at(5, PF_STREAM_TEST, 0, 0);
  for (int i = 0; i < 20000; i++) {
    char text[64];
    double value = (pf_rng_uniform(&rng) - 0.5) * pow(10, (int)pf_rng_below(&rng, 60) - 30);
    sprintf(text, i % 2 ? "%.*g" : "%.*f", (int)pf_rng_below(&rng, 20), value);
    pf_csv_number number;
    assert_true(pf_csv_number_parse(text, strlen(text), &number));
    if (number.value != strtod(text, NULL)) fail_msg("'%s' was read as %.17g", text, number.value);
  }
  const char *const bad[] = {"",    " ",     "-",   ".",   "e5",  "1e",  "1e+",
                             "--1", "1.2.3", "inf", "nan", "0x1", "1_0", "1e400"};
  pf_csv_number number;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_false(pf_csv_number_parse(bad[i], strlen(bad[i]), &number));
}

static void assert_printed(double value, int decimals, const char *expected) {
  char text[48];
  int length = pf_csv_number_print(value, decimals, text);
  assert_string_equal(text, expected);
  assert_int_equal(length, strlen(expected));
}

static void test_printing(void **state) {
  (void)state;
  assert_printed(0, -1, "0");
  assert_printed(-0.0, 2, "0");
  assert_printed(-0.001, 2, "0");
  assert_printed(1.5, 4, "1.5");
  assert_printed(-118.07, 2, "-118.07");
  assert_printed(0.285, 3, "0.285");
  assert_printed(0.05, 2, "0.05");
  assert_printed(1.005, 2, "1");
  assert_printed(9007199254740992.0, 0, "9007199254740992");
  assert_printed(-42, 0, "-42");
  assert_printed(0.1f, -1, "0.1");
  assert_printed(1.0f / 3.0f, -1, "0.33333334");
  assert_printed(16777217.0, -1, "16777217");
  assert_printed(1e-7, -1, "1e-7");
  assert_printed(-2.5e20, -1, "-2.5e20");
  assert_printed(123456.789, -1, "123456.79");
  assert_printed(100, -1, "100");
  assert_printed(0.00012, -1, "0.00012");
  pf_rng rng = pf_rng_at(6, PF_STREAM_TEST, 0, 0);
  for (int i = 0; i < 5000; i++) { /* every float reads back */
    float value = (float)((pf_rng_uniform(&rng) - 0.5) * pow(10, (int)pf_rng_below(&rng, 60) - 30));
    char text[48];
    pf_csv_number back;
    assert_true(pf_csv_number_parse(text, (size_t)pf_csv_number_print(value, -1, text), &back));
    assert_true((float)back.value == value);
  }
}

/* The definition, by the C library: the fewest of 6 to 9 significant digits that read back to the same float. */
static void print_by_definition(double value, char out[48], int *digits) {
  char shortest[40];
  for (int count = 6; count <= 9; count++) {
    snprintf(shortest, sizeof shortest, "%.*e", count - 1, value);
    *digits = count;
    if ((float)strtod(shortest, NULL) == (float)value) break;
  }
  snprintf(out, 48, "%s", shortest);
}

/* As numbers, and no longer: the text's form is tested above. */
static void assert_shortest(double value) {
  char text[48], want[48];
  int most = 0, count = 0, length = pf_csv_number_print(value, -1, text);
  print_by_definition(value, want, &most);
  if (strtod(text, NULL) != strtod(want, NULL)) fail_msg("%.17g is printed as %s, not %s", value, text, want);
  const char *end = strchr(text, 'e') ? strchr(text, 'e') : text + length;
  bool leading = true;
  for (const char *c = text; c < end; c++) {
    if (*c >= '1' && *c <= '9') leading = false;
    count += *c >= '0' && *c <= '9' && !leading;
  }
  if (count > most && strchr(text, '.')) fail_msg("%.17g is printed as %s, %d digits do", value, text, most);
}

static void test_printing_is_shortest(void **state) {
  (void)state;
  pf_rng rng = pf_rng_at(7, PF_STREAM_TEST, 0, 0);
  for (int i = 0; i < 20000; i++) {
    double size = pow(10, (int)pf_rng_below(&rng, 60) - 30), u = pf_rng_uniform(&rng);
    assert_shortest((u - 0.5) * size);
    assert_shortest((float)((u - 0.5) * size));
    assert_shortest((pf_rng_below(&rng, 2000000) + 0.5) * 0.0009765625); /* halves: to even */
    assert_shortest(pf_rng_below(&rng, 2000000000) * 0.5);
    assert_shortest(nextafter(size, u < 0.5 ? 0 : 1e300)); /* beside a power of ten */
    assert_shortest(size);
  }
}

static void test_written_table_reads_back(void **state) {
  (void)state;
  pf_table *table = read_good("\"a,\"\"b\",i,f\n0.1,1,3.14159274\n-22.35,2,1e-20\n1e5,-3,-0.5\n"),
           *back = NULL;
  char path[] = "/tmp/pf_test_csv_XXXXXX";
  close(mkstemp(path));
  assert_ok(pf_csv_write_file(path, table, &error));
  assert_ok(pf_csv_read_file(path, NULL, &back, &error));
  assert_string_equal(back->names[0], "a,\"b");
  for (int i = 0; i < 9; i++) assert_true((float)back->values[i] == (float)table->values[i]);
  table->values[4] = NAN;
  assert_fails(pf_csv_write_file(path, table, &error), PF_NON_FINITE, "row 2, column 'i'");
  pf_table_free(back);
  assert_ok(pf_csv_read_file(path, NULL, &back, &error)); /* the old file is whole */
  assert_fails(pf_csv_write_file("/dev/full", back, &error), PF_IO, "/dev/full");
  pf_table_free(back);
  pf_table_free(table);
  unlink(path);
}

static void test_every_allocation_can_fail(void **state) {
  (void)state;
  pf_table *table = NULL;
  const char *text = "a,b\n1,2\n\"3\",4\n";
  assert_survives_no_memory(read_text(text, NULL, &table), pf_table_free(table));
}

static void test_every_prefix_is_safe(void **state) {
  (void)state;
  const char *text = "\xEF\xBB\xBF\"a\"\"x\",b\r\n1,\"2\"\n3,4e-1\n5,6\n";
  for (size_t length = 0; length <= strlen(text); length++) {
    pf_table *table = NULL;
    char *exact = test_malloc(length + 1); /* so that a sanitizer sees a read past the end */
    memcpy(exact, text, length);
    pf_status status = pf_csv_read_bytes(exact, length, NULL, &table, &error);
    assert_true(status == PF_OK || status == PF_BAD_INPUT);
    pf_table_free(table);
    test_free(exact);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_forms),
      cmocka_unit_test(test_repeated_names_get_their_column_number),
      cmocka_unit_test(test_types_and_decimals),
      cmocka_unit_test(test_choice_of_columns),
      cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_buffer_borders),
      cmocka_unit_test(test_a_cell_longer_than_the_buffer),
      cmocka_unit_test(test_parse_matches_strtod),
      cmocka_unit_test(test_printing),
      cmocka_unit_test(test_printing_is_shortest),
      cmocka_unit_test(test_written_table_reads_back),
      cmocka_unit_test(test_every_allocation_can_fail),
      cmocka_unit_test(test_every_prefix_is_safe),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
