/* Velocities, divergences and unrolled steps against plain loops and the numeric integrator, their gradients against
 * differences to second order, and what a probe estimates. */
#include "graph_slopes.h"
#include "plain_field.h"

enum { ROWS = 5, STEPS = 2, IN_X = 0, IN_R, IN_END, PROBE_STREAM = 16, MOST_COLUMNS = 3 };

static const double WIDTH = 0.05;

static const struct {
  const char *name;
  pf_field field;
} fields[] = {
    {"network in time",
     {.network = {.inputs = 2,
                  .outputs = 2,
                  .width = 4,
                  .depth = 2,
                  .times = 1,
                  .frequencies = 2,
                  .max_frequency = 2,
                  .activation = PF_ACTIVATION_TANH}}},
    {"autonomous network",
     {.network = {.inputs = 3,
                  .outputs = 3,
                  .width = 4,
                  .depth = 2,
                  .frequencies = 1,
                  .max_frequency = 1,
                  .residual = true}}},
    {"potential", {.kind = PF_FIELD_POTENTIAL, .potential = {.inputs = 2, .width = 4, .layers = 2}}},
    {"potential of one column",
     {.kind = PF_FIELD_POTENTIAL, .potential = {.inputs = 1, .width = 3, .layers = 1}}}};
enum { FIELDS = sizeof fields / sizeof *fields };

typedef struct world {
  char name[120];
  plain_flow flow;
  pf_divergence divergence;
  int d;
  slopes s;
  double x[ROWS * MOST_COLUMNS], ends[ROWS], r;
} world;

static void open_world(world *w, int field, int divergence) {
  pf_error error = {0};
  memset(w, 0, sizeof *w);
  w->flow = plain_flow_open(fields[field].field, 1 + (uint64_t)field, 0.5);
  w->divergence = (pf_divergence)divergence;
  w->d = pf_field_columns(&w->flow.field);
  snprintf(w->name, sizeof w->name, "%s, %s", fields[field].name, pf_divergence_name(w->divergence));
  plain_normals(9, 1, ROWS * MOST_COLUMNS, w->x);
  for (int i = 0; i < ROWS; i++) w->ends[i] = 0.8 + 0.1 * i;
  w->r = 0.3;
  w->s = (slopes){.name = w->name,
                  .p = w->flow.p,
                  .n = w->flow.layout.total,
                  .rows = ROWS,
                  .inputs = {[IN_X] = w->x, [IN_R] = &w->r, [IN_END] = w->ends}};
  must(pf_graph_create(&w->s.graph, &error), &error);
}

static void close_world(world *w) {
  plain_flow_close(&w->flow);
  pf_graph_free(w->s.graph);
}

static pf_node rows_of(const world *w) { return pf_input(w->s.graph, IN_X, PF_SHAPE(PF_PER_ROW, w->d)); }

static void expect_close(const world *w, const char *what, int row, double got, double want,
                         double tolerance) {
  if (!(fabs(got - want) <= tolerance * (1 + fabs(want))))
    fail_msg("%s: %s of row %d is %.12g, not %.12g", w->name, what, row, got, want);
}

typedef void check_world(world *w);

static void for_all(check_world *check) {
  for (int field = 0; field < FIELDS; field++)
    for (int divergence = 0; divergence < PF_DIVERGENCE_COUNT; divergence++) {
      world w;
      open_world(&w, field, divergence);
      check(&w);
      close_world(&w);
    }
}

/* ---- values ---- */

static void check_field(world *w) {
  double v[ROWS * MOST_COLUMNS], l[ROWS], slope[ROWS], e[ROWS * MOST_COLUMNS], want[MOST_COLUMNS];
  double *out[] = {v, l, e, slope};
  pf_divergence_rule rule = {.kind = w->divergence, .probe = pf_normal(w->s.graph, 1, w->d), .width = WIDTH};
  pf_field_nodes at =
      pf_field_at(&w->flow.field, 0, rows_of(w), pf_input(w->s.graph, IN_R, PF_SCALAR(PF_SHARED)), &rule);
  bool potential = w->flow.field.kind == PF_FIELD_POTENTIAL;
  pf_node nodes[] = {at.velocity, at.divergence, rule.probe, at.potential_slope};
  slopes_evaluate(&w->s, nodes, potential ? 4 : 3, out);
  assert_int_equal(at.potential_slope.id >= 0, potential);
  for (int i = 0; i < ROWS; i++) {
    const double *x = w->x + i * w->d;
    plain_velocity(&w->flow, w->r, x, want);
    for (int j = 0; j < w->d; j++) expect_close(w, "velocity", i, v[i * w->d + j], want[j], 1e-10);
    expect_close(w, "divergence", i, l[i],
                 plain_divergence(&w->flow, w->r, x, w->divergence, e + i * w->d, WIDTH), 1e-7);
    if (potential) expect_close(w, "time slope", i, slope[i], plain_time_slope(&w->flow, w->r, x), 1e-10);
  }
}

