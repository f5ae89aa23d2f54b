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

pf_status pf_option_choose(const char *option, double value, double low, double high, double *out,
                           pf_error *error) {
  if (value == PF_METHOD_DEFAULT) return PF_OK;
  PF_TRY(pf_option_check(option, value, low, high, error));
  *out = value;
  return PF_OK;
}

/* Checked before it is cut to an int. */
pf_status pf_option_choose_int(const char *option, int64_t value, int low, int high, int *out,
                               pf_error *error) {
  if (value == PF_METHOD_DEFAULT) return PF_OK;
  PF_TRY(pf_option_check(option, (double)value, low, high, error));
  *out = (int)value;
  return PF_OK;
}

int64_t pf_option_unset(int64_t value) { return value == 0 ? PF_METHOD_DEFAULT : value; }

pf_status pf_option_choose_name(const char *option, const char *word, const char *const *names, int count,
                                int *out, pf_error *error) {
  if (!word) return PF_OK;
  for (int i = 0; i < count; i++)
    if (strcmp(word, names[i]) == 0) {
      *out = i;
      return PF_OK;
    }
  return pf_fail_unknown(error, option, word, names, (size_t)count);
}

/* A density stands on the Gaussian that the flow ends in. */
static pf_status check_source(const pf_method *method, const pf_train_options *options, pf_error *error) {
  if (!options->from || !method->likelihood) return PF_OK;
  return pf_fail(
      error, PF_USAGE,
      "method '%s' starts from N(0, I) by construction and takes no source (--from); characteristic, "
      "flow-matching, wgan, wgan-gp, w1fe, w2fe and monoflow do",
      method->name);
}

pf_status pf_method_run(const pf_table *data, const pf_table *held, const pf_train_options *options,
                        struct pf_model **out, pf_error *error) {
  const pf_method *method = NULL;
  pf_training training = {0};
  PF_TRY(pf_method_find(options->method, &method, error));
  PF_TRY(check_source(method, options, error));
  PF_TRY(pf_method_check_options(method, options, error));
  PF_TRY(pf_training_begin(data, held, options, &training, error));
  pf_status status = method->train(&training, out, error);
  pf_training_end(&training);
  return status;
}
