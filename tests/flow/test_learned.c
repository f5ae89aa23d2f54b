/* Trained maps and their characteristics: the same bits for any cut and pool, the reference executor's values, refusals. */
#include "base/pool.h"
#include "exec/exec.h"
#include "flow/trajectory.h"
#include "plain_map.h"

enum { D = 2, N = 3000, FIRST = 777, WIDTH = 20 };

typedef struct fixture {
  pf_time_map map;
  pf_layout layout;
  double *p;
  float *params, *x;
  pf_learned *learned;
} fixture;

static void open_fixture(fixture *f, pf_interpolant kind, int times) {
  pf_error error = {0};
  *f = (fixture){.map = {.interpolant = kind,
                         .network = {.inputs = D,
                                     .outputs = D,
                                     .width = WIDTH,
                                     .depth = 3,
                                     .times = times,
                                     .frequencies = 4,
                                     .max_frequency = 8}}};
  must(pf_network_layout(&f->map.network, &f->layout, &error), &error);
  size_t n = (size_t)f->layout.total;
  f->p = test_array(n, sizeof *f->p);
  f->params = test_array(n, sizeof *f->params);
  f->x = test_array(N * D, sizeof *f->x);
  plain_normals(1, 0.3, n, f->p);
  for (size_t i = 0; i < n; i++) f->p[i] = f->params[i] = (float)f->p[i];
  pf_fill_normal_f32(3, PF_STREAM_TEST, 0, FIRST, N, D, f->x);
  must(pf_learned_create(&f->map, f->params, &f->learned, &error), &error);
}

static void close_fixture(fixture *f) {
  pf_learned_free(f->learned);
  pf_layout_free(&f->layout);
  pf_free(f->p);
  pf_free(f->params);
  pf_free(f->x);
}

static void values_are_those_of_the_formula(void **state) {
  (void)state;
  for (pf_interpolant kind = 0; kind < PF_INTERPOLANT_COUNT; kind++) {
    fixture f;
    pf_error error = {0};
    double want[D], x[D];
    open_fixture(&f, kind, 2);
    float *moved = test_array(N * D, sizeof *moved), *v = test_array(N * D, sizeof *v);
    memcpy(moved, f.x, N * D * sizeof *moved);
    must(pf_learned_move(f.learned, 0.25, 0.875, (pf_rows){FIRST, N}, moved, NULL, &error), &error);
    must(pf_learned_velocity(f.learned, 0.25, (pf_rows){FIRST, N}, f.x, v, NULL, &error), &error);
    pf_interpolant_values c = pf_interpolant_at(kind, 0.25);
    for (int r = 0; r < N; r++) {
      for (int j = 0; j < D; j++) x[j] = f.x[r * D + j];
      plain_map(&f.map, &f.layout, f.p, 0.25, 0.875, x, want);
      for (int j = 0; j < D; j++) assert_true(fabs(moved[r * D + j] - want[j]) <= 3e-5 * (1 + fabs(want[j])));
      plain_denoiser(&f.map, &f.layout, f.p, 0.25, 0.25, x, want);
      for (int j = 0; j < D; j++) {
        double velocity = c.drift * x[j] + c.gain * want[j];
        assert_true(fabs(v[r * D + j] - velocity) <= 3e-5 * (1 + fabs(velocity)));
      }
    }
    pf_free(moved);
    pf_free(v);
    close_fixture(&f);
  }
}

