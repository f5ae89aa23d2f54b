/* Quantiles of Student's t: how far an estimate from few values may be off. */
#ifndef PF_METRICS_STUDENT_H
#define PF_METRICS_STUDENT_H

/* At probability .95 and .975 with `freedom` >= 1 degrees of freedom; infinite below. */
double pf_student_t95(int freedom);
double pf_student_t975(int freedom);

#endif
