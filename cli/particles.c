/* pushforward particles: rows moved along transport plans towards other rows, without a network. */
#include <math.h>
#include <string.h>
#include "cli.h"

enum { LINES = 16 }; /* of distances, at most */

typedef struct settings {
  pf_particles_options particles;
  cli_choice choice;
  const char *from, *to, *output;
  int64_t seed;
  bool json, quiet;
} settings;

/* Two laws of the same name must not give the same rows, so the source is drawn with the next seed. */
static pf_status load(const settings *s, const char *data, bool source, pf_table **out, pf_error *error) {
  cli_choice choice = s->choice;
  bool law = cli_is_law(data);
  choice.rows = law ? (source ? 1 : 2) * s->particles.rows : 0;
  return cli_load(data, &choice, source && law ? (int64_t)((uint64_t)s->seed + 1) : s->seed, out, error);
}

static pf_status check_paths(const settings *s, pf_error *error) {
  const char *trajectory = s->particles.trajectory;
  if (s->from && strcmp(s->from, "-") == 0 && strcmp(s->to, "-") == 0)
    return cli_error(error, PF_USAGE, "--from and --to cannot both be standard input");
  if (trajectory && strcmp(trajectory, s->output) == 0)
    return cli_error(error, PF_USAGE, "--output and --trajectory are both '%.200s'", trajectory);
  if (s->json && strcmp(s->output, "-") == 0)
    return cli_error(error, PF_USAGE, "--json needs -o FILE: the rows go to standard output already");
  pf_status status = strcmp(s->output, "-") == 0 ? PF_OK : cli_check_writable(s->output, error);
  return status == PF_OK && trajectory ? cli_check_writable(trajectory, error) : status;
}

static pf_status move(settings *s, pf_particles *out, pf_error *error) {
  pf_table *source = NULL, *target = NULL;
  cli_watch watch = {0};
  pf_status status = check_paths(s, error);
  if (status == PF_OK) status = load(s, s->to, false, &target, error);
  if (status == PF_OK && s->from) status = load(s, s->from, true, &source, error);
  if (status == PF_OK) status = cli_watch_begin(&watch, s->quiet, NULL, error);
  if (status == PF_OK) {
    s->particles.hooks = cli_watch_hooks(&watch);
    status = pf_particles_run(source, target, &s->particles, out, error);
    cli_watch_end(&watch, status, error);
  }
  pf_table_free(source);
  pf_table_free(target);
  return status;
}

/* ---- output ---- */

static int print_object(const settings *s, const pf_particles *p) {
  json_t *time = json_array(), *distance = json_array();
  for (int64_t k = 0; k <= p->steps; k++) {
    json_array_append_new(time, cli_json_real(p->time[k]));
    json_array_append_new(distance, cli_json_real(p->distance[k]));
  }
  return cli_print_json(json_pack("{s:s, s:s, s:s?, s:s, s:f, s:I, s:I, s:f, s:f, s:I, s:o, s:o, s:o}",
                                  "distance", s->particles.distance, "move", s->particles.move, "from",
                                  s->from, "to", s->to, "sinkhorn", s->particles.sinkhorn, "rows",
                                  (json_int_t)s->particles.rows, "steps", (json_int_t)p->steps, "step",
                                  p->step, "decay", s->particles.decay, "seed", (json_int_t)s->seed, "time",
                                  time, "distances", distance, "floor", cli_json_real(p->floor)));
}

static void add_line(cli_grid *grid, const pf_particles *p, int64_t k) {
  cli_grid_number(grid, (double)k);
  cli_grid_number(grid, p->time[k]);
  cli_grid_number(grid, p->distance[k]);
}

static int print_text(const settings *s, const pf_particles *p) {
  cli_grid grid = {.columns = 3};
  int64_t every = (p->steps + LINES - 1) / LINES;
  cli_grid_add(&grid, "step");
  cli_grid_add(&grid, "time");
  cli_grid_add(&grid, "%s", s->particles.distance);
  for (int64_t k = 0; k < p->steps; k += every) add_line(&grid, p, k);
  add_line(&grid, p, p->steps);
  printf("%lld rows, %s steps of %.4g, %s plans\n", (long long)s->particles.rows, s->particles.move, p->step,
         s->particles.sinkhorn > 0 ? "Sinkhorn" : "exact");
  int code = cli_grid_print(&grid);
  if (isnan(p->floor))
    printf("no floor: TARGET has fewer than %lld rows\n", (long long)(2 * s->particles.rows));
  else
    printf("floor, between two samples of TARGET: %.4g\n", p->floor);
  return code;
}

