/* Training flows with likelihood from end to end: the same bytes for any number of threads and across any stop, what is asked
 * for wrongly. */
#include "data/safetensors.h"
#include "flow/cnf.h"
#include "tiny_flow.h"

static pf_train_options jko(void) { return tiny_jko(3); }
static pf_train_options jko_hutchinson(void) {
  pf_train_options o = tiny_flow("jko");
  o.blocks = 1;
  o.divergence = "hutchinson";
  o.activation = "softplus";
  o.no_free_block = true;
  return o;
}
static pf_train_options jko_difference(void) {
  pf_train_options o = tiny_flow("jko");
  o.blocks = 2;
  o.steps = 9;
  o.divergence = "difference";
  return o;
}
static pf_train_options otflow(void) { return tiny_flow("otflow"); }
static pf_train_options otflow_steered(void) {
  pf_train_options o = tiny_flow("otflow");
  o.steer = 0.4;
  o.divergence = "hutchinson";
  o.clamp = 0.5;
  o.patience = 0;
  return o;
}
static pf_train_options otflow_difference(void) {
  pf_train_options o = tiny_flow("otflow");
  o.divergence = "difference";
  return o;
}
static pf_train_options cnf(void) { return tiny_flow("cnf"); }
static pf_train_options cnf_steered(void) {
  pf_train_options o = tiny_flow("cnf");
  o.steer = 0.4;
  o.kinetic = 0.5;
  o.batch = 500; /* lanes of unequal length */
  return o;
}

static pf_train_options cnf_adjoint(void) {
  pf_train_options o = tiny_flow("cnf");
  o.ode_steps = 3;
  o.gradient = "adjoint";
  return o;
}
static pf_train_options student(void) {
  pf_train_options o = tiny_flow("otflow");
  o.student = 7;
  return o;
}

typedef pf_train_options make_options(void);
static const struct {
  const char *name;
  make_options *options;
} variants[] = {
    {"jko", jko},        {"jko, hutchinson", jko_hutchinson}, {"jko, difference", jko_difference},
    {"otflow", otflow},  {"otflow, steered", otflow_steered}, {"otflow, difference", otflow_difference},
    {"cnf", cnf},        {"cnf, steered", cnf_steered},       {"cnf, adjoint", cnf_adjoint},
    {"student", student}};
enum { VARIANTS = sizeof variants / sizeof *variants };

static bytes moons_bytes(const pf_train_options *o) { return flow_bytes("law:moons", o); }

static void threads_never_change_the_model(void **state) {
  (void)state;
  for (int v = 0; v < VARIANTS; v++)
    expect_same_for_any_threads(variants[v].name, variants[v].options(), moons_bytes);
}

static void every_setting_changes_the_model(void **state) {
  (void)state;
  bytes all[VARIANTS + 1];
  for (int v = 0; v <= VARIANTS; v++) {
    pf_train_options o = variants[v % VARIANTS].options();
    if (v == VARIANTS) o.seed++;
    all[v] = flow_bytes("law:moons", &o);
    for (int w = 0; w < v; w++)
      assert_true(all[v].size != all[w].size || memcmp(all[v].data, all[w].data, all[v].size) != 0);
  }
  for (int v = 0; v <= VARIANTS; v++) free(all[v].data);
}

/* ---- stop and resume ---- */

static pf_status train_once(pf_train_options *o, stopper *s, pf_model **model, pf_error *error) {
  pf_table *table = draw_table("law:moons", TINY_ROWS);
  o->hooks = (pf_hooks){.context = s, .stop = stop_now};
  pf_status status = pf_train(table, NULL, o, model, error);
  pf_table_free(table);
  return status;
}

/* Stops after every number of steps in `stops` (counted from the last stop) and resumes each time. */
static bytes train_with_stops(pf_train_options o, const int *stops, int n, const char *checkpoint) {
  pf_model *model = NULL;
  pf_error error = {0};
  o.checkpoint = checkpoint;
  for (int i = 0; i <= n; i++) {
    stopper s = {.stop_at = i < n ? stops[i] : -1};
    o.resume = i > 0;
    o.threads = 1 + i % 2;
    pf_status status = train_once(&o, &s, &model, &error);
    if (i < n) {
      assert_int_equal(status, PF_STOPPED);
      assert_int_equal(s.calls, stops[i]);
    } else {
      must(status, &error);
    }
  }
  bytes b = model_bytes(model);
  pf_model_free(model);
  remove(checkpoint);
  return b;
}

