/* pushforward train: data in, model out. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli.h"

/* The training's own settings after the library's. */
typedef struct settings {
  pf_train_options train;
  const char *output, *holdout, *log, *config, *from, *to;
  cli_choice choice;
  bool resume, quiet, json, profile;
} settings;

enum { OWN = 13, OPTIONS = CLI_TRAIN_OPTIONS + OWN };

typedef struct run {
  settings s;
  const char *source;
  pf_table *data, *held, *from;
  pf_model *model;
  pf_transport transport;
  char *checkpoint, *command;
  cli_watch watch;
} run;

static void list_options(settings *s, cli_option out[OPTIONS]) {
  const cli_option own[OWN] = {
      {.name = "output",
       .kind = CLI_TEXT,
       .target = &s->output,
       .placeholder = "MODEL",
       .letter = 'o',
       .help = "the model file to write"},
      CLI_OPTION_FROM(&s->from, "carry the rows of SOURCE, a table or a law of as many columns, to DATA"),
      CLI_OPTION_WORDS("to", &s->to, "TARGET", "another way to give DATA"),
      CLI_OPTION_COLUMNS(&s->choice.columns, "train on these columns only"),
      CLI_OPTION_DROP(&s->choice.drop),
      {.name = "holdout",
       .kind = CLI_TEXT,
       .target = &s->holdout,
       .placeholder = "FILE",
       .help = "held-out rows; otherwise a share of DATA is cut off"},
      CLI_OPTION_LAW_ROWS(&s->choice.rows),
      {.name = "resume",
       .kind = CLI_FLAG,
       .target = &s->resume,
       .help = "go on from MODEL.checkpoint when it exists"},
      {.name = "config",
       .kind = CLI_TEXT,
       .target = &s->config,
       .placeholder = "FILE",
       .help = "JSON object of option: value; the command line wins"},
      {.name = "log",
       .kind = CLI_TEXT,
       .target = &s->log,
       .placeholder = "FILE",
       .help = "write a JSON-lines log"},
      {.name = "profile",
       .kind = CLI_FLAG,
       .target = &s->profile,
       .help = "show where a step's time goes; never changes the result"},
      CLI_OPTION_QUIET(&s->quiet),
      CLI_OPTION_JSON(&s->json, "print what was trained as one JSON object"),
  };
  memcpy(out, own, sizeof own);
  cli_train_rows(&s->train, out + OWN);
}

/* ---- data ---- */

/* Held-out rows have the columns of the training data, wherever these stand in the file. */
static pf_status load_held(run *r, pf_error *error) {
  if (!r->s.holdout) return PF_OK;
  int n = pf_table_columns(r->data);
  const char **names = calloc((size_t)n, sizeof *names);
  if (!names) return cli_error(error, PF_NO_MEMORY, "out of memory");
  for (int j = 0; j < n; j++) names[j] = pf_table_column_name(r->data, j);
  pf_load_options load = {.columns = names, .n_columns = n, .seed = (uint64_t)r->s.train.seed + 1};
  pf_status status = pf_table_load(r->s.holdout, &load, &r->held, error);
  free(names);
  return status;
}

/* --rows is for laws, whichever of the two is one. */
static pf_status load_data(run *r, pf_error *error) {
  cli_choice choice = r->s.choice;
  if (r->s.from && strcmp(r->s.from, "-") == 0 && strcmp(r->source, "-") == 0)
    return cli_error(error, PF_USAGE, "--from and DATA are both standard input");
  if (cli_is_law(r->s.from) && !cli_is_law(r->source)) choice.rows = 0;
  return cli_load(r->source, &choice, r->s.train.seed, &r->data, error);
}

/* A table gives the columns that are chosen of DATA; a law is taken whole. Never the draws of DATA again. */
static pf_status load_source(run *r, pf_error *error) {
  cli_choice choice = r->s.choice;
  if (!r->s.from) return PF_OK;
  if (cli_is_law(r->s.from))
    choice.columns = choice.drop = NULL;
  else
    choice.rows = 0;
  r->s.train.from_name = r->s.from;
  pf_status status = cli_load(r->s.from, &choice, cli_source_seed(r->s.train.seed), &r->from, error);
  r->s.train.from = r->from;
  return status;
}

/* ---- training ---- */

static pf_status prepare(run *r, const cli_option *options, pf_error *error) {
  size_t room = strlen(r->s.output) + sizeof ".checkpoint";
  pf_status status = cli_check_writable(r->s.output, error);
  if (status == PF_OK) status = load_data(r, error);
  if (status == PF_OK) status = load_source(r, error);
  if (status == PF_OK) status = load_held(r, error);
  if (status != PF_OK) return status;
  r->checkpoint = malloc(room);
  r->command = cli_canonical("train", r->source, options, OPTIONS);
  if (!r->checkpoint || !r->command) return cli_error(error, PF_NO_MEMORY, "out of memory");
  snprintf(r->checkpoint, room, "%s.checkpoint", r->s.output);
  r->s.train.checkpoint = r->checkpoint;
  r->s.train.resume = r->s.resume;
  r->s.train.command = r->command;
  r->s.train.source = r->source;
  return PF_OK;
}

