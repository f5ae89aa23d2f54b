/* Runs a fuzz target where libFuzzer is missing: its command line, plain mutations, no coverage feedback.
 *
 *   fuzz_NAME [-max_total_time=SECONDS] [-runs=N] [-seed=S] [-artifact_prefix=P] [FILE | FOLDER]...
 *
 * First every corpus file as it is and cut short at (up to 4096) lengths, then mutations of random corpus
 * files, N in all or until the time is over. The input that kills the target is left in P + "crash".
 * With FILEs alone and -runs=0 it replays them. */
#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void __sanitizer_set_death_callback(void (*callback)(void));
#pragma weak __sanitizer_set_death_callback

enum { INPUT_LIMIT = 1 << 16, CORPUS_LIMIT = 4096, HANG_SECONDS = 20, CUT_LIMIT = 4096 };

typedef struct input {
  uint8_t *data;
  size_t size;
} input;

static input corpus[CORPUS_LIMIT];
static size_t corpus_count;
static input current; /* what the target is running on: written out when it dies */
static const char *artifact_prefix = "";
static uint64_t state = 1;
static long runs;

static uint64_t draw(uint64_t bound) { /* xorshift64* */
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return (state * UINT64_C(0x2545F4914F6CDD1D) >> 16) % bound;
}

static void save_current(void) {
  char path[4096];
  snprintf(path, sizeof path, "%scrash", artifact_prefix);
  FILE *file = fopen(path, "wb");
  if (!file) return;
  fwrite(current.data, 1, current.size, file);
  fclose(file);
  fprintf(stderr, "\nrun %ld, input of %zu bytes written to %s\n", runs, current.size, path);
}

static void on_alarm(int number) {
  (void)number;
  fprintf(stderr, "an input took more than %d seconds\n", HANG_SECONDS);
  save_current();
  _exit(1);
}

/* The target gets an exact heap copy, so that reading one byte too far is seen. */
static void run_one(const uint8_t *data, size_t size) {
  current.data = malloc(size ? size : 1);
  if (!current.data) exit(1);
  if (size) memcpy(current.data, data, size);
  current.size = size;
  alarm(HANG_SECONDS);
  LLVMFuzzerTestOneInput(current.data, size);
  alarm(0);
  free(current.data);
  current.data = NULL;
  runs++;
}

static void load_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file || corpus_count == CORPUS_LIMIT) {
    if (file) fclose(file);
    return;
  }
  uint8_t *data = malloc(INPUT_LIMIT);
  if (!data) exit(1);
  corpus[corpus_count++] = (input){data, fread(data, 1, INPUT_LIMIT, file)};
  fclose(file);
}

static void load(const char *path) {
  struct stat info;
  if (stat(path, &info) != 0) return;
  if (!S_ISDIR(info.st_mode)) {
    load_file(path);
    return;
  }
  struct dirent **entries = NULL; /* sorted, so that a seed means the same everywhere */
  int count = scandir(path, &entries, NULL, alphasort);
  for (int i = 0; i < count; i++) {
    char child[4096];
    snprintf(child, sizeof child, "%s/%s", path, entries[i]->d_name);
    if (entries[i]->d_name[0] != '.') load_file(child);
    free(entries[i]);
  }
  free(entries);
}

static void erase(input *x, size_t at, size_t count) {
  memmove(x->data + at, x->data + at + count, x->size - at - count);
  x->size -= count;
}

static void insert(input *x, size_t at, const uint8_t *bytes, size_t count) {
  if (x->size + count > INPUT_LIMIT) return;
  memmove(x->data + at + count, x->data + at, x->size - at);
  memcpy(x->data + at, bytes, count);
  x->size += count;
}

