/* The engine of studies: cells over threads, the journal, resumed runs, failures, bands, JSON-free results. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/memory.h"
#include "base/rng.h"
#include "study/study.h"

enum { CELLS = 40 };

static pf_error error;
static int measured;     /* cells measured since it was set to 0; one-thread runs only */
static int failing = -1; /* cell that fails */
static int stop_after = 1 << 30;

#define assert_ok(status) assert_int_equal((status), PF_OK)

/* ---- a plan: noisy squares ---- */

static void describe(int cell, pf_cell_text *out) {
  snprintf(out->key, sizeof out->key, "x=%d", cell + 1);
  out->cost = cell % 7; /* so that the order of running is not that of the list */
}

static pf_status measure(const pf_cell_run *run, double *values, pf_error *why) {
  pf_rng rng = pf_rng_at(run->draw, PF_STREAM_TEST, 0, 0);
  measured++;
  if (run->cell == failing) return pf_fail(why, PF_NON_FINITE, "diverged");
  values[0] = pow(run->cell + 1, 2) * exp(0.1 * pf_rng_normal(&rng));
  if (run->cell % 3 == 0) values[1] = (double)run->seed; /* else undefined */
  return PF_OK;
}

static pf_status conclude(pf_experiment *e, pf_error *why) {
  double x[CELLS], y[CELLS];
  pf_study_point points[CELLS];
  for (int i = 0; i < CELLS; i++) {
    x[i] = i + 1;
    y[i] = e->cells[i].values[0];
    points[i] = pf_bare_point(x[i], y[i]);
  }
  pf_estimate slope = pf_estimate_slope(x, y, CELLS, NULL);
  PF_TRY(pf_conclude_check(e, slope, (pf_band){1.8, 2.2}, why, "slope"));
  PF_TRY(pf_conclude_check(e, slope, (pf_band){-INFINITY, slope.value}, why, "half an interval outside"));
  PF_TRY(pf_conclude_check(e, pf_estimate_exact(NAN), (pf_band){-INFINITY, INFINITY}, why, "undecided"));
  PF_TRY(pf_conclude_chart(e, (pf_chart_head){"squares", "x", "y", true, true}, why));
  PF_TRY(pf_conclude_series(e, (pf_series_head){PF_STUDY_POINTS, points, CELLS}, why, "measured"));
  return pf_conclude_power(e, (pf_power_law){1, 2, 1, CELLS}, why, "x^2");
}

static const char *const names[] = {"y", "seed"};
static const pf_experiment_plan squares = {"squares", "Squares", "claim", "source", "protocol", "band",
                                           names,     2,         CELLS,   describe, measure,    conclude},
                                others = {"others", "Others", "claim", "source", "protocol", "band",
                                          names,    2,        CELLS,   describe, measure,    conclude};
static const pf_experiment_plan *const list[] = {&squares, &others};
static const pf_study_plan plan = {"test", "A test", list, 2};

static bool stop(void *context) {
  (void)context;
  return measured >= stop_after;
}

static pf_study_options usual(void) {
  pf_study_options o = {.seed = 1};
  o.threads = 1;
  o.hooks.stop = stop;
  return o;
}

static void assert_same(const pf_study *a, const pf_study *b) {
  assert_int_equal(a->count, b->count);
  for (int x = 0; x < a->count; x++)
    for (int i = 0; i < CELLS; i++)
      assert_memory_equal(a->experiments[x].cells[i].values, b->experiments[x].cells[i].values,
                          sizeof(double));
}

static const char *scratch(const char *name) {
  static char path[256];
  const char *folder = getenv("TMPDIR");
  snprintf(path, sizeof path, "%s/pf-study-%ld-%s", folder ? folder : "/tmp", (long)getpid(), name);
  return path;
}

/* ---- tests ---- */

