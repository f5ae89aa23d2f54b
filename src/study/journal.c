/* The journal of a study: see journal.h. */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../base/memory.h"
#include "../base/text.h"
#include "../data/json_util.h"

enum { MOST_BYTES = 1 << 28 };

static pf_status fail_io(const pf_journal *j, const char *what, pf_error *error) {
  return pf_fail(error, PF_IO, "%.200s: cannot %s: %s", j->path, what, strerror(errno));
}

static pf_status write_all(const pf_journal *j, const char *bytes, size_t length, pf_error *error) {
  while (length > 0) {
    ssize_t written = write(j->file, bytes, length);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return fail_io(j, "write", error);
    bytes += written;
    length -= (size_t)written;
  }
  if (fdatasync(j->file) != 0 && errno != EINVAL && errno != EROFS) return fail_io(j, "sync", error);
  return PF_OK;
}

static pf_status read_all(const pf_journal *j, char **out, size_t *length, pf_error *error) {
  struct stat facts;
  char *text = NULL;
  if (fstat(j->file, &facts) != 0) return fail_io(j, "read", error);
  if (!S_ISREG(facts.st_mode) || facts.st_size > MOST_BYTES)
    return pf_fail(error, PF_BAD_INPUT, "%.200s: not a journal", j->path);
  size_t size = (size_t)facts.st_size, done = 0;
  PF_TRY(pf_alloc(size + 1, 1, &text, error));
  while (done < size) {
    ssize_t got = read(j->file, text + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      pf_free(text);
      return fail_io(j, "read", error);
    }
    if (got == 0) break;
    done += (size_t)got;
  }
  *out = text;
  *length = done;
  return PF_OK;
}

/* Line `number` (1 is the head), without its end. */
static pf_status read_line(pf_journal *j, const char *head, char *line, size_t length, int number,
                           pf_error *error) {
  char name[280];
  json_t *object = NULL;
  snprintf(name, sizeof name, "%.200s: line %d", j->path, number);
  if (number == 1) {
    if (strlen(head) == length && memcmp(head, line, length) == 0) return PF_OK;
    line[length < 200 ? length : 200] = 0;
    return pf_fail(error, PF_BAD_INPUT, "%.200s: holds another study: it begins %.200s, not %.200s", j->path,
                   line, head);
  }
  PF_TRY(pf_json_parse_object(line, length, name, &object, error));
  if (json_is_string(json_object_get(object, "experiment")) &&
      json_is_string(json_object_get(object, "cell")) && json_is_array(json_object_get(object, "values")) &&
      json_array_append_new(j->cells, object) == 0)
    return PF_OK;
  return pf_fail(error, PF_BAD_INPUT, "%s: not a cell of a study", name);
}

/* Reads whole lines and cuts off what follows the last of them. An empty file gets its head. */
static pf_status read_back(pf_journal *j, const char *head, pf_error *error) {
  char *text = NULL;
  size_t length = 0, at = 0;
  PF_TRY(read_all(j, &text, &length, error));
  pf_status status = PF_OK;
  for (int number = 1; status == PF_OK; number++) {
    char *end = memchr(text + at, '\n', length - at);
    if (!end) break;
    status = read_line(j, head, text + at, (size_t)(end - text) - at, number, error);
    at = (size_t)(end - text) + 1;
  }
  pf_free(text);
  if (status != PF_OK) return status;
  if (ftruncate(j->file, (off_t)at) != 0 || lseek(j->file, 0, SEEK_END) < 0)
    return fail_io(j, "shorten", error);
  if (at > 0) return PF_OK;
  PF_TRY(write_all(j, head, strlen(head), error));
  return write_all(j, "\n", 1, error);
}

pf_status pf_journal_open(const char *path, const char *head, bool resume, pf_journal *out, pf_error *error) {
  pf_journal j = {.file = -1};
  j.cells = json_array();
  if (!j.cells) return pf_fail(error, PF_NO_MEMORY, "out of memory");
  pf_status status = PF_OK;
  if (path) status = pf_strdup(path, &j.path, error);
  if (path && status == PF_OK) {
    j.file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | (resume ? 0 : O_EXCL), 0666);
    if (j.file < 0 && errno == EEXIST)
      status = pf_fail(error, PF_BAD_INPUT,
                       "%.200s: holds cells of an earlier run: resume it, or remove the file", path);
    else if (j.file < 0)
      status = fail_io(&j, "open", error);
    else
      status = read_back(&j, head, error);
  }
  if (status == PF_OK)
    *out = j;
  else
    pf_journal_close(&j);
  return status;
}

void pf_journal_close(pf_journal *journal) {
  if (journal->file >= 0) close(journal->file);
  pf_free(journal->path);
  json_decref(journal->cells);
  *journal = (pf_journal){.file = -1};
}

bool pf_journal_find(const pf_journal *journal, const char *experiment, const char *key, int count,
                     double *values) {
  size_t index;
  json_t *cell;
  json_array_foreach(journal->cells, index, cell) {
    const json_t *found = json_object_get(cell, "values");
    if (strcmp(json_string_value(json_object_get(cell, "experiment")), experiment) != 0) continue;
    if (strcmp(json_string_value(json_object_get(cell, "cell")), key) != 0) continue;
    if (json_array_size(found) != (size_t)count) return false;
    for (int i = 0; i < count; i++) {
      const json_t *value = json_array_get(found, (size_t)i);
      values[i] = json_is_number(value) ? json_number_value(value) : NAN;
    }
    return true;
  }
  return false;
}

pf_status pf_journal_add(pf_journal *journal, const char *experiment, const char *key, int count,
                         const double *values, pf_error *error) {
  pf_text line = {0};
  if (journal->file < 0) return PF_OK;
  pf_text_add(&line, "{\"experiment\": ");
  pf_json_quote(&line, experiment);
  pf_text_add(&line, ", \"cell\": ");
  pf_json_quote(&line, key);
  pf_text_add(&line, ", \"values\": [");
  for (int i = 0; i < count; i++) {
    char number[32] = "null";
    if (isfinite(values[i])) pf_format_double(values[i], number);
    pf_text_add(&line, "%s%s", i ? ", " : "", number);
  }
  pf_text_add(&line, "]}\n");
  pf_status status = line.status;
  if (status != PF_OK)
    status = pf_fail(error, status, "out of memory");
  else
    status = write_all(journal, line.data, line.length, error);
  pf_text_free(&line);
  return status;
}