/* Steps of tiny_jko(3): blocks end at 3, 6 | 9, 12 | 15, 18, 21, 24 | 27. */
static void stopped_runs_end_in_the_same_bytes(void **state) {
  (void)state;
  static const int in_first[] = {2}, at_its_end[] = {3}, in_second[] = {4}, round_end[] = {6}, again[] = {8},
                   refined[] = {16}, refined_end[] = {24}, in_free[] = {26}, at_the_end[] = {27},
                   often[] = {1, 2, 1, 4, 5, 6, 7};
  static const struct {
    const char *name;
    const int *stops;
    int n;
  } cases[] = {{"first block", in_first, 1},        {"its end", at_its_end, 1},
               {"second block", in_second, 1},      {"end of the round", round_end, 1},
               {"reparametrised", again, 1},        {"refined", refined, 1},
               {"end of refining", refined_end, 1}, {"free block", in_free, 1},
               {"the last step", at_the_end, 1},    {"often", often, 7}};
  char checkpoint[256];
  temporary_name(checkpoint, "flow_checkpoint");
  pf_train_options o = jko();
  bytes whole = flow_bytes("law:moons", &o);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    bytes pieces = train_with_stops(o, cases[i].stops, cases[i].n, checkpoint);
    expect_same_bytes(cases[i].name, whole, pieces);
    free(pieces.data);
  }
  free(whole.data);
  for (int v = 1; v < VARIANTS; v++) {
    static const int stops[] = {1, 3, 2};
    o = variants[v].options();
    whole = flow_bytes("law:moons", &o);
    bytes pieces = train_with_stops(o, stops, 3, checkpoint);
    expect_same_bytes(variants[v].name, whole, pieces);
    free(pieces.data);
    free(whole.data);
  }
}

/* 6 steps of the flow, 7 of its student: a model that samples in one evaluation and keeps its density. */
static void a_student_joins_its_flow(void **state) {
  (void)state;
  static const int stops[][2] = {{5, 3}, {6, 1}, {9, 2}};
  char checkpoint[256];
  temporary_name(checkpoint, "flow_student");
  pf_train_options o = student();
  bytes whole = flow_bytes("law:moons", &o);
  for (int i = 0; i < 3; i++) {
    bytes pieces = train_with_stops(o, stops[i], 2, checkpoint);
    expect_same_bytes("student", whole, pieces);
    free(pieces.data);
  }
  free(whole.data);
  pf_model *model = train_flow("law:moons", &o), *flow = NULL;
  o.student = 0;
  flow = train_flow("law:moons", &o);
  enum { N = 50 };
  double one[N * 2], two[N * 2], through[N * 2], alone[N * 2];
  pf_error error = {0};
  must(pf_model_sample(model, NULL, N, one, &error), &error);
  must(pf_model_sample(model, &(pf_sample_options){.steps = 1, .seed = 1}, N, two, &error), &error);
  must(pf_model_sample(model, &(pf_sample_options){.teacher = true, .seed = 1}, N, through, &error), &error);
  must(pf_model_sample(flow, NULL, N, alone, &error), &error);
  assert_memory_equal(one, two, sizeof one);
  assert_memory_equal(through, alone, sizeof through);
  assert_true(memcmp(one, through, sizeof one) != 0);
  pf_model_free(model);
  pf_model_free(flow);
}

/* Killed between two blocks, with the checkpoint that the end of a block left. */
static void expect_seams(pf_train_options o, const int *seams, int n) {
  char checkpoint[256];
  temporary_name(checkpoint, "flow_seam");
  bytes whole = flow_bytes("law:moons", &o);
  o.checkpoint = checkpoint;
  o.checkpoint_seconds = 1e6;
  for (int i = 0; i < n; i++) {
    stopper s = {.stop_at = seams[i] + 1, .checkpoint = checkpoint};
    pf_model *model = NULL;
    pf_error error = {0};
    o.resume = false;
    assert_int_equal(train_once(&o, &s, &model, &error), PF_STOPPED);
    assert_non_null(s.copy.data);
    write_bytes(checkpoint, s.copy.data, s.copy.size);
    free(s.copy.data);
    o.resume = true;
    s = (stopper){.stop_at = -1};
    must(train_once(&o, &s, &model, &error), &error);
    bytes resumed = model_bytes(model);
    char name[40];
    snprintf(name, sizeof name, "killed after step %d", seams[i]);
    expect_same_bytes(name, whole, resumed);
    pf_model_free(model);
    free(resumed.data);
  }
  /* killed before the model was written: nothing is left to train */
  stopper s = {.stop_at = -1};
  pf_model *model = NULL;
  pf_error error = {0};
  must(train_once(&o, &s, &model, &error), &error);
  bytes again = model_bytes(model);
  expect_same_bytes("killed at the end", whole, again);
  assert_int_equal(s.calls, 0);
  pf_model_free(model);
  free(again.data);
  free(whole.data);
  remove(checkpoint);
}

