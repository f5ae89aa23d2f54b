/* The training loop: a regression with a closed form, the same bits for any pool and across a stop, failures. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/memory.h"
#include "base/rng.h"
#include "nn/network.h"
#include "train/fit.h"

static void must(pf_status status, const pf_error *error) {
  if (status != PF_OK) fail_msg("%s: %s", pf_status_name(status), error->message);
}

/* ---- problems ---- */

enum { ROWS = 64, WEIGHTS = 3, S_ROW = 1, IN_X = 0, IN_Y, IN_LAMBDA };

/* y = 2 x1 - x2 + 0.5 + noise; the linear model's weights have a closed form. */
typedef struct problem {
  float x[ROWS * 2], y[ROWS];
  pf_network_config network; /* width 0: the linear model */
  pf_layout layout;
  int64_t parameters;
} problem;

static void make_problem(problem *p, int width) {
  float noise[ROWS];
  pf_error error = {0};
  *p = (problem){
      .network =
          {.inputs = 2, .outputs = 1, .width = width, .depth = 2, .frequencies = 1, .max_frequency = 1},
      .parameters = WEIGHTS};
  pf_fill_normal_f32(1, PF_STREAM_TEST, 0, 0, ROWS, 2, p->x);
  pf_fill_normal_f32(2, PF_STREAM_TEST, 0, 0, ROWS, 1, noise);
  for (int i = 0; i < ROWS; i++) p->y[i] = 2 * p->x[2 * i] - p->x[2 * i + 1] + 0.5f + 0.3f * noise[i];
  if (width == 0) return;
  must(pf_network_layout(&p->network, &p->layout, &error), &error);
  p->parameters = p->layout.total;
}

/* mean over random rows of (f(x) - y)^2; with `balance` half of it comes as a second, weighted term. */
static pf_objective objective_of(const problem *p, int batch, bool balance) {
  pf_objective o = {0};
  pf_error error = {0};
  must(pf_graph_create(&o.graph, &error), &error);
  pf_node index = pf_index(o.graph, S_ROW, ROWS);
  pf_node x = pf_gather(pf_input(o.graph, IN_X, PF_SHAPE(PF_SHARED, ROWS, 2)), index);
  pf_node y = pf_gather(pf_input(o.graph, IN_Y, PF_SHAPE(PF_SHARED, ROWS, 1)), index);
  pf_node w = pf_param(o.graph, 0, 0, PF_SHAPE(PF_SHARED, 2, 1)),
          b = pf_param(o.graph, 0, 2, PF_SHAPE(PF_SHARED, 1));
  pf_node f =
      p->network.width ? pf_network_apply(&p->network, 0, x, x, x) : pf_add(pf_matmul(x, w, false, false), b);
  pf_node inverse = pf_scalar(o.graph, 1.0 / batch);
  o.loss = pf_mean_rows(pf_sum_items(pf_square(pf_sub(f, y))), inverse);
  o.terms[0] = o.loss;
  o.n_terms = 1;
  o.balance_weight = (pf_node){o.graph, -1};
  if (balance) {
    o.terms[1] = pf_mean_rows(pf_scale(pf_sum_items(pf_square(f)), 0.1), inverse);
    o.n_terms = 2;
    o.balance_weight = w;
    o.balance_input = IN_LAMBDA;
    o.loss = pf_add(o.terms[0], pf_mul(o.terms[1], pf_input(o.graph, IN_LAMBDA, PF_SCALAR(PF_SHARED))));
  }
  o.inputs[IN_X] = p->x;
  o.inputs[IN_Y] = p->y;
  return o;
}

static pf_fit_config config_of(int64_t steps, int batch) {
  pf_fit_config c = {.steps = steps,
                     .batch = batch,
                     .adam = pf_adam_default(),
                     .warmup = 5,
                     .clip = 1,
                     .ema = 0.9,
                     .seed = 6,
                     .stage = 1};
  c.adam.learning_rate = 0.05;
  return c;
}

static void open_state(const problem *p, pf_fit_state *state) {
  pf_error error = {0};
  must(pf_fit_state_create(p->parameters, state, &error), &error);
  if (p->network.width) pf_layout_initialise(&p->layout, 3, state->arrays.params);
}

