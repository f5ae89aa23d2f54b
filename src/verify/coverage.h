/* How a model's samples fall on the modes of a law: see pf_coverage in pushforward.h. */
#ifndef PF_VERIFY_COVERAGE_H
#define PF_VERIFY_COVERAGE_H

#include "evaluation.h"

/* Samples 0..rows-1 of `draw` beside as many draws of the law with the same seed; a law of other than at least two known modes
 * leaves out->modes at 0. At most 10000 rows are looked at. */
pf_status pf_coverage_measure(const struct pf_model *model, const pf_draw *draw, const pf_law *law,
                              int64_t rows, pf_coverage *out, pf_error *error);

#endif