/* One small change. Values that parsers trip over: extremes of integers, and the text of odd numbers. */
static void mutate(input *x) {
  static const char *const words[] = {
      "-1", "nan", "inf",  "1e999", "99999999999999999999", "\"",     "\n", "\r\n", ",", ",,", "{", "}",
      "[",  "]",   "null", "0x7f",  "\xEF\xBB\xBF",         "\\u0000"};
  static const uint64_t extremes[] = {
      0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, UINT64_C(0x7FFFFFFFFFFFFFFF), UINT64_MAX};
  uint8_t chunk[64];
  size_t at = (size_t)draw(x->size + 1), left = x->size - at;
  size_t count = 1 + (size_t)draw(sizeof chunk);
  const char *word = words[draw(sizeof words / sizeof *words)];
  const input *other = &corpus[draw(corpus_count)];
  uint64_t extreme = extremes[draw(sizeof extremes / sizeof *extremes)];
  switch (draw(9)) {
  case 0:
    if (left) x->data[at] ^= (uint8_t)(1u << draw(8));
    break;
  case 1:
    if (left) x->data[at] = (uint8_t)draw(256);
    break;
  case 2: erase(x, at, count < left ? count : left); break;
  case 3:
    for (size_t i = 0; i < count; i++) chunk[i] = (uint8_t)draw(256);
    insert(x, at, chunk, count);
    break;
  case 4:
    memcpy(chunk, x->data + at, count = count < left ? count : left);
    insert(x, (size_t)draw(x->size + 1), chunk, count);
    break;
  case 5: insert(x, at, (const uint8_t *)word, strlen(word)); break;
  case 6:
    count = (size_t)1 << draw(4);
    if (left >= count) memcpy(x->data + at, &extreme, count);
    break;
  case 7:
    if (other->size) {
      size_t from = (size_t)draw(other->size), rest = other->size - from;
      count = count < rest ? count : rest;
      insert(x, at, other->data + from, count);
    }
    break;
  default: x->size = at; break;
  }
}

static void run_corpus(void) {
  for (size_t i = 0; i < corpus_count; i++) {
    size_t stride = corpus[i].size / CUT_LIMIT + 1;
    for (size_t size = 0; size < corpus[i].size; size += stride) run_one(corpus[i].data, size);
    run_one(corpus[i].data, corpus[i].size);
  }
}

static void run_mutations(long wanted, double seconds, struct timespec start) {
  static uint8_t room[INPUT_LIMIT];
  for (long done = 0; wanted < 0 || done < wanted; done++) {
    if (seconds > 0) {
      struct timespec now;
      clock_gettime(CLOCK_MONOTONIC, &now);
      if ((double)(now.tv_sec - start.tv_sec) >= seconds) return;
    }
    const input *seed = &corpus[draw(corpus_count)];
    input x = {room, seed->size};
    memcpy(room, seed->data, seed->size);
    for (uint64_t changes = 1 + draw(8); changes > 0; changes--) mutate(&x);
    run_one(x.data, x.size);
  }
}

int main(int argc, char **argv) {
  long wanted = -1;
  double seconds = 0.0;
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (int i = 1; i < argc; i++) {
    if (strncmp(argv[i], "-max_total_time=", 16) == 0)
      seconds = atof(argv[i] + 16);
    else if (strncmp(argv[i], "-runs=", 6) == 0)
      wanted = atol(argv[i] + 6);
    else if (strncmp(argv[i], "-seed=", 6) == 0)
      state = strtoull(argv[i] + 6, NULL, 10) * 2 + 1;
    else if (strncmp(argv[i], "-artifact_prefix=", 17) == 0)
      artifact_prefix = argv[i] + 17;
    else if (argv[i][0] != '-')
      load(argv[i]);
  }
  if (wanted < 0 && !(seconds > 0)) wanted = 10000;
  if (__sanitizer_set_death_callback) __sanitizer_set_death_callback(save_current);
  signal(SIGALRM, on_alarm);
  run_corpus();
  if (corpus_count == 0) corpus[corpus_count++] = (input){calloc(1, 1), 0};
  run_mutations(wanted, seconds, start);
  clock_gettime(CLOCK_MONOTONIC, &end);
  for (size_t i = 0; i < corpus_count; i++) free(corpus[i].data);
  printf("Done %ld runs in %ld second(s)\n", runs, (long)(end.tv_sec - start.tv_sec));
  return 0;
}