static void runs_killed_between_blocks_end_in_the_same_bytes(void **state) {
  (void)state;
  static const int seams[] = {3, 6, 9, 12, 15, 21, 24}, first[] = {2};
  expect_seams(jko(), seams, 7);
  pf_train_options o = tiny_flow("jko"); /* the first block is the last: it moves the rows less than asked */
  o.blocks = 2;
  o.stop_movement = 1;
  expect_seams(o, first, 1);
  o.no_free_block = true;
  o.reparametrise = 1;
  o.steps = 8;
  expect_seams(o, first, 1);
}

/* ---- refinement ---- */

/* An array of a checkpoint's bytes; the caller frees *keep. */
static const void *state_of(bytes checkpoint, const char *name, pf_dtype type, int64_t n,
                            pf_container **keep) {
  pf_error error = {0};
  const pf_array *array = NULL;
  pf_array shape = {.name = (char *)(uintptr_t)name, .dtype = type, .rank = 1, .dims = {n}};
  must(pf_container_read_bytes(checkpoint.data, checkpoint.size, "checkpoint", keep, &error), &error);
  must(pf_container_require(*keep, &shape, &array, &error), &error);
  return array->data;
}

/* log-determinants and ends of the rows through a flow of these blocks */
static void through(const float *params, int blocks, int steps, double *x, double *l) {
  pf_cnf_config c = {.field = {.network = {.inputs = 2,
                                           .outputs = 2,
                                           .width = 8,
                                           .depth = 1,
                                           .frequencies = 1,
                                           .max_frequency = 1}},
                     .blocks = blocks,
                     .steps = steps};
  pf_cnf_move move = {.direction = PF_CNF_TO_NOISE};
  pf_cnf *cnf = NULL;
  pf_error error = {0};
  must(pf_cnf_create(&c, params, &cnf, &error), &error);
  must(pf_cnf_rows(cnf, &move, (pf_rows){0, TINY_ROWS}, x, l, NULL, NULL, &error), &error);
  pf_cnf_free(cnf);
}

/* A block is its own square root twice: before they are trained again, the halved blocks are the same flow. */
static void halving_all_blocks_leaves_the_flow(void **state) {
  (void)state;
  enum { BLOCK = 2 * 8 + 8 + 8 * 2 + 2, MOST = 4 + 1 };
  char path[256];
  temporary_name(path, "flow_refine");
  stopper s = {.stop_at = 2 * 60 + 1, .checkpoint = path};
  pf_train_options o = tiny_flow("jko");
  pf_model *model = NULL;
  pf_error error = {0};
  pf_container *before = NULL, *after = NULL, *h_before = NULL, *h_after = NULL;
  o.blocks = 2;
  o.refine = 1;
  o.stop_movement = 0;
  o.no_free_block = true;
  o.steps = 6 * 60;
  o.checkpoint = path;
  o.checkpoint_seconds = 1e6;
  assert_int_equal(train_once(&o, &s, &model, &error), PF_STOPPED);
  bytes now = read_bytes(path); /* the first step of the first half block */
  const float *whole = state_of(s.copy, "blocks", PF_F32, MOST * BLOCK, &before);
  const float *halves = state_of(now, "blocks", PF_F32, MOST * BLOCK, &after);
  const double *h = state_of(s.copy, "h", PF_F64, PF_CNF_BLOCKS, &h_before);
  const double *half_h = state_of(now, "h", PF_F64, PF_CNF_BLOCKS, &h_after);
  for (int k = 0; k < 4; k++) assert_true(half_h[k] == h[k / 2] / 2 && half_h[k] > 0);
  pf_table *table = draw_table("law:moons", TINY_ROWS);
  double x[2 * TINY_ROWS], y[2 * TINY_ROWS], l[TINY_ROWS], m[TINY_ROWS], moved = 0;
  memcpy(x, pf_table_values(table), sizeof x);
  memcpy(y, x, sizeof y);
  through(whole, 2, 8, x, l);
  through(halves, 4, 4, y, m);
  for (int i = 0; i < 2 * TINY_ROWS; i++) {
    assert_true(fabs(x[i] - y[i]) < 1e-5);
    moved = fmax(moved, fabs(x[i] - pf_table_values(table)[i]));
  }
  for (int i = 0; i < TINY_ROWS; i++) assert_true(fabs(l[i] - m[i]) < 1e-5);
  assert_true(moved > 0.1);
  pf_table_free(table);
  pf_container_free(before);
  pf_container_free(after);
  pf_container_free(h_before);
  pf_container_free(h_after);
  free(now.data);
  free(s.copy.data);
  remove(path);
}

