/* Where a model's samples begin: the word of it in a file, the rows that are handed over, what is refused. */
#include "maps.h"

enum { N = 12 };

static struct pf_model *source_model(void) {
  struct pf_model *model = empty_model();
  pf_time_map map = {.network = some_network(0, PF_ACTIVATION_SILU), .skip = true};
  model->generator = some_map(&map);
  model->from_source = true;
  return model;
}

static void a_file_says_that_the_prior_is_a_source(void **state) {
  (void)state;
  for (int source = 0; source < 2; source++) {
    pf_error error = {0};
    struct pf_model *model = source_model(), *loaded = NULL;
    model->from_source = source;
    pf_container *container = written(model);
    must(pf_model_from_container(container, &loaded, &error), &error);
    assert_true(pf_model_needs_source(loaded) == source);
    assert_true((strstr(pf_container_get(container, "pushforward"), "\"prior\":\"source\"") != NULL) ==
                source);
    assert_int_equal(pf_model_check_prior(loaded, &error), source ? PF_USAGE : PF_OK);
    pf_container_free(container);
    pf_model_free(model);
    pf_model_free(loaded);
  }
}

/* The container with another value under "prior". */
static void expect_prior_refused(json_t *value, const char *word) {
  struct pf_model *model = source_model();
  json_t *generator = NULL;
  pf_container *container = written(model);
  json_t *root = facts_of(container, "generator", &generator);
  json_object_set_new(root, "prior", value);
  expect_root_refused(container, root, word);
  pf_container_free(container);
  pf_model_free(model);
}

static void an_unknown_prior_is_refused(void **state) {
  (void)state;
  expect_prior_refused(json_string("sources"), "its prior is 'sources'");
  expect_prior_refused(json_integer(1), "prior");
}

/* In order row i mod n, encoded; at random any of them; for noise neither. */
static void the_prior_is_rows_of_the_table(void **state) {
  (void)state;
  enum { ROWS = 3 };
  pf_error error = {0};
  double values[ROWS * D];
  float encoded[ROWS * D], z[N * D], piece[N * D];
  struct pf_model *model = source_model();
  pf_table *rows = NULL;
  for (int i = 0; i < ROWS * D; i++) values[i] = 0.3 * i - 1;
  must(pf_table_from_values(ROWS, D, values, NULL, &rows, &error), &error);
  must(pf_model_set_source(model, rows, true, &error), &error);
  pf_encoder_encode(model->encoder, values, ROWS, 0, 0, encoded);
  pf_model_prior(model, 1, (pf_rows){4, N}, z);
  for (int i = 0; i < N; i++) assert_memory_equal(z + i * D, encoded + (i + 4) % ROWS * D, D * sizeof(float));
  must(pf_model_set_source(model, rows, false, &error), &error);
  pf_model_prior(model, 1, (pf_rows){4, N}, z);
  pf_model_prior(model, 1, (pf_rows){7, N - 3}, piece);
  assert_memory_equal(z + 3 * D, piece, (N - 3) * D * sizeof(float));
  pf_model_prior(model, 2, (pf_rows){4, N}, piece);
  assert_memory_not_equal(z, piece, sizeof z);
  pf_memory_fail_at(1); /* what was set stays */
  assert_int_equal(pf_model_set_source(model, rows, true, &error), PF_NO_MEMORY);
  pf_memory_fail_at(0);
  pf_model_prior(model, 2, (pf_rows){4, N}, z);
  assert_memory_equal(z, piece, sizeof z);
  pf_table_free(rows);
  pf_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_file_says_that_the_prior_is_a_source),
      cmocka_unit_test(an_unknown_prior_is_refused),
      cmocka_unit_test(the_prior_is_rows_of_the_table),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
