/* Trainings that start from rows of a source: the same bytes for any number of threads and across any stop, where samples begin,
 * what is refused, and that the optimal coupling straightens the paths. */
#include "base/rng.h"
#include "fail_every.h"
#include "tiny_wgf.h"

enum { ROWS = 300 };

static pf_train_options tiny_matching(void) {
  pf_train_options o = tiny_options();
  o.method = "flow-matching";
  o.face = pf_train_options_default().face;
  o.trajectory_steps = 0;
  o.steps = 8;
  return o;
}

static pf_train_options matching(void) { return tiny_matching(); }
static pf_train_options matching_optimal(void) {
  pf_train_options o = tiny_matching();
  o.coupling = "optimal";
  return o;
}
static pf_train_options theory(void) {
  pf_train_options o = tiny_options();
  o.face = "theory";
  o.steps = 8;
  return o;
}
static pf_train_options theory_optimal(void) {
  pf_train_options o = theory();
  o.coupling = "optimal";
  return o;
}
static pf_train_options practical(void) {
  pf_train_options o = tiny_options();
  o.steps = 8;
  return o;
}
static pf_train_options practical_optimal(void) {
  pf_train_options o = practical();
  o.start = "data";
  o.coupling = "optimal";
  o.batch = 300; /* two lanes */
  return o;
}
static pf_train_options w1fe(void) { return tiny_wgf("w1fe"); }
static pf_train_options w2fe(void) { return tiny_wgf("w2fe"); }
static pf_train_options wgan(void) { return tiny_wgf("wgan"); }
static pf_train_options monoflow(void) { return tiny_wgf("monoflow"); }

typedef pf_train_options make_options(void);
static const struct {
  const char *name;
  make_options *options;
} variants[] = {{"flow-matching", matching},
                {"flow-matching, optimal", matching_optimal},
                {"theory", theory},
                {"theory, optimal", theory_optimal},
                {"practical", practical},
                {"practical, optimal", practical_optimal},
                {"w1fe", w1fe},
                {"w2fe", w2fe},
                {"wgan", wgan},
                {"monoflow", monoflow}};
enum { VARIANTS = sizeof variants / sizeof *variants };

static pf_status train_from(const char *from, const char *to, pf_train_options o, pf_model **out,
                            pf_error *error) {
  pf_table *source = from ? draw_table(from, ROWS) : NULL, *data = draw_table(to, ROWS);
  o.from = source;
  o.from_name = from;
  pf_status status = pf_train(data, NULL, &o, out, error);
  pf_table_free(source);
  pf_table_free(data);
  return status;
}

static pf_model *carried(const char *from, pf_train_options o) {
  pf_model *model = NULL;
  pf_error error = {0};
  must(train_from(from, "law:8gaussians", o, &model, &error), &error);
  return model;
}

static bytes carried_bytes(const char *from, pf_train_options o) {
  pf_model *model = carried(from, o);
  bytes b = model_bytes(model);
  pf_model_free(model);
  return b;
}

/* ---- the bytes ---- */

static bytes from_moons(const pf_train_options *o) { return carried_bytes("law:moons", *o); }

static void threads_never_change_the_model(void **state) {
  (void)state;
  for (int v = 0; v < VARIANTS; v++)
    expect_same_for_any_threads(variants[v].name, variants[v].options(), from_moons);
}

static bool same(bytes a, bytes b) { return a.size == b.size && memcmp(a.data, b.data, a.size) == 0; }

/* Another source, no source and another coupling are other models; noise may be coupled too. */
static void source_and_coupling_change_the_model(void **state) {
  (void)state;
  for (int v = 0; v < VARIANTS; v++) {
    pf_train_options o = variants[v].options();
    bytes moons = carried_bytes("law:moons", o), circles = carried_bytes("law:circles", o),
          noise = carried_bytes(NULL, o);
    assert_false(same(moons, circles) || same(moons, noise));
    free(moons.data);
    free(circles.data);
    free(noise.data);
  }
  for (int v = 0; v < 4; v += 2) {
    bytes a = carried_bytes(NULL, variants[v].options()), b = carried_bytes(NULL, variants[v + 1].options());
    assert_false(same(a, b));
    free(a.data);
    free(b.data);
  }
}

