/* What a trained flow says: densities that integrate to one and move with the data, inverses, samples, files; and lack of
 * memory anywhere on the way. */
#include "tiny_flow.h"

/* ---- the whole plane ---- */

/* Trapezoids over [-reach, reach]^2 around the data: the density is smooth and far from the edge negligible. */
static double integral_of_density(const pf_model *model, double centre, double reach) {
  enum { GRID = 221 };
  double *cells = malloc(GRID * GRID * 2 * sizeof *cells), *l = malloc(GRID * GRID * sizeof *l), sum = 0;
  double h = 2 * reach / (GRID - 1);
  pf_table *table = NULL;
  pf_error error = {0};
  static const char *const names[] = {"x1", "x2"};
  for (int i = 0; i < GRID; i++)
    for (int j = 0; j < GRID; j++) {
      cells[2 * (i * GRID + j)] = centre - reach + i * h;
      cells[2 * (i * GRID + j) + 1] = centre - reach + j * h;
    }
  must(pf_table_from_values(GRID * GRID, 2, cells, names, &table, &error), &error);
  must(pf_model_log_density(model, NULL, table, l, &error), &error);
  for (int i = 0; i < GRID * GRID; i++) sum += exp(l[i]) * h * h;
  pf_table_free(table);
  free(cells);
  free(l);
  return sum;
}

static double mean_log_density(const pf_model *model, const pf_table *rows) {
  int64_t n = pf_table_rows(rows);
  double *l = malloc((size_t)n * sizeof *l), sum = 0;
  pf_error error = {0};
  must(pf_model_log_density(model, NULL, rows, l, &error), &error);
  for (int64_t i = 0; i < n; i++) sum += l[i] / (double)n;
  free(l);
  return sum;
}

typedef struct overheard {
  int times;
} overheard;

static void overhear(void *context, pf_log_level level, const char *message) {
  overheard *o = context;
  (void)level;
  if (strstr(message, "hangs on the steps")) o->times++;
}

/* One step of a large rate learns to bend between its stages: the training notices, and what it ends with does not. */
static void likelihood_is_no_artefact_of_the_steps(void **state) {
  (void)state;
  enum { ROWS = 2000 };
  pf_train_options o = pf_train_options_default();
  overheard ears = {0};
  pf_table *rows = draw_table("law:2spirals", ROWS);
  pf_model *model = NULL;
  pf_error error = {0};
  pf_density_options fine = pf_density_options_default();
  double *l = malloc(ROWS * sizeof *l), own = 0, sum = 0;
  o.method = "jko";
  o.blocks = 1;
  o.no_free_block = true;
  o.step_size = 100;
  o.ode_steps = 1;
  o.jitter = 0;
  o.learning_rate = 0.02;
  o.width = 32;
  o.depth = 2;
  o.batch = 128;
  o.steps = 800;
  o.hooks.context = &ears;
  o.hooks.log = overhear;
  must(pf_train(rows, NULL, &o, &model, &error), &error);
  assert_true(ears.times >= 1);
  own = mean_log_density(model, rows);
  fine.steps = 64;
  must(pf_model_log_density(model, &fine, rows, l, &error), &error);
  for (int i = 0; i < ROWS; i++) sum += l[i] / ROWS;
  if (!(fabs(sum - own) < 0.02)) fail_msg("mean log density %.4f at the flow's steps, %.4f at 64", own, sum);
  free(l);
  pf_table_free(rows);
  pf_model_free(model);
}

/* Held-out rows at many steps do not improve while training bends the field between its few: that is noticed too. */
static void training_steps_are_not_fooled_for_long(void **state) {
  (void)state;
  pf_train_options o = pf_train_options_default();
  overheard ears = {0};
  pf_table *rows = draw_table("law:2spirals", 2000);
  pf_model *model = NULL;
  pf_error error = {0};
  o.method = "jko";
  o.blocks = 1;
  o.no_free_block = true;
  o.step_size = 100;
  o.ode_steps = 1;
  o.test_ode_steps = 32; /* resolves whatever it learns: no improvement hangs on it */
  o.jitter = 0;
  o.learning_rate = 0.02;
  o.width = 32;
  o.depth = 2;
  o.batch = 128;
  o.steps = 800;
  o.hooks.context = &ears;
  o.hooks.log = overhear;
  must(pf_train(rows, NULL, &o, &model, &error), &error);
  assert_true(ears.times >= 1);
  pf_table_free(rows);
  pf_model_free(model);
}

