/* JKO flow (JKO-iFlow, arXiv 2212.14424; theory 2310.17582): proximal descent of the Kullback-Leibler divergence to the noise
 * in Wasserstein space, one block a step.
 *
 *   for k = 1..N:   T_k = argmin  KL(T # p_k || N(0, I)) + E|x - T x|^2 / (2 h_k),   p_{k+1} = T_k # p_k
 *
 * T_k is the flow of an autonomous velocity over unit time, trained from the weights of the block before; the rows are pushed
 * through each finished block. h_k = min(h_0 rho^k, cap). Blocks end when one moves the rows by a small share; a last,
 * free block (no movement penalty) closes what is left.
 *   reparametrise   h_k <- h_k + eta (h_k mean(S) / S_k - h_k), S_k the block's root mean square movement; all trained again
 *   refine          a block is its own square root twice: velocity and h halved, both trained again
 */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "../base/memory.h"
#include "flow.h"

static const double RATE_OF_CHANGE = 0.5; /* eta */
enum { TRAINED = 1, LEFT_OUT };

/* Up to so many columns. Few blocks of large h, in the units of standardised rows, and a residual network: chosen by the trials
 * on the rose image in docs/quality.md; beyond the plane by those on two tables there. */
static const struct {
  int columns, width, depth, times, steps, batch, blocks, validate_every;
  bool residual;
  int64_t iterations;
  double h, growth, cap, rate;
} sizes[] = {{3, 64, 4, 0, 2, 512, 3, 100, true, 3000, 1, 4, 20, 5e-3},
             {INT_MAX, 64, 2, 0, 3, 256, 2, 250, false, 4000, 1, 4, 20, 5e-3}};

typedef struct plan {
  int64_t iterations; /* usual */
  int blocks;         /* most, without the free one */
  double h, growth, cap, stop;
  bool free_block;
  int reparametrise, refine;
} plan;

typedef struct jko {
  pf_flow_run r;
  plan p;
  double h[PF_CNF_BLOCKS];        /* of every block; registered */
  double movement[PF_CNF_BLOCKS]; /* root mean square, NaN before it is known; registered */
  int64_t blocks;                 /* that the flow has so far in this round; registered */
  int64_t round;                  /* 0: the first training; registered */
  int64_t in_round;               /* blocks trained in this round; registered */
  int64_t grown;                  /* the first round has all its blocks; registered */
  int64_t freed; /* the free block: 0 before it is trained, TRAINED or LEFT_OUT; registered */
} jko;

static pf_status defaults(const pf_training *t, pf_flow_settings *s, plan *p, pf_error *error) {
  size_t i = 0;
  while (t->d > sizes[i].columns) i++;
  *s = (pf_flow_settings){.field = {.kind = PF_FIELD_NETWORK,
                                    .network = {.inputs = t->d,
                                                .outputs = t->d,
                                                .width = sizes[i].width,
                                                .depth = sizes[i].depth,
                                                .times = sizes[i].times,
                                                .frequencies = 1,
                                                .max_frequency = 1}},
                          .divergence = i == 0 ? PF_DIVERGENCE_EXACT : PF_DIVERGENCE_DIFFERENCE,
                          .width = 0.02 / sqrt(t->d),
                          .steps = sizes[i].steps,
                          .valid_steps = 2 * sizes[i].steps,
                          .batch = sizes[i].batch,
                          .likelihood = 1,
                          .jitter = 1,
                          .learning_rate = sizes[i].rate,
                          .clip = 1,
                          .ema = 0.99,
                          .schedule = PF_SCHEDULE_COSINE,
                          .validate_every = sizes[i].validate_every};
  *p = (plan){.iterations = sizes[i].iterations,
              .blocks = sizes[i].blocks,
              .h = sizes[i].h,
              .growth = sizes[i].growth,
              .cap = sizes[i].cap,
              .stop = 1e-4};
  return pf_flow_options(t->options, s, error);
}

