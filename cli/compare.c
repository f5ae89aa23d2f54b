/* pushforward compare: methods trained on the same rows within the same budget, in one table. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"

enum {
  OWN = 9,
  OPTIONS = CLI_TRAIN_OPTIONS + OWN,
  MOST_METHODS = 16,
  MOST_SEEDS = 20,
  MOST_ROWS = MOST_METHODS * MOST_SEEDS * PF_EVALUATION_ROWS
};

typedef struct settings {
  pf_train_options train;
  const char *methods, *holdout, *metrics;
  cli_choice choice;
  int64_t pairs, seeds;
  bool json, quiet;
} settings;

typedef struct result {
  pf_evaluation row;
  const char *method; /* "-" for a baseline */
  int64_t seed;
  double seconds; /* of training */
  int64_t train_steps;
} result;

/* A training or its measurement that failed: the others go on. */
typedef struct failure {
  const char *method;
  int64_t seed;
  pf_error error;
} failure;

typedef struct comparison {
  settings s;
  const char *source;
  bool law;
  pf_table *data, *train,
      *held; /* train and held NULL for a law: data is all trained on, fresh draws are measured */
  char **methods;
  int n_methods;
  result *results;
  int count;
  failure *failures; /* n_methods x seeds */
  int n_failures;
  cli_watch watch;
} comparison;

static void list_options(settings *s, cli_option out[OPTIONS]) {
  const cli_option own[OWN] = {
      CLI_OPTION_COLUMNS(&s->choice.columns, "use these columns only"),
      CLI_OPTION_DROP(&s->choice.drop),
      {.name = "holdout",
       .kind = CLI_TEXT,
       .target = &s->holdout,
       .placeholder = "FILE",
       .help = "rows to measure on; otherwise a share of DATA is cut off"},
      CLI_OPTION_LAW_ROWS(&s->choice.rows),
      CLI_OPTION_PAIRS(&s->pairs),
      CLI_OPTION_METRICS(&s->metrics),
      {.name = "seeds",
       .kind = CLI_INT,
       .target = &s->seeds,
       .placeholder = "N",
       .help = "train each method so often, with seeds from --seed on [1]"},
      CLI_OPTION_JSON(&s->json, "print one JSON object"),
      CLI_OPTION_QUIET(&s->quiet),
  };
  cli_train_rows(&s->train, out);
  memcpy(out + CLI_TRAIN_OPTIONS, own, sizeof own);
  for (int i = 0; i < CLI_TRAIN_OPTIONS; i++) {
    if (strcmp(out[i].name, "method") == 0)
      out[i] = (cli_option){.name = "methods",
                            .kind = CLI_TEXT,
                            .target = &s->methods,
                            .placeholder = "A,B,C",
                            .help = "methods to train, see `pushforward methods`"};
  }
}

static pf_status load_data(comparison *c, pf_error *error) {
  const settings *s = &c->s;
  pf_status status = cli_load(c->source, &s->choice, s->train.seed, &c->data, error);
  if (status != PF_OK || c->law) return status;
  if (s->holdout) return cli_load(s->holdout, &s->choice, s->train.seed, &c->held, error);
  return pf_table_split(c->data, s->train.holdout_share, (uint64_t)s->train.seed, &c->train, &c->held, error);
}

/* Finds a misspelt method before an hour is spent on the others. */
static pf_status check_methods(const comparison *c, pf_error *error) {
  if (c->n_methods > MOST_METHODS)
    return cli_error(error, PF_USAGE, "--methods names %d methods, at most %d", c->n_methods, MOST_METHODS);
  for (int m = 0; m < c->n_methods; m++) {
    const char *names[64];
    size_t count = 0;
    bool known = false;
    pf_entry entry;
    for (int i = 0; i < 64 && pf_method_entry(i, &entry); i++) {
      names[count++] = entry.name;
      known = known || strcmp(entry.name, c->methods[m]) == 0;
    }
    const char *nearest = pf_nearest_name(c->methods[m], names, count);
    if (!known)
      return cli_error(error, PF_USAGE, "unknown method '%.80s'%s%s%s see `pushforward methods`",
                       c->methods[m], nearest ? "; did you mean '" : "", nearest ? nearest : "",
                       nearest ? "'" : "");
  }
  return PF_OK;
}

