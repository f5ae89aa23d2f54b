/* Philox4x32-10 over many counters at once, on the widest vectors that the processor has: the same words from all of them. */
#ifndef PF_BASE_PHILOX_H
#define PF_BASE_PHILOX_H

#include <stdint.h>

enum {
  PF_PHILOX_ROUNDS = 10,
  PF_PHILOX_TILE = 256, /* counters at most */
  PF_PHILOX_STEP = 16   /* their number is rounded up to a multiple of this */
};

typedef struct pf_philox_keys {
  uint32_t k0[PF_PHILOX_ROUNDS], k1[PF_PHILOX_ROUNDS];
} pf_philox_keys;

/* Words of item i: w[0..3][i], the counter on the way in and four random words on the way out; the fourth word of a counter is
 * `stream` for all. `items` is a multiple of PF_PHILOX_STEP. */
typedef void pf_philox_run(const pf_philox_keys *keys, uint32_t stream, int items,
                           uint32_t w[4][PF_PHILOX_TILE]);

/* One an instruction-set class; v3 and v4 exist on x86-64 alone and may be called where pf_cpu_runs says so. */
pf_philox_run pf_philox_run_plain, pf_philox_run_v3, pf_philox_run_v4;

#endif
