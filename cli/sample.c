/* pushforward sample: rows from a model, in chunks, so that any number of them fits in memory. */
#include <math.h>
#include <string.h>
#include "cli.h"

enum { CHUNK_VALUES = 1 << 20 };

typedef struct settings {
  pf_sample_options sample;
  int64_t n, seed, threads;
  const char *output, *from, *given, *trajectory;
  bool quiet;
} settings;

/* Writes n samples; the writer is given up to the caller in *writer until it is committed. */
static pf_status write_chunks(const settings *s, const pf_model *model, cli_watch *watch,
                              pf_table_writer **writer, pf_error *error) {
  pf_sample_options o = s->sample;
  int64_t chunk = CHUNK_VALUES / pf_model_columns(model), done = 0;
  if (chunk < 256) chunk = 256;
  pf_status status = PF_OK;
  while (status == PF_OK && done < s->n) {
    pf_table *rows = NULL;
    int64_t count = s->n - done < chunk ? s->n - done : chunk;
    if (cli_stopped()) return cli_error(error, PF_STOPPED, "stopped after %lld samples", (long long)done);
    o.first = s->sample.first + done;
    status = pf_model_sample_table(model, &o, count, &rows, error);
    if (status == PF_OK && !*writer) status = pf_table_writer_open(s->output, rows, s->n, writer, error);
    if (status == PF_OK) status = pf_table_writer_add(*writer, rows, error);
    pf_table_free(rows);
    done += count;
    pf_progress progress = {"sampling", done, s->n, NAN, 0, NAN};
    double seconds = cli_seconds() - watch->begun;
    progress.eta_seconds = seconds / (double)done * (double)(s->n - done);
    if (seconds > 1) cli_watch_show(watch, &progress);
  }
  return status;
}

/* Sample i starts from row i of the source; of a law as many rows are drawn as it takes. Without -n: every row. */
static pf_status open_source(settings *s, pf_model *model, pf_error *error) {
  int64_t rows = 0;
  cli_source source = {
      .from = s->from, .rows = s->n ? s->sample.first + s->n : 0, .seed = s->seed, .in_order = true};
  pf_status status = cli_open_source(model, &source, &rows, error);
  if (status != PF_OK || s->n > 0) return status;
  s->n = rows - s->sample.first;
  if (s->n > 0) return PF_OK;
  return cli_error(error, PF_USAGE, "--first is %lld, but the source has %lld rows",
                   (long long)s->sample.first, (long long)rows);
}

/* Sample i has the conditions of row i. Without -n: every row. */
static pf_status open_conditions(settings *s, pf_model *model, pf_error *error) {
  int64_t rows = 0;
  pf_status status = cli_open_given(model, s->given, s->seed, &rows, error);
  if (status != PF_OK || s->n > 0) return status;
  s->n = rows - s->sample.first;
  if (s->n > 0) return PF_OK;
  if (rows == 0) return cli_error(error, PF_USAGE, "sample needs -n N, the number of samples");
  return cli_error(error, PF_USAGE, "--first is %lld, but the conditions have %lld rows",
                   (long long)s->sample.first, (long long)rows);
}

static pf_status check_paths(const settings *s, pf_error *error) {
  if (!s->trajectory) return PF_OK;
  if (strcmp(s->trajectory, "-") == 0)
    return cli_error(error, PF_USAGE, "--trajectory needs a file: the rows may go to standard output");
  if (strcmp(s->trajectory, s->output) == 0)
    return cli_error(error, PF_USAGE, "--output and --trajectory are both '%.200s'", s->trajectory);
  pf_status status = strcmp(s->output, "-") == 0 ? PF_OK : cli_check_writable(s->output, error);
  return status == PF_OK ? cli_check_writable(s->trajectory, error) : status;
}

/* Before the rows: the bytes of the one pass are the last nodes of the other. */
static pf_status write_trajectory(const settings *s, const pf_model *model, cli_watch *watch,
                                  pf_error *error) {
  const pf_hooks hooks = cli_watch_hooks(watch);
  return s->trajectory ? pf_model_write_paths(model, &s->sample, s->n, s->trajectory, &hooks, error) : PF_OK;
}

static pf_status sample_to(settings *s, const char *path, pf_error *error) {
  pf_model *model = NULL;
  pf_table_writer *writer = NULL;
  cli_watch watch = {0};
  pf_status status = check_paths(s, error);
  if (status == PF_OK) status = pf_model_load(path, &model, error);
  if (status != PF_OK) return status;
  if (s->from || !s->given) status = open_source(s, model, error);
  if (status == PF_OK && s->given) status = open_conditions(s, model, error);
  if (status == PF_OK) status = cli_watch_begin(&watch, s->quiet, NULL, error);
  if (status == PF_OK) status = write_trajectory(s, model, &watch, error);
  if (status == PF_OK) status = write_chunks(s, model, &watch, &writer, error);
  if (status == PF_OK)
    status = pf_table_writer_commit(writer, error);
  else
    pf_table_writer_abort(writer);
  cli_watch_end(&watch, status, error);
  pf_model_free(model);
  return status;
}

