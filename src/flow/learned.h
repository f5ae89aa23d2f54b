/* A trained two-time map, ready to be evaluated: parameters with compiled programs for g and v.
 *
 * Rows are evaluated in full tiles aligned to their absolute index, so a row's bits do not depend on how a
 * range is cut into calls or threads. Immutable once made: any number of threads may evaluate one pf_learned.
 */
#ifndef PF_FLOW_LEARNED_H
#define PF_FLOW_LEARNED_H

#include "../base/pool.h"
#include "../ode/ode.h"
#include "time_map.h"

typedef struct pf_learned pf_learned;

/* params: the network's flat array, copied. PF_NON_FINITE when a parameter is not finite. */
pf_status pf_learned_create(const pf_time_map *map, const float *params, pf_learned **out, pf_error *error);
void pf_learned_free(pf_learned *learned);
const pf_time_map *pf_learned_map_of(const pf_learned *learned);
const float *pf_learned_params(const pf_learned *learned);

/* Which rows: absolute indices first..first+n-1. */
typedef struct pf_rows {
  int64_t first, n;
} pf_rows;

/* x (n x d, in and out) <- g(t, s, x). Needs a two-time network. */
pf_status pf_learned_move(const pf_learned *learned, double t, double s, pf_rows rows, float *x,
                          pf_pool *pool, pf_error *error);
/* v (n x d) <- v(t, x) */
pf_status pf_learned_velocity(const pf_learned *learned, double t, pf_rows rows, const float *x, float *v,
                              pf_pool *pool, pf_error *error);

/* The velocity (or the denoiser D(t, t, x)) as a pf_ode_field: context is a pf_learned_field. Row 0 of what
 * the integrator passes counts as absolute row `first`. */
typedef struct pf_learned_field {
  const pf_learned *learned;
  pf_pool *pool;
  int64_t first;
  float *scratch; /* 2 n d floats, owned by the caller */
} pf_learned_field;
pf_status pf_learned_velocity_field(void *context, double t, const double *x, int64_t n, double *v,
                                    pf_error *error);

#endif
