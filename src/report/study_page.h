/* A study as one self-contained page, and its charts as pictures of their own. */
#ifndef PF_REPORT_STUDY_PAGE_H
#define PF_REPORT_STUDY_PAGE_H

#include "base/status.h"
#include "base/text.h"

/* Appends the page; `command` may be NULL. Failures stick in out->status. */
void pf_study_page_add(const pf_study *study, const char *command, pf_text *out);

/* The chart as the inside of a <figure>: drawing and legend. Series beyond PF_STYLE_SERIES repeat colours, dashed. */
void pf_study_chart_add(const pf_study_chart *chart, pf_text *out);
/* The chart as an SVG document: legend inside, with its own colours for light and dark backgrounds. */
void pf_study_chart_document(const pf_study_chart *chart, pf_text *out);

#endif
