/* Encoders: reversible per-column maps between a table and the space a network works in.
 *
 *   STANDARD   z = (x - mean) / sd. A constant column has sd := 1 and decodes to its constant. Decoding does
 * not clamp; INTEGER columns are rounded. QUANTILE   z = Phi^-1(F(x)), F a stored distribution function:
 * every column becomes N(0,1), whatever its shape. F has knots (x_k, lower_k, upper_k): mass upper_k -
 * lower_k sits exactly on x_k (an atom), and mass lower_{k+1} - upper_k lies evenly between x_k and x_{k+1}.
 *
 * Atoms are encoded by spreading them evenly over their interval of probability, with a random number that
 * depends on (seed, column, absolute row) alone, and decode to x_k exactly. Columns on a decimal lattice
 * (INTEGER, or REAL with known decimals) are spread over their lattice cell in the same way and decode to
 * lattice points. Decoded values never leave the training [min, max]: tails end at the training extremes.
 */
#ifndef PF_DATA_ENCODER_H
#define PF_DATA_ENCODER_H

#include "data/safetensors.h"
#include "data/table.h"

typedef enum pf_encoder_kind { PF_ENCODER_STANDARD, PF_ENCODER_QUANTILE } pf_encoder_kind;

/* What STANDARD columns are shifted and divided by. */
typedef enum pf_encoder_scale {
  PF_SCALE_OWN,    /* each its own mean and deviation */
  PF_SCALE_COMMON, /* its own mean, and the root mean square of all deviations */
  PF_SCALE_NONE    /* nothing: numbers as they are */
} pf_encoder_scale;

typedef struct pf_encoder_options {
  pf_encoder_kind kind;         /* of every column, unless: */
  const pf_encoder_kind *kinds; /* one per column, or NULL */
  const bool *
      plain; /* one per column, or NULL: true for STANDARD with its own mean and deviation, whatever the rest says */
  int max_knots; /* per column, 16..65536 */
  pf_encoder_scale scale;
  double atom_share; /* share of rows from which a value is an atom, 0..1 exclusive of 0 */
} pf_encoder_options;

/* QUANTILE, 1024 knots, 0.005. */
pf_encoder_options pf_encoder_options_default(void);

typedef struct pf_encoder pf_encoder;

/* Learns the maps from a table (at least 1 row, finite: else PF_BAD_INPUT). options NULL: the defaults. */
pf_status pf_encoder_fit(const pf_table *table, const pf_encoder_options *options, pf_encoder **out,
                         pf_error *error);
void pf_encoder_free(pf_encoder *encoder);
int pf_encoder_columns(const pf_encoder *encoder);
pf_encoder_kind pf_encoder_column_kind(const pf_encoder *encoder, int column);
/* True for a column whose training values are all the same: it carries no information. */
bool pf_encoder_column_constant(const pf_encoder *encoder, int column);

/* How one column decodes, for those who write it down in another language. */
typedef struct pf_decoding {
  pf_encoder_kind kind;
  double mean, scale;                /* STANDARD: mean + scale z; a constant column has scale 0 */
  int decimals;                      /* then rounded to multiples of 10^-decimals, -1: not */
  double minimum, maximum;           /* of the training values: QUANTILE stays inside */
  const struct pf_quantile_map *map; /* QUANTILE: its value at Phi(z) (encoder_quantile.h); else NULL */
} pf_decoding;
pf_decoding pf_encoder_decoding(const pf_encoder *encoder, int column);

/* rows: n x d finite values; out: n x d, finite. first_row is the absolute index of rows[0]: chunks give the
 * same bits as one call. Values outside the training range are encoded as its ends (QUANTILE). */
void pf_encoder_encode(const pf_encoder *encoder, const double *rows, int64_t n, uint64_t seed,
                       uint64_t first_row, float *out);

/* What a STANDARD column makes of one value. */
float pf_encoder_standardise(const pf_encoder *encoder, int column, double x);

/* z: n x d; out: n x d. A NaN in z gives a NaN. */
void pf_encoder_decode(const pf_encoder *encoder, const float *z, int64_t n, double *out);

/* out: n values of log |det dz/dx|, so that log p(x) = log p(z) + out, z = what encode gave for rows. The
 * density is with respect to length for continuous parts and to counting for atoms and INTEGER columns (there
 * it is a one-sample lower bound, unbiased for the usual variational dequantisation bound). -inf where F has
 * no mass: outside the training range, or between the values of a discrete column. Constant STANDARD columns
 * contribute 0. */
void pf_encoder_log_det(const pf_encoder *encoder, const double *rows, const float *z, int64_t n,
                        double *out);

/* Adds the arrays encoder.* to a container, and reads them back: every size, order and value is checked
 * (PF_BAD_INPUT names the array), `columns` is what the model expects. */
pf_status pf_encoder_save(const pf_encoder *encoder, pf_container *container, pf_error *error);
pf_status pf_encoder_load(const pf_container *container, int columns, pf_encoder **out, pf_error *error);

#endif
