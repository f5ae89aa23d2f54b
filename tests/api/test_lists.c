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
      cmocka_unit_test(sizes_are_the_compilers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
