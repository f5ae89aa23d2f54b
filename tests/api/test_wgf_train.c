/* Training along Wasserstein gradient flows from end to end: the same bytes for any number of threads and across any stop, what
 * is asked for wrongly, what goes wrong and is said. */
#include "tiny_wgf.h"

static pf_train_options wgan(void) { return tiny_wgf("wgan"); }
static pf_train_options wgan_gp(void) { return tiny_wgf("wgan-gp"); }
static pf_train_options w1fe(void) { return tiny_wgf("w1fe"); }
static pf_train_options w1fe_spectral(void) {
  pf_train_options o = tiny_wgf("w1fe");
  o.constraint = "spectral";
  o.move = "rk4";
  o.move_decay = 0.1;
  return o;
}
static pf_train_options w1fe_naive(void) {
  pf_train_options o = tiny_wgf("w1fe");
  o.fit = "naive";
  return o;
}
static pf_train_options w1fe_tempered(void) {
  pf_train_options o = tiny_wgf("w1fe");
  o.tempered = true;
  o.batch = 500; /* several lanes of unequal length */
  return o;
}
static pf_train_options w1fe_cumulant(void) {
  pf_train_options o = tiny_wgf("w1fe");
  o.cumulant = 0.3;
  o.field_penalty = 0.1;
  return o;
}
static pf_train_options w1fe_plan(void) {
  pf_train_options o = tiny_wgf("w1fe");
  o.field = "plan";
  return o;
}
static pf_train_options w2fe(void) { return tiny_wgf("w2fe"); }
static pf_train_options w2fe_sinkhorn(void) {
  pf_train_options o = tiny_wgf("w2fe");
  o.field = "sinkhorn";
  return o;
}
static pf_train_options w2fe_dual(void) {
  pf_train_options o = tiny_wgf("w2fe");
  o.field = "dual";
  o.optimiser = "sgd";
  o.learning_rate = o.critic_rate = 1e-5;
  return o;
}
static pf_train_options monoflow(void) { return tiny_wgf("monoflow"); }
static pf_train_options monoflow_js(void) {
  pf_train_options o = tiny_wgf("monoflow");
  o.rescale = "js";
  o.fit = "naive-fresh";
  return o;
}

typedef pf_train_options make_options(void);
static const struct {
  const char *name;
  make_options *options;
} variants[] = {{"wgan", wgan},
                {"wgan-gp", wgan_gp},
                {"w1fe", w1fe},
                {"w1fe, spectral", w1fe_spectral},
                {"w1fe, naive", w1fe_naive},
                {"w1fe, tempered", w1fe_tempered},
                {"w1fe, cumulant", w1fe_cumulant},
                {"w1fe, plan", w1fe_plan},
                {"w2fe", w2fe},
                {"w2fe, sinkhorn", w2fe_sinkhorn},
                {"w2fe, dual", w2fe_dual},
                {"monoflow", monoflow},
                {"monoflow, js", monoflow_js}};
enum { VARIANTS = sizeof variants / sizeof *variants };

static void threads_never_change_the_model(void **state) {
  (void)state;
  for (int v = 0; v < VARIANTS; v++)
    expect_same_for_any_threads(variants[v].name, variants[v].options(), trained_bytes);
}

static void every_setting_changes_the_model(void **state) {
  (void)state;
  bytes all[VARIANTS + 1];
  for (int v = 0; v <= VARIANTS; v++) {
    pf_train_options o = variants[v % VARIANTS].options();
    if (v == VARIANTS) o.seed++;
    all[v] = trained_bytes(&o);
    for (int w = 0; w < v; w++)
      assert_true(all[v].size != all[w].size || memcmp(all[v].data, all[w].data, all[v].size) != 0);
  }
  for (int v = 0; v <= VARIANTS; v++) free(all[v].data);
}

/* ---- stop and resume ---- */

static pf_status train_once(pf_train_options *o, stopper *s, pf_model **model, pf_error *error) {
  pf_table *table = draw_table("law:moons", 600);
  o->hooks.context = s;
  o->hooks.stop = stop_now;
  pf_status status = pf_train(table, NULL, o, model, error);
  pf_table_free(table);
  return status;
}

static void stopped_runs_end_in_the_same_bytes(void **state) {
  (void)state;
  char checkpoint[256];
  temporary_name(checkpoint, "wgf_checkpoint");
  for (int v = 0; v < VARIANTS; v++)
    for (int at = 1; at <= 5; at += 2) {
      pf_train_options o = variants[v].options();
      pf_model *model = NULL;
      pf_error error = {0};
      bytes whole = trained_bytes(&o);
      o.checkpoint = checkpoint;
      stopper s = {.stop_at = at};
      assert_int_equal(train_once(&o, &s, &model, &error), PF_STOPPED);
      assert_int_equal(s.calls, at);
      o.resume = true;
      o.threads = 2;
      s = (stopper){.stop_at = -1};
      must(train_once(&o, &s, &model, &error), &error);
      bytes pieces = model_bytes(model);
      expect_same_bytes(variants[v].name, whole, pieces);
      pf_model_free(model);
      free(pieces.data);
      free(whole.data);
      remove(checkpoint);
    }
}

