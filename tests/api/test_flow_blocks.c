/* What a flow leaves out: blocks that held-out rows gain nothing by, and iterations where its steps have doubled. */
#include "tiny_flow.h"

static void hear_no_move(void *context, pf_log_level level, const char *message) {
  (void)level;
  if (strstr(message, "held-out rows gain nothing by it")) ++*(int *)context;
}

/* What stands after `"name": ` in the model's description, for the caller to free. */
static char *described(const pf_model *model, const char *name) {
  pf_error error = {0};
  char *json = NULL, key[40];
  must(pf_model_describe(model, &json, &error), &error);
  snprintf(key, sizeof key, "\"%s\": ", name);
  const char *from = strstr(json, key);
  assert_non_null(from);
  char *text = strdup(from + strlen(key));
  assert_non_null(text);
  pf_string_free(json);
  return text;
}

static int count_of(const pf_model *model, const char *list) {
  char *text = described(model, list);
  int n = 1;
  assert_int_equal(text[0], '[');
  for (const char *c = text; *c != ']'; c++) n += *c == ',';
  free(text);
  return n;
}

static double fact(const pf_model *model, const char *which) {
  char *text = described(model, which);
  double value = strtod(text, NULL);
  free(text);
  return value;
}

/* Normal rows are noise already: blocks that wild steps make worse than none are left out, all but the first. */
static void a_block_that_gains_nothing_is_left_out(void **state) {
  (void)state;
  pf_table *table = draw_table("law:gauss:d=3,rho=0", 500);
  pf_train_options o = tiny_flow("jko");
  pf_model *model = NULL;
  pf_error error = {0};
  int heard = 0;
  o.blocks = 4;
  o.steps = 5 * 40;
  o.learning_rate = 0.3;
  o.stop_movement = 0;
  o.hooks.context = &heard;
  o.hooks.log = hear_no_move;
  must(pf_train(table, NULL, &o, &model, &error), &error);
  assert_int_equal(heard, 2); /* the second block, and the free one in its place */
  assert_int_equal(count_of(model, "step_sizes"), 1);
  pf_model_free(model);
  pf_table_free(table);
}

/* One Runge-Kutta step does not resolve spirals. Iterations at 1, 2, 4, .. steps add up, each by its cost, to what was asked
 * for. */
static void hear_doubling(void *context, pf_log_level level, const char *message) {
  long long *heard = context, at, end; /* cost so far, iterations so far, steps, end */
  int steps;
  (void)level;
  if (sscanf(message,
             "step %lld: the likelihood hangs on the steps; going on with %d of them, to iteration %lld", &at,
             &steps, &end) != 3)
    return;
  heard[0] += (at - heard[1]) * heard[2];
  heard[1] = at;
  heard[2] = steps;
  heard[3] = end;
}

static void twice_the_steps_cost_twice_the_iterations(void **state) {
  (void)state;
  pf_table *table = draw_table("law:2spirals", 4000);
  pf_train_options o = tiny_flow("cnf");
  pf_model *model = NULL;
  pf_error error = {0};
  long long heard[4] = {0, 0, 1, 0};
  o.steps = 1000;
  o.width = 32;
  o.depth = 3;
  o.learning_rate = 0.01;
  o.hooks.context = heard;
  o.hooks.log = hear_doubling;
  must(pf_train(table, NULL, &o, &model, &error), &error);
  assert_true(heard[2] > 1);
  heard[0] += (heard[3] - heard[1]) * heard[2];
  assert_true(heard[0] >= o.steps && heard[0] < o.steps + heard[2]);
  assert_int_equal(fact(model, "steps_done"), heard[3]);
  assert_int_equal(fact(model, "training_ode_steps"), heard[2]);
  pf_model_free(model);
  pf_table_free(table);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_block_that_gains_nothing_is_left_out),
      cmocka_unit_test(twice_the_steps_cost_twice_the_iterations),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