/* ---- the verb ---- */

enum { OPTIONS = 15 };

#define OPTION_REAL(option, where, sign, text)                                                               \
  { .name = option, .kind = CLI_REAL, .target = (where), .placeholder = sign, .help = text }

static void list_options(settings *s, cli_option out[OPTIONS]) {
  const cli_option options[OPTIONS] = {
      CLI_OPTION_WORDS("from", &s->from, "SOURCE", "rows that move; default: N(0, I)"),
      CLI_OPTION_WORDS("to", &s->to, "TARGET", "rows they move to"),
      {.name = "rows",
       .kind = CLI_INT,
       .target = &s->particles.rows,
       .placeholder = "N",
       .letter = 'n',
       .low = 1,
       .high = PF_PARTICLES_MAX,
       .help = "rows to move"},
      CLI_OPTION_OUTPUT(&s->output),
      CLI_OPTION_WORDS("distance", &s->particles.distance, "D",
                       "w1 (rows move at unit speed) or w2 (in proportion to their way)"),
      CLI_OPTION_WORDS("move", &s->particles.move, "M", "euler, midpoint, heun or rk4"),
      CLI_OPTION_COUNT("steps", &s->particles.steps, "K", 1, 1000000,
                       "steps, a plan for every stage of each"),
      OPTION_REAL("step", &s->particles.step, "EPS",
                  "length of a step; default: w1 .05 of the RMS radius of TARGET, w2 .1"),
      OPTION_REAL("decay", &s->particles.decay, "D", "step k has length EPS / (1 + D k)"),
      OPTION_REAL("sinkhorn", &s->particles.sinkhorn, "E",
                  "Sinkhorn plans, regularised by E times the mean cost, instead of exact ones"),
      CLI_OPTION_WORDS("trajectory", &s->particles.trajectory, "FILE", "all steps: NPY, (K+1) x N x d"),
      CLI_OPTION_COLUMNS(&s->choice.columns, "use these columns of both only"),
      CLI_OPTION_SEED(&s->seed, "draws and of the choice of rows"),
      CLI_OPTION_JSON(&s->json, "print one JSON object"),
      CLI_OPTION_QUIET(&s->quiet),
  };
  memcpy(out, options, sizeof options);
}

static int run_particles(int argc, char **argv) {
  settings s = {.particles = pf_particles_options_default(), .seed = 1};
  cli_option options[OPTIONS];
  list_options(&s, options);
  cli_call call = {&cli_particles, options, OPTIONS, {NULL}, 0};
  pf_error error = {0};
  pf_particles particles = {0};
  int code = cli_parse(&call, argc, argv);
  if (code != CLI_GO_ON) return code;
  if (!s.to) return cli_usage("particles needs --to TARGET, the rows to move to");
  if (s.particles.rows == 0) return cli_usage("particles needs -n N, the number of rows to move");
  if (!s.output) return cli_usage("particles needs -o FILE, where the moved rows go");
  s.particles.seed = (uint64_t)s.seed;
  pf_status status = move(&s, &particles, &error);
  if (status == PF_OK) status = pf_table_write(particles.moved, s.output, &error);
  if (status != PF_OK)
    code = cli_fail(&error);
  else if (strcmp(s.output, "-") == 0)
    code = 0; /* the rows have standard output to themselves */
  else
    code = s.json ? print_object(&s, &particles) : print_text(&s, &particles);
  pf_particles_clear(&particles);
  return code;
}

const cli_verb cli_particles = {
    .name = "particles",
    .purpose = "move rows along transport plans, no network",
    .usage = "[--from SOURCE] --to TARGET -n N -o FILE [options]",
    .details =
        "N rows of SOURCE follow the gradient flow of a Wasserstein distance towards N rows of TARGET: a "
        "plan "
        "between both\n"
        "gives every row its direction, step by step. Prints the distance on the way beside its floor, what "
        "two "
        "samples of\n"
        "TARGET have; below it the rows fit those of TARGET closer than its law. Exact plans take O(N^3).\n"
        "SOURCE and TARGET are DATA as everywhere (`pushforward help`); with fewer than 2 N rows of TARGET "
        "there is "
        "no floor.\n",
    .examples =
        "  pushforward particles --to law:8gaussians -n 1000 -o moved.csv\n"
        "  pushforward particles --from law:moons --to law:swissroll -n 500 -o moved.npy --distance w2 \\\n"
        "      --step 0.2 --steps 20 --trajectory path.npy\n"
        "  pushforward particles --from before.csv --to after.csv -n 400 -o moved.csv --decay 0.1 --json\n",
    .run = run_particles};
