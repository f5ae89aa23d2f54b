/* The two-time network map before training, and the weights of the loss it is fitted by (characteristic.md sections 4 and 5).
 *
 *   legend   F network, D(t,s,x) = (beta/c^2) x + (alpha/c) F(t, s, x/c) its two-time denoiser, c^2 = alpha^2 + beta^2;
 *            g(t,s,x) = a x + b D, a = alpha_s/alpha, b = beta_s - a beta; K intervals of a kept trajectory
 *
 * The library evaluates g in a form without the division by alpha (flow/time_map.h); here it is held against the paper's form,
 * whose data end is g(t,1,x) = D(t,1,x). The weights are read off the loss graph itself: with F = 0 and a trajectory that is
 * zero except for one node, each pair of nodes contributes a known residual.
 */
#include "characteristic.h"

#include <math.h>
#include <string.h>
#include "../base/memory.h"
#include "../base/rng.h"
#include "../flow/learned.h"
#include "../exec/exec.h"
#include "../methods/characteristic.h"

enum { D = 2, WIDTH = 32, DEPTH = 2, N = 64 };

typedef struct untrained {
  pf_time_map map;
  pf_layout layout;
  float *
      params; /* every one random: a fresh network's second time branch is zero and would hide mistakes in it */
  double *params_double;
  pf_learned *learned;
  float x[N * D];
} untrained;

static void close_untrained(untrained *u) {
  pf_layout_free(&u->layout);
  pf_free(u->params);
  pf_free(u->params_double);
  pf_learned_free(u->learned);
}

static pf_status open_untrained(untrained *u, pf_interpolant kind, uint64_t seed, pf_error *error) {
  u->map = (pf_time_map){.interpolant = kind,
                         .network = {.inputs = D,
                                     .outputs = D,
                                     .width = WIDTH,
                                     .depth = DEPTH,
                                     .times = 2,
                                     .frequencies = 8,
                                     .max_frequency = 16}};
  PF_TRY(pf_network_layout(&u->map.network, &u->layout, error));
  size_t n = (size_t)u->layout.total;
  PF_TRY(pf_alloc(n, sizeof(float), &u->params, error));
  PF_TRY(pf_alloc(n, sizeof(double), &u->params_double, error));
  pf_fill_normal_f32(seed, PF_STREAM_VERIFY, 2, 0, n, 1, u->params);
  for (size_t i = 0; i < n; i++) {
    u->params[i] *= 0.3f;
    u->params_double[i] = (double)u->params[i];
  }
  pf_fill_normal_f32(seed, PF_STREAM_VERIFY, 3, 0, N, D, u->x);
  return pf_learned_create(&u->map, u->params, &u->learned, error);
}

/* Largest |a - b|, NaN if there is one. */
static double largest(const double *a, const double *b, int n) {
  double most = 0;
  for (int i = 0; i < n; i++)
    if (!(fabs(a[i] - b[i]) <= most)) most = fabs(a[i] - b[i]);
  return most;
}

/* g(t, t, x) = x bit for bit, in the arithmetic that samples. */
static pf_status check_identity(pf_verify_run *run, const untrained *u, pf_error *error) {
  static const double times[] = {0, .123, .5, .77, .999};
  double worst = 0, before[N * D], after[N * D];
  float y[N * D];
  for (size_t k = 0; k < sizeof times / sizeof *times; k++) {
    memcpy(y, u->x, sizeof y);
    PF_TRY(pf_learned_move(u->learned, times[k], times[k], (pf_rows){0, N}, y, run->pool, error));
    for (int i = 0; i < N * D; i++) before[i] = (double)u->x[i], after[i] = (double)y[i];
    double most = largest(before, after, N * D);
    if (!(most <= worst)) worst = most;
  }
  return pf_verify_add(run, (pf_claim){worst, 0, 0}, error, "g(t,t,x) = x exactly, %s",
                       pf_interpolant_name(u->map.interpolant));
}

