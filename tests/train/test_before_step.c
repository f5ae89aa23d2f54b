/* What a fit is given before every step: a batch that the caller makes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "train/fit.h"

enum { BATCH = 50, REFUSED = 9 };

static void must(pf_status status, const pf_error *error) {
  if (status != PF_OK) fail_msg("%s: %s", pf_status_name(status), error->message);
}

/* Loss mean (w - x_i)^2 of one weight w; the rows x are made before every step. */
typedef struct fixture {
  float x[BATCH];
  int64_t steps[64];
  int count;
  pf_objective objective;
  pf_fit_state state;
  pf_fit *fit;
} fixture;

static pf_status prepare(void *context, int64_t step, pf_error *error) {
  fixture *f = context;
  if (step == REFUSED) return pf_fail(error, PF_IO, "no batch");
  f->steps[f->count++] = step;
  for (int i = 0; i < BATCH; i++) f->x[i] = (float)step;
  return PF_OK;
}

static void open_fixture(fixture *f) {
  pf_error error = {0};
  *f = (fixture){.count = 0};
  pf_objective *o = &f->objective;
  must(pf_graph_create(&o->graph, &error), &error);
  pf_node x = pf_input(o->graph, 0, PF_SHAPE(PF_PER_ROW, 1)),
          w = pf_param(o->graph, 0, 0, PF_SHAPE(PF_SHARED, 1));
  o->loss = pf_mean_rows(pf_sum_items(pf_square(pf_sub(x, w))), pf_scalar(o->graph, 1.0 / BATCH));
  o->balance_weight = (pf_node){o->graph, -1};
  o->inputs[0] = f->x;
  pf_fit_config c = {.steps = 5,
                     .batch = BATCH,
                     .adam = pf_adam_default(),
                     .schedule = PF_SCHEDULE_CONSTANT,
                     .before_step = prepare,
                     .before_context = f};
  c.adam.learning_rate = 1e-6; /* w stays at 0: the loss of step k is k^2 */
  must(pf_fit_state_create(1, &f->state, &error), &error);
  must(pf_fit_create(o, &c, &f->state, NULL, &f->fit, &error), &error);
}

static void close_fixture(fixture *f) {
  pf_fit_free(f->fit);
  pf_graph_free(f->objective.graph);
  pf_fit_state_free(&f->state);
}

/* Once before each step of run, advance and calibration, with the step's number. */
static void every_step_is_prepared(void **unused) {
  (void)unused;
  fixture f;
  pf_error error = {0};
  double seconds = 0, mean = 1;
  open_fixture(&f);
  must(pf_fit_calibrate(f.fit, 4, &seconds, &error), &error);
  assert_true(f.count >= 4 && f.steps[0] == 1 && f.state.step == 0);
  f.count = 0;
  must(pf_fit_run(f.fit, NULL, NULL, &error), &error);
  must(pf_fit_advance(f.fit, 3, &error), &error);
  assert_int_equal(f.count, 8);
  for (int i = 0; i < 8; i++) assert_int_equal(f.steps[i], i + 1);
  for (int k = 2; k <= 8; k++) mean = 0.99 * mean + 0.01 * k * k;
  assert_true(fabs(f.state.loss - mean) < 1e-3); /* the rows of each step are that step's */
  close_fixture(&f);
}

/* What it refuses with ends the run, before the step. */
static void a_refusal_ends_the_run(void **unused) {
  (void)unused;
  fixture f;
  pf_error error = {0};
  open_fixture(&f);
  must(pf_fit_advance(f.fit, REFUSED - 1, &error), &error);
  float weight = f.state.arrays.params[0];
  assert_int_equal(pf_fit_advance(f.fit, 1, &error), PF_IO);
  assert_non_null(strstr(error.message, "no batch"));
  assert_true(f.state.step == REFUSED - 1 && f.state.arrays.params[0] == weight);
  close_fixture(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_step_is_prepared),
      cmocka_unit_test(a_refusal_ends_the_run),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
