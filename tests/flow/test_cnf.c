/* Trained flows evaluated: inverses, log-determinants, the same bits for any cut and pool, blocks, paths. */
#include "cnf_fixture.h"

/* ---- values ---- */

static void check_velocity(fixture *f) {
  double *v = test_array((size_t)(N * f->d), sizeof *v), *l = test_array(N, sizeof *l);
  pf_error error = {0};
  size_t n = (size_t)f->layout.total;
  plain_flow plain = {.field = f->config.field, .layout = f->layout, .p = test_array(n, sizeof(double))};
  for (int block = 0; block < BLOCKS; block++) {
    for (size_t i = 0; i < n; i++) plain.p[i] = f->params[(size_t)block * n + i];
    must(pf_cnf_field_at(f->cnf, block, 0.4, N, f->x, v, l, &error), &error);
    for (int i = 0; i < 60; i++) {
      double want[PLAIN_COLUMNS];
      plain_velocity(&plain, 0.4, f->x + i * f->d, want);
      for (int j = 0; j < f->d; j++) assert_true(fabs(v[i * f->d + j] - want[j]) < 1e-5);
      double divergence = plain_divergence(&plain, 0.4, f->x + i * f->d, PF_DIVERGENCE_EXACT, NULL, 0);
      assert_true(fabs(l[i] - divergence) < 1e-5);
    }
  }
  assert_int_equal(pf_cnf_field_at(f->cnf, BLOCKS, 0, 1, f->x, v, NULL, &error), PF_USAGE);
  assert_int_equal(pf_cnf_field_at(f->cnf, -1, 0, 1, f->x, v, NULL, &error), PF_USAGE);
  pf_free(plain.p);
  pf_free(v);
  pf_free(l);
}

static void the_field_of_a_block_is_the_formula(void **state) {
  (void)state;
  for_fields(check_velocity);
}

static void check_inverse(fixture *f) {
  f->n = 80;
  moved z = move_rows(f, &to_noise, f->x, NULL), back = move_rows(f, &to_data, z.x, NULL);
  assert_true(largest_gap(z.x, f->x, (size_t)(f->n * f->d)) > 0.3); /* it does move */
  assert_true(largest_gap(back.x, f->x, (size_t)(f->n * f->d)) < 1e-5);
  assert_true(largest_gap(back.l, z.l, f->n) < 1e-5); /* log |det dz/dx| whichever way is moved */
  assert_true(z.evaluations == BLOCKS * STEPS * 4);
  free_moved(&z);
  free_moved(&back);
}

static void forward_then_inverse_gives_the_rows_back(void **state) {
  (void)state;
  for_fields(check_inverse);
}

/* log |det J| by Gaussian elimination with pivots. */
static double log_abs_det(int d, double j[MOST_D][MOST_D]) {
  double sum = 0;
  for (int k = 0; k < d; k++) {
    int pivot = k;
    for (int i = k + 1; i < d; i++)
      if (fabs(j[i][k]) > fabs(j[pivot][k])) pivot = i;
    for (int c = 0; c < d; c++) {
      double kept = j[k][c];
      j[k][c] = j[pivot][c];
      j[pivot][c] = kept;
    }
    sum += log(fabs(j[k][k]));
    for (int i = k + 1; i < d; i++) {
      double factor = j[i][k] / j[k][k];
      for (int c = k; c < d; c++) j[i][c] -= factor * j[k][c];
    }
  }
  return sum;
}

/* The log-determinants of all rows from differences of the map itself. */
static void check_determinant(fixture *f) {
  f->n = 40;
  static const double step[] = {1, -1, 2, -2}, weight[] = {8, -8, -1, 1};
  const double h = 0.04;
  int d = f->d;
  double(*jacobian)[MOST_D][MOST_D] = test_array((size_t)f->n, sizeof *jacobian), most = 0;
  double *beside = test_array((size_t)(f->n * d), sizeof *beside);
  moved z = move_rows(f, &to_noise, f->x, NULL);
  for (int i = 0; i < d; i++)
    for (int k = 0; k < 4; k++) {
      memcpy(beside, f->x, (size_t)(f->n * d) * sizeof *beside);
      for (int row = 0; row < f->n; row++) beside[row * d + i] += step[k] * h;
      moved m = move_rows(f, &to_noise, beside, NULL);
      for (int row = 0; row < f->n; row++)
        for (int j = 0; j < d; j++) jacobian[row][i][j] += weight[k] * m.x[row * d + j] / (12 * h);
      free_moved(&m);
    }
  for (int row = 0; row < f->n; row++) {
    double want = log_abs_det(d, jacobian[row]);
    if (!(fabs(z.l[row] - want) <= 2e-3))
      fail_msg("d = %d, kind %d: row %d has log-determinant %g, differences say %g", d,
               (int)f->config.field.kind, row, z.l[row], want);
    most = fmax(most, fabs(want));
  }
  assert_true(most > 0.05);
  free_moved(&z);
  pf_free(jacobian);
  pf_free(beside);
}

