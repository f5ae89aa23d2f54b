/* A model whose generator is a plain map and that keeps a critic, through the public functions: description, samples,
 * evaluation and the report's page. */
#include "model/model.h"
#include "tiny_train.h"

enum { D = 2 };

static float *random_params(const pf_network_config *network) {
  pf_layout layout = {0};
  pf_error error = {0};
  float *params = NULL;
  must(pf_network_layout(network, &layout, &error), &error);
  must(pf_alloc((size_t)layout.total, sizeof *params, &params, &error), &error);
  pf_layout_initialise(&layout, 3, params);
  for (int k = 0; k < 5; k++) pf_network_spectral_step(network, params);
  pf_layout_free(&layout);
  return params;
}

static pf_model *plain_model(void) {
  pf_network_config network = {
      .inputs = D, .outputs = D, .width = 8, .depth = 2, .frequencies = 1, .max_frequency = 1};
  pf_time_map map = {.network = network, .skip = true};
  pf_error error = {0};
  pf_table *table = draw_table("law:moons", 400);
  pf_model *model = NULL;
  must(pf_model_create(table, &model, &error), &error);
  must(pf_encoder_fit(table, NULL, &model->encoder, &error), &error);
  float *params = random_params(&map.network);
  must(pf_learned_create(&map, params, &model->generator, &error), &error);
  pf_free(params);
  network.outputs = 1;
  network.spectral = true;
  params = random_params(&network);
  must(pf_critic_create(&network, params, &model->critic, &error), &error);
  pf_free(params);
  pf_table_free(table);
  return model;
}

static pf_evaluate_options quick(void) {
  pf_evaluate_options options = pf_evaluate_options_default();
  options.rows = 300, options.pairs = 2, options.baselines = true, options.metrics = "w2,energy";
  return options;
}

static void it_is_described_and_sampled(void **state) {
  (void)state;
  pf_error error = {0};
  pf_model *model = plain_model();
  char *json = NULL;
  must(pf_model_describe(model, &json, &error), &error);
  assert_non_null(strstr(json, "\"critic\""));
  assert_non_null(strstr(json, "\"skip\""));
  pf_free(json);
  pf_sample_options sample = pf_sample_options_default();
  pf_table *table = NULL;
  must(pf_model_sample_table(model, &sample, 50, &table, &error), &error);
  pf_table_free(table);
  table = NULL;
  sample.steps = 2;
  assert_int_equal(pf_model_sample_table(model, &sample, 50, &table, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "steps is 2"));
  assert_null(table);
  pf_model_free(model);
}

/* One row of one step, and baselines; nothing of 2, 4 or 8 steps, and nothing to decompose. */
static void it_is_evaluated_at_one_step(void **state) {
  (void)state;
  static pf_evaluation_set set;
  pf_error error = {0};
  pf_model *model = plain_model();
  pf_evaluate_options options = quick();
  must(pf_evaluate(model, NULL, "law:moons", &options, &set, &error), &error);
  for (int i = 0; i < set.count; i++) assert_null(strstr(set.rows[i].name, " steps"));
  assert_non_null(strstr(set.rows[0].name, "one step"));
  assert_true(isnan(set.decomposition.fitting) && isnan(set.decomposition.velocity));
  options.steps = 4;
  assert_int_equal(pf_evaluate(model, NULL, "law:moons", &options, &set, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "steps is 4"));
  pf_model_free(model);
}

static void its_page_says_what_it_is(void **state) {
  (void)state;
  char path[256];
  pf_error error = {0};
  pf_model *model = plain_model();
  pf_report_options options = {.evaluate = quick()};
  temporary_name(path, "plain_page");
  must(pf_report(model, NULL, "law:moons", &options, path, &error), &error);
  bytes page = read_bytes(path);
  remove(path);
  page.data = realloc(page.data, page.size + 1);
  page.data[page.size] = 0;
  const char *text = (const char *)page.data;
  assert_non_null(strstr(text, "MLP 2 x 8 SiLU, no time"));
  assert_non_null(strstr(text, "MLP 2 x 8 SiLU, spectral, no time"));
  assert_null(strstr(text, "interpolant"));
  free(page.data);
  pf_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_is_described_and_sampled),
      cmocka_unit_test(it_is_evaluated_at_one_step),
      cmocka_unit_test(its_page_says_what_it_is),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
