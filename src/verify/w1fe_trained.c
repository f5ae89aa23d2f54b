/* What training does with the W1 flow: one step of W1-FE with K = 1 is one of WGAN (arXiv 2405.16351, proposition 4.1), and a
 * trained critic against exact W1.
 *
 *   legend   zeta = G(z) - eps grad phi(G(z)), frozen; theta the parameters of G
 *   identity grad_theta mean |zeta - G(z)|^2 = 2 eps grad_theta mean phi(G(z)) at the theta that made zeta
 *   duality  mean phi(y) - mean phi(x) <= largest slope x W1(y, x) for any clouds
 *   penalty  a Lipschitz penalty of weight lambda lets the slope along the rays grow until s W1 - lambda (s - 1)^2 is largest:
 *            s = 1 + W1 / (2 lambda), so a trained critic is worth s W1, not W1
 */
#include <math.h>
#include <string.h>
#include "../base/memory.h"
#include "../base/rng.h"
#include "../flow/critic.h"
#include "../methods/wgf.h"
#include "../ot/assignment.h"
#include "w1fe.h"

enum { D = 2, ROWS = 16, TABLE = 4096, CRITIC_STEPS = 1500, BATCHES = 20, FRESH = 256 };
static const double EPS = 0.05, SHIFT = 3, SPREAD = 0.5; /* of the data: N(SHIFT e_1, SPREAD^2 I) */

/* The parts of a training: small networks with smooth units, so that differences could check them too. */
static pf_wgf parts(void) {
  pf_wgf w = pf_wgf_default(D);
  w.generator.activation = w.critic.activation = PF_ACTIVATION_SILU;
  w.generator.width = w.critic.width = 16;
  w.generator.depth = w.critic.depth = 2;
  return w;
}

/* ---- K = 1 ---- */

/* Double parameters of G and phi, and what a move makes of them. */
typedef struct double_run {
  pf_wgf w;
  int64_t generator_n, critic_n;
  double *generator, *critic;
  double z[ROWS * D], y[ROWS * D], zeta[ROWS * D];
} double_run;

static pf_status random_parameters(const pf_layout *layout, uint64_t seed, double **out, int64_t *n,
                                   pf_error *error) {
  *n = layout->total;
  PF_TRY(pf_alloc((size_t)layout->total, sizeof(double), out, error));
  pf_rng rng = pf_rng_at(seed, PF_STREAM_VERIFY, 0, 0);
  for (int64_t i = 0; i < layout->total; i++) (*out)[i] = 0.5 * pf_rng_normal(&rng);
  return PF_OK;
}

static pf_status open_networks(double_run *r, uint64_t seed, pf_error *error) {
  pf_layout generator = {0}, critic = {0};
  PF_TRY(pf_network_layout(&r->w.generator, &generator, error));
  pf_status status = random_parameters(&generator, seed, &r->generator, &r->generator_n, error);
  if (status == PF_OK) status = pf_wgf_critic_layout(&r->w, &critic, error);
  if (status == PF_OK) status = random_parameters(&critic, seed + 1, &r->critic, &r->critic_n, error);
  pf_layout_free(&generator);
  pf_layout_free(&critic);
  return status;
}

static void close_networks(double_run *r) {
  pf_free(r->generator);
  pf_free(r->critic);
}

static pf_status evaluate(const double_run *r, pf_graph *graph, const pf_node *nodes, int n,
                          double *const *out, pf_error *error) {
  const double *sets[] = {r->generator, NULL, r->critic};
  const double *inputs[] = {[PF_WGF_Z] = r->z, [PF_WGF_TARGET] = r->zeta, [PF_WGF_STEP] = &EPS};
  pf_ref_run run = {.params = sets, .inputs = inputs, .seed = 5, .step = 1, .rows = ROWS};
  return pf_ref_evaluate(graph, nodes, n, &run, out, error);
}

static pf_status move(double_run *r, pf_error *error) {
  pf_graph *graph = NULL;
  PF_TRY(pf_graph_create(&graph, error));
  pf_wgf_move_nodes n = pf_wgf_move_graph(&r->w, (pf_wgf_rows){.data = TABLE}, graph);
  pf_node nodes[] = {n.z, n.y, n.target};
  double *out[] = {r->z, r->y, r->zeta};
  pf_status status = evaluate(r, graph, nodes, 3, out, error);
  pf_graph_free(graph);
  return status;
}

