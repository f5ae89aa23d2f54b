/* Tables and atomic files: splitting, choosing, checking; old content survives every failure. */
#include "data_test.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <dirent.h>
#include <unistd.h>
#include "data/atomic_file.h"
#include "data/json_util.h"
#include "data/table.h"

static pf_error error;

static pf_table *numbered(int64_t rows) {
  pf_table *table = NULL;
  assert_ok(pf_table_create(rows, 2, &table, &error));
  for (int64_t r = 0; r < rows; r++) {
    table->values[2 * r] = (double)r;
    table->values[2 * r + 1] = -(double)r;
  }
  return table;
}

static void test_split(void **state) {
  (void)state;
  pf_table *table = numbered(1000), *rest = NULL, *held = NULL, *rest2 = NULL, *held2 = NULL;
  assert_ok(pf_table_split(table, 0.1, 7, &rest, &held, &error));
  assert_ok(pf_table_split(table, 0.1, 8, &rest2, &held2, &error));
  assert_true(rest->rows == 900 && held->rows == 100);
  assert_memory_not_equal(held->values, held2->values, 100 * 2 * sizeof(double));
  bool seen[1000] = {false};
  const pf_table *parts[2] = {rest, held};
  double sum = 0;
  for (int p = 0; p < 2; p++) {
    for (int64_t r = 0; r < parts[p]->rows; r++) {
      const double *row = parts[p]->values + 2 * r;
      assert_true(row[1] == -row[0] && !seen[(int)row[0]]);
      assert_true(r == 0 || row[0] > row[-2]); /* file order */
      seen[(int)row[0]] = true;
      if (p == 1) sum += row[0];
    }
  }
  assert_true(fabs(sum / 100 - 499.5) < 4 * 289 / 10); /* held rows come from everywhere */
  pf_table_free(held2);
  pf_table_free(rest2);
  assert_ok(pf_table_split(table, 0.1, 7, &rest2, &held2, &error));
  assert_memory_equal(held->values, held2->values, 100 * 2 * sizeof(double));
  pf_table_free(rest);
  pf_table_free(held);
  pf_table_free(rest2);
  pf_table_free(held2);
  pf_table_free(table);
  table = numbered(2);
  assert_ok(pf_table_split(table, 0.001, 7, &rest, &held, &error));
  assert_true(rest->rows == 1 && held->rows == 1);
  pf_table_free(rest);
  pf_table_free(held);
  rest = held = NULL;
  assert_fails(pf_table_split(table, 1, 7, &rest, &held, &error), PF_USAGE, "share is 1");
  assert_fails(pf_table_split(table, NAN, 7, &rest, &held, &error), PF_USAGE, "share is");
  assert_survives_no_memory(pf_table_split(table, 0.5, 7, &rest, &held, &error), pf_table_free(rest));
  pf_table_free(held);
  pf_table_free(table);
}

static void test_select_and_check(void **state) {
  (void)state;
  pf_table *table = numbered(3), *chosen = NULL;
  const char *const keep[] = {"x2"}, *const twice[] = {"x1", "x1"}, *const wrong[] = {"y"};
  table->types[1] = PF_COLUMN_INTEGER;
  table->decimals[1] = 3;
  pf_column_choice choice = {.keep = keep, .keep_count = 1};
  assert_ok(pf_table_select(table, &choice, &chosen, &error));
  assert_true(chosen->columns == 1 && chosen->values[2] == -2 && chosen->decimals[0] == 3);
  assert_true(chosen->types[0] == PF_COLUMN_INTEGER);
  assert_string_equal(pf_table_column_name(chosen, 0), "x2");
  pf_table_free(chosen);
  choice = (pf_column_choice){.keep = twice, .keep_count = 2};
  assert_fails(pf_table_select(table, &choice, &chosen, &error), PF_USAGE, "'x1' is named twice");
  choice = (pf_column_choice){.drop = wrong, .drop_count = 1};
  assert_fails(pf_table_select(table, &choice, &chosen, &error), PF_USAGE, "unknown column 'y'");
  choice = (pf_column_choice){.keep = keep, .keep_count = 1};
  assert_survives_no_memory(pf_table_select(table, &choice, &chosen, &error), pf_table_free(chosen));
  table->values[3] = INFINITY;
  assert_fails(pf_table_check(table, "t.csv", 0, &error), PF_BAD_INPUT,
               "t.csv: row 2, column 'x2': the value is inf");
  const double values[] = {1, 2};
  const char *const same[] = {"a", "a"}, *const empty[] = {"a", ""};
  chosen = NULL;
  assert_fails(pf_table_from_values(1, 2, values, same, &chosen, &error), PF_BAD_INPUT, "both named 'a'");
  assert_fails(pf_table_from_values(1, 2, values, empty, &chosen, &error), PF_BAD_INPUT,
               "column 2 has no name");
  assert_fails(pf_table_create(-1, 2, &chosen, &error), PF_BAD_INPUT, "-1 rows");
  assert_fails(pf_table_create(1, 0, &chosen, &error), PF_BAD_INPUT, "0 columns");
  assert_fails(pf_table_create(INT64_MAX, 4, &chosen, &error), PF_NO_MEMORY, "out of memory");
  assert_null(chosen);
  pf_table_free(table);
}

