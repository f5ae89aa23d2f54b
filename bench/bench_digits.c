/* What the domain transfer of digits needs around the command (tools/quality transfer).
 *
 *   bench_digits images IN OUT.npy                    grey images of a gzipped IDX file as rows of 16 x 16 values in [-1, 1]
 *   bench_digits pixels IN OUT.npy                    the same in their own size
 *   bench_digits labels IN OUT.npy                    labels of a gzipped IDX file as one column
 *   bench_digits nearest TRAIN LABELS TEST LABELS     accuracy of the nearest training row's label on the test rows
 *   bench_digits frechet SAMPLES REAL                 squared Frechet distance of pixels: W2^2 of fitted Gaussians, samples
 *                                                     clipped to [-1, 1], as many rows of each as the fewer has
 *
 * Images of another size than 16 x 16 are resized by the bilinear filter with antialiasing, one axis after the other: the
 * weight of input pixel j in output pixel i falls linearly from 1 at (i + 1/2) s - 1/2, s = size / 16, to 0 at a distance
 * of s, and the weights of an output pixel add to 1. That is the filter of Pillow's and torchvision's resize, without their
 * rounding to bytes in between.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "data/npy.h"
#include "metrics/nearest.h"
#include "ot/bures.h"
#include "pushforward.h"

enum { SIDE = 16, MOST_SIDE = 64, IMAGES = 0x803, LABELS = 0x801 };

static void must(pf_status status, const pf_error *error) {
  if (status == PF_OK) return;
  fprintf(stderr, "bench_digits: %s\n", error->message);
  exit(1);
}

static void give_up(const char *path, const char *why) {
  fprintf(stderr, "bench_digits: %s: %s\n", path, why);
  exit(1);
}

/* ---- IDX ---- */

typedef struct idx {
  const char *path;
  gzFile file;
  int64_t count;
  int rows, columns; /* of an image */
} idx;

