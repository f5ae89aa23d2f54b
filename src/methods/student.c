/* One-step students of flows: see student.h. */
#include "student.h"

#include <string.h>
#include "../base/memory.h"
#include "../base/rng.h"

enum { STAGE = 1 << 20 }; /* apart from the blocks' stages */

struct pf_student {
  pf_training *training;
  pf_characteristic c;
  pf_layout layout;
  pf_fit_state fit;
  float *nodes, *times, *pairs, *noise;
  int loss_curve;
};

/* The map, its size and its rates are those of the characteristic generator; the flow's own sizes mean nothing here. */
static pf_status settings(const pf_training *t, int nodes, pf_characteristic *out, pf_error *error) {
  pf_train_options o = pf_train_options_default();
  o.seed = t->options->seed;
  o.precision = t->options->precision;
  o.steps = 2 * t->options->student; /* half of which are the generator's */
  o.trajectory_steps = nodes;
  o.curve_points = t->options->curve_points;
  PF_TRY(pf_characteristic_settings(&o, t->d, NULL, out, error));
  out->end = 1;
  out->generator_steps = t->options->student;
  out->trajectories = pf_characteristic_trajectories(out, out->generator_steps);
  return PF_OK;
}

static pf_status allocate(pf_student *s, pf_error *error) {
  PF_TRY(pf_network_layout(&s->c.generator.network, &s->layout, error));
  PF_TRY(pf_fit_state_create(s->layout.total, &s->fit, error));
  pf_layout_initialise(&s->layout, s->training->seed + 1, s->fit.arrays.params);
  memcpy(s->fit.arrays.average, s->fit.arrays.params, (size_t)s->layout.total * sizeof(float));
  return PF_OK;
}

/* The flow's paths from fresh noise: as many blocks as it came to have. */
static pf_status follow(pf_student *s, const pf_cnf *flow, int steps, pf_error *error) {
  s->c.trajectory_steps = pf_cnf_config_of(flow)->blocks * steps;
  size_t nodes = (size_t)s->c.trajectory_steps + 1, paths = (size_t)s->c.trajectories,
         d = (size_t)s->training->d;
  pf_rows rows = {0, s->c.trajectories};
  PF_TRY(pf_alloc(nodes, sizeof(float), &s->times, error));
  PF_TRY(pf_alloc(2 * PF_PAIR_TABLE, sizeof(float), &s->pairs, error));
  PF_TRY(pf_alloc(paths * d, sizeof(float), &s->noise, error));
  PF_TRY(pf_alloc(paths * nodes * d, sizeof(float), &s->nodes, error));
  pf_pair_table(&s->c.pairs, s->c.trajectory_steps, s->pairs);
  for (size_t k = 0; k < nodes; k++) s->times[k] = (float)((double)k / (double)(nodes - 1));
  pf_fill_normal_f32(s->training->seed, PF_STREAM_GRAPH - 1, 0, 0, paths, d, s->noise);
  return pf_cnf_paths(flow, steps, rows, s->noise, s->nodes, s->training->pool, error);
}

pf_status pf_student_open(pf_training *training, int nodes, pf_student **out, pf_error *error) {
  pf_student *s = NULL;
  int64_t steps = training->options->student;
  if (steps == 0) return PF_OK;
  if (steps < 1 || steps > 1000000000)
    return pf_fail(error, PF_USAGE, "student is %lld, must be 1 to 1000000000 steps, or 0 for none",
                   (long long)steps);
  PF_TRY(pf_alloc(1, sizeof *s, &s, error));
  s->training = training;
  pf_status status = settings(training, nodes, &s->c, error);
  if (status == PF_OK) status = allocate(s, error);
  if (status == PF_OK) status = pf_fit_state_register(&s->fit, "student", training->registry, error);
  if (status == PF_OK) status = pf_training_add_curve(training, "student loss", &s->loss_curve, error);
  pf_text_add(&training->settings, "student %lld ", (long long)steps);
  *out = s; /* freed by the caller whatever happened: the registry points into it */
  return status;
}

void pf_student_free(pf_student *s) {
  if (!s) return;
  pf_fit_state_free(&s->fit);
  pf_layout_free(&s->layout);
  pf_free(s->nodes);
  pf_free(s->times);
  pf_free(s->pairs);
  pf_free(s->noise);
  pf_free(s);
}

static pf_status open_fit(pf_student *s, pf_objective *o, pf_fit **fit, pf_error *error) {
  PF_TRY(pf_theory_objective(&s->c, s->training->n, o, error));
  o->inputs[PF_CHARACTERISTIC_NODES] = s->nodes;
  o->inputs[PF_CHARACTERISTIC_TIMES] = s->times;
  o->inputs[PF_CHARACTERISTIC_PAIRS] = s->pairs;
  pf_fit_config f = {.steps = s->c.generator_steps,
                     .batch = s->c.batch,
                     .adam = pf_adam_default(),
                     .clip = s->c.clip,
                     .ema = s->c.ema,
                     .precision = s->c.precision,
                     .seed = s->training->seed,
                     .stage = STAGE,
                     .profile = s->training->options->hooks.profile != NULL};
  f.adam.learning_rate = pf_characteristic_learning_rate(&s->c, 2 * f.steps);
  f.adam.beta2 = 0.999;
  f.warmup = f.steps / 50 < 500 ? f.steps / 50 : 500;
  return pf_fit_create(o, &f, &s->fit, s->training->pool, fit, error);
}

static pf_status fit_paths(pf_student *s, pf_error *error) {
  pf_training_stage watch = {.training = s->training,
                             .name = "student",
                             .steps = s->c.generator_steps,
                             .loss_curve = s->loss_curve,
                             .quality_curve = -1,
                             .loss_points = s->training->options->curve_points};
  pf_objective o = {0};
  pf_fit *fit = NULL;
  pf_status status = open_fit(s, &o, &fit, error);
  if (status == PF_OK) {
    status = pf_fit_run(fit, pf_training_after_step, &watch, error);
    pf_status told = pf_training_profile(&watch, fit, &s->layout, status == PF_OK ? error : NULL);
    if (status == PF_OK) status = told;
  }
  if (status == PF_NON_FINITE) status = pf_fail_within(error, status, "stage '%s'", watch.name);
  pf_fit_free(fit);
  pf_graph_free(o.graph);
  return status;
}

pf_status pf_student_train(pf_student *s, const pf_cnf *flow, int steps, pf_learned **out, pf_error *error) {
  PF_TRY(follow(s, flow, steps, error));
  PF_TRY(fit_paths(s, error));
  return pf_learned_create(&s->c.generator, s->fit.arrays.average, out, error);
}
