/* Where the time of a training step went: a table on standard error, and the same as JSON.
 *
 * Lines stand by their part of a step's wall time, the longest first; those below half a percent are added up in one.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"

enum { NAME_WIDTH = 50 };
static const double least_share = 0.005;

static const char *const words[PF_PROFILE_PART_COUNT] = {
#define PF_X(name, word, text) word,
    PF_PROFILE_PARTS(PF_X)
#undef PF_X
};

/* ---- JSON ---- */

static json_t *json_parts(const pf_profile *p) {
  json_t *parts = json_object();
  for (int i = 0; i < PF_PROFILE_PART_COUNT; i++)
    json_object_set_new(parts, words[i], cli_json_real(1e6 * p->part[i]));
  return parts;
}

static json_t *json_profile(const pf_profile *p) {
  json_t *lines = json_array();
  for (int i = 0; i < p->n_lines; i++) {
    const pf_profile_line *l = &p->lines[i];
    json_array_append_new(lines, json_pack("{s:s, s:f, s:f, s:f, s:f, s:f, s:f}", "name", l->name, "calls",
                                           l->calls, "wall_us", 1e6 * l->wall, "thread_us", 1e6 * l->seconds,
                                           "flops", l->flops, "bytes", l->bytes, "floor_us", 1e6 * l->floor));
  }
  return json_pack("{s:s, s:I, s:i, s:f, s:o, s:f, s:f, s:f, s:f, s:o}", "stage", p->stage, "steps",
                   (json_int_t)p->steps, "threads", p->threads, "step_us", 1e6 * p->seconds, "parts_us",
                   json_parts(p), "between_us", 1e6 * p->between, "peak_gflops", 1e-9 * p->peak_flops,
                   "peak_bf16_gflops", 1e-9 * p->peak_bf16, "copy_gbs", 1e-9 * p->copy_bytes, "lines", lines);
}

/* ---- the table ---- */

static int by_wall(const void *left, const void *right) {
  const pf_profile_line *a = *(const pf_profile_line *const *)left,
                        *b = *(const pf_profile_line *const *)right;
  if (a->wall != b->wall) return a->wall > b->wall ? -1 : 1;
  return a < b ? -1 : a > b;
}

/* A rate or a ratio; "-" where there is nothing to divide. */
static void print_ratio(double above, double below, int digits) {
  if (above > 0 && below > 0)
    fprintf(stderr, " %8.*f", digits, above / below);
  else
    fprintf(stderr, " %8s", "-");
}

static void print_line(const pf_profile *p, const pf_profile_line *l) {
  bool fits = strlen(l->name) <= NAME_WIDTH;
  char name[NAME_WIDTH + 1];
  snprintf(name, sizeof name, "%.*s%s", fits ? NAME_WIDTH : NAME_WIDTH - 2, l->name, fits ? "" : "..");
  fprintf(stderr, "%-*s %5.4g %8.2f %5.1f%%", NAME_WIDTH, name, l->calls, 1e6 * l->wall,
          100 * l->wall / p->seconds);
  print_ratio(1e-9 * l->flops, l->seconds, 1);
  print_ratio(1e-9 * l->bytes, l->seconds, 1);
  print_ratio(l->seconds, l->floor, 2);
  fputc('\n', stderr);
}

static void print_lines(const pf_profile *p) {
  const pf_profile_line **order = malloc(((size_t)p->n_lines + 1) * sizeof *order);
  pf_profile_line others = {.calls = 0};
  int shown = 0;
  if (!order) return;
  for (int i = 0; i < p->n_lines; i++) order[i] = &p->lines[i];
  qsort(order, (size_t)p->n_lines, sizeof *order, by_wall);
  fprintf(stderr, "%-*s %5s %8s %6s %8s %8s %8s\n", NAME_WIDTH, "per step", "calls", "us", "share", "GFLOP/s",
          "GB/s", "x floor");
  while (shown < p->n_lines && order[shown]->wall >= least_share * p->seconds) print_line(p, order[shown++]);
  for (int i = shown; i < p->n_lines; i++) {
    others.calls += order[i]->calls;
    others.seconds += order[i]->seconds;
    others.wall += order[i]->wall;
    others.flops += order[i]->flops;
    others.bytes += order[i]->bytes;
    others.floor += order[i]->floor;
  }
  snprintf(others.name, sizeof others.name, "%d others", p->n_lines - shown);
  if (shown < p->n_lines) print_line(p, &others);
  free(order);
}

static void print_profile(const pf_profile *p) {
  fprintf(stderr, "profile of stage %s: %lld steps, %d thread%s of %.0f GFLOP/s peak", p->stage,
          (long long)p->steps, p->threads, p->threads == 1 ? "" : "s", 1e-9 * p->peak_flops);
  if (p->peak_bf16 > 0) fprintf(stderr, " (bf16: %.0f)", 1e-9 * p->peak_bf16);
  fprintf(stderr, " and %.0f GB/s copy\n", 1e-9 * p->copy_bytes);
  print_lines(p);
  fprintf(stderr, "step %.1f us", 1e6 * p->seconds);
  for (int i = 0; i < PF_PROFILE_PART_COUNT; i++)
    fprintf(stderr, "%s%s %.1f", i == 0 ? " = " : " + ", words[i], 1e6 * p->part[i]);
  fprintf(stderr, "\nbetween steps %.1f us: progress, checkpoints, held-out curves\n", 1e6 * p->between);
}

void cli_profile_show(void *context, const pf_profile *profile) {
  cli_watch *watch = context;
  cli_watch_wipe(watch);
  print_profile(profile);
  if (!watch->profiles) watch->profiles = json_array();
  json_array_append_new(watch->profiles, json_profile(profile));
}
