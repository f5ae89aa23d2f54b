/* Settings of the characteristic generator: defaults, and what the user's options change.
 *
 * The defaults were chosen by measurement: docs/quality.md has the trials behind each of them.
 */
#include "characteristic.h"

#include <limits.h>
#include <math.h>
#include <string.h>
#include "../base/text.h"

/* Defaults that do not depend on the data. */
static const pf_characteristic defaults = {
    .face = PF_FACE_THEORY,
    .start = PF_START_TRAJECTORY,
    .learning_rate = 3e-3,
    .clip = 1.0,
    .ema = 0.999,
    .teacher_share = 0.5,
    .trajectory_steps = 32,
    .trajectories = 65536,
    .pairs = {.sorted = 0.2, .terminal = 0.2, .from_start = 0.1, .to_end = 0.1, .dyadic = 0.4},
    .diagonal_share = 0,
    .semigroup = 0,
    .huber = 0.02,
    .teacher_substeps = 4,
};

/* Most that the peak rate of a short run grows to, as steps^(-1/3); docs/quality.md has the trials. */
#define MOST_RATE 0.016

/* A trajectory costs two network passes an interval, a step of the fit three a row: at this rate a small share of the fit. */
enum { TRAJECTORIES_PER_STEP = 4, LEAST_TRAJECTORIES = 2048 };

/* Defaults by the number of columns: up to the row's. */
static const struct {
  int columns, width, depth, batch;
  int64_t steps;
} sizes[] = {{3, 64, 4, 512, 150000}, {INT_MAX, 128, 3, 512, 40000}};

static void choose_sizes(int d, pf_characteristic *c, int64_t *steps) {
  size_t i = 0;
  while (d > sizes[i].columns) i++;
  c->velocity.network = (pf_network_config){.inputs = d,
                                            .outputs = d,
                                            .width = sizes[i].width,
                                            .depth = sizes[i].depth,
                                            .times = 1,
                                            .frequencies = 8,
                                            .max_frequency = 16};
  c->batch = sizes[i].batch;
  c->rate_steps = sizes[i].steps;
  *steps = sizes[i].steps;
}

static pf_status choose(const char *option, const char *value, const char *const *names, int count, int *out,
                        pf_error *error) {
  for (int i = 0; value && i < count; i++)
    if (strcmp(value, names[i]) == 0) {
      *out = i;
      return PF_OK;
    }
  return value ? pf_fail_unknown(error, option, value, names, (size_t)count) : PF_OK;
}

/* 0 keeps the default. Checked before it is cut to an int. */
static pf_status choose_int(const char *option, int64_t value, int low, int high, int *out, pf_error *error) {
  if (value == 0) return PF_OK;
  PF_TRY(pf_option_check(option, (double)value, low, high, error));
  *out = (int)value;
  return PF_OK;
}

static pf_status choose_kinds(const pf_train_options *o, pf_characteristic *c, pf_error *error) {
  static const char *const faces[] = {"theory", "practical"}, *const starts[] = {"data", "trajectory"},
                           *const couplings[] = {"independent", "optimal", "paired"};
  int face = (int)c->face, start = (int)c->start, coupling = (int)c->coupling;
  PF_TRY(choose("coupling", o->coupling, couplings, 3, &coupling, error));
  c->coupling = (pf_coupling)coupling;
  c->source = o->from ? o->from->rows : 0;
  if (c->coupling == PF_COUPLING_PAIRED && c->source == 0)
    return pf_fail(error, PF_USAGE,
                   "coupling is 'paired', which needs the rows of a source to pair: --from SOURCE");
  PF_TRY(choose("face", o->face, faces, 2, &face, error));
  PF_TRY(choose("start", o->start, starts, 2, &start, error));
  c->face = (pf_face)face;
  c->start = (pf_start)start;
  if (c->face == PF_FACE_THEORY && c->start == PF_START_DATA)
    return pf_fail(error, PF_USAGE,
                   "start is 'data', but the theory face starts on trajectories; use --face practical");
  if (c->velocity.given.count > 0 && c->coupling == PF_COUPLING_OPTIMAL)
    return pf_fail(
        error, PF_USAGE,
        "coupling is 'optimal', which would match the noise of one condition with the data of another: "
        "not together with --condition");
  /* between two clouds, and between matched ends, the shortest way is straight */
  bool straight = c->source > 0 || c->coupling != PF_COUPLING_INDEPENDENT;
  c->velocity.interpolant = straight ? PF_INTERPOLANT_LINEAR : PF_INTERPOLANT_TRIG;
  if (o->interpolant) PF_TRY(pf_interpolant_find(o->interpolant, &c->velocity.interpolant, error));
  c->end = pf_interpolant_default_end(c->velocity.interpolant);
  return PF_OK;
}

