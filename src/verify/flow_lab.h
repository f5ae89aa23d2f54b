/* Clouds that follow a transport plan, step by step: the laboratory of `verify w1fe` and `verify w2fe`. */
#ifndef PF_VERIFY_FLOW_LAB_H
#define PF_VERIFY_FLOW_LAB_H

#include "../flow/particles.h"
#include "verify.h"

/* What is verified; a test passes wrong values to see the checks fail. */
typedef struct pf_flow_subject {
  double factor; /* times the plan's gradient. 1 */
} pf_flow_subject;

/* A cloud y, its target x, and the last run. */
typedef struct pf_flow_lab {
  int n, d, steps;
  double *x, *y;    /* n x d; a run starts from y and leaves it alone */
  double *path;     /* (steps + 1) x n x d */
  double *distance; /* steps + 1: to x, by the run's own kind of plan */
} pf_flow_lab;

/* y ~ N(0, I), x ~ N(shift e_1, I/4) with e_1 the first axis; `draw` tells the draws of a seed apart. */
typedef struct pf_flow_lab_size {
  int n, d;
  double shift;
} pf_flow_lab_size;
pf_status pf_flow_lab_open(uint64_t seed, uint64_t draw, pf_flow_lab_size size, pf_flow_lab *out,
                           pf_error *error);
/* The three points whose distances are known to ten digits. */
pf_status pf_flow_lab_three(pf_flow_lab *out, pf_error *error);
void pf_flow_lab_close(pf_flow_lab *lab);

pf_status pf_flow_lab_run(pf_flow_lab *lab, const pf_flow_subject *subject, pf_plan_field field,
                          const pf_particle_schedule *schedule, pf_error *error);

/* The target, and node k of the last run (k = 0 also before one). */
pf_points pf_flow_lab_target(const pf_flow_lab *lab);
pf_points pf_flow_lab_node(const pf_flow_lab *lab, int k);

/* Lengths of the rays of the optimal plan of |x - y|^power between y and x. */
typedef struct pf_flow_rays {
  double shortest, longest;
} pf_flow_rays;
pf_status pf_flow_lab_rays(const pf_flow_lab *lab, int power, pf_flow_rays *out, pf_error *error);

/* How far the last runs of two laboratories are apart: the largest root mean square over points, of the nodes k = 0..parts at
 * k / parts of either run's steps, which parts must divide. */
double pf_flow_lab_apart(const pf_flow_lab *a, const pf_flow_lab *b, int parts);

/* A claim that 0 <= value <= most. */
pf_claim pf_claim_within(double value, double most);

#endif