static void log_determinants_are_those_of_the_jacobian(void **state) {
  (void)state;
  for_fields(check_determinant);
}

static void check_adaptive(fixture *f) {
  f->n = 80;
  pf_cnf_move adaptive = to_noise, fine = to_noise, back = to_data;
  adaptive.tolerance = back.tolerance = 1e-4;
  fine.steps = 20;
  moved a = move_rows(f, &adaptive, f->x, NULL), b = move_rows(f, &fine, f->x, NULL);
  moved x = move_rows(f, &back, a.x, NULL);
  assert_true(largest_gap(a.x, b.x, (size_t)(f->n * f->d)) < 1e-3);
  assert_true(largest_gap(a.l, b.l, f->n) < 1e-3);
  assert_true(largest_gap(x.x, f->x, (size_t)(f->n * f->d)) < 1e-3);
  assert_true(b.evaluations == BLOCKS * 20 * 4);
  assert_true(a.evaluations > BLOCKS * 6 && a.evaluations < 4 * b.evaluations);
  free_moved(&a);
  free_moved(&b);
  free_moved(&x);
}

static void adaptive_and_fixed_steps_agree(void **state) {
  (void)state;
  for_fields(check_adaptive);
}

/* Halving the steps of Runge-Kutta 4 multiplies the inversion error by about 16 while it is above single precision. */
static void the_inversion_error_falls_with_the_steps(void **state) {
  (void)state;
  fixture f;
  double gap[3];
  open_fixture(&f, network_field(2));
  for (int64_t i = 0; i < BLOCKS * f.layout.total; i++) f.params[i] *= 2;
  pf_error error = {0};
  must(pf_cnf_set_params(f.cnf, f.params, &error), &error);
  for (int k = 0; k < 3; k++) {
    pf_cnf_move out = to_noise, back = to_data;
    out.steps = back.steps = 2 << k;
    moved z = move_rows(&f, &out, f.x, NULL), x = move_rows(&f, &back, z.x, NULL);
    gap[k] = largest_gap(x.x, f.x, N * 2);
    free_moved(&z);
    free_moved(&x);
  }
  if (!(gap[0] > 6 * gap[1] && gap[1] > 6 * gap[2])) fail_msg("%g, %g, %g", gap[0], gap[1], gap[2]);
  close_fixture(&f);
}

/* ---- bits ---- */

/* cuts: relative to the first row. */
static void move_in_pieces(const fixture *f, const pf_cnf_move *move, const int *cuts, int pieces,
                           pf_pool *pool, moved *m) {
  pf_error error = {0};
  memcpy(m->x, f->x, (size_t)(N * f->d) * sizeof(double));
  for (int c = 0; c < pieces; c++)
    must(pf_cnf_rows(f->cnf, move, (pf_rows){FIRST + cuts[c], cuts[c + 1] - cuts[c]}, m->x + cuts[c] * f->d,
                     m->l + cuts[c], NULL, pool, &error),
         &error);
}

