/* The two-time map and the velocity as graphs, against the paper's own form (plain_map.h) and by differentiation. */
#include "exec/exec.h"
#include "plain_map.h"

enum { D = 3, ROWS = 6, X = 0, T, S, X0, X1, INPUTS, VALUES = ROWS * D };

static const double times_t[ROWS] = {0, 0.1, 0.35, 0.5, 0.8, 0.97};
static const double times_s[ROWS] = {1, 0.1, 0.9, 0.2, 0.99, 1};

typedef struct fixture {
  pf_time_map map;
  pf_layout layout;
  pf_graph *graph;
  pf_node x, t, s, x0, x1;
  double *p, value[INPUTS][VALUES];
} fixture;

static void open_fixture(fixture *f, pf_interpolant kind, int times, pf_span span) {
  pf_error error = {0};
  *f = (fixture){.map = {kind, {D, D, 9, 2, times, 3, 4, false}}};
  must(pf_network_layout(&f->map.network, &f->layout, &error), &error);
  must(pf_graph_create(&f->graph, &error), &error);
  f->p = test_array((size_t)f->layout.total, sizeof *f->p);
  plain_normals(1, 0.7, (size_t)f->layout.total, f->p);
  for (int i = 0; i < INPUTS; i++) plain_normals(2 + (uint64_t)i, 1.5, VALUES, f->value[i]);
  memcpy(f->value[T], times_t, sizeof times_t);
  memcpy(f->value[S], times_s, sizeof times_s);
  f->x = pf_input(f->graph, X, PF_SHAPE(PF_PER_ROW, D));
  f->t = pf_input(f->graph, T, PF_SCALAR(span));
  f->s = pf_input(f->graph, S, PF_SCALAR(span));
  f->x0 = pf_input(f->graph, X0, PF_SHAPE(PF_PER_ROW, D));
  f->x1 = pf_input(f->graph, X1, PF_SHAPE(PF_PER_ROW, D));
}

static void close_fixture(fixture *f) {
  pf_graph_free(f->graph);
  pf_layout_free(&f->layout);
  pf_free(f->p);
}

static void evaluate(const fixture *f, pf_node node, double *out) {
  const double *inputs[INPUTS], *params[] = {f->p};
  for (int i = 0; i < INPUTS; i++) inputs[i] = f->value[i];
  pf_ref_run run = {.params = params, .inputs = inputs, .rows = ROWS};
  pf_error error = {0};
  must(pf_ref_evaluate(f->graph, &node, 1, &run, &out, &error), &error);
}

static void expect_close(pf_interpolant kind, int i, double got, double want) {
  if (!(fabs(got - want) <= 1e-11 * (1 + fabs(want))))
    fail_msg("%s, value %d: %.15g, expected %.15g", pf_interpolant_name(kind), i, got, want);
}

/* Includes rows that reach the data end s = 1, and one that goes backwards. */
static void the_map_is_the_papers(void **state) {
  (void)state;
  for (pf_interpolant kind = 0; kind < PF_INTERPOLANT_COUNT; kind++) {
    fixture f;
    double got[VALUES], want[D];
    open_fixture(&f, kind, 2, PF_PER_ROW);
    evaluate(&f, pf_time_map_node(&f.map, 0, f.x, f.t, f.s), got);
    for (int r = 0; r < ROWS; r++) {
      plain_map(&f.map, &f.layout, f.p, times_t[r], times_s[r], f.value[X] + r * D, want);
      for (int j = 0; j < D; j++) expect_close(kind, r * D + j, got[r * D + j], want[j]);
    }
    close_fixture(&f);
  }
}

/* g(t, 1, x) is the denoiser D(t, 1, x). */
static void the_map_to_the_data_end_is_the_denoiser(void **state) {
  (void)state;
  for (pf_interpolant kind = 0; kind < PF_INTERPOLANT_COUNT; kind++) {
    fixture f;
    double got[VALUES], want[D];
    open_fixture(&f, kind, 2, PF_PER_ROW);
    for (int r = 0; r < ROWS; r++) f.value[S][r] = 1;
    evaluate(&f, pf_time_map_node(&f.map, 0, f.x, f.t, f.s), got);
    for (int r = 0; r < ROWS; r++) {
      plain_denoiser(&f.map, &f.layout, f.p, times_t[r], 1, f.value[X] + r * D, want);
      for (int j = 0; j < D; j++) expect_close(kind, r * D + j, got[r * D + j], want[j]);
    }
    close_fixture(&f);
  }
}

/* v(t, x) = d/ds g(t, s, x) at s = t; F's own slope in s does not count, its coefficient is zero there. */
static void the_velocity_is_the_slope_of_the_map(void **state) {
  (void)state;
  for (pf_interpolant kind = 0; kind < PF_INTERPOLANT_COUNT; kind++) {
    fixture f;
    double got[VALUES], want[VALUES], drift[D];
    open_fixture(&f, kind, 2, PF_PER_ROW);
    memcpy(f.value[S], f.value[T], sizeof times_t);
    pf_node g = pf_time_map_node(&f.map, 0, f.x, f.t, f.s), slope;
    pf_node one = pf_broadcast(pf_scalar(f.graph, 1), PF_SCALAR(PF_PER_ROW));
    pf_jvp(&g, 1, &f.s, &one, 1, &slope);
    evaluate(&f, slope, want);
    evaluate(&f, pf_time_map_velocity_node(&f.map, 0, f.x, f.t), got);
    for (int i = 0; i < VALUES; i++) expect_close(kind, i, got[i], want[i]);
    for (int r = 0; r < ROWS; r++) { /* v = drift x + gain D: arXiv 2405.05512, section 2 */
      pf_interpolant_values v = pf_interpolant_at(kind, times_t[r]);
      plain_denoiser(&f.map, &f.layout, f.p, times_t[r], times_t[r], f.value[X] + r * D, drift);
      for (int j = 0; j < D; j++)
        expect_close(kind, r * D + j, got[r * D + j], v.drift * f.value[X][r * D + j] + v.gain * drift[j]);
    }
    close_fixture(&f);
  }
}

