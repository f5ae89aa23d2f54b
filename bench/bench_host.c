/* A model inside of a host program: what one call costs, and its exports beside what they must reproduce.
 *
 *   bench_host calls WIDTH DEPTH COLUMNS CALLS           latencies of pf_sampler_run for one sample, and of the same from noise
 *   bench_host export WIDTH DEPTH COLUMNS ROWS FOLDER    FOLDER/{f32,f16,i8}.c, net.onnx; noise.f32 and samples.f32: the rows
 *                                                        0..ROWS-1 of seed 1 as raw floats, by the executor
 *
 * The model is trained on normals for so few steps that it is of no use and of the usual size. `calls` prints a JSON object a
 * line: a percentile is the smallest time that so many of the calls do not exceed, and the clock's own time, the median of
 * as many empty measurements, stands beside them and is not taken off.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "base/rng.h"
#include "pushforward.h"

enum { ROWS = 2000, STEPS = 200, SEED = 1 };

static void must(pf_status status, const pf_error *error) {
  if (status == PF_OK) return;
  fprintf(stderr, "bench_host: %s\n", error->message);
  exit(1);
}

static void *memory(size_t count, size_t size) {
  void *out = NULL;
  pf_error error = {0};
  must(pf_alloc(count, size, &out, &error), &error);
  return out;
}

/* Rows of correlated, skewed columns: no value of the encoder is a round number. */
static pf_table *rows_to_fit(int columns) {
  double *values = memory((size_t)ROWS * (size_t)columns, sizeof *values);
  for (int64_t i = 0; i < ROWS; i++) {
    pf_rng rng = pf_rng_at(SEED, PF_STREAM_PRIOR, 0, (uint64_t)i);
    double common = pf_rng_normal(&rng);
    for (int j = 0; j < columns; j++)
      values[i * columns + j] = j + exp(.3 * common + .2 * pf_rng_normal(&rng));
  }
  pf_table *table = NULL;
  pf_error error = {0};
  must(pf_table_from_values(ROWS, columns, values, NULL, &table, &error), &error);
  pf_free(values);
  return table;
}

static pf_model *make_model(int width, int depth, int columns) {
  pf_table *table = rows_to_fit(columns);
  pf_train_options o = pf_train_options_default();
  pf_model *model = NULL;
  pf_error error = {0};
  o.steps = STEPS;
  o.width = width;
  o.depth = depth;
  o.batch = 128;
  o.curve_points = 0;
  o.seed = SEED;
  must(pf_train(table, NULL, &o, &model, &error), &error);
  pf_table_free(table);
  return model;
}

static pf_sampler *make_sampler(const pf_model *model, pf_workspace *workspace) {
  pf_sampler *sampler = NULL;
  pf_error error = {0};
  must(pf_sampler_create(model, NULL, &sampler, &error), &error);
  workspace->bytes = pf_sampler_workspace_bytes(sampler);
  workspace->memory = memory(1, workspace->bytes);
  return sampler;
}

/* ---- calls ---- */

typedef struct timed {
  const pf_sampler *sampler;
  pf_workspace workspace;
  const float *z; /* noise of one row; NULL: drawn by the call */
  double *out, *seconds;
} timed;

static void call(const timed *t, int64_t i) {
  pf_error error = {0};
  if (t->z)
    must(pf_sampler_run_from_noise(t->sampler, t->z, 1, t->out, t->workspace, &error), &error);
  else
    must(pf_sampler_run(t->sampler, (pf_sample_range){SEED, i, 1}, t->out, t->workspace, &error), &error);
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double clock_cost(double *seconds, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    double begin = pf_clock_seconds();
    seconds[i] = pf_clock_seconds() - begin;
  }
  qsort(seconds, (size_t)n, sizeof *seconds, by_value);
  return seconds[n / 2];
}

static double percentile(const double *sorted, int64_t n, double share) {
  int64_t at = (int64_t)ceil(share * (double)n) - 1;
  return 1e6 * sorted[at < 0 ? 0 : at];
}

