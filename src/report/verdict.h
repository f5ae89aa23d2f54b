/* What a metric's numbers say, in a few words. */
#ifndef PF_REPORT_VERDICT_H
#define PF_REPORT_VERDICT_H

#include "report/report.h"

typedef enum pf_verdict {
  PF_VERDICT_NOT_MEASURED, /* the value is not finite */
  PF_VERDICT_NO_FLOOR,     /* nothing to compare with */
  PF_VERDICT_OPEN,         /* fewer than two pairs or no interval: cannot be decided */
  PF_VERDICT_AT_FLOOR,     /* the 95 % interval of the excess reaches down to 0 */
  PF_VERDICT_ABOVE,        /* the whole interval lies above 0 */
} pf_verdict;

pf_verdict pf_verdict_of(const pf_report_metric *metric);

#endif
