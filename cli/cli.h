/* What the verbs of the command share: options, messages, progress, tables of text.
 *
 * One file a verb; a verb parses its options, calls the public library and prints. Results go to standard
 * output, everything else to standard error. Exit codes are those of PF_STATUS_TABLE.
 */
#ifndef PUSHFORWARD_CLI_H
#define PUSHFORWARD_CLI_H

#include <jansson.h>
#include <stdio.h>
#include "pushforward.h"

/* ---- verbs ---- */

typedef struct cli_verb {
  const char *name, *purpose;        /* one line */
  const char *usage;                 /* what follows "pushforward NAME " */
  const char *details;               /* paragraphs for --help, may be NULL */
  const char *examples;              /* whole lines */
  int least, most;                   /* operands */
  int (*run)(int argc, char **argv); /* argv[0] is the verb; returns the exit code */
} cli_verb;

/* The verbs in the order of `pushforward help`; NULL past the end. */
const cli_verb *cli_verb_at(int i);
extern const cli_verb cli_train, cli_sample, cli_eval, cli_compare, cli_verify, cli_report, cli_density,
    cli_encode, cli_particles, cli_export, cli_data, cli_info, cli_methods, cli_laws, cli_solvers, cli_help,
    cli_version;

/* ---- options ---- */

/* The target's type: bool, const char *, int64_t, double. A REAL whose placeholder is TIME takes 90s, 3m, 1.5h. */
typedef enum cli_kind { CLI_FLAG, CLI_TEXT, CLI_INT, CLI_REAL } cli_kind;

typedef struct cli_option {
  const char *name;
  cli_kind kind;
  void *target; /* holds the default before parsing */
  const char *placeholder, *help;
  char letter;       /* short form, 0: none */
  int64_t low, high; /* range of an INT; both 0: the library checks */
  bool given;
  const char *section; /* what it is an option of, for --help; NULL: of the verb */
} cli_option;

/* The options that several verbs take: initialisers of a cli_option. `where` is the target, `what` a string literal. */
#define CLI_OPTION_COUNT(option, where, sign, least, most, text)                                             \
  {                                                                                                          \
    .name = option, .kind = CLI_INT, .target = (where), .placeholder = sign, .low = (least), .high = (most), \
    .help = text                                                                                             \
  }
#define CLI_OPTION_WORDS(option, where, sign, text)                                                          \
  { .name = option, .kind = CLI_TEXT, .target = (where), .placeholder = sign, .help = text }

#define CLI_OPTION_SEED(where, what) CLI_OPTION_COUNT("seed", where, "S", 0, INT64_MAX, "seed of " what)
#define CLI_OPTION_THREADS(where)                                                                            \
  CLI_OPTION_COUNT("threads", where, "T", 0, 4096, "threads; 0: all cores. Never changes the result")
#define CLI_OPTION_EVALUATIONS(where)                                                                        \
  CLI_OPTION_COUNT(                                                                                          \
      "steps", where, "K", 1, 1000000,                                                                       \
      "network evaluations per sample (of a flow: Runge-Kutta steps per block); default: the model's own")
#define CLI_OPTION_METRICS(where)                                                                            \
  CLI_OPTION_WORDS("metrics", where, "A,B", "measure only these, for example w2,energy")
#define CLI_OPTION_PAIRS(where)                                                                              \
  CLI_OPTION_COUNT("pairs", where, "P", 0, 100000,                                                           \
                   "fresh pairs of samples per metric; 0: 30 for laws, 10 otherwise")
#define CLI_OPTION_SAMPLE_ROWS(where)                                                                        \
  CLI_OPTION_COUNT("rows", where, "N", 0, 1 << 24, "rows per sample; 0: 2000 for laws, otherwise by the data")
#define CLI_OPTION_LAW_ROWS(where)                                                                           \
  CLI_OPTION_COUNT("rows", where, "N", 0, INT64_C(1) << 40, "rows to draw when DATA is a law; 0: 500000")
#define CLI_SOURCE_HELP                 "rows that the model starts from; default: fresh ones of the law it was trained from"
#define CLI_OPTION_FROM(where, what)    CLI_OPTION_WORDS("from", where, "SOURCE", what)
#define CLI_OPTION_COLUMNS(where, what) CLI_OPTION_WORDS("columns", where, "A,B", what)
#define CLI_OPTION_DROP(where)          CLI_OPTION_WORDS("drop", where, "C,D", "leave these columns out")
#define CLI_OPTION_TRAIN_ROWS(where)                                                                         \
  CLI_OPTION_WORDS("train", where, "FILE", "training rows: what the empirical baselines are fitted to")
#define CLI_OPTION_OUTPUT(where)                                                                             \
  {                                                                                                          \
    .name = "output", .kind = CLI_TEXT, .target = (where), .placeholder = "FILE", .letter = 'o',             \
    .help = "where to: CSV, NPY by its name, - for standard output"                                          \
  }
#define CLI_OPTION_JSON(where, what)                                                                         \
  { .name = "json", .kind = CLI_FLAG, .target = (where), .help = what }