static int run_sample(int argc, char **argv) {
  settings s = {.sample = pf_sample_options_default(), .seed = 1, .output = "-"};
  cli_option options[] = {
      {.name = "rows",
       .kind = CLI_INT,
       .target = &s.n,
       .placeholder = "N",
       .letter = 'n',
       .low = 1,
       .high = INT64_C(1) << 50,
       .help = "samples to draw"},
      CLI_OPTION_FROM(&s.from, "map the rows of SOURCE in order, all of them without -n, for a model "
                               "trained with --from"),
      CLI_OPTION_WORDS("given", &s.given, "C",
                       "conditions: a file, row i for sample i and all of them without -n, or A=5,B=0.3"),
      CLI_OPTION_OUTPUT(&s.output),
      CLI_OPTION_EVALUATIONS(&s.sample.steps),
      {.name = "teacher",
       .kind = CLI_FLAG,
       .target = &s.sample.teacher,
       .help = "integrate the learned velocity, with K steps, instead of the one-step map"},
      {.name = "solver",
       .kind = CLI_TEXT,
       .target = &s.sample.solver,
       .placeholder = "NAME",
       .help = "integrate the velocity, or every block of a flow, by K steps of this one (`pushforward "
               "solvers`)"},
      {.name = "precision",
       .kind = CLI_TEXT,
       .target = &s.sample.precision,
       .placeholder = "P",
       .help = "f32 (default), bf16 or auto: of the network's large matrix products"},
      CLI_OPTION_WORDS(
          "trajectory", &s.trajectory, "FILE",
          "the way of every row too, from its noise: NPY, N x (K+1) x d; of a flow N x (blocks K + 1) x d"),
      CLI_OPTION_SEED(&s.seed, "the draw"),
      {.name = "first",
       .kind = CLI_INT,
       .target = &s.sample.first,
       .placeholder = "I",
       .low = 0,
       .high = INT64_C(1) << 50,
       .help = "index of the first sample: pieces equal one long run"},
      CLI_OPTION_THREADS(&s.threads),
      CLI_OPTION_QUIET(&s.quiet),
  };
  cli_call call = {&cli_sample, options, sizeof options / sizeof *options, {NULL}, 0};
  pf_error error = {0};
  int code = cli_parse(&call, argc, argv);
  if (code != CLI_GO_ON) return code;
  if (s.n == 0 && (!s.from || cli_is_law(s.from)) && (!s.given || cli_is_law(s.given)))
    return cli_usage("sample needs -n N, the number of samples%s", s.from ? " to draw of a law" : "");
  s.sample.seed = (uint64_t)s.seed;
  s.sample.threads = (int)s.threads;
  return sample_to(&s, call.operands[0], &error) == PF_OK ? 0 : cli_fail(&error);
}

const cli_verb cli_sample = {
    .name = "sample",
    .purpose = "draw rows from a model, one network evaluation each",
    .usage = "MODEL -n N | --from SOURCE [options]",
    .details =
        "Sample i of a seed is the same however the range is cut into calls and for any number of threads.\n"
        "An output file appears whole or not at all.\n"
        "--trajectory keeps the states between the K steps of the generator, --teacher or --solver (not "
        "dopri5), in "
        "the data's\n"
        "units: the first is the noise, the last the row. A row's states lie together, so that a file of any "
        "length "
        "is written\n"
        "as it goes; rows are drawn a second time for it.\n"
        "A model trained with --from SOURCE maps rows: sample i is where row i of --from goes, beginning "
        "anew after "
        "the\n"
        "last; the columns are taken by number. One trained from law:NAME draws from that law by itself.\n"
        "A model trained with --condition A,B generates the other columns for the values of these in "
        "--given; they stand in "
        "the\n"
        "samples as they were given.\n",
    .examples = "  pushforward sample people.safetensors -n 1000\n"
                "  pushforward sample people.safetensors -n 1e6 -o people.npy\n"
                "  pushforward sample people.safetensors -n 500 --first 1000 --seed 7 -o third.csv\n"
                "  pushforward sample people.safetensors -n 1000 --solver heun --steps 20\n"
                "  pushforward sample shower.safetensors -n 1000 --given energy=50,angle=0.3\n"
                "  pushforward sample shower.safetensors --given incoming.csv -o showers.csv\n"
                "  pushforward sample people.safetensors -n 500 --teacher --steps 50 --trajectory ways.npy "
                "-o rows.npy\n"
                "  pushforward sample moons-to-8gaussians.safetensors --from moons.csv -o moved.csv\n",
    .least = 1,
    .most = 1,
    .run = run_sample};