/* ---- checkpoints belong to one run ---- */

static void a_checkpoint_belongs_to_one_run(void **state) {
  (void)state;
  char checkpoint[256];
  temporary_name(checkpoint, "flow_other");
  for (int v = 0; v < VARIANTS; v++) {
    pf_train_options o = variants[v].options(), changed;
    pf_error error = {0};
    pf_model *model = NULL;
    stopper s = {.stop_at = 2};
    o.checkpoint = checkpoint;
    assert_int_equal(train_once(&o, &s, &model, &error), PF_STOPPED);
    o.resume = true;
    for (int i = 0; i < 12; i++) {
      changed = o;
      if (i == 0) changed.learning_rate = 1.5e-3;
      if (i == 1) changed.seed = 99;
      if (i == 2) changed.width = 9;
      if (i == 3)
        changed.divergence =
            strcmp(o.divergence ? o.divergence : "", "hutchinson") == 0 ? "exact" : "hutchinson";
      if (i == 4) changed.ode_steps = 2;
      if (i == 5) changed.test_ode_steps = 7;
      if (i == 6) changed.batch = 49;
      if (i == 7 && o.gradient)
        changed.gradient = NULL;
      else if (i == 7)
        changed.steer = 0.1;
      if (i == 8) changed.kinetic = 0.123;
      if (i == 9) changed.steps = o.steps + 9;
      if (i == 10) changed.clamp = 3;
      if (i == 11) changed.alpha = 17;
      s = (stopper){.stop_at = -1};
      pf_status status = train_once(&changed, &s, &model, &error);
      if (status != PF_BAD_INPUT) fail_msg("%s, case %d: %s", variants[v].name, i, pf_status_name(status));
      assert_non_null(strstr(error.message, "other settings or data"));
    }
    s = (stopper){.stop_at = -1};
    must(train_once(&o, &s, &model, &error), &error);
    pf_model_free(model);
    remove(checkpoint);
  }
}

/* ---- bad settings ---- */

typedef void spoil_options(pf_train_options *o);
static void zero_step_size(pf_train_options *o) { o->step_size = 0; }
static void negative_step_size(pf_train_options *o) { o->step_size = -2; }
static void nan_step_size(pf_train_options *o) { o->step_size = NAN; }
static void negative_growth(pf_train_options *o) { o->step_growth = -3; }
static void negative_cap(pf_train_options *o) { o->step_cap = -0.5; }
static void large_stop(pf_train_options *o) { o->stop_movement = 1.5; }
static void no_blocks(pf_train_options *o) { o->blocks = 0; }
static void many_blocks(pf_train_options *o) { o->blocks = 64; }
static void many_halvings(pf_train_options *o) {
  o->blocks = 20;
  o->refine = 2;
}
static void negative_rounds(pf_train_options *o) { o->reparametrise = -1; }
static void negative_alpha(pf_train_options *o) { o->alpha = -1; }
static void zero_alpha(pf_train_options *o) { o->alpha = 0; }
static void negative_hjb(pf_train_options *o) { o->hjb = -2; }
static void some_hjb(pf_train_options *o) {
  o->hjb = 2;
  o->steps = 90;
}
static void negative_kinetic(pf_train_options *o) { o->kinetic = -0.1; }
static void no_ode_steps(pf_train_options *o) { o->ode_steps = 0; }
static void many_ode_steps(pf_train_options *o) { o->ode_steps = 1001; }
static void no_test_steps(pf_train_options *o) { o->test_ode_steps = 0; }
static void full_steer(pf_train_options *o) { o->steer = 1; }
static void negative_steer(pf_train_options *o) { o->steer = -0.1; }
static void some_activation(pf_train_options *o) { o->activation = "tanh"; }
static void unknown_activation(pf_train_options *o) { o->activation = "rrelu"; }
static void unknown_divergence(pf_train_options *o) { o->divergence = "exat"; }
static void short_budget(pf_train_options *o) {
  o->steps = 0;
  o->budget = 1e-9;
}
static void few_steps(pf_train_options *o) {
  o->blocks = 4;
  o->steps = 3;
}
static void negative_clamp(pf_train_options *o) { o->clamp = -3; }
static void negative_patience(pf_train_options *o) { o->patience = -2; }
static void negative_clip(pf_train_options *o) { o->clip = -3; }
static void nan_ema(pf_train_options *o) { o->ema = NAN; }
static void narrow(pf_train_options *o) { o->precision = "bf16"; }
static void negative_rate(pf_train_options *o) { o->learning_rate = -1e-3; }
static void negative_width(pf_train_options *o) { o->width = -4; }
static void negative_seed(pf_train_options *o) { o->seed = -4; }