static uint32_t read_word(const idx *f) {
  unsigned char b[4];
  if (gzread(f->file, b, 4) != 4) give_up(f->path, "cut off");
  return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static idx open_idx(const char *path, uint32_t kind) {
  idx f = {.path = path, .file = gzopen(path, "rb"), .rows = 1, .columns = 1};
  if (!f.file) give_up(path, "cannot open");
  if (read_word(&f) != kind) give_up(path, "not an IDX file of this kind");
  f.count = read_word(&f);
  if (kind == IMAGES) {
    f.rows = (int)read_word(&f);
    f.columns = (int)read_word(&f);
  }
  if (f.count < 2 || f.rows < 1 || f.rows > MOST_SIDE || f.columns < 1 || f.columns > MOST_SIDE)
    give_up(path, "an unexpected size");
  return f;
}

static void read_item(const idx *f, unsigned char *out) {
  unsigned size = (unsigned)(f->rows * f->columns);
  if (gzread(f->file, out, size) != (int)size) give_up(f->path, "cut off");
}

/* ---- resizing ---- */

/* weight[i][j] of input j in output i; the identity when sizes agree. */
static void filter(int size, double weight[SIDE][MOST_SIDE]) {
  double s = (double)size / SIDE, reach = s > 1 ? s : 1;
  for (int i = 0; i < SIDE; i++) {
    double sum = 0;
    for (int j = 0; j < size; j++) {
      weight[i][j] = fmax(0, 1 - fabs(j - ((i + 0.5) * s - 0.5)) / reach);
      sum += weight[i][j];
    }
    for (int j = 0; j < size; j++) weight[i][j] /= sum;
  }
}

/* bytes (rows x columns) to SIDE x SIDE values in [-1, 1]. */
static void resize(const idx *f, const unsigned char *bytes, double down[SIDE][MOST_SIDE],
                   double across[SIDE][MOST_SIDE], double *out) {
  double narrow[MOST_SIDE][SIDE];
  for (int r = 0; r < f->rows; r++)
    for (int i = 0; i < SIDE; i++) {
      narrow[r][i] = 0;
      for (int j = 0; j < f->columns; j++) narrow[r][i] += across[i][j] * bytes[r * f->columns + j];
    }
  for (int k = 0; k < SIDE; k++)
    for (int i = 0; i < SIDE; i++) {
      double grey = 0;
      for (int r = 0; r < f->rows; r++) grey += down[k][r] * narrow[r][i];
      out[k * SIDE + i] = 2 * grey / 255 - 1;
    }
}

typedef enum what { SIXTEEN, PIXELS, LABEL } what;

static int columns_of(const idx *f, what kind) {
  return kind == SIXTEEN ? SIDE * SIDE : kind == PIXELS ? f->rows * f->columns : 1;
}

static int convert(const char *in, const char *out, what kind) {
  static double down[SIDE][MOST_SIDE], across[SIDE][MOST_SIDE];
  unsigned char bytes[MOST_SIDE * MOST_SIDE];
  idx f = open_idx(in, kind == LABEL ? LABELS : IMAGES);
  pf_table *table = NULL;
  pf_error error = {0};
  int columns = columns_of(&f, kind);
  must(pf_table_create(f.count, columns, &table, &error), &error);
  filter(f.rows, down);
  filter(f.columns, across);
  for (int64_t i = 0; i < f.count; i++) {
    double *row = table->values + i * columns;
    read_item(&f, bytes);
    if (kind == SIXTEEN) resize(&f, bytes, down, across, row);
    for (int j = 0; kind == PIXELS && j < columns; j++) row[j] = 2 * bytes[j] / 255.0 - 1;
    if (kind == LABEL) row[0] = bytes[0];
  }
  must(pf_npy_write(out, table, PF_NPY_F4, &error), &error);
  pf_table_free(table);
  gzclose(f.file);
  return 0;
}

/* ---- nearest neighbours ---- */

typedef struct labelled_tables {
  pf_table *rows, *labels;
} labelled_tables;

static labelled_tables load(const char *rows, const char *labels) {
  labelled_tables t = {0};
  pf_error error = {0};
  must(pf_table_load(rows, NULL, &t.rows, &error), &error);
  must(pf_table_load(labels, NULL, &t.labels, &error), &error);
  if (t.rows->rows != t.labels->rows || t.labels->columns != 1) give_up(labels, "not one label a row");
  return t;
}

static pf_labelled view(const labelled_tables *t) {
  return (pf_labelled){{t->rows->values, (size_t)t->rows->rows, (size_t)t->rows->columns}, t->labels->values};
}

static int nearest(char **paths) {
  labelled_tables train = load(paths[0], paths[1]), test = load(paths[2], paths[3]);
  pf_pool *pool = NULL;
  pf_error error = {0};
  double accuracy = 0;
  must(pf_pool_create(0, &pool, &error), &error);
  must(pf_nearest_accuracy(view(&test), view(&train), pool, &accuracy, &error), &error);
  printf("%.4f\n", accuracy);
  pf_pool_free(pool);
  pf_table_free(train.rows);
  pf_table_free(train.labels);
  pf_table_free(test.rows);
  pf_table_free(test.labels);
  return 0;
}

/* ---- Frechet distance ---- */

static int frechet(char **paths) {
  pf_table *samples = NULL, *real = NULL;
  pf_error error = {0};
  double distance = 0;
  must(pf_table_load(paths[0], NULL, &samples, &error), &error);
  must(pf_table_load(paths[1], NULL, &real, &error), &error);
  if (samples->columns != real->columns) give_up(paths[0], "another number of pixels");
  size_t d = (size_t)real->columns, n = (size_t)(samples->rows < real->rows ? samples->rows : real->rows);
  for (size_t i = 0; i < n * d; i++) samples->values[i] = fmin(fmax(samples->values[i], -1), 1);
  must(pf_frechet_distance((pf_points){samples->values, n, d}, (pf_points){real->values, n, d}, &distance,
                           &error),
       &error);
  printf("%.4f\n", distance * distance);
  pf_table_free(samples);
  pf_table_free(real);
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[1], "images") == 0) return convert(argv[2], argv[3], SIXTEEN);
  if (argc == 4 && strcmp(argv[1], "pixels") == 0) return convert(argv[2], argv[3], PIXELS);
  if (argc == 4 && strcmp(argv[1], "labels") == 0) return convert(argv[2], argv[3], LABEL);
  if (argc == 6 && strcmp(argv[1], "nearest") == 0) return nearest(argv + 2);
  if (argc == 4 && strcmp(argv[1], "frechet") == 0) return frechet(argv + 2);
  fputs("usage: bench_digits images IN OUT.npy | pixels IN OUT.npy | labels IN OUT.npy\n"
        "       bench_digits nearest TRAIN LABELS TEST LABELS | frechet SAMPLES REAL\n",
        stderr);
  return 2;
}