/* g: generator_n */
static pf_status generator_gradient(double_run *r, pf_wgf_fit fit, double *g, pf_error *error) {
  enum { MOST = 64 };
  pf_objective o = {0};
  pf_node leaf[MOST], slope[MOST];
  double *out[MOST];
  int n = 0;
  r->w.fit = fit;
  PF_TRY(pf_wgf_generator_objective(&r->w, (pf_wgf_rows){.data = TABLE}, &o, error));
  for (int32_t id = 0; id < pf_graph_size(o.graph) && n < MOST; id++) {
    const pf_node_data *node = pf_graph_node(o.graph, id);
    if (node->op != PF_OP_PARAM || node->i[0] != PF_WGF_TRAINED) continue;
    out[n] = g + node->offset;
    leaf[n++] = (pf_node){o.graph, id};
  }
  pf_grad(o.loss, (pf_node){o.graph, -1}, leaf, n, slope);
  pf_status status = evaluate(r, o.graph, slope, n, out, error);
  pf_graph_free(o.graph);
  return status;
}

static pf_status check_identity(pf_verify_run *run, pf_error *error) {
  double_run r = {.w = parts()};
  double *ours = NULL, *wgan = NULL, largest = 0, apart = 0;
  pf_status status = PF_OK;
  r.w.batch = ROWS;
  PF_TRY_GOTO(open_networks(&r, run->seed, error));
  PF_TRY_GOTO(pf_alloc((size_t)r.generator_n, sizeof(double), &ours, error));
  PF_TRY_GOTO(pf_alloc((size_t)r.generator_n, sizeof(double), &wgan, error));
  PF_TRY_GOTO(move(&r, error));
  PF_TRY_GOTO(generator_gradient(&r, PF_WGF_FIT_TARGETS, ours, error));
  PF_TRY_GOTO(generator_gradient(&r, PF_WGF_FIT_NAIVE, wgan, error));
  for (int64_t i = 0; i < r.generator_n; i++) {
    double e = fabs(ours[i] - 2 * EPS * wgan[i]);
    largest = fmax(largest, fabs(ours[i]));
    apart = !(e <= apart) ? e : apart; /* keeps a NaN */
  }
  PF_TRY_GOTO(pf_verify_add(run, (pf_claim){apart / largest, 0, 1e-12}, error,
                            "K=1: gradient minus WGAN's times 2 eps, relative"));
  PF_TRY_GOTO(pf_verify_add(run, (pf_claim){largest, 10, 9.999}, error, "its largest element"));
cleanup:
  pf_free(ours);
  pf_free(wgan);
  close_networks(&r);
  return status;
}

/* ---- a trained critic ---- */

typedef struct critic_run {
  pf_wgf w;
  pf_fit_state state;
  float *data, *generator; /* TABLE x D rows; zeros: G(z) = z */
  pf_critic *critic;
} critic_run;

static void data_rows(uint64_t seed, uint64_t draw, size_t n, float *x) {
  pf_fill_normal_f32(seed, PF_STREAM_VERIFY, draw, 0, n, D, x);
  for (size_t i = 0; i < n * D; i++) x[i] = (float)(SPREAD * x[i] + (i % D == 0 ? SHIFT : 0));
}

static pf_status prepare_critic(critic_run *r, uint64_t seed, pf_error *error) {
  pf_layout generator = {0}, critic = {0};
  PF_TRY(pf_network_layout(&r->w.generator, &generator, error));
  pf_status status = pf_alloc((size_t)generator.total, sizeof(float), &r->generator, error);
  pf_layout_free(&generator);
  if (status == PF_OK) status = pf_alloc(TABLE * D, sizeof(float), &r->data, error);
  if (status == PF_OK) status = pf_wgf_critic_layout(&r->w, &critic, error);
  if (status == PF_OK) status = pf_fit_state_create(critic.total, &r->state, error);
  if (status == PF_OK) {
    data_rows(seed, 11, TABLE, r->data);
    pf_layout_initialise(&critic, seed, r->state.arrays.params);
  }
  pf_layout_free(&critic);
  return status;
}

static pf_status train_critic(pf_verify_run *run, critic_run *r, pf_error *error) {
  pf_objective o = {0};
  pf_fit *fit = NULL;
  PF_TRY(pf_wgf_critic_objective(&r->w, (pf_wgf_rows){.data = TABLE}, &o, error));
  o.inputs[PF_WGF_DATA] = r->data;
  o.frozen[0] = r->generator;
  pf_fit_config c = {.steps = CRITIC_STEPS,
                     .batch = r->w.batch,
                     .adam = r->w.critic_rule,
                     .schedule = PF_SCHEDULE_COSINE,
                     .seed = run->seed};
  c.adam.learning_rate = 2e-3;
  pf_status status = pf_fit_create(&o, &c, &r->state, run->pool, &fit, error);
  if (status == PF_OK) status = pf_fit_run(fit, NULL, NULL, error);
  pf_fit_free(fit);
  pf_graph_free(o.graph);
  if (status == PF_OK) status = pf_critic_create(&r->w.critic, r->state.arrays.params, &r->critic, error);
  return status;
}

