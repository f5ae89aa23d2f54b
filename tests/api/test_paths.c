/* Paths of samples: how many nodes, where they begin, pass and end; cuts, threads and files; refusals. */
#include "fail_every.h"
#include "model/model.h"
#include "tiny_flow.h"
#include "tiny_wgf.h"

enum { N = 300, D = 2, FIRST = 70000, MOST_NODES = 51 };

static pf_model *characteristic, *quantiles, *blocks, *plain, *moved;
static pf_table *source;

static int make_models(void **state) {
  (void)state;
  pf_train_options o = tiny_options(), flow = tiny_jko(3), wgan = tiny_wgf("wgan");
  pf_error error = {0};
  characteristic = train_on("law:moons", &o);
  blocks = train_flow("law:moons", &flow);
  plain = train_on("law:moons", &wgan);
  source = draw_table("law:8gaussians", N);
  o.encoder = "quantile";
  quantiles = train_on("law:moons", &o);
  o.encoder = "standard";
  o.from = source;
  moved = train_on("law:moons", &o);
  must(pf_model_set_source(moved, source, true, &error), &error);
  return 0;
}

static int free_models(void **state) {
  (void)state;
  pf_model *const all[] = {characteristic, quantiles, blocks, plain, moved};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) pf_model_free(all[i]);
  pf_table_free(source);
  return 0;
}

/* How a model is asked, and the nodes that this must give; a flow's steps count per block, of which there are five. */
typedef struct way {
  pf_model **model;
  int64_t steps, nodes;
  bool teacher;
  const char *solver, *precision;
} way;

static const way ways[] = {
    {&characteristic, 0, 2, false, NULL, NULL},
    {&characteristic, 5, 6, false, NULL, NULL},
    {&characteristic, 3, 4, false, NULL, "bf16"},
    {&characteristic, 7, 8, true, NULL, NULL},
    {&characteristic, 3, 4, false, "heun", NULL},
    {&characteristic, 3, 4, false, "exponential-2m", NULL},
    {&characteristic, 3, 4, false, "local-linear", NULL},
    {&quantiles, 4, 5, false, NULL, NULL},
    {&quantiles, 4, 5, false, "rk4", NULL},
    {&blocks, 2, 11, false, NULL, NULL},
    {&blocks, 10, 51, false, "midpoint", NULL},
    {&plain, 0, 2, false, NULL, NULL},
    {&moved, 3, 4, false, NULL, NULL},
    {&moved, 3, 4, true, NULL, NULL},
};
enum { WAYS = sizeof ways / sizeof *ways };

static pf_sample_options options_of(const way *w) {
  return (pf_sample_options){.steps = w->steps,
                             .teacher = w->teacher,
                             .solver = w->solver,
                             .precision = w->precision,
                             .seed = 5,
                             .first = w->model == &moved ? 0 : FIRST,
                             .threads = 2};
}

static const double *node_of(const double *paths, int64_t nodes, int64_t row, int64_t node) {
  return paths + (row * nodes + node) * D;
}

static void begins_at_the_noise_and_ends_at_the_sample(void **state) {
  (void)state;
  static double paths[N * MOST_NODES * D], want[N * D], begin[N * D];
  static float z[N * D];
  for (int i = 0; i < WAYS; i++) {
    const way *w = &ways[i];
    const pf_sample_options o = options_of(w);
    pf_error error = {0};
    int64_t nodes = 0;
    must(pf_model_path_nodes(*w->model, &o, &nodes, &error), &error);
    assert_int_equal(nodes, w->nodes);
    must(pf_model_sample(*w->model, &o, N, want, &error), &error);
    must(pf_model_sample_paths(*w->model, &o, N, paths, &error), &error);
    pf_model_prior(*w->model, o.seed, (pf_rows){o.first, N}, z);
    pf_encoder_decode((*w->model)->encoder, z, N, begin);
    for (int64_t row = 0; row < N; row++) {
      if (memcmp(node_of(paths, nodes, row, 0), begin + row * D, D * sizeof *want) != 0)
        fail_msg("way %d: row %d begins elsewhere", i, (int)row);
      if (memcmp(node_of(paths, nodes, row, nodes - 1), want + row * D, D * sizeof *want) != 0)
        fail_msg("way %d: row %d ends elsewhere", i, (int)row);
    }
  }
}