static void stopped_runs_end_in_the_same_bytes(void **state) {
  (void)state;
  char checkpoint[256];
  temporary_name(checkpoint, "transport_checkpoint");
  for (int v = 0; v < VARIANTS; v++)
    for (int at = 1; at <= 5; at += 4) {
      pf_train_options o = variants[v].options();
      pf_model *model = NULL;
      pf_error error = {0};
      stopper s = {.stop_at = at};
      bytes whole = carried_bytes("law:moons", o);
      o.checkpoint = checkpoint;
      o.hooks.context = &s;
      o.hooks.stop = stop_now;
      assert_int_equal(train_from("law:moons", "law:8gaussians", o, &model, &error), PF_STOPPED);
      o.resume = true;
      o.threads = 2;
      s = (stopper){.stop_at = -1};
      /* of another source's run the checkpoint is refused */
      assert_int_equal(train_from("law:circles", "law:8gaussians", o, &model, &error), PF_BAD_INPUT);
      must(train_from("law:moons", "law:8gaussians", o, &model, &error), &error);
      bytes pieces = model_bytes(model);
      expect_same_bytes(variants[v].name, whole, pieces);
      pf_model_free(model);
      free(pieces.data);
      free(whole.data);
      remove(checkpoint);
    }
}

static void a_checkpoint_knows_the_coupling(void **state) {
  (void)state;
  char checkpoint[256];
  temporary_name(checkpoint, "transport_coupling");
  pf_train_options o = matching();
  pf_model *model = NULL;
  pf_error error = {0};
  stopper s = {.stop_at = 2};
  o.checkpoint = checkpoint;
  o.hooks.context = &s;
  o.hooks.stop = stop_now;
  assert_int_equal(train_from("law:moons", "law:8gaussians", o, &model, &error), PF_STOPPED);
  o.resume = true;
  o.coupling = "optimal";
  assert_int_equal(train_from("law:moons", "law:8gaussians", o, &model, &error), PF_BAD_INPUT);
  remove(checkpoint);
}

/* ---- where samples begin ---- */

enum { N = 40 };

static void draw(const pf_model *model, int64_t first, int64_t n, int threads, bool teacher, double *out) {
  pf_sample_options o = pf_sample_options_default();
  pf_error error = {0};
  o.first = first;
  o.threads = threads;
  o.teacher = teacher;
  o.seed = 9;
  must(pf_model_sample(model, &o, n, out, &error), &error);
}

static void set(pf_model *model, const pf_table *rows, bool in_order) {
  pf_error error = {0};
  must(pf_model_set_source(model, rows, in_order, &error), &error);
}

/* In order: sample i is where row i goes, beginning anew after the last, however the range is cut; and after a file. */
static void rows_are_mapped_in_order(void **state) {
  (void)state;
  char path[256];
  temporary_name(path, "transport_model");
  for (int v = 0; v < VARIANTS; v++) {
    pf_error error = {0};
    pf_model *model = carried("law:moons", variants[v].options()), *loaded = NULL;
    double whole[2 * 3 * N], pieces[2 * 3 * N], back[2 * N];
    pf_table *rows = draw_table("law:moons", N), *reversed = NULL;
    must(pf_model_save(model, path, &error), &error);
    must(pf_model_load(path, &loaded, &error), &error);
    assert_true(pf_model_needs_source(loaded));
    set(model, rows, true);
    set(loaded, rows, true);
    draw(model, 0, 3 * N, 2, false, whole);
    draw(loaded, 0, 17, 1, false, pieces);
    draw(loaded, 17, 3 * N - 17, 5, false, pieces + 2 * 17);
    assert_memory_equal(whole, pieces, sizeof whole);
    assert_memory_equal(whole, whole + 2 * N, sizeof(double) * 2 * N);
    double turned[2 * N];
    for (int i = 0; i < N; i++)
      memcpy(turned + 2 * i, pf_table_values(rows) + 2 * (N - 1 - i), 2 * sizeof(double));
    must(pf_table_from_values(N, 2, turned, NULL, &reversed, &error), &error);
    set(model, reversed, true);
    draw(model, 0, N, 1, false, back);
    for (int i = 0; i < N; i++)
      for (int j = 0; j < 2; j++) assert_true(fabs(back[2 * i + j] - whole[2 * (N - 1 - i) + j]) < 1e-6);
    pf_table_free(rows);
    pf_table_free(reversed);
    pf_model_free(model);
    pf_model_free(loaded);
    remove(path);
  }
}