static void any_cut_and_pool_gives_the_same_bits(void **state) {
  (void)state;
  static const int cuts[] = {0, 1, 2, 246, 247, 248, 503, 1000, 2999, N};
  static const int sizes[] = {1, 2, 5};
  fixture f;
  pf_error error = {0};
  open_fixture(&f, PF_INTERPOLANT_TRIG, 2);
  float *whole = test_array(N * D, sizeof *whole), *pieces = test_array(N * D, sizeof *pieces);
  memcpy(whole, f.x, N * D * sizeof *whole);
  must(pf_learned_move(f.learned, 0.1, 0.9, (pf_rows){FIRST, N}, whole, NULL, &error), &error);
  for (int p = 0; p < 3; p++) {
    pf_pool *pool = NULL;
    must(pf_pool_create(sizes[p], &pool, &error), &error);
    memcpy(pieces, f.x, N * D * sizeof *pieces);
    for (int i = 0; i + 1 < 10; i++) {
      pf_rows rows = {FIRST + cuts[i], cuts[i + 1] - cuts[i]};
      must(pf_learned_move(f.learned, 0.1, 0.9, rows, pieces + cuts[i] * D, pool, &error), &error);
    }
    assert_memory_equal(whole, pieces, N * D * sizeof *whole);
    memcpy(pieces, f.x, N * D * sizeof *pieces);
    must(pf_learned_move(f.learned, 0.1, 0.9, (pf_rows){FIRST, N}, pieces, pool, &error), &error);
    assert_memory_equal(whole, pieces, N * D * sizeof *whole);
    pf_pool_free(pool);
  }
  must(pf_learned_move(f.learned, 0.1, 0.9, (pf_rows){FIRST, 0}, pieces, NULL, &error), &error);
  assert_memory_equal(whole, pieces, N * D * sizeof *whole); /* no rows: nothing moves */
  pf_free(whole);
  pf_free(pieces);
  close_fixture(&f);
}

/* A row alone, in low tiles and in tall ones, in single precision and in bfloat16. */
static void tile_heights_give_the_same_bits(void **state) {
  (void)state;
  static const int64_t counts[] = {1, 2, 3, 4, 5, 15, 16, 17, 33, 100, 239, 240, 255, 256, 257};
  for (pf_interpolant kind = 0; kind < PF_INTERPOLANT_COUNT; kind++)
    for (int narrow = 0; narrow < 2; narrow++) {
      fixture f;
      pf_error error = {0};
      pf_learned *other = NULL;
      open_fixture(&f, kind, 2);
      if (narrow) must(pf_learned_create_in(f.learned, PF_PRECISION_BF16, &other, &error), &error);
      const pf_learned *learned = narrow ? other : f.learned;
      float *whole = test_array(N * D, sizeof *whole), *part = test_array(N * D, sizeof *part);
      float *terms = test_array(pf_learned_term_count(learned), sizeof *terms);
      must(pf_learned_move_terms(learned, 0.125, 0.75, terms, &error), &error);
      memcpy(whole, f.x, N * D * sizeof *whole);
      must(pf_learned_move(learned, 0.125, 0.75, (pf_rows){FIRST, N}, whole, NULL, &error), &error);
      void *workspace = test_array(pf_learned_workspace_bytes(learned), 1);
      for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        int64_t from = 7 * (int64_t)i;
        pf_learned_apply(learned, terms, (pf_rows){FIRST + from, counts[i]}, f.x + from * D, part, workspace);
        assert_memory_equal(part, whole + from * D, (size_t)counts[i] * D * sizeof *part);
      }
      pf_free(workspace);
      pf_free(terms);
      pf_free(part);
      pf_free(whole);
      pf_learned_free(other);
      close_fixture(&f);
    }
}

static void parameters_that_are_not_finite_are_refused(void **state) {
  (void)state;
  fixture f;
  pf_error error = {0};
  open_fixture(&f, PF_INTERPOLANT_LINEAR, 2);
  const float bad[] = {NAN, INFINITY, -INFINITY};
  const int64_t places[] = {0, 100, f.layout.total - 1};
  for (int i = 0; i < 3; i++) {
    float kept = f.params[places[i]];
    pf_learned *learned = NULL;
    f.params[places[i]] = bad[i];
    assert_int_equal(pf_learned_create(&f.map, f.params, &learned, &error), PF_NON_FINITE);
    assert_null(learned);
    char name[32];
    snprintf(name, sizeof name, "parameter %d ", (int)places[i]);
    assert_non_null(strstr(error.message, name));
    f.params[places[i]] = kept;
  }
  close_fixture(&f);
}

