/* Conditional models: what a file says, which conditions a sample has, what is refused. */
#include "maps.h"

enum { N = 12, X = 0, C = 1 };

/* x given c: a generator and a velocity of the same network. */
static struct pf_model *conditional_model(void) {
  static const double rows[] = {.5, -4, 1.5, 0, .25, -1, 1.75, -3};
  const char *names[] = {"x", "c"};
  const bool plain[] = {false, true};
  pf_error error = {0};
  pf_table *table = NULL;
  struct pf_model *model = NULL;
  pf_encoder_options options = pf_encoder_options_default();
  options.plain = plain;
  must(pf_table_from_values(4, D, rows, names, &table, &error), &error);
  must(pf_model_create(table, &model, &error), &error);
  must(pf_encoder_fit(table, &options, &model->encoder, &error), &error);
  model->given = (pf_given){1, {C}};
  for (int times = 1; times <= 2; times++) {
    pf_time_map map = {.network = some_network(times, PF_ACTIVATION_SILU),
                       .given = model->given,
                       .interpolant = PF_INTERPOLANT_TRIG};
    map.network.outputs = 1;
    *(times == 1 ? &model->velocity : &model->generator) = some_map(&map);
  }
  pf_table_free(table);
  return model;
}

/* Three conditions in a table that has other columns too. */
static pf_table *conditions(void) {
  static const double rows[] = {7, -2.125, 8, .1, 9, -5};
  const char *names[] = {"unused", "c"};
  pf_error error = {0};
  pf_table *table = NULL;
  must(pf_table_from_values(3, 2, rows, names, &table, &error), &error);
  return table;
}

static void draw(const struct pf_model *model, const pf_draw *how, int64_t first, int64_t n, double *out) {
  pf_error error = {0};
  must(pf_model_draw(model, how, (pf_rows){first, n}, out, &error), &error);
}

static void a_file_says_what_is_given(void **state) {
  (void)state;
  pf_error error = {0};
  struct pf_model *model = conditional_model(), *loaded = NULL;
  pf_container *container = written(model);
  pf_table *table = conditions();
  double a[N * D], b[N * D];
  must(pf_model_from_container(container, &loaded, &error), &error);
  assert_int_equal(pf_model_conditions(loaded), 1);
  assert_string_equal(pf_model_condition_name(loaded, 0), "c");
  assert_null(pf_model_condition_name(loaded, 1));
  assert_int_equal(pf_model_columns(loaded), D);
  must(pf_model_set_given(model, table, true, &error), &error);
  must(pf_model_set_given(loaded, table, true, &error), &error);
  draw(model, &(pf_draw){.seed = 3}, 0, N, a);
  draw(loaded, &(pf_draw){.seed = 3}, 0, N, b);
  assert_memory_equal(a, b, sizeof a);
  pf_table_free(table);
  pf_container_free(container);
  pf_model_free(model);
  pf_model_free(loaded);
}

/* The file with another "given" of one column. */
static void expect_given_refused(int column, json_t *value, const char *word) {
  struct pf_model *model = conditional_model();
  pf_container *container = written(model);
  json_t *root = json_loads(pf_container_get(container, "pushforward"), 0, NULL);
  json_object_set_new(json_array_get(json_object_get(root, "columns"), (size_t)column), "given", value);
  expect_root_refused(container, root, word);
  pf_container_free(container);
  pf_model_free(model);
}

static void a_file_that_contradicts_itself_is_refused(void **state) {
  (void)state;
  expect_given_refused(X, json_true(), "generates nothing");
  expect_given_refused(X, json_string("yes"), "given");
  expect_given_refused(C, json_false(), "outputs");
}

/* Each kind of drawing, in order and at random; what is given stands in the samples to the last bit. */
static void samples_have_the_conditions_that_were_given(void **state) {
  (void)state;
  const double given[] = {-2.125, .1, -5};
  const pf_draw hows[] = {{.seed = 1},
                          {.seed = 1, .steps = 3},
                          {.seed = 1, .teacher = true, .steps = 5},
                          {.seed = 1, .solver = "heun", .steps = 4},
                          {.seed = 1, .solver = "exponential", .steps = 4},
                          {.seed = 1, .solver = "exponential-2m", .steps = 4},
                          {.seed = 1, .solver = "local-linear", .steps = 4},
                          {.seed = 1, .solver = "dopri5", .steps = 3}};
  pf_error error = {0};
  struct pf_model *model = conditional_model();
  pf_table *table = conditions();
  double x[N * D], piece[N * D];
  must(pf_model_set_given(model, table, true, &error), &error);
  for (size_t h = 0; h < sizeof hows / sizeof *hows; h++) {
    draw(model, &hows[h], 4, N, x);
    for (int i = 0; i < N; i++) assert_true(x[i * D + C] == given[(i + 4) % 3]);
    draw(model, &hows[h], 9, N - 5, piece);
    if (memcmp(x + 5 * D, piece, (N - 5) * D * sizeof *x) != 0) fail_msg("pieces differ, case %zu", h);
  }
  must(pf_model_set_given(model, table, false, &error), &error);
  draw(model, &hows[0], 4, N, x);
  draw(model, &hows[0], 7, N - 3, piece);
  assert_memory_equal(x + 3 * D, piece, (N - 3) * D * sizeof *x);
  int seen[3] = {0};
  for (int i = 0; i < N; i++)
    for (int k = 0; k < 3; k++) seen[k] += x[i * D + C] == given[k];
  assert_true(seen[0] + seen[1] + seen[2] == N && seen[0] < N && seen[1] < N && seen[2] < N);
  pf_table_free(table);
  pf_model_free(model);
}

