/* The losses and moves of Wasserstein gradient flows in double: gradients of every parameter to second order, values against
 * plain formulas, and the identity that W1-FE with K = 1 takes WGAN's step. */
#include "../flow/graph_slopes.h"
#include "methods/wgf.h"

enum { BATCH = 5, ROWS = 9, D = 2, SOURCE = 7 };
enum { MOST = 400 };

static pf_network_config small(int outputs, int width, pf_activation activation) {
  return (pf_network_config){.inputs = D,
                             .outputs = outputs,
                             .width = width,
                             .depth = 2,
                             .frequencies = 1,
                             .max_frequency = 1,
                             .activation = activation,
                             .last_gain = 1};
}

static pf_wgf plain(pf_activation activation) {
  return (pf_wgf){.generator = small(D, 4, PF_ACTIVATION_TANH),
                  .skip = true,
                  .critic = small(1, 5, activation),
                  .batch = BATCH,
                  .field = PF_WGF_CRITIC,
                  .power = 1,
                  .constraint = PF_WGF_CONSTRAINT_NONE,
                  .constraint_weight = 3,
                  .move = PF_ODE_EULER,
                  .step = 0.1,
                  .persistence = 1};
}

typedef struct world {
  pf_wgf w;
  pf_layout critic_layout, generator_layout;
  double critic[MOST], generator[MOST], data[ROWS * D], source[SOURCE * D], logs[2];
  pf_wgf_rows rows;
} world;

static void fill_params(const pf_layout *l, uint64_t key, double *p) {
  assert_true(l->total <= MOST);
  plain_normals(key, 0.6, (size_t)l->total, p);
}

static void open_world(world *w, const pf_wgf *settings, uint64_t key) {
  pf_error error = {0};
  *w = (world){.w = *settings, .rows = {.data = ROWS}, .logs = {0.3, -0.2}};
  must(pf_network_layout(&w->w.generator, &w->generator_layout, &error), &error);
  if (pf_wgf_has_critic(&w->w)) must(pf_wgf_critic_layout(&w->w, &w->critic_layout, &error), &error);
  fill_params(&w->generator_layout, key, w->generator);
  fill_params(&w->critic_layout, key + 1, w->critic);
  plain_normals(key + 2, 1, ROWS * D, w->data);
  plain_normals(key + 3, 2, SOURCE * D, w->source);
}

static void close_world(world *w) {
  pf_layout_free(&w->critic_layout);
  pf_layout_free(&w->generator_layout);
}

static slopes critic_slopes(world *w, const char *name, pf_objective *o) {
  pf_error error = {0};
  must(pf_wgf_critic_objective(&w->w, w->rows, o, &error), &error);
  return (slopes){
      .name = name,
      .graph = o->graph,
      .y = o->loss,
      .p = w->critic,
      .n = w->critic_layout.total,
      .rows = BATCH,
      .frozen = w->generator,
      .inputs = {[PF_WGF_DATA] = w->data, [PF_WGF_SOURCE] = w->source, [PF_WGF_LOG_MEANS] = w->logs}};
}

/* ---- gradients ---- */

static void check_critic(const char *name, const pf_wgf *settings, uint64_t key, bool source) {
  world w;
  pf_objective o = {0};
  open_world(&w, settings, key);
  if (source) w.rows.source = SOURCE;
  slopes s = critic_slopes(&w, name, &o);
  s.h = 2e-4; /* softplus bends within 1/20 */
  slopes_check_first(&s);
  if (settings->cumulant == 0)
    slopes_check_second(&s); /* its loss is a surrogate: the weights are held fixed */
  pf_graph_free(o.graph);
  close_world(&w);
}

static void penalties_have_the_right_gradients(void **state) {
  (void)state;
  static const pf_activation smooth[] = {PF_ACTIVATION_SILU, PF_ACTIVATION_TANH, PF_ACTIVATION_SOFTPLUS};
  static const pf_wgf_constraint kinds[] = {PF_WGF_CONSTRAINT_NONE, PF_WGF_CONSTRAINT_GRADIENT,
                                            PF_WGF_CONSTRAINT_LIPSCHITZ};
  for (size_t a = 0; a < sizeof smooth / sizeof *smooth; a++)
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
      pf_wgf w = plain(smooth[a]);
      w.constraint = kinds[k];
      check_critic(pf_activation_name(smooth[a]), &w, 10 + 7 * a + k, k == 1);
    }
}