static void fields_are_the_formulas(void **state) {
  (void)state;
  for_all(check_field);
}

/* Every probe is a standard normal row of its own stream, the same in all stages of a step. */
static void probes_of(const world *w, double *out) {
  for (int k = 0; k < STEPS && w->divergence != PF_DIVERGENCE_EXACT; k++) {
    double e[ROWS * MOST_COLUMNS], *values = e;
    pf_node probe = pf_normal(w->s.graph, PROBE_STREAM + k, w->d);
    slopes_evaluate(&w->s, &probe, 1, &values);
    for (int i = 0; i < ROWS; i++)
      memcpy(out + (i * STEPS + k) * w->d, e + i * w->d, (size_t)w->d * sizeof *e);
  }
}

static pf_unroll_spec spec_of(const world *w, pf_ode_method method, bool random_end) {
  pf_node none = {w->s.graph, -1};
  return (pf_unroll_spec){.method = method,
                          .steps = STEPS,
                          .end = random_end ? pf_input(w->s.graph, IN_END, PF_SCALAR(PF_PER_ROW)) : none,
                          .divergence = w->divergence,
                          .width = WIDTH,
                          .probe_stream = PROBE_STREAM};
}

static void check_steps(world *w, pf_ode_method method, bool random_end) {
  double x[ROWS * MOST_COLUMNS], l[ROWS], k[ROWS], q[ROWS], probes[ROWS * STEPS * MOST_COLUMNS] = {0};
  double *out[] = {x, l, k, q};
  bool potential = w->flow.field.kind == PF_FIELD_POTENTIAL;
  pf_unroll_spec spec = spec_of(w, method, random_end);
  pf_unrolled u = pf_unroll(&w->flow.field, 0, rows_of(w), &spec);
  pf_node nodes[] = {u.x, u.log_det, u.kinetic, u.hamilton_jacobi};
  assert_int_equal(u.hamilton_jacobi.id >= 0, potential);
  slopes_evaluate(&w->s, nodes, potential ? 4 : 3, out);
  probes_of(w, probes);
  for (int i = 0; i < ROWS; i++) {
    double want[MOST_COLUMNS + 3];
    plain_way way = {.flow = &w->flow,
                     .method = method,
                     .steps = STEPS,
                     .end = random_end ? w->ends[i] : 1,
                     .divergence = w->divergence,
                     .width = WIDTH,
                     .probe = probes + i * STEPS * w->d};
    memcpy(want, w->x + i * w->d, (size_t)w->d * sizeof *want);
    plain_unroll(&way, want);
    for (int j = 0; j < w->d; j++) expect_close(w, "end", i, x[i * w->d + j], want[j], 1e-10);
    expect_close(w, "log-determinant", i, l[i], want[w->d], 1e-7);
    expect_close(w, "transport cost", i, k[i], want[w->d + 1], 1e-10);
    if (potential) expect_close(w, "Hamilton-Jacobi residual", i, q[i], want[w->d + 2], 1e-10);
  }
}

static void check_all_steps(world *w) {
  for (int method = 0; method < PF_ODE_METHOD_COUNT; method++) check_steps(w, (pf_ode_method)method, false);
  check_steps(w, PF_ODE_RK4, true);
}

static void unrolled_steps_are_the_integrators(void **state) {
  (void)state;
  for_all(check_all_steps);
}

/* ---- derivatives ---- */

/* What a flow's loss is made of, every part weighted differently. */
static void weigh_everything(world *w) {
  static const double direction[] = {0.4, -0.9, 0.7};
  pf_graph *graph = w->s.graph;
  pf_unroll_spec spec = spec_of(w, PF_ODE_RK4, w->divergence == PF_DIVERGENCE_EXACT);
  pf_node x = rows_of(w), tilt = pf_constant(graph, PF_SHAPE(PF_SHARED, w->d), direction);
  pf_unrolled u = pf_unroll(&w->flow.field, 0, x, &spec);
  pf_node loss = pf_sum_items(pf_add(pf_square(u.x), pf_mul(pf_sub(u.x, x), tilt)));
  loss = pf_sub(loss, pf_scale(u.log_det, 1.7));
  loss = pf_add(loss, pf_scale(u.kinetic, 0.6));
  if (u.hamilton_jacobi.id >= 0) loss = pf_add(loss, pf_scale(u.hamilton_jacobi, 1.3));
  w->s.y = pf_mean_rows(loss, pf_scalar(graph, 1.0 / ROWS));
}

static void check_gradient(world *w) {
  weigh_everything(w);
  slopes_check_first(&w->s);
}

static void gradients_are_those_of_differences(void **state) {
  (void)state;
  for_all(check_gradient);
}

