/* pushforward density and encode: what a flow with likelihood says about given rows. */
#include <stdlib.h>
#include "cli.h"

typedef struct settings {
  pf_density_options density;
  int64_t seed, threads;
  const char *output;
  bool inverse;
} settings;

#define DENSITY_OPTIONS(s)                                                                                   \
  CLI_OPTION_OUTPUT(&(s).output),                                                                            \
      {.name = "steps",                                                                                      \
       .kind = CLI_INT,                                                                                      \
       .target = &(s).density.steps,                                                                         \
       .placeholder = "K",                                                                                   \
       .low = 1,                                                                                             \
       .high = 1000,                                                                                         \
       .help = "Runge-Kutta steps per block; default: the model's own"},                                     \
      {.name = "tolerance",                                                                                  \
       .kind = CLI_REAL,                                                                                     \
       .target = &(s).density.tolerance,                                                                     \
       .placeholder = "E",                                                                                   \
       .help = "adaptive steps with this relative tolerance instead"},                                       \
      CLI_OPTION_SEED(&(s).seed, "the draws that spread discrete columns"), CLI_OPTION_THREADS(&(s).threads)

static pf_status write_densities(const pf_model *model, const settings *s, const pf_table *rows,
                                 pf_error *error) {
  static const char *const names[] = {"log_density"};
  int64_t n = pf_table_rows(rows);
  double *log_density = malloc((size_t)n * sizeof *log_density);
  pf_table *table = NULL;
  if (!log_density) return cli_error(error, PF_NO_MEMORY, "out of memory");
  pf_status status = pf_model_log_density(model, &s->density, rows, log_density, error);
  if (status == PF_OK) status = pf_table_from_values(n, 1, log_density, names, &table, error);
  if (status == PF_OK) status = pf_table_write(table, s->output, error);
  pf_table_free(table);
  free(log_density);
  return status;
}

static pf_status write_rows(const pf_model *model, const settings *s, const pf_table *rows, pf_error *error) {
  pf_table *table = NULL;
  pf_status status = s->inverse ? pf_model_decode(model, &s->density, rows, &table, error)
                                : pf_model_encode(model, &s->density, rows, &table, error);
  if (status == PF_OK) status = pf_table_write(table, s->output, error);
  pf_table_free(table);
  return status;
}

typedef pf_status writer(const pf_model *model, const settings *s, const pf_table *rows, pf_error *error);

/* Of data the model's own columns are taken, by name; noise has names of its own. One row is enough. */
static pf_status load_rows(const pf_model *model, const char *data, bool inverse, pf_table **out,
                           pf_error *error) {
  pf_load_options all = {.min_rows = 1};
  return inverse ? pf_table_load(data, &all, out, error) : cli_load_columns(model, data, 1, out, error);
}

static int run(cli_call *call, settings *s, writer *write, int argc, char **argv) {
  pf_error error = {0};
  pf_model *model = NULL;
  pf_table *rows = NULL;
  int code = cli_parse(call, argc, argv);
  if (code != CLI_GO_ON) return code;
  s->density.seed = (uint64_t)s->seed;
  s->density.threads = (int)s->threads;
  pf_status status = pf_model_load(call->operands[0], &model, &error);
  if (status == PF_OK) status = load_rows(model, call->operands[1], s->inverse, &rows, &error);
  if (status == PF_OK) status = write(model, s, rows, &error);
  pf_table_free(rows);
  pf_model_free(model);
  return status == PF_OK ? 0 : cli_fail(&error);
}

static int run_density(int argc, char **argv) {
  settings s = {.density = pf_density_options_default(), .seed = 1, .output = "-"};
  cli_option options[] = {DENSITY_OPTIONS(s)};
  cli_call call = {&cli_density, options, sizeof options / sizeof *options, {NULL}, 0};
  return run(&call, &s, write_densities, argc, argv);
}

static int run_encode(int argc, char **argv) {
  settings s = {.density = pf_density_options_default(), .seed = 1, .output = "-"};
  cli_option options[] = {DENSITY_OPTIONS(s),
                          {.name = "inverse",
                           .kind = CLI_FLAG,
                           .target = &s.inverse,
                           .help = "DATA holds noise: map it back to rows of the data"}};
  cli_call call = {&cli_encode, options, sizeof options / sizeof *options, {NULL}, 0};
  return run(&call, &s, write_rows, argc, argv);
}

const cli_verb cli_density = {
    .name = "density",
    .purpose = "log-density of given rows (methods jko, otflow, cnf)",
    .usage = "MODEL DATA [options]",
    .details =
        "One column, log_density, in nats and with respect to the data's own units: the standardisation's\n"
        "Jacobian is included. Its mean over rows that were not trained on is minus the test NLL.\n",
    .examples = "  pushforward density people.safetensors held-out.csv\n"
                "  pushforward density people.safetensors held-out.csv --tolerance 1e-6 -o log_p.npy\n",
    .least = 2,
    .most = 2,
    .run = run_density};

const cli_verb cli_encode = {.name = "encode",
                             .purpose = "rows to their noise and back (methods jko, otflow, cnf)",
                             .usage = "MODEL DATA [options]",
                             .details = "Columns z1..zd: standard normal and independent if the model is "
                                        "right. --inverse maps noise to rows.\n",
                             .examples = "  pushforward encode people.safetensors held-out.csv -o noise.csv\n"
                                         "  pushforward encode people.safetensors noise.csv --inverse\n",
                             .least = 2,
                             .most = 2,
                             .run = run_encode};
