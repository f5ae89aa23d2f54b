/* Sorting doubles, by radix: linear time, no comparison callback. */
#ifndef PF_OT_SORT_H
#define PF_OT_SORT_H

#include <stddef.h>

/* Sorts values[0..n) ascending in place; scratch holds n doubles. -0 comes before +0; NaN sorts to an end by
 * its sign bit, and no value is ever lost. */
void pf_sort_doubles(double *values, size_t n, double *scratch);

#endif