/* A short training: a law is far from learned, but what stands in its place is a law. */
static void densities_integrate_to_one(void **state) {
  (void)state;
  static const struct {
    const char *law, *method;
    int64_t steps;
  } cases[] = {{"law:moons", "jko", 90}, {"law:swissroll", "otflow", 60}, {"law:8gaussians", "cnf", 60}};
  for (int i = 0; i < 3; i++) {
    pf_train_options o = pf_train_options_default();
    pf_table *rows = draw_table(cases[i].law, 2000);
    pf_model *model = NULL;
    pf_error error = {0};
    o.method = cases[i].method;
    o.steps = cases[i].steps;
    o.width = 16;
    o.depth = i == 1 ? 1 : 2;
    o.batch = 256;
    o.blocks = i == 0 ? 2 : PF_METHOD_DEFAULT;
    o.ode_steps = 3;
    o.test_ode_steps = 6;
    must(pf_train(rows, NULL, &o, &model, &error), &error);
    const double *values = pf_table_values(rows);
    double spread = 0;
    for (int k = 0; k < 4000; k++) spread = fmax(spread, fabs(values[k]));
    double sum = integral_of_density(model, 0, 3 * spread);
    if (!(fabs(sum - 1) <= 1e-3)) fail_msg("%s: the density integrates to %g", cases[i].law, sum);
    pf_table_free(rows);
    pf_model_free(model);
  }
}

/* Likelihood training gains likelihood, with the sign it should have. */
static void training_raises_the_likelihood(void **state) {
  (void)state;
  static const char *const methods[] = {"jko", "otflow", "cnf"};
  pf_table *rows = draw_table("law:moons", 2000);
  for (int i = 0; i < 3; i++) {
    double mean[2];
    for (int longer = 0; longer < 2; longer++) {
      pf_train_options o = tiny_flow(methods[i]);
      pf_model *model = NULL;
      pf_error error = {0};
      o.width = 16;
      o.batch = 256;
      o.ode_steps = 2;
      o.steps = longer ? 250 : 2;
      o.blocks = i == 0 ? 1 : PF_METHOD_DEFAULT;
      must(pf_train(rows, NULL, &o, &model, &error), &error);
      mean[longer] = mean_log_density(model, rows);
      pf_model_free(model);
    }
    if (!(mean[1] > mean[0] + 0.15))
      fail_msg("%s: mean log p went from %g to %g", methods[i], mean[0], mean[1]);
  }
  pf_table_free(rows);
}

/* ---- other units ---- */

/* scale * x + shift: powers of two, so that the encoder sees the very same rows. */
static pf_table *moved_table(const pf_table *table, double scale, double shift) {
  int64_t n = pf_table_rows(table) * pf_table_columns(table);
  double *cells = malloc((size_t)n * sizeof *cells);
  pf_table *out = NULL;
  pf_error error = {0};
  static const char *const names[] = {"x1", "x2"};
  for (int64_t i = 0; i < n; i++) cells[i] = scale * pf_table_values(table)[i] + shift;
  must(pf_table_from_values(pf_table_rows(table), pf_table_columns(table), cells, names, &out, &error),
       &error);
  free(cells);
  return out;
}

static void densities_move_with_the_data(void **state) {
  (void)state;
  static const char *const methods[] = {"jko", "otflow", "cnf"};
  enum { N = 300 };
  pf_table *rows = draw_table("law:moons", N), *moved = moved_table(rows, 8, 0),
           *shifted = moved_table(rows, 4, 1000);
  for (int i = 0; i < 3; i++) {
    pf_train_options o = tiny_flow(methods[i]);
    pf_model *here = NULL, *there = NULL, *far = NULL;
    pf_error error = {0};
    double l[N], m[N], s[N];
    o.blocks = i == 0 ? 1 : PF_METHOD_DEFAULT;
    o.steps = 20;
    must(pf_train(rows, NULL, &o, &here, &error), &error);
    must(pf_train(moved, NULL, &o, &there, &error), &error);
    must(pf_train(shifted, NULL, &o, &far, &error), &error);
    must(pf_model_log_density(here, NULL, rows, l, &error), &error);
    must(pf_model_log_density(there, NULL, moved, m, &error), &error);
    must(pf_model_log_density(far, NULL, shifted, s, &error), &error);
    for (int k = 0; k < N; k++) {
      if (!(fabs(m[k] - (l[k] - 2 * log(8))) <= 1e-12 * fabs(l[k])))
        fail_msg("%s: row %d has log p %.15g, scaled by 8 %.15g", methods[i], k, l[k], m[k]);
      if (!(fabs(s[k] - (l[k] - 2 * log(4))) <= 1e-3))
        fail_msg("%s: row %d has log p %.15g, scaled by 4 and shifted %.15g", methods[i], k, l[k], s[k]);
    }
    pf_model_free(here);
    pf_model_free(there);
    pf_model_free(far);
  }
  pf_table_free(rows);
  pf_table_free(moved);
  pf_table_free(shifted);
}