static pf_status choose_network(const pf_train_options *o, pf_characteristic *c, pf_error *error) {
  pf_network_config *n = &c->velocity.network;
  PF_TRY(choose_int("width", o->width, 1, 8192, &n->width, error));
  PF_TRY(choose_int("depth", o->depth, 1, 64, &n->depth, error));
  n->residual = o->residual;
  if (o->activation) PF_TRY(pf_activation_find(o->activation, &n->activation, error));
  c->generator = c->velocity;
  c->generator.network.times = 2;
  return pf_network_config_check(&c->generator.network, error);
}

static pf_status choose_numbers(const pf_train_options *o, pf_characteristic *c, pf_error *error) {
  if (o->learning_rate != 0) {
    c->learning_rate = o->learning_rate;
    c->rate_steps = 0;
  }
  if (o->clip != -1) c->clip = o->clip; /* so that NaN and other negative numbers are seen and refused */
  if (o->ema != 0) c->ema = o->ema;
  if (o->teacher_share != 0) c->teacher_share = o->teacher_share;
  if (o->semigroup != -1) c->semigroup = o->semigroup;
  PF_TRY(pf_option_check("seed", (double)o->seed, 0, 9e15, error));
  PF_TRY(choose_int("batch", o->batch, 1, 1 << 20, &c->batch, error));
  PF_TRY(pf_option_check("learning-rate", c->learning_rate, 1e-9, 10, error));
  c->weight_decay = o->weight_decay;
  PF_TRY(pf_option_check("weight-decay", c->weight_decay, 0, 10, error));
  PF_TRY(pf_option_check("clip", c->clip, 0, 1e9, error));
  PF_TRY(pf_option_check("ema", c->ema, 0, 0.999999, error));
  PF_TRY(pf_option_check("teacher-share", c->teacher_share, 0.01, 0.99, error));
  PF_TRY(choose_int("trajectory-steps", o->trajectory_steps, 1, 1000, &c->trajectory_steps, error));
  PF_TRY(pf_option_check("curve-points", (double)o->curve_points, 0, 50, error));
  return pf_option_check("semigroup", c->semigroup, 0, 1e6, error);
}

static pf_status choose_steps(const pf_train_options *o, int64_t usual, pf_characteristic *c,
                              pf_error *error) {
  PF_TRY(pf_option_check("steps", (double)o->steps, 0, 1e12, error));
  PF_TRY(pf_option_check("budget", o->budget, 0, 1e9, error));
  int64_t steps = o->steps ? o->steps : usual;
  if (steps < 2) return pf_fail(error, PF_USAGE, "steps is %lld, must be at least 2", (long long)steps);
  c->velocity_steps = (int64_t)llround(c->teacher_share * (double)steps);
  if (c->velocity_steps < 1) c->velocity_steps = 1;
  if (c->velocity_steps >= steps) c->velocity_steps = steps - 1;
  c->generator_steps = steps - c->velocity_steps;
  if (o->method && strcmp(o->method, "flow-matching") == 0) c->velocity_steps = steps;
  return PF_OK;
}

double pf_characteristic_learning_rate(const pf_characteristic *c, int64_t steps) {
  if (steps >= c->rate_steps || steps < 1) return c->learning_rate;
  double rate = c->learning_rate * cbrt((double)c->rate_steps / (double)steps);
  return rate < MOST_RATE ? rate : MOST_RATE;
}

int64_t pf_characteristic_trajectories(const pf_characteristic *c, int64_t generator_steps) {
  int64_t wanted = TRAJECTORIES_PER_STEP * generator_steps;
  if (wanted < LEAST_TRAJECTORIES) wanted = LEAST_TRAJECTORIES;
  return wanted < c->trajectories ? wanted : c->trajectories;
}

pf_status pf_characteristic_settings(const pf_train_options *o, int d, const pf_given *given,
                                     pf_characteristic *out, pf_error *error) {
  pf_characteristic c = defaults;
  int64_t steps = 0;
  choose_sizes(d, &c, &steps);
  if (given) c.velocity.given = *given;
  c.velocity.network.outputs = d - c.velocity.given.count;
  PF_TRY(choose_kinds(o, &c, error));
  PF_TRY(choose_numbers(o, &c, error));
  PF_TRY(choose_network(o, &c, error));
  PF_TRY(pf_precision_find(o->precision ? o->precision : "auto", &c.precision, error));
  PF_TRY(choose_steps(o, steps, &c, error));
  c.huber *= sqrt(c.velocity.network.outputs); /* the setting is per coordinate, the norm is of the row */
  /* node indices are exact floats only below 2^24 */
  int64_t most = ((1 << 24) - 1) / (c.trajectory_steps + 1);
  if (c.trajectories > most) c.trajectories = most;
  /* many columns: all nodes together stay within 512 MiB */
  int64_t room = (INT64_C(512) << 20) / ((int64_t)sizeof(float) * (c.trajectory_steps + 1) * d);
  if (c.trajectories > room) c.trajectories = room > 256 ? room : 256;
  *out = c;
  return PF_OK;
}