/* At random: sample i depends on seed and i alone, every sample is the image of a row, and they are not all the same. */
static void rows_are_picked_at_random(void **state) {
  (void)state;
  pf_error error = {0};
  pf_model *model = carried("law:moons", w2fe());
  double images[2 * 5], whole[2 * N], pieces[2 * N];
  pf_table *rows = draw_table("law:moons", 5);
  int times[5] = {0};
  set(model, rows, true);
  draw(model, 0, 5, 1, false, images);
  set(model, rows, false);
  draw(model, 100, N, 1, false, whole);
  draw(model, 100, 3, 1, false, pieces);
  draw(model, 103, N - 3, 2, false, pieces + 6);
  assert_memory_equal(whole, pieces, sizeof whole);
  for (int i = 0; i < N; i++) {
    int match = -1;
    for (int k = 0; k < 5; k++)
      if (fabs(images[2 * k] - whole[2 * i]) < 1e-9 && fabs(images[2 * k + 1] - whole[2 * i + 1]) < 1e-9)
        match = k;
    if (match < 0) fail_msg("sample %d is the image of no row", i);
    times[match]++;
  }
  for (int k = 0; k < 5; k++) assert_true(times[k] > 0 && times[k] < N / 2);
  /* the host program's view: the noise behind the range is those rows, and maps to the same samples */
  pf_sampler *sampler = NULL;
  float z[2 * N];
  must(pf_sampler_create(model, NULL, &sampler, &error), &error);
  pf_workspace w = {.bytes = pf_sampler_workspace_bytes(sampler)};
  w.memory = malloc(w.bytes);
  must(pf_sampler_noise(sampler, (pf_sample_range){9, 100, N}, z, &error), &error);
  must(pf_sampler_run_from_noise(sampler, z, N, pieces, w, &error), &error);
  assert_memory_equal(whole, pieces, sizeof whole);
  free(w.memory);
  pf_sampler_free(sampler);
  pf_table_free(rows);
  pf_model_free(model);
}

/* The encoder is one for both: G(z) = z + F(z) that has not moved yet leaves rows where they are, up to what F begins with. By an
 * encoder of its own the source, 100 away from the data, would begin on it. */
static void the_identity_of_encoded_rows_is_that_of_rows(void **state) {
  (void)state;
  pf_train_options o = w2fe();
  o.steps = 1;
  o.learning_rate = 1e-9;
  o.encoder = "standard";
  double values[2 * N], images[2 * N], far = 0;
  pf_error error = {0};
  pf_table *source = NULL, *data = draw_table("law:8gaussians", ROWS);
  for (int i = 0; i < 2 * N; i++)
    values[i] = 100 + 0.5 * (i % 7); /* far from the data, and on another scale */
  must(pf_table_from_values(N, 2, values, NULL, &source, &error), &error);
  o.from = source;
  pf_model *model = NULL;
  must(pf_train(data, NULL, &o, &model, &error), &error);
  set(model, source, true);
  draw(model, 0, N, 1, false, images);
  for (int i = 0; i < 2 * N; i++) far = fmax(far, fabs(images[i] - values[i]));
  if (!(far < 50)) fail_msg("rows at 100 went %g away", far);
  pf_table_free(source);
  pf_table_free(data);
  pf_model_free(model);
}

/* ---- refusals ---- */

static void wrong_sources_are_named(void **state) {
  (void)state;
  static const char *const gaussian[] = {"jko", "otflow", "cnf"};
  pf_model *model = NULL;
  pf_error error = {0};
  pf_train_options o = matching();
  assert_int_equal(train_from("law:two-mode:d=3", "law:8gaussians", o, &model, &error), PF_BAD_INPUT);
  assert_non_null(strstr(error.message, "the source has 3 columns, the data it is carried to 2"));
  for (int i = 0; i < 3; i++) {
    o.method = gaussian[i];
    assert_int_equal(train_from("law:moons", "law:8gaussians", o, &model, &error), PF_USAGE);
    assert_non_null(strstr(error.message, gaussian[i]));
    assert_non_null(strstr(error.message, "takes no source"));
  }
  const double row[] = {1, 2}, bad[] = {1, 2, NAN, 4};
  pf_table *one = NULL, *nan = NULL, *data = draw_table("law:moons", ROWS);
  must(pf_table_from_values(1, 2, row, NULL, &one, &error), &error);
  o = matching();
  o.from = one;
  assert_int_equal(pf_train(data, NULL, &o, &model, &error), PF_BAD_INPUT);
  assert_non_null(strstr(error.message, "the source"));
  assert_int_not_equal(pf_table_from_values(2, 2, bad, NULL, &nan, &error), PF_OK);
  assert_null(model);
  pf_table_free(one);
  pf_table_free(data);
}

static void wrong_couplings_are_named(void **state) {
  (void)state;
  pf_model *model = NULL;
  pf_error error = {0};
  pf_train_options o = matching();
  o.coupling = "optimall";
  assert_int_equal(train_from("law:moons", "law:8gaussians", o, &model, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "did you mean 'optimal'"));
  o.coupling = "optimal";
  o.batch = 8193;
  assert_int_equal(train_from("law:moons", "law:8gaussians", o, &model, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "batch is 8193"));
  assert_null(model);
}

