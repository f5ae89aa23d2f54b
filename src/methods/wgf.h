/* Wasserstein gradient flows that a generator follows: WGAN, W1-FE (arXiv 2405.16351), W2-FE (arXiv 2406.13619), MonoFlow
 * (arXiv 2302.01075). One engine of three interchangeable parts:
 *
 *   legend   x data rows, z noise (or rows of a source), G the generator, y = G(z), phi a potential with phi large on y and
 *            small on x, eps the step, B rows a batch
 *
 *   1  field   estimate grad phi of the law of y                     critic | dual | ratio: `critic_steps` steps of a network
 *                                                                    plan: exact or Sinkhorn transport of the batch, no network
 *   2  move    zeta = y - eps grad phi(y)                            Euler, or Heun and RK4 with phi frozen
 *   3  fit     K steps of  min mean |zeta - G(z)|^2  on the same z   targets (persistent training; K = 1 is WGAN)
 *              K steps of  min mean phi(G(z)), phi frozen            naive (same z), naive-fresh (new z every step)
 *
 * wgan.c, w1fe.c, w2fe.c and monoflow.c say which parts with which defaults. Everything happens in encoded units, in which a
 * column of the data has unit variance.
 */
#ifndef PF_METHODS_WGF_H
#define PF_METHODS_WGF_H

#include "../exec/batch.h"
#include "../ode/ode.h"
#include "method.h"

/* Estimators of the field: id, name, what is learned */
#define PF_WGF_FIELDS(X)                                                                                     \
  X(CRITIC, "critic", "Kantorovich potential of W1")                                                         \
  X(DUAL, "dual", "pair of potentials of W2 (W2-GAN)")                                                       \
  X(RATIO, "ratio", "log density ratio by classification")                                                   \
  X(PLAN, "plan", "exact transport plan of the batch")                                                       \
  X(SINKHORN, "sinkhorn", "entropic transport plan of the batch")

/* What keeps a critic 1-Lipschitz: id, name, how */
#define PF_WGF_CONSTRAINTS(X)                                                                                \
  X(CLIP, "clip", "weights within -clip..clip (arXiv 1701.07875)")                                           \
  X(GRADIENT, "gradient", "penalty (|grad phi| - 1)^2 between data and samples (1704.00028)")                \
  X(LIPSCHITZ, "lipschitz", "penalty max(0, |grad phi| - 1)^2 (1709.08894)")                                 \
  X(SPECTRAL, "spectral", "weights divided by their largest singular value (1802.05957)")                    \
  X(NONE, "none", "nothing")

/* How the generator is fitted K times: id, name, what */
#define PF_WGF_FITS(X)                                                                                       \
  X(TARGETS, "targets", "to frozen targets (persistent training)")                                           \
  X(NAIVE, "naive", "to the frozen potential at the same noise")                                             \
  X(NAIVE_FRESH, "naive-fresh", "to the frozen potential at new noise")

/* Rescaled log density ratios, phi = -h(d) with d = log(p_data / q): id, name, h'. Along the flow of h the divergence named
 * falls: h' = r^2 f''(r) with r = e^d for the f-divergence of that name. */
#define PF_WGF_RESCALES(X)                                                                                   \
  X(REVERSE_KL, "reverse-kl", "1: KL(q to p)")                                                               \
  X(KL, "kl", "e^d, linear above d = 3: KL(p to q)")                                                         \
  X(JS, "js", "sigmoid(d): Jensen-Shannon, the saturating GAN reversed")                                     \
  X(GAN, "gan", "1 - sigmoid(d): the non-saturating GAN")                                                    \
  X(ARCSINH, "arcsinh", "1/sqrt(1 + d^2)")

typedef enum pf_wgf_field {
#define PF_X(id, name, text) PF_WGF_##id,
  PF_WGF_FIELDS(PF_X)
#undef PF_X
      PF_WGF_FIELD_COUNT
} pf_wgf_field;

typedef enum pf_wgf_constraint {
#define PF_X(id, name, text) PF_WGF_CONSTRAINT_##id,
  PF_WGF_CONSTRAINTS(PF_X)
#undef PF_X
      PF_WGF_CONSTRAINT_COUNT
} pf_wgf_constraint;

typedef enum pf_wgf_fit {
#define PF_X(id, name, text) PF_WGF_FIT_##id,
  PF_WGF_FITS(PF_X)
#undef PF_X
      PF_WGF_FIT_COUNT
} pf_wgf_fit;

typedef enum pf_wgf_rescale {
#define PF_X(id, name, text) PF_WGF_RESCALE_##id,
  PF_WGF_RESCALES(PF_X)
#undef PF_X
      PF_WGF_RESCALE_COUNT
} pf_wgf_rescale;

