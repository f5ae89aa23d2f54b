/* What a model file means: everything needed to sample, to reproduce the training and to report on it.
 *
 * A model is a column encoder and one or two trained maps: the generator g (one-step, two-time map) and the
 * velocity it was fitted to (kept so that quality can be decomposed and few-step integrators compared). Facts
 * are JSON metadata (docs/format.md); loading validates every one of them.
 */
#ifndef PF_MODEL_MODEL_H
#define PF_MODEL_MODEL_H

#include <jansson.h>
#include "../data/encoder.h"
#include "../flow/learned.h"

enum { PF_FORMAT_VERSION = 1 };

/* Named curve recorded during training: points are (step, value). */
typedef struct pf_curve {
  char name[40];
  int64_t count;
  double *steps, *values; /* owned by the model */
} pf_curve;

enum { PF_MODEL_CURVES = 6 };

struct pf_model {
  int columns;
  pf_table *columns_like; /* zero rows: names, types and decimals of the columns */
  pf_encoder *encoder;
  pf_learned *generator; /* two-time map; NULL for a velocity-only model */
  pf_learned *velocity;  /* NULL when not kept */
  double start, end;     /* sampling moves from `start` to `end`, normally 0 and the interpolant's end */
  json_t *facts;         /* object: method, settings, seed, steps, version, ... */
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

/* ---- sampler.c and draw.c ---- */

/* What is drawn. */
typedef struct pf_draw {
  int64_t steps;         /* network evaluations per sample (generator) or integrator steps (velocity) */
  bool teacher;          /* integrate the velocity by Euler steps instead of using g */
  const char *precision; /* NULL: f32 */
  uint64_t seed;
  pf_pool *pool;
} pf_draw;

/* Prior draws: rows first..first+n-1 of N(0, I), z is n x columns. */
void pf_model_prior(const struct pf_model *model, uint64_t seed, pf_rows rows, float *z);
/* PF_USAGE unless first and n are possible sample indices. */
pf_status pf_model_check_rows(pf_rows rows, pf_error *error);
/* The whole on a pool, by a sampler: prior, map or integrator, decoder into the data's units; out is n x columns. */
pf_status pf_model_draw(const struct pf_model *model, const pf_draw *draw, pf_rows rows, double *out,
                        pf_error *error);

#endif
