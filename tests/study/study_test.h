/* Experiments with values that a test makes up, concluded as after a run; cells measured one by one. */
#ifndef TESTS_STUDY_STUDY_TEST_H
#define TESTS_STUDY_STUDY_TEST_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/memory.h"
#include "study/study.h"

/* Fills a cell's values, NaN on entry, from its key; `context` is the test's. */
typedef void fill_cell(const pf_experiment_plan *plan, int cell, const char *key, double *values,
                       const void *context);

/* One experiment as a study, so that pf_study_clear frees it. */
static inline pf_study concluded(const pf_experiment_plan *plan, fill_cell *fill, const void *context) {
  pf_study study = {.method = "test", .count = 1};
  double *values = NULL;
  assert_int_equal(pf_alloc(1, sizeof *study.experiments, &study.experiments, NULL), PF_OK);
  assert_int_equal(pf_alloc((size_t)(plan->n_cells * plan->n_values), sizeof *values, &values, NULL), PF_OK);
  pf_experiment *e = study.experiments;
  *e = (pf_experiment){.name = plan->name,
                       .value_names = plan->value_names,
                       .n_values = plan->n_values,
                       .n_cells = plan->n_cells};
  assert_int_equal(pf_alloc((size_t)plan->n_cells, sizeof *e->cells, &e->cells, NULL), PF_OK);
  for (int i = 0; i < plan->n_cells; i++) {
    pf_cell_text text = {.cost = 1};
    plan->describe(i, &text);
    memcpy(e->cells[i].key, text.key, sizeof text.key);
    e->cells[i].values = values + i * plan->n_values;
    for (int k = 0; k < plan->n_values; k++) e->cells[i].values[k] = NAN;
    fill(plan, i, text.key, e->cells[i].values, context);
  }
  pf_error error = {0};
  if (plan->conclude(e, &error) != PF_OK) fail_msg("%s: %s", plan->name, error.message);
  assert_true(e->n_checks > 0);
  assert_true(e->n_charts > 0);
  return study;
}

static inline void expect_all_hold(pf_study *study) {
  const pf_experiment *e = study->experiments;
  for (int i = 0; i < e->n_checks; i++)
    if (!e->checks[i].holds)
      fail_msg("%s: '%s' does not hold: %g [%g, %g]", e->name, e->checks[i].name, e->checks[i].value,
               e->checks[i].low, e->checks[i].high);
  pf_study_clear(study);
}

/* Every check whose name begins so must fail, and there must be one. */
static inline void expect_failure(const pf_study *study, const char *begin) {
  const pf_experiment *e = study->experiments;
  int found = 0;
  for (int i = 0; i < e->n_checks; i++) {
    if (strncmp(e->checks[i].name, begin, strlen(begin)) != 0) continue;
    found++;
    if (e->checks[i].holds) fail_msg("%s: '%s' holds, %g", e->name, e->checks[i].name, e->checks[i].value);
  }
  if (!found) fail_msg("%s: no check begins with '%s'", e->name, begin);
}

static inline pf_status measured(const pf_experiment_plan *plan, int cell, double *values) {
  pf_error error = {0};
  pf_cell_run run = {.cell = cell, .seed = 1, .draw = UINT64_C(77) + (uint64_t)cell};
  for (int k = 0; k < plan->n_values; k++) values[k] = NAN;
  pf_status status = plan->measure(&run, values, &error);
  if (status != PF_OK) fail_msg("%s, cell %d: %s", plan->name, cell, error.message);
  return status;
}

static inline int cell_of(const pf_experiment_plan *plan, const char *key) {
  for (int i = 0; i < plan->n_cells; i++) {
    pf_cell_text text = {.cost = 1};
    plan->describe(i, &text);
    if (strcmp(text.key, key) == 0) return i;
  }
  fail_msg("%s has no cell '%s'", plan->name, key);
  return -1;
}

/* Keys are unique, costs positive, names and values within bounds. */
static inline void expect_tidy(const pf_experiment_plan *plan) {
  assert_in_range(plan->n_values, 1, PF_STUDY_VALUES);
  for (int i = 0; i < plan->n_values; i++) assert_non_null(plan->value_names[i]);
  for (int i = 0; i < plan->n_cells; i++) {
    pf_cell_text text = {.cost = -1};
    plan->describe(i, &text);
    assert_true(text.cost > 0 && text.cost <= 90);
    assert_int_equal(cell_of(plan, text.key), i);
  }
}

/* What a fill is told: to follow the claims, or to break them. */
typedef struct fault {
  bool wrong;
} fault;
static const fault RIGHT = {false}, WRONG = {true};
static inline bool is_wrong(const void *context) { return ((const fault *)context)->wrong; }

/* A small spread between seeds, the same for the same cell and value. */
static inline double about(double value, int cell, int k) {
  return value * (1 + .004 * ((cell * 7 + k * 3) % 5 - 2));
}

/* The number after `name` in a key ("h=0.5"), NaN when there is none. */
static inline double number_in(const char *key, const char *name) {
  const char *at = strstr(key, name);
  return at ? strtod(at + strlen(name), NULL) : (double)NAN;
}

/* A number in -1..1 that looks random, of key and value: scatter for made-up values. */
static inline double scatter(const char *key, int value) {
  unsigned hash = 2166136261u + (unsigned)value * 2654435761u;
  for (; *key; key++) hash = (hash ^ (unsigned char)*key) * 16777619u;
  hash ^= hash >> 15;
  hash *= 2246822519u;
  return (double)(hash >> 8) / (1 << 23) - 1;
}

/* ---- laws: values as a function of the key ---- */

/* Value number `value` of a cell whose key is `key`. */
typedef double made_up(const char *key, int value);

static inline void fill_by_law(const pf_experiment_plan *plan, int cell, const char *key, double *values,
                               const void *context) {
  made_up *const *law = (made_up *const *)context;
  (void)cell;
  for (int v = 0; v < plan->n_values; v++) values[v] = (*law)(key, v);
}

/* Checks whose name contains `part` (all of them with "") that do not hold; there must be one of that name. */
static inline int count_failed(const pf_study *study, const char *part) {
  const pf_experiment *e = study->experiments;
  int failed = 0, seen = 0;
  for (int i = 0; i < e->n_checks; i++) {
    if (!strstr(e->checks[i].name, part)) continue;
    seen++;
    failed += !e->checks[i].holds;
  }
  assert_true(seen > 0);
  return failed;
}

/* All checks hold on the one law, and exactly `failures` of them fail on the other. */
static inline void expect_verdicts(const pf_experiment_plan *plan, made_up *right, made_up *wrong,
                                   int failures) {
  expect_tidy(plan);
  pf_study study = concluded(plan, fill_by_law, &right);
  expect_all_hold(&study);
  study = concluded(plan, fill_by_law, &wrong);
  const pf_experiment *e = study.experiments;
  int failed = count_failed(&study, "");
  for (int i = 0; i < e->n_checks && failed != failures; i++)
    print_message("%s %s: %g\n", e->checks[i].holds ? "holds" : "fails", e->checks[i].name,
                  e->checks[i].value);
  assert_int_equal(failed, failures);
  pf_study_clear(&study);
}

/* Measures the cell of that key. values: PF_STUDY_VALUES. */
static inline void measure_key(const pf_experiment_plan *plan, const char *key, double *values) {
  measured(plan, cell_of(plan, key), values);
}

static inline void expect_near(double value, double expected, double tolerance) {
  if (!(fabs(value - expected) <= tolerance))
    fail_msg("%.12g, expected %.12g +- %g", value, expected, tolerance);
}

#endif
