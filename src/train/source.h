/* Another prior than noise: the rows of a table, the source, which a map is to carry to the data. */
#ifndef PF_TRAIN_SOURCE_H
#define PF_TRAIN_SOURCE_H

#include "../data/table.h"

/* PF_BAD_INPUT unless the rows are finite, at least 2, fewer than 2^24 and of `columns` columns. */
pf_status pf_source_check(const pf_table *source, int columns, pf_error *error);

/* The rows of the data and then those of the source, with the data's names and types: what an encoder of both is fitted on. */
pf_status pf_source_pool(const pf_table *data, const pf_table *source, pf_table **out, pf_error *error);

/* Row i of a source is encoded as row PF_SOURCE_FIRST_ROW + i: tied values of source and data are spread independently. */
#define PF_SOURCE_FIRST_ROW (UINT64_C(1) << 40)

#endif
