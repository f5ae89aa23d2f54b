/* The header of an NPY array: a Python dict literal with exactly three keys. */
#ifndef PF_DATA_NPY_HEADER_H
#define PF_DATA_NPY_HEADER_H

#include "data/table_source.h"

enum { PF_NPY_MAX_RANK = 8 };

typedef struct pf_npy_header {
  char descr[8]; /* as written, for messages: "<f8" */
  char kind;     /* 'f', 'i', 'u' or 'b' */
  int size;      /* bytes per element */
  bool big_endian, fortran_order;
  int rank; /* 1..8 */
  int64_t shape[PF_NPY_MAX_RANK];
  int64_t rows, columns, bytes; /* shape[0], product of the others, size of the body */
} pf_npy_header;

/* Reads magic, version and header from the source, which then stands at the body. PF_BAD_INPUT. */
pf_status pf_npy_header_read(pf_source *source, pf_npy_header *out, pf_error *error);

#endif