/* Everything that decides the bits of a run. */
typedef struct pf_wgf {
  pf_network_config generator; /* of F: inputs == outputs == d; times 1 when tempered */
  bool skip;                   /* G(z) = z + F(z) instead of F(z) */
  pf_network_config critic;    /* of phi: one output */
  int batch;
  /* 1: field */
  pf_wgf_field field;
  int power;        /* of the plan's cost: 1 or 2 */
  double epsilon;   /* of Sinkhorn, as a share of the mean cost */
  int critic_steps; /* per iteration */
  pf_wgf_constraint constraint;
  double constraint_weight; /* lambda of the penalties; the bound of clip; of the dual's inequality */
  double equality;          /* lambda_eq of the dual */
  double field_penalty;     /* lambda of mean |grad phi(y)|^2: ODE-GAN's regulariser, on samples */
  double cumulant;          /* b of the cumulant loss (arXiv 2006.06625), g = 1 - b; 0: means */
  pf_wgf_rescale rescale;
  bool tempered; /* data a x + (1 - a) x', a an input of both networks (arXiv 2411.11786); sampled at a = 1 */
  /* 2: move */
  pf_ode_method move;
  double step, step_decay; /* eps_k = step / (1 + step_decay k) at iteration k = 0.. */
  /* 3: fit */
  pf_wgf_fit fit;
  int persistence; /* K */
  /* optimisers */
  pf_adam generator_rule, critic_rule;
  double clip; /* gradient norm of either network above which it is scaled down; 0: off */
  double ema;  /* of the generator's weights, per iteration */
  pf_precision precision;
} pf_wgf;

/* ---- graphs (wgf_objective.c) ---- */

/* Inputs of the graphs. */
enum { PF_WGF_DATA, PF_WGF_SOURCE, PF_WGF_Z, PF_WGF_TARGET, PF_WGF_TEMPER, PF_WGF_STEP, PF_WGF_LOG_MEANS };

/* Parameter sets: the trained one is 0; in objectives and moves the other network is set 2 (pf_objective.frozen[0]). */
enum { PF_WGF_TRAINED = 0, PF_WGF_OTHER = 2 };

/* Rows of the tables behind the graphs. source 0: z is N(0, I). */
typedef struct pf_wgf_rows {
  int64_t data, source;
} pf_wgf_rows;

/* Loss of the field's network (set 0), the generator (set 2) frozen: not for plans. */
pf_status pf_wgf_critic_objective(const pf_wgf *w, pf_wgf_rows rows, pf_objective *out, pf_error *error);
/* For the cumulant loss: the critic (set 0) on the rows and samples that its next step will draw, two PER_ROW scalars. */
void pf_wgf_critic_outputs(const pf_wgf *w, pf_wgf_rows rows, pf_graph *graph, pf_node out[2]);
/* Loss of the generator (set 0): targets from inputs Z and TARGET, naive by the frozen potential (set 2). */
pf_status pf_wgf_generator_objective(const pf_wgf *w, pf_wgf_rows rows, pf_objective *out, pf_error *error);

/* The move, for one batch: z, y = G(z), zeta = y - STEP grad phi(y); x a batch of data in place of zeta's potential for plans.
 * Set 0 the generator, set 2 the potential. */
typedef struct pf_wgf_move_nodes {
  pf_node z, y, temper;
  pf_node target; /* plans: rows x of the data, of which the caller makes targets */
} pf_wgf_move_nodes;
pf_wgf_move_nodes pf_wgf_move_graph(const pf_wgf *w, pf_wgf_rows rows, pf_graph *graph);

/* phi at rows x [d]: what samples descend. set: where the field's network is. */
pf_node pf_wgf_potential(const pf_wgf *w, int set, pf_node x, pf_node temper);
/* d(x), phi(x) or the like: the network's own output, before what `potential` makes of it. */
pf_node pf_wgf_critic_node(const pf_wgf *w, int set, pf_node x, pf_node temper);
pf_node pf_wgf_generate(const pf_wgf *w, int set, pf_node z, pf_node temper);

/* Which Wasserstein distance the samples descend: 1, 2 (its square), or 0 for the divergences of a density ratio. */
int pf_wgf_distance(const pf_wgf *w);
/* Whether a network is learned for the field. */
bool pf_wgf_has_critic(const pf_wgf *w);
/* Parameters of the field's network or networks; PF_USAGE for a plan. */
pf_status pf_wgf_critic_layout(const pf_wgf *w, pf_layout *out, pf_error *error);

/* ---- settings from options (wgf_settings.c) ---- */

/* The defaults that the methods share, by the number of columns. */
pf_wgf pf_wgf_default(int columns);
/* Their bound of clipped weights. */
double pf_wgf_clip(int columns);
/* Reads the options over what the method has put into *w, and checks the whole. */
pf_status pf_wgf_options(const pf_train_options *options, pf_wgf *w, pf_error *error);
const char *pf_wgf_field_name(pf_wgf_field field);
const char *pf_wgf_constraint_name(pf_wgf_constraint constraint);
const char *pf_wgf_fit_name(pf_wgf_fit fit);
const char *pf_wgf_rescale_name(pf_wgf_rescale rescale);

/* ---- training (wgf_run.c) ---- */

/* All of a method: `iterations` when the options say nothing. */
pf_status pf_wgf_train(pf_training *training, const pf_wgf *settings, int64_t iterations,
                       struct pf_model **out, pf_error *error);

#endif
