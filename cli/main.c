/* The command: finds the verb, runs it, turns what happened into an exit code. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include "cli.h"

static const cli_verb *const verbs[] = {&cli_train,  &cli_sample,  &cli_eval,    &cli_compare,   &cli_verify,
                                        &cli_report, &cli_density, &cli_encode,  &cli_particles, &cli_export,
                                        &cli_data,   &cli_info,    &cli_methods, &cli_laws,      &cli_solvers,
                                        &cli_help,   &cli_version};

enum { VERBS = sizeof verbs / sizeof *verbs };

const cli_verb *cli_verb_at(int i) { return i >= 0 && i < VERBS ? verbs[i] : NULL; }

static const cli_verb *find_verb(const char *name) {
  for (int i = 0; i < VERBS; i++)
    if (strcmp(verbs[i]->name, name) == 0) return verbs[i];
  return NULL;
}

static int unknown_verb(const char *word) {
  const char *names[VERBS];
  for (int i = 0; i < VERBS; i++) names[i] = verbs[i]->name;
  const char *nearest = pf_nearest_name(word, names, VERBS);
  if (nearest)
    return cli_usage("unknown verb '%.80s'; did you mean '%s'? see `pushforward help`", word, nearest);
  return cli_usage("unknown verb '%.80s'; see `pushforward help`", word);
}

static void print_overview(void) {
  puts("Generative models that sample in one network evaluation.\n\nusage: pushforward VERB ...\n");
  for (int i = 0; i < VERBS; i++) printf("  %-9s %s\n", verbs[i]->name, verbs[i]->purpose);
  puts("\n`pushforward VERB --help` explains one. DATA is a .csv, .npy or .npz file, FILE.npz:ARRAY, - for "
       "CSV on\n"
       "standard input, or law:NAME, a built-in law (`pushforward laws`).\n\n"
       "Results go to standard output, progress and messages to standard error. Exit codes: 0 success, 1 "
       "failure,\n"
       "2 usage, 3 unusable input, 4 a check does not hold, 130 interrupted.\n\n"
       "example:\n"
       "  pushforward train law:moons -o moons.safetensors --budget 30s\n"
       "  pushforward sample moons.safetensors -n 1000 -o samples.csv\n"
       "  pushforward eval moons.safetensors law:moons");
}

static void print_names(void) {
  for (int i = 0; i < VERBS; i++) puts(verbs[i]->name);
}

static int run_help(int argc, char **argv) {
  bool man = false, names = false;
  const char *shell = NULL;
  cli_option options[] = {
      {.name = "man", .kind = CLI_FLAG, .target = &man, .help = "as a manual page, for `man -l`"},
      CLI_OPTION_WORDS("completion", &shell, "SHELL", "what completes the command in bash or zsh"),
      {.name = "names", .kind = CLI_FLAG, .target = &names, .help = "the names of the verbs alone"},
  };
  cli_call call = {&cli_help, options, sizeof options / sizeof *options, {NULL}, 0};
  int code = cli_parse(&call, argc, argv);
  if (code != CLI_GO_ON) return code;
  if (shell) return cli_print_completion(shell);
  if (!call.operands[0]) {
    (names ? print_names : man ? cli_print_man_main : print_overview)();
    return 0;
  }
  const cli_verb *verb = find_verb(call.operands[0]);
  return verb ? cli_print_verb(verb, man ? cli_print_man : NULL) : unknown_verb(call.operands[0]);
}

const cli_verb cli_help = {.name = "help",
                           .purpose = "explain the command or one verb",
                           .usage = "[VERB] [--man | --completion SHELL | --names]",
                           .examples =
                               "  pushforward help train\n"
                               "  pushforward help --completion bash >/etc/bash_completion.d/pushforward\n",
                           .most = 1,
                           .run = run_help};

static int run_version(int argc, char **argv) {
  cli_call call = {.verb = &cli_version};
  int code = cli_parse(&call, argc, argv);
  if (code != CLI_GO_ON) return code;
  printf("pushforward %s\n", pf_version());
  return 0;
}

const cli_verb cli_version = {.name = "version",
                              .purpose = "print the version",
                              .usage = "",
                              .examples = "  pushforward --version\n",
                              .run = run_version};

static int dispatch(int argc, char **argv) {
  if (argc < 2) {
    cli_usage("no verb given; see `pushforward help`");
    return 2;
  }
  char help[] = "help", version[] = "version";
  const char *word = argv[1];
  if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) argv[1] = help;
  if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) argv[1] = version;
  const cli_verb *verb = find_verb(argv[1]);
  return verb ? verb->run(argc - 1, argv + 1) : unknown_verb(word);
}

/* A standard stream that is closed would let the next file opened take its number. Opened for reading, so that writing
 * to it fails instead of vanishing. */
static void fill_standard_streams(void) {
  int fd = 0;
  do {
    fd = open("/dev/null", O_RDONLY);
  } while (fd >= 0 && fd <= 2);
  if (fd > 2) close(fd);
}

int main(int argc, char **argv) {
  fill_standard_streams();
  signal(SIGPIPE, SIG_IGN); /* a reader that goes away is an error of writing, not a death */
  int code = dispatch(argc, argv), flushed = cli_finish();
  return code ? code : flushed;
}
