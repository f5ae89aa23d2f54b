/* Training from end to end: the same bytes for any number of threads and across any stop, sampling in any cut. */
#include "tiny_train.h"

static void no_faults(pf_train_options *o) { (void)o; }
static void theory(pf_train_options *o) { o->face = "theory"; }
static void theory_semigroup(pf_train_options *o) {
  o->face = "theory";
  o->semigroup = 0.5;
  o->interpolant = "linear";
}
static void practical_data(pf_train_options *o) { o->start = "data"; }
static void follmer(pf_train_options *o) { o->interpolant = "follmer"; }
static void flow_matching(pf_train_options *o) {
  const pf_train_options usual = pf_train_options_default();
  o->method = "flow-matching";
  o->face = usual.face; /* there is no generator to have one */
  o->trajectory_steps = usual.trajectory_steps;
}
static void large_batch(pf_train_options *o) {
  o->batch = 1000; /* seven lanes of unequal length */
  o->steps = 20;
}

typedef void change_options(pf_train_options *o);
typedef struct variant {
  const char *name;
  change_options *change;
} variant;
static const variant variants[] = {{"practical", no_faults},
                                   {"theory", theory},
                                   {"semigroup", theory_semigroup},
                                   {"practical, data", practical_data},
                                   {"follmer", follmer},
                                   {"flow matching", flow_matching},
                                   {"large batch", large_batch}};
enum { VARIANTS = sizeof variants / sizeof *variants };

static void threads_never_change_the_model(void **state) {
  (void)state;
  static const int others[] = {5, 2};
  for (int v = 0; v < VARIANTS; v++) {
    pf_train_options o = tiny_options();
    variants[v].change(&o);
    o.threads = 1;
    bytes one = trained_bytes(&o);
    for (int i = 0; i < (v == 0 ? 2 : 1); i++) {
      o.threads = others[i];
      bytes other = trained_bytes(&o);
      expect_same_bytes(variants[v].name, one, other);
      free(other.data);
    }
    free(one.data);
  }
}

static void the_seed_changes_the_model(void **state) {
  (void)state;
  pf_train_options o = tiny_options();
  bytes one = trained_bytes(&o);
  o.seed++;
  bytes other = trained_bytes(&o);
  assert_true(other.size != one.size || memcmp(other.data, one.data, one.size) != 0);
  free(other.data);
  free(one.data);
}

/* ---- stop and resume ---- */

/* Stops after every step of `stops` (counted from the last stop), resumes each time, ends with the model. */
static bytes train_with_stops(pf_train_options o, const int *stops, int n, const char *checkpoint) {
  pf_table *table = draw_table("law:moons", 600);
  pf_model *model = NULL;
  pf_error error = {0};
  o.checkpoint = checkpoint;
  for (int i = 0; i <= n; i++) {
    stopper s = {.stop_at = i < n ? stops[i] : -1};
    o.hooks = (pf_hooks){.context = &s, .stop = stop_now};
    o.resume = i > 0;
    o.threads = 1 + i % 3;
    pf_status status = pf_train(table, NULL, &o, &model, &error);
    if (i < n) {
      assert_int_equal(status, PF_STOPPED);
      assert_null(model);
      assert_int_equal(s.calls, stops[i]);
      assert_non_null(strstr(error.message, checkpoint));
    } else {
      must(status, &error);
    }
  }
  bytes b = model_bytes(model);
  pf_model_free(model);
  pf_table_free(table);
  remove(checkpoint);
  return b;
}

