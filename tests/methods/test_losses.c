/* The three objectives against plain loops (plain_loss.h): values, signed gradients element by element, Hessian-vector
 * products, what stands behind a stop gradient, and how often each pair of nodes is drawn. */
#include "plain_loss.h"

typedef void world_check(world *w, const char *name);

/* Every objective on every interpolant. */
static void for_all(world_check *check) {
  for (pf_interpolant kind = 0; kind < PF_INTERPOLANT_COUNT; kind++)
    for (int variant = 0; variant < 7; variant++) {
      static const char *const names[] = {"velocity",
                                          "theory",
                                          "theory with semigroup",
                                          "practical, trajectory",
                                          "practical, data",
                                          "practical, squared",
                                          "theory, semigroup, no diagonal"};
      static const which objectives[] = {VELOCITY, THEORY, THEORY, PRACTICAL, PRACTICAL, PRACTICAL, THEORY};
      pf_characteristic c = small_settings(kind);
      if (variant == 1) c.semigroup = 0, c.huber = 0;
      if (variant == 4) c.start = PF_START_DATA;
      if (variant == 5) c.huber = 0;
      if (variant == 6) c.diagonal_share = 0;
      char name[80];
      snprintf(name, sizeof name, "%s, %s", names[variant], pf_interpolant_name(kind));
      world w;
      world_open(&w, objectives[variant], &c);
      check(&w, name);
      world_close(&w);
    }
}

static void expect_close(const char *name, const char *what, int i, double got, double want,
                         double tolerance) {
  if (!(fabs(got - want) <= tolerance * (0.1 + fabs(want))))
    fail_msg("%s: %s %d is %.12g, plain loops say %.12g", name, what, i, got, want);
}

/* ---- values ---- */

static void check_values(world *w, const char *name) {
  double value[4] = {0}, terms[3], *out[4] = {value, value + 1, value + 2, value + 3};
  pf_node nodes[4] = {w->o.loss};
  for (int i = 0; i < w->o.n_terms; i++) nodes[1 + i] = w->o.terms[i];
  evaluate(w, nodes, 1 + w->o.n_terms, out);
  expect_close(name, "loss", 0, value[0], plain_loss(w, w->p, terms), 1e-10);
  for (int i = 0; i < w->o.n_terms; i++) expect_close(name, "term", i, value[1 + i], terms[i], 1e-10);
  assert_true(value[0] > 0.01);
}

static void losses_are_the_formulas(void **state) {
  (void)state;
  for_all(check_values);
}

/* ---- derivatives ---- */

/* The plain loss at p + a direction + b e_i. */
static double moved_loss(const world *w, double a, double b, int64_t i) {
  size_t n = (size_t)w->trained->total;
  double *p = test_array(n, sizeof *p);
  for (size_t k = 0; k < n; k++) p[k] = w->p[k] + a * w->direction[k];
  p[i] += b;
  double loss = plain_loss(w, p, NULL);
  pf_free(p);
  return loss;
}

static double mixed(const world *w, double h, int64_t i) {
  return (moved_loss(w, h, h, i) - moved_loss(w, h, -h, i) - moved_loss(w, -h, h, i) +
          moved_loss(w, -h, -h, i)) /
         (4 * h * h);
}

/* dL/dp_i, error h^4 */
static double slope(const world *w, int64_t i) {
  const double h = 1e-3;
  return (8 * (moved_loss(w, 0, h, i) - moved_loss(w, 0, -h, i)) -
          (moved_loss(w, 0, 2 * h, i) - moved_loss(w, 0, -2 * h, i))) /
         (12 * h);
}

/* (H v)_i, error h^4 */
static double curvature(const world *w, int64_t i) { return (4 * mixed(w, 2e-4, i) - mixed(w, 4e-4, i)) / 3; }

typedef struct derivatives {
  double *gradient, *hessian; /* total each */
} derivatives;

static derivatives differentiate(const world *w) {
  const pf_layout *l = w->trained;
  pf_node parameters[PIECES], gradient[PIECES], hessian[PIECES], dot = {0}, ones = {w->o.graph, -1};
  size_t n = (size_t)l->total;
  derivatives out = {test_array(n, sizeof(double)), test_array(n, sizeof(double))};
  double *g[PIECES], *h[PIECES];
  assert_true(l->count <= PIECES);
  for (int i = 0; i < l->count; i++)
    parameters[i] = pf_param(w->o.graph, PF_SET_TRAINED, l->items[i].offset, l->items[i].shape);
  pf_grad(w->o.loss, ones, parameters, l->count, gradient);
  for (int i = 0; i < l->count; i++) {
    pf_node v = pf_input(w->o.graph, DIRECTIONS + i, l->items[i].shape);
    pf_node term = pf_sum_items(pf_mul(gradient[i], v));
    dot = i ? pf_add(dot, term) : term;
    g[i] = out.gradient + l->items[i].offset;
    h[i] = out.hessian + l->items[i].offset;
  }
  pf_grad(dot, ones, parameters, l->count, hessian);
  evaluate(w, gradient, l->count, g);
  evaluate(w, hessian, l->count, h);
  return out;
}