static void a_checkpoint_belongs_to_one_run(void **state) {
  (void)state;
  char checkpoint[256];
  temporary_name(checkpoint, "wgf_other");
  pf_train_options o = w1fe(), changed;
  pf_error error = {0};
  pf_model *model = NULL;
  stopper s = {.stop_at = 2};
  o.checkpoint = checkpoint;
  assert_int_equal(train_once(&o, &s, &model, &error), PF_STOPPED);
  o.resume = true;
  for (int i = 0; i < 16; i++) {
    changed = o;
    if (i == 0) changed.learning_rate = 1.5e-3;
    if (i == 1) changed.critic_rate = 1.5e-3;
    if (i == 2) changed.critic_width = 9;
    if (i == 3) changed.constraint = "gradient";
    if (i == 4) changed.constraint_weight = 2;
    if (i == 5) changed.persistence = 3;
    if (i == 6) changed.critic_steps = 3;
    if (i == 7) changed.fit = "naive";
    if (i == 8) changed.move = "heun";
    if (i == 9) changed.move_size = 0.2;
    if (i == 10) changed.move_decay = 0.2;
    if (i == 11) changed.steps = 6;
    if (i == 12) changed.ema = 0.5;
    if (i == 13) changed.field_penalty = 0.5;
    if (i == 14) changed.encoder = "common";
    if (i == 15) changed.clip = 0.1;
    s = (stopper){.stop_at = -1};
    pf_status status = train_once(&changed, &s, &model, &error);
    if (status != PF_BAD_INPUT) fail_msg("case %d: %s", i, pf_status_name(status));
    assert_non_null(strstr(error.message, "other settings or data"));
  }
  remove(checkpoint);
}

/* ---- bad settings ---- */

typedef void spoil_options(pf_train_options *o);
static void no_persistence(pf_train_options *o) { o->persistence = 0; }
static void no_critic_steps(pf_train_options *o) { o->critic_steps = 0; }
static void negative_move(pf_train_options *o) { o->move_size = -1; }
static void nan_move(pf_train_options *o) { o->move_size = NAN; }
static void negative_decay(pf_train_options *o) { o->move_decay = -1; }
static void unknown_field(pf_train_options *o) { o->field = "plann"; }
static void unknown_constraint(pf_train_options *o) { o->constraint = "lipshitz"; }
static void unknown_move(pf_train_options *o) { o->move = "rk5"; }
static void unknown_fit(pf_train_options *o) { o->fit = "target"; }
static void unknown_optimiser(pf_train_options *o) { o->optimiser = "adamw"; }
static void wrong_rescale(pf_train_options *o) { o->rescale = "js"; }
static void large_cumulant(pf_train_options *o) { o->cumulant = 1; }
static void naive_plan(pf_train_options *o) {
  o->field = "plan";
  o->fit = "naive";
}
static void heun_plan(pf_train_options *o) {
  o->field = "sinkhorn";
  o->move = "heun";
}
static void constrained_plan(pf_train_options *o) {
  o->field = "plan";
  o->constraint = "clip";
}
static void tempered_plan(pf_train_options *o) {
  o->field = "plan";
  o->tempered = true;
}
static void one_row(pf_train_options *o) { o->batch = 1; }
static void idle_sinkhorn(pf_train_options *o) { o->sinkhorn = 0.1; }
static void idle_equality(pf_train_options *o) { o->equality = 2; }
static void idle_weight(pf_train_options *o) {
  o->constraint = "none";
  o->constraint_weight = 2;
}
static void negative_clip(pf_train_options *o) { o->clip = -2; }