/* An option that some of the methods read is for those; one that none does is a slip. */
static pf_status check_options(const comparison *c, const cli_call *call, pf_error *error) {
  pf_option_entry entry;
  for (int i = 0; pf_train_option_entry(i, &entry); i++) {
    bool read = !call->options[i].given;
    for (int m = 0; m < c->n_methods && !read; m++) read = pf_method_uses(c->methods[m], entry.name);
    if (!read)
      return cli_error(error, PF_USAGE, "--%s is of no use to any of these methods; it is an option of %s",
                       entry.flag, call->options[i].section);
  }
  return PF_OK;
}

/* ---- one method ---- */

static int64_t steps_of(const pf_model *model) {
  json_t *root = NULL;
  pf_error ignored;
  if (cli_describe(model, &root, &ignored) != PF_OK) return 0;
  int64_t steps = json_integer_value(json_object_get(json_object_get(root, "facts"), "steps"));
  json_decref(root);
  return steps;
}

/* Baselines do not depend on the method: the first set's are kept. */
static void keep(comparison *c, const result *of, const pf_evaluation_set *set) {
  bool first = c->count == 0;
  for (int i = 0; i < set->count && c->count < MOST_ROWS; i++) {
    const bool baseline = set->rows[i].steps == 0;
    result *r = &c->results[c->count];
    if (baseline && !first) continue;
    *r = baseline ? (result){.method = "-", .seed = of->seed} : *of;
    r->row = set->rows[i];
    c->count++;
  }
}

/* Keeps why a run failed and says so; what ends all of them is handed on. */
static pf_status note_failure(comparison *c, const char *method, int64_t seed, pf_status status,
                              pf_error *error) {
  if (status == PF_STOPPED || status == PF_NO_MEMORY) return status;
  c->failures[c->n_failures++] = (failure){method, seed, *error};
  cli_watch_wipe(&c->watch);
  cli_note("method '%s', seed %lld: %.400s", method, (long long)seed, error->message);
  return PF_OK;
}

static pf_evaluate_options measurement(const comparison *c) {
  pf_evaluate_options e = pf_evaluate_options_default();
  e.baselines = true;
  e.pairs = (int)c->s.pairs;
  e.metrics = c->s.metrics;
  e.seed = (uint64_t)c->s.train.seed; /* the same rows and draws for all */
  e.threads = (int)c->s.train.threads;
  e.train = c->train ? c->train : c->law ? NULL : c->data;
  return e;
}

static pf_status run_method(comparison *c, int method, int64_t seed, pf_error *error) {
  static pf_evaluation_set set;
  pf_model *model = NULL;
  pf_train_options o = cli_options_of(&c->s.train, c->methods[method]);
  pf_evaluate_options e = measurement(c);
  double begun = cli_seconds();
  o.seed = seed;
  o.hooks = e.hooks = cli_watch_hooks(&c->watch);
  pf_status status = pf_train(c->train ? c->train : c->data, c->held, &o, &model, error);
  double seconds = cli_seconds() - begun;
  const cli_real real = {
      .law = c->law ? c->source : NULL, .table = c->held, .train = c->train ? c->train : c->data};
  if (status == PF_OK) status = cli_give_conditions_of(model, &real, c->s.train.seed, error);
  if (status == PF_OK) status = pf_evaluate(model, c->held, c->law ? c->source : NULL, &e, &set, error);
  if (status == PF_OK) {
    result of = {.method = o.method, .seed = seed, .seconds = seconds, .train_steps = steps_of(model)};
    keep(c, &of, &set);
  } else {
    status = note_failure(c, o.method, seed, status, error);
  }
  pf_model_free(model);
  return status;
}