#define CLI_OPTION_QUIET(where)                                                                              \
  { .name = "quiet", .kind = CLI_FLAG, .target = (where), .letter = 'q', .help = "no progress" }

typedef struct cli_call {
  const cli_verb *verb;
  cli_option *options;
  int count;
  const char *operands[2]; /* NULL where not given */
  int n_operands;
} cli_call;

enum { CLI_GO_ON = -1 };
/* CLI_GO_ON, or the code to exit with: 0 after --help, 2 (message printed) after a mistake. */
int cli_parse(cli_call *call, int argc, char **argv);
/* Sets one option from text; the message names it. */
pf_status cli_set(cli_option *option, const char *text, pf_error *error);
cli_option *cli_find(const cli_call *call, const char *name);
/* PF_USAGE naming the nearest option. */
pf_status cli_unknown_option(const cli_call *call, const char *name, pf_error *error);
/* Reads a JSON object of option: value into every option that was not given on the command line. */
pf_status cli_read_config(cli_call *call, const char *path, pf_error *error);
/* What --help prints: the text, or whatever cli_print_verb was asked for. */
void cli_print_help(const cli_call *call);

/* ---- pages made from the option tables ---- */

typedef void cli_printer(const cli_call *call);
/* Has a verb hand its options to `printer`; the exit code. */
int cli_print_verb(const cli_verb *verb, cli_printer *printer);
/* The verb's options, then head(NULL), then every section's heading and options. */
typedef void cli_option_printer(const cli_option *option);
typedef void cli_section_printer(const char *section);
void cli_list_options(const cli_call *call, cli_option_printer *print, cli_section_printer *head);
/* "[default]" worth showing, without the brackets; "" for one chosen by the program. */
void cli_default_text(const cli_option *option, char text[64]);
cli_printer cli_print_man;     /* a verb's manual page */
void cli_print_man_main(void); /* pushforward(1) */
/* A script for "bash" or "zsh"; the exit code. */
int cli_print_completion(const char *shell);

/* A finite decimal number and nothing else. */
bool cli_read_real(const char *text, double *out);
/* "law:NAME"; NULL is none. */
bool cli_is_law(const char *source);
/* "a,b,c" cut at the commas; one allocation, free(). *count is 0 for NULL text. */
pf_status cli_split(const char *text, char ***out, int *count, pf_error *error);

/* ---- messages ---- */

