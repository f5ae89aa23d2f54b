/* pushforward verify --rates: a study's long experiments, with a journal, and what they leave: JSON, a page, pictures. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "cli.h"
#include "rates.h"

enum { PATH_BYTES = 1024 };

/* NAME.json, NAME.html and NAME.journal. */
typedef struct outputs {
  char json[PATH_BYTES], page[PATH_BYTES], journal[PATH_BYTES];
} outputs;

static pf_status name_outputs(const cli_rates *r, const char *method, outputs *out, pf_error *error) {
  char base[PATH_BYTES];
  int length = r->output ? snprintf(base, sizeof base, "%s", r->output)
                         : snprintf(base, sizeof base, "%s-rates", method);
  if (length < 1 || length > PATH_BYTES - 16)
    return cli_error(error, PF_USAGE, "--output is a name of %d bytes, must be 1 to %d", length,
                     PATH_BYTES - 16);
  snprintf(out->json, sizeof out->json, "%.1000s.json", base);
  snprintf(out->page, sizeof out->page, "%.1000s.html", base);
  snprintf(out->journal, sizeof out->journal, "%.1000s.journal", base);
  pf_status status = cli_check_writable(out->json, error);
  return status == PF_OK ? cli_check_writable(out->page, error) : status;
}

static pf_status check_folder(const char *folder, pf_error *error) {
  struct stat facts;
  if (!folder || (stat(folder, &facts) == 0 && S_ISDIR(facts.st_mode))) return PF_OK;
  return cli_error(error, PF_IO, "%.200s: not a folder (--charts)", folder);
}

static int print_text(const pf_study *study) {
  for (int i = 0; i < study->count; i++) {
    const pf_experiment *e = &study->experiments[i];
    cli_grid grid = {.columns = 7};
    const char *const head[] = {e->name, "value", "low", "high", "least", "most", "holds"};
    for (int k = 0; k < 7; k++) cli_grid_add(&grid, "%s", head[k]);
    for (int c = 0; c < e->n_checks; c++) {
      const pf_study_check *check = &e->checks[c];
      cli_grid_add(&grid, "%s", check->name);
      cli_grid_number(&grid, check->value);
      cli_grid_number(&grid, check->low);
      cli_grid_number(&grid, check->high);
      cli_grid_number(&grid, check->least);
      cli_grid_number(&grid, check->most);
      cli_grid_add(&grid, "%s", !pf_study_claims(check) ? "-" : check->holds ? "yes" : "NO");
    }
    int code = cli_grid_print(&grid);
    if (code != 0) return code;
    if (i + 1 < study->count) puts("");
  }
  return cli_finish();
}

static int print_json(const pf_study *study) {
  pf_error error = {0};
  char *text = NULL;
  if (pf_study_json(study, &text, &error) != PF_OK) return cli_fail(&error);
  fputs(text, stdout);
  pf_string_free(text);
  return cli_finish();
}

static int judge(const pf_study *study) {
  int failed = 0, count = 0;
  for (int i = 0; i < study->count; i++)
    for (int c = 0; c < study->experiments[i].n_checks; c++) {
      const pf_study_check *check = &study->experiments[i].checks[c];
      if (!pf_study_claims(check)) continue;
      count++;
      failed += !check->holds;
    }
  if (count == 0) cli_note("nothing was checked");
  if (failed) cli_note("%d of %d checks do not hold", failed, count);
  return failed || count == 0 ? pf_status_exit_code(PF_GATE) : 0;
}

static pf_status save(const cli_rates *r, const cli_call *call, const pf_study *study, const outputs *to,
                      pf_error *error) {
  char *command = cli_repeated(call, NULL);
  pf_status status = pf_study_save(study, to->json, error);
  if (status == PF_OK) status = pf_study_page(study, command, to->page, error);
  if (status == PF_OK && r->charts) status = pf_study_charts(study, r->charts, error);
  free(command);
  if (status == PF_OK) remove(to->journal);
  return status;
}

static pf_status run(const cli_rates *r, const cli_call *call, cli_watch *watch, pf_study *study,
                     pf_error *error) {
  outputs to;
  pf_study_options options = pf_study_options_default();
  options.seed = (uint64_t)r->seed;
  options.threads = (int)r->threads;
  options.only = r->only;
  options.resume = r->resume;
  options.journal = to.journal;
  options.hooks = cli_watch_hooks(watch);
  pf_status status = check_folder(r->charts, error);
  if (status == PF_OK) status = name_outputs(r, call->operands[0], &to, error);
  if (status == PF_OK) status = pf_study_run(call->operands[0], &options, study, error);
  if (status == PF_OK) status = save(r, call, study, &to, error);
  if (status != PF_OK) return status;
  cli_watch_wipe(watch);
  cli_note("%s and %s written", to.json, to.page);
  return PF_OK;
}

int cli_run_rates(const cli_rates *r, const cli_call *call) {
  pf_error error = {0};
  cli_watch watch = {0};
  pf_study study = {0};
  if (cli_watch_begin(&watch, r->quiet, NULL, &error) != PF_OK) return cli_fail(&error);
  pf_status status = run(r, call, &watch, &study, &error);
  cli_watch_end(&watch, status, &error);
  int code = status == PF_OK ? 0 : cli_fail(&error);
  if (code == 0) code = r->json ? print_json(&study) : print_text(&study);
  if (code == 0) code = judge(&study);
  pf_study_clear(&study);
  return code;
}
