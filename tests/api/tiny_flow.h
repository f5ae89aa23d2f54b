/* Flows small enough for a test, every method with all that it can do. A header of static functions. */
#ifndef PF_TESTS_API_TINY_FLOW_H
#define PF_TESTS_API_TINY_FLOW_H

#include "tiny_train.h"

enum { TINY_ROWS = 400 };

/* 6 steps of a network or potential of 8 units. */
static inline pf_train_options tiny_flow(const char *method) {
  pf_train_options o = pf_train_options_default();
  o.method = method;
  o.steps = 6;
  o.width = 8;
  o.depth = 1;
  o.batch = 48;
  o.ode_steps = 1;
  o.curve_points = 3;
  o.seed = 4;
  return o;
}

/* Two blocks, halved once into four, every block trained for `steps` steps. Order: 2 grown, 2 again, 4 again, 1 free. */
static inline pf_train_options tiny_jko(int64_t steps) {
  pf_train_options o = tiny_flow("jko");
  o.blocks = 2;
  o.reparametrise = 1;
  o.refine = 1;
  o.stop_movement = 0;
  o.steps = 9 * steps;
  return o;
}

static inline pf_model *train_flow(const char *source, const pf_train_options *o) {
  pf_table *table = draw_table(source, TINY_ROWS);
  pf_model *model = NULL;
  pf_error error = {0};
  pf_status status = pf_train(table, NULL, o, &model, &error);
  pf_table_free(table);
  must(status, &error);
  return model;
}

static inline bytes flow_bytes(const char *source, const pf_train_options *o) {
  pf_model *model = train_flow(source, o);
  bytes b = model_bytes(model);
  pf_model_free(model);
  return b;
}

#endif