pf_status cli_error(pf_error *error, pf_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "pushforward: message" on standard error (nothing for a reader that went away); the status's exit code. */
int cli_fail(const pf_error *error);
/* The same for a usage mistake. */
int cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
void cli_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- progress, log, signals ---- */

typedef struct cli_watch {
  bool quiet, terminal, colour;
  FILE *log; /* JSON lines, NULL: none */
  double begun, shown, logged;
  bool drawn; /* a bar stands on the terminal's last line */
  char stage[64];
  json_t *profiles; /* one of every stage that was profiled, or NULL; json_decref */
} cli_watch;

/* Opens the log when its path is not NULL. From here on SIGINT and SIGTERM ask the library to stop. */
pf_status cli_watch_begin(cli_watch *watch, bool quiet, const char *log_path, pf_error *error);
pf_hooks cli_watch_hooks(cli_watch *watch);
void cli_watch_show(cli_watch *watch, const pf_progress *progress);
/* Takes the bar off the terminal, for other lines to stand there. */
void cli_watch_wipe(cli_watch *watch);
/* A profile hook whose context is a cli_watch: a table on standard error, and kept in watch->profiles. */
void cli_profile_show(void *context, const pf_profile *profile);
/* Wipes the bar; writes the final line of the log. */
void cli_watch_end(cli_watch *watch, pf_status status, const pf_error *error);
void cli_log_event(cli_watch *watch, const char *event, const char *key, const char *value);
bool cli_stopped(void);
double cli_seconds(void);

/* ---- output ---- */

/* Rows of cells, printed with aligned columns; numbers to the right. */
typedef struct cli_grid {
  int columns, count, capacity;
  char (*cells)[96];
  bool failed; /* out of memory: cli_grid_print says so */
} cli_grid;

void cli_grid_add(cli_grid *grid, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cli_grid_number(cli_grid *grid, double value);
/* Prints and frees. The first row is the head. */
int cli_grid_print(cli_grid *grid);

/* A finite number, or null. */
json_t *cli_json_real(double value);
json_t *cli_json_metrics(const pf_evaluation *evaluation);
json_t *cli_json_decomposition(const pf_decomposition *decomposition);
/* null for a model without a density; a number that is not known is null. */
json_t *cli_json_likelihood(const pf_likelihood *likelihood);
/* null for a reference without known modes. */
json_t *cli_json_coverage(const pf_coverage *coverage);
/* Prints one object and frees it; the exit code. */
int cli_print_json(json_t *object);
/* Excess over the floor of every metric, a row each; `methods` (may be NULL) names the training method per row. */
void cli_print_excess(const pf_evaluation *rows, const char *const *methods, int count);
void cli_print_evaluation(const pf_evaluation *evaluation);
void cli_print_decomposition(const pf_decomposition *decomposition);
/* Nothing for a model without a density. */
void cli_print_likelihood(const pf_likelihood *likelihood);
/* One line, or nothing for a reference without known modes. */
void cli_print_coverage(const pf_coverage *coverage);
/* Nothing for a model that generates every column; null in JSON. */
void cli_print_conditional(const pf_conditional *conditional);
json_t *cli_json_conditional(const pf_conditional *conditional);
/* Nothing for a model that starts from noise; null in JSON. */
void cli_print_transport(const pf_transport *transport);
json_t *cli_json_transport(const pf_transport *transport);
/* Flushes standard output: 0, or 1 with a message (none when the reader went away). */
int cli_finish(void);

/* ---- shared moves ---- */

enum {
  CLI_TRAIN_OPTIONS = 0
#define PF_X(type, field, value, flag, placeholder, help) +1
  PF_TRAIN_OPTIONS(PF_X)
#undef PF_X
};

/* Fills `out` with the rows of PF_TRAIN_OPTIONS, pointing into *options. */
void cli_train_rows(pf_train_options *options, cli_option out[CLI_TRAIN_OPTIONS]);
/* The options for a training by this method: those of others are at their defaults. */
pf_train_options cli_options_of(const pf_train_options *options, const char *method);
/* Which rows and columns of DATA train and compare use. */
typedef struct cli_choice {
  const char *columns, *drop; /* lists, may be NULL */
  int64_t rows;               /* of a law; 0: the default */
} cli_choice;

/* Loads DATA. PF_USAGE when `choice` has rows and DATA is not a law. */
pf_status cli_load(const char *data, const cli_choice *choice, int64_t seed, pf_table **out, pf_error *error);

/* "pushforward VERB DATA" and " --name value" for every option that changes the result and is not at its default, but
 * for --steps (pf_train_options.command says why). free() it; NULL when out of memory. */
char *cli_canonical(const char *verb, const char *data, const cli_option *options, int count);
/* "pushforward VERB OPERANDS" with `data` (NULL: none) for the second operand, and every option that was given and changes
 * what is measured. free() it; NULL when out of memory. */
char *cli_repeated(const cli_call *call, const char *data);
/* PF_OK when a file can be made at `path` (probed without touching what is there). */
pf_status cli_check_writable(const char *path, pf_error *error);
/* The JSON the library keeps about a model. */
pf_status cli_describe(const pf_model *model, json_t **out, pf_error *error);

/* pf_table_load of columns that a model wants: a file without one is PF_BAD_INPUT, not a wrong option. */
pf_status cli_load_wanted(const char *path, const pf_load_options *load, pf_table **out, pf_error *error);
/* The model's columns of a table, by name, which may have more. A missing one is PF_BAD_INPUT. min_rows 0: 2. */
pf_status cli_load_columns(const pf_model *model, const char *path, int64_t min_rows, pf_table **out,
                           pf_error *error);

/* Which rows of a source a model starts from. */
typedef struct cli_source {
  const char *from; /* SOURCE; NULL: the law that the model was transported from, when it was one */
  int64_t rows;     /* to draw of a law; 0: 100000 */
  int64_t seed;     /* of that draw */
  bool in_order;    /* row i for sample i, else rows picked at random */
} cli_source;

/* Gives the model its source; *rows (may be NULL) is how many there are. Does nothing, *rows 0, for a model that starts from
 * noise (PF_USAGE when `from` is given) and for one transported from a file that is not given: whatever draws from it then
 * says so. */
pf_status cli_open_source(pf_model *model, const cli_source *source, int64_t *rows, pf_error *error);
/* The seed of the rows that a training with this seed draws of a law it transports from: not those of its data. */
int64_t cli_source_seed(int64_t seed);

/* --given of a conditional model: a file with the columns of its conditions, row i for sample i, *rows (may be NULL) their
 * number; or "NAME=VALUE,..", the same for all samples, *rows 0. NULL `given` does nothing. PF_USAGE for a model without
 * conditions. seed: of the draw when it is a law. */
pf_status cli_open_given(pf_model *model, const char *given, int64_t seed, int64_t *rows, pf_error *error);

/* What a model is measured against. */
typedef struct cli_real {
  const char *law;  /* "law:NAME", or NULL */
  pf_table *table;  /* NULL for a law */
  pf_table *train;  /* rows the model was trained on, NULL when not known */
  char source[512]; /* DATA as used */
} cli_real;

/* `data` NULL: what the model recorded. The very file a model was trained on is cut as it was then, and only the rows
 * held out are kept in `table`. `train` (may be NULL) names a file of training rows. */
pf_status cli_open_real(const pf_model *model, const char *data, const char *train, cli_real *out,
                        pf_error *error);
void cli_real_free(cli_real *real);
/* Gives a conditional model conditions to be measured under, picked at random: those of training rows, or of the rows it is
 * measured against where these are not known, or fresh draws of the law. Nothing for any other model. */
pf_status cli_give_conditions_of(pf_model *model, const cli_real *real, int64_t seed, pf_error *error);

#endif
