/* What train and compare share: the option rows of PF_TRAIN_OPTIONS, their data, the command lines that reproduce a model
 * or a page, and the check that an hour of training will have somewhere to go. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli.h"

enum { READERS = 160 }; /* bytes of a list of methods */

/* The methods that read an option, in words; "" when all do. Few exceptions are said as such. */
static void list_readers(const char *field, char text[READERS]) {
  char own[READERS] = "", others[READERS] = "";
  int n_own = 0, n_others = 0;
  pf_entry method;
  for (int i = 0; pf_method_entry(i, &method); i++) {
    bool reads = pf_method_uses(method.name, field);
    char *list = reads ? own : others;
    const int before = reads ? n_own++ : n_others++;
    const size_t used = strlen(list);
    snprintf(list + used, READERS - used, "%s%s", before ? ", " : "", method.name);
  }
  if (n_others == 0)
    text[0] = '\0';
  else if (n_others < n_own)
    snprintf(text, READERS, "every method but %.*s", READERS - 20, others);
  else
    snprintf(text, READERS, "%s", own);
}

void cli_train_rows(pf_train_options *o, cli_option out[CLI_TRAIN_OPTIONS]) {
  static char readers[CLI_TRAIN_OPTIONS][READERS];
  const cli_option rows[] = {
#define PF_X(type, field, value, flag, placeholder, help)                                                    \
  {flag, CLI_##type, &o->field, placeholder, help, 0, 0, 0, false, NULL},
      PF_TRAIN_OPTIONS(PF_X)
#undef PF_X
  };
  static const char *const fields[] = {
#define PF_X(type, field, value, flag, placeholder, help) #field,
      PF_TRAIN_OPTIONS(PF_X)
#undef PF_X
  };
  memcpy(out, rows, sizeof rows);
  for (int i = 0; i < CLI_TRAIN_OPTIONS; i++) {
    list_readers(fields[i], readers[i]);
    if (readers[i][0]) out[i].section = readers[i];
  }
}

pf_train_options cli_options_of(const pf_train_options *options, const char *method) {
  pf_train_options own = *options, usual = pf_train_options_default();
#define PF_X(type, field, value, flag, placeholder, help)                                                    \
  if (!pf_method_uses(method, #field)) own.field = usual.field;
  PF_TRAIN_OPTIONS(PF_X)
#undef PF_X
  own.method = method;
  own.condition = options->condition; /* says what is learned, not how: a method that cannot is to say so */
  return own;
}

pf_status cli_load(const char *data, const cli_choice *choice, int64_t seed, pf_table **out,
                   pf_error *error) {
  char **columns = NULL, **drop = NULL;
  pf_load_options load = {.rows = choice->rows, .seed = (uint64_t)seed};
  if (choice->rows && !cli_is_law(data))
    return cli_error(error, PF_USAGE, "--rows is for law:NAME data, not for '%.200s'", data);
  pf_status status = cli_split(choice->columns, &columns, &load.n_columns, error);
  if (status == PF_OK) status = cli_split(choice->drop, &drop, &load.n_drop, error);
  load.columns = (const char *const *)columns;
  load.drop = (const char *const *)drop;
  if (status == PF_OK) status = pf_table_load(data, &load, out, error);
  free(columns);
  free(drop);
  return status;
}

/* ---- the canonical command ---- */

/* Options that never change the bytes of a model, and the number of steps: the library adds what a default or a
 * budget came to. */
static bool leaves_the_model_alone(const char *name) {
  static const char *const names[] = {"threads", "output", "resume", "log",   "json",
                                      "quiet",   "budget", "config", "steps", "checkpoint-seconds",
                                      "profile", "to"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(names[i], name) == 0) return true;
  return false;
}

static void print_quoted(FILE *out, const char *text) {
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:,=+@%-";
  if (*text && text[strspn(text, plain)] == '\0') {
    fputs(text, out);
    return;
  }
  fputc('\'', out);
  for (; *text; text++) {
    if (*text == '\'')
      fputs("'\\''", out);
    else
      fputc(*text, out);
  }
  fputc('\'', out);
}

static void print_shortest(FILE *out, double value) {
  char text[32];
  for (int digits = 6; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, value);
    if (strtod(text, NULL) == value) break;
  }
  fputs(text, out);
}

/* The default of a training option, for comparison; text, numbers and flags by kind. */
static bool at_default(const cli_option *o, const cli_option *standard) {
  switch (o->kind) {
  case CLI_INT: return *(const int64_t *)o->target == (standard ? *(const int64_t *)standard->target : 0);
  case CLI_REAL: return *(const double *)o->target == (standard ? *(const double *)standard->target : 0);
  case CLI_FLAG: return *(const bool *)o->target == (standard && *(const bool *)standard->target);
  case CLI_TEXT: break;
  }
  const char *value = *(const char *const *)o->target;
  const char *usual = standard ? *(const char *const *)standard->target : NULL;
  return !value || (usual && strcmp(value, usual) == 0);
}

static void print_setting(FILE *out, const cli_option *o) {
  fprintf(out, " --%s", o->name);
  if (o->kind != CLI_FLAG) fputc(' ', out);
  if (o->kind == CLI_INT) fprintf(out, "%lld", (long long)*(const int64_t *)o->target);
  if (o->kind == CLI_REAL) print_shortest(out, *(const double *)o->target);
  if (o->kind == CLI_TEXT) print_quoted(out, *(const char *const *)o->target);
}

static const cli_option *find_row(const cli_option *rows, int count, const char *name) {
  for (int i = 0; i < count; i++)
    if (strcmp(rows[i].name, name) == 0) return &rows[i];
  return NULL;
}

char *cli_canonical(const char *verb, const char *data, const cli_option *options, int count) {
  pf_train_options usual = pf_train_options_default();
  cli_option standard[CLI_TRAIN_OPTIONS];
  char *text = NULL;
  size_t length = 0;
  FILE *out = open_memstream(&text, &length);
  if (!out) return NULL;
  cli_train_rows(&usual, standard);
  fprintf(out, "pushforward %s ", verb);
  print_quoted(out, data);
  for (int i = 0; i < count; i++) {
    const cli_option *row = find_row(standard, CLI_TRAIN_OPTIONS, options[i].name);
    if (!leaves_the_model_alone(options[i].name) && !at_default(&options[i], row))
      print_setting(out, &options[i]);
  }
  if (fclose(out) == 0) return text;
  free(text);
  return NULL;
}

char *cli_repeated(const cli_call *call, const char *data) {
  static const char *const silent[] = {"output", "threads", "quiet", "json", "resume", "charts"};
  char *text = NULL;
  size_t length = 0;
  FILE *out = open_memstream(&text, &length);
  if (!out) return NULL;
  fprintf(out, "pushforward %s ", call->verb->name);
  print_quoted(out, call->operands[0]);
  if (data) fputc(' ', out);
  if (data) print_quoted(out, data);
  for (int i = 0; i < call->count; i++) {
    bool speaks = call->options[i].given;
    for (size_t k = 0; k < sizeof silent / sizeof *silent; k++)
      speaks = speaks && strcmp(call->options[i].name, silent[k]) != 0;
    if (speaks) print_setting(out, &call->options[i]);
  }
  if (fclose(out) == 0) return text;
  free(text);
  return NULL;
}

/* ---- the output ---- */

pf_status cli_check_writable(const char *path, pf_error *error) {
  struct stat facts;
  bool exists = stat(path, &facts) == 0;
  if (exists && S_ISDIR(facts.st_mode))
    return cli_error(error, PF_IO, "%.300s: cannot write: %s", path, strerror(EISDIR));
  if (exists && !S_ISREG(facts.st_mode)) return PF_OK;
  size_t room = strlen(path) + 32;
  char *probe = malloc(room);
  if (!probe) return cli_error(error, PF_NO_MEMORY, "out of memory");
  snprintf(probe, room, "%s.tmp.%ld.probe", path, (long)getpid());
  int file = open(probe, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), reason = errno;
  if (file >= 0) {
    close(file);
    unlink(probe);
  }
  free(probe);
  return file >= 0 ? PF_OK : cli_error(error, PF_IO, "%.300s: cannot write: %s", path, strerror(reason));
}