static pf_model *without;
static pf_status try_sample(pf_error *error) {
  double out[2];
  return pf_model_sample(without, NULL, 1, out, error);
}
static pf_status try_sampler(pf_error *error) {
  pf_sampler *sampler = NULL;
  return pf_sampler_create(without, NULL, &sampler, error);
}
static pf_status try_evaluate(pf_error *error) {
  static pf_evaluation_set set;
  return pf_evaluate(without, NULL, "law:8gaussians", NULL, &set, error);
}
static pf_status try_transport(pf_error *error) {
  pf_transport t;
  return pf_transport_measure(without, NULL, "law:8gaussians", NULL, &t, error);
}
static pf_status try_report(pf_error *error) {
  char path[256];
  temporary_name(path, "transport_page");
  pf_status status = pf_report(without, NULL, "law:8gaussians", NULL, path, error);
  assert_int_not_equal(access(path, F_OK), 0);
  return status;
}

/* Never silently Gaussian. */
static void a_model_without_its_source_says_so(void **state) {
  (void)state;
  typedef pf_status attempt(pf_error * error);
  static attempt *const attempts[] = {try_sample, try_sampler, try_evaluate, try_transport, try_report};
  without = carried("law:moons", w2fe());
  for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
    pf_error error = {0};
    pf_status status = attempts[i](&error);
    if (status != PF_USAGE || !strstr(error.message, "rows of a source") ||
        !strstr(error.message, "law:moons"))
      fail_msg("attempt %d: %s: %s", (int)i, pf_status_name(status), error.message);
  }
  pf_error error = {0};
  pf_table *wide = draw_table("law:two-mode:d=3", 4), *rows = draw_table("law:moons", 4);
  assert_int_equal(pf_model_set_source(without, wide, true, &error), PF_BAD_INPUT);
  assert_non_null(strstr(error.message, "3 columns, the model 2"));
  assert_int_equal(try_sample(&error), PF_USAGE);
  pf_model *noise = carried(NULL, w2fe());
  assert_false(pf_model_needs_source(noise));
  assert_int_equal(pf_model_set_source(noise, rows, true, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "starts from noise"));
  pf_table_free(wide);
  pf_table_free(rows);
  pf_model_free(noise);
  pf_model_free(without);
}

/* ---- transport ---- */

enum { GAUSSIAN_ROWS = 4000 };

/* N(mean, I) in two columns. */
static pf_table *gaussian(uint32_t key, double mean) {
  static double values[2 * GAUSSIAN_ROWS];
  pf_table *table = NULL;
  pf_error error = {0};
  for (int i = 0; i < GAUSSIAN_ROWS; i++) {
    pf_rng rng = pf_rng_at(key, PF_STREAM_TEST, 0, (uint64_t)i);
    values[2 * i] = mean + pf_rng_normal(&rng);
    values[2 * i + 1] = pf_rng_normal(&rng);
  }
  must(pf_table_from_values(GAUSSIAN_ROWS, 2, values, NULL, &table, &error), &error);
  return table;
}

static pf_transport between_gaussians(const char *method, const char *coupling) {
  pf_train_options o = tiny_matching();
  pf_table *source = gaussian(1, 0), *data = gaussian(2, 3);
  pf_model *model = NULL;
  pf_error error = {0};
  pf_transport t;
  o.method = method;
  o.coupling = coupling;
  o.encoder = "standard";
  o.steps = 600;
  o.curve_points = 0;
  o.from = source;
  if (strcmp(method, "w2fe") == 0) o.steps = 60, o.persistence = 5;
  must(pf_train(data, NULL, &o, &model, &error), &error);
  set(model, source, false);
  must(pf_transport_measure(model, data, NULL, NULL, &t, &error), &error);
  assert_true(t.has_source && t.rows == 2000);
  pf_table_free(source);
  pf_table_free(data);
  pf_model_free(model);
  return t;
}

/* Between N(0, I) and N((3, 0), I) the encoder's spread of the first column is sqrt(1 + 9/4), so W2^2 is 9 / (1 + 9/4). */
static void the_optimal_coupling_straightens_paths(void **state) {
  (void)state;
  double exact = 9 / (1 + 9.0 / 4);
  pf_transport independent = between_gaussians("flow-matching", "independent"),
               optimal = between_gaussians("flow-matching", "optimal"),
               flow = between_gaussians("w2fe", NULL);
  assert_true(fabs(independent.w2 - exact) < 0.3 && optimal.w2 == independent.w2);
  assert_true(independent.floor > 0 && independent.floor < 0.1);
  if (!(optimal.energy < 0.95 * independent.energy && optimal.path_energy < 0.1))
    fail_msg("path energy %g with the optimal coupling, %g without; normalised %g", optimal.energy,
             independent.energy, optimal.path_energy);
  assert_true(fabs(optimal.cost - exact) < 0.4 && optimal.energy >= 0.999 * optimal.cost);
  assert_true(flow.energy == flow.cost); /* a one-step map has no path of its own */
  assert_true(fabs(flow.path_energy - fabs(flow.energy - flow.w2) / flow.w2) < 1e-12);
}

