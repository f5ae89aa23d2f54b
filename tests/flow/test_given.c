/* Given columns: cut out and put back, kept by maps, left alone by velocities, in every place of a row. */
#include "exec/exec.h"
#include "flow/learned.h"
#include "plain_map.h"

enum { D = 5, ROWS = 300, WIDTH = 12 };

static const pf_given places[] = {{0, {0}},    {1, {0}},       {1, {4}},          {1, {2}},
                                  {2, {1, 3}}, {3, {0, 1, 4}}, {4, {0, 1, 2, 3}}, {2, {3, 4}}};
enum { PLACES = sizeof places / sizeof *places };

/* Column numbers of the generated ones. */
static int generated_columns(const pf_given *given, int out[D]) {
  int count = 0;
  for (int c = 0; c < D; c++)
    if (!pf_given_has(given, c)) out[count++] = c;
  return count;
}

static void columns_are_cut_and_put_back(void **state) {
  (void)state;
  for (int p = 0; p < PLACES; p++) {
    const pf_given *given = &places[p];
    pf_error error = {0};
    pf_graph *graph = NULL;
    int columns[D], count = generated_columns(given, columns);
    double x[2 * D], other[2 * D], cut[2 * D], joined[2 * D];
    must(pf_graph_create(&graph, &error), &error);
    pf_node row = pf_input(graph, 0, PF_SHAPE(PF_PER_ROW, D)),
            second = pf_input(graph, 1, PF_SHAPE(PF_PER_ROW, D));
    pf_node part = pf_given_generated_node(given, row);
    assert_int_equal(pf_node_shape(part).dim[0], count);
    pf_node outputs[] = {part, pf_given_join_node(given, part, second)};
    assert_int_equal(pf_node_shape(outputs[1]).dim[0], D);
    for (int i = 0; i < 2 * D; i++) {
      x[i] = i + 1;
      other[i] = -i - 1;
    }
    pf_ref_run run = {.params = NULL, .inputs = (const double *[]){x, other}, .rows = 2};
    double *out[] = {cut, joined};
    must(pf_ref_evaluate(graph, outputs, 2, &run, out, &error), &error);
    for (int r = 0; r < 2; r++)
      for (int k = 0; k < count; k++) assert_true(cut[r * count + k] == x[r * D + columns[k]]);
    for (int i = 0; i < 2 * D; i++) assert_true(joined[i] == (pf_given_has(given, i % D) ? other[i] : x[i]));
    pf_graph_free(graph);
  }
}

typedef struct fixture {
  pf_time_map map;
  pf_layout layout;
  double *p;
  float *params, *x;
  pf_learned *learned;
} fixture;

static void open_fixture(fixture *f, pf_interpolant kind, int times, const pf_given *given) {
  pf_error error = {0};
  *f = (fixture){.map = {.interpolant = kind,
                         .given = *given,
                         .network = {.inputs = D,
                                     .outputs = D - given->count,
                                     .width = WIDTH,
                                     .depth = 2,
                                     .times = times,
                                     .frequencies = 3,
                                     .max_frequency = 4}}};
  must(pf_network_layout(&f->map.network, &f->layout, &error), &error);
  const size_t n = (size_t)f->layout.total;
  f->p = test_array(n, sizeof *f->p);
  f->params = test_array(n, sizeof *f->params);
  f->x = test_array(ROWS * D, sizeof *f->x);
  plain_normals(1, 0.4, n, f->p);
  for (size_t i = 0; i < n; i++) f->p[i] = f->params[i] = (float)f->p[i];
  pf_fill_normal_f32(3, PF_STREAM_TEST, 0, 0, ROWS, D, f->x);
  must(pf_learned_create(&f->map, f->params, &f->learned, &error), &error);
}

static void close_fixture(fixture *f) {
  pf_learned_free(f->learned);
  pf_layout_free(&f->layout);
  pf_free(f->p);
  pf_free(f->params);
  pf_free(f->x);
}

/* F in plain loops: the generated columns over c, the given ones as they are. */
static void network_of(const fixture *f, double t, double s, const double *row, double *out) {
  const pf_interpolant_values v = pf_interpolant_at(f->map.interpolant, t);
  const double c = f->map.network.times == 0 ? 1 : sqrt(v.alpha * v.alpha + v.beta * v.beta);
  double in[D];
  for (int j = 0; j < D; j++) in[j] = pf_given_has(&f->map.given, j) ? row[j] : row[j] / c;
  plain_network(&f->map.network, &f->layout, f->p, t, s, in, out);
}

