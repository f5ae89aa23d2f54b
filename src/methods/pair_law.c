/* The pair law as a table: see characteristic.h.
 *
 * Every pair (k, l), 0 <= k <= l <= K, has a share of the unit interval; row e of the table is the pair whose interval holds
 * (e + 1/2) / PF_PAIR_TABLE. Drawing rows uniformly then draws pairs from the law, with one integer per draw.
 */
#include "../base/canary.h"
#include "characteristic.h"

/* Jumps (j h, (j + 1) h) with h = K / 2^level for every level >= 1 with a whole h; levels are equally likely. */
static int dyadic_levels(int K) {
  int levels = 0;
  for (int parts = 2; parts <= K && K % parts == 0; parts *= 2) levels++;
  return levels;
}

static double dyadic_share(int K, int levels, int k, int l) {
  int h = l - k;
  if (h <= 0 || K % h != 0 || k % h != 0) return 0;
  int parts = K / h;
  bool power = parts >= 2 && (parts & (parts - 1)) == 0;
  return power ? 1.0 / (levels * (double)parts) : 0;
}

/* The probability of (k, l). Shares that cannot be met (no dyadic jump when K is odd) fall to the terminal pair. */
static double pair_share(const pf_pair_law *law, int K, int levels, int k, int l) {
  double nodes = K + 1.0, share = law->sorted * (k == l ? 1 : PF_CANARY(PAIR_WEIGHT, 2, 1)) / (nodes * nodes);
  if (k == 0 && l == K) share += law->terminal + (levels == 0 ? law->dyadic : 0);
  if (k == 0 && l > 0) share += law->from_start / K;
  if (l == K && k < K) share += law->to_end / K;
  if (levels > 0) share += law->dyadic * dyadic_share(K, levels, k, l);
  return share;
}

void pf_pair_table(const pf_pair_law *law, int K, float *out) {
  int levels = dyadic_levels(K), row = 0;
  double sum = 0;
  for (int k = 0; k <= K; k++)
    for (int l = k; l <= K; l++) {
      sum += pair_share(law, K, levels, k, l);
      for (; row < PF_PAIR_TABLE && row + 0.5 < sum * PF_PAIR_TABLE; row++) {
        out[2 * row] = (float)k;
        out[2 * row + 1] = (float)l;
      }
    }
  for (; row < PF_PAIR_TABLE; row++) { /* rounding of the last interval */
    out[2 * row] = 0;
    out[2 * row + 1] = (float)K;
  }
}
