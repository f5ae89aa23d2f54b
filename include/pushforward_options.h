/* The settings of a training, one row each. A part of pushforward.h, which includes it: include that one. */
#ifndef PUSHFORWARD_OPTIONS_H
#define PUSHFORWARD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* The value of a number that leaves the choice to the method, where every other number is one that a user may mean. */
#define PF_METHOD_DEFAULT (-1000000000000000)

/* X(type, field, default, flag, placeholder, help): one row per setting. The struct, its defaults, the
 * command's options, its
 * --help, --config files and the model's metadata are all made from this table.
 * Types: INT (int64_t), REAL (double), TEXT (const char *, NULL: unset), FLAG (bool). */
#define PF_TRAIN_OPTIONS(X)                                                                                  \
  X(TEXT, method, "characteristic", "method", "M", "training method, see `pushforward methods`")             \
  X(INT, steps, 0, "steps", "N", "training steps in all; 0: the method's default")                           \
  X(REAL, budget, 0, "budget", "TIME", "wall time such as 90s or 3m; fixes the step count by calibration")   \
  X(INT, seed, 1, "seed", "S", "seed of everything random")                                                  \
  X(TEXT, precision, "auto", "precision", "P",                                                               \
    "f32, bf16 or auto: of the network's large matrix products; sums are f32 always")                        \
  X(INT, threads, 0, "threads", "T", "threads; 0: all cores. Never changes the result")                      \
  X(TEXT, face, "theory", "face", "F", "theory or practical form of the characteristic generator")           \
  X(TEXT, start, NULL, "start", "S", "where the student's start states come from: data or trajectory")       \
  X(TEXT, interpolant, NULL, "interpolant", "I", "linear, follmer or trig")                                  \
  X(TEXT, coupling, NULL, "coupling", "C",                                                                   \
    "pairs of a batch: independent, optimal, or paired (row i of --from with row i of DATA)")                \
  X(TEXT, condition, NULL, "condition", "A,B",                                                               \
    "columns that are given, not generated: learns the law of the others for every value of these")          \
  X(TEXT, encoder, "auto", "encoder", "E",                                                                   \
    "column encoder: standard, common (one scale for all), none, quantile or auto")                          \
  X(INT, width, 0, "width", "W", "units per hidden layer; 0: by the number of columns")                      \
  X(INT, depth, 0, "depth", "L", "hidden layers; 0: by the number of columns")                               \
  X(FLAG, residual, false, "residual", "", "add each hidden layer to the one before it")                     \
  X(INT, batch, 0, "batch", "B", "rows per step; 0: the method's default")                                   \
  X(REAL, learning_rate, 0, "learning-rate", "R", "peak learning rate; 0: the method's default")             \
  X(REAL, weight_decay, 0, "weight-decay", "D", "decoupled weight decay (AdamW)")                            \
  X(REAL, clip, -1, "clip", "C", "gradient-norm clip; 0: none, -1: the method's default")                    \
  X(REAL, ema, 0, "ema", "A", "decay of the weight average; 0: the method's default")                        \
  X(REAL, teacher_share, 0, "teacher-share", "P",                                                            \
    "share of the steps spent on the velocity; 0: the method's default")                                     \
  X(INT, trajectory_steps, 0, "trajectory-steps", "K",                                                       \
    "integrator steps of a teacher trajectory; 0: default")                                                  \
  X(REAL, semigroup, -1, "semigroup", "W",                                                                   \
    "weight of the semigroup penalty of the theory's form; -1: default")                                     \
  X(TEXT, activation, NULL, "activation", "A", "silu, tanh, softplus, relu or leaky_relu")                   \
  X(TEXT, divergence, NULL, "divergence", "D",                                                               \
    "of the velocity while training: exact, hutchinson or difference")                                       \
  X(INT, ode_steps, PF_METHOD_DEFAULT, "ode-steps", "N",                                                     \
    "Runge-Kutta 4 steps of a block while training; where they double, an iteration counts as two")          \
  X(INT, test_ode_steps, PF_METHOD_DEFAULT, "test-ode-steps", "N",                                           \
    "the same on held-out rows and in the model")                                                            \
  X(REAL, alpha, PF_METHOD_DEFAULT, "alpha", "A", "weight of the likelihood beside the other terms")         \
  X(REAL, hjb, PF_METHOD_DEFAULT, "hjb", "W", "weight of the Hamilton-Jacobi-Bellman residual")              \
  X(REAL, kinetic, PF_METHOD_DEFAULT, "kinetic", "W", "weight of the transport cost")                        \
  X(REAL, steer, 0, "steer", "B", "the flow's end time is random in 1 - B to 1 + B while training")          \
  X(TEXT, gradient, NULL, "gradient", "G",                                                                   \
    "through the steps (steps) or by the interpolated adjoint (adjoint)")                                    \
  X(REAL, jitter, PF_METHOD_DEFAULT, "jitter", "J",                                                          \
    "random lengths of the Runge-Kutta steps while training, 0 to 1")                                        \
  X(REAL, clamp, PF_METHOD_DEFAULT, "clamp", "C", "bound on every parameter; 0: none")                       \
  X(INT, patience, PF_METHOD_DEFAULT, "patience", "N",                                                       \
    "validations without gain before the rate falls; 0: never")                                              \
  X(INT, blocks, PF_METHOD_DEFAULT, "blocks", "N", "most blocks, one proximal step each")                    \
  X(REAL, step_size, PF_METHOD_DEFAULT, "step-size", "H", "of the first proximal step, h_0")                 \
  X(REAL, step_growth, PF_METHOD_DEFAULT, "step-growth", "R", "h grows by this factor from block to block")  \
  X(REAL, step_cap, PF_METHOD_DEFAULT, "step-cap", "H", "most that h grows to")                              \
  X(REAL, stop_movement, PF_METHOD_DEFAULT, "stop-movement", "Q",                                            \
    "no more blocks once one moves the rows by less than this share, squared")                               \
  X(FLAG, no_free_block, false, "no-free-block", "", "leave out the last block without a movement penalty")  \
  X(INT, reparametrise, 0, "reparametrise", "N",                                                             \
    "rounds that make all blocks move alike and train them again")                                           \
  X(INT, refine, 0, "refine", "N", "times that every block is halved and trained again")                     \
  X(INT, student, 0, "student", "N",                                                                         \
    "training steps of a one-step generator fitted to the flow's paths; 0: none")                            \
  X(TEXT, field, NULL, "field", "F", "what the samples follow: critic, dual, ratio, plan or sinkhorn")       \
  X(TEXT, constraint, NULL, "constraint", "C", "of the critic: clip, gradient, lipschitz, spectral or none") \
  X(REAL, constraint_weight, PF_METHOD_DEFAULT, "constraint-weight", "W",                                    \
    "weight of that penalty, or the bound of clip")                                                          \
  X(REAL, equality, PF_METHOD_DEFAULT, "equality", "W", "weight of the dual's equality terms")               \
  X(REAL, field_penalty, PF_METHOD_DEFAULT, "field-penalty", "W",                                            \
    "weight of the field's squared size at the samples")                                                     \
  X(REAL, cumulant, PF_METHOD_DEFAULT, "cumulant", "B",                                                      \
    "cumulant loss of the critic, B in (0, 1); 0: means")                                                    \
  X(TEXT, rescale, NULL, "rescale", "H", "reverse-kl, kl, js, gan or arcsinh")                               \
  X(REAL, sinkhorn, PF_METHOD_DEFAULT, "sinkhorn", "E",                                                      \
    "regularisation of field sinkhorn as a share of the mean cost")                                          \
  X(FLAG, tempered, false, "tempered", "", "train on mixtures of two rows, their share an input")            \
  X(INT, critic_steps, PF_METHOD_DEFAULT, "critic-steps", "N", "steps of the critic per iteration")          \
  X(INT, critic_width, 0, "critic-width", "W", "its units per hidden layer; 0: the method's default")        \
  X(INT, critic_depth, 0, "critic-depth", "L", "its hidden layers; 0: the method's default")                 \
  X(REAL, critic_rate, 0, "critic-rate", "R", "its learning rate; 0: the method's default")                  \
  X(INT, persistence, PF_METHOD_DEFAULT, "persistence", "K",                                                 \
    "steps of the generator per iteration, to the same targets")                                             \
  X(TEXT, fit, NULL, "fit", "F", "to frozen targets (targets) or the frozen critic (naive, naive-fresh)")    \
  X(TEXT, move, NULL, "move", "M", "how samples become targets: euler, heun or rk4")                         \
  X(REAL, move_size, PF_METHOD_DEFAULT, "move-size", "E", "step of that move, of columns of unit variance")  \
  X(REAL, move_decay, PF_METHOD_DEFAULT, "move-decay", "D", "move k is E / (1 + D k)")                       \
  X(TEXT, optimiser, NULL, "optimiser", "O", "adam, rmsprop or sgd")                                         \
  X(INT, curve_points, 20, "curve-points", "N", "held-out evaluations along the training; 0: none")          \
  X(REAL, holdout_share, 0.1, "holdout-share", "P",                                                          \
    "share of the rows held out when no --holdout file is given")                                            \
  X(REAL, checkpoint_seconds, 10, "checkpoint-seconds", "T", "wall time between checkpoints")

/* The same table for a host of another language, which cannot read the header: a row of it, and where in a pf_train_options its
 * field stands. Defaults are what pf_train_options_default holds there. */
typedef enum pf_option_type {
  PF_OPTION_INT,  /* int64_t */
  PF_OPTION_REAL, /* double */
  PF_OPTION_TEXT, /* const char *, NULL: unset */
  PF_OPTION_FLAG  /* bool */
} pf_option_type;

typedef struct pf_option_entry {
  const char *name, *flag; /* "learning_rate", "learning-rate" */
  pf_option_type type;
  size_t offset; /* bytes from the start of the struct */
  const char *placeholder, *help;
} pf_option_entry;

/* i-th row, in the struct's order; false when there are no more. */
bool pf_train_option_entry(int i, pf_option_entry *out);

#endif
