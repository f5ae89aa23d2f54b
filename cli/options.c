/* Options: one table per verb gives the parser, --help and --config files. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"

/* ---- values ---- */

static bool parse_real(const char *text, char **end, double *out) {
  errno = 0;
  *out = strtod(text, end);
  return *end != text && isfinite(*out) && !strpbrk(text, "xX \t\n");
}

bool cli_read_real(const char *text, double *out) {
  char *end = NULL;
  return parse_real(text, &end, out) && !*end;
}

/* 90s, 3m, 1.5h, 2d, or plain seconds. */
static bool parse_time(const char *text, double *out) {
  char *end = NULL;
  if (!parse_real(text, &end, out) || !(*out >= 0)) return false;
  static const struct {
    const char *unit;
    double seconds;
  } units[] = {{"", 1}, {"s", 1}, {"min", 60}, {"m", 60}, {"h", 3600}, {"d", 86400}};
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    if (strcmp(end, units[i].unit) == 0) {
      *out *= units[i].seconds;
      return true;
    }
  }
  return false;
}

/* Whole numbers, also as 1e6. */
static bool parse_int(const char *text, int64_t *out) {
  char *end = NULL;
  double real = 0;
  errno = 0;
  long long value = strtoll(text, &end, 10);
  if (end != text && *end == '\0' && errno == 0 && !strpbrk(text, " \t\n")) {
    *out = value;
    return true;
  }
  if (!parse_real(text, &end, &real) || *end || real != floor(real) || !(fabs(real) <= 9007199254740992.0))
    return false;
  *out = (int64_t)real;
  return true;
}

static pf_status set_int(cli_option *o, const char *text, pf_error *error) {
  int64_t value = 0;
  if (!parse_int(text, &value))
    return cli_error(error, PF_USAGE, "--%s is '%.80s', must be a whole number", o->name, text);
  if ((o->low || o->high) && (value < o->low || value > o->high))
    return cli_error(error, PF_USAGE, "--%s is %lld, must be between %lld and %lld", o->name,
                     (long long)value, (long long)o->low, (long long)o->high);
  *(int64_t *)o->target = value;
  return PF_OK;
}

static pf_status set_real(cli_option *o, const char *text, pf_error *error) {
  double value = 0;
  bool is_time = strcmp(o->placeholder, "TIME") == 0;
  if (is_time ? !parse_time(text, &value) : !cli_read_real(text, &value))
    return cli_error(error, PF_USAGE, "--%s is '%.80s', must be %s", o->name, text,
                     is_time ? "a time such as 90s, 3m or 1.5h" : "a number");
  *(double *)o->target = value;
  return PF_OK;
}

pf_status cli_set(cli_option *o, const char *text, pf_error *error) {
  switch (o->kind) {
  case CLI_INT: return set_int(o, text, error);
  case CLI_REAL: return set_real(o, text, error);
  case CLI_TEXT: *(const char **)o->target = text; return PF_OK;
  case CLI_FLAG: break;
  }
  if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
    return cli_error(error, PF_USAGE, "--%s takes no value, given '%.80s'", o->name, text);
  *(bool *)o->target = strcmp(text, "true") == 0;
  return PF_OK;
}

/* ---- the command line ---- */

cli_option *cli_find(const cli_call *call, const char *name) {
  for (int i = 0; i < call->count; i++)
    if (strcmp(call->options[i].name, name) == 0) return &call->options[i];
  return NULL;
}

static cli_option *find_letter(const cli_call *call, char letter) {
  for (int i = 0; i < call->count; i++)
    if (call->options[i].letter && call->options[i].letter == letter) return &call->options[i];
  return NULL;
}

pf_status cli_unknown_option(const cli_call *call, const char *name, pf_error *error) {
  const char *names[64], *nearest = NULL;
  size_t count = 0;
  for (int i = 0; i < call->count && count < 63; i++) names[count++] = call->options[i].name;
  names[count++] = "help";
  nearest = pf_nearest_name(name, names, count);
  return cli_error(error, PF_USAGE, "unknown option '--%.80s'%s%s%s see `pushforward %s --help`", name,
                   nearest ? "; did you mean '--" : "", nearest ? nearest : "", nearest ? "'" : "",
                   call->verb->name);
}

/* The option an argument names and the value after its '='; PF_USAGE for an unknown one. */
static pf_status match(const cli_call *call, const char *argument, cli_option **option, const char **value,
                       pf_error *error) {
  char name[96];
  *value = NULL;
  if (argument[1] != '-') {
    *option = find_letter(call, argument[1]);
    if (!*option)
      return cli_error(error, PF_USAGE, "unknown option '%.80s'; see `pushforward %s --help`", argument,
                       call->verb->name);
    if (argument[2]) *value = argument + 2 + (argument[2] == '=');
    return PF_OK;
  }
  size_t length = strcspn(argument + 2, "=");
  snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1), argument + 2);
  if (argument[2 + length] == '=') *value = argument + 3 + length;
  *option = cli_find(call, name);
  return *option ? PF_OK : cli_unknown_option(call, name, error);
}

