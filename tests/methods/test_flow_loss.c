/* The loss of a flow's block against plain loops: value and terms, the gradient of every parameter to second order, for the
 * settings of the three methods. */
#include "../flow/graph_slopes.h"
#include "../flow/plain_field.h"
#include "methods/flow.h"

enum { BATCH = 6, ROWS = 7, STEPS = 2, MOST_D = 3, MOST_TERMS = 3 };
/* stream ids of methods/flow_loss.c */
enum { S_ROW = 1, S_END, S_PROBE = 16 };

static const struct {
  const char *name;
  pf_flow_settings s;
} settings[] = {
    {"jko",
     {.field =
          {.network =
               {.inputs = 2, .outputs = 2, .width = 4, .depth = 2, .frequencies = 1, .max_frequency = 1}},
      .divergence = PF_DIVERGENCE_DIFFERENCE,
      .width = 0.05,
      .likelihood = 1,
      .movement = 2.5}},
    {"jko, free block",
     {.field =
          {.network =
               {.inputs = 1, .outputs = 1, .width = 4, .depth = 2, .frequencies = 1, .max_frequency = 1}},
      .divergence = PF_DIVERGENCE_EXACT,
      .likelihood = 1}},
    {"otflow",
     {.field = {.kind = PF_FIELD_POTENTIAL, .potential = {.inputs = 2, .width = 4, .layers = 1}},
      .divergence = PF_DIVERGENCE_EXACT,
      .likelihood = 30,
      .kinetic = 1,
      .hjb = 15}},
    {"otflow with a random end",
     {.field = {.kind = PF_FIELD_POTENTIAL, .potential = {.inputs = 3, .width = 3, .layers = 2}},
      .divergence = PF_DIVERGENCE_HUTCHINSON,
      .likelihood = 3,
      .kinetic = 0.5,
      .hjb = 0.7,
      .steer = 0.3}},
    {"cnf",
     {.field = {.network = {.inputs = 2,
                            .outputs = 2,
                            .width = 4,
                            .depth = 2,
                            .times = 1,
                            .frequencies = 2,
                            .max_frequency = 2,
                            .activation = PF_ACTIVATION_TANH}},
      .divergence = PF_DIVERGENCE_HUTCHINSON,
      .likelihood = 1,
      .kinetic = 0.01,
      .steer = 0.5}}};
enum { SETTINGS = sizeof settings / sizeof *settings };

typedef struct world {
  pf_flow_settings s;
  plain_flow flow;
  pf_objective o;
  slopes slopes;
  int d;
  double data[ROWS * MOST_D];
} world;

static void open_world(world *w, int i) {
  pf_error error = {0};
  *w = (world){.s = settings[i].s};
  w->s.steps = STEPS;
  w->s.batch = BATCH;
  w->flow = plain_flow_open(w->s.field, 1 + (uint64_t)i, 0.5);
  w->d = pf_field_columns(&w->s.field);
  plain_normals(40, 1, ROWS * MOST_D, w->data);
  must(pf_flow_objective(&w->s, ROWS, &w->o, &error), &error);
  w->slopes = (slopes){.name = settings[i].name,
                       .graph = w->o.graph,
                       .y = w->o.loss,
                       .p = w->flow.p,
                       .n = w->flow.layout.total,
                       .rows = BATCH,
                       .inputs = {[PF_FLOW_DATA] = w->data}};
}

static void close_world(world *w) {
  plain_flow_close(&w->flow);
  pf_graph_free(w->o.graph);
}

/* What a random leaf of the graph gives: BATCH x columns. */
static void leaf_values(const world *w, pf_node leaf, double *out) {
  slopes_evaluate(&w->slopes, &leaf, 1, &out);
}

