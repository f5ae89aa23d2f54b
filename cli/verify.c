/* pushforward verify: the checkable claims of a method's theory, measured. */
#include "cli.h"
#include "rates.h"

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

/* The quick checks of a method. */
static int run_checks(const cli_rates *r, const cli_call *call) {
  pf_error error = {0};
  cli_watch watch = {0};
  pf_verification v = {0};
  if (cli_watch_begin(&watch, r->quiet, NULL, &error) != PF_OK) return cli_fail(&error);
  pf_hooks hooks = cli_watch_hooks(&watch);
  pf_status status = pf_verify(call->operands[0], (uint64_t)r->seed, (int)r->threads, &hooks, &v, &error);
  cli_watch_end(&watch, status, &error);
  if (status != PF_OK) return cli_fail(&error);
  int code = r->json ? print_object(call->operands[0], &v) : print_text(&v);
  if (code == 0) code = judge(&v);
  pf_verification_free(&v);
  return code;
}

static int run_verify(int argc, char **argv) {
  cli_rates r = {.seed = 1};
  bool rates = false;
  cli_option options[] = {
      {.name = "rates",
       .kind = CLI_FLAG,
       .target = &rates,
       .help = "the long experiments: slopes with 95 % intervals, charts; minutes to half an hour"},
      CLI_OPTION_WORDS("only", &r.only, "A,B", "with --rates: these experiments alone"),
      {.name = "output",
       .kind = CLI_TEXT,
       .target = &r.output,
       .placeholder = "NAME",
       .letter = 'o',
       .help = "with --rates: writes NAME.json and NAME.html; default METHOD-rates"},
      CLI_OPTION_WORDS("charts", &r.charts, "FOLDER", "with --rates: every chart as an SVG file there"),
      {.name = "resume",
       .kind = CLI_FLAG,
       .target = &r.resume,
       .help = "with --rates: go on from NAME.journal, where a run that was ended left its measurements"},
      CLI_OPTION_SEED(&r.seed, "every draw"),
      CLI_OPTION_THREADS(&r.threads),
      CLI_OPTION_JSON(&r.json, "print one JSON object"),
      CLI_OPTION_QUIET(&r.quiet),
  };
  cli_call call = {&cli_verify, options, sizeof options / sizeof *options, {NULL}, 0};
  int code = cli_parse(&call, argc, argv);
  if (code != CLI_GO_ON) return code;
  if (rates) return cli_run_rates(&r, &call);
  if (r.only || r.output || r.charts || r.resume)
    return cli_usage("--only, --output, --charts and --resume belong to --rates");
  return run_checks(&r, &call);
}

const cli_verb cli_verify = {
    .name = "verify",
    .purpose = "measure what a method's theory claims",
    .usage = "METHOD [options]",
    .details = "Exit code 4 when a check does not hold. `pushforward methods` lists what can be verified.\n"
               "With --rates every finished measurement is kept in NAME.journal, so that a run that was "
               "ended in any way "
               "goes on\nwith --resume; the same seed gives the same NAME.json. docs/theory.md explains each "
               "experiment.\n",
    .examples = "  pushforward verify characteristic\n"
                "  pushforward verify characteristic --json --seed 2\n"
                "  pushforward verify jko\n"
                "  pushforward verify otflow\n"
                "  pushforward verify w1fe\n"
                "  pushforward verify w2fe\n"
                "  pushforward verify characteristic --rates -o rates\n",
    .least = 1,
    .most = 1,
    .run = run_verify};
