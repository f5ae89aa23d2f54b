/* A source of bytes: a stream, memory, or a decompressor, so that one parser reads them all. */
#ifndef PF_DATA_TABLE_SOURCE_H
#define PF_DATA_TABLE_SOURCE_H

#include <stdio.h>
#include "base/status.h"

typedef struct pf_source pf_source;
struct pf_source {
  /* Fills up to `capacity` bytes; *got < capacity only at the end. PF_IO when reading failed. */
  pf_status (*read)(pf_source *source, void *buffer, size_t capacity, size_t *got, pf_error *error);
  const char *name;     /* for messages */
  int64_t size;         /* bytes still to come as far as is known, -1 unknown */
  FILE *stream;         /* pf_source_stream */
  const uint8_t *bytes; /* pf_source_memory */
  size_t left;
  void *context; /* others */
};

/* Reads from a stream; a regular file's remaining size is looked up. */
pf_source pf_source_stream(FILE *stream, const char *name);
/* Reads from memory, which must outlive the source. */
pf_source pf_source_memory(const void *bytes, size_t length, const char *name);

/* Opens a file for reading: PF_IO with path and reason (directories too). */
pf_status pf_open_input(const char *path, FILE **out, pf_error *error);

#endif
