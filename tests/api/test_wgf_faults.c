/* Lack of memory anywhere in training along a Wasserstein gradient flow: an error, no leak (address sanitizer), and the same call
 * works afterwards. */
#include "fail_every.h"
#include "tiny_wgf.h"

static pf_table *table;
static pf_train_options options;

static int set_up(void **state) {
  (void)state;
  table = draw_table("law:moons", 60);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  pf_table_free(table);
  return 0;
}

static pf_status do_train(pf_error *error) {
  pf_model *model = NULL;
  pf_status status = pf_train(table, NULL, &options, &model, error);
  assert_int_equal(status == PF_OK, model != NULL);
  pf_model_free(model);
  return status;
}

static pf_train_options tiniest(const char *method) {
  pf_train_options o = tiny_wgf(method);
  o.width = 4;
  o.depth = 1;
  o.batch = 8;
  o.steps = 1;
  o.critic_steps = o.persistence = 1;
  o.threads = 1;
  o.curve_points = 1;
  return o;
}

static void training_survives_lack_of_memory(void **state) {
  (void)state;
  for (int v = 0; v < 4; v++) {
    options = tiniest(v < 2 ? "w1fe" : v == 2 ? "w2fe" : "monoflow");
    if (v == 0) {
      options.tempered = true;
      options.cumulant = 0.5;
    }
    if (v == 1) options.constraint = "spectral";
    fail_every(do_train, "train", 1);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(training_survives_lack_of_memory)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