static void check_second_order(world *w) {
  if (w->s.n > 100 || w->d > 2) return; /* the small ones of each kind */
  weigh_everything(w);
  slopes_check_second(&w->s);
}

static void second_derivatives_are_those_of_differences(void **state) {
  (void)state;
  for_all(check_second_order);
}

/* ---- divergences ---- */

static void the_divergence_of_a_linear_map_is_its_trace(void **state) {
  (void)state;
  static const int columns[] = {1, 2, 3, 7};
  for (int c = 0; c < 4; c++) {
    int d = columns[c];
    double a[49], x[ROWS * 7], got[ROWS], *out = got, trace = 0;
    slopes s = {.name = "x A", .p = a, .n = d * d, .rows = ROWS, .inputs = {[IN_X] = x}};
    pf_error error = {0};
    plain_normals(20, 1, 49, a);
    plain_normals(21, 1, ROWS * 7, x);
    for (int j = 0; j < d; j++) trace += a[j * d + j];
    must(pf_graph_create(&s.graph, &error), &error);
    pf_node rows = pf_input(s.graph, IN_X, PF_SHAPE(PF_PER_ROW, d));
    pf_node v = pf_matmul(rows, pf_param(s.graph, 0, 0, PF_SHAPE(PF_SHARED, d, d)), false, false);
    pf_node divergence = pf_divergence_exact(v, rows);
    slopes_evaluate(&s, &divergence, 1, &out);
    for (int i = 0; i < ROWS; i++) assert_true(fabs(got[i] - trace) < 1e-13);
    pf_graph_free(s.graph);
  }
}

enum { PROBES = 10000 };

/* One row many times, each with its own probe: the mean is the exact divergence. */
static void probes_average_to_the_trace(void **state) {
  (void)state;
  static const double width = 1e-3; /* its bias is far below the standard error */
  double *l = test_array(PROBES, sizeof *l);
  for (int field = 0; field < FIELDS; field++)
    for (int kind = PF_DIVERGENCE_HUTCHINSON; kind <= PF_DIVERGENCE_DIFFERENCE; kind++) {
      world w;
      double mean = 0, square = 0, x[MOST_COLUMNS];
      open_world(&w, field, kind);
      memcpy(x, w.x, sizeof x);
      w.s.rows = PROBES;
      pf_node zero = pf_scale(pf_normal(w.s.graph, 2, w.d), 0);
      pf_node row = pf_add(zero, pf_constant(w.s.graph, PF_SHAPE(PF_SHARED, w.d), x));
      pf_divergence_rule rule = {.kind = w.divergence, .probe = pf_normal(w.s.graph, 1, w.d), .width = width};
      pf_field_nodes at =
          pf_field_at(&w.flow.field, 0, row, pf_input(w.s.graph, IN_R, PF_SCALAR(PF_SHARED)), &rule);
      slopes_evaluate(&w.s, &at.divergence, 1, &l);
      for (int i = 0; i < PROBES; i++) {
        mean += l[i] / PROBES;
        square += l[i] * l[i] / PROBES;
      }
      double exact = plain_divergence(&w.flow, w.r, x, PF_DIVERGENCE_EXACT, NULL, 0);
      double standard_error = sqrt((square - mean * mean) / PROBES);
      if (!(fabs(mean - exact) <= 3 * standard_error && standard_error < 0.1 && standard_error > 1e-4))
        fail_msg("%s: mean %g +- %g, exact %g", w.name, mean, standard_error, exact);
      close_world(&w);
    }
  pf_free(l);
}

/* ---- names and refusals ---- */

static void names_and_bad_fields(void **state) {
  (void)state;
  pf_error error = {0};
  pf_divergence kind;
  for (int i = 0; i < PF_DIVERGENCE_COUNT; i++) {
    must(pf_divergence_find(pf_divergence_name((pf_divergence)i), &kind, &error), &error);
    assert_int_equal(kind, i);
  }
  assert_int_equal(pf_divergence_find("hutchison", &kind, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "did you mean 'hutchinson'"));
  pf_field wrong[] = {fields[0].field, fields[0].field, fields[2].field};
  wrong[0].network.outputs = 3;
  wrong[1].network.times = 2;
  wrong[2].potential.width = 0;
  for (int i = 0; i < 3; i++) {
    pf_layout layout = {0};
    assert_int_equal(pf_field_check(&wrong[i], &error), PF_USAGE);
    assert_int_equal(pf_field_layout(&wrong[i], &layout, &error), PF_USAGE);
    assert_null(layout.items);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fields_are_the_formulas),
      cmocka_unit_test(unrolled_steps_are_the_integrators),
      cmocka_unit_test(gradients_are_those_of_differences),
      cmocka_unit_test(second_derivatives_are_those_of_differences),
      cmocka_unit_test(the_divergence_of_a_linear_map_is_its_trace),
      cmocka_unit_test(probes_average_to_the_trace),
      cmocka_unit_test(names_and_bad_fields),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