static void check_row(const fixture *f, const float *x, const float *moved, const float *v) {
  const double t = .25, s = .875;
  const pf_interpolant_values at = pf_interpolant_at(f->map.interpolant, t),
                              to = pf_interpolant_at(f->map.interpolant, s);
  const double square = at.alpha * at.alpha + at.beta * at.beta;
  double row[D], far[D], near[D];
  int columns[D], count = generated_columns(&f->map.given, columns);
  for (int j = 0; j < D; j++) row[j] = x[j];
  network_of(f, t, s, row, far);
  network_of(f, t, t, row, near);
  for (int k = 0; k < count; k++) {
    const int j = columns[k];
    const double g = (at.alpha * to.alpha + at.beta * to.beta) / square * row[j] +
                     (at.alpha * to.beta - at.beta * to.alpha) / sqrt(square) * far[k];
    const double velocity = (at.alpha * at.alpha_dot + at.beta * at.beta_dot) / square * row[j] +
                            (at.alpha * at.beta_dot - at.beta * at.alpha_dot) / sqrt(square) * near[k];
    if (!(fabs(moved[j] - g) <= 3e-5 * (1 + fabs(g)))) fail_msg("g: %g, not %g", (double)moved[j], g);
    if (!(fabs(v[j] - velocity) <= 3e-5 * (1 + fabs(velocity))))
      fail_msg("v: %g, not %g", (double)v[j], velocity);
  }
  for (int k = 0; k < f->map.given.count; k++) {
    assert_true(moved[f->map.given.columns[k]] == x[f->map.given.columns[k]]);
    assert_true(v[f->map.given.columns[k]] == 0);
  }
}

/* Every interpolant and place; the map in place, which is how samplers call it. */
static void maps_keep_them_and_velocities_rest(void **state) {
  (void)state;
  for (pf_interpolant kind = 0; kind < PF_INTERPOLANT_COUNT; kind++)
    for (int p = 0; p < PLACES; p++) {
      fixture f;
      pf_error error = {0};
      float moved[ROWS * D], v[ROWS * D];
      open_fixture(&f, kind, 2, &places[p]);
      memcpy(moved, f.x, sizeof moved);
      must(pf_learned_move(f.learned, .25, .875, (pf_rows){0, ROWS}, moved, NULL, &error), &error);
      must(pf_learned_velocity(f.learned, .25, (pf_rows){0, ROWS}, f.x, v, NULL, &error), &error);
      for (int r = 0; r < ROWS; r++) check_row(&f, f.x + r * D, moved + r * D, v + r * D);
      close_fixture(&f);
    }
}

static void plain_maps_keep_them(void **state) {
  (void)state;
  for (int p = 0; p < PLACES; p++) {
    fixture f;
    pf_error error = {0};
    float moved[ROWS * D];
    double row[D], want[D];
    int columns[D], count = generated_columns(&places[p], columns);
    open_fixture(&f, PF_INTERPOLANT_TRIG, 0, &places[p]);
    memcpy(moved, f.x, sizeof moved);
    must(pf_learned_move(f.learned, 0, 1, (pf_rows){0, ROWS}, moved, NULL, &error), &error);
    for (int r = 0; r < ROWS; r++) {
      for (int j = 0; j < D; j++) row[j] = f.x[r * D + j];
      network_of(&f, 0, 1, row, want);
      for (int k = 0; k < count; k++)
        assert_true(fabs(moved[r * D + columns[k]] - want[k]) <= 3e-5 * (1 + fabs(want[k])));
      for (int k = 0; k < places[p].count; k++)
        assert_true(moved[r * D + places[p].columns[k]] == f.x[r * D + places[p].columns[k]]);
    }
    close_fixture(&f);
  }
}

static void impossible_places_are_refused(void **state) {
  (void)state;
  static const pf_given wrong[] = {{2, {1, 1}}, {2, {3, 1}},          {1, {5}},
                                   {1, {-1}},   {5, {0, 1, 2, 3, 4}}, {33, {0}}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    fixture f;
    pf_error error = {0};
    pf_learned *learned = NULL;
    open_fixture(&f, PF_INTERPOLANT_TRIG, 1, &places[0]);
    f.map.given = wrong[i];
    assert_int_equal(pf_learned_create(&f.map, f.params, &learned, &error), PF_USAGE);
    assert_null(learned);
    f.map.given = places[1]; /* the network still has an output for each column */
    assert_int_equal(pf_learned_create(&f.map, f.params, &learned, &error), PF_USAGE);
    assert_non_null(strstr(error.message, "outputs"));
    close_fixture(&f);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(columns_are_cut_and_put_back),
      cmocka_unit_test(maps_keep_them_and_velocities_rest),
      cmocka_unit_test(plain_maps_keep_them),
      cmocka_unit_test(impossible_places_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
