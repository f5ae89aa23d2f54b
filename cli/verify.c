/* pushforward verify: the checkable claims of a method's theory, measured. */
#include "cli.h"

static int failures(const pf_verification *v) {
  int failed = 0;
  for (int i = 0; i < v->count; i++) failed += !v->checks[i].holds;
  return failed;
}

static int print_object(const char *method, const pf_verification *v) {
  json_t *checks = json_array();
  for (int i = 0; i < v->count; i++) {
    const pf_check *c = &v->checks[i];
    json_array_append_new(checks, json_pack("{s:s, s:o, s:o, s:o, s:b}", "name", c->name, "value",
                                            cli_json_real(c->value), "expected", cli_json_real(c->expected),
                                            "tolerance", cli_json_real(c->tolerance), "holds", c->holds));
  }
  return cli_print_json(json_pack("{s:s, s:o}", "method", method, "checks", checks));
}

static int print_text(const pf_verification *v) {
  cli_grid grid = {.columns = 5};
  static const char *const head[] = {"check", "value", "expected", "tolerance", "holds"};
  for (int i = 0; i < 5; i++) cli_grid_add(&grid, "%s", head[i]);
  for (int i = 0; i < v->count; i++) {
    const pf_check *c = &v->checks[i];
    cli_grid_add(&grid, "%s", c->name);
    cli_grid_number(&grid, c->value);
    cli_grid_number(&grid, c->expected);
    cli_grid_number(&grid, c->tolerance);
    cli_grid_add(&grid, "%s", c->holds ? "yes" : "NO");
  }
  return cli_grid_print(&grid);
}

static int judge(const pf_verification *v) {
  int failed = failures(v);
  if (v->count == 0) cli_note("nothing was checked");
  if (failed) cli_note("%d of %d checks do not hold", failed, v->count);
  return failed || v->count == 0 ? pf_status_exit_code(PF_GATE) : 0;
}

static int run_verify(int argc, char **argv) {
  int64_t seed = 1, threads = 0;
  bool json = false, quiet = false;
  cli_option options[] = {
      CLI_OPTION_SEED(&seed, "every draw"),
      CLI_OPTION_THREADS(&threads),
      CLI_OPTION_JSON(&json, "print one JSON object"),
      CLI_OPTION_QUIET(&quiet),
  };
  cli_call call = {&cli_verify, options, sizeof options / sizeof *options, {NULL}, 0};
  pf_error error = {0};
  cli_watch watch = {0};
  pf_verification v = {0};
  int code = cli_parse(&call, argc, argv);
  if (code != CLI_GO_ON) return code;
  if (cli_watch_begin(&watch, quiet, NULL, &error) != PF_OK) return cli_fail(&error);
  pf_hooks hooks = cli_watch_hooks(&watch);
  pf_status status = pf_verify(call.operands[0], (uint64_t)seed, (int)threads, &hooks, &v, &error);
  cli_watch_end(&watch, status, &error);
  if (status != PF_OK) return cli_fail(&error);
  code = json ? print_object(call.operands[0], &v) : print_text(&v);
  if (code == 0) code = judge(&v);
  pf_verification_free(&v);
  return code;
}

const cli_verb cli_verify = {
    .name = "verify",
    .purpose = "measure what a method's theory claims",
    .usage = "METHOD [options]",
    .details = "Exit code 4 when a check does not hold. `pushforward methods` lists what can be verified.\n",
    .examples = "  pushforward verify characteristic\n"
                "  pushforward verify characteristic --json --seed 2\n"
                "  pushforward verify jko\n"
                "  pushforward verify otflow\n"
                "  pushforward verify w1fe\n"
                "  pushforward verify w2fe\n",
    .least = 1,
    .most = 1,
    .run = run_verify};
