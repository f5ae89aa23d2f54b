/* --help of a verb, made from its option table. */
#include <string.h>
#include "cli.h"

/* Zeros, negatives and NULL stand for "chosen by the program", which the help text says. */
void cli_default_text(const cli_option *o, char text[64]) {
  text[0] = '\0';
  if (o->kind == CLI_TEXT && *(const char **)o->target)
    snprintf(text, 64, "%.60s", *(const char **)o->target);
  if (o->kind == CLI_INT && *(int64_t *)o->target > 0)
    snprintf(text, 64, "%lld", (long long)*(int64_t *)o->target);
  if (o->kind == CLI_REAL && *(double *)o->target > 0) snprintf(text, 64, "%g", *(double *)o->target);
}

static void print_option(const cli_option *o) {
  char left[64], value[64], letter[5] = "    ";
  if (o->letter) snprintf(letter, sizeof letter, "-%c, ", o->letter);
  snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name, o->placeholder ? " " : "",
           o->placeholder ? o->placeholder : "");
  printf("  %-30s %s", left, o->help);
  cli_default_text(o, value);
  if (value[0]) printf(" [%s]", value);
  putchar('\n');
}

static bool same_section(const cli_option *a, const cli_option *b) {
  return a->section == b->section || (a->section && b->section && strcmp(a->section, b->section) == 0);
}

/* Is it the first of its section? */
static bool opens_section(const cli_call *call, int i) {
  for (int k = 0; k < i; k++)
    if (same_section(&call->options[k], &call->options[i])) return false;
  return true;
}

void cli_list_options(const cli_call *call, cli_option_printer *print, cli_section_printer *head) {
  const cli_option none = {0};
  for (int i = 0; i < call->count; i++)
    if (same_section(&call->options[i], &none)) print(&call->options[i]);
  head(NULL);
  for (int i = 0; i < call->count; i++) {
    const cli_option *first = &call->options[i];
    if (!first->section || !opens_section(call, i)) continue;
    head(first->section);
    for (int k = i; k < call->count; k++)
      if (same_section(&call->options[k], first)) print(&call->options[k]);
  }
}

static void print_section(const char *section) {
  if (section)
    printf("\noptions of %s:\n", section);
  else
    puts("  -h, --help                     this text");
}

static void print_text(const cli_call *call) {
  const cli_verb *verb = call->verb;
  printf("pushforward %s: %s\n\nusage: pushforward %s %s\n", verb->name, verb->purpose, verb->name,
         verb->usage);
  if (verb->details) printf("\n%s", verb->details);
  puts("\noptions:");
  cli_list_options(call, print_option, print_section);
  if (verb->examples) printf("\nexamples:\n%s", verb->examples);
}

static cli_printer *current = print_text;

void cli_print_help(const cli_call *call) { current(call); }

int cli_print_verb(const cli_verb *verb, cli_printer *printer) {
  char name[16], flag[] = "--help", *arguments[] = {name, flag, NULL};
  snprintf(name, sizeof name, "%s", verb->name);
  current = printer ? printer : print_text;
  int code = verb->run(2, arguments);
  current = print_text;
  return code;
}
