/* Completion scripts for bash and zsh, made from the option tables of the verbs. */
#include <string.h>
#include "cli.h"

typedef bool entry_at(int i, pf_entry *out);

/* ---- what an option or an operand can be ---- */

static bool verb_entry(int i, pf_entry *out) {
  const cli_verb *verb = cli_verb_at(i);
  if (verb) *out = (pf_entry){verb->name, verb->purpose};
  return verb != NULL;
}

static bool format_entry(int i, pf_entry *out) {
  static const pf_entry formats[] = {
#define PF_X(NAME, name, what) {name, what},
      PF_EXPORT_FORMATS(PF_X)
#undef PF_X
  };
  bool there = i >= 0 && i < (int)(sizeof formats / sizeof *formats);
  if (there) *out = formats[i];
  return there;
}

static bool shell_entry(int i, pf_entry *out) {
  static const char *const shells[] = {"bash", "zsh"};
  if (i < 0 || i > 1) return false;
  *out = (pf_entry){shells[i], shells[i]};
  return true;
}

/* Options whose values are a list of the library's. Others complete as files, or not at all. */
static entry_at *values_of(const cli_verb *verb, const cli_option *o) {
  if (strcmp(o->name, "method") == 0 || strcmp(o->name, "methods") == 0) return pf_method_entry;
  if (strcmp(o->name, "solver") == 0) return pf_solver_entry;
  if (strcmp(o->name, "completion") == 0) return shell_entry;
  return verb == &cli_export && strcmp(o->name, "to") == 0 ? format_entry : NULL;
}

static entry_at *operands_of(const cli_verb *verb) {
  if (verb == &cli_help) return verb_entry;
  if (verb == &cli_verify) return pf_verify_entry;
  return verb == &cli_data ? pf_law_entry : NULL;
}

static void put_words(entry_at *at) {
  pf_entry entry;
  for (int i = 0; at(i, &entry); i++) printf("%s%s", i ? " " : "", entry.name);
}

/* ---- bash ---- */

static void put_bash_verb(const cli_call *call) {
  printf("  %s)\n    case $before in\n", call->verb->name);
  for (int i = 0; i < call->count; i++) {
    const cli_option *o = &call->options[i];
    entry_at *values = values_of(call->verb, o);
    if (o->kind == CLI_FLAG) continue;
    printf("    --%s", o->name);
    if (o->letter) printf(" | -%c", o->letter);
    fputs(") value=1", stdout);
    if (values) {
      fputs(" words='", stdout);
      put_words(values);
      putchar('\'');
    }
    puts(" ;;");
  }
  fputs("    esac\n    options='", stdout);
  for (int i = 0; i < call->count; i++) printf("--%s ", call->options[i].name);
  puts("--help'");
  entry_at *operands = operands_of(call->verb);
  if (operands) {
    fputs("    operands='", stdout);
    put_words(operands);
    puts("'");
  }
  puts("    ;;");
}

static int print_bash(void) {
  int code = 0;
  const cli_verb *verb = NULL;
  fputs("# bash completion of pushforward, made by `pushforward help --completion bash`\n"
        "_pushforward() {\n"
        "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} value= words= options= "
        "operands=\n"
        "  COMPREPLY=()\n"
        "  if [ \"$COMP_CWORD\" = 1 ]; then\n"
        "    COMPREPLY=($(compgen -W '",
        stdout);
  put_words(verb_entry);
  puts(" --help --version' -- \"$word\"))\n    return\n  fi\n  case ${COMP_WORDS[1]} in");
  for (int i = 0; (verb = cli_verb_at(i)) && code == 0; i++) code = cli_print_verb(verb, put_bash_verb);
  puts("  esac\n"
       "  if [ -z \"$value\" ]; then\n"
       "    words=$operands\n"
       "    case $word in -*) words=$options ;; esac\n"
       "  fi\n"
       "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
       "}\n"
       "complete -o bashdefault -o default -F _pushforward pushforward");
  return code;
}

/* ---- zsh ---- */

/* Inside '...' and [...]: quotes and brackets lose their meaning. */
static void put_quoted(const char *text) {
  for (; *text; text++) {
    if (*text == '\'')
      fputs("'\\''", stdout);
    else if (strchr("[]:\\", *text))
      printf("\\%c", *text);
    else
      putchar(*text);
  }
}

static void put_zsh_option(const cli_verb *verb, const cli_option *o) {
  entry_at *values = values_of(verb, o);
  fputs("      ", stdout);
  if (o->letter) printf("'(-%c --%s)'{-%c,--%s}", o->letter, o->name, o->letter, o->name);
  printf("'");
  if (!o->letter) printf("--%s", o->name);
  putchar('[');
  put_quoted(o->help);
  putchar(']');
  if (o->kind != CLI_FLAG) {
    putchar(':');
    put_quoted(o->placeholder);
    putchar(':');
    if (values) {
      putchar('(');
      put_words(values);
      putchar(')');
    } else if (o->kind == CLI_TEXT) {
      fputs("_files", stdout);
    }
  }
  puts("' \\");
}

static void put_zsh_verb(const cli_call *call) {
  printf("  %s)\n    _arguments -S \\\n", call->verb->name);
  for (int i = 0; i < call->count; i++) put_zsh_option(call->verb, &call->options[i]);
  fputs("      '(-h --help)'{-h,--help}'[its options]' \\\n      '*:operand:", stdout);
  entry_at *operands = operands_of(call->verb);
  if (operands) {
    putchar('(');
    put_words(operands);
    puts(")'");
  } else {
    puts("_files'");
  }
  puts("    ;;");
}

static int print_zsh(void) {
  int code = 0;
  const cli_verb *verb = NULL;
  puts("#compdef pushforward\n# made by `pushforward help --completion zsh`\n"
       "_pushforward() {\n  local -a verbs\n  verbs=(");
  for (int i = 0; (verb = cli_verb_at(i)); i++) {
    printf("    '%s:", verb->name);
    put_quoted(verb->purpose);
    puts("'");
  }
  puts("  )\n  if (( CURRENT == 2 )); then\n    _describe verb verbs\n    return\n  fi\n"
       "  local verb=$words[2]\n  shift words\n  (( CURRENT-- ))\n  case $verb in");
  for (int i = 0; (verb = cli_verb_at(i)) && code == 0; i++) code = cli_print_verb(verb, put_zsh_verb);
  puts("  esac\n}\n_pushforward \"$@\"");
  return code;
}

int cli_print_completion(const char *shell) {
  if (strcmp(shell, "bash") == 0) return print_bash();
  if (strcmp(shell, "zsh") == 0) return print_zsh();
  return cli_usage("--completion is '%.80s', must be bash or zsh", shell);
}
