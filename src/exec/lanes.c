/* Lanes: how a batch is cut, and the sum that joins them again. Both depend on the batch alone. */
#include "exec.h"

#include "../base/cpu.h"

enum { ROWS_PER_LANE = 128, MAX_LANES = 16, SUM_BLOCK = 256 };

int pf_lane_count(int64_t rows) {
  int64_t lanes = rows / ROWS_PER_LANE;
  if (lanes < 1) return 1;
  return lanes > MAX_LANES ? MAX_LANES : (int)lanes;
}

int64_t pf_lane_begin(int64_t rows, int lanes, int lane) {
  int64_t each = rows / lanes, extra = rows % lanes;
  return each * lane + (lane < extra ? lane : extra);
}

/* Adjacent pairs first, then pairs of pairs: sums[0] is the total. The block stays in the first-level cache. */
PF_MULTIVERSION static void sum_block(const float *const *lane_arrays, int lanes, int64_t begin, int64_t n,
                                      float *out) {
  float sums[MAX_LANES][SUM_BLOCK];
  for (int lane = 0; lane < lanes; lane += 2) {
    const float *a = lane_arrays[lane] + begin, *b = lane + 1 < lanes ? lane_arrays[lane + 1] + begin : NULL;
    float *to = lanes <= 2 ? out + begin : sums[lane];
    for (int64_t i = 0; b && i < n; i++) to[i] = a[i] + b[i];
    for (int64_t i = 0; !b && i < n; i++) to[i] = a[i];
  }
  for (int step = 2; step < lanes; step *= 2)
    for (int lane = 0; lane + step < lanes; lane += 2 * step) {
      float *to = 2 * step >= lanes ? out + begin : sums[lane]; /* the last sum of all */
      for (int64_t i = 0; i < n; i++) to[i] = sums[lane][i] + sums[lane + step][i];
    }
}

void pf_lane_sum(const float *const *lane_arrays, int lanes, int64_t begin, int64_t end, float *out) {
  for (int64_t at = begin; at < end; at += SUM_BLOCK)
    sum_block(lane_arrays, lanes, at, end - at < SUM_BLOCK ? end - at : SUM_BLOCK, out);
}