static void bad_settings_are_one_clear_line(void **state) {
  (void)state;
  static const struct {
    const char *method;
    spoil_options *spoil;
    const char *says;
  } cases[] = {{"jko", zero_step_size, "step-size is 0"},
               {"jko", negative_step_size, "step-size is -2"},
               {"jko", nan_step_size, "step-size is nan"},
               {"jko", negative_growth, "step-growth is -3"},
               {"jko", negative_cap, "step-cap is -0.5"},
               {"jko", large_stop, "stop-movement is 1.5"},
               {"jko", no_blocks, "blocks is 0"},
               {"jko", many_blocks, "blocks is 64"},
               {"jko", many_halvings, "20 blocks halved 2 times"},
               {"jko", negative_rounds, "reparametrise is -1"},
               {"jko", some_hjb, "hjb is 2"},
               {"jko", unknown_activation, "rrelu"},
               {"jko", few_steps, "steps is 3"},
               {"jko", short_budget, "too short"},
               {"jko", unknown_divergence, "did you mean 'exact'"},
               {"otflow", negative_alpha, "alpha is -1"},
               {"cnf", narrow, "precision is 'bf16', but method 'cnf' trains in f32"},
               {"otflow", zero_alpha, "alpha is 0"},
               {"otflow", negative_hjb, "hjb is -2"},
               {"otflow", no_ode_steps, "ode-steps is 0"},
               {"otflow", many_ode_steps, "ode-steps is 1001"},
               {"otflow", no_test_steps, "test-ode-steps is 0"},
               {"otflow", full_steer, "steer is 1"},
               {"otflow", negative_steer, "steer is -0.1"},
               {"otflow", some_activation, "activation is 'tanh'"},
               {"otflow", short_budget, "too short"},
               {"otflow", negative_clamp, "clamp is -3"},
               {"otflow", negative_patience, "patience is -2"},
               {"otflow", negative_width, "width is -4"},
               {"cnf", some_hjb, "hjb is 2"},
               {"cnf", negative_kinetic, "kinetic is -0.1"},
               {"cnf", unknown_divergence, "did you mean 'exact'"},
               {"cnf", short_budget, "too short"},
               {"cnf", negative_clip, "clip is -3"},
               {"cnf", nan_ema, "ema is nan"},
               {"cnf", negative_rate, "learning-rate is -0.001"},
               {"cnf", negative_seed, "seed is -4"}};
  pf_table *table = draw_table("law:moons", TINY_ROWS);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    pf_train_options o = tiny_flow(cases[i].method);
    pf_model *model = NULL;
    pf_error error = {0};
    cases[i].spoil(&o);
    pf_status status = pf_train(table, NULL, &o, &model, &error);
    if (status != PF_USAGE)
      fail_msg("%s, '%s': %s %s", cases[i].method, cases[i].says, pf_status_name(status), error.message);
    if (!strstr(error.message, cases[i].says))
      fail_msg("'%s' does not say '%s'", error.message, cases[i].says);
    assert_null(strchr(error.message, '\n'));
    assert_null(model);
  }
  pf_table_free(table);
}

