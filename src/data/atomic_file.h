/* Files that appear whole or not at all.
 *
 * Bytes go to PATH.tmp.PID.K in the same folder; commit flushes, syncs, closes and renames it over PATH.
 * Until then, and after any failure, the old PATH is untouched and the temporary file is removed. A symbolic
 * link is followed; a device or a pipe (/dev/null, /dev/stdout) is written directly.
 */
#ifndef PF_DATA_ATOMIC_FILE_H
#define PF_DATA_ATOMIC_FILE_H

#include <stdio.h>
#include "base/status.h"

typedef struct pf_atomic_file {
  FILE *stream;    /* write here with any stdio call; errors are caught by commit */
  char *path;      /* as given: for messages */
  char *target;    /* what the rename replaces */
  char *temporary; /* NULL when written directly */
} pf_atomic_file;

/* PF_IO with path and reason when the file cannot be made. On success end with commit or abort. */
pf_status pf_atomic_file_begin(const char *path, pf_atomic_file *out, pf_error *error);
pf_status pf_atomic_file_write(pf_atomic_file *file, const void *bytes, size_t length, pf_error *error);
/* Ends the file in either case; on failure (a full disk included) as if aborted, PF_IO. */
pf_status pf_atomic_file_commit(pf_atomic_file *file, pf_error *error);
/* Removes the temporary file. Fine after {0}, commit or abort. */
void pf_atomic_file_abort(pf_atomic_file *file);

/* The whole of `bytes` in one call. */
pf_status pf_atomic_file_save(const char *path, const void *bytes, size_t length, pf_error *error);

#endif