/* ---- a trained flow, used ---- */

enum { METHODS = 3 };
static const char *const methods[METHODS] = {"jko", "otflow", "cnf"};
static pf_model *models[METHODS];
static pf_table *rows;

static int set_up(void **state) {
  (void)state;
  rows = draw_table("law:moons", TINY_ROWS);
  for (int i = 0; i < METHODS; i++) {
    pf_train_options o = tiny_flow(methods[i]);
    o.blocks = i == 0 ? 2 : PF_METHOD_DEFAULT;
    o.steps = 60;
    o.ode_steps = 3;
    models[i] = train_flow("law:moons", &o);
  }
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  for (int i = 0; i < METHODS; i++) pf_model_free(models[i]);
  pf_table_free(rows);
  return 0;
}

static double largest_gap(const pf_table *a, const pf_table *b) {
  double gap = 0;
  for (int64_t i = 0; i < pf_table_rows(a) * pf_table_columns(a); i++) {
    double e = fabs(pf_table_values(a)[i] - pf_table_values(b)[i]);
    if (!(e <= gap)) gap = e;
  }
  return gap;
}

/* log p = log N(z) + log |det|, and rows come back from their noise. */
static void encoding_and_decoding_are_inverse(void **state) {
  (void)state;
  for (int i = 0; i < METHODS; i++)
    for (int adaptive = 0; adaptive < 2; adaptive++) {
      pf_density_options o = pf_density_options_default();
      pf_table *noise = NULL, *back = NULL;
      pf_error error = {0};
      o.steps = 16;
      o.tolerance = adaptive ? 1e-6 : 0;
      must(pf_model_encode(models[i], &o, rows, &noise, &error), &error);
      assert_string_equal(pf_table_column_name(noise, 0), "z1");
      assert_string_equal(pf_table_column_name(noise, 1), "z2");
      must(pf_model_decode(models[i], &o, noise, &back, &error), &error);
      assert_string_equal(pf_table_column_name(back, 1), "x2");
      assert_true(largest_gap(rows, back) < 2e-5);
      assert_true(largest_gap(rows, noise) > 0.1);
      pf_table_free(noise);
      pf_table_free(back);
    }
}

static void threads_and_batches_never_change_a_density(void **state) {
  (void)state;
  double one[TINY_ROWS], other[TINY_ROWS];
  for (int i = 0; i < METHODS; i++) {
    pf_density_options o = {.threads = 1, .seed = 1};
    pf_error error = {0};
    must(pf_model_log_density(models[i], &o, rows, one, &error), &error);
    for (int threads = 2; threads <= 5; threads += 3) {
      o.threads = threads;
      must(pf_model_log_density(models[i], &o, rows, other, &error), &error);
      assert_memory_equal(one, other, sizeof one);
    }
    for (int k = 0; k < TINY_ROWS; k += 57) {
      pf_table *single = NULL;
      static const char *const names[] = {"x1", "x2"};
      double l;
      must(pf_table_from_values(1, 2, pf_table_values(rows) + 2 * k, names, &single, &error), &error);
      must(pf_model_log_density(models[i], NULL, single, &l, &error), &error);
      assert_true(l == one[k]);
      pf_table_free(single);
    }
    double fine[TINY_ROWS], adaptive[TINY_ROWS];
    o.steps = 30;
    must(pf_model_log_density(models[i], &o, rows, fine, &error), &error);
    o.tolerance = 1e-5;
    must(pf_model_log_density(models[i], &o, rows, adaptive, &error), &error);
    for (int k = 0; k < TINY_ROWS; k++) {
      assert_true(fabs(fine[k] - adaptive[k]) < 1e-3);
      assert_true(fabs(fine[k] - one[k]) < 5e-2);
    }
  }
}