/* The exponential step of a field is exact in its linear part and would carry the condition off if it were moved by it. */
static void solvers_converge_to_the_velocitys_flow(void **state) {
  (void)state;
  pf_error error = {0};
  struct pf_model *model = conditional_model();
  pf_table *table = conditions();
  double fine[N * D], x[N * D];
  static const char *const solvers[] = {"euler", "exponential", "exponential-2m",
                                        "heun",  "rk4",         "local-linear"};
  must(pf_model_set_given(model, table, true, &error), &error);
  draw(model, &(pf_draw){.seed = 1, .solver = "rk4", .steps = 400}, 0, N, fine);
  for (size_t s = 0; s < sizeof solvers / sizeof *solvers; s++) {
    draw(model, &(pf_draw){.seed = 1, .solver = solvers[s], .steps = 2000}, 0, N, x);
    for (int i = 0; i < N; i++)
      if (!(fabs(x[i * D] - fine[i * D]) < 3e-3))
        fail_msg("%s: %g, not %g", solvers[s], x[i * D], fine[i * D]);
  }
  pf_table_free(table);
  pf_model_free(model);
}

static void noise_carries_conditions_in_the_datas_units(void **state) {
  (void)state;
  pf_error error = {0};
  struct pf_model *model = conditional_model();
  pf_table *table = conditions();
  pf_sampler *sampler = NULL;
  float z[N * D];
  double drawn[N * D], mapped[N * D];
  const pf_sample_range range = {5, 2, N};
  must(pf_sampler_create(model, NULL, &sampler, &error), &error); /* before anything is given */
  pf_workspace workspace = {malloc(pf_sampler_workspace_bytes(sampler)), pf_sampler_workspace_bytes(sampler)};
  must(pf_sampler_noise(sampler, range, z, &error), &error);
  assert_true(z[C] == 0);
  assert_int_equal(pf_sampler_run(sampler, range, drawn, workspace, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "does not generate c"));
  must(pf_model_set_given(model, table, true, &error), &error);
  must(pf_sampler_noise(sampler, range, z, &error), &error);
  must(pf_sampler_run(sampler, range, drawn, workspace, &error), &error);
  must(pf_sampler_run_from_noise(sampler, z, N, mapped, workspace, &error), &error);
  for (int i = 0; i < N; i++) {
    assert_true(mapped[i * D] == drawn[i * D]);
    assert_true(mapped[i * D + C] == (double)(float)drawn[i * D + C]);
  }
  z[C] = 1.5f; /* another condition, another sample */
  must(pf_sampler_run_from_noise(sampler, z, 1, mapped, workspace, &error), &error);
  assert_true(mapped[C] == 1.5 && mapped[X] != drawn[X]);
  z[C] = NAN;
  assert_int_equal(pf_sampler_run_from_noise(sampler, z, 1, mapped, workspace, &error), PF_BAD_INPUT);
  free(workspace.memory);
  pf_sampler_free(sampler);
  pf_table_free(table);
  pf_model_free(model);
}

static void what_cannot_be_given_is_refused(void **state) {
  (void)state;
  const double value = 1;
  pf_error error = {0};
  struct pf_model *model = conditional_model(), *whole = empty_model();
  pf_table *table = conditions(), *lacking = NULL;
  double x[2 * D];
  assert_int_equal(pf_model_set_given(whole, table, true, &error), PF_USAGE);
  must(pf_model_set_given(model, table, true, &error), &error);
  must(pf_table_from_values(1, 1, &value, (const char *[]){"d"}, &lacking, &error), &error);
  assert_int_equal(pf_model_set_given(model, lacking, true, &error), PF_BAD_INPUT);
  assert_non_null(strstr(error.message, "no column 'c'"));
  pf_table_free(lacking);
  const double rows[] = {1, -1e39};
  must(pf_table_from_values(2, 1, rows, (const char *[]){"c"}, &lacking, &error), &error);
  assert_int_equal(pf_model_set_given(model, lacking, true, &error), PF_BAD_INPUT);
  assert_non_null(strstr(error.message, "row 2 of the conditions, column 'c': -1e+39"));
  for (int n = 1; n <= 2; n++) { /* what was set stays */
    pf_memory_fail_at(n);
    assert_int_equal(pf_model_set_given(model, table, true, &error), PF_NO_MEMORY);
    pf_memory_fail_at(0);
  }
  draw(model, &(pf_draw){.seed = 1}, 0, 2, x);
  assert_true(x[C] == -2.125);
  pf_table_free(lacking);
  pf_table_free(table);
  pf_model_free(model);
  pf_model_free(whole);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_file_says_what_is_given),
      cmocka_unit_test(a_file_that_contradicts_itself_is_refused),
      cmocka_unit_test(samples_have_the_conditions_that_were_given),
      cmocka_unit_test(solvers_converge_to_the_velocitys_flow),
      cmocka_unit_test(noise_carries_conditions_in_the_datas_units),
      cmocka_unit_test(what_cannot_be_given_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