static pf_status run_all(comparison *c, const cli_call *call, pf_error *error) {
  pf_status status = cli_split(c->s.methods, &c->methods, &c->n_methods, error);
  if (status == PF_OK) status = check_methods(c, error);
  if (status == PF_OK) status = check_options(c, call, error);
  const pf_evaluate_options e = measurement(c);
  if (status == PF_OK) status = pf_evaluate_options_check(&e, error);
  if (status == PF_OK) status = load_data(c, error);
  if (status != PF_OK) return status;
  c->results = calloc(MOST_ROWS, sizeof *c->results);
  c->failures = calloc((size_t)(c->n_methods * c->s.seeds) + 1, sizeof *c->failures);
  if (!c->results || !c->failures) return cli_error(error, PF_NO_MEMORY, "out of memory");
  status = cli_watch_begin(&c->watch, c->s.quiet, NULL, error);
  for (int m = 0; m < c->n_methods; m++)
    for (int64_t k = 0; k < c->s.seeds && status == PF_OK; k++)
      status = run_method(c, m, c->s.train.seed + k, error);
  cli_watch_end(&c->watch, status, error);
  return status;
}

/* ---- output ---- */

static int print_object(const comparison *c) {
  json_t *runs = json_array();
  for (int i = 0; i < c->count; i++) {
    const result *r = &c->results[i];
    json_array_append_new(runs, json_pack("{s:s, s:s, s:I, s:I, s:I, s:f, s:o}", "method", r->method, "name",
                                          r->row.name, "seed", (json_int_t)r->seed, "steps",
                                          (json_int_t)r->row.steps, "train_steps", (json_int_t)r->train_steps,
                                          "train_s", r->seconds, "metrics", cli_json_metrics(&r->row)));
  }
  json_t *failed = json_array();
  for (int i = 0; i < c->n_failures; i++) {
    const failure *f = &c->failures[i];
    json_array_append_new(failed, json_pack("{s:s, s:I, s:s}", "method", f->method, "seed",
                                            (json_int_t)f->seed, "error", f->error.message));
  }
  return cli_print_json(json_pack("{s:s, s:o, s:o, s:o}", "data", c->source, "budget_s",
                                  c->s.train.budget > 0 ? json_real(c->s.train.budget) : json_null(), "runs",
                                  runs, "failed", failed));
}

static bool is_baseline(const result *r) { return r->row.steps == 0; }

static bool same_generator(const result *a, const result *b) {
  return strcmp(a->method, b->method) == 0 && strcmp(a->row.name, b->row.name) == 0;
}

static bool is_first_of_its_seeds(const comparison *c, int i) {
  for (int k = 0; k < i; k++)
    if (same_generator(&c->results[k], &c->results[i])) return false;
  return true;
}

/* Mean and standard deviation over the seeds of the generator of results[first], metric by metric. */
static void over_seeds(const comparison *c, int first, pf_evaluation *mean, pf_evaluation *deviation) {
  const result *own = &c->results[first];
  *mean = *deviation = own->row;
  snprintf(deviation->name, sizeof deviation->name, "  standard deviation");
  for (int m = 0; m < own->row.n_metrics; m++) {
    double sum = 0, squares = 0;
    int n = 0;
    for (int i = first; i < c->count; i++) {
      const result *r = &c->results[i];
      if (!same_generator(r, own) || m >= r->row.n_metrics) continue;
      const double move = r->row.metrics[m].excess - own->row.metrics[m].excess;
      sum += move;
      squares += move * move;
      n++;
    }
    mean->metrics[m].excess = own->row.metrics[m].excess + sum / n;
    deviation->metrics[m].excess = n > 1 ? sqrt(fmax(squares - sum * sum / n, 0) / (n - 1)) : NAN;
  }
}