static void saved_and_loaded_flows_say_the_same(void **state) {
  (void)state;
  double before[TINY_ROWS], after[TINY_ROWS], drawn[200], again[200];
  for (int i = 0; i < METHODS; i++) {
    pf_model *loaded = NULL;
    pf_error error = {0};
    char path[256];
    temporary_name(path, "flow_model");
    must(pf_model_save(models[i], path, &error), &error);
    must(pf_model_load(path, &loaded, &error), &error);
    remove(path);
    must(pf_model_log_density(models[i], NULL, rows, before, &error), &error);
    must(pf_model_log_density(loaded, NULL, rows, after, &error), &error);
    assert_memory_equal(before, after, sizeof before);
    must(pf_model_sample(models[i], NULL, 100, drawn, &error), &error);
    must(pf_model_sample(loaded, NULL, 100, again, &error), &error);
    assert_memory_equal(drawn, again, sizeof drawn);
    bytes a = model_bytes(models[i]), b = model_bytes(loaded);
    expect_same_bytes(methods[i], a, b);
    free(a.data);
    free(b.data);
    pf_model_free(loaded);
  }
}

/* A cut file is refused, wherever it is cut; so is one with a changed byte. */
static void damaged_files_are_refused(void **state) {
  (void)state;
  char path[256];
  temporary_name(path, "flow_cut");
  for (int i = 0; i < METHODS; i++) {
    bytes b = model_bytes(models[i]);
    for (size_t cut = 0; cut < b.size; cut += cut < 64 ? 1 : 1 + b.size / 120) {
      pf_model *model = NULL;
      pf_error error = {0};
      write_bytes(path, b.data, cut);
      pf_status status = pf_model_load(path, &model, &error);
      if (status != PF_BAD_INPUT)
        fail_msg("%s cut to %d bytes: %s", methods[i], (int)cut, pf_status_name(status));
      assert_null(model);
    }
    for (size_t at = 8; at < b.size; at += 1 + b.size / 60) {
      pf_model *model = NULL;
      pf_error error = {0};
      b.data[at] ^= 1;
      write_bytes(path, b.data, b.size);
      b.data[at] ^= 1;
      assert_int_equal(pf_model_load(path, &model, &error), PF_BAD_INPUT);
      assert_null(model);
    }
    free(b.data);
  }
  remove(path);
}

/* steps 0 is the flow's own number; a sample is the inverse of its noise. */
static void samples_take_the_flows_own_steps(void **state) {
  (void)state;
  enum { N = 300 };
  double own[2 * N], named[2 * N], other[2 * N], teacher[2 * N];
  float z[2 * N];
  for (int i = 0; i < METHODS; i++) {
    pf_sample_options o = pf_sample_options_default();
    pf_error error = {0};
    must(pf_model_sample(models[i], &o, N, own, &error), &error);
    o.steps = 6; /* twice the training's */
    must(pf_model_sample(models[i], &o, N, named, &error), &error);
    assert_memory_equal(own, named, sizeof own);
    o.teacher = true; /* there is only the flow */
    must(pf_model_sample(models[i], &o, N, teacher, &error), &error);
    assert_memory_equal(own, teacher, sizeof own);
    o.teacher = false;
    o.steps = 1;
    must(pf_model_sample(models[i], &o, N, other, &error), &error);
    assert_memory_not_equal(own, other, sizeof own);
    o.steps = 1001;
    assert_int_equal(pf_model_sample(models[i], &o, N, other, &error), PF_USAGE);
    assert_non_null(strstr(error.message, "steps is 1001"));
    o.steps = 1;
    o.precision = "bf16";
    assert_int_equal(pf_model_sample(models[i], &o, N, other, &error), PF_USAGE);
    pf_sampler *sampler = NULL;
    must(pf_sampler_create(models[i], NULL, &sampler, &error), &error);
    must(pf_sampler_noise(sampler, (pf_sample_range){.seed = 1, .n = N}, z, &error), &error);
    double noise[2 * N];
    for (int k = 0; k < 2 * N; k++) noise[k] = z[k];
    pf_table *table = NULL, *back = NULL;
    must(pf_table_from_values(N, 2, noise, NULL, &table, &error), &error);
    must(pf_model_decode(models[i], NULL, table, &back, &error), &error);
    assert_memory_equal(pf_table_values(back), own, sizeof own);
    pf_table_free(table);
    pf_table_free(back);
    pf_sampler_free(sampler);
  }
}

/* ---- refusals ---- */

