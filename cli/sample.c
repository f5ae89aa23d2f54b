/* pushforward sample: rows from a model, in chunks, so that any number of them fits in memory. */
#include <math.h>
#include "cli.h"

enum { CHUNK_VALUES = 1 << 20 };

typedef struct settings {
  pf_sample_options sample;
  int64_t n, seed, threads;
  const char *output;
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

static pf_status sample_to(const settings *s, const char *path, pf_error *error) {
  pf_model *model = NULL;
  pf_table_writer *writer = NULL;
  cli_watch watch = {0};
  pf_status status = pf_model_load(path, &model, error);
  if (status != PF_OK) return status;
  status = cli_watch_begin(&watch, s->quiet, NULL, error);
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
      CLI_OPTION_OUTPUT(&s.output),
      CLI_OPTION_EVALUATIONS(&s.sample.steps),
      {.name = "teacher",
       .kind = CLI_FLAG,
       .target = &s.sample.teacher,
       .help = "integrate the learned velocity, with K steps, instead of the one-step map"},
      {.name = "precision",
       .kind = CLI_TEXT,
       .target = &s.sample.precision,
       .placeholder = "P",
       .help = "f32 (default), bf16 or auto: of the network's large matrix products"},
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
  if (s.n == 0) return cli_usage("sample needs -n N, the number of samples");
  s.sample.seed = (uint64_t)s.seed;
  s.sample.threads = (int)s.threads;
  return sample_to(&s, call.operands[0], &error) == PF_OK ? 0 : cli_fail(&error);
}

const cli_verb cli_sample = {
    .name = "sample",
    .purpose = "draw rows from a model, one network evaluation each",
    .usage = "MODEL -n N [options]",
    .details =
        "Sample i of a seed is the same however the range is cut into calls and for any number of threads.\n"
        "An output file appears whole or not at all.\n",
    .examples = "  pushforward sample people.safetensors -n 1000\n"
                "  pushforward sample people.safetensors -n 1e6 -o people.npy\n"
                "  pushforward sample people.safetensors -n 500 --first 1000 --seed 7 -o third.csv\n",
    .least = 1,
    .most = 1,
    .run = run_sample};