static void check_cuts(fixture *f) {
  /* multiples of 256 absolute rows are 24, 280 and 536 here */
  static const int cuts[] = {0, 1, 2, 23, 24, 25, 300, 699, N}, at_tiles[] = {0, 24, 536, N},
                   threads[] = {1, 2, 5};
  size_t bytes = (size_t)(N * f->d) * sizeof(double);
  if (f->d != 2) return;
  for (int adaptive = 0; adaptive < 2; adaptive++) {
    pf_cnf_move move = {.direction = PF_CNF_TO_NOISE, .steps = 2, .tolerance = adaptive ? 1e-2 : 0};
    moved whole = move_rows(f, &move, f->x, NULL);
    for (int p = 0; p < 3; p++) {
      pf_pool *pool = NULL;
      pf_error error = {0};
      must(pf_pool_create(threads[p], &pool, &error), &error);
      moved m = move_rows(f, &move, f->x, pool);
      expect_same("pool", m.x, whole.x, bytes);
      expect_same("pool, log-determinant", m.l, whole.l, N * sizeof(double));
      assert_true(m.evaluations == whole.evaluations);
      memset(m.l, 0, N * sizeof(double));
      if (adaptive) /* tiles share their steps */
        move_in_pieces(f, &move, at_tiles, 3, pool, &m);
      else
        move_in_pieces(f, &move, cuts, 8, pool, &m);
      expect_same("cut", m.x, whole.x, bytes);
      expect_same("cut, log-determinant", m.l, whole.l, N * sizeof(double));
      free_moved(&m);
      pf_pool_free(pool);
    }
    free_moved(&whole);
  }
}

static void any_cut_and_pool_gives_the_same_bits(void **state) {
  (void)state;
  for_fields(check_cuts);
}

/* With or without the log-determinant a row takes the same path. */
static void check_without_determinant(fixture *f) {
  f->n = 80;
  pf_error error = {0};
  moved with = move_rows(f, &to_noise, f->x, NULL);
  must(pf_cnf_rows(f->cnf, &to_noise, (pf_rows){FIRST, f->n}, f->x, NULL, NULL, NULL, &error), &error);
  assert_true(largest_gap(with.x, f->x, (size_t)(f->n * f->d)) < 1e-5);
  free_moved(&with);
}

static void the_log_determinant_is_optional(void **state) {
  (void)state;
  for_fields(check_without_determinant);
}

static void check_blocks(fixture *f) {
  f->n = 80;
  size_t bytes = (size_t)(f->n * f->d) * sizeof(double);
  for (int back = 0; back < 2; back++) {
    pf_cnf_move move = {.direction = back ? PF_CNF_TO_DATA : PF_CNF_TO_NOISE, .steps = 3};
    moved whole = move_rows(f, &move, f->x, NULL), at = move_rows(f, &move, f->x, NULL);
    double *l = test_array((size_t)f->n, sizeof *l);
    memcpy(at.x, f->x, bytes);
    for (int k = 0; k < BLOCKS; k++) {
      move.first_block = back ? BLOCKS - 1 - k : k;
      move.blocks = 1;
      moved next = move_rows(f, &move, at.x, NULL);
      for (int i = 0; i < f->n; i++) l[i] += next.l[i];
      free_moved(&at);
      at = next;
    }
    expect_same("block by block", at.x, whole.x, bytes);
    assert_true(largest_gap(l, whole.l, f->n) < 1e-12);
    /* the last two blocks and the first */
    move.first_block = back ? 1 : 0;
    move.blocks = back ? 0 : 1; /* 0: to the end */
    moved half = move_rows(f, &move, f->x, NULL);
    move.first_block = back ? 0 : 1;
    move.blocks = back ? 1 : 2;
    moved rest = move_rows(f, &move, half.x, NULL);
    expect_same("two parts", rest.x, whole.x, bytes);
    free_moved(&half);
    free_moved(&rest);
    free_moved(&at);
    free_moved(&whole);
    pf_free(l);
  }
}

static void blocks_compose(void **state) {
  (void)state;
  for_fields(check_blocks);
}

/* ---- paths and the caller's memory ---- */

static void invert(const fixture *f, int steps, int n, float *x) {
  void *workspace = NULL;
  pf_error error = {0};
  size_t bytes = pf_cnf_workspace_bytes(f->cnf, &(pf_cnf_move){.steps = steps}, n);
  must(pf_alloc(1, bytes, &workspace, &error), &error);
  memset(workspace, 0xff, bytes);
  int64_t before = pf_memory_allocations();
  must(pf_cnf_invert(f->cnf, &(pf_cnf_move){.steps = steps}, n, x, workspace, &error), &error);
  assert_true(pf_memory_allocations() == before);
  pf_free(workspace);
}

