/* pushforward report: one self-contained page about a model. */
#include <stdlib.h>
#include <string.h>
#include "cli.h"

typedef struct settings {
  pf_report_options report;
  const char *output, *train, *beside, *from, *pictures;
  int64_t pairs, seed, threads;
  bool quiet;
} settings;

/* MODEL.html beside the model: "a/b.safetensors" -> "a/b.html". */
static char *default_output(const char *model) {
  const char *slash = strrchr(model, '/'), *dot = strrchr(slash ? slash : model, '.');
  size_t length = dot && dot != model && dot != slash + 1 ? (size_t)(dot - model) : strlen(model);
  char *path = malloc(length + sizeof ".html");
  if (path) {
    memcpy(path, model, length);
    memcpy(path + length, ".html", sizeof ".html");
  }
  return path;
}

/* The models that are drawn beside the first. */
typedef struct others {
  char **paths;
  int count;
  pf_model *models[PF_REPORT_BESIDE];
  const char *names[PF_REPORT_BESIDE];
} others;

static void free_others(others *o) {
  for (int i = 0; i < o->count && i < PF_REPORT_BESIDE; i++) pf_model_free(o->models[i]);
  free(o->paths);
}

/* On failure as well, free_others frees what there is. */
static pf_status load_others(const char *list, others *o, pf_error *error) {
  pf_status status = cli_split(list, &o->paths, &o->count, error);
  if (status == PF_OK && o->count > PF_REPORT_BESIDE)
    status = cli_error(error, PF_USAGE, "--beside names %d models, at most %d", o->count, PF_REPORT_BESIDE);
  for (int i = 0; status == PF_OK && i < o->count; i++) {
    const char *slash = strrchr(o->paths[i], '/');
    o->names[i] = slash ? slash + 1 : o->paths[i];
    status = pf_model_load(o->paths[i], &o->models[i], error);
  }
  return status;
}

static pf_status write_report(settings *s, const cli_call *call, const char *output, pf_error *error) {
  pf_model *model = NULL;
  cli_real real = {0};
  cli_watch watch = {0};
  others beside = {0};
  pf_status status = cli_check_writable(output, error);
  if (status == PF_OK) status = pf_model_load(call->operands[0], &model, error);
  const cli_source source = {.from = s->from, .seed = s->seed};
  if (status == PF_OK) status = cli_open_source(model, &source, NULL, error);
  if (status == PF_OK) status = load_others(s->beside, &beside, error);
  if (status == PF_OK) status = cli_open_real(model, call->operands[1], s->train, &real, error);
  if (status == PF_OK) status = cli_give_conditions_of(model, &real, s->seed, error);
  char *command = cli_repeated(call, real.source);
  if (status == PF_OK && !command) status = cli_error(error, PF_NO_MEMORY, "out of memory");
  if (status == PF_OK) status = cli_watch_begin(&watch, s->quiet, NULL, error);
  if (status == PF_OK) {
    s->report.command = command;
    s->report.beside = (const pf_model *const *)beside.models;
    s->report.beside_names = beside.names;
    s->report.n_beside = beside.count;
    s->report.evaluate.train = real.train;
    s->report.evaluate.hooks = cli_watch_hooks(&watch);
    status = pf_report(model, real.table, real.law, &s->report, output, error);
    cli_watch_end(&watch, status, error);
  }
  free(command);
  cli_real_free(&real);
  free_others(&beside);
  pf_model_free(model);
  return status;
}

/* "16x16"; false unless two positive numbers are all there is. */
static bool read_size(const char *text, int *width, int *height) {
  int used = 0;
  return sscanf(text, "%6dx%6d%n", width, height, &used) == 2 && text[used] == 0 && *width > 0 && *height > 0;
}

static int run_report(int argc, char **argv) {
  settings s = {.report = {.evaluate = pf_evaluate_options_default()}};
  pf_evaluate_options *e = &s.report.evaluate;
  e->baselines = true;
  s.seed = (int64_t)e->seed;
  cli_option options[] = {
      {.name = "output",
       .kind = CLI_TEXT,
       .target = &s.output,
       .placeholder = "FILE",
       .letter = 'o',
       .help = "the page to write; otherwise the model's name with .html"},
      {.name = "title",
       .kind = CLI_TEXT,
       .target = &s.report.title,
       .placeholder = "TEXT",
       .help = "title of the page"},
      {.name = "beside",
       .kind = CLI_TEXT,
       .target = &s.beside,
       .placeholder = "A,B",
       .help = "models whose training curves are drawn into the same charts, 5 at most"},
      CLI_OPTION_WORDS("pictures", &s.pictures, "WxH",
                       "rows are grey pictures of this size, row by row from the top"),
      CLI_OPTION_EVALUATIONS(&e->steps),
      CLI_OPTION_PAIRS(&s.pairs),
      CLI_OPTION_SAMPLE_ROWS(&e->rows),
      CLI_OPTION_FROM(&s.from, CLI_SOURCE_HELP),
      CLI_OPTION_TRAIN_ROWS(&s.train),
      CLI_OPTION_SEED(&s.seed, "every draw"),
      CLI_OPTION_THREADS(&s.threads),
      CLI_OPTION_QUIET(&s.quiet),
  };
  cli_call call = {&cli_report, options, sizeof options / sizeof *options, {NULL}, 0};
  pf_error error = {0};
  int code = cli_parse(&call, argc, argv);
  if (code != CLI_GO_ON) return code;
  if (s.pictures && !read_size(s.pictures, &s.report.picture_width, &s.report.picture_height))
    return cli_usage("--pictures is '%.40s', must be like 28x28", s.pictures);
  e->pairs = (int)s.pairs;
  e->seed = (uint64_t)s.seed;
  e->threads = (int)s.threads;
  char *made = s.output ? NULL : default_output(call.operands[0]);
  const char *output = s.output ? s.output : made;
  if (!output) return cli_usage("out of memory");
  code = write_report(&s, &call, output, &error) == PF_OK ? 0 : cli_fail(&error);
  if (code == 0 && !s.quiet) cli_note("wrote %s", output);
  free(made);
  return code;
}

const cli_verb cli_report = {
    .name = "report",
    .purpose = "write one self-contained page about a model",
    .usage = "MODEL [DATA] [-o FILE]",
    .details = "Without DATA the page measures against what the model recorded at its training.\n",
    .examples = "  pushforward report people.safetensors held_out.csv -o report.html\n"
                "  pushforward report moons.safetensors\n"
                "  pushforward report k1.safetensors --beside k5.safetensors,k20.safetensors\n",
    .least = 1,
    .most = 2,
    .run = run_report};
