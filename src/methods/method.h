/* The list of training methods and how one is called. */
#ifndef PF_METHODS_METHOD_H
#define PF_METHODS_METHOD_H

#include "../train/training.h"

/* Trains on training->encoded and hands over a finished model. */
typedef pf_status pf_method_train(pf_training *training, struct pf_model **out, pf_error *error);

#define PF_METHOD(NAME, name, train, likelihood, description) pf_method_train train;
#include "methods.def"
#undef PF_METHOD

typedef struct pf_method {
  const char *name, *description;
  pf_method_train *train;
  bool likelihood;
} pf_method;

/* Begins a training of options->method, runs it and ends it. held may be NULL. PF_USAGE for an unknown method,
 * and for a source or options that it does not take. */
pf_status pf_method_run(const pf_table *data, const pf_table *held, const pf_train_options *options,
                        struct pf_model **out, pf_error *error);

int pf_method_count(void);
const pf_method *pf_method_at(int index);
/* PF_USAGE listing the valid names. */
pf_status pf_method_find(const char *name, const pf_method **out, pf_error *error);

/* Does the method read this option (a field's name)? uses.c has the table. */
bool pf_method_reads(const pf_method *method, const char *option);
/* PF_USAGE naming the first option that is set, its value and the methods that read it, when this one does not. */
pf_status pf_method_check_options(const pf_method *method, const pf_train_options *options, pf_error *error);

/* PF_USAGE naming the option and its value unless low <= value <= high; a NaN is refused. */
pf_status pf_option_check(const char *option, double value, double low, double high, pf_error *error);
/* Puts a checked option into *out; PF_METHOD_DEFAULT leaves what is there. Errors as above. */
pf_status pf_option_choose(const char *option, double value, double low, double high, double *out,
                           pf_error *error);
pf_status pf_option_choose_int(const char *option, int64_t value, int low, int high, int *out,
                               pf_error *error);
/* 0, where it means "the default", as PF_METHOD_DEFAULT. */
int64_t pf_option_unset(int64_t value);
/* The index of `word` in the list; NULL leaves what is there. PF_USAGE listing the valid names. */
pf_status pf_option_choose_name(const char *option, const char *word, const char *const *names, int count,
                                int *out, pf_error *error);

#endif