static void threads_change_nothing(void **state) {
  (void)state;
  pf_study one = {0}, many = {0};
  pf_study_options o = usual();
  assert_ok(pf_study_execute(&plan, &o, &one, &error));
  o.threads = 5;
  assert_ok(pf_study_execute(&plan, &o, &many, &error));
  assert_same(&one, &many);
  const pf_experiment *e = &one.experiments[0];
  assert_int_equal(e->n_checks, 3);
  assert_true(e->checks[0].holds);
  assert_false(e->checks[1].holds); /* its value is in the band, its interval is not */
  assert_false(e->checks[2].holds);
  assert_int_equal(e->n_charts, 1);
  assert_int_equal(e->charts[0].count, 2);
  assert_true(isnan(e->cells[1].values[1]) && e->cells[0].values[1] == 1);
  /* cells of two experiments draw apart, and so do seeds */
  assert_true(e->cells[0].values[0] != one.experiments[1].cells[0].values[0]);
  pf_study_clear(&many);
  o.seed = 2;
  assert_ok(pf_study_execute(&plan, &o, &many, &error));
  assert_true(one.experiments[0].cells[5].values[0] != many.experiments[0].cells[5].values[0]);
  pf_study_clear(&one);
  pf_study_clear(&many);
}

static void some_experiments(void **state) {
  (void)state;
  pf_study study = {0};
  pf_study_options o = usual();
  o.only = "others";
  assert_ok(pf_study_execute(&plan, &o, &study, &error));
  assert_int_equal(study.count, 1);
  assert_string_equal(study.experiments[0].name, "others");
  pf_study_clear(&study);
  o.only = "squares,others";
  assert_ok(pf_study_execute(&plan, &o, &study, &error));
  assert_int_equal(study.count, 2);
  pf_study_clear(&study);
  o.only = "other";
  assert_int_equal(pf_study_execute(&plan, &o, &study, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "did you mean 'others'"));
}

/* Stopped in the middle, then gone on with: the same numbers, and no cell measured twice. */
static void a_stopped_run_goes_on(void **state) {
  (void)state;
  const char *journal = scratch("stopped");
  pf_study whole = {0}, resumed = {0};
  pf_study_options o = usual();
  assert_ok(pf_study_execute(&plan, &o, &whole, &error));
  o.journal = journal;
  measured = 0;
  stop_after = 23;
  assert_int_equal(pf_study_execute(&plan, &o, &resumed, &error), PF_STOPPED);
  stop_after = 1 << 30;
  int before = measured;
  assert_int_equal(pf_study_execute(&plan, &o, &resumed, &error), PF_BAD_INPUT); /* not asked to resume */
  assert_non_null(strstr(error.message, journal));
  o.resume = true;
  assert_ok(pf_study_execute(&plan, &o, &resumed, &error));
  assert_int_equal(measured, 2 * CELLS);
  assert_true(before >= 20 && before < 2 * CELLS);
  assert_same(&whole, &resumed);
  measured = 0;
  pf_study_clear(&resumed);
  assert_ok(pf_study_execute(&plan, &o, &resumed, &error));
  assert_int_equal(measured, 0);
  assert_same(&whole, &resumed);
  pf_study_clear(&whole);
  pf_study_clear(&resumed);
  unlink(journal);
}

static long size_of(const char *path) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  fseek(file, 0, SEEK_END);
  long size = ftell(file);
  fclose(file);
  return size;
}

/* A crash may cut the journal at any byte: what is whole counts, the rest is measured again. */
static void a_journal_cut_anywhere(void **state) {
  (void)state;
  const char *journal = scratch("cut");
  pf_study whole = {0}, resumed = {0};
  pf_study_options o = usual();
  o.only = "squares";
  o.journal = journal;
  assert_ok(pf_study_execute(&plan, &o, &whole, &error));
  long size = size_of(journal);
  o.resume = true;
  for (long cut = 0; cut <= size; cut += 61) {
    assert_int_equal(truncate(journal, cut), 0);
    measured = 0;
    assert_ok(pf_study_execute(&plan, &o, &resumed, &error));
    assert_int_equal(size_of(journal), size); /* the same lines, in another order */
    assert_true(cut == size ? measured == 0 : measured > 0);
    assert_same(&whole, &resumed);
    pf_study_clear(&resumed);
  }
  pf_study_clear(&whole);
  unlink(journal);
}

