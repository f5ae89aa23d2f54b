/* One training run: encoded data, threads, checkpoints, progress, curves. What a method file needs around its
 * mathematics.
 *
 * Order of a run (methods follow it):
 *   begin     data checked, encoder fitted, rows encoded, threads started
 *   register  the method registers its own state (pf_fit_state_register, ...)
 *   resume    everything registered comes back from the checkpoint, when there is one and it was asked for
 *   stages    each a pf_fit_run with pf_training_after_step as its callback
 *   finish    the checkpoint file is removed by whoever has saved the model
 */
#ifndef PF_TRAIN_TRAINING_H
#define PF_TRAIN_TRAINING_H

#include "../model/model.h"
#include "../base/text.h"
#include "../flow/given.h"
#include "../metrics/scale.h"
#include "fit.h"

enum { PF_CURVE_CAPACITY = 512 };

/* A curve under construction; registered state. */
typedef struct pf_training_curve {
  char name[40];
  int64_t count;
  double *steps, *values; /* PF_CURVE_CAPACITY each */
} pf_training_curve;

/* Fills x (n x d, encoded space) with one-step samples first..first+n-1 of the weights trained so far. */
typedef pf_status pf_training_sampler(void *context, pf_rows rows, float *x, pf_error *error);

typedef struct pf_training {
  const pf_train_options *options;
  const pf_table *data;          /* what is trained on */
  const pf_table *held;          /* never trained on; may be NULL */
  pf_table *own_data, *own_held; /* set when the split was made here */
  const pf_table *
      source; /* rows transported to the data, or NULL; `own_source` when paired rows were split like the data */
  pf_table *own_source;
  int64_t n; /* rows of data */
  int d;
  pf_given given; /* of the d columns; the rest is generated */
  uint64_t seed;
  pf_encoder *encoder;
  float *encoded;        /* n x d */
  int64_t source_n;      /* rows of the source that is transported to the data; 0: N(0, I) is */
  float *source_encoded; /* source_n x d, by the same encoder */
  pf_column_scale scale; /* units of the training columns */
  double *held_scaled;   /* held-out rows standardised for curves, held_rows x d */
  int64_t held_rows;
  pf_pool *pool;
  pf_registry *registry;
  uint64_t data_hash;
  pf_text settings; /* what the fingerprint is made of: settings in words */
  int64_t stage;    /* registered; which stage is under way, 0 before the first */
  pf_training_curve curves[PF_MODEL_CURVES];
  int n_curves;
  double last_checkpoint, last_progress, begun; /* clock */
  pf_rates rates;                               /* of this machine; measured when a profile is asked for */
} pf_training;

/* data and options are borrowed and must outlive the training. */
pf_status pf_training_begin(const pf_table *data, const pf_table *held, const pf_train_options *options,
                            pf_training *out, pf_error *error);
void pf_training_end(pf_training *training);

/* A curve to record into; its arrays are registered. Returns its index in curves. */
pf_status pf_training_add_curve(pf_training *training, const char *name, int *index, pf_error *error);
void pf_training_record(pf_training *training, int curve, double step, double value);

/* Loads the checkpoint when options->resume and it exists. *resumed says whether it did. Call after
 * everything is registered. */
pf_status pf_training_resume(pf_training *training, bool *resumed, pf_error *error);
/* Saves now (nothing without a checkpoint path). */
pf_status pf_training_checkpoint(pf_training *training, pf_error *error);

/* What one stage records and shows. */
typedef struct pf_training_stage {
  pf_training *training;
  const char *name;                    /* shown by progress */
  int64_t steps;                       /* of this stage */
  int loss_curve;                      /* curve index, -1: none */
  int quality_curve;                   /* held-out energy distance of one-step samples, -1: none */
  int64_t loss_points, quality_points; /* how many times along the stage each curve is recorded */
  pf_training_sampler *sampler;
  void *sampler_context;
  double seconds_after; /* expected wall time of the stages after this one, for the ETA */
  double begun;         /* clock at the first step here; 0 at the start */
  int64_t first_step;
} pf_training_stage;

/* After step `step` (1 to stage->steps) with this running loss: stop requests, checkpoints, progress, curves. */
pf_status pf_training_step_done(pf_training_stage *stage, int64_t step, double loss, pf_error *error);
/* The same as a pf_fit_after_step; context is a pf_training_stage. */
pf_status pf_training_after_step(void *context, pf_fit_state *state, pf_error *error);

/* Hands the profile of the stage's steps to the hook that asked for one; nothing without it. */
pf_status pf_training_profile(const pf_training_stage *stage, const pf_fit *fit, const pf_layout *layout,
                              pf_error *error);

/* x (n x d) <- rows of the prior: N(0, I), or rows of the source picked at random; given columns are those of random rows. */
void pf_training_prior(const pf_training *training, uint32_t stream, pf_rows rows, float *x);
/* One-step samples (held_rows x d) in the units of training->held_scaled. */
pf_status pf_training_samples(pf_training *training, pf_training_sampler *sampler, void *context,
                              double *rows, pf_error *error);
/* Energy distance between n one-step samples and as many held-out rows, in units of the training columns'
 * spread. NaN without held-out rows. */
pf_status pf_training_quality(pf_training *training, pf_training_sampler *sampler, void *context, double *out,
                              pf_error *error);

/* A log line through the hooks; a warning is one that a user should see. */
void pf_training_log(const pf_training *training, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void pf_training_warn(const pf_training *training, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Step k of n is one of the `points` steps at which curves are recorded (the last step is one). */
bool pf_training_is_point(int64_t k, int64_t n, int64_t points);

/* A model with names, encoder (handed over), curves and the common facts; the method adds its maps and facts.
 */
pf_status pf_training_model(pf_training *training, struct pf_model **out, pf_error *error);

#endif