static void stopped_runs_end_in_the_same_bytes(void **state) {
  (void)state;
  static const int in_velocity[] = {7}, at_the_seam[] = {30}, in_generator[] = {41}, at_the_end[] = {60},
                   often[] = {3, 27, 20};
  static const struct {
    const int *stops;
    int n;
  } cases[] = {{in_velocity, 1}, {at_the_seam, 1}, {in_generator, 1}, {at_the_end, 1}, {often, 3}};
  char checkpoint[256];
  temporary_name(checkpoint, "checkpoint");
  for (int v = 0; v < VARIANTS - 1; v++) {
    pf_train_options o = tiny_options();
    variants[v].change(&o);
    bytes whole = trained_bytes(&o);
    size_t last = sizeof cases / sizeof *cases, first = v == 0 ? 0 : last - 1;
    for (size_t i = first; i < last; i++) {
      bytes pieces = train_with_stops(o, cases[i].stops, cases[i].n, checkpoint);
      char name[80];
      snprintf(name, sizeof name, "%s, case %d", variants[v].name, (int)i);
      expect_same_bytes(name, whole, pieces);
      free(pieces.data);
    }
    free(whole.data);
  }
}

static pf_status resume_with(const pf_train_options *o, const char *source, pf_error *error) {
  pf_table *table = draw_table(source, 600);
  pf_model *model = NULL;
  pf_status status = pf_train(table, NULL, o, &model, error);
  assert_true(status == PF_OK || model == NULL);
  pf_model_free(model);
  pf_table_free(table);
  return status;
}

static void a_checkpoint_belongs_to_one_run(void **state) {
  (void)state;
  char checkpoint[256];
  temporary_name(checkpoint, "checkpoint");
  pf_train_options o = tiny_options(), changed;
  stopper s = {.stop_at = 10};
  pf_error error = {0};
  o.checkpoint = checkpoint;
  o.hooks = (pf_hooks){.context = &s, .stop = stop_now};
  assert_int_equal(resume_with(&o, "law:moons", &error), PF_STOPPED);
  o.resume = true;
  for (int i = 0; i < 6; i++) {
    changed = o;
    if (i == 0) changed.learning_rate = 1e-3;
    if (i == 1) changed.seed = 99;
    if (i == 2) changed.steps = 61;
    if (i == 3) changed.face = "theory";
    if (i == 4) changed.width = 17;
    if (i == 5) flow_matching(&changed);
    pf_status status = resume_with(&changed, "law:moons", &error);
    if (status != PF_BAD_INPUT) fail_msg("case %d: %s", i, pf_status_name(status));
    assert_non_null(strstr(error.message, "other settings or data"));
  }
  assert_int_equal(resume_with(&o, "law:2spirals", &error), PF_BAD_INPUT);
  bytes b = read_bytes(checkpoint);
  b.data[b.size / 2] ^= 4;
  write_bytes(checkpoint, b.data, b.size);
  assert_int_equal(resume_with(&o, "law:moons", &error), PF_BAD_INPUT);
  b.data[b.size / 2] ^= 4;
  write_bytes(checkpoint, b.data, b.size);
  must(resume_with(&o, "law:moons", &error), &error);
  free(b.data);
  remove(checkpoint);
}

/* Without a checkpoint file --resume starts from the beginning. */
static void resume_without_a_checkpoint_starts_afresh(void **state) {
  (void)state;
  char checkpoint[256];
  temporary_name(checkpoint, "nothing");
  pf_train_options o = tiny_options();
  bytes plain = trained_bytes(&o);
  o.checkpoint = checkpoint;
  o.resume = true;
  bytes resumed = trained_bytes(&o);
  expect_same_bytes("resume", plain, resumed);
  free(plain.data);
  free(resumed.data);
  remove(checkpoint);
}

/* ---- arguments ---- */

static void wrong_arguments_are_refused(void **state) {
  (void)state;
  pf_error error = {0};
  pf_train_options o = tiny_options();
  o.method = "characterstic";
  assert_int_equal(resume_with(&o, "law:moons", &error), PF_USAGE);
  assert_non_null(strstr(error.message, "did you mean 'characteristic'"));
  o = tiny_options();
  o.encoder = "standart";
  assert_int_equal(resume_with(&o, "law:moons", &error), PF_USAGE);
  assert_non_null(strstr(error.message, "quantile"));
  o = tiny_options();
  o.holdout_share = NAN;
  assert_int_equal(resume_with(&o, "law:moons", &error), PF_USAGE);
  o = tiny_options();
  o.threads = -1;
  assert_int_equal(resume_with(&o, "law:moons", &error), PF_USAGE);
  o.threads = INT64_C(4294967297);
  assert_int_equal(resume_with(&o, "law:moons", &error), PF_USAGE);
}

