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

/* Everything that decides the bits of a model, resolved from options and the data's dimension. */
typedef struct pf_characteristic {
  pf_face face;
  pf_start start;
  pf_time_map velocity;  /* one-time network */
  pf_time_map generator; /* two-time network, same width and depth */
  double end;            /* T: characteristics are followed from 0 to T */
  int batch;
  double learning_rate, clip, ema;
  double teacher_share; /* of the steps */
  int64_t velocity_steps, generator_steps;
  int trajectory_steps;  /* K: intervals between kept nodes */
  int64_t trajectories;  /* M: prior draws followed */
  double terminal_share; /* share of pairs that are (0, K) */
  double diagonal_share; /* share of rows that keep the diagonal: denoiser matching */
  double semigroup;      /* weight of the semigroup penalty, theory */
  double huber;          /* c of the pseudo-Huber norm sqrt(r^2 + c^2) - c; 0: squared norm */
  int teacher_substeps;  /* exponential steps from t to u, practical with start data */
} pf_characteristic;

pf_status pf_characteristic_settings(const pf_train_options *options, int d, int64_t rows,
                                     pf_characteristic *out, pf_error *error);

/* SHARED inputs of the loss graphs. */
enum { PF_CHARACTERISTIC_DATA, PF_CHARACTERISTIC_NODES, PF_CHARACTERISTIC_TIMES, PF_CHARACTERISTIC_BALANCE };
/* Parameter sets: 0 trained, 1 its average, 2 the velocity's average. */
enum { PF_SET_TRAINED, PF_SET_AVERAGE, PF_SET_VELOCITY };

/* E |F(t, x_t) - target|^2 over t ~ U(0, T), fresh noise, random rows of the data table (rows x d). */
pf_status pf_velocity_objective(const pf_characteristic *c, int64_t rows, pf_objective *out, pf_error *error);
pf_status pf_theory_objective(const pf_characteristic *c, int64_t rows, pf_objective *out, pf_error *error);
pf_status pf_practical_objective(const pf_characteristic *c, int64_t rows, pf_objective *out,
                                 pf_error *error);

#endif
