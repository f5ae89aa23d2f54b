/* Status names, exit codes and error text. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "base/status.h"

static void names_and_exit_codes(void **state) {
  (void)state;
  assert_string_equal(pf_status_name(PF_OK), "ok");
  assert_string_equal(pf_status_name(PF_NO_MEMORY), "no-memory");
  assert_string_equal(pf_status_name(PF_BAD_INPUT), "bad-input");
  assert_string_equal(pf_status_name((pf_status)99), "unknown");
  assert_int_equal(pf_status_exit_code(PF_OK), 0);
  assert_int_equal(pf_status_exit_code(PF_NON_FINITE), 1);
  assert_int_equal(pf_status_exit_code(PF_USAGE), 2);
  assert_int_equal(pf_status_exit_code(PF_BAD_INPUT), 3);
  assert_int_equal(pf_status_exit_code(PF_GATE), 4);
  assert_int_equal(pf_status_exit_code(PF_STOPPED), 130);
  assert_int_equal(pf_status_exit_code((pf_status)-1), 1);
}

static void fail_fills_the_error(void **state) {
  (void)state;
  pf_error error = {0};
  assert_int_equal(pf_fail(&error, PF_USAGE, "steps is %d", -3), PF_USAGE);
  assert_int_equal(error.status, PF_USAGE);
  assert_string_equal(error.message, "steps is -3");
  assert_int_equal(pf_fail(NULL, PF_IO, "nobody reads this"), PF_IO);
}

static void context_goes_before(void **state) {
  (void)state;
  pf_error error = {0};
  pf_fail(&error, PF_BAD_INPUT, "row 3 is short");
  assert_int_equal(pf_fail_within(&error, PF_FAILED, "file '%s'", "a.csv"), PF_BAD_INPUT);
  assert_string_equal(error.message, "file 'a.csv': row 3 is short");
  assert_int_equal(pf_fail_within(NULL, PF_FAILED, "x"), PF_FAILED);
}

static void messages_are_one_bounded_line(void **state) {
  (void)state;
  char word[2000];
  memset(word, 'w', sizeof word);
  word[sizeof word - 1] = '\0';
  pf_error error = {0};
  pf_fail(&error, PF_USAGE, "%s", word);
  assert_int_equal(strlen(error.message), sizeof error.message - 1);
  pf_fail_within(&error, PF_USAGE, "before");
  assert_int_equal(strncmp(error.message, "before: www", 11), 0);
  assert_int_equal(strlen(error.message), sizeof error.message - 1);
  pf_fail(&error, PF_USAGE, "a\nb\033[31m");
  assert_string_equal(error.message, "a b?[31m");
}

static void message_may_quote_itself(void **state) {
  (void)state;
  pf_error error = {0};
  pf_fail(&error, PF_IO, "inner");
  pf_fail(&error, PF_FAILED, "outer (%s)", error.message);
  assert_string_equal(error.message, "outer (inner)");
}

static pf_status tries(pf_status first, int *reached) {
  PF_TRY(first);
  *reached = 1;
  return PF_OK;
}

static void try_returns_the_failure(void **state) {
  (void)state;
  int reached = 0;
  assert_int_equal(tries(PF_IO, &reached), PF_IO);
  assert_int_equal(reached, 0);
  assert_int_equal(tries(PF_OK, &reached), PF_OK);
  assert_int_equal(reached, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_and_exit_codes),     cmocka_unit_test(fail_fills_the_error),
      cmocka_unit_test(context_goes_before),      cmocka_unit_test(messages_are_one_bounded_line),
      cmocka_unit_test(message_may_quote_itself), cmocka_unit_test(try_returns_the_failure),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
