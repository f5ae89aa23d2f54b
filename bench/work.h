/* What the workers of the benchmark share: options, and the line protocol that lets a driver run them in turn.
 *
 * A worker prepares itself, prints one line `ready {...}` with facts as JSON, and answers every line `go K` on standard
 * input with `done SECONDS [{...}]` after K iterations. It leaves when standard input ends.
 */
#ifndef PF_BENCH_WORK_H
#define PF_BENCH_WORK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/status.h"

PF_INLINE void work_must(pf_status status, const pf_error *error) {
  if (status == PF_OK) return;
  fprintf(stderr, "%s\n", error->message);
  exit(1);
}

_Noreturn static inline void work_refuse(const char *what, const char *value) {
  fprintf(stderr, "%s '%s'\n", what, value ? value : "");
  exit(2);
}

/* `--name VALUE` or, with a flag, `--name`: exactly one of the pointers is set. */
typedef struct work_option {
  const char *name;
  int *number;       /* at least 1 */
  const char **text; /* any */
  bool *flag;
} work_option;

static inline void work_read_option(const work_option *option, const char *value) {
  if (!value) work_refuse("no value for", option->name);
  if (option->text) {
    *option->text = value;
    return;
  }
  char *end = NULL;
  long number = strtol(value, &end, 10);
  if (*value == 0 || *end != 0 || number < 1 || number > 1 << 30)
    work_refuse("not a number from 1 up:", value);
  *option->number = (int)number;
}

static inline void work_read_options(int argc, char **argv, const work_option *options, int count) {
  for (int i = 1; i < argc; i++) {
    int k = 0;
    while (k < count && strcmp(options[k].name, argv[i]) != 0) k++;
    if (k == count) work_refuse("unknown option", argv[i]);
    if (options[k].flag)
      *options[k].flag = true;
    else
      work_read_option(&options[k], argv[++i]);
  }
}

/* Runs k iterations; may print ` {...}` facts about them into `facts` (of `room` bytes, empty before). Returns seconds. */
typedef double work_go(void *context, long k, char *facts, size_t room);

static inline int work_serve(const char *ready, work_go *go, void *context) {
  char line[64], facts[256];
  printf("ready %s\n", ready);
  fflush(stdout);
  while (fgets(line, sizeof line, stdin)) {
    char *end = NULL;
    long k = strncmp(line, "go ", 3) == 0 ? strtol(line + 3, &end, 10) : 0;
    if (k < 1) work_refuse("not a request:", line);
    facts[0] = 0;
    double seconds = go(context, k, facts, sizeof facts);
    printf("done %.9g %s\n", seconds, facts);
    fflush(stdout);
  }
  return 0;
}

#endif