static void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static void other_journals_are_refused(void **state) {
  (void)state;
  const char *journal = scratch("other");
  pf_study study = {0};
  pf_study_options o = usual();
  o.journal = journal;
  o.resume = true;
  o.only = "squares";
  assert_ok(pf_study_execute(&plan, &o, &study, &error));
  pf_study_clear(&study);
  o.seed = 2;
  assert_int_equal(pf_study_execute(&plan, &o, &study, &error), PF_BAD_INPUT);
  assert_non_null(strstr(error.message, "holds another study"));
  write_file(journal, "x1,x2\n1,2\n");
  assert_int_equal(pf_study_execute(&plan, &o, &study, &error), PF_BAD_INPUT);
  o.seed = 1;
  o.journal = "/nowhere/at/all";
  assert_int_equal(pf_study_execute(&plan, &o, &study, &error), PF_IO);
  unlink(journal);
}

/* The message names the cell; what was measured before stays. */
static void a_failing_cell(void **state) {
  (void)state;
  const char *journal = scratch("failing");
  pf_study study = {0};
  pf_study_options o = usual();
  o.journal = journal;
  o.only = "squares";
  failing = 11;
  assert_int_equal(pf_study_execute(&plan, &o, &study, &error), PF_NON_FINITE);
  assert_non_null(strstr(error.message, "squares x=12: diverged"));
  failing = -1;
  o.resume = true;
  measured = 0;
  assert_ok(pf_study_execute(&plan, &o, &study, &error));
  assert_true(measured > 0 && measured < CELLS);
  pf_study_clear(&study);
  unlink(journal);
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  pf_study study = {0};
  pf_study_options o = usual();
  o.only = "squares";
  for (int64_t k = 1;; k++) {
    pf_memory_fail_at(k);
    pf_status status = pf_study_execute(&plan, &o, &study, &error);
    pf_memory_fail_at(0);
    if (status == PF_OK) {
      assert_true(k > 10);
      pf_study_clear(&study);
      break;
    }
    assert_int_equal(status, PF_NO_MEMORY);
    assert_null(study.experiments);
  }
}

/* Every entry of every study: keys are unique, words are there, names fit. */
static void entries_are_whole(void **state) {
  (void)state;
  const pf_study_plan *p = NULL;
  for (int s = 0; (p = pf_study_plan_at(s)); s++) {
    assert_true(p->count > 0);
    for (int x = 0; x < p->count; x++) {
      const pf_experiment_plan *e = p->experiments[x];
      assert_true(e->n_values > 0 && e->n_values <= PF_STUDY_VALUES && e->n_cells > 0);
      assert_true(*e->claim && *e->source && *e->protocol && *e->band && *e->title);
      for (int i = 0; i < e->n_values; i++) assert_non_null(e->value_names[i]);
      for (int i = 0; i < e->n_cells; i++) {
        pf_cell_text a = {{0}, 0}, b = {{0}, 0};
        e->describe(i, &a);
        assert_true(*a.key && a.cost > 0);
        for (int k = 0; k < i; k++) {
          e->describe(k, &b);
          if (strcmp(a.key, b.key) == 0) fail_msg("%s %s: two cells '%s'", p->method, e->name, a.key);
        }
      }
    }
  }
  assert_true(pf_study_plan_at(-1) == NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(threads_change_nothing),     cmocka_unit_test(some_experiments),
      cmocka_unit_test(a_stopped_run_goes_on),      cmocka_unit_test(a_journal_cut_anywhere),
      cmocka_unit_test(other_journals_are_refused), cmocka_unit_test(a_failing_cell),
      cmocka_unit_test(every_allocation_may_fail),  cmocka_unit_test(entries_are_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