/* Of one batch: the critic's value, exact W1, and its largest slope on the rays of the plan. */
typedef struct batch_facts {
  double value, w1, slope;
} batch_facts;

static double mean_of(const float *v, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += v[i];
  return sum / n;
}

/* Largest |grad phi| on the way between x and y: the dual gap of a batch is bounded by it. */
static pf_status largest_slope(const critic_run *r, const float *x, const float *y, const uint32_t *to,
                               pf_pool *pool, double *out, pf_error *error) {
  enum { PLACES = 9 };
  float at[FRESH * D], g[FRESH * D];
  for (int k = 0; k < PLACES; k++) {
    for (int i = 0; i < FRESH * D; i++) {
      float end = x[to[i / D] * D + (uint32_t)(i % D)];
      at[i] = y[i] + (end - y[i]) * (float)k / (PLACES - 1);
    }
    PF_TRY(pf_critic_evaluate(r->critic, FRESH, at, NULL, g, pool, error));
    for (int i = 0; i < FRESH; i++) *out = fmax(*out, hypot(g[D * i], g[D * i + 1]));
  }
  return PF_OK;
}

static pf_status measure_batch(pf_verify_run *run, const critic_run *r, uint64_t draw, batch_facts *out,
                               pf_error *error) {
  float x[FRESH * D], y[FRESH * D], at_x[FRESH], at_y[FRESH];
  double xd[FRESH * D], yd[FRESH * D];
  pf_assignment plan = {0};
  data_rows(run->seed, 100 + 2 * draw, FRESH, x);
  pf_fill_normal_f32(run->seed, PF_STREAM_VERIFY, 101 + 2 * draw, 0, FRESH, D, y);
  for (int i = 0; i < FRESH * D; i++) {
    xd[i] = x[i];
    yd[i] = y[i];
  }
  PF_TRY(pf_critic_evaluate(r->critic, FRESH, x, at_x, NULL, run->pool, error));
  PF_TRY(pf_critic_evaluate(r->critic, FRESH, y, at_y, NULL, run->pool, error));
  PF_TRY(pf_assignment_points((pf_points){yd, FRESH, D}, (pf_points){xd, FRESH, D}, 1, &plan, error));
  *out = (batch_facts){.value = mean_of(at_y, FRESH) - mean_of(at_x, FRESH), .w1 = plan.total / FRESH};
  pf_status status = largest_slope(r, x, y, plan.column_of_row, run->pool, &out->slope, error);
  pf_assignment_clear(&plan);
  return status;
}

static pf_status check_batches(pf_verify_run *run, const critic_run *r, pf_error *error) {
  int violations = 0;
  double least = INFINITY, most = 0, steepest = 0;
  for (uint64_t k = 0; k < BATCHES; k++) {
    batch_facts b;
    PF_TRY(measure_batch(run, r, k, &b, error));
    violations += !(b.value <= b.slope * b.w1 * (1 + 1e-5));
    double expected = b.w1 * (1 + b.w1 / (2 * r->w.constraint_weight));
    least = fmin(least, b.value / expected);
    most = fmax(most, b.value / expected);
    steepest = fmax(steepest, b.slope);
  }
  PF_TRY(pf_verify_add(run, (pf_claim){violations, 0, 0}, error,
                       "trained critic: values above its slope x W1, of %d batches", BATCHES));
  PF_TRY(pf_verify_add(run, (pf_claim){least, 1, 0.05}, error, "its least value / (W1 + W1^2 / (2 lambda))"));
  PF_TRY(pf_verify_add(run, (pf_claim){most, 1, 0.05}, error, "its greatest value / the same"));
  return pf_verify_add(run, (pf_claim){steepest, 1.3, 0.3}, error, "its largest slope along the plans");
}

static pf_status check_critic(pf_verify_run *run, pf_error *error) {
  critic_run r = {.w = parts()};
  r.w.critic.width = 32;
  pf_status status = prepare_critic(&r, run->seed, error);
  if (status == PF_OK) status = train_critic(run, &r, error);
  if (status == PF_OK) status = check_batches(run, &r, error);
  pf_critic_free(r.critic);
  pf_fit_state_free(&r.state);
  pf_free(r.data);
  pf_free(r.generator);
  return status;
}

pf_status pf_verify_w1fe_trained(pf_verify_run *run, pf_error *error) {
  PF_TRY(check_identity(run, error));
  return check_critic(run, error);
}