/* F and g at (t, s), in double. */
static pf_status network_and_map(const untrained *u, pf_flow_times at, const double *x, double *f, double *g,
                                 pf_error *error) {
  pf_graph *graph = NULL;
  PF_TRY(pf_graph_create(&graph, error));
  pf_node nx = pf_input(graph, 0, PF_SHAPE(PF_PER_ROW, D));
  pf_node t = pf_input(graph, 1, PF_SCALAR(PF_SHARED)), s = pf_input(graph, 2, PF_SCALAR(PF_SHARED));
  pf_node outputs[] = {pf_time_map_network_node(&u->map, 0, nx, t, s),
                       pf_time_map_node(&u->map, 0, nx, t, s)};
  const double *params[] = {u->params_double}, *inputs[] = {x, &at.t, &at.s};
  pf_ref_run run = {.params = params, .inputs = inputs, .rows = N};
  double *results[] = {f, g};
  pf_status status = pf_ref_evaluate(graph, outputs, 2, &run, results, error);
  pf_graph_free(graph);
  return status;
}

/* The paper's exponential form; at s = 1 it is D itself. */
static pf_status check_exponential_form(pf_verify_run *run, const untrained *u, pf_error *error) {
  static const pf_flow_times pairs[] = {{0, .5}, {.2, .9}, {.7, .71}, {.8, .3}, {0, 1}, {.4, 1}, {.9, 1}};
  pf_interpolant kind = u->map.interpolant;
  double inner = 0, end = 0, x[N * D], f[N * D], g[N * D], expected[N * D];
  for (int i = 0; i < N * D; i++) x[i] = (double)u->x[i];
  for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++) {
    double a, b;
    pf_flow_times at = pairs[k];
    pf_preconditioner p = pf_interpolant_precondition(kind, at.t, 1);
    pf_interpolant_step(kind, at.t, at.s, &a, &b);
    PF_TRY(network_and_map(u, at, x, f, g, error));
    for (int i = 0; i < N * D; i++) {
      double denoised = p.skip * x[i] + p.out * f[i];
      expected[i] = at.s == 1 ? denoised : a * x[i] + b * denoised;
    }
    double *most = at.s == 1 ? &end : &inner, deviation = largest(g, expected, N * D);
    if (!(deviation <= *most)) *most = deviation;
  }
  PF_TRY(pf_verify_add(run, (pf_claim){inner, 0, 1e-12}, error, "g is an exponential step of D, %s",
                       pf_interpolant_name(kind)));
  return pf_verify_add(run, (pf_claim){end, 0, 1e-12}, error, "g(t,1,x) = D(t,1,x), %s",
                       pf_interpolant_name(kind));
}

/* ---- the weights of the fitting loss ---- */

enum { INTERVALS = 3, NODES = INTERVALS + 1, WEIGHT_BATCH = 1 << 18, DATA_ROWS = 2 };

/* The theory's loss at F = 0 for one trajectory that is 1 at node j and 0 elsewhere, in one dimension. */
static pf_status loss_at_node(pf_verify_run *run, const pf_characteristic *c, const float *pairs, int j,
                              double *out, pf_error *error) {
  float nodes[NODES] = {0}, times[NODES], data[DATA_ROWS] = {0};
  pf_objective objective = {0};
  pf_layout layout = {0};
  pf_fit_state state = {0};
  pf_fit *fit = NULL;
  nodes[j] = 1;
  for (int k = 0; k < NODES; k++) times[k] = (float)(c->end * k / INTERVALS);
  pf_fit_config config = {
      .steps = 1, .batch = c->batch, .adam = pf_adam_default(), .seed = run->seed, .stage = 7};
  pf_status status = pf_theory_objective(c, DATA_ROWS, &objective, error);
  objective.inputs[PF_CHARACTERISTIC_DATA] = data;
  objective.inputs[PF_CHARACTERISTIC_NODES] = nodes;
  objective.inputs[PF_CHARACTERISTIC_TIMES] = times;
  objective.inputs[PF_CHARACTERISTIC_PAIRS] = pairs;
  if (status == PF_OK) status = pf_network_layout(&c->generator.network, &layout, error);
  if (status == PF_OK) status = pf_fit_state_create(layout.total, &state, error);
  if (status == PF_OK) status = pf_fit_create(&objective, &config, &state, run->pool, &fit, error);
  if (status == PF_OK) status = pf_fit_run(fit, NULL, NULL, error);
  if (status == PF_OK) *out = state.loss;
  pf_fit_free(fit);
  pf_fit_state_free(&state);
  pf_layout_free(&layout);
  pf_graph_free(objective.graph);
  return status;
}

