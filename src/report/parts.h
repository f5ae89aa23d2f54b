/* The parts of the page, one file each, in the order they appear. A part that has nothing to show writes
 * nothing and leaves one sentence in `absent`, which the page lists at its end. */
#ifndef PF_REPORT_PARTS_H
#define PF_REPORT_PARTS_H

#include "report/report.h"

typedef struct pf_page {
  const pf_report_input *input;
  pf_text text;   /* the page so far */
  pf_text absent; /* <li> items */
} pf_page;

/* `why` is one of our own sentences. */
void pf_page_absent(pf_page *page, const char *why);
/* Name of a column: the caller's, or "x1", "x2", ... written into `fallback`. */
const char *pf_page_column_name(const pf_page *page, size_t column, char fallback[32]);

void pf_part_header(pf_page *page);
void pf_part_metrics(pf_page *page);
/* Density, frames, blocks and this one are of a flow with likelihood: not called for other models. */
void pf_part_likelihood(pf_page *page);
/* The modes of a law, the potential of a trained critic. */
void pf_part_modes(pf_page *page);
/* Within bins of each condition; nothing, and nothing said, for a model that generates every column. */
void pf_part_conditions(pf_page *page);
pf_status pf_part_field(pf_page *page, pf_error *error);
pf_status pf_part_samples(pf_page *page, pf_error *error);
/* Rows as pictures; nothing, and nothing said, unless the input says that they are. */
pf_status pf_part_pictures(pf_page *page, pf_error *error);
pf_status pf_part_density(pf_page *page, pf_error *error);
pf_status pf_part_marginals(pf_page *page, pf_error *error);
pf_status pf_part_pairs(pf_page *page, pf_error *error);
pf_status pf_part_frames(pf_page *page, pf_error *error);
pf_status pf_part_paths(pf_page *page, pf_error *error);
/* A figure of the part above; nothing when straightness is not known. */
void pf_figure_straightness(pf_page *page);
void pf_part_steps(pf_page *page);
void pf_part_blocks(pf_page *page);
void pf_part_decomposition(pf_page *page);
void pf_part_comparison(pf_page *page);
void pf_part_curves(pf_page *page);
void pf_part_checks(pf_page *page);
void pf_part_reproduce(pf_page *page);

#endif
