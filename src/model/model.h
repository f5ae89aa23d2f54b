/* What a model file means: everything needed to sample, to reproduce the training and to report on it.
 *
 * A model is a column encoder and one or two trained maps: the generator g (one step from noise; a two-time map or a plain one)
 * and what it was fitted to, a velocity (kept so that quality can be decomposed and few-step integrators compared) or a flow with
 * likelihood. Facts are JSON metadata (docs/format.md); loading validates every one of them.
 */
#ifndef PF_MODEL_MODEL_H
#define PF_MODEL_MODEL_H

#include <jansson.h>
#include "../data/encoder.h"
#include "../flow/cnf.h"
#include "../flow/critic.h"
#include "../flow/learned.h"

enum { PF_FORMAT_VERSION = 1 };

/* Named curve recorded during training: points are (step, value). */
typedef struct pf_curve {
  char name[40];
  int64_t count;
  double *steps, *values; /* owned by the model */
} pf_curve;

enum { PF_MODEL_CURVES = 6 };

/* Values of a model's given columns. */
typedef struct pf_conditions {
  int64_t rows;
  double *values; /* rows x given.count, in the data's units; owned by the model, as the next */
  float *encoded; /* the same, encoded */
  bool in_order;  /* row i for sample i, beginning anew after the last; else rows picked by the seed */
} pf_conditions;

struct pf_model {
  int columns;            /* of a row, given ones too */
  pf_table *columns_like; /* zero rows: names, types and decimals of the columns */
  pf_encoder *encoder;
  pf_learned *generator; /* two-time or plain map; NULL for a velocity-only model */
  pf_learned *velocity;  /* NULL when not kept */
  pf_cnf *flow; /* a flow with likelihood, NULL for other methods; `generator` is then its one-step student */
  pf_critic *critic; /* potential of the last field, NULL when the method has none */
  bool from_source;  /* the prior is rows of a source, not N(0, I) */
  float *source;     /* source_rows x columns, encoded; NULL until pf_model_set_source */
  int64_t source_rows;
  bool source_in_order;
  pf_given given;           /* columns that are not generated */
  pf_conditions conditions; /* what they are, until asked for otherwise; {0} until pf_model_set_given */
  double start, end;        /* sampling moves from `start` to `end`, normally 0 and the interpolant's end */
  json_t *facts;            /* object: method, settings, seed, steps, version, ... */
  int n_curves;
  pf_curve curves[PF_MODEL_CURVES];
};

/* An empty model with column names and types of `like` (copied). */
pf_status pf_model_create(const pf_table *like, struct pf_model **out, pf_error *error);

/* Adds a curve; steps and values are copied. */
pf_status pf_model_add_curve(struct pf_model *model, const char *name, int64_t count, const double *steps,
                             const double *values, pf_error *error);

/* The model inside a container (for fuzzing and for files within files). */
pf_status pf_model_from_container(const pf_container *container, struct pf_model **out, pf_error *error);

/* n rows of the model's columns, by name, type and decimals; their values are zeros. */
pf_status pf_model_new_table(const struct pf_model *model, int64_t n, pf_table **out, pf_error *error);
/* PF_BAD_INPUT unless the table has the model's columns, by name and in order. `what` stands in the message. */
pf_status pf_model_check_table(const struct pf_model *model, const pf_table *table, const char *what,
                               pf_error *error);

/* ---- density.c ---- */

/* How a flow is followed for a density or for its noise. */
typedef struct pf_follow {
  int64_t steps;    /* Runge-Kutta 4 steps per block; 0: the model's own */
  double tolerance; /* > 0: adaptive instead, with this relative tolerance */
  uint64_t seed;    /* of the encoder's draws for discrete columns */
  pf_pool *pool;
} pf_follow;

/* Rows of the data's units (n x columns) to noise z (n x columns, may be NULL) and log p in nats with respect to the data's
 * units (n, may be NULL). evaluations (may be NULL): of the field per row. PF_USAGE for a model without a flow. */
pf_status pf_model_follow(const struct pf_model *model, const pf_follow *follow, int64_t n,
                          const double *rows, double *z, double *log_density, double *evaluations,
                          pf_error *error);
/* Noise z (n x columns) to rows in the data's units. */
pf_status pf_model_invert(const struct pf_model *model, const pf_follow *follow, int64_t n, const double *z,
                          double *rows, pf_error *error);

/* ---- prior.c: the one place where samples begin ---- */

/* PF_USAGE for a model that starts from a source and has not been given one. */
pf_status pf_model_check_source(const struct pf_model *model, pf_error *error);
/* The same, and for one whose conditions have not been given. */
pf_status pf_model_check_prior(const struct pf_model *model, pf_error *error);
/* Prior draws first..first+n-1 (z is n x columns): N(0, I), or rows of the source; given columns hold conditions, encoded. The
 * prior has been checked. */
void pf_model_prior(const struct pf_model *model, uint64_t seed, pf_rows rows, float *z);
/* The conditions of sample i, given.count values in the data's units. */
const double *pf_model_condition(const struct pf_model *model, uint64_t seed, int64_t i);

/* ---- sampler.c and draw.c ---- */

/* Whether the generator may take more than one step: not one that is a plain map. */
bool pf_model_takes_steps(const struct pf_model *model);
/* Steps of a sampler that was asked for 0: one evaluation of a generator, a flow's own Runge-Kutta steps, 100 of a velocity. */
int64_t pf_model_default_steps(const struct pf_model *model, bool teacher);

/* What is drawn. */
typedef struct pf_draw {
  int64_t
      steps; /* network evaluations (generator, velocity) or Runge-Kutta steps per block (flow); 0: the default */
  bool teacher;          /* integrate the velocity by Euler steps, or the flow, instead of using g */
  const char *solver;    /* the same by this solver; NULL: none is asked for */
  const char *precision; /* NULL: f32 */
  uint64_t seed;
  bool paths; /* every node is wanted: out is n x nodes x columns */
  pf_pool *pool;
} pf_draw;

/* PF_USAGE unless first and n are possible sample indices. */
pf_status pf_model_check_rows(pf_rows rows, pf_error *error);
/* The whole on a pool, by a sampler: prior, map or integrator, decoder into the data's units; out is n x columns. */
pf_status pf_model_draw(const struct pf_model *model, const pf_draw *draw, pf_rows rows, double *out,
                        pf_error *error);

/* Nodes of a sample's path, the noise and the sample among them: steps + 1, of a flow blocks x steps + 1; 0 for dopri5, whose
 * steps are each sample's own. */
int64_t pf_sampler_nodes(const pf_sampler *sampler);
/* As pf_sampler_run, every node in the data's units: out is n x nodes x d. PF_USAGE for dopri5. */
pf_status pf_sampler_run_paths(const pf_sampler *sampler, pf_sample_range range, double *out,
                               pf_workspace workspace, pf_error *error);

#endif