/* What that loss is per unit of pair weight: |0 - 1|^2 from earlier nodes, |g(t_j, t_l, 1)|^2 to later ones. */
static double residuals_at_node(const pf_characteristic *c, int j) {
  pf_interpolant_values v = pf_interpolant_at(c->generator.interpolant, c->end * j / INTERVALS);
  double sum = j;
  for (int l = j + 1; l < NODES; l++) {
    pf_interpolant_values w = pf_interpolant_at(c->generator.interpolant, c->end * l / INTERVALS);
    double of_x = (v.alpha * w.alpha + v.beta * w.beta) / (v.alpha * v.alpha + v.beta * v.beta);
    sum += of_x * of_x;
  }
  return sum;
}

static const pf_pair_law PAPER = {.sorted = 1};

/* Sorted independent indices: 2/(K+1)^2 for a pair k < l and 1/(K+1)^2 on the diagonal, together 1; each within one row of the
 * table that is drawn from. */
static pf_status check_pair_weights(pf_verify_run *run, const float *pairs, pf_error *error) {
  double counts[NODES][NODES] = {{0}}, unit = 1.0 / (NODES * NODES), row = 1.0 / PF_PAIR_TABLE;
  double sum = 0, diagonal = 0, above = 0;
  for (int i = 0; i < PF_PAIR_TABLE; i++) {
    int k = (int)pairs[2 * i], l = (int)pairs[2 * i + 1];
    if (k >= 0 && k <= l && l < NODES) counts[k][l] += row;
  }
  for (int k = 0; k < NODES; k++)
    for (int l = k; l < NODES; l++) {
      double off = fabs(counts[k][l] - (k == l ? unit : 2 * unit)), *most = k == l ? &diagonal : &above;
      sum += counts[k][l];
      if (!(off <= *most)) *most = off;
    }
  PF_TRY(pf_verify_add(run, (pf_claim){sum, 1, 1e-9}, error, "loss weights of pairs k <= l: sum"));
  PF_TRY(pf_verify_add(run, (pf_claim){above, 0, row}, error, "loss weight of a pair k < l, error"));
  return pf_verify_add(run, (pf_claim){diagonal, 0, row}, error, "loss weight of a diagonal entry, error");
}

/* The same weights in the loss graph that is trained on. */
static pf_status check_loss_weights(pf_verify_run *run, const float *pairs, pf_error *error) {
  pf_train_options options = pf_train_options_default();
  pf_characteristic c;
  options.face = "theory";
  options.width = 4;
  options.depth = 1;
  options.trajectory_steps = INTERVALS;
  PF_TRY(pf_characteristic_settings(&options, 1, NULL, &c, error));
  c.batch = WEIGHT_BATCH;
  c.trajectories = 1;
  c.diagonal_share = c.semigroup = c.huber = 0;
  double pair = 2.0 / (NODES * NODES);
  for (int j = 0; j < NODES; j++) {
    double loss = NAN;
    PF_TRY(loss_at_node(run, &c, pairs, j, &loss, error));
    PF_TRY(pf_verify_add(run, (pf_claim){loss / residuals_at_node(&c, j), pair, 0.02 * pair}, error,
                         "weight of pairs with node %d of %d in the loss", j, INTERVALS));
  }
  return PF_OK;
}

static pf_status check_weights(pf_verify_run *run, pf_error *error) {
  float *pairs = NULL;
  PF_TRY(pf_alloc(2 * PF_PAIR_TABLE, sizeof(float), &pairs, error));
  pf_pair_table(&PAPER, INTERVALS, pairs);
  pf_status status = check_pair_weights(run, pairs, error);
  if (status == PF_OK) status = check_loss_weights(run, pairs, error);
  pf_free(pairs);
  return status;
}

pf_status pf_verify_map_identities(pf_verify_run *run, pf_error *error) {
  for (pf_interpolant kind = 0; kind < PF_INTERPOLANT_COUNT; kind++) {
    untrained u = {0};
    pf_status status = open_untrained(&u, kind, run->seed, error);
    if (status == PF_OK) status = check_identity(run, &u, error);
    if (status == PF_OK) status = check_exponential_form(run, &u, error);
    close_untrained(&u);
    PF_TRY(status);
  }
  PF_TRY(check_weights(run, error));
  return pf_verify_progress(run, "map identities", 1, 1, error);
}
