/* Networks of every activation, plain and spectral: value, gradient, tangent and the gradient of a gradient penalty against
 * differences in double precision, and the fast executor against the reference; what spectral normalisation promises. */
#include "exec/program_run.h"
#include "nn/network.h"

enum { ROWS = 200, D = 3, WIDTH = 6, OFFSET = 5, X = 0, ALONG = 1, FIXED = 3 };

static pf_network_config config_of(int activation, bool spectral) {
  return (pf_network_config){.inputs = D,
                             .outputs = 1,
                             .width = WIDTH,
                             .depth = 2,
                             .frequencies = 1,
                             .max_frequency = 1,
                             .activation = (pf_activation)activation,
                             .last_gain = 1,
                             .spectral = spectral};
}

static pf_layout layout_of(const pf_network_config *c) {
  pf_layout layout = {0};
  pf_error error = {0};
  must(pf_network_layout(c, &layout, &error), &error);
  return layout;
}

static bool is_direction(const pf_parameter *piece) {
  return strstr(piece->name, ".left") || strstr(piece->name, ".right");
}

/* Outputs 0..2: objective (mean of phi + |grad phi|^2), its rows' gradient in x, the tangent of phi along an input; from 3 on
 * the objective's gradient in every piece. The network starts at OFFSET. */
static fixture open_network(const pf_network_config *c, const pf_layout *layout) {
  fixture f = {.rows = ROWS, .input_items = {D, D}, .outputs = FIXED + layout->count};
  pf_error error = {0};
  must(pf_graph_create(&f.graph, &error), &error);
  fixture_fill(&f, OFFSET + layout->total);
  pf_layout_initialise(layout, 3, f.param + OFFSET);
  for (int i = 0; i < layout->count; i++) /* so that biases have values */
    if (layout->items[i].initial.kind == PF_INIT_ZERO)
      test_numbers(50, layout->items[i].shape.dim[0], f.param + OFFSET + layout->items[i].offset);
  for (int k = 0; k < 5; k++) pf_network_spectral_step(c, f.param + OFFSET);
  pf_node x = pf_input(f.graph, X, PF_SHAPE(PF_PER_ROW, D)), none = {f.graph, -1}, slope, pieces[MAX_OUTPUTS];
  pf_node along = pf_input(f.graph, ALONG, PF_SHAPE(PF_PER_ROW, D));
  pf_node phi = pf_sum_items(pf_network_apply_at(c, 0, OFFSET, x, x, x));
  pf_grad(phi, none, &x, 1, &slope);
  pf_node row = pf_add(phi, pf_sum_items(pf_square(slope)));
  f.output[0] = pf_mean_rows(row, pf_scalar(f.graph, 1.0 / ROWS));
  pf_grad(row, none, &x, 1, &f.output[1]);
  pf_jvp(&row, 1, &x, &along, 1, &f.output[2]);
  for (int i = 0; i < layout->count; i++)
    pieces[i] = pf_param(f.graph, 0, OFFSET + layout->items[i].offset, layout->items[i].shape);
  assert_true(f.outputs <= MAX_OUTPUTS);
  pf_grad(f.output[0], none, pieces, layout->count, f.output + FIXED);
  return f;
}

static void both_executors_agree(void **state) {
  (void)state;
  for (int a = 0; a < PF_ACTIVATION_COUNT; a++)
    for (int spectral = 0; spectral < 2; spectral++) {
      pf_network_config c = config_of(a, spectral);
      pf_layout layout = layout_of(&c);
      fixture f = open_network(&c, &layout);
      results want = run_reference(&f), got = run_with(&f, 32, true, 2, 1),
              apart = run_with(&f, 32, false, 1, 1);
      assert_close(&got, &want, 1e-4, pf_activation_name((pf_activation)a));
      assert_close(&apart, &want, 1e-4, pf_activation_name((pf_activation)a));
      results_free(&want);
      results_free(&got);
      results_free(&apart);
      fixture_free(&f);
      pf_layout_free(&layout);
    }
}

/* ---- differences ---- */

typedef struct doubles {
  double *param, *x, *along, *out[MAX_OUTPUTS];
} doubles;

static doubles open_doubles(const fixture *f) {
  doubles s = {to_double(f->param, f->params),
               to_double(f->input[X], ROWS * D),
               to_double(f->input[ALONG], ROWS * D),
               {NULL}};
  for (int i = 0; i < f->outputs; i++) {
    pf_shape shape = pf_node_shape(f->output[i]);
    s.out[i] =
        test_alloc((size_t)pf_shape_items(&shape) * (shape.span == PF_PER_ROW ? ROWS : 1), sizeof(double));
  }
  return s;
}

static void close_doubles(doubles *s) {
  pf_free(s->param);
  pf_free(s->x);
  pf_free(s->along);
  for (int i = 0; i < MAX_OUTPUTS; i++) pf_free(s->out[i]);
}

