/* What the tests of the gradient flows' studies share. Include after cmocka.h. */
#ifndef TESTS_STUDY_GRADIENT_FLOW_TEST_H
#define TESTS_STUDY_GRADIENT_FLOW_TEST_H

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "study/study.h"

/* Value number `value` of a cell whose key is `key`. */
typedef double made_up(const char *key, int value);

static inline void conclude_on(const pf_experiment_plan *plan, made_up *law, pf_experiment *out) {
  double *values;
  *out = (pf_experiment){.name = plan->name, .n_values = plan->n_values, .n_cells = plan->n_cells};
  assert_int_equal(pf_alloc((size_t)plan->n_cells, sizeof *out->cells, &out->cells, NULL), PF_OK);
  assert_int_equal(pf_alloc((size_t)(plan->n_cells * plan->n_values), sizeof *values, &values, NULL), PF_OK);
  for (int i = 0; i < plan->n_cells; i++) {
    pf_cell_text text = {.cost = 0};
    plan->describe(i, &text);
    assert_true(text.cost > 0 && text.cost <= 90);
    memcpy(out->cells[i].key, text.key, sizeof text.key);
    out->cells[i].values = values + i * plan->n_values;
    for (int j = 0; j < i; j++) assert_string_not_equal(out->cells[j].key, text.key);
    for (int v = 0; v < plan->n_values; v++) out->cells[i].values[v] = law(text.key, v);
  }
  assert_int_equal(plan->conclude(out, NULL), PF_OK);
  assert_true(out->n_charts > 0);
}

static inline void clear(pf_experiment *e) {
  pf_experiment *list;
  assert_int_equal(pf_alloc(1, sizeof *list, &list, NULL), PF_OK);
  *list = *e;
  pf_study study = {.count = 1, .experiments = list};
  pf_study_clear(&study);
}

static inline int count_failed(const pf_experiment *e) {
  int failed = 0;
  for (int i = 0; i < e->n_checks; i++) failed += !e->checks[i].holds;
  return failed;
}

/* All checks hold on the one law, and exactly `failures` of them fail on the other. */
static inline void expect_verdicts(const pf_experiment_plan *plan, made_up *right, made_up *wrong,
                                   int failures) {
  pf_experiment e;
  conclude_on(plan, right, &e);
  for (int i = 0; i < e.n_checks; i++) {
    const pf_study_check *c = &e.checks[i];
    if (!c->holds)
      fail_msg("%s: %g (%g to %g), band %g to %g", c->name, c->value, c->low, c->high, c->least, c->most);
  }
  clear(&e);
  conclude_on(plan, wrong, &e);
  if (count_failed(&e) != failures) {
    for (int i = 0; i < e.n_checks; i++)
      print_message("%s %s: %g\n", e.checks[i].holds ? "holds" : "fails", e.checks[i].name,
                    e.checks[i].value);
    fail_msg("%d checks fail, not %d", count_failed(&e), failures);
  }
  clear(&e);
}

/* Measures the cell of that key. values: PF_STUDY_VALUES. */
static inline void measure_key(const pf_experiment_plan *plan, const char *key, double *values) {
  for (int i = 0; i < plan->n_cells; i++) {
    pf_cell_text text = {.cost = 0};
    plan->describe(i, &text);
    if (strcmp(text.key, key) != 0) continue;
    pf_cell_run run = {.cell = i, .seed = 1, .draw = 12345};
    pf_error error = {0};
    for (int v = 0; v < plan->n_values; v++) values[v] = NAN;
    if (plan->measure(&run, values, &error) != PF_OK) fail_msg("%s", error.message);
    return;
  }
  fail_msg("no cell '%s'", key);
}

static inline void expect_near(double value, double expected, double tolerance) {
  if (!(fabs(value - expected) <= tolerance))
    fail_msg("%.12g, expected %.12g +- %g", value, expected, tolerance);
}

/* A number in -1..1 that looks random, of key and value: scatter for made-up values. */
static inline double scatter(const char *key, int value) {
  unsigned hash = 2166136261u + (unsigned)value * 2654435761u;
  for (; *key; key++) hash = (hash ^ (unsigned char)*key) * 16777619u;
  hash ^= hash >> 15;
  hash *= 2246822519u;
  return (double)(hash >> 8) / (1 << 23) - 1;
}

/* The number behind `word` in a key, as in "d=2". */
static inline double number_in(const char *key, const char *word) {
  const char *at = strstr(key, word);
  double value = NAN;
  if (at) (void)sscanf(at + strlen(word), "%lf", &value);
  return value;
}

#endif