/* Runs `config` with a pool of `threads`; the state is the caller's. */
static pf_status run_fit(const problem *p, bool balance, const pf_fit_config *config, int threads,
                         pf_fit_state *state, pf_error *error) {
  pf_objective o = objective_of(p, config->batch, balance);
  pf_pool *pool = NULL;
  pf_fit *fit = NULL;
  must(pf_pool_create(threads, &pool, error), error);
  must(pf_fit_create(&o, config, state, pool, &fit, error), error);
  pf_status status = pf_fit_run(fit, NULL, NULL, error);
  pf_fit_free(fit);
  pf_pool_free(pool);
  pf_graph_free(o.graph);
  return status;
}

static void expect_same_state(const char *what, const pf_fit_state *a, const pf_fit_state *b) {
  size_t bytes = (size_t)a->arrays.n * sizeof(float);
  bool same = memcmp(a->arrays.params, b->arrays.params, bytes) == 0 &&
              memcmp(a->arrays.first_moment, b->arrays.first_moment, bytes) == 0 &&
              memcmp(a->arrays.second_moment, b->arrays.second_moment, bytes) == 0 &&
              memcmp(a->arrays.average, b->arrays.average, bytes) == 0 && a->step == b->step &&
              memcmp(&a->loss, &b->loss, sizeof a->loss) == 0 && a->balance == b->balance &&
              a->rate_factor == b->rate_factor && a->finished == b->finished;
  if (!same) fail_msg("%s: the states differ", what);
}

/* ---- values ---- */

/* Normal equations of the 3-weight problem by Gauss-Jordan without pivoting (positive definite). */
static void least_squares(const problem *p, double w[WEIGHTS]) {
  double m[WEIGHTS][WEIGHTS + 1] = {{0}};
  for (int i = 0; i < ROWS; i++) {
    double row[] = {p->x[2 * i], p->x[2 * i + 1], 1, p->y[i]};
    for (int a = 0; a < WEIGHTS; a++)
      for (int b = 0; b <= WEIGHTS; b++) m[a][b] += row[a] * row[b];
  }
  for (int k = 0; k < WEIGHTS; k++)
    for (int a = 0; a < WEIGHTS; a++) {
      double factor = m[a][k] / m[k][k];
      for (int b = 0; a != k && b <= WEIGHTS; b++) m[a][b] -= factor * m[k][b];
    }
  for (int k = 0; k < WEIGHTS; k++) w[k] = m[k][WEIGHTS] / m[k][k];
}

static void a_regression_finds_the_closed_form(void **unused) {
  (void)unused;
  problem p;
  pf_fit_state state;
  pf_error error = {0};
  double w[WEIGHTS];
  make_problem(&p, 0);
  least_squares(&p, w);
  open_state(&p, &state);
  pf_fit_config c = config_of(1500, 1024);
  c.ema = 0.99;
  must(run_fit(&p, false, &c, 2, &state, &error), &error);
  for (int k = 0; k < WEIGHTS; k++) assert_true(fabs(state.arrays.average[k] - w[k]) < 5e-3);
  assert_int_equal(state.step, 1500);
  assert_true(state.loss > 0.05 && state.loss < 0.2); /* the noise: 0.09 */
  pf_fit_state_free(&state);
}

/* One step by hand: the loss is the mean over the drawn rows, the step is Adam's sign step, clipped or not. */
static void one_step_is_the_formula(void **unused) {
  (void)unused;
  problem p;
  pf_fit_state state;
  pf_error error = {0};
  make_problem(&p, 0);
  open_state(&p, &state);
  pf_fit_config c = config_of(1, 130);
  c.warmup = 0;
  c.final_rate = 1;
  must(run_fit(&p, false, &c, 1, &state, &error), &error);
  float index[130];
  pf_fill_index_f32(c.seed ^ (UINT64_C(1) << 48), PF_STREAM_GRAPH + S_ROW, 1, 0, 130, ROWS, index);
  double loss = 0, g[WEIGHTS] = {0}, norm = 0;
  for (int i = 0; i < 130; i++) {
    const float *x = p.x + 2 * (int)index[i];
    double y = p.y[(int)index[i]], row[] = {x[0], x[1], 1};
    loss += y * y / 130; /* weights start at zero */
    for (int k = 0; k < WEIGHTS; k++) g[k] -= 2 * y * row[k] / 130;
  }
  for (int k = 0; k < WEIGHTS; k++) norm += g[k] * g[k];
  norm = sqrt(norm);
  assert_true(norm > 1.5); /* clipping acts */
  assert_true(fabs(state.loss - loss) < 1e-5 * loss);
  for (int k = 0; k < WEIGHTS; k++) {
    assert_true(fabs(state.arrays.first_moment[k] - 0.1 * g[k] / norm) < 1e-6);
    assert_true(fabs(state.arrays.params[k] + 0.05 * (g[k] > 0 ? 1 : -1)) < 1e-6);
    assert_true(fabs(state.arrays.average[k] - 9. / 11 * state.arrays.params[k]) < 1e-6);
  }
  pf_fit_state_free(&state);
}

