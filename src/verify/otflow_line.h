/* OT-Flows of N(3, 2^2) on the line: what their table and their generalisation gap share. */
#ifndef PF_VERIFY_OTFLOW_LINE_H
#define PF_VERIFY_OTFLOW_LINE_H

#include "blocks.h"
#include "gaussian_line.h"

enum { PF_OTFLOW_LINE_STEPS = 4 }; /* Runge-Kutta steps while training */
extern const pf_normal_law pf_otflow_line_data;

/* A small potential fitted with all rows in every step; the caller sets the weights and the batch. */
pf_flow_settings pf_otflow_line_settings(void);

/* Per row (of as many columns as the field has) in double, n each (any may be NULL): where x goes, and the integrals on the way
 * up to r = end. */
typedef struct pf_otflow_paths {
  double *x, *log_det, *kinetic, *hamilton_jacobi;
} pf_otflow_paths;
typedef struct pf_otflow_course {
  const pf_field *field;
  const float *params;
  double end;
  int steps;
} pf_otflow_course;
pf_status pf_otflow_line_follow(const pf_otflow_course *course, int64_t n, const double *x,
                                const pf_otflow_paths *out, pf_error *error);

/* A flow of pf_otflow_line_data, by integrals over a grid of the line. */
typedef struct pf_otflow_measured {
  pf_normal_law law; /* the moments of what is pushed */
  double cost, kl, hjb;
  double
      bend; /* root mean square distance from the chord, the largest of three times, over that of the ends */
} pf_otflow_measured;
pf_status pf_otflow_line_measure(const pf_otflow_course *course, pf_otflow_measured *out, pf_error *error);

#endif