/* How straight a source was carried over: seconds, where the training took minutes. */
static pf_status measure_transport(run *r, pf_error *error) {
  if (!r->from || (r->s.quiet && !r->s.json)) return PF_OK;
  pf_evaluate_options o = pf_evaluate_options_default();
  o.threads = (int)r->s.train.threads;
  pf_status status = pf_model_set_source(r->model, r->from, false, error);
  return status == PF_OK ? pf_transport_measure(r->model, r->data, NULL, &o, &r->transport, error) : status;
}

/* The checkpoint stays until the model is safe on disk. */
static pf_status train_and_save(run *r, pf_error *error) {
  pf_status status = pf_train(r->data, r->held, &r->s.train, &r->model, error);
  if (status == PF_OK) status = pf_model_save(r->model, r->s.output, error);
  if (status == PF_OK) unlink(r->checkpoint);
  if (status == PF_OK) status = measure_transport(r, error);
  if (status == PF_STOPPED) {
    pf_error inner = *error;
    cli_error(error, status, "%.350s; the same command with --resume goes on from there", inner.message);
  }
  return status;
}

static pf_status run_training(run *r, const cli_option *options, pf_error *error) {
  pf_status status = prepare(r, options, error);
  if (status != PF_OK) return status;
  status = cli_watch_begin(&r->watch, r->s.quiet, r->s.log, error);
  if (status != PF_OK) return status;
  r->s.train.hooks = cli_watch_hooks(&r->watch);
  if (r->s.profile) r->s.train.hooks.profile = cli_profile_show;
  cli_log_event(&r->watch, "begin", "command", r->command);
  status = train_and_save(r, error);
  cli_watch_end(&r->watch, status, error);
  return status;
}

static int announce(run *r) {
  double seconds = cli_seconds() - r->watch.begun;
  const pf_transport *t = &r->transport;
  if (!r->s.quiet) cli_note("trained in %.1f s: %s", seconds, r->s.output);
  if (!r->s.quiet && t->has_source)
    cli_note("transport cost %.4g, exact W2^2 %.4g (floor %.2g), normalised path energy %.3g", t->cost, t->w2,
             t->floor, t->path_energy);
  if (!r->s.json) return 0;
  pf_error error = {0};
  json_t *facts = NULL;
  if (cli_describe(r->model, &facts, &error) != PF_OK) return cli_fail(&error);
  return cli_print_json(json_pack("{s:s, s:f, s:o, s:o, s:O*}", "model", r->s.output, "train_s", seconds,
                                  "description", facts, "transport", cli_json_transport(t), "profile",
                                  r->watch.profiles));
}

static void free_run(run *r) {
  pf_table_free(r->data);
  pf_table_free(r->held);
  pf_table_free(r->from);
  pf_model_free(r->model);
  json_decref(r->watch.profiles);
  free(r->checkpoint);
  free(r->command);
}

static int run_train(int argc, char **argv) {
  run r = {.s.train = pf_train_options_default()};
  cli_option options[OPTIONS];
  list_options(&r.s, options);
  cli_call call = {&cli_train, options, OPTIONS, {NULL}, 0};
  pf_error error = {0};
  int code = cli_parse(&call, argc, argv);
  if (code != CLI_GO_ON) return code;
  if (r.s.config && cli_read_config(&call, r.s.config, &error) != PF_OK) return cli_fail(&error);
  if (!r.s.output) return cli_usage("train needs -o MODEL, the file to write");
  if (!call.operands[0] == !r.s.to)
    return cli_usage("train needs DATA or --to TARGET, %s", r.s.to ? "not both" : "what to learn");
  r.source = r.s.to ? r.s.to : call.operands[0];
  code = run_training(&r, options, &error) == PF_OK ? announce(&r) : cli_fail(&error);
  free_run(&r);
  return code;
}

const cli_verb cli_train = {
    .name = "train",
    .purpose = "learn a generator from a table",
    .usage = "DATA -o MODEL [options]",
    .details =
        "Learns a map from Gaussian noise to rows like those of DATA: a .csv, .npy or .npz file, "
        "FILE.npz:ARRAY,\n"
        "- for CSV on standard input, or law:NAME. A checkpoint is kept in MODEL.checkpoint while "
        "training; after an\n"
        "interruption (exit 130) or a crash the same command with --resume ends in the very same "
        "model. The same\n"
        "seed and settings give the same bytes, for any number of threads.\n\n"
        "With --from SOURCE the map starts from rows of SOURCE in place of noise: transport of one law to "
        "another, unpaired.\n"
        "The transport cost and the normalised path energy are printed at the end.\n",
    .examples = "  pushforward train people.csv -o people.safetensors --budget 3m\n"
                "  pushforward train law:moons -o moons.safetensors --steps 20000 --seed 7\n"
                "  pushforward train people.csv -o people.safetensors --drop id,name --holdout later.csv\n"
                "  pushforward train --from law:moons --to law:8gaussians -o moved.safetensors --method "
                "flow-matching --coupling optimal\n",
    .least = 0,
    .most = 1,
    .run = run_train};
