/* Manual pages, made from the option tables that --help is made from: they cannot say anything else. */
#include <string.h>
#include "cli.h"

/* ---- roff ---- */

/* Plain text: nothing in it is an instruction, and every character is the one that was meant. */
static void put_text(const char *text, size_t length) {
  if (length && (text[0] == '.' || text[0] == '\'')) fputs("\\&", stdout);
  for (size_t i = 0; i < length; i++) {
    switch (text[i]) {
    case '\\': fputs("\\e", stdout); break;
    case '-': fputs("\\-", stdout); break;
    case '\'': fputs("\\(aq", stdout); break;
    case '`': fputs("\\(ga", stdout); break;
    case '^': fputs("\\(ha", stdout); break;
    case '~': fputs("\\(ti", stdout); break;
    default: putchar(text[i]);
    }
  }
}

static void put(const char *text) { put_text(text, strlen(text)); }

static void put_line(const char *text) {
  put(text);
  putchar('\n');
}

/* Paragraphs: an empty line parts them, and one that begins with spaces stands by itself. */
static void put_paragraphs(const char *text) {
  while (*text) {
    size_t length = strcspn(text, "\n"), indent = strspn(text, " ");
    if (length == 0) puts(".PP");
    if (indent && indent < length) puts(".br");
    if (indent > length) indent = length;
    put_text(text + indent, length - indent);
    if (length > indent) putchar('\n');
    text += length + (text[length] == '\n');
  }
}

/* Lines as they are. */
static void put_lines(const char *text) {
  puts(".nf");
  while (*text) {
    size_t length = strcspn(text, "\n"), indent = strspn(text, " ");
    put_text(text + indent, length - indent);
    putchar('\n');
    text += length + (text[length] == '\n');
  }
  puts(".fi");
}

static void put_head(const char *name, const char *purpose) {
  fputs(".TH \"", stdout);
  for (const char *c = name; *c; c++) putchar(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
  printf("\" 1 \"\" \"pushforward %s\" \"pushforward\"\n.SH NAME\n", pf_version());
  put(name);
  fputs(" \\- ", stdout);
  put_line(purpose);
  puts(".SH SYNOPSIS");
}

static void put_exit_codes(void) {
  static const struct {
    int code;
    const char *text;
  } codes[] = {
#define PF_X(name, exit_code, text) {exit_code, text},
      PF_STATUS_TABLE(PF_X)
#undef PF_X
  };
  puts(".SH EXIT STATUS");
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
    bool goes_on = i > 0 && codes[i].code == codes[i - 1].code;
    if (goes_on)
      fputs("; ", stdout);
    else
      printf("%s.TP\n%d\n", i ? "\n" : "", codes[i].code);
    put(codes[i].text);
  }
  putchar('\n');
}

/* ---- a verb ---- */

static void put_option(const cli_option *o) {
  char value[64];
  puts(".TP");
  if (o->letter) printf("\\fB\\-%c\\fR, ", o->letter);
  fputs("\\fB\\-\\-", stdout);
  put(o->name);
  fputs("\\fR", stdout);
  if (o->placeholder && o->placeholder[0]) {
    fputs(" \\fI", stdout);
    put(o->placeholder);
    fputs("\\fR", stdout);
  }
  putchar('\n');
  put(o->help);
  cli_default_text(o, value);
  if (value[0]) {
    fputs(" [", stdout);
    put(value);
    putchar(']');
  }
  putchar('\n');
}

static void put_section(const char *section) {
  if (!section) {
    puts(".TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nthe options of this page");
    return;
  }
  fputs(".SS Options of ", stdout);
  put_line(section);
}

void cli_print_man(const cli_call *call) {
  const cli_verb *verb = call->verb;
  char name[64];
  snprintf(name, sizeof name, "pushforward-%s", verb->name);
  put_head(name, verb->purpose);
  fputs("\\fBpushforward ", stdout);
  put(verb->name);
  fputs("\\fR ", stdout);
  put_line(verb->usage);
  puts(".SH DESCRIPTION");
  if (verb->details)
    put_paragraphs(verb->details);
  else
    printf("See \\fBpushforward\\fR(1).\n");
  puts(".SH OPTIONS");
  cli_list_options(call, put_option, put_section);
  if (verb->examples) {
    puts(".SH EXAMPLES");
    put_lines(verb->examples);
  }
  put_exit_codes();
  puts(".SH SEE ALSO\n\\fBpushforward\\fR(1)");
}

/* ---- the command ---- */

void cli_print_man_main(void) {
  put_head("pushforward", "generative models that sample in one network evaluation");
  puts("\\fBpushforward\\fR \\fIVERB\\fR ...\n.SH DESCRIPTION");
  put_paragraphs("Learns a map from noise to rows like those of a table, or from one table to another, and "
                 "draws from it with one "
                 "network evaluation per row.\n"
                 "DATA is a .csv, .npy or .npz file, FILE.npz:ARRAY, - for CSV on standard input, or "
                 "law:NAME, a built-in "
                 "law.\n"
                 "Results go to standard output, progress and messages to standard error.\n");
  puts(".SH VERBS");
  const cli_verb *verb = NULL;
  for (int i = 0; (verb = cli_verb_at(i)); i++) {
    printf(".TP\n\\fBpushforward\\-%s\\fR(1)\n", verb->name);
    put_line(verb->purpose);
  }
  puts(".SH OPTIONS\n.TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nthe list of verbs; after a verb, its options\n"
       ".TP\n\\fB\\-V\\fR, \\fB\\-\\-version\\fR\nthe version");
  puts(".SH EXAMPLES");
  put_lines("pushforward train law:moons -o moons.safetensors --budget 30s\n"
            "pushforward sample moons.safetensors -n 1000 -o samples.csv\n"
            "pushforward eval moons.safetensors law:moons\n");
  put_exit_codes();
  puts(".SH ENVIRONMENT\n.TP\n\\fBNO_COLOR\\fR\nno colours on a terminal");
}