/* lambda <- 0.98 lambda + 0.02 |d terms[0]/dw| / (|d terms[1]/dw| + 1e-4) */
static void the_balance_follows_the_gradients(void **unused) {
  (void)unused;
  problem p;
  pf_fit_state state;
  pf_error error = {0};
  make_problem(&p, 0);
  open_state(&p, &state);
  state.arrays.params[0] = 1;
  state.arrays.params[2] = 0.3f;
  pf_fit_config c = config_of(1, 200);
  must(run_fit(&p, true, &c, 1, &state, &error), &error);
  float index[200];
  pf_fill_index_f32(c.seed ^ (UINT64_C(1) << 48), PF_STREAM_GRAPH + S_ROW, 1, 0, 200, ROWS, index);
  double g[2][2] = {{0}};
  for (int i = 0; i < 200; i++) {
    const float *x = p.x + 2 * (int)index[i];
    double f = x[0] + 0.3, y = p.y[(int)index[i]];
    for (int k = 0; k < 2; k++) {
      g[0][k] += 2 * (f - y) * x[k] / 200;
      g[1][k] += 0.2 * f * x[k] / 200;
    }
  }
  double lambda = hypot(g[0][0], g[0][1]) / (hypot(g[1][0], g[1][1]) + 1e-4);
  assert_true(fabs(state.balance - (0.98 + 0.02 * lambda)) < 1e-5);
  assert_true(fabs(state.balance - 1) > 1e-3);
  pf_fit_state_free(&state);
}

/* ---- bits ---- */

static void pools_never_change_a_bit(void **unused) {
  (void)unused;
  static const int batches[] = {1, 100, 130, 257, 1000}, pools[] = {2, 5};
  problem p;
  pf_error error = {0};
  make_problem(&p, 96); /* more than two chunks of parameters */
  assert_true(p.parameters > 2 * 4096);
  for (int b = 0; b < 5; b++) {
    pf_fit_config c = config_of(12, batches[b]);
    pf_fit_state one, other;
    open_state(&p, &one);
    must(run_fit(&p, false, &c, 1, &one, &error), &error);
    for (int t = 0; t < 2; t++) {
      open_state(&p, &other);
      must(run_fit(&p, false, &c, pools[t], &other, &error), &error);
      char name[40];
      snprintf(name, sizeof name, "batch %d, %d threads", batches[b], pools[t]);
      expect_same_state(name, &one, &other);
      pf_fit_state_free(&other);
    }
    pf_fit_state_free(&one);
  }
  pf_layout_free(&p.layout);
}

/* A stage draws its own numbers. */
static void stages_and_seeds_draw_different_numbers(void **unused) {
  (void)unused;
  problem p;
  pf_error error = {0};
  pf_fit_state states[3];
  make_problem(&p, 0);
  for (int i = 0; i < 3; i++) {
    pf_fit_config c = config_of(3, 50);
    if (i == 1) c.stage = 2;
    if (i == 2) c.seed = 7;
    open_state(&p, &states[i]);
    must(run_fit(&p, false, &c, 1, &states[i], &error), &error);
  }
  assert_true(states[0].loss != states[1].loss && states[0].loss != states[2].loss);
  for (int i = 0; i < 3; i++) pf_fit_state_free(&states[i]);
}

static const char *checkpoint_path(void) {
  static char path[256];
  const char *folder = getenv("TMPDIR");
  snprintf(path, sizeof path, "%s/pf_fit_%ld", folder ? folder : "/tmp", (long)getpid());
  return path;
}

static pf_status stop_after(void *context, pf_fit_state *state, pf_error *error) {
  return state->step == *(const int64_t *)context ? pf_fail(error, PF_STOPPED, "here") : PF_OK;
}

