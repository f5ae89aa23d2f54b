/* Asks an exported C file what it promises (bench/host_figures.py). Compiled with -DCOLUMNS=d beside the file, alone: no
 * library of ours.
 *
 *   latency CALLS              nanoseconds a call of net_sample and of net_from_noise: the median over blocks of about 0.1 ms,
 *                              most of which other work on the machine does not interrupt
 *   compare FOLDER ROWS        rows 0..ROWS-1 of seed 1, from FOLDER/noise.f32, beside FOLDER/samples.f32: how many values
 *                              differ, the largest difference in units in the last place, and of the first rows how many
 *                              net_sample, which draws that noise itself, makes otherwise
 *   bytes ROWS                 a hash of those rows
 *   threads ROWS               whether 8 threads at once make the bytes that one makes
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void net_from_noise(const float *z, float *out);
void net_sample(uint64_t seed, uint64_t index, float *out);

enum { SEED = 1, LEAST_BLOCKS = 21, MOST_BLOCKS = 4096, BLOCK_NS = 100000, THREADS = 8, DRAWN = 20000 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double block_time(int from_noise, long calls) {
  static volatile float kept; /* the compiler may not leave a call out */
  float z[COLUMNS], out[COLUMNS];
  for (int k = 0; k < COLUMNS; k++) z[k] = 0.3f + 0.01f * (float)k;
  double begin = now();
  for (long i = 0; i < calls; i++) {
    if (from_noise)
      net_from_noise(z, out);
    else
      net_sample(SEED, (uint64_t)i, out);
    kept = out[0];
    z[0] = kept > 0 ? 0.3f : 0.31f; /* one call after the other */
  }
  return (now() - begin) / (double)calls;
}

static double latency(int from_noise, long calls) {
  static double taken[MOST_BLOCKS];
  long each = (long)(BLOCK_NS / block_time(from_noise, 20));
  if (each < 1) each = 1;
  long blocks = calls / each;
  if (blocks < LEAST_BLOCKS) blocks = LEAST_BLOCKS;
  if (blocks > MOST_BLOCKS) blocks = MOST_BLOCKS;
  for (long b = 0; b < blocks; b++) taken[b] = block_time(from_noise, each);
  qsort(taken, (size_t)blocks, sizeof *taken, by_value);
  return taken[blocks / 2];
}

/* ---- values ---- */

/* Floats in their order as integers: neighbours differ by 1, and both zeros are one number. */
static int64_t ordinal(float x) {
  int32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits < 0 ? -(int64_t)(bits & 0x7fffffff) : bits;
}

static float *read_rows(const char *folder, const char *name, long rows) {
  char path[4096];
  size_t items = (size_t)rows * COLUMNS;
  float *x = malloc(items * sizeof *x);
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "rb");
  if (!x || !file || fread(x, sizeof *x, items, file) != items) {
    fprintf(stderr, "export_probe: cannot read %ld rows of %s\n", rows, path);
    exit(1);
  }
  fclose(file);
  return x;
}

static int compare(const char *folder, long rows) {
  float *z = read_rows(folder, "noise.f32", rows), *want = read_rows(folder, "samples.f32", rows);
  int64_t worst = 0, differ = 0, moved = 0;
  for (long i = 0; i < rows; i++) {
    float got[COLUMNS], again[COLUMNS];
    net_from_noise(z + i * COLUMNS, got);
    if (i < DRAWN) {
      net_sample(SEED, (uint64_t)i, again);
      moved += memcmp(got, again, sizeof got) != 0;
    }
    for (int k = 0; k < COLUMNS; k++) {
      int64_t off = ordinal(got[k]) - ordinal(want[i * COLUMNS + k]);
      if (off < 0) off = -off;
      if (off > worst) worst = off;
      differ += off != 0;
    }
  }
  printf("{\"rows\":%ld,\"differ\":%" PRId64 ",\"ulp\":%" PRId64 ",\"drawn_otherwise\":%" PRId64 "}\n", rows,
         differ, worst, moved);
  free(z);
  free(want);
  return 0;
}

/* FNV-1a of the rows' bytes. */
static uint64_t hash_rows(long rows) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (long i = 0; i < rows; i++) {
    float out[COLUMNS];
    unsigned char bytes[sizeof out];
    net_sample(SEED, (uint64_t)i, out);
    memcpy(bytes, out, sizeof out);
    for (size_t b = 0; b < sizeof bytes; b++) hash = (hash ^ bytes[b]) * UINT64_C(0x100000001b3);
  }
  return hash;
}

typedef struct job {
  long rows;
  uint64_t hash;
} job;

static void *hash_in_thread(void *context) {
  job *own = context;
  own->hash = hash_rows(own->rows);
  return NULL;
}

static int threads(long rows) {
  pthread_t thread[THREADS];
  job jobs[THREADS];
  int alike = 0;
  for (int i = 0; i < THREADS; i++) {
    jobs[i] = (job){rows, 0};
    if (pthread_create(&thread[i], NULL, hash_in_thread, &jobs[i]) != 0) return 1;
  }
  uint64_t alone = hash_rows(rows);
  for (int i = 0; i < THREADS; i++) {
    pthread_join(thread[i], NULL);
    alike += jobs[i].hash == alone;
  }
  printf("{\"threads\":%d,\"alike\":%d}\n", THREADS, alike);
  return 0;
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  long n = argc > 2 ? strtol(argv[argc - 1], NULL, 10) : 0;
  if (n > 0 && argc == 4 && strcmp(what, "compare") == 0) return compare(argv[2], n);
  if (n > 0 && argc == 3 && strcmp(what, "threads") == 0) return threads(n);
  if (n > 0 && argc == 3 && strcmp(what, "bytes") == 0) {
    printf("{\"hash\":\"%016" PRIx64 "\"}\n", hash_rows(n));
    return 0;
  }
  if (n > 0 && argc == 3 && strcmp(what, "latency") == 0) {
    printf("{\"sample_ns\":%.6g,\"from_noise_ns\":%.6g}\n", latency(0, n), latency(1, n));
    return 0;
  }
  fprintf(stderr, "usage: export_probe latency CALLS | compare FOLDER ROWS | bytes ROWS | threads ROWS\n");
  return 2;
}
