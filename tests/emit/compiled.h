/* Emitted C, compiled and loaded. A header of static functions. */
#ifndef PF_TESTS_EMIT_COMPILED_H
#define PF_TESTS_EMIT_COMPILED_H

#include <dlfcn.h>
#include "emit_models.h"

#define STRICT "-Wall -Wextra -Wconversion -pedantic -Werror"

typedef struct compiled {
  void *library;
  void (*sample)(uint64_t seed, uint64_t index, float *out); /* of a model without conditions */
  void (*sample_given)(uint64_t seed, uint64_t index, const float *given, float *out);
  void (*from_noise)(const float *z, float *out);
} compiled;

static inline bool have(const char *program) {
  char command[128];
  snprintf(command, sizeof command, "command -v %s >/dev/null 2>&1", program);
  return system(command) == 0;
}

/* A folder of its own for a test program's files. */
static inline const char *work_folder(void) {
  static char folder[64];
  if (!folder[0]) {
    snprintf(folder, sizeof folder, "/tmp/pf_test_emit_XXXXXX");
    assert_non_null(mkdtemp(folder));
  }
  return folder;
}

static inline int remove_work_folder(void **state) {
  (void)state;
  char command[128];
  snprintf(command, sizeof command, "rm -rf %s", work_folder());
  return system(command);
}

static inline void write_source(const pf_text *text, char path[128]) {
  static int count;
  snprintf(path, 128, "%s/emitted%d.c", work_folder(), count++);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_int_equal(fwrite(text->data, 1, text->length, file), text->length);
  assert_int_equal(fclose(file), 0);
}

/* Whether `compiler` takes the file without a word under the strict flags. */
static inline bool compiles(const char *compiler, const char *path) {
  char command[512];
  snprintf(command, sizeof command, "%s " STRICT " -O1 -c %s -o %s.o", compiler, path, path);
  return system(command) == 0;
}

static inline void *load_source(const pf_text *text) {
  char path[128], command[512];
  write_source(text, path);
  snprintf(command, sizeof command, "cc -std=c99 -O2 -fPIC -shared %s -o %s.so -lm", path, path);
  assert_int_equal(system(command), 0);
  snprintf(command, sizeof command, "%s.so", path);
  void *library = dlopen(command, RTLD_NOW | RTLD_LOCAL);
  if (!library) fail_msg("%s", dlerror());
  return library;
}

static inline void *symbol(void *library, const char *name) {
  void *found = dlsym(library, name);
  if (!found) fail_msg("no %s", name);
  return found;
}

static inline pf_text emitted(const struct pf_model *model, const char *weights) {
  pf_error error = {0};
  pf_text text = {0};
  const pf_export_options options = {.to = "c", .name = "net", .weights = weights};
  must(pf_emit_c(model, &options, &text, &error), &error);
  return text;
}

static inline compiled compile_model(const struct pf_model *model, const char *weights) {
  compiled c = {0};
  pf_text text = emitted(model, weights);
  c.library = load_source(&text);
  pf_text_free(&text);
  void *functions[] = {symbol(c.library, "net_sample"), symbol(c.library, "net_from_noise")};
  memcpy(&c.sample, &functions[0], sizeof functions[0]);
  memcpy(&c.sample_given, &functions[0], sizeof functions[0]);
  memcpy(&c.from_noise, &functions[1], sizeof functions[1]);
  return c;
}

#endif
