/* How a C file stores the weights of its products, and what that costs in the samples. */
#ifndef PF_EMIT_STORED_H
#define PF_EMIT_STORED_H

#include "one_step.h"

typedef enum pf_stored {
  PF_STORED_F32,
  PF_STORED_F16, /* IEEE half precision, rounded to nearest */
  PF_STORED_I8   /* integers -127 to 127 times a scale per output */
} pf_stored;

/* "f32", "f16" or "i8"; PF_USAGE otherwise. */
pf_status pf_stored_find(const char *name, pf_stored *out, pf_error *error);
const char *pf_stored_name(pf_stored stored);

uint16_t pf_half_from(float value); /* infinity beyond 65504 */
float pf_half_value(uint16_t half);

/* The matrix W [k, n] that a product multiplies by, as its node has it. */
typedef struct pf_matrix {
  const float *values;
  int k, n;
  bool transposed; /* stored [n, k] */
} pf_matrix;
/* The second operand of product `id`, always a parameter. */
pf_matrix pf_matrix_of(const pf_one_step *step, int32_t product);
int64_t pf_matrix_at(const pf_matrix *w, int p, int j); /* place of W[p][j] in the values */
float pf_matrix_scale(const pf_matrix *w, int j);       /* I8: of output j; 0 for a column of zeros */
int pf_matrix_i8(const pf_matrix *w, float scale, int p, int j);

/* Samples of the stored network against those of the single-precision one, from the same noise, in units of each column's
 * standard deviation among the latter. */
typedef struct pf_stored_loss {
  int64_t samples;
  double rms;     /* root mean square over samples and generated columns */
  double largest; /* of any value */
} pf_stored_loss;
/* PF_FAILED for a weight that half precision cannot hold. */
pf_status pf_stored_measure(const struct pf_model *model, const pf_one_step *step, const pf_walk_order *order,
                            pf_stored stored, pf_stored_loss *out, pf_error *error);

#endif
