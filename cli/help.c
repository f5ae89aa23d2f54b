/* --help of a verb, made from its option table. */
#include <string.h>
#include "cli.h"

/* The default worth showing: zeros, negatives and NULL stand for "chosen by the program", which the help text says. */
static void print_default(const cli_option *o) {
  if (o->kind == CLI_TEXT && *(const char **)o->target) printf(" [%s]", *(const char **)o->target);
  if (o->kind == CLI_INT && *(int64_t *)o->target > 0) printf(" [%lld]", (long long)*(int64_t *)o->target);
  if (o->kind == CLI_REAL && *(double *)o->target > 0) printf(" [%g]", *(double *)o->target);
}

static void print_option(const cli_option *o) {
  char left[64], letter[5] = "    ";
  if (o->letter) snprintf(letter, sizeof letter, "-%c, ", o->letter);
  snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name, o->placeholder ? " " : "",
           o->placeholder ? o->placeholder : "");
  printf("  %-30s %s", left, o->help);
  print_default(o);
  putchar('\n');
}

void cli_print_help(const cli_call *call) {
  const cli_verb *verb = call->verb;
  printf("pushforward %s: %s\n\nusage: pushforward %s %s\n", verb->name, verb->purpose, verb->name,
         verb->usage);
  if (verb->details) printf("\n%s", verb->details);
  puts("\noptions:");
  for (int i = 0; i < call->count; i++) print_option(&call->options[i]);
  puts("  -h, --help                     this text");
  if (verb->examples) printf("\nexamples:\n%s", verb->examples);
}