static void a_source_s_rows_are_the_first_nodes(void **state) {
  (void)state;
  static double paths[N * 2 * D];
  pf_error error = {0};
  must(pf_model_sample_paths(moved, NULL, N, paths, &error), &error);
  for (int64_t row = 0; row < N; row++)
    for (int k = 0; k < D; k++)
      assert_true(fabs(node_of(paths, 2, row, 0)[k] - pf_table_values(source)[row * D + k]) <= 1e-5);
}

/* Nodes stand where their times say: those of twice as many steps come by every one. */
static void nodes_are_in_their_order(void **state) {
  (void)state;
  static double coarse[N * MOST_NODES * D], fine[N * (2 * MOST_NODES - 1) * D];
  static const way pairs[] = {{&characteristic, 20, 21, false, "rk4", NULL},
                              {&blocks, 10, 51, false, "rk4", NULL}};
  for (int i = 0; i < 2; i++) {
    const way *w = &pairs[i];
    pf_sample_options o = options_of(w);
    pf_error error = {0};
    double worst = 0, moved_by = 0;
    must(pf_model_sample_paths(*w->model, &o, N, coarse, &error), &error);
    o.steps *= 2;
    must(pf_model_sample_paths(*w->model, &o, N, fine, &error), &error);
    for (int64_t row = 0; row < N; row++)
      for (int64_t k = 0; k < w->nodes; k++) {
        const double *a = node_of(coarse, w->nodes, row, k), *b = node_of(fine, 2 * w->nodes - 1, row, 2 * k);
        worst = fmax(worst, fmax(fabs(a[0] - b[0]), fabs(a[1] - b[1])));
        if (k > 0) moved_by = fmax(moved_by, fabs(a[0] - node_of(coarse, w->nodes, row, k - 1)[0]));
      }
    if (!(worst <= 1e-3 && moved_by > 10 * worst)) fail_msg("pair %d: %g, steps of %g", i, worst, moved_by);
  }
}

static void cuts_and_threads_do_not_matter(void **state) {
  (void)state;
  static const int64_t cuts[] = {0, 1, 130, 256, N};
  static double whole[N * MOST_NODES * D], pieces[N * MOST_NODES * D];
  for (int i = 0; i < WAYS; i++) {
    const way *w = &ways[i];
    pf_sample_options o = options_of(w);
    const int64_t first = o.first, values = w->nodes * D;
    pf_error error = {0};
    must(pf_model_sample_paths(*w->model, &o, N, whole, &error), &error);
    o.threads = 1;
    for (int c = 0; c < 4; c++) {
      o.first = first + cuts[c];
      must(pf_model_sample_paths(*w->model, &o, cuts[c + 1] - cuts[c], pieces + cuts[c] * values, &error),
           &error);
    }
    if (memcmp(whole, pieces, (size_t)(N * values) * sizeof *whole) != 0) fail_msg("way %d", i);
  }
}

/* ---- files ---- */

/* More values than one piece of the writer. */
static void a_file_holds_the_paths(void **state) {
  (void)state;
  enum { STEPS = 2000 };
  const pf_sample_options o = {.steps = STEPS, .teacher = true, .seed = 5, .first = FIRST};
  const size_t values = (size_t)N * (STEPS + 1) * D;
  double *want = malloc(values * sizeof *want);
  char path[256];
  pf_error error = {0};
  temporary_name(path, "paths");
  must(pf_model_sample_paths(characteristic, &o, N, want, &error), &error);
  must(pf_model_write_paths(characteristic, &o, N, path, NULL, &error), &error);
  bytes file = read_bytes(path);
  const size_t head = 10 + (size_t)file.data[8] + 256 * (size_t)file.data[9];
  assert_int_equal(file.size, head + values * sizeof *want);
  file.data[head - 1] = 0;
  assert_non_null(strstr((char *)file.data + 10, "(300, 2001, 2)"));
  assert_non_null(strstr((char *)file.data + 10, "'<f8'"));
  assert_memory_equal(file.data + head, want, values * sizeof *want);
  free(file.data);
  free(want);
  remove(path);
}

