/* Networks: layout, initial values, the formula of nn/network.h (plain_network.h), and that every weight is used. */
#include "exec/exec.h"
#include "plain_network.h"

enum { ROWS = 5, X = 0, T, S, DIRECTION, PIECES = 24, INPUTS = DIRECTION + 1 };

#define NETWORK(in, out, w, d, t, f, m, r, a)                                                                \
  {                                                                                                          \
    .inputs = in, .outputs = out, .width = w, .depth = d, .times = t, .frequencies = f, .max_frequency = m,  \
    .residual = r, .activation = a                                                                           \
  }
static const pf_network_config configs[] = {
    NETWORK(2, 3, 7, 1, 0, 1, 1, false, PF_ACTIVATION_SILU),
    NETWORK(3, 3, 6, 2, 1, 3, 8, false, PF_ACTIVATION_SILU),
    NETWORK(2, 2, 8, 3, 2, 4, 16, false, PF_ACTIVATION_SILU),
    NETWORK(1, 4, 5, 4, 2, 1, 1, true, PF_ACTIVATION_SILU),
    NETWORK(4, 1, 9, 3, 0, 2, 2, true, PF_ACTIVATION_SILU),
    NETWORK(2, 3, 8, 3, 1, 2, 4, false, PF_ACTIVATION_TANH),
    NETWORK(3, 2, 8, 3, 2, 2, 4, true, PF_ACTIVATION_SOFTPLUS),
    NETWORK(3, 2, 8, 3, 1, 2, 4, false, PF_ACTIVATION_RELU),
    NETWORK(3, 2, 8, 3, 2, 2, 4, true, PF_ACTIVATION_LEAKY_RELU),
};
enum { CONFIGS = sizeof configs / sizeof *configs };

static pf_layout layout_of(const pf_network_config *c) {
  pf_layout layout;
  pf_error error = {0};
  must(pf_network_layout(c, &layout, &error), &error);
  return layout;
}

static void pieces_are_contiguous_and_named_once(void **state) {
  (void)state;
  for (int i = 0; i < CONFIGS; i++) {
    pf_layout l = layout_of(&configs[i]);
    int64_t offset = 0;
    for (int a = 0; a < l.count; a++) {
      assert_true(l.items[a].offset == offset);
      offset += pf_shape_items(&l.items[a].shape);
      assert_ptr_equal(pf_layout_find(&l, l.items[a].name), &l.items[a]);
    }
    assert_true(l.total == offset);
    assert_null(pf_layout_find(&l, "out"));
    assert_int_equal(pf_layout_find(&l, "time.weight") != NULL, configs[i].times > 0);
    assert_int_equal(pf_layout_find(&l, "second_time.weight") != NULL, configs[i].times > 1);
    assert_int_equal(l.count, 2 * configs[i].depth + 2 + configs[i].times);
    pf_layout_free(&l);
  }
}

static void expect_spread(int kind, double last_gain) {
  pf_network_config c = NETWORK(40, 50, 200, 3, 2, 16, 16, false, (pf_activation)kind);
  c.last_gain = last_gain;
  pf_layout l = layout_of(&c);
  float *p = test_array((size_t)l.total, sizeof *p), *q = test_array((size_t)l.total, sizeof *q);
  pf_layout_initialise(&l, 5, p);
  for (int a = 0; a < l.count; a++) {
    const pf_parameter *item = &l.items[a];
    int64_t n = pf_shape_items(&item->shape);
    double mean = 0, square = 0;
    for (int64_t k = 0; k < n; k++) {
      mean += p[item->offset + k] / (double)n;
      square += (double)p[item->offset + k] * p[item->offset + k] / (double)n;
    }
    bool zero = item->shape.axes == 1 || strcmp(item->name, "second_time.weight") == 0;
    bool first = strcmp(item->name, "layer0.weight") == 0 || strcmp(item->name, "time.weight") == 0;
    bool out = strcmp(item->name, "out.weight") == 0;
    double variance = zero ? 0
                           : (first                              ? 1
                              : out                              ? (last_gain > 0 ? last_gain : 0.01)
                              : kind == PF_ACTIVATION_TANH       ? 1
                              : kind == PF_ACTIVATION_LEAKY_RELU ? 2 / (1 + 0.2 * 0.2)
                                                                 : 2) /
                                 item->shape.dim[0];
    if (!(fabs(square - variance) <= 5 * variance * sqrt(2.0 / (double)n)))
      fail_msg("%s: variance %g, expected %g", item->name, square, variance);
    assert_true(fabs(mean) <= 5 * sqrt(variance / (double)n));
  }
  pf_layout_initialise(&l, 5, q);
  assert_memory_equal(p, q, (size_t)l.total * sizeof *p);
  pf_layout_initialise(&l, 6, q);
  assert_true(p[0] != q[0]);
  assert_true(p[0] != p[pf_layout_find(&l, "layer1.weight")->offset]); /* pieces draw different numbers */
  pf_free(p);
  pf_free(q);
  pf_layout_free(&l);
}