static void test_whole_columns(void **state) {
  (void)state;
  const double values[] = {1, 2, -3, 2.5};
  pf_table *table = NULL;
  assert_ok(pf_table_from_values(2, 2, values, NULL, &table, &error));
  assert_ok(pf_table_set_whole(table, 0, &error));
  assert_int_equal(table->types[0], PF_COLUMN_INTEGER);
  assert_int_equal(table->decimals[0], 0);
  assert_int_equal(pf_table_set_whole(table, 1, &error), PF_BAD_INPUT);
  assert_string_equal(error.message, "row 2, column 'x2': 2.5 is not a whole number");
  assert_int_equal(table->types[1], PF_COLUMN_REAL);
  assert_int_equal(pf_table_set_whole(table, 2, &error), PF_USAGE);
  assert_int_equal(pf_table_set_whole(table, -1, NULL), PF_USAGE);
  pf_table_free(table);
}

static void test_reading_by_first_bytes(void **state) {
  (void)state;
  pf_table *table = NULL;
  char path[] = "/tmp/pf_test_table_XXXXXX";
  close(mkstemp(path));
  assert_ok(pf_atomic_file_save(path, "a,b\n1,2\n3,4\n", 12, &error));
  assert_ok(pf_table_read(path, NULL, &table, &error));
  assert_true(table->rows == 2 && table->values[3] == 4);
  assert_ok(pf_table_write(table, path, &error));
  pf_table_free(table);
  assert_ok(pf_atomic_file_save(path, "\x1f\x8b\x08\0", 4, &error));
  table = NULL;
  assert_fails(pf_table_read(path, NULL, &table, &error), PF_BAD_INPUT, "gzip");
  assert_fails(pf_table_read("/nowhere", NULL, &table, &error), PF_IO, "/nowhere: cannot open");
  assert_fails(pf_table_read("/nowhere.npz:a", NULL, &table, &error), PF_IO, "/nowhere.npz: cannot open");
  assert_null(table);
  unlink(path);
}

/* ---- atomic files, in a folder of their own so that leftovers show ---- */

static char folder[64], target[96];

static int make_folder(void **state) {
  (void)state;
  strcpy(folder, "/tmp/pf_test_atomic_XXXXXX");
  if (!mkdtemp(folder)) return -1;
  snprintf(target, sizeof target, "%s/model", folder);
  return pf_atomic_file_save(target, "old", 3, &error) == PF_OK ? 0 : -1;
}

static int remove_folder(void **state) {
  (void)state;
  unlink(target);
  return rmdir(folder); /* fails when a temporary file was left */
}

static void assert_holds(const char *expected) {
  char text[64] = "";
  FILE *file = fopen(target, "rb");
  assert_non_null(file);
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  fclose(file);
  assert_string_equal(text, expected);
  int entries = 0;
  DIR *listing = opendir(folder);
  while (readdir(listing)) entries++;
  closedir(listing);
  assert_int_equal(entries, 3); /* ., .. and the file */
}

static void test_atomic_replacement(void **state) {
  (void)state;
  pf_atomic_file file = {0};
  assert_int_equal(chmod(target, 0640), 0);
  assert_ok(pf_atomic_file_begin(target, &file, &error));
  assert_ok(pf_atomic_file_write(&file, "fresh", 5, &error));
  pf_atomic_file_abort(&file);
  assert_holds("old");
  assert_ok(pf_atomic_file_begin(target, &file, &error));
  assert_ok(pf_atomic_file_write(&file, "fresh", 5, &error));
  assert_ok(pf_atomic_file_commit(&file, &error));
  assert_holds("fresh");
  struct stat facts;
  assert_int_equal(stat(target, &facts), 0);
  assert_int_equal(facts.st_mode & 0777, 0640);
}

