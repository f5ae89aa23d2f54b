/* The one-step graph as C: tables of its numbers, and the statements that compute the result from z. */
#ifndef PF_EMIT_C_BODY_H
#define PF_EMIT_C_BODY_H

#include "c_runtime.h"
#include "stored.h"

/* What a file is made from. */
typedef struct pf_c_source {
  const struct pf_model *model;
  const pf_one_step *step;
  const pf_walk_order *order;
  const char *prefix;
  pf_stored stored;
  int *slot;   /* by node: the local array that holds its value, -1: written where it is read */
  int *length; /* by slot: its floats */
  int slots;
} pf_c_source;

/* Chooses what is held in arrays, and in which. The arrays slot and length are new: pf_c_source_free. */
pf_status pf_c_source_place(pf_c_source *source, pf_error *error);
void pf_c_source_free(pf_c_source *source);

/* The pieces that the statements call. */
void pf_c_body_pieces(const pf_c_source *source, pf_pieces *pieces);
/* const tables: weights, biases, what the times came to. */
void pf_c_body_tables(const pf_c_source *source, pf_text *out);
/* Statements of a function of `const float *z`; *result names the array that holds the result, at most 16 characters. */
void pf_c_body_statements(const pf_c_source *source, pf_text *out, char result[16]);

/* `count` numbers with commas between them, in lines. format: of one double, with %a */
void pf_c_numbers(pf_text *out, int64_t count, double (*value)(const void *context, int64_t i),
                  const void *context, const char *suffix);

#endif
