/* Flows with likelihood: what `jko`, `otflow` and `cnf` share.
 *
 * All three fit the blocks of a continuous normalising flow (flow/cnf.h), data -> noise, by one loss. Per row, with the block
 * integrated from x(0) to x(1),
 *
 *   likelihood (|x(1)|^2/2 + (d/2) log 2 pi - integral of div v)        negative log-likelihood in nats
 *   + kinetic integral of |v|^2 / 2                                     transport cost, OT-Flow's L
 *   + hjb integral of |-d_r Phi + |v|^2 / 2|                            Hamilton-Jacobi-Bellman residual, OT-Flow's R
 *   + movement |x(1) - x(0)|^2 / 2                                      JKO's proximal term: movement = 1/h
 *
 * and differ in how many blocks there are, in what is weighted how, and in the schedule. jko.c, otflow.c and cnf.c read like
 * their papers; here are the loss, the fit of one block with held-out selection, and the model made of the blocks.
 */
#ifndef PF_METHODS_FLOW_H
#define PF_METHODS_FLOW_H

#include "../flow/adjoint.h"
#include "../flow/cnf.h"
#include "../flow/unroll.h"
#include "method.h"
#include "student.h"

/* Everything that decides the bits of one block. */
typedef struct pf_flow_settings {
  pf_field field;
  pf_divergence divergence;
  double width;    /* sigma of the difference probe */
  int steps;       /* Runge-Kutta 4 steps of a block while training */
  int valid_steps; /* for the held-out likelihood and in the model */
  int batch;
  double likelihood, kinetic, hjb, movement; /* weights, see above */
  double steer;  /* r ends at 1 + steer (2 U - 1), one U a row; 0: at 1 (arXiv 2006.10711) */
  double jitter; /* of the steps while training, see unroll.h; 0: equal steps */
  bool adjoint;  /* gradient by the interpolated adjoint (flow/adjoint.h), not through the steps */
  double learning_rate, weight_decay, clip, clamp, ema;
  pf_schedule schedule;
  int halvings;           /* of HALVING: this many along a block */
  int64_t validate_every; /* iterations */
  int patience;           /* validations without improvement before the rate is divided by 10; 0: never */
} pf_flow_settings;

/* Most times that patience divides the learning rate; the next time ends the block. */
enum { PF_FLOW_DROPS = 3 };

/* Inputs of the loss graph. */
enum { PF_FLOW_DATA };

/* The loss above over random rows of the table (rows x d, SHARED); rows 0: the data are the batch itself (PER_ROW), so that
 * every step sees all of them and the minimum that is found is that of these rows. Terms to watch: negative log-likelihood,
 * kinetic or movement, hjb. */
pf_status pf_flow_objective(const pf_flow_settings *settings, int64_t rows, pf_objective *out,
                            pf_error *error);

/* The loss of given rows: x PER_ROW [d], PER_ROW scalar. Random step lengths, probes and end times as the settings say. */
pf_node pf_flow_row_loss(const pf_flow_settings *settings, pf_node x);

/* ---- a training under way (flow_fit.c) ---- */

typedef struct pf_flow_run {
  pf_training *training;
  pf_flow_settings s;
  int most_blocks;
  pf_layout layout;     /* of one block */
  pf_fit_state fit;     /* of the block that is being fitted */
  float *best;          /* its best weights on held-out rows so far */
  double best_loss;     /* its held-out loss (flow_fit.c: held_loss); infinite before the first */
  int64_t since, drops; /* validations since then; times the rate was divided */
  int64_t opened;       /* blocks whose fit was begun, all rounds together */
  int64_t done;         /* blocks that are finished, all rounds together */
  int64_t plan;         /* iterations of a block at resolution 1; a budget is fixed once */
  int64_t end;          /* iterations of the block that is being fitted, fewer where they cost more */
  int64_t
      resolution; /* the settings' steps and valid_steps are multiplied by this power of two, 1 at the start */
  int64_t unresolved;   /* not 0: the steps have become too few for what the field has learned */
  float *blocks;        /* most_blocks x layout.total */
  float *data;          /* n x d, pushed through the finished blocks; training->encoded */
  float *held;          /* held_n x d, likewise */
  double *held_log_det; /* held_n, of the finished blocks */
  int64_t held_n;
  int trainings;       /* of blocks in all, set by the method before pf_flow_resume */
  pf_cnf *probe;       /* one block that takes the weights to be looked at */
  pf_student *student; /* NULL: none is asked for */
  int loss_curve, nll_curve;
  int64_t step_offset; /* iterations before this block, for curves */
} pf_flow_run;

/* Allocates, encodes the held-out rows and registers everything. */
pf_status pf_flow_open(pf_training *training, const pf_flow_settings *settings, int most_blocks,
                       pf_flow_run *out, pf_error *error);
void pf_flow_close(pf_flow_run *run);
/* After the last registration: what the fingerprint is made of, then the checkpoint. *resumed: it was loaded, with the
 * data pushed as far as it had been. */
pf_status pf_flow_resume(pf_flow_run *run, const char *more_settings, bool *resumed, pf_error *error);
/* Fixes run->plan: options->steps over all trainings, or what fits options->budget, or `usual` iterations a block. */
pf_status pf_flow_plan(pf_flow_run *run, int64_t usual, pf_error *error);

/* Fits one block to the data as pushed so far, from `from` (weights, NULL: fresh ones of this seed) unless it is under way,
 * leaves its best weights in blocks[index] and counts it as done. From other weights (of networks) the best are at least as
 * good on held-out rows as those and as velocity 0. name is shown by progress. */
pf_status pf_flow_fit_block(pf_flow_run *run, int index, const float *from, const char *name,
                            pf_error *error);
/* Pushes the data and the held-out rows through block `index`. moved (may be NULL): E|x - T x|^2 and E|T x|^2. */
typedef struct pf_flow_moved {
  double distance, size;
} pf_flow_moved;
pf_status pf_flow_push(pf_flow_run *run, int index, pf_flow_moved *moved, pf_error *error);
/* Multiplies the velocity of a network with these parameters: its last layer's weight and bias. */
void pf_flow_scale_velocity(const pf_layout *layout, float factor, float *params);
/* The rows as they were encoded. */
void pf_flow_reset_data(pf_flow_run *run);

/* All of a method of one block: `iterations` when the options say nothing. */
pf_status pf_flow_train_one(pf_training *training, const pf_flow_settings *settings, int64_t iterations,
                            struct pf_model **out, pf_error *error);

/* The model of blocks 0..blocks-1, with its facts and, when asked for, a one-step student trained here. */
pf_status pf_flow_model(pf_flow_run *run, int blocks, struct pf_model **out, pf_error *error);

/* ---- settings from options (flow_settings.c) ---- */

/* The fields that all three read, after the method has put its defaults into *settings. */
pf_status pf_flow_options(const pf_train_options *options, pf_flow_settings *settings, pf_error *error);

#endif
