/* Built-in data laws: named probability laws with a sampler and, where known, density, entropy and moments.
 *
 * A law is the t = 1 end of a flow. Row i of seed s is a pure function of (s, i): the same in any chunk or
 * thread, and the first rows of a longer sample. Draw order within a row: discrete choices, then uniforms,
 * then normals. laws.def lists the laws. Entropies are in nats; a law's entropy is the best possible test
 * NLL.
 *
 * A spec is "NAME" or "NAME:key=value,key=value" ("two-mode:d=4"), or a file: "FILE.json" or "mixture=FILE" is a
 * Gaussian mixture (mixture.h), "FILE.png", "FILE.pgm", "FILE.npy" or "mask=FILE" a grey image (image.h), the darker
 * the denser: a law on the square [-4,4]^2 with the picture upright (law_mask.c).
 */
#ifndef PF_DATA_LAW_H
#define PF_DATA_LAW_H

#include "mixture.h"

typedef struct pf_law pf_law;

/* PF_USAGE for an unknown name or key (lists the valid ones) or a value out of range; the errors of
 * pf_mixture_read_json or pf_image_read for a file; PF_BAD_INPUT for an image of one grey or one pixel wide or high. */
pf_status pf_law_create(const char *spec, pf_law **out, pf_error *error);
void pf_law_free(pf_law *law);

/* The table: laws 0..pf_law_count()-1, for listings. Every default spec is valid on its own. */
int pf_law_count(void);
const char *pf_law_name(int index);
const char *pf_law_description(int index);
const char *pf_law_options(int index); /* "d,mean" style list of the keys a spec takes; "" for none */

const char *pf_law_spec(const pf_law *law); /* the text it was made from */
int pf_law_dimension(const pf_law *law);
/* Rows first..first+n-1 of the sample of `seed`; x is n x dimension. */
void pf_law_sample(const pf_law *law, uint64_t seed, uint64_t first, int64_t n, double *x);

/* out[i] = log p of row i of x (n x dimension), -inf outside the support. False, and out all NaN, when the
 * law has no density formula. */
bool pf_law_log_density(const pf_law *law, const double *x, int64_t n, double *out);
/* Differential entropy in nats; false, and NaN, when not known. An image law integrates it in the first call (tens of
 * milliseconds, seconds for the largest images); any thread may be the first. */
bool pf_law_entropy(const pf_law *law, double *out);
/* Exact (or quadrature) mean [d] and covariance [d x d]; either may be NULL. Known for every built-in law. */
void pf_law_moments(const pf_law *law, double *mean, double *covariance);
/* E|x|^2. */
double pf_law_second_moment(const pf_law *law);

/* The law as a Gaussian mixture, owned by the law; NULL when it is not one. */
const pf_mixture *pf_law_mixture(const pf_law *law);
/* Sharp-edged (board) laws: true when x [d] lies in the support. Always true for the others. */
bool pf_law_in_support(const pf_law *law, const double *x);
bool pf_law_is_board(const pf_law *law);
/* Modes: mixture means or square centres. Returns their number (0: no modes); *centres is modes x d, *weights
 * [modes], owned by the law. Either pointer may be NULL. */
int pf_law_modes(const pf_law *law, const double **centres, const double **weights);
/* How wide each mode is: its root mean square standard deviation over the coordinates, [modes], owned by the law; NULL
 * without modes. */
const double *pf_law_mode_spreads(const pf_law *law);

#endif