static pf_status choose_plan(const pf_train_options *o, plan *p, pf_error *error) {
  double blocks = p->blocks;
  PF_TRY(pf_option_choose("step-size", o->step_size, 1e-6, 1e6, &p->h, error));
  PF_TRY(pf_option_choose("step-growth", o->step_growth, 0.01, 100, &p->growth, error));
  PF_TRY(pf_option_choose("step-cap", o->step_cap, 1e-6, 1e9, &p->cap, error));
  PF_TRY(pf_option_choose("stop-movement", o->stop_movement, 0, 1, &p->stop, error));
  PF_TRY(pf_option_choose("blocks", (double)o->blocks, 1, PF_CNF_BLOCKS - 1, &blocks, error));
  PF_TRY(pf_option_check("reparametrise", (double)o->reparametrise, 0, 100, error));
  PF_TRY(pf_option_check("refine", (double)o->refine, 0, 5, error));
  p->blocks = (int)blocks;
  p->free_block = !o->no_free_block;
  p->reparametrise = (int)o->reparametrise;
  p->refine = (int)o->refine;
  if ((p->blocks << p->refine) + 1 > PF_CNF_BLOCKS)
    return pf_fail(error, PF_USAGE, "%d blocks halved %d times are more than %d", p->blocks, p->refine,
                   PF_CNF_BLOCKS - 1);
  return PF_OK;
}

static pf_status register_state(jko *j, pf_error *error) {
  pf_registry *g = j->r.training->registry;
  PF_TRY(pf_registry_add_f64(g, "h", j->h, PF_CNF_BLOCKS, error));
  PF_TRY(pf_registry_add_f64(g, "movement", j->movement, PF_CNF_BLOCKS, error));
  PF_TRY(pf_registry_add_i64(g, "flow_blocks", &j->blocks, 1, error));
  PF_TRY(pf_registry_add_i64(g, "round", &j->round, 1, error));
  PF_TRY(pf_registry_add_i64(g, "grown", &j->grown, 1, error));
  PF_TRY(pf_registry_add_i64(g, "freed", &j->freed, 1, error));
  return pf_registry_add_i64(g, "in_round", &j->in_round, 1, error);
}

/* ---- one block ---- */

static float *weights(const jko *j, int64_t k) { return j->r.blocks + k * j->r.layout.total; }

/* Trains block k (free: without the movement penalty) and pushes the rows through it. */
static pf_status train_block(jko *j, int k, bool is_free, const float *from, double *share, pf_error *error) {
  char name[40];
  pf_flow_moved moved = {0};
  if (is_free)
    snprintf(name, sizeof name, "block %d, free", k + 1);
  else
    snprintf(name, sizeof name, "block %d, h %.3g", k + 1, j->h[k]);
  j->r.s.movement = is_free ? 0 : 1 / j->h[k];
  PF_TRY(pf_flow_fit_block(&j->r, k, from, name, error));
  PF_TRY(pf_flow_push(&j->r, k, &moved, error));
  j->movement[k] = sqrt(moved.distance);
  if (share) *share = moved.distance / moved.size;
  pf_training_log(j->r.training, "%s: held-out loss %.4f, moved %.4f%s", name, j->r.best_loss, j->movement[k],
                  moved.distance > 0 ? "" : ": held-out rows gain nothing by it");
  return PF_OK;
}

/* After a block and after all that it decides: a checkpoint from which the next one follows. */
static pf_status finish_block(jko *j, pf_error *error) {
  j->in_round++;
  return pf_training_checkpoint(j->r.training, error);
}

/* ---- rounds ---- */

/* The first training: blocks are added until the rows stand still. */
static pf_status grow(jko *j, pf_error *error) {
  while (!j->grown) {
    int k = (int)j->blocks;
    double share = 1;
    j->h[k] = fmin(j->p.h * pow(j->p.growth, k), j->p.cap);
    PF_TRY(train_block(j, k, false, k > 0 ? weights(j, k - 1) : NULL, &share, error));
    const bool left_out = k > 0 && share == 0;
    if (!left_out) j->blocks++;
    j->grown = left_out || share < j->p.stop || j->blocks == j->p.blocks;
    PF_TRY(finish_block(j, error));
  }
  return PF_OK;
}

static void reparametrise(jko *j) {
  double mean = 0;
  for (int64_t k = 0; k < j->blocks; k++) mean += j->movement[k] / (double)j->blocks;
  for (int64_t k = 0; k < j->blocks; k++) {
    double ratio = j->movement[k] > 0 ? mean / j->movement[k] : 1;
    j->h[k] = fmin(j->h[k] + RATE_OF_CHANGE * (j->h[k] * ratio - j->h[k]), j->p.cap);
  }
}

static void refine(jko *j) {
  size_t bytes = (size_t)j->r.layout.total * sizeof(float);
  for (int64_t k = j->blocks - 1; k >= 0; k--) {
    pf_flow_scale_velocity(&j->r.layout, 0.5f, weights(j, k));
    if (k > 0) memcpy(weights(j, 2 * k), weights(j, k), bytes);
    memcpy(weights(j, 2 * k + 1), weights(j, 2 * k), bytes);
    j->h[2 * k] = j->h[2 * k + 1] = j->h[k] / 2;
  }
  j->blocks *= 2;
}

