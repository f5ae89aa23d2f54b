/* The list of training methods, made from methods.def. */
#include "method.h"

#include <string.h>
#include "../base/text.h"

static const pf_method methods[] = {
#define PF_METHOD(NAME, name, train, likelihood, description) {#name, description, train, likelihood},
#include "methods.def"
#undef PF_METHOD
};

enum { COUNT = sizeof methods / sizeof *methods };

int pf_method_count(void) { return COUNT; }

const pf_method *pf_method_at(int index) { return index >= 0 && index < COUNT ? &methods[index] : NULL; }

pf_status pf_method_find(const char *name, const pf_method **out, pf_error *error) {
  const char *names[COUNT];
  for (int i = 0; i < COUNT; i++) {
    if (strcmp(methods[i].name, name) == 0) {
      *out = &methods[i];
      return PF_OK;
    }
    names[i] = methods[i].name;
  }
  return pf_fail_unknown(error, "method", name, names, COUNT);
}

pf_status pf_option_check(const char *option, double value, double low, double high, pf_error *error) {
  if (value >= low && value <= high) return PF_OK;
  return pf_fail(error, PF_USAGE, "%s is %g, must be %g to %g", option, value, low, high);
}