static void one_time_has_a_velocity_and_no_map(void **state) {
  (void)state;
  fixture f;
  pf_error error = {0};
  open_fixture(&f, PF_INTERPOLANT_TRIG, 1);
  float x[D] = {1, 2}, v[D];
  assert_int_equal(pf_learned_move(f.learned, 0, 1, (pf_rows){0, 1}, x, NULL, &error), PF_USAGE);
  assert_true(x[0] == 1 && x[1] == 2);
  must(pf_learned_velocity(f.learned, 0.5, (pf_rows){0, 1}, x, v, NULL, &error), &error);
  close_fixture(&f);
}

/* A plain map: F(x) or x + F(x), in any precision and cut, whatever the times and the interpolant; no velocity. */
static void a_plain_map_knows_no_time(void **state) {
  (void)state;
  static const int64_t counts[] = {1, 5, 240, 300};
  for (int skip = 0; skip < 2; skip++)
    for (int narrow = 0; narrow < 2; narrow++) {
      fixture f;
      pf_error error = {0};
      pf_learned *learned = NULL;
      double want[D], x[D];
      open_fixture(&f, PF_INTERPOLANT_LINEAR, 0);
      f.map.skip = skip;
      must(pf_learned_create(&f.map, f.params, &learned, &error), &error);
      if (narrow) {
        pf_learned *wide = learned;
        must(pf_learned_create_in(wide, PF_PRECISION_BF16, &learned, &error), &error);
        pf_learned_free(wide);
      }
      float *moved = test_array(N * D, sizeof *moved), *again = test_array(N * D, sizeof *again);
      memcpy(moved, f.x, N * D * sizeof *moved);
      memcpy(again, f.x, N * D * sizeof *again);
      must(pf_learned_move(learned, 0, 1, (pf_rows){FIRST, N}, moved, NULL, &error), &error);
      must(pf_learned_move(learned, 0.5, 0.25, (pf_rows){FIRST, N}, again, NULL, &error), &error);
      assert_memory_equal(moved, again, N * D * sizeof *again);
      for (int r = 0; r < N; r++) {
        for (int j = 0; j < D; j++) x[j] = f.x[r * D + j];
        plain_network(&f.map.network, &f.layout, f.p, 0, 0, x, want);
        for (int j = 0; j < D; j++) {
          double expected = want[j] + (skip ? x[j] : 0), tolerance = narrow ? 3e-2 : 3e-5;
          assert_true(fabs(moved[r * D + j] - expected) <= tolerance * (1 + fabs(expected)));
        }
      }
      for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        memcpy(again, f.x, N * D * sizeof *again);
        must(pf_learned_move(learned, 0, 1, (pf_rows){3, counts[i]}, again, NULL, &error), &error);
        assert_memory_equal(moved, again, (size_t)counts[i] * D * sizeof *again);
      }
      assert_int_equal(pf_learned_velocity(learned, 0.5, (pf_rows){0, 1}, f.x, again, NULL, &error),
                       PF_USAGE);
      assert_non_null(strstr(error.message, "no velocity"));
      pf_free(moved);
      pf_free(again);
      pf_learned_free(learned);
      close_fixture(&f);
    }
}

static void only_a_plain_map_skips(void **state) {
  (void)state;
  fixture f;
  pf_error error = {0};
  pf_learned *learned = NULL;
  open_fixture(&f, PF_INTERPOLANT_TRIG, 2);
  f.map.skip = true;
  assert_int_equal(pf_learned_create(&f.map, f.params, &learned, &error), PF_USAGE);
  assert_null(learned);
  assert_non_null(strstr(error.message, "2 times"));
  close_fixture(&f);
}

/* ---- characteristics ---- */

enum { STEPS = 5, NODES = STEPS + 1, ITEMS = N * NODES * D };