/* Stopped after step k, saved, loaded into a fresh state and carried on: every bit of an uninterrupted run. */
static void a_stopped_fit_goes_on_as_if_nothing_happened(void **unused) {
  (void)unused;
  problem p;
  pf_error error = {0};
  make_problem(&p, 0);
  pf_fit_config c = config_of(25, 300);
  pf_fit_state whole;
  open_state(&p, &whole);
  must(run_fit(&p, true, &c, 1, &whole, &error), &error);
  const int64_t stops[] = {1, 13, 24, 25};
  for (int i = 0; i < 4; i++) {
    pf_fit_state before, after;
    pf_registry *saved = NULL, *loaded = NULL;
    pf_objective o = objective_of(&p, c.batch, true);
    pf_fit *fit = NULL;
    open_state(&p, &before);
    open_state(&p, &after);
    after.rate_factor = 5; /* what the file does not bring back would show */
    after.finished = 1;
    must(pf_fit_create(&o, &c, &before, NULL, &fit, &error), &error);
    assert_int_equal(pf_fit_run(fit, stop_after, (void *)&stops[i], &error), PF_STOPPED);
    assert_int_equal(before.step, stops[i]);
    must(pf_registry_create(&saved, &error), &error);
    must(pf_registry_create(&loaded, &error), &error);
    must(pf_fit_state_register(&before, "s", saved, &error), &error);
    must(pf_fit_state_register(&after, "s", loaded, &error), &error);
    must(pf_registry_save(saved, checkpoint_path(), "x", &error), &error);
    must(pf_registry_load(loaded, checkpoint_path(), "x", &error), &error);
    expect_same_state("loaded", &before, &after);
    must(run_fit(&p, true, &c, 3, &after, &error), &error);
    expect_same_state("resumed", &whole, &after);
    pf_fit_free(fit);
    pf_graph_free(o.graph);
    pf_registry_free(saved);
    pf_registry_free(loaded);
    pf_fit_state_free(&before);
    pf_fit_state_free(&after);
  }
  remove(checkpoint_path());
  pf_fit_state_free(&whole);
}

/* ---- schedules ---- */

/* Adam on a constant gradient (beta1 = beta2) moves every weight by the learning rate: what was moved is the rate. */
typedef struct rates {
  double seen[16];
  float last;
  double factor; /* put on the rate after step 4 */
  int64_t finish_at;
} rates;

static pf_status note_rate(void *context, pf_fit_state *state, pf_error *error) {
  rates *r = context;
  (void)error;
  r->seen[state->step] = fabs(state->arrays.params[0] - r->last);
  r->last = state->arrays.params[0];
  if (state->step == 4) state->rate_factor *= r->factor;
  if (state->step == r->finish_at) state->finished = 1;
  return PF_OK;
}

/* loss = mean of 3 w_0 */
static pf_objective slope_objective(int batch) {
  pf_objective o = {0};
  pf_error error = {0};
  must(pf_graph_create(&o.graph, &error), &error);
  pf_node w = pf_slice(pf_param(o.graph, 0, 0, PF_SHAPE(PF_SHARED, WEIGHTS)), 0, 1);
  pf_node row = pf_mul(pf_row_weight(o.graph), pf_sum_items(pf_scale(w, 3)));
  o.loss = o.terms[0] = pf_mean_rows(row, pf_scalar(o.graph, 1.0 / batch));
  o.n_terms = 1;
  o.balance_weight = (pf_node){o.graph, -1};
  return o;
}

/* Ten steps at most; the state ends where the run did. */
static void watch_rates(pf_fit_config c, rates *r, pf_fit_state *state) {
  pf_error error = {0};
  pf_fit *fit = NULL;
  pf_objective o = slope_objective(c.batch);
  must(pf_fit_state_create(WEIGHTS, state, &error), &error);
  c.adam.beta1 = c.adam.beta2 = 0.5;
  must(pf_fit_create(&o, &c, state, NULL, &fit, &error), &error);
  must(pf_fit_run(fit, note_rate, r, &error), &error);
  pf_fit_free(fit);
  pf_graph_free(o.graph);
}

static void expect_rates(const char *name, const rates *r, const double *want) {
  for (int k = 1; k <= 10; k++)
    if (!(fabs(r->seen[k] - want[k - 1]) <= 1e-6))
      fail_msg("%s: step %d moved %g, not %g", name, k, r->seen[k], want[k - 1]);
}