static void check_invert(fixture *f) {
  enum { ROWS = 150 };
  static const int heights[] = {1, 63, 64, 65, ROWS};
  float *whole = noise_of(f), *part = noise_of(f);
  pf_cnf_move move = to_data;
  double *x = test_array((size_t)(N * f->d), sizeof *x);
  pf_error error = {0};
  for (int i = 0; i < N * f->d; i++) x[i] = whole[i];
  move.steps = 3;
  must(pf_cnf_rows(f->cnf, &move, (pf_rows){0, N}, x, NULL, NULL, NULL, &error), &error);
  invert(f, 3, N, whole);
  for (int i = 0; i < N * f->d; i++) assert_true(whole[i] == (float)x[i]);
  for (int h = 0; h < 5; h++) {
    for (int at = 0; at < ROWS; at += heights[h]) {
      int n = ROWS - at < heights[h] ? ROWS - at : heights[h];
      for (int i = at * f->d; i < (at + n) * f->d; i++) part[i] = (float)f->x[i];
      invert(f, 3, n, part + at * f->d);
    }
    expect_same("heights", part, whole, (size_t)(ROWS * f->d) * sizeof *part);
  }
  pf_free(whole);
  pf_free(part);
  pf_free(x);
}

static void inverting_in_given_memory_gives_the_same_bits(void **state) {
  (void)state;
  for_fields(check_invert);
}

static void check_paths(fixture *f) {
  enum { K = 3, NODES = BLOCKS * K + 1 };
  int d = f->d;
  size_t items = (size_t)(N * NODES * d);
  float *z = noise_of(f), *end = noise_of(f), *paths = test_array(items, sizeof *paths),
        *own = test_array((size_t)(N * (BLOCKS * STEPS + 1) * d), sizeof *own);
  double *x = test_array((size_t)(N * d), sizeof *x);
  pf_error error = {0};
  for (int threads = 1; threads <= 5; threads += 2) {
    pf_pool *pool = NULL;
    must(pf_pool_create(threads, &pool, &error), &error);
    memset(paths, 0xff, items * sizeof *paths);
    must(pf_cnf_paths(f->cnf, K, (pf_rows){0, N}, z, paths, pool, &error), &error);
    pf_pool_free(pool);
    if (threads == 1) invert(f, K, N, end);
    for (int i = 0; i < N; i++) {
      expect_same("first node", paths + i * NODES * d, z + i * d, (size_t)d * sizeof *z);
      expect_same("last node", paths + (i * NODES + NODES - 1) * d, end + i * d, (size_t)d * sizeof *z);
    }
  }
  for (int block = 1; block < BLOCKS; block++) { /* the node between two blocks */
    pf_cnf_move move = {.direction = PF_CNF_TO_DATA, .steps = K, .first_block = BLOCKS - block};
    for (int i = 0; i < N * d; i++) x[i] = z[i];
    must(pf_cnf_rows(f->cnf, &move, (pf_rows){0, N}, x, NULL, NULL, NULL, &error), &error);
    for (int i = 0; i < N; i++)
      for (int j = 0; j < d; j++) assert_true(paths[(i * NODES + block * K) * d + j] == (float)x[i * d + j]);
  }
  must(pf_cnf_paths(f->cnf, 0, (pf_rows){0, N}, z, own, NULL, &error), &error); /* the flow's own steps */
  memcpy(end, z, (size_t)(N * d) * sizeof *end);
  invert(f, 0, N, end);
  for (int i = 0; i < N; i++)
    expect_same("own steps", own + (i * (BLOCKS * STEPS + 1) + BLOCKS * STEPS) * d, end + i * d,
                (size_t)d * sizeof *z);
  pf_free(z);
  pf_free(end);
  pf_free(paths);
  pf_free(own);
  pf_free(x);
}

static void paths_end_where_the_inverse_does(void **state) {
  (void)state;
  for_fields(check_paths);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_field_of_a_block_is_the_formula),
      cmocka_unit_test(forward_then_inverse_gives_the_rows_back),
      cmocka_unit_test(log_determinants_are_those_of_the_jacobian),
      cmocka_unit_test(adaptive_and_fixed_steps_agree),
      cmocka_unit_test(the_inversion_error_falls_with_the_steps),
      cmocka_unit_test(any_cut_and_pool_gives_the_same_bits),
      cmocka_unit_test(the_log_determinant_is_optional),
      cmocka_unit_test(blocks_compose),
      cmocka_unit_test(inverting_in_given_memory_gives_the_same_bits),
      cmocka_unit_test(paths_end_where_the_inverse_does),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