static void initial_values_have_the_stated_spread(void **state) {
  (void)state;
  for (int kind = 0; kind < PF_ACTIVATION_COUNT; kind++) expect_spread(kind, 0);
  expect_spread(PF_ACTIVATION_RELU, 1.5);
}

static void activations_are_found_by_name(void **state) {
  (void)state;
  pf_error error = {0};
  pf_activation found;
  for (int i = 0; i < PF_ACTIVATION_COUNT; i++) {
    must(pf_activation_find(pf_activation_name((pf_activation)i), &found, &error), &error);
    assert_int_equal(found, i);
  }
  assert_int_equal(pf_activation_find("gelu", &found, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "gelu"));
  assert_non_null(strstr(error.message, "softplus"));
  assert_non_null(strstr(error.message, "leaky_relu"));
}

static void wrong_configs_are_refused_by_name(void **state) {
  (void)state;
  static const struct {
    pf_network_config c;
    const char *word;
  } cases[] = {
      {NETWORK(0, 1, 1, 1, 0, 1, 1, false, 0), "inputs"},
      {NETWORK(1, 0, 1, 1, 0, 1, 1, false, 0), "outputs"},
      {NETWORK(1, 1, 0, 1, 0, 1, 1, false, 0), "width"},
      {NETWORK(1, 1, 8193, 1, 0, 1, 1, false, 0), "width"},
      {NETWORK(1, 1, 1, 0, 0, 1, 1, false, 0), "depth"},
      {NETWORK(1, 1, 1, 65, 0, 1, 1, false, 0), "depth"},
      {NETWORK(1, 1, 1, 1, -1, 1, 1, false, 0), "times"},
      {NETWORK(1, 1, 1, 1, 3, 1, 1, false, 0), "times"},
      {NETWORK(1, 1, 1, 1, 1, 0, 1, false, 0), "frequencies"},
      {NETWORK(1, 1, 1, 1, 1, 65, 1, false, 0), "frequencies"},
      {NETWORK(1, 1, 1, 1, 1, 1, 0.5, false, 0), "frequency"},
      {NETWORK(1, 1, 1, 1, 1, 1, NAN, false, 0), "frequency"},
      {NETWORK(1, 1, 1, 1, 1, 1, 1e7, false, 0), "frequency"},
      {NETWORK(1, 1, 1, 1, 1, 1, 1, false, PF_ACTIVATION_COUNT), "activation"},
      {{.inputs = 1,
        .outputs = 1,
        .width = 1,
        .depth = 1,
        .frequencies = 1,
        .max_frequency = 1,
        .last_gain = -1},
       "last_gain"},
      {{.inputs = 1,
        .outputs = 1,
        .width = 1,
        .depth = 1,
        .frequencies = 1,
        .max_frequency = 1,
        .last_gain = NAN},
       "last_gain"},
      {{.inputs = 1,
        .outputs = 1,
        .width = 1,
        .depth = 1,
        .times = 2,
        .frequencies = 1,
        .max_frequency = 1,
        .spectral = true},
       "spectral"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    pf_layout l = {.count = -7};
    pf_error error = {0};
    assert_int_equal(pf_network_config_check(&cases[i].c, &error), PF_USAGE);
    if (!strstr(error.message, cases[i].word))
      fail_msg("'%s' does not name %s", error.message, cases[i].word);
    assert_int_equal(pf_network_layout(&cases[i].c, &l, &error), PF_USAGE);
    assert_int_equal(l.count, -7);
  }
}

/* ---- values ---- */

typedef struct fixture {
  const pf_network_config *c;
  pf_layout layout;
  pf_graph *graph;
  pf_node x, t, s;
  double *p, *direction, x_value[ROWS * 4], t_value[ROWS], s_value[ROWS];
} fixture;

static void open_fixture(fixture *f, const pf_network_config *c, pf_span span) {
  pf_error error = {0};
  *f = (fixture){.c = c, .layout = layout_of(c)};
  must(pf_graph_create(&f->graph, &error), &error);
  f->p = test_array((size_t)f->layout.total, sizeof *f->p);
  f->direction = test_array((size_t)(ROWS * c->outputs), sizeof *f->direction);
  plain_normals(1, 0.7, (size_t)f->layout.total, f->p);
  plain_normals(5, 1, (size_t)(ROWS * c->outputs), f->direction);
  plain_normals(2, 1, ROWS * 4, f->x_value);
  for (int r = 0; r < ROWS; r++) {
    f->t_value[r] = 0.1 + 0.15 * r;
    f->s_value[r] = 1 - 0.1 * r;
  }
  f->x = pf_input(f->graph, X, PF_SHAPE(PF_PER_ROW, c->inputs));
  f->t = pf_input(f->graph, T, PF_SCALAR(span));
  f->s = pf_input(f->graph, S, PF_SCALAR(span));
}

static void close_fixture(fixture *f) {
  pf_graph_free(f->graph);
  pf_layout_free(&f->layout);
  pf_free(f->p);
  pf_free(f->direction);
}

static void evaluate(const fixture *f, const pf_node *nodes, int n, double *const *out) {
  const double *inputs[] = {f->x_value, f->t_value, f->s_value, f->direction}, *params[] = {f->p};
  pf_ref_run run = {.params = params, .inputs = inputs, .rows = ROWS};
  pf_error error = {0};
  must(pf_ref_evaluate(f->graph, nodes, n, &run, out, &error), &error);
}

static void expect_formula(const fixture *f, const double *got, pf_span span) {
  double want[8];
  for (int r = 0; r < ROWS; r++) {
    int time = span == PF_SHARED ? 0 : r;
    plain_network(f->c, &f->layout, f->p, f->t_value[time], f->s_value[time], f->x_value + r * f->c->inputs,
                  want);
    for (int j = 0; j < f->c->outputs; j++)
      if (!(fabs(got[r * f->c->outputs + j] - want[j]) <= 1e-11 * (1 + fabs(want[j]))))
        fail_msg("row %d output %d: %.15g, expected %.15g", r, j, got[r * f->c->outputs + j], want[j]);
  }
}

/* Times given once for all rows, or row by row: the formula both times. */
static void values_are_the_formula(void **state) {
  (void)state;
  for (int i = 0; i < CONFIGS; i++)
    for (int span = PF_SHARED; span <= PF_PER_ROW; span++) {
      fixture f;
      double got[ROWS * 4], *out = got;
      open_fixture(&f, &configs[i], (pf_span)span);
      pf_node y = pf_network_apply(f.c, 0, f.x, f.t, f.s);
      evaluate(&f, &y, 1, &out);
      expect_formula(&f, got, (pf_span)span);
      close_fixture(&f);
    }
}

/* F(t, t, x) does not depend on the second time's weights, F(t, s, x) does. */
static void the_diagonal_ignores_the_second_time(void **state) {
  (void)state;
  fixture f;
  double before[2][ROWS * 4], after[2][ROWS * 4];
  open_fixture(&f, &configs[2], PF_PER_ROW);
  pf_node y[] = {pf_network_apply(f.c, 0, f.x, f.t, f.t), pf_network_apply(f.c, 0, f.x, f.t, f.s)};
  evaluate(&f, y, 2, (double *[]){before[0], before[1]});
  const pf_parameter *second = pf_layout_find(&f.layout, "second_time.weight");
  plain_normals(9, 3, (size_t)pf_shape_items(&second->shape), f.p + second->offset);
  evaluate(&f, y, 2, (double *[]){after[0], after[1]});
  assert_memory_equal(before[0], after[0], ROWS * 2 * sizeof(double));
  for (int i = 0; i < ROWS * 2; i++) assert_true(before[1][i] != after[1][i]);
  close_fixture(&f);
}

/* The gradient of a random loss reaches every element; so it does at initialisation, where S is zero. */
static void every_weight_has_a_gradient(void **state) {
  (void)state;
  for (int i = 0; i < CONFIGS; i++)
    for (int fresh = 0; fresh < 2 && configs[i].activation != PF_ACTIVATION_RELU; fresh++) { /* dead units */
      fixture f;
      pf_node pieces[PIECES], gradients[PIECES];
      double *out[PIECES];
      open_fixture(&f, &configs[i], PF_PER_ROW);
      double least = f.c->activation == PF_ACTIVATION_SOFTPLUS ? 0 : 1e-12; /* its left tail is e^(20 a) */
      double *gradient = test_array((size_t)f.layout.total, sizeof *gradient);
      float *start = test_array((size_t)f.layout.total, sizeof *start);
      pf_layout_initialise(&f.layout, 2, start);
      for (int64_t k = 0; fresh && k < f.layout.total; k++) f.p[k] = start[k];
      pf_node y = pf_network_apply(f.c, 0, f.x, f.t, f.s);
      pf_node seed = pf_input(f.graph, DIRECTION, PF_SHAPE(PF_PER_ROW, f.c->outputs));
      assert_true(f.layout.count <= PIECES);
      for (int a = 0; a < f.layout.count; a++) {
        pieces[a] = pf_param(f.graph, 0, f.layout.items[a].offset, f.layout.items[a].shape);
        out[a] = gradient + f.layout.items[a].offset;
      }
      pf_grad(y, seed, pieces, f.layout.count, gradients);
      evaluate(&f, gradients, f.layout.count, out);
      for (int64_t k = 0; k < f.layout.total; k++)
        if (!(fabs(gradient[k]) > least)) fail_msg("network %d: element %d has no gradient", i, (int)k);
      pf_free(gradient);
      pf_free(start);
      close_fixture(&f);
    }
}

/* With the directions random, not yet singular vectors; by the time path as well. */
static void a_spectral_network_divides_by_its_norms(void **state) {
  (void)state;
  fixture f;
  pf_network_config c = NETWORK(3, 2, 8, 3, 1, 2, 4, false, PF_ACTIVATION_SILU);
  double got[2][ROWS * 4];
  c.spectral = true;
  open_fixture(&f, &c, PF_SHARED);
  pf_node y[] = {pf_network_apply(&c, 0, f.x, f.t, f.s),
                 pf_network_apply_path(&c, 0, f.x, pf_network_time_path(&c, 0, f.t, f.s))};
  evaluate(&f, y, 2, (double *[]){got[0], got[1]});
  expect_formula(&f, got[0], PF_SHARED);
  expect_formula(&f, got[1], PF_SHARED);
  close_fixture(&f);
}

/* ---- two networks in one array ---- */

static void appended_pieces_follow_under_their_prefix(void **state) {
  (void)state;
  pf_layout l = {0}, first = layout_of(&configs[0]), second = layout_of(&configs[4]);
  pf_error error = {0};
  must(pf_layout_append(&l, "generator", &first, &error), &error);
  must(pf_layout_append(&l, "critic", &second, &error), &error);
  assert_int_equal(l.count, first.count + second.count);
  assert_true(l.total == first.total + second.total);
  for (int a = 0; a < l.count; a++) {
    const pf_parameter *from = a < first.count ? &first.items[a] : &second.items[a - first.count];
    char name[60];
    snprintf(name, sizeof name, "%s.%s", a < first.count ? "generator" : "critic", from->name);
    assert_string_equal(l.items[a].name, name);
    assert_true(l.items[a].offset == from->offset + (a < first.count ? 0 : first.total));
    assert_int_equal(pf_shape_items(&l.items[a].shape), pf_shape_items(&from->shape));
    assert_int_equal(l.items[a].initial.kind, from->initial.kind);
    assert_true(l.items[a].initial.scale == from->initial.scale);
  }
  pf_layout_free(&l);
  pf_layout_free(&first);
  pf_layout_free(&second);
}

static void a_refused_append_changes_nothing(void **state) {
  (void)state;
  pf_layout l = {0}, more = layout_of(&configs[0]);
  pf_error error = {0};
  must(pf_layout_append(&l, "a", &more, &error), &error);
  assert_int_equal(pf_layout_append(&l, "a", &more, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "a.layer0.weight"));
  assert_int_equal(pf_layout_append(&l, "a_prefix_of_many_letters_or_more", &more, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "39"));
  assert_int_equal(l.count, more.count);
  assert_true(l.total == more.total);
  pf_layout_free(&l);
  pf_status status = PF_NO_MEMORY;
  for (int k = 1; status != PF_OK; k++) {
    pf_memory_fail_at(k);
    status = pf_layout_append(&l, "a", &more, NULL);
    pf_memory_fail_at(0);
    assert_true(status == PF_OK || (status == PF_NO_MEMORY && l.count == 0 && l.total == 0));
  }
  pf_layout_free(&l);
  pf_layout_free(&more);
}

/* The second network of an array has the values it has alone. */
static void a_network_may_begin_anywhere(void **state) {
  (void)state;
  enum { OFFSET = 37 };
  fixture f;
  double got[ROWS * 4], *out = got;
  open_fixture(&f, &configs[2], PF_PER_ROW);
  double *later = test_array((size_t)(f.layout.total + OFFSET), sizeof *later), *first = f.p;
  memcpy(later + OFFSET, first, (size_t)f.layout.total * sizeof *later);
  pf_node y = pf_network_apply_at(f.c, 0, OFFSET, f.x, f.t, f.s);
  f.p = later;
  evaluate(&f, &y, 1, &out);
  f.p = first;
  expect_formula(&f, got, PF_PER_ROW);
  pf_free(later);
  close_fixture(&f);
}

static void lack_of_memory_is_an_error(void **state) {
  (void)state;
  pf_status status = PF_NO_MEMORY;
  for (int k = 1; status != PF_OK; k++) {
    pf_layout l = {0};
    pf_memory_fail_at(k);
    status = pf_network_layout(&configs[3], &l, NULL);
    pf_memory_fail_at(0);
    assert_true(status == PF_OK || (status == PF_NO_MEMORY && l.items == NULL));
    pf_layout_free(&l);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pieces_are_contiguous_and_named_once),
      cmocka_unit_test(initial_values_have_the_stated_spread),
      cmocka_unit_test(activations_are_found_by_name),
      cmocka_unit_test(wrong_configs_are_refused_by_name),
      cmocka_unit_test(values_are_the_formula),
      cmocka_unit_test(the_diagonal_ignores_the_second_time),
      cmocka_unit_test(every_weight_has_a_gradient),
      cmocka_unit_test(a_spectral_network_divides_by_its_norms),
      cmocka_unit_test(appended_pieces_follow_under_their_prefix),
      cmocka_unit_test(a_refused_append_changes_nothing),
      cmocka_unit_test(a_network_may_begin_anywhere),
      cmocka_unit_test(lack_of_memory_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