/* 500 columns with the exact trace are slow, but no reason to fail. */
static void many_columns_are_trained(void **state) {
  (void)state;
  enum { ROWS = 40, D = 500 };
  static const char *const methods[] = {"jko", "cnf", "otflow"};
  pf_table *table = NULL;
  pf_error error = {0};
  double *cells = malloc(ROWS * D * sizeof *cells);
  for (int i = 0; i < ROWS * D; i++) cells[i] = sin(1.7 * i) + 0.1 * (i % 7);
  must(pf_table_from_values(ROWS, D, cells, NULL, &table, &error), &error);
  for (int i = 0; i < 3; i++) {
    pf_train_options o = tiny_flow(methods[i]);
    pf_model *model = NULL;
    o.steps = 1;
    o.blocks = i == 0 ? 1 : PF_METHOD_DEFAULT;
    o.no_free_block = i == 0;
    o.batch = 2;
    o.holdout_share = 0;
    o.divergence = "exact";
    must(pf_train(table, NULL, &o, &model, &error), &error);
    pf_model_free(model);
  }
  free(cells);
  pf_table_free(table);
}

/* ---- what has not been learned ---- */

static void hear_no_gain(void *context, pf_log_level level, const char *message) {
  if (level == PF_LOG_WARNING && strstr(message, "no likelier than independent normal columns"))
    ++*(int *)context;
}

/* A run that stands where it began is told of, one that has left it is not. */
static void a_flow_that_learned_nothing_says_so(void **state) {
  (void)state;
  static const struct {
    int64_t steps;
    int warnings;
  } cases[] = {{1, 1}, {250, 0}};
  pf_table *table = draw_table("law:8gaussians", 2000);
  for (int i = 0; i < 2; i++) {
    pf_train_options o = tiny_flow("cnf");
    pf_model *model = NULL;
    pf_error error = {0};
    int heard = 0;
    o.steps = cases[i].steps;
    o.width = 24;
    o.depth = 2;
    o.ode_steps = 3;
    o.learning_rate = 0.02;
    o.hooks.context = &heard;
    o.hooks.log = hear_no_gain;
    must(pf_train(table, NULL, &o, &model, &error), &error);
    if (heard != cases[i].warnings) fail_msg("%d warnings after %d steps", heard, (int)cases[i].steps);
    pf_model_free(model);
  }
  pf_table_free(table);
}

/* ---- budgets ---- */

static void a_budget_becomes_steps(void **state) {
  (void)state;
  static const char *const methods[] = {"jko", "cnf"};
  for (int i = 0; i < 2; i++) {
    pf_train_options o = tiny_flow(methods[i]);
    char *json = NULL;
    pf_error error = {0};
    o.steps = 0;
    o.budget = 1;
    o.blocks = i == 0 ? 2 : PF_METHOD_DEFAULT;
    pf_model *model = train_flow("law:moons", &o);
    must(pf_model_describe(model, &json, &error), &error);
    const char *steps = strstr(json, "\"steps\": ");
    assert_non_null(steps);
    pf_string_free(json);
    pf_model_free(model);
  }
}

/* Without held-out rows the averaged weights are the model. */
static void no_held_out_rows_are_needed(void **state) {
  (void)state;
  for (int v = 0; v < VARIANTS; v++) {
    pf_train_options o = variants[v].options();
    o.holdout_share = 0;
    bytes one = flow_bytes("law:moons", &o);
    o.threads = 3;
    bytes other = flow_bytes("law:moons", &o);
    expect_same_bytes(variants[v].name, one, other);
    free(one.data);
    free(other.data);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(threads_never_change_the_model),
      cmocka_unit_test(every_setting_changes_the_model),
      cmocka_unit_test(stopped_runs_end_in_the_same_bytes),
      cmocka_unit_test(a_student_joins_its_flow),
      cmocka_unit_test(runs_killed_between_blocks_end_in_the_same_bytes),
      cmocka_unit_test(halving_all_blocks_leaves_the_flow),
      cmocka_unit_test(a_checkpoint_belongs_to_one_run),
      cmocka_unit_test(bad_settings_are_one_clear_line),
      cmocka_unit_test(many_columns_are_trained),
      cmocka_unit_test(a_flow_that_learned_nothing_says_so),
      cmocka_unit_test(a_budget_becomes_steps),
      cmocka_unit_test(no_held_out_rows_are_needed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