static void test_atomic_failures_leave_the_old_file(void **state) {
  (void)state;
  /* A file-size limit stands in for a full disk: write() fails half-way. */
  struct rlimit before, tiny;
  signal(SIGXFSZ, SIG_IGN);
  getrlimit(RLIMIT_FSIZE, &before);
  tiny = before;
  tiny.rlim_cur = 1000;
  static char bytes[100000];
  for (size_t length = 1001; length <= sizeof bytes; length *= 9) {
    setrlimit(RLIMIT_FSIZE, &tiny);
    pf_status status = pf_atomic_file_save(target, bytes, length, &error);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(status, PF_IO);
    assert_non_null(strstr(error.message, target));
    assert_non_null(strstr(error.message, "File too large"));
    assert_holds("old");
  }
  assert_fails(pf_atomic_file_save("/dev/full", bytes, 10, &error), PF_IO,
               "/dev/full: writing failed: No space left");
  assert_fails(pf_atomic_file_save("/dev/full", bytes, sizeof bytes, &error), PF_IO, "No space left");
  assert_fails(pf_atomic_file_save(folder, bytes, 10, &error), PF_IO, "Is a directory");
  assert_fails(pf_atomic_file_save("/nowhere/x", bytes, 10, &error), PF_IO, "/nowhere/x: cannot create");
  assert_ok(pf_atomic_file_save("/dev/null", bytes, 10, &error));
  struct stat facts;
  assert_true(stat("/dev/null", &facts) == 0 && S_ISCHR(facts.st_mode)); /* still a device */
  assert_survives_no_memory(pf_atomic_file_save(target, "new", 3, &error), assert_holds("new"));
}

static void test_atomic_follows_links(void **state) {
  (void)state;
  char link_path[] = "/tmp/pf_test_link_XXXXXX";
  close(mkstemp(link_path));
  unlink(link_path);
  assert_int_equal(symlink(target, link_path), 0);
  assert_ok(pf_atomic_file_save(link_path, "through", 7, &error));
  struct stat facts;
  assert_true(lstat(link_path, &facts) == 0 && S_ISLNK(facts.st_mode));
  unlink(link_path);
  assert_holds("through");
}

/* ---- JSON ---- */

static void test_json(void **state) {
  (void)state;
  const char *text = "{\"i\":7,\"x\":0.5,\"s\":\"a\\\"b\",\"b\":true,\"l\":[1],\"o\":{}}";
  json_t *object = NULL;
  int64_t integer = 0;
  double number = 0;
  bool truth = false;
  const char *string = NULL;
  const json_t *member = NULL;
  assert_ok(pf_json_parse_object(text, strlen(text), "t", &object, &error));
  assert_ok(pf_json_get_integer(object, "i", 0, 9, &integer, &error));
  assert_ok(pf_json_get_number(object, "i", 0, 9, &number, &error));
  assert_ok(pf_json_get_number(object, "x", 0, 1, &number, &error));
  assert_ok(pf_json_get_string(object, "s", &string, &error));
  assert_ok(pf_json_get_bool(object, "b", &truth, &error));
  assert_ok(pf_json_get_array(object, "l", &member, &error));
  assert_ok(pf_json_get_object(object, "o", &member, &error));
  assert_true(integer == 7 && number == 0.5 && truth);
  assert_string_equal(string, "a\"b");
  assert_fails(pf_json_get_integer(object, "i", 8, 9, &integer, &error), PF_BAD_INPUT,
               "'i' is 7, outside 8..9");
  assert_fails(pf_json_get_integer(object, "x", 0, 9, &integer, &error), PF_BAD_INPUT,
               "'x' is not an integer");
  assert_fails(pf_json_get_number(object, "x", NAN, 9, &number, &error), PF_BAD_INPUT, "outside");
  assert_fails(pf_json_get_string(object, "q", &string, &error), PF_BAD_INPUT, "'q' is missing");
  json_decref(object);
  assert_fails(pf_json_parse_object("[1]", 3, "t", &object, &error), PF_BAD_INPUT,
               "t: the JSON value is not an object");
  assert_fails(pf_json_parse_object("{\"a\":1,\"a\":2}", 13, "t", &object, &error), PF_BAD_INPUT,
               "duplicate");
  assert_fails(pf_json_parse_object("{} {}", 5, "t", &object, &error), PF_BAD_INPUT,
               "t: not valid JSON: line 1");
  pf_text quoted = {0};
  pf_json_quote(&quoted, "a\"\\\n\xc3\xa9");
  assert_string_equal(quoted.data, "\"a\\\"\\\\\\u000a\xc3\xa9\"");
  pf_text_free(&quoted);
  assert_true(pf_utf8_valid("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10));
  const char *const bad[] = {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                             "\xe2\x82", "\x80",         "\xe0\x80\x80"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(pf_utf8_valid(bad[i], strlen(bad[i])));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_split),
      cmocka_unit_test(test_select_and_check),
      cmocka_unit_test(test_whole_columns),
      cmocka_unit_test(test_reading_by_first_bytes),
      cmocka_unit_test_setup_teardown(test_atomic_replacement, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(test_atomic_failures_leave_the_old_file, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(test_atomic_follows_links, make_folder, remove_folder),
      cmocka_unit_test(test_json),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