/* Every run of every seed, or the generators' means over them. */
static int print_rows(const comparison *c, bool means) {
  pf_evaluation *rows = calloc(2 * (size_t)c->count + 1, sizeof *rows);
  const char **methods = calloc(2 * (size_t)c->count + 1, sizeof *methods);
  char(*labels)[64] = calloc((size_t)c->count + 1, sizeof *labels);
  int n = 0;
  if (rows && methods && labels) {
    for (int i = 0; i < c->count; i++) {
      const result *r = &c->results[i];
      if (means && (is_baseline(r) || !is_first_of_its_seeds(c, i))) continue;
      snprintf(labels[i], sizeof labels[i],
               c->s.seeds > 1 && !means && !is_baseline(r) ? "%s, seed %lld" : "%s", r->method,
               (long long)r->seed);
      methods[n] = labels[i];
      rows[n++] = r->row;
      if (!means) continue;
      methods[n] = "";
      over_seeds(c, i, &rows[n - 1], &rows[n]);
      n++;
    }
    putchar('\n');
    if (means) printf("means over %lld seeds: ", (long long)c->s.seeds);
    cli_print_excess(rows, methods, n);
  }
  bool done = rows && methods && labels;
  free(rows);
  free(methods);
  free(labels);
  return done ? 0 : cli_usage("out of memory");
}

static int print_text(const comparison *c) {
  const result *last = NULL;
  for (int i = 0; i < c->count; i++) {
    const result *r = &c->results[i];
    if (is_baseline(r)) continue;
    if (!last || strcmp(r->method, last->method) != 0 || r->seed != last->seed) {
      printf("%s", r->method);
      if (c->s.seeds > 1) printf(", seed %lld", (long long)r->seed);
      printf(": %lld training steps in %.1f s\n", (long long)r->train_steps, r->seconds);
    }
    last = r;
  }
  int code = print_rows(c, false);
  return code == 0 && c->s.seeds > 1 ? print_rows(c, true) : code;
}

static int run_compare(int argc, char **argv) {
  comparison c = {.s = {.train = pf_train_options_default()}};
  cli_option options[OPTIONS];
  list_options(&c.s, options);
  cli_call call = {&cli_compare, options, OPTIONS, {NULL}, 0};
  pf_error error = {0};
  int code = cli_parse(&call, argc, argv);
  if (code != CLI_GO_ON) return code;
  if (!c.s.methods) return cli_usage("compare needs --methods A,B,C, see `pushforward methods`");
  c.source = call.operands[0];
  c.law = cli_is_law(c.source);
  if (c.s.seeds == 0) c.s.seeds = 1;
  if (c.s.seeds < 1 || c.s.seeds > MOST_SEEDS)
    return cli_usage("--seeds is %lld, must be 1 to %d", (long long)c.s.seeds, MOST_SEEDS);
  if (c.s.train.steps == 0 && c.s.train.budget == 0) c.s.train.budget = 60;
  code = run_all(&c, &call, &error) != PF_OK ? cli_fail(&error)
         : c.s.json                          ? print_object(&c)
                                             : print_text(&c);
  if (code == 0 && c.n_failures > 0) code = pf_status_exit_code(c.failures[0].error.status);
  free(c.failures);
  pf_table_free(c.data);
  pf_table_free(c.train);
  pf_table_free(c.held);
  free(c.methods);
  free(c.results);
  return code;
}

const cli_verb cli_compare = {
    .name = "compare",
    .purpose = "train several methods within one budget, one table",
    .usage = "DATA --methods A,B,C [--budget 60s] [options]",
    .details =
        "Trains each method on the same rows with the same budget (60s when neither --budget nor --steps is "
        "given) and\n"
        "measures each with one step, more steps and its teacher, beside baselines that need no network.\n"
        "A method that fails is named, the others go on; the exit code is then that of the first failure.\n",
    .examples = "  pushforward compare law:8gaussians --methods w1fe,wgan-gp --steps 3000 --seeds 3\n"
                "  pushforward compare law:moons --methods characteristic,flow-matching --budget 30s\n"
                "  pushforward compare people.csv --methods characteristic --budget 3m --json\n",
    .least = 1,
    .most = 1,
    .run = run_compare};
