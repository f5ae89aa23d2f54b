/* Random numbers: Philox4x32-10 (Random123), counter based.
 *
 * A draw is a pure function of (seed, stream, step, row, block): the same in any chunk, thread or
 * rank. `stream` names a purpose (a PF_STREAM_ constant or a value derived from one); `step` is the
 * training step or 0; `row` is the absolute sample index; `block` counts groups of four words
 * within one row. Uniform doubles are (k + 0.5) / 2^52 and floats (k + 0.5) / 2^23: one bit less than
 * their significands hold, so that the half is exact and 0 and 1 never occur. Normals are Box-Muller,
 * both outputs used, cosine first.
 *
 * Philox's counter is (row low, row high, block, stream) and its key comes from seed and step
 * (rng_key.h). The sequential reader and the bulk fills read the same words and turn them into
 * numbers differently: give each its own stream.
 */
#ifndef PF_BASE_RNG_H
#define PF_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* Purposes: no two draws of one seed that should be independent share a stream. */
enum {
  PF_STREAM_LAW = 1,
  PF_STREAM_SPLIT,
  PF_STREAM_INIT,
  PF_STREAM_PRIOR,
  PF_STREAM_ENCODER,
  PF_STREAM_METRIC,
  PF_STREAM_VERIFY,
  PF_STREAM_TEST,
  PF_STREAM_SOLVER,
  PF_STREAM_GIVEN,
  PF_STREAM_GRAPH = 1000, /* random leaves of a graph: PF_STREAM_GRAPH + leaf stream id */
};

/* Four 32-bit words. */
void pf_philox(uint64_t seed, uint32_t stream, uint64_t step, uint64_t row, uint32_t block, uint32_t out[4]);

/* A sequential reader over one row's draws, for code that needs "the next number". */
typedef struct pf_rng {
  uint64_t seed, step, row;
  uint32_t stream, block;
  uint32_t words[4];
  int used;     /* words consumed of `words` */
  double spare; /* second Box-Muller output */
  int has_spare;
} pf_rng;

pf_rng pf_rng_at(uint64_t seed, uint32_t stream, uint64_t step, uint64_t row);
double pf_rng_uniform(pf_rng *rng);                 /* (0,1), 52 bits */
double pf_rng_normal(pf_rng *rng);                  /* N(0,1) */
uint32_t pf_rng_below(pf_rng *rng, uint32_t bound); /* 0..bound-1, bound >= 1, unbiased */

/* Bulk fills for graph leaves, prior draws and training batches: rows row0..row0+rows-1, `columns`
 * values each, out is rows x columns. Value c of a row depends on (seed, stream, step, row, c)
 * alone, normals to about 1e-6 relative. Vectorised; float math of its own (not libm) without fused
 * multiply-adds, so every instruction set gives the same bits. */
void pf_fill_normal_f32(uint64_t seed, uint32_t stream, uint64_t step, uint64_t row0, size_t rows,
                        size_t columns, float *out);
void pf_fill_uniform_f32(uint64_t seed, uint32_t stream, uint64_t step, uint64_t row0, size_t rows,
                         size_t columns, float *out);
/* Integers 0..bound-1 stored as float (exact: bound <= 2^24). */
void pf_fill_index_f32(uint64_t seed, uint32_t stream, uint64_t step, uint64_t row0, size_t rows,
                       uint32_t bound, float *out);
/* Random permutation of 0..n-1 (Fisher-Yates). */
void pf_fill_permutation(uint64_t seed, uint32_t stream, uint32_t n, uint32_t *out);

#endif
