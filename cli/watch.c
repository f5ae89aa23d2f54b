/* Progress, log and signals of a long call.
 *
 * On a terminal one line is redrawn; otherwise a plain line appears every few seconds. The log is one JSON
 * object a line. The first SIGINT or SIGTERM asks the library to stop, which saves a checkpoint; a second one
 * ends the process.
 */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include "cli.h"

enum { PLAIN_SECONDS = 5, LOG_SECONDS = 1 };

static volatile sig_atomic_t stop_asked;

static void on_signal(int number) {
  (void)number;
  stop_asked = 1;
}

bool cli_stopped(void) { return stop_asked != 0; }

double cli_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void catch_signals(void) {
  struct sigaction action, before;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESETHAND | SA_RESTART;
  sigaction(SIGTERM, &action, NULL);
  /* started with SIGINT ignored (nohup, a background job): leave it so */
  if (sigaction(SIGINT, NULL, &before) == 0 && before.sa_handler == SIG_IGN) return;
  sigaction(SIGINT, &action, NULL);
}

pf_status cli_watch_begin(cli_watch *watch, bool quiet, const char *log_path, pf_error *error) {
  const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
  cli_watch w = {.quiet = quiet, .begun = cli_seconds()};
  bool dumb = !term || strcmp(term, "dumb") == 0;
  w.terminal = isatty(STDERR_FILENO) && !dumb;
  w.colour = w.terminal && !(no_colour && *no_colour);
  w.shown = w.logged = w.begun;
  if (log_path) {
    w.log = fopen(log_path, "we");
    if (!w.log) return cli_error(error, PF_IO, "%.200s: cannot write: %s", log_path, strerror(errno));
    setvbuf(w.log, NULL, _IOLBF, 1 << 12);
  }
  catch_signals();
  *watch = w;
  return PF_OK;
}

/* ---- the log ---- */

static void log_object(cli_watch *watch, json_t *object) {
  if (watch->log && object) {
    json_object_set_new(object, "time_s", json_real(cli_seconds() - watch->begun));
    json_dumpf(object, watch->log, JSON_COMPACT | JSON_REAL_PRECISION(9));
    fputc('\n', watch->log);
  }
  json_decref(object);
}

void cli_log_event(cli_watch *watch, const char *event, const char *key, const char *value) {
  if (!watch->log) return;
  json_t *object = json_pack("{s:s}", "event", event);
  if (object && key && value) json_object_set_new(object, key, json_string(value));
  log_object(watch, object);
}

static void log_progress(cli_watch *watch, const pf_progress *p) {
  double now = cli_seconds();
  if (!watch->log || (now - watch->logged < LOG_SECONDS && p->done != p->total)) return;
  watch->logged = now;
  log_object(watch, json_pack("{s:s, s:s, s:I, s:I, s:o, s:o}", "event", "progress", "stage", p->stage,
                              "done", (json_int_t)p->done, "total", (json_int_t)p->total, "loss",
                              cli_json_real(p->loss), "eta_s", cli_json_real(p->eta_seconds)));
}

/* ---- the screen ---- */

static int screen_width(void) {
  struct winsize size;
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

static void format_time(double seconds, char out[16]) {
  if (!(seconds >= 0 && seconds < 3.6e8)) {
    snprintf(out, 16, "-");
    return;
  }
  int64_t s = (int64_t)(seconds + 0.5);
  if (s >= 3600)
    snprintf(out, 16, "%d:%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
  else
    snprintf(out, 16, "%d:%02d", (int)(s / 60), (int)(s % 60));
}

static void facts_of(const cli_watch *watch, const pf_progress *p, char out[160]) {
  char spent[16], eta[16], loss[32] = "";
  format_time(cli_seconds() - watch->begun, spent);
  format_time(p->eta_seconds, eta);
  if (isfinite(p->loss)) snprintf(loss, sizeof loss, "  loss %.4g", p->loss);
  if (p->total > 0)
    snprintf(out, 160, "%lld/%lld%s  %s  ETA %s", (long long)p->done, (long long)p->total, loss, spent, eta);
  else
    snprintf(out, 160, "%lld%s  %s", (long long)p->done, loss, spent);
}

static void draw_bar(cli_watch *watch, const pf_progress *p) {
  char facts[160], bar[64] = "";
  facts_of(watch, p, facts);
  int width = screen_width() - 1, room = width - (int)strlen(p->stage) - (int)strlen(facts) - 12;
  int cells = room > 40 ? 40 : room;
  double share = p->total > 0 ? (double)p->done / (double)p->total : 0;
  if (cells >= 8) {
    int full = (int)(share * cells);
    for (int i = 0; i < cells; i++) bar[i] = i < full ? '#' : '.';
  }
  char line[320];
  snprintf(line, sizeof line, "%s [%s] %3.0f%%  %s", p->stage, bar, 100 * share, facts);
  if (cells < 8) snprintf(line, sizeof line, "%s %3.0f%%  %s", p->stage, 100 * share, facts);
  fprintf(stderr, "\r%s%.*s%s\033[K", watch->colour ? "\033[32m" : "", width, line,
          watch->colour ? "\033[0m" : "");
  fflush(stderr);
  watch->drawn = true;
}

void cli_watch_wipe(cli_watch *watch) {
  if (watch->drawn) fputs("\r\033[K", stderr);
  watch->drawn = false;
}

void cli_watch_show(cli_watch *watch, const pf_progress *p) {
  double now = cli_seconds();
  bool fresh = strncmp(watch->stage, p->stage, sizeof watch->stage - 1) != 0;
  bool ends = p->total > 0 && p->done == p->total;
  log_progress(watch, p);
  if (watch->quiet) return;
  if (watch->terminal) {
    draw_bar(watch, p);
    return;
  }
  if (!fresh && !ends && now - watch->shown < PLAIN_SECONDS) return;
  char facts[160];
  facts_of(watch, p, facts);
  fprintf(stderr, "%s %s\n", p->stage, facts);
  watch->shown = now;
  snprintf(watch->stage, sizeof watch->stage, "%s", p->stage);
}

/* ---- hooks ---- */

static void on_progress(void *context, const pf_progress *progress) { cli_watch_show(context, progress); }

static void on_log(void *context, pf_log_level level, const char *message) {
  cli_watch *watch = context;
  bool warning = level == PF_LOG_WARNING;
  cli_log_event(watch, warning ? "warning" : "message", "text", message);
  if (watch->quiet && !warning) return;
  cli_watch_wipe(watch);
  cli_note("%s%s", warning ? "warning: " : "", message);
}

static bool on_stop(void *context) {
  (void)context;
  return cli_stopped();
}

pf_hooks cli_watch_hooks(cli_watch *watch) {
  return (pf_hooks){.context = watch, .log = on_log, .progress = on_progress, .stop = on_stop};
}

void cli_watch_end(cli_watch *watch, pf_status status, const pf_error *error) {
  cli_watch_wipe(watch);
  if (!watch->log) return;
  cli_log_event(watch, "end", "status", pf_status_name(status));
  if (status != PF_OK) cli_log_event(watch, "error", "text", error->message);
  bool failed = ferror(watch->log) != 0;
  if (fclose(watch->log) != 0 || failed) cli_note("warning: the log could not be written completely");
  watch->log = NULL;
}
