/* The characteristic generator's settings and losses (arXiv 2405.05512).
 *
 * Three moves: regress the velocity, follow its characteristics, fit the two-time map g to them. Both faces of the paper are
 * here: `theory` (the analysed loss: fresh prior draws, K-step trajectories, all pairs of nodes) and `practical` (the loss of
 * the official experiments: short teacher steps, compared after both ends were carried to the data by the averaged map).
 */
#ifndef PF_METHODS_CHARACTERISTIC_H
#define PF_METHODS_CHARACTERISTIC_H

#include "method.h"

typedef enum pf_face { PF_FACE_THEORY, PF_FACE_PRACTICAL } pf_face;
typedef enum pf_start { PF_START_DATA, PF_START_TRAJECTORY } pf_start;

/* How the two ends of an interpolant are drawn. */
typedef enum pf_coupling {
  PF_COUPLING_INDEPENDENT,
  PF_COUPLING_OPTIMAL, /* a batch's ends are matched by its exact optimal transport plan (arXiv 2302.00482) */
  PF_COUPLING_PAIRED /* row i of the source belongs to row i of the data (rectification, arXiv 2209.03003) */
} pf_coupling;

/* How often which pair of nodes (k, l) of a trajectory is fitted: shares that add to 1.
 * The paper's loss (eq. 2.11 with the terminal node) is sorted = 1. */
typedef struct pf_pair_law {
  double sorted;     /* two independent nodes, sorted: a pair k < l twice as often as a diagonal entry */
  double terminal;   /* (0, K): the one-step map itself */
  double from_start; /* (0, l) */
  double to_end;     /* (k, K) */
  double dyadic;     /* (j h, (j + 1) h), h = K / 2^level: the jumps of few-step sampling */
} pf_pair_law;

/* Everything that decides the bits of a model, resolved from options and the data's dimension. */
typedef struct pf_characteristic {
  pf_face face;
  pf_start start;
  pf_coupling coupling;
  int64_t source;        /* rows of the table that x0 is drawn from; 0: N(0, I) */
  pf_time_map velocity;  /* one-time network; its given columns are the conditions */
  pf_time_map generator; /* two-time network, same width and depth */
  double end;            /* T: characteristics are followed from 0 to T */
  pf_precision precision;
  int batch;
  double learning_rate, weight_decay, clip, ema;
  int64_t rate_steps; /* the length of run that learning_rate is for; 0: it was given and is for any length */
  double teacher_share; /* of the steps */
  int64_t velocity_steps, generator_steps;
  int trajectory_steps; /* K: intervals between kept nodes */
  int64_t trajectories; /* M: prior draws followed, at most; pf_characteristic_trajectories */
  pf_pair_law pairs;
  double diagonal_share; /* share of rows that carry denoiser matching instead, theory */
  double semigroup;      /* weight of the semigroup penalty, theory */
  double huber;          /* c of the pseudo-Huber norm sqrt(r^2 + c^2) - c; 0: squared norm */
  int teacher_substeps;  /* exponential steps from t to u, practical with start data */
} pf_characteristic;

/* For rows of d columns, of which `given` (NULL: none) are not generated. */
pf_status pf_characteristic_settings(const pf_train_options *options, int d, const pf_given *given,
                                     pf_characteristic *out, pf_error *error);

/* The peak learning rate of a run of so many steps: a short run takes larger ones. */
double pf_characteristic_learning_rate(const pf_characteristic *c, int64_t steps);

/* How many prior draws a generator of so many steps follows: a short run would not use them all. */
int64_t pf_characteristic_trajectories(const pf_characteristic *c, int64_t generator_steps);

/* SHARED inputs of the loss graphs. */
enum {
  PF_CHARACTERISTIC_DATA,
  PF_CHARACTERISTIC_NODES,
  PF_CHARACTERISTIC_TIMES,
  PF_CHARACTERISTIC_PAIRS,
  PF_CHARACTERISTIC_BALANCE,
  PF_CHARACTERISTIC_SOURCE,
  PF_CHARACTERISTIC_X0, /* of a coupled batch: PER_ROW */
  PF_CHARACTERISTIC_X1
};

/* Leaf streams of the two ends: a coupled batch draws what an independent one would, in another order. */
enum { PF_STREAM_X1 = 1, PF_STREAM_X0 };
/* Parameter sets: 0 trained, 1 its average, 2 the velocity's average. */
enum { PF_SET_TRAINED, PF_SET_AVERAGE, PF_SET_VELOCITY };

/* The pair law as a table that is drawn from uniformly: PF_PAIR_TABLE rows of (k, l), a function of the shares and K alone. Each
 * pair's frequency is within one row of its exact share. out: PF_PAIR_TABLE x 2. */
enum { PF_PAIR_TABLE = 16384 };
void pf_pair_table(const pf_pair_law *law, int K, float *out);

/* E |F(t, x_t) - target|^2 over t ~ U(0, T), fresh noise, random rows of the data table (rows x d). */
pf_status pf_velocity_objective(const pf_characteristic *c, int64_t rows, pf_objective *out, pf_error *error);
pf_status pf_theory_objective(const pf_characteristic *c, int64_t rows, pf_objective *out, pf_error *error);
pf_status pf_practical_objective(const pf_characteristic *c, int64_t rows, pf_objective *out,
                                 pf_error *error);

/* ---- coupled batches (coupling.c) ---- */

/* The ends of one batch as the loss graphs read them, matched anew before every step. */
typedef struct pf_coupled_batch {
  const pf_training *training;
  uint64_t seed; /* of the fit's random leaves */
  int batch;
  float *x0, *x1; /* batch x d: inputs of the graph; owned, as the rest */
  float *index;   /* batch */
  double *points; /* 2 x batch x d */
} pf_coupled_batch;

/* For a fit of this stage. Free it whatever came back. */
pf_status pf_coupled_batch_open(const pf_training *training, int batch, uint32_t stage, pf_coupled_batch *out,
                                pf_error *error);
void pf_coupled_batch_free(pf_coupled_batch *batch);
/* pf_fit_before_step; context is a pf_coupled_batch. x0 is what an independent batch draws, x1 the same rows as its x1, in
 * the order that makes sum |x0_i - x1_i|^2 least. */
pf_status pf_coupled_batch_draw(void *context, int64_t step, pf_error *error);

#endif