/* A model from noise has no transport; one with a source has it in its evaluation and on its page. */
static void evaluations_have_it(void **state) {
  (void)state;
  static pf_evaluation_set set_;
  pf_error error = {0};
  pf_evaluate_options o = pf_evaluate_options_default();
  pf_transport t = {.has_source = true};
  pf_model *noise = carried(NULL, w2fe()), *model = carried("law:moons", theory_optimal());
  pf_table *rows = draw_table("law:moons", ROWS), *few = draw_table("law:8gaussians", 60);
  o.baselines = false;
  o.pairs = 1;
  o.rows = 50;
  o.metrics = "energy";
  must(pf_transport_measure(noise, NULL, "law:8gaussians", NULL, &t, &error), &error);
  assert_false(t.has_source);
  must(pf_evaluate(noise, few, NULL, &o, &set_, &error), &error);
  assert_false(set_.transport.has_source);
  set(model, rows, false);
  must(pf_evaluate(model, few, NULL, &o, &set_, &error), &error);
  assert_true(set_.transport.has_source && set_.transport.rows == 30 && isfinite(set_.transport.path_energy));
  assert_true(isnan(set_.decomposition.velocity) && set_.decomposition.fitting > 0);
  o.train = rows; /* columns of the same names */
  must(pf_transport_measure(model, few, NULL, &o, &t, &error), &error);
  assert_int_equal(t.rows, (60 + ROWS) / 2);
  for (int threads = 1; threads <= 2; threads++) {
    pf_transport again;
    o.threads = threads;
    must(pf_transport_measure(model, few, NULL, &o, &again, &error), &error);
    assert_memory_equal(&again.energy, &t.energy, sizeof t.energy);
  }
  char path[256];
  pf_report_options page = {.evaluate = o};
  temporary_name(path, "transport_page");
  must(pf_report(model, few, NULL, &page, path, &error), &error);
  bytes b = read_bytes(path);
  b.data[b.size - 1] = 0;
  assert_non_null(strstr((char *)b.data, "normalised path energy"));
  free(b.data);
  remove(path);
  pf_table_free(rows);
  pf_table_free(few);
  pf_model_free(noise);
  pf_model_free(model);
}

/* ---- lack of memory ---- */

static pf_table *few_from, *few_to;

static pf_status train_optimal(pf_error *error) {
  pf_train_options o = theory_optimal();
  pf_model *model = NULL;
  o.steps = 2;
  o.from = few_from;
  o.curve_points = 0;
  pf_status status = pf_train(few_to, NULL, &o, &model, error);
  pf_model_free(model);
  return status;
}

static pf_status set_and_measure(pf_error *error) {
  pf_transport t;
  pf_status status = pf_model_set_source(without, few_from, true, error);
  return status == PF_OK ? pf_transport_measure(without, few_to, NULL, NULL, &t, error) : status;
}

static void lack_of_memory_is_an_error(void **state) {
  (void)state;
  few_from = draw_table("law:moons", 30);
  few_to = draw_table("law:8gaussians", 40);
  without = carried("law:moons", theory_optimal());
  fail_every(train_optimal, "training with a source", 17);
  fail_every(set_and_measure, "transport", 1);
  pf_model_free(without);
  pf_table_free(few_from);
  pf_table_free(few_to);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(threads_never_change_the_model),
      cmocka_unit_test(source_and_coupling_change_the_model),
      cmocka_unit_test(stopped_runs_end_in_the_same_bytes),
      cmocka_unit_test(a_checkpoint_knows_the_coupling),
      cmocka_unit_test(rows_are_mapped_in_order),
      cmocka_unit_test(rows_are_picked_at_random),
      cmocka_unit_test(the_identity_of_encoded_rows_is_that_of_rows),
      cmocka_unit_test(wrong_sources_are_named),
      cmocka_unit_test(wrong_couplings_are_named),
      cmocka_unit_test(a_model_without_its_source_says_so),
      cmocka_unit_test(the_optimal_coupling_straightens_paths),
      cmocka_unit_test(evaluations_have_it),
      cmocka_unit_test(lack_of_memory_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
