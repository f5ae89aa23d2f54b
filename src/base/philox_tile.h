/* Philox on x86-64, a template: every instruction-set class includes it once, in a file that is compiled for that class.
 *
 * A vector holds two counters' words in 64 bits; the ones at odd places are moved to even ones once, at the beginning. Then a
 * round's products are whole where they are needed: its low half is in place as it stands, its high half after one shift. What
 * is left in the upper halves is never read, since a multiplication takes the lower ones alone.
 *
 *   PF_PHILOX_RUN    name of the function that is defined here    PF_PHILOX_BYTES  of a vector
 *   PF_PHILOX_TIMES  products of the lower halves of 64-bit lanes
 */
#include "philox.h"

#include "cpu.h"

typedef uint64_t pairs __attribute__((vector_size(PF_PHILOX_BYTES), aligned(4), may_alias));

enum { LANES = PF_PHILOX_BYTES / 4 };

static inline pairs everywhere(uint32_t word) { return (pairs){0} + ((uint64_t)word << 32 | word); }

/* Even lanes of `even` and, as odd ones, those of `odd`. */
static inline pairs joined(pairs even, pairs odd) { return (even & 0xFFFFFFFFu) | odd << 32; }

void PF_PHILOX_RUN(const pf_philox_keys *keys, uint32_t stream, int items, uint32_t w[4][PF_PHILOX_TILE]) {
  const pairs m0 = everywhere(0xD2511F53u), m1 = everywhere(0xCD9E8D57u);
  for (int i = 0; i < items; i += LANES) {
    pairs c0[2], c1[2], c2[2], c3[2];
    c0[0] = *(pairs *)&w[0][i], c0[1] = c0[0] >> 32;
    c1[0] = *(pairs *)&w[1][i], c1[1] = c1[0] >> 32;
    c2[0] = *(pairs *)&w[2][i], c2[1] = c2[0] >> 32;
    c3[0] = c3[1] = everywhere(stream);
    PF_UNROLL for (int r = 0; r < PF_PHILOX_ROUNDS; r++) {
      const pairs k0 = everywhere(keys->k0[r]), k1 = everywhere(keys->k1[r]);
      PF_UNROLL for (int half = 0; half < 2; half++) {
        const pairs p0 = PF_PHILOX_TIMES(c0[half], m0), p1 = PF_PHILOX_TIMES(c2[half], m1);
        c0[half] = (p1 >> 32) ^ (c1[half] ^ k0);
        c2[half] = (p0 >> 32) ^ (c3[half] ^ k1);
        c1[half] = p1;
        c3[half] = p0;
      }
    }
    *(pairs *)&w[0][i] = joined(c0[0], c0[1]);
    *(pairs *)&w[1][i] = joined(c1[0], c1[1]);
    *(pairs *)&w[2][i] = joined(c2[0], c2[1]);
    *(pairs *)&w[3][i] = joined(c3[0], c3[1]);
  }
}