static void schedules_are_as_stated(void **unused) {
  (void)unused;
  static const struct {
    const char *name;
    pf_schedule schedule;
    int64_t warmup, halve_every;
    double factor, want[10];
  } cases[] = {
      {"constant", PF_SCHEDULE_CONSTANT, 0, 0, 1, {.08, .08, .08, .08, .08, .08, .08, .08, .08, .08}},
      {"constant, warm-up",
       PF_SCHEDULE_CONSTANT,
       4,
       0,
       1,
       {.02, .04, .06, .08, .08, .08, .08, .08, .08, .08}},
      {"halving", PF_SCHEDULE_HALVING, 0, 3, 1, {.08, .08, .08, .04, .04, .04, .02, .02, .02, .01}},
      {"halving, warm-up", PF_SCHEDULE_HALVING, 2, 5, 1, {.04, .08, .08, .08, .08, .04, .04, .04, .04, .04}},
      {"constant, divided",
       PF_SCHEDULE_CONSTANT,
       0,
       0,
       .1,
       {.08, .08, .08, .08, .008, .008, .008, .008, .008, .008}},
      {"halving, divided",
       PF_SCHEDULE_HALVING,
       0,
       5,
       .1,
       {.08, .08, .08, .08, .008, .004, .004, .004, .004, .004}}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    pf_fit_config c = config_of(10, 20);
    rates r = {.factor = cases[i].factor};
    pf_fit_state state;
    c.adam.learning_rate = .08;
    c.clip = 0;
    c.schedule = cases[i].schedule;
    c.warmup = cases[i].warmup;
    c.halve_every = cases[i].halve_every;
    watch_rates(c, &r, &state);
    expect_rates(cases[i].name, &r, cases[i].want);
    assert_int_equal(state.step, 10);
    pf_fit_state_free(&state);
  }
  pf_fit_config c = config_of(10, 20); /* the factor acts on a cosine too */
  rates plain = {.factor = 1}, divided = {.factor = .1};
  pf_fit_state states[2];
  c.final_rate = .5;
  watch_rates(c, &plain, &states[0]);
  watch_rates(c, &divided, &states[1]);
  for (int k = 1; k <= 10; k++) assert_true(fabs(divided.seen[k] - plain.seen[k] * (k > 4 ? .1 : 1)) < 1e-6);
  for (int i = 0; i < 2; i++) pf_fit_state_free(&states[i]);
}

/* A run that is told to end does, and does not go on when it is called again. */
static void a_finished_run_takes_no_more_steps(void **unused) {
  (void)unused;
  pf_fit_config c = config_of(10, 20);
  rates r = {.factor = 1, .finish_at = 6};
  pf_fit_state state;
  pf_fit *fit = NULL;
  pf_error error = {0};
  watch_rates(c, &r, &state);
  assert_int_equal(state.step, 6);
  assert_true(r.seen[6] > 0 && r.seen[7] == 0);
  pf_objective o = slope_objective(c.batch);
  must(pf_fit_create(&o, &c, &state, NULL, &fit, &error), &error);
  must(pf_fit_run(fit, note_rate, &r, &error), &error);
  assert_int_equal(state.step, 6);
  pf_fit_free(fit);
  pf_graph_free(o.graph);
  pf_fit_state_free(&state);
}

/* ---- failures ---- */

static void a_step_that_needs_too_much_memory_is_refused(void **unused) {
  (void)unused;
  problem p;
  pf_fit_state state;
  pf_pool *pool = NULL;
  pf_fit *fit = NULL;
  pf_error error = {0};
  make_problem(&p, 96);
  open_state(&p, &state);
  must(pf_pool_create(2, &pool, &error), &error);
  pf_fit_config c = config_of(10, 640);
  pf_objective o = objective_of(&p, c.batch, false);
  c.most_bytes = 1000;
  assert_int_equal(pf_fit_create(&o, &c, &state, pool, &fit, &error), PF_USAGE);
  assert_null(fit);
  assert_non_null(strstr(error.message, "batch 640"));
  assert_non_null(strstr(error.message, "GiB of working memory in 2 threads"));
  c.most_bytes = (size_t)1 << 30;
  must(pf_fit_create(&o, &c, &state, pool, &fit, &error), &error);
  pf_fit_free(fit);
  fit = NULL;
  c.schedule = PF_SCHEDULE_HALVING;
  c.halve_every = 0;
  assert_int_equal(pf_fit_create(&o, &c, &state, pool, &fit, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "halved every 0 steps"));
  assert_null(fit);
  pf_graph_free(o.graph);
  pf_pool_free(pool);
  pf_fit_state_free(&state);
  pf_layout_free(&p.layout);
}

static pf_status spoil_data(void *context, pf_fit_state *state, pf_error *error) {
  (void)error;
  if (state->step == 7) ((problem *)context)->y[0] = NAN;
  return PF_OK;
}