/* terms: negative log-likelihood, movement, kinetic, residual, means over the batch. */
static void plain_terms(world *w, double terms[4]) {
  double row[BATCH], u[BATCH], e[STEPS][BATCH * MOST_D], probe[STEPS * MOST_D], state[MOST_D + 3];
  int d = w->d;
  leaf_values(w, pf_index(w->o.graph, S_ROW, ROWS), row);
  if (w->s.steer > 0) leaf_values(w, pf_uniform(w->o.graph, S_END, 1), u);
  for (int k = 0; k < STEPS && w->s.divergence != PF_DIVERGENCE_EXACT; k++)
    leaf_values(w, pf_normal(w->o.graph, S_PROBE + k, d), e[k]);
  for (int i = 0; i < 4; i++) terms[i] = 0;
  for (int i = 0; i < BATCH; i++) {
    const double *x = w->data + (int)row[i] * d;
    for (int k = 0; k < STEPS; k++) memcpy(probe + k * d, e[k] + i * d, (size_t)d * sizeof *probe);
    plain_way way = {.flow = &w->flow,
                     .method = PF_ODE_RK4,
                     .steps = STEPS,
                     .end = w->s.steer > 0 ? 1 + w->s.steer * (2 * u[i] - 1) : 1,
                     .divergence = w->s.divergence,
                     .width = w->s.width,
                     .probe = w->s.divergence == PF_DIVERGENCE_EXACT ? NULL : probe};
    memcpy(state, x, (size_t)d * sizeof *x);
    plain_unroll(&way, state);
    double nll = 0.5 * d * log(2 * M_PI) - state[d], moved = 0;
    for (int j = 0; j < d; j++) {
      nll += state[j] * state[j] / 2;
      moved += (state[j] - x[j]) * (state[j] - x[j]) / 2;
    }
    terms[0] += nll / BATCH;
    terms[1] += moved / BATCH;
    terms[2] += state[d + 1] / BATCH;
    terms[3] += state[d + 2] / BATCH;
  }
}

static void expect_close(const char *name, const char *what, double got, double want) {
  if (!(fabs(got - want) <= 1e-7 * (1 + fabs(want))))
    fail_msg("%s: %s is %.12g, not %.12g", name, what, got, want);
}

static void losses_are_the_formula(void **state) {
  (void)state;
  for (int i = 0; i < SETTINGS; i++) {
    world w;
    double t[4];
    open_world(&w, i);
    const char *name = settings[i].name;
    plain_terms(&w, t);
    double loss = w.s.likelihood * t[0] + w.s.movement * t[1] + w.s.kinetic * t[2] + w.s.hjb * t[3];
    expect_close(name, "the loss", slopes_value(&w.slopes, w.o.loss), loss);
    expect_close(name, "the negative log-likelihood", slopes_value(&w.slopes, w.o.terms[0]), t[0]);
    int n = 1;
    if (w.s.movement > 0) expect_close(name, "the movement", slopes_value(&w.slopes, w.o.terms[n++]), t[1]);
    if (w.s.kinetic > 0)
      expect_close(name, "the transport cost", slopes_value(&w.slopes, w.o.terms[n++]), t[2]);
    if (w.s.hjb > 0) expect_close(name, "the residual", slopes_value(&w.slopes, w.o.terms[n++]), t[3]);
    assert_int_equal(w.o.n_terms, n);
    close_world(&w);
  }
}

static void gradients_are_those_of_differences(void **state) {
  (void)state;
  for (int i = 0; i < SETTINGS; i++) {
    world w;
    open_world(&w, i);
    slopes_check_first(&w.slopes);
    slopes_check_second(&w.slopes);
    close_world(&w);
  }
}

static void only_a_potential_has_a_residual(void **state) {
  (void)state;
  pf_flow_settings s = settings[0].s;
  pf_objective o = {0};
  pf_error error = {0};
  s.steps = s.batch = 1;
  s.hjb = 1;
  assert_int_equal(pf_flow_objective(&s, ROWS, &o, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "hjb is 1"));
  assert_null(o.graph);
}

/* Lack of memory while the graph is built. */
static void lack_of_memory_is_an_error(void **state) {
  (void)state;
  for (int i = 0; i < SETTINGS; i++) {
    pf_flow_settings s = settings[i].s;
    pf_status status;
    int64_t k = 0;
    s.steps = s.batch = 1;
    do {
      pf_objective o = {0};
      pf_error error = {0};
      pf_memory_fail_at(++k);
      status = pf_flow_objective(&s, ROWS, &o, &error);
      pf_memory_fail_at(0);
      if (status != PF_OK && status != PF_NO_MEMORY)
        fail_msg("%s, allocation %d: %s '%s'", settings[i].name, (int)k, pf_status_name(status),
                 error.message);
      pf_graph_free(o.graph);
    } while (status != PF_OK);
    assert_true(k > 5);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(losses_are_the_formula),
      cmocka_unit_test(gradients_are_those_of_differences),
      cmocka_unit_test(only_a_potential_has_a_residual),
      cmocka_unit_test(lack_of_memory_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