/* All blocks again, each from its own weights. */
static pf_status train_again(jko *j, pf_error *error) {
  while (j->in_round < j->blocks) {
    int k = (int)j->in_round;
    PF_TRY(train_block(j, k, false, weights(j, k), NULL, error));
    PF_TRY(finish_block(j, error));
  }
  return PF_OK;
}

static int rounds(const plan *p) { return 1 + p->reparametrise + p->refine; }

/* Blocks trained in all rounds together. */
static int trainings(const plan *p) {
  int sum = p->blocks * (1 + p->reparametrise) + (p->free_block ? 1 : 0);
  for (int i = 1; i <= p->refine; i++) sum += p->blocks << i;
  return sum;
}

/* Goes on wherever a checkpoint stood: every number that says where is registered. */
static pf_status run_rounds(jko *j, pf_error *error) {
  PF_TRY(grow(j, error));
  for (;;) {
    if (j->round > 0) PF_TRY(train_again(j, error));
    if (j->round + 1 >= rounds(&j->p)) return PF_OK;
    j->round++;
    j->in_round = 0;
    if (j->round <= j->p.reparametrise)
      reparametrise(j);
    else
      refine(j);
    pf_flow_reset_data(&j->r);
  }
}

static pf_status free_block(jko *j, int *blocks, pf_error *error) {
  if (j->p.free_block && !j->freed) {
    double share = 1;
    PF_TRY(train_block(j, (int)j->blocks, true, weights(j, j->blocks - 1), &share, error));
    j->freed = share > 0 ? TRAINED : LEFT_OUT;
    PF_TRY(finish_block(j, error));
  }
  *blocks = (int)j->blocks + (j->freed == TRAINED);
  return PF_OK;
}

/* ---- the whole ---- */

static pf_status add_facts(const jko *j, int blocks, struct pf_model *model, pf_error *error) {
  json_t *h = json_array(), *moved = json_array();
  for (int k = 0; k < blocks; k++) {
    json_array_append_new(h, k < j->blocks ? json_real(j->h[k]) : json_null());
    json_array_append_new(moved, json_real(j->movement[k]));
  }
  if (json_object_set_new(model->facts, "step_sizes", h) == 0 &&
      json_object_set_new(model->facts, "movement", moved) == 0)
    return PF_OK;
  return pf_fail(error, PF_NO_MEMORY, "out of memory");
}

static pf_status train(jko *j, struct pf_model **out, pf_error *error) {
  char more[160];
  bool resumed = false;
  const plan *p = &j->p;
  int blocks = 0;
  snprintf(more, sizeof more, "%d %.9g/%.9g/%.9g %.9g %d %d/%d", p->blocks, p->h, p->growth, p->cap, p->stop,
           (int)p->free_block, p->reparametrise, p->refine);
  j->r.trainings = trainings(p);
  PF_TRY(pf_flow_resume(&j->r, more, &resumed, error));
  if (!resumed) PF_TRY(pf_flow_plan(&j->r, p->iterations, error));
  PF_TRY(run_rounds(j, error));
  PF_TRY(free_block(j, &blocks, error));
  struct pf_model *model = NULL;
  PF_TRY(pf_flow_model(&j->r, blocks, &model, error));
  pf_status status = add_facts(j, blocks, model, error);
  if (status == PF_OK)
    *out = model;
  else
    pf_model_free(model);
  return status;
}

pf_status pf_jko_train(pf_training *training, struct pf_model **out, pf_error *error) {
  pf_flow_settings s;
  jko *j = NULL;
  PF_TRY(pf_alloc(1, sizeof *j, &j, error));
  pf_status status = defaults(training, &s, &j->p, error);
  if (status == PF_OK) status = choose_plan(training->options, &j->p, error);
  int most = (j->p.blocks << j->p.refine) + 1;
  s.movement = status == PF_OK ? 1 / j->p.h : 0;
  if (status == PF_OK) status = pf_flow_open(training, &s, most, &j->r, error);
  for (int k = 0; k < PF_CNF_BLOCKS; k++) j->movement[k] = NAN;
  if (status == PF_OK) status = register_state(j, error);
  if (status == PF_OK) status = train(j, out, error);
  pf_flow_close(&j->r);
  pf_free(j);
  return status;
}
