/* The lists for hosts of other languages: what they say of a struct is what the compiler says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "pushforward.h"

/* Writing through the offset changes the field of that name, and nothing else does. */
static void an_entry_finds_its_field(void **state) {
  (void)state;
  pf_train_options o = pf_train_options_default();
  pf_option_entry entry;
  int n = 0;
  for (; pf_train_option_entry(n, &entry); n++) {
    void *field = (char *)&o + entry.offset;
    assert_true(entry.help && entry.placeholder);
    assert_int_equal(strlen(entry.name), strlen(entry.flag));
    switch (entry.type) {
    case PF_OPTION_INT: *(int64_t *)field = 1000 + n; break;
    case PF_OPTION_REAL: *(double *)field = 1000 + n; break;
    case PF_OPTION_TEXT: *(const char **)field = entry.name; break;
    case PF_OPTION_FLAG: *(bool *)field = true; break;
    default: fail();
    }
  }
  n = 0;
#define INT(field)  assert_int_equal(o.field, 1000 + n)
#define REAL(field) assert_true(o.field == 1000 + n)
#define TEXT(field) assert_string_equal(o.field, #field)
#define FLAG(field) assert_true(o.field)
#define PF_X(type, field, value, flag, placeholder, help)                                                    \
  assert_true(pf_train_option_entry(n, &entry));                                                             \
  assert_string_equal(entry.name, #field);                                                                   \
  type(field);                                                                                               \
  n++;
  PF_TRAIN_OPTIONS(PF_X)
#undef PF_X
  assert_false(pf_train_option_entry(n, &entry));
  assert_false(pf_train_option_entry(-1, &entry));
  assert_null(o.checkpoint);
}

/* Every option has a method that reads it, and a method refuses by name what it does not read. */
static void what_a_method_does_not_read_is_refused(void **state) {
  (void)state;
  pf_table *rows = NULL;
  pf_error error = {0};
  pf_option_entry option;
  pf_entry method;
  pf_load_options load = {.rows = 64, .seed = 1};
  assert_int_equal(pf_table_load("law:moons", &load, &rows, &error), PF_OK);
  int refused = 0;
  for (int m = 0; pf_method_entry(m, &method); m++) {
    assert_true(pf_method_uses(method.name, "steps") && pf_method_uses(method.name, "seed"));
    assert_false(pf_method_uses(method.name, "no_such_option"));
    for (int i = 0; pf_train_option_entry(i, &option); i++) {
      pf_train_options o = pf_train_options_default();
      pf_model *model = NULL;
      void *field = (char *)&o + option.offset;
      if (pf_method_uses(method.name, option.name)) continue;
      o.method = method.name;
      if (option.type == PF_OPTION_INT) *(int64_t *)field = 3;
      if (option.type == PF_OPTION_REAL) *(double *)field = 0.5;
      if (option.type == PF_OPTION_TEXT) *(const char **)field = "x";
      if (option.type == PF_OPTION_FLAG) *(bool *)field = true;
      assert_int_equal(pf_train(rows, NULL, &o, &model, &error), PF_USAGE);
      assert_null(model);
      assert_true(strncmp(error.message, option.flag, strlen(option.flag)) == 0);
      assert_non_null(strstr(error.message, method.name));
      assert_non_null(strstr(error.message, "has no use for it; methods that have: "));
      refused++;
    }
  }
  assert_true(refused > 100);
  for (int i = 0; pf_train_option_entry(i, &option); i++) {
    bool read = false;
    for (int m = 0; pf_method_entry(m, &method); m++) read = read || pf_method_uses(method.name, option.name);
    assert_true(read);
  }
  assert_false(pf_method_uses("no-such-method", "steps"));
  assert_false(pf_method_uses(NULL, "steps") || pf_method_uses("jko", NULL));
  pf_table_free(rows);
}

static void sizes_are_the_compilers(void **state) {
  (void)state;
  assert_int_equal(pf_struct_size("pf_train_options"), sizeof(pf_train_options));
  assert_int_equal(pf_struct_size("pf_sample_options"), sizeof(pf_sample_options));
  assert_int_equal(pf_struct_size("pf_density_options"), sizeof(pf_density_options));
  assert_int_equal(pf_struct_size("pf_error"), sizeof(pf_error));
  assert_int_equal(pf_struct_size("pf_hooks"), sizeof(pf_hooks));
  assert_int_equal(pf_struct_size("pf_option_entry"), sizeof(pf_option_entry));
  assert_int_equal(pf_struct_size("pf_train"), 0);
  assert_int_equal(pf_struct_size(""), 0);
  assert_int_equal(pf_struct_size(NULL), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_entry_finds_its_field),
      cmocka_unit_test(what_a_method_does_not_read_is_refused),
      cmocka_unit_test(sizes_are_the_compilers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