static void evaluate(const fixture *f, const doubles *s, int outputs, double *const *out) {
  const double *params[] = {s->param}, *inputs[MAX_INPUTS] = {s->x, s->along};
  pf_ref_run run = {.params = params, .inputs = inputs, .rows = ROWS};
  pf_error error = {0};
  must(pf_ref_evaluate(f->graph, f->output, outputs, &run, out, &error), &error);
}

/* The objective's derivative along `towards` (count numbers) of the values at `at`; error h^4. */
static double difference(const fixture *f, const doubles *s, double *at, const double *towards, int count) {
  static const double step[] = {1e-5, -1e-5, 2e-5, -2e-5}, weight[] = {8, -8, -1, 1};
  double sum = 0, *before = test_alloc((size_t)count, sizeof *before);
  memcpy(before, at, (size_t)count * sizeof *at);
  for (int k = 0; k < 4; k++) {
    double objective = 0, *out = &objective;
    for (int i = 0; i < count; i++) at[i] = before[i] + step[k] * towards[i];
    evaluate(f, s, 1, &out);
    sum += weight[k] * objective / 12e-5;
  }
  memcpy(at, before, (size_t)count * sizeof *at);
  pf_free(before);
  return sum;
}

static void expect_near(const char *what, const char *name, double got, double want) {
  if (!(fabs(got - want) <= 1e-6 * (0.1 + fabs(want))))
    fail_msg("%s, %s: %.12g, differences say %.12g", what, name, got, want);
}

/* In x: along one direction, which the gradient and the tangent both give. */
static void check_input(const fixture *f, const doubles *s, const char *name) {
  double along = 0, tangent = 0, want = difference(f, s, s->x, s->along, ROWS * D);
  for (int i = 0; i < ROWS * D; i++) along += s->out[1][i] * s->along[i] / ROWS;
  for (int i = 0; i < ROWS; i++) tangent += s->out[2][i] / ROWS;
  expect_near("gradient in x", name, along, want);
  expect_near("tangent", name, tangent, want);
}

static void check_pieces(const fixture *f, const doubles *s, const pf_layout *layout, const char *name) {
  const double one = 1;
  for (int i = 0; i < layout->count; i++) {
    const pf_parameter *piece = &layout->items[i];
    for (int k = 0; k < pf_shape_items(&piece->shape); k++) {
      double got = s->out[FIXED + i][k];
      if (is_direction(piece))
        assert_true(got == 0);
      else
        expect_near(piece->name, name, got, difference(f, s, s->param + OFFSET + piece->offset + k, &one, 1));
    }
  }
}

static void derivatives_are_those_of_differences(void **state) {
  (void)state;
  for (int a = 0; a < PF_ACTIVATION_COUNT; a++)
    for (int spectral = 0; spectral < 2; spectral++) {
      pf_network_config c = config_of(a, spectral);
      pf_layout layout = layout_of(&c);
      fixture f = open_network(&c, &layout);
      doubles s = open_doubles(&f);
      evaluate(&f, &s, f.outputs, s.out);
      check_input(&f, &s, pf_activation_name((pf_activation)a));
      check_pieces(&f, &s, &layout, pf_activation_name((pf_activation)a));
      close_doubles(&s);
      fixture_free(&f);
      pf_layout_free(&layout);
    }
}

/* ---- spectral normalisation ---- */

static double sigma_of(const float *weight, int in, int out) {
  const float *left = weight + in * out, *right = left + in;
  double sigma = 0;
  for (int i = 0; i < in; i++)
    for (int j = 0; j < out; j++) sigma += (double)left[i] * weight[i * out + j] * right[j];
  return sigma;
}

/* [[3, 0], [4, 5]] has the singular values sqrt(45) and sqrt(5), and the first one's vectors are (1, 3)/sqrt(10) and
 * (1, 1)/sqrt(2). */
static void steps_find_the_largest_singular_value(void **state) {
  (void)state;
  pf_network_config c = {.inputs = 2,
                         .outputs = 1,
                         .width = 2,
                         .depth = 1,
                         .frequencies = 1,
                         .max_frequency = 1,
                         .spectral = true};
  pf_layout layout = layout_of(&c);
  float *p = test_alloc((size_t)layout.total, sizeof *p);
  pf_layout_initialise(&layout, 1, p);
  const float weight[] = {3, 0, 4, 5};
  memcpy(p, weight, sizeof weight);
  for (int k = 0; k < 20; k++) pf_network_spectral_step(&c, p);
  const float *left = p + pf_layout_find(&layout, "layer0.weight.left")->offset,
              *right = p + pf_layout_find(&layout, "layer0.weight.right")->offset;
  assert_ptr_equal(left, p + 4);
  assert_true(fabs(sigma_of(p, 2, 2) - sqrt(45)) < 1e-5);
  assert_true(fabs(fabs((double)left[0]) - 1 / sqrt(10)) < 1e-6 && left[0] * left[1] > 0);
  assert_true(fabs(fabs((double)right[0]) - 1 / sqrt(2)) < 1e-6 && right[0] * right[1] > 0);
  assert_memory_equal(p, weight, sizeof weight);
  /* of one column: its length */
  const float *out = p + pf_layout_find(&layout, "out.weight")->offset;
  assert_true(fabs(sigma_of(out, 2, 1) - hypot((double)out[0], (double)out[1])) < 1e-6);
  pf_free(p);
  pf_layout_free(&layout);
}

