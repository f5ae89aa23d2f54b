/* Names of given columns: which columns they are, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "pushforward.h"
#include "train/condition.h"

enum { COLUMNS = 40 };

/* Columns a, bb, c and 37 more. */
static pf_table *some_table(void) {
  static double row[COLUMNS];
  static char more[COLUMNS][8];
  const char *names[COLUMNS] = {"a", "bb", "c"};
  pf_error error = {0};
  pf_table *table = NULL;
  for (int j = 3; j < COLUMNS; j++) {
    memcpy(more[j], (char[]){'n', (char)('0' + j / 10), (char)('0' + j % 10), 0}, 4);
    names[j] = more[j];
  }
  if (pf_table_from_values(1, COLUMNS, row, names, &table, &error) != PF_OK) fail_msg("%s", error.message);
  return table;
}

static void names_become_ascending_columns(void **state) {
  (void)state;
  pf_table *table = some_table();
  pf_error error = {0};
  pf_given given = {.count = 7};
  assert_int_equal(pf_condition_parse(NULL, table, &given, &error), PF_OK);
  assert_int_equal(given.count, 0);
  assert_int_equal(pf_condition_parse("c,n39,a", table, &given, &error), PF_OK);
  assert_int_equal(given.count, 3);
  assert_true(given.columns[0] == 0 && given.columns[1] == 2 && given.columns[2] == 39);
  assert_true(pf_given_has(&given, 2) && !pf_given_has(&given, 1));
  pf_table_free(table);
}

static void refuse(const pf_table *table, const char *names, const char *word) {
  pf_error error = {0};
  pf_given given = {.count = 7};
  assert_int_equal(pf_condition_parse(names, table, &given, &error), PF_USAGE);
  assert_int_equal(given.count, 7);
  if (!strstr(error.message, word)) fail_msg("'%s' lacks '%s'", error.message, word);
}

static void other_names_are_refused(void **state) {
  (void)state;
  pf_table *table = some_table();
  refuse(table, "b", "bb"); /* the nearest name */
  refuse(table, "", "condition");
  refuse(table, "a,,c", "condition");
  refuse(table, "a,c,a", "'a' twice");
  refuse(
      table,
      "n03,n04,n05,n06,n07,n08,n09,n10,n11,n12,n13,n14,n15,n16,n17,n18,n19,n20,n21,n22,n23,n24,n25,n26,n27,"
      "n28,n29,n30,n31,n32,n33,n34,n35",
      "more than 32");
  pf_table_free(table);
}

static void something_is_left_to_generate(void **state) {
  (void)state;
  const char *names[] = {"a", "b"};
  const double row[] = {1, 2};
  pf_error error = {0};
  pf_table *table = NULL;
  assert_int_equal(pf_table_from_values(1, 2, row, names, &table, &error), PF_OK);
  refuse(table, "b,a", "leaves none");
  pf_table_free(table);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_become_ascending_columns),
      cmocka_unit_test(other_names_are_refused),
      cmocka_unit_test(something_is_left_to_generate),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