/* Their second derivative is zero almost everywhere: first order alone, at points whose units keep their signs. */
static void penalties_of_rectifiers_have_the_right_gradients(void **state) {
  (void)state;
  static const pf_activation bent[] = {PF_ACTIVATION_RELU, PF_ACTIVATION_LEAKY_RELU};
  for (int a = 0; a < 2; a++)
    for (int k = 0; k < 2; k++) {
      pf_wgf settings = plain(bent[a]);
      settings.constraint = k ? PF_WGF_CONSTRAINT_GRADIENT : PF_WGF_CONSTRAINT_LIPSCHITZ;
      world w;
      pf_objective o = {0};
      open_world(&w, &settings, 90 + (uint64_t)(2 * a + k));
      slopes s = critic_slopes(&w, pf_activation_name(bent[a]), &o);
      s.h = 1e-5;
      slopes_check_first(&s);
      pf_graph_free(o.graph);
      close_world(&w);
    }
}

static void other_fields_have_the_right_gradients(void **state) {
  (void)state;
  pf_wgf w = plain(PF_ACTIVATION_TANH);
  w.field_penalty = 0.7;
  check_critic("field penalty", &w, 30, false);
  w = plain(PF_ACTIVATION_SILU);
  w.tempered = true;
  w.generator.times = w.critic.times = 1;
  w.constraint = PF_WGF_CONSTRAINT_GRADIENT;
  check_critic("tempered", &w, 31, false);
  w = plain(PF_ACTIVATION_TANH);
  w.field = PF_WGF_DUAL;
  w.equality = 2;
  check_critic("dual", &w, 32, true);
  w.equality = 0;
  check_critic("dual without equalities", &w, 33, false);
  w = plain(PF_ACTIVATION_SILU);
  w.field = PF_WGF_RATIO;
  w.field_penalty = 0.2;
  for (int r = 0; r < PF_WGF_RESCALE_COUNT; r++) {
    w.rescale = (pf_wgf_rescale)r;
    check_critic(pf_wgf_rescale_name(w.rescale), &w, 34 + (uint64_t)r, false);
  }
}

/* d/dp of (1/b) log mean e^{b phi(x)} + (1/g) log mean e^{-g phi(y)}: the graph's gradient with measured normalisers against
 * differences of the loss itself. */
static double cumulant_loss(const slopes *s, const pf_node nodes[2], double b) {
  double rows[2][BATCH], *out[] = {rows[0], rows[1]}, mean[2] = {0};
  slopes_evaluate(s, nodes, 2, out);
  for (int i = 0; i < BATCH; i++) {
    mean[0] += exp(b * rows[0][i]) / BATCH;
    mean[1] += exp((b - 1) * rows[1][i]) / BATCH;
  }
  return log(mean[0]) / b + log(mean[1]) / (1 - b);
}

static void the_cumulant_loss_has_the_right_gradient(void **state) {
  (void)state;
  const double b = 0.3, h = 1e-4;
  pf_wgf settings = plain(PF_ACTIVATION_TANH);
  settings.cumulant = b;
  world w;
  pf_objective o = {0};
  open_world(&w, &settings, 50);
  slopes s = critic_slopes(&w, "cumulant", &o);
  pf_node nodes[2];
  pf_wgf_critic_outputs(&w.w, w.rows, o.graph, nodes);
  double rows[2][BATCH], *out[] = {rows[0], rows[1]}, g[MOST];
  slopes_evaluate(&s, nodes, 2, out);
  for (int side = 0; side < 2; side++) {
    double mean = 0;
    for (int i = 0; i < BATCH; i++) mean += exp((b - side) * rows[side][i]) / BATCH;
    w.logs[side] = log(mean);
  }
  slopes_leaves l = slopes_of(&s, s.y);
  slopes_gradient(&s, &l, g);
  for (int64_t i = 0; i < s.n; i++) {
    double kept = s.p[i];
    s.p[i] = kept + h;
    double up = cumulant_loss(&s, nodes, b);
    s.p[i] = kept - h;
    double want = (up - cumulant_loss(&s, nodes, b)) / (2 * h);
    s.p[i] = kept;
    if (!(fabs(g[i] - want) <= 1e-6))
      fail_msg("parameter %d: %.10g, differences say %.10g", (int)i, g[i], want);
  }
  pf_graph_free(o.graph);
  close_world(&w);
}

/* ---- the move ---- */

/* Values of the move's nodes at this world's networks: z, y, target, each BATCH x D, and phi(y). */
typedef struct moved {
  double z[BATCH * D], y[BATCH * D], target[BATCH * D], phi[BATCH], at_target[BATCH];
} moved;

