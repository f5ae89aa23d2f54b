/* Which columns of the training data are given and not generated. */
#ifndef PF_TRAIN_CONDITION_H
#define PF_TRAIN_CONDITION_H

#include "../data/table.h"
#include "../flow/given.h"

/* names: "A,B", columns of `table`; NULL leaves none given. PF_USAGE for a name that is no column or comes twice, for more than
 * PF_GIVEN_MOST, and when no column is left to generate. */
pf_status pf_condition_parse(const char *names, const pf_table *table, pf_given *out, pf_error *error);

#endif