static pf_trajectory_spec spec_of(const double *grid, int64_t first, int64_t n) {
  return (pf_trajectory_spec){.method = PF_ODE_HEUN,
                              .t = grid,
                              .steps = STEPS,
                              .seed = 9,
                              .stream = PF_STREAM_TEST,
                              .rows = {first, n}};
}

/* Heun's method by hand on the learned velocity of one row. */
static void heun(const fixture *f, const double *grid, int64_t row, double *x) {
  for (int k = 0; k < STEPS; k++) {
    float at[D], v[2][D];
    pf_error error = {0};
    double h = grid[k + 1] - grid[k];
    for (int j = 0; j < D; j++) at[j] = (float)x[j];
    must(pf_learned_velocity(f->learned, grid[k], (pf_rows){row, 1}, at, v[0], NULL, &error), &error);
    for (int j = 0; j < D; j++) at[j] = (float)(x[j] + h * v[0][j]);
    must(pf_learned_velocity(f->learned, grid[k + 1], (pf_rows){row, 1}, at, v[1], NULL, &error), &error);
    for (int j = 0; j < D; j++) x[j] += h / 2 * ((double)v[0][j] + v[1][j]);
  }
}

static void trajectories_start_at_the_draw_and_follow_the_velocity(void **state) {
  (void)state;
  fixture f;
  pf_error error = {0};
  open_fixture(&f, PF_INTERPOLANT_TRIG, 1);
  double grid[NODES], x[D];
  float *out = test_array(ITEMS, sizeof *out), *draw = test_array(N * D, sizeof *draw);
  pf_ode_uniform_grid(0, 1, STEPS, grid);
  pf_trajectory_spec spec = spec_of(grid, FIRST, N);
  must(pf_trajectories(f.learned, &spec, out, NULL, &error), &error);
  pf_fill_normal_f32(9, PF_STREAM_TEST, 0, FIRST, N, D, draw);
  for (int i = 0; i < N; i++) assert_memory_equal(out + i * NODES * D, draw + i * D, D * sizeof *draw);
  for (int i = 0; i < N; i += 211) {
    for (int j = 0; j < D; j++) x[j] = draw[i * D + j];
    heun(&f, grid, FIRST + i, x);
    for (int j = 0; j < D; j++)
      assert_true(fabs(out[(i * NODES + STEPS) * D + j] - x[j]) <= 1e-6 * (1 + fabs(x[j])));
    assert_true(fabs(x[0] - draw[i * D]) > 1e-4);
  }
  pf_free(out);
  pf_free(draw);
  close_fixture(&f);
}

/* From given rows as from the same draws. */
static void trajectories_start_at_given_rows(void **state) {
  (void)state;
  fixture f;
  pf_error error = {0};
  open_fixture(&f, PF_INTERPOLANT_TRIG, 1);
  double grid[NODES];
  float *drawn = test_array(ITEMS, sizeof *drawn), *given = test_array(ITEMS, sizeof *given),
        *start = test_array(N * D, sizeof *start);
  pf_ode_uniform_grid(0, 1, STEPS, grid);
  pf_trajectory_spec spec = spec_of(grid, FIRST, N);
  must(pf_trajectories(f.learned, &spec, drawn, NULL, &error), &error);
  pf_fill_normal_f32(9, PF_STREAM_TEST, 0, FIRST, N, D, start);
  spec.seed = 10;
  spec.start = start;
  must(pf_trajectories(f.learned, &spec, given, NULL, &error), &error);
  assert_memory_equal(drawn, given, ITEMS * sizeof *drawn);
  pf_free(drawn);
  pf_free(given);
  pf_free(start);
  close_fixture(&f);
}

