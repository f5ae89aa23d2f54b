/* A training small enough for a test, its model file's bytes, and temporary files. A header of static functions. */
#ifndef PF_TESTS_API_TINY_TRAIN_H
#define PF_TESTS_API_TINY_TRAIN_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/memory.h"
#include "pushforward.h"

typedef struct bytes {
  unsigned char *data;
  size_t size;
} bytes;

static inline void must(pf_status status, const pf_error *error) {
  if (status != PF_OK) fail_msg("%s: %s", pf_status_name(status), error->message);
}

/* A name nobody uses yet, in TMPDIR; the file does not exist. */
static inline void temporary_name(char out[256], const char *what) {
  const char *folder = getenv("TMPDIR");
  snprintf(out, 256, "%s/pf_%s_%ld", folder ? folder : "/tmp", what, (long)getpid());
  remove(out);
}

static inline bytes read_bytes(const char *path) {
  FILE *file = fopen(path, "rb");
  bytes b = {0};
  assert_non_null(file);
  assert_int_equal(fseek(file, 0, SEEK_END), 0);
  b.size = (size_t)ftell(file);
  rewind(file);
  b.data = malloc(b.size ? b.size : 1);
  assert_int_equal(fread(b.data, 1, b.size, file), b.size);
  fclose(file);
  return b;
}

static inline void write_bytes(const char *path, const unsigned char *data, size_t size) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(data, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

static inline void expect_same_bytes(const char *what, bytes a, bytes b) {
  if (a.size != b.size || memcmp(a.data, b.data, a.size) != 0) fail_msg("%s: the model files differ", what);
}

/* The bytes of the model's file. */
static inline bytes model_bytes(const pf_model *model) {
  char path[256];
  pf_error error = {0};
  temporary_name(path, "model");
  must(pf_model_save(model, path, &error), &error);
  bytes b = read_bytes(path);
  remove(path);
  return b;
}

static inline pf_table *draw_table(const char *source, int64_t rows) {
  pf_load_options load = {.rows = rows, .seed = 3};
  pf_table *table = NULL;
  pf_error error = {0};
  must(pf_table_load(source, &load, &table, &error), &error);
  return table;
}

/* 60 steps of a 2 x 16 network, half of them on the velocity. */
static inline pf_train_options tiny_options(void) {
  pf_train_options o = pf_train_options_default();
  o.face = "practical";
  o.steps = 60;
  o.width = 16;
  o.depth = 2;
  o.batch = 64;
  o.trajectory_steps = 2; /* following the characteristics is most of the time */
  o.curve_points = 3;
  o.seed = 4;
  return o;
}

static inline pf_model *train_on(const char *source, const pf_train_options *o) {
  pf_table *table = draw_table(source, 600);
  pf_model *model = NULL;
  pf_error error = {0};
  pf_status status = pf_train(table, NULL, o, &model, &error);
  pf_table_free(table);
  must(status, &error);
  return model;
}

static inline bytes trained_bytes(const pf_train_options *o) {
  pf_model *model = train_on("law:moons", o);
  bytes b = model_bytes(model);
  pf_model_free(model);
  return b;
}

/* ---- what several trainings are asked ---- */

/* A stop hook's context: counts steps and stops at one of them (-1: never). */
typedef struct stopper {
  int calls, stop_at;
  const char *checkpoint; /* copied as it is on disk at that step; NULL: nothing is */
  bytes copy;
} stopper;

static inline bool stop_now(void *context) {
  stopper *s = context;
  if (++s->calls != s->stop_at) return false;
  if (s->checkpoint && access(s->checkpoint, F_OK) == 0) s->copy = read_bytes(s->checkpoint);
  return true;
}

/* The bytes of the model that these options make. */
typedef bytes train_to_bytes(const pf_train_options *options);

static inline void expect_same_for_any_threads(const char *name, pf_train_options o, train_to_bytes *train) {
  static const int others[] = {2, 5};
  o.threads = 1;
  bytes one = train(&o);
  for (int i = 0; i < 2; i++) {
    o.threads = others[i];
    bytes other = train(&o);
    expect_same_bytes(name, one, other);
    free(other.data);
  }
  free(one.data);
}

#endif
