/* Lack of memory anywhere in training a flow and in asking it: an error, no leak (address sanitizer), and the same call works
 * afterwards. */
#include "fail_every.h"
#include "tiny_flow.h"

enum { METHODS = 3 };
static const char *const methods[METHODS] = {"jko", "otflow", "cnf"};
static pf_table *table;
static pf_model *models[METHODS], *asked;
static char path[256];
static int method; /* the one under test */

static pf_train_options tiniest(void) {
  pf_train_options o = tiny_flow(methods[method]);
  o.width = 4;
  o.batch = 8;
  o.steps = method == 0 ? 4 : 1;
  o.blocks = method == 0 ? 1 : PF_METHOD_DEFAULT;
  o.refine = method == 0 ? 1 : 0; /* a block, its halves, the free one */
  o.threads = 1;
  o.curve_points = 1;
  return o;
}

static int set_up(void **state) {
  (void)state;
  temporary_name(path, "flow_faults");
  table = draw_table("law:moons", 300);
  for (method = 0; method < METHODS; method++) {
    pf_train_options o = tiniest();
    pf_error error = {0};
    must(pf_train(table, NULL, &o, &models[method], &error), &error);
  }
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  for (int i = 0; i < METHODS; i++) pf_model_free(models[i]);
  pf_table_free(table);
  remove(path);
  return 0;
}

static pf_status do_train(pf_error *error) {
  pf_train_options o = tiniest();
  pf_model *model = NULL;
  pf_status status = pf_train(table, NULL, &o, &model, error);
  assert_int_equal(status == PF_OK, model != NULL);
  pf_model_free(model);
  return status;
}

static pf_status do_train_with_checkpoints(pf_error *error) {
  pf_train_options o = tiniest();
  pf_model *model = NULL;
  o.checkpoint = path;
  o.checkpoint_seconds = 0;
  o.divergence = "difference";
  remove(path);
  pf_status status = pf_train(table, NULL, &o, &model, error);
  assert_int_equal(status == PF_OK, model != NULL);
  pf_model_free(model);
  return status;
}

static pf_status do_density(pf_error *error) {
  pf_density_options o = {.threads = 2, .seed = 1};
  double l[300] = {7};
  pf_status status = pf_model_log_density(asked, &o, table, l, error);
  assert_true(status == PF_OK || l[0] == 7);
  return status;
}

static pf_status do_adaptive_density(pf_error *error) {
  pf_density_options o = {.threads = 1, .seed = 1, .tolerance = 1e-2};
  double l[300] = {7};
  pf_status status = pf_model_log_density(asked, &o, table, l, error);
  assert_true(status == PF_OK || l[0] == 7);
  return status;
}

static pf_status do_encode(pf_error *error) {
  pf_table *out = NULL;
  pf_status status = pf_model_encode(asked, NULL, table, &out, error);
  assert_int_equal(status == PF_OK, out != NULL);
  pf_table_free(out);
  return status;
}

static pf_status do_decode(pf_error *error) {
  pf_table *out = NULL;
  pf_status status = pf_model_decode(asked, NULL, table, &out, error);
  assert_int_equal(status == PF_OK, out != NULL);
  pf_table_free(out);
  return status;
}

static pf_status do_sample(pf_error *error) {
  pf_table *out = NULL;
  pf_status status = pf_model_sample_table(asked, NULL, 300, &out, error);
  assert_int_equal(status == PF_OK, out != NULL);
  pf_table_free(out);
  return status;
}

static pf_status do_save(pf_error *error) { return pf_model_save(asked, path, error); }

static pf_status do_load(pf_error *error) {
  pf_model *model = NULL;
  pf_status status = pf_model_load(path, &model, error);
  assert_int_equal(status == PF_OK, model != NULL);
  pf_model_free(model);
  return status;
}

static void training_survives_lack_of_memory(void **state) {
  (void)state;
  for (method = 0; method < METHODS; method++) {
    char name[40];
    snprintf(name, sizeof name, "train %s", methods[method]);
    fail_every(do_train, name, 7);
    fail_every(do_train_with_checkpoints, name, 31);
  }
}

static void questions_survive_lack_of_memory(void **state) {
  (void)state;
  for (int i = 0; i < METHODS; i++) {
    asked = models[i];
    fail_every(do_density, "density", 1);
    fail_every(do_adaptive_density, "adaptive density", 1);
    fail_every(do_encode, "encode", 1);
    fail_every(do_decode, "decode", 1);
    fail_every(do_sample, "sample", 1);
    fail_every(do_save, "save", 1);
    fail_every(do_load, "load", 1);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(training_survives_lack_of_memory),
      cmocka_unit_test(questions_survive_lack_of_memory),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