static void trajectories_do_not_depend_on_cut_or_pool(void **state) {
  (void)state;
  static const int cuts[] = {0, 5, 1029, 1030, N};
  fixture f;
  pf_error error = {0};
  open_fixture(&f, PF_INTERPOLANT_LINEAR, 1);
  double grid[NODES];
  float *whole = test_array(ITEMS, sizeof *whole), *pieces = test_array(ITEMS, sizeof *pieces);
  pf_ode_uniform_grid(0, 1, STEPS, grid);
  pf_trajectory_spec spec = spec_of(grid, FIRST, N);
  must(pf_trajectories(f.learned, &spec, whole, NULL, &error), &error);
  for (int threads = 2; threads <= 5; threads += 3) {
    pf_pool *pool = NULL;
    must(pf_pool_create(threads, &pool, &error), &error);
    for (int i = 0; i + 1 < 5; i++) {
      spec = spec_of(grid, FIRST + cuts[i], cuts[i + 1] - cuts[i]);
      must(pf_trajectories(f.learned, &spec, pieces + cuts[i] * NODES * D, pool, &error), &error);
    }
    assert_memory_equal(whole, pieces, ITEMS * sizeof *whole);
    pf_pool_free(pool);
  }
  pf_free(whole);
  pf_free(pieces);
  close_fixture(&f);
}

/* Weights that overflow: an error from the first chunk that met it, never a table of NaN. */
static void a_velocity_that_overflows_is_an_error(void **state) {
  (void)state;
  fixture f;
  pf_error error = {0};
  pf_learned *learned = NULL;
  open_fixture(&f, PF_INTERPOLANT_TRIG, 1);
  for (int64_t i = 0; i < f.layout.total; i++) f.params[i] = 1e20f;
  must(pf_learned_create(&f.map, f.params, &learned, &error), &error);
  double grid[NODES];
  float *out = test_array(ITEMS, sizeof *out);
  pf_ode_uniform_grid(0, 1, STEPS, grid);
  pf_trajectory_spec spec = spec_of(grid, 0, N);
  assert_int_equal(pf_trajectories(learned, &spec, out, NULL, &error), PF_NON_FINITE);
  assert_int_equal(error.status, PF_NON_FINITE);
  pf_free(out);
  pf_learned_free(learned);
  close_fixture(&f);
}

/* Every allocation may fail: an error, nothing leaked (address sanitizer), inputs untouched. */
static void lack_of_memory_is_an_error(void **state) {
  (void)state;
  fixture f;
  pf_error error = {0};
  open_fixture(&f, PF_INTERPOLANT_TRIG, 2);
  pf_status status = PF_NO_MEMORY;
  for (int k = 1; status != PF_OK; k++) {
    pf_learned *learned = NULL;
    pf_memory_fail_at(k);
    status = pf_learned_create(&f.map, f.params, &learned, &error);
    pf_memory_fail_at(0);
    assert_true(status == PF_OK || (status == PF_NO_MEMORY && learned == NULL));
    pf_learned_free(learned);
  }
  status = PF_NO_MEMORY;
  double grid[NODES];
  float *out = test_array(20 * NODES * D, sizeof *out);
  pf_ode_uniform_grid(0, 1, STEPS, grid);
  pf_trajectory_spec spec = spec_of(grid, 0, 20);
  for (int k = 1; status != PF_OK; k++) {
    pf_memory_fail_at(k);
    status = pf_trajectories(f.learned, &spec, out, NULL, &error);
    pf_memory_fail_at(0);
    assert_true(status == PF_OK || status == PF_NO_MEMORY);
  }
  pf_free(out);
  close_fixture(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_are_those_of_the_formula),
      cmocka_unit_test(any_cut_and_pool_gives_the_same_bits),
      cmocka_unit_test(tile_heights_give_the_same_bits),
      cmocka_unit_test(parameters_that_are_not_finite_are_refused),
      cmocka_unit_test(one_time_has_a_velocity_and_no_map),
      cmocka_unit_test(a_plain_map_knows_no_time),
      cmocka_unit_test(only_a_plain_map_skips),
      cmocka_unit_test(trajectories_start_at_the_draw_and_follow_the_velocity),
      cmocka_unit_test(trajectories_start_at_given_rows),
      cmocka_unit_test(trajectories_do_not_depend_on_cut_or_pool),
      cmocka_unit_test(a_velocity_that_overflows_is_an_error),
      cmocka_unit_test(lack_of_memory_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