/* |W right| and |W^T left| are sigma when left and right are singular vectors; no random direction is stretched by more. Wider
 * than the block of columns that is summed in step. */
static void steps_converge_on_a_wide_network(void **state) {
  (void)state;
  enum { IN = 90, OUT = 150, TRIES = 50 };
  pf_network_config c = config_of(PF_ACTIVATION_RELU, true);
  c.inputs = IN;
  c.width = OUT;
  pf_layout layout = layout_of(&c);
  float *p = test_alloc((size_t)layout.total, sizeof *p);
  pf_layout_initialise(&layout, 1, p);
  for (int k = 0; k < 500; k++) pf_network_spectral_step(&c, p);
  const float *right = p + IN * OUT + IN;
  const double sigma = sigma_of(p, IN, OUT);
  for (int t = -1; t < TRIES; t++) {
    float y[OUT];
    double square = 0, length = 0;
    test_numbers(100 + (uint64_t)t, OUT, y);
    for (int j = 0; j < OUT; j++) length += (double)y[j] * y[j];
    for (int j = 0; j < OUT && t < 0; j++) y[j] = right[j];
    if (t < 0) length = 1;
    for (int i = 0; i < IN; i++) {
      double sum = 0;
      for (int j = 0; j < OUT; j++) sum += (double)p[i * OUT + j] * y[j];
      square += sum * sum;
    }
    assert_true(sqrt(square / length) <= sigma * (1 + 1e-5));
    if (t < 0) assert_true(sqrt(square) >= sigma * (1 - 1e-5));
  }
  pf_free(p);
  pf_layout_free(&layout);
}

static void a_step_leaves_other_networks_alone(void **state) {
  (void)state;
  pf_network_config c = config_of(PF_ACTIVATION_RELU, false);
  pf_layout layout = layout_of(&c);
  float *p = test_alloc((size_t)layout.total, sizeof *p), *q = test_alloc((size_t)layout.total, sizeof *q);
  pf_layout_initialise(&layout, 1, p);
  memcpy(q, p, (size_t)layout.total * sizeof *p);
  pf_network_spectral_step(&c, p);
  assert_memory_equal(p, q, (size_t)layout.total * sizeof *p);
  pf_free(p);
  pf_free(q);
  pf_layout_free(&layout);
}

/* With weights that stretch by hundreds the normalised network still moves no more than its input does; the other one does. */
static void a_spectral_network_is_lipschitz(void **state) {
  (void)state;
  enum { VALUE = 1 };
  for (int spectral = 0; spectral < 2; spectral++) {
    pf_network_config c = config_of(PF_ACTIVATION_RELU, spectral);
    pf_layout layout = layout_of(&c);
    fixture f = {.rows = ROWS, .input_items = {D, D}, .outputs = 2};
    pf_error error = {0};
    must(pf_graph_create(&f.graph, &error), &error);
    fixture_fill(&f, layout.total);
    for (int64_t k = 0; k < layout.total; k++) f.param[k] *= 9;
    for (int k = 0; k < 200; k++) pf_network_spectral_step(&c, f.param);
    for (int i = 0; i < 2; i++) {
      pf_node x = pf_input(f.graph, i, PF_SHAPE(PF_PER_ROW, D));
      f.output[i] = pf_network_apply(&c, 0, x, x, x);
    }
    results r = run_with(&f, 32, true, 1, 1);
    double most = 0;
    for (int i = 0; i < ROWS; i++) {
      double square = 0;
      for (int j = 0; j < D; j++) square += pow((double)f.input[0][i * D + j] - f.input[1][i * D + j], 2);
      most = fmax(most, fabs((double)r.value[0][i] - (double)r.value[VALUE][i]) / sqrt(square));
    }
    assert_true(spectral ? most <= 1 + 1e-4 && most > 0.01 : most > 10);
    results_free(&r);
    fixture_free(&f);
    pf_layout_free(&layout);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(both_executors_agree),
      cmocka_unit_test(derivatives_are_those_of_differences),
      cmocka_unit_test(steps_find_the_largest_singular_value),
      cmocka_unit_test(steps_converge_on_a_wide_network),
      cmocka_unit_test(a_step_leaves_other_networks_alone),
      cmocka_unit_test(a_spectral_network_is_lipschitz),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
