/* A trained continuous normalising flow: blocks of one neural ODE after the other, each r from 0 to 1.
 *
 *   forward   data -> noise,  z = T_N o .. o T_1 (x),  log p(x) = log N(z; 0, I) + sum of the blocks' integrals of div v
 *   inverse   noise -> data, the blocks in reverse order, r from 1 to 0
 *
 * One block is OT-Flow (arXiv 2006.00104) or a free-form flow (1810.01367), several are a JKO flow (2212.14424). State is
 * double, the network single precision. A row's bits depend on no other row, whatever the cut into calls and threads;
 * adaptive integration shares its step sizes within tiles of 256 absolute rows.
 */
#ifndef PF_FLOW_CNF_H
#define PF_FLOW_CNF_H

#include "../base/pool.h"
#include "../ode/ode.h"
#include "../ode/solver.h"
#include "field.h"
#include "learned.h"

typedef struct pf_cnf_config {
  pf_field field;
  int blocks; /* 1..PF_CNF_BLOCKS */
  int steps;  /* Runge-Kutta 4 steps per block when nothing else is asked for */
} pf_cnf_config;

enum { PF_CNF_BLOCKS = 64, PF_CNF_STEPS = 1000 };

typedef struct pf_cnf pf_cnf; /* any number of threads may use a const one */

/* PF_USAGE naming what is out of range. */
pf_status pf_cnf_config_check(const pf_cnf_config *config, pf_error *error);
/* params: blocks x the field's layout, copied. PF_NON_FINITE when one is not finite. */
pf_status pf_cnf_create(const pf_cnf_config *config, const float *params, pf_cnf **out, pf_error *error);
void pf_cnf_free(pf_cnf *cnf);
/* Takes other weights for all blocks; not while anybody uses it. PF_NON_FINITE as above, the old weights then stay. */
pf_status pf_cnf_set_params(pf_cnf *cnf, const float *params, pf_error *error);
const pf_cnf_config *pf_cnf_config_of(const pf_cnf *cnf);
const float *pf_cnf_params(const pf_cnf *cnf);
int pf_cnf_columns(const pf_cnf *cnf);

typedef enum pf_cnf_direction { PF_CNF_TO_NOISE, PF_CNF_TO_DATA } pf_cnf_direction;

/* What is integrated how. {0} is the whole flow from data to noise with its own steps. */
typedef struct pf_cnf_move {
  pf_cnf_direction direction;
  int steps; /* Runge-Kutta 4 steps per block; 0: the flow's own */
  double
      tolerance; /* > 0: adaptive Dormand-Prince with this relative tolerance, a hundredth of it absolute */
  int first_block, blocks; /* which blocks, counted from the data; blocks 0: all from the first on */
  const pf_solver_options
      *solver; /* without a tolerance: what takes the steps of every block; NULL: Runge-Kutta 4. Its
                                      noise and first_step are the flow's to fill */
  pf_ode_observe
      *observe; /* of pf_cnf_invert with fixed steps: sees every node of every block, k from 0 in each */
  void *observe_context;
} pf_cnf_move;

/* Moves rows (absolute indices rows.first..) of x (rows.n x d, in and out). log_det: rows.n values, the integral of div v
 * along r (log |det dz/dx| of the forward map, whichever way is moved), or NULL. evaluations (may be NULL): of the field,
 * per row, the mean over tiles. On failure x is undefined; PF_NON_FINITE when a state is. */
pf_status pf_cnf_rows(const pf_cnf *cnf, const pf_cnf_move *move, pf_rows rows, double *x, double *log_det,
                      double *evaluations, pf_pool *pool, pf_error *error);

/* The nodes of paths of fixed steps, every one: out, rows.n x (blocks x steps + 1) x d; row i goes from row i of `from`
 * (rows.n x d), which is data or noise as the move's direction has it. PF_USAGE when the move has a tolerance. */
pf_status pf_cnf_trace(const pf_cnf *cnf, const pf_cnf_move *move, pf_rows rows, const float *from,
                       float *out, pf_pool *pool, pf_error *error);
/* The nodes of inverse paths: out, rows.n x (blocks x steps + 1) x d, row i from noise z (rows.n x d) to data. */
pf_status pf_cnf_paths(const pf_cnf *cnf, int steps, pf_rows rows, const float *z, float *out, pf_pool *pool,
                       pf_error *error);

/* ---- in the caller's memory: what a sampler runs ---- */

/* Bytes that pf_cnf_invert works in, for up to `rows` rows. */
size_t pf_cnf_workspace_bytes(const pf_cnf *cnf, const pf_cnf_move *move, int64_t rows);
/* x (n x d, in and out): noise -> data, all blocks, whatever else the move says, in the calling thread and, unless by dopri5,
 * without an allocation. workspace: 64-byte aligned. */
pf_status pf_cnf_invert(const pf_cnf *cnf, const pf_cnf_move *move, int64_t n, float *x, void *workspace,
                        pf_error *error);

/* velocity (and divergence, may be NULL) of block `block` at time r: n rows of x, for checks and pictures. */
pf_status pf_cnf_field_at(const pf_cnf *cnf, int block, double r, int64_t n, const double *x,
                          double *velocity, double *divergence, pf_error *error);

#endif
