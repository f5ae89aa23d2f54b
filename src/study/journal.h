/* The journal of a study: finished cells, a line each, so that a killed run goes on where it was.
 *
 * The first line says which study, seed, version and instruction-set class the numbers belong to. A line counts when it is
 * whole; one that a crash cut off at the end is dropped. Every line is on the disk before the next cell begins on that thread.
 */
#ifndef PF_STUDY_JOURNAL_H
#define PF_STUDY_JOURNAL_H

#include <jansson.h>
#include "../base/status.h"

typedef struct pf_journal {
  int file; /* descriptor, -1: none */
  char *path;
  json_t *cells; /* array of the objects read */
} pf_journal;

/* path NULL: an empty journal that keeps nothing. `head` is a JSON object in one line. PF_BAD_INPUT when the file exists and
 * `resume` is false, or when it is another study's or not a journal (naming the line); PF_IO when it cannot be read or made. */
pf_status pf_journal_open(const char *path, const char *head, bool resume, pf_journal *out, pf_error *error);
void pf_journal_close(pf_journal *journal);

/* The cell's numbers, NaN for null; false when the journal does not have it with so many numbers. */
bool pf_journal_find(const pf_journal *journal, const char *experiment, const char *key, int count,
                     double *values);
/* Appends and syncs. One thread at a time. */
pf_status pf_journal_add(pf_journal *journal, const char *experiment, const char *key, int count,
                         const double *values, pf_error *error);

#endif