static void check_derivatives(world *w, const char *name) {
  derivatives got = differentiate(w);
  for (int piece = 0; piece < w->trained->count; piece++) {
    const pf_parameter *item = &w->trained->items[piece];
    double largest = 0;
    for (int64_t i = item->offset; i < item->offset + pf_shape_items(&item->shape); i++) {
      expect_close(name, "gradient", (int)i, got.gradient[i], slope(w, i), 1e-8);
      expect_close(name, "Hessian times direction", (int)i, got.hessian[i], curvature(w, i), 3e-7);
      largest = fmax(largest, fabs(got.gradient[i]));
    }
    if (!(largest > 1e-4)) fail_msg("%s: no gradient reaches %s", name, item->name);
  }
  pf_free(got.gradient);
  pf_free(got.hessian);
}

static void derivatives_are_those_of_the_formulas(void **state) {
  (void)state;
  for_all(check_derivatives);
}

/* The target of the practical loss moves with the parameters, the gradient must not see it. */
static void targets_contribute_no_gradient(void **state) {
  (void)state;
  for (int start = 0; start < 2; start++) {
    pf_characteristic c = small_settings(PF_INTERPOLANT_TRIG);
    c.start = (pf_start)start;
    world w;
    world_open(&w, PRACTICAL, &c);
    derivatives got = differentiate(&w);
    double gap = 0, held, free_running;
    for (int64_t i = 0; i < w.trained->total; i++) {
      held = slope(&w, i);
      double h = 1e-4, kept = w.held[i];
      w.held[i] = kept + h;
      double up = moved_loss(&w, 0, h, i);
      w.held[i] = kept - h;
      double down = moved_loss(&w, 0, -h, i);
      w.held[i] = kept;
      free_running = (up - down) / (2 * h);
      expect_close("practical", "gradient", (int)i, got.gradient[i], held, 1e-8);
      gap = fmax(gap, fabs(free_running - held));
    }
    assert_true(gap > 1e-2); /* the target does depend on the trained weights */
    pf_free(got.gradient);
    pf_free(got.hessian);
    world_close(&w);
  }
}

/* ---- which pairs are drawn ---- */

enum { DRAWS = 40000 };

/* 0: gathered at the pair's k, 1: at its l, 2: at neither. */
static int index_role(const pf_graph *graph, const pf_node_data *gather) {
  const pf_node_data *node = pf_graph_node(graph, gather->operand[1]);
  while (node->op == PF_OP_RESHAPE) node = pf_graph_node(graph, node->operand[0]);
  return node->op == PF_OP_SLICE ? node->i[0] : 2;
}

/* out[role]: what is gathered from the table of times, for DRAWS rows with times 0..K. */
static int drawn_indices(const pf_objective *o, double *pairs, double *const *out) {
  double times[K + 1], data[ROWS * D] = {0}, nodes[M * (K + 1) * D] = {0}, lambda = 1;
  const double *sets[3] = {0}, *inputs[] = {data, nodes, times, pairs, &lambda};
  pf_node found[3];
  int n = 0;
  for (int k = 0; k <= K; k++) times[k] = k;
  for (int32_t id = 0; id < pf_graph_size(o->graph); id++) {
    const pf_node_data *node = pf_graph_node(o->graph, id);
    if (node->op != PF_OP_GATHER) continue;
    const pf_node_data *table = pf_graph_node(o->graph, node->operand[0]);
    if (table->op != PF_OP_INPUT || table->i[0] != PF_CHARACTERISTIC_TIMES) continue;
    found[index_role(o->graph, node)] = (pf_node){o->graph, id};
    n++;
  }
  pf_ref_run run = {.params = sets, .inputs = inputs, .seed = 8, .step = 1, .rows = DRAWS};
  pf_error error = {0};
  must(pf_ref_evaluate(o->graph, found, n, &run, out, &error), &error);
  return n;
}

/* The law's definition, K = 4: dyadic jumps are two of length 2 and four of length 1. */
static double law_share(const pf_pair_law *w, int k, int l) {
  double share = w->sorted * (k < l ? 2 : k == l ? 1 : 0) / ((K + 1) * (K + 1));
  if (k == 0 && l == K) share += w->terminal;
  if (k == 0 && l > 0) share += w->from_start / K;
  if (l == K && k < K) share += w->to_end / K;
  if (l - k == 1) share += w->dyadic / 2 / 4;
  if (l - k == 2 && k % 2 == 0) share += w->dyadic / 2 / 2;
  return share;
}