static void bad_settings_are_named(void **state) {
  (void)state;
  static const struct {
    spoil_options *spoil;
    const char *says;
  } cases[] = {{no_persistence, "persistence is 0"},
               {no_critic_steps, "critic-steps is 0"},
               {negative_move, "move-size is -1"},
               {nan_move, "move-size is nan"},
               {negative_decay, "move-decay is -1"},
               {unknown_field, "did you mean 'plan'"},
               {unknown_constraint, "did you mean 'lipschitz'"},
               {unknown_move, "rk5"},
               {unknown_fit, "did you mean 'targets'"},
               {unknown_optimiser, "did you mean 'adam'"},
               {wrong_rescale, "no density ratio"},
               {large_cumulant, "cumulant is 1"},
               {naive_plan, "no potential to fit to"},
               {heun_plan, "only euler works"},
               {constrained_plan, "takes none"},
               {tempered_plan, "has no network"},
               {one_row, "batch is 1"},
               {idle_sinkhorn, "sinkhorn is 0.1"},
               {idle_equality, "equality is 2"},
               {idle_weight, "constraint-weight is 2"},
               {negative_clip, "clip is -2"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    pf_train_options o = w1fe();
    pf_model *model = NULL;
    pf_error error = {0};
    stopper s = {.stop_at = -1};
    cases[i].spoil(&o);
    pf_status status = train_once(&o, &s, &model, &error);
    if (status != PF_USAGE || !strstr(error.message, cases[i].says))
      fail_msg("case %d: %s: %s", (int)i, pf_status_name(status), error.message);
    assert_null(model);
  }
}

/* ---- what goes wrong is said ---- */

typedef struct listener {
  stopper stop;
  char warned[1024];
} listener;

static void listen_for_warnings(void *context, pf_log_level level, const char *message) {
  listener *l = context;
  if (level == PF_LOG_WARNING) strncat(l->warned, message, sizeof l->warned - strlen(l->warned) - 1);
}

static void expect_warning(pf_train_options o, const char *says, const char *fact) {
  listener l = {.stop = {.stop_at = -1}};
  pf_model *model = NULL;
  pf_error error = {0};
  char *facts = NULL;
  o.hooks.log = listen_for_warnings;
  must(train_once(&o, &l.stop, &model, &error), &error);
  if (!strstr(l.warned, says)) fail_msg("no word of '%s' in '%s'", says, l.warned);
  must(pf_model_describe(model, &facts, &error), &error);
  if (!strstr(facts, fact)) fail_msg("no fact '%s' in %s", fact, facts);
  pf_string_free(facts);
  pf_model_free(model);
}

static void divergence_and_saturation_are_said(void **state) {
  (void)state;
  pf_train_options o = wgan();
  o.constraint_weight = 1e-6; /* all weights start beyond it */
  expect_warning(o, "bound of clip", "\"saturated critic\"");
  expect_warning(o, "flat at the samples", "\"flat critic\"");
  o = w1fe();
  o.optimiser = "sgd";
  o.learning_rate = 10;
  o.move_size = 100;
  o.steps = 1;
  o.persistence = 1;
  o.curve_points = 1;
  o.ema = 1e-9;
  expect_warning(o, "diverge", "\"divergence\"");
}

/* A source of one point: nothing the generator does to it has a spread. And an ordinary run warns of nothing. */
static void collapse_is_said(void **state) {
  (void)state;
  double point[40];
  pf_table *source = NULL;
  pf_error error = {0};
  for (int i = 0; i < 40; i++) point[i] = 0.5;
  must(pf_table_from_values(20, 2, point, NULL, &source, &error), &error);
  pf_train_options o = w1fe();
  o.from = source;
  o.from_name = "a point";
  expect_warning(o, "have collapsed", "\"collapse\"");
  pf_table_free(source);
  o = w1fe();
  expect_warning(o, "", "\"warnings\": []");
}

static void runs_that_overflow_fail(void **state) {
  (void)state;
  pf_train_options o = w1fe();
  pf_model *model = NULL;
  pf_error error = {0};
  stopper s = {.stop_at = -1};
  o.optimiser = "sgd";
  o.learning_rate = o.critic_rate = 10;
  o.constraint_weight = 1e9;
  assert_int_equal(train_once(&o, &s, &model, &error), PF_NON_FINITE);
  assert_non_null(strstr(error.message, "iteration"));
  assert_null(model);
}

/* ---- they learn ---- */

/* A Gaussian at (4, 1): moved there and no further; 1000 exact plan steps. */
static void the_plan_carries_noise_to_the_data(void **state) {
  (void)state;
  static const char *const methods[] = {"w1fe", "w2fe"};
  enum { N = 400 };
  for (int m = 0; m < 2; m++) {
    pf_train_options o = tiny_wgf(methods[m]);
    double *out = malloc(sizeof(double) * 2 * N), mean[2] = {0};
    pf_error error = {0};
    o.field = "plan";
    o.steps = 150;
    o.width = 16;
    o.batch = 64;
    o.persistence = 5;
    o.learning_rate = 3e-3;
    pf_model *model = train_on("law:moons", &o);
    must(pf_model_sample(model, NULL, N, out, &error), &error);
    for (int i = 0; i < N; i++)
      for (int j = 0; j < 2; j++) mean[j] += out[2 * i + j] / N;
    pf_table *real = draw_table("law:moons", 4000);
    for (int j = 0; j < 2; j++) {
      double want = 0;
      for (int i = 0; i < 4000; i++) want += pf_table_values(real)[2 * i + j] / 4000;
      if (!(fabs(mean[j] - want) < 0.25)) fail_msg("%s: mean %d is %g, not %g", methods[m], j, mean[j], want);
    }
    pf_table_free(real);
    pf_model_free(model);
    free(out);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(threads_never_change_the_model),
      cmocka_unit_test(every_setting_changes_the_model),
      cmocka_unit_test(stopped_runs_end_in_the_same_bytes),
      cmocka_unit_test(a_checkpoint_belongs_to_one_run),
      cmocka_unit_test(bad_settings_are_named),
      cmocka_unit_test(divergence_and_saturation_are_said),
      cmocka_unit_test(collapse_is_said),
      cmocka_unit_test(runs_that_overflow_fail),
      cmocka_unit_test(the_plan_carries_noise_to_the_data),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
