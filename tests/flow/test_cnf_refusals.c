/* What a flow refuses, and what is left when it does. */
#include "cnf_fixture.h"

static void wrong_moves_are_refused(void **state) {
  (void)state;
  static const struct {
    pf_cnf_move move;
    const char *says;
  } cases[] = {{{.steps = 1001}, "steps is 1001"},
               {{.steps = -1}, "steps is -1"},
               {{.first_block = 3}, "blocks 3 to"},
               {{.first_block = -1}, "blocks -1"},
               {{.first_block = 2, .blocks = 2}, "blocks 2 to 3"},
               {{.tolerance = -1e-3}, "tolerance is -0.001"},
               {{.tolerance = 1}, "tolerance is 1"},
               {{.tolerance = NAN}, "tolerance is nan"}};
  fixture f;
  open_fixture(&f, network_field(2));
  double *x = test_array(N * 2, sizeof *x), l = 7, evaluations = 8;
  memcpy(x, f.x, N * 2 * sizeof *x);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    pf_error error = {0};
    assert_int_equal(pf_cnf_rows(f.cnf, &cases[i].move, (pf_rows){0, 1}, x, &l, &evaluations, NULL, &error),
                     PF_USAGE);
    if (!strstr(error.message, cases[i].says))
      fail_msg("'%s' does not say '%s'", error.message, cases[i].says);
    assert_true(l == 7 && evaluations == 8 && x[0] == f.x[0]);
  }
  pf_error error = {0};
  must(pf_cnf_rows(f.cnf, &to_noise, (pf_rows){5, 0}, NULL, NULL, NULL, NULL, &error), &error); /* no rows */
  pf_free(x);
  close_fixture(&f);
}

static void wrong_flows_are_refused(void **state) {
  (void)state;
  fixture f;
  open_fixture(&f, potential_field(2));
  pf_cnf_config cases[] = {f.config, f.config, f.config, f.config, f.config};
  cases[0].blocks = 0;
  cases[1].blocks = PF_CNF_BLOCKS + 1;
  cases[2].steps = 0;
  cases[3].steps = 1001;
  cases[4].field.potential.layers = 0;
  for (int i = 0; i < 5; i++) {
    pf_error error = {0};
    pf_cnf *cnf = NULL;
    assert_int_equal(pf_cnf_create(&cases[i], f.params, &cnf, &error), PF_USAGE);
    assert_null(cnf);
    assert_true(error.message[0] != '\0');
  }
  close_fixture(&f);
}

/* The old weights stay. */
static void weights_that_are_not_finite_are_refused(void **state) {
  (void)state;
  static const float bad[] = {NAN, INFINITY, -INFINITY};
  fixture f;
  open_fixture(&f, network_field(2));
  int64_t at = f.layout.total + 3;
  float kept = f.params[at];
  moved before = move_rows(&f, &to_noise, f.x, NULL);
  for (int i = 0; i < 3; i++) {
    pf_error error = {0};
    pf_cnf *cnf = NULL;
    f.params[at] = bad[i];
    f.params[0] += 1;
    assert_int_equal(pf_cnf_create(&f.config, f.params, &cnf, &error), PF_NON_FINITE);
    assert_null(cnf);
    assert_non_null(strstr(error.message, "parameter 3 of block 2"));
    assert_int_equal(pf_cnf_set_params(f.cnf, f.params, &error), PF_NON_FINITE);
    f.params[at] = kept;
  }
  moved after = move_rows(&f, &to_noise, f.x, NULL);
  expect_same("after a refusal", before.x, after.x, N * 2 * sizeof(double));
  pf_error error = {0};
  must(pf_cnf_set_params(f.cnf, f.params, &error), &error);
  free_moved(&after);
  after = move_rows(&f, &to_noise, f.x, NULL);
  assert_true(largest_gap(before.x, after.x, N * 2) > 1e-3);
  free_moved(&before);
  free_moved(&after);
  close_fixture(&f);
}

static void a_row_that_is_not_finite_names_its_block(void **state) {
  (void)state;
  fixture f;
  open_fixture(&f, network_field(2));
  for (int adaptive = 0; adaptive < 2; adaptive++)
    for (int direction = 0; direction < 2; direction++) {
      pf_error error = {0};
      pf_cnf_move move = {.direction = (pf_cnf_direction)direction, .tolerance = adaptive ? 1e-3 : 0};
      pf_pool *pool = NULL;
      double *x = test_array(N * 2, sizeof *x), evaluations = 8;
      memcpy(x, f.x, N * 2 * sizeof *x);
      x[600] = NAN;
      must(pf_pool_create(3, &pool, &error), &error);
      assert_int_equal(pf_cnf_rows(f.cnf, &move, (pf_rows){0, N}, x, NULL, &evaluations, pool, &error),
                       PF_NON_FINITE);
      assert_non_null(strstr(error.message, direction ? "block 3" : "block 1"));
      assert_true(evaluations == 8);
      pf_pool_free(pool);
      pf_free(x);
    }
  close_fixture(&f);
}

/* Lack of memory anywhere: an error, no leak, and it works afterwards. */
static void lack_of_memory_is_an_error(void **state) {
  (void)state;
  fixture f;
  open_fixture(&f, potential_field(2));
  float *z = noise_of(&f), *paths = test_array(N * 4 * 2, sizeof *paths);
  double *x = test_array(N * 2, sizeof *x), *l = test_array(N, sizeof *l), v[2];
  for (int action = 0; action < 5; action++) {
    int64_t k = 0;
    pf_status status;
    do {
      pf_error error = {0};
      pf_cnf *cnf = NULL;
      pf_cnf_move move = {.direction = PF_CNF_TO_NOISE, .steps = 2, .tolerance = action == 2 ? 1e-3 : 0};
      pf_cnf_config one = {.field = f.config.field, .blocks = 1, .steps = 1};
      pf_memory_fail_at(++k);
      memcpy(x, f.x, N * 2 * sizeof *x);
      if (action == 0)
        status = pf_cnf_create(&one, f.params, &cnf, &error);
      else if (action <= 2)
        status = pf_cnf_rows(f.cnf, &move, (pf_rows){0, 300}, x, l, NULL, NULL, &error);
      else if (action == 3)
        status = pf_cnf_paths(f.cnf, 1, (pf_rows){0, 300}, z, paths, NULL, &error);
      else
        status = pf_cnf_field_at(f.cnf, 0, 0.5, 1, f.x, v, NULL, &error);
      pf_memory_fail_at(0);
      assert_int_equal(status == PF_OK || action > 0, cnf != NULL || action > 0);
      pf_cnf_free(cnf);
      if (status != PF_OK && status != PF_NO_MEMORY)
        fail_msg("action %d, allocation %d: %s", action, (int)k, error.message);
    } while (status != PF_OK);
    assert_true(k > 1);
  }
  pf_free(z);
  pf_free(paths);
  pf_free(x);
  pf_free(l);
  close_fixture(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(wrong_moves_are_refused),
      cmocka_unit_test(wrong_flows_are_refused),
      cmocka_unit_test(weights_that_are_not_finite_are_refused),
      cmocka_unit_test(a_row_that_is_not_finite_names_its_block),
      cmocka_unit_test(lack_of_memory_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