/* A NaN names its step; the state is that of the step before. */
static void a_loss_that_is_not_finite_keeps_the_last_good_step(void **unused) {
  (void)unused;
  problem p, clean;
  pf_error error = {0};
  pf_fit_state state, good;
  pf_fit *fit = NULL;
  make_problem(&p, 0);
  make_problem(&clean, 0);
  pf_fit_config c = config_of(20, 640);
  pf_objective o = objective_of(&p, c.batch, false);
  open_state(&p, &state);
  open_state(&p, &good);
  must(pf_fit_create(&o, &c, &state, NULL, &fit, &error), &error);
  assert_int_equal(pf_fit_run(fit, spoil_data, &p, &error), PF_NON_FINITE);
  assert_non_null(strstr(error.message, "step 8"));
  assert_int_equal(state.step, 7);
  /* seven steps of the same schedule */
  pf_fit *other = NULL;
  pf_objective q = objective_of(&clean, c.batch, false);
  int64_t seven = 7;
  must(pf_fit_create(&q, &c, &good, NULL, &other, &error), &error);
  assert_int_equal(pf_fit_run(other, stop_after, &seven, &error), PF_STOPPED);
  expect_same_state("after the NaN", &state, &good);
  pf_fit_free(fit);
  pf_fit_free(other);
  pf_graph_free(o.graph);
  pf_graph_free(q.graph);
  pf_fit_state_free(&state);
  pf_fit_state_free(&good);
}

static int64_t allocations_before;
static pf_status count_allocations(void *context, pf_fit_state *state, pf_error *error) {
  (void)error;
  int64_t *most = context, now = pf_memory_allocations();
  if (state->step > 1 && now - allocations_before > *most) *most = now - allocations_before;
  allocations_before = now;
  return PF_OK;
}

static void nothing_is_allocated_between_steps(void **unused) {
  (void)unused;
  problem p;
  pf_error error = {0};
  pf_fit_state state;
  pf_fit *fit = NULL;
  pf_pool *pool = NULL;
  int64_t most = 0;
  make_problem(&p, 96);
  pf_fit_config c = config_of(10, 257);
  pf_objective o = objective_of(&p, c.batch, false);
  open_state(&p, &state);
  must(pf_pool_create(2, &pool, &error), &error);
  must(pf_fit_create(&o, &c, &state, pool, &fit, &error), &error);
  must(pf_fit_run(fit, count_allocations, &most, &error), &error);
  assert_int_equal(state.step, 10);
  assert_int_equal(most, 0);
  pf_fit_free(fit);
  pf_pool_free(pool);
  pf_graph_free(o.graph);
  pf_fit_state_free(&state);
  pf_layout_free(&p.layout);
}

static void calibration_leaves_no_trace(void **unused) {
  (void)unused;
  problem p;
  pf_error error = {0};
  pf_fit_state plain, probed;
  pf_fit *fit = NULL;
  double seconds = -1;
  make_problem(&p, 0);
  pf_fit_config c = config_of(15, 257);
  pf_objective o = objective_of(&p, c.batch, true);
  open_state(&p, &plain);
  open_state(&p, &probed);
  must(pf_fit_create(&o, &c, &probed, NULL, &fit, &error), &error);
  must(pf_fit_calibrate(fit, 10, &seconds, &error), &error);
  assert_true(seconds > 0 && seconds < 1);
  expect_same_state("calibrated", &plain, &probed);
  must(pf_fit_run(fit, NULL, NULL, &error), &error);
  must(run_fit(&p, true, &c, 2, &plain, &error), &error);
  expect_same_state("after calibration", &plain, &probed);
  pf_fit_free(fit);
  pf_graph_free(o.graph);
  pf_fit_state_free(&plain);
  pf_fit_state_free(&probed);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_regression_finds_the_closed_form),
      cmocka_unit_test(one_step_is_the_formula),
      cmocka_unit_test(the_balance_follows_the_gradients),
      cmocka_unit_test(pools_never_change_a_bit),
      cmocka_unit_test(stages_and_seeds_draw_different_numbers),
      cmocka_unit_test(a_stopped_fit_goes_on_as_if_nothing_happened),
      cmocka_unit_test(schedules_are_as_stated),
      cmocka_unit_test(a_finished_run_takes_no_more_steps),
      cmocka_unit_test(a_step_that_needs_too_much_memory_is_refused),
      cmocka_unit_test(a_loss_that_is_not_finite_keeps_the_last_good_step),
      cmocka_unit_test(nothing_is_allocated_between_steps),
      cmocka_unit_test(calibration_leaves_no_trace),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