/* method NULL means the default one. */
static void no_method_is_the_default_method(void **state) {
  (void)state;
  pf_train_options o = tiny_options();
  bytes named = trained_bytes(&o);
  o.method = NULL;
  bytes unnamed = trained_bytes(&o);
  expect_same_bytes("method NULL", named, unnamed);
  free(named.data);
  free(unnamed.data);
}

static void held_out_rows_must_fit(void **state) {
  (void)state;
  static const double cells[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  static const char *const names[] = {"a", "b", "c"}, *const others[] = {"a", "q"};
  pf_table *data = NULL, *wide = NULL, *renamed = NULL;
  pf_model *model = NULL;
  pf_error error = {0};
  pf_train_options o = tiny_options();
  must(pf_table_from_values(6, 2, cells, names, &data, &error), &error);
  must(pf_table_from_values(4, 3, cells, names, &wide, &error), &error);
  must(pf_table_from_values(6, 2, cells, others, &renamed, &error), &error);
  assert_int_equal(pf_train(data, wide, &o, &model, &error), PF_BAD_INPUT);
  assert_non_null(strstr(error.message, "3 columns"));
  assert_int_equal(pf_train(data, renamed, &o, &model, &error), PF_BAD_INPUT);
  assert_non_null(strstr(error.message, "'q'"));
  assert_null(model);
  must(pf_train(data, data, &o, &model, &error), &error); /* six rows are enough */
  pf_model_free(model);
  pf_table_free(data);
  pf_table_free(wide);
  pf_table_free(renamed);
}

static pf_progress last_progress;
static int progress_calls;
static void note_progress(void *context, const pf_progress *progress) {
  (void)context;
  progress_calls++;
  last_progress = *progress;
}

static void progress_ends_at_the_last_step(void **state) {
  (void)state;
  pf_train_options o = tiny_options();
  o.hooks.progress = note_progress;
  progress_calls = 0;
  pf_model_free(train_on("law:moons", &o));
  assert_true(progress_calls >= 2);
  assert_string_equal(last_progress.stage, "generator");
  assert_int_equal(last_progress.done, 30);
  assert_int_equal(last_progress.total, 30);
  assert_true(isfinite(last_progress.loss) && last_progress.loss > 0);
}

/* A budget becomes a step count that the model records. */
static void a_budget_becomes_steps(void **state) {
  (void)state;
  pf_train_options o = tiny_options();
  o.steps = 0;
  o.budget = 2; /* enough for the set-up of a sanitized build on a busy machine */
  char *json = NULL;
  pf_error error = {0};
  pf_model *model = train_on("law:moons", &o);
  must(pf_model_describe(model, &json, &error), &error);
  const char *steps = strstr(json, "\"steps\": ");
  assert_non_null(steps);
  assert_true(atoll(steps + 9) >= 10);
  pf_string_free(json);
  pf_model_free(model);
  o.budget = 1e-6;
  assert_int_equal(resume_with(&o, "law:moons", &error), PF_USAGE);
  assert_non_null(strstr(error.message, "too short"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(threads_never_change_the_model),
      cmocka_unit_test(the_seed_changes_the_model),
      cmocka_unit_test(stopped_runs_end_in_the_same_bytes),
      cmocka_unit_test(a_checkpoint_belongs_to_one_run),
      cmocka_unit_test(resume_without_a_checkpoint_starts_afresh),
      cmocka_unit_test(wrong_arguments_are_refused),
      cmocka_unit_test(no_method_is_the_default_method),
      cmocka_unit_test(held_out_rows_must_fit),
      cmocka_unit_test(progress_ends_at_the_last_step),
      cmocka_unit_test(a_budget_becomes_steps),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
