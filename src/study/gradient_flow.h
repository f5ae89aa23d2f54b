/* What the studies of W1-FE and W2-FE share: numbers of cells by setting and repetition, clouds that keep their plan, and
 * small generators trained on the ring of eight Gaussians. */
#ifndef PF_STUDY_GRADIENT_FLOW_H
#define PF_STUDY_GRADIENT_FLOW_H

#include "../data/law.h"
#include "../verify/flow_lab.h"
#include "lab.h"

/* ---- cells in a row ---- */

/* The cells first .. first + count - 1, repetitions of one setting, and their values value .. value + levels - 1. */
typedef struct pf_cell_block {
  int first, count, value, levels;
} pf_cell_block;

enum { PF_BLOCK_CELLS = 64 };

/* out (count): value + level of every cell. */
void pf_block_values(const pf_experiment *e, pf_cell_block b, int level, double *out);
/* Mean over the cells, with its interval. */
pf_estimate pf_block_mean(const pf_experiment *e, pf_cell_block b, int level);
/* Slope of the levels over x (levels) in every cell, then the mean over the cells: what is shared by the levels of a cell does
 * not narrow the interval. *factor (may be NULL): geometric mean of those of y = factor x^slope. */
pf_estimate pf_block_slope(const pf_experiment *e, pf_cell_block b, const double *x, double *factor);
/* The mean over the cells of the difference between two settings with common random numbers, cell by cell. */
pf_estimate pf_block_difference(const pf_experiment *e, pf_cell_block a, pf_cell_block b, int level);
/* The least and the greatest of all values; NaN when one is. */
pf_band pf_block_range(const pf_experiment *e, pf_cell_block b);
/* A line of the means over x in the newest chart. */
pf_status pf_block_series(pf_experiment *e, pf_cell_block b, const double *x, pf_error *error,
                          const char *format, ...) __attribute__((format(printf, 5, 6)));

/* ---- clouds that keep their plan ---- */

/* Targets 4 apart on a line and a point around each at a distance of .5 to 1.5, in a random direction of d dimensions. Every
 * other target is at least 2.5 away: the plan is the identity for any cost that grows with the distance, and stays so while
 * no point leaves its target's ball. draw tells the draws of a seed apart. */
pf_status pf_kept_cloud(uint64_t seed, uint64_t draw, int n, int d, pf_flow_lab *out, pf_error *error);

/* ---- trained generators ---- */

/* One way to train on the ring, from fresh weights. */
typedef struct pf_ring_training {
  const char *method, *field, *fit; /* field, fit: NULL for the method's own */
  int persistence, critic_steps;
  int64_t iterations;
  double rate, critic_rate, move; /* move 0: the method's own */
} pf_ring_training;

/* A generator of 64 units and 3 layers, on one thread; its weights are not averaged. *out: pf_model_free. */
pf_status pf_ring_train(const pf_cell_run *run, const pf_ring_training *t, int64_t seed,
                        struct pf_model **out, pf_error *error);

/* Between 1024 samples and as many new rows of the ring, in the ring's own units (its radius is 4), mean of two. */
typedef struct pf_ring_quality {
  double distance, floor; /* W_power by exact assignment; the same between rows of the ring */
  double modes;           /* covered, of 8 */
} pf_ring_quality;
pf_status pf_ring_measure(const struct pf_model *model, int64_t seed, int power, pf_ring_quality *out,
                          pf_error *error);

/* For cells that hold distance - floor in the levels of their block and the floor behind them: the mean of ln(distance of a /
 * distance of b), repetition by repetition. Logarithms, because what diverges does so by factors. */
pf_estimate pf_ring_log_ratio(const pf_experiment *e, pf_cell_block a, pf_cell_block b, int level);

#endif