static void time_calls(const timed *t, const char *what, int64_t n) {
  double clock = clock_cost(t->seconds, n), sum = 0;
  for (int64_t i = 0; i < 1000; i++) call(t, i); /* warm */
  for (int64_t i = 0; i < n; i++) {
    double begin = pf_clock_seconds();
    call(t, i);
    t->seconds[i] = pf_clock_seconds() - begin;
    sum += t->seconds[i];
  }
  qsort(t->seconds, (size_t)n, sizeof *t->seconds, by_value);
  printf("{\"call\":\"%s\",\"calls\":%lld,\"mean_us\":%.4g,\"p50_us\":%.4g,\"p99_us\":%.4g,\"p999_us\":%.4g,"
         "\"max_us\":%.4g,\"clock_us\":%.3g}\n",
         what, (long long)n, 1e6 * sum / (double)n, percentile(t->seconds, n, .5),
         percentile(t->seconds, n, .99), percentile(t->seconds, n, .999), percentile(t->seconds, n, 1),
         1e6 * clock);
}

static void calls(const pf_model *model, int64_t n) {
  timed t = {0};
  size_t d = (size_t)pf_model_columns(model);
  float *z = memory(d, sizeof *z);
  pf_error error = {0};
  pf_sampler *sampler = make_sampler(model, &t.workspace);
  t.sampler = sampler;
  t.out = memory(d, sizeof *t.out);
  t.seconds = memory((size_t)n, sizeof *t.seconds);
  must(pf_sampler_noise(sampler, (pf_sample_range){SEED, 0, 1}, z, &error), &error);
  time_calls(&t, "pf_sampler_run", n);
  t.z = z;
  time_calls(&t, "pf_sampler_run_from_noise", n);
  pf_free(z);
  pf_free(t.out);
  pf_free(t.seconds);
  pf_free(t.workspace.memory);
  pf_sampler_free(sampler);
}

/* ---- export ---- */

static void path_in(const char *folder, const char *name, char out[4096]) {
  if (snprintf(out, 4096, "%s/%s", folder, name) >= 4096)
    must(PF_USAGE, &(pf_error){PF_USAGE, "folder too long"});
}

static void write_floats(const char *folder, const char *name, const float *x, size_t items) {
  char path[4096];
  path_in(folder, name, path);
  FILE *file = fopen(path, "wb");
  bool written = file && fwrite(x, sizeof *x, items, file) == items;
  if (!file || fclose(file) != 0 || !written) must(PF_IO, &(pf_error){PF_IO, "cannot write the rows"});
}

static void write_exports(const pf_model *model, const char *folder) {
  static const char *const stored[] = {"f32", "f16", "i8"};
  char path[4096], name[16];
  pf_error error = {0};
  for (int i = 0; i < 3; i++) {
    snprintf(name, sizeof name, "%s.c", stored[i]);
    path_in(folder, name, path);
    const pf_export_options options = {.to = "c", .name = "net", .weights = stored[i]};
    must(pf_model_export(model, &options, path, &error), &error);
  }
  path_in(folder, "net.onnx", path);
  must(pf_model_export(model, &(pf_export_options){.to = "onnx"}, path, &error), &error);
}

static void export_all(const pf_model *model, int64_t n, const char *folder) {
  pf_workspace workspace = {0};
  size_t items = (size_t)n * (size_t)pf_model_columns(model);
  float *x = memory(items, sizeof *x);
  pf_error error = {0};
  const pf_sample_range range = {SEED, 0, n};
  pf_sampler *sampler = make_sampler(model, &workspace);
  write_exports(model, folder);
  must(pf_sampler_noise(sampler, range, x, &error), &error);
  write_floats(folder, "noise.f32", x, items);
  must(pf_sampler_run_f32(sampler, range, x, workspace, &error), &error);
  write_floats(folder, "samples.f32", x, items);
  pf_free(x);
  pf_free(workspace.memory);
  pf_sampler_free(sampler);
}

static int64_t number(const char *text) {
  char *end = NULL;
  long long value = strtoll(text, &end, 10);
  if (end != text && *end == 0 && value > 0 && value <= 1 << 28) return value;
  fprintf(stderr, "bench_host: not a number from 1 up: '%s'\n", text);
  exit(2);
}

int main(int argc, char **argv) {
  bool calling = argc == 6 && strcmp(argv[1], "calls") == 0,
       exporting = argc == 7 && strcmp(argv[1], "export") == 0;
  if (!calling && !exporting) {
    fprintf(stderr,
            "usage: bench_host calls WIDTH DEPTH COLUMNS CALLS | export WIDTH DEPTH COLUMNS ROWS FOLDER\n");
    return 2;
  }
  int64_t n = number(argv[5]);
  pf_model *model = make_model((int)number(argv[2]), (int)number(argv[3]), (int)number(argv[4]));
  if (calling)
    calls(model, n);
  else
    export_all(model, n, argv[6]);
  pf_model_free(model);
  return 0;
}