static void wrong_questions_are_refused(void **state) {
  (void)state;
  pf_error error = {0};
  pf_train_options o = tiny_options();
  o.steps = 4;
  pf_model *other = train_on("law:moons", &o);
  double l[TINY_ROWS] = {[0] = 7}, cells[6] = {0};
  pf_table *out = NULL, *wide = NULL, *renamed = NULL;
  static const char *const names[] = {"x1", "y"};
  must(pf_table_from_values(2, 3, cells, NULL, &wide, &error), &error);
  must(pf_table_from_values(3, 2, cells, names, &renamed, &error), &error);
  assert_int_equal(pf_model_log_density(other, NULL, rows, l, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "no density"));
  assert_int_equal(pf_model_encode(other, NULL, rows, &out, &error), PF_USAGE);
  assert_int_equal(pf_model_decode(other, NULL, rows, &out, &error), PF_USAGE);
  assert_int_equal(pf_model_log_density(models[0], NULL, wide, l, &error), PF_BAD_INPUT);
  assert_non_null(strstr(error.message, "3 columns"));
  assert_int_equal(pf_model_encode(models[0], NULL, renamed, &out, &error), PF_BAD_INPUT);
  assert_non_null(strstr(error.message, "'y'"));
  assert_int_equal(pf_model_decode(models[0], NULL, wide, &out, &error), PF_BAD_INPUT);
  for (int i = 0; i < 5; i++) {
    pf_density_options d = pf_density_options_default();
    if (i == 0) d.steps = 1001;
    if (i == 1) d.steps = -1;
    if (i == 2) d.tolerance = 1;
    if (i == 3) d.tolerance = NAN;
    if (i == 4) d.threads = -1;
    assert_int_equal(pf_model_log_density(models[1], &d, rows, l, &error), PF_USAGE);
    assert_int_equal(pf_model_encode(models[1], &d, rows, &out, &error), PF_USAGE);
    assert_int_equal(pf_model_decode(models[1], &d, rows, &out, &error), PF_USAGE);
  }
  assert_null(out);
  assert_true(l[0] == 7);
  pf_table_free(wide);
  pf_table_free(renamed);
  pf_model_free(other);
}

/* ---- one column ---- */

static void one_column_is_enough(void **state) {
  (void)state;
  enum { N = 400, GRID = 2001 };
  double cells[N], grid[GRID], l[GRID];
  pf_table *table = NULL, *line = NULL;
  pf_error error = {0};
  for (int i = 0; i < N; i++) cells[i] = 3 + 2 * sin(i) + (i % 2 ? 4 : -4);
  for (int i = 0; i < GRID; i++) grid[i] = -40 + 0.043 * i;
  must(pf_table_from_values(N, 1, cells, NULL, &table, &error), &error);
  must(pf_table_from_values(GRID, 1, grid, NULL, &line, &error), &error);
  for (int i = 0; i < METHODS; i++) {
    pf_train_options o = tiny_flow(methods[i]);
    pf_model *model = NULL;
    double sum = 0, sample[100];
    o.blocks = i == 0 ? 2 : PF_METHOD_DEFAULT;
    o.ode_steps = 4;
    o.steps = 40;
    must(pf_train(table, NULL, &o, &model, &error), &error);
    must(pf_model_log_density(model, NULL, line, l, &error), &error);
    for (int k = 0; k < GRID; k++) sum += exp(l[k]) * 0.043;
    if (!(fabs(sum - 1) < 1e-3)) fail_msg("%s: %g", methods[i], sum);
    must(pf_model_sample(model, NULL, 100, sample, &error), &error);
    pf_model_free(model);
  }
  pf_table_free(table);
  pf_table_free(line);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(densities_integrate_to_one),
      cmocka_unit_test(likelihood_is_no_artefact_of_the_steps),
      cmocka_unit_test(training_steps_are_not_fooled_for_long),
      cmocka_unit_test(training_raises_the_likelihood),
      cmocka_unit_test(densities_move_with_the_data),
      cmocka_unit_test(encoding_and_decoding_are_inverse),
      cmocka_unit_test(threads_and_batches_never_change_a_density),
      cmocka_unit_test(saved_and_loaded_flows_say_the_same),
      cmocka_unit_test(damaged_files_are_refused),
      cmocka_unit_test(samples_take_the_flows_own_steps),
      cmocka_unit_test(wrong_questions_are_refused),
      cmocka_unit_test(one_column_is_enough),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
