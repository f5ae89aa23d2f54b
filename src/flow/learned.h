/* A trained map, two-time, of one time or plain, ready to be evaluated: parameters with compiled programs for g and v.
 *
 * An evaluation is split at what it depends on. The times alone give a few numbers, the *terms* (coefficients and
 * the network's time path), made once per time; with them one program moves rows. It is compiled for tiles of
 * several heights, so that a single row does not cost a tall tile, and a row's bits do not depend on the tile it
 * is in, nor on how a range is cut into calls or threads: the kernels compute every row alone.
 * Immutable once made: any number of threads may evaluate one pf_learned.
 */
#ifndef PF_FLOW_LEARNED_H
#define PF_FLOW_LEARNED_H

#include "../base/pool.h"
#include "../exec/exec.h"
#include "../ode/ode.h"
#include "time_map.h"

typedef struct pf_learned pf_learned;

enum { PF_TILE_ROWS = 256 }; /* rows of the tall tile: what is cut at its multiples runs full tiles */

/* params: the network's flat array, copied. PF_NON_FINITE when a parameter is not finite, PF_USAGE for a map of a time that is
 * to skip. */
pf_status pf_learned_create(const pf_time_map *map, const float *params, pf_learned **out, pf_error *error);
/* The same map with its large products in another precision. A row's bits do not depend on its tile there either. */
pf_status pf_learned_create_in(const pf_learned *learned, pf_precision precision, pf_learned **out,
                               pf_error *error);
void pf_learned_free(pf_learned *learned);
const pf_time_map *pf_learned_map_of(const pf_learned *learned);
const float *pf_learned_params(const pf_learned *learned);

/* Which rows: absolute indices first..first+n-1. */
typedef struct pf_rows {
  int64_t first, n;
} pf_rows;

/* ---- prepared: the times first, then any number of rows ---- */

/* Floats of the terms of one evaluation, a multiple of 16. */
size_t pf_learned_term_count(const pf_learned *learned);
/* The terms of g(t, s, .), where a plain map ignores the times and one of one time is PF_USAGE, and of v(t, .), PF_USAGE for a
 * plain map. terms: 64-byte aligned. */
pf_status pf_learned_move_terms(const pf_learned *learned, double t, double s, float *terms, pf_error *error);
pf_status pf_learned_velocity_terms(const pf_learned *learned, double t, float *terms, pf_error *error);

/* What such terms say: the map is x -> of_x x + of_network F(x / c), F with `path` (width floats, inside the terms) as its first
 * layer's bias. c is 1 where the interpolant does not scale, path NULL for a plain map. */
typedef struct pf_term_values {
  float of_x, of_network, c;
  const float *path;
} pf_term_values;
pf_term_values pf_learned_term_values(const pf_learned *learned, const float *terms);

/* Bytes that pf_learned_apply works in; a multiple of 64. */
size_t pf_learned_workspace_bytes(const pf_learned *learned);
/* y (n x d) <- the map with these terms at x (n x d), which may be y. In the calling thread, without an allocation;
 * workspace: 64-byte aligned, its contents do not matter. */
void pf_learned_apply(const pf_learned *learned, const float *terms, pf_rows rows, const float *x, float *y,
                      void *workspace);

/* ---- at once ---- */

/* x (n x d, in and out) <- g(t, s, x); refusals as of the terms. */
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