static const pf_pair_law laws[] = {{.sorted = 1}, {.terminal = 1}, {.from_start = 1},
                                   {.to_end = 1}, {.dyadic = 1},   {.2, .2, .1, .1, .4}};
enum { LAWS = sizeof laws / sizeof *laws };

static void expect_share(int law, int k, int l, double count, double total, double spread) {
  double share = law_share(&laws[law], k, l);
  if (!(fabs(count - total * share) <= spread))
    fail_msg("law %d: pair (%d, %d) came %g times of %g, expected %g", law, k, l, count, total,
             total * share);
}

static void the_pair_table_has_the_stated_shares(void **state) {
  (void)state;
  for (int law = 0; law < LAWS; law++) {
    double counts[K + 1][K + 1] = {{0}}, *table = pair_table(&laws[law]);
    for (int e = 0; e < PF_PAIR_TABLE; e++) counts[(int)table[2 * e]][(int)table[2 * e + 1]]++;
    for (int k = 0; k <= K; k++)
      for (int l = 0; l <= K; l++) expect_share(law, k, l, counts[k][l], PF_PAIR_TABLE, 1.001);
    pf_free(table);
  }
}

/* An odd K has no dyadic jump: that share falls to the terminal pair. */
static void odd_trajectories_have_no_dyadic_jumps(void **state) {
  (void)state;
  pf_pair_law law = {.dyadic = 1};
  float *table = test_array(2 * PF_PAIR_TABLE, sizeof *table);
  pf_pair_table(&law, 5, table);
  for (int e = 0; e < PF_PAIR_TABLE; e++) assert_true(table[2 * e] == 0 && table[2 * e + 1] == 5);
  pf_free(table);
}

static double *test_draws(double **out) {
  double *values = test_array(3 * DRAWS, sizeof *values);
  for (int i = 0; i < 3; i++) out[i] = values + i * DRAWS;
  return values;
}

static pf_objective open_objective(bool practical, const pf_pair_law *law) {
  pf_characteristic c = small_settings(PF_INTERPOLANT_TRIG);
  pf_objective o;
  pf_error error = {0};
  c.pairs = *law;
  c.diagonal_share = c.semigroup = 0;
  must((practical ? pf_practical_objective : pf_theory_objective)(&c, ROWS, &o, &error), &error);
  return o;
}

/* sorted = 1 is the paper's loss: k < l twice as often as (k, k). */
static void theory_pairs_follow_the_law(void **state) {
  (void)state;
  for (int law = 0; law < LAWS; law += LAWS - 1) {
    double *out[3], *values = test_draws(out), counts[K + 1][K + 1] = {{0}}, *pairs = pair_table(&laws[law]);
    pf_objective o = open_objective(false, &laws[law]);
    assert_int_equal(drawn_indices(&o, pairs, out), 2);
    for (int i = 0; i < DRAWS; i++) counts[(int)out[0][i]][(int)out[1][i]]++;
    for (int k = 0; k <= K; k++)
      for (int l = 0; l <= K; l++) {
        double share = law_share(&laws[law], k, l);
        expect_share(law, k, l, counts[k][l], DRAWS, 5 * sqrt(DRAWS * share * (1 - share)) + 3);
      }
    pf_graph_free(o.graph);
    pf_free(values);
    pf_free(pairs);
  }
}

/* t = T_k, u one node after k at least and l at most (k itself when k = l), s = T_l. */
static void practical_steps_are_ordered(void **state) {
  (void)state;
  double *out[3], *values = test_draws(out), *pairs = pair_table(&laws[0]), full = 0, cut = 0;
  pf_objective o = open_objective(true, &laws[0]);
  assert_int_equal(drawn_indices(&o, pairs, out), 3);
  for (int i = 0; i < DRAWS; i++) {
    double k = out[0][i], l = out[1][i], u = out[2][i];
    assert_true(0 <= k && k <= u && u <= l && l <= K);
    assert_true(u > k || l == k);
    full += k == 0 && l == K;
    cut += k == 0 && l == K && u < l;
  }
  expect_share(0, 0, K, full, DRAWS, 5 * sqrt(DRAWS * .08));
  assert_true(fabs(cut - .75 * full) <= 5 * sqrt(full * .1875)); /* u uniform over 1..4 */
  pf_graph_free(o.graph);
  pf_free(values);
  pf_free(pairs);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(losses_are_the_formulas),
      cmocka_unit_test(derivatives_are_those_of_the_formulas),
      cmocka_unit_test(targets_contribute_no_gradient),
      cmocka_unit_test(the_pair_table_has_the_stated_shares),
      cmocka_unit_test(odd_trajectories_have_no_dyadic_jumps),
      cmocka_unit_test(theory_pairs_follow_the_law),
      cmocka_unit_test(practical_steps_are_ordered),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