/* Takes argv[*i], and the value after it when it needs one. */
static pf_status take_option(cli_call *call, int argc, char **argv, int *i, pf_error *error) {
  cli_option *option = NULL;
  const char *value = NULL;
  pf_status status = match(call, argv[*i], &option, &value, error);
  if (status != PF_OK) return status;
  if (option->kind == CLI_FLAG && !value) value = "true";
  if (!value) {
    if (*i + 1 >= argc)
      return cli_error(error, PF_USAGE, "--%s needs a value %s", option->name, option->placeholder);
    value = argv[++*i];
  }
  option->given = true;
  return cli_set(option, value, error);
}

static pf_status take_operand(cli_call *call, const char *word, pf_error *error) {
  if (call->n_operands >= call->verb->most)
    return cli_error(error, PF_USAGE, "unexpected '%.80s'; usage: pushforward %s %s", word, call->verb->name,
                     call->verb->usage);
  call->operands[call->n_operands++] = word;
  return PF_OK;
}

int cli_parse(cli_call *call, int argc, char **argv) {
  pf_error error = {0};
  pf_status status = PF_OK;
  bool only_operands = false;
  for (int i = 1; i < argc && status == PF_OK; i++) {
    const char *word = argv[i];
    if (only_operands || word[0] != '-' || word[1] == '\0') {
      status = take_operand(call, word, &error);
    } else if (strcmp(word, "--") == 0) {
      only_operands = true;
    } else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
      cli_print_help(call);
      return 0;
    } else {
      status = take_option(call, argc, argv, &i, &error);
    }
  }
  if (status == PF_OK && call->n_operands < call->verb->least)
    status = cli_error(&error, PF_USAGE, "usage: pushforward %s %s", call->verb->name, call->verb->usage);
  return status == PF_OK ? CLI_GO_ON : cli_fail(&error);
}

/* ---- --config ---- */

static pf_status set_from_json(cli_option *o, json_t *value, pf_error *error) {
  char number[40];
  pf_status status = PF_OK;
  if (json_is_string(value)) {
    const char *text = json_string_value(value);
    if (o->kind != CLI_TEXT) return cli_set(o, text, error);
    char *copy = strdup(text); /* lives as long as the process: options outlive the file */
    return copy ? cli_set(o, copy, error) : cli_error(error, PF_NO_MEMORY, "out of memory");
  }
  if (json_is_integer(value))
    snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
  else if (json_is_real(value))
    snprintf(number, sizeof number, "%.17g", json_real_value(value));
  else if (json_is_boolean(value))
    snprintf(number, sizeof number, "%s", json_is_true(value) ? "true" : "false");
  else
    return cli_error(error, PF_BAD_INPUT, "option '%s' must be a string, a number, true or false", o->name);
  if (o->kind == CLI_TEXT || (o->kind == CLI_FLAG) != json_is_boolean(value))
    return cli_error(error, PF_BAD_INPUT, "option '%s' is %s, which is not its type", o->name, number);
  status = cli_set(o, number, error);
  return status;
}

pf_status cli_read_config(cli_call *call, const char *path, pf_error *error) {
  json_error_t fault;
  const char *key = NULL;
  json_t *value = NULL, *root = NULL;
  pf_status status = PF_OK;
  FILE *stream = fopen(path, "rb");
  if (!stream) return cli_error(error, PF_IO, "%.200s: cannot open: %s", path, strerror(errno));
  root = json_loadf(stream, JSON_REJECT_DUPLICATES, &fault);
  fclose(stream);
  if (!root) return cli_error(error, PF_BAD_INPUT, "%.200s: line %d: %s", path, fault.line, fault.text);
  if (!json_is_object(root)) status = cli_error(error, PF_BAD_INPUT, "%.200s: not a JSON object", path);
  for (void *at = json_object_iter(root); at && status == PF_OK; at = json_object_iter_next(root, at)) {
    key = json_object_iter_key(at);
    value = json_object_iter_value(at);
    cli_option *option = cli_find(call, key);
    if (!option || strcmp(key, "config") == 0)
      status = cli_unknown_option(call, key, error);
    else if (!option->given)
      status = set_from_json(option, value, error);
    if (status != PF_OK) {
      pf_error inner = *error;
      cli_error(error, status, "%.200s: %.300s", path, inner.message);
    }
  }
  json_decref(root);
  return status;
}

/* ---- lists ---- */

bool cli_is_law(const char *source) { return source && strncmp(source, "law:", 4) == 0; }

pf_status cli_split(const char *text, char ***out, int *count, pf_error *error) {
  *count = 0;
  *out = NULL;
  if (!text) return PF_OK;
  size_t pieces = 1, length = strlen(text);
  for (const char *c = text; *c; c++) pieces += *c == ',';
  char **list = malloc(pieces * sizeof *list + length + 1);
  if (!list) return cli_error(error, PF_NO_MEMORY, "out of memory");
  char *copy = (char *)(list + pieces);
  memcpy(copy, text, length + 1);
  for (char *piece = copy; piece;) {
    char *comma = strchr(piece, ',');
    if (comma) *comma = '\0';
    list[(*count)++] = piece;
    piece = comma ? comma + 1 : NULL;
  }
  *out = list;
  return PF_OK;
}