/* The velocity that the exact F = E[target | x_t] gives is the interpolant's: with one data point, xdot itself. */
static void the_target_gives_the_interpolants_velocity(void **state) {
  (void)state;
  for (pf_interpolant kind = 0; kind < PF_INTERPOLANT_COUNT; kind++) {
    fixture f;
    double target[VALUES];
    open_fixture(&f, kind, 1, PF_PER_ROW);
    evaluate(&f, pf_time_map_target_node(&f.map, f.t, f.x0, f.x1), target);
    for (int r = 0; r < ROWS; r++) {
      pf_interpolant_values v = pf_interpolant_at(kind, times_t[r]);
      double c2 = v.alpha * v.alpha + v.beta * v.beta;
      for (int j = 0; j < D; j++) {
        int i = r * D + j;
        double x = v.alpha * f.value[X0][i] + v.beta * f.value[X1][i];
        double of_x = (v.alpha_alpha_dot + v.beta * v.beta_dot) / c2;
        double of_f = (v.alpha * v.beta_dot - v.beta * v.alpha_dot) / sqrt(c2);
        expect_close(kind, i, of_x * x + of_f * target[i],
                     v.alpha_dot * f.value[X0][i] + v.beta_dot * f.value[X1][i]);
      }
    }
    close_fixture(&f);
  }
}

static void expect_same_floats(pf_interpolant kind, const float *a, const float *b, int n) {
  for (int i = 0; i < n; i++)
    if (memcmp(a + i, b + i, sizeof *a) != 0)
      fail_msg("%s: value %d is %.9g, not %.9g", pf_interpolant_name(kind), i, (double)a[i], (double)b[i]);
}

/* g(t, t, x) = x, bit for bit, at any time and for any weights, on both executors. */
static void standing_still_is_exact(void **state) {
  (void)state;
  for (pf_interpolant kind = 0; kind < PF_INTERPOLANT_COUNT; kind++)
    for (int span = PF_SHARED; span <= PF_PER_ROW; span++) {
      fixture f;
      double got[VALUES];
      float x[VALUES], t[ROWS], out[VALUES], *params = NULL, *outputs[] = {out};
      pf_program *program = NULL;
      pf_error error = {0};
      open_fixture(&f, kind, 2, (pf_span)span);
      pf_node g = pf_time_map_node(&f.map, 0, f.x, f.t, f.s);
      pf_program_options options = pf_program_options_default();
      options.max_rows = ROWS;
      must(pf_program_create(f.graph, &g, 1, &options, &program, &error), &error);
      params = test_array((size_t)f.layout.total, sizeof *params);
      void *shared = test_array(1, pf_program_shared_bytes(program)),
           *workspace = test_array(1, pf_program_workspace_bytes(program));
      for (int64_t i = 0; i < f.layout.total; i++) params[i] = (float)f.p[i];
      for (int i = 0; i < VALUES; i++) x[i] = (float)f.value[X][i];
      for (int k = 0; k <= 200; k++) {
        for (int r = 0; r < ROWS; r++) f.value[T][r] = f.value[S][r] = k / 200.0;
        for (int r = 0; r < ROWS; r++) t[r] = (float)f.value[T][r];
        evaluate(&f, g, got);
        assert_memory_equal(got, f.value[X], sizeof got);
        const float *sets[] = {params}, *inputs[] = {x, t, t, x, x};
        pf_run run = {.params = sets, .inputs = inputs, .rows = ROWS};
        pf_program_run_shared(program, &run, shared, outputs);
        pf_program_run_lane(program, &run, shared, workspace, 0, ROWS, outputs);
        expect_same_floats(kind, out, x, VALUES);
      }
      pf_program_free(program);
      pf_free(params);
      pf_free(shared);
      pf_free(workspace);
      close_fixture(&f);
    }
}

/* (x, F) turns by the angle between the times. */
static void the_trigonometric_map_is_a_rotation(void **state) {
  (void)state;
  fixture f;
  double of_x[ROWS], of_f[ROWS];
  pf_node a, b;
  open_fixture(&f, PF_INTERPOLANT_TRIG, 2, PF_PER_ROW);
  pf_time_map_coefficients(&f.map, f.t, f.s, &a, &b);
  evaluate(&f, a, of_x);
  evaluate(&f, b, of_f);
  for (int r = 0; r < ROWS; r++) {
    double angle = M_PI / 2 * (times_s[r] - times_t[r]);
    expect_close(PF_INTERPOLANT_TRIG, r, of_x[r], cos(angle));
    expect_close(PF_INTERPOLANT_TRIG, r, of_f[r], sin(angle));
  }
  close_fixture(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_map_is_the_papers),
      cmocka_unit_test(the_map_to_the_data_end_is_the_denoiser),
      cmocka_unit_test(the_velocity_is_the_slope_of_the_map),
      cmocka_unit_test(the_target_gives_the_interpolants_velocity),
      cmocka_unit_test(standing_still_is_exact),
      cmocka_unit_test(the_trigonometric_map_is_a_rotation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