/* ---- refusals ---- */

static void expect(pf_status got, pf_status want, const pf_error *error, const char *word) {
  if (got != want || error->status != want || !strstr(error->message, word))
    fail_msg("'%s' expected, got %s '%s'", word, pf_status_name(got), error->message);
}

static bool stop_at_once(void *context) {
  (void)context;
  return true;
}

static void what_has_no_nodes_is_refused(void **state) {
  (void)state;
  double out[8 * D] = {0};
  const double zero[8 * D] = {0};
  int64_t nodes = -1;
  pf_error error = {0};
  const pf_sample_options adaptive = {.solver = "dopri5"}, steps = {.steps = 3}, teacher = {.teacher = true};
  const pf_model *const adaptable[] = {characteristic, blocks};
  for (int i = 0; i < 2; i++) {
    expect(pf_model_path_nodes(adaptable[i], &adaptive, &nodes, &error), PF_USAGE, &error, "dopri5");
    expect(pf_model_sample_paths(adaptable[i], &adaptive, 1, out, &error), PF_USAGE, &error, "dopri5");
  }
  expect(pf_model_path_nodes(plain, &steps, &nodes, &error), PF_USAGE, &error, "steps is 3");
  expect(pf_model_path_nodes(plain, &teacher, &nodes, &error), PF_USAGE, &error, "no velocity");
  expect(pf_model_sample_paths(characteristic, NULL, -1, out, &error), PF_USAGE, &error, "-1");
  expect(pf_model_sample_paths(characteristic, NULL, 1, NULL, &error), PF_USAGE, &error, "output");
  assert_int_equal(nodes, -1);
  assert_memory_equal(out, zero, sizeof out);
}

static void no_file_is_left_of_a_failure(void **state) {
  (void)state;
  const pf_hooks hooks = {.stop = stop_at_once};
  const pf_sample_options adaptive = {.solver = "dopri5"};
  char path[256];
  pf_error error = {0};
  temporary_name(path, "no_paths");
  expect(pf_model_write_paths(characteristic, NULL, 0, path, NULL, &error), PF_USAGE, &error, "is 0");
  expect(pf_model_write_paths(characteristic, NULL, 5, NULL, NULL, &error), PF_USAGE, &error, "file");
  expect(pf_model_write_paths(characteristic, &adaptive, 5, path, NULL, &error), PF_USAGE, &error, "dopri5");
  expect(pf_model_write_paths(characteristic, NULL, 5, path, &hooks, &error), PF_STOPPED, &error, "stopped");
  expect(pf_model_write_paths(characteristic, NULL, 5, "/nowhere/paths.npy", NULL, &error), PF_IO, &error,
         "/nowhere");
  assert_int_equal(access(path, F_OK), -1);
}

static char file_of_three[256];

static pf_status write_three(pf_error *error) {
  const pf_sample_options o = {.steps = 3, .solver = "heun"};
  remove(file_of_three);
  pf_status status = pf_model_write_paths(characteristic, &o, 3, file_of_three, NULL, error);
  assert_int_equal(access(file_of_three, F_OK), status == PF_OK ? 0 : -1);
  return status;
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  temporary_name(file_of_three, "three_paths");
  fail_every(write_three, "pf_model_write_paths", 1);
  remove(file_of_three);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(begins_at_the_noise_and_ends_at_the_sample),
      cmocka_unit_test(a_source_s_rows_are_the_first_nodes),
      cmocka_unit_test(nodes_are_in_their_order),
      cmocka_unit_test(cuts_and_threads_do_not_matter),
      cmocka_unit_test(a_file_holds_the_paths),
      cmocka_unit_test(what_has_no_nodes_is_refused),
      cmocka_unit_test(no_file_is_left_of_a_failure),
      cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, make_models, free_models);
}