static moved move_of(world *w, double eps) {
  moved m;
  pf_graph *graph = NULL;
  pf_error error = {0};
  must(pf_graph_create(&graph, &error), &error);
  pf_wgf_move_nodes n = pf_wgf_move_graph(&w->w, w->rows, graph);
  pf_node nodes[] = {n.z, n.y, n.target, pf_wgf_potential(&w->w, PF_WGF_OTHER, n.y, n.temper),
                     pf_wgf_potential(&w->w, PF_WGF_OTHER, n.target, n.temper)};
  double *out[] = {m.z, m.y, m.target, m.phi, m.at_target};
  slopes s = {.name = "move",
              .graph = graph,
              .p = w->generator,
              .n = w->generator_layout.total,
              .rows = BATCH,
              .frozen = w->critic,
              .inputs = {[PF_WGF_DATA] = w->data, [PF_WGF_STEP] = &eps}};
  slopes_evaluate(&s, nodes, 5, out);
  pf_graph_free(graph);
  return m;
}

/* phi falls by eps |grad phi|^2 along the move, to first order; Heun and RK4 agree with Euler to first order too. */
static void moves_go_down_the_potential(void **state) {
  (void)state;
  static const pf_ode_method methods[] = {PF_ODE_EULER, PF_ODE_HEUN, PF_ODE_RK4};
  static const pf_wgf_field fields[] = {PF_WGF_CRITIC, PF_WGF_DUAL, PF_WGF_RATIO};
  for (int f = 0; f < 3; f++)
    for (int k = 0; k < 3; k++) {
      const double eps = 1e-4;
      pf_wgf settings = plain(PF_ACTIVATION_TANH);
      settings.field = fields[f];
      settings.move = methods[k];
      world w;
      open_world(&w, &settings, 60);
      moved m = move_of(&w, eps);
      for (int i = 0; i < BATCH; i++) {
        double square = 0;
        for (int j = 0; j < D; j++) square += pow((m.y[i * D + j] - m.target[i * D + j]) / eps, 2);
        assert_true(square > 1e-6);
        double fall = (m.phi[i] - m.at_target[i]) / eps;
        if (!(fabs(fall - square) <= 1e-2 * square))
          fail_msg("phi falls by %g eps, not %g eps", fall, square);
      }
      close_world(&w);
    }
}

/* ---- K = 1 ---- */

/* The gradient of the generator's loss at z and targets of the move. */
static void generator_gradient(world *w, const moved *m, double *g) {
  pf_objective o = {0};
  pf_error error = {0};
  must(pf_wgf_generator_objective(&w->w, w->rows, &o, &error), &error);
  slopes s = {.name = "generator",
              .graph = o.graph,
              .y = o.loss,
              .p = w->generator,
              .n = w->generator_layout.total,
              .rows = BATCH,
              .frozen = w->critic,
              .inputs = {[PF_WGF_Z] = m->z, [PF_WGF_TARGET] = m->target}};
  slopes_check_first(&s);
  slopes_leaves l = slopes_of(&s, s.y);
  slopes_gradient(&s, &l, g);
  pf_graph_free(o.graph);
}

/* gx of mean |zeta - G(z)|^2 = 2 eps gx of mean phi(G(z)) at the weights that made zeta. */
static void one_step_of_w1fe_is_one_of_wgan(void **state) {
  (void)state;
  const double eps = 0.05;
  double ours[MOST], wgan[MOST];
  for (int f = 0; f < 3; f++) {
    pf_wgf settings = plain(PF_ACTIVATION_SILU);
    settings.field = f == 0 ? PF_WGF_CRITIC : f == 1 ? PF_WGF_DUAL : PF_WGF_RATIO;
    world w;
    open_world(&w, &settings, 70);
    moved m = move_of(&w, eps);
    generator_gradient(&w, &m, ours);
    w.w.fit = PF_WGF_FIT_NAIVE;
    generator_gradient(&w, &m, wgan);
    double largest = 0;
    for (int64_t i = 0; i < w.generator_layout.total; i++) largest = fmax(largest, fabs(ours[i]));
    assert_true(largest > 1e-4);
    for (int64_t i = 0; i < w.generator_layout.total; i++)
      if (!(fabs(ours[i] - 2 * eps * wgan[i]) <= 1e-13 * fmax(1, largest)))
        fail_msg("parameter %d: %.17g, WGAN says %.17g", (int)i, ours[i], 2 * eps * wgan[i]);
    close_world(&w);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(penalties_have_the_right_gradients),
      cmocka_unit_test(penalties_of_rectifiers_have_the_right_gradients),
      cmocka_unit_test(other_fields_have_the_right_gradients),
      cmocka_unit_test(the_cumulant_loss_has_the_right_gradient),
      cmocka_unit_test(moves_go_down_the_potential),
      cmocka_unit_test(one_step_of_w1fe_is_one_of_wgan),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
