/* Coupled batches against the graph's own draws and against all permutations. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "exec/exec.h"
#include "base/rng.h"
#include "methods/characteristic.h"

enum { D = 3, B = 7, ROWS = 11, SOURCE = 5, STAGE = 2, ITEMS = B * D };

static void must(pf_status status, const pf_error *error) {
  if (status != PF_OK) fail_msg("%s: %s", pf_status_name(status), error->message);
}

typedef struct fixture {
  float data[ROWS * D], source[SOURCE * D];
  pf_training training;
  pf_coupled_batch batch;
} fixture;

static void open_fixture(fixture *f, bool source) {
  pf_error error = {0};
  memset(f, 0, sizeof *f);
  pf_fill_normal_f32(1, PF_STREAM_TEST, 0, 0, ROWS, D, f->data);
  pf_fill_normal_f32(2, PF_STREAM_TEST, 0, 0, SOURCE, D, f->source);
  f->training = (pf_training){.n = ROWS, .d = D, .seed = 8, .encoded = f->data};
  if (source) {
    f->training.source_n = SOURCE;
    f->training.source_encoded = f->source;
  }
  must(pf_coupled_batch_open(&f->training, B, STAGE, &f->batch, &error), &error);
}

/* What the two ends of an independent batch are in a graph: B x D each. */
static void independent_ends(const fixture *f, uint64_t step, double *x0, double *x1) {
  pf_graph *graph = NULL;
  pf_error error = {0};
  double data[ROWS * D], source[SOURCE * D];
  const double *inputs[] = {data, source};
  for (int i = 0; i < ROWS * D; i++) data[i] = f->data[i];
  for (int i = 0; i < SOURCE * D; i++) source[i] = f->source[i];
  must(pf_graph_create(&graph, &error), &error);
  pf_node rows = pf_input(graph, 0, PF_SHAPE(PF_SHARED, ROWS, D)),
          others = pf_input(graph, 1, PF_SHAPE(PF_SHARED, SOURCE, D));
  pf_node ends[] = {f->training.source_n ? pf_gather(others, pf_index(graph, PF_STREAM_X0, SOURCE))
                                         : pf_normal(graph, PF_STREAM_X0, D),
                    pf_gather(rows, pf_index(graph, PF_STREAM_X1, ROWS))};
  pf_ref_run run = {
      .inputs = inputs, .seed = f->training.seed ^ ((uint64_t)STAGE << 48), .step = step, .rows = B};
  double *out[] = {x0, x1};
  must(pf_ref_evaluate(graph, ends, 2, &run, out, &error), &error);
  pf_graph_free(graph);
}

static double cost_of(const double *x0, const double *x1, const int *order) {
  double sum = 0;
  for (int i = 0; i < B; i++)
    for (int j = 0; j < D; j++) {
      double e = x0[i * D + j] - x1[order[i] * D + j];
      sum += e * e;
    }
  return sum;
}

/* The least cost over all orders, by trying them. */
static double least_cost(const double *x0, const double *x1, int *order, int fixed) {
  if (fixed == B) return cost_of(x0, x1, order);
  double best = INFINITY;
  for (int k = fixed; k < B; k++) {
    int swap = order[fixed];
    order[fixed] = order[k];
    order[k] = swap;
    best = fmin(best, least_cost(x0, x1, order, fixed + 1));
    swap = order[fixed];
    order[fixed] = order[k];
    order[k] = swap;
  }
  return best;
}

/* Every x1 of the independent batch comes once. */
static void expect_permutation(const float *got, const double *want) {
  bool taken[B] = {false};
  for (int i = 0; i < B; i++) {
    int match = -1;
    for (int k = 0; k < B && match < 0; k++) {
      bool equal = !taken[k];
      for (int j = 0; j < D; j++) equal = equal && got[i * D + j] == (float)want[k * D + j];
      if (equal) match = k;
    }
    if (match < 0) fail_msg("row %d is none of the batch's", i);
    taken[match] = true;
  }
}

static void a_batch_is_matched_at_least_cost(void **state) {
  (void)state;
  int moved = 0;
  for (int source = 0; source < 2; source++)
    for (int64_t step = 1; step <= 4; step++) {
      fixture f;
      pf_error error = {0};
      double x0[ITEMS], x1[ITEMS], matched[ITEMS];
      int order[B], same[B];
      open_fixture(&f, source);
      must(pf_coupled_batch_draw(&f.batch, step, &error), &error);
      independent_ends(&f, (uint64_t)step, x0, x1);
      for (int i = 0; i < ITEMS; i++) {
        assert_true(f.batch.x0[i] == (float)x0[i]);
        moved += f.batch.x1[i] != (float)x1[i];
        matched[i] = f.batch.x1[i];
      }
      expect_permutation(f.batch.x1, x1);
      for (int i = 0; i < B; i++) order[i] = same[i] = i;
      double least = least_cost(x0, x1, order, 0), got = cost_of(x0, matched, same);
      if (!(fabs(got - least) <= 1e-5 * least)) fail_msg("cost %g, the least is %g", got, least);
      pf_coupled_batch_free(&f.batch);
    }
  assert_true(moved > 0);
}

/* A function of the step alone: what was drawn before does not matter. */
static void a_batch_repeats(void **state) {
  (void)state;
  fixture f;
  pf_error error = {0};
  float first[ITEMS];
  open_fixture(&f, true);
  must(pf_coupled_batch_draw(&f.batch, 3, &error), &error);
  memcpy(first, f.batch.x1, sizeof first);
  must(pf_coupled_batch_draw(&f.batch, 4, &error), &error);
  assert_memory_not_equal(first, f.batch.x1, sizeof first);
  must(pf_coupled_batch_draw(&f.batch, 3, &error), &error);
  assert_memory_equal(first, f.batch.x1, sizeof first);
  pf_coupled_batch_free(&f.batch);
}

static void rows_without_end_are_an_error(void **state) {
  (void)state;
  fixture f;
  pf_error error = {0};
  open_fixture(&f, true);
  for (int i = 0; i < SOURCE * D; i++) f.source[i] = INFINITY;
  assert_int_equal(pf_coupled_batch_draw(&f.batch, 1, &error), PF_NON_FINITE);
  pf_coupled_batch_free(&f.batch);
  assert_int_equal(pf_coupled_batch_open(&f.training, 8193, STAGE, &f.batch, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "batch is 8193"));
  pf_coupled_batch_free(&f.batch);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_batch_is_matched_at_least_cost),
      cmocka_unit_test(a_batch_repeats),
      cmocka_unit_test(rows_without_end_are_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
